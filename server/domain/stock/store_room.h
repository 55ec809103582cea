/*
 * Inside the capability `stock`: places, the opening register, adjustments, counts and transfers. One file each; the
 * quantities and values themselves are the kernel's (kernel/stock.h). The rules in words: docs/domain-trade.md.
 */
#ifndef SERVER_DOMAIN_STOCK_STORE_ROOM_H
#define SERVER_DOMAIN_STOCK_STORE_ROOM_H

#include "server/domain/kernel/stock_line.h"
#include "stock.pb-c.h"

#define OPEN_LINES_MAX  250u
#define STOCK_LINES_MAX 200u
#define PLACE_NAME_MAX  100u

decide_fn place_decide_define, stock_decide_open, stock_decide_adjust, stock_decide_count,
    stock_decide_transfer;
apply_fn place_apply_defined, stock_apply_opened;
query_fn place_query_list;

/* INVALID unless there are 1 to `max` lines. */
enum status stock_form_lines(size_t count, size_t max, struct fault *why) MUST_USE;

/* What `quantity` that comes in without a price costs: the given cost of a unit, else what a unit costs now, else what
 * the last one cost. STOCK_NO_COST; the field is "lines[index].unit_cost_minor". */
int64_t stock_value_in(struct document *document, const struct stock_key *key, int64_t quantity,
                       bool has_unit_cost, int64_t unit_cost, size_t index);

#endif
