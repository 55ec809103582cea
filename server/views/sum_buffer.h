/*
 * Totals of a slice on their way into a view: what totals_add adds is gathered by account, business, currency and date
 * in memory, and goes down as rows of days, months and years in key order, each read and written once. One owner thread.
 */
#ifndef SERVER_VIEWS_SUM_BUFFER_H
#define SERVER_VIEWS_SUM_BUFFER_H

#include "server/views/totals.h"

struct sum_buffer;

struct sum_buffer *sum_buffer_new(void); /* NULL: no memory */
void sum_buffer_free(struct sum_buffer *buffer);
size_t sum_buffer_bytes(const struct sum_buffer *buffer); /* memory that what was gathered takes, about */
/* How many accounts, by business and currency, there are sums of: nearly, and not above 65,536. */
size_t sum_buffer_touched(const struct sum_buffer *buffer);

/* False: no memory, and nothing was added. */
bool sum_buffer_add(struct sum_buffer *buffer, const struct totals_key *key, civil_date date, bool closing,
                    const struct totals *more) MUST_USE;
/* Adds everything to the rows of `table`, and forgets it. */
void sum_buffer_settle(struct sum_buffer *buffer, struct kv_txn *txn, unsigned table);
void sum_buffer_drop(struct sum_buffer *buffer);

#endif
