/* A capped bump allocator: one per request, reset and reused, never freed piece by piece. One thread at a time. */
#ifndef SERVER_BASE_ARENA_H
#define SERVER_BASE_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

#include "proto/base/slice.h"
#include "proto/base/status.h"

struct arena; /* opaque: grows in chunks up to its cap, keeps the first chunk over resets */

struct arena *arena_new(size_t cap_bytes); /* NULL when memory is short */
void arena_free(struct arena *arena);      /* NULL is fine */
void arena_reset(struct arena *arena);     /* everything handed out before is gone */
void *arena_take(struct arena *arena,
                 size_t bytes) MUST_USE; /* 16-byte aligned, NULL when the cap is reached */
void *arena_take_zero(struct arena *arena, size_t bytes) MUST_USE;
bool arena_copy(struct arena *arena, struct slice from, struct slice *out) MUST_USE;
char *arena_text(struct arena *arena, struct slice from) MUST_USE; /* NUL-terminated copy */
size_t arena_used(const struct arena *arena);
ProtobufCAllocator *arena_allocator(struct arena *arena); /* frees do nothing; owned by the arena */

#endif
