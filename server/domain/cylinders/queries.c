/* Types are everybody's; cylinders go by the businesses that a user may read. */
#include "server/domain/cylinders/cylinders.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/party.h"
#include "server/domain/kernel/rows.h"

static enum status too_large(struct fault *why)
{
    return fault_set(why, STATUS_NO_MEMORY, NULL, "the answer is too large");
}

static char *item_code(struct kv_txn *masters, uint32_t item, struct arena *arena)
{
    return (char *)(uintptr_t)item_code_of(masters, item, arena);
}

enum status cylinder_type_query_list(const struct query_context *context, struct kv_txn *masters,
                                     const ProtobufCMessage *request, struct slice *cursor,
                                     ProtobufCMessage **out, struct fault *why)
{
    struct slice key, value;
    (void)request;
    enum status status = query_next_row(context, masters, TABLE_CYLINDER_TYPE, cursor, &key, &value, why);
    if (status != STATUS_OK)
        return status;
    Daftari__V1__CylinderTypeInfo *info =
        row_message(masters, value, &daftari__v1__cylinder_type_info__descriptor, context->arena);
    if (info == NULL)
        return query_end(masters, STATUS_END, why);
    info->item = item_code(masters, info->item_number, context->arena);
    *out = &info->base;
    return STATUS_OK;
}

static Daftari__V1__CylinderInfo *describe(const struct query_context *context, struct kv_txn *masters,
                                           const Daftari__V1__CylinderRow *row)
{
    struct cylinder_type type;
    Daftari__V1__CylinderInfo *info = message_new(&daftari__v1__cylinder_info__descriptor, context->arena);
    if (info == NULL || !cylinder_type_get(masters, (uint16_t)row->type, context->arena, &type))
        return NULL;
    info->serial = row->serial;
    info->type = type.info->code;
    info->brand = type.info->brand;
    info->has_capacity_milli = true;
    info->capacity_milli = type.info->capacity_milli;
    info->item = item_code(masters, type.info->item_number, context->arena);
    info->business = (char *)(uintptr_t)business_code_of(masters, (uint16_t)row->business, context->arena);
    info->has_state = info->has_owner = info->has_value_minor = true;
    info->state = row->state;
    info->owner = row->owner;
    info->value_minor = row->value_minor;
    info->has_deposit_minor = row->has_deposit_minor;
    info->deposit_minor = row->deposit_minor;
    if (row->customer != 0)
        party_names(masters, row->customer, context->arena, &info->customer, &info->customer_name);
    info->has_since_date = row->has_since_date;
    info->since_date = row->since_date;
    info->has_acquired_date = row->has_acquired_date;
    info->acquired_date = row->acquired_date;
    info->has_cost_minor = row->has_cost_minor;
    info->cost_minor = row->cost_minor;
    info->note = row->note;
    return info;
}

/* What a list asks for. */
struct wanted {
    bool one_business;
    uint16_t business;
    uint16_t type; /* 0: all */
};

static enum status read_list(struct kv_txn *masters, const struct query_context *context,
                             const Daftari__V1__ListCylinders *list, struct wanted *out, struct fault *why)
{
    out->one_business = !text_empty(list->business);
    if (out->one_business && !business_find(masters, list->business, &out->business))
        return query_end(masters,
                         fault_refuse(why, DAFTARI__V1__REASON__BUSINESS_UNKNOWN, "business",
                                      "there is no business %.20s", list->business),
                         why);
    if (out->one_business && !may_in_business(context->rights, out->business, PERMISSION_READ))
        return fault_set(why, STATUS_DENIED, "business", "you may not read business %.20s", list->business);
    if (!text_empty(list->type) && !cylinder_type_find(masters, list->type, &out->type))
        return query_end(masters,
                         fault_refuse(why, DAFTARI__V1__REASON__CYLINDER_TYPE_UNKNOWN, "type",
                                      "there is no cylinder type %.50s", list->type),
                         why);
    return STATUS_OK;
}

enum status cylinder_query_list(const struct query_context *context, struct kv_txn *masters,
                                const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                                struct fault *why)
{
    const Daftari__V1__ListCylinders *list = (const Daftari__V1__ListCylinders *)request;
    struct wanted wanted = {0};
    enum status status = read_list(masters, context, list, &wanted, why);
    while (status == STATUS_OK) {
        struct slice key, value;
        status = query_next_row(context, masters, TABLE_CYLINDER, cursor, &key, &value, why);
        if (status != STATUS_OK)
            break;
        const Daftari__V1__CylinderRow *row =
            row_message(masters, value, &daftari__v1__cylinder_row__descriptor, context->arena);
        if (row == NULL)
            return query_end(masters, STATUS_END, why);
        if ((wanted.one_business && row->business != wanted.business) ||
            !may_in_business(context->rights, (uint16_t)row->business, PERMISSION_READ) ||
            (list->has_state && row->state != list->state) || (wanted.type != 0 && row->type != wanted.type))
            continue;
        Daftari__V1__CylinderInfo *info = describe(context, masters, row);
        if (info == NULL)
            return too_large(why);
        *out = &info->base;
        return STATUS_OK;
    }
    return status;
}

enum status cylinder_query_show(const struct query_context *context, struct kv_txn *masters,
                                const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                                struct fault *why)
{
    const Daftari__V1__ShowCylinder *show = (const Daftari__V1__ShowCylinder *)request;
    const Daftari__V1__CylinderRow *row = cylinder_find(masters, show->serial, context->arena);
    (void)cursor;
    if (row == NULL || !may_in_business(context->rights, (uint16_t)row->business, PERMISSION_READ))
        return query_end(masters,
                         fault_set(why, STATUS_NOT_FOUND, "serial", "there is no cylinder with this serial"),
                         why);
    Daftari__V1__CylinderInfo *info = describe(context, masters, row);
    if (info == NULL)
        return too_large(why);
    *out = &info->base;
    return STATUS_OK;
}
