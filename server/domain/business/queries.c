#include "server/domain/business/business.h"
#include "server/domain/business/settings.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"

enum status business_query_list(const struct query_context *context, struct kv_txn *masters,
                                const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                                struct fault *why)
{
    const Daftari__V1__ListBusinesses *list = (const Daftari__V1__ListBusinesses *)request;
    struct slice key, value;
    for (;;) {
        enum status status = query_next_row(context, masters, TABLE_BUSINESS, cursor, &key, &value, why);
        if (status != STATUS_OK)
            return status;
        Daftari__V1__BusinessInfo *info =
            row_message(masters, value, &daftari__v1__business_info__descriptor, context->arena);
        if (info == NULL)
            return query_end(masters, STATUS_END, why);
        if ((list->active_only && !info->active) ||
            !may_in_business(context->rights, (uint16_t)info->number, PERMISSION_READ))
            continue;
        *out = &info->base;
        return STATUS_OK;
    }
}

/* The cursor is the index of the next setting, two bytes. */
enum status business_query_settings(const struct query_context *context, struct kv_txn *masters,
                                    const ProtobufCMessage *request, struct slice *cursor,
                                    ProtobufCMessage **out, struct fault *why)
{
    const Daftari__V1__ShowSettings *show = (const Daftari__V1__ShowSettings *)request;
    uint16_t business = HEAD_OFFICE;
    uint16_t index = cursor->len == 2 ? be16_get(cursor->ptr) : 0;
    if (index >= setting_count)
        return query_end(masters, STATUS_END, why);
    if (show->business != NULL && !business_find(masters, show->business, &business))
        return query_end(masters,
                         fault_refuse(why, DAFTARI__V1__REASON__BUSINESS_UNKNOWN, "business",
                                      "there is no business %.20s", show->business),
                         why);
    if (!may_in_business(context->rights, business, PERMISSION_READ))
        return fault_set(why, STATUS_DENIED, "business", "you may not see this business");

    const struct setting *setting = &settings[index];
    Daftari__V1__SettingInfo *info = message_new(&daftari__v1__setting_info__descriptor, context->arena);
    uint8_t *next = arena_take(context->arena, 2);
    civil_date from;
    struct slice value = slice_text(setting->fallback);
    if (info == NULL || next == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the answer is too large");
    info->has_from_date =
        setting_row(masters, business, setting->name,
                    show->has_as_at_date ? show->as_at_date : context->today, &from, &value);
    if (info->has_from_date)
        info->from_date = from;
    info->name = arena_text(context->arena, slice_text(setting->name));
    info->value = arena_text(context->arena, value);
    info->meaning = arena_text(context->arena, slice_text(setting->meaning));
    if (info->name == NULL || info->value == NULL || info->meaning == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the answer is too large");
    be16_put(next, (uint16_t)(index + 1));
    *cursor = slice_of(next, 2);
    *out = &info->base;
    return query_end(masters, STATUS_OK, why);
}
