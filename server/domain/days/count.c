/* The day of a till is opened with what is counted in it; it may be counted again at any time. */
#include "server/domain/days/days.h"
#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/balance.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "type_ids.h"

#define CASH_ROWS_MAX 50u

/* ---- the till ----------------------------------------------------------------------------------------------------- */

void till_find_account(struct till *till, uint32_t account)
{
    struct document *document = &till->document;
    struct account_row row;
    uint32_t usual = document_account(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_CASH, CATEGORY_ANY);
    till->account = account != 0 ? account : usual;
    till->main = till->account == usual;
    if (document->status != STATUS_OK)
        return;
    if (till->account == 0)
        document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_CASH, CATEGORY_ANY, 0, 1, 0);
    else if (!account_row_get(document->state, till->account, &row) || row.header)
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__ACCOUNT_UNKNOWN, "account",
                                             "there is no account %u that takes postings", till->account));
    else if (row.class != DAFTARI__V1__ACCOUNT_CLASS__CLASS_CASH)
        document_fail(document,
                      fault_refuse(document->why, DAFTARI__V1__REASON__ACCOUNT_UNFIT, "account",
                                   "account %u is no till: it is not of class cash", till->account));
    else if (row.business != ACCOUNT_SHARED && row.business != document->business)
        document_fail(document,
                      fault_refuse(document->why, DAFTARI__V1__REASON__ACCOUNT_OF_OTHER_BUSINESS, "account",
                                   "account %u is a till of another business", till->account));
    if (document->status == STATUS_OK)
        (void)till_day_get(document->state, document->business, till->account, &till->day);
}

enum status till_begin_open(struct till *till, const struct context *context, struct kv_txn *state,
                            const char *business, uint32_t account, struct decision *out, struct fault *why)
{
    struct document *document = &till->document;
    memset(till, 0, sizeof *till);
    enum status status = document_begin(document, context, state, business, false, 0, out, why);
    if (status != STATUS_OK)
        return status;
    till_find_account(till, account);
    if (document->status != STATUS_OK)
        return document->status;
    if (till->day.open_date == 0)
        return fault_refuse(why, DAFTARI__V1__REASON__DAY_NOT_OPEN, "account", "no day of till %u is open",
                            till->account);
    return document_begin(document, context, state, business, true, till->day.open_date, out, why);
}

/* ---- what is there ------------------------------------------------------------------------------------------------ */

static bool sum_of(struct document *document, const struct given_cash *given, int64_t *out)
{
    char path[FAULT_FIELD_MAX];
    *out = 0;
    if (given->count > CASH_ROWS_MAX) {
        document_fail(document,
                      fault_set(document->why, STATUS_INVALID, "cash", "at most %u", CASH_ROWS_MAX));
        return false;
    }
    for (size_t i = 0; i < given->count; i++) {
        const Daftari__V1__CountedCash *row = given->rows[i];
        int128 sum = *out + (int128)row->value_minor * row->count;
        bool good = row->value_minor > 0 && row->value_minor <= AMOUNT_MAX && sum <= AMOUNT_MAX;
        if (!good) {
            document_fail(document,
                          fault_set(document->why, STATUS_INVALID, form_path(path, "cash", i, "value_minor"),
                                    "the value of one note or coin, more than zero"));
            return false;
        }
        *out = (int64_t)sum;
    }
    return true;
}

static void check_counted(struct till *till, const struct given_cash *given)
{
    struct document *document = &till->document;
    char text[AMOUNT_TEXT_MAX];
    if (document->status != STATUS_OK || !sum_of(document, given, &till->counted))
        return;
    if (given->count == 0 && !given->has_counted)
        document_fail(document, fault_set(document->why, STATUS_INVALID, "counted_minor",
                                          "what is in the till, or its notes and coins"));
    else if (given->count == 0 && (given->counted < 0 || given->counted > AMOUNT_MAX))
        document_fail(document, fault_set(document->why, STATUS_INVALID, "counted_minor", "zero or more"));
    if (document->status != STATUS_OK)
        return;
    if (given->count == 0) {
        till->counted = given->counted;
    } else if (given->has_counted && given->counted != till->counted) {
        document_amount(document, till->counted, text);
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__COUNT_DIFFERS,
                                             "counted_minor", "the notes and coins come to %s", text));
    }
}

void till_count(struct till *till, const struct given_cash *given)
{
    struct document *document = &till->document;
    check_counted(till, given);
    if (document->status != STATUS_OK)
        return;
    if (!balance_as_at(document->state, till->account, document->business, BASE_CURRENCY, document->date,
                       &till->expected) ||
        !amount_subtract(till->counted, till->expected, &till->difference))
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__AMOUNT_OUT_OF_RANGE,
                                             "counted_minor", "at most 18 digits"));
}

void till_post_difference(struct till *till)
{
    struct document *document = &till->document;
    document_post(document, till->account, 0, till->difference, 0);
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_CASH_DIFFERENCE, CATEGORY_ANY, 0,
                       -till->difference, 0);
}

static enum status end(struct till *till, uint16_t type, const struct given_cash *given, char *note)
{
    Daftari__V1__CashCounted payload = DAFTARI__V1__CASH_COUNTED__INIT;
    payload.has_account = payload.has_counted_minor = payload.has_expected_minor = true;
    payload.account = till->account;
    payload.counted_minor = till->counted;
    payload.expected_minor = till->expected;
    payload.has_difference_minor = till->difference != 0;
    payload.difference_minor = till->difference;
    payload.n_cash = given->count;
    payload.cash = given->rows;
    payload.has_main = payload.main = till->main;
    payload.note = text_or_none(note);
    document_number(&till->document, "CC");
    return document_end(&till->document, type, &payload.base);
}

/* ---- open --------------------------------------------------------------------------------------------------------- */

static void check_openable(struct till *till)
{
    struct document *document = &till->document;
    char date[DATE_TEXT_MAX];
    if (document->status != STATUS_OK)
        return;
    if (till->day.open_date != 0) {
        (void)date_format(till->day.open_date, date);
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__DAY_OPEN_ALREADY, "account",
                                             "the day %s of this till is open: close it first", date));
        return;
    }
    if (document->date > document->context->today) {
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__DATE_IN_FUTURE, "date",
                                             "a day is opened when it has come"));
        return;
    }
    document_fail(document, till_day_check(document->state, document->business, till->account, document->date,
                                           document->why));
}

enum status day_decide_open(const struct context *context, struct kv_txn *state,
                            const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__OpenDay *given = (const Daftari__V1__OpenDay *)command;
    const struct given_cash cash = {given->has_counted_minor, given->counted_minor, given->cash,
                                    given->n_cash};
    struct till till = {.account = 0};
    enum status status = form_text(given->note, "note", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = document_begin(&till.document, context, state, given->business, given->has_date, given->date,
                                out, why);
    if (status != STATUS_OK)
        return status;
    till_find_account(&till, given->account);
    check_openable(&till);
    till_count(&till, &cash);
    till_post_difference(&till);
    return till.document.status == STATUS_OK ? end(&till, EVENT_DAY_OPENED, &cash, given->note)
                                             : till.document.status;
}

void day_apply_opened(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                      struct arena *arena)
{
    const Daftari__V1__CashCounted *opened = (const Daftari__V1__CashCounted *)payload;
    struct till_day day;
    (void)till_day_get(state, record->header.business, opened->account, &day);
    day.open_date = record->header.business_date;
    day.open_position = record->header.position;
    till_day_put(state, record->header.business, opened->account, &day);
    account_row_mark_till(state, opened->account, arena);
    day_info_opened(state, record, opened, arena);
}

/* ---- count -------------------------------------------------------------------------------------------------------- */

enum status day_decide_count(const struct context *context, struct kv_txn *state,
                             const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__CountDay *given = (const Daftari__V1__CountDay *)command;
    const struct given_cash cash = {given->has_counted_minor, given->counted_minor, given->cash,
                                    given->n_cash};
    struct till till;
    enum status status = form_text(given->note, "note", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = till_begin_open(&till, context, state, given->business, given->account, out, why);
    if (status != STATUS_OK)
        return status;
    till_count(&till, &cash);
    out->cause = till.day.open_position;
    return till.document.status == STATUS_OK ? end(&till, EVENT_CASH_COUNTED, &cash, given->note)
                                             : till.document.status;
}

void day_apply_counted(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                       struct arena *arena)
{
    day_info_counted(state, record, ((const Daftari__V1__CashCounted *)payload)->account, arena);
}
