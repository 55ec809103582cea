/* What was asked for and waits for somebody else's approval. The record that approves is the expense or the withdrawal itself. */
#include "proto/base/text.h"
#include "server/domain/kernel/approval.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/money/money.h"
#include "type_ids.h"

#define STATE_REQUESTED "requested"

static Daftari__V1__MoneyRequestInfo *request_get(struct kv_txn *state, uint64_t position,
                                                  struct arena *arena)
{
    struct row_key key = row_key_u64(position);
    return row_get_message(state, TABLE_MONEY_REQUEST, row_key_slice(&key),
                           &daftari__v1__money_request_info__descriptor, arena);
}

static void request_put(struct kv_txn *state, const Daftari__V1__MoneyRequestInfo *info, struct arena *arena)
{
    struct row_key key = row_key_u64(info->request);
    row_put_message(state, TABLE_MONEY_REQUEST, row_key_slice(&key), &info->base, arena);
}

void request_apply_requested(struct kv_txn *state, const struct record *record,
                             const ProtobufCMessage *payload, struct arena *arena)
{
    const Daftari__V1__MoneyRequested *given = (const Daftari__V1__MoneyRequested *)payload;
    Daftari__V1__MoneyRequestInfo info = DAFTARI__V1__MONEY_REQUEST_INFO__INIT;
    char requested[] = STATE_REQUESTED, expense[] = "expense";
    bool moves = given->move != NULL;
    info.has_request = info.has_date = info.has_amount_minor = info.has_requested_time_us = true;
    info.request = record->header.position;
    info.state = requested;
    info.kind = moves ? given->kind : expense;
    info.business = moves ? given->move->business : given->expense != NULL ? given->expense->business : NULL;
    info.date = record->header.business_date;
    info.amount_minor = given->amount_minor;
    info.requested_by = number_text(record->header.user, arena);
    info.requested_time_us = record->header.time;
    info.expense = given->expense;
    info.move = given->move;
    request_put(state, &info, arena);
}

void request_settle(struct kv_txn *state, uint64_t request, const struct record *record, bool approved,
                    const char *reason, struct arena *arena)
{
    char yes[] = "approved", no[] = "rejected";
    Daftari__V1__MoneyRequestInfo *info = request_get(state, request, arena);
    if (info == NULL) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    info->state = approved ? yes : no;
    info->decided_by = number_text(record->header.user, arena);
    info->has_decided = true;
    info->decided = record->header.position;
    info->reason = (char *)(uintptr_t)reason;
    request_put(state, info, arena);
}

/* ---- decisions -------------------------------------------------------------------------------------------------- */

static enum status open_request(const struct context *context, struct kv_txn *state, uint64_t request,
                                const Daftari__V1__MoneyRequestInfo **out, struct fault *why)
{
    const Daftari__V1__MoneyRequestInfo *info = request_get(state, request, context->arena);
    if (info == NULL || info->state == NULL)
        return fault_refuse(why, DAFTARI__V1__REASON__REQUEST_UNKNOWN, "request",
                            "the log position of a request");
    if (strcmp(info->state, STATE_REQUESTED) != 0)
        return fault_refuse(why, DAFTARI__V1__REASON__REQUEST_NOT_OPEN, "request",
                            "this request was %s already", info->state);
    *out = info;
    return STATUS_OK;
}

static uint32_t user_of(const char *number)
{
    uint64_t user;
    return number != NULL && number_parse(slice_text(number), 0, UINT32_MAX, &user) ? (uint32_t)user : 0;
}

enum status request_decide_approve(const struct context *context, struct kv_txn *state,
                                   const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__ApproveRequest *approve = (const Daftari__V1__ApproveRequest *)command;
    const Daftari__V1__MoneyRequestInfo *info = NULL;
    uint16_t business = HEAD_OFFICE;
    enum status status = open_request(context, state, approve->request, &info, why);
    if (status == STATUS_OK && !business_find(state, info->business, &business))
        status = fault_set(why, STATUS_CORRUPT, "request", "its business is not there");
    if (status == STATUS_OK)
        status = approval_check(context, state, info->requested_by, business, "request", why);
    if (status != STATUS_OK)
        return status;
    const struct expense_terms terms = {.approved = {approve->request, user_of(info->requested_by)}};
    if (info->move != NULL) {
        info->move->date = approve->has_date ? approve->date : info->move->date;
        return money_decide_kind(context, state, info->move, info->kind, &terms.approved, out, why);
    }
    if (info->expense == NULL)
        return fault_set(why, STATUS_CORRUPT, "request", "it asks for nothing");
    info->expense->date = approve->has_date ? approve->date : info->expense->date;
    return expense_decide(context, state, info->expense, &terms, out, why);
}

enum status request_decide_reject(const struct context *context, struct kv_txn *state,
                                  const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__RejectRequest *reject = (const Daftari__V1__RejectRequest *)command;
    const Daftari__V1__MoneyRequestInfo *info = NULL;
    uint16_t business = HEAD_OFFICE;
    enum status status = form_text(reject->reason, "reason", DESCRIPTION_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = open_request(context, state, reject->request, &info, why);
    if (status == STATUS_OK && !business_find(state, info->business, &business))
        status = fault_set(why, STATUS_CORRUPT, "request", "its business is not there");
    if (status == STATUS_OK)
        status = require_business(context, business, info->business, "request", why);
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_MONEY_REQUEST_REJECTED;
    out->business = business;
    out->cause = reject->request;
    return STATUS_OK;
}

void request_apply_rejected(struct kv_txn *state, const struct record *record,
                            const ProtobufCMessage *payload, struct arena *arena)
{
    const Daftari__V1__RejectRequest *reject = (const Daftari__V1__RejectRequest *)payload;
    request_settle(state, reject->request, record, false, reject->reason, arena);
}

/* ---- list ------------------------------------------------------------------------------------------------------- */

static char *name_user(struct kv_txn *masters, const char *number, struct arena *arena)
{
    return number == NULL ? NULL
                          : arena_text(arena, slice_text(user_email_of(masters, user_of(number), arena)));
}

enum status request_query_list(const struct query_context *context, struct kv_txn *masters,
                               const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                               struct fault *why)
{
    enum { REQUEST_INFO_BUSINESS = 4, REQUEST_INFO_DECIDED = 10 };
    const Daftari__V1__ListRequests *list = (const Daftari__V1__ListRequests *)request;
    for (;;) {
        struct slice key, value;
        uint16_t business;
        enum status status = query_next_row(context, masters, TABLE_MONEY_REQUEST, cursor, &key, &value, why);
        if (status != STATUS_OK)
            return status;
        /* As stored, not unpacked: passing over any number of rows must take no memory. */
        struct slice code = row_text_field(masters, value, REQUEST_INFO_BUSINESS);
        if ((list->open_only && row_number_field(masters, value, REQUEST_INFO_DECIDED) != 0) ||
            (!text_empty(list->business) && !slice_equal(code, slice_text(list->business))) ||
            !row_get_u16(masters, TABLE_BUSINESS_CODE, code, &business) ||
            !may_in_business(context->rights, business, PERMISSION_READ))
            continue;
        Daftari__V1__MoneyRequestInfo *info =
            row_message(masters, value, &daftari__v1__money_request_info__descriptor, context->arena);
        if (info == NULL)
            return query_end(masters, STATUS_END, why);
        info->requested_by = name_user(masters, info->requested_by, context->arena);
        info->decided_by = name_user(masters, info->decided_by, context->arena);
        *out = &info->base;
        return STATUS_OK;
    }
}
