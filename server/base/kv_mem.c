#include "server/base/kv_mem.h"

#include <stdlib.h>

#include "proto/base/bug.h"
#include "server/base/row_map.h"

/* What a row was before this transaction first wrote it; entries lie one after the other in the undo buffer.
 */
struct undo {
    size_t previous; /* offset of the entry before */
    uint32_t table;
    uint32_t key_len;
    uint32_t value_len;
    bool existed;
};
#define UNDO_NONE SIZE_MAX

struct mem_txn {
    struct kv_txn base;
    struct mem *mem;
    struct mem_cursor *cursors;
    enum status error;
    bool write;
};

struct mem {
    struct kv base;
    unsigned table_count;
    unsigned readers;
    bool writing;
    uint64_t txn_number; /* of the write transaction; rows marked with it have their undo entry */
    struct mem_txn writer;
    uint8_t *undo;
    size_t undo_len, undo_cap, undo_last;
    struct row_map maps[];
};

struct mem_cursor {
    struct kv_cursor base;
    struct mem_txn *txn;
    struct mem_cursor *next;
    unsigned table;
    enum { CURSOR_FRESH, CURSOR_ON_ROW, CURSOR_ON_KEY, CURSOR_OFF } place;
    const struct row *row; /* CURSOR_ON_ROW */
    uint16_t key_len;      /* CURSOR_ON_KEY: a write came between */
    uint8_t key[KV_KEY_MAX];
};

static struct mem_txn *mem_txn_of(struct kv_txn *txn)
{
    return (struct mem_txn *)(void *)txn;
}

static struct mem_cursor *mem_cursor_of(struct kv_cursor *cursor)
{
    return (struct mem_cursor *)(void *)cursor;
}

static void mem_set_error(struct kv_txn *txn, enum status status)
{
    struct mem_txn *self = mem_txn_of(txn);
    if (self->error == STATUS_OK)
        self->error = status;
}

static enum status mem_error(const struct kv_txn *txn)
{
    return ((const struct mem_txn *)(const void *)txn)->error;
}

static enum status mem_begin(struct kv *kv, bool write, struct kv_txn **out)
{
    struct mem *mem = (struct mem *)(void *)kv;
    if (mem->writing || (write && mem->readers > 0))
        return STATUS_BUSY;
    struct mem_txn *txn = &mem->writer;
    if (!write) {
        txn = malloc(sizeof *txn);
        if (txn == NULL)
            return STATUS_NO_MEMORY;
        mem->readers++;
    } else {
        mem->writing = true;
        mem->txn_number++;
        mem->undo_len = 0;
        mem->undo_last = UNDO_NONE;
    }
    *txn = (struct mem_txn){.base = {.ops = kv->ops}, .mem = mem, .write = write};
    *out = &txn->base;
    return STATUS_OK;
}

static void mem_end(struct mem_txn *txn)
{
    ASSERT(txn->cursors == NULL);
    struct mem *mem = txn->mem;
    if (txn->write) {
        mem->writing = false;
        return;
    }
    mem->readers--;
    free(txn);
}

/* ---- undo -------------------------------------------------------------------------------------------------------- */

static bool undo_push(struct mem *mem, unsigned table, struct slice key, const struct row *row)
{
    struct undo entry = {.previous = mem->undo_last, .table = table, .key_len = (uint32_t)key.len};
    if (row != NULL) {
        entry.existed = true;
        entry.value_len = row->value_len;
    }
    size_t need = (sizeof entry + entry.key_len + entry.value_len + 15) / 16 * 16;
    if (need > mem->undo_cap - mem->undo_len) {
        size_t cap = 2 * mem->undo_cap + need + 4096;
        uint8_t *grown = realloc(mem->undo, cap);
        if (grown == NULL)
            return false;
        mem->undo = grown;
        mem->undo_cap = cap;
    }
    uint8_t *at = mem->undo + mem->undo_len;
    memcpy(at, &entry, sizeof entry);
    memcpy(at + sizeof entry, key.ptr, key.len);
    if (entry.value_len != 0)
        memcpy(at + sizeof entry + key.len, row->value, entry.value_len);
    mem->undo_last = mem->undo_len;
    mem->undo_len += need;
    return true;
}

/* Memory for what is put back was there a moment ago; when even that fails, nothing sane is left to do. */
static void undo_all(struct mem *mem)
{
    while (mem->undo_last != UNDO_NONE) {
        struct undo entry;
        const uint8_t *at = mem->undo + mem->undo_last;
        memcpy(&entry, at, sizeof entry);
        struct slice key = slice_of(at + sizeof entry, entry.key_len);
        struct slice value = slice_of(key.ptr + key.len, entry.value_len);
        struct row_map *map = &mem->maps[entry.table];
        struct row *row = row_map_find(map, key, row_hash(key));
        bool done = true;
        if (!entry.existed && row != NULL)
            row_map_remove(map, row);
        else if (entry.existed && row != NULL)
            done = row_map_set(map, row, value);
        else if (entry.existed)
            done = row_map_add(map, key, row_hash(key), value, true) != NULL;
        ASSERT(done);
        mem->undo_last = entry.previous;
    }
}

static void mem_abort(struct kv_txn *txn)
{
    struct mem_txn *self = mem_txn_of(txn);
    if (self->write)
        undo_all(self->mem);
    mem_end(self);
}

static enum status mem_commit(struct kv_txn *txn)
{
    struct mem_txn *self = mem_txn_of(txn);
    enum status status = self->error;
    if (status != STATUS_OK)
        mem_abort(txn);
    else
        mem_end(self);
    return status;
}

/* ---- point access ------------------------------------------------------------------------------------------------ */

static bool key_fits(struct slice key)
{
    return key.len >= 1 && key.len <= KV_KEY_MAX;
}

static bool mem_get(struct kv_txn *txn, unsigned table, struct slice key, struct slice *out)
{
    struct mem_txn *self = mem_txn_of(txn);
    ASSERT(table < self->mem->table_count);
    if (self->error != STATUS_OK || !key_fits(key))
        return false;
    const struct row *row = row_map_find(&self->mem->maps[table], key, row_hash(key));
    if (row == NULL)
        return false;
    *out = row_value(row);
    return true;
}

/* Cursors remember their key, since the row they stand on may go. */
static void cursors_let_go(struct mem_txn *txn)
{
    for (struct mem_cursor *cursor = txn->cursors; cursor != NULL; cursor = cursor->next) {
        if (cursor->place != CURSOR_ON_ROW)
            continue;
        cursor->key_len = cursor->row->key_len;
        memcpy(cursor->key, cursor->row->bytes, cursor->key_len);
        cursor->place = CURSOR_ON_KEY;
    }
}

/* Before a write of `key`: false when it must not happen. */
static bool mem_write_begin(struct mem_txn *self, unsigned table, struct slice key, size_t value_len)
{
    ASSERT(self->write && table < self->mem->table_count);
    if (self->error == STATUS_OK && (!key_fits(key) || value_len > KV_VALUE_MAX + KV_VALUE_ROOM))
        self->error = STATUS_INTERNAL;
    if (self->error != STATUS_OK)
        return false;
    cursors_let_go(self);
    return true;
}

static void mem_put(struct kv_txn *txn, unsigned table, struct slice key, struct slice value)
{
    struct mem_txn *self = mem_txn_of(txn);
    if (!mem_write_begin(self, table, key, value.len))
        return;
    struct mem *mem = self->mem;
    struct row_map *map = &mem->maps[table];
    uint64_t hash = row_hash(key);
    struct row *row = row_map_find(map, key, hash);
    bool remembered = row != NULL && row->mark == mem->txn_number;
    bool done = remembered || undo_push(mem, table, key, row);
    if (done && row == NULL) {
        row = row_map_add(map, key, hash, value, true);
        done = row != NULL;
    } else if (done) {
        done = row_map_set(map, row, value);
    }
    if (!done) {
        self->error = STATUS_NO_MEMORY;
        return;
    }
    row->mark = mem->txn_number;
}

static void mem_del(struct kv_txn *txn, unsigned table, struct slice key)
{
    struct mem_txn *self = mem_txn_of(txn);
    if (!mem_write_begin(self, table, key, 0))
        return;
    struct mem *mem = self->mem;
    struct row *row = row_map_find(&mem->maps[table], key, row_hash(key));
    if (row == NULL)
        return;
    /* A row of this transaction may still have its undo entry above that of an older state: entries are
     * undone newest first, so the oldest state wins. */
    if (!undo_push(mem, table, row_key(row), row)) {
        self->error = STATUS_NO_MEMORY;
        return;
    }
    row_map_remove(&mem->maps[table], row);
}

static void mem_clear(struct kv_txn *txn, unsigned table)
{
    struct mem_txn *self = mem_txn_of(txn);
    if (!mem_write_begin(self, table, slice_text("-"), 0))
        return;
    struct row_map *map = &self->mem->maps[table];
    for (size_t i = 0; i < map->slot_count; i++) {
        const struct row *row = map->slots[i].row;
        if (row != NULL && !undo_push(self->mem, table, row_key(row), row)) {
            self->error = STATUS_NO_MEMORY;
            return;
        }
    }
    row_map_done(map);
}

/* ---- cursors ----------------------------------------------------------------------------------------------------- */

static struct kv_cursor *mem_cursor_open(struct kv_txn *txn, unsigned table)
{
    struct mem_txn *self = mem_txn_of(txn);
    ASSERT(table < self->mem->table_count);
    struct mem_cursor *cursor = self->error == STATUS_OK ? malloc(sizeof *cursor) : NULL;
    if (cursor == NULL) {
        mem_set_error(txn, STATUS_NO_MEMORY);
        return NULL;
    }
    cursor->base.ops = txn->ops;
    cursor->txn = self;
    cursor->table = table;
    cursor->place = CURSOR_FRESH;
    cursor->next = self->cursors;
    self->cursors = cursor;
    return &cursor->base;
}

static void mem_cursor_close(struct kv_cursor *cursor)
{
    struct mem_cursor *self = mem_cursor_of(cursor);
    struct mem_cursor **link = &self->txn->cursors;
    while (*link != self)
        link = &(*link)->next;
    *link = self->next;
    free(self);
}

/* The ordered map of this cursor; NULL when the transaction has failed. */
static struct row_map *cursor_map(struct mem_cursor *self)
{
    struct row_map *map = &self->txn->mem->maps[self->table];
    if (self->txn->error == STATUS_OK && !row_map_catch_up(map))
        self->txn->error = STATUS_NO_MEMORY;
    return self->txn->error == STATUS_OK ? map : NULL;
}

static bool cursor_move_to(struct mem_cursor *self, const struct row *row)
{
    self->row = row;
    self->place = row != NULL ? CURSOR_ON_ROW : CURSOR_OFF;
    return row != NULL;
}

static bool mem_cursor_seek(struct kv_cursor *cursor, struct slice key)
{
    struct mem_cursor *self = mem_cursor_of(cursor);
    const struct row_map *map = cursor_map(self);
    return cursor_move_to(self, map != NULL ? row_map_seek(map, key, false) : NULL);
}

static bool mem_cursor_last(struct kv_cursor *cursor, struct slice key)
{
    struct mem_cursor *self = mem_cursor_of(cursor);
    const struct row_map *map = cursor_map(self);
    const struct row *row = NULL;
    if (map != NULL)
        row = key.len == 0 ? row_map_last(map) : row_map_seek_back(map, key, false);
    return cursor_move_to(self, row);
}

static bool mem_cursor_step(struct kv_cursor *cursor, bool forward)
{
    struct mem_cursor *self = mem_cursor_of(cursor);
    const struct row_map *map = cursor_map(self);
    if (map == NULL || self->place == CURSOR_OFF)
        return cursor_move_to(self, NULL);
    if (self->place == CURSOR_ON_ROW)
        return cursor_move_to(self, forward ? row_map_next(self->row) : row_map_previous(self->row));
    struct slice key = slice_of(self->key, self->place == CURSOR_FRESH ? 0 : self->key_len);
    if (forward)
        return cursor_move_to(self, row_map_seek(map, key, self->place == CURSOR_ON_KEY));
    return cursor_move_to(self, self->place == CURSOR_FRESH ? row_map_last(map)
                                                            : row_map_seek_back(map, key, true));
}

static bool mem_cursor_next(struct kv_cursor *cursor)
{
    return mem_cursor_step(cursor, true);
}

static bool mem_cursor_previous(struct kv_cursor *cursor)
{
    return mem_cursor_step(cursor, false);
}

static void mem_cursor_row(struct kv_cursor *cursor, struct slice *key, struct slice *value)
{
    struct mem_cursor *self = mem_cursor_of(cursor);
    ASSERT(self->place == CURSOR_ON_ROW);
    *key = row_key(self->row);
    if (value != NULL)
        *value = row_value(self->row);
}

/* ---- the store --------------------------------------------------------------------------------------------------- */

static enum status mem_sync(struct kv *kv)
{
    (void)kv;
    return STATUS_OK;
}

static void mem_usage(struct kv *kv, uint64_t *used_bytes, uint64_t *limit_bytes)
{
    const struct mem *mem = (struct mem *)(void *)kv;
    uint64_t used = 0;
    for (unsigned i = 0; i < mem->table_count; i++)
        used += mem->maps[i].bytes;
    *used_bytes = used;
    *limit_bytes = UINT64_MAX;
}

static void mem_close(struct kv *kv)
{
    struct mem *mem = (struct mem *)(void *)kv;
    ASSERT(!mem->writing && mem->readers == 0);
    for (unsigned i = 0; i < mem->table_count; i++)
        row_map_done(&mem->maps[i]);
    free(mem->undo);
    free(mem);
}

static const struct kv_ops mem_ops = {
    .begin = mem_begin,
    .commit = mem_commit,
    .abort = mem_abort,
    .get = mem_get,
    .put = mem_put,
    .del = mem_del,
    .clear = mem_clear,
    .cursor_open = mem_cursor_open,
    .cursor_seek = mem_cursor_seek,
    .cursor_last = mem_cursor_last,
    .cursor_next = mem_cursor_next,
    .cursor_previous = mem_cursor_previous,
    .cursor_row = mem_cursor_row,
    .cursor_close = mem_cursor_close,
    .set_error = mem_set_error,
    .error = mem_error,
    .sync = mem_sync,
    .usage = mem_usage,
    .close = mem_close,
};

struct kv *kv_mem_new(const struct kv_table *tables, unsigned count)
{
    (void)tables; /* names and hints are for stores on disk */
    ASSERT(count <= KV_TABLES_MAX);
    struct mem *mem = calloc(1, sizeof *mem + count * sizeof mem->maps[0]);
    if (mem == NULL)
        return NULL;
    mem->base.ops = &mem_ops;
    mem->table_count = count;
    for (unsigned i = 0; i < count; i++)
        row_map_init(&mem->maps[i]);
    return &mem->base;
}
