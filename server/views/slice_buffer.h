/*
 * Rows of a slice on their way into a view: a write transaction over another one which collects what is written and
 * hands it down in key order at the end. A row that many records of the slice change is written once, and rows that were
 * read or written lately need no reading at all.
 *
 * One owner thread. The rows kept between slices are those of the last commit: after anything else than a good commit
 * slice_buffer_drop must be called.
 */
#ifndef SERVER_VIEWS_SLICE_BUFFER_H
#define SERVER_VIEWS_SLICE_BUFFER_H

#include "server/ports/kv.h"

struct slice_buffer;

/* `written_once`: bit t, of the first 64 tables, for tables whose rows are only ever added (struct view). `bytes_max`: it is full
 * above this. NULL when memory is short. */
struct slice_buffer *slice_buffer_new(unsigned table_count, uint64_t written_once, size_t bytes_max);
void slice_buffer_free(struct slice_buffer *buffer); /* NULL is fine */

/* The transaction to apply records to; it has the errors of `inner`, and is never committed or aborted itself. */
struct kv_txn *slice_buffer_begin(struct slice_buffer *buffer, struct kv_txn *inner);
/* Between records: it is time to end the slice, so that memory stays bounded. */
bool slice_buffer_full(const struct slice_buffer *buffer);
/* Everything that was written goes to `inner`, in key order; rows kept for later slices go when there are too many. */
void slice_buffer_flush(struct slice_buffer *buffer);
void slice_buffer_drop(struct slice_buffer *buffer); /* forgets all rows */

/* Where totals of `table` are gathered, to be added to its rows before anything else looks at them; NULL when `txn` is no
 * slice buffer, or memory is short: then the rows are to be changed one by one. */
struct sum_buffer *slice_buffer_sums(struct kv_txn *txn, unsigned table);

#endif
