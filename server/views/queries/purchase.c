/* Purchase.List: what was bought, and what went back of it. */
#include "proto/wire/message.h"
#include "purchase.pb-c.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/item_row.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/party.h"
#include "server/views/queries/documents.h"
#include "server/views/queries/queries.h"
#include "type_ids.h"

static const uint16_t types[] = {EVENT_PURCHASE_RECORDED, 0};

struct fate {
    const struct document_query *query;
    Daftari__V1__PurchaseInfo *info;
};

static enum status take_return(void *context, const struct record *record)
{
    struct fate *fate = context;
    ProtobufCMessage *message = NULL;
    if (record->header.type != EVENT_PURCHASE_RETURNED)
        return STATUS_OK;
    enum status status =
        message_unpack(&daftari__v1__purchase_returned__descriptor, record->payload, false,
                       arena_allocator(fate->query->context->arena), &message, fate->query->reader->why);
    if (status != STATUS_OK)
        return status;
    const Daftari__V1__PurchaseReturned *returned = (const Daftari__V1__PurchaseReturned *)message;
    for (size_t i = 0; i < returned->n_lines; i++) {
        uint32_t line = returned->lines[i]->line;
        if (line == 0 || line > fate->info->n_lines)
            return STATUS_CORRUPT;
        fate->info->lines[line - 1]->has_returned_milli = true;
        fate->info->lines[line - 1]->returned_milli += returned->lines[i]->quantity_milli;
    }
    return STATUS_OK;
}

static const char *state_of(const Daftari__V1__PurchaseInfo *info)
{
    bool some = false, all = true;
    for (size_t i = 0; i < info->n_lines; i++) {
        some = some || info->lines[i]->returned_milli != 0;
        all = all && info->lines[i]->returned_milli == info->lines[i]->quantity_milli;
    }
    return all ? "returned" : some ? "partly returned" : "bought";
}

static Daftari__V1__PurchaseInfoLine *make_line(const struct document_query *query,
                                                const Daftari__V1__BoughtLine *bought, size_t index)
{
    struct arena *arena = query->context->arena;
    Daftari__V1__PurchaseInfoLine *line = message_new(&daftari__v1__purchase_info_line__descriptor, arena);
    if (line == NULL)
        return NULL;
    if (bought->has_item) {
        const Daftari__V1__ItemInfo *item = item_info_get(query->masters, bought->item, arena);
        line->item = item != NULL ? item->code : NULL;
        line->name = item != NULL ? item->name : NULL;
    } else {
        line->name = bought->note;
    }
    line->has_line = line->has_quantity_milli = line->has_net_minor = true;
    line->line = (uint32_t)index + 1;
    line->has_account = bought->has_account;
    line->account = bought->account;
    line->has_condition = bought->has_condition;
    line->condition = bought->condition;
    line->quantity_milli = bought->quantity_milli;
    line->net_minor = bought->net_minor;
    line->has_tax_minor = bought->has_tax_minor;
    line->tax_minor = bought->tax_minor;
    return line;
}

static bool make_lines(const struct document_query *query, const Daftari__V1__PurchaseRecorded *purchase,
                       Daftari__V1__PurchaseInfo *info)
{
    info->lines = arena_take(query->context->arena, (purchase->n_lines + 1) * sizeof *info->lines);
    for (size_t i = 0; info->lines != NULL && i < purchase->n_lines; i++) {
        Daftari__V1__PurchaseInfoLine *line = make_line(query, purchase->lines[i], i);
        if (line == NULL)
            return false;
        info->lines[info->n_lines++] = line;
    }
    return info->lines != NULL;
}

static enum status make_info(const struct document_query *query, const struct record_header *header,
                             const Daftari__V1__PurchaseRecorded *purchase, ProtobufCMessage **out)
{
    struct arena *arena = query->context->arena;
    Daftari__V1__PurchaseInfo *info = message_new(&daftari__v1__purchase_info__descriptor, arena);
    char *code = NULL;
    if (info == NULL || !make_lines(query, purchase, info))
        return STATUS_NO_MEMORY;
    info->has_position = info->has_date = info->has_net_minor = info->has_total_minor = true;
    info->position = header->position;
    info->date = header->business_date;
    info->number = document_number_text(query, header);
    info->business = document_text(business_code_of(query->masters, header->business, arena));
    if (purchase->supplier != 0)
        party_names(query->masters, purchase->supplier, arena, &code, &info->supplier);
    info->invoice = purchase->invoice;
    info->n_tenders = purchase->n_tenders;
    info->tenders = purchase->tenders;
    info->net_minor = purchase->net_minor;
    info->has_tax_minor = purchase->has_tax_minor;
    info->tax_minor = purchase->tax_minor;
    info->total_minor = purchase->total_minor;
    info->note = purchase->note;
    info->recorded_by = document_text(user_email_of(query->masters, header->user, arena));
    struct fate fate = {.query = query, .info = info};
    enum status status = document_followers(query, header->position, take_return, &fate);
    info->state = document_text(state_of(info));
    *out = &info->base;
    return status;
}

static enum status make(const struct document_query *query, const struct record *record, const void *context,
                        ProtobufCMessage **out)
{
    const Daftari__V1__ListPurchases *asked = context;
    struct record_header header = record->header;
    ProtobufCMessage *message = NULL;
    struct party_row party;
    enum status status = message_unpack(&daftari__v1__purchase_recorded__descriptor, record->payload, false,
                                        arena_allocator(query->context->arena), &message, query->reader->why);
    if (status != STATUS_OK)
        return status;
    const Daftari__V1__PurchaseRecorded *purchase = (const Daftari__V1__PurchaseRecorded *)message;
    if (!text_empty(asked->supplier) &&
        (!party_find(query->masters, PARTY_IS_SUPPLIER, asked->supplier, &party) ||
         party.number != purchase->supplier))
        return STATUS_NOT_FOUND;
    return make_info(query, &header, purchase, out);
}

enum status query_purchase_list(struct view_reader *reader, const struct query_context *context,
                                const ProtobufCMessage *request, void **state, ProtobufCMessage **out,
                                struct fault *why)
{
    const Daftari__V1__ListPurchases *asked = (const Daftari__V1__ListPurchases *)request;
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
