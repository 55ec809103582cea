/* Sums by key and business that a report gathers from the trade view before it writes them in an order of its own. */
#ifndef SERVER_VIEWS_REPORTS_GROUPS_H
#define SERVER_VIEWS_REPORTS_GROUPS_H

#include "server/views/reports/report_run.h"
#include "server/views/trade/trade.h"

#define GROUP_MERGED 0xffffu /* in place of a business: all that the report covers together */

struct group {
    uint32_t key;
    uint16_t business;
    bool used;
    int128 figures[TRADE_FIGURES];
};
struct groups {
    struct report_run *run;
    bool by_business;
    struct group *rows; /* a hash table; after groups_sort a list */
    size_t count, room;
};

void groups_begin(struct groups *groups, struct report_run *run);
/* Adds figures of a business that the report covers; others are passed over. */
void groups_add(struct groups *groups, uint32_t key, uint16_t business, const int128 figures[TRADE_FIGURES]);
enum groups_order { GROUPS_BY_KEY, GROUPS_BY_TOTAL }; /* the largest total first */
void groups_sort(struct groups *groups, enum groups_order order);
const char *group_business(const struct report_run *run, uint16_t business); /* code, or "all" */

/* Without a first date: the first day of the month in which the report ends. */
void run_default_from_month(struct report_run *run);
/* May whoever asks see what things cost and what is earned on them? */
bool run_may_see_cost(const struct report_run *run);

#endif
