#include "proto/wire/arena.h"

#include <stdlib.h>

#define ARENA_ALIGN       16u
#define ARENA_FIRST_BYTES (8u * 1024u)   /* most requests fit: nothing is allocated after the first one */
#define ARENA_CHUNK_MAX   (256u * 1024u) /* chunks double up to this; larger takes get a chunk of their own */

struct arena_chunk {
    struct arena_chunk *older;
    size_t cap;
    _Alignas(ARENA_ALIGN) uint8_t bytes[];
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

void arena_init(struct arena *arena, size_t cap_bytes)
{
    *arena = (struct arena){.cap = cap_bytes};
    arena->allocator = (ProtobufCAllocator){
        .alloc = arena_protobuf_alloc, .free = arena_protobuf_free, .allocator_data = arena};
}

struct arena *arena_new(size_t cap_bytes)
{
    struct arena *arena = malloc(sizeof *arena);
    if (arena != NULL)
        arena_init(arena, cap_bytes);
    return arena;
}

/* `chunk` becomes the newest, with all of it free. NULL: there is none. */
static void arena_use(struct arena *arena, struct arena_chunk *chunk)
{
    arena->newest = chunk;
    arena->at = chunk != NULL ? chunk->bytes : NULL;
    arena->left = chunk != NULL ? chunk->cap : 0;
}

void arena_reset(struct arena *arena)
{
    struct arena_chunk *chunk = arena->newest;
    while (chunk != NULL && (chunk->older != NULL || chunk->cap > ARENA_FIRST_BYTES)) {
        struct arena_chunk *older = chunk->older;
        free(chunk);
        chunk = older;
    }
    arena_use(arena, chunk);
    arena->used = 0;
}

void arena_done(struct arena *arena)
{
    arena_reset(arena);
    free(arena->newest);
    arena_use(arena, NULL);
}

void arena_free(struct arena *arena)
{
    if (arena == NULL)
        return;
    arena_done(arena);
    free(arena);
}

bool arena_adopt(struct arena *to, struct arena *from)
{
    struct arena_chunk *oldest = NULL;
    size_t bytes = 0;
    for (struct arena_chunk *chunk = from->newest; chunk != NULL; chunk = chunk->older) {
        bytes += chunk->cap;
        oldest = chunk;
    }
    if (oldest == NULL)
        return true;
    if (bytes > to->cap - to->used)
        return false;
    oldest->older = to->newest;
    to->newest = from->newest;
    to->at = from->at;
    to->left = from->left;
    to->used += bytes;
    arena_use(from, NULL);
    from->used = 0;
    return true;
}

static bool arena_grow(struct arena *arena, size_t bytes)
{
    size_t want = ARENA_FIRST_BYTES;
    if (arena->newest != NULL)
        want = arena->newest->cap < ARENA_CHUNK_MAX / 2 ? 2 * arena->newest->cap : ARENA_CHUNK_MAX;
    size_t cap = want > bytes ? want : bytes;
    if (cap > SIZE_MAX - sizeof(struct arena_chunk))
        return false;
    struct arena_chunk *chunk = malloc(sizeof *chunk + cap);
    if (chunk == NULL)
        return false;
    chunk->older = arena->newest;
    chunk->cap = cap;
    arena_use(arena, chunk);
    return true;
}

void *arena_take(struct arena *arena, size_t bytes)
{
    if (bytes > SIZE_MAX - ARENA_ALIGN)
        return NULL;
    size_t rounded = bytes == 0 ? ARENA_ALIGN : (bytes + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    if (rounded > arena->cap - arena->used)
        return NULL;
    if (rounded > arena->left && !arena_grow(arena, rounded))
        return NULL;
    void *at = arena->at;
    arena->at += rounded;
    arena->left -= rounded;
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
