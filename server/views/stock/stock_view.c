#include "server/views/stock/stock_view.h"

#include "proto/base/bytes.h"
#include "proto/base/money.h"

#define KEY_BYTES 10u
#define ROW_BYTES 16u

static const struct kv_table tables[] = {
    [STOCK_CURSOR] = {"cursor", KV_PLAIN},
    [STOCK_ROWS] = {"rows", KV_PACKED},
};

static void add(struct kv_txn *txn, const struct movement *movement)
{
    uint8_t key[KEY_BYTES], bytes[ROW_BYTES];
    struct slice row;
    int64_t quantity = 0, value = 0;
    be16_put(key, movement->business);
    be32_put(key + 2, movement->item);
    be16_put(key + 6, movement->condition);
    be16_put(key + 8, movement->place);
    if (kv_get(txn, STOCK_ROWS, slice_of(key, sizeof key), &row)) {
        if (row.len != ROW_BYTES) {
            kv_set_error(txn, STATUS_CORRUPT);
            return;
        }
        quantity = (int64_t)be64_get(row.ptr);
        value = (int64_t)be64_get(row.ptr + 8);
    }
    if (!amount_add(quantity, movement->quantity, &quantity) || !amount_add(value, movement->value, &value)) {
        kv_set_error(txn, STATUS_CORRUPT);
        return;
    }
    be64_put(bytes, (uint64_t)quantity);
    be64_put(bytes + 8, (uint64_t)value);
    kv_put(txn, STOCK_ROWS, slice_of(key, sizeof key), slice_of(bytes, sizeof bytes));
}

static void stock_apply_record(struct kv_txn *txn, const struct record *record, struct arena *arena)
{
    (void)arena;
    for (size_t i = 0; i < record->movement_count; i++) {
        struct movement movement = record_movement(record, i);
        add(txn, &movement);
    }
}

bool stock_view_row(struct kv_txn *txn, struct kv_cursor *cursor, struct stock_view_row *out)
{
    struct slice key, value;
    kv_row(cursor, &key, &value);
    if (key.len != KEY_BYTES || value.len != ROW_BYTES) {
        kv_set_error(txn, STATUS_CORRUPT);
        return false;
    }
    *out = (struct stock_view_row){
        .business = be16_get(key.ptr),
        .item = be32_get(key.ptr + 2),
        .condition = be16_get(key.ptr + 6),
        .place = be16_get(key.ptr + 8),
        .quantity = (int64_t)be64_get(value.ptr),
        .value = (int64_t)be64_get(value.ptr + 8),
    };
    return true;
}

const struct view view_stock = {
    .id = VIEW_STOCK,
    .name = "stock",
    .version = 1,
    .tables = tables,
    .table_count = sizeof tables / sizeof tables[0],
    .apply = stock_apply_record,
};
