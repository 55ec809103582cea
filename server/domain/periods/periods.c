/* Months: soft closed, closed, reopened, always in order, so that the month before says all about those before it. */
#include "server/domain/periods/periods.h"

#include "proto/base/text.h"
#include "server/domain/kernel/facts.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/kernel/till_day.h"
#include "type_ids.h"

#define REASON(name) DAFTARI__V1__REASON__##name

/* ---- months ------------------------------------------------------------------------------------------------------ */

static uint32_t month_next(uint32_t month)
{
    return month % 100 == 12 ? month + 89 : month + 1;
}

static uint32_t month_before(uint32_t month)
{
    return month % 100 == 1 ? month - 89 : month - 1;
}

/* Months counted without gaps, and back. */
static uint32_t month_number(uint32_t month)
{
    return month / 100 * 12 + month % 100 - 1;
}

static uint32_t month_of_number(uint32_t number)
{
    return number / 12 * 100 + number % 12 + 1;
}

enum period_state period_state_of(struct kv_txn *state, uint32_t period, struct arena *arena)
{
    struct row_key key = row_key_u32(period);
    const Daftari__V1__PeriodInfo *info = row_get_message(state, TABLE_PERIOD, row_key_slice(&key),
                                                          &daftari__v1__period_info__descriptor, arena);
    if (info == NULL || info->state == NULL || strcmp(info->state, PERIOD_STATE_OPEN) == 0)
        return PERIOD_OPEN;
    if (strcmp(info->state, PERIOD_STATE_SOFT_CLOSED) == 0)
        return PERIOD_SOFT_CLOSED;
    return strcmp(info->state, PERIOD_STATE_CLOSING) == 0 ? PERIOD_CLOSING : PERIOD_CLOSED;
}

void period_put(struct kv_txn *state, const struct record *record, uint32_t period, const char *name,
                char *note, struct arena *arena)
{
    struct row_key key = row_key_u32(period);
    Daftari__V1__PeriodInfo info = DAFTARI__V1__PERIOD_INFO__INIT;
    info.has_month = info.has_changed_time_us = info.has_position = true;
    info.month = period;
    info.state = (char *)(uintptr_t)name;
    info.changed_by = number_text(record->header.user, arena);
    info.changed_time_us = record->header.time;
    info.position = record->header.position;
    info.note = text_or_none(note);
    row_put_message(state, TABLE_PERIOD, row_key_slice(&key), &info.base, arena);
}

/* A month of the books that is over. */
static enum status check_month(const struct context *context, const struct facts *facts, uint32_t month,
                               struct fault *why)
{
    civil_date first = month * 100 + 1;
    if (month > DATE_MAX / 100 || !date_valid(first))
        return fault_set(why, STATUS_INVALID, "month", "a month as YYYYMM, got %u", month);
    if (facts->first_date == 0 || month < facts->first_date / 100)
        return fault_refuse(why, REASON(PERIOD_UNKNOWN), "month",
                            "the first month of these books is %04u-%02u", facts->first_date / 10000,
                            facts->first_date / 100 % 100);
    if (date_month_end(first) >= context->today)
        return fault_refuse(why, REASON(PERIOD_NOT_ENDED), "month", "%04u-%02u is not over yet", month / 100,
                            month % 100);
    return STATUS_OK;
}

/* Months close in order, so that those that are closed enough lie before all others: the first of these is found by
 * halving. `after` is one that is not. */
static uint32_t first_open(const struct context *context, struct kv_txn *state, const struct facts *facts,
                           uint32_t after, enum period_state least)
{
    uint32_t low = month_number(facts->first_date / 100), high = month_number(after);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (period_state_of(state, month_of_number(middle), context->arena) >= least)
            low = middle + 1;
        else
            high = middle;
    }
    return month_of_number(low);
}

static enum status check_before(const struct context *context, struct kv_txn *state,
                                const struct facts *facts, uint32_t month, enum period_state least,
                                struct fault *why)
{
    uint32_t before = month_before(month);
    if (month == facts->first_date / 100 || period_state_of(state, before, context->arena) >= least)
        return STATUS_OK;
    uint32_t open = first_open(context, state, facts, before, least);
    return fault_refuse(why, REASON(EARLIER_PERIOD_OPEN), "month",
                        "months close in order, and %04u-%02u is the first that is open: close all from that "
                        "one up to %04u-%02u first",
                        open / 100, open % 100, before / 100, before % 100);
}

/* ---- Period.SoftClose and Period.Close ----------------------------------------------------------------------------- */

enum status period_decide_soft_close(const struct context *context, struct kv_txn *state,
                                     const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__SoftClosePeriod *request = (const Daftari__V1__SoftClosePeriod *)command;
    struct facts facts;
    facts_get(state, &facts);
    enum status status = form_text(request->note, "note", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = check_month(context, &facts, request->month, why);
    if (status != STATUS_OK)
        return status;
    if (period_state_of(state, request->month, context->arena) != PERIOD_OPEN)
        return fault_refuse(why, REASON(PERIOD_ALREADY_CLOSED), "month",
                            "this month is closed or soft closed already");
    status = check_before(context, state, &facts, request->month, PERIOD_SOFT_CLOSED, why);
    if (status != STATUS_OK)
        return status;
    /* accepted */
    out->type = EVENT_PERIOD_SOFT_CLOSED;
    return STATUS_OK;
}

void period_apply_soft_closed(struct kv_txn *state, const struct record *record,
                              const ProtobufCMessage *payload, struct arena *arena)
{
    const Daftari__V1__SoftClosePeriod *change = (const Daftari__V1__SoftClosePeriod *)payload;
    period_put(state, record, change->month, PERIOD_STATE_SOFT_CLOSED, change->note, arena);
}

/* "draft 812 and 2 more are dated in it: post or discard them" */
static enum status refuse_open(uint32_t reason, const char *what, uint64_t first, uint32_t count,
                               const char *verbs, struct fault *why)
{
    if (count == 1)
        return fault_refuse(why, reason, "month", "%s %llu is dated in it: %s it", what,
                            (unsigned long long)first, verbs);
    return fault_refuse(why, reason, "month", "%s %llu and %u more are dated in it: %s them", what,
                        (unsigned long long)first, count - 1, verbs);
}

/* What is missing in a till could not be posted any more. */
static enum status check_days(const struct context *context, struct kv_txn *state, civil_date from,
                              civil_date to, struct fault *why)
{
    uint16_t business = 0;
    uint32_t account = 0;
    uint32_t count = till_days_open_between(state, from, to, &business, &account);
    if (count == 0)
        return STATUS_OK;
    const char *code = business_code_of(state, business, context->arena);
    if (count == 1)
        return fault_refuse(why, REASON(DAYS_OPEN), "month",
                            "the day of till %u of %s in it is open: close that day", account, code);
    return fault_refuse(why, REASON(DAYS_OPEN), "month",
                        "the days of till %u of %s and of %u more in it are open: close them", account, code,
                        count - 1);
}

enum status period_decide_close(const struct context *context, struct kv_txn *state,
                                const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__ClosePeriod *request = (const Daftari__V1__ClosePeriod *)command;
    struct facts facts;
    facts_get(state, &facts);
    enum status status = form_text(request->note, "note", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = check_month(context, &facts, request->month, why);
    if (status != STATUS_OK)
        return status;
    if (period_state_of(state, request->month, context->arena) == PERIOD_CLOSED)
        return fault_refuse(why, REASON(PERIOD_ALREADY_CLOSED), "month", "this month is closed already");
    status = check_before(context, state, &facts, request->month, PERIOD_CLOSED, why);
    if (status != STATUS_OK)
        return status;
    civil_date first = request->month * 100 + 1, last = date_month_end(first);
    uint64_t which;
    uint32_t open = drafts_open_between(state, first, last, &which);
    if (open != 0)
        return refuse_open(REASON(DRAFTS_OPEN), "draft", which, open, "post or discard", why);
    open = adjustments_open_between(state, first, last, &which);
    if (open != 0)
        return refuse_open(REASON(ADJUSTMENTS_OPEN), "adjustment", which, open, "approve or reject", why);
    status = check_days(context, state, first, last, why);
    if (status != STATUS_OK)
        return status;
    /* accepted */
    out->type = EVENT_PERIOD_CLOSED;
    return STATUS_OK;
}

void period_apply_closed(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                         struct arena *arena)
{
    const Daftari__V1__ClosePeriod *change = (const Daftari__V1__ClosePeriod *)payload;
    period_put(state, record, change->month, PERIOD_STATE_CLOSED, change->note, arena);
}

/* ---- Period.Reopen --------------------------------------------------------------------------------------------------- */

/* The fiscal years that a month's first and last day belong to: one and the same, unless years begin within it. */
static bool year_closed(const struct context *context, struct kv_txn *state, const struct facts *facts,
                        uint32_t month)
{
    civil_date first = month * 100 + 1;
    uint32_t year = facts_fiscal_year(facts, first),
             last_year = facts_fiscal_year(facts, date_month_end(first));
    return period_state_of(state, year * 100, context->arena) != PERIOD_OPEN ||
           period_state_of(state, last_year * 100, context->arena) != PERIOD_OPEN;
}

enum status period_decide_reopen(const struct context *context, struct kv_txn *state,
                                 const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__ReopenPeriod *request = (const Daftari__V1__ReopenPeriod *)command;
    struct facts facts;
    facts_get(state, &facts);
    enum status status = form_text(request->reason, "reason", DESCRIPTION_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = check_month(context, &facts, request->month, why);
    if (status != STATUS_OK)
        return status;
    if (period_state_of(state, request->month, context->arena) == PERIOD_OPEN)
        return fault_refuse(why, REASON(PERIOD_NOT_CLOSED), "month", "this month is open");
    if (year_closed(context, state, &facts, request->month))
        return fault_refuse(why, REASON(YEAR_CLOSED), "month",
                            "its year is closed: post to an open month instead");
    if (period_state_of(state, month_next(request->month), context->arena) != PERIOD_OPEN)
        return fault_refuse(why, REASON(LATER_PERIOD_CLOSED), "month",
                            "only the last closed month is reopened");
    /* accepted */
    out->type = EVENT_PERIOD_REOPENED;
    return STATUS_OK;
}

void period_apply_reopened(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                           struct arena *arena)
{
    const Daftari__V1__ReopenPeriod *change = (const Daftari__V1__ReopenPeriod *)payload;
    period_put(state, record, change->month, PERIOD_STATE_OPEN, change->reason, arena);
}

/* ---- Period.List ----------------------------------------------------------------------------------------------------- */

static enum status period_row(const struct query_context *context, struct kv_txn *masters, uint32_t period,
                              ProtobufCMessage **out, struct fault *why)
{
    uint64_t user;
    struct row_key key = row_key_u32(period);
    Daftari__V1__PeriodInfo *info = row_get_message(masters, TABLE_PERIOD, row_key_slice(&key),
                                                    &daftari__v1__period_info__descriptor, context->arena);
    if (info == NULL) {
        info = message_new(&daftari__v1__period_info__descriptor, context->arena);
        if (info == NULL)
            return fault_set(why, STATUS_NO_MEMORY, NULL, "the answer is too large");
        info->has_month = true;
        info->month = period;
        info->state = (char *)(uintptr_t)PERIOD_STATE_OPEN;
    } else if (info->changed_by != NULL && number_parse(slice_text(info->changed_by), 0, UINT32_MAX, &user)) {
        info->changed_by = (char *)(uintptr_t)user_email_of(masters, (uint32_t)user, context->arena);
    }
    *out = &info->base;
    return STATUS_OK;
}

/* The period after `last` (0: the first) that the list shows; 0 = no more. A year has number YYYY00 and comes first. */
static uint32_t period_after(const struct query_context *context, struct kv_txn *masters, uint32_t year,
                             uint32_t last)
{
    struct facts facts;
    uint32_t present = context->today / 100;
    facts_get(masters, &facts);
    uint32_t first = facts.first_date / 100;
    if (year != 0) {
        uint32_t next = last == 0 ? year * 100 : last + 1;
        if (next == year * 100 && period_state_of(masters, next, context->arena) == PERIOD_OPEN)
            next++;
        if (next > year * 100 && next < first)
            next = first;
        return next <= year * 100 + 12 && next <= present ? next : 0;
    }
    struct row_key after = row_key_u32(last);
    struct slice key, value;
    while (last < present && row_next(masters, TABLE_PERIOD, row_key_slice(&after), &key, &value) &&
           key.len == 4) {
        uint32_t period = be32_get(key.ptr);
        if (period >= present)
            break;
        after = row_key_u32(period);
        if (period_state_of(masters, period, context->arena) != PERIOD_OPEN)
            return period;
    }
    return last < present ? present : 0;
}

enum status period_query_list(const struct query_context *context, struct kv_txn *masters,
                              const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                              struct fault *why)
{
    const Daftari__V1__ListPeriods *list = (const Daftari__V1__ListPeriods *)request;
    if (list->has_year && (list->year < DATE_MIN / 10000 || list->year > DATE_MAX / 10000))
        return fault_set(why, STATUS_INVALID, "year", "a year as YYYY");
    uint32_t last = cursor->len == 4 ? be32_get(cursor->ptr) : 0;
    uint32_t period = period_after(context, masters, list->has_year ? list->year : 0, last);
    if (period == 0)
        return query_end(masters, STATUS_END, why);
    struct row_key key = row_key_u32(period);
    if (!arena_copy(context->arena, row_key_slice(&key), cursor))
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the answer is too large");
    return period_row(context, masters, period, out, why);
}
