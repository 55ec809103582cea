/* Rows of a financial statement: account by currency, with a column for each business when asked for, one for all of
 * them together, and one for the comparison. */
#ifndef SERVER_VIEWS_GRID_H
#define SERVER_VIEWS_GRID_H

#include "server/views/reports/sums.h"

struct grid_row {
    uint32_t account; /* 0: a row made by the report itself */
    uint8_t section;
    uint16_t currency;
    const char *name;
    int128 *cells;
};
struct grid {
    struct report_run *run;
    bool by_business;
    size_t columns; /* of `cells`: businesses, amount, comparison */
    struct grid_row *rows;
    size_t count, cap;
};

/* The row of an account (or, with account 0, of `name`) in a section and currency; made when new. NULL: no memory,
 * and the report has failed. */
struct grid_row *grid_row(struct grid *grid, uint8_t section, uint32_t account, const char *name,
                          uint16_t currency);

/* Adds `sign` times the sum's amount, which `amount` picks for each range, to the row's cells. */
void grid_add(struct grid *grid, struct grid_row *row, const struct sum *sum, int sign,
              int128 (*amount)(const struct sum *sum, size_t range));

/* Writes a section of one currency: a heading, a row for each account that has an amount, under the headings of the chart
 * with their subtotals, and adds the rows to `total` (grid->columns of them). */
void grid_section(struct grid *grid, uint8_t section, uint16_t currency, const char *key, const char *title,
                  int128 *total);
void grid_total(struct grid *grid, const char *key, const char *title, uint16_t currency,
                const int128 *total);
int128 *grid_cells(struct grid *grid); /* zeroed; NULL: no memory, and the report has failed */

/* The run of a report that is such a grid: `collect` makes the rows from the balances, then `write` writes those of each
 * currency; of one at least: with no rows it is the asked or the base currency. */
enum status grid_run(struct report_run *run,
                     enum status (*collect)(struct grid *grid, struct kv_txn *balances),
                     void (*write)(struct grid *grid, uint16_t currency));

#endif
