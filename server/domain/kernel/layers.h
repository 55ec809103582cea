/*
 * FIFO layers of a stock row: what is left of each receipt, oldest first. Kept while the setting `valuation` says fifo at
 * the date of what moves the stock.
 *
 * What the row holds beyond its layers is the oldest layer, at its average: so stock that was there when the setting
 * changed needs no layers of its own, nor does the first receipt into an empty place. A movement by average melts the
 * layers into that. Deciding walks the layers as they are and as the decision's own movements leave them; applying takes
 * the same quantities by the same rounding, so both agree to the cent.
 *
 *   TABLE_LAYER, key of the stock row, u64 position, u16 index of the receipt:  i64 quantity, i64 value
 */
#ifndef SERVER_DOMAIN_KERNEL_LAYERS_H
#define SERVER_DOMAIN_KERNEL_LAYERS_H

#include "server/domain/kernel/stock.h"

/* What taking `quantity` out costs after the movements that the decision has so far; `row` is as stored, and with those
 * movements there is at least so much. NO_MEMORY is set on the transaction when the arena is full. */
int64_t layers_cost(const struct document *document, const struct stock_key *key, const struct stock_row *row,
                    int64_t quantity);

/* Kernel only, from apply, before the movement is in `row`: the layers and their sums there. */
void layers_apply(struct kv_txn *state, const struct stock_key *key, uint64_t position, uint16_t index,
                  const struct movement *movement, struct stock_row *row);
void layers_melt(struct kv_txn *state, const struct stock_key *key, struct stock_row *row);

#endif
