#include <stdio.h>

#include "people.pb-c.h"

#include "server/domain/kernel/form.h"
#include "server/domain/kernel/party.h"
#include "server/domain/kernel/stock_line.h"
#include "server/domain/sales/sales.h"

#define REFUSE(document, reason, index, name, ...)                                                           \
    document_fail(document, fault_refuse((document)->why, DAFTARI__V1__REASON__##reason,                     \
                                         form_path(path, "lines", index, name), __VA_ARGS__))

void sale_review(struct document *document, struct sale_lines *lines, const char *what, const char *subject)
{
    char text[160];
    int len = snprintf(text, sizeof text, "%s: %s", subject, what);
    const char *kept = arena_text(document->context->arena, slice_of(text, len > 0 ? strlen(text) : 0));
    if (kept == NULL)
        document_fail(document, fault_set(document->why, STATUS_NO_MEMORY, NULL, "the sale is too large"));
    else if (lines->review_count < sizeof lines->review / sizeof lines->review[0])
        lines->review[lines->review_count++] = kept;
}

/* ---- one line ------------------------------------------------------------------------------------------------- */

static void find_item(struct document *document, const Daftari__V1__SaleLine *given, size_t index,
                      struct sale_line *out)
{
    char path[FAULT_FIELD_MAX];
    if (text_empty(given->item) || !item_find(document->state, given->item, &out->item))
        REFUSE(document, ITEM_UNKNOWN, index, "item", "there is no item with the code or barcode %.50s",
               given->item != NULL ? given->item : "");
    else if (!out->item.active)
        REFUSE(document, ITEM_INACTIVE, index, "item", "item %.50s is deactivated", given->item);
    if (document->status == STATUS_OK && given->note != NULL && strlen(given->note) > LINE_TEXT_MAX)
        document_fail(document,
                      fault_set(document->why, STATUS_INVALID, form_path(path, "lines", index, "note"),
                                "at most %u bytes", LINE_TEXT_MAX));
    out->note = text_or_none(given->note);
}

/* The price of the list, or another by permission; a sale made offline keeps the price it was made at. */
static void find_price(struct document *document, const Daftari__V1__SaleLine *given, size_t index,
                       bool offline, struct sale_lines *lines, struct sale_line *out)
{
    char path[FAULT_FIELD_MAX];
    int64_t list;
    bool listed = price_get(document->state, out->item.number, document->business, document->date, &list);
    bool own = given->has_unit_price_minor && (!listed || given->unit_price_minor != list);
    out->unit_price = given->has_unit_price_minor ? given->unit_price_minor : list;
    if (!listed && !given->has_unit_price_minor) {
        REFUSE(document, PRICE_MISSING, index, "unit_price_minor", "item %.50s has no price at that date",
               given->item);
        return;
    }
    if (out->unit_price < 0 || out->unit_price > AMOUNT_MAX) {
        document_fail(document, fault_set(document->why, STATUS_INVALID,
                                          form_path(path, "lines", index, "unit_price_minor"),
                                          "a price of zero or more"));
        return;
    }
    if (!own || document_may(document, DAFTARI__V1__PERMISSION__SETTINGS, PERMISSION_WRITE))
        return;
    if (offline)
        sale_review(document, lines, "sold at another price than the list's", given->item);
    else
        REFUSE(document, PRICE_NOT_PERMITTED, index, "unit_price_minor",
               "another price than the list's needs the permission to set prices");
}

static void amounts_of(struct document *document, const Daftari__V1__SaleLine *given, size_t index,
                       struct sale_line *out)
{
    char path[FAULT_FIELD_MAX];
    out->quantity = given->has_quantity_milli ? given->quantity_milli : QUANTITY_ONE;
    if (out->quantity <= 0 || out->quantity > QUANTITY_MAX) {
        document_fail(document, fault_set(document->why, STATUS_INVALID,
                                          form_path(path, "lines", index, "quantity_milli"),
                                          "a quantity of more than zero"));
        return;
    }
    if (out->item.pricing == DAFTARI__V1__PRICING__PRICING_FLAT)
        out->amount = out->unit_price;
    else if (!amount_multiply_divide(out->unit_price, out->quantity, QUANTITY_ONE, &out->amount))
        REFUSE(document, AMOUNT_OUT_OF_RANGE, index, "quantity_milli",
               "price times quantity has more than 18 digits");
    out->discount = given->discount_minor;
    if (out->discount < 0 || out->discount > out->amount)
        REFUSE(document, DISCOUNT_TOO_LARGE, index, "discount_minor",
               "a discount from zero to the amount of the line");
}

/* ---- the whole ------------------------------------------------------------------------------------------------ */

/* A discount on the whole, over the lines by what is left of each, to the last cent. */
static void share_discount(struct document *document, int64_t discount, struct sale_lines *lines)
{
    int64_t whole = 0, so_far = 0, given = 0, upto;
    for (size_t i = 0; i < lines->count; i++)
        if (!amount_add(whole, lines->rows[i].amount - lines->rows[i].discount, &whole))
            document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__AMOUNT_OUT_OF_RANGE,
                                                 "lines", "the lines add up to more than 18 digits"));
    if (document->status == STATUS_OK && (discount < 0 || discount > whole))
        document_fail(document,
                      fault_refuse(document->why, DAFTARI__V1__REASON__DISCOUNT_TOO_LARGE, "discount_minor",
                                   "a discount from zero to the amount of the sale"));
    if (document->status != STATUS_OK || discount == 0)
        return;
    for (size_t i = 0; i < lines->count; i++) {
        struct sale_line *line = &lines->rows[i];
        so_far += line->amount - line->discount;
        if (!amount_multiply_divide(discount, so_far, whole, &upto))
            upto = discount; /* cannot be: discount * so_far / whole is at most discount */
        line->discount += upto - given;
        given = upto;
    }
}

static void tax_line(struct document *document, size_t index, struct sale_lines *lines)
{
    char path[FAULT_FIELD_MAX];
    struct sale_line *line = &lines->rows[index];
    line->terms = tax_terms_of(document, line->item.tax_code);
    if (!tax_split(&line->terms, line->amount, &line->full) ||
        !tax_split(&line->terms, line->discount, &line->off) ||
        !amount_add(lines->net, line->full.net - line->off.net, &lines->net) ||
        !amount_add(lines->tax, line->full.tax - line->off.tax, &lines->tax) ||
        !amount_add(lines->gross, line->full.gross - line->off.gross, &lines->gross) ||
        !amount_add(lines->discount, line->discount, &lines->discount))
        REFUSE(document, AMOUNT_OUT_OF_RANGE, index, "quantity_milli", "the sale has more than 18 digits");
}

void sale_lines_price(struct document *document, Daftari__V1__SaleLine *const *given, size_t count,
                      int64_t discount_minor, bool offline, struct sale_lines *out)
{
    out->count = count;
    out->net = out->tax = out->gross = out->discount = 0;
    if (document->status != STATUS_OK)
        return;
    if (count == 0 || count > SALE_LINES_MAX) {
        document_fail(document,
                      fault_set(document->why, STATUS_INVALID, "lines", "1 to %u lines", SALE_LINES_MAX));
        return;
    }
    out->rows = arena_take(document->context->arena, count * sizeof *out->rows);
    if (out->rows == NULL) {
        document_fail(document, fault_set(document->why, STATUS_NO_MEMORY, NULL, "the sale is too large"));
        return;
    }
    memset(out->rows, 0, count * sizeof *out->rows);
    for (size_t i = 0; document->status == STATUS_OK && i < count; i++) {
        find_item(document, given[i], i, &out->rows[i]);
        if (document->status == STATUS_OK)
            find_price(document, given[i], i, offline, out, &out->rows[i]);
        if (document->status == STATUS_OK)
            amounts_of(document, given[i], i, &out->rows[i]);
    }
    if (document->status == STATUS_OK)
        share_discount(document, discount_minor, out);
    for (size_t i = 0; document->status == STATUS_OK && i < count; i++)
        tax_line(document, i, out);
}

void sale_lines_issue(struct document *document, uint16_t place, bool offline, struct sale_lines *lines)
{
    char path[FAULT_FIELD_MAX];
    bool is_short;
    for (size_t i = 0; document->status == STATUS_OK && i < lines->count; i++) {
        struct sale_line *line = &lines->rows[i];
        if (line->item.service)
            continue;
        struct stock_key key = {
            .item = line->item.number,
            .business = document->business,
            .place = place,
            .condition = line->item.container ? DAFTARI__V1__CONDITION__CONDITION_FILLED
                                              : DAFTARI__V1__CONDITION__CONDITION_PLAIN,
        };
        line->cost = stock_issue(document, &key, line->quantity, offline ? STOCK_ACCEPT : STOCK_REFUSE,
                                 form_path(path, "lines", i, "quantity_milli"), &is_short);
        if (is_short && offline && document->status == STATUS_OK)
            sale_review(document, lines, "sold more than the books had",
                        item_code_of(document->state, line->item.number, document->context->arena));
    }
}

void sale_lines_post(struct document *document, const struct sale_lines *lines)
{
    size_t from = document->out->posting_count;
    if (document->status != STATUS_OK)
        return;
    for (size_t i = 0; i < lines->count; i++)
        document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_DISCOUNTS, lines->rows[i].item.category,
                           0, lines->rows[i].off.net, from);
    for (size_t i = 0; i < lines->count; i++)
        document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_REVENUE, lines->rows[i].item.category, 0,
                           -lines->rows[i].full.net, from);
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_VAT_OUTPUT, 0, 0, -lines->tax, from);
    for (size_t i = 0; i < lines->count; i++) {
        const struct sale_line *line = &lines->rows[i];
        document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_COST_OF_SALES, line->item.category, 0,
                           line->cost, from);
        document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_INVENTORY, line->item.category, 0,
                           -line->cost, from);
    }
}

Daftari__V1__SoldLine **sale_lines_stored(const struct document *document, const struct sale_lines *lines)
{
    struct arena *arena = document->context->arena;
    Daftari__V1__SoldLine **out = arena_take(arena, lines->count * sizeof(Daftari__V1__SoldLine *));
    for (size_t i = 0; out != NULL && i < lines->count; i++) {
        const struct sale_line *line = &lines->rows[i];
        Daftari__V1__SoldLine *row = message_new(&daftari__v1__sold_line__descriptor, arena);
        if (row == NULL)
            return NULL;
        row->has_item = row->has_quantity_milli = row->has_unit_price_minor = row->has_net_minor = true;
        row->item = line->item.number;
        row->quantity_milli = line->quantity;
        row->unit_price_minor = line->unit_price;
        row->net_minor = line->full.net - line->off.net;
        row->has_discount_minor = line->discount != 0;
        row->discount_minor = line->discount;
        row->has_tax_minor = row->has_rate_bp = line->terms.rate_bp != 0;
        row->tax_minor = line->full.tax - line->off.tax;
        row->rate_bp = line->terms.rate_bp;
        row->has_tax_code = line->terms.code != 0;
        row->tax_code = line->terms.code;
        row->has_cost_minor = line->cost != 0;
        row->cost_minor = line->cost;
        row->note = (char *)(uintptr_t)line->note;
        out[i] = row;
    }
    return out;
}

/* ---- the customer --------------------------------------------------------------------------------------------- */

uint32_t document_customer(struct document *document, const char *text)
{
    struct party_row row;
    if (document->status != STATUS_OK || text_empty(text))
        return 0;
    if (!party_find(document->state, PARTY_IS_CUSTOMER, text, &row))
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__PARTY_UNKNOWN, "customer",
                                             "no customer has the phone or code %.40s", text));
    return document->status == STATUS_OK ? row.number : 0;
}

/* True when he would owe no more than his limit. */
static bool within_limit(struct document *document, uint32_t customer, int64_t credit, int64_t *out_owed,
                         int64_t *out_limit)
{
    int64_t after;
    if (document_setting(document, PROFILE_CREDIT_LIMIT, 1) == 0)
        return true;
    if (!party_credit_limit(document->state, customer, document->business, out_limit))
        *out_limit = document_setting(document, PROFILE_DEFAULT_CREDIT, -1);
    if (*out_limit < 0)
        return true;
    uint32_t account = document_account(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_RECEIVABLE, 0);
    *out_owed = party_balance(document->state, customer, account, document->business);
    return amount_add(*out_owed, credit, &after) && after <= *out_limit;
}

void sale_check_limit(struct document *document, uint32_t customer, int64_t credit)
{
    char owed_text[AMOUNT_TEXT_MAX], limit_text[AMOUNT_TEXT_MAX];
    struct party_row party;
    int64_t owed, limit;
    if (document->status != STATUS_OK)
        return;
    if (party_row_get(document->state, customer, &party) && !party.active)
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__PARTY_INACTIVE, "customer",
                                             "a deactivated customer gets no new credit"));
    if (document->status != STATUS_OK || within_limit(document, customer, credit, &owed, &limit))
        return;
    document_amount(document, owed, owed_text);
    document_amount(document, limit, limit_text);
    document_fail(document,
                  fault_refuse(document->why, DAFTARI__V1__REASON__CREDIT_LIMIT_PASSED, "customer",
                               "the customer owes %s here and the limit is %s", owed_text, limit_text));
}

void sale_check_credit(struct document *document, uint32_t customer, int64_t credit, bool offline,
                       struct sale_lines *lines)
{
    struct party_row party;
    int64_t owed, limit;
    if (document->status != STATUS_OK || credit <= 0)
        return;
    if (!offline) {
        sale_check_limit(document, customer, credit);
        return;
    }
    if (party_row_get(document->state, customer, &party) && !party.active)
        sale_review(document, lines, "the customer is deactivated", "customer");
    if (!within_limit(document, customer, credit, &owed, &limit))
        sale_review(document, lines, "the credit limit is passed", "customer");
}
