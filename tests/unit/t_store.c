/* Keys at rest, sealed values and LMDB environments: what goes beyond the kv contract. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/base/kv_mem.h"
#include "server/base/system.h"
#include "server/store/folder.h"
#include "server/store/kv_lmdb.h"
#include "server/store/kv_sealed.h"
#include "tests/support/scratch.h"

enum { PLAIN, BLIND, TABLES };
static const struct kv_table tables[TABLES] = {{"plain", KV_PLAIN}, {"blind", KV_BLIND_KEYS}};
static const uint8_t MASTER[KEYRING_KEY_BYTES] = {1, 2, 3}, OTHER[KEYRING_KEY_BYTES] = {1, 2, 4};

static char folder[SCRATCH_PATH_MAX];

static int make_folder(void **state)
{
    (void)state;
    scratch_make(folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    scratch_remove(folder);
    return 0;
}

static void path_of(const char *name, char out[FOLDER_PATH_MAX])
{
    assert_int_equal(folder_join(folder, name, out, NULL), STATUS_OK);
}

static void write_file(const char *path, const void *bytes, size_t len, unsigned mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

/* ---- master key ---------------------------------------------------------------------------------------------- */

static void master_key_files(void **state)
{
    (void)state;
    char path[FOLDER_PATH_MAX];
    uint8_t key[KEYRING_KEY_BYTES];
    struct fault why = {0};
    static const char hex[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
    path_of("master", path);
    assert_int_equal(keyring_read_master(path, key, &why), STATUS_NOT_FOUND);
    write_file(path, hex, 65, 0600);
    assert_int_equal(keyring_read_master(path, key, &why), STATUS_OK);
    for (uint8_t i = 0; i < sizeof key; i++)
        assert_int_equal(key[i], i);
    write_file(path, hex, 64, 0400);
    assert_int_equal(keyring_read_master(path, key, &why), STATUS_OK);
    unlink(path);
    write_file(path, OTHER, sizeof OTHER, 0600);
    assert_int_equal(keyring_read_master(path, key, &why), STATUS_OK);
    assert_memory_equal(key, OTHER, sizeof key);
    write_file(path, hex, 65, 0640);
    assert_int_equal(keyring_read_master(path, key, &why), STATUS_INVALID);
    assert_non_null(strstr(why.text, "0640"));
    assert_string_equal(why.field, path);
    write_file(path, hex, 63, 0600);
    assert_int_equal(keyring_read_master(path, key, &why), STATUS_INVALID);
    write_file(path, "", 0, 0600);
    assert_int_equal(keyring_read_master(path, key, &why), STATUS_INVALID);
    assert_int_equal(keyring_read_master(folder, key, &why), STATUS_INVALID); /* no file at all */
    /* As a systemd credential, whose mode systemd chooses. */
    path_of("master-key", path);
    write_file(path, hex, 65, 0440);
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
    assert_int_equal(keyring_read_master(NULL, key, &why), STATUS_OK);
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    assert_int_equal(keyring_read_master(NULL, key, &why), STATUS_NOT_FOUND);
}

/* ---- data keys ----------------------------------------------------------------------------------------------- */

static struct keyring_options keys_options(char path[FOLDER_PATH_MAX])
{
    path_of("keys", path);
    return (struct keyring_options){.folder = path,
                                    .master = MASTER,
                                    .master_path = "/secret/master",
                                    .clock = &system_clock,
                                    .entropy = &system_entropy,
                                    .create = true};
}

static struct keyring *keys_open(void)
{
    char path[FOLDER_PATH_MAX];
    struct keyring_options options = keys_options(path);
    struct keyring *keyring = NULL;
    struct fault why = {0};
    assert_int_equal(keyring_open(&options, &keyring, &why), STATUS_OK);
    return keyring;
}

static void data_keys_last(void **state)
{
    (void)state;
    static uint8_t kept[140][KEYRING_KEY_BYTES]; /* more than one block of them */
    uint32_t id = 0;
    struct fault why = {0};
    const uint8_t *key = NULL;
    struct keyring *keyring = keys_open();
    assert_int_equal(keyring_newest(keyring), 0);
    assert_false(keyring_key(keyring, 0, &key));
    assert_false(keyring_key(keyring, 1, &key));
    for (uint32_t i = 0; i < 140; i++) {
        assert_int_equal(keyring_fresh(keyring, "log", &id, &why), STATUS_OK);
        assert_int_equal(id, i + 1);
        assert_true(keyring_key(keyring, id, &key));
        memcpy(kept[i], key, KEYRING_KEY_BYTES);
        if (i > 0)
            assert_memory_not_equal(kept[i], kept[i - 1], KEYRING_KEY_BYTES);
    }
    uint8_t blind[KEYRING_BLIND_BYTES];
    memcpy(blind, keyring_blind_key(keyring), sizeof blind);
    keyring_close(keyring);
    keyring = keys_open();
    assert_int_equal(keyring_newest(keyring), 140);
    for (uint32_t i = 0; i < 140; i++) {
        assert_true(keyring_key(keyring, i + 1, &key));
        assert_memory_equal(key, kept[i], KEYRING_KEY_BYTES);
    }
    assert_memory_equal(keyring_blind_key(keyring), blind, sizeof blind);
    keyring_close(keyring);
    keyring_close(NULL);
}

static void wrong_master_key_is_told(void **state)
{
    (void)state;
    char path[FOLDER_PATH_MAX];
    struct fault why = {0};
    uint32_t id;
    struct keyring *keyring = keys_open();
    assert_int_equal(keyring_fresh(keyring, "log", &id, &why), STATUS_OK);
    keyring_close(keyring);
    struct keyring_options options = keys_options(path);
    options.master = OTHER;
    assert_int_equal(keyring_open(&options, &keyring, &why), STATUS_INVALID);
    assert_string_equal(why.field, "/secret/master");
    assert_non_null(strstr(why.text, "data-keys"));
}

static void torn_entry_is_passed_over(void **state)
{
    (void)state;
    char path[FOLDER_PATH_MAX];
    struct fault why = {0};
    const uint8_t *key = NULL;
    uint32_t id = 0;
    struct keyring *keyring = keys_open();
    assert_int_equal(keyring_fresh(keyring, "log", &id, &why), STATUS_OK);
    assert_int_equal(keyring_fresh(keyring, "log", &id, &why), STATUS_OK);
    keyring_close(keyring);
    path_of("keys/data-keys", path);
    for (long len = 255; len > 128; len -= 25) {
        assert_int_equal(truncate(path, len), 0);
        keyring = keys_open();
        assert_true(keyring_key(keyring, 1, &key));
        assert_false(
            keyring_key(keyring, 2, &key)); /* never used: its entry was not there when its maker died */
        assert_int_equal(keyring_newest(keyring), 2);
        keyring_close(keyring);
    }
    keyring = keys_open();
    assert_int_equal(keyring_fresh(keyring, "log", &id, &why), STATUS_OK);
    assert_int_equal(id, 3);
    keyring_close(keyring);
    keyring = keys_open();
    assert_true(keyring_key(keyring, 3, &key));
    keyring_close(keyring);
}

/* ---- sealed values ------------------------------------------------------------------------------------------- */

static struct kv *sealed_over(struct kv *inner, struct keyring *keyring, const char *label)
{
    struct fault why = {0};
    struct kv *kv = NULL;
    struct kv_sealed_options options = {
        .label = label, .tables = tables, .count = TABLES, .keyring = keyring};
    assert_int_equal(kv_sealed_open(inner, &options, &kv, &why), STATUS_OK);
    return kv;
}

static void put(struct kv *kv, unsigned table, struct slice key, struct slice value)
{
    struct kv_txn *txn = NULL;
    assert_int_equal(kv_begin(kv, true, &txn), STATUS_OK);
    kv_put(txn, table, key, value);
    assert_int_equal(kv_commit(txn), STATUS_OK);
}

/* A copy of what is stored; the only row of its table. */
static size_t stored(struct kv *inner, unsigned table, uint8_t *key, size_t *key_len, uint8_t *value)
{
    struct kv_txn *txn = NULL;
    struct slice k, v;
    assert_int_equal(kv_begin(inner, false, &txn), STATUS_OK);
    struct kv_cursor *cursor = kv_cursor_open(txn, table);
    assert_true(kv_next(cursor));
    kv_row(cursor, &k, &v);
    memcpy(key, k.ptr, k.len);
    memcpy(value, v.ptr, v.len);
    *key_len = k.len;
    size_t len = v.len;
    kv_cursor_close(cursor);
    kv_abort(txn);
    return len;
}

static enum status read_error(struct kv *kv, unsigned table, struct slice key)
{
    struct kv_txn *txn = NULL;
    struct slice value;
    assert_int_equal(kv_begin(kv, false, &txn), STATUS_OK);
    bool found = kv_get(txn, table, key, &value);
    enum status status = kv_error(txn);
    assert_int_equal(found, status == STATUS_OK);
    kv_abort(txn);
    return status;
}

static void nothing_is_readable_below(void **state)
{
    (void)state;
    uint8_t key[KV_KEY_MAX], value[256];
    size_t key_len = 0;
    struct keyring *keyring = keys_open();
    struct kv *inner = kv_mem_new(tables, TABLES), *kv = sealed_over(inner, keyring, "state");
    put(kv, PLAIN, slice_text("key"), slice_text("Wanjiku's telephone number"));
    put(kv, BLIND, slice_text("wanjiku@example.com"), slice_text("7"));
    size_t len = stored(inner, PLAIN, key, &key_len, value);
    assert_int_equal(len, 26 + KV_SEALED_OVERHEAD);
    assert_null(memmem(value, len, "anjiku", 6));
    assert_int_equal(key_len, 3);
    len = stored(inner, BLIND, key, &key_len, value);
    assert_int_equal(key_len, KV_SEALED_BLIND_BYTES);
    assert_null(memmem(key, key_len, "wanjiku", 7));
    /* The same value again is other bytes: a nonce is never used twice. */
    uint8_t again[256];
    put(kv, BLIND, slice_text("wanjiku@example.com"), slice_text("7"));
    assert_int_equal(stored(inner, BLIND, key, &key_len, again), len);
    assert_memory_not_equal(again, value, len);
    kv_close(kv);
    keyring_close(keyring);
}

static void every_changed_byte_is_noticed(void **state)
{
    (void)state;
    uint8_t key[KV_KEY_MAX], value[256];
    size_t key_len = 0;
    struct fault why;
    struct keyring *keyring = keys_open();
    struct kv *inner = kv_mem_new(tables, TABLES), *kv = sealed_over(inner, keyring, "state");
    put(kv, PLAIN, slice_text("key"), slice_text("balance 1250.50"));
    size_t len = stored(inner, PLAIN, key, &key_len, value);
    kv_failure(kv, &why);
    assert_int_equal(why.status, STATUS_OK);
    for (size_t at = 0; at < len; at++) {
        value[at] ^= 0x40;
        put(inner, PLAIN, slice_of(key, key_len), slice_of(value, len));
        assert_int_equal(read_error(kv, PLAIN, slice_text("key")), STATUS_CORRUPT);
        value[at] ^= 0x40;
    }
    kv_failure(kv, &why);
    assert_int_equal(why.status, STATUS_CORRUPT);
    assert_string_equal(why.field, "plain");
    assert_non_null(strstr(why.text, "6b6579")); /* "key" */
    for (size_t cut = 0; cut < len; cut++) {
        put(inner, PLAIN, slice_of(key, key_len), slice_of(value, cut));
        assert_int_equal(read_error(kv, PLAIN, slice_text("key")), STATUS_CORRUPT);
    }
    /* Moved to another row, another table, another environment. */
    put(inner, PLAIN, slice_text("kez"), slice_of(value, len));
    assert_int_equal(read_error(kv, PLAIN, slice_text("kez")), STATUS_CORRUPT);
    put(inner, PLAIN, slice_text("key"), slice_of(value, len));
    assert_int_equal(read_error(kv, PLAIN, slice_text("key")), STATUS_OK);
    struct kv *other_inner = kv_mem_new(tables, TABLES), *other = sealed_over(other_inner, keyring, "view");
    put(other_inner, PLAIN, slice_text("key"), slice_of(value, len));
    assert_int_equal(read_error(other, PLAIN, slice_text("key")), STATUS_CORRUPT);
    kv_close(other);
    kv_close(kv);
    keyring_close(keyring);
}

static void values_of_many_starts_open(void **state)
{
    (void)state;
    struct fault why = {0};
    char path[FOLDER_PATH_MAX];
    path_of("env", path);
    struct kv_lmdb_options options = {.path = path,
                                      .tables = tables,
                                      .count = TABLES,
                                      .map_bytes = 4u << 20,
                                      .readers_max = 4,
                                      .durability = KV_LMDB_DERIVED,
                                      .create = true};
    for (uint8_t start = 0; start < 30; start++) {
        struct keyring *keyring = keys_open();
        struct kv *inner = NULL;
        assert_int_equal(kv_lmdb_open(&options, &inner, &why), STATUS_OK);
        struct kv *kv = sealed_over(inner, keyring, "state");
        for (uint8_t row = 0; row < 10; row++) {
            uint8_t key[2] = {row, start};
            put(kv, PLAIN, slice_of(key, 2), slice_of(key, 2));
        }
        struct kv_txn *txn = NULL;
        assert_int_equal(kv_begin(kv, false, &txn), STATUS_OK);
        struct kv_cursor *cursor = kv_cursor_open(txn, PLAIN); /* neighbours have different keys */
        size_t count = 0;
        while (kv_next(cursor)) {
            struct slice k, v;
            kv_row(cursor, &k, &v);
            assert_true(slice_equal(k, v));
            count++;
        }
        assert_int_equal(count, 10u * (start + 1u));
        kv_cursor_close(cursor);
        kv_abort(txn);
        kv_close(kv);
        keyring_close(keyring);
    }
}

static void auditors_look_behind_broken_seals(void **state)
{
    (void)state;
    uint8_t key[KV_KEY_MAX], value[256];
    size_t key_len = 0;
    struct keyring *keyring = keys_open();
    struct kv *inner = kv_mem_new(tables, TABLES), *kv = sealed_over(inner, keyring, "log");
    put(kv, PLAIN, slice_text("key"), slice_text("0123456789"));
    size_t len = stored(inner, PLAIN, key, &key_len, value);
    value[13 + 4] ^= 1;
    put(inner, PLAIN, slice_of(key, key_len), slice_of(value, len));
    struct kv_txn *txn = NULL;
    struct slice got;
    assert_int_equal(kv_begin(kv, false, &txn), STATUS_OK);
    assert_true(kv_sealed_get_unchecked(txn, PLAIN, slice_text("key"), &got));
    assert_true(slice_equal(got, slice_text("0123556789")));
    assert_false(kv_sealed_get_unchecked(txn, PLAIN, slice_text("none"), &got));
    assert_true(kv_get(kv_sealed_beneath(txn), PLAIN, slice_text("key"), &got));
    assert_true(slice_equal(got, slice_of(value, len)));
    assert_int_equal(kv_error(txn), STATUS_OK);
    kv_abort(txn);
    kv_close(kv);
    keyring_close(keyring);
}

/* ---- LMDB environments --------------------------------------------------------------------------------------- */

static struct kv_lmdb_options env_options(char path[FOLDER_PATH_MAX])
{
    path_of("env", path);
    return (struct kv_lmdb_options){.path = path,
                                    .tables = tables,
                                    .count = TABLES,
                                    .map_bytes = 1u << 20,
                                    .readers_max = 4,
                                    .create = true};
}

static void one_writer_at_a_time(void **state)
{
    (void)state;
    char path[FOLDER_PATH_MAX];
    struct fault why = {0};
    struct kv *first = NULL, *second = NULL;
    struct kv_lmdb_options options = env_options(path);
    options.create = false;
    assert_int_equal(kv_lmdb_open(&options, &first, &why), STATUS_NOT_FOUND);
    options.create = true;
    assert_int_equal(kv_lmdb_open(&options, &first, &why), STATUS_OK);
    assert_int_equal(kv_lmdb_open(&options, &second, &why), STATUS_BUSY);
    kv_close(first);
    assert_int_equal(kv_lmdb_open(&options, &first, &why), STATUS_OK);
    kv_close(first);
    int lock = -1, again = -1;
    assert_int_equal(folder_lock(folder, &lock, &why), STATUS_OK);
    assert_int_equal(folder_lock(folder, &again, &why), STATUS_BUSY);
    folder_unlock(lock);
    assert_int_equal(folder_lock(folder, &again, &why), STATUS_OK);
    folder_unlock(again);
}

/* A process may be killed right after any commit: the file is long enough before it, and no longer than it must be after
 * a good close. */
static void the_file_leads_while_it_is_written(void **state)
{
    (void)state;
    char path[FOLDER_PATH_MAX], file[FOLDER_PATH_MAX];
    struct fault why = {0};
    struct kv *kv = NULL;
    struct stat about;
    uint64_t used, limit;
    struct kv_lmdb_options options = env_options(path);
    static uint8_t value[120000];
    options.map_bytes = 64u << 20;
    assert_int_equal(kv_lmdb_open(&options, &kv, &why), STATUS_OK);
    assert_int_equal(folder_join(path, "data.mdb", file, &why), STATUS_OK);
    for (uint8_t row = 0; row < 200; row++) { /* half as much again as the lead */
        kv_usage(kv, &used, &limit);
        assert_int_equal(stat(file, &about), 0);
        assert_true((uint64_t)about.st_size >= used + (8u << 20));
        put(kv, PLAIN, slice_of(&row, 1), slice_of(value, sizeof value));
    }
    kv_usage(kv, &used, &limit);
    kv_close(kv);
    assert_int_equal(stat(file, &about), 0);
    assert_int_equal(about.st_size, used);
}

static void read_only(void **state)
{
    (void)state;
    static const struct kv_table more[] = {{"plain", KV_PLAIN}, {"blind", KV_PLAIN}, {"newer", KV_PLAIN}};
    char path[FOLDER_PATH_MAX];
    struct fault why = {0};
    struct kv *kv = NULL;
    struct kv_lmdb_options options = env_options(path);
    assert_int_equal(kv_lmdb_open(&options, &kv, &why), STATUS_OK);
    put(kv, PLAIN, slice_text("key"), slice_text("value"));
    kv_close(kv);
    options.read_only = true;
    options.tables = more;
    options.count = 3;
    assert_int_equal(kv_lmdb_open(&options, &kv, &why), STATUS_OK);
    struct kv_txn *txn = NULL;
    struct slice value;
    assert_int_equal(kv_begin(kv, false, &txn), STATUS_OK);
    assert_true(kv_get(txn, PLAIN, slice_text("key"), &value));
    assert_true(slice_equal(value, slice_text("value")));
    assert_false(kv_get(txn, 2, slice_text("key"), &value)); /* a table from a later version */
    struct kv_cursor *cursor = kv_cursor_open(txn, 2);
    assert_false(kv_next(cursor));
    kv_cursor_close(cursor);
    assert_int_equal(kv_error(txn), STATUS_OK);
    kv_abort(txn);
    kv_close(kv);
    char file[FOLDER_PATH_MAX];
    path_of("env/data.mdb", file);
    write_file(file, "this is no environment of ours, though it is long enough to be looked at twice", 78,
               0600);
    assert_int_equal(kv_lmdb_open(&options, &kv, &why), STATUS_CORRUPT);
}

static void full_map(void **state)
{
    (void)state;
    char path[FOLDER_PATH_MAX];
    static const uint8_t big[100000] = {1};
    struct fault why = {0};
    struct kv *kv = NULL;
    struct kv_txn *txn = NULL;
    struct kv_lmdb_options options = env_options(path);
    assert_int_equal(kv_lmdb_open(&options, &kv, &why), STATUS_OK);
    put(kv, PLAIN, slice_text("kept"), slice_text("value"));
    uint64_t used = 0, limit = 0;
    kv_usage(kv, &used, &limit);
    assert_true(used > 0 && used < limit && limit <= 1u << 20);
    assert_int_equal(kv_begin(kv, true, &txn), STATUS_OK);
    for (uint8_t i = 0; i < 20; i++)
        kv_put(txn, PLAIN, slice_of(&i, 1), slice_of(big, sizeof big));
    assert_int_equal(kv_error(txn), STATUS_FULL);
    assert_int_equal(kv_commit(txn), STATUS_FULL);
    put(kv, PLAIN, slice_text("after"), slice_text("still works"));
    assert_int_equal(read_error(kv, PLAIN, slice_text("kept")), STATUS_OK);
    kv_close(kv);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(master_key_files),
        CASE(data_keys_last),
        CASE(wrong_master_key_is_told),
        CASE(torn_entry_is_passed_over),
        CASE(nothing_is_readable_below),
        CASE(every_changed_byte_is_noticed),
        CASE(values_of_many_starts_open),
        CASE(auditors_look_behind_broken_seals),
        CASE(one_writer_at_a_time),
        CASE(the_file_leads_while_it_is_written),
        CASE(read_only),
        CASE(full_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
