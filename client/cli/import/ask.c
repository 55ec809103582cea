/*
 * What the books would say to each transaction, asked before anything is sent.
 *
 * Rights, business, date, accounts and currencies are asked of the books themselves: a transaction is given under its own
 * id, without the lines whose account or currency is yet to be made and with two more at the end that no books take (an
 * account without a number). It can never be recorded. The answer tells which check was the first to fail: when it is
 * the one of the lines at the end, the rest is good; KEY_REUSED says that the transaction is there already.
 *
 * What rests on the transactions before it in the file is worked out here, by the same rules (docs/domain.md): whether an
 * account that may not go below zero would, and whether businesses can be balanced. Others may post meanwhile.
 */
#include <stdlib.h>
#include <string.h>

#include "client/cli/import/journal.h"
#include "proto/base/limits.h"
#include "proto/base/money.h"
#include "proto/base/text.h"
#include "proto/record/record.h"
#include "reason.pb-c.h"

#define LINES_MAX        1000u
#define LINES_ALWAYS_FIT 4u  /* whatever their texts and tags: docs/domain.md has how long those are */
#define AMOUNT_FIELD_MAX 11u /* bytes of an amount in a message, with its tag */
#define NAME_SHOWN       80u /* bytes of an account's name in a message */
#define FATES_START      1024u
#define LINE_SHIFT                                                                                           \
    10u /* of what goes with a question: number of the transaction, number of the first bad line */
#define LINE_MASK ((1u << LINE_SHIFT) - 1)
static_assert(LINES_MAX <= LINE_MASK, "a line's number fits");

static const char *text_of(json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static json_t *account_of(const struct journal *journal, json_t *line)
{
    char key[24];
    (void)snprintf(key, sizeof key, "%lld", json_integer_value(json_object_get(line, "account")));
    return json_object_get(journal->chart, key);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static bool fate_add(struct journal *journal)
{
    if (journal->fate_count == journal->fate_cap) {
        size_t cap = journal->fate_cap == 0 ? FATES_START : journal->fate_cap * 2;
        uint8_t *grown = realloc(journal->fates, cap);
        if (grown == NULL)
            return false;
        journal->fates = grown;
        journal->fate_cap = cap;
    }
    journal->fates[journal->fate_count++] = IMPORT_UNASKED;
    return true;
}

static void fate_refuse(struct journal *journal, uint64_t index, const char *field, const char *text)
{
    char key[24];
    journal->fates[index] = IMPORT_REFUSED;
    if (json_object_size(journal->reasons) >= JOURNAL_PROBLEMS_SHOWN)
        return;
    (void)snprintf(key, sizeof key, "%llu", (unsigned long long)index);
    (void)json_object_set_new(journal->reasons, key, json_pack("{s:s, s:s}", "field", field, "text", text));
}

static void asked(const struct batcher_answer *answer, void *context)
{
    struct journal *journal = context;
    uint64_t index = answer->line >> LINE_SHIFT;
    char bad[32];
    if (answer->recorded != NULL || answer->fault->status == DFT_KEY_REUSED) {
        journal->fates[index] = IMPORT_THERE;
        return;
    }
    (void)snprintf(bad, sizeof bad, "lines[%u].account", (unsigned)(answer->line & LINE_MASK));
    if (answer->fault->status == DFT_REFUSED &&
        answer->fault->reason == DAFTARI__V1__REASON__ACCOUNT_UNKNOWN &&
        strcmp(answer->fault->field, bad) == 0)
        journal->fates[index] = IMPORT_GOOD;
    else
        fate_refuse(journal, index, answer->fault->field, answer->fault->text);
}

static bool currency_exists(const struct journal *journal, json_t *line)
{
    const char *commodity = json_string_value(json_object_get(journal->codes, text_of(line, "currency")));
    return commodity != NULL &&
           json_is_true(json_object_get(json_object_get(journal->commodities, commodity), "exists"));
}

/* The entry as a question; *out_bad is the number of its first line that cannot be. The last lines of an entry that is
 * full have to make room. */
static json_t *question_of(const struct journal *journal, json_t *entry, size_t *out_bad)
{
    json_t *question = json_copy(entry), *lines = json_array(), *line;
    size_t index;
    json_array_foreach(json_object_get(entry, "lines"), index, line)
    {
        if (!json_is_true(json_object_get(account_of(journal, line), "planned")) &&
            currency_exists(journal, line) && json_array_size(lines) < LINES_MAX - 2)
            (void)json_array_append(lines, line);
    }
    *out_bad = json_array_size(lines);
    (void)json_array_append_new(lines, json_object());
    (void)json_array_append_new(lines, json_object());
    (void)json_object_set_new(question, "lines", lines);
    return question;
}

static enum status ask_one(struct journal *journal, json_t *transaction, uint64_t line, void *context,
                           struct fault *why)
{
    struct method method;
    struct arena arena;
    struct slice body;
    struct fault inner = {.status = STATUS_OK};
    uint8_t id[DFT_COMMAND_ID_BYTES];
    json_t *entry = NULL;
    size_t bad = 0;
    uint64_t index = journal->fate_count;
    (void)line;
    if (!fate_add(journal))
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    enum status status = import_command_id(journal, transaction, id, why);
    if (status != STATUS_OK || import_entry(journal, transaction, &entry, &inner) != STATUS_OK)
        return status;
    json_t *question = question_of(journal, entry, &bad);
    arena_init(&arena, CLI_ARENA_MAX);
    if (!method_by_name("Entry.Post", &method))
        status = STATUS_UNKNOWN_METHOD;
    if (status == STATUS_OK)
        status =
            message_from_json(method.row->input, question, cli_conversion(journal->cli), &arena, &body, why);
    if (status == STATUS_OK)
        status = batcher_add(context, "Entry.Post", id, body, index << LINE_SHIFT | bad, why);
    arena_done(&arena);
    json_decref(question);
    json_decref(entry);
    return status;
}

/* Whether the method may be called at all: asked with nothing in it. */
static enum status ask_right(struct journal *journal, const char *method, char *out, size_t cap,
                             struct fault *why)
{
    struct dft_recorded recorded;
    struct dft_fault fault = {.status = DFT_OK};
    uint8_t id[DFT_COMMAND_ID_BYTES];
    dft_command_id_new(id);
    if (dft_command(journal->cli->client, method, id, "", 0, &recorded, &fault) == DFT_OK ||
        fault.status == DFT_INVALID || fault.status == DFT_REFUSED)
        return STATUS_OK;
    struct fault answer = fault_of(&fault);
    if (answer.status != STATUS_DENIED) {
        *why = answer;
        return why->status;
    }
    (void)snprintf(out, cap, "%s", answer.text);
    return STATUS_OK;
}

static enum status ask_head_office(struct journal *journal, struct fault *why)
{
    json_t *query = json_object(), *items = NULL, *grant;
    size_t index;
    enum status status = import_ask(journal->cli, "Login.WhoAmI", query, &items, why);
    json_t *who = json_array_get(items, 0);
    journal->head_office = json_is_true(json_object_get(who, "every_business"));
    json_array_foreach(json_object_get(who, "access"), index, grant)
    {
        if (strcmp(text_of(grant, "business"), "HQ") == 0 && strcmp(text_of(grant, "level"), "write") == 0)
            journal->head_office = true;
    }
    json_decref(query);
    json_decref(items);
    return status;
}

enum status import_ask_all(struct journal *journal, FILE *from, struct fault *why)
{
    struct batcher *batcher = batcher_new(journal->cli, asked, journal);
    bool defines = false;
    const char *commodity;
    json_t *known;
    if (batcher == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    enum status status = import_pass(journal, from, ask_one, batcher, why);
    if (status == STATUS_OK)
        status = batcher_finish(batcher, why);
    batcher_free(batcher);
    json_object_foreach(journal->commodities, commodity, known)
    {
        defines = defines || !json_is_true(json_object_get(known, "exists"));
    }
    if (status == STATUS_OK && defines)
        status =
            ask_right(journal, "Currency.Define", journal->no_currencies, sizeof journal->no_currencies, why);
    if (status == STATUS_OK && json_array_size(journal->to_open) > 0)
        status = ask_right(journal, "Account.Open", journal->no_accounts, sizeof journal->no_accounts, why);
    if (status == STATUS_OK)
        status = ask_head_office(journal, why);
    return status;
}

/* ---- what rests on the transactions before ----------------------------------------------------------------------- */

struct line_sum {
    const char *business, *currency;
    json_t *account;
    int64_t minor; /* debit positive */
};

/* Whose line it is: the account's own business, HQ for a bank, else the entry's (docs/domain.md). */
static const char *business_of(const struct journal *journal, json_t *account)
{
    const char *own = text_of(account, "business");
    if (own[0] != '\0')
        return own;
    return strcmp(text_of(account, "class"), "bank") == 0 ? "HQ" : journal->business;
}

static bool line_read(const struct journal *journal, json_t *line, struct line_sum *out)
{
    out->account = account_of(journal, line);
    out->business = business_of(journal, out->account);
    out->currency = text_of(line, "currency");
    json_t *known = json_object_get(journal->commodities,
                                    json_string_value(json_object_get(journal->codes, out->currency)));
    uint32_t scale = (uint32_t)json_integer_value(json_object_get(known, "scale"));
    const char *debit = json_string_value(json_object_get(line, "debit"));
    if (amount_parse(slice_text(debit != NULL ? debit : text_of(line, "credit")), scale, &out->minor, NULL) !=
        STATUS_OK)
        return false;
    if (debit == NULL)
        out->minor = -out->minor;
    return true;
}

static bool has_control_account(const struct journal *journal)
{
    const char *key;
    json_t *account;
    json_object_foreach(journal->chart, key, account)
    {
        if (strcmp(text_of(account, "class"), "interbusiness") == 0 &&
            json_is_true(json_object_get(account, "active")))
            return true;
    }
    return false;
}

/* Lines of head office's banks in another business's entry. */
static enum status businesses_check(struct journal *journal, json_t *lines, struct fault *why)
{
    json_t *sums = json_object(), *line, *sum;
    size_t index;
    const char *code;
    bool elsewhere = false, unbalanced = false;
    json_array_foreach(lines, index, line)
    {
        struct line_sum one;
        if (!line_read(journal, line, &one) || strcmp(one.business, journal->business) == 0)
            continue;
        int64_t total = json_integer_value(json_object_get(sums, one.currency));
        elsewhere = true;
        if (amount_add(total, one.minor, &total))
            (void)json_object_set_new(sums, one.currency, json_integer(total));
    }
    json_object_foreach(sums, code, sum)
    {
        unbalanced = unbalanced || json_integer_value(sum) != 0;
    }
    json_decref(sums);
    if (elsewhere && !journal->head_office)
        return fault_set(why, STATUS_DENIED, "lines",
                         "lines on a bank account are head office's: you may not record in business HQ");
    if (unbalanced && !has_control_account(journal))
        return fault_set(
            why, STATUS_REFUSED, "lines",
            "this entry moves value between businesses (bank accounts are head office's): open the "
            "inter-business control account (1900) first");
    return STATUS_OK;
}

/* What an account holds before the import; the key tells account, business and currency. */
static enum status balance_before(struct journal *journal, const char *key, const struct line_sum *line,
                                  uint32_t scale, int64_t *out, struct fault *why)
{
    json_t *items = NULL, *part, *row;
    size_t i, k;
    json_t *query = json_pack("{s:s, s:O, s:s, s:s}", "report", "balances", "account",
                              json_object_get(line->account, "number"), "business", line->business,
                              "currency", line->currency);
    enum status status = import_ask(journal->cli, "Report.Run", query, &items, why);
    json_decref(query);
    if (status != STATUS_OK)
        return status;
    *out = 0;
    json_array_foreach(items, i, part)
    {
        json_array_foreach(json_object_get(part, "rows"), k, row)
        {
            json_t *cells = json_object_get(row, "cells");
            const char *account = json_string_value(json_array_get(cells, 0));
            const char *balance = json_string_value(json_array_get(cells, 5));
            if (account == NULL || account[0] == '\0' || balance == NULL)
                continue;
            status = amount_parse(slice_text(balance), scale, out, why);
        }
    }
    json_decref(items);
    if (status == STATUS_OK)
        (void)json_object_set_new(journal->running, key, json_integer(*out));
    return status;
}

/* Adds the line to the sums of the accounts that may not go below zero: key -> {before, change}. */
static enum status forbidden_add(struct journal *journal, json_t *changes, const struct line_sum *line,
                                 struct fault *why)
{
    char key[96];
    int64_t before, change;
    if (strcmp(text_of(line->account, "negative"), "forbidden") != 0)
        return STATUS_OK;
    (void)snprintf(key, sizeof key, "%lld %.30s %.40s",
                   json_integer_value(json_object_get(line->account, "number")), line->business,
                   line->currency);
    json_t *known = json_object_get(journal->commodities,
                                    json_string_value(json_object_get(journal->codes, line->currency)));
    json_t *running = json_object_get(journal->running, key), *sum = json_object_get(changes, key);
    before = json_integer_value(running);
    if (running == NULL && json_is_true(json_object_get(known, "exists"))) { /* else it holds none of it */
        enum status status = balance_before(
            journal, key, line, (uint32_t)json_integer_value(json_object_get(known, "scale")), &before, why);
        if (status == STATUS_DENIED)
            journal->balances_hidden = true;
        if (status != STATUS_OK)
            return status;
    }
    change = json_integer_value(json_object_get(sum, "change"));
    if (!amount_add(change, line->minor, &change))
        return STATUS_OK; /* what is too large is refused for that */
    (void)json_object_set_new(changes, key,
                              json_pack("{s:I, s:I, s:O, s:s}", "before", (json_int_t)before, "change",
                                        (json_int_t)change, "account", line->account, "business",
                                        line->business));
    return STATUS_OK;
}

static bool debit_is_normal(json_t *account)
{
    json_int_t digit = json_integer_value(json_object_get(account, "number"));
    while (digit >= 10)
        digit /= 10;
    return (digit == 1 || digit == 5) != json_is_true(json_object_get(account, "contra"));
}

static int name_cut(json_t *account)
{
    return (int)text_cut(slice_text(text_of(account, "name")), NAME_SHOWN);
}

static enum status negative_check(struct journal *journal, json_t *lines, struct fault *why)
{
    json_t *changes = json_object(), *line, *sum;
    size_t index;
    const char *key;
    enum status status = STATUS_OK;
    json_array_foreach(lines, index, line)
    {
        struct line_sum one;
        if (status == STATUS_OK && !journal->balances_hidden && line_read(journal, line, &one))
            status = forbidden_add(journal, changes, &one, why);
    }
    if (journal->balances_hidden)
        status = STATUS_OK; /* said in a note */
    json_object_foreach(changes, key, sum)
    {
        json_t *account = json_object_get(sum, "account");
        int64_t sign = debit_is_normal(account) ? 1 : -1, after = 0;
        int64_t change = json_integer_value(json_object_get(sum, "change"));
        if (status != STATUS_OK ||
            !amount_add(json_integer_value(json_object_get(sum, "before")), change, &after))
            continue;
        if (sign * after < 0 && sign * change < 0)
            status = fault_set(why, STATUS_REFUSED, "lines",
                               "account %lld (%.*s) would go below zero in business %.10s, and may not",
                               json_integer_value(json_object_get(account, "number")), name_cut(account),
                               text_of(account, "name"), text_of(sum, "business"));
    }
    json_object_foreach(changes, key, sum)
    {
        int64_t after = json_integer_value(json_object_get(sum, "before")) +
                        json_integer_value(json_object_get(sum, "change"));
        if (status == STATUS_OK)
            (void)json_object_set_new(journal->running, key, json_integer(after));
    }
    json_decref(changes);
    return status;
}

static enum status making_check(const struct journal *journal, json_t *lines, struct fault *why)
{
    json_t *line;
    size_t index;
    json_array_foreach(lines, index, line)
    {
        json_t *account = account_of(journal, line);
        if (journal->no_accounts[0] != '\0' && json_is_true(json_object_get(account, "planned")))
            return fault_set(why, STATUS_DENIED, NULL, "%.*s is to be opened: %.150s", name_cut(account),
                             text_of(account, "name"), journal->no_accounts);
        if (journal->no_currencies[0] != '\0' && !currency_exists(journal, line))
            return fault_set(why, STATUS_DENIED, NULL, "currency %.30s is to be defined: %.150s",
                             text_of(line, "currency"), journal->no_currencies);
    }
    return STATUS_OK;
}

/*
 * Whether the record fits. Amounts and currencies are counted at their longest and not turned into a message: a currency
 * that is yet to be defined cannot be.
 */
static enum status size_check(const struct journal *journal, json_t *entry, struct fault *why)
{
    json_t *copy = json_deep_copy(entry), *line;
    size_t index, size = RECORD_HEADER_BYTES;
    struct method method;
    struct arena arena;
    struct slice body;
    enum status status = method_by_name("Entry.Post", &method) ? STATUS_OK : STATUS_UNKNOWN_METHOD;
    json_array_foreach(json_object_get(copy, "lines"), index, line)
    {
        size += POSTING_BYTES + AMOUNT_FIELD_MAX + 2 + strlen(text_of(line, "currency"));
        (void)json_object_del(line, "currency");
        (void)json_object_del(line, "debit");
        (void)json_object_del(line, "credit");
    }
    arena_init(&arena, CLI_ARENA_MAX);
    if (status == STATUS_OK)
        status = message_from_json(method.row->input, copy, cli_conversion(journal->cli), &arena, &body, why);
    if (status == STATUS_OK && size + body.len > RECORD_BYTES_MAX)
        status = fault_set(why, STATUS_REFUSED, "lines", "at most %u bytes in one entry with all its texts",
                           RECORD_BYTES_MAX);
    arena_done(&arena);
    json_decref(copy);
    return status;
}

enum status import_judge(struct journal *journal, uint64_t index, json_t *entry, struct fault *why)
{
    char key[24];
    json_t *lines = json_object_get(entry, "lines");
    if (journal->fates[index] == IMPORT_REFUSED) {
        (void)snprintf(key, sizeof key, "%llu", (unsigned long long)index);
        json_t *reason = json_object_get(journal->reasons, key);
        return fault_set(why, STATUS_REFUSED, text_of(reason, "field"), "%s", text_of(reason, "text"));
    }
    enum status status = making_check(journal, lines, why);
    if (status == STATUS_OK && json_array_size(lines) > LINES_ALWAYS_FIT)
        status = size_check(journal, entry, why);
    if (status == STATUS_OK)
        status = businesses_check(journal, lines, why);
    if (status == STATUS_OK)
        status = negative_check(journal, lines, why);
    if (status != STATUS_OK)
        journal->fates[index] = IMPORT_REFUSED;
    return status;
}
