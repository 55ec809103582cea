/* Production.List: what was made, and what was made void. */
#include "production.pb-c.h"
#include "proto/wire/message.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/item_row.h"
#include "server/domain/kernel/lookup.h"
#include "server/views/queries/documents.h"
#include "server/views/queries/queries.h"
#include "type_ids.h"

static const uint16_t types[] = {EVENT_PRODUCTION_RECORDED, 0};

static enum status note_void(void *context, const struct record *record)
{
    bool *is_void = context;
    *is_void = *is_void || record->header.type == EVENT_PRODUCTION_VOIDED;
    return STATUS_OK;
}

static enum status make(const struct document_query *query, const struct record *record, const void *context,
                        ProtobufCMessage **out)
{
    const Daftari__V1__ListProductions *asked = context;
    struct arena *arena = query->context->arena;
    struct record_header header = record->header;
    ProtobufCMessage *message = NULL;
    enum status status = message_unpack(&daftari__v1__production_recorded__descriptor, record->payload, false,
                                        arena_allocator(arena), &message, query->reader->why);
    if (status != STATUS_OK)
        return status;
    const Daftari__V1__ProductionRecorded *made = (const Daftari__V1__ProductionRecorded *)message;
    struct item_row wanted;
    if (!text_empty(asked->item) &&
        (!item_find(query->masters, asked->item, &wanted) || wanted.number != made->item))
        return STATUS_NOT_FOUND;
    const Daftari__V1__ItemInfo *item = item_info_get(query->masters, made->item, arena);
    Daftari__V1__ProductionInfo *info = message_new(&daftari__v1__production_info__descriptor, arena);
    if (info == NULL)
        return STATUS_NO_MEMORY;
    bool is_void = false;
    info->has_position = info->has_date = info->has_quantity_milli = info->has_value_minor = true;
    info->position = header.position;
    info->date = header.business_date;
    info->number = document_number_text(query, &header);
    info->business = document_text(business_code_of(query->masters, header.business, arena));
    info->item = item != NULL ? item->code : NULL;
    info->name = item != NULL ? item->name : NULL;
    info->quantity_milli = made->quantity_milli;
    info->has_broken_milli = made->has_broken_milli;
    info->broken_milli = made->broken_milli;
    info->has_cost_minor = made->has_cost_minor;
    info->cost_minor = made->cost_minor;
    info->value_minor = made->value_minor;
    info->note = made->note;
    info->recorded_by = document_text(user_email_of(query->masters, header.user, arena));
    status = document_followers(query, header.position, note_void, &is_void);
    info->state = document_text(is_void ? "void" : "made");
    *out = &info->base;
    return status;
}

enum status query_production_list(struct view_reader *reader, const struct query_context *context,
                                  const ProtobufCMessage *request, void **state, ProtobufCMessage **out,
                                  struct fault *why)
{
    const Daftari__V1__ListProductions *asked = (const Daftari__V1__ListProductions *)request;
    struct document_query query;
    if (!document_query_init(&query, reader, context))
        return STATUS_UNAVAILABLE;
    struct document_filter filter = {
        .business = asked->business,
        .has_from = asked->has_from_date,
        .has_to = asked->has_to_date,
        .from = asked->from_date,
        .to = asked->to_date,
        .types = types,
        .limit = asked->limit,
    };
    return document_list_step(&query, &filter, state, out, why, make, asked);
}
