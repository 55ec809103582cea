/* A capped arena for decoded messages: blocks that are freed together. One thread. */
#ifndef CLIENT_SRC_ARENA_H
#define CLIENT_SRC_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

#include "proto/base/status.h"

struct dft_arena_block;

struct dft_arena {
    struct dft_arena_block *blocks; /* newest first */
    size_t used;                    /* bytes of all blocks */
    size_t max;
};

void dft_arena_init(struct dft_arena *arena, size_t max);
void dft_arena_done(struct dft_arena *arena); /* frees all; the arena can be used again with its maximum */
/* Memory aligned for anything, valid until dft_arena_done; NULL when that would pass the maximum. */
void *dft_arena_take(struct dft_arena *arena, size_t len) MUST_USE;
/* Moves all of `from` into `to` and leaves it empty; the sum may pass to's maximum, which then gives nothing more. */
void dft_arena_adopt(struct dft_arena *to, struct dft_arena *from);
/* An allocator for protobuf-c over the arena; its free does nothing. Valid as long as the arena. */
ProtobufCAllocator dft_arena_allocator(struct dft_arena *arena);

#endif
