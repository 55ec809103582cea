/*
 * Inside the capability `sales`. Reading order: sale_lines.c (prices, discounts, tax, cost of the lines), record.c (the
 * sale as a whole), undo.c (void, return, review), capability.c. The rules in words: docs/domain-trade.md.
 *
 *   TABLE_SALE row, only of a sale that something happened to:
 *     off len field
 *       0   1 flags: 1 void, 2 waits for review, 4 something was returned
 *       1   8 each: thousandths returned of line 1, 2 ...
 */
#ifndef SERVER_DOMAIN_SALES_SALES_H
#define SERVER_DOMAIN_SALES_SALES_H

#include "sale.pb-c.h"
#include "server/domain/kernel/item_row.h"
#include "server/domain/kernel/stock.h"
#include "server/domain/kernel/tax.h"
#include "server/domain/kernel/tenders.h"

#define SALE_LINES_MAX 200u

decide_fn sale_decide_record, sale_decide_void, sale_decide_return, sale_decide_review;
apply_fn sale_apply_recorded, sale_apply_void, sale_apply_returned, sale_apply_reviewed;

/* ---- the lines of a sale (sale_lines.c); jobs have the same ------------------------------------------------------- */

struct sale_line {
    struct item_row item;
    int64_t quantity;   /* thousandths */
    int64_t unit_price; /* as the customer sees it */
    int64_t amount;     /* price * quantity */
    int64_t discount;   /* its own, then with its share of the whole's */
    struct tax_terms terms;
    struct taxed full; /* of amount */
    struct taxed off;  /* of discount */
    int64_t cost;      /* of goods issued */
    const char *note;
};
struct sale_lines {
    struct sale_line *rows; /* in the arena */
    size_t count;
    int64_t net, tax, gross, discount;
    const char *review[SALE_LINES_MAX + 4]; /* what disagrees in a sale made offline */
    size_t review_count;
};
void sale_review(struct document *document, struct sale_lines *lines, const char *what, const char *subject);

/* Items, quantities, prices, discounts, tax; nothing is posted yet. ITEM_UNKNOWN, ITEM_INACTIVE, PRICE_MISSING,
 * PRICE_NOT_PERMITTED, DISCOUNT_TOO_LARGE, AMOUNT_OUT_OF_RANGE. */
void sale_lines_price(struct document *document, Daftari__V1__SaleLine *const *given, size_t count,
                      int64_t discount_minor, bool offline, struct sale_lines *out);
/* Takes the goods out of stock: their cost. */
void sale_lines_issue(struct document *document, uint16_t place, bool offline, struct sale_lines *lines);
/* Discounts, revenue, tax, cost: every line but those of the tenders. */
void sale_lines_post(struct document *document, const struct sale_lines *lines);
/* As they are stored, in the arena; NULL when it is full. */
Daftari__V1__SoldLine **sale_lines_stored(const struct document *document, const struct sale_lines *lines);

/* REFUSED PARTY_INACTIVE when he is deactivated, CREDIT_LIMIT_PASSED when the customer would owe more than his limit in
 * the business; `credit` more than 0. Offline: a word for review instead. */
void sale_check_credit(struct document *document, uint32_t customer, int64_t credit, bool offline,
                       struct sale_lines *lines);
/* The same for `credit` of zero or more, never offline: also for what he owes already. */
void sale_check_limit(struct document *document, uint32_t customer, int64_t credit);
/* The customer that a text means, active or not; 0 for none given. PARTY_UNKNOWN. */
uint32_t document_customer(struct document *document, const char *text);

#endif
