#include "server/domain/business/settings.h"

#include "proto/base/bug.h"
#include "proto/base/text.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"

/* Begins the meaning of a setting that nothing here acts on: it is kept and told, for people and for programs at a till.
 * A gate (tools/dev/check-settings) holds that these are all those that no code reads, and that the others are read. */
#define NOTED "a note, not acted on by the server: "

/* Sorted by name: answers list them in this order. */
const struct setting settings[] = {
    {"adjustment_requires_approval", SETTING_FLAG, "true", NULL,
     "entries of type ADJ are requested and approved; with false they are posted like others", PROFILE_NONE},
    {"aging_alert_days", SETTING_COUNT, "30", NULL,
     NOTED "days after which an uncollected job or unpaid debt is shown", PROFILE_NONE},
    {"allow_negative_stock", SETTING_FLAG, "false", NULL, "permit stock below zero", PROFILE_NEGATIVE_STOCK},
    {"cashier_may_void", SETTING_FLAG, "true", NULL, "who sold it may void a sale on the day of the sale",
     PROFILE_CASHIER_VOID},
    {"collect_requires_zero_balance", SETTING_FLAG, "true", NULL,
     "a job is collected only when it is fully paid", PROFILE_COLLECT_PAID},
    {"currency_code", SETTING_CURRENCY, "", NULL, NOTED "currency of documents, always the base currency",
     PROFILE_NONE},
    {"currency_symbol", SETTING_TEXT, "", NULL,
     NOTED "shown before amounts; empty = the currency's own symbol", PROFILE_NONE},
    {"day_close_time", SETTING_TIME, "20:00", NULL, NOTED "when the till is to be counted", PROFILE_NONE},
    {"day_required", SETTING_FLAG, "false", NULL,
     "cash is taken and paid out only while the till's day is open", PROFILE_DAY_REQUIRED},
    {"dead_stock_days", SETTING_COUNT, "30", NULL,
     NOTED "days without a sale after which stock is shown as dead", PROFILE_NONE},
    {"default_credit_limit", SETTING_LIMIT, "", NULL,
     "credit of a customer without a limit of his own; 0 = none, empty = no limit", PROFILE_DEFAULT_CREDIT},
    {"enforce_credit_limit", SETTING_FLAG, "true", NULL, "refuse credit above the customer's limit",
     PROFILE_CREDIT_LIMIT},
    {"etims_branch", SETTING_TEXT, "00", NULL, "number of the branch at the tax authority, two digits",
     PROFILE_NONE},
    {"etims_serial", SETTING_TEXT, "", NULL, "serial number of the control unit that signs invoices",
     PROFILE_NONE},
    {"excise_per_litre", SETTING_AMOUNT, "0", NULL, "excise on a litre that is packaged; 0 = none",
     PROFILE_EXCISE},
    {"expense_approval_threshold", SETTING_LIMIT, "", NULL,
     "expenses from this amount on need approval; 0 = all, empty = none", PROFILE_EXPENSE_APPROVAL},
    {"fiscal_year_start", SETTING_DAY, "", NULL,
     "first day of the year with which reports on this business alone begin when no date is given; empty = "
     "the books' own year, by which years are closed",
     PROFILE_NONE},
    {"float_amount", SETTING_AMOUNT, "0", NULL,
     "cash that stays in the till at day close: the Z report says what is to be banked", PROFILE_FLOAT},
    {"job_series", SETTING_SERIES, "", NULL, "series that numbers jobs; empty = that of journal entries",
     PROFILE_JOB_SERIES},
    {"job_stages", SETTING_STAGES, "working?", NULL,
     "stages of a job between received and ready, in order; \"?\" after one that may be left out",
     PROFILE_NONE},
    {"kra_pin", SETTING_PIN, "", NULL,
     "taxpayer number; businesses with the same one file VAT together; empty = that of head office",
     PROFILE_NONE},
    {"low_stock_threshold", SETTING_COUNT, "10", NULL, "alert when a quantity is at or below this",
     PROFILE_LOW_STOCK},
    {"lpg_price_per_kg", SETTING_PRICES, "", NULL,
     NOTED "price of gas by capacity in kg, as 6=230.00,13=215.00", PROFILE_NONE},
    {"operating_hours_end", SETTING_TIME, "20:00", NULL, NOTED "closing time", PROFILE_NONE},
    {"operating_hours_start", SETTING_TIME, "08:00", NULL, NOTED "opening time", PROFILE_NONE},
    {"owner_may_approve_own", SETTING_FLAG, "false", NULL,
     "an owner may approve an adjustment that he requested himself", PROFILE_NONE},
    {"petty_cash_limit", SETTING_LIMIT, "", NULL,
     "a cashier records expenses up to this amount; 0 and empty = none", PROFILE_PETTY_CASH},
    {"receipt_footer", SETTING_TEXT, "", NULL, NOTED "last lines of a receipt", PROFILE_NONE},
    {"requires_signature", SETTING_FLAG, "false", NULL,
     NOTED "ask for a signature on receipts at or above signature_threshold", PROFILE_NONE},
    {"revenue_recognition", SETTING_CHOICE, "received", "received ready",
     "when a job counts as revenue: taken in, or ready", PROFILE_RECOGNITION},
    {"sale_series", SETTING_SERIES, "", NULL, "series that numbers sales; empty = that of journal entries",
     PROFILE_SALE_SERIES},
    {"signature_threshold", SETTING_AMOUNT, "10000", NULL, NOTED "amount from which a signature is asked for",
     PROFILE_NONE},
    {"tax_rate", SETTING_RATE, "16.00", NULL, "VAT in percent", PROFILE_TAX_RATE},
    {"valuation", SETTING_CHOICE, "average", "average fifo", "how issued stock is valued", PROFILE_VALUATION},
    {"vat_mode", SETTING_CHOICE, "none", "none inclusive exclusive",
     "not registered for VAT; prices include VAT; VAT is added to prices", PROFILE_VAT_MODE},
    {"withdrawal_approval_threshold", SETTING_LIMIT, "", NULL,
     "withdrawals from this amount on need approval; 0 = all, empty = none", PROFILE_WITHDRAWAL_APPROVAL},
    {"zero_stock_policy", SETTING_CHOICE, "block", "block warn",
     "a sale at zero stock is refused, or warned of", PROFILE_ZERO_STOCK},
};
const size_t setting_count = sizeof settings / sizeof settings[0];

const struct setting *setting_find(const char *name)
{
    for (size_t i = 0; i < setting_count; i++)
        if (strcmp(settings[i].name, name) == 0)
            return &settings[i];
    return NULL;
}

/* ---- form ---------------------------------------------------------------------------------------------------------- */

static bool is_amount(struct slice text, uint32_t scale)
{
    int64_t amount;
    struct fault why;
    return amount_parse(text, scale, &amount, &why) == STATUS_OK && amount >= 0;
}

static bool is_rate(struct slice text)
{
    int64_t rate;
    struct fault why;
    return amount_parse(text, 2, &rate, &why) == STATUS_OK && rate >= 0 && rate <= 99999;
}

static bool is_pair(struct slice text, uint8_t separator, uint64_t first_min, uint64_t first_max,
                    uint64_t second_min, uint64_t second_max)
{
    uint64_t number;
    return text.len == 5 && text.ptr[2] == separator &&
           number_parse(slice_of(text.ptr, 2), first_min, first_max, &number) &&
           number_parse(slice_of(text.ptr + 3, 2), second_min, second_max, &number);
}

static bool is_day(struct slice text)
{
    uint64_t month, day;
    return is_pair(text, '-', 1, 12, 1, 31) && number_parse(slice_of(text.ptr, 2), 1, 12, &month) &&
           number_parse(slice_of(text.ptr + 3, 2), 1, 31, &day) &&
           date_valid((civil_date)(20010000 + month * 100 + day));
}

/* The place of a word in a list of words. */
static bool choice_place(const char *value, const char *choices, int64_t *out)
{
    size_t len = strlen(value);
    *out = 0;
    for (const char *at = choices; len != 0 && *at != '\0'; ++*out) {
        size_t word = strcspn(at, " ");
        if (word == len && memcmp(at, value, len) == 0)
            return true;
        at += word;
        at += strspn(at, " ");
    }
    return false;
}

static bool is_choice(const char *value, const char *choices)
{
    int64_t place;
    return choice_place(value, choices, &place);
}

/* A letter, nine digits, a letter: P051234567X. */
static bool is_pin(struct slice text)
{
    uint64_t number;
    return text.len == 11 && text.ptr[0] >= 'A' && text.ptr[0] <= 'Z' && text.ptr[10] >= 'A' &&
           text.ptr[10] <= 'Z' && number_parse(slice_of(text.ptr + 1, 9), 0, 999999999, &number);
}

static bool is_prices(const char *value, uint32_t scale)
{
    while (*value != '\0') {
        size_t size = strspn(value, "0123456789.");
        if (size == 0 || size > 6 || value[size] != '=')
            return false;
        value += size + 1;
        size_t price = strcspn(value, ",");
        if (!is_amount(slice_of(value, price), scale))
            return false;
        value += price;
        if (*value == ',' && *++value == '\0')
            return false;
    }
    return true;
}

/* At most JOB_STAGES_MAX, no two the same, none with the name of a state that every job has. */
static bool is_stages(const char *value)
{
    struct job_stage stages[JOB_STAGES_MAX + 1];
    static const char *const states[] = {"received", "ready", "collected", "cancelled"};
    size_t count = job_stages_read(slice_text(value), stages);
    for (size_t i = 0; i < count; i++) {
        struct slice name = stages[i].name;
        for (size_t j = 0; j < name.len; j++)
            if ((name.ptr[j] < 'a' || name.ptr[j] > 'z') && name.ptr[j] != '-')
                return false;
        for (size_t j = 0; j < i; j++)
            if (slice_equal(name, stages[j].name))
                return false;
        for (size_t j = 0; j < sizeof states / sizeof states[0]; j++)
            if (slice_equal(name, slice_text(states[j])))
                return false;
        if (name.len == 0 || name.len > JOB_STAGE_MAX)
            return false;
    }
    return count <= JOB_STAGES_MAX;
}

static bool series_find(struct kv_txn *state, const char *prefix, uint16_t *out)
{
    return row_get_u16(state, TABLE_SERIES_PREFIX, slice_text(prefix), out);
}

static bool value_good(struct kv_txn *state, const struct setting *setting, const char *value, uint32_t scale)
{
    struct slice text = slice_text(value);
    uint64_t number;
    uint16_t currency, series;
    switch (setting->kind) {
    case SETTING_FLAG:
        return is_choice(value, "true false");
    case SETTING_RATE:
        return is_rate(text);
    case SETTING_AMOUNT:
        return is_amount(text, scale);
    case SETTING_LIMIT:
        return text.len == 0 || is_amount(text, scale);
    case SETTING_COUNT:
        return number_parse(text, 0, 1000000, &number);
    case SETTING_TIME:
        return is_pair(text, ':', 0, 23, 0, 59);
    case SETTING_DAY:
        return text.len == 0 || is_day(text);
    case SETTING_CHOICE:
        return is_choice(value, setting->choices);
    case SETTING_TEXT:
        return text.len <= SETTING_VALUE_MAX;
    case SETTING_CURRENCY:
        return text.len == 0 || (currency_find(state, value, &currency) && currency == BASE_CURRENCY);
    case SETTING_PRICES:
        return text.len <= SETTING_VALUE_MAX && is_prices(value, scale);
    case SETTING_SERIES:
        return text.len == 0 || series_find(state, value, &series);
    case SETTING_PIN:
        return text.len == 0 || is_pin(text);
    case SETTING_STAGES:
        return is_stages(value);
    }
    return false;
}

bool setting_number(struct kv_txn *state, const struct setting *setting, const char *value, uint32_t scale,
                    int64_t *out)
{
    struct fault why;
    uint64_t count;
    uint16_t series = 0;
    switch (setting->kind) {
    case SETTING_FLAG:
        return choice_place(value, "false true", out);
    case SETTING_RATE:
        return amount_parse(slice_text(value), 2, out, &why) == STATUS_OK;
    case SETTING_AMOUNT:
        return amount_parse(slice_text(value), scale, out, &why) == STATUS_OK;
    case SETTING_LIMIT:
        *out = -1;
        return value[0] == '\0' || amount_parse(slice_text(value), scale, out, &why) == STATUS_OK;
    case SETTING_COUNT:
        if (!number_parse(slice_text(value), 0, 1000000, &count))
            return false;
        *out = (int64_t)count;
        return true;
    case SETTING_CHOICE:
        return choice_place(value, setting->choices, out);
    case SETTING_SERIES:
        if (value[0] != '\0' && !series_find(state, value, &series))
            return false;
        *out = series;
        return true;
    default:
        return false;
    }
}

static const char *kind_text(const struct setting *setting)
{
    switch (setting->kind) {
    case SETTING_FLAG:
        return "true or false";
    case SETTING_RATE:
        return "percent, like 16.00";
    case SETTING_AMOUNT:
        return "an amount, like 10000.00";
    case SETTING_LIMIT:
        return "an amount, or nothing for no limit";
    case SETTING_COUNT:
        return "a whole number from 0 to 1000000";
    case SETTING_TIME:
        return "a time, like 08:00";
    case SETTING_DAY:
        return "month and day, like 07-01, or nothing for the year of the books";
    case SETTING_CHOICE:
        return setting->choices;
    case SETTING_TEXT:
        return "at most 500 bytes of text";
    case SETTING_CURRENCY:
        return "the base currency of these books; a line of an entry names another itself";
    case SETTING_PRICES:
        return "prices by size, like 6=230.00,13=215.00";
    case SETTING_SERIES:
        return "the prefix of a series of these books, or nothing";
    case SETTING_PIN:
        return "a letter, nine digits and a letter, like P051234567X, or nothing";
    case SETTING_STAGES:
        return "at most 8 words of small letters, like washing drying?";
    }
    return "";
}

enum status setting_check(struct kv_txn *state, const struct setting *setting, const char *value,
                          uint32_t scale, const char *field, struct fault *why)
{
    if (value_good(state, setting, value, scale))
        return STATUS_OK;
    return fault_refuse(why, DAFTARI__V1__REASON__SETTING_VALUE_BAD, field, "%s: %s%s", setting->name,
                        setting->kind == SETTING_CHOICE ? "one of " : "", kind_text(setting));
}

/* ---- rows ---------------------------------------------------------------------------------------------------------- */

static struct row_key setting_key(uint16_t business, const char *name)
{
    struct row_key key = row_key_u16(business);
    row_key_add(&key, name, strlen(name) + 1);
    return key;
}

bool setting_row(struct kv_txn *state, uint16_t business, const char *name, civil_date date,
                 civil_date *out_from, struct slice *out_value)
{
    struct row_key prefix = setting_key(business, name);
    struct row_key up_to = prefix;
    struct slice key, value;
    row_key_add_u32(&up_to, date);
    if (!row_last_within(state, TABLE_SETTING, row_key_slice(&prefix), row_key_slice(&up_to), &key, &value) ||
        key.len != up_to.len)
        return false;
    *out_from = be32_get(key.ptr + prefix.len);
    *out_value = value;
    return true;
}

void setting_row_put(struct kv_txn *state, uint16_t business, const char *name, civil_date from,
                     struct slice value)
{
    struct row_key key = setting_key(business, name);
    row_key_add_u32(&key, from);
    kv_put(state, TABLE_SETTING, row_key_slice(&key), value);
}

/* Borrowed until the next write. */
static struct slice setting_get(struct kv_txn *state, uint16_t business, const char *name, civil_date date)
{
    const struct setting *setting = setting_find(name);
    civil_date from;
    struct slice value;
    ASSERT(setting != NULL);
    return setting_row(state, business, name, date, &from, &value) ? value : slice_text(setting->fallback);
}

struct slice setting_text(struct kv_txn *state, uint16_t business, const char *name, civil_date date)
{
    civil_date from;
    struct slice value;
    if (setting_row(state, business, name, date, &from, &value))
        return value;
    return setting_get(state, HEAD_OFFICE, name, date);
}

size_t job_stages_read(struct slice text, struct job_stage out[JOB_STAGES_MAX + 1])
{
    size_t count = 0, at = 0;
    while (at < text.len && count <= JOB_STAGES_MAX) {
        size_t start = at;
        while (at < text.len && text.ptr[at] != ' ')
            at++;
        if (at > start) {
            bool optional = text.ptr[at - 1] == '?';
            out[count++] = (struct job_stage){slice_of(text.ptr + start, at - start - optional), optional};
        }
        at++;
    }
    return count;
}

bool setting_is_true(struct kv_txn *state, uint16_t business, const char *name, civil_date date)
{
    return slice_equal(setting_get(state, business, name, date), slice_text("true"));
}

uint32_t setting_day(struct kv_txn *state, uint16_t business, const char *name, civil_date date)
{
    struct slice value = setting_get(state, business, name, date);
    uint64_t month, day;
    if (value.len != 5 || !number_parse(slice_of(value.ptr, 2), 1, 12, &month) ||
        !number_parse(slice_of(value.ptr + 3, 2), 1, 31, &day))
        return 0;
    return (uint32_t)(month * 100 + day);
}

const char *setting_text_of(struct kv_txn *state, uint16_t business, const char *name, civil_date date,
                            struct arena *arena)
{
    return arena_text(arena, setting_get(state, business, name, date));
}

const char *business_pin(struct kv_txn *state, uint16_t business, civil_date date, struct arena *arena)
{
    const char *own = setting_text_of(state, business, "kra_pin", date, arena);
    return own == NULL || own[0] != '\0' ? own : setting_text_of(state, HEAD_OFFICE, "kra_pin", date, arena);
}
