/* O-14, O-15, O-35, O-36: stock that broke, spoilt, was stolen, given away, used, found. */
#include "server/domain/kernel/form.h"
#include "server/domain/stock/store_room.h"
#include "type_ids.h"

/* Which account has the other side, and which way the goods may go. */
static const struct {
    Daftari__V1__AccountRole role;
    bool in, out;
} rules[] = {
    [DAFTARI__V1__STOCK_REASON__STOCK_BREAKAGE] = {DAFTARI__V1__ACCOUNT_ROLE__ROLE_STOCK_LOSS, false, true},
    [DAFTARI__V1__STOCK_REASON__STOCK_SPOILAGE] = {DAFTARI__V1__ACCOUNT_ROLE__ROLE_STOCK_LOSS, false, true},
    [DAFTARI__V1__STOCK_REASON__STOCK_THEFT] = {DAFTARI__V1__ACCOUNT_ROLE__ROLE_STOCK_LOSS, false, true},
    [DAFTARI__V1__STOCK_REASON__STOCK_GIFT] = {DAFTARI__V1__ACCOUNT_ROLE__ROLE_PROMOTION, false, true},
    [DAFTARI__V1__STOCK_REASON__STOCK_SAMPLE] = {DAFTARI__V1__ACCOUNT_ROLE__ROLE_PROMOTION, false, true},
    [DAFTARI__V1__STOCK_REASON__STOCK_OWN_USE] = {DAFTARI__V1__ACCOUNT_ROLE__ROLE_DRAWINGS, false, true},
    [DAFTARI__V1__STOCK_REASON__STOCK_USED_UP] = {DAFTARI__V1__ACCOUNT_ROLE__ROLE_SUPPLIES, false, true},
    [DAFTARI__V1__STOCK_REASON__STOCK_FOUND] = {DAFTARI__V1__ACCOUNT_ROLE__ROLE_STOCK_LOSS, true, false},
    [DAFTARI__V1__STOCK_REASON__STOCK_CORRECTION] = {DAFTARI__V1__ACCOUNT_ROLE__ROLE_STOCK_LOSS, true, true},
};

int64_t stock_value_in(struct document *document, const struct stock_key *key, int64_t quantity,
                       bool has_unit_cost, int64_t unit_cost, size_t index)
{
    char path[FAULT_FIELD_MAX];
    struct stock_row row;
    int64_t value;
    if (has_unit_cost)
        return stock_line_value(document, "lines", index, "unit_cost_minor", unit_cost, quantity);
    if (document->status != STATUS_OK)
        return 0;
    stock_pending(document, key, &row);
    int64_t of = row.quantity > 0 ? row.quantity : row.last_quantity;
    int64_t cost = row.quantity > 0 ? row.value : row.last_value;
    (void)form_path(path, "lines", index, "unit_cost_minor");
    if (of <= 0)
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__STOCK_NO_COST, path,
                                             "the books do not know what it costs: say what a unit costs"));
    else if (!amount_multiply_divide(cost, quantity, of, &value))
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__STOCK_OUT_OF_RANGE, path,
                                             "the value of the stock would pass 18 digits"));
    else
        return value;
    return 0;
}

static void check_direction(struct document *document, Daftari__V1__StockReason reason, int64_t quantity,
                            size_t index)
{
    char path[FAULT_FIELD_MAX];
    if (document->status != STATUS_OK)
        return;
    (void)form_path(path, "lines", index, "quantity_milli");
    if (quantity == 0 || quantity > QUANTITY_MAX || quantity < -QUANTITY_MAX)
        document_fail(document, fault_set(document->why, STATUS_INVALID, path,
                                          "below zero for what goes out, above for what comes in"));
    else if (quantity > 0 ? !rules[reason].in : !rules[reason].out)
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__STOCK_DIRECTION, path,
                                             quantity > 0 ? "for this reason goods only go out: below zero"
                                                          : "what is found comes in: above zero"));
}

static void adjust_line(struct document *document, const Daftari__V1__AdjustStock *given, size_t index)
{
    const Daftari__V1__AdjustStockLine *line = given->lines[index];
    Daftari__V1__AccountRole role = rules[given->reason].role;
    char path[FAULT_FIELD_MAX];
    struct stock_line_terms terms = {.list = "lines", .index = index};
    struct stock_key key = {.business = document->business};
    struct item_row item = {0};
    bool is_short;
    stock_line_item(document, &terms, line->item, line->has_condition, line->condition, &item,
                    &key.condition);
    check_direction(document, given->reason, line->quantity_milli, index);
    key.item = item.number;
    key.place = document_place(document, line->place, form_path(path, "lines", index, "place"));
    if (document->status == STATUS_OK && line->quantity_milli < 0 && line->has_unit_cost_minor)
        document_fail(document, fault_set(document->why, STATUS_INVALID,
                                          form_path(path, "lines", index, "unit_cost_minor"),
                                          "is for what comes in: what goes out costs what it cost"));
    if (document->status != STATUS_OK)
        return;
    (void)form_path(path, "lines", index, "quantity_milli");
    if (line->quantity_milli < 0) {
        int64_t cost = stock_issue(document, &key, -line->quantity_milli, STOCK_REFUSE, path, &is_short);
        document_post_role(document, role, item.category, 0, cost, 0);
        document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_INVENTORY, item.category, 0, -cost, 0);
    } else {
        int64_t value = stock_value_in(document, &key, line->quantity_milli, line->has_unit_cost_minor,
                                       line->unit_cost_minor, index);
        int64_t kept = stock_receive(document, &key, line->quantity_milli, value, path);
        document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_INVENTORY, item.category, 0, kept, 0);
        document_post_role(document, role, item.category, 0, -kept, 0);
    }
}

enum status stock_decide_adjust(const struct context *context, struct kv_txn *state,
                                const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__AdjustStock *given = (const Daftari__V1__AdjustStock *)command;
    struct document document;
    enum status status = form_text(given->note, "note", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = stock_form_lines(given->n_lines, STOCK_LINES_MAX, why);
    if (status == STATUS_OK)
        status = document_begin(&document, context, state, given->business, given->has_date, given->date, out,
                                why);
    if (status != STATUS_OK)
        return status;
    if (given->reason <= DAFTARI__V1__STOCK_REASON__STOCK_REASON_NONE ||
        (size_t)given->reason >= sizeof rules / sizeof rules[0])
        return fault_refuse(why, DAFTARI__V1__REASON__STOCK_REASON_MISSING, "reason",
                            "breakage, spoilage, theft, gift, sample, own use, used up, found or correction");
    for (size_t i = 0; document.status == STATUS_OK && i < given->n_lines; i++)
        adjust_line(&document, given, i);
    document_number(&document, "AJ");
    Daftari__V1__StockMoved payload = DAFTARI__V1__STOCK_MOVED__INIT;
    payload.has_reason = true;
    payload.reason = given->reason;
    payload.note = text_or_none(given->note);
    return document_end(&document, EVENT_STOCK_ADJUSTED, &payload.base);
}
