/* The edge of the Merkle tree: hashes that no full tile holds yet, by tile level. Private to server/log. Not locked. */
#ifndef SERVER_LOG_TAIL_H
#define SERVER_LOG_TAIL_H

#include "proto/record/tree.h"

#define TILE_LEVELS_MAX 8 /* 256^8 records */
#define TILE_BYTES      (TILE_WIDTH * HASH_BYTES)

struct tail {
    uint64_t size; /* records in the tree */
    uint32_t
        changed_from[TILE_LEVELS_MAX]; /* lowest count since tail_copy_changes: what is above it is new */
    uint32_t count[TILE_LEVELS_MAX];   /* below TILE_WIDTH */
    struct hash hashes[TILE_LEVELS_MAX][TILE_WIDTH];
};

/* Called for each tile that becomes full, lowest level first. */
typedef void tail_tile_fn(void *context, uint32_t level, uint64_t index,
                          const struct hash hashes[TILE_WIDTH]);

void tail_append(struct tail *tail, const struct hash *leaf, tail_tile_fn *full, void *context);

/* The root over 2^height consecutive hashes, height <= TILE_HEIGHT. */
void tail_subtree(const struct hash *hashes, uint32_t height, struct hash *out);

/* Makes `to` equal to `from`, copying only what differs since the last call with this pair. */
void tail_copy_changes(struct tail *to, struct tail *from);

#endif
