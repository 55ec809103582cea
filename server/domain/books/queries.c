#include "server/domain/books/books.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"

enum status books_query_show(const struct query_context *context, struct kv_txn *masters,
                             const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                             struct fault *why)
{
    (void)request;
    (void)cursor;
    const Daftari__V1__OpenBooks *books = books_get(masters, context->arena);
    Daftari__V1__BooksInfo *info = message_new(&daftari__v1__books_info__descriptor, context->arena);
    if (books == NULL || info == NULL)
        return query_end(masters, fault_set(why, STATUS_NOT_FOUND, NULL, "the books are not open yet"), why);
    info->name = books->name;
    info->base_currency = books->base_currency;
    info->has_scale = true;
    info->scale = books->scale;
    info->has_utc_offset_minutes = true;
    info->utc_offset_minutes = books->utc_offset_minutes;
    info->has_first_date = true;
    info->first_date = books->first_date;
    info->has_fiscal_year_start = true;
    info->fiscal_year_start = books->has_fiscal_year_start ? books->fiscal_year_start : 101;
    info->has_today_date = true;
    info->today_date = context->today;
    info->has_position = true;
    info->position = context->position;
    *out = &info->base;
    return STATUS_OK;
}

/* Rows that are stored as they are answered. */
static enum status next_message(const struct query_context *context, struct kv_txn *masters, unsigned table,
                                const ProtobufCMessageDescriptor *type, struct slice *cursor,
                                ProtobufCMessage **out, struct fault *why)
{
    struct slice key, value;
    enum status status = query_next_row(context, masters, table, cursor, &key, &value, why);
    if (status != STATUS_OK)
        return status;
    ProtobufCMessage *message = row_message(masters, value, type, context->arena);
    if (message == NULL)
        return query_end(masters, STATUS_END, why);
    *out = message;
    return STATUS_OK;
}

enum status books_query_currencies(const struct query_context *context, struct kv_txn *masters,
                                   const ProtobufCMessage *request, struct slice *cursor,
                                   ProtobufCMessage **out, struct fault *why)
{
    (void)request;
    return next_message(context, masters, TABLE_CURRENCY, &daftari__v1__currency_info__descriptor, cursor,
                        out, why);
}

enum status books_query_series(const struct query_context *context, struct kv_txn *masters,
                               const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                               struct fault *why)
{
    (void)request;
    return next_message(context, masters, TABLE_SERIES, &daftari__v1__series_info__descriptor, cursor, out,
                        why);
}

enum status books_query_types(const struct query_context *context, struct kv_txn *masters,
                              const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                              struct fault *why)
{
    (void)request;
    return next_message(context, masters, TABLE_TRANSACTION_TYPE,
                        &daftari__v1__transaction_type_info__descriptor, cursor, out, why);
}
