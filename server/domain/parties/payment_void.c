/* A payment that was none: its lines turned round, what it settled open again, its receipts free. */
#include "people.pb-c.h"
#include "server/domain/kernel/earlier.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/kernel/tenders.h"
#include "server/domain/parties/parties.h"
#include "type_ids.h"

static const struct earlier_terms earlier = {
    .type = EVENT_PAYMENT_RECEIVED,
    .last = EVENT_DEBT_WRITTEN_OFF,
    .payload = &daftari__v1__payment_recorded__descriptor,
    .unknown = DAFTARI__V1__REASON__DOCUMENT_UNKNOWN,
    .what = "a payment, like PR-20250102-0001",
};

/* Borrowed from the log until the next read; the message is in the arena. */
static enum status find_payment(const struct context *context, struct kv_txn *state, const char *number,
                                struct record *out, const Daftari__V1__PaymentRecorded **out_payment,
                                struct fault *why)
{
    uint64_t undone;
    ProtobufCMessage *message = NULL;
    enum status status = earlier_find(context, state, number, &earlier, out, &message, why);
    if (status != STATUS_OK)
        return status;
    struct row_key key = row_key_u64(out->header.position);
    if (row_get_u64(state, TABLE_ENTRY, row_key_slice(&key), &undone))
        return fault_refuse(why, DAFTARI__V1__REASON__ENTRY_ALREADY_REVERSED, "number",
                            "it is void already, by the record at position %llu", (unsigned long long)undone);
    *out_payment = (const Daftari__V1__PaymentRecorded *)message;
    return STATUS_OK;
}

/* Whoever may reverse entries (and approve, of a debt that was given up), and he who took a payment in on its own day
 * where the business lets him. */
static bool may_void(const struct document *document, const struct record *payment)
{
    if (payment->header.type == EVENT_DEBT_WRITTEN_OFF &&
        !document_may(document, DAFTARI__V1__PERMISSION__APPROVE, PERMISSION_WRITE))
        return false;
    return document_may(document, DAFTARI__V1__PERMISSION__JOURNAL, PERMISSION_WRITE) ||
           (payment->header.type == EVENT_PAYMENT_RECEIVED &&
            payment->header.user == document->context->user &&
            payment->header.business_date == document->context->today &&
            document_setting(document, PROFILE_CASHIER_VOID, 1) != 0);
}

/* What was paid ahead is still there to take back. */
static void check_ahead(struct document *document, const struct record *record,
                        const Daftari__V1__PaymentRecorded *payment)
{
    bool in = record->header.type == EVENT_PAYMENT_RECEIVED;
    if (document->status != STATUS_OK || payment->ahead_minor == 0 ||
        (!in && record->header.type != EVENT_SUPPLIER_PAID))
        return;
    uint32_t account = document_account(document,
                                        in ? DAFTARI__V1__ACCOUNT_ROLE__ROLE_PREPAYMENTS
                                           : DAFTARI__V1__ACCOUNT_ROLE__ROLE_SUPPLIER_ADVANCES,
                                        0);
    int64_t balance = party_balance(document->state, payment->party, account, document->business);
    if ((in ? -balance : balance) < payment->ahead_minor)
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__PREPAYMENT_INSUFFICIENT,
                                             "number", "what it paid ahead was used since"));
}

enum status payment_decide_void(const struct context *context, struct kv_txn *state,
                                const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__VoidPayment *given = (const Daftari__V1__VoidPayment *)command;
    const Daftari__V1__PaymentRecorded *payment = NULL;
    struct document document;
    struct record record;
    enum status status = form_text(given->reason, "reason", DESCRIPTION_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = find_payment(context, state, given->number, &record, &payment, why);
    if (status == STATUS_OK)
        status = document_begin(&document, context, state,
                                business_code_of(state, record.header.business, context->arena),
                                given->has_date, given->date, out, why);
    if (status == STATUS_OK && document.date < record.header.business_date)
        status = fault_set(why, STATUS_INVALID, "date", "the day of the payment or a later one");
    if (status != STATUS_OK)
        return status;
    if (!may_void(&document, &record))
        return fault_set(why, STATUS_DENIED, "number", "you may void payments of today that you took in");
    check_ahead(&document, &record, payment);
    document_mirror(&document, &record);
    tenders_put_back(&document, payment->tenders, payment->n_tenders, payment->party);
    out->cause = record.header.position;
    Daftari__V1__PaymentVoided payload = DAFTARI__V1__PAYMENT_VOIDED__INIT;
    payload.reason = given->reason;
    payload.n_tenders = payment->n_tenders;
    payload.tenders = payment->tenders;
    payload.has_party = true;
    payload.party = payment->party;
    return document_end(&document, EVENT_PAYMENT_VOIDED, &payload.base);
}

void payment_apply_void(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                        struct arena *arena)
{
    const Daftari__V1__PaymentVoided *given = (const Daftari__V1__PaymentVoided *)payload;
    (void)record;
    (void)arena;
    tenders_release(state, given->tenders, given->n_tenders);
}
