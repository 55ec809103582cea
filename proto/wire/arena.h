/* A capped bump allocator: one per request or decoded message, done with or reset as a whole, never freed piece by
 * piece. One thread at a time. An arena must not be moved: its allocator points into it. */
#ifndef PROTO_WIRE_ARENA_H
#define PROTO_WIRE_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

#include "proto/base/slice.h"
#include "proto/base/status.h"

struct arena_chunk;

/* Members are the arena's own. */
struct arena {
    struct arena_chunk *newest;
    uint8_t *at; /* the free rest of the newest chunk */
    size_t left;
    size_t cap;
    size_t used; /* bytes handed out, rounded up to the alignment: what the cap bounds */
    ProtobufCAllocator allocator;
};

void arena_init(struct arena *arena, size_t cap_bytes); /* takes no memory yet */
void arena_done(struct arena *arena); /* frees all; it may be used again, with the same cap */
/* On the heap. */
struct arena *arena_new(size_t cap_bytes); /* NULL when memory is short */
void arena_free(struct arena *arena);      /* NULL is fine */

void arena_reset(
    struct arena *arena); /* everything handed out before is gone; the first chunk stays for reuse */
/* Moves all of `from` into `to`, where it counts with whole chunks, and leaves `from` empty. False, and nothing moved,
 * when that would pass to's cap. */
bool arena_adopt(struct arena *to, struct arena *from) MUST_USE;
void *arena_take(struct arena *arena,
                 size_t bytes) MUST_USE; /* 16-byte aligned, NULL when the cap is reached */
void *arena_take_zero(struct arena *arena, size_t bytes) MUST_USE;
bool arena_copy(struct arena *arena, struct slice from, struct slice *out) MUST_USE;
char *arena_text(struct arena *arena, struct slice from) MUST_USE; /* NUL-terminated copy */
size_t arena_used(const struct arena *arena);
ProtobufCAllocator *arena_allocator(struct arena *arena); /* frees do nothing; owned by the arena */

#endif
