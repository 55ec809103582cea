/* Core state written behind to a disk without room: it waits in memory, is tried again, and says when too much waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "proto/base/bytes.h"
#include "server/app/stores.h"
#include "server/base/kv_overlay.h"
#include "server/store/kv_lmdb.h"
#include "tests/support/scratch.h"

#define DIRTY_MAX 1000u

static const struct kv_table tables[] = {{"rows", KV_PLAIN}};
static const struct kv_ops *real_ops;
static struct kv_ops test_ops;
static _Atomic(enum status) trouble;
static atomic_uint tried;

static enum status commit(struct kv_txn *txn)
{
    if (trouble != STATUS_OK) {
        atomic_fetch_add(&tried, 1);
        real_ops->set_error(txn, trouble);
    }
    return real_ops->commit(txn);
}

/* A log of which nothing but its length is asked. */
static uint64_t log_size;
static void head_of(struct log *log, struct log_head *out)
{
    (void)log;
    *out = (struct log_head){.size = log_size};
}
static const struct log_ops log_ops_of_length = {.head = head_of};
static struct log log_of_length = {.ops = &log_ops_of_length};

struct rig {
    char folder[SCRATCH_PATH_MAX];
    struct config *config;
    struct stores stores;
    uint64_t rows;
};

static void rig_open(struct rig *rig)
{
    struct fault why = {0};
    struct kv *kv = NULL;
    *rig = (struct rig){.config = config_new()};
    assert_non_null(rig->config);
    trouble = STATUS_OK;
    scratch_make(rig->folder);
    rig->config->state_dirty_rows_max = DIRTY_MAX;
    rig->config->state_idle_ms = 10;
    struct kv_lmdb_options options = {.path = rig->folder,
                                      .tables = tables,
                                      .count = 1,
                                      .map_bytes = 64u << 20,
                                      .readers_max = 4,
                                      .durability = KV_LMDB_DERIVED,
                                      .create = true};
    assert_int_equal(kv_lmdb_open(&options, &kv, &why), STATUS_OK);
    real_ops = kv->ops;
    test_ops = *real_ops;
    test_ops.commit = commit;
    kv->ops = &test_ops;
    struct kv_overlay_options with = {.tables = tables, .count = 1, .memory_bytes = 1u << 20};
    log_size = 0;
    rig->stores =
        (struct stores){.config = rig->config, .log = &log_of_length, .state = kv_overlay_new(kv, &with)};
    assert_non_null(rig->stores.state);
}

static void rig_close(struct rig *rig)
{
    kv_close(rig->stores.state);
    config_free(rig->config);
    scratch_remove(rig->folder);
}

static void put_rows(struct rig *rig, unsigned count)
{
    struct kv_txn *txn;
    assert_int_equal(kv_begin(rig->stores.state, true, &txn), STATUS_OK);
    for (unsigned i = 0; i < count; i++) {
        uint8_t key[8];
        be64_put(key, ++rig->rows);
        kv_put(txn, 0, slice_of(key, sizeof key), slice_of(key, sizeof key));
    }
    assert_int_equal(kv_commit(txn), STATUS_OK);
}

static enum status turn(struct rig *rig)
{
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    return stores_write_behind(&rig->stores, true, false);
}

static size_t dirty(const struct rig *rig)
{
    struct kv_overlay_stats stats;
    kv_overlay_stats(rig->stores.state, &stats);
    return stats.dirty_rows + stats.flushing_rows;
}

/* Nothing is written though there is work. */
static void stays(struct rig *rig, size_t rows)
{
    for (unsigned turns = 0; turns < 5; turns++) {
        assert_int_equal(stores_write_behind(&rig->stores, false, false), STATUS_OK);
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    assert_int_equal(dirty(rig), rows);
}

/* A killed server folds again what was not written: not too many records, however few rows they change. */
static void a_few_rows_over_many_records_are_written(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig);
    put_rows(&rig, 1);
    for (log_size = 0; log_size < 250000; log_size += 49999)
        assert_int_equal(stores_write_behind(&rig.stores, false, false), STATUS_OK);
    log_size = 249999;
    assert_int_equal(stores_write_behind(&rig.stores, false, false), STATUS_OK);
    assert_int_equal(dirty(&rig), 1);
    log_size = 250000;
    assert_int_equal(stores_write_behind(&rig.stores, false, false), STATUS_OK);
    for (unsigned turns = 0; dirty(&rig) != 0 && turns < 2000; turns++) {
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
        assert_int_equal(stores_write_behind(&rig.stores, false, false), STATUS_OK);
    }
    assert_int_equal(dirty(&rig), 0);
    put_rows(&rig, 1);
    log_size = 499999; /* counted from the last time */
    stays(&rig, 1);
    rig_close(&rig);
}

static void without_room_it_waits(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig);
    atomic_store(&tried, 0);
    trouble = STATUS_FULL;
    enum status status = STATUS_OK;
    for (unsigned turns = 0; turns < 400 && status == STATUS_OK; turns++) {
        put_rows(&rig, turns < 100 ? 10 : 100);
        status = turn(&rig);
        assert_true(status == STATUS_OK || status == STATUS_FULL);
        assert_true((status == STATUS_FULL) == (dirty(&rig) >= 4 * DIRTY_MAX) || turns == 0);
    }
    assert_int_equal(status, STATUS_FULL);
    assert_int_equal(dirty(&rig), rig.rows);
    unsigned tries = atomic_load(&tried);
    assert_true(tries >= 1 && tries <= 6); /* not at every turn */
    assert_int_equal(stores_write_behind(&rig.stores, true, true), STATUS_FULL);
    trouble = STATUS_OK;
    for (unsigned turns = 0; turns < 3000 && dirty(&rig) > 0; turns++)
        status = turn(&rig);
    assert_int_equal(dirty(&rig), 0);
    assert_int_equal(turn(&rig), STATUS_OK);
    put_rows(&rig, 3);
    stays(&rig, 3); /* it is as before */

    /* Few rows that found no room once are tried again though the server is never idle. */
    trouble = STATUS_FULL;
    unsigned before = atomic_load(&tried);
    for (unsigned turns = 0; turns < 400 && atomic_load(&tried) == before; turns++)
        assert_int_equal(turn(&rig), STATUS_OK);
    trouble = STATUS_OK;
    for (unsigned turns = 0; turns < 600 && dirty(&rig) > 0; turns++) {
        assert_int_equal(stores_write_behind(&rig.stores, false, false), STATUS_OK);
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    assert_int_equal(dirty(&rig), 0);
    rig_close(&rig);
}

/* What is no want of room is told at once. */
static void other_faults_are_told(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig);
    trouble = STATUS_IO;
    enum status status = STATUS_OK;
    put_rows(&rig, 10);
    for (unsigned turns = 0; turns < 400 && status == STATUS_OK; turns++)
        status = turn(&rig);
    assert_int_equal(status, STATUS_IO);
    trouble = STATUS_OK;
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_few_rows_over_many_records_are_written),
        cmocka_unit_test(without_room_it_waits),
        cmocka_unit_test(other_faults_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
