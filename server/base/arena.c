#include "server/base/arena.h"

#include <stdlib.h>

#define ARENA_ALIGN       16u
#define ARENA_FIRST_BYTES (8u * 1024u)   /* most requests fit: nothing is allocated after the first one */
#define ARENA_CHUNK_MAX   (256u * 1024u) /* chunks double up to this; larger takes get a chunk of their own */

struct chunk {
    struct chunk *next; /* older */
    size_t cap;
    size_t used;
    _Alignas(ARENA_ALIGN) uint8_t bytes[];
};

struct arena {
    struct chunk *newest;
    struct chunk *first;
    size_t cap;
    size_t used; /* bytes handed out, rounded up to the alignment: what the cap bounds */
    ProtobufCAllocator allocator;
};

static void *arena_protobuf_alloc(void *context, size_t size)
{
    return arena_take(context, size);
}

static void arena_protobuf_free(void *context, void *pointer)
{
    (void)context;
    (void)pointer;
}

static struct chunk *chunk_new(size_t cap)
{
    if (cap > SIZE_MAX - sizeof(struct chunk))
        return NULL;
    struct chunk *chunk = malloc(sizeof *chunk + cap);
    if (chunk != NULL) {
        chunk->next = NULL;
        chunk->cap = cap;
        chunk->used = 0;
    }
    return chunk;
}

struct arena *arena_new(size_t cap_bytes)
{
    struct arena *arena = calloc(1, sizeof *arena);
    if (arena == NULL)
        return NULL;
    size_t first = cap_bytes < ARENA_FIRST_BYTES ? cap_bytes : ARENA_FIRST_BYTES;
    arena->first = arena->newest = chunk_new(first);
    if (arena->first == NULL) {
        free(arena);
        return NULL;
    }
    arena->cap = cap_bytes;
    arena->allocator = (ProtobufCAllocator){
        .alloc = arena_protobuf_alloc, .free = arena_protobuf_free, .allocator_data = arena};
    return arena;
}

void arena_reset(struct arena *arena)
{
    while (arena->newest != arena->first) {
        struct chunk *older = arena->newest->next;
        free(arena->newest);
        arena->newest = older;
    }
    arena->first->used = 0;
    arena->used = 0;
}

void arena_free(struct arena *arena)
{
    if (arena == NULL)
        return;
    arena_reset(arena);
    free(arena->first);
    free(arena);
}

static bool arena_grow(struct arena *arena, size_t bytes)
{
    size_t want = arena->newest->cap < ARENA_CHUNK_MAX / 2 ? 2 * arena->newest->cap : ARENA_CHUNK_MAX;
    struct chunk *chunk = chunk_new(want > bytes ? want : bytes);
    if (chunk == NULL)
        return false;
    chunk->next = arena->newest;
    arena->newest = chunk;
    return true;
}

void *arena_take(struct arena *arena, size_t bytes)
{
    if (bytes > SIZE_MAX - ARENA_ALIGN)
        return NULL;
    size_t rounded = bytes == 0 ? ARENA_ALIGN : (bytes + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    if (rounded > arena->cap - arena->used)
        return NULL;
    if (rounded > arena->newest->cap - arena->newest->used && !arena_grow(arena, rounded))
        return NULL;
    void *at = arena->newest->bytes + arena->newest->used;
    arena->newest->used += rounded;
    arena->used += rounded;
    return at;
}

void *arena_take_zero(struct arena *arena, size_t bytes)
{
    void *at = arena_take(arena, bytes);
    if (at != NULL)
        memset(at, 0, bytes);
    return at;
}

bool arena_copy(struct arena *arena, struct slice from, struct slice *out)
{
    void *at = arena_take(arena, from.len);
    if (at == NULL)
        return false;
    if (from.len != 0)
        memcpy(at, from.ptr, from.len);
    *out = slice_of(at, from.len);
    return true;
}

char *arena_text(struct arena *arena, struct slice from)
{
    if (from.len == SIZE_MAX)
        return NULL;
    char *text = arena_take(arena, from.len + 1);
    if (text == NULL)
        return NULL;
    if (from.len != 0)
        memcpy(text, from.ptr, from.len);
    text[from.len] = '\0';
    return text;
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}

ProtobufCAllocator *arena_allocator(struct arena *arena)
{
    return &arena->allocator;
}
