/* Sale.Show and Sale.List: a sale is its record, with what later records did to it. */
#include "proto/wire/message.h"
#include "sale.pb-c.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/item_row.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/party.h"
#include "server/views/queries/documents.h"
#include "server/views/queries/queries.h"
#include "type_ids.h"

static const uint16_t sale_types[] = {EVENT_SALE_RECORDED, 0};

/* What happened to one sale. */
struct fate {
    const struct document_query *query;
    Daftari__V1__SaleInfo *info;
    bool is_void, reviewed;
};

static enum status take_follower(void *context, const struct record *record)
{
    struct fate *fate = context;
    const struct view_reader *reader = fate->query->reader;
    ProtobufCMessage *message = NULL;
    fate->is_void = fate->is_void || record->header.type == EVENT_SALE_VOIDED;
    fate->reviewed = fate->reviewed || record->header.type == EVENT_SALE_REVIEWED;
    if (record->header.type != EVENT_SALE_RETURNED)
        return STATUS_OK;
    enum status status = message_unpack(&daftari__v1__return_recorded__descriptor, record->payload, false,
                                        arena_allocator(fate->query->context->arena), &message, reader->why);
    if (status != STATUS_OK)
        return status;
    const Daftari__V1__ReturnRecorded *returned = (const Daftari__V1__ReturnRecorded *)message;
    for (size_t i = 0; i < returned->n_lines; i++) {
        uint32_t line = returned->lines[i]->line;
        if (line == 0 || line > fate->info->n_lines)
            return STATUS_CORRUPT;
        fate->info->lines[line - 1]->has_returned_milli = true;
        fate->info->lines[line - 1]->returned_milli += returned->lines[i]->quantity_milli;
    }
    return STATUS_OK;
}

static const char *state_of(const struct fate *fate)
{
    bool some = false, all = true;
    for (size_t i = 0; i < fate->info->n_lines; i++) {
        const Daftari__V1__SaleInfoLine *line = fate->info->lines[i];
        some = some || line->returned_milli != 0;
        all = all && line->returned_milli == line->quantity_milli;
    }
    if (fate->is_void)
        return "void";
    if (fate->info->n_review != 0 && !fate->reviewed)
        return "for review";
    return all ? "returned" : some ? "partly returned" : "sold";
}

static bool make_lines(const struct document_query *query, const Daftari__V1__SaleRecorded *sale,
                       Daftari__V1__SaleInfo *info)
{
    struct arena *arena = query->context->arena;
    info->lines = arena_take(arena, (sale->n_lines + 1) * sizeof *info->lines);
    for (size_t i = 0; info->lines != NULL && i < sale->n_lines; i++) {
        const Daftari__V1__SoldLine *sold = sale->lines[i];
        const Daftari__V1__ItemInfo *item = item_info_get(query->masters, sold->item, arena);
        Daftari__V1__SaleInfoLine *line = message_new(&daftari__v1__sale_info_line__descriptor, arena);
        if (line == NULL)
            return false;
        line->has_line = line->has_quantity_milli = line->has_unit_price_minor = line->has_net_minor = true;
        line->line = (uint32_t)i + 1;
        line->item = item != NULL ? item->code : NULL;
        line->name = item != NULL ? item->name : NULL;
        line->quantity_milli = sold->quantity_milli;
        line->unit_price_minor = sold->unit_price_minor;
        line->has_discount_minor = sold->has_discount_minor;
        line->discount_minor = sold->discount_minor;
        line->net_minor = sold->net_minor;
        line->has_tax_minor = sold->has_tax_minor;
        line->tax_minor = sold->tax_minor;
        line->has_rate_bp = sold->has_rate_bp;
        line->rate_bp = sold->rate_bp;
        line->note = sold->note;
        info->lines[info->n_lines++] = line;
    }
    return info->lines != NULL;
}

static void take_totals(const Daftari__V1__SaleRecorded *sale, Daftari__V1__SaleInfo *info)
{
    info->n_tenders = sale->n_tenders;
    info->tenders = sale->tenders;
    info->has_net_minor = info->has_total_minor = true;
    info->net_minor = sale->net_minor;
    info->total_minor = sale->total_minor;
    info->has_tax_minor = sale->has_tax_minor;
    info->tax_minor = sale->tax_minor;
    info->has_change_minor = sale->has_change_minor;
    info->change_minor = sale->change_minor;
    info->has_discount_minor = sale->has_discount_minor;
    info->discount_minor = sale->discount_minor;
    info->note = sale->note;
    info->n_review = sale->n_review;
    info->review = sale->review;
}

static enum status read_sale(const struct document_query *query, const struct record *record,
                             const Daftari__V1__SaleRecorded **out)
{
    ProtobufCMessage *message = NULL;
    enum status status = message_unpack(&daftari__v1__sale_recorded__descriptor, record->payload, false,
                                        arena_allocator(query->context->arena), &message, query->reader->why);
    *out = (const Daftari__V1__SaleRecorded *)message;
    return status;
}

static enum status make_sale(const struct document_query *query, const struct record_header *header,
                             const Daftari__V1__SaleRecorded *sale, Daftari__V1__SaleInfo **out)
{
    struct arena *arena = query->context->arena;
    Daftari__V1__SaleInfo *info = message_new(&daftari__v1__sale_info__descriptor, arena);
    if (info == NULL || !make_lines(query, sale, info))
        return STATUS_NO_MEMORY;
    take_totals(sale, info);
    info->has_position = info->has_date = info->has_recorded_time_us = true;
    info->position = header->position;
    info->date = header->business_date;
    info->recorded_time_us = header->time;
    info->number = document_number_text(query, header);
    info->business = document_text(business_code_of(query->masters, header->business, arena));
    info->recorded_by = document_text(user_email_of(query->masters, header->user, arena));
    if (sale->customer != 0)
        party_names(query->masters, sale->customer, arena, &info->customer, &info->customer_name);
    struct fate fate = {.query = query, .info = info};
    enum status status = document_followers(query, header->position, take_follower, &fate);
    info->state = document_text(state_of(&fate));
    *out = info;
    return status;
}

enum status query_sale_show(struct view_reader *reader, const struct query_context *context,
                            const ProtobufCMessage *request, void **state, ProtobufCMessage **out,
                            struct fault *why)
{
    struct document_query query;
    struct record record = {0};
    Daftari__V1__SaleInfo *info = NULL;
    (void)state;
    if (!document_query_init(&query, reader, context))
        return STATUS_UNAVAILABLE;
    enum status status = document_by_number(&query, ((const Daftari__V1__ShowSale *)request)->number,
                                            sale_types, &record, why);
    const Daftari__V1__SaleRecorded *sale = NULL;
    if (status == STATUS_OK)
        status = read_sale(&query, &record, &sale);
    struct record_header header = record.header;
    if (status == STATUS_OK)
        status = make_sale(&query, &header, sale, &info);
    if (status == STATUS_OK)
        *out = &info->base;
    return status;
}

static bool is_customers(const struct document_query *query, const char *customer,
                         const Daftari__V1__SaleRecorded *sale)
{
    struct party_row party;
    return text_empty(customer) || (party_find(query->masters, PARTY_IS_CUSTOMER, customer, &party) &&
                                    sale->customer == party.number);
}

static enum status list_make(const struct document_query *query, const struct record *record,
                             const void *context, ProtobufCMessage **out)
{
    const Daftari__V1__ListSales *asked = context;
    const Daftari__V1__SaleRecorded *sale = NULL;
    Daftari__V1__SaleInfo *info = NULL;
    struct record_header header = record->header;
    enum status status = read_sale(query, record, &sale);
    if (status != STATUS_OK)
        return status;
    if (!is_customers(query, asked->customer, sale))
        return STATUS_NOT_FOUND;
    status = make_sale(query, &header, sale, &info);
    if (status != STATUS_OK)
        return status;
    if (asked->for_review && strcmp(info->state, "for review") != 0)
        return STATUS_NOT_FOUND;
    *out = &info->base;
    return STATUS_OK;
}

enum status query_sale_list(struct view_reader *reader, const struct query_context *context,
                            const ProtobufCMessage *request, void **state, ProtobufCMessage **out,
                            struct fault *why)
{
    const Daftari__V1__ListSales *asked = (const Daftari__V1__ListSales *)request;
    struct document_query query;
    if (!document_query_init(&query, reader, context))
        return STATUS_UNAVAILABLE;
    struct document_filter filter = {
        .business = asked->business,
        .has_from = asked->has_from_date,
        .has_to = asked->has_to_date,
        .from = asked->from_date,
        .to = asked->to_date,
        .types = sale_types,
        .limit = asked->limit,
    };
    return document_list_step(&query, &filter, state, out, why, list_make, asked);
}
