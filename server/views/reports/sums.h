/* Walks a totals table (balances, cash flow) account by account, or at the one account that the request names, and gives
 * each account's sums by currency, and by business when asked for, over one or two ranges of dates. One pass; nothing is
 * allocated per row. */
#ifndef SERVER_VIEWS_SUMS_H
#define SERVER_VIEWS_SUMS_H

#include "server/views/reports/report_run.h"
#include "server/views/totals_scan.h"

#define SUM_RANGES 2u
#define SUM_MERGED UINT16_MAX /* business of a sum over all of them */

struct sum {
    uint16_t business;
    uint16_t currency;
    struct {
        struct totals before;  /* dated before the range */
        struct totals within;  /* in the range */
        struct totals closing; /* of `within`: what closing a year moved */
    } range[SUM_RANGES];
};

struct sums {
    struct report_run *run;
    bool by_business; /* else businesses are added up */
    bool more;        /* the scan has a key that is not in `items` yet */
    struct totals_scan scan;
    uint32_t account; /* of `items` */
    struct sum *items;
    size_t count, cap;
};

/* `txn` and `table` of the view. Ranges: run->from .. run->to, and the comparison's when there is one. To be closed
 * whatever comes back. */
enum status sums_open(struct sums *sums, struct report_run *run, struct kv_txn *txn, unsigned table,
                      bool by_business) MUST_USE;
bool sums_next(struct sums *sums); /* the next account that the report covers */
void sums_close(struct sums *sums);

/* before + within, debit positive. */
static inline int128 sum_closing(const struct sum *sum, size_t range)
{
    return totals_net(&sum->range[range].before) + totals_net(&sum->range[range].within);
}
/* What the range moved, year closes left out, debit positive. */
static inline int128 sum_result(const struct sum *sum, size_t range)
{
    return totals_net(&sum->range[range].within) - totals_net(&sum->range[range].closing);
}

/* Totals per currency, kept while a report runs. */
struct currency_totals {
    uint16_t currency;
    int128 column[4];
};
struct totals_by_currency {
    struct currency_totals *items;
    size_t count, cap;
};
/* The totals of a currency, made at zero when new; NULL when the arena is exhausted. Kept in order of number. */
int128 *totals_of(struct totals_by_currency *totals, struct arena *arena, uint16_t currency);

#endif
