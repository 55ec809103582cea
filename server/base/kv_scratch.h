/*
 * Memory for what a store lends in a transaction: handed out in order, written over again once KV_BORROW_BYTES and as
 * much again have been handed out since. One thread at a time. Zero is an empty one.
 */
#ifndef SERVER_BASE_KV_SCRATCH_H
#define SERVER_BASE_KV_SCRATCH_H

#include "server/ports/kv.h"

struct kv_scratch_chunk;
struct kv_scratch {
    struct kv_scratch_chunk *oldest, *newest;
    size_t total;
};

uint8_t *kv_scratch_take(struct kv_scratch *scratch, size_t len); /* NULL: no memory */
void kv_scratch_reset(struct kv_scratch *scratch);                /* everything lent ends here */
void kv_scratch_free(struct kv_scratch *scratch);

#endif
