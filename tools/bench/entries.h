/* What the generator asks for: commands and queries, encoded by hand into a request. */
#ifndef TOOLS_BENCH_ENTRIES_H
#define TOOLS_BENCH_ENTRIES_H

#include <stddef.h>
#include <stdint.h>

#include "tools/bench/bench.h"

#define WORK_ITEM_BYTES_MAX 192 /* of one command or query in its request, tag and length included */

/* A kind of request. */
struct work {
    const char *method;
    bool query; /* one in a request, answered in parts */
    /* Writes the field `commands` of one command, at most WORK_ITEM_BYTES_MAX; returns its bytes. */
    size_t (*item)(void *context, uint8_t *out);
    void *context;
};

uint64_t random_next(uint64_t *state); /* xorshift64*; the state is not 0 */

/* Entries of two lines between accounts drawn at random. */
#define ENTRY_DAYS_MAX 3660
struct entry_source {
    uint64_t random;
    uint32_t accounts;
    enum bench_ids ids;
    uint32_t days;           /* dates are of the last so many; 0 = no date is given */
    uint32_t late;           /* percent of entries on an earlier day; 100: all dates are drawn at random */
    uint64_t entries, made;  /* the dates of the others go from the first day to the last in so many */
    uint32_t every, counter; /* every so many, one line is on the statement account; 0 = never */
    uint64_t time_ms;        /* of the last id, and how many were made in it */
    uint32_t time_count;
    uint8_t dates[ENTRY_DAYS_MAX][4]; /* encoded */
};
void entry_source_init(struct entry_source *source, const struct bench_options *options);
struct work entry_work(struct entry_source *source);
#define STATEMENT_ACCOUNT (BENCH_ACCOUNT_FIRST + BENCH_ACCOUNTS_MAX)

/* Our accounts, from `next` on. */
struct account_source {
    uint64_t random;
    uint32_t next;
};
struct work account_work(struct account_source *source);

/* Runs of one report over and over: page by page, or as at one date after the other. */
struct report_source {
    const char *report;
    uint64_t random;
    uint32_t account;    /* 0 = none */
    uint32_t limit;      /* rows; 0 = all */
    uint32_t offset_max; /* of pages, drawn at random */
    uint32_t as_at_days; /* the date is drawn from the last so many; 0 = none */
    uint32_t from_days;  /* from the date so many days ago; 0 = none */
    uint32_t today_date;
};
struct work report_work(struct report_source *source);

uint32_t yesterday_utc(void); /* YYYYMMDD: no later than today anywhere, so that any server takes it */

#endif
