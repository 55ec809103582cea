/* Queries over the chart, drafts and adjustments. Entries themselves are answered by the views. */
#include "proto/base/text.h"
#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/ledger/ledger.h"

/* ---- accounts ------------------------------------------------------------------------------------------------------ */

static bool account_readable(const struct rights *rights, const struct account_row *row)
{
    return row->business == ACCOUNT_SHARED || may_in_business(rights, row->business, PERMISSION_READ);
}

enum status account_query_list(const struct query_context *context, struct kv_txn *masters,
                               const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                               struct fault *why)
{
    const Daftari__V1__ListAccounts *list = (const Daftari__V1__ListAccounts *)request;
    uint16_t business = ACCOUNT_SHARED;
    if (list->business != NULL && !business_find(masters, list->business, &business))
        return query_end(masters,
                         fault_refuse(why, DAFTARI__V1__REASON__BUSINESS_UNKNOWN, "business",
                                      "there is no business %.20s", list->business),
                         why);
    for (;;) {
        struct slice key, value;
        struct account_row row;
        enum status status = query_next_row(context, masters, TABLE_ACCOUNT, cursor, &key, &value, why);
        if (status != STATUS_OK)
            return status;
        if (!account_row_decode(masters, value, &row))
            return query_end(masters, STATUS_END, why);
        bool wanted =
            business == ACCOUNT_SHARED || row.business == ACCOUNT_SHARED || row.business == business;
        if (!wanted || (list->active_only && !row.active) || !account_readable(context->rights, &row))
            continue;
        Daftari__V1__AccountInfo *info = account_info_of_row(masters, value, context->arena);
        if (info == NULL)
            return query_end(masters, STATUS_END, why);
        *out = &info->base;
        return STATUS_OK;
    }
}

enum status account_query_show(const struct query_context *context, struct kv_txn *masters,
                               const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                               struct fault *why)
{
    const Daftari__V1__ShowAccount *show = (const Daftari__V1__ShowAccount *)request;
    struct account_row row;
    (void)cursor;
    if (!account_row_get(masters, show->number, &row) || !account_readable(context->rights, &row))
        return query_end(
            masters, fault_set(why, STATUS_NOT_FOUND, "number", "there is no account %u", show->number), why);
    Daftari__V1__AccountInfo *info = account_info_get(masters, show->number, context->arena);
    if (info == NULL)
        return query_end(masters, STATUS_NOT_FOUND, why);
    *out = &info->base;
    return STATUS_OK;
}

/* ---- drafts and adjustments ---------------------------------------------------------------------------------------- */

/* Rows keep user numbers; people read e-mail addresses. */
static char *name_user(struct kv_txn *masters, const char *number, struct arena *arena)
{
    uint64_t user;
    if (number == NULL || !number_parse(slice_text(number), 0, UINT32_MAX, &user))
        return NULL;
    return arena_text(arena, slice_text(user_email_of(masters, (uint32_t)user, arena)));
}

/* The business whose document the entry in a row is; HQ when it names none. Told from the stored bytes, as is whether it
 * is settled: rows that are passed over, and there may be any number of them, must take no memory. */
static struct slice entry_business(struct kv_txn *masters, struct slice row, uint32_t entry_field)
{
    enum { POST_ENTRY_BUSINESS = 1 };
    struct slice code =
        row_text_field(masters, row_text_field(masters, row, entry_field), POST_ENTRY_BUSINESS);
    return code.len != 0 ? code : slice_text("HQ");
}

static bool hidden(const struct query_context *context, struct kv_txn *masters, struct slice business)
{
    uint16_t number;
    return row_get_u16(masters, TABLE_BUSINESS_CODE, business, &number) &&
           !may_in_business(context->rights, number, PERMISSION_READ);
}

enum status entry_query_drafts(const struct query_context *context, struct kv_txn *masters,
                               const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                               struct fault *why)
{
    enum { DRAFT_INFO_ENTRY = 2 };
    const Daftari__V1__ListDrafts *list = (const Daftari__V1__ListDrafts *)request;
    for (;;) {
        struct slice key, value;
        enum status status = query_next_row(context, masters, TABLE_DRAFT, cursor, &key, &value, why);
        if (status != STATUS_OK)
            return status;
        if (value.len == 0)
            continue;
        struct slice business = entry_business(masters, value, DRAFT_INFO_ENTRY);
        if (hidden(context, masters, business) ||
            (list->business != NULL && !slice_equal(slice_text(list->business), business)))
            continue;
        Daftari__V1__DraftInfo *info =
            row_message(masters, value, &daftari__v1__draft_info__descriptor, context->arena);
        if (info == NULL || info->entry == NULL)
            return query_end(masters, STATUS_END, why);
        if (!entry_readable(context->rights, masters, info->entry))
            continue;
        info->recorded_by = name_user(masters, info->recorded_by, context->arena);
        *out = &info->base;
        return STATUS_OK;
    }
}

enum status adjustment_query_list(const struct query_context *context, struct kv_txn *masters,
                                  const ProtobufCMessage *request, struct slice *cursor,
                                  ProtobufCMessage **out, struct fault *why)
{
    enum { ADJUSTMENT_INFO_ENTRY = 3, ADJUSTMENT_INFO_DECIDED = 8 };
    const Daftari__V1__ListAdjustments *list = (const Daftari__V1__ListAdjustments *)request;
    for (;;) {
        struct slice key, value;
        enum status status = query_next_row(context, masters, TABLE_ADJUSTMENT, cursor, &key, &value, why);
        if (status != STATUS_OK)
            return status;
        if ((list->open_only && row_number_field(masters, value, ADJUSTMENT_INFO_DECIDED) != 0) ||
            hidden(context, masters, entry_business(masters, value, ADJUSTMENT_INFO_ENTRY)))
            continue;
        Daftari__V1__AdjustmentInfo *info =
            row_message(masters, value, &daftari__v1__adjustment_info__descriptor, context->arena);
        if (info == NULL || info->entry == NULL)
            return query_end(masters, STATUS_END, why);
        if (!entry_readable(context->rights, masters, info->entry))
            continue;
        info->requested_by = name_user(masters, info->requested_by, context->arena);
        info->decided_by = name_user(masters, info->decided_by, context->arena);
        *out = &info->base;
        return STATUS_OK;
    }
}
