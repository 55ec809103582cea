/*
 * The trade view: what was sold, to whom, how it was paid and by whom, what was made; and the accounts of customers and
 * suppliers line by line. Figures are kept by day and by month, so that a report over years reads a few rows of each.
 *
 *   TRADE_SUMS     u8 dimension, u8 level (0 month, 1 day), u32 YYYYMM00 or YYYYMMDD, u16 business, u32 key
 *                  -> figures, zigzag varints (proto/base/wide.h)
 *   TRADE_DOCS     u64 position -> what a document added to the sums, so that a void can take it away (documents.h)
 *   TRADE_SOLD     u16 business, u32 item, u32 date -> quantity sold on that day less what came back, zigzag varint
 *   TRADE_PARTY    u32 party, u32 date, u64 position, u16 line -> u32 account, u16 business, i64 amount: postings of
 *                  the base currency that name somebody, debit positive; account 0: the total of a sale to him
 *   TRADE_UNNAMED  u32 account, u32 date, u64 position, u16 line -> u16 business, i64 amount: postings of the base
 *                  currency on accounts of class receivable or payable (as it was then) that name nobody
 *   TRADE_KNOWN    u32 account -> u8 class, of those two classes; u32 0 -> i32 minutes that the books are ahead of UTC
 */
#ifndef SERVER_VIEWS_TRADE_H
#define SERVER_VIEWS_TRADE_H

#include "proto/base/money.h"
#include "server/views/view.h"

enum { TRADE_CURSOR, TRADE_SUMS, TRADE_DOCS, TRADE_SOLD, TRADE_PARTY, TRADE_UNNAMED, TRADE_KNOWN };

/* Stored: append only. */
enum trade_dimension {
    TRADE_BY_DAY = 1,  /* key 0 */
    TRADE_BY_ITEM,     /* item; 0: returnable containers sold outright */
    TRADE_BY_HOUR,     /* 0 to 23, in the books' time */
    TRADE_BY_CUSTOMER, /* party as recorded; 0: walk-in */
    TRADE_BY_TENDER,   /* PaymentMethod; the figure is TRADE_TOTAL: money taken less money given back */
    TRADE_BY_CASHIER,  /* user */
    TRADE_MADE, /* item that was produced: quantity, value (TOTAL), cost, what broke (RETURNED, a quantity), its
                          value (DISCOUNT) */
};
/* Stored in this order. Returns count against the figures of their own day. */
enum trade_figure {
    TRADE_COUNT,    /* documents; of an item: lines */
    TRADE_QUANTITY, /* thousandths */
    TRADE_TOTAL,    /* what customers pay: after discount, with tax */
    TRADE_TAX,
    TRADE_DISCOUNT,
    TRADE_COST,     /* of what was sold */
    TRADE_RETURNED, /* total of what came back, positive */
    TRADE_FIGURES
};

struct trade_sum {
    enum trade_dimension dimension;
    bool day; /* else of a month */
    uint32_t period;
    uint16_t business;
    uint32_t key;
    int128 figures[TRADE_FIGURES];
};
/* Every row of a dimension that makes up the days `from` (0: the first) to `to`: whole months as one, else days. */
void trade_sums(struct kv_txn *txn, enum trade_dimension dimension, civil_date from, civil_date to,
                void (*each)(void *context, const struct trade_sum *sum), void *context);

/* The same, day by day. */
void trade_sums_of_days(struct kv_txn *txn, enum trade_dimension dimension, civil_date from, civil_date to,
                        void (*each)(void *context, const struct trade_sum *sum), void *context);

/* The last day up to `date` on which more of the item was sold than came back; 0 = none. */
civil_date trade_last_sold(struct kv_txn *txn, uint16_t business, uint32_t item, civil_date date);

struct trade_line {
    uint32_t owner; /* party, or account */
    civil_date date;
    uint64_t position;
    uint16_t line;
    uint32_t account; /* 0: total of a sale */
    uint16_t business;
    int64_t amount;
};
/* The next line after *at, which starts as owner and zeros; false past the last of the owner. */
bool trade_party_next(struct kv_txn *txn, struct trade_line *at);
bool trade_unnamed_next(struct kv_txn *txn, struct trade_line *at);

extern const struct view view_trade;

#endif
