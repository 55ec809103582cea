/* Several folds of one log on several threads: each gets every record, in order, whatever is damaged in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "proto/base/bytes.h"
#include "server/log/log.h"
#include "tests/support/records.h"
#include "tests/support/scratch.h"
#include "tests/support/stores.h"
#include "tools/audit/replay.h"

#define RECORDS   (3 * UINT64_C(16384) + 777) /* of more batches than are kept */
#define PARTS     5u
#define MAP_BYTES (64u << 20)

struct seen {
    uint64_t count, last, sum;
    unsigned calls, ends, at_once; /* `at_once`: not guarded: the replay must see to it */
    bool in_order;
};

static char folder[SCRATCH_PATH_MAX];
static struct keyring *keyring;
static struct kv *inner, *sealed;
static struct log *books;

static int log_make(void **state)
{
    (void)state;
    static uint8_t bytes[RECORD_BYTES_MAX];
    struct store_kind kind = {.lmdb = true};
    struct random random = random_start();
    struct record_maker maker = {0};
    struct fault why = {0};
    struct hash hash;
    scratch_make(folder);
    inner = store_plain(&kind, folder, log_tables, LOG_TABLE_COUNT, MAP_BYTES);
    keyring = store_keyring(folder);
    sealed = store_seal(inner, keyring, log_tables, LOG_TABLE_COUNT);
    assert_int_equal(log_over_kv_open(sealed, &books, &why), STATUS_OK);
    for (uint64_t i = 1; i <= RECORDS; i++) {
        size_t size = record_make(&maker, &random, i % 5000 == 0 ? 40000 : 8, bytes, &hash);
        assert_int_equal(log_append(books, slice_of(bytes, size), &hash), STATUS_OK);
        if (i % 1000 == 0 || i % 1001 == 0 || i == RECORDS)
            assert_int_equal(log_commit(books), STATUS_OK);
    }
    return 0;
}

static int log_remove(void **state)
{
    (void)state;
    log_close(books);
    keyring_close(keyring);
    scratch_remove(folder);
    return 0;
}

static void take(void *context, const struct record *records, size_t count)
{
    struct seen *seen = context;
    seen->at_once++;
    for (size_t i = 0; i < count; i++) {
        seen->in_order = seen->in_order && records[i].header.position > seen->last;
        seen->last = records[i].header.position;
        seen->sum += records[i].payload.len + records[i].bytes.ptr[15];
        seen->count++;
    }
    seen->calls++;
    seen->at_once--;
}

static void end(void *context)
{
    struct seen *seen = context;
    seen->ends++;
}

static void on_progress(void *context, uint64_t position)
{
    uint64_t *last = context;
    assert_true(position > *last);
    *last = position;
}

static uint64_t run(unsigned threads, unsigned parts_count, uint64_t until, uint64_t *out_sum)
{
    struct seen seen[PARTS];
    struct replay_part parts[PARTS];
    struct fault why = {0};
    uint64_t progress = 0;
    for (unsigned i = 0; i < parts_count; i++) {
        seen[i] = (struct seen){.in_order = true};
        parts[i] = (struct replay_part){.take = take, .end = end, .context = &seen[i]};
    }
    struct replay_options options = {.log = sealed,
                                     .until = until,
                                     .threads = threads,
                                     .parts = parts,
                                     .part_count = parts_count,
                                     .progress = on_progress,
                                     .context = &progress};
    assert_int_equal(replay_run(&options, &why), STATUS_OK);
    for (unsigned i = 0; i < parts_count; i++) {
        assert_true(seen[i].in_order);
        assert_int_equal(seen[i].ends, 1);
        assert_int_equal(seen[i].at_once, 0);
        assert_int_equal(seen[i].count, seen[0].count);
        assert_int_equal(seen[i].sum, seen[0].sum);
        assert_int_equal(seen[i].calls, seen[0].calls);
    }
    assert_int_equal(progress, seen[0].last);
    *out_sum = seen[0].sum;
    return seen[0].count;
}

static void every_fold_gets_every_record(void **state)
{
    (void)state;
    uint64_t first, sum;
    assert_int_equal(run(1, 1, UINT64_MAX, &first), RECORDS);
    for (unsigned threads = 0; threads <= 4; threads++) {
        assert_int_equal(run(threads, PARTS, UINT64_MAX, &sum), RECORDS);
        assert_int_equal(sum, first);
    }
}

static void none_behind_the_last_wanted(void **state)
{
    (void)state;
    static const uint64_t untils[] = {0, 1, 16384, 16385, RECORDS - 1, RECORDS};
    uint64_t sum;
    for (size_t i = 0; i < sizeof untils / sizeof *untils; i++)
        assert_int_equal(run(2, 3, untils[i], &sum), untils[i]);
}

/* A block with a broken seal is passed over, the others are not. */
static void what_does_not_open_is_left_out(void **state)
{
    (void)state;
    static uint8_t kept[KV_VALUE_MAX], changed[KV_VALUE_MAX];
    struct kv_txn *txn = NULL;
    struct slice key, value, opened;
    struct block block;
    uint8_t wanted[8], name[8];
    be64_put(wanted, 20000);
    assert_int_equal(kv_begin(inner, false, &txn), STATUS_OK);
    struct kv_cursor *cursor = kv_cursor_open(txn, LOG_TABLE_BLOCKS);
    assert_true(kv_last(cursor, slice_of(wanted, sizeof wanted)));
    kv_row(cursor, &key, &value);
    assert_int_equal(key.len, 8);
    memcpy(name, key.ptr, 8);
    memcpy(kept, value.ptr, value.len);
    memcpy(changed, value.ptr, value.len);
    changed[value.len / 2] ^= 1;
    kv_cursor_close(cursor);
    kv_abort(txn);
    assert_int_equal(kv_begin(sealed, false, &txn), STATUS_OK);
    assert_true(kv_get(txn, LOG_TABLE_BLOCKS, slice_of(name, 8), &opened));
    assert_true(block_decode(opened, &block));
    kv_abort(txn);
    for (unsigned broken = 0; broken < 2; broken++) {
        uint64_t sum, missing = broken == 0 ? block.count : 0;
        assert_int_equal(kv_begin(inner, true, &txn), STATUS_OK);
        kv_put(txn, LOG_TABLE_BLOCKS, slice_of(name, 8), slice_of(broken == 0 ? changed : kept, value.len));
        assert_int_equal(kv_commit(txn), STATUS_OK);
        for (unsigned threads = 1; threads <= 3; threads++)
            assert_int_equal(run(threads, 2, UINT64_MAX, &sum), RECORDS - missing);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fold_gets_every_record),
        cmocka_unit_test(none_behind_the_last_wanted),
        cmocka_unit_test(what_does_not_open_is_left_out),
    };
    return cmocka_run_group_tests_name("audit replay", tests, log_make, log_remove);
}
