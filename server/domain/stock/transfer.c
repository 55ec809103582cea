/* Goods go to another place, of the same business or of another one, at what they cost. Between businesses the control
 * account carries the value (document_end). */
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/stock/store_room.h"
#include "type_ids.h"

/* The other end reads like a document of its own: its accounts and its places. What fails there is failed here. */
struct transfer {
    struct document from, to;
    uint16_t from_place, to_place;
};

static void post_line(struct transfer *transfer, const struct item_row *item, int64_t cost, int64_t kept)
{
    struct document *to = &transfer->to;
    if (to->business == transfer->from.business) {
        document_post_role(to, DAFTARI__V1__ACCOUNT_ROLE__ROLE_INVENTORY, item->category, 0, kept - cost, 0);
    } else {
        document_post_role(to, DAFTARI__V1__ACCOUNT_ROLE__ROLE_INVENTORY, item->category, 0, kept, 0);
        document_post_role(&transfer->from, DAFTARI__V1__ACCOUNT_ROLE__ROLE_INVENTORY, item->category, 0,
                           -cost, 0);
    }
    document_post_role(to, DAFTARI__V1__ACCOUNT_ROLE__ROLE_STOCK_LOSS, item->category, 0, cost - kept, 0);
    document_fail(&transfer->from, to->status);
}

static void transfer_line(struct transfer *transfer, const Daftari__V1__TransferLine *line, size_t index)
{
    struct document *document = &transfer->from;
    char path[FAULT_FIELD_MAX];
    struct stock_line_terms terms = {.list = "lines", .index = index};
    struct stock_key from = {.business = document->business, .place = transfer->from_place};
    struct item_row item = {0};
    bool is_short;
    stock_line_item(document, &terms, line->item, line->has_condition, line->condition, &item,
                    &from.condition);
    stock_line_quantity(document, "lines", index, line->quantity_milli);
    from.item = item.number;
    struct stock_key to = from;
    to.business = transfer->to.business;
    to.place = transfer->to_place;
    (void)form_path(path, "lines", index, "quantity_milli");
    int64_t cost = stock_issue(document, &from, line->quantity_milli, STOCK_REFUSE, path, &is_short);
    int64_t kept = stock_receive(document, &to, line->quantity_milli, cost, path);
    if (document->status == STATUS_OK)
        post_line(transfer, &item, cost, kept);
}

/* The other business, of which the caller must have the same right; the same one when none is named. */
static enum status begin_other(struct transfer *transfer, const char *business)
{
    struct document *from = &transfer->from, *to = &transfer->to;
    *to = *from;
    if (text_empty(business))
        return STATUS_OK;
    enum status status = business_require(from->context, from->state, &from->facts, business, false,
                                          "to_business", &to->business, from->why);
    if (status == STATUS_OK)
        profile_get(to->state, to->business, to->context->arena, &to->own);
    return status;
}

enum status stock_decide_transfer(const struct context *context, struct kv_txn *state,
                                  const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__TransferStock *given = (const Daftari__V1__TransferStock *)command;
    struct transfer transfer;
    enum status status = form_text(given->note, "note", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK && text_empty(given->from_business))
        status = fault_set(why, STATUS_INVALID, "from_business", "the code of the business the goods leave");
    if (status == STATUS_OK)
        status = stock_form_lines(given->n_lines, STOCK_LINES_MAX, why);
    if (status == STATUS_OK)
        status = document_begin(&transfer.from, context, state, given->from_business, given->has_date,
                                given->date, out, why);
    if (status == STATUS_OK)
        status = begin_other(&transfer, given->to_business);
    if (status != STATUS_OK)
        return status;
    transfer.from_place = document_place(&transfer.from, given->from_place, "from_place");
    transfer.to_place = document_place(&transfer.to, given->to_place, "to_place");
    document_fail(&transfer.from, transfer.to.status);
    if (transfer.from.status == STATUS_OK && transfer.from.business == transfer.to.business &&
        transfer.from_place == transfer.to_place)
        return fault_set(why, STATUS_INVALID, "to_place", "another place or another business");
    for (size_t i = 0; transfer.from.status == STATUS_OK && i < given->n_lines; i++)
        transfer_line(&transfer, given->lines[i], i);
    document_number(&transfer.from, "TR");
    Daftari__V1__StockMoved payload = DAFTARI__V1__STOCK_MOVED__INIT;
    payload.note = text_or_none(given->note);
    return document_end(&transfer.from, EVENT_STOCK_TRANSFERRED, &payload.base);
}
