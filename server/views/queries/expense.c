/* Expense.Show and Expense.List: what was spent, and whether it was taken back. */
#include "proto/wire/message.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/party.h"
#include "server/domain/money/money.h"
#include "server/views/queries/documents.h"
#include "server/views/queries/queries.h"
#include "type_ids.h"

static const uint16_t types[] = {EVENT_EXPENSE_RECORDED, 0};

struct fate {
    const struct document_query *query;
    Daftari__V1__ExpenseInfo *info;
};

static enum status take_undone(void *context, const struct record *record)
{
    struct fate *fate = context;
    ProtobufCMessage *message = NULL;
    const struct record_header header = record->header;
    if (header.type != EVENT_EXPENSE_VOIDED && header.type != EVENT_EXPENSE_RELEASED)
        return STATUS_OK;
    enum status status =
        message_unpack(&daftari__v1__expense_undone__descriptor, record->payload, false,
                       arena_allocator(fate->query->context->arena), &message, fate->query->reader->why);
    if (status != STATUS_OK)
        return status;
    fate->info->state = document_text(header.type == EVENT_EXPENSE_VOIDED ? "void" : "released");
    fate->info->undone_by = document_number_text(fate->query, &header);
    fate->info->has_undone_date = true;
    fate->info->undone_date = header.business_date;
    fate->info->undone_reason = text_or_none(((const Daftari__V1__ExpenseUndone *)message)->reason);
    return STATUS_OK;
}

static void take_names(const struct document_query *query, const struct record_header *header,
                       const Daftari__V1__ExpenseRecorded *expense, Daftari__V1__ExpenseInfo *info)
{
    struct arena *arena = query->context->arena;
    char *code = NULL;
    const Daftari__V1__ExpenseCategoryInfo *category =
        expense_category_get(query->masters, (uint16_t)expense->category, arena);
    info->category = category != NULL ? category->name : NULL;
    info->business = document_text(business_code_of(query->masters, header->business, arena));
    if (expense->supplier != 0)
        party_names(query->masters, expense->supplier, arena, &code, &info->supplier);
    info->recorded_by = document_text(user_email_of(query->masters, header->user, arena));
    if (expense->requested_by != 0)
        info->requested_by = document_text(user_email_of(query->masters, expense->requested_by, arena));
}

static enum status make_info(const struct document_query *query, const struct record_header *header,
                             const Daftari__V1__ExpenseRecorded *expense, ProtobufCMessage **out)
{
    Daftari__V1__ExpenseInfo *info =
        message_new(&daftari__v1__expense_info__descriptor, query->context->arena);
    if (info == NULL)
        return STATUS_NO_MEMORY;
    info->has_position = info->has_date = info->has_account = true;
    info->position = header->position;
    info->date = header->business_date;
    info->number = document_number_text(query, header);
    info->state = document_text("recorded");
    take_names(query, header, expense, info);
    info->account = expense->account;
    info->has_net_minor = info->has_total_minor = true;
    info->net_minor = expense->net_minor;
    info->has_tax_minor = expense->has_tax_minor;
    info->tax_minor = expense->tax_minor;
    info->total_minor = expense->total_minor;
    info->payee = expense->payee;
    info->invoice = expense->invoice;
    info->n_tenders = expense->n_tenders;
    info->tenders = expense->tenders;
    info->has_accrued = expense->accrued;
    info->accrued = expense->accrued;
    info->has_petty = expense->petty;
    info->petty = expense->petty;
    info->note = expense->note;
    info->attachment_sha256 = expense->attachment_sha256;
    info->has_request = expense->has_request;
    info->request = expense->request;
    struct fate fate = {.query = query, .info = info};
    enum status status = document_followers(query, header->position, take_undone, &fate);
    *out = &info->base;
    return status;
}

static enum status read_expense(const struct document_query *query, const struct record *record,
                                const Daftari__V1__ExpenseRecorded **out)
{
    ProtobufCMessage *message = NULL;
    enum status status = message_unpack(&daftari__v1__expense_recorded__descriptor, record->payload, false,
                                        arena_allocator(query->context->arena), &message, query->reader->why);
    *out = (const Daftari__V1__ExpenseRecorded *)message;
    return status;
}

enum status query_expense_show(struct view_reader *reader, const struct query_context *context,
                               const ProtobufCMessage *request, void **state, ProtobufCMessage **out,
                               struct fault *why)
{
    struct document_query query;
    struct record record = {0};
    const Daftari__V1__ExpenseRecorded *expense = NULL;
    (void)state;
    if (!document_query_init(&query, reader, context))
        return STATUS_UNAVAILABLE;
    enum status status =
        document_by_number(&query, ((const Daftari__V1__ShowExpense *)request)->number, types, &record, why);
    if (status == STATUS_OK)
        status = read_expense(&query, &record, &expense);
    const struct record_header header = record.header;
    return status == STATUS_OK ? make_info(&query, &header, expense, out) : status;
}

static bool is_asked_for(const struct document_query *query, const Daftari__V1__ListExpenses *asked,
                         const Daftari__V1__ExpenseRecorded *expense)
{
    uint16_t category;
    struct party_row party;
    if (!text_empty(asked->category) &&
        (!expense_category_find(query->masters, asked->category, &category) || category != expense->category))
        return false;
    return text_empty(asked->supplier) ||
           (party_find(query->masters, PARTY_IS_SUPPLIER, asked->supplier, &party) &&
            party.number == expense->supplier);
}

static enum status list_make(const struct document_query *query, const struct record *record,
                             const void *context, ProtobufCMessage **out)
{
    const Daftari__V1__ExpenseRecorded *expense = NULL;
    const struct record_header header = record->header;
    enum status status = read_expense(query, record, &expense);
    if (status == STATUS_OK && !is_asked_for(query, context, expense))
        status = STATUS_NOT_FOUND;
    return status == STATUS_OK ? make_info(query, &header, expense, out) : status;
}

enum status query_expense_list(struct view_reader *reader, const struct query_context *context,
                               const ProtobufCMessage *request, void **state, ProtobufCMessage **out,
                               struct fault *why)
{
    const Daftari__V1__ListExpenses *asked = (const Daftari__V1__ListExpenses *)request;
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
    return document_list_step(&query, &filter, state, out, why, list_make, asked);
}
