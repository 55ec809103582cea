/*
 * O-76 and O-77: at the end of a fiscal year the balances of revenue and expense accounts go to retained earnings, and
 * those of drawings to capital, for every business and currency, dated the last day of the year.
 *
 * The balances are those as at that day (kernel/balance.h), so entries dated later do not matter; entries dated earlier
 * cannot come any more, because every month up to that day is closed for others and a closed year takes none at all.
 * Years close in order: a balance holds everything up to its date, that of years never closed too.
 */
#include "proto/base/money.h"
#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/numbering.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/periods/periods.h"
#include "type_ids.h"

#define REASON(name) DAFTARI__V1__REASON__##name

/* Where balances go, by business and currency. */
struct counter {
    uint16_t business;
    uint16_t currency;
    Daftari__V1__AccountClass class;
    int128 sum; /* of what was taken from the accounts closed to it */
};

struct closing {
    const struct context *context;
    struct kv_txn *state;
    civil_date end;
    struct decision *out;
    struct counter *counters; /* POSTINGS_MAX of them */
    size_t counter_count;
    bool more;
};

static civil_date year_end(const struct facts *facts, uint32_t year)
{
    if (facts->fiscal_year_start <= 101)
        return year * 10000 + 1231;
    return date_add_days(year * 10000 + facts->fiscal_year_start, -1);
}

static struct counter *counter_of(struct closing *closing, uint16_t business, uint16_t currency,
                                  Daftari__V1__AccountClass class)
{
    for (size_t i = 0; i < closing->counter_count; i++) {
        struct counter *counter = &closing->counters[i];
        if (counter->business == business && counter->currency == currency && counter->class == class)
            return counter;
    }
    return NULL;
}

/* One balance to nothing. Sets `more` instead when the record would not hold it and its counter line. */
static enum status close_balance(struct closing *closing, uint32_t account, uint16_t business,
                                 uint16_t currency, Daftari__V1__AccountClass class, struct fault *why)
{
    int64_t balance;
    struct decision *out = closing->out;
    if (!balance_as_at(closing->state, account, business, currency, closing->end, &balance))
        return fault_refuse(why, REASON(BALANCE_OUT_OF_RANGE), "year",
                            "account %u was past the ledger's limit then", account);
    if (balance == 0)
        return STATUS_OK;
    if (!may_in_business(closing->context->rights, business, PERMISSION_WRITE))
        return fault_set(why, STATUS_DENIED, "year",
                         "closing a year takes write access to every business in it");
    struct counter *counter = counter_of(closing, business, currency, class);
    size_t lines = out->posting_count + closing->counter_count + (counter == NULL ? 2 : 1);
    if (lines > POSTINGS_MAX) {
        closing->more = true;
        return STATUS_OK;
    }
    if (counter == NULL) {
        counter = &closing->counters[closing->counter_count++];
        *counter = (struct counter){.business = business, .currency = currency, .class = class};
    }
    counter->sum += balance;
    out->postings[out->posting_count++] =
        (struct posting){.account = account, .business = business, .currency = currency, .amount = -balance};
    return STATUS_OK;
}

/* What an account is closed to; CLASS_NONE = it is not. */
static Daftari__V1__AccountClass closed_to(struct kv_txn *state, uint32_t account)
{
    struct account_row row;
    enum account_type type = account_type_of(account);
    if (type == ACCOUNT_REVENUE || type == ACCOUNT_EXPENSE)
        return DAFTARI__V1__ACCOUNT_CLASS__CLASS_RETAINED_EARNINGS;
    if (type == ACCOUNT_EQUITY && account_row_get(state, account, &row) &&
        row.class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_DRAWINGS)
        return DAFTARI__V1__ACCOUNT_CLASS__CLASS_CAPITAL;
    return DAFTARI__V1__ACCOUNT_CLASS__CLASS_NONE;
}

/* The balances of accounts `first` to `last`. */
static enum status close_range(struct closing *closing, uint32_t first, uint32_t last, struct fault *why)
{
    enum status status = STATUS_OK;
    struct row_key at = row_key_u32(first);
    struct slice key, value;
    while (status == STATUS_OK && !closing->more &&
           row_next(closing->state, TABLE_BALANCE, row_key_slice(&at), &key, &value)) {
        if (key.len != BALANCE_KEY_BYTES || be32_get(key.ptr) > last)
            break;
        uint32_t account = be32_get(key.ptr);
        uint16_t business = be16_get(key.ptr + 4), currency = be16_get(key.ptr + 6);
        at.len = 0;
        row_key_add(&at, key.ptr, key.len);
        Daftari__V1__AccountClass class = closed_to(closing->state, account);
        if (class != DAFTARI__V1__ACCOUNT_CLASS__CLASS_NONE)
            status = close_balance(closing, account, business, currency, class, why);
    }
    return status;
}

/* Equity, revenue and expense, in numbers of four to nine digits. */
static enum status close_accounts(struct closing *closing, struct fault *why)
{
    enum status status = STATUS_OK;
    for (uint32_t unit = 1000; unit <= 100000000 && status == STATUS_OK; unit *= 10)
        status = close_range(closing, 3 * unit, 6 * unit - 1, why);
    return status;
}

static enum status add_counters(struct closing *closing, struct fault *why)
{
    struct decision *out = closing->out;
    for (size_t i = 0; i < closing->counter_count; i++) {
        const struct counter *counter = &closing->counters[i];
        bool profit = counter->class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_RETAINED_EARNINGS;
        uint32_t account = account_of_class(closing->state, counter->class, counter->business);
        if (account == 0)
            return fault_refuse(why, REASON(ACCOUNT_UNKNOWN), "year",
                                "the chart needs an equity account of class %s",
                                profit ? "retained earnings (3300)" : "capital (3100)");
        if (counter->sum > AMOUNT_MAX || counter->sum < -AMOUNT_MAX)
            return fault_refuse(why, REASON(AMOUNT_OUT_OF_RANGE), "year",
                                "the result of a business passes 18 digits");
        if (counter->sum != 0)
            out->postings[out->posting_count++] = (struct posting){.account = account,
                                                                   .business = counter->business,
                                                                   .currency = counter->currency,
                                                                   .amount = (int64_t)counter->sum};
    }
    return STATUS_OK;
}

static bool later_year_closed(struct kv_txn *state, uint32_t year)
{
    struct row_key at = row_key_u32(year * 100 + 99);
    struct slice key, value;
    while (row_next(state, TABLE_PERIOD, row_key_slice(&at), &key, &value) && key.len == 4) {
        uint32_t period = be32_get(key.ptr);
        if (period % 100 == 0)
            return true;
        at = row_key_u32(period);
    }
    return false;
}

static enum status check_year(const struct context *context, struct kv_txn *state, const struct facts *facts,
                              uint32_t year, civil_date end, struct fault *why)
{
    if (facts->first_date == 0 || end < facts->first_date)
        return fault_refuse(why, REASON(PERIOD_UNKNOWN), "year", "these books begin in %u",
                            facts->first_date / 10000);
    if (period_state_of(state, year * 100, context->arena) == PERIOD_CLOSED)
        return fault_refuse(why, REASON(YEAR_ALREADY_CLOSED), "year", "this year is closed already");
    if (end >= context->today)
        return fault_refuse(why, REASON(PERIOD_NOT_ENDED), "year", "this year is not over yet");
    if (later_year_closed(state, year))
        return fault_refuse(why, REASON(LATER_PERIOD_CLOSED), "year",
                            "a later year is closed, and this one with it");
    if (period_state_of(state, end / 100, context->arena) == PERIOD_OPEN)
        return fault_refuse(why, REASON(YEAR_PERIODS_OPEN), "year", "close its months first, up to %04u-%02u",
                            end / 10000, end / 100 % 100);
    return STATUS_OK;
}

enum status year_decide_close(const struct context *context, struct kv_txn *state,
                              const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    Daftari__V1__CloseYear request = *(const Daftari__V1__CloseYear *)command;
    struct facts facts;
    facts_get(state, &facts);
    enum status status = form_text(request.note, "note", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = form_left_out(request.has_more, "more", why);
    if (status != STATUS_OK)
        return status;
    if (request.year < DATE_MIN / 10000 || request.year > DATE_MAX / 10000)
        return fault_set(why, STATUS_INVALID, "year", "a year as YYYY, got %u", request.year);
    civil_date end = year_end(&facts, request.year);
    status = check_year(context, state, &facts, request.year, end, why);
    if (status != STATUS_OK)
        return status;
    struct closing closing = {.context = context, .state = state, .end = end, .out = out};
    closing.counters = arena_take(context->arena, POSTINGS_MAX * sizeof *closing.counters);
    if (closing.counters == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the year is too large to close");
    status = close_accounts(&closing, why);
    if (status == STATUS_OK)
        status = add_counters(&closing, why);
    if (status != STATUS_OK)
        return status;
    request.has_more = closing.more;
    request.more = closing.more;
    size_t size = protobuf_c_message_get_packed_size(&request.base);
    uint8_t *payload = arena_take(context->arena, size + 1);
    if (payload == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the year is too large to close");
    /* accepted */
    out->payload = slice_of(payload, protobuf_c_message_pack(&request.base, payload));
    out->type = EVENT_YEAR_CLOSED;
    out->business_date = end;
    if (out->posting_count != 0 &&
        facts.entry_series != 0) { /* without postings there is no entry to number */
        out->series = facts.entry_series;
        out->number = number_next(state, facts.entry_series, end);
    }
    return STATUS_OK;
}

void year_apply_closed(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                       struct arena *arena)
{
    const Daftari__V1__CloseYear *change = (const Daftari__V1__CloseYear *)payload;
    period_put(state, record, change->year * 100, change->more ? PERIOD_STATE_CLOSING : PERIOD_STATE_CLOSED,
               change->note, arena);
}
