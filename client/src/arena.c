#include "client/src/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

#define ARENA_BLOCK_BYTES 8192u

struct dft_arena_block {
    struct dft_arena_block *older;
    size_t len;
    size_t cap;
    alignas(max_align_t) uint8_t bytes[];
};

void dft_arena_init(struct dft_arena *arena, size_t max)
{
    *arena = (struct dft_arena){.max = max};
}

void dft_arena_done(struct dft_arena *arena)
{
    struct dft_arena_block *block = arena->blocks;
    while (block != NULL) {
        struct dft_arena_block *older = block->older;
        free(block);
        block = older;
    }
    arena->blocks = NULL;
    arena->used = 0;
}

void *dft_arena_take(struct dft_arena *arena, size_t len)
{
    if (len > arena->max)
        return NULL;
    len = (len + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct dft_arena_block *block = arena->blocks;
    if (block == NULL || len > block->cap - block->len) {
        size_t cap = len > ARENA_BLOCK_BYTES ? len : ARENA_BLOCK_BYTES;
        if (arena->used > arena->max || cap > arena->max - arena->used)
            return NULL;
        block = malloc(sizeof *block + cap);
        if (block == NULL)
            return NULL;
        *block = (struct dft_arena_block){.older = arena->blocks, .cap = cap};
        arena->blocks = block;
        arena->used += cap;
    }
    void *at = block->bytes + block->len;
    block->len += len;
    return at;
}

void dft_arena_adopt(struct dft_arena *to, struct dft_arena *from)
{
    struct dft_arena_block *oldest = from->blocks;
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
    return dft_arena_take(context, len);
}

static void allocator_free(void *context, void *memory)
{
    (void)context;
    (void)memory;
}

ProtobufCAllocator dft_arena_allocator(struct dft_arena *arena)
{
    return (ProtobufCAllocator){.alloc = allocator_take, .free = allocator_free, .allocator_data = arena};
}
