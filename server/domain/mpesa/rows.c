/* What is kept of each thing told, and of requests. */
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/mpesa/mpesa.h"
#include "type_ids.h"

/* ---- keys ------------------------------------------------------------------------------------------------------------ */

/* A charge may carry the receipt of its payment (8.1): what it is, how much, and M-Pesa's words for it tell them apart. */
struct row_key mpesa_given_key(char what, const Daftari__V1__TellMpesa *said)
{
    struct row_key key = {0};
    uint8_t amount[8];
    be64_put(amount, (uint64_t)said->amount_minor);
    row_key_add(&key, &what, 1);
    row_key_add(&key, said->receipt, strlen(said->receipt) + 1);
    row_key_add(&key, amount, sizeof amount);
    if (said->kind != NULL)
        row_key_add(&key, said->kind, strlen(said->kind));
    return key;
}

bool mpesa_given(struct kv_txn *state, char what, const Daftari__V1__TellMpesa *said, uint64_t *out_position)
{
    struct row_key key = mpesa_given_key(what, said);
    return row_get_u64(state, TABLE_MPESA_GIVEN, row_key_slice(&key), out_position);
}

/* ---- things told ------------------------------------------------------------------------------------------------------ */

Daftari__V1__MpesaInfo *mpesa_info_get(struct kv_txn *state, uint64_t position, struct arena *arena)
{
    struct row_key key = row_key_u64(position);
    return row_get_message(state, TABLE_MPESA, row_key_slice(&key), &daftari__v1__mpesa_info__descriptor,
                           arena);
}

static void info_put(struct kv_txn *state, const struct record *record, const Daftari__V1__MpesaTold *told,
                     const char *what, int way, struct arena *arena)
{
    const Daftari__V1__TellMpesa *said = told->said;
    Daftari__V1__MpesaInfo info = DAFTARI__V1__MPESA_INFO__INIT;
    struct row_key key = row_key_u64(record->header.position);
    info.has_position = info.has_amount_minor = info.has_completed_time_us = info.has_date = true;
    info.position = record->header.position;
    info.receipt = said->receipt;
    info.till = said->till;
    info.business = (char *)(uintptr_t)business_code_of(state, record->header.business, arena);
    info.what = (char *)(uintptr_t)what;
    info.amount_minor = way * said->amount_minor;
    info.completed_time_us = said->completed_time_us;
    info.date = record->header.business_date;
    info.reference = text_or_none(said->reference);
    info.payer_phone = text_or_none(said->payer_phone);
    info.payer_name = text_or_none(said->payer_name);
    info.kind = text_or_none(said->kind);
    info.details = text_or_none(said->details);
    info.has_balance_minor = said->has_balance_minor;
    info.balance_minor = said->balance_minor;
    info.has_difference_minor = told->has_cited_minor && told->cited_minor != info.amount_minor;
    info.difference_minor = info.has_difference_minor ? info.amount_minor - told->cited_minor : 0;
    info.source = text_or_none(said->source);
    info.original = text_or_none(said->original);
    info.checkout = told->checkout;
    /* What moved the money of the till: a document that named the receipt, when that was all there was to say. */
    info.has_booked = true;
    info.booked = record->posting_count == 0 ? told->document : record->header.position;
    row_put_message(state, TABLE_MPESA, row_key_slice(&key), &info.base, arena);
}

void mpesa_apply_money(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                       struct arena *arena)
{
    const Daftari__V1__MpesaTold *told = (const Daftari__V1__MpesaTold *)payload;
    struct receipt_row receipt = {.state = RECEIPT_PARKED, .position = record->header.position};
    bool known = receipt_get(state, told->said->receipt, &receipt), again = known && receipt.told != 0;
    int way = record->header.type == EVENT_MPESA_CONFIRMED ? 1 : -1;
    mpesa_request_paid(state, record, told, arena);
    if (told->payment != NULL || (known && !again)) {
        receipt.state = RECEIPT_MATCHED;
        if (told->payment != NULL)
            receipt.position = record->header.position;
    }
    if (!again) {
        receipt.amount = way * told->said->amount_minor;
        receipt.account = told->against;
        receipt.business = record->header.business;
        receipt.told = record->header.position;
        info_put(state, record, told, way > 0 ? MPESA_PAYMENT : MPESA_PAY_OUT, way, arena);
    }
    receipt_put(state, told->said->receipt, &receipt);
}

static void apply_given(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                        char letter, const char *what, int way, struct arena *arena)
{
    const Daftari__V1__MpesaTold *told = (const Daftari__V1__MpesaTold *)payload;
    struct row_key key = mpesa_given_key(letter, told->said);
    row_put_u64(state, TABLE_MPESA_GIVEN, row_key_slice(&key), record->header.position);
    info_put(state, record, told, what, way, arena);
}

void mpesa_apply_charge(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                        struct arena *arena)
{
    apply_given(state, record, payload, 'c', MPESA_CHARGE, -1, arena);
}

void mpesa_apply_settled(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                         struct arena *arena)
{
    apply_given(state, record, payload, 's', MPESA_SETTLEMENT, -1, arena);
}

void mpesa_apply_reversed(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                          struct arena *arena)
{
    const Daftari__V1__MpesaTold *told = (const Daftari__V1__MpesaTold *)payload;
    const char *original = told->said->original;
    struct receipt_row receipt;
    if (text_empty(original) || !receipt_get(state, original, &receipt)) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    int way = receipt.amount < 0 ? 1 : -1;
    receipt.state = RECEIPT_REVERSED;
    receipt.account = told->against;
    receipt_put(state, original, &receipt);
    apply_given(state, record, payload, 'r', MPESA_REVERSAL, way, arena);
}

/* ---- requests --------------------------------------------------------------------------------------------------------- */

Daftari__V1__MpesaRequestInfo *mpesa_request_get(struct kv_txn *state, const char *checkout,
                                                 struct arena *arena)
{
    struct row_key key = row_key_text(checkout);
    uint64_t position;
    if (!row_get_u64(state, TABLE_MPESA_CHECKOUT, row_key_slice(&key), &position))
        return NULL;
    key = row_key_u64(position);
    return row_get_message(state, TABLE_MPESA_REQUEST, row_key_slice(&key),
                           &daftari__v1__mpesa_request_info__descriptor, arena);
}

static void request_put(struct kv_txn *state, Daftari__V1__MpesaRequestInfo *info, struct arena *arena)
{
    struct row_key key = row_key_text(info->checkout);
    info->has_position = true;
    row_put_u64(state, TABLE_MPESA_CHECKOUT, row_key_slice(&key), info->position);
    key = row_key_u64(info->position);
    row_put_message(state, TABLE_MPESA_REQUEST, row_key_slice(&key), &info->base, arena);
}

void mpesa_apply_requested(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                           struct arena *arena)
{
    const Daftari__V1__RequestMpesa *given = (const Daftari__V1__RequestMpesa *)payload;
    Daftari__V1__MpesaRequestInfo info = DAFTARI__V1__MPESA_REQUEST_INFO__INIT;
    info.checkout = given->checkout;
    info.till = given->till;
    info.business = (char *)(uintptr_t)business_code_of(state, record->header.business, arena);
    info.state = (char *)(uintptr_t)MPESA_ASKED;
    info.has_amount_minor = info.has_asked_time_us = true;
    info.amount_minor = given->amount_minor;
    info.number = text_or_none(given->number);
    info.payer_phone = text_or_none(given->payer_phone);
    info.asked_time_us = record->header.time;
    info.position = record->header.position;
    request_put(state, &info, arena);
}

/* The row of an answered request; a new one when nobody had noted the request. */
static Daftari__V1__MpesaRequestInfo *answered(struct kv_txn *state, const struct record *record,
                                               const char *checkout, const char *till, struct arena *arena)
{
    Daftari__V1__MpesaRequestInfo *info = mpesa_request_get(state, checkout, arena);
    if (info == NULL) {
        info = message_new(&daftari__v1__mpesa_request_info__descriptor, arena);
        if (info == NULL) {
            kv_set_error(state, STATUS_NO_MEMORY);
            return NULL;
        }
        info->checkout = (char *)(uintptr_t)checkout;
        info->till = text_or_none((char *)(uintptr_t)till);
        info->business = (char *)(uintptr_t)business_code_of(state, record->header.business, arena);
        info->position = record->header.position;
    }
    info->has_answered_time_us = info->has_result = true;
    info->answered_time_us = record->header.time;
    return info;
}

void mpesa_request_paid(struct kv_txn *state, const struct record *record, const Daftari__V1__MpesaTold *told,
                        struct arena *arena)
{
    if (text_empty(told->checkout))
        return;
    Daftari__V1__MpesaRequestInfo *info = answered(state, record, told->checkout, told->said->till, arena);
    if (info == NULL)
        return;
    info->state = (char *)(uintptr_t)MPESA_PAID;
    info->result = 0;
    info->result_text = NULL;
    info->receipt = told->said->receipt;
    if (!info->has_amount_minor)
        info->amount_minor = told->said->amount_minor;
    info->has_amount_minor = true;
    request_put(state, info, arena);
}

void mpesa_apply_failed(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                        struct arena *arena)
{
    const Daftari__V1__CallbackMpesa *given = (const Daftari__V1__CallbackMpesa *)payload;
    Daftari__V1__MpesaRequestInfo *info = answered(state, record, given->checkout, given->till, arena);
    if (info == NULL)
        return;
    info->state = (char *)(uintptr_t)MPESA_FAILED;
    info->result = given->result;
    info->result_text = text_or_none(given->result_text);
    request_put(state, info, arena);
}
