/* What everything that M-Pesa tells has in common: its form, its till, the date on which it is booked. */
#include "server/domain/business/till.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/periods.h"
#include "server/domain/mpesa/mpesa.h"

#define MONTHS_LATE_MAX 1200u

/* ---- form ------------------------------------------------------------------------------------------------------- */

enum status mpesa_form_phone(const char *phone, struct fault *why)
{
    size_t len = text_empty(phone) ? 0 : strlen(phone), hidden = 0;
    for (size_t i = 0; i < len; i++)
        hidden += phone[i] == '*';
    if (len == 0 || (len <= PHONE_TEXT_MAX && hidden >= 3 && strspn(phone, "+0123456789*") == len))
        return STATUS_OK;
    return fault_set(why, STATUS_INVALID, "payer_phone",
                     "a masked number, like 2547****149: a whole one does not belong in the books");
}

static enum status form_source(const char *source, struct fault *why)
{
    if (text_empty(source) || text_same(source, "confirmation") || text_same(source, "callback") ||
        text_same(source, "statement"))
        return STATUS_OK;
    return fault_set(why, STATUS_INVALID, "source", "confirmation, callback or statement");
}

static enum status form_texts(const Daftari__V1__TellMpesa *said, struct fault *why)
{
    enum status status = form_text(said->reference, "reference", REFERENCE_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = mpesa_form_phone(said->payer_phone, why);
    if (status == STATUS_OK)
        status = form_text(said->payer_name, "payer_name", REFERENCE_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = form_text(said->kind, "kind", REFERENCE_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = form_text(said->details, "details", MPESA_DETAILS_MAX, false, why);
    return status == STATUS_OK ? form_source(said->source, why) : status;
}

enum status mpesa_form(const Daftari__V1__TellMpesa *said, struct fault *why)
{
    if (!receipt_form(said->receipt))
        return fault_set(why, STATUS_INVALID, "receipt",
                         "the M-Pesa receipt: 6 to 20 capital letters and digits");
    if (!said->has_amount_minor || said->amount_minor <= 0 || said->amount_minor > AMOUNT_MAX)
        return fault_set(why, STATUS_INVALID, "amount_minor", "an amount of more than zero");
    if (!said->has_completed_time_us || said->completed_time_us <= 0)
        return fault_set(why, STATUS_INVALID, "completed_time_us", "when M-Pesa completed it");
    if (said->has_balance_minor && (said->balance_minor > AMOUNT_MAX || said->balance_minor < -AMOUNT_MAX))
        return fault_set(why, STATUS_INVALID, "balance_minor", "at most 18 digits");
    if (said->has_raw_hash && said->raw_hash.len != MPESA_HASH_BYTES)
        return fault_set(why, STATUS_INVALID, "raw_hash", "a SHA-256 hash of 32 bytes");
    return form_texts(said, why);
}

/* ---- till --------------------------------------------------------------------------------------------------------- */

enum status mpesa_till(const struct context *context, struct kv_txn *state, struct telling *telling,
                       struct fault *why)
{
    const char *number = telling->said.till;
    enum status status = till_form_number(number, "till", true, why);
    if (status != STATUS_OK)
        return status;
    telling->till = till_find(state, number, context->arena);
    if (telling->till == NULL || !business_find(state, telling->till->business, &telling->business))
        return fault_refuse(why, DAFTARI__V1__REASON__TILL_UNKNOWN, "till",
                            "there is no till %s: register it, or say which till it was", number);
    return require_business(context, telling->business, telling->till->business, "till", why);
}

/* ---- date --------------------------------------------------------------------------------------------------------- */

/* H-14: what comes after its month was closed is booked on the next day that is open; the record keeps its own time. */
static enum status date_booked(const struct context *context, struct kv_txn *state, timestamp_us completed,
                               civil_date *out, struct fault *why)
{
    struct facts facts;
    const Daftari__V1__OpenBooks *books = books_get(state, context->arena);
    facts_get(state, &facts);
    civil_date date = date_of_timestamp(completed, books != NULL ? books->utc_offset_minutes : 0);
    enum status status = date_check(context, state, &facts, date, why);
    for (unsigned i = 0; i < MONTHS_LATE_MAX && status == STATUS_REFUSED &&
                         (why->reason == DAFTARI__V1__REASON__PERIOD_CLOSED ||
                          why->reason == DAFTARI__V1__REASON__PERIOD_SOFT_CLOSED) &&
                         date < context->today;
         i++) {
        date = date_add_days(date_month_end(date), 1);
        if (date > context->today)
            date = context->today;
        status = date_check(context, state, &facts, date, why);
    }
    *out = date;
    return status;
}

enum status mpesa_begin(const struct context *context, struct kv_txn *state, struct telling *telling,
                        struct decision *out, struct fault *why)
{
    civil_date date = 0;
    enum status status = date_booked(context, state, telling->said.completed_time_us, &date, why);
    if (status == STATUS_OK)
        status =
            document_begin(&telling->document, context, state, telling->till->business, true, date, out, why);
    if (status != STATUS_OK)
        return status;
    daftari__v1__mpesa_told__init(&telling->payload);
    telling->payload.said = &telling->said;
    telling->payload.has_account = true;
    telling->payload.account = telling->till->account;
    return STATUS_OK;
}

enum status mpesa_end(struct telling *telling, uint16_t type)
{
    struct document *document = &telling->document;
    if (document->status == STATUS_OK && document->out->posting_count == 0)
        document->out->series = 0;
    enum status status = document_end(document, type, &telling->payload.base);
    if (status == STATUS_OK && document->out->series == 0)
        document->out->number = 0;
    return status;
}
