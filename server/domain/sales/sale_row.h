/* A row of TABLE_SALE; its form is in sales.h. */
#ifndef SERVER_DOMAIN_SALES_SALE_ROW_H
#define SERVER_DOMAIN_SALES_SALE_ROW_H

#include "proto/wire/arena.h"
#include "server/domain/sales/sales.h"
#include "server/ports/kv.h"

struct sale_row {
    bool is_void;
    bool waits; /* for review */
    bool returned;
    size_t count;
    int64_t returned_milli[SALE_LINES_MAX];
};
void sale_row_get(struct kv_txn *state, uint64_t position,
                  struct sale_row *out); /* all zero: nothing happened */
void sale_row_put(struct kv_txn *state, uint64_t position, const struct sale_row *row, struct arena *arena);

#endif
