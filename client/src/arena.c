#include "client/src/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

#define ARENA_BLOCK_BYTES 8192u

struct client_arena_block {
    struct client_arena_block *older;
    size_t len;
    size_t cap;
    alignas(max_align_t) uint8_t bytes[];
};

void client_arena_init(struct client_arena *arena, size_t max)
{
    *arena = (struct client_arena){.max = max};
}

void client_arena_done(struct client_arena *arena)
{
    struct client_arena_block *block = arena->blocks;
    while (block != NULL) {
        struct client_arena_block *older = block->older;
        free(block);
        block = older;
    }
    arena->blocks = NULL;
    arena->used = 0;
}

void *client_arena_take(struct client_arena *arena, size_t len)
{
    if (len > arena->max)
        return NULL;
    len = (len + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct client_arena_block *block = arena->blocks;
    if (block == NULL || len > block->cap - block->len) {
        size_t cap = len > ARENA_BLOCK_BYTES ? len : ARENA_BLOCK_BYTES;
        if (arena->used > arena->max || cap > arena->max - arena->used)
            return NULL;
        block = malloc(sizeof *block + cap);
        if (block == NULL)
            return NULL;
        *block = (struct client_arena_block){.older = arena->blocks, .cap = cap};
        arena->blocks = block;
        arena->used += cap;
    }
    void *at = block->bytes + block->len;
    block->len += len;
    return at;
}

bool client_arena_adopt(struct client_arena *to, struct client_arena *from)
{
    struct client_arena_block *oldest = from->blocks;
    if (oldest == NULL)
        return true;
    if (to->used > to->max || from->used > to->max - to->used)
        return false;
    while (oldest->older != NULL)
        oldest = oldest->older;
    oldest->older = to->blocks;
    to->blocks = from->blocks;
    to->used += from->used;
    from->blocks = NULL;
    from->used = 0;
    return true;
}

static void *allocator_take(void *context, size_t len)
{
    return client_arena_take(context, len);
}

static void allocator_free(void *context, void *memory)
{
    (void)context;
    (void)memory;
}

ProtobufCAllocator client_arena_allocator(struct client_arena *arena)
{
    return (ProtobufCAllocator){.alloc = allocator_take, .free = allocator_free, .allocator_data = arena};
}
