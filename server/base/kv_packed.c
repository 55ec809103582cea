#include "server/base/kv_packed.h"

#include <stdlib.h>

#include "proto/base/bug.h"
#include "server/base/kv_scratch.h"
#include "server/base/packed_cursor.h"
#include "server/base/packed_stream.h"

struct packed {
    struct kv base;
    struct kv *inner;
    const struct kv_table *tables;
    unsigned count;
    size_t block_bytes;
    struct packed_stream *streams[KV_TABLES_MAX]; /* of the one write transaction; NULL until needed */
};

struct packed_txn {
    struct kv_txn base;
    struct packed *store;
    struct kv_txn *inner;
    bool write;
    unsigned cursors; /* open, to assert */
    struct kv_scratch scratch;
    uint64_t writes[KV_TABLES_MAX]; /* so that cursors know that they must look again */
    struct packed_cursor
        *finders[KV_TABLES_MAX]; /* for point reads of a read transaction; NULL until needed */
};

struct cursor {
    struct kv_cursor base;
    struct packed_txn *txn;
    unsigned table;
    uint64_t writes; /* the table's when the cursor last looked */
    struct packed_cursor *walk;
    struct slice key, value;
};

static struct packed *store_of(struct kv *kv)
{
    return (struct packed *)(void *)kv;
}

static struct packed_txn *txn_of(struct kv_txn *txn)
{
    return (struct packed_txn *)(void *)txn;
}

static struct cursor *cursor_of(struct kv_cursor *cursor)
{
    return (struct cursor *)(void *)cursor;
}

static bool is_packed(const struct packed_txn *txn, unsigned table)
{
    ASSERT(table < txn->store->count);
    return (txn->store->tables[table].flags & KV_PACKED) != 0;
}

/* ---- transactions -------------------------------------------------------------------------------------------- */

static enum status packed_begin(struct kv *kv, bool write, struct kv_txn **out)
{
    struct packed_txn *txn = calloc(1, sizeof *txn);
    if (txn == NULL)
        return STATUS_NO_MEMORY;
    txn->base.ops = kv->ops;
    txn->store = store_of(kv);
    txn->write = write;
    enum status status = kv_begin(txn->store->inner, write, &txn->inner);
    if (status != STATUS_OK) {
        free(txn);
        return status;
    }
    *out = &txn->base;
    return STATUS_OK;
}

/* Everything that is the store's own goes before the inner transaction ends: then another one may write. */
static void txn_let_go(struct packed_txn *txn, bool keep)
{
    ASSERT(txn->cursors == 0);
    for (unsigned i = 0; i < txn->store->count; i++) {
        packed_cursor_free(txn->finders[i]);
        struct packed_stream *stream = txn->write ? txn->store->streams[i] : NULL;
        if (stream == NULL || stream->inner == NULL)
            continue;
        if (keep)
            packed_stream_close(stream);
        packed_stream_end(stream);
    }
}

static void txn_free(struct packed_txn *txn)
{
    kv_scratch_free(&txn->scratch);
    free(txn);
}

static enum status packed_commit(struct kv_txn *txn)
{
    struct packed_txn *self = txn_of(txn);
    txn_let_go(self, true);
    enum status status = kv_commit(self->inner);
    txn_free(self);
    return status;
}

static void packed_abort(struct kv_txn *txn)
{
    struct packed_txn *self = txn_of(txn);
    txn_let_go(self, false);
    kv_abort(self->inner);
    txn_free(self);
}

static void packed_set_error(struct kv_txn *txn, enum status status)
{
    kv_set_error(txn_of(txn)->inner, status);
}

static enum status packed_error(const struct kv_txn *txn)
{
    return kv_error(((const struct packed_txn *)(const void *)txn)->inner);
}

/* ---- points -------------------------------------------------------------------------------------------------- */

/* The table's stream in this write transaction; NULL: NO_MEMORY is set. */
static struct packed_stream *stream_of(struct packed_txn *txn, unsigned table)
{
    struct packed *store = txn->store;
    if (store->streams[table] == NULL)
        store->streams[table] = calloc(1, sizeof *store->streams[table]);
    struct packed_stream *stream = store->streams[table];
    if (stream == NULL)
        kv_set_error(txn->inner, STATUS_NO_MEMORY);
    else if (stream->inner == NULL)
        packed_stream_begin(stream, txn->inner, table, store->tables[table].flags, store->block_bytes);
    return stream;
}

/* Lends a copy. False: NO_MEMORY is set. */
static bool lend(struct packed_txn *txn, struct slice bytes, struct slice *out)
{
    uint8_t *copy = kv_scratch_take(&txn->scratch, bytes.len);
    if (copy == NULL) {
        kv_set_error(txn->inner, STATUS_NO_MEMORY);
        return false;
    }
    if (bytes.len != 0)
        memcpy(copy, bytes.ptr, bytes.len);
    *out = slice_of(copy, bytes.len);
    return true;
}

static bool packed_get(struct kv_txn *txn, unsigned table, struct slice key, struct slice *out)
{
    struct packed_txn *self = txn_of(txn);
    struct slice value;
    if (!is_packed(self, table))
        return kv_get(self->inner, table, key, out);
    if (key.len < 1 || key.len > KV_KEY_MAX || kv_error(self->inner) != STATUS_OK)
        return false;
    if (self->write) {
        struct packed_stream *stream = stream_of(self, table);
        return stream != NULL && packed_stream_get(stream, key, &value) && lend(self, value, out);
    }
    struct packed_cursor *finder = self->finders[table];
    if (finder == NULL)
        finder = self->finders[table] = packed_cursor_new(self->inner, table);
    return finder != NULL && packed_cursor_find(finder, key, &value) && lend(self, value, out);
}

static struct packed_stream *write_begin(struct packed_txn *self, unsigned table, bool fits)
{
    ASSERT(self->write);
    if (!fits)
        kv_set_error(self->inner, STATUS_INTERNAL);
    if (kv_error(self->inner) != STATUS_OK)
        return NULL;
    kv_scratch_reset(&self->scratch);
    self->writes[table]++;
    return stream_of(self, table);
}

static void packed_put(struct kv_txn *txn, unsigned table, struct slice key, struct slice value)
{
    struct packed_txn *self = txn_of(txn);
    if (!is_packed(self, table)) {
        kv_put(self->inner, table, key, value);
        return;
    }
    bool fits = key.len >= 1 && key.len <= KV_KEY_MAX && value.len <= KV_VALUE_MAX;
    struct packed_stream *stream = write_begin(self, table, fits);
    if (stream != NULL)
        packed_stream_put(stream, key, value);
}

static void packed_del(struct kv_txn *txn, unsigned table, struct slice key)
{
    struct packed_txn *self = txn_of(txn);
    if (!is_packed(self, table)) {
        kv_del(self->inner, table, key);
        return;
    }
    struct packed_stream *stream = write_begin(self, table, key.len >= 1 && key.len <= KV_KEY_MAX);
    if (stream != NULL)
        packed_stream_del(stream, key);
}

static void packed_clear(struct kv_txn *txn, unsigned table)
{
    struct packed_txn *self = txn_of(txn);
    if (is_packed(self, table)) {
        struct packed_stream *stream = write_begin(self, table, true);
        if (stream != NULL)
            packed_stream_drop(stream);
    }
    kv_clear(self->inner, table);
}

/* ---- cursors ------------------------------------------------------------------------------------------------- */

static struct kv_cursor *packed_cursor_open(struct kv_txn *txn, unsigned table)
{
    struct packed_txn *self = txn_of(txn);
    if (!is_packed(self, table))
        return kv_cursor_open(self->inner, table);
    if (kv_error(self->inner) != STATUS_OK)
        return NULL;
    struct cursor *cursor = calloc(1, sizeof *cursor);
    if (cursor == NULL) {
        kv_set_error(self->inner, STATUS_NO_MEMORY);
        return NULL;
    }
    cursor->walk = packed_cursor_new(self->inner, table);
    if (cursor->walk == NULL) {
        free(cursor);
        return NULL;
    }
    cursor->base.ops = txn->ops;
    cursor->txn = self;
    cursor->table = table;
    self->cursors++;
    return &cursor->base;
}

static void packed_cursor_close(struct kv_cursor *cursor)
{
    struct cursor *self = cursor_of(cursor);
    self->txn->cursors--;
    packed_cursor_free(self->walk);
    free(self);
}

/* Before a move: what is kept back goes to the store, and the cursor finds its place there again. */
static bool look_again(struct cursor *self)
{
    struct packed_txn *txn = self->txn;
    struct packed_stream *stream = txn->write ? txn->store->streams[self->table] : NULL;
    if (stream != NULL && stream->inner != NULL)
        packed_stream_close(stream);
    if (self->writes != txn->writes[self->table])
        packed_cursor_stale(self->walk);
    self->writes = txn->writes[self->table];
    return kv_error(txn->inner) == STATUS_OK;
}

static bool arrive(struct cursor *self, bool moved)
{
    struct slice key, value;
    if (!moved)
        return false;
    packed_cursor_row(self->walk, &key, &value);
    return lend(self->txn, key, &self->key) && lend(self->txn, value, &self->value);
}

static bool cursor_seek(struct kv_cursor *cursor, struct slice key)
{
    struct cursor *self = cursor_of(cursor);
    return look_again(self) && arrive(self, packed_cursor_seek(self->walk, key));
}

static bool cursor_last(struct kv_cursor *cursor, struct slice key)
{
    struct cursor *self = cursor_of(cursor);
    return look_again(self) && arrive(self, packed_cursor_last(self->walk, key));
}

static bool cursor_next(struct kv_cursor *cursor)
{
    struct cursor *self = cursor_of(cursor);
    return look_again(self) && arrive(self, packed_cursor_next(self->walk));
}

static bool cursor_previous(struct kv_cursor *cursor)
{
    struct cursor *self = cursor_of(cursor);
    return look_again(self) && arrive(self, packed_cursor_previous(self->walk));
}

static void cursor_row(struct kv_cursor *cursor, struct slice *key, struct slice *value)
{
    struct cursor *self = cursor_of(cursor);
    *key = self->key;
    if (value != NULL)
        *value = self->value;
}

/* ---- the store ----------------------------------------------------------------------------------------------- */

static enum status packed_sync(struct kv *kv)
{
    return kv_sync(store_of(kv)->inner);
}

static void packed_usage(struct kv *kv, uint64_t *used_bytes, uint64_t *limit_bytes)
{
    kv_usage(store_of(kv)->inner, used_bytes, limit_bytes);
}

static void packed_failure(struct kv *kv, struct fault *out)
{
    kv_failure(store_of(kv)->inner, out);
}

static void packed_close(struct kv *kv)
{
    struct packed *store = store_of(kv);
    for (unsigned i = 0; i < store->count; i++)
        packed_stream_free(store->streams[i]);
    kv_close(store->inner);
    free(store);
}

static const struct kv_ops packed_ops = {
    .begin = packed_begin,
    .commit = packed_commit,
    .abort = packed_abort,
    .get = packed_get,
    .put = packed_put,
    .del = packed_del,
    .clear = packed_clear,
    .cursor_open = packed_cursor_open,
    .cursor_seek = cursor_seek,
    .cursor_last = cursor_last,
    .cursor_next = cursor_next,
    .cursor_previous = cursor_previous,
    .cursor_row = cursor_row,
    .cursor_close = packed_cursor_close,
    .set_error = packed_set_error,
    .error = packed_error,
    .sync = packed_sync,
    .usage = packed_usage,
    .failure = packed_failure,
    .close = packed_close,
};

struct kv *kv_packed_new(struct kv *inner, const struct kv_packed_options *options)
{
    ASSERT(options->count <= KV_TABLES_MAX);
    bool some = false;
    for (unsigned i = 0; i < options->count; i++) {
        unsigned flags = options->tables[i].flags;
        ASSERT((flags & (KV_PACKED | KV_BLIND_KEYS)) != (KV_PACKED | KV_BLIND_KEYS));
        some = some || (flags & KV_PACKED) != 0;
    }
    if (!some)
        return inner;
    struct packed *store = calloc(1, sizeof *store);
    if (store == NULL)
        return NULL;
    store->base.ops = &packed_ops;
    store->inner = inner;
    store->tables = options->tables;
    store->count = options->count;
    store->block_bytes = options->block_bytes != 0 ? options->block_bytes : KV_PACKED_BLOCK_BYTES;
    return &store->base;
}
