/* Mpesa.List, Mpesa.Requests: rows of the masters view, which knows receipts as core state does (domain_apply_master). */
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/mpesa/mpesa.h"

enum {
    INFO_RECEIPT = 2,
    INFO_TILL = 3,
    INFO_BUSINESS = 4,
    INFO_WHAT = 5,
    INFO_COMPLETED = 7,
    REQUEST_TILL = 2,
    REQUEST_BUSINESS = 3,
    REQUEST_STATE = 4,
};

static bool wanted(struct slice field, const char *text)
{
    return text_empty(text) || slice_equal(field, slice_text(text));
}

static bool readable(const struct query_context *context, struct kv_txn *masters, struct slice code)
{
    uint16_t business;
    return row_get_u16(masters, TABLE_BUSINESS_CODE, code, &business) &&
           may_in_business(context->rights, business, PERMISSION_READ);
}

/* What became of a payment or pay-out; the others are done when they are booked. */
static const char *state_of(struct kv_txn *masters, struct slice value, struct receipt_row *receipt)
{
    struct slice what = row_text_field(masters, value, INFO_WHAT);
    struct slice text = row_text_field(masters, value, INFO_RECEIPT);
    char name[RECEIPT_TEXT_MAX + 1] = {0};
    *receipt = (struct receipt_row){0};
    if (!slice_equal(what, slice_text(MPESA_PAYMENT)) && !slice_equal(what, slice_text(MPESA_PAY_OUT)))
        return MPESA_DONE;
    if (text.len > RECEIPT_TEXT_MAX)
        return MPESA_WAITING;
    memcpy(name, text.ptr, text.len);
    if (!receipt_get(masters, name, receipt))
        return MPESA_WAITING;
    if (receipt->state == RECEIPT_REVERSED)
        return MPESA_REVERSED;
    return receipt->state == RECEIPT_MATCHED ? MPESA_MATCHED : MPESA_WAITING;
}

static bool in_dates(const Daftari__V1__ListMpesa *list, civil_date date)
{
    return (!list->has_from_date || date >= list->from_date) && (!list->has_to_date || date <= list->to_date);
}

enum status mpesa_query_list(const struct query_context *context, struct kv_txn *masters,
                             const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                             struct fault *why)
{
    const Daftari__V1__ListMpesa *list = (const Daftari__V1__ListMpesa *)request;
    const Daftari__V1__OpenBooks *books = books_get(masters, context->arena);
    int32_t offset = books != NULL ? books->utc_offset_minutes : 0;
    for (;;) {
        struct slice key, value;
        struct receipt_row receipt;
        enum status status = query_next_row(context, masters, TABLE_MPESA, cursor, &key, &value, why);
        if (status != STATUS_OK)
            return status;
        /* As stored, not unpacked: passing over any number of rows must take no memory. */
        timestamp_us completed = (timestamp_us)row_number_field(masters, value, INFO_COMPLETED);
        if (!wanted(row_text_field(masters, value, INFO_RECEIPT), list->receipt) ||
            !wanted(row_text_field(masters, value, INFO_TILL), list->till) ||
            !wanted(row_text_field(masters, value, INFO_BUSINESS), list->business) ||
            !in_dates(list, date_of_timestamp(completed, offset)) ||
            !readable(context, masters, row_text_field(masters, value, INFO_BUSINESS)))
            continue;
        const char *state = state_of(masters, value, &receipt);
        if (!text_empty(list->state) && !text_same(state, list->state))
            continue;
        Daftari__V1__MpesaInfo *info =
            row_message(masters, value, &daftari__v1__mpesa_info__descriptor, context->arena);
        if (info == NULL)
            return query_end(masters, STATUS_CORRUPT, why);
        info->state = (char *)(uintptr_t)state;
        info->has_document = receipt.state == RECEIPT_MATCHED;
        info->document = info->has_document ? receipt.position : 0;
        *out = &info->base;
        return STATUS_OK;
    }
}

enum status mpesa_query_requests(const struct query_context *context, struct kv_txn *masters,
                                 const ProtobufCMessage *request, struct slice *cursor,
                                 ProtobufCMessage **out, struct fault *why)
{
    const Daftari__V1__ListMpesaRequests *list = (const Daftari__V1__ListMpesaRequests *)request;
    for (;;) {
        struct slice key, value;
        enum status status = query_next_row(context, masters, TABLE_MPESA_REQUEST, cursor, &key, &value, why);
        if (status != STATUS_OK)
            return status;
        if (!wanted(row_text_field(masters, value, REQUEST_TILL), list->till) ||
            !wanted(row_text_field(masters, value, REQUEST_STATE), list->state) ||
            !readable(context, masters, row_text_field(masters, value, REQUEST_BUSINESS)))
            continue;
        Daftari__V1__MpesaRequestInfo *info =
            row_message(masters, value, &daftari__v1__mpesa_request_info__descriptor, context->arena);
        if (info == NULL)
            return query_end(masters, STATUS_CORRUPT, why);
        *out = &info->base;
        return STATUS_OK;
    }
}
