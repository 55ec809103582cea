/*
 * The key-value port: an ordered store of byte strings in named tables, with transactions.
 *
 * Implementations: server/store/kv_lmdb.c (disk), server/base/kv_mem.c (memory), and decorators over any of them:
 * server/store/kv_sealed.c (values sealed), server/base/kv_packed.c (many rows in one value) and
 * server/base/kv_overlay.c (bounded write-back cache).
 * All pass tests/contract/t_kv.c.
 *
 * Errors are sticky: after the first failure every call on the transaction does nothing, reads find nothing, and
 * kv_commit returns that first error (and aborts). So callers check once, at the end; whoever decides something
 * from "not found" checks kv_error first.
 *
 * Keys: 1 to KV_KEY_MAX bytes, compared as unsigned bytes. Values: 0 to KV_VALUE_MAX bytes. Slices returned are
 * borrowed: valid until the next write in the same transaction or its end, whichever is first; also no longer than
 * KV_BORROW_BYTES of further rows are read in that transaction. They outlive the cursor that gave them.
 * What is given to put must not be borrowed from the same transaction: copy it first.
 * Cursors: a new one stands before the first row for next and behind the last for previous. A cursor keeps its place
 * over writes of its transaction (next and previous go on from the key it was at, even when that row is gone), but
 * kv_row (whose value may be NULL: not wanted) may only follow a move that gave true, with no write between. After a move that gave false, seek again.
 * Threads: one write transaction at a time per store; read transactions any number up to the configured
 * readers. A transaction and its cursors belong to one thread at a time. Readers see the last commit.
 */
#ifndef SERVER_PORTS_KV_H
#define SERVER_PORTS_KV_H

#include "proto/base/slice.h"
#include "proto/base/status.h"

#define KV_KEY_MAX    480u /* LMDB's 511 less what decorators may add */
#define KV_VALUE_MAX  (1024u * 1024u)
#define KV_TABLES_MAX 96u /* kv_overlay marks them in 128 bits */
/* Bytes that a decorator may add to a value: stores below take KV_VALUE_MAX and this. */
#define KV_VALUE_ROOM 64u
/* A row read stays readable at least while so much more is read. */
#define KV_BORROW_BYTES (1024u * 1024u)

enum kv_table_flags {
    KV_PLAIN = 0,
    KV_APPENDED = 1 << 0, /* keys mostly arrive in increasing order (a hint) */
    KV_BLIND_KEYS =
        1 << 1, /* keys hold text from outside: the sealing decorator replaces them by a keyed hash.
                              Point access only: scans give an unspecified order and unreadable keys */
    KV_PACKED =
        1 << 2, /* neighbouring rows are stored together (server/base/kv_packed.h); not with KV_BLIND_KEYS */
};
/* Of a packed table: rows lie together only when the first so many bytes of their keys are the same, so that each list
 * of a table of lists grows at an end of its own. In the flags. */
#define KV_GROUP(bytes)       ((unsigned)(bytes) << 8)
#define KV_GROUP_BYTES(flags) ((flags) >> 8 & 0xffu)
struct kv_table {
    const char *name; /* stable, at most 31 bytes */
    unsigned flags;   /* enum kv_table_flags, KV_GROUP */
};

struct kv;
struct kv_txn;
struct kv_cursor;

struct kv_ops {
    enum status (*begin)(struct kv *kv, bool write, struct kv_txn **out);
    enum status (*commit)(struct kv_txn *txn); /* ends the transaction whatever it returns */
    void (*abort)(struct kv_txn *txn);
    bool (*get)(struct kv_txn *txn, unsigned table, struct slice key, struct slice *out);
    /* May be NULL: the row will be asked for soon; a store may start fetching it: with step 0 what leads to it, with
     * step 1, some time after that, the row. Never fails, changes nothing. */
    void (*hint)(struct kv_txn *txn, unsigned table, struct slice key, unsigned step);
    void (*put)(struct kv_txn *txn, unsigned table, struct slice key, struct slice value);
    void (*del)(struct kv_txn *txn, unsigned table, struct slice key);    /* absent is fine */
    void (*clear)(struct kv_txn *txn, unsigned table);                    /* delete every row */
    struct kv_cursor *(*cursor_open)(struct kv_txn *txn, unsigned table); /* NULL: error is set on the txn */
    bool (*cursor_seek)(struct kv_cursor *cursor, struct slice key);      /* to the first key >= key */
    bool (*cursor_last)(struct kv_cursor *cursor,
                        struct slice key); /* to the last key <= key; empty key: last */
    bool (*cursor_next)(struct kv_cursor *cursor);
    bool (*cursor_previous)(struct kv_cursor *cursor);
    void (*cursor_row)(struct kv_cursor *cursor, struct slice *key, struct slice *value); /* after true */
    void (*cursor_close)(struct kv_cursor *cursor); /* before the transaction ends */
    void (*set_error)(struct kv_txn *txn, enum status status);
    enum status (*error)(const struct kv_txn *txn);
    enum status (*sync)(struct kv *kv); /* make all commits durable (a no-op where commits already are) */
    void (*usage)(struct kv *kv, uint64_t *used_bytes, uint64_t *limit_bytes);
    /* May be NULL. The last stored value that could not be read: table, key, what is wrong; UNAVAILABLE when the key
     * that it is sealed under is missing, else CORRUPT. OK: there was none. Any thread. */
    void (*failure)(struct kv *kv, struct fault *out);
    void (*close)(struct kv *kv); /* NULL is fine through kv_close */
};

/* Implementations embed these as their first member. */
struct kv {
    const struct kv_ops *ops;
};
struct kv_txn {
    const struct kv_ops *ops;
};
struct kv_cursor {
    const struct kv_ops *ops;
};

static inline enum status MUST_USE kv_begin(struct kv *kv, bool write, struct kv_txn **out)
{
    return kv->ops->begin(kv, write, out);
}
static inline enum status MUST_USE kv_commit(struct kv_txn *txn)
{
    return txn->ops->commit(txn);
}
static inline void kv_abort(struct kv_txn *txn)
{
    if (txn != NULL)
        txn->ops->abort(txn);
}
static inline bool kv_get(struct kv_txn *txn, unsigned table, struct slice key, struct slice *out)
{
    return txn->ops->get(txn, table, key, out);
}
static inline void kv_hint(struct kv_txn *txn, unsigned table, struct slice key, unsigned step)
{
    if (txn->ops->hint != NULL)
        txn->ops->hint(txn, table, key, step);
}
static inline void kv_put(struct kv_txn *txn, unsigned table, struct slice key, struct slice value)
{
    txn->ops->put(txn, table, key, value);
}
static inline void kv_del(struct kv_txn *txn, unsigned table, struct slice key)
{
    txn->ops->del(txn, table, key);
}
static inline void kv_clear(struct kv_txn *txn, unsigned table)
{
    txn->ops->clear(txn, table);
}
static inline struct kv_cursor *kv_cursor_open(struct kv_txn *txn, unsigned table)
{
    return txn->ops->cursor_open(txn, table);
}
static inline bool kv_seek(struct kv_cursor *cursor, struct slice key)
{
    return cursor != NULL && cursor->ops->cursor_seek(cursor, key);
}
static inline bool kv_last(struct kv_cursor *cursor, struct slice key)
{
    return cursor != NULL && cursor->ops->cursor_last(cursor, key);
}
static inline bool kv_next(struct kv_cursor *cursor)
{
    return cursor != NULL && cursor->ops->cursor_next(cursor);
}
static inline bool kv_previous(struct kv_cursor *cursor)
{
    return cursor != NULL && cursor->ops->cursor_previous(cursor);
}
static inline void kv_row(struct kv_cursor *cursor, struct slice *key, struct slice *value)
{
    cursor->ops->cursor_row(cursor, key, value);
}
static inline void kv_cursor_close(struct kv_cursor *cursor)
{
    if (cursor != NULL)
        cursor->ops->cursor_close(cursor);
}
static inline void kv_set_error(struct kv_txn *txn, enum status status)
{
    txn->ops->set_error(txn, status);
}
static inline enum status kv_error(const struct kv_txn *txn)
{
    return txn->ops->error(txn);
}
static inline enum status MUST_USE kv_sync(struct kv *kv)
{
    return kv->ops->sync(kv);
}
static inline void kv_usage(struct kv *kv, uint64_t *used_bytes, uint64_t *limit_bytes)
{
    kv->ops->usage(kv, used_bytes, limit_bytes);
}
static inline void kv_failure(struct kv *kv, struct fault *out)
{
    *out = (struct fault){0};
    if (kv->ops->failure != NULL)
        kv->ops->failure(kv, out);
}
static inline void kv_close(struct kv *kv)
{
    if (kv != NULL)
        kv->ops->close(kv);
}

#endif
