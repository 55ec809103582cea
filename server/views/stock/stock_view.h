/* The stock view: quantity and value of each item by business, condition and place. */
#ifndef SERVER_VIEWS_STOCK_VIEW_H
#define SERVER_VIEWS_STOCK_VIEW_H

#include "server/views/view.h"

enum {
    STOCK_CURSOR,
    STOCK_ROWS, /* u16 business, u32 item, u16 condition, u16 place -> i64 quantity, i64 value; kept at zero too */
};

struct stock_view_row {
    uint16_t business;
    uint32_t item;
    uint16_t condition;
    uint16_t place;
    int64_t quantity, value;
};
/* The row that the cursor stands on; false (CORRUPT on the transaction) when it is none. */
bool stock_view_row(struct kv_txn *txn, struct kv_cursor *cursor, struct stock_view_row *out);

extern const struct view view_stock;

#endif
