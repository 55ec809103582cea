#include "server/domain/kernel/layers.h"

#include "proto/base/bytes.h"
#include "server/domain/kernel/rows.h"

#define LAYER_BYTES 16u

struct layer {
    int64_t quantity, value;
};

static struct row_key prefix_of(const struct stock_key *key)
{
    struct row_key row = row_key_u32(key->item);
    row_key_add_u16(&row, key->business);
    row_key_add_u16(&row, key->place);
    row_key_add_u16(&row, key->condition);
    return row;
}

/* The stored layer after `*at` (the prefix alone: the first one), which moves on to it. */
static bool next_stored(struct kv_txn *state, const struct row_key *prefix, struct row_key *at,
                        struct layer *out)
{
    struct slice key, value;
    if (!row_next(state, TABLE_LAYER, row_key_slice(at), &key, &value) ||
        !slice_starts_with(key, row_key_slice(prefix)))
        return false;
    if (value.len != LAYER_BYTES || key.len > ROW_KEY_MAX) {
        kv_set_error(state, STATUS_CORRUPT);
        return false;
    }
    *out = (struct layer){(int64_t)be64_get(value.ptr), (int64_t)be64_get(value.ptr + 8)};
    memcpy(at->bytes, key.ptr, key.len);
    at->len = key.len;
    return true;
}

/* Takes up to `quantity` from a layer: the value of it; all of the value with all of the quantity. */
static int64_t take_from(struct layer *layer, int64_t quantity)
{
    int64_t part = layer->value;
    if (quantity < layer->quantity && !amount_multiply_divide(layer->value, quantity, layer->quantity, &part))
        part = 0; /* cannot be: it is less than the value */
    layer->quantity -= quantity;
    layer->value -= part;
    return part;
}

/* ---- decide --------------------------------------------------------------------------------------------------- */

/* The layers in order: the one that is being taken from, those that are stored, those of the decision's receipts. */
struct walk {
    struct kv_txn *state;
    struct row_key prefix, at;
    bool stored_done;
    struct layer head;
    struct layer *added;
    size_t added_count, added_next;
};

static bool advance(struct walk *walk)
{
    if (!walk->stored_done && next_stored(walk->state, &walk->prefix, &walk->at, &walk->head))
        return true;
    walk->stored_done = true;
    if (walk->added_next == walk->added_count)
        return false;
    walk->head = walk->added[walk->added_next++];
    return true;
}

static int64_t take(struct walk *walk, int64_t quantity)
{
    int64_t cost = 0;
    while (quantity > 0) {
        if (walk->head.quantity == 0 && !advance(walk))
            break;
        int64_t part = quantity < walk->head.quantity ? quantity : walk->head.quantity;
        cost += take_from(&walk->head, part);
        quantity -= part;
    }
    return cost;
}

int64_t layers_cost(const struct document *document, const struct stock_key *key, const struct stock_row *row,
                    int64_t quantity)
{
    const struct decision *decision = document->out;
    struct walk walk = {.state = document->state, .prefix = prefix_of(key)};
    struct layer run = {row->quantity, row->value};
    walk.at = walk.prefix;
    if (row->quantity > row->layer_quantity)
        walk.head = (struct layer){row->quantity - row->layer_quantity, row->value - row->layer_value};
    walk.added = arena_take(document->context->arena, (decision->movement_count + 1) * sizeof *walk.added);
    if (walk.added == NULL) {
        kv_set_error(document->state, STATUS_NO_MEMORY);
        return 0;
    }
    for (size_t i = 0; i < decision->movement_count; i++) {
        const struct movement *movement = &decision->movements[i];
        if (!stock_key_is(key, movement))
            continue;
        bool was_above = run.quantity > 0;
        run.quantity += movement->quantity;
        run.value += movement->value;
        if (movement->quantity < 0)
            (void)take(&walk, -movement->quantity);
        else if (was_above)
            walk.added[walk.added_count++] = (struct layer){movement->quantity, movement->value};
        else if (run.quantity > 0)
            walk.added[walk.added_count++] = run;
    }
    return take(&walk, quantity);
}

/* ---- apply ---------------------------------------------------------------------------------------------------- */

static void put_layer(struct kv_txn *state, const struct row_key *key, const struct layer *layer)
{
    uint8_t bytes[LAYER_BYTES];
    be64_put(bytes, (uint64_t)layer->quantity);
    be64_put(bytes + 8, (uint64_t)layer->value);
    kv_put(state, TABLE_LAYER, row_key_slice(key), slice_of(bytes, sizeof bytes));
}

static void take_stored(struct kv_txn *state, const struct row_key *prefix, int64_t quantity,
                        struct stock_row *row)
{
    while (quantity > 0 && row->layer_quantity > 0) {
        struct row_key at = *prefix;
        struct layer layer;
        if (!next_stored(state, prefix, &at, &layer)) {
            kv_set_error(state, STATUS_CORRUPT);
            return;
        }
        int64_t part = quantity < layer.quantity ? quantity : layer.quantity;
        row->layer_value -= take_from(&layer, part);
        row->layer_quantity -= part;
        quantity -= part;
        if (layer.quantity == 0)
            kv_del(state, TABLE_LAYER, row_key_slice(&at));
        else
            put_layer(state, &at, &layer);
    }
}

void layers_apply(struct kv_txn *state, const struct stock_key *key, uint64_t position, uint16_t index,
                  const struct movement *movement, struct stock_row *row)
{
    struct row_key prefix = prefix_of(key);
    struct layer layer = {movement->quantity, movement->value};
    if (movement->quantity < 0) {
        take_stored(state, &prefix, -movement->quantity - (row->quantity - row->layer_quantity), row);
    } else if (row->quantity > 0) {
        struct row_key at = prefix;
        row_key_add_u32(&at, (uint32_t)(position >> 32));
        row_key_add_u32(&at, (uint32_t)position);
        row_key_add_u16(&at, index);
        put_layer(state, &at, &layer);
        row->layer_quantity += layer.quantity;
        row->layer_value += layer.value;
    }
}

void layers_melt(struct kv_txn *state, const struct stock_key *key, struct stock_row *row)
{
    struct row_key prefix = prefix_of(key);
    struct layer layer;
    if (row->layer_quantity == 0)
        return;
    for (struct row_key at = prefix; next_stored(state, &prefix, &at, &layer); at = prefix)
        kv_del(state, TABLE_LAYER, row_key_slice(&at));
    row->layer_quantity = row->layer_value = 0;
}
