/*
 * The kv port with neighbouring rows of the KV_PACKED tables stored together: a decorator over any other store, below
 * slice buffers and overlays and above the seal, so that one seal and one node of the store's tree serve a hundred rows.
 *
 * Stored: name of the block -> its rows (server/base/packed_block.h), where the name is no greater than any of its keys,
 * greater than those of the block before, and of the same group (KV_GROUP) as all of them. Other tables pass through.
 *
 * Writes in key order are cheap, whatever lies between them; writes in no order cost a block each. What is written is
 * kept back in part until its transaction moves on or commits, and is seen by reads and cursors of that transaction. A
 * stored block that is none sets CORRUPT.
 */
#ifndef SERVER_BASE_KV_PACKED_H
#define SERVER_BASE_KV_PACKED_H

#include "server/ports/kv.h"

struct kv_packed_options {
    const struct kv_table *tables; /* borrowed until close */
    unsigned count;
    size_t block_bytes; /* of a full block; 0 = KV_PACKED_BLOCK_BYTES */
};

#define KV_PACKED_BLOCK_BYTES 4051u

/* Takes over `inner`: closes it at close. Gives `inner` itself when no table is packed. NULL (and `inner` stays the
 * caller's) when memory is short. */
struct kv *kv_packed_new(struct kv *inner, const struct kv_packed_options *options);

#endif
