/* An expense that was none is void; an accrued one is released when its bill comes (O-74). */
#include "people.pb-c.h"
#include "server/domain/kernel/earlier.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/money/money.h"
#include "type_ids.h"

static const struct earlier_terms earlier = {
    .type = EVENT_EXPENSE_RECORDED,
    .payload = &daftari__v1__expense_recorded__descriptor,
    .unknown = DAFTARI__V1__REASON__EXPENSE_UNKNOWN,
    .what = "an expense, like EX-20250102-0001",
};

enum status expense_find(const struct context *context, struct kv_txn *state, const char *number,
                         struct record *out, const Daftari__V1__ExpenseRecorded **out_expense,
                         struct fault *why)
{
    uint64_t undone;
    ProtobufCMessage *message = NULL;
    enum status status = earlier_find(context, state, number, &earlier, out, &message, why);
    if (status != STATUS_OK)
        return status;
    struct row_key key = row_key_u64(out->header.position);
    if (row_get_u64(state, TABLE_ENTRY, row_key_slice(&key), &undone))
        return fault_refuse(why, DAFTARI__V1__REASON__EXPENSE_UNDONE, "number",
                            "it is void or released already, by the record at position %llu",
                            (unsigned long long)undone);
    *out_expense = (const Daftari__V1__ExpenseRecorded *)message;
    return STATUS_OK;
}

/* Whoever may reverse entries, and he who recorded it on its own day where the business lets him. */
static bool may_void(const struct document *document, const struct record *expense)
{
    return document_may(document, DAFTARI__V1__PERMISSION__JOURNAL, PERMISSION_WRITE) ||
           (expense->header.user == document->context->user &&
            expense->header.business_date == document->context->today &&
            document_setting(document, PROFILE_CASHIER_VOID, 1) != 0);
}

static enum status end(struct document *document, uint16_t type, const struct record *record,
                       const Daftari__V1__ExpenseRecorded *expense, char *reason)
{
    Daftari__V1__ExpenseUndone payload = DAFTARI__V1__EXPENSE_UNDONE__INIT;
    document_mirror(document, record);
    tenders_put_back(document, expense->tenders, expense->n_tenders, 0);
    document->out->cause = record->header.position;
    payload.reason = text_or_none(reason);
    payload.n_tenders = expense->n_tenders;
    payload.tenders = expense->tenders;
    payload.has_category = payload.has_net_minor = payload.has_total_minor = true;
    payload.category = expense->category;
    payload.net_minor = expense->net_minor;
    payload.total_minor = expense->total_minor;
    return document_end(document, type, &payload.base);
}

enum status expense_decide_void(const struct context *context, struct kv_txn *state,
                                const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__VoidExpense *given = (const Daftari__V1__VoidExpense *)command;
    const Daftari__V1__ExpenseRecorded *expense = NULL;
    struct document document;
    struct record record;
    enum status status = form_text(given->reason, "reason", DESCRIPTION_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = expense_find(context, state, given->number, &record, &expense, why);
    if (status == STATUS_OK)
        status = document_begin(&document, context, state,
                                business_code_of(state, record.header.business, context->arena),
                                given->has_date, given->date, out, why);
    if (status == STATUS_OK && document.date < record.header.business_date)
        status = fault_set(why, STATUS_INVALID, "date", "the day of the expense or a later one");
    if (status != STATUS_OK)
        return status;
    if (!may_void(&document, &record))
        return fault_set(why, STATUS_DENIED, "number", "you may void expenses of today that you recorded");
    return end(&document, EVENT_EXPENSE_VOIDED, &record, expense, given->reason);
}

enum status expense_decide_release(const struct context *context, struct kv_txn *state,
                                   const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__ReleaseExpense *given = (const Daftari__V1__ReleaseExpense *)command;
    const Daftari__V1__ExpenseRecorded *expense = NULL;
    struct document document;
    struct record record;
    enum status status = expense_find(context, state, given->number, &record, &expense, why);
    if (status == STATUS_OK && !expense->accrued)
        status = fault_refuse(why, DAFTARI__V1__REASON__EXPENSE_NOT_ACCRUED, "number",
                              "expense %.50s was paid or is owed to a supplier", given->number);
    if (status == STATUS_OK)
        status = document_begin(&document, context, state,
                                business_code_of(state, record.header.business, context->arena),
                                given->has_date, given->date, out, why);
    if (status == STATUS_OK && document.date <= record.header.business_date)
        status = fault_set(why, STATUS_INVALID, "date", "a day after that of the accrued expense");
    if (status != STATUS_OK)
        return status;
    return end(&document, EVENT_EXPENSE_RELEASED, &record, expense, NULL);
}

void expense_apply_undone(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                          struct arena *arena)
{
    const Daftari__V1__ExpenseUndone *given = (const Daftari__V1__ExpenseUndone *)payload;
    (void)record;
    (void)arena;
    tenders_release(state, given->tenders, given->n_tenders);
}
