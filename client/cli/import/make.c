/* Accounts and currencies that a journal needs and the books have not: found under another name, or made. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/cli/import/journal.h"

static const char *text_of(json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

/* ---- what an account is by its name ------------------------------------------------------------------------------ */

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
        return type <= 3 ? "trading" : NULL;
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

/* ---- making what is missing -------------------------------------------------------------------------------------- */

struct making {
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

/* Sends the objects, each under its making_id; `answered` gets their indexes as lines. */
static enum status send_all(struct journal *journal, const char *name, json_t *objects,
                            void (*answered)(const struct batcher_answer *, void *), void *context,
                            struct fault *why)
{
    struct method method;
    struct batcher *batcher = batcher_new(journal->cli, answered, context);
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
    return status;
}

static enum status make_all(struct journal *journal, const char *name, json_t *objects, json_t *names,
                            struct fault *why)
{
    struct making making = {.names = names, .why = why, .status = STATUS_OK};
    enum status status = send_all(journal, name, objects, made, &making, why);
    return status != STATUS_OK ? status : making.status;
}

/* The command that opens the account: its id is made of this, so that it must not change with its name in the books. */
static json_t *account_object(uint32_t type, uint32_t number, const char *name)
{
    json_t *object = json_pack("{s:i, s:s, s:s}", "number", (int)number, "name", name, "negative", "allowed");
    const char *class_name = class_of(type, name);
    if (class_name != NULL)
        (void)json_object_set_new(object, "class", json_string(class_name));
    return object;
}

/* The number that a missing account will have; 0 = none is left. */
static uint32_t account_plan(struct journal *journal, const char *name)
{
    char key[16];
    uint32_t type = type_of(journal, name);
    if (type == 0) {
        journal->untyped++;
        (void)fprintf(
            stderr,
            "daftari: note: %s is opened as an asset: its name does not say what it is (--type %.*s=TYPE)\n",
            name, (int)strcspn(name, ":"), name);
        type = 1;
    }
    uint32_t number = journal->next_number[type];
    if (number / IMPORT_NUMBER_STEP != type)
        return 0;
    journal->next_number[type]++;
    json_t *object = account_object(type, number, name);
    (void)snprintf(key, sizeof key, "%u", number);
    (void)json_object_set_new(journal->accounts, name, json_integer(number));
    (void)json_object_set_new(journal->chart, key, json_copy(object));
    (void)json_object_set_new(json_object_get(journal->chart, key), "planned", json_true());
    (void)json_array_append_new(journal->to_open, object);
    return number;
}

uint32_t import_account(struct journal *journal, const char *name)
{
    json_int_t number = json_integer_value(json_object_get(journal->accounts, name));
    return number != 0 ? (uint32_t)number : account_plan(journal, name);
}

/* ---- accounts that were renamed ---------------------------------------------------------------------------------- */

/*
 * An account that an earlier import opened under this name is known by the id of the command that opened it, which is made
 * of the name and of the number that it got. The command is given again for the numbers that come into question: to the
 * one that did open the account the books answer what they recorded then. Nothing can be recorded by it, since every
 * number asked about is taken: to any other the answer is that the account exists.
 */
#define ASKED_MAX 200000u /* names times accounts */

struct asking {
    json_t *objects; /* to open accounts */
    bool *opened;    /* by that command */
};

static void asked(const struct batcher_answer *answer, void *context)
{
    struct asking *asking = context;
    asking->opened[answer->line] =
        answer->recorded != NULL ? answer->recorded->position != 0 : answer->fault->status == DFT_KEY_REUSED;
}

static enum status ask_opened(struct journal *journal, json_t *objects, bool **out, struct fault *why)
{
    struct asking asking = {.objects = objects,
                            .opened = calloc(json_array_size(objects) + 1, sizeof *asking.opened)};
    if (asking.opened == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    enum status status = send_all(journal, "Account.Open", objects, asked, &asking, why);
    if (status == STATUS_OK)
        *out = asking.opened;
    else
        free(asking.opened);
    return status;
}

/* Accounts with numbers as an import gives them whose names are not those that an import opened them with. */
static enum status renamed_accounts(struct journal *journal, json_t **out, struct fault *why)
{
    const char *key;
    json_t *account;
    json_t *objects = json_array(), *renamed = json_array();
    bool *opened = NULL;
    json_object_foreach(journal->chart, key, account)
    {
        json_int_t number = json_integer_value(json_object_get(account, "number"));
        uint32_t type = (uint32_t)(number / IMPORT_NUMBER_STEP);
        if (type >= 1 && type <= 5 && !json_is_true(json_object_get(account, "header")))
            (void)json_array_append_new(objects,
                                        account_object(type, (uint32_t)number, text_of(account, "name")));
    }
    enum status status = ask_opened(journal, objects, &opened, why);
    for (size_t i = 0; status == STATUS_OK && i < json_array_size(objects); i++) {
        if (!opened[i])
            (void)json_array_append(renamed, json_object_get(json_array_get(objects, i), "number"));
    }
    free(opened);
    json_decref(objects);
    if (status == STATUS_OK)
        *out = renamed;
    else
        json_decref(renamed);
    return status;
}

static bool asks_too_much(const struct journal *journal, size_t names, size_t accounts)
{
    if (names == 0 || accounts <= ASKED_MAX / names)
        return false;
    if (!journal->cli->quiet)
        (void)fprintf(stderr,
                      "daftari: note: %zu accounts of these books are not asked whether they were renamed\n",
                      accounts);
    return true;
}

/* Every missing name, and the two that a transaction may come to need, with every renamed account of its type. */
static json_t *names_to_ask(const struct journal *journal, json_t *renamed)
{
    static const char *const own[] = {JOURNAL_TRADING_ACCOUNT, JOURNAL_VIRTUAL_ACCOUNT};
    json_t *names = json_array(), *objects = json_array();
    const char *name;
    json_t *number, *item;
    size_t i, k;
    json_object_foreach(journal->accounts, name, number)
    {
        if (json_integer_value(number) == 0)
            (void)json_array_append_new(names, json_string(name));
    }
    for (i = 0; i < 2; i++) {
        if (json_object_get(journal->accounts, own[i]) == NULL)
            (void)json_array_append_new(names, json_string(own[i]));
    }
    bool all = !asks_too_much(journal, json_array_size(names), json_array_size(renamed));
    for (i = 0; all && i < json_array_size(names); i++) {
        name = json_string_value(json_array_get(names, i));
        uint32_t type = type_of(journal, name);
        json_array_foreach(renamed, k, item)
        {
            uint32_t candidate = (uint32_t)json_integer_value(item);
            if (candidate / IMPORT_NUMBER_STEP == (type != 0 ? type : 1))
                (void)json_array_append_new(objects,
                                            account_object(candidate / IMPORT_NUMBER_STEP, candidate, name));
        }
    }
    json_decref(names);
    return objects;
}

static bool any_missing(const struct journal *journal)
{
    const char *name;
    json_t *number;
    json_object_foreach(journal->accounts, name, number)
    {
        if (json_integer_value(number) == 0)
            return true;
    }
    return json_object_get(journal->accounts, JOURNAL_TRADING_ACCOUNT) == NULL ||
           json_object_get(journal->accounts, JOURNAL_VIRTUAL_ACCOUNT) == NULL;
}

static enum status find_renamed(struct journal *journal, struct fault *why)
{
    json_t *renamed = NULL, *objects;
    bool *opened = NULL;
    if (!any_missing(journal))
        return STATUS_OK;
    enum status status = renamed_accounts(journal, &renamed, why);
    if (status != STATUS_OK)
        return status;
    objects = names_to_ask(journal, renamed);
    json_decref(renamed);
    status = ask_opened(journal, objects, &opened, why);
    for (size_t i = 0; status == STATUS_OK && i < json_array_size(objects); i++) {
        json_t *object = json_array_get(objects, i);
        if (!opened[i])
            continue;
        (void)json_object_set(journal->accounts, text_of(object, "name"), json_object_get(object, "number"));
        if (!journal->cli->quiet)
            (void)fprintf(stderr, "daftari: %s is account %lld, renamed since an earlier import\n",
                          text_of(object, "name"), json_integer_value(json_object_get(object, "number")));
    }
    free(opened);
    json_decref(objects);
    return status;
}

/* ---- making what is missing -------------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Missing accounts in the order of their names, so that a journal gives the same numbers wherever it is imported. */
enum status import_plan(struct journal *journal, struct fault *why)
{
    size_t count = 0;
    const char *name;
    json_t *number;
    enum status status = find_renamed(journal, why);
    if (status != STATUS_OK)
        return status;
    const char **missing = calloc(json_object_size(journal->accounts) + 1, sizeof *missing);
    if (missing == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    json_object_foreach(journal->accounts, name, number)
    {
        if (json_integer_value(number) == 0)
            missing[count++] = name;
    }
    qsort(missing, count, sizeof *missing, compare_names);
    for (size_t i = 0; i < count; i++)
        (void)account_plan(journal, missing[i]);
    free(missing);
    return STATUS_OK;
}

static enum status accounts_make(struct journal *journal, struct fault *why)
{
    size_t count = json_array_size(journal->to_open);
    json_t *names = json_array();
    for (size_t i = 0; i < count; i++)
        (void)json_array_append(names, json_object_get(json_array_get(journal->to_open, i), "name"));
    if (!journal->cli->quiet && count > 0)
        (void)fprintf(stderr, "daftari: %zu accounts %s\n", count,
                      journal->dry_run ? "would be opened" : "to open");
    enum status status =
        journal->dry_run ? STATUS_OK : make_all(journal, "Account.Open", journal->to_open, names, why);
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
        if (json_is_true(json_object_get(known, "exists")) || json_object_get(known, "places") == NULL)
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
    import_needed(journal);
    enum status status = currencies_make(journal, why);
    if (status == STATUS_OK)
        status = accounts_make(journal, why);
    return status;
}
