/* Writing behind: the dirty rows of an overlay, in key order, to the store below. */
#include <stdlib.h>

#include "proto/base/bug.h"
#include "server/base/kv_overlay_parts.h"

static int flush_compare(const void *a, const void *b)
{
    const struct flush_row *x = a, *y = b;
    if (x->table != y->table)
        return x->table < y->table ? -1 : 1;
    return slice_compare(x->key, y->key);
}

/* Key order, since neighbouring rows share pages below. */
static enum status flush_write(struct flush *flush)
{
    qsort(flush->out, flush->rows.count, sizeof flush->out[0], flush_compare);
    struct kv_txn *txn = NULL;
    enum status status = kv_begin(flush->backing, true, &txn);
    if (status != STATUS_OK)
        return status;
    for (unsigned table = 0; table < KV_TABLES_MAX; table++)
        if ((flush->cleared & overlay_table_bit(table)) != 0)
            kv_clear(txn, table);
    for (size_t i = 0; i < flush->rows.count; i++) {
        const struct flush_row *row = &flush->out[i];
        if (!row->absent)
            kv_put(txn, row->table, row->key, row->value);
        else if ((flush->cleared & overlay_table_bit(row->table)) == 0)
            kv_del(txn, row->table, row->key);
    }
    return kv_commit(txn);
}

static void *flush_thread(void *context)
{
    struct flush *flush = context;
    (void)pthread_setname_np(pthread_self(), "write-behind");
    flush->status = flush_write(flush);
    atomic_store(&flush->done, true);
    return NULL;
}

/* Copy the dirty rows and hand them over; NO_MEMORY leaves everything as it was. */
static enum status flush_take(struct overlay *overlay)
{
    struct flush *flush = &overlay->flush;
    size_t bytes = 0;
    for (size_t i = 0; i < overlay->dirty.count; i++)
        bytes += (size_t)overlay->dirty.rows[i]->key_len + overlay->dirty.rows[i]->value_len;
    flush->out = malloc((overlay->dirty.count + 1) * sizeof flush->out[0]);
    flush->bytes = malloc(bytes + 1);
    if (flush->out == NULL || flush->bytes == NULL) {
        free(flush->out);
        free(flush->bytes);
        return STATUS_NO_MEMORY;
    }
    uint8_t *at = flush->bytes;
    for (size_t i = 0; i < overlay->dirty.count; i++) {
        struct row *row = overlay->dirty.rows[i];
        memcpy(at, row->bytes, row->key_len);
        if (row->value_len != 0)
            memcpy(at + row->key_len, row->value, row->value_len);
        flush->out[i] = (struct flush_row){.key = slice_of(at, row->key_len),
                                           .value = slice_of(at + row->key_len, row->value_len),
                                           .table = row->table,
                                           .absent = (row->flags & ROW_ABSENT) != 0};
        at += row->key_len + row->value_len;
        row->flags = (uint8_t)((row->flags & ~ROW_DIRTY) | ROW_FLUSHING);
    }
    struct row_list spare = flush->rows; /* its memory serves for the next dirty rows */
    flush->rows = overlay->dirty;
    overlay->dirty = (struct row_list){.rows = spare.rows, .cap = spare.cap};
    overlay->dirty_bytes = 0;
    flush->cleared = overlay->cleared;
    overlay->cleared = 0;
    flush->backing = overlay->backing;
    return STATUS_OK;
}

/* A row that the store below now has too: it may be forgotten, and takes no part in merged walks. */
static void flushed_row(struct overlay *overlay, struct row *row, bool some_dirty)
{
    row->flags &= (uint8_t)~ROW_FLUSHING;
    if ((row->flags & ROW_DIRTY) != 0)
        return;
    if (some_dirty)
        row_map_unorder(&overlay->maps[row->table], row);
}

/* The flush failed: its rows are dirty again, with what has been written since. */
static enum status flush_give_back(struct overlay *overlay)
{
    struct flush *flush = &overlay->flush;
    overlay->cleared |= flush->cleared;
    for (size_t i = 0; i < flush->rows.count; i++) {
        struct row *row = flush->rows.rows[i];
        row->flags &= (uint8_t)~ROW_FLUSHING;
        if ((row->flags & ROW_DIRTY) == 0 && !overlay_list_room(&overlay->dirty))
            return overlay->spoiled = STATUS_NO_MEMORY;
        if ((row->flags & ROW_DIRTY) == 0)
            overlay_mark_dirty(overlay, row);
    }
    return flush->status;
}

static enum status flush_bring_in(struct overlay *overlay)
{
    struct flush *flush = &overlay->flush;
    overlay_reader_drop(overlay);
    enum status status = flush->status;
    bool some_dirty = overlay->dirty.count > 0;
    if (status != STATUS_OK) {
        status = flush_give_back(overlay);
    } else {
        for (unsigned i = 0; i < overlay->count && !some_dirty; i++)
            row_map_unorder_all(&overlay->maps[i]);
        for (size_t i = 0; i < flush->rows.count; i++)
            flushed_row(overlay, flush->rows.rows[i], some_dirty);
    }
    flush->rows.count = 0;
    flush->cleared = 0;
    free(flush->out);
    free(flush->bytes);
    flush->out = NULL;
    flush->bytes = NULL;
    return status;
}

enum status kv_overlay_flush_poll(struct kv *overlay)
{
    struct overlay *self = overlay_of(overlay);
    ASSERT(!self->txn.open || self->txn.cursors == NULL);
    if (!self->flush.running)
        return STATUS_OK;
    if (!atomic_load(&self->flush.done))
        return STATUS_AGAIN;
    pthread_join(self->flush.thread, NULL);
    self->flush.running = false;
    return flush_bring_in(self);
}

enum status overlay_flush_wait(struct overlay *overlay)
{
    if (!overlay->flush.running)
        return STATUS_OK;
    pthread_join(overlay->flush.thread, NULL);
    overlay->flush.running = false;
    return flush_bring_in(overlay);
}

enum status kv_overlay_flush_wait(struct kv *overlay)
{
    struct overlay *self = overlay_of(overlay);
    ASSERT(!self->txn.open || self->txn.cursors == NULL);
    return overlay_flush_wait(self);
}

enum status kv_overlay_flush_start(struct kv *overlay)
{
    struct overlay *self = overlay_of(overlay);
    if (self->spoiled != STATUS_OK)
        return self->spoiled;
    if (self->flush.running)
        return STATUS_BUSY;
    if (self->dirty.count == 0 && self->cleared == 0)
        return STATUS_OK;
    enum status status = flush_take(self);
    if (status != STATUS_OK)
        return status;
    atomic_store(&self->flush.done, false);
    if (pthread_create(&self->flush.thread, NULL, flush_thread, &self->flush) == 0) {
        self->flush.running = true;
        return STATUS_OK;
    }
    self->flush.status = STATUS_NO_MEMORY;
    return flush_bring_in(self);
}

enum status kv_overlay_flush(struct kv *overlay)
{
    struct overlay *self = overlay_of(overlay);
    ASSERT(!self->txn.open || self->txn.cursors == NULL);
    enum status status = overlay_flush_wait(self);
    if (status == STATUS_OK)
        status = self->spoiled;
    if (status != STATUS_OK || (self->dirty.count == 0 && self->cleared == 0))
        return status;
    status = flush_take(self);
    if (status != STATUS_OK)
        return status;
    overlay_reader_drop(self);
    self->flush.status = flush_write(&self->flush);
    return flush_bring_in(self);
}
