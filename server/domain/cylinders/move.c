/* Cylinders that go away and come back without being sold (no posting), and O-47: lost or scrapped. */
#include "server/domain/cylinders/cylinders.h"
#include "type_ids.h"

struct cylinder_move {
    uint16_t event;
    unsigned from;
    Daftari__V1__CylinderState to;
};

static enum status move(const struct context *context, struct kv_txn *state, const ProtobufCMessage *command,
                        const struct cylinder_move *terms, struct decision *out, struct fault *why)
{
    const Daftari__V1__MoveCylinders *given = (const Daftari__V1__MoveCylinders *)command;
    Daftari__V1__CylindersMoved payload = DAFTARI__V1__CYLINDERS_MOVED__INIT;
    struct document document;
    struct cylinder_set set;
    struct cylinder_type types[CYLINDERS_MAX];
    struct item_row items[CYLINDERS_MAX];
    enum status status = form_text(given->note, "note", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = document_begin(&document, context, state, given->business, given->has_date, given->date, out,
                                why);
    if (status != STATUS_OK)
        return status;
    cylinder_set_begin(&set, &document, CYLINDERS_MAX);
    cylinder_set_take_all(&set, given->serials, given->n_serials, terms->from, types, items);
    for (size_t i = 0; i < set.count; i++)
        cylinder_become(&document, set.rows[i], terms->to);
    payload.n_cylinders = set.count;
    payload.cylinders = set.rows;
    payload.note = text_or_none(given->note);
    return cylinder_end(&document, terms->event, &payload.base);
}

#define DECIDE_MOVE(name, event_type, states, state_after)                                                   \
    enum status name(const struct context *context, struct kv_txn *state, const ProtobufCMessage *command,   \
                     struct decision *out, struct fault *why)                                                \
    {                                                                                                        \
        static const struct cylinder_move terms = {event_type, states,                                       \
                                                   DAFTARI__V1__CYLINDER_STATE__##state_after};              \
        return move(context, state, command, &terms, out, why);                                              \
    }
DECIDE_MOVE(cylinder_decide_to_maintenance, EVENT_CYLINDER_SENT_TO_MAINTENANCE, FULL | EMPTY,
            CYLINDER_MAINTENANCE)
DECIDE_MOVE(cylinder_decide_from_maintenance, EVENT_CYLINDER_BACK_FROM_MAINTENANCE, IN_MAINTENANCE,
            CYLINDER_EMPTY)
DECIDE_MOVE(cylinder_decide_to_supplier, EVENT_CYLINDER_SENT_TO_SUPPLIER, EMPTY, CYLINDER_AT_SUPPLIER)
DECIDE_MOVE(cylinder_decide_from_supplier, EVENT_CYLINDER_BACK_FROM_SUPPLIER, AT_SUPPLIER, CYLINDER_EMPTY)

void cylinder_apply_move(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                         struct arena *arena)
{
    const Daftari__V1__CylindersMoved *given = (const Daftari__V1__CylindersMoved *)payload;
    cylinder_rows_apply(state, record, given->cylinders, given->n_cylinders, arena);
}

/* ---- written off ---------------------------------------------------------------------------------------------- */

/* What was in a full one is gone with it. */
static int64_t lose_content(struct document *document, const struct cylinder_type *type,
                            const struct item_row *item, size_t index)
{
    char path[FAULT_FIELD_MAX];
    bool is_short;
    struct stock_key key = cylinder_stock(document, item->number);
    int64_t cost = stock_issue(document, &key, type->info->capacity_milli, STOCK_REFUSE,
                               cylinder_path(path, "serials", index), &is_short);
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_STOCK_LOSS, item->category, 0, cost, 0);
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_INVENTORY, item->category, 0, -cost, 0);
    return cost;
}

static enum status write_off(const struct context *context, struct kv_txn *state,
                             const ProtobufCMessage *command, const struct cylinder_move *terms,
                             struct decision *out, struct fault *why)
{
    const Daftari__V1__WriteOffCylinders *given = (const Daftari__V1__WriteOffCylinders *)command;
    Daftari__V1__CylindersWrittenOff payload = DAFTARI__V1__CYLINDERS_WRITTEN_OFF__INIT;
    struct document document;
    struct cylinder_set set;
    struct cylinder_type types[CYLINDERS_MAX];
    struct item_row items[CYLINDERS_MAX];
    int64_t content = 0, value = 0;
    enum status status = form_text(given->reason, "reason", DESCRIPTION_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = document_begin(&document, context, state, given->business, given->has_date, given->date, out,
                                why);
    if (status != STATUS_OK)
        return status;
    cylinder_set_begin(&set, &document, CYLINDERS_MAX);
    cylinder_set_take_all(&set, given->serials, given->n_serials, terms->from, types, items);
    payload.before = cylinder_set_copy(&set);
    payload.n_before = set.count;
    for (size_t i = 0; document.status == STATUS_OK && i < set.count; i++) {
        Daftari__V1__CylinderRow *row = set.rows[i];
        value += row->value_minor; /* as a part of the totals, which are in range */
        document_post_role(&document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_SHELL_LOSS, CATEGORY_ANY, 0,
                           row->value_minor, 0);
        document_post_role(&document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_SHELLS, CATEGORY_ANY, 0,
                           -row->value_minor, 0);
        if (row->state == DAFTARI__V1__CYLINDER_STATE__CYLINDER_FULL)
            content += lose_content(&document, &types[i], &items[i], i);
        cylinder_become(&document, row, terms->to);
        cylinder_put_value(row, row->owner, 0);
    }
    document_number(&document, "AJ");
    payload.n_cylinders = set.count;
    payload.cylinders = set.rows;
    payload.has_value_minor = true;
    payload.value_minor = value;
    payload.has_content_cost_minor = content != 0;
    payload.content_cost_minor = content;
    payload.reason = given->reason;
    return cylinder_end(&document, terms->event, &payload.base);
}

enum status cylinder_decide_lose(const struct context *context, struct kv_txn *state,
                                 const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    static const struct cylinder_move terms = {EVENT_CYLINDER_LOST,
                                               FULL | EMPTY | IN_MAINTENANCE | AT_SUPPLIER,
                                               DAFTARI__V1__CYLINDER_STATE__CYLINDER_LOST};
    return write_off(context, state, command, &terms, out, why);
}

enum status cylinder_decide_scrap(const struct context *context, struct kv_txn *state,
                                  const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    static const struct cylinder_move terms = {EVENT_CYLINDER_SCRAPPED, EMPTY | IN_MAINTENANCE,
                                               DAFTARI__V1__CYLINDER_STATE__CYLINDER_SCRAPPED};
    return write_off(context, state, command, &terms, out, why);
}

void cylinder_apply_write_off(struct kv_txn *state, const struct record *record,
                              const ProtobufCMessage *payload, struct arena *arena)
{
    const Daftari__V1__CylindersWrittenOff *given = (const Daftari__V1__CylindersWrittenOff *)payload;
    cylinder_rows_apply(state, record, given->cylinders, given->n_cylinders, arena);
}
