#include "proto/base/bytes.h"
#include "server/log/log.h"

const struct kv_table log_tables[LOG_TABLE_COUNT] = {
    [LOG_TABLE_BLOCKS] = {.name = "blocks", .flags = KV_APPENDED},
    [LOG_TABLE_TILES] = {.name = "tiles", .flags = KV_PLAIN},
};

bool block_decode(struct slice bytes, struct block *out)
{
    struct byte_reader reader = byte_reader_on(bytes);
    uint32_t count = byte_get_u32(&reader);
    if (reader.failed || count == 0 || count > BLOCK_RECORDS_MAX)
        return false;
    const uint8_t *lengths = byte_take(&reader, (size_t)count * 4);
    if (lengths == NULL)
        return false;
    size_t total = 0;
    for (uint32_t i = 0; i < count; i++)
        total += be32_get(lengths + (size_t)i * 4);
    if (total != reader.rest.len)
        return false;
    *out = (struct block){
        .count = count, .lengths = slice_of(lengths, (size_t)count * 4), .records = reader.rest};
    return true;
}

bool block_next(const struct block *block, uint32_t index, size_t *at, struct slice *out)
{
    size_t len = be32_get(block->lengths.ptr + (size_t)index * 4);
    if (*at > block->records.len || len > block->records.len - *at)
        return false;
    *out = slice_of(block->records.ptr + *at, len);
    *at += len;
    return true;
}
