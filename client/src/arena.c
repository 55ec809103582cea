#include "client/src/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

#define ARENA_BLOCK_BYTES 8192u

struct arena_block {
    struct arena_block *older;
    size_t len;
    size_t cap;
    alignas(max_align_t) uint8_t bytes[];
};

void arena_init(struct arena *arena, size_t max)
{
    *arena = (struct arena){.max = max};
}

void arena_done(struct arena *arena)
{
    struct arena_block *block = arena->blocks;
    while (block != NULL) {
        struct arena_block *older = block->older;
        free(block);
        block = older;
    }
    arena->blocks = NULL;
    arena->used = 0;
}

void *arena_take(struct arena *arena, size_t len)
{
    if (len > arena->max)
        return NULL;
    len = (len + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct arena_block *block = arena->blocks;
    if (block == NULL || len > block->cap - block->len) {
        size_t cap = len > ARENA_BLOCK_BYTES ? len : ARENA_BLOCK_BYTES;
        if (arena->used > arena->max || cap > arena->max - arena->used)
            return NULL;
        block = malloc(sizeof *block + cap);
        if (block == NULL)
            return NULL;
        *block = (struct arena_block){.older = arena->blocks, .cap = cap};
        arena->blocks = block;
        arena->used += cap;
    }
    void *at = block->bytes + block->len;
    block->len += len;
    return at;
}

void arena_adopt(struct arena *to, struct arena *from)
{
    struct arena_block *oldest = from->blocks;
    if (oldest == NULL)
        return;
    while (oldest->older != NULL)
        oldest = oldest->older;
    oldest->older = to->blocks;
    to->blocks = from->blocks;
    to->used += from->used;
    from->blocks = NULL;
    from->used = 0;
}

static void *allocator_take(void *context, size_t len)
{
    return arena_take(context, len);
}

static void allocator_free(void *context, void *memory)
{
    (void)context;
    (void)memory;
}

ProtobufCAllocator arena_allocator(struct arena *arena)
{
    return (ProtobufCAllocator){.alloc = allocator_take, .free = allocator_free, .allocator_data = arena};
}
