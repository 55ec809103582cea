#include "server/domain/kernel/stock.h"

#include "proto/base/bytes.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/item_row.h"
#include "server/domain/kernel/layers.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"

#define STOCK_ROW_BYTES   32u
#define LAYERED_ROW_BYTES 48u /* of a row that has layers */
#define VALUATION_FIFO    1

uint16_t document_place(struct document *document, const char *name, const char *field)
{
    struct row_key key = row_key_u16(document->business);
    uint16_t place = PLACE_SHOP;
    if (document->status != STATUS_OK || text_empty(name))
        return PLACE_SHOP;
    row_key_add(&key, name, strlen(name));
    if (!row_get_u16(document->state, TABLE_PLACE_NAME, row_key_slice(&key), &place))
        document_fail(document,
                      fault_refuse(document->why, DAFTARI__V1__REASON__PLACE_UNKNOWN, field,
                                   "this business has no place %.100s; leave it out for the shop", name));
    return place;
}

static struct row_key key_of(const struct stock_key *key)
{
    struct row_key row = row_key_u32(key->item);
    row_key_add_u16(&row, key->business);
    row_key_add_u16(&row, key->place);
    row_key_add_u16(&row, key->condition);
    return row;
}

void stock_get(struct kv_txn *state, const struct stock_key *key, struct stock_row *out)
{
    struct row_key at = key_of(key);
    struct slice row;
    *out = (struct stock_row){0};
    if (!kv_get(state, TABLE_STOCK, row_key_slice(&at), &row))
        return;
    if (row.len != STOCK_ROW_BYTES && row.len != LAYERED_ROW_BYTES) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    *out = (struct stock_row){
        .quantity = (int64_t)be64_get(row.ptr),
        .value = (int64_t)be64_get(row.ptr + 8),
        .last_quantity = (int64_t)be64_get(row.ptr + 16),
        .last_value = (int64_t)be64_get(row.ptr + 24),
    };
    if (row.len == LAYERED_ROW_BYTES) {
        out->layer_quantity = (int64_t)be64_get(row.ptr + 32);
        out->layer_value = (int64_t)be64_get(row.ptr + 40);
    }
}

/* A movement upon a row: the one rule for decide and apply. Values that overflow were refused when they were decided. */
static bool move(struct stock_row *row, int64_t quantity, int64_t value)
{
    int64_t after_quantity, after_value;
    if (!amount_add(row->quantity, quantity, &after_quantity) ||
        !amount_add(row->value, value, &after_value) || after_quantity > QUANTITY_MAX ||
        after_quantity < -QUANTITY_MAX)
        return false;
    if (quantity > 0 && value >= 0 && after_quantity > 0 && after_value >= 0) {
        bool was_below = row->quantity < 0; /* then the movement's value has what ended that in it */
        row->last_quantity = was_below ? after_quantity : quantity;
        row->last_value = was_below ? after_value : value;
    }
    row->quantity = after_quantity;
    row->value = after_value;
    return true;
}

void stock_pending(const struct document *document, const struct stock_key *key, struct stock_row *out)
{
    const struct decision *decision = document->out;
    stock_get(document->state, key, out);
    for (size_t i = 0; i < decision->movement_count; i++)
        if (stock_key_is(key, &decision->movements[i]))
            (void)move(out, decision->movements[i].quantity, decision->movements[i].value);
}

static void add(struct document *document, const struct stock_key *key, struct stock_row *row,
                int64_t quantity, int64_t value, const char *field)
{
    struct decision *out = document->out;
    if (out->movement_count == MOVEMENTS_MAX)
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__TOO_MANY_LINES, field,
                                             "a document moves stock at most %u times", MOVEMENTS_MAX));
    else if (!move(row, quantity, value))
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__STOCK_OUT_OF_RANGE, field,
                                             "the stock would pass the limit of quantities or of values"));
    else
        out->movements[out->movement_count++] = (struct movement){
            .item = key->item,
            .business = key->business,
            .place = key->place,
            .condition = key->condition,
            .quantity = quantity,
            .value = value,
        };
}

/* ---- out ------------------------------------------------------------------------------------------------------ */

static void refuse_short(struct document *document, const struct stock_key *key, const struct stock_row *row,
                         int64_t quantity, const char *field)
{
    char there[AMOUNT_TEXT_MAX], asked[AMOUNT_TEXT_MAX];
    (void)amount_format(row->quantity, 3, there);
    (void)amount_format(quantity, 3, asked);
    document_fail(document,
                  fault_refuse(document->why, DAFTARI__V1__REASON__STOCK_INSUFFICIENT, field,
                               "of item %s there are %s in business %s, asked for are %s",
                               item_code_of(document->state, key->item, document->context->arena), there,
                               business_code_of(document->state, key->business, document->context->arena),
                               asked));
}

static bool is_fifo(const struct document *document, uint16_t business)
{
    int64_t valuation = 0;
    if (business == document->business)
        return document_setting(document, PROFILE_VALUATION, 0) == VALUATION_FIFO;
    (void)profile_setting_of(document->state, business, PROFILE_VALUATION, document->date, &valuation);
    return valuation == VALUATION_FIFO;
}

/* Of what is there: all of its value for all of it, else by the oldest layers or the average. */
static bool cost_there(const struct document *document, const struct stock_key *key,
                       const struct stock_row *row, int64_t quantity, int64_t *out)
{
    struct stock_row stored;
    if (quantity == row->quantity) {
        *out = row->value;
        return true;
    }
    if (!is_fifo(document, key->business))
        return amount_multiply_divide(row->value, quantity, row->quantity, out);
    stock_get(document->state, key, &stored);
    *out = layers_cost(document, key, &stored, quantity);
    return true;
}

/* What the part that is there costs, and the part that is not. False when out of range. */
static bool cost_of(const struct document *document, const struct stock_key *key, const struct stock_row *row,
                    int64_t quantity, int64_t *out)
{
    int64_t there = row->quantity <= 0 ? 0 : row->quantity < quantity ? row->quantity : quantity;
    int64_t cost = 0, below = 0;
    if (there != 0 && !cost_there(document, key, row, there, &cost))
        return false;
    if (there < quantity && row->last_quantity > 0 &&
        !amount_multiply_divide(row->last_value, quantity - there, row->last_quantity, &below))
        return false;
    return amount_add(cost, below, out);
}

int64_t stock_issue(struct document *document, const struct stock_key *key, int64_t quantity,
                    enum stock_shortage shortage, const char *field, bool *out_short)
{
    struct stock_row row;
    int64_t cost;
    *out_short = false;
    if (document->status != STATUS_OK)
        return 0;
    stock_pending(document, key, &row);
    *out_short = row.quantity < quantity;
    if (*out_short && shortage == STOCK_REFUSE &&
        document_setting(document, PROFILE_NEGATIVE_STOCK, 0) == 0 &&
        document_setting(document, PROFILE_ZERO_STOCK, 0) == 0) {
        refuse_short(document, key, &row, quantity, field);
        return 0;
    }
    if (!cost_of(document, key, &row, quantity, &cost)) {
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__STOCK_OUT_OF_RANGE, field,
                                             "the value of the stock would pass 18 digits"));
        return 0;
    }
    add(document, key, &row, -quantity, -cost, field);
    return document->status == STATUS_OK ? cost : 0;
}

/* ---- in ------------------------------------------------------------------------------------------------------- */

int64_t stock_receive(struct document *document, const struct stock_key *key, int64_t quantity, int64_t value,
                      const char *field)
{
    struct stock_row row;
    int64_t kept = value;
    if (document->status != STATUS_OK)
        return 0;
    stock_pending(document, key, &row);
    if (row.quantity <
        0) { /* of the value, the part of what is left above zero stays; the rest ends the debt */
        int64_t left = quantity + row.quantity, rest = 0;
        if (left > 0 && !amount_multiply_divide(value, left, quantity, &rest))
            rest = 0;
        if (left >= 0)
            kept = rest - row.value;
        else if (!amount_multiply_divide(-row.value, quantity, -row.quantity, &kept))
            kept = 0;
    }
    add(document, key, &row, quantity, kept, field);
    return document->status == STATUS_OK ? kept : 0;
}

/* ---- undone --------------------------------------------------------------------------------------------------- */

int64_t stock_mirror(struct document *document, const struct movement *movement, const char *field)
{
    struct stock_key key = {movement->item, movement->business, movement->place, movement->condition};
    struct stock_row row;
    int64_t value = movement->value;
    if (document->status != STATUS_OK)
        return 0;
    if (movement->quantity < 0)
        return -value - stock_receive(document, &key, -movement->quantity, -value, field);
    stock_pending(document, &key, &row);
    if (row.quantity < movement->quantity) {
        refuse_short(document, &key, &row, movement->quantity, field);
        return 0;
    }
    if (is_fifo(document, key.business)) {
        (void)cost_there(document, &key, &row, movement->quantity, &value);
    } else if (row.quantity == movement->quantity ||
               (value > row.value &&
                !amount_multiply_divide(row.value, movement->quantity, row.quantity, &value))) {
        value = row.value;
    }
    add(document, &key, &row, -movement->quantity, -value, field);
    return value - movement->value;
}

/* ---- apply ---------------------------------------------------------------------------------------------------- */

static void put_row(struct kv_txn *state, const struct stock_key *key, const struct stock_row *row)
{
    struct row_key at = key_of(key);
    uint8_t bytes[LAYERED_ROW_BYTES];
    be64_put(bytes, (uint64_t)row->quantity);
    be64_put(bytes + 8, (uint64_t)row->value);
    be64_put(bytes + 16, (uint64_t)row->last_quantity);
    be64_put(bytes + 24, (uint64_t)row->last_value);
    be64_put(bytes + 32, (uint64_t)row->layer_quantity);
    be64_put(bytes + 40, (uint64_t)row->layer_value);
    kv_put(state, TABLE_STOCK, row_key_slice(&at),
           slice_of(bytes, row->layer_quantity != 0 ? LAYERED_ROW_BYTES : STOCK_ROW_BYTES));
}

void stock_apply(struct kv_txn *state, const struct record *record)
{
    int64_t valuation = 0;
    for (size_t i = 0; i < record->movement_count; i++) {
        struct movement movement = record_movement(record, i);
        struct stock_key key = {movement.item, movement.business, movement.place, movement.condition};
        struct stock_row row;
        if ((i == 0 || movement.business != record_movement(record, i - 1).business) &&
            !profile_setting_of(state, movement.business, PROFILE_VALUATION, record->header.business_date,
                                &valuation))
            valuation = 0;
        stock_get(state, &key, &row);
        if (valuation == VALUATION_FIFO && movement.quantity != 0)
            layers_apply(state, &key, record->header.position, (uint16_t)i, &movement, &row);
        else
            layers_melt(state, &key, &row);
        if (!move(&row, movement.quantity, movement.value)) {
            kv_set_error(state, STATUS_CORRUPT);
            return;
        }
        put_row(state, &key, &row);
    }
}
