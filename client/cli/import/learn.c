/* What the server has already, and what a journal needs: accounts by name, commodities as currencies. */
#include <ctype.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "account.pb-c.h"
#include "client/cli/import/journal.h"
#include "proto/base/limits.h"
#include "proto/base/money.h"
#include "proto/base/text.h"

#define NUMBER_STEP     100000u /* six digits: the first is the type */
#define CODE_MAX        24u     /* bytes of a currency's code */
#define KNOWN_SCALE_MIN 2u      /* decimals of what looks like money */

/* ---- asking ------------------------------------------------------------------------------------------------------ */

/* All answers of a streaming query as JSON objects. */
static enum status ask(struct cli *cli, const char *name, json_t *query, json_t **out, struct fault *why)
{
    struct method method;
    struct arena arena;
    struct slice body = slice_of(NULL, 0);
    struct dft_stream *stream = NULL;
    struct dft_fault fault = {.status = DFT_OK};
    if (!method_by_name(name, &method))
        return fault_set(why, STATUS_UNKNOWN_METHOD, NULL, "no method %s", name);
    arena_init(&arena, CLI_ARENA_MAX);
    json_t *items = json_array();
    enum status status = message_from_json(method.row->input, query, cli_conversion(cli), &arena, &body, why);
    enum dft_status result = DFT_END;
    if (status == STATUS_OK)
        result = dft_stream_open(cli->client, name, body.ptr, body.len, 0, cli->timeout_ms, &stream, &fault);
    while (status == STATUS_OK && result == DFT_OK) {
        struct dft_answer part;
        json_t *item = NULL;
        result = dft_stream_next(stream, DFT_FOREVER, &part, &fault);
        if (result != DFT_OK)
            break;
        status = message_to_json(method.row->output, slice_of(part.body, part.body_len), cli_conversion(cli),
                                 &item, why);
        if (status == STATUS_OK)
            (void)json_array_append_new(items, item);
    }
    dft_stream_close(stream);
    arena_done(&arena);
    if (status == STATUS_OK && result != DFT_END) {
        *why = fault_of(&fault);
        status = why->status;
    }
    if (status != STATUS_OK) {
        json_decref(items);
        return status;
    }
    *out = items;
    return STATUS_OK;
}

static enum status learn_list(struct journal *journal, const char *method,
                              void (*take)(struct journal *, json_t *), struct fault *why)
{
    json_t *query = json_object(), *items = NULL;
    enum status status = ask(journal->cli, method, query, &items, why);
    size_t index;
    json_t *item;
    json_decref(query);
    json_array_foreach(items, index, item)
    {
        take(journal, item);
    }
    json_decref(items);
    return status;
}

static const char *text_of(json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static void take_books(struct journal *journal, json_t *item)
{
    civil_date date;
    if (date_parse(slice_text(text_of(item, "first_date")), &date, NULL) == STATUS_OK)
        journal->first_date = date;
    if (date_parse(slice_text(text_of(item, "today_date")), &date, NULL) == STATUS_OK)
        journal->today = date;
}

static void take_period(struct journal *journal, json_t *item)
{
    if (strcmp(text_of(item, "state"), "closed") == 0)
        (void)json_object_set_new(journal->closed, text_of(item, "month"), json_true());
}

static void take_account(struct journal *journal, json_t *item)
{
    json_int_t number = json_integer_value(json_object_get(item, "number"));
    const char *business = text_of(item, "business");
    uint32_t first = (uint32_t)(number / NUMBER_STEP);
    if (first >= 1 && first <= 5 && number >= journal->next_number[first])
        journal->next_number[first] = (uint32_t)number + 1;
    bool usable = json_is_true(json_object_get(item, "active")) &&
                  !json_is_true(json_object_get(item, "header")) &&
                  (business[0] == '\0' || strcmp(business, journal->business) == 0);
    const char *name = text_of(item, "name");
    if (usable && json_object_get(journal->accounts, name) == NULL)
        (void)json_object_set_new(journal->accounts, name, json_integer(number));
}

/* A commodity is the currency whose symbol it is, else the one whose code it is. */
static void take_currency(struct journal *journal, json_t *item)
{
    const char *code = text_of(item, "code"), *symbol = text_of(item, "symbol");
    json_t *known =
        json_pack("{s:s, s:O, s:b}", "code", code, "scale", json_object_get(item, "scale"), "exists", 1);
    if (json_object_get(journal->commodities, code) == NULL)
        (void)json_object_set(journal->commodities, code, known);
    if (symbol[0] != '\0')
        (void)json_object_set(journal->commodities, symbol, known);
    (void)json_object_set_new(journal->codes, code, json_string(symbol[0] != '\0' ? symbol : code));
    json_decref(known);
}

enum status import_learn_books(struct journal *journal, struct fault *why)
{
    for (uint32_t type = 1; type <= 5; type++)
        journal->next_number[type] = type * NUMBER_STEP + 1;
    journal->position = dft_position(journal->cli->client);
    enum status status = learn_list(journal, "Books.Show", take_books, why);
    if (status == STATUS_OK)
        status = learn_list(journal, "Period.List", take_period, why);
    if (status == STATUS_OK)
        status = learn_list(journal, "Account.List", take_account, why);
    if (status == STATUS_OK)
        status = learn_list(journal, "Currency.List", take_currency, why);
    return status;
}

/* ---- commodities ------------------------------------------------------------------------------------------------- */

static bool is_code(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)text[i]) && strchr("._-", text[i]) == NULL)
            return false;
    }
    return len > 0 && len <= CODE_MAX;
}

static bool looks_like_money(const char *code)
{
    return strlen(code) == 3 && isupper((unsigned char)code[0]) && isupper((unsigned char)code[1]) &&
           isupper((unsigned char)code[2]);
}

/* A code for a commodity: itself when it can be one, the ISO code of a well-known sign, else its usable characters and
 * the beginning of its hash. */
static void code_for(const struct journal *journal, const char *commodity, char out[CODE_MAX + 1])
{
    static const struct {
        const char *sign, *code;
    } signs[] = {{"$", "USD"},   {"€", "EUR"},    {"£", "GBP"},   {"¥", "JPY"},  {"₹", "INR"},
                 {"KSh", "KES"}, {"KSh.", "KES"}, {"TSh", "TZS"}, {"USh", "UGX"}};
    const char *code = is_code(commodity) ? commodity : NULL;
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        if (strcmp(signs[i].sign, commodity) == 0)
            code = signs[i].code;
    }
    if (code != NULL && json_object_get(journal->codes, code) == NULL) {
        (void)snprintf(out, CODE_MAX + 1, "%s", code);
        return;
    }
    uint8_t hash[EVP_MAX_MD_SIZE] = {0};
    size_t len = 0;
    (void)EVP_Digest(commodity, strlen(commodity), hash, NULL, EVP_sha256(), NULL);
    for (const char *at = commodity; *at != '\0' && len < 12; at++) {
        if (isalnum((unsigned char)*at))
            out[len++] = *at;
    }
    (void)snprintf(out + len, CODE_MAX + 1 - len, "%s%02x%02x%02x%02x", len > 0 ? "-" : "X-", hash[0],
                   hash[1], hash[2], hash[3]);
}

static void learn_commodity(struct journal *journal, const struct journal_amount *amount)
{
    const char *commodity = amount->commodity[0] != '\0' ? amount->commodity : "UNIT";
    json_t *known = json_object_get(journal->commodities, commodity);
    if (known == NULL) {
        known = json_pack("{s:i, s:b}", "scale", 0, "exists", 0);
        (void)json_object_set_new(journal->commodities, commodity, known);
    }
    bool exists = json_is_true(json_object_get(known, "exists"));
    if (!exists && amount->places <= CURRENCY_SCALE_MAX &&
        json_integer_value(json_object_get(known, "scale")) < (json_int_t)amount->places)
        (void)json_object_set_new(known, "scale", json_integer(amount->places));
}

/* Codes for new commodities: first those that are their own code, so that the order in a file does not matter. */
void import_learned(struct journal *journal)
{
    for (int round = 0; round < 2; round++) {
        const char *commodity;
        json_t *known;
        json_object_foreach(journal->commodities, commodity, known)
        {
            char code[CODE_MAX + 1];
            if (json_object_get(known, "code") != NULL || (round == 0 && !is_code(commodity)))
                continue;
            code_for(journal, commodity, code);
            (void)json_object_set_new(known, "code", json_string(code));
            (void)json_object_set_new(journal->codes, code, json_string(commodity));
            if (looks_like_money(code) &&
                json_integer_value(json_object_get(known, "scale")) < (json_int_t)KNOWN_SCALE_MIN)
                (void)json_object_set_new(known, "scale", json_integer(KNOWN_SCALE_MIN));
        }
    }
}

/* ---- accounts ---------------------------------------------------------------------------------------------------- */

static void learn_account(struct journal *journal, const char *name)
{
    if (json_object_get(journal->accounts, name) == NULL)
        (void)json_object_set_new(journal->accounts, name, json_integer(0));
}

/* True when the first part of the name (up to ':') is one of the words, whatever their case. */
static bool root_is(const char *name, const char *const *words)
{
    size_t len = strcspn(name, ":");
    for (; *words != NULL; words++) {
        if (strlen(*words) == len && strncasecmp(name, *words, len) == 0)
            return true;
    }
    return false;
}

/* hledger's rules for names (its manual, "account types"), after those given by --type. 0: not known. */
static uint32_t type_of(const struct journal *journal, const char *name)
{
    static const char *const names[] = {"", "asset", "liability", "equity", "revenue", "expense"};
    static const char *const assets[] = {"asset", "assets", NULL};
    static const char *const liabilities[] = {"liability", "liabilities", "debt", "debts", NULL};
    static const char *const equity[] = {"equity", NULL};
    static const char *const revenue[] = {"income", "incomes", "revenue", "revenues", NULL};
    static const char *const expenses[] = {"expense", "expenses", NULL};
    static const char *const *const rules[] = {assets, liabilities, equity, revenue, expenses};
    const char *prefix;
    json_t *type;
    json_object_foreach(journal->types, prefix, type)
    {
        size_t len = strlen(prefix);
        if (strncmp(name, prefix, len) != 0 || (name[len] != '\0' && name[len] != ':'))
            continue;
        for (uint32_t i = 1; i <= 5; i++) {
            if (strcmp(names[i], json_string_value(type)) == 0)
                return i;
        }
    }
    for (uint32_t i = 0; i < 5; i++) {
        if (root_is(name, rules[i]))
            return i + 1;
    }
    return 0;
}

/* What a name says of an asset account: cash or a bank (hledger's rule for the cash flow statement). */
static const char *class_of(uint32_t type, const char *name)
{
    static const char *const banks[] = {"bank",    "checking", "check",       "cheque",
                                        "savings", "saving",   "currentcash", NULL};
    if (strcmp(name, JOURNAL_TRADING_ACCOUNT) == 0)
        return "trading";
    const char *part = type == 1 ? strchr(name, ':') : NULL;
    while (part != NULL) {
        size_t len = strcspn(part + 1, ":");
        if (len == 4 && strncasecmp(part + 1, "cash", 4) == 0)
            return "cash";
        if (root_is(part + 1, banks))
            return "bank";
        part = strchr(part + 1, ':');
    }
    return NULL;
}

void import_learn(struct journal *journal, json_t *transaction)
{
    size_t index, k;
    json_t *posting, *object;
    json_array_foreach(json_object_get(transaction, "tpostings"), index, posting)
    {
        bool any = false;
        json_array_foreach(json_object_get(posting, "pamount"), k, object)
        {
            struct journal_amount amount;
            if (!import_amount_read(object, &amount) || amount.mantissa == 0)
                continue;
            learn_commodity(journal, &amount);
            any = true;
        }
        const char *name = json_string_value(json_object_get(posting, "paccount"));
        if (any && name != NULL)
            learn_account(journal, name);
    }
}

/* ---- making what is missing -------------------------------------------------------------------------------------- */

struct making {
    struct journal *journal;
    json_t *names;
    struct fault *why;
    enum status status;
};

static void made(const struct batcher_answer *answer, void *context)
{
    struct making *making = context;
    if (answer->recorded != NULL || making->status != STATUS_OK)
        return;
    struct fault inner = fault_of(answer->fault);
    const char *name = json_string_value(json_array_get(making->names, (size_t)answer->line));
    making->status = inner.status;
    (void)fault_set(making->why, inner.status, NULL, "%.100s cannot be made: %s", name != NULL ? name : "",
                    inner.text);
}

/* The id of making `what`: the same in every run. */
static void making_id(const char *label, json_t *object, uint8_t out[DFT_COMMAND_ID_BYTES])
{
    uint8_t hash[EVP_MAX_MD_SIZE] = {0};
    char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (text != NULL && context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
        EVP_DigestUpdate(context, label, strlen(label) + 1) == 1 &&
        EVP_DigestUpdate(context, text, strlen(text)) == 1)
        (void)EVP_DigestFinal_ex(context, hash, NULL);
    EVP_MD_CTX_free(context);
    free(text);
    memcpy(out, hash, DFT_COMMAND_ID_BYTES);
}

static enum status make_all(struct journal *journal, const char *name, json_t *objects, json_t *names,
                            struct fault *why)
{
    struct method method;
    struct making making = {.journal = journal, .names = names, .why = why, .status = STATUS_OK};
    struct batcher *batcher = batcher_new(journal->cli, made, &making);
    enum status status = batcher != NULL && method_by_name(name, &method) ? STATUS_OK : STATUS_NO_MEMORY;
    for (size_t i = 0; i < json_array_size(objects) && status == STATUS_OK; i++) {
        json_t *object = json_array_get(objects, i);
        uint8_t id[DFT_COMMAND_ID_BYTES];
        struct arena arena;
        struct slice body;
        arena_init(&arena, CLI_ARENA_MAX);
        making_id(name, object, id);
        status =
            message_from_json(method.row->input, object, cli_conversion(journal->cli), &arena, &body, why);
        if (status == STATUS_OK)
            status = batcher_add(batcher, name, id, body, i, why);
        arena_done(&arena);
    }
    if (status == STATUS_OK)
        status = batcher_finish(batcher, why);
    batcher_free(batcher);
    return status != STATUS_OK ? status : making.status;
}

static json_t *account_object(struct journal *journal, const char *name)
{
    uint32_t type = type_of(journal, name);
    if (type == 0) {
        journal->untyped++;
        (void)fprintf(
            stderr,
            "daftari: note: %s is opened as an asset: its name does not say what it is (--type %.*s=TYPE)\n",
            name, (int)strcspn(name, ":"), name);
        type = 1;
    }
    uint32_t number = journal->next_number[type]++;
    json_t *object = json_pack("{s:i, s:s, s:s}", "number", (int)number, "name", name, "negative", "allowed");
    const char *class_name = class_of(type, name);
    if (class_name != NULL)
        (void)json_object_set_new(object, "class", json_string(class_name));
    (void)json_object_set_new(journal->accounts, name, json_integer(number));
    return object;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Missing accounts in the order of their names, so that a journal gives the same numbers wherever it is imported. */
static enum status accounts_make(struct journal *journal, struct fault *why)
{
    size_t count = 0;
    const char *name;
    json_t *number;
    const char **missing = calloc(json_object_size(journal->accounts) + 1, sizeof *missing);
    if (missing == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    json_object_foreach(journal->accounts, name, number)
    {
        if (json_integer_value(number) == 0)
            missing[count++] = name;
    }
    qsort(missing, count, sizeof *missing, compare_names);
    json_t *objects = json_array(), *names = json_array();
    for (size_t i = 0; i < count; i++) {
        (void)json_array_append_new(names, json_string(missing[i]));
        (void)json_array_append_new(objects, account_object(journal, missing[i]));
    }
    free(missing);
    if (!journal->cli->quiet && count > 0)
        (void)fprintf(stderr, "daftari: %zu accounts %s\n", count,
                      journal->dry_run ? "would be opened" : "to open");
    enum status status =
        journal->dry_run ? STATUS_OK : make_all(journal, "Account.Open", objects, names, why);
    json_decref(objects);
    json_decref(names);
    return status;
}

static enum status currencies_make(struct journal *journal, struct fault *why)
{
    json_t *objects = json_array(), *names = json_array();
    const char *commodity;
    json_t *known;
    json_object_foreach(journal->commodities, commodity, known)
    {
        const char *code = text_of(known, "code");
        if (json_is_true(json_object_get(known, "exists")))
            continue;
        json_t *object = json_pack("{s:s, s:O}", "code", code, "scale", json_object_get(known, "scale"));
        if (strcmp(code, commodity) != 0)
            (void)json_object_set_new(object, "symbol", json_string(commodity));
        (void)json_array_append_new(objects, object);
        (void)json_array_append_new(names, json_string(commodity));
        if (!journal->cli->quiet)
            (void)fprintf(stderr, "daftari: currency %s (%lld decimals) %s\n", code,
                          json_integer_value(json_object_get(known, "scale")),
                          journal->dry_run ? "would be defined" : "to define");
    }
    enum status status =
        journal->dry_run ? STATUS_OK : make_all(journal, "Currency.Define", objects, names, why);
    json_decref(objects);
    json_decref(names);
    return status;
}

enum status import_prepare(struct journal *journal, struct fault *why)
{
    enum status status = currencies_make(journal, why);
    if (status == STATUS_OK)
        status = accounts_make(journal, why);
    return status;
}
