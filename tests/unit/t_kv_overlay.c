/* What an overlay does beyond the kv contract (tests/contract/t_kv.c): flushing in the background, memory, failure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/base/bytes.h"
#include "server/base/kv_overlay_parts.h"
#include "server/store/folder.h"
#include "server/store/kv_lmdb.h"
#include "tests/support/random.h"
#include "tests/support/scratch.h"

enum { ROWS, OTHERS, TABLES };
static const struct kv_table tables[TABLES] = {{"rows", KV_PLAIN}, {"others", KV_PLAIN}};
#define KEYS 3000u

struct fixture {
    char folder[SCRATCH_PATH_MAX];
    struct kv *kv;
};

static void overlay_open(struct fixture *f, size_t memory_bytes, uint64_t map_bytes)
{
    struct fault why = {0};
    struct kv *below = NULL;
    struct kv_lmdb_options options = {.path = f->folder,
                                      .tables = tables,
                                      .count = TABLES,
                                      .map_bytes = map_bytes,
                                      .readers_max = 4,
                                      .durability = KV_LMDB_DERIVED,
                                      .create = true};
    assert_int_equal(kv_lmdb_open(&options, &below, &why), STATUS_OK);
    struct kv_overlay_options over = {.tables = tables, .count = TABLES, .memory_bytes = memory_bytes};
    f->kv = kv_overlay_new(below, &over);
    assert_non_null(f->kv);
}

static struct kv_txn *begin(struct fixture *f)
{
    struct kv_txn *txn = NULL;
    assert_int_equal(kv_begin(f->kv, true, &txn), STATUS_OK);
    return txn;
}

static struct slice key_of(uint64_t n, uint8_t out[8])
{
    be64_put(out, n);
    return slice_of(out, 8);
}

static void put(struct kv_txn *txn, unsigned table, uint64_t key, uint64_t value)
{
    uint8_t k[8], v[8];
    kv_put(txn, table, key_of(key, k), key_of(value, v));
}

static uint64_t get(struct kv_txn *txn, unsigned table, uint64_t key)
{
    uint8_t k[8];
    struct slice value;
    return kv_get(txn, table, key_of(key, k), &value) ? be64_get(value.ptr) : 0;
}

/* Write on while flushes run behind, and compare with an array all the time; then close and look below. */
static void background_flush(void **state)
{
    (void)state;
    struct fixture f;
    struct random random = random_start();
    static uint64_t model[KEYS];
    memset(model, 0, sizeof model);
    scratch_make(f.folder);
    overlay_open(&f, 100000, 64u << 20);
    for (unsigned round = 0; round < 300; round++) {
        struct kv_txn *txn = begin(&f);
        for (unsigned i = 0; i < 200; i++) {
            uint64_t key = random_below(&random, KEYS), what = random_below(&random, 10);
            uint8_t k[8];
            if (what < 5)
                put(txn, ROWS, key, model[key] = 1 + random_below(&random, 1000000));
            else if (what < 7)
                kv_del(txn, ROWS, key_of(key, k)), model[key] = 0;
            else
                assert_int_equal(get(txn, ROWS, key), model[key]);
        }
        if (random_below(&random, 100) == 0) {
            kv_clear(txn, ROWS);
            memset(model, 0, sizeof model);
        }
        struct kv_cursor *cursor = kv_cursor_open(txn, ROWS);
        bool more = kv_seek(cursor, slice_of(NULL, 0));
        for (uint64_t key = 0; key < KEYS; key++) {
            if (model[key] == 0)
                continue;
            struct slice k, v;
            assert_true(more);
            kv_row(cursor, &k, &v);
            assert_int_equal(be64_get(k.ptr), key);
            assert_int_equal(be64_get(v.ptr), model[key]);
            more = kv_next(cursor);
        }
        assert_false(more);
        kv_cursor_close(cursor);
        assert_int_equal(kv_commit(txn), STATUS_OK);
        enum status status = kv_overlay_flush_poll(f.kv);
        assert_true(status == STATUS_OK || status == STATUS_AGAIN);
        if (status == STATUS_OK && random_below(&random, 3) == 0)
            assert_int_equal(kv_overlay_flush_start(f.kv), STATUS_OK);
        else if (status == STATUS_AGAIN)
            assert_int_equal(kv_overlay_flush_start(f.kv), STATUS_BUSY);
        if (random_below(&random, 20) == 0) {
            assert_int_equal(kv_overlay_flush_wait(f.kv), STATUS_OK);
            assert_int_equal(kv_overlay_flush_poll(f.kv), STATUS_OK);
        }
        if (random_below(&random, 50) == 0) {
            assert_int_equal(kv_overlay_flush(f.kv), STATUS_OK);
            struct kv_overlay_stats stats;
            kv_overlay_stats(f.kv, &stats);
            assert_int_equal(stats.dirty_rows, 0);
            assert_false(stats.flushing);
        }
    }
    assert_int_equal(kv_sync(f.kv), STATUS_OK);
    kv_close(f.kv);
    overlay_open(&f, 100000, 64u << 20);
    struct kv_txn *txn = begin(&f);
    for (uint64_t key = 0; key < KEYS; key++)
        assert_int_equal(get(txn, ROWS, key), model[key]);
    kv_abort(txn);
    kv_close(f.kv);
    scratch_remove(f.folder);
}

static void unflushed_rows_are_forgotten(void **state)
{
    (void)state;
    struct fixture f;
    scratch_make(f.folder);
    overlay_open(&f, 100000, 64u << 20);
    struct kv_txn *txn = begin(&f);
    put(txn, ROWS, 1, 11);
    assert_int_equal(kv_commit(txn), STATUS_OK);
    assert_int_equal(kv_overlay_flush(f.kv), STATUS_OK);
    txn = begin(&f);
    put(txn, ROWS, 1, 12);
    put(txn, ROWS, 2, 22);
    assert_int_equal(kv_commit(txn), STATUS_OK);
    kv_close(f.kv);
    overlay_open(&f, 100000, 64u << 20);
    txn = begin(&f);
    assert_int_equal(get(txn, ROWS, 1), 11);
    assert_int_equal(get(txn, ROWS, 2), 0);
    kv_abort(txn);
    kv_close(f.kv);
    scratch_remove(f.folder);
}

static void memory_is_bounded(void **state)
{
    (void)state;
    struct fixture f;
    struct kv_overlay_stats stats;
    scratch_make(f.folder);
    overlay_open(&f, 200000, 64u << 20);
    for (uint64_t round = 0; round < 100; round++) {
        struct kv_txn *txn = begin(&f);
        for (uint64_t i = 0; i < 500; i++)
            put(txn, ROWS, round * 500 + i, round + 1);
        assert_int_equal(kv_commit(txn), STATUS_OK);
        assert_int_equal(kv_overlay_flush(f.kv), STATUS_OK);
    }
    for (unsigned i = 0; i < 20; i++)
        kv_abort(begin(&f));
    kv_overlay_stats(f.kv, &stats);
    assert_true(stats.bytes <= 200000);
    assert_true(stats.rows > 100); /* and it is used */
    struct kv_txn *txn = begin(&f);
    for (uint64_t key = 0; key < 50000; key += 7)
        assert_int_equal(get(txn, ROWS, key), key / 500 + 1);
    kv_abort(txn);
    kv_close(f.kv);
    scratch_remove(f.folder);
}

static size_t longest_run(const struct row_map *map)
{
    size_t longest = 0, run = 0;
    for (size_t i = 0; i < 2 * map->slot_count; i++) { /* one may go over the end */
        run = map->slots[i % map->slot_count].row != NULL ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

/* Rows that come and are never looked at again go in the order in which the hand finds them. It must leave gaps all over
 * the table: when it did not, most rows lay in one run, and looking one up was walking along it. */
static void rows_that_come_and_go_lie_apart(void **state)
{
    (void)state;
    struct fixture f;
    size_t longest = 0, most = 0;
    scratch_make(f.folder);
    overlay_open(&f, 1000000, 64u << 20);
    for (uint64_t n = 0; n < 150000;) {
        struct kv_txn *txn = begin(&f);
        for (unsigned i = 0; i < 500; i++, n++)
            put(txn, ROWS, n, n);
        assert_int_equal(kv_commit(txn), STATUS_OK);
        assert_int_equal(kv_overlay_flush(f.kv), STATUS_OK);
        const struct row_map *map = &overlay_of(f.kv)->maps[ROWS];
        size_t run = longest_run(map);
        longest = run > longest ? run : longest;
        most = map->row_count > most ? map->row_count : most;
    }
    print_message("# longest run %zu, of %zu rows at most\n", longest, most);
    assert_in_range(most, 5000, 20000); /* some stay, most have gone */
    assert_in_range(longest, 1, 500);
    kv_close(f.kv);
    scratch_remove(f.folder);
}

static void misses_are_remembered(void **state)
{
    (void)state;
    struct fixture f;
    struct kv_overlay_stats after;
    scratch_make(f.folder);
    overlay_open(&f, 1u << 20, 64u << 20);
    struct kv_txn *txn = begin(&f);
    for (unsigned pass = 0; pass < 2; pass++)
        for (uint64_t key = 0; key < 1000; key++)
            assert_int_equal(get(txn, ROWS, key), 0);
    kv_overlay_stats(f.kv, &after);
    assert_int_equal(after.rows, 1000);
    assert_int_equal(after.misses, 1000);
    put(txn, ROWS, 5, 55); /* a remembered absence ends with a write */
    assert_int_equal(get(txn, ROWS, 5), 55);
    assert_int_equal(kv_commit(txn), STATUS_OK);
    kv_close(f.kv);
    scratch_remove(f.folder);
}

static void full_store_keeps_rows_dirty(void **state)
{
    (void)state;
    struct fixture f;
    static uint8_t big[16384];
    uint8_t k[8];
    scratch_make(f.folder);
    overlay_open(&f, 1u << 20, 512u << 10);
    struct kv_txn *txn = begin(&f);
    put(txn, ROWS, 1, 11);
    assert_int_equal(kv_commit(txn), STATUS_OK);
    assert_int_equal(kv_overlay_flush(f.kv), STATUS_OK);
    txn = begin(&f);
    for (uint64_t key = 100; key < 150; key++)
        kv_put(txn, ROWS, key_of(key, k), slice_of(big, sizeof big));
    put(txn, ROWS, 2, 22);
    assert_int_equal(kv_commit(txn), STATUS_OK);
    assert_int_equal(kv_overlay_flush(f.kv), STATUS_FULL);
    struct kv_overlay_stats stats;
    kv_overlay_stats(f.kv, &stats);
    assert_int_equal(stats.dirty_rows, 51);
    txn = begin(&f);
    assert_int_equal(get(txn, ROWS, 1), 11);
    assert_int_equal(get(txn, ROWS, 2), 22);
    for (uint64_t key = 100; key < 150; key++)
        kv_del(txn, ROWS, key_of(key, k));
    assert_int_equal(kv_commit(txn), STATUS_OK);
    assert_int_equal(kv_overlay_flush(f.kv), STATUS_OK); /* now it fits */
    kv_close(f.kv);
    overlay_open(&f, 1u << 20, 512u << 10);
    txn = begin(&f);
    assert_int_equal(get(txn, ROWS, 2), 22);
    assert_int_equal(get(txn, ROWS, 100), 0);
    kv_abort(txn);
    kv_close(f.kv);
    scratch_remove(f.folder);
}

static void half_done_never_reaches_the_store(void **state)
{
    (void)state;
    struct fixture f;
    scratch_make(f.folder);
    overlay_open(&f, 1u << 20, 64u << 20);
    struct kv_txn *txn = begin(&f);
    put(txn, ROWS, 1, 11);
    kv_set_error(txn, STATUS_CORRUPT);
    put(txn, ROWS, 2, 22);
    assert_int_equal(kv_commit(txn), STATUS_CORRUPT);
    assert_int_equal(kv_begin(f.kv, true, &txn), STATUS_CORRUPT);
    assert_int_equal(kv_overlay_flush(f.kv), STATUS_CORRUPT);
    kv_close(f.kv);
    overlay_open(&f, 1u << 20, 64u << 20);
    txn = begin(&f);
    assert_int_equal(get(txn, ROWS, 1), 0);
    kv_abort(txn);
    kv_close(f.kv);
    scratch_remove(f.folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(background_flush),
        cmocka_unit_test(unflushed_rows_are_forgotten),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(rows_that_come_and_go_lie_apart),
        cmocka_unit_test(misses_are_remembered),
        cmocka_unit_test(full_store_keeps_rows_dirty),
        cmocka_unit_test(half_done_never_reaches_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
