/* Requests for payment on a customer's phone, and M-Pesa's answers to them. */
#include "server/domain/business/till.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/mpesa/mpesa.h"
#include "type_ids.h"

/* ---- Mpesa.Request -------------------------------------------------------------------------------------------------- */

static enum status form_request(const Daftari__V1__RequestMpesa *given, struct fault *why)
{
    enum status status = form_text(given->checkout, "checkout", MPESA_CHECKOUT_MAX, true, why);
    if (status == STATUS_OK &&
        (!given->has_amount_minor || given->amount_minor <= 0 || given->amount_minor > AMOUNT_MAX))
        status = fault_set(why, STATUS_INVALID, "amount_minor", "an amount of more than zero");
    if (status == STATUS_OK)
        status = form_text(given->number, "number", NUMBER_TEXT_MAX, false, why);
    return status == STATUS_OK ? mpesa_form_phone(given->payer_phone, why) : status;
}

enum status mpesa_decide_request(const struct context *context, struct kv_txn *state,
                                 const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__RequestMpesa *given = (const Daftari__V1__RequestMpesa *)command;
    struct telling telling = {.said = DAFTARI__V1__TELL_MPESA__INIT};
    telling.said.till = given->till;
    enum status status = form_request(given, why);
    if (status == STATUS_OK)
        status = mpesa_till(context, state, &telling, why);
    if (status != STATUS_OK)
        return status;
    const Daftari__V1__MpesaRequestInfo *there = mpesa_request_get(state, given->checkout, context->arena);
    if (there != NULL && text_same(there->till, given->till) && text_same(there->number, given->number) &&
        there->amount_minor == given->amount_minor) {
        out->nothing_to_do = true;
        return STATUS_OK;
    }
    if (there != NULL)
        return fault_refuse(why, DAFTARI__V1__REASON__MPESA_REQUEST_EXISTS, "checkout",
                            "this request is in the books with another till, amount or document");

    /* accepted */
    out->type = EVENT_MPESA_REQUESTED;
    out->business = telling.business;
    return STATUS_OK;
}

/* ---- Mpesa.Callback ------------------------------------------------------------------------------------------------- */

/* Nobody paid. What was paid stays paid, and the first no is the one that counts. */
static enum status decide_failed(const struct context *context, struct kv_txn *state,
                                 const Daftari__V1__CallbackMpesa *given,
                                 const Daftari__V1__MpesaRequestInfo *request, struct decision *out,
                                 struct fault *why)
{
    struct telling telling = {.said = DAFTARI__V1__TELL_MPESA__INIT};
    uint16_t business = HEAD_OFFICE;
    enum status status = STATUS_OK;
    if (request != NULL && !text_same(request->state, MPESA_ASKED)) {
        out->nothing_to_do = true;
        return STATUS_OK;
    }
    if (request != NULL) {
        if (!business_find(state, request->business, &business))
            return fault_set(why, STATUS_CORRUPT, "checkout", "the business of the request is gone");
        status = require_business(context, business, request->business, "checkout", why);
    } else {
        telling.said.till = given->till;
        status = mpesa_till(context, state, &telling, why);
        business = telling.business;
    }
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_MPESA_FAILED;
    out->business = business;
    return STATUS_OK;
}

/* The till of what was paid: that of the request, the one given, or the one at which the receipt was told of before. */
static char *till_of(const struct context *context, struct kv_txn *state,
                     const Daftari__V1__CallbackMpesa *given, const Daftari__V1__MpesaRequestInfo *request)
{
    struct receipt_row receipt;
    if (request != NULL && !text_empty(request->till))
        return request->till;
    if (text_empty(given->till) && receipt_get(state, given->receipt, &receipt) && receipt.told != 0) {
        Daftari__V1__MpesaInfo *info = mpesa_info_get(state, receipt.told, context->arena);
        return info != NULL ? info->till : NULL;
    }
    return given->till;
}

enum status mpesa_decide_callback(const struct context *context, struct kv_txn *state,
                                  const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__CallbackMpesa *given = (const Daftari__V1__CallbackMpesa *)command;
    enum status status = form_text(given->checkout, "checkout", MPESA_CHECKOUT_MAX, true, why);
    if (status == STATUS_OK && !given->has_result)
        status = fault_set(why, STATUS_INVALID, "result", "the result code; 0 when it was paid");
    if (status == STATUS_OK)
        status = form_text(given->result_text, "result_text", MPESA_DETAILS_MAX, false, why);
    if (status == STATUS_OK && given->has_raw_hash && given->raw_hash.len != MPESA_HASH_BYTES)
        status = fault_set(why, STATUS_INVALID, "raw_hash", "a SHA-256 hash of 32 bytes");
    if (status != STATUS_OK)
        return status;
    const Daftari__V1__MpesaRequestInfo *request = mpesa_request_get(state, given->checkout, context->arena);
    if (given->result != 0)
        return decide_failed(context, state, given, request, out, why);
    struct telling *telling = arena_take(context->arena, sizeof *telling);
    if (telling == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the request is too large");
    memset(telling, 0, sizeof *telling);
    daftari__v1__tell_mpesa__init(&telling->said);
    telling->said.receipt = given->receipt;
    telling->said.has_amount_minor = given->has_amount_minor;
    telling->said.amount_minor = given->amount_minor;
    telling->said.has_completed_time_us = given->has_completed_time_us;
    telling->said.completed_time_us = given->completed_time_us;
    telling->said.payer_phone = given->payer_phone;
    telling->said.has_balance_minor = given->has_balance_minor;
    telling->said.balance_minor = given->balance_minor;
    telling->said.has_raw_hash = given->has_raw_hash;
    telling->said.raw_hash = given->raw_hash;
    telling->said.source = (char *)(uintptr_t) "callback";
    status = mpesa_form(&telling->said, why);
    if (status != STATUS_OK)
        return status;
    telling->said.till = till_of(context, state, given, request);
    status = mpesa_till(context, state, telling, why);
    if (status != STATUS_OK)
        return status;
    return mpesa_decide_money(context, state, telling, 1, request != NULL ? request->number : NULL,
                              given->checkout, out, why);
}
