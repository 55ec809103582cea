/* O-10, O-26, O-30, O-41: goods come in at what they cost without tax; what is not stocked is an expense. */
#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/earlier.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/supplier_invoice.h"
#include "server/domain/kernel/tenders.h"
#include "server/domain/purchasing/purchasing.h"
#include "type_ids.h"

struct line {
    struct item_row item; /* number 0: an account's line */
    uint16_t condition;
    int64_t quantity;
    int64_t amount; /* tax inside */
    struct tax_terms terms;
    struct taxed taxed;
};
struct buying {
    struct document *document;
    const Daftari__V1__RecordPurchase *given;
    uint16_t place;
    struct line *lines; /* in the arena */
    int64_t net, tax, gross;
};

static const char *line_path(char path[FAULT_FIELD_MAX], size_t index, const char *field)
{
    return form_path(path, "lines", index, field);
}

/* ---- one line ------------------------------------------------------------------------------------------------- */

static void check_account(struct document *document, uint32_t account, size_t index)
{
    char path[FAULT_FIELD_MAX];
    struct account_row row;
    if (document->status != STATUS_OK)
        return;
    if (!account_row_get(document->state, account, &row) || row.header)
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__ACCOUNT_UNKNOWN,
                                             line_path(path, index, "account"),
                                             "there is no account %u that takes postings", account));
    else if (row.type != ACCOUNT_EXPENSE)
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__ACCOUNT_UNFIT,
                                             line_path(path, index, "account"),
                                             "account %u is no expense account", account));
}

/* What is bought: goods, or something that goes to an expense account. */
static void find_subject(struct buying *buying, size_t index)
{
    const Daftari__V1__PurchaseLine *given = buying->given->lines[index];
    struct line *line = &buying->lines[index];
    struct document *document = buying->document;
    char path[FAULT_FIELD_MAX];
    struct stock_line_terms terms = {
        .list = "lines", .index = index, .fallback = DAFTARI__V1__CONDITION__CONDITION_EMPTY};
    if (text_empty(given->item) == (given->account == 0))
        document_fail(document, fault_set(document->why, STATUS_INVALID, line_path(path, index, "item"),
                                          "an item, or an account for what is not stocked: one of the two"));
    else if (given->account != 0)
        check_account(document, given->account, index);
    else
        stock_line_item(document, &terms, given->item, given->has_condition, given->condition, &line->item,
                        &line->condition);
    if (document->status == STATUS_OK && given->note != NULL && strlen(given->note) > LINE_TEXT_MAX)
        document_fail(document, fault_set(document->why, STATUS_INVALID, line_path(path, index, "note"),
                                          "at most %u bytes", LINE_TEXT_MAX));
}

static void find_amount(struct buying *buying, size_t index)
{
    const Daftari__V1__PurchaseLine *given = buying->given->lines[index];
    struct line *line = &buying->lines[index];
    struct document *document = buying->document;
    char path[FAULT_FIELD_MAX];
    line->quantity = given->has_quantity_milli ? given->quantity_milli : QUANTITY_ONE;
    stock_line_quantity(document, "lines", index, line->quantity);
    if (document->status == STATUS_OK && given->has_unit_cost_minor == given->has_amount_minor)
        document_fail(document,
                      fault_set(document->why, STATUS_INVALID, line_path(path, index, "unit_cost_minor"),
                                "the cost of a unit or the amount of the line, one of the two"));
    if (given->has_unit_cost_minor)
        line->amount = stock_line_value(document, "lines", index, "unit_cost_minor", given->unit_cost_minor,
                                        line->quantity);
    else /* the amount of the whole is as the cost of one unit: the same limits */
        line->amount =
            stock_line_value(document, "lines", index, "amount_minor", given->amount_minor, QUANTITY_ONE);
}

/* The code of the line, else that of the item; an account's line without one has no tax to claim. */
static void find_tax(struct buying *buying, size_t index)
{
    const Daftari__V1__PurchaseLine *given = buying->given->lines[index];
    struct line *line = &buying->lines[index];
    struct document *document = buying->document;
    char path[FAULT_FIELD_MAX];
    uint16_t code = line->item.tax_code;
    if (document->status != STATUS_OK)
        return;
    if (!text_empty(given->tax_code) && !tax_code_find(document->state, given->tax_code, &code)) {
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__TAX_CODE_UNKNOWN,
                                             line_path(path, index, "tax_code"), "there is no tax code %.20s",
                                             given->tax_code));
        return;
    }
    if (line->item.number != 0 || !text_empty(given->tax_code))
        line->terms = tax_terms_of(document, code);
    if (!tax_split_inclusive(&line->terms, line->amount, &line->taxed) ||
        !amount_add(buying->net, line->taxed.net, &buying->net) ||
        !amount_add(buying->tax, line->taxed.tax, &buying->tax) ||
        !amount_add(buying->gross, line->taxed.gross, &buying->gross))
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__AMOUNT_OUT_OF_RANGE, "lines",
                                             "the lines add up to more than 18 digits"));
}

/* ---- the whole ------------------------------------------------------------------------------------------------ */

static void read_lines(struct buying *buying)
{
    struct document *document = buying->document;
    const Daftari__V1__RecordPurchase *given = buying->given;
    for (size_t i = 0; document->status == STATUS_OK && i < given->n_lines; i++) {
        find_subject(buying, i);
        find_amount(buying, i);
        find_tax(buying, i);
    }
    if (document->status != STATUS_OK || !given->has_total_minor || given->total_minor == buying->gross)
        return;
    char text[AMOUNT_TEXT_MAX];
    document_amount(document, buying->gross, text);
    document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__TOTAL_DIFFERS, "total_minor",
                                         "the lines come to %s", text));
}

static void post_lines(struct buying *buying)
{
    struct document *document = buying->document;
    char path[FAULT_FIELD_MAX];
    for (size_t i = 0; document->status == STATUS_OK && i < buying->given->n_lines; i++) {
        const struct line *line = &buying->lines[i];
        if (line->item.number == 0) {
            document_post(document, buying->given->lines[i]->account, 0, line->taxed.net, 0);
            continue;
        }
        struct stock_key key = {line->item.number, document->business, buying->place, line->condition};
        int64_t kept = stock_receive(document, &key, line->quantity, line->taxed.net,
                                     line_path(path, i, "quantity_milli"));
        stock_line_post_in(document, line->item.category, line->taxed.net, kept);
    }
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_VAT_INPUT, CATEGORY_ANY, 0, buying->tax, 0);
}

static Daftari__V1__BoughtLine *stored_line(const struct buying *buying, size_t index)
{
    const Daftari__V1__PurchaseLine *given = buying->given->lines[index];
    const struct line *line = &buying->lines[index];
    Daftari__V1__BoughtLine *out =
        message_new(&daftari__v1__bought_line__descriptor, buying->document->context->arena);
    if (out == NULL)
        return NULL;
    out->has_item = line->item.number != 0;
    out->item = line->item.number;
    out->has_account = given->account != 0;
    out->account = given->account;
    out->has_condition = line->condition != 0;
    out->condition = (Daftari__V1__Condition)line->condition;
    out->has_quantity_milli = out->has_net_minor = true;
    out->quantity_milli = line->quantity;
    out->net_minor = line->taxed.net;
    out->has_tax_minor = out->has_rate_bp = line->terms.rate_bp != 0;
    out->tax_minor = line->taxed.tax;
    out->rate_bp = line->terms.rate_bp;
    out->has_tax_code = line->terms.code != 0;
    out->tax_code = line->terms.code;
    out->note = text_or_none(given->note);
    return out;
}

static enum status end(struct buying *buying, uint32_t supplier, const struct tenders_taken *tenders)
{
    struct document *document = buying->document;
    const Daftari__V1__RecordPurchase *given = buying->given;
    Daftari__V1__PurchaseRecorded payload = DAFTARI__V1__PURCHASE_RECORDED__INIT;
    payload.lines = arena_take(document->context->arena, given->n_lines * sizeof(Daftari__V1__BoughtLine *));
    for (; payload.lines != NULL && payload.n_lines < given->n_lines; payload.n_lines++)
        if ((payload.lines[payload.n_lines] = stored_line(buying, payload.n_lines)) == NULL)
            break;
    if (payload.n_lines != given->n_lines)
        return fault_set(document->why, STATUS_NO_MEMORY, NULL, "the purchase is too large");
    payload.has_supplier = supplier != 0;
    payload.supplier = supplier;
    payload.invoice = text_or_none(given->invoice);
    payload.n_tenders = tenders->count;
    payload.tenders = tenders->rows;
    payload.has_net_minor = payload.has_total_minor = true;
    payload.net_minor = buying->net;
    payload.has_tax_minor = buying->tax != 0;
    payload.tax_minor = buying->tax;
    payload.total_minor = buying->gross;
    payload.has_place = buying->place != PLACE_SHOP;
    payload.place = buying->place;
    payload.note = text_or_none(given->note);
    document_number(document, "PU");
    return document_end(document, EVENT_PURCHASE_RECORDED, &payload.base);
}

enum status purchase_decide_record(const struct context *context, struct kv_txn *state,
                                   const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__RecordPurchase *given = (const Daftari__V1__RecordPurchase *)command;
    struct document document;
    struct tenders_taken tenders;
    struct buying buying = {.document = &document, .given = given};
    enum status status = form_text(given->note, "note", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = form_text(given->invoice, "invoice", REFERENCE_TEXT_MAX, false, why);
    if (status == STATUS_OK && (given->n_lines == 0 || given->n_lines > PURCHASE_LINES_MAX))
        status = fault_set(why, STATUS_INVALID, "lines", "1 to %u lines", PURCHASE_LINES_MAX);
    if (status == STATUS_OK)
        status = document_begin(&document, context, state, given->business, given->has_date, given->date, out,
                                why);
    if (status != STATUS_OK)
        return status;
    buying.lines = arena_take(context->arena, given->n_lines * sizeof *buying.lines);
    if (buying.lines == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the purchase is too large");
    memset(buying.lines, 0, given->n_lines * sizeof *buying.lines);
    uint32_t supplier = document_supplier(&document, given->supplier);
    supplier_invoice_check(&document, supplier, given->invoice);
    buying.place = document_place(&document, given->place, "place");
    read_lines(&buying);
    post_lines(&buying);
    struct tender_terms terms = {
        .flow = TENDER_OUT,
        .field = "tenders",
        .party = supplier,
        .credit = true,
        .credit_role = DAFTARI__V1__ACCOUNT_ROLE__ROLE_PAYABLE,
    };
    tenders_take(&document, given->tenders, given->n_tenders, buying.gross, &terms, &tenders);
    return document.status == STATUS_OK ? end(&buying, supplier, &tenders) : document.status;
}

void purchase_apply_recorded(struct kv_txn *state, const struct record *record,
                             const ProtobufCMessage *payload, struct arena *arena)
{
    const Daftari__V1__PurchaseRecorded *purchase = (const Daftari__V1__PurchaseRecorded *)payload;
    (void)arena;
    supplier_invoice_put(state, purchase->supplier, purchase->invoice, record->header.position);
    tenders_apply(state, record, purchase->tenders, purchase->n_tenders);
}
