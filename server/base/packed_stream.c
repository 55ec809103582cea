#include "server/base/packed_stream.h"

#include <stdlib.h>

#define MANY_BLOCKS     4u            /* so much is kept back at most while rows of the old block are left */
#define ALONE_BYTES     (32u * 1024u) /* a value longer than that has a block of its own */
#define KEPT_BYTES      (64u * 1024u) /* of a buffer between transactions */
#define FIRST_OLD_BYTES 8192u

static void fail(struct packed_stream *s, enum status status)
{
    kv_set_error(s->inner, status);
}

static bool good(const struct packed_stream *s)
{
    return kv_error(s->inner) == STATUS_OK;
}

static size_t key_set(uint8_t to[KV_KEY_MAX], struct slice key)
{
    memcpy(to, key.ptr, key.len);
    return key.len;
}

static struct slice group_of(const struct packed_stream *s, struct slice key)
{
    return slice_of(key.ptr, key.len < s->group_bytes ? key.len : s->group_bytes);
}

static bool same_group(const struct packed_stream *s, struct slice a, struct slice b)
{
    return s->group_bytes == 0 || slice_equal(group_of(s, a), group_of(s, b));
}

/* ---- to the store -------------------------------------------------------------------------------------------- */

static struct slice builder_name(const struct packed_builder *builder)
{
    return slice_of(builder->name, builder->name_len);
}

static void part_put(struct packed_stream *s, struct packed_builder *part)
{
    kv_put(s->inner, s->table, builder_name(part), packed_builder_block(part));
}

/* The builder's rows as several blocks of about one size. */
static void cut(struct packed_stream *s, size_t size)
{
    size_t blocks = (size + s->block_bytes - 1) / s->block_bytes, each = s->builder.len / blocks + 1;
    struct packed_reader *walk = malloc(sizeof *walk);
    if (walk == NULL) {
        fail(s, STATUS_NO_MEMORY);
        return;
    }
    bool ok = packed_reader_start(walk, builder_name(&s->builder), packed_builder_block(&s->builder));
    packed_builder_start(&s->part, builder_name(&s->builder));
    while (ok && packed_reader_next(walk)) {
        const struct packed_row *row = packed_present(walk);
        size_t len = (size_t)(walk->at - walk->row_at);
        if (s->part.rows == 0 || s->part.len + len <= each) {
            ok = packed_builder_copy(&s->part, walk->row_at, len, 1, packed_key(row), row->value);
            continue;
        }
        part_put(s, &s->part);
        packed_builder_start(&s->part, packed_key(row));
        ok = packed_builder_add(&s->part, packed_key(row), row->value);
    }
    if (ok && !walk->bad)
        part_put(s, &s->part);
    else
        fail(s, walk->bad ? STATUS_CORRUPT : STATUS_NO_MEMORY);
    free(walk);
}

/* Writes the builder's rows, when they differ from what is stored, and begins a block that has no name yet: that of
 * `next`, the row that comes behind. */
static void emit(struct packed_stream *s, struct slice next)
{
    struct slice stored = slice_of(s->stored_name, s->stored_len);
    bool some = s->builder.rows > 0;
    if (s->dirty && s->stored && !(some && slice_equal(stored, builder_name(&s->builder))))
        kv_del(s->inner, s->table, stored);
    size_t size = some ? packed_builder_size(&s->builder) : 0;
    if (s->dirty && some && (size <= s->block_bytes || s->builder.rows == 1))
        part_put(s, &s->builder);
    else if (s->dirty && some)
        cut(s, size);
    s->stored = s->named = s->alone = s->in_step = false;
    s->dirty = s->reader.present;
    packed_builder_start(&s->builder, (struct slice){0});
    s->low_len = key_set(s->low, next);
}

/* ---- from the old block to the new one ----------------------------------------------------------------------- */

/* Adds a row, which gives the block its name when it is the first; one too long for company is given a block alone. */
static void row_add(struct packed_stream *s, struct slice key, struct slice value)
{
    bool alone = value.len > ALONE_BYTES;
    if (s->builder.rows > 0 && (alone || s->alone))
        emit(s, key);
    bool renamed =
        s->builder.rows == 0 && (!s->named || alone || slice_compare(key, builder_name(&s->builder)) < 0);
    if (renamed)
        packed_builder_start(&s->builder, key);
    s->named = true;
    s->alone = alone;
    if (!packed_builder_add(&s->builder, key, value))
        fail(s, STATUS_NO_MEMORY);
}

/* What was passed of the old block goes to the builder as it is stored. */
static void run_copy(struct packed_stream *s)
{
    const struct packed_row *before = packed_before(&s->reader);
    if (s->run_rows == 0)
        return;
    if (!packed_builder_copy(&s->builder, s->run, (size_t)(s->reader.row_at - s->run), s->run_rows,
                             packed_key(before), before->value))
        fail(s, STATUS_NO_MEMORY);
    s->run_rows = 0;
}

static void reader_on(struct packed_stream *s)
{
    if (!packed_reader_next(&s->reader) && s->reader.bad)
        fail(s, STATUS_CORRUPT);
}

/* Passes the present row. */
static void step(struct packed_stream *s)
{
    if (s->in_step) {
        s->run_rows++;
    } else {
        const struct packed_row *row = packed_present(&s->reader);
        row_add(s, packed_key(row), row->value);
        s->in_step = true;
        s->run = s->reader.at;
        s->run_rows = 0;
    }
    reader_on(s);
}

/* Passes all rows that are left, of which only the first may have to be looked at. */
static void skip_to_end(struct packed_stream *s)
{
    struct packed_reader *reader = &s->reader;
    if (reader->present && !s->in_step)
        step(s);
    if (!reader->present)
        return;
    s->run_rows += reader->left + 1;
    reader->left = 0;
    reader->at = reader->row_at = reader->end;
    reader->present = false;
    struct packed_row *last = &reader->rows_at[reader->current ^ 1u];
    last->key_len = reader->last_key_len;
    memcpy(last->key, reader->last_key, reader->last_key_len);
    /* A value that is not known shares nothing with the next: its length alone says so. */
    last->value = slice_of(last->small, reader->last_known ? reader->last_value.len : PACKED_SHARED_MAX + 1u);
    if (reader->last_known && reader->last_value.len != 0)
        memcpy(last->small, reader->last_value.ptr, reader->last_value.len);
}

/* ---- from the store ------------------------------------------------------------------------------------------ */

static void reader_none(struct packed_stream *s)
{
    s->reader.present = s->reader.bad = false;
    s->reader.at = s->reader.row_at = s->reader.end = NULL;
    s->reader.left = s->reader.rows = 0;
    s->reader.last_key_len = 0;
}

/* Starts on a block that lies in the stream's own memory. */
static void reader_begin(struct packed_stream *s, struct slice name, struct slice block)
{
    packed_builder_start(&s->builder, name);
    s->named = true;
    s->in_step = true;
    s->run_rows = 0;
    if (!packed_reader_start(&s->reader, name, block)) {
        reader_none(s);
        fail(s, STATUS_CORRUPT);
        return;
    }
    s->run = s->reader.body;
    reader_on(s);
}

/* The block that the cursor stands on becomes the old one. */
static void block_take(struct packed_stream *s)
{
    struct slice name, block;
    kv_row(s->cursor, &name, &block);
    if (!good(s))
        return;
    if (block.len == 0) {
        fail(s, STATUS_CORRUPT);
        return;
    }
    if (block.len > PACKED_HEAD_MAX + s->old_cap || s->old == NULL) {
        size_t cap = block.len < FIRST_OLD_BYTES ? FIRST_OLD_BYTES : block.len;
        free(s->old);
        s->old = malloc(PACKED_HEAD_MAX + cap);
        s->old_cap = s->old == NULL ? 0 : cap;
    }
    if (s->old == NULL) {
        fail(s, STATUS_NO_MEMORY);
        return;
    }
    memcpy(s->old, block.ptr, block.len);
    s->stored = true;
    s->stored_len = key_set(s->stored_name, name);
    reader_begin(s, slice_of(s->stored_name, s->stored_len), slice_of(s->old, block.len));
}

/* True when there is a row at the cursor, and it is of `key`'s group. */
static bool cursor_in_group(struct packed_stream *s, bool found, struct slice key)
{
    struct slice name;
    if (!found)
        return false;
    kv_row(s->cursor, &name, NULL);
    return same_group(s, name, key);
}

/* The block that `key` belongs to: the last of its group that begins at or before it, else the first one, else none. */
static void load(struct packed_stream *s, struct slice key)
{
    if (s->cursor == NULL)
        s->cursor = kv_cursor_open(s->inner, s->table);
    if (s->cursor == NULL)
        return;
    s->named = s->stored = s->dirty = s->alone = s->in_step = false;
    s->run_rows = 0;
    s->low_len = key_set(s->low, key);
    bool found = kv_last(s->cursor, key);
    bool taken = cursor_in_group(s, found, key);
    if (!taken)
        found = found ? kv_next(s->cursor) : good(s) && kv_seek(s->cursor, (struct slice){0});
    bool first = !taken && cursor_in_group(s, found, key);
    if (taken || first) {
        block_take(s);
        if (taken)
            s->low_len = key_set(s->low, slice_of(s->stored_name, s->stored_len));
        found = good(s) && kv_next(s->cursor);
    } else {
        reader_none(s);
        packed_builder_start(&s->builder, (struct slice){0});
    }
    s->bounded = found;
    if (found) {
        struct slice upper;
        kv_row(s->cursor, &upper, NULL);
        s->upper_len = key_set(s->upper, upper);
        if (slice_compare(packed_last_key(&s->reader), upper) >= 0)
            fail(s, STATUS_CORRUPT);
    }
    s->open = good(s);
}

static bool covers(const struct packed_stream *s, struct slice key)
{
    struct slice low = slice_of(s->low, s->low_len);
    return same_group(s, key, low) && slice_compare(key, low) >= 0 &&
           !(s->bounded && slice_compare(key, slice_of(s->upper, s->upper_len)) >= 0);
}

/* Back to the first row: what has been put together becomes the old block. */
static void rewind_block(struct packed_stream *s)
{
    uint8_t name[KV_KEY_MAX];
    skip_to_end(s);
    run_copy(s);
    if (!good(s))
        return;
    if (s->builder.rows == 0) {
        reader_none(s);
        s->in_step = false;
        return;
    }
    size_t name_len = key_set(name, builder_name(&s->builder));
    struct slice block = packed_builder_block(&s->builder);
    uint8_t *old = s->old;
    size_t old_cap = s->old_cap;
    s->old = s->builder.buffer;
    s->old_cap = s->builder.cap;
    s->builder.buffer = old;
    s->builder.cap = old == NULL ? 0 : old_cap;
    reader_begin(s, slice_of(name, name_len), block);
}

/* All rows before `key` are passed; the reader's present row is the first one at or behind it. */
static bool position(struct packed_stream *s, struct slice key)
{
    if (!good(s))
        return false;
    if (s->open && covers(s, key)) {
        int order = slice_compare(key, slice_of(s->asked, s->asked_len));
        if (order < 0 || (order == 0 && s->asked_written))
            rewind_block(s);
    }
    if (!s->open || !covers(s, key)) {
        packed_stream_close(s);
        load(s, key);
    }
    if (!good(s))
        return false;
    s->asked_len = key_set(s->asked, key);
    s->asked_written = false;
    if (s->reader.present && slice_compare(key, packed_last_key(&s->reader)) > 0)
        skip_to_end(s);
    while (good(s) && s->reader.present && slice_compare(packed_key(packed_present(&s->reader)), key) < 0)
        step(s);
    return good(s);
}

/* ---- what is asked of it ------------------------------------------------------------------------------------- */

static bool at_key(const struct packed_stream *s, struct slice key)
{
    return s->reader.present && slice_equal(packed_key(packed_present(&s->reader)), key);
}

bool packed_stream_get(struct packed_stream *stream, struct slice key, struct slice *out)
{
    if (!position(stream, key) || !at_key(stream, key))
        return false;
    *out = packed_present(&stream->reader)->value;
    return true;
}

void packed_stream_put(struct packed_stream *stream, struct slice key, struct slice value)
{
    struct packed_stream *s = stream;
    if (!position(s, key))
        return;
    bool replaced = at_key(s, key);
    run_copy(s);
    size_t size = packed_builder_size(&s->builder);
    if (s->reader.present) {
        s->dirty = true;
        if (size > MANY_BLOCKS * s->block_bytes)
            emit(s, key);
    } else if (s->builder.rows > 0 &&
               size + packed_builder_row_size(&s->builder, key, value) > s->block_bytes) {
        emit(s, key); /* the old block is not written again when nothing else was changed in it */
    }
    row_add(s, key, value);
    s->in_step = false;
    if (replaced)
        reader_on(s);
    s->dirty = s->asked_written = true;
}

void packed_stream_del(struct packed_stream *stream, struct slice key)
{
    struct packed_stream *s = stream;
    if (!position(s, key) || !at_key(s, key))
        return;
    run_copy(s);
    s->in_step = false;
    s->dirty = true;
    reader_on(s);
}

void packed_stream_close(struct packed_stream *stream)
{
    struct packed_stream *s = stream;
    if (s->open && s->dirty && good(s)) {
        skip_to_end(s);
        run_copy(s);
        if (good(s))
            emit(s, slice_of(s->asked, s->asked_len));
    }
    packed_stream_drop(s);
}

void packed_stream_drop(struct packed_stream *stream)
{
    stream->open = stream->dirty = false;
    stream->run_rows = 0;
    stream->reader.present = false;
}

void packed_stream_begin(struct packed_stream *stream, struct kv_txn *inner, unsigned table, unsigned flags,
                         size_t block_bytes)
{
    stream->inner = inner;
    stream->cursor = NULL;
    stream->table = table;
    stream->group_bytes = KV_GROUP_BYTES(flags);
    stream->block_bytes = block_bytes;
    packed_stream_drop(stream);
}

void packed_stream_end(struct packed_stream *stream)
{
    packed_stream_drop(stream);
    kv_cursor_close(stream->cursor);
    stream->cursor = NULL;
    stream->inner = NULL;
    if (stream->builder.cap > KEPT_BYTES)
        packed_builder_free(&stream->builder);
    if (stream->part.cap > KEPT_BYTES)
        packed_builder_free(&stream->part);
    if (stream->old_cap > KEPT_BYTES) {
        free(stream->old);
        stream->old = NULL;
        stream->old_cap = 0;
    }
}

void packed_stream_free(struct packed_stream *stream)
{
    if (stream == NULL)
        return;
    packed_builder_free(&stream->builder);
    packed_builder_free(&stream->part);
    free(stream->old);
    free(stream);
}
