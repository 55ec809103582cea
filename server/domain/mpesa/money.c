/* Payments into a till and out of it: O-61, and O-62 where the payer said what he pays for. */
#include "server/domain/kernel/form.h"
#include "server/domain/mpesa/mpesa.h"
#include "type_ids.h"

#define ROLE(name) DAFTARI__V1__ACCOUNT_ROLE__ROLE_##name

/* Told of before: the same again, or something else under the same receipt. */
static enum status told_again(const struct context *context, struct kv_txn *state,
                              const struct telling *telling, const struct receipt_row *receipt,
                              int64_t amount, struct fault *why)
{
    const Daftari__V1__MpesaInfo *before = mpesa_info_get(state, receipt->told, context->arena);
    if (before == NULL)
        return fault_set(why, STATUS_CORRUPT, "receipt", "what M-Pesa told of it is not there");
    if (receipt->amount != amount)
        return fault_refuse(
            why, DAFTARI__V1__REASON__MPESA_RECEIPT_DIFFERS, "amount_minor",
            "M-Pesa told of receipt %.20s before, with another amount or the other way, in the "
            "record at position %llu",
            telling->said.receipt, (unsigned long long)receipt->told);
    if (!text_same(before->till, telling->said.till))
        return fault_refuse(why, DAFTARI__V1__REASON__MPESA_RECEIPT_DIFFERS, "till",
                            "M-Pesa told of receipt %.20s before, at till %.20s", telling->said.receipt,
                            before->till);
    return STATUS_OK;
}

/* A document has named the receipt, and has its money on an account already: that of the till gets what M-Pesa says, and the
 * difference waits. */
static void meet_document(struct telling *telling, const struct receipt_row *cited, int64_t amount,
                          uint32_t waiting)
{
    struct document *document = &telling->document;
    Daftari__V1__MpesaTold *payload = &telling->payload;
    payload->has_cited_minor = payload->has_document = true;
    payload->cited_minor = cited->amount;
    payload->document = cited->position;
    document->out->cause = cited->position;
    if (cited->account == telling->till->account && cited->business == document->business &&
        cited->amount == amount)
        return;
    document_post(document, telling->till->account, 0, amount, document->out->posting_count);
    document_post_in(document, cited->business, cited->account, 0, -cited->amount,
                     document->out->posting_count);
    document_post(document, waiting, 0, cited->amount - amount, document->out->posting_count);
}

static void meet_debt(struct telling *telling, uint32_t party, const char *number, int64_t amount)
{
    Daftari__V1__PaymentRecorded *payment =
        message_new(&daftari__v1__payment_recorded__descriptor, telling->document.context->arena);
    if (payment == NULL) {
        document_fail(&telling->document,
                      fault_set(telling->document.why, STATUS_NO_MEMORY, NULL, "the payment is too large"));
        return;
    }
    telling->payload.payment = payment;
    mpesa_pay_debt(&telling->document, party, number, amount, payment);
}

static bool paid_already(const Daftari__V1__MpesaRequestInfo *request, const char *receipt)
{
    return request != NULL && text_same(request->state, MPESA_PAID) && text_same(request->receipt, receipt);
}

/* The receipt is known: the answer to a request still says whose it is, anything else is the same again. */
static enum status decide_known(struct telling *telling, const struct receipt_row *receipt,
                                const char *number, const char *checkout, bool *out_nothing)
{
    struct document *document = &telling->document;
    uint32_t party;
    *out_nothing = checkout == NULL ||
                   paid_already(mpesa_request_get(document->state, checkout, document->context->arena),
                                telling->said.receipt);
    if (*out_nothing)
        return STATUS_OK;
    if (receipt->state == RECEIPT_PARKED && receipt->business == document->business &&
        mpesa_debtor(document, number, &party)) {
        document_post(document, receipt->account, 0, receipt->amount, 0);
        meet_debt(telling, party, number, receipt->amount);
    }
    return document->status;
}

static void decide_new(struct telling *telling, bool known, const struct receipt_row *receipt, int64_t amount,
                       const char *number, uint32_t waiting)
{
    struct document *document = &telling->document;
    uint32_t party;
    if (known) {
        meet_document(telling, receipt, amount, waiting);
        return;
    }
    if (amount < 0)
        document_post(document, waiting, 0, -amount, 0);
    document_post(document, telling->till->account, 0, amount, document->out->posting_count);
    if (amount > 0 && mpesa_debtor(document, number, &party))
        meet_debt(telling, party, number, amount);
    else if (amount > 0)
        document_post(document, waiting, 0, -amount, document->out->posting_count);
}

enum status mpesa_decide_money(const struct context *context, struct kv_txn *state, struct telling *telling,
                               int way, const char *number, const char *checkout, struct decision *out,
                               struct fault *why)
{
    struct receipt_row receipt;
    struct document *document = &telling->document;
    int64_t amount = way * telling->said.amount_minor;
    bool known = receipt_get(state, telling->said.receipt, &receipt), told = known && receipt.told != 0;
    enum status status = told ? told_again(context, state, telling, &receipt, amount, why) : STATUS_OK;
    if (status == STATUS_OK && told && checkout == NULL) {
        out->nothing_to_do = true;
        return STATUS_OK;
    }
    if (status == STATUS_OK)
        status = mpesa_begin(context, state, telling, out, why);
    if (status != STATUS_OK)
        return status;
    uint32_t waiting = document_account(document, ROLE(UNMATCHED), 0);
    if (waiting == 0)
        document_post_role(document, ROLE(UNMATCHED), 0, 0, amount, 0); /* says what is missing */
    telling->payload.has_against = true;
    telling->payload.against = waiting;
    telling->payload.checkout = text_or_none((char *)(uintptr_t)checkout);
    if (told)
        status = decide_known(telling, &receipt, number, checkout, &out->nothing_to_do);
    else
        decide_new(telling, known, &receipt, amount, number, waiting);
    if (status != STATUS_OK || out->nothing_to_do)
        return status;
    return mpesa_end(telling, way > 0 ? EVENT_MPESA_CONFIRMED : EVENT_MPESA_PAID_OUT);
}

static enum status decide_told(const struct context *context, struct kv_txn *state,
                               const ProtobufCMessage *command, int way, struct decision *out,
                               struct fault *why)
{
    struct telling *telling = arena_take(context->arena, sizeof *telling);
    if (telling == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the request is too large");
    memset(telling, 0, sizeof *telling);
    telling->said = *(const Daftari__V1__TellMpesa *)command;
    enum status status = mpesa_form(&telling->said, why);
    if (status == STATUS_OK && !text_empty(telling->said.original))
        status = fault_set(why, STATUS_INVALID, "original", "only for a reversal: leave it out");
    if (status == STATUS_OK && telling->said.has_bank)
        status = fault_set(why, STATUS_INVALID, "bank", "only for a settlement: leave it out");
    if (status == STATUS_OK)
        status = mpesa_till(context, state, telling, why);
    if (status != STATUS_OK)
        return status;
    return mpesa_decide_money(context, state, telling, way, telling->said.reference, NULL, out, why);
}

enum status mpesa_decide_confirm(const struct context *context, struct kv_txn *state,
                                 const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    return decide_told(context, state, command, 1, out, why);
}

enum status mpesa_decide_pay_out(const struct context *context, struct kv_txn *state,
                                 const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    return decide_told(context, state, command, -1, out, why);
}

bool mpesa_allocated_told(const ProtobufCMessage *payload, size_t index, struct allocation *out)
{
    const Daftari__V1__PaymentRecorded *payment = ((const Daftari__V1__MpesaTold *)payload)->payment;
    if (payment == NULL || index >= payment->n_allocated)
        return false;
    *out = (struct allocation){payment->allocated[index]->document, payment->allocated[index]->amount_minor};
    return true;
}
