/*
 * Rows of accounts in the order of the chart's headings: under each heading what it groups, by number, and then its
 * subtotal. A row that has no heading stands for itself. Without headings the order is that of the numbers.
 */
#ifndef SERVER_VIEWS_CHART_H
#define SERVER_VIEWS_CHART_H

#include "server/views/reports/report_run.h"

#define CHART_DEPTH_MAX                                                                                      \
    32u /* headings above each other; what lies deeper stands under the innermost of them */

struct chart_row {
    const uint32_t *headings; /* from the outermost */
    size_t depth;             /* how many */
    uint32_t account;         /* 0: a row without one, after all that have one */
    size_t row;               /* the caller's; rows of one account stay in this order */
};

/* No row of this report stands under a heading: the chart has none, or a page or one account was asked for. Then rows can be
 * written as they come, however many they are. */
bool chart_flat(const struct report_run *run);

/* The place of row `row`. False: no memory, and the report has failed. */
bool chart_place(struct report_run *run, uint32_t account, size_t row, struct chart_row *out);

/* Who writes. `depth` of a heading and its subtotal is how many are above it; of a row likewise. */
struct chart_writer {
    void (*heading)(void *context, uint32_t account, size_t depth);
    void (*row)(void *context, size_t row, size_t depth);
    void (*subtotal)(void *context, uint32_t account, size_t depth);
};
/* Puts the rows in order and writes them; every heading that is begun is ended. */
void chart_write(struct chart_row *rows, size_t count, const struct chart_writer *writer, void *context);

/* "Total Cash"; in the row arena, which this resets. */
const char *chart_subtotal_name(struct report_run *run, uint32_t heading);

#endif
