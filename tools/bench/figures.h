/* Named figures of one run of a scenario, and the medians of several runs as a table or as JSON. */
#ifndef TOOLS_BENCH_FIGURES_H
#define TOOLS_BENCH_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

#define FIGURES_MAX 112
#define RUNS_MAX    32

struct figure {
    char group[32]; /* "": none. Figures of one group stand next to each other and make one object in JSON */
    char key[40];   /* in JSON */
    char label[72]; /* in the table, with the unit behind it */
    char unit[16];
    uint64_t value;
    bool known; /* else nobody said where to look, or there was nothing: null in JSON, no line in the table */
};

struct figures {
    uint32_t count;
    struct figure items[FIGURES_MAX];
};

void figures_add(struct figures *figures, const char *key, const char *label, const char *unit,
                 uint64_t value);
void figures_add_if(struct figures *figures, bool known, const char *key, const char *label, const char *unit,
                    uint64_t value);
/* In the object `group`; in the table as "label key". */
void figures_add_in(struct figures *figures, const char *group, const char *key, const char *label,
                    const char *unit, uint64_t value);
/* NULL when there is none of that name without a group. */
const struct figure *figures_find(const struct figures *figures, const char *key);

uint64_t figures_share(uint64_t of, uint64_t by); /* 0 when by is 0 */

/* The median of an even number of runs is the lower of the two in the middle: a figure that was measured.
 * JSON is one object on one line: the medians, "runs", and with more than one run "min" and "max". */
void figures_print(const char *scenario, const struct figures *runs, uint32_t count, bool json);
/* Of the figure without a group; 0 when no run knows it. */
uint64_t figures_median(const struct figures *runs, uint32_t count, const char *key);

#endif
