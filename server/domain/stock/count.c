/* O-14, O-15, O-35: what is there was counted; the difference to the books is booked. */
#include "server/domain/kernel/form.h"
#include "server/domain/stock/store_room.h"
#include "type_ids.h"

static void book_difference(struct document *document, const Daftari__V1__CountedLine *line,
                            const struct item_row *item, const struct stock_key *key, int64_t before,
                            size_t index)
{
    char path[FAULT_FIELD_MAX];
    int64_t difference = line->counted_milli - before, kept;
    bool is_short;
    (void)form_path(path, "lines", index, "counted_milli");
    if (difference < 0) {
        kept = -stock_issue(document, key, -difference, STOCK_ACCEPT, path, &is_short);
    } else if (difference > 0) {
        int64_t value = stock_value_in(document, key, difference, line->has_unit_cost_minor,
                                       line->unit_cost_minor, index);
        kept = stock_receive(document, key, difference, value, path);
    } else {
        return;
    }
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_STOCK_LOSS, item->category, 0, -kept, 0);
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_INVENTORY, item->category, 0, kept, 0);
}

static void count_line(struct document *document, const Daftari__V1__CountStock *given, size_t index,
                       uint16_t place, Daftari__V1__StockMoved *payload)
{
    const Daftari__V1__CountedLine *line = given->lines[index];
    char path[FAULT_FIELD_MAX];
    struct stock_line_terms terms = {.list = "lines", .index = index};
    struct stock_key key = {.business = document->business, .place = place};
    struct item_row item = {0};
    struct stock_row row;
    stock_line_item(document, &terms, line->item, line->has_condition, line->condition, &item,
                    &key.condition);
    if (document->status == STATUS_OK &&
        (!line->has_counted_milli || line->counted_milli < 0 || line->counted_milli > QUANTITY_MAX))
        document_fail(document, fault_set(document->why, STATUS_INVALID,
                                          form_path(path, "lines", index, "counted_milli"),
                                          "what is there: zero or more"));
    for (size_t i = 0; document->status == STATUS_OK && i < payload->n_counted; i++)
        if (payload->counted[i]->item == item.number &&
            payload->counted[i]->condition == (Daftari__V1__Condition)key.condition)
            document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__ITEM_TWICE,
                                                 form_path(path, "lines", index, "item"),
                                                 "%.50s is counted twice: add it up", line->item));
    if (document->status != STATUS_OK)
        return;
    key.item = item.number;
    stock_pending(document, &key, &row);
    Daftari__V1__CountedItem *out =
        message_new(&daftari__v1__counted_item__descriptor, document->context->arena);
    if (out == NULL) {
        document_fail(document, fault_set(document->why, STATUS_NO_MEMORY, NULL, "the count is too large"));
        return;
    }
    out->has_item = out->has_before_milli = out->has_counted_milli = true;
    out->item = item.number;
    out->has_condition = item.container;
    out->condition = (Daftari__V1__Condition)key.condition;
    out->before_milli = row.quantity;
    out->counted_milli = line->counted_milli;
    payload->counted[payload->n_counted++] = out;
    book_difference(document, line, &item, &key, row.quantity, index);
}

enum status stock_decide_count(const struct context *context, struct kv_txn *state,
                               const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__CountStock *given = (const Daftari__V1__CountStock *)command;
    Daftari__V1__StockMoved payload = DAFTARI__V1__STOCK_MOVED__INIT;
    struct document document;
    enum status status = form_text(given->note, "note", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = stock_form_lines(given->n_lines, STOCK_LINES_MAX, why);
    if (status == STATUS_OK)
        status = document_begin(&document, context, state, given->business, given->has_date, given->date, out,
                                why);
    if (status != STATUS_OK)
        return status;
    payload.counted = arena_take(context->arena, given->n_lines * sizeof(Daftari__V1__CountedItem *));
    if (payload.counted == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the count is too large");
    uint16_t place = document_place(&document, given->place, "place");
    for (size_t i = 0; document.status == STATUS_OK && i < given->n_lines; i++)
        count_line(&document, given, i, place, &payload);
    document_number(&document, "SC");
    payload.has_place = place != PLACE_SHOP;
    payload.place = place;
    payload.note = text_or_none(given->note);
    return document_end(&document, EVENT_STOCK_COUNTED, &payload.base);
}
