/* What a job comes to, line by line; the difference between two states of it as journal lines. */
#include "server/domain/jobs/jobs.h"
#include "server/domain/kernel/form.h"
#include "server/domain/sales/sales.h"

#define ROLE(name) DAFTARI__V1__ACCOUNT_ROLE__ROLE_##name

static void no_room(struct document *document)
{
    document_fail(document, fault_set(document->why, STATUS_NO_MEMORY, NULL, "the job is too large"));
}

static bool add_up(struct job_lines *lines)
{
    lines->net = lines->tax = lines->discount = 0;
    for (size_t i = 0; i < lines->count; i++) {
        const Daftari__V1__JobLine *line = lines->rows[i];
        if (!amount_add(lines->net, line->net_minor - line->discount_net_minor, &lines->net) ||
            !amount_add(lines->tax, line->tax_minor - line->discount_tax_minor, &lines->tax) ||
            !amount_add(lines->discount, line->discount_minor, &lines->discount))
            return false;
    }
    return amount_add(lines->net, lines->tax, &lines->total);
}

static Daftari__V1__JobLine **take_rows(struct document *document, size_t count)
{
    Daftari__V1__JobLine **rows =
        arena_take(document->context->arena, (count + 1) * sizeof(Daftari__V1__JobLine *));
    for (size_t i = 0; rows != NULL && i < count; i++) {
        rows[i] = message_new(&daftari__v1__job_line__descriptor, document->context->arena);
        if (rows[i] == NULL)
            rows = NULL;
    }
    if (rows == NULL)
        no_room(document);
    return rows;
}

static void from_sale(const struct sale_line *line, Daftari__V1__JobLine *out)
{
    out->has_item = out->has_quantity_milli = out->has_unit_price_minor = out->has_net_minor = true;
    out->item = line->item.number;
    out->quantity_milli = line->quantity;
    out->unit_price_minor = line->unit_price;
    out->net_minor = line->full.net;
    out->has_discount_minor = out->has_discount_net_minor = line->discount != 0;
    out->discount_minor = line->discount;
    out->discount_net_minor = line->off.net;
    out->has_tax_minor = out->has_rate_bp = line->terms.rate_bp != 0;
    out->tax_minor = line->full.tax;
    out->rate_bp = line->terms.rate_bp;
    out->has_discount_tax_minor = line->off.tax != 0;
    out->discount_tax_minor = line->off.tax;
    out->has_tax_code = line->terms.code != 0;
    out->tax_code = line->terms.code;
    out->has_category = line->item.category != 0;
    out->category = line->item.category;
    out->note = (char *)(uintptr_t)line->note;
}

void job_lines_price(struct document *document, Daftari__V1__SaleLine *const *given, size_t count,
                     int64_t discount_minor, bool has_total, int64_t total_minor, struct job_lines *out)
{
    char path[FAULT_FIELD_MAX], text[AMOUNT_TEXT_MAX];
    struct sale_lines *lines = arena_take(document->context->arena, sizeof *lines);
    *out = (struct job_lines){0};
    if (lines == NULL) {
        no_room(document);
        return;
    }
    if (document->status == STATUS_OK && (count == 0 || count > JOB_LINES_MAX))
        document_fail(document,
                      fault_set(document->why, STATUS_INVALID, "lines", "1 to %u lines", JOB_LINES_MAX));
    if (document->status != STATUS_OK)
        return;
    lines->review_count = 0;
    sale_lines_price(document, given, count, discount_minor, false, lines);
    out->rows = document->status == STATUS_OK ? take_rows(document, count) : NULL;
    for (size_t i = 0; document->status == STATUS_OK && i < count; i++) {
        if (!lines->rows[i].item.service)
            document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__JOB_NOT_A_SERVICE,
                                                 form_path(path, "lines", i, "item"),
                                                 "%.50s is goods: record a sale", given[i]->item));
        from_sale(&lines->rows[i], out->rows[i]);
        out->vat_mode = lines->rows[i].terms.mode;
        out->count++;
    }
    if (document->status != STATUS_OK || !add_up(out))
        return; /* sale_lines_price has added the same up */
    if (has_total && total_minor != out->total) {
        document_amount(document, out->total, text);
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__TOTAL_DIFFERS, "total_minor",
                                             "the lines come to %s", text));
    } else if (out->total == 0) {
        document_fail(document,
                      fault_set(document->why, STATUS_INVALID, "lines", "a job that comes to something"));
    }
}

void job_lines_of(const Daftari__V1__JobRow *row, struct job_lines *out)
{
    *out = (struct job_lines){
        .rows = row->lines,
        .count = row->n_lines,
        .net = row->net_minor,
        .tax = row->tax_minor,
        .total = row->total_minor,
        .discount = row->discount_minor,
        .vat_mode = row->vat_mode,
    };
}

/* ---- less to pay ---------------------------------------------------------------------------------------------------- */

/* What is left of a line as the customer sees it: with tax where prices have it inside. */
static int64_t seen(const Daftari__V1__JobLine *line, uint32_t vat_mode)
{
    int64_t net = line->net_minor;
    return (vat_mode == VAT_INCLUSIVE ? net + line->tax_minor : net) - line->discount_minor;
}

static void discount_line(struct document *document, const Daftari__V1__JobLine *from, int64_t part,
                          uint32_t vat_mode, Daftari__V1__JobLine *out)
{
    struct tax_terms terms = {
        .mode = (enum vat_mode)vat_mode, .code = (uint16_t)from->tax_code, .rate_bp = from->rate_bp};
    struct taxed off;
    ProtobufCMessage base = out->base;
    *out = *from;
    out->base = base;
    if (part == 0)
        return;
    if (!tax_split(&terms, from->discount_minor + part, &off)) {
        no_room(document); /* cannot be: it is at most the amount of the line */
        return;
    }
    out->has_discount_minor = out->has_discount_net_minor = true;
    out->discount_minor = from->discount_minor + part;
    out->discount_net_minor = off.net;
    out->has_discount_tax_minor = off.tax != 0;
    out->discount_tax_minor = off.tax;
}

void job_lines_discount(struct document *document, const struct job_lines *from, int64_t amount,
                        struct job_lines *out)
{
    int64_t whole = 0, so_far = 0, given = 0, upto;
    *out = *from;
    if (document->status != STATUS_OK)
        return;
    for (size_t i = 0; i < from->count; i++)
        whole += seen(from->rows[i], from->vat_mode);
    if (amount <= 0 || amount > whole) {
        document_fail(document,
                      fault_refuse(document->why, DAFTARI__V1__REASON__DISCOUNT_TOO_LARGE, "amount_minor",
                                   "a discount of more than zero, to the amount of the job"));
        return;
    }
    out->rows = take_rows(document, from->count);
    for (size_t i = 0; document->status == STATUS_OK && i < from->count; i++) {
        so_far += seen(from->rows[i], from->vat_mode);
        if (!amount_multiply_divide(amount, so_far, whole, &upto))
            upto = amount; /* cannot be: amount * so_far / whole is at most amount */
        discount_line(document, from->rows[i], upto - given, from->vat_mode, out->rows[i]);
        given = upto;
    }
    if (document->status == STATUS_OK && !add_up(out))
        no_room(document); /* cannot be: it is less than before */
}

/* ---- journal lines ---------------------------------------------------------------------------------------------------- */

static const Daftari__V1__JobLine *line_at(const struct job_lines *from, const struct job_lines *to,
                                           size_t index)
{
    size_t before = from != NULL ? from->count : 0;
    return index < before ? from->rows[index] : to->rows[index - before];
}

/* The difference that the lines of a category make, for the first line of it; false for the others. */
static bool difference(const struct job_lines *from, const struct job_lines *to, size_t index,
                       int64_t *out_net, int64_t *out_off)
{
    size_t before = from != NULL ? from->count : 0, all = before + (to != NULL ? to->count : 0);
    uint32_t category = line_at(from, to, index)->category;
    *out_net = *out_off = 0;
    for (size_t i = 0; i < all; i++) {
        const Daftari__V1__JobLine *line = line_at(from, to, i);
        if (line->category != category)
            continue;
        if (i < index)
            return false;
        *out_net += i < before ? -line->net_minor : line->net_minor;
        *out_off += i < before ? -line->discount_net_minor : line->discount_net_minor;
    }
    return true;
}

void job_lines_post(struct document *document, const struct job_lines *from, const struct job_lines *to)
{
    size_t all = (from != NULL ? from->count : 0) + (to != NULL ? to->count : 0);
    size_t first = document->out->posting_count;
    int64_t net, off;
    int64_t tax = (to != NULL ? to->tax : 0) - (from != NULL ? from->tax : 0);
    for (size_t i = 0; document->status == STATUS_OK && i < all; i++)
        if (difference(from, to, i, &net, &off))
            document_post_role(document, ROLE(DISCOUNTS), (uint16_t)line_at(from, to, i)->category, 0, off,
                               first);
    for (size_t i = 0; document->status == STATUS_OK && i < all; i++)
        if (difference(from, to, i, &net, &off))
            document_post_role(document, ROLE(REVENUE), (uint16_t)line_at(from, to, i)->category, 0, -net,
                               first);
    document_post_role(document, ROLE(VAT_OUTPUT), 0, 0, -tax, first);
}

void job_set_lines(struct job *job, const struct job_lines *lines)
{
    Daftari__V1__JobRecorded *payload = &job->payload;
    payload->n_lines = lines->count;
    payload->lines = lines->rows;
    payload->has_net_minor = payload->has_tax_minor = payload->has_total_minor = payload->has_discount_minor =
        true;
    payload->net_minor = lines->net;
    payload->tax_minor = lines->tax;
    payload->total_minor = lines->total;
    payload->discount_minor = lines->discount;
    payload->has_vat_mode = true;
    payload->vat_mode = lines->vat_mode;
}
