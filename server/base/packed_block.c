#include "server/base/packed_block.h"

#include <stdlib.h>

#include "proto/base/bug.h"

#define BLOCK_VERSION   1u
#define KEY_NEW_MAX     14u /* in a row's head */
#define VALUE_NEW_MAX   13u
#define VALUE_ALL_NEW   14u
#define LENGTHS_FOLLOW  15u
#define VARINT_LEN_MAX  5u
#define FIRST_ROOM      2048u
#define SHARED_WORTH_IT 2u /* bytes that must be shared before saying so pays */

/* ---- small things -------------------------------------------------------------------------------------------- */

static size_t varint_put(uint8_t *at, size_t value)
{
    size_t len = 0;
    while (value >= 0x80) {
        at[len++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    at[len++] = (uint8_t)value;
    return len;
}

/* False past `end` or above UINT32_MAX. */
static bool varint_get(const uint8_t **at, const uint8_t *end, size_t *out)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < VARINT_LEN_MAX && *at < end; i++) {
        uint8_t byte = *(*at)++;
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0) {
            *out = (size_t)value;
            return value <= UINT32_MAX;
        }
    }
    return false;
}

/* `to` has room for PACKED_SLACK more than it needs; `end` is where `from`'s memory ends. */
static void copy_short(uint8_t *to, const uint8_t *from, size_t len, const uint8_t *end)
{
    if (len <= 16 && end - from >= 16)
        memcpy(to, from, 16);
    else if (len != 0)
        memcpy(to, from, len);
}

static size_t shared_len(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    size_t most = a_len < b_len ? a_len : b_len, at = 0;
    while (most - at >= 8) {
        uint64_t x, y;
        memcpy(&x, a + at, 8);
        memcpy(&y, b + at, 8);
        if (x != y)
            return at + (size_t)__builtin_ctzll(x ^ y) / 8; /* the machine is little-endian */
        at += 8;
    }
    while (at < most && a[at] == b[at])
        at++;
    return at;
}

static void row_set_key(struct packed_row *row, struct slice key)
{
    ASSERT(key.len <= KV_KEY_MAX);
    row->key_len = key.len;
    if (key.len != 0)
        memcpy(row->key, key.ptr, key.len);
}

/* What the next row may share of the value. */
static bool row_set_value(struct packed_row *row, struct slice value)
{
    bool shared = value.len <= PACKED_SHARED_MAX;
    if (shared && value.len != 0)
        memcpy(row->small, value.ptr, value.len);
    row->value = shared ? slice_of(row->small, value.len) : value;
    return shared;
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

/* Takes `len` bytes; NULL when there are not so many. */
static const uint8_t *take(const uint8_t **at, const uint8_t *end, size_t len)
{
    if ((size_t)(end - *at) < len)
        return NULL;
    const uint8_t *taken = *at;
    *at += len;
    return taken;
}

/* The copy of the last row in a block's head. */
static bool last_get(struct packed_reader *reader, struct slice name, const uint8_t **at, const uint8_t *end)
{
    size_t shared = 0, fresh_len = 0;
    if (!varint_get(at, end, &shared) || !varint_get(at, end, &fresh_len) || shared > name.len ||
        fresh_len > KV_KEY_MAX - shared || shared + fresh_len == 0)
        return false;
    const uint8_t *fresh = take(at, end, fresh_len);
    const uint8_t *size = fresh != NULL ? take(at, end, 1) : NULL;
    if (size == NULL)
        return false;
    if (shared != 0)
        memcpy(reader->last_key, name.ptr, shared);
    copy_short(reader->last_key + shared, fresh, fresh_len, end);
    reader->last_key_len = shared + fresh_len;
    size_t value_len = *size > 0 ? *size - 1u : 0;
    const uint8_t *value = take(at, end, value_len);
    reader->last_value = slice_of(value, value_len);
    reader->last_known = *size > 0;
    return value != NULL;
}

bool packed_reader_start(struct packed_reader *reader, struct slice name, struct slice bytes)
{
    const uint8_t *at = bytes.ptr, *end = bytes.ptr + bytes.len;
    if (bytes.len < 1 || name.len > KV_KEY_MAX || *at++ != BLOCK_VERSION ||
        !varint_get(&at, end, &reader->rows) || reader->rows == 0 || !last_get(reader, name, &at, end))
        return false;
    reader->body = reader->at = reader->row_at = at;
    reader->end = end;
    reader->left = reader->rows;
    reader->present = reader->bad = false;
    reader->current = 0;
    row_set_key(&reader->rows_at[0], name);
    reader->rows_at[0].value = slice_of(reader->rows_at[0].small, 0);
    return true;
}

/* The lengths of what is new, from a head whose four bits do not say. False: bad. */
static bool lengths_get(struct packed_reader *reader, unsigned head, size_t before_len, size_t *out_shared,
                        size_t *out_new)
{
    if (head == LENGTHS_FOLLOW)
        return varint_get(&reader->at, reader->end, out_shared) &&
               varint_get(&reader->at, reader->end, out_new) && *out_shared <= before_len;
    if (head > before_len)
        return false;
    *out_shared = before_len - head;
    *out_new = head;
    return true;
}

static bool value_lengths_get(struct packed_reader *reader, unsigned head, size_t before_len,
                              size_t *out_shared, size_t *out_new)
{
    *out_shared = 0;
    if (head == VALUE_ALL_NEW)
        return varint_get(&reader->at, reader->end, out_new);
    if (!lengths_get(reader, head, before_len, out_shared, out_new))
        return false;
    if (*out_shared == 0)
        return true;
    return before_len <= PACKED_SHARED_MAX && *out_new <= PACKED_SHARED_MAX - *out_shared;
}

static bool key_unfold(const struct packed_reader *reader, const struct packed_row *before,
                       struct packed_row *row, size_t shared, const uint8_t *fresh, size_t fresh_len)
{
    if (shared + fresh_len > KV_KEY_MAX || shared + fresh_len == 0)
        return false;
    bool first = reader->left == reader->rows;
    if (fresh_len == 0 && !(first && shared == before->key_len))
        return false;
    if (fresh_len != 0 && shared < before->key_len && fresh[0] <= before->key[shared])
        return false;
    if (shared <= PACKED_SLACK)
        memcpy(row->key, before->key, PACKED_SLACK);
    else
        memcpy(row->key, before->key, shared);
    copy_short(row->key + shared, fresh, fresh_len, reader->end);
    row->key_len = shared + fresh_len;
    return true;
}

static void value_unfold(const struct packed_reader *reader, const struct packed_row *before,
                         struct packed_row *row, size_t shared, const uint8_t *fresh, size_t fresh_len)
{
    size_t len = shared + fresh_len;
    if (len > PACKED_SHARED_MAX) {
        row->value = slice_of(fresh, fresh_len);
        return;
    }
    if (shared <= PACKED_SLACK)
        memcpy(row->small, before->small, PACKED_SLACK);
    else
        memcpy(row->small, before->small, shared);
    copy_short(row->small + shared, fresh, fresh_len, reader->end);
    row->value = slice_of(row->small, len);
}

static bool row_unfold(struct packed_reader *reader)
{
    const struct packed_row *before = &reader->rows_at[reader->current];
    struct packed_row *row = &reader->rows_at[reader->current ^ 1u];
    size_t key_shared = 0, key_new = 0, value_shared = 0, value_new = 0;
    const uint8_t *head = take(&reader->at, reader->end, 1);
    if (head == NULL || !lengths_get(reader, *head >> 4, before->key_len, &key_shared, &key_new) ||
        !value_lengths_get(reader, *head & 15, before->value.len, &value_shared, &value_new) ||
        key_new > KV_KEY_MAX)
        return false;
    const uint8_t *key = take(&reader->at, reader->end, key_new);
    const uint8_t *value = key != NULL ? take(&reader->at, reader->end, value_new) : NULL;
    if (value == NULL || !key_unfold(reader, before, row, key_shared, key, key_new))
        return false;
    value_unfold(reader, before, row, value_shared, value, value_new);
    return true;
}

/* The rows are as many, and end with the one, that the head says. */
static bool end_agrees(const struct packed_reader *reader, const struct packed_row *last)
{
    return reader->at == reader->end && slice_equal(packed_key(last), packed_last_key(reader)) &&
           reader->last_known == (last->value.len <= PACKED_SHARED_MAX) &&
           (!reader->last_known || slice_equal(last->value, reader->last_value));
}

bool packed_reader_next(struct packed_reader *reader)
{
    reader->row_at = reader->at;
    if (reader->left == 0 || reader->bad) {
        if (reader->present) /* the last row becomes the one before */
            reader->current ^= 1u;
        reader->present = false;
        return false;
    }
    reader->bad = !row_unfold(reader);
    if (!reader->bad) {
        reader->current ^= 1u;
        reader->left--;
        reader->bad = reader->left == 0 && !end_agrees(reader, &reader->rows_at[reader->current]);
    }
    reader->present = !reader->bad;
    return reader->present;
}

/* ---- building ------------------------------------------------------------------------------------------------ */

static bool builder_room(struct packed_builder *builder, size_t more)
{
    if (builder->buffer != NULL && more <= builder->cap - builder->len)
        return true;
    size_t cap = builder->cap == 0 ? FIRST_ROOM : builder->cap;
    while (cap - builder->len < more)
        cap *= 2;
    uint8_t *wider = realloc(builder->buffer, PACKED_HEAD_MAX + cap);
    if (wider == NULL)
        return false;
    builder->buffer = wider;
    builder->cap = cap;
    return true;
}

void packed_builder_start(struct packed_builder *builder, struct slice name)
{
    builder->len = builder->rows = 0;
    row_set_key(&builder->last, name);
    builder->name_len = name.len;
    if (name.len != 0)
        memcpy(builder->name, name.ptr, name.len);
    builder->last_shared = row_set_value(&builder->last, (struct slice){0});
}

/* The value's four bits of the head, and its lengths at *at. */
static unsigned value_head(const struct packed_builder *builder, struct slice value, uint8_t **at,
                           size_t *out_shared)
{
    const struct slice before = builder->last.value;
    bool share = builder->last_shared && value.len <= PACKED_SHARED_MAX;
    size_t shared = share ? shared_len(before.ptr, before.len, value.ptr, value.len) : 0;
    if (share && value.len == before.len && value.len - shared <= VALUE_NEW_MAX) {
        *out_shared = shared;
        return (unsigned)(value.len - shared);
    }
    bool worth = shared >= SHARED_WORTH_IT;
    *out_shared = worth ? shared : 0;
    if (worth)
        *at += varint_put(*at, shared);
    *at += varint_put(*at, value.len - *out_shared);
    return worth ? LENGTHS_FOLLOW : VALUE_ALL_NEW;
}

bool packed_builder_add(struct packed_builder *builder, struct slice key, struct slice value)
{
    ASSERT(key.len >= 1 && key.len <= KV_KEY_MAX && value.len <= KV_VALUE_MAX);
    if (!builder_room(builder, PACKED_ROW_MAX + value.len))
        return false;
    struct packed_row *last = &builder->last;
    uint8_t *start = builder->buffer + PACKED_HEAD_MAX + builder->len, *at = start + 1;
    size_t shared = shared_len(last->key, last->key_len, key.ptr, key.len), value_shared = 0;
    unsigned head = (unsigned)(key.len - shared);
    ASSERT(shared < key.len || builder->rows == 0);
    if (key.len != last->key_len || head > KEY_NEW_MAX) {
        head = LENGTHS_FOLLOW;
        at += varint_put(at, shared);
        at += varint_put(at, key.len - shared);
    }
    head = head << 4 | value_head(builder, value, &at, &value_shared);
    *start = (uint8_t)head;
    memcpy(at, key.ptr + shared, key.len - shared);
    at += key.len - shared;
    if (value.len != value_shared)
        memcpy(at, value.ptr + value_shared, value.len - value_shared);
    at += value.len - value_shared;
    builder->len += (size_t)(at - start);
    builder->rows++;
    memcpy(last->key + shared, key.ptr + shared, key.len - shared);
    last->key_len = key.len;
    builder->last_shared = row_set_value(last, value);
    return true;
}

bool packed_builder_copy(struct packed_builder *builder, const uint8_t *bytes, size_t len, size_t rows,
                         struct slice last_key, struct slice last_value)
{
    if (rows == 0)
        return true;
    if (!builder_room(builder, len))
        return false;
    memcpy(builder->buffer + PACKED_HEAD_MAX + builder->len, bytes, len);
    builder->len += len;
    builder->rows += rows;
    row_set_key(&builder->last, last_key);
    builder->last_shared = row_set_value(&builder->last, last_value);
    return true;
}

static size_t head_put(const struct packed_builder *builder, uint8_t *out)
{
    const struct packed_row *last = &builder->last;
    size_t shared = shared_len(builder->name, builder->name_len, last->key, last->key_len);
    uint8_t *at = out;
    *at++ = BLOCK_VERSION;
    at += varint_put(at, builder->rows);
    at += varint_put(at, shared);
    at += varint_put(at, last->key_len - shared);
    memcpy(at, last->key + shared, last->key_len - shared);
    at += last->key_len - shared;
    if (!builder->last_shared) {
        *at++ = 0;
        return (size_t)(at - out);
    }
    *at++ = (uint8_t)(last->value.len + 1);
    memcpy(at, last->value.ptr, last->value.len);
    return (size_t)(at - out) + last->value.len;
}

size_t packed_builder_size(const struct packed_builder *builder)
{
    size_t value_len = builder->last_shared ? builder->last.value.len : 0;
    return 1 + 3 + 2 + 2 + builder->last.key_len + 1 + value_len + builder->len;
}

size_t packed_builder_row_size(const struct packed_builder *builder, struct slice key, struct slice value)
{
    const struct packed_row *last = &builder->last;
    return 4 + key.len - shared_len(last->key, last->key_len, key.ptr, key.len) + value.len;
}

struct slice packed_builder_block(struct packed_builder *builder)
{
    ASSERT(builder->rows > 0);
    uint8_t head[PACKED_HEAD_MAX];
    size_t len = head_put(builder, head);
    uint8_t *start = builder->buffer + PACKED_HEAD_MAX - len;
    memcpy(start, head, len);
    return slice_of(start, len + builder->len);
}

void packed_builder_free(struct packed_builder *builder)
{
    free(builder->buffer);
    builder->buffer = NULL;
    builder->len = builder->cap = builder->rows = 0;
}
