/* A transaction of hledger as an entry of ours. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/import/journal.h"
#include "proto/base/limits.h"
#include "proto/base/money.h"
#include "proto/base/text.h"

#define LINES_MAX      1000u
#define TAG_NAME_MAX   100u
#define TAG_VALUE_MAX  200u
#define PRICE_MAX      200u
#define FIRST_CURRENCY 1 /* number of the base currency */

civil_date import_date(json_t *transaction)
{
    civil_date date = 0;
    const char *text = json_string_value(json_object_get(transaction, "tdate"));
    if (text == NULL || date_parse(slice_text(text), &date, NULL) != STATUS_OK)
        return 0;
    return date;
}

/* ---- texts ------------------------------------------------------------------------------------------------------- */

/* Text of at most `max` bytes on one line; spaces at both ends, and what cannot be in a text of ours, are left out. */
static json_t *text_json(struct journal *journal, const char *text, size_t max)
{
    size_t len = strlen(text);
    while (len > 0 && (unsigned char)text[len - 1] <= ' ')
        len--;
    while (len > 0 && (unsigned char)text[0] <= ' ') {
        text++;
        len--;
    }
    size_t kept = text_cut(slice_of(text, len), max);
    if (kept < len)
        journal->cut++;
    char *copy = malloc(kept + 1);
    if (copy == NULL)
        return NULL;
    memcpy(copy, text, kept);
    for (size_t i = 0; i < kept; i++) {
        if ((unsigned char)copy[i] < ' ' || copy[i] == 0x7f)
            copy[i] = ' ';
    }
    json_t *json = text_valid(slice_of(copy, kept)) ? json_stringn(copy, kept) : json_string("?");
    free(copy);
    return json;
}

static void add_tag(struct journal *journal, json_t *tags, const char *name, const char *value)
{
    if (name == NULL || name[0] == '\0')
        return;
    if (json_array_size(tags) >= TAGS_MAX) {
        journal->cut++;
        return;
    }
    json_t *tag = json_object();
    (void)json_object_set_new(tag, "name", text_json(journal, name, TAG_NAME_MAX));
    (void)json_object_set_new(tag, "value", text_json(journal, value != NULL ? value : "", TAG_VALUE_MAX));
    (void)json_array_append_new(tags, tag);
}

static void drop_tag(json_t *tags, const char *name)
{
    for (size_t i = json_array_size(tags); i > 0; i--) {
        const char *other = json_string_value(json_object_get(json_array_get(tags, i - 1), "name"));
        if (other != NULL && strcmp(other, name) == 0)
            (void)json_array_remove(tags, i - 1);
    }
}

/* [["name","value"],...] and what else is kept as tags. */
static json_t *tags_of(struct journal *journal, json_t *pairs, const char *status)
{
    json_t *tags = json_array();
    size_t index;
    json_t *pair;
    json_array_foreach(pairs, index, pair)
    {
        add_tag(journal, tags, json_string_value(json_array_get(pair, 0)),
                json_string_value(json_array_get(pair, 1)));
    }
    if (status != NULL && strcmp(status, "Cleared") == 0)
        add_tag(journal, tags, "status", "cleared");
    if (status != NULL && strcmp(status, "Pending") == 0)
        add_tag(journal, tags, "status", "pending");
    return tags;
}

/* A comment that is more than its tags. */
static bool says_more(const char *comment, json_t *pairs)
{
    const char *first = json_string_value(json_array_get(json_array_get(pairs, 0), 0));
    size_t len = first != NULL ? strlen(first) : 0;
    return comment != NULL && strspn(comment, " \n") < strlen(comment) &&
           !(len > 0 && strncmp(comment + strspn(comment, " \n"), first, len) == 0);
}

static void set_tags(json_t *object, json_t *tags)
{
    if (json_array_size(tags) > 0)
        (void)json_object_set(object, "tags", tags);
    json_decref(tags);
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

struct left_over {
    json_t *real; /* code -> minor units that the lines leave over */
    json_t *virtual_only;
};

static bool left_add(json_t *left, const char *code, int64_t minor)
{
    int64_t sum = json_integer_value(json_object_get(left, code));
    return amount_add(sum, minor, &sum) && json_object_set_new(left, code, json_integer(sum)) == 0;
}

/* A line of `minor` units, debit when positive. */
static bool line_add(json_t *lines, json_int_t account, const char *code, uint32_t scale, int64_t minor,
                     json_t **out)
{
    char text[AMOUNT_TEXT_MAX];
    (void)amount_format(minor < 0 ? -minor : minor, scale, text);
    json_t *line = json_pack("{s:I, s:s, s:s}", "account", account, minor < 0 ? "credit" : "debit", text,
                             "currency", code);
    *out = line;
    return line != NULL && json_array_append_new(lines, line) == 0;
}

/* What is said of a posting: tags, status, price, kind, its own date, comment. */
static void words_of(struct journal *journal, json_t *posting, json_t *object, json_t *line)
{
    char price[PRICE_MAX];
    const char *kind = json_string_value(json_object_get(posting, "ptype"));
    json_t *pairs = json_object_get(posting, "ptags");
    json_t *tags = tags_of(journal, pairs, json_string_value(json_object_get(posting, "pstatus")));
    const char *comment = json_string_value(json_object_get(posting, "pcomment"));
    const char *date = json_string_value(json_object_get(posting, "pdate"));
    if (import_price_text(object, price, sizeof price))
        add_tag(journal, tags, "price", price);
    if (kind != NULL && strcmp(kind, "RegularPosting") != 0) {
        add_tag(journal, tags, "virtual", strcmp(kind, "VirtualPosting") == 0 ? "unbalanced" : "balanced");
        journal->virtual_lines++;
    }
    if (date != NULL) { /* hledger tells it of a tag "date" and of [2024-01-06], the tag as it was written */
        drop_tag(tags, "date");
        add_tag(journal, tags, "date", date);
        journal->line_dates++;
    }
    if (says_more(comment, pairs))
        (void)json_object_set_new(line, "description", text_json(journal, comment, LINE_TEXT_MAX));
    set_tags(line, tags);
}

static bool can_be_name(const char *text)
{
    return text != NULL && strlen(text) <= NAME_TEXT_MAX && text_valid(slice_text(text));
}

/* Why the amount cannot be in its currency, and what to do. */
static enum status amount_fault(const struct journal_amount *amount, json_t *known, const char *account,
                                struct fault *why)
{
    const char *code = json_string_value(json_object_get(known, "code"));
    uint32_t scale = (uint32_t)json_integer_value(json_object_get(known, "scale"));
    char what[64] = "";
    if (amount->places <= scale)
        return fault_set(why, STATUS_INVALID, NULL,
                         "%.100s: an amount of %s is too large for a currency of %u decimals", account, code,
                         scale);
    if (json_integer_value(json_object_get(known, "number")) == FIRST_CURRENCY &&
        amount->places <= CURRENCY_SCALE_MAX)
        (void)snprintf(what, sizeof what, " (for new books: daftarid init --scale %u)", amount->places);
    else if (amount->places > CURRENCY_SCALE_MAX)
        (void)snprintf(what, sizeof what, "; no currency has more than %d", CURRENCY_SCALE_MAX);
    return fault_set(why, STATUS_INVALID, NULL,
                     "%.80s: an amount needs %u decimals; the currency %s has %u%s", account, amount->places,
                     code, scale, what);
}

static enum status take_amount(struct journal *journal, json_t *posting, json_t *object, json_t *lines,
                               struct left_over *left, struct fault *why)
{
    struct journal_amount amount;
    const char *account = json_string_value(json_object_get(posting, "paccount"));
    const char *kind = json_string_value(json_object_get(posting, "ptype"));
    int64_t minor = 0;
    json_t *line = NULL;
    if (!can_be_name(account))
        return fault_set(why, STATUS_INVALID, NULL, "account names are text of at most %u bytes",
                         NAME_TEXT_MAX);
    if (!import_amount_read(object, &amount))
        return fault_set(why, STATUS_INVALID, NULL, "%.100s: an amount that is too large or not understood",
                         account);
    if (amount.mantissa == 0)
        return STATUS_OK;
    if (!can_be_name(amount.commodity))
        return fault_set(why, STATUS_INVALID, NULL,
                         "%.100s: names of commodities are text of at most %u bytes", account, NAME_TEXT_MAX);
    json_t *known = import_commodity(journal, &amount);
    const char *code = json_string_value(json_object_get(known, "code"));
    uint32_t scale = (uint32_t)json_integer_value(json_object_get(known, "scale"));
    if (!import_amount_minor(&amount, scale, &minor))
        return amount_fault(&amount, known, account, why);
    uint32_t number = import_account(journal, account);
    if (number == 0)
        return fault_set(why, STATUS_INVALID, NULL, "%.100s: no number is left for an account of its type",
                         account);
    bool alone = kind != NULL && strcmp(kind, "VirtualPosting") == 0;
    if (!line_add(lines, number, code, scale, minor, &line) ||
        !left_add(alone ? left->virtual_only : left->real, code, minor))
        return fault_set(why, STATUS_INVALID, NULL, "%.100s: the amounts add up to too much", account);
    words_of(journal, posting, object, line);
    return STATUS_OK;
}

/* Lines that bring what is left over to nothing. */
static enum status balance(struct journal *journal, json_t *left, const char *account, json_t *lines,
                           struct fault *why)
{
    const char *code;
    json_t *sum;
    json_object_foreach(left, code, sum)
    {
        const char *commodity = json_string_value(json_object_get(journal->codes, code));
        json_t *known = json_object_get(journal->commodities, commodity != NULL ? commodity : code);
        uint32_t scale = (uint32_t)json_integer_value(json_object_get(known, "scale"));
        json_t *line;
        if (json_integer_value(sum) == 0)
            continue;
        if (!line_add(lines, import_account(journal, account), code, scale, -json_integer_value(sum), &line))
            return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    }
    return STATUS_OK;
}

static enum status lines_of(struct journal *journal, json_t *transaction, json_t *lines, struct fault *why)
{
    struct left_over left = {.real = json_object(), .virtual_only = json_object()};
    enum status status = STATUS_OK;
    size_t index, k;
    json_t *posting, *object;
    json_array_foreach(json_object_get(transaction, "tpostings"), index, posting)
    {
        if (json_is_object(json_object_get(posting, "pbalanceassertion")))
            journal->assertions++;
        json_array_foreach(json_object_get(posting, "pamount"), k, object)
        {
            if (status == STATUS_OK)
                status = take_amount(journal, posting, object, lines, &left, why);
        }
    }
    if (status == STATUS_OK)
        status = balance(journal, left.real, JOURNAL_TRADING_ACCOUNT, lines, why);
    if (status == STATUS_OK)
        status = balance(journal, left.virtual_only, JOURNAL_VIRTUAL_ACCOUNT, lines, why);
    json_decref(left.real);
    json_decref(left.virtual_only);
    return status;
}

/* ---- the entry --------------------------------------------------------------------------------------------------- */

/* What a transaction that is there already cannot be; whether its month is closed is for the books to say. */
static enum status date_check(const struct journal *journal, civil_date date, struct fault *why)
{
    char day[DATE_TEXT_MAX];
    if (date == 0)
        return fault_set(why, STATUS_INVALID, "tdate", "a date");
    (void)date_format(journal->first_date, day);
    if (date < journal->first_date)
        return fault_set(why, STATUS_REFUSED, "date",
                         "before the first day of the books, %s (leave them out with --from %s)", day, day);
    if (journal->today != 0 && date > date_add_days(journal->today, 1))
        return fault_set(why, STATUS_REFUSED, "date", "in the future (leave them out with --to today)");
    return STATUS_OK;
}

static void head_of(struct journal *journal, json_t *transaction, json_t *entry)
{
    const char *description = json_string_value(json_object_get(transaction, "tdescription"));
    const char *code = json_string_value(json_object_get(transaction, "tcode"));
    const char *comment = json_string_value(json_object_get(transaction, "tcomment"));
    const char *second = json_string_value(json_object_get(transaction, "tdate2"));
    json_t *pairs = json_object_get(transaction, "ttags");
    json_t *tags = tags_of(journal, pairs, json_string_value(json_object_get(transaction, "tstatus")));
    if (second != NULL) {
        drop_tag(tags, "date2");
        add_tag(journal, tags, "date2", second);
    }
    if (says_more(comment, pairs))
        add_tag(journal, tags, "comment", comment);
    bool empty = description == NULL || strspn(description, " ") == strlen(description);
    (void)json_object_set_new(entry, "description",
                              text_json(journal, empty ? "-" : description, DESCRIPTION_TEXT_MAX));
    if (code != NULL && code[0] != '\0')
        (void)json_object_set_new(entry, "reference", text_json(journal, code, REFERENCE_TEXT_MAX));
    set_tags(entry, tags);
}

enum status import_entry(struct journal *journal, json_t *transaction, json_t **out, struct fault *why)
{
    char day[DATE_TEXT_MAX];
    civil_date date = import_date(transaction);
    enum status status = date_check(journal, date, why);
    if (status != STATUS_OK)
        return status;
    (void)date_format(date, day);
    json_t *lines = json_array();
    json_t *entry = json_pack("{s:s, s:s}", "business", journal->business, "date", day);
    head_of(journal, transaction, entry);
    status = lines_of(journal, transaction, lines, why);
    if (status == STATUS_OK && json_array_size(lines) == 0)
        status = STATUS_END;
    if (status == STATUS_OK && json_array_size(lines) > LINES_MAX)
        status = fault_set(why, STATUS_INVALID, "lines", "at most %u lines in an entry", LINES_MAX);
    (void)json_object_set_new(entry, "lines", lines);
    if (status != STATUS_OK) {
        json_decref(entry);
        return status;
    }
    *out = entry;
    return STATUS_OK;
}

/* Where a transaction stands in the file and how it is displayed are not its content. */
static void strip(json_t *object)
{
    static const char *const keys[] = {"tindex",    "tsourcepos", "tprecedingcomment", "ptransaction_",
                                       "poriginal", "astyle",     "baposition",        "floatingPoint"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        (void)json_object_del(object, keys[i]);
}

static void strip_amount(json_t *object)
{
    struct journal_amount amount;
    strip(object);
    if (!import_amount_read(object, &amount))
        return;
    json_t *quantity = json_object_get(object, "aquantity");
    strip(quantity);
    (void)json_object_set_new(quantity, "decimalMantissa", json_integer(amount.mantissa));
    (void)json_object_set_new(quantity, "decimalPlaces", json_integer(amount.places));
    json_t *price = json_object_get(json_object_get(object, "aprice"), "contents");
    if (price != NULL) {
        strip(price);
        strip(json_object_get(price, "aquantity"));
    }
}

enum status import_command_id(struct journal *journal, json_t *transaction, uint8_t out[DFT_COMMAND_ID_BYTES],
                              struct fault *why)
{
    size_t index, k;
    json_t *posting, *object;
    json_t *copy = json_deep_copy(transaction);
    strip(copy);
    json_array_foreach(json_object_get(copy, "tpostings"), index, posting)
    {
        strip(posting);
        (void)json_object_del(posting, "pbalanceassertion");
        json_array_foreach(json_object_get(posting, "pamount"), k, object)
        {
            strip_amount(object);
        }
    }
    (void)json_object_set_new(copy, "business", json_string(journal->business));
    char *text = json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(copy);
    struct hash hash;
    unsigned len = 0;
    bool good = text != NULL && EVP_Digest(text, strlen(text), hash.bytes, &len, EVP_sha256(), NULL) == 1;
    free(text);
    if (!good)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    return seen_command_id(&journal->seen, "daftari import journal 1", &hash, out, why);
}
