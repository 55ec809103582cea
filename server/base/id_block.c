/* A block: neighbouring ids of one run, each in as few bytes as all of them can do with, so that a look-up halves its
 * way without unpacking. Key: u64 run, the first id. Value, integers big-endian:
 *
 *   off len
 *     0   1 form = 1
 *     1   1 shared: leading bytes that all ids have in common with the first (which stands in the key)
 *     2   1 width of a position
 *     3   1 zero
 *     4   2 count
 *     6   8 the least position
 *    14     count times: 16 - shared bytes of the id, width bytes of its position less the least */
#include "proto/base/bug.h"
#include "server/base/id_index_parts.h"

#define FORM       1u
#define HEAD_BYTES 14u

void id_key_put(uint8_t out[ID_KEY_BYTES], uint64_t run, const struct id_entry *first)
{
    be64_put(out, run);
    be64_put(out + 8, first->hi);
    be64_put(out + 16, first->lo);
}

static size_t shared_bytes(const struct id_entry *a, const struct id_entry *b)
{
    if (a->hi != b->hi)
        return (size_t)__builtin_clzll(a->hi ^ b->hi) / 8;
    return a->lo != b->lo ? 8 + (size_t)__builtin_clzll(a->lo ^ b->lo) / 8 : COMMAND_ID_BYTES;
}

static size_t width_of(uint64_t span)
{
    return span == 0 ? 0 : 8 - (size_t)__builtin_clzll(span) / 8;
}

/* ---- writing -------------------------------------------------------------------------------------------------- */

bool id_builder_add(struct id_builder *builder, const struct id_entry *entry)
{
    if (builder->count == 0) {
        builder->shared = COMMAND_ID_BYTES;
        builder->least = builder->most = entry->position;
    }
    if (builder->count == ID_BLOCK_IDS)
        return false;
    size_t shared = builder->count == 0 ? COMMAND_ID_BYTES : shared_bytes(&builder->entries[0], entry);
    uint64_t least = entry->position < builder->least ? entry->position : builder->least;
    uint64_t most = entry->position > builder->most ? entry->position : builder->most;
    size_t each = COMMAND_ID_BYTES - shared + width_of(most - least);
    if ((builder->count + 1) * each > ID_BLOCK_BYTES - HEAD_BYTES)
        return false;
    builder->shared = shared;
    builder->least = least;
    builder->most = most;
    builder->entries[builder->count++] = *entry;
    return true;
}

void id_builder_write(struct id_builder *builder, struct kv_txn *txn, uint64_t run)
{
    uint8_t key[ID_KEY_BYTES],
        value[ID_BLOCK_BYTES + 16]; /* whole words are written, the last past its end */
    if (builder->count == 0)
        return;
    size_t suffix = COMMAND_ID_BYTES - builder->shared, width = width_of(builder->most - builder->least);
    value[0] = FORM;
    value[1] = (uint8_t)builder->shared;
    value[2] = (uint8_t)width;
    value[3] = 0;
    be16_put(value + 4, (uint16_t)builder->count);
    be64_put(value + 6, builder->least);
    uint8_t *at = value + HEAD_BYTES;
    for (size_t i = 0; i < builder->count; i++) {
        uint8_t word[COMMAND_ID_BYTES];
        be64_put(word, builder->entries[i].hi);
        be64_put(word + 8, builder->entries[i].lo);
        memcpy(at, word + builder->shared, suffix);
        at += suffix;
        if (width != 0)
            be64_put(at, (builder->entries[i].position - builder->least) << (64 - 8 * width));
        at += width;
    }
    id_key_put(key, run, &builder->entries[0]);
    kv_put(txn, ID_TABLE_BLOCKS, slice_of(key, sizeof key), slice_of(value, (size_t)(at - value)));
    builder->count = 0;
}

/* ---- reading -------------------------------------------------------------------------------------------------- */

struct block {
    size_t count, shared, width;
    uint64_t least;
    struct id_entry first;
    const uint8_t *at;
};

static bool open_block(struct slice key, struct slice value, struct block *out)
{
    if (key.len != ID_KEY_BYTES || value.len < HEAD_BYTES || value.ptr[0] != FORM || value.ptr[3] != 0)
        return false;
    *out = (struct block){.count = be16_get(value.ptr + 4),
                          .shared = value.ptr[1],
                          .width = value.ptr[2],
                          .least = be64_get(value.ptr + 6),
                          .first = {.hi = be64_get(key.ptr + 8), .lo = be64_get(key.ptr + 16)},
                          .at = value.ptr + HEAD_BYTES};
    return out->count >= 1 && out->count <= ID_BLOCK_IDS && out->shared <= COMMAND_ID_BYTES &&
           out->width <= 8 &&
           value.len == HEAD_BYTES + out->count * (COMMAND_ID_BYTES - out->shared + out->width);
}

static struct id_entry entry_at(const struct block *block, size_t index)
{
    size_t suffix = COMMAND_ID_BYTES - block->shared;
    const uint8_t *at = block->at + index * (suffix + block->width);
    uint8_t word[COMMAND_ID_BYTES], span[8] = {0};
    be64_put(word, block->first.hi);
    be64_put(word + 8, block->first.lo);
    memcpy(word + block->shared, at, suffix);
    memcpy(span + 8 - block->width, at + suffix, block->width);
    return (struct id_entry){
        .hi = be64_get(word), .lo = be64_get(word + 8), .position = block->least + be64_get(span)};
}

bool id_block_read(struct slice key, struct slice value, struct id_entry out[ID_BLOCK_IDS], size_t *out_count)
{
    struct block block;
    if (!open_block(key, value, &block))
        return false;
    for (size_t i = 0; i < block.count; i++)
        out[i] = entry_at(&block, i);
    *out_count = block.count;
    return true;
}

bool id_block_find(struct slice key, struct slice value, const struct id_entry *id, bool *out_found,
                   uint64_t *out_position)
{
    struct block block;
    if (!open_block(key, value, &block))
        return false;
    size_t low = 0, high = block.count;
    *out_found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct id_entry entry = entry_at(&block, middle);
        if (id_same(&entry, id)) {
            *out_found = true;
            *out_position = entry.position;
            return true;
        }
        if (id_less(&entry, id))
            low = middle + 1;
        else
            high = middle;
    }
    return true;
}
