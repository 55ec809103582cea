/* Stored blocks of packed rows: whatever the bytes, rows come in order or the block is bad; a good one is built again to
 * the same rows, and grows at its end. Input: u8 length of the block's name, name, block. */
#include <stdlib.h>

#include "proto/base/bug.h"
#include "server/base/packed_block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct packed_reader reader, again;
static struct packed_builder builder;

static void expect_same(struct slice name, struct slice block)
{
    bool ok = packed_reader_start(&reader, name, block) &&
              packed_reader_start(&again, name, packed_builder_block(&builder));
    ASSERT(ok && reader.rows <= again.rows);
    while (packed_reader_next(&reader)) {
        ok = packed_reader_next(&again);
        ASSERT(ok && slice_equal(packed_key(packed_present(&reader)), packed_key(packed_present(&again))) &&
               slice_equal(packed_present(&reader)->value, packed_present(&again)->value));
    }
    ASSERT(!reader.bad);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || data[0] > size - 1)
        return 0;
    struct slice name = slice_of(data + 1, data[0]),
                 block = slice_of(name.ptr + name.len, size - 1 - name.len);
    if (!packed_reader_start(&reader, name, block))
        return 0;
    packed_builder_start(&builder, name);
    uint8_t last[KV_KEY_MAX + 1];
    size_t last_len = 0;
    while (packed_reader_next(&reader)) {
        struct slice key = packed_key(packed_present(&reader)), value = packed_present(&reader)->value;
        ASSERT(key.len >= 1 && key.len <= KV_KEY_MAX && slice_compare(key, slice_of(last, last_len)) > 0 &&
               slice_compare(key, name) >= 0);
        last_len = key.len;
        memcpy(last, key.ptr, key.len);
        bool added = value.len <= KV_VALUE_MAX && packed_builder_add(&builder, key, value);
        ASSERT(added);
    }
    if (reader.bad || builder.rows == 0)
        return 0;
    ASSERT(reader.left == 0 && builder.rows == reader.rows);
    expect_same(name, block);
    if (last_len == KV_KEY_MAX)
        return 0;
    last[last_len++] = 0;
    bool added =
        packed_builder_add(&builder, slice_of(last, last_len), slice_of(data, size < 100 ? size : 100));
    ASSERT(added);
    expect_same(name, block);
    return 0;
}
