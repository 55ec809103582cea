/* O-12, O-31, O-37: a sale is recorded. */
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/periods.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/kernel/till_day.h"
#include "server/domain/sales/sale_row.h"
#include "server/domain/sales/sales.h"
#include "type_ids.h"

/* A sale made offline on a day that was closed since counts today (catalogue H-14): it is never lost. */
static bool date_is_late(const struct context *context, struct kv_txn *state,
                         const Daftari__V1__RecordSale *sale)
{
    struct fault closed;
    return sale->offline && sale->has_date && date_valid(sale->date) && sale->date < context->today &&
           period_check(state, context->rights, sale->date, &closed) != STATUS_OK;
}

/* The first date that no till it moves is closed for. */
static civil_date first_open_day(struct document *document, const Daftari__V1__RecordSale *sale)
{
    civil_date first = till_day_first_open(document->state, document->business, TILL_MAIN);
    uint32_t usual = document_account(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_CASH, CATEGORY_ANY);
    for (size_t i = 0; i <= sale->n_tenders; i++) {
        uint32_t account = i < sale->n_tenders ? sale->tenders[i]->account : usual;
        civil_date other = till_day_first_open(document->state, document->business, account);
        first = other > first ? other : first;
    }
    return first;
}

/* The same where the day of the till is closed: it counts on the next one, and is in that Z report. */
static void move_to_open_day(struct document *document, const Daftari__V1__RecordSale *sale,
                             struct sale_lines *lines)
{
    if (!sale->offline)
        return;
    civil_date first = first_open_day(document, sale);
    if (document->date >= first)
        return;
    document->date = first;
    sale_review(document, lines, "the day of its till is closed: it counts on the next", "date");
    document_fail(document,
                  date_check(document->context, document->state, &document->facts, first, document->why));
}

static enum status form_sale(const Daftari__V1__RecordSale *sale, struct fault *why)
{
    enum status status = form_text(sale->note, "note", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK && sale->has_sold_time_us && !sale->offline)
        status = fault_set(why, STATUS_INVALID, "sold_time_us", "goes with a sale that was made offline");
    if (status == STATUS_OK && sale->sold_time_us < 0)
        status = fault_set(why, STATUS_INVALID, "sold_time_us", "microseconds since 1970");
    return status;
}

static void check_total(struct document *document, const Daftari__V1__RecordSale *sale,
                        const struct sale_lines *lines)
{
    char text[AMOUNT_TEXT_MAX];
    if (document->status != STATUS_OK || !sale->has_total_minor || sale->total_minor == lines->gross)
        return;
    document_amount(document, lines->gross, text);
    document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__TOTAL_DIFFERS, "total_minor",
                                         "the lines come to %s", text));
}

static const Daftari__V1__SaleRecorded *stored(struct document *document, const Daftari__V1__RecordSale *sale,
                                               uint32_t customer, uint16_t place,
                                               const struct sale_lines *lines,
                                               const struct tenders_taken *tenders)
{
    struct arena *arena = document->context->arena;
    Daftari__V1__SaleRecorded *out = message_new(&daftari__v1__sale_recorded__descriptor, arena);
    Daftari__V1__SoldLine **rows = out != NULL ? sale_lines_stored(document, lines) : NULL;
    if (rows == NULL) {
        document_fail(document, fault_set(document->why, STATUS_NO_MEMORY, NULL, "the sale is too large"));
        return NULL;
    }
    out->has_customer = customer != 0;
    out->customer = customer;
    out->n_lines = lines->count;
    out->lines = rows;
    out->n_tenders = tenders->count;
    out->tenders = tenders->rows;
    out->has_net_minor = out->has_total_minor = true;
    out->net_minor = lines->net;
    out->has_tax_minor = lines->tax != 0;
    out->tax_minor = lines->tax;
    out->total_minor = lines->gross;
    out->has_change_minor = tenders->change_minor != 0;
    out->change_minor = tenders->change_minor;
    out->has_discount_minor = lines->discount != 0;
    out->discount_minor = lines->discount;
    out->has_place = place != PLACE_SHOP;
    out->place = place;
    out->note = text_or_none(sale->note);
    out->has_offline = out->offline = sale->offline;
    out->has_sold_time_us = sale->has_sold_time_us;
    out->sold_time_us = sale->sold_time_us;
    out->n_review = lines->review_count;
    out->review = (char **)(uintptr_t)lines->review;
    return out;
}

enum status sale_decide_record(const struct context *context, struct kv_txn *state,
                               const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__RecordSale *sale = (const Daftari__V1__RecordSale *)command;
    struct document document;
    struct tenders_taken tenders = {0};
    bool late = date_is_late(context, state, sale);
    enum status status = form_sale(sale, why);
    struct sale_lines *lines = arena_take(context->arena, sizeof *lines);
    if (status == STATUS_OK && lines == NULL)
        status = fault_set(why, STATUS_NO_MEMORY, NULL, "the sale is too large");
    if (status == STATUS_OK)
        status = document_begin(&document, context, state, sale->business, sale->has_date && !late,
                                sale->date, out, why);
    if (status != STATUS_OK)
        return status;
    lines->review_count = 0;
    if (late)
        sale_review(&document, lines, "its period is closed: it counts today", "date");
    move_to_open_day(&document, sale, lines);
    uint32_t customer = document_customer(&document, sale->customer);
    uint16_t place = document_place(&document, sale->place, "place");
    sale_lines_price(&document, sale->lines, sale->n_lines, sale->discount_minor, sale->offline, lines);
    check_total(&document, sale, lines);
    sale_lines_issue(&document, place, sale->offline, lines);
    struct tender_terms terms = {
        .flow = TENDER_IN,
        .field = "tenders",
        .party = customer,
        .credit = true,
        .credit_role = DAFTARI__V1__ACCOUNT_ROLE__ROLE_RECEIVABLE,
        .prepayment = true,
        .offline = sale->offline,
        .change = true,
    };
    tenders_take(&document, sale->tenders, sale->n_tenders, lines->gross, &terms, &tenders);
    sale_check_credit(&document, customer, tenders.credit_minor, sale->offline, lines);
    sale_lines_post(&document, lines);
    if (document.status == STATUS_OK && out->posting_count == 0)
        return fault_set(why, STATUS_INVALID, "lines", "a sale that comes to something");
    if (document.status != STATUS_OK)
        return document.status;
    document_number_of(&document, (uint16_t)document_setting(&document, PROFILE_SALE_SERIES, 0));
    const Daftari__V1__SaleRecorded *payload = stored(&document, sale, customer, place, lines, &tenders);
    return document_end(&document, EVENT_SALE_RECORDED, payload != NULL ? &payload->base : NULL);
}

void sale_apply_recorded(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                         struct arena *arena)
{
    const Daftari__V1__SaleRecorded *sale = (const Daftari__V1__SaleRecorded *)payload;
    tenders_apply(state, record, sale->tenders, sale->n_tenders);
    if (sale->n_review != 0) {
        struct sale_row row = {.waits = true};
        sale_row_put(state, record->header.position, &row, arena);
    }
}
