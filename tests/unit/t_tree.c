/* The Merkle tree against a plain reading of RFC 6962 2.1, and every proof of small trees with every kind of damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/base/bytes.h"
#include "proto/record/tree.h"
#include "tests/support/random.h"

#define LEAVES 200

static struct hash leaves[LEAVES];
static struct hash roots[LEAVES + 1]; /* roots[n]: of the first n leaves, by definition */

/* MTH(D[from:to]) of RFC 6962, by its definition but without recursion: levels are folded pairwise, an odd last node
 * goes up alone, which is the same tree. */
static void root_by_definition(size_t from, size_t to, struct hash *out)
{
    struct hash row[LEAVES];
    size_t count = to - from;
    if (count == 0) {
        tree_empty_root(out);
        return;
    }
    memcpy(row, leaves + from, count * sizeof *row);
    for (; count > 1; count = (count + 1) / 2)
        for (size_t i = 0; i < count; i += 2) {
            if (i + 1 < count)
                tree_node(&row[i], &row[i + 1], &row[i / 2]);
            else
                row[i / 2] = row[i];
        }
    *out = row[0];
}

static int setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEAVES; i++) {
        uint8_t data[8];
        be64_put(data, i);
        record_hash(slice_of(data, sizeof data), &leaves[i]);
    }
    for (size_t n = 0; n <= LEAVES; n++)
        root_by_definition(0, n, &roots[n]);
    return 0;
}

/* Only complete subtrees of the tree may be asked for; `size` says which tree that is. */
struct asked {
    uint64_t size;
    enum status fail_with;
    unsigned fail_at; /* call number, from 1; 0 = never */
    unsigned calls;
};
static enum status node(void *context, uint32_t level, uint64_t index, struct hash *out)
{
    struct asked *asked = context;
    assert_true(level < 8);
    assert_true((index + 1) << level <= asked->size);
    if (++asked->calls == asked->fail_at)
        return asked->fail_with;
    root_by_definition((size_t)(index << level), (size_t)((index + 1) << level), out);
    return STATUS_OK;
}

static bool same(const struct hash *a, const struct hash *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static void roots_agree(void **state)
{
    (void)state;
    struct tree_range range = {0};
    struct hash root;
    for (size_t n = 0; n <= LEAVES; n++) {
        struct asked asked = {.size = n};
        const struct tree_source source = {.node = node, .context = &asked};
        assert_int_equal(range.size, n);
        tree_range_root(&range, &root);
        assert_true(same(&root, &roots[n]));
        assert_int_equal(tree_root(&source, n, &root), STATUS_OK);
        assert_true(same(&root, &roots[n]));
        if (n < LEAVES)
            tree_range_append(&range, &leaves[n]);
    }
}

static void every_inclusion_proof_verifies(void **state)
{
    (void)state;
    struct hash proof[TREE_PROOF_MAX];
    for (size_t size = 1; size <= LEAVES; size++)
        for (size_t index = 0; index < size; index++) {
            struct asked asked = {.size = size};
            const struct tree_source source = {.node = node, .context = &asked};
            size_t count = 99;
            assert_int_equal(tree_prove_inclusion(&source, index, size, proof, &count), STATUS_OK);
            assert_true(tree_verify_inclusion(index, size, &leaves[index], proof, count, &roots[size]));
        }
    struct asked asked = {.size = 5};
    const struct tree_source source = {.node = node, .context = &asked};
    size_t count = 99;
    assert_int_equal(tree_prove_inclusion(&source, 5, 5, proof, &count), STATUS_INVALID);
    assert_int_equal(tree_prove_inclusion(&source, 0, 0, proof, &count), STATUS_INVALID);
    assert_int_equal(count, 99);
}

static void every_consistency_proof_verifies(void **state)
{
    (void)state;
    struct hash proof[TREE_CONSISTENCY_MAX];
    for (size_t new_size = 0; new_size <= LEAVES; new_size++)
        for (size_t old_size = 0; old_size <= new_size; old_size++) {
            struct asked asked = {.size = new_size};
            const struct tree_source source = {.node = node, .context = &asked};
            size_t count = 99;
            assert_int_equal(tree_prove_consistency(&source, old_size, new_size, proof, &count), STATUS_OK);
            if (old_size == 0 || old_size == new_size)
                assert_int_equal(count, 0);
            assert_true(tree_verify_consistency(old_size, new_size, &roots[old_size], &roots[new_size], proof,
                                                count));
        }
    struct asked asked = {.size = 5};
    const struct tree_source source = {.node = node, .context = &asked};
    size_t count = 99;
    assert_int_equal(tree_prove_consistency(&source, 6, 5, proof, &count), STATUS_INVALID);
    assert_int_equal(count, 99);
}

static void flip(struct hash *hash, size_t bit)
{
    hash->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

/* Whether an inclusion proof as given holds. */
struct inclusion {
    uint64_t index, size;
    struct hash leaf, root;
    struct hash proof[TREE_PROOF_MAX + 1];
    size_t count;
};
static bool holds(const struct inclusion *p)
{
    return tree_verify_inclusion(p->index, p->size, &p->leaf, p->proof, p->count, &p->root);
}

static void damage_inclusion(struct inclusion *p, size_t bits_step)
{
    for (size_t bit = 0; bit < 256; bit += bits_step) {
        flip(&p->leaf, bit);
        assert_false(holds(p));
        flip(&p->leaf, bit);
        flip(&p->root, bit);
        assert_false(holds(p));
        flip(&p->root, bit);
        for (size_t i = 0; i < p->count; i++) {
            flip(&p->proof[i], bit);
            assert_false(holds(p));
            flip(&p->proof[i], bit);
        }
    }
    assert_true(holds(p));
    p->count++;
    assert_false(holds(p)); /* whatever stands there */
    p->proof[p->count - 1] = p->root;
    assert_false(holds(p));
    p->count--;
    if (p->count > 0) {
        p->count--;
        assert_false(holds(p));
        p->count++;
    }
}

static void damaged_inclusion_proofs_fail(void **state)
{
    (void)state;
    for (size_t size = 1; size <= LEAVES; size++)
        for (size_t index = 0; index < size; index += 1 + (size > 24 ? size / 12 : 0)) {
            struct asked asked = {.size = size};
            const struct tree_source source = {.node = node, .context = &asked};
            struct inclusion p = {.index = index, .size = size, .leaf = leaves[index], .root = roots[size]};
            assert_int_equal(tree_prove_inclusion(&source, index, size, p.proof, &p.count), STATUS_OK);
            damage_inclusion(&p, size < 10 ? 1 : 37);
            for (uint64_t other = 0; other <= size + 1; other++) { /* every other index */
                p.index = other;
                assert_int_equal(holds(&p), other == index);
            }
            p.index = index;
            /* Another size under the same root may well have the same path (leaf 0 of 5 and of 8), which proves nothing
             * false: the leaf is there. But no proof serves another tree's root. */
            for (size_t other = 0; other <= LEAVES; other++) {
                p.size = other;
                p.root = roots[other];
                assert_int_equal(holds(&p), other == size);
            }
        }
    struct inclusion huge = {.index = UINT64_MAX - 1, .size = UINT64_MAX, .count = TREE_PROOF_MAX + 1};
    assert_false(holds(&huge));
}

struct consistency {
    uint64_t old_size, new_size;
    struct hash old_root, new_root;
    struct hash proof[TREE_CONSISTENCY_MAX + 1];
    size_t count;
};
static bool consistent(const struct consistency *p)
{
    return tree_verify_consistency(p->old_size, p->new_size, &p->old_root, &p->new_root, p->proof, p->count);
}

static void damage_consistency(struct consistency *p, size_t bits_step)
{
    for (size_t bit = 0; bit < 256; bit += bits_step) {
        flip(&p->old_root, bit);
        assert_false(consistent(p));
        flip(&p->old_root, bit);
        if (p->old_size != 0) { /* an empty tree is a prefix of every tree */
            flip(&p->new_root, bit);
            assert_false(consistent(p));
            flip(&p->new_root, bit);
        }
        for (size_t i = 0; i < p->count; i++) {
            flip(&p->proof[i], bit);
            assert_false(consistent(p));
            flip(&p->proof[i], bit);
        }
    }
    assert_true(consistent(p));
    p->proof[p->count] = p->new_root;
    p->count++;
    assert_false(consistent(p));
    p->count--;
    if (p->count > 0) {
        p->count--;
        assert_false(consistent(p));
        p->count++;
    }
}

static void damaged_consistency_proofs_fail(void **state)
{
    (void)state;
    for (size_t new_size = 1; new_size <= LEAVES; new_size++)
        for (size_t old_size = 0; old_size <= new_size; old_size += 1 + (new_size > 24 ? new_size / 12 : 0)) {
            struct asked asked = {.size = new_size};
            const struct tree_source source = {.node = node, .context = &asked};
            struct consistency p = {.old_size = old_size,
                                    .new_size = new_size,
                                    .old_root = roots[old_size],
                                    .new_root = roots[new_size]};
            assert_int_equal(tree_prove_consistency(&source, old_size, new_size, p.proof, &p.count),
                             STATUS_OK);
            damage_consistency(&p, new_size < 10 ? 1 : 37);
            if (old_size == 0)
                continue;
            for (size_t other = 1; other <= LEAVES;
                 other++) { /* another old tree with the root that it truly had */
                p.old_size = other;
                p.old_root = roots[other];
                assert_int_equal(consistent(&p), other == old_size);
            }
        }
    struct consistency backwards = {.old_size = 3, .new_size = 2};
    assert_false(consistent(&backwards));
    struct consistency huge = {
        .old_size = UINT64_MAX - 1, .new_size = UINT64_MAX, .count = TREE_CONSISTENCY_MAX + 1};
    assert_false(consistent(&huge));
}

/* A tree that was changed in the past: no proof makes it consistent with what was seen before. */
static void a_forked_tree_is_found_out(void **state)
{
    (void)state;
    struct random random = random_start();
    for (int round = 0; round < 200; round++) {
        size_t old_size = 1 + random_below(&random, LEAVES - 1);
        size_t new_size = old_size + 1 + random_below(&random, LEAVES - old_size);
        size_t changed = random_below(&random, old_size);
        struct hash kept = leaves[changed], root;
        flip(&leaves[changed], random_below(&random, 256));
        root_by_definition(0, new_size, &root);
        struct asked asked = {.size = new_size};
        const struct tree_source source = {.node = node, .context = &asked};
        struct hash proof[TREE_CONSISTENCY_MAX];
        size_t count;
        assert_int_equal(tree_prove_consistency(&source, old_size, new_size, proof, &count), STATUS_OK);
        assert_false(tree_verify_consistency(old_size, new_size, &roots[old_size], &root, proof, count));
        leaves[changed] = kept;
    }
}

static void a_failing_source_is_reported(void **state)
{
    (void)state;
    struct hash proof[TREE_CONSISTENCY_MAX], root;
    for (unsigned call = 1; call < 20; call++) {
        struct asked asked = {.size = 183, .fail_with = STATUS_CORRUPT, .fail_at = call};
        const struct tree_source source = {.node = node, .context = &asked};
        size_t count = 99;
        enum status status = tree_prove_inclusion(&source, 91, 183, proof, &count);
        assert_int_equal(status, asked.calls < call ? STATUS_OK : STATUS_CORRUPT);
        asked.calls = 0;
        status = tree_prove_consistency(&source, 91, 183, proof, &count);
        assert_int_equal(status, asked.calls < call ? STATUS_OK : STATUS_CORRUPT);
        asked.calls = 0;
        status = tree_root(&source, 183, &root);
        assert_int_equal(status, asked.calls < call ? STATUS_OK : STATUS_CORRUPT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_agree),
        cmocka_unit_test(every_inclusion_proof_verifies),
        cmocka_unit_test(every_consistency_proof_verifies),
        cmocka_unit_test(damaged_inclusion_proofs_fail),
        cmocka_unit_test(damaged_consistency_proofs_fail),
        cmocka_unit_test(a_forked_tree_is_found_out),
        cmocka_unit_test(a_failing_source_is_reported),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
