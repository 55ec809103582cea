#include "tests/support/world.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "people.pb-c.h"
#include "proto/wire/message.h"
#include "server/base/content.h"
#include "server/base/kv_mem.h"
#include "server/domain/kernel/facts.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/numbering.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/people/rights.h"
#include "tests/support/json_message.h"
#include "tests/support/world_trade.h"

#define ARENA_BYTES (8u * 1024u * 1024u)

static void trouble(struct world *world, const char *what, uint64_t number)
{
    if (world->trouble[0] == '\0')
        (void)snprintf(world->trouble, sizeof world->trouble, "%s (%llu)", what, (unsigned long long)number);
}

struct world *world_new(void)
{
    struct world *world = calloc(1, sizeof *world);
    world->state = kv_mem_new(domain_tables, domain_table_count);
    world->arena = arena_new(ARENA_BYTES);
    world->second = arena_new(ARENA_BYTES);
    world->decision = malloc(sizeof *world->decision);
    world->again = malloc(sizeof *world->again);
    world_set_day(world, 20250601);
    return world;
}

void world_free(struct world *world)
{
    if (world == NULL)
        return;
    for (size_t i = 0; i < world->record_count; i++)
        free(world->records[i].bytes);
    free(world->records);
    kv_close(world->state);
    arena_free(world->arena);
    arena_free(world->second);
    free(world->decision);
    free(world->again);
    free(world);
}

void world_set_day(struct world *world, civil_date date)
{
    world->now = ((int64_t)date_to_days(date) * 24 + 6) * 3600 * 1000000;
}

const struct rights *world_owner_rights(void)
{
    static const struct rights owner = {
        .active = true,
        .every_business = true,
        .level = {[1] = PERMISSION_WRITE,
                  [2] = PERMISSION_WRITE,
                  [3] = PERMISSION_WRITE,
                  [4] = PERMISSION_WRITE,
                  [5] = PERMISSION_WRITE,
                  [6] = PERMISSION_WRITE,
                  [7] = PERMISSION_WRITE,
                  [8] = PERMISSION_WRITE,
                  [9] = PERMISSION_WRITE,
                  [10] = PERMISSION_WRITE,
                  [11] = PERMISSION_WRITE,
                  [12] = PERMISSION_WRITE,
                  [13] = PERMISSION_WRITE,
                  [14] = PERMISSION_WRITE,
                  [15] = PERMISSION_WRITE,
                  [16] = PERMISSION_WRITE,
                  [17] = PERMISSION_WRITE},
    };
    return &owner;
}

struct record world_record_at(const struct world *world, uint64_t position)
{
    struct record record = {0};
    struct fault why;
    if (position == 0 || position > world->record_count ||
        record_decode(slice_of(world->records[position - 1].bytes, world->records[position - 1].len), &record,
                      &why) != STATUS_OK)
        abort();
    return record;
}

/* ---- one command --------------------------------------------------------------------------------------------------- */

static void poison(struct arena *arena, struct decision *decision, int byte)
{
    void *at;
    arena_reset(arena);
    (void)mallopt(M_PERTURB, byte);
    at = arena_take(arena, 8000); /* the chunk that is kept over resets */
    if (at != NULL)
        memset(at, byte, 8000);
    arena_reset(arena);
    memset(decision, byte, sizeof *decision);
}

static enum status decide_once(struct world *world, const struct method *method, struct context *context,
                               struct slice body, struct arena *arena, struct decision *out,
                               struct fault *why)
{
    struct kv_txn *state;
    ProtobufCMessage *message;
    context->arena = arena;
    enum status status = message_unpack(method->request, body, true, arena_allocator(arena), &message, why);
    if (status != STATUS_OK)
        return status;
    if (kv_begin(world->state, false, &state) != STATUS_OK)
        abort();
    status = domain_decide(method, context, state, message, body, out, why);
    kv_abort(state);
    return status;
}

static uint8_t *encode(const struct world *world, const struct context *context, const struct method *method,
                       struct slice body, const struct decision *decision, size_t *out_len)
{
    struct record_header header = decision_header(decision, context);
    header.content = content_digest(method->name, body);
    header.previous = world->last;
    *out_len = record_size(decision->posting_count, decision->movement_count, decision->payload.len);
    if (*out_len == 0)
        return NULL;
    uint8_t *bytes = malloc(*out_len);
    record_encode(&header, decision->postings, decision->posting_count, decision->movements,
                  decision->movement_count, decision->payload, bytes);
    return bytes;
}

static void keep(struct world *world, uint8_t *bytes, size_t len)
{
    struct record record;
    struct fault why;
    struct kv_txn *state;
    if (record_decode(slice_of(bytes, len), &record, &why) != STATUS_OK ||
        record_check_balance(&record, &why) != STATUS_OK)
        trouble(world, why.text, world->record_count + 1);
    if (world->record_count == world->record_cap) {
        world->record_cap = world->record_cap * 2 + 64;
        world->records = realloc(world->records, world->record_cap * sizeof *world->records);
    }
    world->records[world->record_count++] = (struct world_record){bytes, len};
    record_hash(record.bytes, &world->last);
    if (kv_begin(world->state, true, &state) != STATUS_OK)
        abort();
    arena_reset(world->arena);
    domain_apply(state, &record, world->arena);
    if (kv_commit(state) != STATUS_OK)
        trouble(world, "the record contradicts state", world->record_count);
}

static void number_of_record(struct world *world, struct world_answer *out)
{
    struct record record = world_record_at(world, out->position);
    struct kv_txn *state;
    if (record.header.series == 0)
        return;
    if (kv_begin(world->state, false, &state) != STATUS_OK)
        abort();
    if (!number_format(state, record.header.series, record.header.business_date, record.header.number,
                       out->number))
        trouble(world, "a document number without a series", out->position);
    kv_abort(state);
}

static const struct rights *rights_of(struct world *world, const struct world_actor *actor,
                                      struct rights *room)
{
    struct kv_txn *state;
    if (!actor->computed)
        return actor->rights;
    if (kv_begin(world->state, false, &state) != STATUS_OK)
        abort();
    rights_compute(state, actor->user, room);
    kv_abort(state);
    return room;
}

/* The log of the world as decisions see it. */
static enum status read_record(void *context, uint64_t position, struct record *out, struct fault *why)
{
    const struct world *world = context;
    if (position > world->record_count)
        return fault_set(why, STATUS_END, NULL, "no such record");
    *out = world_record_at(world, position);
    return STATUS_OK;
}

void world_command(struct world *world, const struct world_actor *actor, const char *method_name,
                   struct slice body, struct world_answer *out)
{
    const struct method *method = domain_method(slice_text(method_name));
    struct rights room;
    struct fault second_fault = {0};
    *out = (struct world_answer){.status = STATUS_UNKNOWN_METHOD};
    if (method == NULL || method->decide == NULL)
        return;
    struct context context = {
        .now = world->now++,
        .position = world->record_count + 1,
        .user = actor->user,
        .rights = rights_of(world, actor, &room),
        .address = "127.0.0.1",
        .agent = "test",
        .device = "test",
        .records = {read_record, world},
    };
    context.today = date_of_timestamp(context.now, 180);
    be64_put(context.command_id.bytes + 8, ++world->next_command);
    if (context.rights != NULL && method->permission != 0 &&
        !rights_allow(context.rights, method->permission, method->level)) {
        out->status = fault_set(&out->fault, STATUS_DENIED, NULL, "not permitted");
        return;
    }
    poison(world->arena, world->decision, 0xA5);
    out->status = decide_once(world, method, &context, body, world->arena, world->decision, &out->fault);
    poison(world->second, world->again, 0x3C);
    enum status again =
        decide_once(world, method, &context, body, world->second, world->again, &second_fault);
    if (again != out->status || strcmp(second_fault.text, out->fault.text) != 0 ||
        strcmp(second_fault.field, out->fault.field) != 0)
        trouble(world, "decided twice, two outcomes", context.position);
    if (out->status != STATUS_OK)
        return;
    out->nothing_to_do = world->decision->nothing_to_do;
    if (out->nothing_to_do)
        return;
    size_t len, second_len;
    uint8_t *bytes = encode(world, &context, method, body, world->decision, &len);
    uint8_t *second = encode(world, &context, method, body, world->again, &second_len);
    if (bytes == NULL) {
        out->status = STATUS_TOO_LARGE;
        return;
    }
    if (second == NULL || len != second_len || memcmp(bytes, second, len) != 0)
        trouble(world, "decided twice, two records", context.position);
    free(second);
    keep(world, bytes, len);
    out->position = world->record_count;
    number_of_record(world, out);
}

/* ---- JSON ------------------------------------------------------------------------------------------------------------ */

uint32_t world_scale(struct world *world, const char *currency)
{
    struct kv_txn *state;
    uint16_t number = BASE_CURRENCY;
    uint32_t scale = 2;
    if (kv_begin(world->state, false, &state) != STATUS_OK)
        abort();
    arena_reset(world->second);
    if (currency == NULL || currency_find(state, currency, &number)) {
        const Daftari__V1__CurrencyInfo *info = currency_info_get(state, number, world->second);
        if (info != NULL)
            scale = info->scale;
    }
    kv_abort(state);
    return scale;
}

static uint32_t scale_of(void *context, const char *currency)
{
    return world_scale(context, currency);
}

uint8_t *world_json_body(struct world *world, const char *method_name, json_t *json, size_t *out_len)
{
    const struct method *method = domain_method(slice_text(method_name));
    if (method == NULL) {
        fprintf(stderr, "no method %s\n", method_name);
        return NULL;
    }
    return json_message(method->request, json, scale_of, world, out_len);
}

bool world_command_json(struct world *world, const struct world_actor *actor, const char *method,
                        json_t *json, struct world_answer *out)
{
    size_t len;
    uint8_t *body = world_json_body(world, method, json, &len);
    if (body == NULL)
        return false;
    world_command(world, actor, method, slice_of(body, len), out);
    free(body);
    return true;
}

bool world_command_text(struct world *world, const struct world_actor *actor, const char *method,
                        const char *text, struct world_answer *out)
{
    json_error_t error;
    json_t *json = json_loads(text, 0, &error);
    bool fits = json != NULL && world_command_json(world, actor, method, json, out);
    if (json == NULL)
        fprintf(stderr, "%s: %s\n", method, error.text);
    json_decref(json);
    return fits;
}

bool world_load(struct world *world, const char *path, const char *except, size_t *out_changes)
{
    FILE *file = fopen(path, "r");
    char line[65536];
    struct world_actor server = {0};
    bool good = file != NULL;
    size_t changes = 0;
    unsigned number = 0;
    while (good && fgets(line, sizeof line, file) != NULL) {
        number++;
        json_error_t error;
        json_t *json = json_loads(line, 0, &error);
        const char *method = json_string_value(json_object_get(json, "method"));
        struct world_answer answer;
        char name[METHOD_NAME_MAX];
        good = method != NULL && strlen(method) < sizeof name;
        if (good) {
            (void)snprintf(name, sizeof name, "%s", method);
            (void)json_object_del(json, "method");
            (void)json_object_del(json, "command_id");
            if (except == NULL || strncmp(name, except, strlen(except)) != 0) {
                good = world_command_json(world, &server, name, json, &answer) && answer.status == STATUS_OK;
                changes += good && !answer.nothing_to_do;
                if (!good)
                    fprintf(stderr, "%s:%u: %s %s: %s\n", path, number, name, answer.fault.field,
                            answer.fault.text);
            }
        } else {
            fprintf(stderr, "%s:%u: no command\n", path, number);
        }
        json_decref(json);
    }
    if (file == NULL)
        fprintf(stderr, "%s does not open\n", path);
    else
        fclose(file);
    if (out_changes != NULL)
        *out_changes = changes;
    return good;
}

bool world_open_example(struct world *world)
{
    struct world_actor server = {0};
    struct world_answer answer;
    return world_command_text(world, &server, "internal.OpenBooks",
                              "{\"name\":\"Example\",\"base_currency\":\"KES\",\"scale\":2,"
                              "\"utc_offset_minutes\":180,\"first_date\":\"2025-01-01\"}",
                              &answer) &&
           answer.status == STATUS_OK && world_load(world, "data/kenya-three-businesses.jsonl", NULL, NULL);
}

/* ---- queries --------------------------------------------------------------------------------------------------------- */

enum status world_query(struct world *world, const struct world_actor *actor, const char *method_name,
                        struct slice body, void (*row)(void *context, const ProtobufCMessage *message),
                        void *context, struct fault *why)
{
    const struct method *method = domain_method(slice_text(method_name));
    struct rights room;
    struct kv_txn *state;
    ProtobufCMessage *request, *message;
    if (method == NULL || method->query == NULL)
        return STATUS_UNKNOWN_METHOD;
    struct query_context query = {
        .now = world->now,
        .today = date_of_timestamp(world->now, 180),
        .position = world->record_count,
        .user = actor->user,
        .rights = rights_of(world, actor, &room),
        .arena = world->arena,
    };
    if (query.rights != NULL && method->permission != 0 &&
        !rights_allow(query.rights, method->permission, method->level))
        return fault_set(why, STATUS_DENIED, NULL, "not permitted");
    uint8_t place[KV_KEY_MAX];
    struct slice cursor = {0};
    if (kv_begin(world->state, false, &state) != STATUS_OK)
        abort();
    enum status status;
    do {
        poison(world->arena, world->decision, 0x5A);
        status = message_unpack(method->request, body, true, arena_allocator(world->arena), &request, why);
        if (status == STATUS_OK)
            status = method->query(&query, state, request, &cursor, &message, why);
        if (status != STATUS_OK)
            break;
        row(context, message);
        if (cursor.len > sizeof place)
            abort();
        if (cursor.len != 0)
            memcpy(place, cursor.ptr, cursor.len);
        cursor.ptr = place;
    } while (method->streams);
    kv_abort(state);
    return method->streams && status == STATUS_END ? STATUS_OK : status;
}

int64_t world_balance(struct world *world, uint32_t account, const char *business, const char *currency)
{
    struct kv_txn *state;
    uint16_t business_number = 0, currency_number = BASE_CURRENCY;
    if (kv_begin(world->state, false, &state) != STATUS_OK)
        abort();
    bool known = business_find(state, business, &business_number) &&
                 (currency == NULL || currency_find(state, currency, &currency_number));
    int64_t balance = balance_get(state, account, business_number, currency_number);
    kv_abort(state);
    if (!known)
        trouble(world, "no such business or currency in a balance check", account);
    return balance;
}

/* ---- the whole --------------------------------------------------------------------------------------------------------- */

static bool same_table(struct kv_txn *a, struct kv_txn *b, unsigned table)
{
    struct kv_cursor *left = kv_cursor_open(a, table), *right = kv_cursor_open(b, table);
    uint8_t first = 0;
    bool more = kv_seek(left, slice_of(&first, 1));
    bool same = kv_seek(right, slice_of(&first, 1)) == more;
    while (same && more) {
        struct slice left_key, left_value, right_key, right_value;
        kv_row(left, &left_key, &left_value);
        kv_row(right, &right_key, &right_value);
        same = slice_equal(left_key, right_key) && slice_equal(left_value, right_value);
        more = kv_next(left);
        same = same && kv_next(right) == more;
    }
    kv_cursor_close(left);
    kv_cursor_close(right);
    return same;
}

static void fold(struct world *world, struct kv *into, bool masters)
{
    struct kv_txn *txn;
    if (kv_begin(into, true, &txn) != STATUS_OK)
        abort();
    for (size_t i = 0; i < world->record_count; i++) {
        struct record record = world_record_at(world, i + 1);
        arena_reset(world->arena);
        if (masters)
            domain_apply_master(txn, &record, world->arena);
        else
            domain_apply(txn, &record, world->arena);
    }
    if (kv_commit(txn) != STATUS_OK)
        trouble(world, "the log does not fold", world->record_count);
}

static void check_replay(struct world *world, bool masters)
{
    static const unsigned master_tables[] = {
        TABLE_BOOKS,
        TABLE_CURRENCY,
        TABLE_CURRENCY_CODE,
        TABLE_SERIES,
        TABLE_SERIES_PREFIX,
        TABLE_BUSINESS_CODE,
        TABLE_TRANSACTION_TYPE,
        TABLE_TRANSACTION_TYPE_CODE,
        TABLE_BUSINESS,
        TABLE_SETTING,
        TABLE_BUSINESS_UNIQUE,
        TABLE_ACCOUNT,
        TABLE_DRAFT,
        TABLE_ADJUSTMENT,
        TABLE_PERIOD,
        TABLE_USER,
        TABLE_ROLE,
        TABLE_ACCESS,
        TABLE_PARTY,
        TABLE_PARTY_KEY,
        TABLE_CREDIT_LIMIT,
        TABLE_PARTY_BALANCE,
        TABLE_CYLINDER_TYPE,
        TABLE_CYLINDER_TYPE_CODE,
        TABLE_CYLINDER,
        TABLE_CYLINDER_SERIAL,
        TABLE_CYLINDER_TOTAL,
        TABLE_JOB,
        TABLE_JOB_OPEN,
        TABLE_OPEN_ITEM,
    };
    struct kv *fresh = kv_mem_new(domain_tables, domain_table_count);
    struct kv_txn *a, *b;
    fold(world, fresh, masters);
    if (kv_begin(world->state, false, &a) != STATUS_OK || kv_begin(fresh, false, &b) != STATUS_OK)
        abort();
    if (masters) {
        for (size_t i = 0; i < sizeof master_tables / sizeof master_tables[0]; i++)
            if (!same_table(a, b, master_tables[i]))
                trouble(world, "the masters' fold differs in table", master_tables[i]);
    } else {
        for (unsigned table = 0; table < domain_table_count; table++)
            if (!same_table(a, b, table))
                trouble(world, "a replay differs in table", table);
    }
    kv_abort(a);
    kv_abort(b);
    kv_close(fresh);
}

struct total {
    uint32_t account;
    uint16_t business, currency;
    int64_t sum;
};

static void add_total(struct total **totals, size_t *count, const struct posting *posting)
{
    size_t at = 0;
    while (at < *count &&
           ((*totals)[at].account != posting->account || (*totals)[at].business != posting->business ||
            (*totals)[at].currency != posting->currency))
        at++;
    if (at == *count) {
        *totals = realloc(*totals, (*count + 1) * sizeof **totals);
        (*totals)[(*count)++] = (struct total){posting->account, posting->business, posting->currency, 0};
    }
    (*totals)[at].sum += posting->amount;
}

/* Balances are compared both ways: every total is stored, and nothing else is. */
static void check_balances(struct world *world)
{
    struct total *totals = NULL, *groups = NULL;
    size_t count = 0, group_count = 0, rows = 0;
    struct kv_txn *state;
    for (size_t i = 0; i < world->record_count; i++) {
        struct record record = world_record_at(world, i + 1);
        for (size_t j = 0; j < record.posting_count; j++) {
            struct posting posting = record_posting(&record, j);
            add_total(&totals, &count, &posting);
            posting.account = 0;
            add_total(&groups, &group_count, &posting);
        }
    }
    if (kv_begin(world->state, false, &state) != STATUS_OK)
        abort();
    for (size_t i = 0; i < count; i++)
        if (balance_get(state, totals[i].account, totals[i].business, totals[i].currency) != totals[i].sum)
            trouble(world, "a balance differs from the records' sum, account", totals[i].account);
    for (size_t i = 0; i < group_count; i++)
        if (groups[i].sum != 0)
            trouble(world, "a business does not sum to zero", groups[i].business);
    struct slice key = {0}, value;
    uint8_t place[KV_KEY_MAX];
    while (row_next(state, TABLE_BALANCE, key, &key, &value)) {
        memcpy(place, key.ptr, key.len);
        key.ptr = place;
        rows++;
    }
    if (rows != count)
        trouble(world, "there are balances that no record explains", rows);
    kv_abort(state);
    free(totals);
    free(groups);
}

bool world_check(struct world *world)
{
    uint64_t number;
    const char *wrong = world_trade_trouble(world, &number);
    if (wrong != NULL)
        trouble(world, wrong, number);
    check_balances(world);
    check_replay(world, false);
    check_replay(world, true);
    return world->trouble[0] == '\0';
}
