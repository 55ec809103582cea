#include "server/views/slice_buffer.h"

#include <stdlib.h>

#include "proto/base/bytes.h"
#include "server/base/radix_sort.h"
#include "server/base/row_map.h"
#include "server/views/sum_buffer.h"

enum { ROW_DIRTY = 1, ROW_ABSENT = 2 }; /* row->flags */

/* A row of a table whose rows are written once: only its place in `added` is remembered. */
struct added_row {
    uint64_t prefix; /* first 8 bytes of the key, zero padded */
    size_t at;       /* of key, then value */
    uint32_t value_len;
    uint16_t key_len;
};

/* Accounts of a slice. The stores of all views hold pages of each until the commit, together some 20 KiB when they lie far
 * apart (measured among 1,000,000 accounts: 350 MiB at most); with up to 10,000 accounts no slice is cut short. */
#define TOUCHED_MAX 12288u

#define AHEAD     8u  /* rows that are asked of memory before they are needed */
#define SHORT_RUN 48u /* rows with one prefix that are put in order by moving them one by one */

struct buffered_table {
    bool written_once;
    /* written_once: */
    uint8_t *added;
    size_t added_len, added_cap;
    struct added_row *rows;
    size_t row_count, row_cap;
    struct radix_item *order; /* order_cap of them, and as many to sort with */
    size_t order_cap;
    /* else: */
    struct row_map map;
    struct row **dirty; /* in order of writing */
    size_t dirty_count, dirty_cap;
    struct sum_buffer
        *sums; /* to be added to rows below; NULL until needed, and then none of the rows is kept here */
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

static struct slice added_key(const struct buffered_table *table, size_t row)
{
    return slice_of(table->added + table->rows[row].at, table->rows[row].key_len);
}

/* The later of two rows with one key is written last. */
static int added_compare(const void *a, const void *b, void *context)
{
    const struct radix_item *one = a, *two = b;
    int order = slice_compare(added_key(context, one->index), added_key(context, two->index));
    return order != 0 ? order : one->index < two->index ? -1 : one->index > two->index;
}

/* Rows of one prefix: nearly always in order already, since records come in order of position. */
static void run_sort(struct buffered_table *table, struct radix_item *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (added_compare(&items[i - 1], &items[i], table) < 0)
            continue;
        if (count > SHORT_RUN) {
            qsort_r(items, count, sizeof items[0], added_compare, table);
            return;
        }
        struct radix_item moved = items[i];
        size_t to = i;
        for (; to > 0 && added_compare(&items[to - 1], &moved, table) > 0; to--)
            items[to] = items[to - 1];
        items[to] = moved;
    }
}

static bool added_sort(struct buffered_table *table)
{
    size_t count = table->row_count;
    if (count > table->order_cap) {
        struct radix_item *wider = realloc(table->order, 2 * table->row_cap * sizeof *wider);
        if (wider == NULL)
            return false;
        table->order = wider;
        table->order_cap = table->row_cap;
    }
    struct radix_item *order = table->order;
    for (size_t i = 0; i < count; i++)
        order[i] = (struct radix_item){.key = table->rows[i].prefix, .index = i};
    radix_sort(order, order + table->order_cap, count);
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && order[end].key == order[first].key;)
            end++;
        run_sort(table, order + first, end - first);
    }
    return true;
}

static void added_flush(struct slice_buffer *buffer, unsigned number)
{
    struct buffered_table *table = &buffer->tables[number];
    if (table->row_count == 0)
        return;
    if (!added_sort(table)) {
        no_memory(buffer);
        return;
    }
    for (size_t i = 0; i < table->row_count; i++) {
        /* Rows in order of key lie anywhere in memory: each is asked for before it is needed, in two steps. In a function of
         * their own gcc takes these for nothing at all and leaves them out. */
        if (i + 2 * AHEAD < table->row_count)
            __builtin_prefetch(&table->rows[table->order[i + 2 * AHEAD].index]);
        if (i + AHEAD < table->row_count)
            __builtin_prefetch(table->added + table->rows[table->order[i + AHEAD].index].at);
        const struct added_row *row = &table->rows[table->order[i].index];
        const uint8_t *key = table->added + row->at;
        kv_put(buffer->inner, number, slice_of(key, row->key_len),
               slice_of(key + row->key_len, row->value_len));
    }
    table->row_count = table->added_len = 0;
}

/* ---- rows that change ------------------------------------------------------------------------------------------------ */

/* Rows that were read before sums are added to them below are out of date. */
static void sums_settle(struct slice_buffer *buffer, unsigned number)
{
    struct buffered_table *table = &buffer->tables[number];
    if (table->sums == NULL || sum_buffer_bytes(table->sums) == 0)
        return;
    sum_buffer_settle(table->sums, buffer->inner, number);
    row_map_done(&table->map);
    row_map_init(&table->map);
}

static bool buffer_get(struct kv_txn *txn, unsigned number, struct slice key, struct slice *out)
{
    struct slice_buffer *buffer = of(txn);
    struct buffered_table *table = &buffer->tables[number];
    sums_settle(buffer, number);
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
    sums_settle(buffer, number);
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
    sums_settle(buffer, number);
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
    if (table->sums != NULL)
        sum_buffer_drop(table->sums);
}

void slice_buffer_drop(struct slice_buffer *buffer)
{
    for (unsigned i = 0; i < buffer->table_count; i++)
        table_drop(&buffer->tables[i]);
}

static size_t table_bytes(const struct buffered_table *table)
{
    return table->map.bytes + table->added_len +
           table->row_count * (sizeof(struct added_row) + 2 * sizeof(struct radix_item)) +
           (table->sums != NULL ? sum_buffer_bytes(table->sums) : 0);
}

static size_t buffer_bytes(const struct slice_buffer *buffer)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < buffer->table_count; i++)
        bytes += table_bytes(&buffer->tables[i]);
    return bytes;
}

bool slice_buffer_full(const struct slice_buffer *buffer)
{
    for (unsigned i = 0; i < buffer->table_count; i++)
        if (buffer->tables[i].sums != NULL && sum_buffer_touched(buffer->tables[i].sums) > TOUCHED_MAX)
            return true;
    return buffer_bytes(buffer) > buffer->bytes_max;
}

void slice_buffer_flush(struct slice_buffer *buffer)
{
    for (unsigned i = 0; i < buffer->table_count; i++)
        table_flush(buffer, i);
    if (buffer_bytes(buffer) > buffer->bytes_max)
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
        buffer->tables[i].written_once = i < 64 && (written_once >> i & 1) != 0;
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
        free(buffer->tables[i].order);
        sum_buffer_free(buffer->tables[i].sums);
    }
    free(buffer);
}

struct kv_txn *slice_buffer_begin(struct slice_buffer *buffer, struct kv_txn *inner)
{
    buffer->inner = inner;
    return &buffer->base;
}

struct sum_buffer *slice_buffer_sums(struct kv_txn *txn, unsigned table)
{
    if (txn->ops != &buffer_ops)
        return NULL;
    struct buffered_table *own = &of(txn)->tables[table];
    if (own->dirty_count != 0) /* written as rows before: they go first */
        table_flush(of(txn), table);
    if (own->sums == NULL)
        own->sums = sum_buffer_new();
    return own->sums;
}
