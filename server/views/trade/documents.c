#include "server/views/trade/documents.h"

#include "cylinder.pb-c.h"
#include "production.pb-c.h"
#include "proto/base/bytes.h"
#include "proto/base/wide.h"
#include "sale.pb-c.h"
#include "server/domain/kernel/rows.h"
#include "type_ids.h"

#define MINUTES_A_DAY 1440
#define MICROSECONDS  INT64_C(1000000)

/* ---- from records ------------------------------------------------------------------------------------------------ */

static uint32_t hour_of(timestamp_us time, int32_t offset_minutes)
{
    int64_t minutes = time / (60 * MICROSECONDS) + offset_minutes;
    return (uint32_t)(((minutes % MINUTES_A_DAY) + MINUTES_A_DAY) % MINUTES_A_DAY / 60);
}

static bool room(struct kv_txn *txn, struct arena *arena, struct trade_document *out, size_t items,
                 size_t tenders)
{
    out->items = arena_take_zero(arena, (items + 1) * sizeof *out->items);
    out->tenders = arena_take_zero(arena, (tenders + 1) * sizeof *out->tenders);
    if (out->items != NULL && out->tenders != NULL)
        return true;
    kv_set_error(txn, STATUS_NO_MEMORY);
    return false;
}

static void add_tenders(struct trade_document *out, Daftari__V1__TakenTender *const *rows, size_t count,
                        int sign)
{
    for (size_t i = 0; i < count; i++)
        out->tenders[out->tender_count++] = (struct trade_tender){
            .method = (uint32_t)rows[i]->method, .amount = sign * (int128)rows[i]->amount_minor};
}

static void add_item(struct trade_document *out, uint32_t item, int64_t quantity, int64_t net, int64_t tax,
                     int64_t cost)
{
    struct trade_item *row = &out->items[out->item_count++];
    row->item = item;
    row->figures[TRADE_COUNT] = 1;
    row->figures[TRADE_QUANTITY] = quantity;
    row->figures[TRADE_TOTAL] = (int128)net + tax;
    row->figures[TRADE_TAX] = tax;
    row->figures[TRADE_COST] = cost;
}

static bool of_sale(struct kv_txn *txn, const struct record *record, int32_t offset, struct arena *arena,
                    struct trade_document *out)
{
    const Daftari__V1__SaleRecorded *sale =
        row_message(txn, record->payload, &daftari__v1__sale_recorded__descriptor, arena);
    if (sale == NULL || !room(txn, arena, out, sale->n_lines, sale->n_tenders))
        return false;
    for (size_t i = 0; i < sale->n_lines; i++) {
        const Daftari__V1__SoldLine *line = sale->lines[i];
        add_item(out, line->item, line->quantity_milli, line->net_minor, line->tax_minor, line->cost_minor);
        out->items[i].figures[TRADE_DISCOUNT] = line->discount_minor;
    }
    add_tenders(out, sale->tenders, sale->n_tenders, 1);
    out->documents = 1;
    out->customer = sale->customer;
    if (sale->offline && sale->has_sold_time_us)
        out->hour = hour_of(sale->sold_time_us, offset);
    return true;
}

static bool of_return(struct kv_txn *txn, const struct record *record, struct arena *arena,
                      struct trade_document *out)
{
    const Daftari__V1__ReturnRecorded *back =
        row_message(txn, record->payload, &daftari__v1__return_recorded__descriptor, arena);
    if (back == NULL || !room(txn, arena, out, back->n_lines, back->n_refunds))
        return false;
    for (size_t i = 0; i < back->n_lines; i++) {
        const Daftari__V1__ReturnedLine *line = back->lines[i];
        add_item(out, line->item, -line->quantity_milli, -line->net_minor, -line->tax_minor,
                 -line->cost_minor);
        out->items[i].figures[TRADE_COUNT] = 0;
        out->items[i].figures[TRADE_RETURNED] = (int128)line->net_minor + line->tax_minor;
    }
    add_tenders(out, back->refunds, back->n_refunds, -1);
    out->customer = back->customer;
    return true;
}

static bool of_exchange(struct kv_txn *txn, const struct record *record, struct arena *arena,
                        struct trade_document *out)
{
    const Daftari__V1__CylinderExchanged *x =
        row_message(txn, record->payload, &daftari__v1__cylinder_exchanged__descriptor, arena);
    if (x == NULL || !room(txn, arena, out, 2, x->n_tenders))
        return false;
    add_item(out, x->item, x->quantity_milli, x->net_minor, x->tax_minor, x->content_cost_minor);
    if (x->mode == DAFTARI__V1__EXCHANGE_MODE__MODE_OUTRIGHT)
        add_item(out, 0, 1000, x->shell_net_minor, x->shell_tax_minor, x->shell_cost_minor);
    add_tenders(out, x->tenders, x->n_tenders, 1);
    out->documents = 1;
    out->customer = x->customer;
    return true;
}

static bool of_production(struct kv_txn *txn, const struct record *record, struct arena *arena,
                          struct trade_document *out)
{
    const Daftari__V1__ProductionRecorded *made =
        row_message(txn, record->payload, &daftari__v1__production_recorded__descriptor, arena);
    if (made == NULL || !room(txn, arena, out, 1, 0))
        return false;
    out->made = true;
    add_item(out, made->item, made->quantity_milli, made->value_minor, 0, made->cost_minor);
    out->items[0].figures[TRADE_RETURNED] = made->broken_milli;
    out->items[0].figures[TRADE_DISCOUNT] = made->lost_minor;
    return true;
}

bool trade_document_of(struct kv_txn *txn, const struct record *record, int32_t offset_minutes,
                       struct arena *arena, struct trade_document *out)
{
    const struct record_header *header = &record->header;
    *out = (struct trade_document){.date = header->business_date,
                                   .business = header->business,
                                   .user = header->user,
                                   .hour = hour_of(header->time, offset_minutes)};
    switch (header->type) {
    case EVENT_SALE_RECORDED:
        return of_sale(txn, record, offset_minutes, arena, out);
    case EVENT_SALE_RETURNED:
        return of_return(txn, record, arena, out);
    case EVENT_CYLINDER_EXCHANGED:
        return of_exchange(txn, record, arena, out);
    case EVENT_PRODUCTION_RECORDED:
        return of_production(txn, record, arena, out);
    default:
        return false;
    }
}

bool trade_document_undoes(uint16_t type)
{
    return type == EVENT_SALE_VOIDED || type == EVENT_CYLINDER_EXCHANGE_VOIDED ||
           type == EVENT_PRODUCTION_VOIDED;
}

/* ---- as it is kept ----------------------------------------------------------------------------------------------- */

#define NUMBERS_MAX 12u /* of the head, or of one item */

static uint8_t *put_number(uint8_t *at, uint128 value)
{
    return at + wide_put(at, value);
}

void trade_document_put(struct kv_txn *txn, uint64_t position, const struct trade_document *document,
                        struct arena *arena)
{
    size_t numbers = NUMBERS_MAX + (TRADE_FIGURES + 1) * document->item_count + 2 * document->tender_count;
    uint8_t key[8], *bytes = arena_take(arena, numbers * WIDE_BYTES_MAX), *at = bytes;
    if (bytes == NULL) {
        kv_set_error(txn, STATUS_NO_MEMORY);
        return;
    }
    const uint64_t head[] = {document->made,      document->date,       document->business,
                             document->hour,      document->customer,   document->user,
                             document->documents, document->item_count, document->tender_count};
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++)
        at = put_number(at, head[i]);
    for (size_t i = 0; i < document->item_count; i++) {
        at = put_number(at, document->items[i].item);
        for (size_t f = 0; f < TRADE_FIGURES; f++)
            at = put_number(at, zigzag(document->items[i].figures[f]));
    }
    for (size_t i = 0; i < document->tender_count; i++) {
        at = put_number(at, document->tenders[i].method);
        at = put_number(at, zigzag(document->tenders[i].amount));
    }
    be64_put(key, position);
    kv_put(txn, TRADE_DOCS, slice_of(key, sizeof key), slice_of(bytes, (size_t)(at - bytes)));
}

static uint64_t take_number(struct slice *rest, bool *good)
{
    uint128 value = 0;
    *good = *good && wide_take(rest, &value) && value <= UINT64_MAX;
    return *good ? (uint64_t)value : 0;
}

static int128 take_signed(struct slice *rest, bool *good)
{
    uint128 value = 0;
    *good = *good && wide_take(rest, &value);
    return *good ? zigzag_back(value) : 0;
}

bool trade_document_get(struct kv_txn *txn, uint64_t position, struct arena *arena,
                        struct trade_document *out)
{
    uint8_t key[8];
    struct slice rest;
    bool good = true;
    be64_put(key, position);
    *out = (struct trade_document){0};
    if (!kv_get(txn, TRADE_DOCS, slice_of(key, sizeof key), &rest))
        return false;
    out->made = take_number(&rest, &good) != 0;
    out->date = (civil_date)take_number(&rest, &good);
    out->business = (uint16_t)take_number(&rest, &good);
    out->hour = (uint32_t)take_number(&rest, &good);
    out->customer = (uint32_t)take_number(&rest, &good);
    out->user = (uint32_t)take_number(&rest, &good);
    out->documents = (size_t)take_number(&rest, &good);
    uint64_t items = take_number(&rest, &good), tenders = take_number(&rest, &good);
    if (!good || items > rest.len || tenders > rest.len) { /* each takes a byte at least */
        kv_set_error(txn, STATUS_CORRUPT);
        return false;
    }
    if (!room(txn, arena, out, (size_t)items, (size_t)tenders))
        return false;
    for (; out->item_count < items; out->item_count++) {
        out->items[out->item_count].item = (uint32_t)take_number(&rest, &good);
        for (size_t f = 0; f < TRADE_FIGURES; f++)
            out->items[out->item_count].figures[f] = take_signed(&rest, &good);
    }
    for (; out->tender_count < tenders; out->tender_count++) {
        out->tenders[out->tender_count].method = (uint32_t)take_number(&rest, &good);
        out->tenders[out->tender_count].amount = take_signed(&rest, &good);
    }
    if (!good)
        kv_set_error(txn, STATUS_CORRUPT);
    return good;
}
