/* The postings of a record in order of business, currency and account, lines on the same three summed up. Pure. */
#ifndef SERVER_VIEWS_POSTINGS_H
#define SERVER_VIEWS_POSTINGS_H

#include "proto/record/record.h"
#include "proto/wire/arena.h"
#include "server/views/totals.h"

struct posting_sum {
    struct totals_key key;
    struct totals totals; /* debits, credits and number of the lines */
};

/* *out has *out_count sums, in the arena. False when the arena is exhausted. */
bool postings_sum(const struct record *record, struct arena *arena, struct posting_sum **out,
                  size_t *out_count) MUST_USE;

/* Gives all sums the same business and adds up those that are on the same account and currency then. The number of
 * sums that are left, in order again. */
size_t postings_erase_business(struct posting_sum *sums, size_t count, uint16_t business);

/* The end of the run of sums of one business and currency that starts at `first`. */
size_t postings_group_end(const struct posting_sum *sums, size_t count, size_t first);

#endif
