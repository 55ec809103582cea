/*
 * Reading totals (server/views/totals.h): every account, business and currency in order, or those of one account, each
 * with its sums up to some dates, in one pass. Years, months of a year and days of a month lie in places of their own, so
 * a cursor walks each place that the dates need, all in step. Nothing is allocated per row. One thread.
 */
#ifndef SERVER_VIEWS_TOTALS_SCAN_H
#define SERVER_VIEWS_TOTALS_SCAN_H

#include "server/views/totals.h"

#define TOTALS_DATES_MAX  4u
#define TOTALS_RANGES_MAX 2u
/* Years, closings, and for each date its year's months and its month's days. */
#define TOTALS_LANES_MAX (2u + 2u * TOTALS_DATES_MAX)

struct totals_ask {
    bool one_account;
    uint32_t account;
    size_t dates;
    civil_date up_to[TOTALS_DATES_MAX]; /* dated so or before; 0 = nothing, DATE_MAX = everything */
    size_t ranges;                      /* of which the closings are wanted */
    struct {
        civil_date from, to;
    } closing[TOTALS_RANGES_MAX];
};

struct totals_lane {
    struct kv_cursor *cursor;
    bool more; /* `row` is one of the lane's */
    enum totals_level level;
    uint32_t of;
    uint32_t end;                    /* periods from here on count for no date */
    uint32_t ends[TOTALS_DATES_MAX]; /* the same for each date */
    struct totals_row row;           /* its value is not kept */
    struct totals totals;
};

struct totals_scan {
    struct totals_key key;
    struct totals up_to[TOTALS_DATES_MAX];
    struct totals closing[TOTALS_RANGES_MAX];

    struct totals_ask ask;
    struct totals_lane lanes[TOTALS_LANES_MAX]; /* the first is that of the years, which every key has */
    size_t lane_count;
};

/* To be closed whatever comes back. Not OK: the transaction has the error. */
enum status totals_scan_open(struct totals_scan *scan, struct kv_txn *txn, unsigned table,
                             const struct totals_ask *ask) MUST_USE;
bool totals_scan_next(struct totals_scan *scan); /* false: no more, or the transaction has an error */
void totals_scan_close(struct totals_scan *scan);

#endif
