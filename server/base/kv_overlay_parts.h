/* What the two halves of the overlay share: kv_overlay.c (rows in memory, transactions, merged walks) and
 * kv_overlay_flush.c (writing dirty rows to the store below). Not for others. */
#ifndef SERVER_BASE_KV_OVERLAY_PARTS_H
#define SERVER_BASE_KV_OVERLAY_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "proto/base/money.h" /* uint128 */
#include "server/base/kv_overlay.h"
#include "server/base/row_map.h"

enum row_flags {
    ROW_ABSENT = 1 << 0,   /* deleted, or known not to be there */
    ROW_DIRTY = 1 << 1,    /* changed since it was last handed to a flush */
    ROW_FLUSHING = 1 << 2, /* handed to the flush that runs */
    ROW_USED = 1 << 3,     /* looked at since the eviction hand last came by */
};
#define ROW_SHADOWS (ROW_DIRTY | ROW_FLUSHING) /* differs, or may differ, from the store below */

struct row_list {
    struct row **rows;
    size_t count, cap;
};

/* A row to be flushed: a copy, since the owner goes on writing. */
struct flush_row {
    struct slice key, value;
    uint8_t table;
    bool absent;
};

struct flush {
    struct row_list rows;  /* the rows in memory, ROW_FLUSHING */
    struct flush_row *out; /* their copies */
    uint8_t *bytes;        /* what those borrow from */
    uint128 cleared;       /* tables to clear first */
    struct kv *backing;
    enum status status;
    pthread_t thread;
    bool running; /* handed to the thread, not yet joined */
    atomic_bool done;
};

struct overlay;
struct overlay_txn {
    struct kv_txn base;
    struct overlay *overlay;
    struct overlay_cursor *cursors;
    enum status error;
    bool open, write, wrote;
};

struct overlay {
    struct kv base;
    struct kv *backing;
    const struct kv_table *tables;
    unsigned count;
    size_t memory_bytes;
    struct kv_txn *reader; /* of the store below; NULL until a row is missed */
    struct overlay_txn txn;
    enum status spoiled;
    struct row_list dirty;
    size_t dirty_bytes;
    uint128 cleared; /* tables cleared since the last flush: nothing below counts */
    struct flush flush;
    unsigned evict_table;
    size_t evict_step; /* the hand's, in that table */
    uint64_t hits, misses;
    struct row_map maps[];
};

static inline struct overlay *overlay_of(struct kv *kv)
{
    return (struct overlay *)(void *)kv;
}

static inline uint128 overlay_table_bit(unsigned table)
{
    return (uint128)1 << table; /* KV_TABLES_MAX of them fit */
}

/* Room for one more is made before the row is touched, so that what is written is always known to be dirty. */
bool overlay_list_room(struct row_list *list) MUST_USE;
void overlay_mark_dirty(struct overlay *overlay, struct row *row); /* room has been made */
void overlay_reader_drop(struct overlay *overlay);       /* ends the read transaction of the store below */
enum status overlay_flush_wait(struct overlay *overlay); /* ends a flush that runs, with its status */

#endif
