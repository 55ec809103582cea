/* A capped arena for decoded messages: blocks that are freed together. One thread. */
#ifndef CLIENT_SRC_ARENA_H
#define CLIENT_SRC_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

#include "proto/base/status.h"

struct client_arena_block;

struct client_arena {
    struct client_arena_block *blocks; /* newest first */
    size_t used;                       /* bytes of all blocks */
    size_t max;
};

void client_arena_init(struct client_arena *arena, size_t max);
void client_arena_done(
    struct client_arena *arena); /* frees all; the arena can be used again with its maximum */
/* Memory aligned for anything, valid until client_arena_done; NULL when that would pass the maximum. */
void *client_arena_take(struct client_arena *arena, size_t len) MUST_USE;
/* Moves all of `from` into `to` and leaves it empty. False, and nothing moved, when the sum would pass to's maximum. */
bool client_arena_adopt(struct client_arena *to, struct client_arena *from) MUST_USE;
/* An allocator for protobuf-c over the arena; its free does nothing. Valid as long as the arena. */
ProtobufCAllocator client_arena_allocator(struct client_arena *arena);

#endif
