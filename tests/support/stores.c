#include "tests/support/stores.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/base/kv_mem.h"
#include "server/base/system.h"
#include "server/store/folder.h"
#include "server/store/kv_lmdb.h"
#include "server/store/kv_sealed.h"

#define CASE_NAME_MAX 64

struct kv *store_disk(const char *folder, const char *name, const struct kv_table *tables, unsigned count,
                      uint64_t map_bytes, unsigned readers_max, bool durable)
{
    char path[FOLDER_PATH_MAX];
    struct fault why = {0};
    struct kv *kv = NULL;
    assert_int_equal(folder_join(folder, name, path, &why), STATUS_OK);
    struct kv_lmdb_options options = {.path = path,
                                      .tables = tables,
                                      .count = count,
                                      .map_bytes = map_bytes,
                                      .readers_max = readers_max,
                                      .durability = durable ? KV_LMDB_DURABLE : KV_LMDB_DERIVED,
                                      .create = true};
    assert_int_equal(kv_lmdb_open(&options, &kv, &why), STATUS_OK);
    return kv;
}

struct kv *store_plain(const struct store_kind *kind, const char *folder, const struct kv_table *tables,
                       unsigned count, uint64_t map_bytes)
{
    if (kind->lmdb)
        return store_disk(folder, "env", tables, count, map_bytes, 8, false);
    struct kv *kv = kv_mem_new(tables, count);
    assert_non_null(kv);
    return kv;
}

struct keyring *store_keyring(const char *folder)
{
    static const uint8_t master[KEYRING_KEY_BYTES] = {1, 2, 3};
    char path[FOLDER_PATH_MAX];
    struct fault why = {0};
    struct keyring *keyring = NULL;
    assert_int_equal(folder_join(folder, "keys", path, &why), STATUS_OK);
    struct keyring_options options = {
        .folder = path, .master = master, .clock = &system_clock, .entropy = &system_entropy, .create = true};
    assert_int_equal(keyring_open(&options, &keyring, &why), STATUS_OK);
    return keyring;
}

enum status store_try_seal(struct kv *inner, struct keyring *keyring, const struct kv_table *tables,
                           unsigned count, struct kv **out, struct fault *why)
{
    struct kv_sealed_options options = {
        .label = "test", .tables = tables, .count = count, .keyring = keyring};
    return kv_sealed_open(inner, &options, out, why);
}

struct kv *store_seal(struct kv *inner, struct keyring *keyring, const struct kv_table *tables,
                      unsigned count)
{
    struct fault why = {0};
    struct kv *kv = NULL;
    assert_int_equal(store_try_seal(inner, keyring, tables, count, &kv, &why), STATUS_OK);
    return kv;
}

int store_run(const char *group, const struct store_kind *kinds, size_t kind_count,
              const struct store_case *cases, size_t case_count, CMFixtureFunction set_up,
              CMFixtureFunction tear_down)
{
    size_t count = kind_count * case_count;
    char(*names)[CASE_NAME_MAX] = calloc(count, sizeof *names);
    struct CMUnitTest *tests = calloc(count, sizeof *tests);
    if (names == NULL || tests == NULL)
        abort();
    for (size_t n = 0; n < count; n++) {
        const struct store_kind *kind = &kinds[n / case_count];
        const struct store_case *one = &cases[n % case_count];
        (void)snprintf(names[n], sizeof names[n], "%s: %s", kind->name, one->name);
        tests[n] = (struct CMUnitTest){.name = names[n],
                                       .test_func = one->run,
                                       .setup_func = set_up,
                                       .teardown_func = tear_down,
                                       .initial_state = (void *)(uintptr_t)kind};
    }
    int failed = _cmocka_run_group_tests(group, tests, count, NULL, NULL);
    free(tests);
    free(names);
    return failed;
}
