/* Every day of every till, as people ask for it: kept beside the records, so that a list need not look for them. */
#include "proto/base/text.h"
#include "server/domain/days/days.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/numbering.h"
#include "server/domain/kernel/rows.h"

static struct row_key key_of(uint16_t business, civil_date date, uint32_t account)
{
    struct row_key key = row_key_u16(business);
    row_key_add_u32(&key, date);
    row_key_add_u32(&key, account);
    return key;
}

static Daftari__V1__DayInfo *info_get(struct kv_txn *state, uint16_t business, civil_date date,
                                      uint32_t account, struct arena *arena)
{
    struct row_key key = key_of(business, date, account);
    return row_get_message(state, TABLE_TILL_DAY_INFO, row_key_slice(&key),
                           &daftari__v1__day_info__descriptor, arena);
}

static void info_put(struct kv_txn *state, uint16_t business, const Daftari__V1__DayInfo *info,
                     struct arena *arena)
{
    struct row_key key = key_of(business, info->date, info->account);
    row_put_message(state, TABLE_TILL_DAY_INFO, row_key_slice(&key), &info->base, arena);
}

/* ---- apply ---------------------------------------------------------------------------------------------------------- */

/* The row of the day that a record is about; CORRUPT when there is none. */
static Daftari__V1__DayInfo *applied(struct kv_txn *state, const struct record *record, uint32_t account,
                                     struct arena *arena)
{
    Daftari__V1__DayInfo *info =
        info_get(state, record->header.business, record->header.business_date, account, arena);
    if (info == NULL)
        kv_set_error(state, STATUS_CORRUPT);
    return info;
}

static char *number_of(struct kv_txn *state, const struct record_header *header, struct arena *arena)
{
    char number[NUMBER_TEXT_MAX + 1];
    if (!number_format(state, header->series, header->business_date, header->number, number))
        return NULL;
    return arena_text(arena, slice_text(number));
}

void day_info_opened(struct kv_txn *state, const struct record *record,
                     const Daftari__V1__CashCounted *opened, struct arena *arena)
{
    const struct record_header *header = &record->header;
    Daftari__V1__DayInfo info = DAFTARI__V1__DAY_INFO__INIT;
    char open[] = "open";
    info.has_position = info.has_account = info.has_date = info.has_opened_time_us = true;
    info.position = header->position;
    info.number = number_of(state, header, arena);
    info.account = opened->account;
    info.date = header->business_date;
    info.state = open;
    info.opened_by = number_text(header->user, arena);
    info.opened_time_us = header->time;
    info.has_opening_minor = true;
    info.opening_minor = opened->counted_minor;
    info.has_opening_difference_minor = opened->has_difference_minor;
    info.opening_difference_minor = opened->difference_minor;
    info.note = opened->note;
    info.has_main = true;
    info.main = opened->main;
    info_put(state, header->business, &info, arena);
}

void day_info_counted(struct kv_txn *state, const struct record *record, uint32_t account,
                      struct arena *arena)
{
    Daftari__V1__DayInfo *info = applied(state, record, account, arena);
    if (info == NULL)
        return;
    info->has_counts = true;
    info->counts++;
    info_put(state, record->header.business, info, arena);
}

void day_info_closed(struct kv_txn *state, const struct record *record, const Daftari__V1__DayClosed *closed,
                     struct arena *arena)
{
    char state_text[] = "closed";
    Daftari__V1__DayInfo *info = applied(state, record, closed->account, arena);
    if (info == NULL)
        return;
    info->state = state_text;
    info->z_report = number_of(state, &record->header, arena);
    info->has_z_number = true;
    info->z_number = closed->z_number;
    info->closed_by = number_text(record->header.user, arena);
    info->has_closed_time_us = true;
    info->closed_time_us = record->header.time;
    info->has_brought_forward_minor = true;
    info->brought_forward_minor = closed->brought_forward_minor;
    info->n_flows = closed->n_flows;
    info->flows = closed->flows;
    info->has_sales_minor = closed->has_sales_minor;
    info->sales_minor = closed->sales_minor;
    info->has_tax_minor = closed->has_tax_minor;
    info->tax_minor = closed->tax_minor;
    info->has_expected_minor = info->has_counted_minor = true;
    info->expected_minor = closed->expected_minor;
    info->counted_minor = closed->counted_minor;
    info->has_difference_minor = closed->has_difference_minor;
    info->difference_minor = closed->difference_minor;
    info->n_cash = closed->n_cash;
    info->cash = closed->cash;
    info->first_number = closed->first_number;
    info->last_number = closed->last_number;
    info->has_float_minor = closed->has_float_minor;
    info->float_minor = closed->float_minor;
    info->has_to_bank_minor = closed->has_to_bank_minor;
    info->to_bank_minor = closed->to_bank_minor;
    info->note = closed->note != NULL ? closed->note : info->note;
    info_put(state, record->header.business, info, arena);
}

void day_info_reopened(struct kv_txn *state, const struct record *record, uint32_t account,
                       struct arena *arena)
{
    char reopened[] = "reopened";
    Daftari__V1__DayInfo *info = applied(state, record, account, arena);
    if (info == NULL)
        return;
    info->state = reopened;
    info_put(state, record->header.business, info, arena);
}

/* ---- queries ---------------------------------------------------------------------------------------------------------- */

static char *name_user(struct kv_txn *masters, const char *number, struct arena *arena)
{
    uint64_t user;
    if (number == NULL || !number_parse(slice_text(number), 0, UINT32_MAX, &user))
        return NULL;
    return arena_text(arena, slice_text(user_email_of(masters, (uint32_t)user, arena)));
}

static void for_people(struct kv_txn *masters, uint16_t business, Daftari__V1__DayInfo *info,
                       struct arena *arena)
{
    info->business = arena_text(arena, slice_text(business_code_of(masters, business, arena)));
    info->opened_by = name_user(masters, info->opened_by, arena);
    info->closed_by = name_user(masters, info->closed_by, arena);
}

/* Told from the key and the stored bytes: rows that are passed over take no memory. */
static bool asked_for(const struct query_context *context, struct kv_txn *masters,
                      const Daftari__V1__ListDays *list, struct slice key, struct slice value,
                      uint16_t *out_business)
{
    enum { DAY_INFO_STATE = 6, KEY_BYTES = 10 };
    uint16_t wanted;
    if (key.len != KEY_BYTES)
        return false;
    uint16_t business = be16_get(key.ptr);
    civil_date date = be32_get(key.ptr + 2);
    if (!may_in_business(context->rights, business, PERMISSION_READ) ||
        (!text_empty(list->business) &&
         (!business_find(masters, list->business, &wanted) || wanted != business)) ||
        (list->has_from_date && date < list->from_date) || (list->has_to_date && date > list->to_date) ||
        (list->account != 0 && be32_get(key.ptr + 6) != list->account))
        return false;
    *out_business = business;
    return !list->open_only ||
           !slice_equal(row_text_field(masters, value, DAY_INFO_STATE), slice_text("closed"));
}

enum status day_query_list(const struct query_context *context, struct kv_txn *masters,
                           const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                           struct fault *why)
{
    const Daftari__V1__ListDays *list = (const Daftari__V1__ListDays *)request;
    for (;;) {
        struct slice key, value;
        uint16_t business;
        enum status status = query_next_row(context, masters, TABLE_TILL_DAY_INFO, cursor, &key, &value, why);
        if (status != STATUS_OK)
            return status;
        if (!asked_for(context, masters, list, key, value, &business))
            continue;
        Daftari__V1__DayInfo *info =
            row_message(masters, value, &daftari__v1__day_info__descriptor, context->arena);
        if (info == NULL)
            return query_end(masters, STATUS_END, why);
        for_people(masters, business, info, context->arena);
        *out = &info->base;
        return STATUS_OK;
    }
}

/* The day of the main till, or of the only one; NULL when there is none. */
static Daftari__V1__DayInfo *main_of(struct kv_txn *masters, uint16_t business, civil_date date,
                                     struct arena *arena)
{
    Daftari__V1__DayInfo *found = NULL;
    struct row_key prefix = row_key_u16(business);
    row_key_add_u32(&prefix, date);
    struct kv_cursor *cursor = kv_cursor_open(masters, TABLE_TILL_DAY_INFO);
    for (bool more = kv_seek(cursor, row_key_slice(&prefix)); more; more = kv_next(cursor)) {
        struct slice key, value;
        kv_row(cursor, &key, &value);
        if (!slice_starts_with(key, row_key_slice(&prefix)) || (found != NULL && found->main))
            break;
        Daftari__V1__DayInfo *info = row_message(masters, value, &daftari__v1__day_info__descriptor, arena);
        if (found == NULL || (info != NULL && info->main))
            found = info;
    }
    kv_cursor_close(cursor);
    return found;
}

enum status day_query_show(const struct query_context *context, struct kv_txn *masters,
                           const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                           struct fault *why)
{
    const Daftari__V1__ShowDay *show = (const Daftari__V1__ShowDay *)request;
    civil_date date = show->has_date ? show->date : context->today;
    uint16_t business;
    (void)cursor;
    if (text_empty(show->business) || !business_find(masters, show->business, &business))
        return fault_set(why, STATUS_INVALID, "business", "the code of a business");
    if (!may_in_business(context->rights, business, PERMISSION_READ))
        return fault_set(why, STATUS_DENIED, "business", "you may not read the books of %.20s",
                         show->business);
    Daftari__V1__DayInfo *info = show->account != 0
                                     ? info_get(masters, business, date, show->account, context->arena)
                                     : main_of(masters, business, date, context->arena);
    if (info == NULL) {
        (void)fault_set(why, STATUS_NOT_FOUND, "date", "no day of this till was opened on that date");
        return query_end(masters, STATUS_NOT_FOUND, why);
    }
    for_people(masters, business, info, context->arena);
    *out = &info->base;
    return STATUS_OK;
}
