/*
 * A disk that fails at the n-th write or sync, for every n: what the log acknowledged must be there afterwards, whole, and
 * nothing that was half done. Calls of LMDB and of the key ring are caught here, since a program's own functions come
 * before those of the C library.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/base/system.h"
#include "server/log/check.h"
#include "server/store/folder.h"
#include "server/store/kv_lmdb.h"
#include "server/store/kv_sealed.h"
#include "tests/support/real.h"
#include "tests/support/records.h"
#include "tests/support/scratch.h"

/* ---- the failing disk ---------------------------------------------------------------------------------------- */

static bool armed;
static unsigned calls, fail_at;
static int fail_with; /* errno; 0 = a short write, or EIO of a sync */

static bool fails_now(void)
{
    return armed && ++calls == fail_at;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at);
ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    ssize_t (*next)(int, const void *, size_t, off_t) = NULL;
    *(void **)&next = real("pwrite");
    if (!fails_now())
        return next(fd, bytes, len, at);
    if (fail_with == 0)
        return next(fd, bytes, len / 2, at);
    errno = fail_with;
    return -1;
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    ssize_t (*next)(int, const struct iovec *, int) = NULL;
    *(void **)&next = real("writev");
    if (!fails_now())
        return next(fd, parts, count);
    if (fail_with == 0)
        return next(fd, parts, 1);
    errno = fail_with;
    return -1;
}

static int sync_by(const char *name, int fd)
{
    int (*next)(int) = NULL;
    *(void **)&next = real(name);
    if (!fails_now())
        return next(fd);
    errno = fail_with == 0 ? EIO : fail_with;
    return -1;
}

int fdatasync(int fd)
{
    return sync_by("fdatasync", fd);
}

int fsync(int fd)
{
    return sync_by("fsync", fd);
}

static uint64_t disk_free; /* bytes; 0 = what there is */

int fstatvfs(int fd, struct statvfs *out)
{
    int (*next)(int, struct statvfs *) = NULL;
    *(void **)&next = real("fstatvfs");
    int result = next(fd, out);
    if (result == 0 && disk_free != 0)
        out->f_bavail = disk_free / out->f_frsize;
    return result;
}

/* ---- a life of the log --------------------------------------------------------------------------------------- */

#define RECORDS_MAX 2000u

struct life {
    char folder[SCRATCH_PATH_MAX];
    struct keyring *keyring;
    struct kv *kv; /* the log's */
    struct log *log;
    struct random random;
    struct record_maker maker;
    struct hash hashes[RECORDS_MAX];
    uint64_t acknowledged, tried;
};

static enum status life_open(struct life *life, struct fault *why)
{
    static const uint8_t master[KEYRING_KEY_BYTES] = {5};
    char keys[FOLDER_PATH_MAX], path[FOLDER_PATH_MAX];
    struct kv *kv = NULL;
    enum status status = folder_join(life->folder, "keys", keys, why);
    if (status == STATUS_OK)
        status = folder_join(life->folder, "log", path, why);
    struct keyring_options ring = {
        .folder = keys, .master = master, .clock = &system_clock, .entropy = &system_entropy, .create = true};
    if (status == STATUS_OK)
        status = keyring_open(&ring, &life->keyring, why);
    struct kv_lmdb_options disk = {.path = path,
                                   .tables = log_tables,
                                   .count = LOG_TABLE_COUNT,
                                   .map_bytes = 64u << 20,
                                   .readers_max = 4,
                                   .durability = KV_LMDB_DURABLE,
                                   .create = true};
    if (status == STATUS_OK)
        status = kv_lmdb_open(&disk, &kv, why);
    struct kv_sealed_options seal = {
        .label = "log", .tables = log_tables, .count = LOG_TABLE_COUNT, .keyring = life->keyring};
    if (status == STATUS_OK)
        status = kv_sealed_open(kv, &seal, &life->kv, why);
    if (status == STATUS_OK)
        status = log_over_kv_open(life->kv, &life->log, why);
    return status;
}

static void life_close(struct life *life)
{
    log_close(life->log);
    keyring_close(life->keyring);
    life->log = NULL;
    life->keyring = NULL;
}

static enum status life_batch(struct life *life, size_t count)
{
    static uint8_t bytes[RECORD_BYTES_MAX];
    struct hash hash;
    for (size_t i = 0; i < count; i++) {
        size_t size = record_make(&life->maker, &life->random, 40, bytes, &hash);
        life->hashes[life->maker.position - 1] = hash;
        enum status status = log_append(life->log, slice_of(bytes, size), &hash);
        if (status != STATUS_OK)
            return status;
    }
    life->tried = life->maker.position;
    enum status status = log_commit(life->log);
    if (status == STATUS_OK)
        life->acknowledged = life->tried;
    return status;
}

static void on_problem(void *context, uint64_t position, const char *what)
{
    (void)context;
    print_error("position %llu: %s\n", (unsigned long long)position, what);
}

/* After the failure the process has ended; another one starts on a disk that works. */
static void everything_acknowledged_is_there(struct life *life)
{
    struct fault why = {0};
    enum status status = life_open(life, &why);
    if (status != STATUS_OK && life->tried == 0)
        return; /* the log was never made whole, and nothing was promised */
    if (status != STATUS_OK)
        print_error("call %u: %s: %s\n", fail_at, why.field, why.text);
    assert_int_equal(status, STATUS_OK);
    struct log_check_options options = {.kv = life->kv,
                                        .get_unchecked = kv_sealed_get_unchecked,
                                        .beneath = kv_sealed_beneath,
                                        .problem = on_problem};
    struct log_check_result result;
    assert_int_equal(log_check(&options, &result, &why), STATUS_OK);
    assert_int_equal(result.problems, 0);
    assert_true(result.head.size == life->acknowledged || result.head.size == life->tried);
    if (result.head.size > 0)
        assert_memory_equal(result.head.last.bytes, life->hashes[result.head.size - 1].bytes, HASH_BYTES);
    /* And it goes on from there. */
    life->maker.position = result.head.size;
    life->maker.last = result.head.last;
    assert_int_equal(life_batch(life, 10), STATUS_OK);
}

/* One life with the failure at call `n`; false when no call number n came. */
static bool live_with_failure(unsigned n, int error)
{
    static const size_t batches[] = {1, 3, 300, 1, 500, 20};
    static struct life life;
    struct fault why = {0};
    memset(&life, 0, sizeof life);
    life.random.state = n;
    scratch_make(life.folder);
    calls = 0;
    fail_at = n;
    fail_with = error;
    armed = true;
    enum status status = life_open(&life, &why);
    for (size_t i = 0; status == STATUS_OK && i < sizeof batches / sizeof batches[0]; i++)
        status = life_batch(&life, batches[i]);
    armed = false;
    bool came = calls >= n;
    assert_int_equal(came, status != STATUS_OK); /* no failure passes unnoticed */
    if (came && life.tried > life.acknowledged)
        assert_true(status == STATUS_IO || status == STATUS_FULL);
    life_close(&life);
    everything_acknowledged_is_there(&life);
    life_close(&life);
    scratch_remove(life.folder);
    return came;
}

static void fail_each_call(int error)
{
    unsigned n = 1;
    while (live_with_failure(n, error)) {
        n++;
        assert_true(n < 500);
    }
    assert_true(n > 20); /* there was something to fail */
}

static void input_output_error(void **state)
{
    (void)state;
    fail_each_call(EIO);
}

static void no_space(void **state)
{
    (void)state;
    fail_each_call(ENOSPC);
}

static void short_write(void **state)
{
    (void)state;
    fail_each_call(0);
}

/* The commit of a value that takes several pages, with its first write cut short. */
static enum status commit_cut_short(uint64_t free_bytes)
{
    static const struct kv_table tables[] = {{"rows", KV_PLAIN}};
    static const uint8_t value[100000];
    char folder[SCRATCH_PATH_MAX];
    struct fault why = {0};
    struct kv *kv = NULL;
    struct kv_txn *txn = NULL;
    scratch_make(folder);
    struct kv_lmdb_options disk = {.path = folder,
                                   .tables = tables,
                                   .count = 1,
                                   .map_bytes = 64u << 20,
                                   .readers_max = 4,
                                   .durability = KV_LMDB_DERIVED,
                                   .create = true};
    assert_int_equal(kv_lmdb_open(&disk, &kv, &why), STATUS_OK);
    assert_int_equal(kv_begin(kv, true, &txn), STATUS_OK);
    kv_put(txn, 0, slice_text("key"), slice_of(value, sizeof value));
    calls = 0;
    fail_with = 0;
    fail_at = 1;
    armed = true;
    disk_free = free_bytes;
    enum status status = kv_commit(txn);
    armed = false;
    disk_free = 0;
    assert_true(calls >= 1);
    kv_close(kv);
    scratch_remove(folder);
    return status;
}

/* LMDB says of both that the disk failed; a server need not end because there was no room. */
static void a_short_write_on_a_full_disk_is_no_room(void **state)
{
    (void)state;
    assert_int_equal(commit_cut_short(1u << 20), STATUS_FULL);
    assert_int_equal(commit_cut_short(1u << 30), STATUS_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(input_output_error),
        cmocka_unit_test(no_space),
        cmocka_unit_test(short_write),
        cmocka_unit_test(a_short_write_on_a_full_disk_is_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
