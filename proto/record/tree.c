#include "proto/record/tree.h"

#include "proto/base/bug.h"
#include "proto/record/sha256.h"

void tree_empty_root(struct hash *out)
{
    sha256(NULL, 0, out);
}

void tree_node(const struct hash *left, const struct hash *right, struct hash *out)
{
    uint8_t bytes[1 + 2 * HASH_BYTES];
    bytes[0] = 0x01;
    memcpy(bytes + 1, left->bytes, HASH_BYTES);
    memcpy(bytes + 1 + HASH_BYTES, right->bytes, HASH_BYTES);
    const struct slice whole = slice_of(bytes, sizeof bytes);
    sha256(&whole, 1, out);
}

static bool hash_equal(const struct hash *a, const struct hash *b)
{
    return memcmp(a->bytes, b->bytes, HASH_BYTES) == 0;
}

static bool is_power_of_two(uint64_t number)
{
    return number != 0 && (number & (number - 1)) == 0;
}

void tree_range_append(struct tree_range *range, const struct hash *leaf)
{
    ASSERT(range->size < UINT64_MAX && range->count == (uint32_t)__builtin_popcountll(range->size));
    struct hash root = *leaf;
    for (uint64_t size = range->size; (size & 1) != 0; size >>= 1)
        tree_node(&range->roots[--range->count], &root, &root);
    range->roots[range->count++] = root;
    range->size++;
}

void tree_range_root(const struct tree_range *range, struct hash *out)
{
    ASSERT(range->count == (uint32_t)__builtin_popcountll(range->size));
    if (range->count == 0) {
        tree_empty_root(out);
        return;
    }
    struct hash root = range->roots[range->count - 1];
    for (uint32_t i = range->count - 1; i > 0; i--)
        tree_node(&range->roots[i - 1], &root, &root);
    *out = root;
}

/* Root of the leaves from the last multiple of 2^level below `size` up to `size`, that is of the perfect
 * subtrees that the low `level` bits of size stand for. There is at least one. */
static enum status right_edge(const struct tree_source *source, uint64_t size, uint32_t level,
                              struct hash *out)
{
    bool any = false;
    struct hash root = {0};
    for (uint32_t l = 0; l < level; l++) {
        if ((size >> l & 1) == 0)
            continue;
        struct hash left;
        enum status status = source->node(source->context, l, (size >> l) - 1, &left);
        if (status != STATUS_OK)
            return status;
        if (any)
            tree_node(&left, &root, &root);
        else
            root = left;
        any = true;
    }
    ASSERT(any);
    *out = root;
    return STATUS_OK;
}

enum status tree_root(const struct tree_source *source, uint64_t size, struct hash *out)
{
    if (size == 0) {
        tree_empty_root(out);
        return STATUS_OK;
    }
    return right_edge(source, size, TREE_LEVELS_MAX, out);
}

/* The siblings on the way from node (level, index) to the root of the tree of `size` leaves, lowest first,
 * added to out[*count]. RFC 6962 2.1.1. */
static enum status path(const struct tree_source *source, uint32_t level, uint64_t index, uint64_t size,
                        struct hash *out, size_t *count)
{
    for (; level < TREE_LEVELS_MAX && (size - 1) >> level != 0; level++, index >>= 1) {
        uint64_t sibling = index ^ 1;
        uint64_t last = (size - 1) >> level;
        if (sibling > last)
            continue; /* the node is the right edge here and goes up alone */
        uint64_t below = (UINT64_C(1) << level) - 1;
        bool whole = sibling < last || (size & below) == 0;
        enum status status = whole ? source->node(source->context, level, sibling, &out[*count])
                                   : right_edge(source, size, level, &out[*count]);
        if (status != STATUS_OK)
            return status;
        ++*count;
    }
    return STATUS_OK;
}

enum status tree_prove_inclusion(const struct tree_source *source, uint64_t index, uint64_t size,
                                 struct hash out[TREE_PROOF_MAX], size_t *out_count)
{
    if (index >= size)
        return STATUS_INVALID;
    size_t count = 0;
    enum status status = path(source, 0, index, size, out, &count);
    if (status == STATUS_OK)
        *out_count = count;
    return status;
}

enum status tree_prove_consistency(const struct tree_source *source, uint64_t old_size, uint64_t new_size,
                                   struct hash out[TREE_CONSISTENCY_MAX], size_t *out_count)
{
    if (old_size > new_size)
        return STATUS_INVALID;
    size_t count = 0;
    if (old_size != 0 && old_size != new_size) {
        /* The largest perfect subtree that ends where the old tree ends. When it is the whole old tree, the
         * verifier has its root already. */
        uint32_t level = (uint32_t)__builtin_ctzll(old_size);
        uint64_t index = (old_size - 1) >> level;
        enum status status = STATUS_OK;
        if (index != 0)
            status = source->node(source->context, level, index, &out[count++]);
        if (status == STATUS_OK)
            status = path(source, level, index, new_size, out, &count);
        if (status != STATUS_OK)
            return status;
    }
    *out_count = count;
    return STATUS_OK;
}

bool tree_verify_inclusion(uint64_t index, uint64_t size, const struct hash *leaf, const struct hash *proof,
                           size_t count, const struct hash *root)
{
    if (index >= size || count > TREE_PROOF_MAX)
        return false;
    uint64_t fn = index;
    uint64_t sn = size - 1;
    struct hash r = *leaf;
    for (size_t i = 0; i < count; i++) {
        if (sn == 0)
            return false;
        if ((fn & 1) != 0 || fn == sn) {
            tree_node(&proof[i], &r, &r);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            tree_node(&r, &proof[i], &r);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && hash_equal(&r, root);
}

/* RFC 9162 2.1.4.2 for 0 < old_size < new_size; `first` is the node to start from. */
static bool climb(uint64_t old_size, uint64_t new_size, const struct hash *first, const struct hash *proof,
                  size_t count, const struct hash *old_root, const struct hash *new_root)
{
    uint64_t fn = old_size - 1;
    uint64_t sn = new_size - 1;
    while ((fn & 1) != 0) {
        fn >>= 1;
        sn >>= 1;
    }
    struct hash fr = *first;
    struct hash sr = *first;
    for (size_t i = 0; i < count; i++) {
        if (sn == 0)
            return false;
        if ((fn & 1) != 0 || fn == sn) {
            tree_node(&proof[i], &fr, &fr);
            tree_node(&proof[i], &sr, &sr);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            tree_node(&sr, &proof[i], &sr);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && hash_equal(&fr, old_root) && hash_equal(&sr, new_root);
}

bool tree_verify_consistency(uint64_t old_size, uint64_t new_size, const struct hash *old_root,
                             const struct hash *new_root, const struct hash *proof, size_t count)
{
    if (old_size > new_size || count > TREE_CONSISTENCY_MAX)
        return false;
    if (old_size == new_size)
        return count == 0 && hash_equal(old_root, new_root);
    if (old_size == 0) {
        struct hash empty;
        tree_empty_root(&empty);
        return count == 0 && hash_equal(old_root, &empty);
    }
    if (is_power_of_two(old_size))
        return climb(old_size, new_size, old_root, proof, count, old_root, new_root);
    return count > 0 && climb(old_size, new_size, &proof[0], proof + 1, count - 1, old_root, new_root);
}
