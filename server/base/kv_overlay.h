/*
 * The kv port as a bounded write-back cache over another store: how core state is kept. Point reads and writes are
 * hash look-ups in memory; kv_overlay_flush writes what changed behind, in key order, in one transaction of the store
 * below. Whoever owns the overlay puts its cursor row through it too, so that rows and cursor arrive together.
 *
 * One owner thread. One transaction at a time (begin gives BUSY). Commit keeps what was written, in memory; a write
 * cannot be undone: to abort after a good write is a bug (asserted), and a transaction that fails after a write spoils
 * the overlay for good (begin and flush then give that error, so that nothing half done reaches the store).
 * Slices are borrowed as the port says. Cursors see unflushed rows; over KV_BLIND_KEYS tables there are none.
 */
#ifndef SERVER_BASE_KV_OVERLAY_H
#define SERVER_BASE_KV_OVERLAY_H

#include "server/ports/kv.h"

struct kv_overlay_options {
    const struct kv_table *tables; /* the store's own */
    unsigned count;
    size_t memory_bytes; /* clean rows are dropped above this; unflushed ones stay: flush in time */
};

/* Takes over `backing`: closes it at close. NULL (and `backing` stays the caller's) when memory is short. */
struct kv *kv_overlay_new(struct kv *backing, const struct kv_overlay_options *options);

/* Write every unflushed row to the store below, in one transaction. With no cursor open. After a failure all rows
 * are still unflushed. Waits for a flush that runs in the background. kv_sync of an overlay = this + sync below. */
enum status kv_overlay_flush(struct kv *overlay) MUST_USE;

/* The same without stopping the owner: a copy of the unflushed rows is written by a helper thread. Only over a store
 * whose readers have snapshots (LMDB). BUSY when one is running. Then poll (or flush, or close) to bring it in:
 * AGAIN while it runs, OK when none runs (any more), else what went wrong with it. With no cursor open. */
enum status kv_overlay_flush_start(struct kv *overlay) MUST_USE;
enum status kv_overlay_flush_poll(struct kv *overlay) MUST_USE;
/* Waits for the one that runs and brings it in: for an owner that writes faster than rows can be written behind. */
enum status kv_overlay_flush_wait(struct kv *overlay) MUST_USE;

struct kv_overlay_stats {
    size_t rows, bytes;             /* in memory */
    size_t dirty_rows, dirty_bytes; /* not flushed, nor being flushed */
    size_t flushing_rows;           /* being flushed */
    uint64_t hits, misses;          /* of kv_get */
    bool flushing;
};
void kv_overlay_stats(const struct kv *overlay, struct kv_overlay_stats *out);

#endif
