/* Public test values: the RFC 6962 reference tree of Certificate Transparency (also used by transparency-dev/merkle). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/record/tree.h"
#include "tests/support/hex.h"

#define LEAVES 8
static const char *const leaf_input[LEAVES] = {
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
};
static const char *const level0[LEAVES] = {
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7",
    "07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7",
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "4271a26be0d8a84f0bd54c8c302e7cb3a3b5d1fa6780a40bcce2873477dab658",
    "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
    "46f6ffadd3d06a09ff3c5860d2755c8b9819db7df44251788c7d8e3180de8eb1",
};
static const char *const level1[LEAVES / 2] = {
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
};
static const char *const level2[LEAVES / 4] = {
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
};
static const char *const root_of[LEAVES + 1] = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

static struct hash hash_of(const char *text)
{
    struct hash hash;
    assert_int_equal(hex_bytes(text, hash.bytes, HASH_BYTES), HASH_BYTES);
    return hash;
}

static void assert_hash(const struct hash *hash, const char *text)
{
    struct hash expected = hash_of(text);
    assert_memory_equal(hash, &expected, HASH_BYTES);
}

static enum status node(void *context, uint32_t level, uint64_t index, struct hash *out)
{
    (void)context;
    static const char *const *const levels[] = {level0, level1, level2, &root_of[LEAVES]};
    assert_true(level < 4 && (index + 1) << level <= LEAVES);
    *out = hash_of(levels[level][index]);
    return STATUS_OK;
}
static const struct tree_source source = {.node = node};

static void leaves_and_roots(void **state)
{
    (void)state;
    struct tree_range range = {0};
    struct hash hash;
    tree_empty_root(&hash);
    assert_hash(&hash, root_of[0]);
    for (size_t i = 0; i < LEAVES; i++) {
        uint8_t input[16];
        size_t len = hex_bytes(leaf_input[i], input, sizeof input);
        record_hash(slice_of(input, len), &hash);
        assert_hash(&hash, level0[i]);
        tree_range_append(&range, &hash);
        tree_range_root(&range, &hash);
        assert_hash(&hash, root_of[i + 1]);
        assert_int_equal(tree_root(&source, i + 1, &hash), STATUS_OK);
        assert_hash(&hash, root_of[i + 1]);
    }
}

struct vector {
    uint64_t from, size; /* index or old size; tree size */
    size_t count;
    const char *const *proof;
};
#define PROOF(...)                                                                                           \
    .count = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), .proof = (const char *const[])     \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }

static void inclusion_paths(void **state)
{
    (void)state;
    const struct vector vectors[] = {
        {0, 1, 0, NULL},
        {0, 8,
         PROOF("96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
               "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
               "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4")},
        {5, 8,
         PROOF("bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
               "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
               "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7")},
        {2, 3, PROOF("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125")},
        {1, 5,
         PROOF("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
               "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
               "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b")},
    };
    for (size_t v = 0; v < sizeof vectors / sizeof *vectors; v++) {
        struct hash proof[TREE_PROOF_MAX];
        size_t count;
        uint64_t index = vectors[v].from, size = vectors[v].size;
        assert_int_equal(tree_prove_inclusion(&source, index, size, proof, &count), STATUS_OK);
        assert_int_equal(count, vectors[v].count);
        for (size_t i = 0; i < count; i++)
            assert_hash(&proof[i], vectors[v].proof[i]);
        struct hash leaf = hash_of(level0[index]), root = hash_of(root_of[size]);
        assert_true(tree_verify_inclusion(index, size, &leaf, proof, count, &root));
    }
}

static void consistency_paths(void **state)
{
    (void)state;
    const struct vector vectors[] = {
        {1, 1, 0, NULL},
        {1, 8,
         PROOF("96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
               "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
               "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4")},
        {6, 8,
         PROOF("0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
               "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
               "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7")},
        {2, 5,
         PROOF("5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
               "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b")},
        {6, 7,
         PROOF("0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
               "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
               "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7")},
    };
    for (size_t v = 0; v < sizeof vectors / sizeof *vectors; v++) {
        struct hash proof[TREE_CONSISTENCY_MAX];
        size_t count;
        uint64_t old_size = vectors[v].from, new_size = vectors[v].size;
        assert_int_equal(tree_prove_consistency(&source, old_size, new_size, proof, &count), STATUS_OK);
        assert_int_equal(count, vectors[v].count);
        for (size_t i = 0; i < count; i++)
            assert_hash(&proof[i], vectors[v].proof[i]);
        struct hash old_root = hash_of(root_of[old_size]), new_root = hash_of(root_of[new_size]);
        assert_true(tree_verify_consistency(old_size, new_size, &old_root, &new_root, proof, count));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_and_roots),
        cmocka_unit_test(inclusion_paths),
        cmocka_unit_test(consistency_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
