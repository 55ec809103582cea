#include "server/base/kv_scratch.h"

#include <stdlib.h>

#define CHUNK_BYTES   (64u * 1024u)
#define SCRATCH_BYTES (2u * KV_BORROW_BYTES) /* held before the oldest is written over */

struct kv_scratch_chunk {
    struct kv_scratch_chunk *newer;
    size_t cap, used;
    uint8_t bytes[];
};

static void drop_oldest(struct kv_scratch *scratch)
{
    struct kv_scratch_chunk *chunk = scratch->oldest;
    scratch->oldest = chunk->newer;
    if (scratch->oldest == NULL)
        scratch->newest = NULL;
    scratch->total -= chunk->cap;
    free(chunk);
}

uint8_t *kv_scratch_take(struct kv_scratch *scratch, size_t len)
{
    struct kv_scratch_chunk *chunk = scratch->newest;
    if (chunk == NULL || len > chunk->cap - chunk->used) {
        size_t cap = len > CHUNK_BYTES ? len : CHUNK_BYTES;
        while (scratch->oldest != NULL && scratch->total + cap > SCRATCH_BYTES + CHUNK_BYTES)
            drop_oldest(scratch);
        chunk = malloc(sizeof *chunk + cap);
        if (chunk == NULL)
            return NULL;
        *chunk = (struct kv_scratch_chunk){.cap = cap};
        if (scratch->newest != NULL)
            scratch->newest->newer = chunk;
        else
            scratch->oldest = chunk;
        scratch->newest = chunk;
        scratch->total += cap;
    }
    uint8_t *at = chunk->bytes + chunk->used;
    chunk->used += len;
    return at;
}

/* One chunk stays for what comes next. */
void kv_scratch_reset(struct kv_scratch *scratch)
{
    while (scratch->oldest != scratch->newest)
        drop_oldest(scratch);
    if (scratch->newest != NULL && scratch->newest->cap > CHUNK_BYTES)
        drop_oldest(scratch);
    if (scratch->newest != NULL)
        scratch->newest->used = 0;
}

void kv_scratch_free(struct kv_scratch *scratch)
{
    while (scratch->oldest != NULL)
        drop_oldest(scratch);
}
