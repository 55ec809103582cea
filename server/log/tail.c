#include "server/log/tail.h"

#include "proto/base/bug.h"

void tail_subtree(const struct hash *hashes, uint32_t height, struct hash *out)
{
    struct hash nodes[TILE_WIDTH / 2];
    ASSERT(height <= TILE_HEIGHT);
    if (height == 0) {
        *out = hashes[0];
        return;
    }
    size_t count = (size_t)1 << (height - 1);
    for (size_t i = 0; i < count; i++)
        tree_node(&hashes[2 * i], &hashes[2 * i + 1], &nodes[i]);
    for (; count > 1; count /= 2)
        for (size_t i = 0; i < count / 2; i++)
            tree_node(&nodes[2 * i], &nodes[2 * i + 1], &nodes[i]);
    *out = nodes[0];
}

void tail_append(struct tail *tail, const struct hash *leaf, tail_tile_fn *full, void *context)
{
    struct hash hash = *leaf;
    tail->size++;
    for (uint32_t level = 0; level < TILE_LEVELS_MAX; level++) {
        tail->hashes[level][tail->count[level]++] = hash;
        if (tail->count[level] < TILE_WIDTH)
            return;
        full(context, level, (tail->size >> (TILE_HEIGHT * (level + 1))) - 1, tail->hashes[level]);
        tail_subtree(tail->hashes[level], TILE_HEIGHT, &hash);
        tail->count[level] = 0;
        tail->changed_from[level] = 0;
    }
}

void tail_copy_changes(struct tail *to, struct tail *from)
{
    for (uint32_t level = 0; level < TILE_LEVELS_MAX; level++) {
        uint32_t first = from->changed_from[level], count = from->count[level];
        if (count > first)
            memcpy(&to->hashes[level][first], &from->hashes[level][first],
                   (count - first) * sizeof(struct hash));
        to->count[level] = count;
        to->changed_from[level] = from->changed_from[level] = count;
    }
    to->size = from->size;
}
