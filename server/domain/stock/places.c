/* Places of a business: a store room, a van. The shop itself is place 0 and has no row. */
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/stock/store_room.h"
#include "type_ids.h"

static struct row_key place_key(uint16_t business, uint16_t place)
{
    struct row_key key = row_key_u16(business);
    row_key_add_u16(&key, place);
    return key;
}

static struct row_key name_key(uint16_t business, const char *name)
{
    struct row_key key = row_key_u16(business);
    row_key_add(&key, name, strlen(name));
    return key;
}

/* 0 when there are as many as can be. */
static uint16_t next_place(struct kv_txn *state, uint16_t business)
{
    struct row_key prefix = row_key_u16(business), last = place_key(business, UINT16_MAX);
    struct slice key, value;
    if (!row_last_within(state, TABLE_PLACE, row_key_slice(&prefix), row_key_slice(&last), &key, &value))
        return PLACE_SHOP + 1;
    return (uint16_t)(be16_get(key.ptr + 2) + 1u);
}

enum status place_decide_define(const struct context *context, struct kv_txn *state,
                                const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__DefinePlace *define = (const Daftari__V1__DefinePlace *)command;
    struct facts facts;
    uint16_t business, there;
    facts_get(state, &facts);
    enum status status = form_text(define->name, "name", PLACE_NAME_MAX, true, why);
    if (status == STATUS_OK && text_empty(define->business))
        status = fault_set(why, STATUS_INVALID, "business", "the code of the business whose place this is");
    if (status == STATUS_OK)
        status =
            business_require(context, state, &facts, define->business, false, "business", &business, why);
    if (status != STATUS_OK)
        return status;
    struct row_key name = name_key(business, define->name);
    if (row_get_u16(state, TABLE_PLACE_NAME, row_key_slice(&name), &there))
        return fault_refuse(why, DAFTARI__V1__REASON__PLACE_EXISTS, "name",
                            "business %.20s has a place %.100s already", define->business, define->name);
    uint16_t number = next_place(state, business);
    if (number == PLACE_SHOP)
        return fault_set(why, STATUS_TOO_LARGE, NULL, "at most %u places", UINT16_MAX);

    /* accepted */
    out->type = EVENT_PLACE_DEFINED;
    out->business = business;
    out->number = number;
    return STATUS_OK;
}

void place_apply_defined(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                         struct arena *arena)
{
    const Daftari__V1__DefinePlace *define = (const Daftari__V1__DefinePlace *)payload;
    uint16_t business = record->header.business, number = (uint16_t)record->header.number;
    struct row_key key = place_key(business, number), name = name_key(business, define->name);
    Daftari__V1__PlaceInfo info = DAFTARI__V1__PLACE_INFO__INIT;
    info.business = define->business;
    info.name = define->name;
    info.has_number = true;
    info.number = number;
    row_put_message(state, TABLE_PLACE, row_key_slice(&key), &info.base, arena);
    row_put_u16(state, TABLE_PLACE_NAME, row_key_slice(&name), number);
}

enum status place_query_list(const struct query_context *context, struct kv_txn *masters,
                             const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                             struct fault *why)
{
    const Daftari__V1__ListPlaces *list = (const Daftari__V1__ListPlaces *)request;
    struct slice key, value;
    for (;;) {
        enum status status = query_next_row(context, masters, TABLE_PLACE, cursor, &key, &value, why);
        if (status != STATUS_OK)
            return status;
        if (!may_in_business(context->rights, be16_get(key.ptr), PERMISSION_READ))
            continue;
        Daftari__V1__PlaceInfo *info =
            row_message(masters, value, &daftari__v1__place_info__descriptor, context->arena);
        if (info == NULL)
            return query_end(masters, STATUS_END, why);
        if (!text_empty(list->business) && !text_same(info->business, list->business))
            continue;
        *out = &info->base;
        return STATUS_OK;
    }
}
