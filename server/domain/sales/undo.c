/* O-13, O-32, O-33: a sale is void, something of it comes back, a sale that was kept for review was looked at. */
#include "people.pb-c.h"
#include "proto/base/bytes.h"
#include "server/domain/kernel/earlier.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/sales/sale_row.h"
#include "type_ids.h"

/* ---- rows ----------------------------------------------------------------------------------------------------- */

enum { FLAG_VOID = 1, FLAG_WAITS = 2, FLAG_RETURNED = 4 };

void sale_row_get(struct kv_txn *state, uint64_t position, struct sale_row *out)
{
    struct row_key key = row_key_u64(position);
    struct slice row;
    memset(out, 0, sizeof *out);
    if (!kv_get(state, TABLE_SALE, row_key_slice(&key), &row))
        return;
    if (row.len == 0 || (row.len - 1) % 8 != 0 || (row.len - 1) / 8 > SALE_LINES_MAX) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    out->is_void = (row.ptr[0] & FLAG_VOID) != 0;
    out->waits = (row.ptr[0] & FLAG_WAITS) != 0;
    out->returned = (row.ptr[0] & FLAG_RETURNED) != 0;
    out->count = (row.len - 1) / 8;
    for (size_t i = 0; i < out->count; i++)
        out->returned_milli[i] = (int64_t)be64_get(row.ptr + 1 + i * 8);
}

void sale_row_put(struct kv_txn *state, uint64_t position, const struct sale_row *row, struct arena *arena)
{
    struct row_key key = row_key_u64(position);
    uint8_t *bytes = arena_take(arena, 1 + row->count * 8);
    if (bytes == NULL) {
        kv_set_error(state, STATUS_NO_MEMORY);
        return;
    }
    bytes[0] = (uint8_t)((row->is_void ? FLAG_VOID : 0) | (row->waits ? FLAG_WAITS : 0) |
                         (row->returned ? FLAG_RETURNED : 0));
    for (size_t i = 0; i < row->count; i++)
        be64_put(bytes + 1 + i * 8, (uint64_t)row->returned_milli[i]);
    kv_put(state, TABLE_SALE, row_key_slice(&key), slice_of(bytes, 1 + row->count * 8));
}

/* ---- the sale that is meant ------------------------------------------------------------------------------------ */

static const struct earlier_terms earlier = {
    .type = EVENT_SALE_RECORDED,
    .payload = &daftari__v1__sale_recorded__descriptor,
    .unknown = DAFTARI__V1__REASON__SALE_UNKNOWN,
    .what = "a sale, like RS-20250102-0001",
};

static enum status find_sale(const struct context *context, struct kv_txn *state, const char *number,
                             struct record *out, const Daftari__V1__SaleRecorded **out_sale,
                             struct sale_row *out_row, struct fault *why)
{
    ProtobufCMessage *message = NULL;
    enum status status = earlier_find(context, state, number, &earlier, out, &message, why);
    if (status != STATUS_OK)
        return status;
    *out_sale = (const Daftari__V1__SaleRecorded *)message;
    sale_row_get(state, out->header.position, out_row);
    if (out_row->is_void)
        return fault_refuse(why, DAFTARI__V1__REASON__SALE_VOID, "number", "sale %.50s is void", number);
    return STATUS_OK;
}

/* ---- void ----------------------------------------------------------------------------------------------------- */

/* Whoever may reverse entries, and he who sold it where the business lets him. */
static bool may_void(const struct document *document, const struct record *sale)
{
    return document_may(document, DAFTARI__V1__PERMISSION__JOURNAL, PERMISSION_WRITE) ||
           (sale->header.user == document->context->user &&
            document_setting(document, PROFILE_CASHIER_VOID, 1) != 0);
}

enum status sale_decide_void(const struct context *context, struct kv_txn *state,
                             const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__VoidSale *given = (const Daftari__V1__VoidSale *)command;
    const Daftari__V1__SaleRecorded *sale;
    struct document document;
    struct sale_row row;
    struct record record;
    enum status status = form_text(given->reason, "reason", DESCRIPTION_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = find_sale(context, state, given->number, &record, &sale, &row, why);
    if (status == STATUS_OK)
        status = document_begin(&document, context, state,
                                business_code_of(state, record.header.business, context->arena), true,
                                record.header.business_date, out, why);
    if (status != STATUS_OK)
        return status;
    if (!may_void(&document, &record))
        return fault_set(why, STATUS_DENIED, "number", "you may void sales of your own only");
    if (row.returned)
        return fault_refuse(why, DAFTARI__V1__REASON__SALE_RETURNED, "number",
                            "something of it came back already: return the rest");
    if (record.header.business_date != context->today)
        return fault_refuse(why, DAFTARI__V1__REASON__SALE_NOT_OF_TODAY, "number",
                            "only a sale of today is void; an earlier one is returned");
    document_mirror(&document, &record);
    tenders_put_back(&document, sale->tenders, sale->n_tenders, sale->customer);
    out->cause = record.header.position;
    Daftari__V1__VoidRecorded payload = DAFTARI__V1__VOID_RECORDED__INIT;
    payload.reason = given->reason;
    payload.n_tenders = sale->n_tenders;
    payload.tenders = sale->tenders;
    payload.has_total_minor = true;
    payload.total_minor = sale->total_minor;
    payload.has_customer = sale->has_customer;
    payload.customer = sale->customer;
    return document_end(&document, EVENT_SALE_VOIDED, &payload.base);
}

void sale_apply_void(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                     struct arena *arena)
{
    const Daftari__V1__VoidRecorded *given = (const Daftari__V1__VoidRecorded *)payload;
    struct sale_row row;
    sale_row_get(state, record->header.cause, &row);
    row.is_void = true;
    row.waits = false;
    sale_row_put(state, record->header.cause, &row, arena);
    tenders_release(state, given->tenders, given->n_tenders);
}

/* ---- return --------------------------------------------------------------------------------------------------- */

struct returning {
    struct document *document;
    const struct record *record;
    const Daftari__V1__SaleRecorded *sale;
    struct sale_row *row; /* goes forward line by line, so that a line given twice is counted twice */
    int64_t net, tax;
};

/* What a quantity of the whole comes to, so that all parts together come to the whole. */
static int64_t part_of(int64_t whole, int64_t quantity, int64_t before, int64_t after)
{
    int64_t upto = 0, past = 0;
    if (!amount_multiply_divide(whole, after, quantity, &upto) ||
        !amount_multiply_divide(whole, before, quantity, &past))
        return 0; /* cannot be: both are at most `whole` */
    return upto - past;
}

static Daftari__V1__ReturnedLine *part(const struct returning *returning, uint32_t line, int64_t quantity,
                                       bool damaged)
{
    const Daftari__V1__SoldLine *sold = returning->sale->lines[line - 1];
    int64_t before = returning->row->returned_milli[line - 1], after = before + quantity;
    Daftari__V1__ReturnedLine *out =
        message_new(&daftari__v1__returned_line__descriptor, returning->document->context->arena);
    if (out == NULL)
        return NULL;
    out->has_line = out->has_item = out->has_quantity_milli = out->has_net_minor = true;
    out->line = line;
    out->item = sold->item;
    out->quantity_milli = quantity;
    out->has_tax_minor = out->has_rate_bp = sold->has_tax_minor;
    out->tax_minor = part_of(sold->tax_minor, sold->quantity_milli, before, after);
    /* What is paid back is a part of what was paid: half of 100.00 is 50.00, however net and tax round. */
    out->net_minor =
        part_of(sold->net_minor + sold->tax_minor, sold->quantity_milli, before, after) - out->tax_minor;
    out->rate_bp = sold->rate_bp;
    out->has_tax_code = sold->has_tax_code;
    out->tax_code = sold->tax_code;
    out->has_cost_minor = sold->has_cost_minor;
    out->cost_minor = part_of(sold->cost_minor, sold->quantity_milli, before, after);
    out->has_damaged = out->damaged = damaged;
    return out;
}

static void restock(const struct returning *returning, const Daftari__V1__ReturnedLine *line, size_t index)
{
    struct document *document = returning->document;
    char path[FAULT_FIELD_MAX];
    struct item_row item;
    if (!item_row_get(document->state, line->item, &item)) {
        document_fail(document,
                      fault_set(document->why, STATUS_CORRUPT, NULL, "the item of a sale is not there"));
        return;
    }
    if (item.service)
        return;
    uint16_t place = (uint16_t)returning->sale->place;
    struct stock_key key = {
        .item = line->item,
        .business = document->business,
        .place = place,
        .condition = item.container ? DAFTARI__V1__CONDITION__CONDITION_FILLED
                                    : DAFTARI__V1__CONDITION__CONDITION_PLAIN,
    };
    int64_t kept = 0;
    if (!line->damaged)
        kept = stock_receive(document, &key, line->quantity_milli, line->cost_minor,
                             form_path(path, "lines", index, "quantity_milli"));
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_INVENTORY, item.category, 0, kept, 0);
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_STOCK_LOSS, item.category, 0,
                       line->cost_minor - kept, 0);
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_COST_OF_SALES, item.category, 0,
                       -line->cost_minor, 0);
}

static Daftari__V1__ReturnedLine *return_line(struct returning *returning, uint32_t line, bool has_quantity,
                                              int64_t quantity, bool damaged, size_t index)
{
    struct document *document = returning->document;
    char path[FAULT_FIELD_MAX], left_text[AMOUNT_TEXT_MAX];
    if (line == 0 || line > returning->sale->n_lines) {
        document_fail(document,
                      fault_set(document->why, STATUS_INVALID, form_path(path, "lines", index, "line"),
                                "a line of the sale, 1 to %zu", returning->sale->n_lines));
        return NULL;
    }
    int64_t left =
        returning->sale->lines[line - 1]->quantity_milli - returning->row->returned_milli[line - 1];
    if (!has_quantity)
        quantity = left;
    if (quantity <= 0 || quantity > left) {
        (void)amount_format(left, 3, left_text);
        document_fail(document,
                      fault_refuse(document->why, DAFTARI__V1__REASON__RETURN_TOO_MUCH,
                                   form_path(path, "lines", index, "quantity_milli"),
                                   "of line %u of the sale %s can still come back", line, left_text));
        return NULL;
    }
    Daftari__V1__ReturnedLine *out = part(returning, line, quantity, damaged);
    if (out == NULL) {
        document_fail(document, fault_set(document->why, STATUS_NO_MEMORY, NULL, "too many lines"));
        return NULL;
    }
    returning->row->returned_milli[line - 1] += quantity;
    returning->net += out->net_minor;
    returning->tax += out->tax_minor;
    return out;
}

/* The lines given, or all that is left of every line. */
static void return_lines(struct returning *returning, const Daftari__V1__ReturnSale *given,
                         Daftari__V1__ReturnRecorded *out)
{
    struct document *document = returning->document;
    const Daftari__V1__SaleRecorded *sale = returning->sale;
    size_t count = given->n_lines != 0 ? given->n_lines : sale->n_lines;
    if (count > SALE_LINES_MAX) {
        document_fail(document,
                      fault_set(document->why, STATUS_INVALID, "lines", "at most %u lines", SALE_LINES_MAX));
        return;
    }
    out->lines = arena_take(document->context->arena, count * sizeof(Daftari__V1__ReturnedLine *));
    if (out->lines == NULL) {
        document_fail(document, fault_set(document->why, STATUS_NO_MEMORY, NULL, "too many lines"));
        return;
    }
    for (size_t i = 0; document->status == STATUS_OK && i < count; i++) {
        Daftari__V1__ReturnedLine *line;
        if (given->n_lines != 0)
            line = return_line(returning, given->lines[i]->line, given->lines[i]->has_quantity_milli,
                               given->lines[i]->quantity_milli, given->lines[i]->damaged, i);
        else if (sale->lines[i]->quantity_milli == returning->row->returned_milli[i])
            continue;
        else
            line = return_line(returning, (uint32_t)i + 1, false, 0, false, i);
        if (line != NULL)
            out->lines[out->n_lines++] = line;
    }
    if (document->status == STATUS_OK && out->n_lines == 0)
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__RETURN_TOO_MUCH, "number",
                                             "all of this sale came back already"));
}

enum status sale_decide_return(const struct context *context, struct kv_txn *state,
                               const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__ReturnSale *given = (const Daftari__V1__ReturnSale *)command;
    struct document document;
    struct sale_row row;
    struct record record;
    struct tenders_taken refunds = {0};
    Daftari__V1__ReturnRecorded payload = DAFTARI__V1__RETURN_RECORDED__INIT;
    struct returning returning = {.document = &document, .record = &record, .row = &row};
    enum status status = form_text(given->reason, "reason", DESCRIPTION_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = find_sale(context, state, given->number, &record, &returning.sale, &row, why);
    if (status == STATUS_OK)
        status = document_begin(&document, context, state,
                                business_code_of(state, record.header.business, context->arena),
                                given->has_date, given->date, out, why);
    if (status == STATUS_OK && document.date < record.header.business_date)
        status = fault_set(why, STATUS_INVALID, "date", "the day of the sale or a later one");
    if (status != STATUS_OK)
        return status;
    return_lines(&returning, given, &payload);
    document_post_role(&document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_DISCOUNTS, 0, 0, returning.net, 0);
    document_post_role(&document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_VAT_OUTPUT, 0, 0, returning.tax, 0);
    struct tender_terms terms = {
        .flow = TENDER_OUT,
        .field = "refunds",
        .party = returning.sale->customer,
        .credit = true,
        .credit_role = DAFTARI__V1__ACCOUNT_ROLE__ROLE_RECEIVABLE,
        .prepayment = true,
    };
    tenders_take(&document, given->refunds, given->n_refunds, returning.net + returning.tax, &terms,
                 &refunds);
    for (size_t i = 0; i < payload.n_lines; i++)
        restock(&returning, payload.lines[i], i);
    document_number(&document, "RF");
    out->cause = record.header.position;
    payload.n_refunds = refunds.count;
    payload.refunds = refunds.rows;
    payload.has_net_minor = payload.has_total_minor = true;
    payload.net_minor = returning.net;
    payload.has_tax_minor = returning.tax != 0;
    payload.tax_minor = returning.tax;
    payload.total_minor = returning.net + returning.tax;
    payload.reason = given->reason;
    payload.has_customer = returning.sale->has_customer;
    payload.customer = returning.sale->customer;
    return document_end(&document, EVENT_SALE_RETURNED, &payload.base);
}

void sale_apply_returned(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                         struct arena *arena)
{
    const Daftari__V1__ReturnRecorded *given = (const Daftari__V1__ReturnRecorded *)payload;
    struct sale_row row;
    sale_row_get(state, record->header.cause, &row);
    row.returned = true;
    for (size_t i = 0; i < given->n_lines; i++) {
        uint32_t line = given->lines[i]->line;
        if (line == 0 || line > SALE_LINES_MAX) {
            kv_set_error(state, STATUS_CORRUPT);
            return;
        }
        row.count = row.count < line ? line : row.count;
        row.returned_milli[line - 1] += given->lines[i]->quantity_milli;
    }
    sale_row_put(state, record->header.cause, &row, arena);
    tenders_apply(state, record, given->refunds, given->n_refunds);
}

/* ---- review --------------------------------------------------------------------------------------------------- */

enum status sale_decide_review(const struct context *context, struct kv_txn *state,
                               const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__ReviewSale *given = (const Daftari__V1__ReviewSale *)command;
    const Daftari__V1__SaleRecorded *sale;
    struct sale_row row;
    struct record record;
    enum status status = form_text(given->note, "note", DESCRIPTION_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = find_sale(context, state, given->number, &record, &sale, &row, why);
    if (status == STATUS_OK)
        status =
            require_business(context, record.header.business,
                             business_code_of(state, record.header.business, context->arena), "number", why);
    if (status == STATUS_OK && !row.waits)
        status = fault_refuse(why, DAFTARI__V1__REASON__SALE_NOT_FOR_REVIEW, "number",
                              "nothing of this sale waits for review");
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_SALE_REVIEWED;
    out->business = record.header.business;
    out->cause = record.header.position;
    return STATUS_OK;
}

void sale_apply_reviewed(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                         struct arena *arena)
{
    struct sale_row row;
    (void)payload;
    sale_row_get(state, record->header.cause, &row);
    row.waits = false;
    sale_row_put(state, record->header.cause, &row, arena);
}
