/* A capped arena for decoded messages: blocks that are freed together. One thread. */
#ifndef CLIENT_SRC_ARENA_H
#define CLIENT_SRC_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

#include "proto/base/status.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t used;                /* bytes of all blocks */
    size_t max;
};

void arena_init(struct arena *arena, size_t max);
void arena_done(struct arena *arena); /* frees all; the arena can be used again with its maximum */
/* Memory aligned for anything, valid until arena_done; NULL when that would pass the maximum. */
void *arena_take(struct arena *arena, size_t len) MUST_USE;
/* Moves all of `from` into `to` and leaves it empty; the sum may pass to's maximum, which then gives nothing more. */
void arena_adopt(struct arena *to, struct arena *from);
/* An allocator for protobuf-c over the arena; its free does nothing. Valid as long as the arena. */
ProtobufCAllocator arena_allocator(struct arena *arena);

#endif
