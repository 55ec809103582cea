/* What the lines of documents that move goods have in common: the item in its condition, the quantity, parts of amounts. */
#ifndef SERVER_DOMAIN_KERNEL_STOCK_LINE_H
#define SERVER_DOMAIN_KERNEL_STOCK_LINE_H

#include "server/domain/kernel/item_row.h"
#include "server/domain/kernel/stock.h"

#define QUANTITY_ONE 1000 /* thousandths */

/* An item by code or barcode, active and kept in stock, and its condition: of a container item the one given or else
 * `fallback` (plain: it must be given). Fields: "list[index].item" and ".condition". ITEM_UNKNOWN, ITEM_INACTIVE,
 * ITEM_NOT_STOCKED, ITEM_CONDITION. */
struct stock_line_terms {
    const char *list;
    size_t index;
    Daftari__V1__Condition fallback;
};
void stock_line_item(struct document *document, const struct stock_line_terms *terms, const char *code,
                     bool has_condition, Daftari__V1__Condition condition, struct item_row *out,
                     uint16_t *out_condition);

/* More than zero and at most QUANTITY_MAX; INVALID names "list[index].quantity_milli". */
void stock_line_quantity(struct document *document, const char *list, size_t index, int64_t quantity);

/* A unit's cost times a quantity; AMOUNT_OUT_OF_RANGE, or INVALID below zero, naming "list[index].field". */
int64_t stock_line_value(struct document *document, const char *list, size_t index, const char *field,
                         int64_t unit_cost, int64_t quantity);

/* What the part (before, after] of a quantity has of an amount, so that all parts together come to the whole. */
int64_t stock_line_part(int64_t whole, int64_t quantity, int64_t before, int64_t after);

/* Posts what brings `value` in as `kept` (of stock_receive): to inventory, and the rest to stock loss. */
void stock_line_post_in(struct document *document, uint16_t category, int64_t value, int64_t kept);

#endif
