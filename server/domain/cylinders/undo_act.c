/* Cylinders that were acquired, filled, lost or scrapped, and were not: the record is turned round. */
#include "people.pb-c.h"
#include "proto/wire/message.h"
#include "server/domain/cylinders/cylinders.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/numbering.h"
#include "server/domain/kernel/rows.h"
#include "type_ids.h"

#define REASON(name) DAFTARI__V1__REASON__##name

/* What the record that is undone says. */
struct act {
    struct record record;
    Daftari__V1__CylinderRow **after, **before; /* `before` is none of those that came in by it */
    size_t after_count, before_count;
    Daftari__V1__TakenTender **tenders;
    size_t tender_count;
};

static void read_act(const ProtobufCMessage *message, struct act *out)
{
    if (out->record.header.type == EVENT_CYLINDERS_ACQUIRED) {
        const Daftari__V1__CylindersAcquired *acquired = (const Daftari__V1__CylindersAcquired *)message;
        out->after = acquired->cylinders;
        out->after_count = acquired->n_cylinders;
        out->tenders = acquired->tenders;
        out->tender_count = acquired->n_tenders;
    } else if (out->record.header.type == EVENT_CYLINDERS_FILLED) {
        const Daftari__V1__CylindersFilled *filled = (const Daftari__V1__CylindersFilled *)message;
        out->after = filled->cylinders;
        out->after_count = filled->n_cylinders;
        out->before = filled->before;
        out->before_count = filled->n_before;
        out->tenders = filled->tenders;
        out->tender_count = filled->n_tenders;
    } else {
        const Daftari__V1__CylindersWrittenOff *off = (const Daftari__V1__CylindersWrittenOff *)message;
        out->after = off->cylinders;
        out->after_count = off->n_cylinders;
        out->before = off->before;
        out->before_count = off->n_before;
    }
}

static enum status find_act(const struct context *context, struct kv_txn *state,
                            const Daftari__V1__UndoCylinders *given, struct act *out, struct fault *why)
{
    uint64_t position = given->position, undone;
    const char *field = text_empty(given->number) ? "position" : "number";
    ProtobufCMessage *message = NULL;
    if (text_empty(given->number) == (position == 0))
        return fault_set(why, STATUS_INVALID, "number",
                         "the number of the document, or its position: one of the two");
    if (position == 0 && !number_find(state, given->number, &position))
        position = UINT64_MAX;
    enum status status = position >= context->position
                             ? STATUS_END
                             : context->records.read(context->records.context, position, &out->record, why);
    if (status != STATUS_OK && status != STATUS_END)
        return status;
    uint16_t type = status == STATUS_OK ? out->record.header.type : 0;
    if (type != EVENT_CYLINDERS_ACQUIRED && type != EVENT_CYLINDERS_FILLED && type != EVENT_CYLINDER_LOST &&
        type != EVENT_CYLINDER_SCRAPPED)
        return fault_refuse(why, REASON(DOCUMENT_UNKNOWN), field,
                            "no cylinders were acquired, filled, lost or scrapped by it");
    struct row_key key = row_key_u64(position);
    if (row_get_u64(state, TABLE_ENTRY, row_key_slice(&key), &undone))
        return fault_refuse(why, REASON(ENTRY_ALREADY_REVERSED), field,
                            "it is undone already, by the record at position %llu",
                            (unsigned long long)undone);
    status = message_unpack(domain_event(type)->payload, out->record.payload, false,
                            arena_allocator(context->arena), &message, why);
    if (status == STATUS_OK)
        read_act(message, out);
    if (status == STATUS_OK && type != EVENT_CYLINDERS_ACQUIRED && out->before_count != out->after_count)
        status =
            fault_refuse(why, REASON(CYLINDER_MOVED), field, "its record does not say how they were before");
    return status;
}

/* What was written off by approval comes back by approval; the rest as a void does. */
static bool may_undo(const struct document *document, const struct record *record)
{
    if (record->header.type == EVENT_CYLINDER_LOST || record->header.type == EVENT_CYLINDER_SCRAPPED)
        return document_may(document, DAFTARI__V1__PERMISSION__APPROVE, PERMISSION_WRITE);
    return document_may(document, DAFTARI__V1__PERMISSION__JOURNAL, PERMISSION_WRITE) ||
           record->header.user == document->context->user;
}

static void check_unmoved(struct document *document, const struct act *act)
{
    for (size_t i = 0; document->status == STATUS_OK && i < act->after_count; i++) {
        const Daftari__V1__CylinderRow *row =
            cylinder_get(document->state, act->after[i]->number, document->context->arena);
        if (row == NULL || row->position != act->record.header.position)
            document_fail(document,
                          fault_refuse(document->why, REASON(CYLINDER_MOVED), NULL,
                                       "something happened to cylinder %.100s since", act->after[i]->serial));
    }
}

enum status cylinder_decide_undo(const struct context *context, struct kv_txn *state,
                                 const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__UndoCylinders *given = (const Daftari__V1__UndoCylinders *)command;
    Daftari__V1__CylindersUndone payload = DAFTARI__V1__CYLINDERS_UNDONE__INIT;
    struct document document;
    struct act act = {0};
    enum status status = form_text(given->reason, "reason", DESCRIPTION_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = find_act(context, state, given, &act, why);
    if (status == STATUS_OK)
        status = document_begin(&document, context, state,
                                business_code_of(state, act.record.header.business, context->arena),
                                given->has_date, given->date, out, why);
    if (status == STATUS_OK && document.date < act.record.header.business_date)
        status = fault_set(why, STATUS_INVALID, "date", "the day on which it was recorded or a later one");
    if (status != STATUS_OK)
        return status;
    if (!may_undo(&document, &act.record))
        return fault_set(why, STATUS_DENIED, "number", "this needs the permission that recording it needs");
    check_unmoved(&document, &act);
    document_mirror(&document, &act.record);
    tenders_put_back(&document, act.tenders, act.tender_count, 0);
    out->cause = act.record.header.position;
    payload.reason = given->reason;
    payload.n_tenders = act.tender_count;
    payload.tenders = act.tenders;
    if (act.record.header.type == EVENT_CYLINDERS_ACQUIRED) {
        payload.n_removed = act.after_count;
        payload.removed = act.after;
    } else {
        payload.n_cylinders = act.before_count;
        payload.cylinders = act.before;
    }
    document_number(&document, "AJ");
    return cylinder_end(&document, EVENT_CYLINDERS_UNDONE, &payload.base);
}

void cylinder_apply_undo(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                         struct arena *arena)
{
    const Daftari__V1__CylindersUndone *given = (const Daftari__V1__CylindersUndone *)payload;
    cylinder_rows_apply(state, record, given->cylinders, given->n_cylinders, arena);
    cylinder_rows_remove(state, given->removed, given->n_removed, arena);
    tenders_release(state, given->tenders, given->n_tenders);
}
