/* What the server has already, and what a journal needs: accounts by name, commodities as currencies. */
#include <ctype.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/import/journal.h"
#include "proto/base/limits.h"
#include "proto/base/money.h"
#include "proto/base/text.h"

#define CODE_MAX        24u /* bytes of a currency's code */
#define KNOWN_SCALE_MIN 2u  /* decimals of what looks like money */

/* ---- asking ------------------------------------------------------------------------------------------------------ */

enum status import_ask(struct cli *cli, const char *name, json_t *query, json_t **out, struct fault *why)
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
    enum status status = import_ask(journal->cli, method, query, &items, why);
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

/* Among accounts of one name the one that is in use. */
static void take_account(struct journal *journal, json_t *item)
{
    char key[16];
    json_int_t number = json_integer_value(json_object_get(item, "number"));
    const char *business = text_of(item, "business");
    uint32_t first = (uint32_t)(number / IMPORT_NUMBER_STEP);
    if (first >= 1 && first <= 5 && number >= journal->next_number[first])
        journal->next_number[first] = (uint32_t)number + 1;
    (void)snprintf(key, sizeof key, "%lld", number);
    (void)json_object_set(journal->chart, key, item);
    bool usable = !json_is_true(json_object_get(item, "header")) &&
                  (business[0] == '\0' || strcmp(business, journal->business) == 0);
    const char *name = text_of(item, "name");
    json_t *taken = json_object_get(journal->accounts, name);
    (void)snprintf(key, sizeof key, "%lld", json_integer_value(taken));
    bool better =
        taken == NULL || (json_is_true(json_object_get(item, "active")) &&
                          !json_is_true(json_object_get(json_object_get(journal->chart, key), "active")));
    if (usable && better)
        (void)json_object_set_new(journal->accounts, name, json_integer(number));
}

/* A commodity is the currency whose symbol it is, else the one whose code it is. */
static void take_currency(struct journal *journal, json_t *item)
{
    const char *code = text_of(item, "code"), *symbol = text_of(item, "symbol");
    json_t *known = json_pack("{s:s, s:O, s:O, s:b}", "code", code, "scale", json_object_get(item, "scale"),
                              "number", json_object_get(item, "number"), "exists", 1);
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
        journal->next_number[type] = type * IMPORT_NUMBER_STEP + 1;
    journal->position = dft_position(journal->cli->client);
    enum status status = learn_list(journal, "Books.Show", take_books, why);
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

/* A code for a commodity: itself when it can be one, the ISO code of a well-known sign, else its usable characters (or
 * that code) and the beginning of its hash. */
static void code_for(const struct journal *journal, const char *commodity, char out[CODE_MAX + 1])
{
    static const struct {
        const char *sign, *code;
    } signs[] = {{"$", "USD"},   {"€", "EUR"},    {"£", "GBP"},   {"¥", "JPY"},  {"₹", "INR"},
                 {"KSh", "KES"}, {"KSh.", "KES"}, {"TSh", "TZS"}, {"USh", "UGX"}};
    const char *code = is_code(commodity) ? commodity : NULL, *readable = commodity;
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        if (strcmp(signs[i].sign, commodity) == 0)
            code = readable = signs[i].code;
    }
    if (code != NULL && json_object_get(journal->codes, code) == NULL) {
        (void)snprintf(out, CODE_MAX + 1, "%s", code);
        return;
    }
    uint8_t hash[EVP_MAX_MD_SIZE] = {0};
    size_t len = 0;
    (void)EVP_Digest(commodity, strlen(commodity), hash, NULL, EVP_sha256(), NULL);
    for (const char *at = readable; *at != '\0' && len < 12; at++) {
        if (isalnum((unsigned char)*at))
            out[len++] = *at;
    }
    (void)snprintf(out + len, CODE_MAX + 1 - len, "%s%02x%02x%02x%02x", len > 0 ? "-" : "X-", hash[0],
                   hash[1], hash[2], hash[3]);
}

json_t *import_commodity(const struct journal *journal, const struct journal_amount *amount)
{
    return json_object_get(journal->commodities, amount->commodity[0] != '\0' ? amount->commodity : "UNIT");
}

static uint32_t integer_of(json_t *object, const char *key)
{
    return (uint32_t)json_integer_value(json_object_get(object, key));
}

/* `whole` counts the whole units of all amounts, each rounded up: no balance can come to more. */
static void learn_commodity(struct journal *journal, const struct journal_amount *amount)
{
    json_t *known = import_commodity(journal, amount);
    int64_t units = amount->mantissa < 0 ? -amount->mantissa : amount->mantissa, sum = 0;
    if (known == NULL) {
        known = json_pack("{s:i, s:b, s:i}", "scale", 0, "exists", 0, "whole", 0);
        (void)json_object_set_new(journal->commodities,
                                  amount->commodity[0] != '\0' ? amount->commodity : "UNIT", known);
    }
    if (json_is_true(json_object_get(known, "exists")))
        return;
    for (uint32_t i = 0; i < amount->places && units > 0; i++)
        units /= 10;
    if (!amount_add(json_integer_value(json_object_get(known, "whole")), units, &sum) ||
        !amount_add(sum, 1, &sum))
        sum = AMOUNT_MAX;
    (void)json_object_set_new(known, "whole", json_integer(sum));
    if (amount->places <= CURRENCY_SCALE_MAX && integer_of(known, "scale") < amount->places)
        (void)json_object_set_new(known, "scale", json_integer(amount->places));
}

/* As many decimals as amounts have, two for what looks like money, if the largest sums leave room for them. */
static void choose_scale(json_t *known, uint32_t places)
{
    uint32_t scale = places;
    int64_t sum = json_integer_value(json_object_get(known, "whole"));
    uint32_t room = 0;
    if (looks_like_money(json_string_value(json_object_get(known, "code"))) && scale < KNOWN_SCALE_MIN)
        scale = KNOWN_SCALE_MIN;
    while (room < scale && amount_multiply_divide(sum, 10, 1, &sum))
        room++;
    (void)json_object_set_new(known, "scale", json_integer(room));
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
            choose_scale(known, integer_of(known, "scale"));
        }
    }
}

/* Decimals that the text of an amount needs. */
static uint32_t places_of(const char *text)
{
    const char *point = strchr(text, '.');
    if (point == NULL)
        return 0;
    size_t places = strlen(point + 1);
    while (places != 0 && point[places] == '0')
        places--;
    return (uint32_t)places;
}

static void need_currency(struct journal *journal, json_t *line)
{
    const char *code = text_of(line, "currency");
    const char *commodity = json_string_value(json_object_get(journal->codes, code));
    json_t *known = json_object_get(journal->commodities, commodity != NULL ? commodity : code);
    const char *debit = text_of(line, "debit");
    uint32_t places = places_of(debit[0] != '\0' ? debit : text_of(line, "credit"));
    if (json_object_get(known, "places") == NULL || integer_of(known, "places") < places)
        (void)json_object_set_new(known, "places", json_integer(places));
}

void import_need(struct journal *journal, json_t *entry)
{
    size_t index;
    json_t *line;
    json_array_foreach(json_object_get(entry, "lines"), index, line)
    {
        char key[24];
        (void)snprintf(key, sizeof key, "%lld", json_integer_value(json_object_get(line, "account")));
        (void)json_object_set_new(journal->needed, key, json_true());
        need_currency(journal, line);
    }
}

void import_needed(struct journal *journal)
{
    const char *commodity;
    json_t *known;
    json_object_foreach(journal->commodities, commodity, known)
    {
        if (!json_is_true(json_object_get(known, "exists")) && json_object_get(known, "places") != NULL)
            choose_scale(known, integer_of(known, "places"));
    }
    for (size_t i = json_array_size(journal->to_open); i > 0; i--) {
        char key[24];
        json_t *account = json_array_get(journal->to_open, i - 1);
        (void)snprintf(key, sizeof key, "%lld", json_integer_value(json_object_get(account, "number")));
        if (json_object_get(journal->needed, key) == NULL)
            (void)json_array_remove(journal->to_open, i - 1);
    }
}

/* ---- accounts ---------------------------------------------------------------------------------------------------- */

static void learn_account(struct journal *journal, const char *name)
{
    if (json_object_get(journal->accounts, name) == NULL)
        (void)json_object_set_new(journal->accounts, name, json_integer(0));
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
            if (!import_amount_read(object, &amount) || amount.mantissa == 0 ||
                strlen(amount.commodity) > NAME_TEXT_MAX)
                continue;
            learn_commodity(journal, &amount);
            any = true;
        }
        const char *name = json_string_value(json_object_get(posting, "paccount"));
        if (any && name != NULL)
            learn_account(journal, name);
    }
}
