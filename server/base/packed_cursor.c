#include "server/base/packed_cursor.h"

#include <stdlib.h>

#include "server/base/packed_block.h"

#define FIRST_BYTES 8192u

/* A row of a block unfolded as a whole, for going back. */
struct unfolded {
    size_t key_at;
    size_t key_len;
    struct slice value; /* of a long value; else ptr is NULL, and the bytes follow the key */
};

struct packed_cursor {
    struct kv_txn *inner;
    struct kv_cursor *blocks;
    unsigned table;
    enum { PLACE_FRESH, PLACE_ON_ROW, PLACE_OFF } place;
    bool stale;  /* a write came since: only the key of the place counts */
    bool loaded; /* there is a block, and `blocks` stands on it */
    bool all;    /* it is unfolded: rows[index] is the present row, else the reader's */
    uint8_t *block;
    size_t block_len, block_cap;
    struct unfolded *rows;
    size_t row_cap, index;
    uint8_t *bytes;
    size_t bytes_len, bytes_cap;
    size_t name_len, key_len;
    uint8_t name[KV_KEY_MAX];
    uint8_t key[KV_KEY_MAX]; /* of the place, once stale */
    struct packed_reader reader;
};

struct packed_cursor *packed_cursor_new(struct kv_txn *inner, unsigned table)
{
    struct packed_cursor *c = malloc(sizeof *c);
    if (c == NULL) {
        kv_set_error(inner, STATUS_NO_MEMORY);
        return NULL;
    }
    memset(c, 0, offsetof(struct packed_cursor, name));
    c->inner = inner;
    c->table = table;
    c->blocks = kv_cursor_open(inner, table);
    if (c->blocks == NULL) {
        free(c);
        return NULL;
    }
    return c;
}

void packed_cursor_free(struct packed_cursor *cursor)
{
    if (cursor == NULL)
        return;
    kv_cursor_close(cursor->blocks);
    free(cursor->block);
    free(cursor->rows);
    free(cursor->bytes);
    free(cursor);
}

static bool fail(struct packed_cursor *c, enum status status)
{
    kv_set_error(c->inner, status);
    return false;
}

static struct slice name_of(const struct packed_cursor *c)
{
    return slice_of(c->name, c->name_len);
}

/* ---- blocks -------------------------------------------------------------------------------------------------- */

/* Room for `need` bytes; what was there may be lost. */
static bool block_room(struct packed_cursor *c, size_t need)
{
    if (need <= c->block_cap)
        return true;
    size_t cap = need < FIRST_BYTES ? FIRST_BYTES : need;
    free(c->block);
    c->block = malloc(cap);
    c->block_cap = c->block == NULL ? 0 : cap;
    return c->block != NULL || fail(c, STATUS_NO_MEMORY);
}

/* Before the first row of the block that is loaded. */
static bool restart(struct packed_cursor *c)
{
    c->all = false;
    return packed_reader_start(&c->reader, name_of(c), slice_of(c->block, c->block_len)) ||
           fail(c, STATUS_CORRUPT);
}

/* The block that `blocks` stands on. */
static bool load(struct packed_cursor *c)
{
    struct slice name, block;
    c->loaded = false;
    kv_row(c->blocks, &name, &block);
    if (kv_error(c->inner) != STATUS_OK)
        return false;
    if (block.len == 0)
        return fail(c, STATUS_CORRUPT);
    if (!block_room(c, block.len))
        return false;
    memcpy(c->block, block.ptr, block.len);
    c->block_len = block.len;
    memcpy(c->name, name.ptr, name.len);
    c->name_len = name.len;
    c->stale = false;
    c->loaded = restart(c);
    return c->loaded;
}

static bool bytes_add(struct packed_cursor *c, struct slice more)
{
    if (more.len > c->bytes_cap - c->bytes_len) {
        size_t cap = c->bytes_cap == 0 ? FIRST_BYTES : c->bytes_cap;
        while (cap - c->bytes_len < more.len)
            cap *= 2;
        uint8_t *wider = realloc(c->bytes, cap);
        if (wider == NULL)
            return false;
        c->bytes = wider;
        c->bytes_cap = cap;
    }
    if (more.len != 0)
        memcpy(c->bytes + c->bytes_len, more.ptr, more.len);
    c->bytes_len += more.len;
    return true;
}

static bool row_room(struct packed_cursor *c, size_t count)
{
    if (count < c->row_cap)
        return true;
    size_t cap = c->row_cap == 0 ? 256 : 2 * c->row_cap;
    struct unfolded *wider = realloc(c->rows, cap * sizeof *wider);
    if (wider == NULL)
        return false;
    c->rows = wider;
    c->row_cap = cap;
    return true;
}

/* All rows of the block at once; the index is yet to be set. */
static bool unfold(struct packed_cursor *c)
{
    size_t count = 0;
    if (c->all)
        return true;
    if (!restart(c))
        return false;
    c->bytes_len = 0;
    while (packed_reader_next(&c->reader)) {
        const struct packed_row *row = packed_present(&c->reader);
        bool is_long = row->value.len > PACKED_SHARED_MAX;
        if (!row_room(c, count))
            return fail(c, STATUS_NO_MEMORY);
        c->rows[count++] = (struct unfolded){.key_at = c->bytes_len,
                                             .key_len = row->key_len,
                                             .value = is_long ? row->value : slice_of(NULL, row->value.len)};
        if (!bytes_add(c, packed_key(row)) || (!is_long && !bytes_add(c, row->value)))
            return fail(c, STATUS_NO_MEMORY);
    }
    if (c->reader.bad)
        return fail(c, STATUS_CORRUPT);
    c->all = true;
    return true;
}

static struct slice unfolded_key(const struct packed_cursor *c, size_t index)
{
    return slice_of(c->bytes + c->rows[index].key_at, c->rows[index].key_len);
}

/* The first unfolded row at or behind key. */
static size_t unfolded_seek(const struct packed_cursor *c, struct slice key)
{
    size_t low = 0, high = c->reader.rows;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (slice_compare(unfolded_key(c, middle), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- moves --------------------------------------------------------------------------------------------------- */

static bool placed(struct packed_cursor *c, bool moved)
{
    c->place = moved ? PLACE_ON_ROW : PLACE_OFF;
    return moved;
}

static bool reader_on(struct packed_cursor *c)
{
    if (packed_reader_next(&c->reader))
        return true;
    return c->reader.bad ? fail(c, STATUS_CORRUPT) : false;
}

/* The first row of the block behind. */
static bool next_block(struct packed_cursor *c)
{
    if (!kv_next(c->blocks)) {
        c->loaded = false;
        return placed(c, false);
    }
    return placed(c, load(c) && reader_on(c));
}

/* The last row of the block that `blocks` stands on. */
static bool last_of_block(struct packed_cursor *c, bool found)
{
    if (!found || !load(c) || !unfold(c)) {
        c->loaded = c->loaded && found;
        return placed(c, false);
    }
    c->index = c->reader.rows - 1;
    return placed(c, true);
}

/* The first row at or behind key in the block that is loaded: key is at or behind its name. False: there is none. */
static bool seek_in_block(struct packed_cursor *c, struct slice key)
{
    if (slice_compare(key, packed_last_key(&c->reader)) > 0)
        return false;
    if (c->all) {
        c->index = unfolded_seek(c, key);
        return c->index < c->reader.rows || fail(c, STATUS_CORRUPT);
    }
    bool passed = c->reader.present && slice_compare(packed_key(packed_present(&c->reader)), key) > 0;
    if ((passed || (!c->reader.present && c->reader.left == 0)) && !restart(c))
        return false;
    bool on = c->reader.present || reader_on(c);
    while (on && slice_compare(packed_key(packed_present(&c->reader)), key) < 0)
        on = reader_on(c);
    return on;
}

/* The block that is loaded has keys on both sides of `key`. */
static bool is_here(const struct packed_cursor *c, struct slice key)
{
    return c->loaded && !c->stale && slice_compare(key, name_of(c)) >= 0 &&
           slice_compare(key, packed_last_key(&c->reader)) <= 0;
}

/* The key is between the block that is loaded and the next, which is how lists are walked from one to the other: found
 * without opening any other block. False: it is somewhere else, or nowhere. */
static bool seek_behind(struct packed_cursor *c, struct slice key)
{
    struct slice name;
    if (!c->loaded || c->stale || key.len == 0 || slice_compare(key, packed_last_key(&c->reader)) <= 0)
        return false;
    c->loaded = false;
    if (!kv_next(c->blocks))
        return false;
    kv_row(c->blocks, &name, NULL);
    return slice_compare(name, key) > 0 && load(c) && reader_on(c);
}

bool packed_cursor_seek(struct packed_cursor *cursor, struct slice key)
{
    struct packed_cursor *c = cursor;
    if (seek_behind(c, key))
        return placed(c, true);
    if (kv_error(c->inner) != STATUS_OK)
        return placed(c, false);
    if (key.len == 0 || !is_here(c, key)) {
        c->loaded = false;
        if (key.len == 0 || !kv_last(c->blocks, key)) /* before all names: the first block's first row */
            return placed(c, kv_error(c->inner) == STATUS_OK && kv_seek(c->blocks, (struct slice){0}) &&
                                 load(c) && reader_on(c));
        if (!load(c))
            return placed(c, false);
    }
    if (seek_in_block(c, key))
        return placed(c, true);
    return kv_error(c->inner) == STATUS_OK ? next_block(c) : placed(c, false);
}

bool packed_cursor_last(struct packed_cursor *cursor, struct slice key)
{
    struct packed_cursor *c = cursor;
    c->loaded = false;
    if (!kv_last(c->blocks, key))
        return placed(c, false);
    if (key.len == 0)
        return last_of_block(c, true);
    if (!load(c) || !unfold(c))
        return placed(c, false);
    size_t behind = unfolded_seek(c, key);
    c->index = behind;
    if (behind < c->reader.rows && slice_equal(unfolded_key(c, behind), key))
        return placed(c, true);
    if (behind == 0) /* a block's name may be before its first row */
        return last_of_block(c, kv_previous(c->blocks));
    c->index = behind - 1;
    return placed(c, true);
}

/* Finds the place again after writes; *out_same: its row is still there. */
static bool find_place(struct packed_cursor *c, bool *out_same)
{
    struct slice at = {0}, value, key = slice_of(c->key, c->key_len);
    bool found = packed_cursor_seek(c, key);
    if (found)
        packed_cursor_row(c, &at, &value);
    *out_same = found && slice_equal(at, key);
    return found;
}

bool packed_cursor_next(struct packed_cursor *cursor)
{
    struct packed_cursor *c = cursor;
    bool same = true;
    if (c->place == PLACE_OFF)
        return false;
    if (c->place == PLACE_FRESH)
        return packed_cursor_seek(c, (struct slice){0});
    if (c->stale && !find_place(c, &same))
        return false;
    if (!same)
        return true;
    if (c->all && c->index + 1 < c->reader.rows) {
        c->index++;
        return true;
    }
    if (!c->all && reader_on(c))
        return true;
    return kv_error(c->inner) == STATUS_OK ? next_block(c) : placed(c, false);
}

bool packed_cursor_previous(struct packed_cursor *cursor)
{
    struct packed_cursor *c = cursor;
    bool same = true;
    if (c->place == PLACE_OFF)
        return false;
    if (c->place == PLACE_FRESH)
        return packed_cursor_last(c, (struct slice){0});
    if (c->stale && !find_place(c, &same)) /* every row is before it */
        return kv_error(c->inner) == STATUS_OK && packed_cursor_last(c, (struct slice){0});
    if (!c->all) {
        size_t index = c->reader.rows - c->reader.left - 1;
        if (!unfold(c))
            return placed(c, false);
        c->index = index;
    }
    if (c->index > 0) {
        c->index--;
        return true;
    }
    return last_of_block(c, kv_previous(c->blocks));
}

bool packed_cursor_find(struct packed_cursor *cursor, struct slice key, struct slice *out_value)
{
    struct packed_cursor *c = cursor;
    struct slice at;
    if (!is_here(c, key)) {
        c->loaded = false;
        if (!kv_last(c->blocks, key) || !load(c))
            return placed(c, false);
    }
    if (!placed(c, seek_in_block(c, key)))
        return false;
    packed_cursor_row(c, &at, out_value);
    return slice_equal(at, key);
}

void packed_cursor_row(const struct packed_cursor *cursor, struct slice *key, struct slice *value)
{
    const struct packed_cursor *c = cursor;
    if (!c->all) {
        *key = packed_key(packed_present(&c->reader));
        *value = packed_present(&c->reader)->value;
        return;
    }
    const struct unfolded *row = &c->rows[c->index];
    *key = unfolded_key(c, c->index);
    *value = row->value.ptr != NULL ? row->value : slice_of(key->ptr + key->len, row->value.len);
}

void packed_cursor_stale(struct packed_cursor *cursor)
{
    struct packed_cursor *c = cursor;
    if (c->place == PLACE_ON_ROW && !c->stale) {
        struct slice key, value;
        packed_cursor_row(c, &key, &value);
        memcpy(c->key, key.ptr, key.len);
        c->key_len = key.len;
        c->stale = true;
    }
    c->loaded = false;
}
