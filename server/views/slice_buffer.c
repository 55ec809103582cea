#include "server/views/slice_buffer.h"

#include <stdlib.h>

#include "proto/base/bytes.h"
#include "server/base/row_map.h"

enum { ROW_DIRTY = 1, ROW_ABSENT = 2 }; /* row->flags */

/* A row of a table whose rows are written once: only its place in `added` is remembered. */
struct added_row {
    uint64_t prefix; /* first 8 bytes of the key, zero padded: settles most comparisons */
    size_t at;       /* of key, then value */
    uint32_t value_len;
    uint16_t key_len;
};

struct buffered_table {
    bool written_once;
    /* written_once: */
    uint8_t *added;
    size_t added_len, added_cap;
    struct added_row *rows;
    size_t row_count, row_cap;
    /* else: */
    struct row_map map;
    struct row **dirty; /* in order of writing */
    size_t dirty_count, dirty_cap;
};

struct slice_buffer {
    struct kv_txn base; /* first */
    struct kv_txn *inner;
    size_t bytes_max;
    unsigned table_count;
    struct buffered_table tables[];
};

static struct slice_buffer *of(struct kv_txn *txn)
{
    return (struct slice_buffer *)txn;
}

/* ---- rows --------------------------------------------------------------------------------------------------------- */

static void no_memory(struct slice_buffer *buffer)
{
    kv_set_error(buffer->inner, STATUS_NO_MEMORY);
}

static void row_mark_dirty(struct slice_buffer *buffer, struct buffered_table *table, struct row *row)
{
    if ((row->flags & ROW_DIRTY) != 0)
        return;
    if (table->dirty_count == table->dirty_cap) {
        size_t cap = table->dirty_cap == 0 ? 256 : 2 * table->dirty_cap;
        struct row **wider = realloc(table->dirty, cap * sizeof *wider);
        if (wider == NULL) {
            no_memory(buffer);
            return;
        }
        table->dirty = wider;
        table->dirty_cap = cap;
    }
    row->flags |= ROW_DIRTY;
    table->dirty[table->dirty_count++] = row;
}

/* ---- rows written once ---------------------------------------------------------------------------------------------- */

static bool added_room(struct buffered_table *table, size_t len)
{
    if (table->row_count == table->row_cap) {
        size_t cap = table->row_cap == 0 ? 256 : 2 * table->row_cap;
        struct added_row *wider = realloc(table->rows, cap * sizeof *wider);
        if (wider == NULL)
            return false;
        table->rows = wider;
        table->row_cap = cap;
    }
    if (len <= table->added_cap - table->added_len)
        return true;
    size_t cap = table->added_cap == 0 ? 16384 : 2 * table->added_cap;
    while (cap - table->added_len < len)
        cap *= 2;
    uint8_t *wider = realloc(table->added, cap);
    if (wider == NULL)
        return false;
    table->added = wider;
    table->added_cap = cap;
    return true;
}

static void row_add(struct slice_buffer *buffer, struct buffered_table *table, struct slice key,
                    struct slice value)
{
    if (!added_room(table, key.len + value.len)) {
        no_memory(buffer);
        return;
    }
    uint8_t first[8] = {0};
    memcpy(first, key.ptr, key.len < sizeof first ? key.len : sizeof first);
    table->rows[table->row_count++] = (struct added_row){.prefix = be64_get(first),
                                                         .at = table->added_len,
                                                         .value_len = (uint32_t)value.len,
                                                         .key_len = (uint16_t)key.len};
    memcpy(table->added + table->added_len, key.ptr, key.len);
    if (value.len != 0)
        memcpy(table->added + table->added_len + key.len, value.ptr, value.len);
    table->added_len += key.len + value.len;
}

/* The later of two rows with one key is written last. */
static int added_compare(const void *a, const void *b, void *bytes)
{
    const struct added_row *one = a, *two = b;
    const uint8_t *added = bytes;
    if (one->prefix != two->prefix)
        return one->prefix < two->prefix ? -1 : 1;
    int order =
        slice_compare(slice_of(added + one->at, one->key_len), slice_of(added + two->at, two->key_len));
    return order != 0 ? order : one->at < two->at ? -1 : one->at > two->at;
}

static void added_flush(struct slice_buffer *buffer, unsigned number)
{
    struct buffered_table *table = &buffer->tables[number];
    if (table->row_count == 0)
        return;
    qsort_r(table->rows, table->row_count, sizeof table->rows[0], added_compare, table->added);
    for (size_t i = 0; i < table->row_count; i++) {
        const struct added_row *row = &table->rows[i];
        const uint8_t *key = table->added + row->at;
        kv_put(buffer->inner, number, slice_of(key, row->key_len),
               slice_of(key + row->key_len, row->value_len));
    }
    table->row_count = table->added_len = 0;
}

/* ---- rows that change ------------------------------------------------------------------------------------------------ */

static bool buffer_get(struct kv_txn *txn, unsigned number, struct slice key, struct slice *out)
{
    struct slice_buffer *buffer = of(txn);
    struct buffered_table *table = &buffer->tables[number];
    if (table->written_once) {
        added_flush(buffer, number);
        return kv_get(buffer->inner, number, key, out);
    }
    uint64_t hash = row_hash(key);
    struct row *row = row_map_find(&table->map, key, hash);
    if (row == NULL) {
        struct slice value = {0};
        bool found = kv_get(buffer->inner, number, key, &value);
        if (kv_error(buffer->inner) != STATUS_OK)
            return false;
        row = row_map_add(&table->map, key, hash, value, false);
        if (row == NULL) {
            no_memory(buffer);
            return false;
        }
        row->flags = found ? 0 : ROW_ABSENT;
    }
    if ((row->flags & ROW_ABSENT) != 0)
        return false;
    *out = row_value(row);
    return true;
}

static void row_write(struct slice_buffer *buffer, unsigned number, struct slice key, struct slice value,
                      bool absent)
{
    struct buffered_table *table = &buffer->tables[number];
    uint64_t hash = row_hash(key);
    if (kv_error(buffer->inner) != STATUS_OK)
        return;
    struct row *row = row_map_find(&table->map, key, hash);
    if (row == NULL) {
        row = row_map_add(&table->map, key, hash, value, false);
        if (row != NULL)
            row->flags = 0;
    } else if (!row_map_set(&table->map, row, value)) {
        row = NULL;
    }
    if (row == NULL) {
        no_memory(buffer);
        return;
    }
    row->flags = (uint8_t)((row->flags & ROW_DIRTY) | (absent ? ROW_ABSENT : 0));
    row_mark_dirty(buffer, table, row);
}

static void buffer_put(struct kv_txn *txn, unsigned number, struct slice key, struct slice value)
{
    if (key.len == 0 || key.len > KV_KEY_MAX || value.len > KV_VALUE_MAX)
        kv_put(of(txn)->inner, number, key, value); /* refused there as anywhere */
    else if (of(txn)->tables[number].written_once)
        row_add(of(txn), &of(txn)->tables[number], key, value);
    else
        row_write(of(txn), number, key, value, false);
}

static void buffer_del(struct kv_txn *txn, unsigned number, struct slice key)
{
    if (of(txn)->tables[number].written_once) {
        added_flush(of(txn), number);
        kv_del(of(txn)->inner, number, key);
    } else if (key.len != 0 && key.len <= KV_KEY_MAX)
        row_write(of(txn), number, key, (struct slice){0}, true);
}

/* ---- handing down ---------------------------------------------------------------------------------------------------- */

static int row_compare(const void *a, const void *b)
{
    return slice_compare(row_key(*(struct row *const *)a), row_key(*(struct row *const *)b));
}

static void table_flush(struct slice_buffer *buffer, unsigned number)
{
    struct buffered_table *table = &buffer->tables[number];
    added_flush(buffer, number);
    if (table->dirty_count == 0)
        return;
    qsort(table->dirty, table->dirty_count, sizeof table->dirty[0], row_compare);
    for (size_t i = 0; i < table->dirty_count; i++) {
        struct row *row = table->dirty[i];
        if ((row->flags & ROW_ABSENT) != 0)
            kv_del(buffer->inner, number, row_key(row));
        else
            kv_put(buffer->inner, number, row_key(row), row_value(row));
        row->flags &= ROW_ABSENT;
    }
    table->dirty_count = 0;
}

static void table_drop(struct buffered_table *table)
{
    row_map_done(&table->map);
    row_map_init(&table->map);
    table->dirty_count = table->row_count = table->added_len = 0;
}

void slice_buffer_flush(struct slice_buffer *buffer)
{
    for (unsigned i = 0; i < buffer->table_count; i++)
        table_flush(buffer, i);
}

void slice_buffer_drop(struct slice_buffer *buffer)
{
    for (unsigned i = 0; i < buffer->table_count; i++)
        table_drop(&buffer->tables[i]);
}

void slice_buffer_tidy(struct slice_buffer *buffer)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < buffer->table_count; i++)
        bytes += buffer->tables[i].map.bytes + buffer->tables[i].added_len +
                 buffer->tables[i].row_count * sizeof(struct added_row);
    if (bytes <= buffer->bytes_max)
        return;
    slice_buffer_flush(buffer);
    slice_buffer_drop(buffer);
}

static void buffer_clear(struct kv_txn *txn, unsigned number)
{
    table_drop(&of(txn)->tables[number]);
    kv_clear(of(txn)->inner, number);
}

/* A cursor walks the rows below, so what was written goes there first. Rows written while it is open are not seen. */
static struct kv_cursor *buffer_cursor_open(struct kv_txn *txn, unsigned number)
{
    table_flush(of(txn), number);
    return kv_cursor_open(of(txn)->inner, number);
}

/* ---- the rest --------------------------------------------------------------------------------------------------------- */

static enum status buffer_commit(struct kv_txn *txn)
{
    (void)txn;
    return STATUS_INTERNAL; /* the owner commits the inner transaction */
}

static void buffer_abort(struct kv_txn *txn)
{
    kv_set_error(of(txn)->inner, STATUS_INTERNAL);
}

static void buffer_set_error(struct kv_txn *txn, enum status status)
{
    kv_set_error(of(txn)->inner, status);
}

static enum status buffer_error(const struct kv_txn *txn)
{
    return kv_error(((const struct slice_buffer *)txn)->inner);
}

/* Only what a transaction needs: stores and cursors below have tables of their own. */
static const struct kv_ops buffer_ops = {
    .commit = buffer_commit,
    .abort = buffer_abort,
    .get = buffer_get,
    .put = buffer_put,
    .del = buffer_del,
    .clear = buffer_clear,
    .cursor_open = buffer_cursor_open,
    .set_error = buffer_set_error,
    .error = buffer_error,
};

struct slice_buffer *slice_buffer_new(unsigned table_count, uint64_t written_once, size_t bytes_max)
{
    struct slice_buffer *buffer = calloc(1, sizeof *buffer + table_count * sizeof buffer->tables[0]);
    if (buffer == NULL)
        return NULL;
    buffer->base.ops = &buffer_ops;
    buffer->bytes_max = bytes_max;
    buffer->table_count = table_count;
    for (unsigned i = 0; i < table_count; i++) {
        row_map_init(&buffer->tables[i].map);
        buffer->tables[i].written_once = (written_once >> i & 1) != 0;
    }
    return buffer;
}

void slice_buffer_free(struct slice_buffer *buffer)
{
    if (buffer == NULL)
        return;
    for (unsigned i = 0; i < buffer->table_count; i++) {
        row_map_done(&buffer->tables[i].map);
        free(buffer->tables[i].dirty);
        free(buffer->tables[i].rows);
        free(buffer->tables[i].added);
    }
    free(buffer);
}

struct kv_txn *slice_buffer_begin(struct slice_buffer *buffer, struct kv_txn *inner)
{
    buffer->inner = inner;
    return &buffer->base;
}
