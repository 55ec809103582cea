/* Job.Show and Job.List: a job is its row among the masters, and what its open documents say. */
#include "job.pb-c.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/item_row.h"
#include "server/domain/kernel/job_row.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/party.h"
#include "server/views/queries/documents.h"
#include "server/views/queries/queries.h"
#include "type_ids.h"

static const uint16_t job_types[] = {EVENT_JOB_RECEIVED, 0};

static bool make_lines(const struct document_query *query, const Daftari__V1__JobRow *row,
                       Daftari__V1__JobInfo *info)
{
    struct arena *arena = query->context->arena;
    info->lines = arena_take(arena, (row->n_lines + 1) * sizeof *info->lines);
    for (size_t i = 0; info->lines != NULL && i < row->n_lines; i++) {
        const Daftari__V1__JobLine *from = row->lines[i];
        const Daftari__V1__ItemInfo *item = item_info_get(query->masters, from->item, arena);
        Daftari__V1__JobInfoLine *line = message_new(&daftari__v1__job_info_line__descriptor, arena);
        if (line == NULL)
            return false;
        line->has_line = line->has_quantity_milli = line->has_unit_price_minor = line->has_net_minor = true;
        line->line = (uint32_t)i + 1;
        line->item = item != NULL ? item->code : NULL;
        line->name = item != NULL ? item->name : NULL;
        line->quantity_milli = from->quantity_milli;
        line->unit_price_minor = from->unit_price_minor;
        line->has_discount_minor = from->has_discount_minor;
        line->discount_minor = from->discount_minor;
        line->net_minor = from->net_minor - from->discount_net_minor;
        line->has_tax_minor = from->has_tax_minor;
        line->tax_minor = from->tax_minor - from->discount_tax_minor;
        line->has_rate_bp = from->has_rate_bp;
        line->rate_bp = from->rate_bp;
        line->note = from->note;
        info->lines[info->n_lines++] = line;
    }
    return info->lines != NULL;
}

static bool make_acts(const struct document_query *query, const Daftari__V1__JobRow *row,
                      Daftari__V1__JobInfo *info)
{
    struct arena *arena = query->context->arena;
    info->acts = arena_take(arena, (row->n_acts + 1) * sizeof *info->acts);
    for (size_t i = 0; info->acts != NULL && i < row->n_acts; i++) {
        const Daftari__V1__JobAct *from = row->acts[i];
        const struct event_type *event = domain_event((uint16_t)from->type);
        Daftari__V1__JobInfoAct *act = message_new(&daftari__v1__job_info_act__descriptor, arena);
        if (act == NULL)
            return false;
        act->has_position = act->has_date = act->has_time_us = true;
        act->position = from->position;
        act->act = document_text(event != NULL ? event->name : "?");
        act->date = from->date;
        act->time_us = from->time_us;
        act->by = document_text(user_email_of(query->masters, from->user, arena));
        act->state = document_text(job_state_text(from->state, from->stage));
        act->has_settled_minor = from->has_settled_minor;
        act->settled_minor = from->settled_minor;
        act->has_undone = from->has_undone;
        act->undone = from->undone;
        info->acts[info->n_acts++] = act;
    }
    return info->acts != NULL;
}

static void take_amounts(struct kv_txn *masters, const Daftari__V1__JobRow *row, Daftari__V1__JobInfo *info)
{
    int64_t due = job_row_due(masters, row);
    bool cancelled = row->state == DAFTARI__V1__JOB_STATE__JOB_CANCELLED;
    info->has_net_minor = info->has_total_minor = info->has_due_minor = info->has_paid_minor = true;
    info->net_minor = row->net_minor;
    info->has_tax_minor = row->tax_minor != 0;
    info->tax_minor = row->tax_minor;
    info->total_minor = row->total_minor;
    info->has_discount_minor = row->discount_minor != 0;
    info->discount_minor = row->discount_minor;
    info->due_minor = due;
    info->paid_minor = cancelled ? 0 : row->total_minor - due - row->written_off_minor;
    info->has_written_off_minor = row->has_written_off_minor;
    info->written_off_minor = row->written_off_minor;
    info->has_counted = true;
    info->counted = row->recognised && !cancelled;
}

static void take_dates(const Daftari__V1__JobRow *row, Daftari__V1__JobInfo *info)
{
    const Daftari__V1__JobAct *ready = job_row_since(row, DAFTARI__V1__JOB_STATE__JOB_READY);
    const Daftari__V1__JobAct *collected = job_row_since(row, DAFTARI__V1__JOB_STATE__JOB_COLLECTED);
    info->has_date = true;
    info->date = row->received_date;
    info->has_promised_date = row->has_promised_date;
    info->promised_date = row->promised_date;
    info->has_ready_date = ready != NULL;
    info->ready_date = ready != NULL ? ready->date : 0;
    info->has_collected_date = collected != NULL;
    info->collected_date = collected != NULL ? collected->date : 0;
}

static enum status make_job(const struct document_query *query, const struct record_header *header,
                            const Daftari__V1__JobRow *row, Daftari__V1__JobInfo **out)
{
    struct arena *arena = query->context->arena;
    Daftari__V1__JobInfo *info = message_new(&daftari__v1__job_info__descriptor, arena);
    if (info == NULL || !make_lines(query, row, info) || !make_acts(query, row, info))
        return STATUS_NO_MEMORY;
    info->has_position = info->has_recorded_time_us = true;
    info->position = header->position;
    info->recorded_time_us = header->time;
    info->number = document_number_text(query, header);
    info->business = document_text(business_code_of(query->masters, header->business, arena));
    info->recorded_by = document_text(user_email_of(query->masters, header->user, arena));
    info->state = document_text(job_state_text(row->state, row->stage));
    info->note = row->note;
    if (row->customer != 0)
        party_names(query->masters, row->customer, arena, &info->customer, &info->customer_name);
    take_amounts(query->masters, row, info);
    take_dates(row, info);
    *out = info;
    return kv_error(query->masters);
}

enum status query_job_show(struct view_reader *reader, const struct query_context *context,
                           const ProtobufCMessage *request, void **state, ProtobufCMessage **out,
                           struct fault *why)
{
    struct document_query query;
    struct record record = {0};
    Daftari__V1__JobInfo *info = NULL;
    (void)state;
    if (!document_query_init(&query, reader, context))
        return STATUS_UNAVAILABLE;
    enum status status =
        document_by_number(&query, ((const Daftari__V1__ShowJob *)request)->number, job_types, &record, why);
    if (status != STATUS_OK)
        return status;
    const Daftari__V1__JobRow *row = job_row_get(query.masters, record.header.position, context->arena);
    if (row == NULL)
        return kv_error(query.masters) != STATUS_OK ? kv_error(query.masters) : STATUS_CORRUPT;
    status = make_job(&query, &record.header, row, &info);
    if (status == STATUS_OK)
        *out = &info->base;
    return status;
}

/* ---- lists ---------------------------------------------------------------------------------------------------------- */

static bool in_states(const Daftari__V1__ListJobs *asked, Daftari__V1__JobState state)
{
    size_t i = 0;
    while (i < asked->n_states && asked->states[i] != state)
        i++;
    return asked->n_states == 0 || i < asked->n_states;
}

static bool wanted(const struct document_query *query, const Daftari__V1__ListJobs *asked,
                   const Daftari__V1__JobRow *row)
{
    struct party_row party;
    if (!in_states(asked, row->state) || (asked->open && !job_row_open(row)) ||
        (asked->has_promised_by_date &&
         (!row->has_promised_date || row->promised_date > asked->promised_by_date)) ||
        (asked->unpaid && job_row_due(query->masters, row) <= 0))
        return false;
    return text_empty(asked->customer) ||
           (row->customer != 0 && party_find(query->masters, PARTY_IS_CUSTOMER, asked->customer, &party) &&
            party_standing(query->masters, row->customer) == party.number);
}

static enum status list_make(const struct document_query *query, const struct record *record,
                             const void *context, ProtobufCMessage **out)
{
    Daftari__V1__JobInfo *info = NULL;
    const Daftari__V1__JobRow *row =
        job_row_get(query->masters, record->header.position, query->context->arena);
    if (row == NULL)
        return kv_error(query->masters) != STATUS_OK ? kv_error(query->masters) : STATUS_CORRUPT;
    if (!wanted(query, context, row))
        return STATUS_NOT_FOUND;
    enum status status = make_job(query, &record->header, row, &info);
    if (status == STATUS_OK)
        *out = &info->base;
    return status;
}

enum status query_job_list(struct view_reader *reader, const struct query_context *context,
                           const ProtobufCMessage *request, void **state, ProtobufCMessage **out,
                           struct fault *why)
{
    const Daftari__V1__ListJobs *asked = (const Daftari__V1__ListJobs *)request;
    struct document_query query;
    if (!document_query_init(&query, reader, context))
        return STATUS_UNAVAILABLE;
    struct document_filter filter = {
        .business = asked->business,
        .has_from = asked->has_from_date,
        .has_to = asked->has_to_date,
        .from = asked->from_date,
        .to = asked->to_date,
        .types = job_types,
        .limit = asked->limit,
    };
    return document_list_step(&query, &filter, state, out, why, list_make, asked);
}
