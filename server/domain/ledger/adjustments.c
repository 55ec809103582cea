/* Adjustments: an entry of type ADJ that waits until somebody else approves it. */
#include <stdio.h>

#include "server/domain/kernel/approval.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/ledger/ledger.h"
#include "type_ids.h"

#define STATE_REQUESTED "requested"

/* ---- request ------------------------------------------------------------------------------------------------------- */

/* The rules name fields of the entry; the request has it in its field `entry`. */
static enum status within_entry(enum status status, struct fault *why)
{
    char field[FAULT_FIELD_MAX];
    if (status == STATUS_OK || why == NULL || why->field[0] == '\0')
        return status;
    (void)snprintf(field, sizeof field, "entry.%.*s", (int)(sizeof field - sizeof "entry."), why->field);
    memcpy(why->field, field, sizeof field);
    return status;
}

enum status adjustment_decide_request(const struct context *context, struct kv_txn *state,
                                      const ProtobufCMessage *command, struct decision *out,
                                      struct fault *why)
{
    const Daftari__V1__RequestAdjustment *request = (const Daftari__V1__RequestAdjustment *)command;
    enum status status = form_text(request->reason, "reason", DESCRIPTION_TEXT_MAX, true, why);
    if (status != STATUS_OK)
        return status;
    if (request->entry == NULL)
        return fault_set(why, STATUS_INVALID, "entry", "the entry to approve");
    status = within_entry(entry_check(context, state, request->entry, ENTRY_ADJUSTMENT, out, why), why);
    if (status != STATUS_OK)
        return status;

    /* accepted: nothing is posted yet */
    out->type = EVENT_ADJUSTMENT_REQUESTED;
    out->posting_count = 0;
    out->series = 0;
    out->number = 0;
    return STATUS_OK;
}

void adjustment_apply_request(struct kv_txn *state, const struct record *record,
                              const ProtobufCMessage *payload, struct arena *arena)
{
    const Daftari__V1__RequestAdjustment *request = (const Daftari__V1__RequestAdjustment *)payload;
    Daftari__V1__AdjustmentInfo info = DAFTARI__V1__ADJUSTMENT_INFO__INIT;
    char requested[] = STATE_REQUESTED;
    info.has_adjustment = true;
    info.adjustment = record->header.position;
    info.state = requested;
    /* An entry without a date is of the day it was asked for, whenever it is approved. */
    Daftari__V1__PostEntry entry = *request->entry;
    entry.has_date = true;
    entry.date = record->header.business_date;
    info.entry = &entry;
    info.reason = request->reason;
    info.requested_by = number_text(record->header.user, arena);
    info.has_requested_time_us = true;
    info.requested_time_us = record->header.time;
    struct row_key key = row_key_u64(record->header.position);
    row_put_message(state, TABLE_ADJUSTMENT, row_key_slice(&key), &info.base, arena);
}

/* ---- decision ------------------------------------------------------------------------------------------------------ */

static enum status open_request(const struct context *context, struct kv_txn *state, uint64_t adjustment,
                                const Daftari__V1__AdjustmentInfo **out, struct fault *why)
{
    struct row_key key = row_key_u64(adjustment);
    const Daftari__V1__AdjustmentInfo *info =
        row_get_message(state, TABLE_ADJUSTMENT, row_key_slice(&key),
                        &daftari__v1__adjustment_info__descriptor, context->arena);
    if (info == NULL || info->entry == NULL || info->state == NULL)
        return fault_refuse(why, DAFTARI__V1__REASON__ADJUSTMENT_UNKNOWN, "adjustment",
                            "the log position of an adjustment request");
    if (strcmp(info->state, STATE_REQUESTED) != 0)
        return fault_refuse(why, DAFTARI__V1__REASON__ADJUSTMENT_NOT_OPEN, "adjustment",
                            "this request was %s already", info->state);
    *out = info;
    return STATUS_OK;
}

enum status adjustment_decide_approve(const struct context *context, struct kv_txn *state,
                                      const ProtobufCMessage *command, struct decision *out,
                                      struct fault *why)
{
    const Daftari__V1__ApproveAdjustment *approve = (const Daftari__V1__ApproveAdjustment *)command;
    const Daftari__V1__AdjustmentInfo *info;
    enum status status = open_request(context, state, approve->adjustment, &info, why);
    if (status == STATUS_OK)
        status = approval_check(context, state, info->requested_by, entry_named_business(state, info->entry),
                                "adjustment", why);
    if (status == STATUS_OK)
        status = entry_check(context, state, info->entry, ENTRY_ADJUSTMENT, out, why);
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_ADJUSTMENT_APPROVED;
    out->cause = approve->adjustment;
    return STATUS_OK;
}

enum status adjustment_decide_reject(const struct context *context, struct kv_txn *state,
                                     const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__RejectAdjustment *reject = (const Daftari__V1__RejectAdjustment *)command;
    const Daftari__V1__AdjustmentInfo *info = NULL;
    enum status status = form_text(reject->reason, "reason", DESCRIPTION_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = open_request(context, state, reject->adjustment, &info, why);
    if (status == STATUS_OK && !entry_writable(context->rights, state, info->entry))
        status =
            fault_set(why, STATUS_DENIED, "adjustment", "you may not record in a business of this request");
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_ADJUSTMENT_REJECTED;
    out->business = entry_named_business(state, info->entry);
    out->cause = reject->adjustment;
    return STATUS_OK;
}

static void apply_decided(struct kv_txn *state, const struct record *record, const char *outcome,
                          struct arena *arena)
{
    struct row_key key = row_key_u64(record->header.cause);
    Daftari__V1__AdjustmentInfo *info = row_get_message(state, TABLE_ADJUSTMENT, row_key_slice(&key),
                                                        &daftari__v1__adjustment_info__descriptor, arena);
    if (info == NULL) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    info->state = arena_text(arena, slice_text(outcome));
    info->decided_by = number_text(record->header.user, arena);
    info->has_decided = true;
    info->decided = record->header.position;
    row_put_message(state, TABLE_ADJUSTMENT, row_key_slice(&key), &info->base, arena);
}

void adjustment_apply_approve(struct kv_txn *state, const struct record *record,
                              const ProtobufCMessage *payload, struct arena *arena)
{
    (void)payload;
    apply_decided(state, record, "approved", arena);
}

void adjustment_apply_reject(struct kv_txn *state, const struct record *record,
                             const ProtobufCMessage *payload, struct arena *arena)
{
    (void)payload;
    apply_decided(state, record, "rejected", arena);
}
