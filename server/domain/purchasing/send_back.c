/* O-34: goods go back to the supplier, who pays back or is owed less. They leave stock at what they were bought for, as far
 * as stock has not changed its value since; the rest is a stock loss or gain. */
#include "proto/base/bytes.h"
#include "server/domain/kernel/earlier.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/kernel/supplier_invoice.h"
#include "server/domain/kernel/tenders.h"
#include "server/domain/purchasing/purchasing.h"
#include "type_ids.h"

static const struct earlier_terms earlier = {
    .type = EVENT_PURCHASE_RECORDED,
    .payload = &daftari__v1__purchase_recorded__descriptor,
    .unknown = DAFTARI__V1__REASON__PURCHASE_UNKNOWN,
    .what = "a purchase, like PU-20250102-0001",
};

/* ---- rows ----------------------------------------------------------------------------------------------------- */

struct returned_row {
    size_t count;
    int64_t milli[PURCHASE_LINES_MAX];
};

static void returned_get(struct kv_txn *state, uint64_t position, struct returned_row *out)
{
    struct row_key key = row_key_u64(position);
    struct slice row;
    memset(out, 0, sizeof *out);
    if (!kv_get(state, TABLE_PURCHASE, row_key_slice(&key), &row))
        return;
    if (row.len % 8 != 0 || row.len / 8 > PURCHASE_LINES_MAX) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    out->count = row.len / 8;
    for (size_t i = 0; i < out->count; i++)
        out->milli[i] = (int64_t)be64_get(row.ptr + i * 8);
}

static void returned_put(struct kv_txn *state, uint64_t position, const struct returned_row *row,
                         struct arena *arena)
{
    struct row_key key = row_key_u64(position);
    uint8_t *bytes = arena_take(arena, row->count * 8);
    if (bytes == NULL) {
        kv_set_error(state, STATUS_NO_MEMORY);
        return;
    }
    for (size_t i = 0; i < row->count; i++)
        be64_put(bytes + i * 8, (uint64_t)row->milli[i]);
    kv_put(state, TABLE_PURCHASE, row_key_slice(&key), slice_of(bytes, row->count * 8));
}

/* ---- lines ---------------------------------------------------------------------------------------------------- */

struct sending {
    struct document *document;
    const Daftari__V1__PurchaseRecorded *purchase;
    struct returned_row *row; /* goes forward line by line, so that a line given twice is counted twice */
    Daftari__V1__PurchaseReturned *out;
};

static Daftari__V1__SentBackLine *part(const struct sending *sending, uint32_t line, int64_t quantity)
{
    const Daftari__V1__BoughtLine *bought = sending->purchase->lines[line - 1];
    int64_t before = sending->row->milli[line - 1], after = before + quantity;
    Daftari__V1__SentBackLine *out =
        message_new(&daftari__v1__sent_back_line__descriptor, sending->document->context->arena);
    if (out == NULL)
        return NULL;
    out->has_line = out->has_quantity_milli = out->has_net_minor = true;
    out->line = line;
    out->has_item = bought->has_item;
    out->item = bought->item;
    out->has_account = bought->has_account;
    out->account = bought->account;
    out->quantity_milli = quantity;
    out->has_tax_minor = out->has_rate_bp = bought->has_tax_minor;
    out->tax_minor = stock_line_part(bought->tax_minor, bought->quantity_milli, before, after);
    /* What comes back is a part of what was paid, however net and tax round. */
    out->net_minor =
        stock_line_part(bought->net_minor + bought->tax_minor, bought->quantity_milli, before, after) -
        out->tax_minor;
    out->rate_bp = bought->rate_bp;
    out->has_tax_code = bought->has_tax_code;
    out->tax_code = bought->tax_code;
    return out;
}

static void send_line(struct sending *sending, uint32_t line, bool has_quantity, int64_t quantity,
                      size_t index)
{
    struct document *document = sending->document;
    char path[FAULT_FIELD_MAX], left_text[AMOUNT_TEXT_MAX];
    if (line == 0 || line > sending->purchase->n_lines) {
        document_fail(document,
                      fault_set(document->why, STATUS_INVALID, form_path(path, "lines", index, "line"),
                                "a line of the purchase, 1 to %zu", sending->purchase->n_lines));
        return;
    }
    int64_t left = sending->purchase->lines[line - 1]->quantity_milli - sending->row->milli[line - 1];
    if (!has_quantity)
        quantity = left;
    if (quantity <= 0 || quantity > left) {
        (void)amount_format(left, 3, left_text);
        document_fail(document,
                      fault_refuse(document->why, DAFTARI__V1__REASON__RETURN_TOO_MUCH,
                                   form_path(path, "lines", index, "quantity_milli"),
                                   "of line %u of the purchase %s can still go back", line, left_text));
        return;
    }
    Daftari__V1__SentBackLine *out = part(sending, line, quantity);
    if (out == NULL) {
        document_fail(document, fault_set(document->why, STATUS_NO_MEMORY, NULL, "too many lines"));
        return;
    }
    sending->row->milli[line - 1] += quantity;
    sending->out->net_minor += out->net_minor;
    sending->out->tax_minor += out->tax_minor;
    sending->out->lines[sending->out->n_lines++] = out;
}

/* The lines given, or all that is left of every line. */
static void send_lines(struct sending *sending, const Daftari__V1__ReturnPurchase *given)
{
    struct document *document = sending->document;
    const Daftari__V1__PurchaseRecorded *purchase = sending->purchase;
    size_t count = given->n_lines != 0 ? given->n_lines : purchase->n_lines;
    if (count > PURCHASE_LINES_MAX) {
        document_fail(document, fault_set(document->why, STATUS_INVALID, "lines", "at most %u lines",
                                          PURCHASE_LINES_MAX));
        return;
    }
    sending->out->lines = arena_take(document->context->arena, count * sizeof(Daftari__V1__SentBackLine *));
    if (sending->out->lines == NULL) {
        document_fail(document, fault_set(document->why, STATUS_NO_MEMORY, NULL, "too many lines"));
        return;
    }
    for (size_t i = 0; document->status == STATUS_OK && i < count; i++) {
        if (given->n_lines != 0)
            send_line(sending, given->lines[i]->line, given->lines[i]->has_quantity_milli,
                      given->lines[i]->quantity_milli, i);
        else if (purchase->lines[i]->quantity_milli != sending->row->milli[i])
            send_line(sending, (uint32_t)i + 1, false, 0, i);
    }
    if (document->status == STATUS_OK && sending->out->n_lines == 0)
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__RETURN_TOO_MUCH, "number",
                                             "all of this purchase went back already"));
}

static void take_out(const struct sending *sending, const Daftari__V1__SentBackLine *line, size_t index)
{
    struct document *document = sending->document;
    char path[FAULT_FIELD_MAX];
    struct item_row item;
    if (line->account != 0) {
        document_post(document, line->account, 0, -line->net_minor, 0);
        return;
    }
    if (!item_row_get(document->state, line->item, &item)) {
        document_fail(document,
                      fault_set(document->why, STATUS_CORRUPT, NULL, "the item of a purchase is not there"));
        return;
    }
    struct movement bought = {
        .item = line->item,
        .business = document->business,
        .place = (uint16_t)sending->purchase->place,
        .condition = (uint16_t)sending->purchase->lines[line->line - 1]->condition,
        .quantity = line->quantity_milli,
        .value = line->net_minor,
    };
    int64_t difference = stock_mirror(document, &bought, form_path(path, "lines", index, "quantity_milli"));
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_INVENTORY, item.category, 0,
                       -line->net_minor - difference, 0);
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_STOCK_LOSS, item.category, 0, difference, 0);
}

/* ---- the whole ------------------------------------------------------------------------------------------------ */

/* As given; without any: on credit when all of the purchase was, else in cash. */
static void take_refunds(struct sending *sending, const Daftari__V1__ReturnPurchase *given,
                         struct tenders_taken *out)
{
    const Daftari__V1__PurchaseRecorded *purchase = sending->purchase;
    Daftari__V1__Tender credit = DAFTARI__V1__TENDER__INIT, *only = &credit;
    struct tender_terms terms = {
        .flow = TENDER_IN,
        .field = "refunds",
        .party = purchase->supplier,
        .credit = true,
        .credit_role = DAFTARI__V1__ACCOUNT_ROLE__ROLE_PAYABLE,
    };
    bool all_credit = purchase->n_tenders == 1 &&
                      purchase->tenders[0]->method == DAFTARI__V1__PAYMENT_METHOD__METHOD_CREDIT;
    credit.has_method = true;
    credit.method = DAFTARI__V1__PAYMENT_METHOD__METHOD_CREDIT;
    if (given->n_refunds == 0 && all_credit && sending->out->total_minor != 0)
        tenders_take(sending->document, &only, 1, sending->out->total_minor, &terms, out);
    else
        tenders_take(sending->document, given->refunds, given->n_refunds, sending->out->total_minor, &terms,
                     out);
}

/* After this return nothing is left of the purchase. */
static bool all_is_back(const struct sending *sending)
{
    for (size_t i = 0; i < sending->purchase->n_lines; i++)
        if (sending->row->milli[i] != sending->purchase->lines[i]->quantity_milli)
            return false;
    return true;
}

enum status purchase_decide_return(const struct context *context, struct kv_txn *state,
                                   const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__ReturnPurchase *given = (const Daftari__V1__ReturnPurchase *)command;
    Daftari__V1__PurchaseReturned payload = DAFTARI__V1__PURCHASE_RETURNED__INIT;
    struct document document;
    struct returned_row row;
    struct record record;
    struct tenders_taken refunds;
    ProtobufCMessage *message = NULL;
    enum status status = form_text(given->reason, "reason", DESCRIPTION_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = earlier_find(context, state, given->number, &earlier, &record, &message, why);
    if (status != STATUS_OK)
        return status;
    struct record_header bought = record.header;
    status =
        document_begin(&document, context, state, business_code_of(state, bought.business, context->arena),
                       given->has_date, given->date, out, why);
    if (status == STATUS_OK && document.date < bought.business_date)
        status = fault_set(why, STATUS_INVALID, "date", "the day of the purchase or a later one");
    if (status != STATUS_OK)
        return status;
    returned_get(state, bought.position, &row);
    struct sending sending = {.document = &document,
                              .purchase = (const Daftari__V1__PurchaseRecorded *)message,
                              .row = &row,
                              .out = &payload};
    send_lines(&sending, given);
    payload.total_minor = payload.net_minor + payload.tax_minor;
    take_refunds(&sending, given, &refunds);
    for (size_t i = 0; document.status == STATUS_OK && i < payload.n_lines; i++)
        take_out(&sending, payload.lines[i], i);
    document_post_role(&document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_VAT_INPUT, CATEGORY_ANY, 0,
                       -payload.tax_minor, 0);
    document_number(&document, "PU");
    out->cause = bought.position;
    payload.n_refunds = refunds.count;
    payload.refunds = refunds.rows;
    payload.has_net_minor = payload.has_total_minor = true;
    payload.has_tax_minor = payload.tax_minor != 0;
    payload.reason = given->reason;
    payload.has_supplier = sending.purchase->has_supplier;
    payload.supplier = sending.purchase->supplier;
    if (document.status == STATUS_OK && all_is_back(&sending))
        payload.freed_invoice = sending.purchase->invoice;
    return document_end(&document, EVENT_PURCHASE_RETURNED, &payload.base);
}

void purchase_apply_returned(struct kv_txn *state, const struct record *record,
                             const ProtobufCMessage *payload, struct arena *arena)
{
    const Daftari__V1__PurchaseReturned *given = (const Daftari__V1__PurchaseReturned *)payload;
    struct returned_row row;
    returned_get(state, record->header.cause, &row);
    for (size_t i = 0; i < given->n_lines; i++) {
        uint32_t line = given->lines[i]->line;
        if (line == 0 || line > PURCHASE_LINES_MAX) {
            kv_set_error(state, STATUS_CORRUPT);
            return;
        }
        row.count = row.count < line ? line : row.count;
        row.milli[line - 1] += given->lines[i]->quantity_milli;
    }
    returned_put(state, record->header.cause, &row, arena);
    supplier_invoice_drop(state, given->supplier, given->freed_invoice);
    tenders_apply(state, record, given->refunds, given->n_refunds);
}
