/*
 * The Merkle tree over record hashes: RFC 6962 section 2.1 (SHA-256; leaf 0x00, node 0x01).
 * Leaf index = position - 1. Pure but for the hash source that the caller gives; nothing allocates.
 */
#ifndef PROTO_RECORD_TREE_H
#define PROTO_RECORD_TREE_H

#include "proto/record/record.h"

#define TREE_LEVELS_MAX      64
#define TREE_PROOF_MAX       64 /* hashes in an inclusion proof */
#define TREE_CONSISTENCY_MAX 66 /* hashes in a consistency proof */
#define TILE_HEIGHT          8
#define TILE_WIDTH           256 /* hashes in a full tile (C2SP tlog-tiles) */

void tree_empty_root(struct hash *out); /* SHA-256 of nothing */
void tree_node(const struct hash *left, const struct hash *right,
               struct hash *out); /* SHA-256(1 || l || r) */

/* The compact range [0, size): roots of its perfect subtrees, largest first. Grows one leaf at a time. */
struct tree_range {
    uint64_t size;
    uint32_t count; /* = popcount(size) */
    struct hash roots[TREE_LEVELS_MAX];
};
void tree_range_append(struct tree_range *range, const struct hash *leaf);
void tree_range_root(const struct tree_range *range, struct hash *out);

/* Where proofs get hashes from: node(level, index) = root of leaves [index << level, (index + 1) << level),
 * only ever asked for complete subtrees. */
struct tree_source {
    enum status (*node)(void *context, uint32_t level, uint64_t index, struct hash *out);
    void *context;
};
enum status tree_root(const struct tree_source *source, uint64_t size, struct hash *out) MUST_USE;
enum status tree_prove_inclusion(const struct tree_source *source, uint64_t index, uint64_t size,
                                 struct hash out[TREE_PROOF_MAX], size_t *out_count) MUST_USE;
enum status tree_prove_consistency(const struct tree_source *source, uint64_t old_size, uint64_t new_size,
                                   struct hash out[TREE_CONSISTENCY_MAX], size_t *out_count) MUST_USE;

/* RFC 9162 2.1.3.2 and 2.1.4.2. False for any malformed or wrong proof; no other effect. */
bool tree_verify_inclusion(uint64_t index, uint64_t size, const struct hash *leaf, const struct hash *proof,
                           size_t count, const struct hash *root) MUST_USE;
bool tree_verify_consistency(uint64_t old_size, uint64_t new_size, const struct hash *old_root,
                             const struct hash *new_root, const struct hash *proof, size_t count) MUST_USE;

#endif
