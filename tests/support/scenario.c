#include "tests/support/scenario.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "people.pb-c.h"
#include "reason.pb-c.h"
#include "server/domain/kernel/lookup.h"
#include "tests/support/json_message.h"
#include "tests/support/world.h"
#include "tests/support/world_trade.h"

#define ACTORS_MAX 16u
#define NAMES_MAX  32u
#define TEXT_MAX   16384u
#define ROWS_MAX   256u
#define ROW_TEXT   256u
#define INPUT_MAX  4096u

struct named_actor {
    char name[32];
    struct rights rights;
    struct world_actor actor;
};
struct named_position {
    char name[32];
    uint64_t position;
};

struct run {
    const char *path;
    unsigned line;
    struct scenario_coverage *coverage;
    struct world *world; /* NULL between scenarios */
    char title[200];
    char failure[1024]; /* first one; "" = none */
    struct named_actor actors[ACTORS_MAX];
    size_t actor_count;
    struct named_position names[NAMES_MAX];
    size_t name_count;

    char pending[TEXT_MAX]; /* statement with its indented lines, until the next one begins */
    unsigned pending_line;
    struct world_answer answer;
    bool asked;
    ProtobufCMessage *rows[ROWS_MAX];
    size_t row_count;
    size_t failed, ran;
};

static void __attribute__((format(printf, 2, 3))) fail(struct run *run, const char *format, ...)
{
    if (run->failure[0] != '\0')
        return;
    int used = snprintf(run->failure, sizeof run->failure, "%s:%u: ", run->path, run->pending_line);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(run->failure + used, sizeof run->failure - (size_t)used, format, args);
    va_end(args);
}

/* ---- words --------------------------------------------------------------------------------------------------------- */

/* The next word, or text in double quotes, of a line; "" at its end. */
static void next_word(const char **at, char *out, size_t cap)
{
    size_t used = 0;
    while (**at == ' ')
        (*at)++;
    bool quoted = **at == '"';
    if (quoted)
        (*at)++;
    while (**at != '\0' && **at != '\n' && (quoted ? **at != '"' : **at != ' ')) {
        if (used + 1 < cap)
            out[used++] = **at;
        (*at)++;
    }
    if (quoted && **at == '"')
        (*at)++;
    out[used] = '\0';
}

/* The next indented line of a statement: false after the last. */
static bool next_line(const char **at)
{
    const char *end = strchr(*at, '\n');
    if (end == NULL || end[1] == '\0')
        return false;
    *at = end + 1;
    return true;
}

/* ---- actors -------------------------------------------------------------------------------------------------------- */

static bool find_actor(struct run *run, const char *name, struct world_actor *out)
{
    *out = (struct world_actor){0};
    if (strcmp(name, "server") == 0)
        return true;
    if (strcmp(name, "owner") == 0) {
        *out = (struct world_actor){.user = 1, .rights = world_owner_rights()};
        return true;
    }
    for (size_t i = 0; i < run->actor_count; i++)
        if (strcmp(run->actors[i].name, name) == 0) {
            *out = run->actors[i].actor;
            return true;
        }
    fail(run, "there is no actor %s", name);
    return false;
}

static uint16_t business_number(struct run *run, const char *code)
{
    struct kv_txn *state;
    uint16_t number = 0;
    if (kv_begin(run->world->state, false, &state) != STATUS_OK)
        abort();
    if (!business_find(state, code, &number))
        fail(run, "there is no business %s", code);
    kv_abort(state);
    return number;
}

static void grant(struct run *run, struct rights *rights, char *word)
{
    char *level = strchr(word, ':');
    if (level != NULL)
        *level++ = '\0';
    for (unsigned i = 0; i < daftari__v1__permission__descriptor.n_values; i++) {
        const ProtobufCEnumValue *value = &daftari__v1__permission__descriptor.values[i];
        if (strcmp(value->name, word) == 0 && level != NULL) {
            rights->level[value->value] = strcmp(level, "write") == 0 ? PERMISSION_WRITE : PERMISSION_READ;
            return;
        }
    }
    fail(run, "no permission %s", word);
}

static void do_actor(struct run *run, const char *at)
{
    char word[64];
    bool businesses = false;
    if (run->actor_count == ACTORS_MAX) {
        fail(run, "too many actors");
        return;
    }
    struct named_actor *actor = &run->actors[run->actor_count++];
    *actor = (struct named_actor){0};
    next_word(&at, actor->name, sizeof actor->name);
    actor->actor.user = (uint32_t)(100 + run->actor_count);
    actor->actor.rights = &actor->rights;
    actor->rights.active = true;
    for (next_word(&at, word, sizeof word); word[0] != '\0'; next_word(&at, word, sizeof word)) {
        if (strcmp(word, "user") == 0) {
            next_word(&at, word, sizeof word);
            actor->actor = (struct world_actor){.user = (uint32_t)strtoul(word, NULL, 10), .computed = true};
            return;
        }
        if (strcmp(word, "in") == 0) {
            businesses = true;
        } else if (businesses && strcmp(word, "all") == 0) {
            actor->rights.every_business = true;
        } else if (businesses) {
            char *level =
                strchr(word, ':'); /* "WTR" is access to record, "WTR:read" and "WTR:admin" less and more */
            if (level != NULL)
                *level++ = '\0';
            uint16_t number = business_number(run, word);
            actor->rights.may_read[number / 64] |= UINT64_C(1) << (number % 64);
            if (level == NULL || strcmp(level, "read") != 0)
                actor->rights.may_write[number / 64] |= UINT64_C(1) << (number % 64);
            if (level != NULL && strcmp(level, "admin") == 0)
                actor->rights.may_admin[number / 64] |= UINT64_C(1) << (number % 64);
        } else {
            grant(run, &actor->rights, word);
        }
    }
}

/* ---- commands ------------------------------------------------------------------------------------------------------ */

/* $NAME -> position. */
static void substitute(struct run *run, const char *from, char *out, size_t cap)
{
    size_t used = 0;
    while (*from != '\0' && used + 24 < cap) {
        if (*from != '$') {
            out[used++] = *from++;
            continue;
        }
        size_t len = strspn(++from, "abcdefghijklmnopqrstuvwxyz0123456789_");
        size_t i = 0;
        while (i < run->name_count &&
               (strlen(run->names[i].name) != len || memcmp(run->names[i].name, from, len) != 0))
            i++;
        if (i == run->name_count)
            fail(run, "$%.*s stands for nothing", (int)len, from);
        else
            used +=
                (size_t)snprintf(out + used, cap - used, "%llu", (unsigned long long)run->names[i].position);
        from += len;
    }
    out[used] = '\0';
}

static json_t *parse_json(struct run *run, const char *at)
{
    char text[TEXT_MAX];
    json_error_t error;
    substitute(run, at, text, sizeof text);
    if (text[strspn(text, " \n")] == '\0')
        return json_object();
    json_t *json = json_loads(text, 0, &error);
    if (json == NULL)
        fail(run, "%s at %d: %s", error.text, error.column, text);
    return json;
}

static void forget_rows(struct run *run)
{
    for (size_t i = 0; i < run->row_count; i++)
        protobuf_c_message_free_unpacked(run->rows[i], NULL);
    run->row_count = 0;
}

static void do_command(struct run *run, const struct world_actor *actor, const char *method, const char *at)
{
    json_t *json = parse_json(run, at);
    run->asked = false;
    if (json != NULL && !world_command_json(run->world, actor, method, json, &run->answer))
        fail(run, "the JSON does not fit %s", method);
    json_decref(json);
}

/* Lines "D account amount [business] [currency]" of an entry. */
static json_t *entry_lines(struct run *run, const char *at)
{
    json_t *lines = json_array();
    while (next_line(&at)) {
        char side[8], account[16], amount[48], business[32], currency[32], times[16];
        const char *rest = at;
        next_word(&rest, side, sizeof side);
        next_word(&rest, account, sizeof account);
        next_word(&rest, amount, sizeof amount);
        next_word(&rest, business, sizeof business);
        next_word(&rest, currency, sizeof currency);
        next_word(&rest, times, sizeof times);
        if (strcmp(side, "D") != 0 && strcmp(side, "C") != 0) {
            fail(run, "a line starts with D or C, not %s", side);
            break;
        }
        json_t *line = json_pack("{s:I, s:s}", "account", (json_int_t)strtoll(account, NULL, 10),
                                 side[0] == 'D' ? "debit" : "credit", amount);
        if (business[0] != '\0' && strcmp(business, "-") != 0)
            (void)json_object_set_new(line, "business", json_string(business));
        if (currency[0] != '\0' && strcmp(currency, "-") != 0)
            (void)json_object_set_new(line, "currency", json_string(currency));
        unsigned long count = times[0] == 'x' ? strtoul(times + 1, NULL, 10) : 1;
        for (unsigned long i = 0; i < count; i++)
            (void)json_array_append(lines, line);
        json_decref(line);
    }
    return lines;
}

static void do_posts(struct run *run, const struct world_actor *actor, const char *at)
{
    char date[32], business[32], description[200], word[32], type[32];
    next_word(&at, date, sizeof date);
    next_word(&at, business, sizeof business);
    next_word(&at, description, sizeof description);
    next_word(&at, word, sizeof word);
    next_word(&at, type, sizeof type);
    json_t *entry = json_pack("{s:s, s:s, s:s, s:o}", "date", date, "business", business, "description",
                              description, "lines", entry_lines(run, at));
    if (strcmp(word, "type") == 0)
        (void)json_object_set_new(entry, "type", json_string(type));
    run->asked = false;
    if (!world_command_json(run->world, actor, "Entry.Post", entry, &run->answer))
        fail(run, "the entry does not fit");
    json_decref(entry);
}

static void do_when(struct run *run, const char *at)
{
    char who[32], what[80];
    struct world_actor actor;
    next_word(&at, who, sizeof who);
    next_word(&at, what, sizeof what);
    if (!find_actor(run, who, &actor))
        return;
    if (strcmp(what, "posts") == 0)
        do_posts(run, &actor, at);
    else
        do_command(run, &actor, what, at);
}

static void open_businesses(struct run *run, unsigned long count)
{
    struct world_actor server = {0};
    for (unsigned long i = 1; i <= count && run->failure[0] == '\0'; i++) {
        char json[128];
        (void)snprintf(json, sizeof json,
                       "{\"code\": \"B%lu\", \"name\": \"Business %lu\", \"type\": \"other\"}", i, i);
        do_command(run, &server, "Business.Open", json);
        if (run->answer.status != STATUS_OK)
            fail(run, "business %lu is not accepted: %s", i, run->answer.fault.text);
    }
}

static void do_given(struct run *run, const char *at)
{
    char what[80], path[256], except[80];
    struct world_actor server = {0};
    next_word(&at, what, sizeof what);
    if (strcmp(what, "load") == 0) {
        next_word(&at, path, sizeof path);
        next_word(&at, except, sizeof except);
        next_word(&at, except, sizeof except);
        if (!world_load(run->world, path, except[0] != '\0' ? except : NULL, NULL))
            fail(run, "%s is not accepted", path);
        return;
    }
    if (strcmp(what, "businesses") == 0) {
        next_word(&at, except, sizeof except);
        open_businesses(run, strtoul(except, NULL, 10));
        return;
    }
    do_command(run, &server, what, at);
    if (run->answer.status != STATUS_OK)
        fail(run, "not accepted: %s %s: %s", status_name(run->answer.status), run->answer.fault.field,
             run->answer.fault.text);
}

/* ---- queries ------------------------------------------------------------------------------------------------------- */

static void keep_row(void *context, const ProtobufCMessage *message)
{
    struct run *run = context;
    if (run->row_count == ROWS_MAX)
        return;
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = malloc(size + 1);
    (void)protobuf_c_message_pack(message, bytes);
    run->rows[run->row_count++] = protobuf_c_message_unpack(message->descriptor, NULL, size, bytes);
    free(bytes);
}

static void do_ask(struct run *run, const char *at)
{
    char who[32], method[80];
    struct world_actor actor;
    size_t len;
    next_word(&at, who, sizeof who);
    next_word(&at, method, sizeof method);
    json_t *json = parse_json(run, at);
    if (json == NULL || !find_actor(run, who, &actor)) {
        json_decref(json);
        return;
    }
    uint8_t *body = world_json_body(run->world, method, json, &len);
    json_decref(json);
    forget_rows(run);
    run->asked = true;
    run->answer = (struct world_answer){0};
    if (body == NULL)
        fail(run, "the JSON does not fit %s", method);
    else
        run->answer.status =
            world_query(run->world, &actor, method, slice_of(body, len), keep_row, run, &run->answer.fault);
    free(body);
}

static bool row_has(struct run *run, const ProtobufCMessage *row, const char *at)
{
    char pair[200], text[512];
    for (next_word(&at, pair, sizeof pair); pair[0] != '\0'; next_word(&at, pair, sizeof pair)) {
        char *value = strchr(pair, '=');
        if (value == NULL)
            return false;
        *value++ = '\0';
        json_field_text(row, pair, world_scale(run->world, NULL), text, sizeof text);
        for (char *c = text; *c != '\0'; c++)
            if (*c == ' ')
                *c = '_'; /* words have no blanks */
        if (strcmp(text, value) != 0)
            return false;
    }
    return true;
}

static void then_has(struct run *run, const char *from)
{
    char at[TEXT_MAX];
    substitute(run, from, at, sizeof at);
    for (size_t i = 0; i < run->row_count; i++)
        if (row_has(run, run->rows[i], at))
            return;
    fail(run, "none of %zu rows has %.100s", run->row_count, at);
}

/* ---- expectations -------------------------------------------------------------------------------------------------- */

static void describe(struct run *run, char *out, size_t cap)
{
    const struct world_answer *answer = &run->answer;
    if (answer->status == STATUS_OK && answer->nothing_to_do)
        (void)snprintf(out, cap, "nothing");
    else if (answer->status == STATUS_OK)
        (void)snprintf(out, cap, "ok %s", answer->number);
    else {
        const ProtobufCEnumValue *reason =
            protobuf_c_enum_descriptor_get_value(&daftari__v1__reason__descriptor, (int)answer->fault.reason);
        (void)snprintf(out, cap, "%s %s %s: %s", status_name(answer->status),
                       reason != NULL ? reason->name : "?", answer->fault.field, answer->fault.text);
    }
}

static void posting_text(struct run *run, const struct posting *posting, char *out, size_t cap)
{
    struct kv_txn *state;
    char amount[AMOUNT_TEXT_MAX];
    if (kv_begin(run->world->state, false, &state) != STATUS_OK)
        abort();
    struct arena *arena = run->world->second;
    arena_reset(arena);
    const Daftari__V1__CurrencyInfo *currency = currency_info_get(state, posting->currency, arena);
    (void)amount_format(posting->amount < 0 ? -posting->amount : posting->amount, currency->scale, amount);
    (void)snprintf(out, cap, "%c %u %s %s%s%s", posting->amount < 0 ? 'C' : 'D', posting->account,
                   business_code_of(state, posting->business, arena), amount,
                   posting->currency == BASE_CURRENCY ? "" : " ",
                   posting->currency == BASE_CURRENCY ? "" : currency->code);
    kv_abort(state);
}

static void check_postings(struct run *run, const char *at)
{
    struct record record = world_record_at(run->world, run->answer.position);
    size_t index = 0;
    bool any = false;
    while (next_line(&at)) {
        char want[200] = "", got[200] = "", word[64];
        const char *rest = at;
        for (next_word(&rest, word, sizeof word); word[0] != '\0'; next_word(&rest, word, sizeof word)) {
            size_t len = strlen(want);
            (void)snprintf(want + len, sizeof want - len, "%s%s", len != 0 ? " " : "", word);
        }
        any = true;
        if (index < record.posting_count) {
            struct posting posting = record_posting(&record, index);
            posting_text(run, &posting, got, sizeof got);
        }
        if (strcmp(want, got) != 0)
            fail(run, "posting %zu is \"%s\", not \"%s\"", index + 1, got, want);
        index++;
    }
    if (any && index != record.posting_count)
        fail(run, "%u postings, not %zu", record.posting_count, index);
}

static void then_ok(struct run *run, const char *at)
{
    char word[80], seen[600];
    const char *rest = at;
    describe(run, seen, sizeof seen);
    if (run->answer.status != STATUS_OK || run->answer.nothing_to_do) {
        fail(run, "expected ok, got %s", seen);
        return;
    }
    for (next_word(&rest, word, sizeof word); word[0] != '\0'; next_word(&rest, word, sizeof word)) {
        if (strcmp(word, "as") == 0 && run->name_count < NAMES_MAX) {
            struct named_position *name = &run->names[run->name_count++];
            next_word(&rest, name->name, sizeof name->name);
            name->position = run->answer.position;
        } else if (strcmp(word, strcmp(run->answer.number, "") != 0 ? run->answer.number : "unnumbered") !=
                   0) {
            fail(run, "document %s, not %s", run->answer.number, word);
        }
    }
    check_postings(run, at);
}

static void then_not(struct run *run, enum status status, const char *reason, const char *field)
{
    char seen[600];
    describe(run, seen, sizeof seen);
    bool same =
        run->answer.status == status && (field[0] == '\0' || strcmp(field, run->answer.fault.field) == 0);
    if (reason != NULL) {
        const ProtobufCEnumValue *value =
            protobuf_c_enum_descriptor_get_value_by_name(&daftari__v1__reason__descriptor, reason);
        if (value == NULL) {
            fail(run, "there is no reason %s", reason);
            return;
        }
        same = same && run->answer.fault.reason == (uint32_t)value->value;
        run->coverage->reason[value->value] = true;
    }
    if (!same)
        fail(run, "expected %s %s %s, got %s", status_name(status), reason != NULL ? reason : "", field,
             seen);
    else if (run->answer.fault.text[0] == '\0')
        fail(run, "the refusal does not say what would be right");
}

static void do_then(struct run *run, const char *at)
{
    char what[32], first[80], second[80], seen[600];
    next_word(&at, what, sizeof what);
    const char *rest = at;
    next_word(&rest, first, sizeof first);
    next_word(&rest, second, sizeof second);
    describe(run, seen, sizeof seen);
    if (strcmp(what, "ok") == 0)
        then_ok(run, at);
    else if (strcmp(what, "refused") == 0)
        then_not(run, STATUS_REFUSED, first, second);
    else if (strcmp(what, "invalid") == 0)
        then_not(run, STATUS_INVALID, NULL, first);
    else if (strcmp(what, "denied") == 0)
        then_not(run, STATUS_DENIED, NULL, first);
    else if (strcmp(what, "not-found") == 0)
        then_not(run, STATUS_NOT_FOUND, NULL, first);
    else if (strcmp(what, "nothing") == 0) {
        if (run->answer.status != STATUS_OK || !run->answer.nothing_to_do)
            fail(run, "expected that nothing is to do, got %s", seen);
    } else if (strcmp(what, "rows") == 0) {
        if (run->answer.status != STATUS_OK || run->row_count != strtoul(first, NULL, 10))
            fail(run, "%zu rows (%s), not %s", run->row_count, seen, first);
    } else if (strcmp(what, "has") == 0)
        then_has(run, at);
    else
        fail(run, "what is \"then %s\"?", what);
}

static void do_balance(struct run *run, const char *at)
{
    char account[16], business[32], amount[48], currency[32], seen[AMOUNT_TEXT_MAX];
    next_word(&at, account, sizeof account);
    next_word(&at, business, sizeof business);
    next_word(&at, amount, sizeof amount);
    next_word(&at, currency, sizeof currency);
    const char *code = currency[0] != '\0' ? currency : NULL;
    int64_t balance = world_balance(run->world, (uint32_t)strtoul(account, NULL, 10), business, code);
    (void)amount_format(balance, world_scale(run->world, code), seen);
    if (strcmp(seen, amount) != 0)
        fail(run, "balance of %s in %s is %s, not %s", account, business, seen, amount);
}

static void do_stock(struct run *run, const char *at)
{
    static const char *const conditions[] = {"plain", "empty", "filled"};
    char item[52], condition[16], business[32], quantity[48], value[48], place[104];
    char seen_quantity[AMOUNT_TEXT_MAX], seen_value[AMOUNT_TEXT_MAX];
    struct stock_row row;
    unsigned number = 0;
    next_word(&at, item, sizeof item);
    next_word(&at, condition, sizeof condition);
    next_word(&at, business, sizeof business);
    next_word(&at, quantity, sizeof quantity);
    next_word(&at, value, sizeof value);
    next_word(&at, place, sizeof place);
    while (number < 2 && strcmp(conditions[number], condition) != 0)
        number++;
    if (!world_stock(run->world, item, business, place, (uint16_t)number, &row)) {
        fail(run, "there is no item %s, business %s or place %s", item, business, place);
        return;
    }
    (void)amount_format(row.quantity, 3, seen_quantity);
    (void)amount_format(row.value, world_scale(run->world, NULL), seen_value);
    if (strcmp(seen_quantity, quantity) != 0 || strcmp(seen_value, value) != 0)
        fail(run, "stock of %s %s in %s is %s worth %s, not %s worth %s", item, condition, business,
             seen_quantity, seen_value, quantity, value);
}

/* ---- statements ---------------------------------------------------------------------------------------------------- */

/* Which record types had effects, for the table of docs/journal-format.md. */
static void note_effects(const struct world *world, struct scenario_coverage *coverage)
{
    for (uint64_t position = 1; position <= world->record_count; position++) {
        const struct record record = world_record_at(world, position);
        coverage->posted[record.header.type] |= record.posting_count != 0;
        coverage->moved[record.header.type] |= record.movement_count != 0;
    }
}

static void finish(struct run *run)
{
    if (run->world == NULL)
        return;
    note_effects(run->world, run->coverage);
    if (!world_check(run->world) && run->failure[0] == '\0')
        fail(run, "%s", run->world->trouble);
    run->ran++;
    if (run->failure[0] == '\0') {
        printf("ok - %s\n", run->title);
    } else {
        printf("not ok - %s\n# %s\n", run->title, run->failure);
        run->failed++;
    }
    forget_rows(run);
    world_free(run->world);
    run->world = NULL;
}

static void begin(struct run *run, const char *at)
{
    static const char books[] =
        "{\"name\": \"Test\", \"base_currency\": \"KES\", \"scale\": 2, \"symbol\": \"KSh\", "
        "\"utc_offset_minutes\": 180, \"first_date\": \"2025-01-01\"}";
    struct world_actor server = {0};
    (void)snprintf(run->title, sizeof run->title, "%.*s", (int)strcspn(at, "\n"), at);
    run->failure[0] = '\0';
    run->actor_count = run->name_count = 0;
    run->world = world_new();
    run->pending_line = run->line;
    do_command(run, &server, "internal.OpenBooks", books);
    if (run->answer.status != STATUS_OK)
        fail(run, "the books do not open: %s", run->answer.fault.text);
}

static void do_statement(struct run *run)
{
    char keyword[32];
    const char *at = run->pending;
    if (run->pending[0] == '\0')
        return;
    next_word(&at, keyword, sizeof keyword);
    while (*at == ' ')
        at++;
    if (strcmp(keyword, "scenario") == 0) {
        finish(run);
        begin(run, at);
        return;
    }
    if (run->world == NULL || run->failure[0] != '\0')
        return;
    if (strcmp(keyword, "today") == 0) {
        civil_date date;
        struct fault why;
        if (date_parse(slice_of(at, strcspn(at, "\n ")), &date, &why) != STATUS_OK)
            fail(run, "%s", why.text);
        else
            world_set_day(run->world, date);
    } else if (strcmp(keyword, "actor") == 0)
        do_actor(run, at);
    else if (strcmp(keyword, "given") == 0)
        do_given(run, at);
    else if (strcmp(keyword, "when") == 0)
        do_when(run, at);
    else if (strcmp(keyword, "then") == 0)
        do_then(run, at);
    else if (strcmp(keyword, "ask") == 0)
        do_ask(run, at);
    else if (strcmp(keyword, "balance") == 0)
        do_balance(run, at);
    else if (strcmp(keyword, "stock") == 0)
        do_stock(run, at);
    else
        fail(run, "what is \"%s\"?", keyword);
}

size_t scenario_run_file(const char *path, struct scenario_coverage *coverage)
{
    struct run *run = calloc(1, sizeof *run);
    char line[INPUT_MAX];
    run->path = path;
    run->coverage = coverage;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        printf("not ok - %s does not open\n", path);
        free(run);
        return 1;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        run->line++;
        if (line[strspn(line, " \n")] == '\0' || line[strspn(line, " ")] == '#')
            continue;
        if (line[0] != ' ') {
            do_statement(run);
            run->pending[0] = '\0';
            run->pending_line = run->line;
        }
        size_t used = strlen(run->pending), more = strlen(line) + 1;
        if (used + more > sizeof run->pending)
            fail(run, "a statement is too long");
        else
            memcpy(run->pending + used, line, more);
    }
    do_statement(run);
    finish(run);
    fclose(file);
    size_t failed = run->failed;
    if (run->ran == 0) {
        printf("not ok - %s holds no scenario\n", path);
        failed++;
    }
    free(run);
    return failed;
}
