/* What must hold of the trade in a world's books, whatever was recorded. */
#ifndef TESTS_SUPPORT_WORLD_TRADE_H
#define TESTS_SUPPORT_WORLD_TRADE_H

#include "server/domain/kernel/stock.h"
#include "tests/support/world.h"

/* Value moved equals what the inventory accounts were posted, in each record and business; stock rows and party balances
 * equal what the records add up to, open documents add up to those balances, and nothing else is stored; no value lies on a quantity of zero. NULL, or what is
 * wrong, with the number it is about. */
const char *world_trade_trouble(struct world *world, uint64_t *out_number);

/* The stock row of an item in a business, at a place (NULL or "": the shop). False when there is no such thing. */
bool world_stock(struct world *world, const char *item, const char *business, const char *place,
                 uint16_t condition, struct stock_row *out);

#endif
