#include "server/base/kv_overlay.h"

#include <stdlib.h>

#include "proto/base/bug.h"
#include "server/base/kv_overlay_parts.h"

#define EVICT_EVERY       16u   /* new rows of a table between looks at memory */
#define EVICT_SLOTS_PUT   1024u /* slots looked at then, when memory is short */
#define EVICT_SLOTS_BEGIN 4096u /* and at the start of a transaction */

struct overlay_cursor {
    struct kv_cursor base;
    struct overlay_txn *txn;
    struct overlay_cursor *next;
    struct kv_cursor *below; /* NULL: the table was cleared */
    struct row_map *map;
    enum { GOING_FRESH, GOING_FORWARD, GOING_BACK, GOING_KEY, GOING_OFF } going;
    bool below_valid; /* the cursor below stands on a row, at or ahead of our place */
    bool on_below;    /* our place is its row; else it is `row` */
    struct row *row;  /* next unflushed row, at or ahead of our place; NULL: none */
    uint16_t key_len; /* GOING_KEY: a write came between */
    uint8_t key[KV_KEY_MAX];
};

static struct overlay_txn *txn_of(struct kv_txn *txn)
{
    return (struct overlay_txn *)(void *)txn;
}

static struct overlay_cursor *cursor_of(struct kv_cursor *cursor)
{
    return (struct overlay_cursor *)(void *)cursor;
}

/* Does the store below have a say in this table? */
static bool table_below(const struct overlay *overlay, unsigned table)
{
    return ((overlay->cleared | overlay->flush.cleared) & overlay_table_bit(table)) == 0;
}

bool overlay_list_room(struct row_list *list)
{
    if (list->count < list->cap)
        return true;
    size_t cap = list->cap == 0 ? 256 : 2 * list->cap;
    struct row **rows = realloc(list->rows, cap * sizeof *rows);
    if (rows == NULL)
        return false;
    list->rows = rows;
    list->cap = cap;
    return true;
}

static size_t dirty_size(const struct row *row)
{
    return sizeof *row + row->key_len + row->value_len;
}

void overlay_mark_dirty(struct overlay *overlay, struct row *row)
{
    row->flags |= ROW_USED;
    if ((row->flags & ROW_DIRTY) != 0)
        return;
    row->flags |= ROW_DIRTY;
    ASSERT(overlay->dirty.count < overlay->dirty.cap);
    overlay->dirty.rows[overlay->dirty.count++] = row;
    overlay->dirty_bytes += dirty_size(row);
    row_map_order(&overlay->maps[row->table], row);
}

static struct row *row_new(struct overlay *overlay, unsigned table, struct slice key, uint64_t hash,
                           struct slice value, unsigned flags)
{
    struct row *row = row_map_add(&overlay->maps[table], key, hash, value, false);
    if (row != NULL) {
        row->table = (uint8_t)table;
        row->flags = (uint8_t)(flags | ROW_USED);
    }
    return row;
}

/* ---- memory -------------------------------------------------------------------------------------------------- */

static size_t overlay_bytes(const struct overlay *overlay)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < overlay->count; i++)
        bytes += overlay->maps[i].bytes;
    return bytes;
}

/* Where the clock hand stands after so many steps. Not slot by slot: rows come evenly all over a table, so behind a hand that
 * sweeps there would be none and before it twice as many as on average, which is more than there are slots, and every
 * look-up there would walk past tens of thousands (measured at 4 million entries: two thirds of the writer's time). Steps of the golden
 * section come by each slot once a round, and at any time have been everywhere alike. */
static size_t evict_slot(const struct row_map *map, size_t step)
{
    size_t stride = (size_t)(UINT64_C(0x9e3779b97f4a7c15) >> (unsigned)__builtin_clzll(map->slot_count)) | 1u;
    return step * stride & (map->slot_count - 1);
}

/* A clock hand over all slots: a clean row not used since the last round goes. Rows lent out may be among them, so
 * this happens only where the port ends what was lent. */
static void evict(struct overlay *overlay, size_t slots)
{
    size_t bytes = overlay_bytes(overlay);
    if (overlay->dirty_bytes > overlay->memory_bytes / 2 && slots > EVICT_SLOTS_PUT)
        slots = EVICT_SLOTS_PUT; /* mostly rows that may not go: looking longer finds little */
    while (slots-- > 0 && bytes > overlay->memory_bytes) {
        struct row_map *map = &overlay->maps[overlay->evict_table];
        if (overlay->evict_step >= map->slot_count) {
            overlay->evict_step = 0;
            overlay->evict_table = (overlay->evict_table + 1) % overlay->count;
            continue;
        }
        struct row *row = map->slots[evict_slot(map, overlay->evict_step)].row;
        if (row == NULL || (row->flags & ROW_SHADOWS) != 0) {
            overlay->evict_step++;
        } else if ((row->flags & ROW_USED) != 0) {
            row->flags &= (uint8_t)~ROW_USED;
            overlay->evict_step++;
        } else {
            size_t before = map->bytes;
            row_map_remove(map, row); /* may move another row into this slot: look at it again */
            bytes -= before - map->bytes;
        }
    }
}

/* ---- transactions -------------------------------------------------------------------------------------------- */

static void overlay_set_error(struct kv_txn *txn, enum status status)
{
    struct overlay_txn *self = txn_of(txn);
    if (self->error == STATUS_OK)
        self->error = status;
}

static enum status overlay_error(const struct kv_txn *txn)
{
    return ((const struct overlay_txn *)(const void *)txn)->error;
}

static enum status overlay_begin(struct kv *kv, bool write, struct kv_txn **out)
{
    struct overlay *overlay = overlay_of(kv);
    if (overlay->spoiled != STATUS_OK)
        return overlay->spoiled;
    if (overlay->txn.open)
        return STATUS_BUSY;
    evict(overlay, EVICT_SLOTS_BEGIN);
    overlay->txn =
        (struct overlay_txn){.base = {.ops = kv->ops}, .overlay = overlay, .open = true, .write = write};
    *out = &overlay->txn.base;
    return STATUS_OK;
}

static void overlay_end(struct overlay_txn *self)
{
    ASSERT(self->cursors == NULL);
    if (self->wrote && self->error != STATUS_OK)
        self->overlay->spoiled = self->error;
    self->open = false;
}

static enum status overlay_commit(struct kv_txn *txn)
{
    struct overlay_txn *self = txn_of(txn);
    overlay_end(self);
    return self->error;
}

static void overlay_abort(struct kv_txn *txn)
{
    struct overlay_txn *self = txn_of(txn);
    ASSERT(!self->wrote || self->error != STATUS_OK);
    overlay_end(self);
}

/* The read transaction below, opened when first needed and kept until a flush; NULL with the error set. */
static struct kv_txn *reader_of(struct overlay_txn *self)
{
    struct overlay *overlay = self->overlay;
    if (overlay->reader == NULL) {
        enum status status = kv_begin(overlay->backing, false, &overlay->reader);
        if (status != STATUS_OK) {
            overlay->reader = NULL;
            overlay_set_error(&self->base, status);
        }
    }
    return overlay->reader;
}

void overlay_reader_drop(struct overlay *overlay)
{
    kv_abort(overlay->reader);
    overlay->reader = NULL;
}

/* A failed read transaction below reads nothing any more: pass its error on and take a new one next time. */
static void reader_failed(struct overlay_txn *self)
{
    if (self->overlay->reader == NULL || kv_error(self->overlay->reader) == STATUS_OK)
        return;
    overlay_set_error(&self->base, kv_error(self->overlay->reader));
    if (self->cursors == NULL)
        overlay_reader_drop(self->overlay);
}

/* ---- point access -------------------------------------------------------------------------------------------- */

static bool key_fits(struct slice key)
{
    return key.len >= 1 && key.len <= KV_KEY_MAX;
}

static bool get_below(struct overlay_txn *self, unsigned table, struct slice key, uint64_t hash,
                      struct slice *out)
{
    struct overlay *overlay = self->overlay;
    overlay->misses++;
    struct slice value;
    struct kv_txn *reader = table_below(overlay, table) ? reader_of(self) : NULL;
    bool found = reader != NULL && kv_get(reader, table, key, &value);
    if (!found)
        reader_failed(self);
    if (self->error != STATUS_OK)
        return false;
    struct row *row =
        row_new(overlay, table, key, hash, found ? value : slice_of(NULL, 0), found ? 0 : ROW_ABSENT);
    if (row == NULL) {
        overlay_set_error(&self->base, STATUS_NO_MEMORY);
        return false;
    }
    if (found)
        *out = row_value(row);
    return found;
}

static bool overlay_get(struct kv_txn *txn, unsigned table, struct slice key, struct slice *out)
{
    struct overlay_txn *self = txn_of(txn);
    struct overlay *overlay = self->overlay;
    ASSERT(table < overlay->count);
    if (self->error != STATUS_OK || !key_fits(key))
        return false;
    uint64_t hash = row_hash(key);
    struct row *row = row_map_find(&overlay->maps[table], key, hash);
    if (row == NULL)
        return get_below(self, table, key, hash, out);
    overlay->hits++;
    row->flags |= ROW_USED;
    if ((row->flags & ROW_ABSENT) != 0)
        return false;
    *out = row_value(row);
    return true;
}

static void overlay_hint(struct kv_txn *txn, unsigned table, struct slice key, unsigned step)
{
    struct overlay *overlay = txn_of(txn)->overlay;
    ASSERT(table < overlay->count);
    uint64_t hash = row_hash(key);
    if (step == 0)
        row_map_fetch_slot(&overlay->maps[table], hash);
    else
        row_map_fetch_row(&overlay->maps[table], hash);
}

/* The key our place is at, to be found again after a write. */
static void cursors_let_go(struct overlay_txn *txn)
{
    for (struct overlay_cursor *cursor = txn->cursors; cursor != NULL; cursor = cursor->next) {
        if (cursor->going != GOING_FORWARD && cursor->going != GOING_BACK)
            continue;
        struct slice key, value;
        if (cursor->on_below)
            kv_row(cursor->below, &key, &value);
        else
            key = row_key(cursor->row);
        cursor->key_len = (uint16_t)key.len;
        memcpy(cursor->key, key.ptr, key.len);
        cursor->going = GOING_KEY;
    }
}

/* Before a write: false when it must not happen. */
static bool write_begin(struct overlay_txn *self, unsigned table, struct slice key, size_t value_len)
{
    ASSERT(self->write && table < self->overlay->count);
    if (!key_fits(key) || value_len > KV_VALUE_MAX)
        overlay_set_error(&self->base, STATUS_INTERNAL);
    if (self->error == STATUS_OK && !overlay_list_room(&self->overlay->dirty))
        self->error = STATUS_NO_MEMORY;
    if (self->error != STATUS_OK)
        return false;
    self->wrote = true;
    cursors_let_go(self);
    return true;
}

static void overlay_put(struct kv_txn *txn, unsigned table, struct slice key, struct slice value)
{
    struct overlay_txn *self = txn_of(txn);
    struct overlay *overlay = self->overlay;
    if (!write_begin(self, table, key, value.len))
        return;
    uint64_t hash = row_hash(key);
    struct row *row = row_map_find(&overlay->maps[table], key, hash);
    bool there = row != NULL;
    if (!there)
        row = row_new(overlay, table, key, hash, value, 0);
    else if (!row_map_set(&overlay->maps[table], row, value))
        row = NULL;
    if (row == NULL) {
        self->error = STATUS_NO_MEMORY;
        return;
    }
    row->flags &= (uint8_t)~ROW_ABSENT;
    overlay_mark_dirty(overlay, row);
    if (!there && overlay->maps[table].row_count % EVICT_EVERY == 0)
        evict(overlay, EVICT_SLOTS_PUT);
}

static void overlay_del(struct kv_txn *txn, unsigned table, struct slice key)
{
    struct overlay_txn *self = txn_of(txn);
    struct overlay *overlay = self->overlay;
    if (!write_begin(self, table, key, 0))
        return;
    uint64_t hash = row_hash(key);
    struct row *row = row_map_find(&overlay->maps[table], key, hash);
    if (row == NULL)
        row = row_new(overlay, table, key, hash, slice_of(NULL, 0), ROW_ABSENT);
    if (row == NULL) {
        self->error = STATUS_NO_MEMORY;
        return;
    }
    row->flags |= ROW_ABSENT;
    row->value_len = 0;
    overlay_mark_dirty(overlay, row);
}

static void overlay_clear(struct kv_txn *txn, unsigned table)
{
    struct overlay_txn *self = txn_of(txn);
    struct overlay *overlay = self->overlay;
    if (!write_begin(self, table, slice_text("-"), 0))
        return;
    struct row_map *map = &overlay->maps[table];
    for (size_t i = 0; i < map->slot_count;) {
        struct row *row = map->slots[i].row;
        if (row == NULL) {
            i++;
        } else if ((row->flags & ROW_SHADOWS) == 0) {
            row_map_remove(map, row); /* may move another row into this slot: look at it again */
        } else if (!overlay_list_room(&overlay->dirty)) {
            self->error = STATUS_NO_MEMORY;
            return;
        } else {
            row->flags |= ROW_ABSENT;
            row->value_len = 0;
            overlay_mark_dirty(overlay, row);
            i++;
        }
    }
    overlay->cleared |= overlay_table_bit(table);
}

/* ---- cursors: two ordered sources merged, the rows in memory hiding those below -------------------------------- */

static struct kv_cursor *overlay_cursor_open(struct kv_txn *txn, unsigned table)
{
    struct overlay_txn *self = txn_of(txn);
    struct overlay *overlay = self->overlay;
    ASSERT(table < overlay->count);
    if ((overlay->tables[table].flags & KV_BLIND_KEYS) != 0)
        overlay_set_error(txn, STATUS_INTERNAL);
    if (self->error != STATUS_OK)
        return NULL;
    struct kv_cursor *below = NULL;
    if (table_below(overlay, table)) {
        struct kv_txn *reader = reader_of(self);
        below = reader != NULL ? kv_cursor_open(reader, table) : NULL;
        if (below == NULL) {
            reader_failed(self);
            return NULL;
        }
    }
    struct overlay_cursor *cursor = calloc(1, sizeof *cursor);
    if (cursor == NULL) {
        kv_cursor_close(below);
        self->error = STATUS_NO_MEMORY;
        return NULL;
    }
    cursor->base.ops = txn->ops;
    cursor->txn = self;
    cursor->below = below;
    cursor->map = &overlay->maps[table];
    cursor->going = GOING_FRESH;
    cursor->next = self->cursors;
    self->cursors = cursor;
    return &cursor->base;
}

static void overlay_cursor_close(struct kv_cursor *cursor)
{
    struct overlay_cursor *self = cursor_of(cursor);
    struct overlay_cursor **link = &self->txn->cursors;
    while (*link != self)
        link = &(*link)->next;
    *link = self->next;
    kv_cursor_close(self->below);
    reader_failed(self->txn);
    free(self);
}

/* Both sources stand at or ahead of where we want to be: settle on the nearer row that is there. */
static bool cursor_settle(struct overlay_cursor *self, bool forward)
{
    for (;;) {
        int order = 0; /* < 0: the row below is nearer */
        struct slice key, value;
        if (self->below_valid)
            kv_row(self->below, &key, &value);
        else if (self->below != NULL)
            reader_failed(self->txn);
        if (self->txn->error != STATUS_OK || (!self->below_valid && self->row == NULL)) {
            self->going = GOING_OFF;
            return false;
        }
        if (self->row == NULL)
            order = -1;
        else if (!self->below_valid)
            order = 1;
        else
            order = forward ? slice_compare(key, row_key(self->row)) : slice_compare(row_key(self->row), key);
        if (order == 0) { /* hidden by the row in memory */
            self->below_valid = forward ? kv_next(self->below) : kv_previous(self->below);
        } else if (order > 0 && (self->row->flags & ROW_ABSENT) != 0) {
            self->row = forward ? row_map_next(self->row) : row_map_previous(self->row);
        } else {
            self->on_below = order < 0;
            self->going = forward ? GOING_FORWARD : GOING_BACK;
            return true;
        }
    }
}

/* False when the transaction has failed. */
static bool cursor_ready(struct overlay_cursor *self)
{
    if (self->txn->error == STATUS_OK && !row_map_catch_up(self->map))
        self->txn->error = STATUS_NO_MEMORY;
    if (self->txn->error != STATUS_OK)
        self->going = GOING_OFF;
    return self->txn->error == STATUS_OK;
}

static bool overlay_cursor_seek(struct kv_cursor *cursor, struct slice key)
{
    struct overlay_cursor *self = cursor_of(cursor);
    if (!cursor_ready(self))
        return false;
    self->below_valid = kv_seek(self->below, key);
    self->row = row_map_seek(self->map, key, false);
    return cursor_settle(self, true);
}

static bool overlay_cursor_last(struct kv_cursor *cursor, struct slice key)
{
    struct overlay_cursor *self = cursor_of(cursor);
    if (!cursor_ready(self))
        return false;
    self->below_valid = kv_last(self->below, key);
    self->row = key.len == 0 ? row_map_last(self->map) : row_map_seek_back(self->map, key, false);
    return cursor_settle(self, false);
}

/* Put both sources strictly past `key`. */
static void cursor_place_past(struct overlay_cursor *self, struct slice key, bool forward)
{
    self->below_valid = forward ? kv_seek(self->below, key) : kv_last(self->below, key);
    if (self->below_valid) {
        struct slice at, value;
        kv_row(self->below, &at, &value);
        if (slice_equal(at, key))
            self->below_valid = forward ? kv_next(self->below) : kv_previous(self->below);
    }
    self->row = forward ? row_map_seek(self->map, key, true) : row_map_seek_back(self->map, key, true);
}

static bool cursor_step(struct overlay_cursor *self, bool forward)
{
    if (!cursor_ready(self) || self->going == GOING_OFF)
        return false;
    if (self->going == (forward ? GOING_FORWARD : GOING_BACK)) {
        if (self->on_below)
            self->below_valid = forward ? kv_next(self->below) : kv_previous(self->below);
        else
            self->row = forward ? row_map_next(self->row) : row_map_previous(self->row);
        return cursor_settle(self, forward);
    }
    if (self->going != GOING_KEY) { /* turned round: remember where */
        struct slice key, value;
        if (self->on_below)
            kv_row(self->below, &key, &value);
        else
            key = row_key(self->row);
        self->key_len = (uint16_t)key.len;
        memcpy(self->key, key.ptr, key.len);
    }
    cursor_place_past(self, slice_of(self->key, self->key_len), forward);
    return cursor_settle(self, forward);
}

static bool overlay_cursor_next(struct kv_cursor *cursor)
{
    if (cursor_of(cursor)->going == GOING_FRESH)
        return overlay_cursor_seek(cursor, slice_of(NULL, 0));
    return cursor_step(cursor_of(cursor), true);
}

static bool overlay_cursor_previous(struct kv_cursor *cursor)
{
    if (cursor_of(cursor)->going == GOING_FRESH)
        return overlay_cursor_last(cursor, slice_of(NULL, 0));
    return cursor_step(cursor_of(cursor), false);
}

static void overlay_cursor_row(struct kv_cursor *cursor, struct slice *key, struct slice *value)
{
    struct overlay_cursor *self = cursor_of(cursor);
    ASSERT(self->going == GOING_FORWARD || self->going == GOING_BACK);
    if (self->on_below) {
        kv_row(self->below, key, value);
        return;
    }
    *key = row_key(self->row);
    if (value != NULL)
        *value = row_value(self->row);
}

/* ---- the store ----------------------------------------------------------------------------------------------- */

static enum status overlay_sync(struct kv *kv)
{
    enum status status = kv_overlay_flush(kv);
    return status == STATUS_OK ? kv_sync(overlay_of(kv)->backing) : status;
}

static void overlay_usage(struct kv *kv, uint64_t *used_bytes, uint64_t *limit_bytes)
{
    kv_usage(overlay_of(kv)->backing, used_bytes, limit_bytes);
}

/* Unflushed rows are forgotten: they come back from the log. */
static void overlay_failure(struct kv *kv, struct fault *out)
{
    kv_failure(overlay_of(kv)->backing, out);
}

static void overlay_close(struct kv *kv)
{
    struct overlay *overlay = overlay_of(kv);
    ASSERT(!overlay->txn.open);
    (void)overlay_flush_wait(overlay);
    overlay_reader_drop(overlay);
    for (unsigned i = 0; i < overlay->count; i++)
        row_map_done(&overlay->maps[i]);
    free(overlay->dirty.rows);
    free(overlay->flush.rows.rows);
    kv_close(overlay->backing);
    free(overlay);
}

static const struct kv_ops overlay_ops = {
    .begin = overlay_begin,
    .commit = overlay_commit,
    .abort = overlay_abort,
    .get = overlay_get,
    .hint = overlay_hint,
    .put = overlay_put,
    .del = overlay_del,
    .clear = overlay_clear,
    .cursor_open = overlay_cursor_open,
    .cursor_seek = overlay_cursor_seek,
    .cursor_last = overlay_cursor_last,
    .cursor_next = overlay_cursor_next,
    .cursor_previous = overlay_cursor_previous,
    .cursor_row = overlay_cursor_row,
    .cursor_close = overlay_cursor_close,
    .set_error = overlay_set_error,
    .error = overlay_error,
    .sync = overlay_sync,
    .usage = overlay_usage,
    .failure = overlay_failure,
    .close = overlay_close,
};

struct kv *kv_overlay_new(struct kv *backing, const struct kv_overlay_options *options)
{
    ASSERT(options->count > 0 && options->count <= KV_TABLES_MAX);
    struct overlay *overlay = calloc(1, sizeof *overlay + options->count * sizeof overlay->maps[0]);
    if (overlay == NULL)
        return NULL;
    overlay->base.ops = &overlay_ops;
    overlay->backing = backing;
    overlay->tables = options->tables;
    overlay->count = options->count;
    overlay->memory_bytes = options->memory_bytes;
    for (unsigned i = 0; i < overlay->count; i++)
        row_map_init(&overlay->maps[i]);
    return &overlay->base;
}

void kv_overlay_stats(const struct kv *overlay, struct kv_overlay_stats *out)
{
    const struct overlay *self = (const struct overlay *)(const void *)overlay;
    *out = (struct kv_overlay_stats){.bytes = overlay_bytes(self),
                                     .dirty_rows = self->dirty.count,
                                     .dirty_bytes = self->dirty_bytes,
                                     .flushing_rows = self->flush.rows.count,
                                     .hits = self->hits,
                                     .misses = self->misses,
                                     .flushing = self->flush.running};
    for (unsigned i = 0; i < self->count; i++)
        out->rows += self->maps[i].row_count;
}
