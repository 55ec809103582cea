/* The index of command ids against what it must hold: random runs with restarts over memory and disk, ordered, random and
 * chosen ids; a failure of every write of runs and merges in turn; bounds of the filters; walks; a helper thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/base/bytes.h"
#include "server/base/id_index.h"
#include "server/base/kv_mem.h"
#include "server/store/kv_lmdb.h"
#include "tests/support/random.h"
#include "tests/support/scratch.h"

#if defined(__SANITIZE_THREAD__) /* makes these many times as slow, and most have one thread */
#define THOROUGH 1u
#else
#define THOROUGH 4u
#endif

enum kind { ORDERED, RANDOM, CHOSEN, KINDS };
static const char *const kind_names[KINDS] = {"ordered", "random", "chosen"};

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* The id of the record at `position`; those of `absent` were never given. Each is made anew when it is asked for: the log
 * of these tests. */
static struct command_id id_of(enum kind kind, uint64_t position, bool absent)
{
    struct command_id id;
    uint64_t number = position * 2 + absent;
    switch (kind) {
    case ORDERED: /* milliseconds, a counter, random */
        be64_put(id.bytes, (UINT64_C(1790000000000) + position / 7) << 16 | 0x7000 | (position % 7) << 4);
        be64_put(id.bytes + 8, mix(number));
        break;
    case RANDOM:
        be64_put(id.bytes, mix(number));
        be64_put(id.bytes + 8, mix(~number));
        break;
    default: /* all alike but in a few bits, first of one end, then of the other */
        be64_put(id.bytes, number % 4 < 2 ? 1 : number);
        be64_put(id.bytes + 8, number % 4 < 2 ? number : 1);
    }
    return id;
}

/* ---- stores: one in memory that outlives its handle, one on disk ------------------------------------------------- */

static char folder[SCRATCH_PATH_MAX];
static struct kv *memory; /* of the running test */
static const struct kv_ops *real_ops;
static struct kv_ops test_ops;
static uint64_t writes, writes_until_failure; /* 0 = never */
static atomic_bool synced;
static atomic_uint unsynced; /* commits after the last sync */
static bool fail_at_commit;
static atomic_bool store_full;
static atomic_uint found_full; /* commits that did */

static bool fails(void)
{
    return writes_until_failure != 0 && ++writes >= writes_until_failure;
}

static void failing_put(struct kv_txn *txn, unsigned table, struct slice key, struct slice value)
{
    if (!fail_at_commit && fails())
        real_ops->set_error(txn, STATUS_IO);
    real_ops->put(txn, table, key, value);
}
static void failing_del(struct kv_txn *txn, unsigned table, struct slice key)
{
    if (!fail_at_commit && fails())
        real_ops->set_error(txn, STATUS_IO);
    real_ops->del(txn, table, key);
}
static enum status failing_commit(struct kv_txn *txn)
{
    if (fail_at_commit && fails())
        real_ops->set_error(txn, STATUS_IO);
    if (atomic_load(&store_full)) {
        real_ops->set_error(txn, STATUS_FULL);
        atomic_fetch_add(&found_full, 1);
    }
    if (atomic_load(&synced))
        atomic_fetch_add(&unsynced, 1);
    return real_ops->commit(txn);
}
static enum status noted_sync(struct kv *kv)
{
    atomic_store(&synced, true);
    return real_ops->sync(kv);
}
static void stays_open(struct kv *kv)
{
    (void)kv;
}

static struct kv *store_open(bool disk)
{
    struct fault why = {0};
    struct kv *kv = memory;
    if (disk)
        assert_int_equal(kv_lmdb_open(&(struct kv_lmdb_options){.path = folder,
                                                                .tables = id_index_tables,
                                                                .count = ID_INDEX_TABLE_COUNT,
                                                                .map_bytes = 256u << 20,
                                                                .readers_max = 8,
                                                                .durability = KV_LMDB_DERIVED,
                                                                .create = true},
                                      &kv, &why),
                         STATUS_OK);
    else if (memory == NULL)
        kv = memory = kv_mem_new(id_index_tables, ID_INDEX_TABLE_COUNT);
    assert_non_null(kv);
    if (kv->ops != &test_ops)
        real_ops = kv->ops;
    test_ops = *real_ops;
    test_ops.put = failing_put;
    test_ops.del = failing_del;
    test_ops.commit = failing_commit;
    test_ops.sync = noted_sync;
    if (!disk)
        test_ops.close = stays_open;
    kv->ops = &test_ops;
    return kv;
}

static void stores_drop(void)
{
    if (memory != NULL)
        real_ops->close(memory);
    memory = NULL;
    writes = writes_until_failure = 0;
    atomic_store(&synced, false);
    atomic_store(&unsynced, 0);
    scratch_remove(folder);
    scratch_make(folder);
}

/* ---- an index over them, and its log ----------------------------------------------------------------------------- */

struct rig {
    enum kind kind;
    bool disk;
    struct id_index_config config;
    struct id_index *index;
    uint64_t size; /* of the log: positions 1 to size have ids of their own */
};

static struct id_cursor cursor_at(uint64_t position)
{
    struct id_cursor cursor = {.position = position};
    be64_put(cursor.hash.bytes, mix(position));
    return cursor;
}

/* Adds what the runs do not hold, in batches, as a start of the server does. */
static enum status catch_up(struct rig *rig, uint64_t from)
{
    enum status status = STATUS_OK;
    for (uint64_t position = from + 1; status == STATUS_OK && position <= rig->size; position++) {
        struct command_id id = id_of(rig->kind, position, false);
        id_index_add(rig->index, &id, position);
        struct id_cursor cursor = cursor_at(position);
        if (position == rig->size || (position - from) % rig->config.batch_entries_max == 0)
            status = id_index_mark(rig->index, &cursor);
    }
    return status;
}

static enum status rig_try_open(struct rig *rig)
{
    struct fault why = {0};
    struct id_cursor stored, right;
    struct kv *kv = store_open(rig->disk);
    enum status status = id_index_open(kv, &rig->config, &rig->index, &why);
    if (status != STATUS_OK) {
        kv_close(kv);
        rig->index = NULL;
        return status;
    }
    id_index_stored(rig->index, &stored);
    right = stored.position == 0 ? (struct id_cursor){0} : cursor_at(stored.position);
    assert_memory_equal(&stored, &right, sizeof stored);
    assert_true(stored.position <= rig->size);
    return catch_up(rig, stored.position);
}

static void rig_open(struct rig *rig)
{
    assert_int_equal(rig_try_open(rig), STATUS_OK);
}

static void rig_close(struct rig *rig)
{
    id_index_close(rig->index);
    rig->index = NULL;
}

static void check_one(struct rig *rig, uint64_t position)
{
    struct command_id id = id_of(rig->kind, position, false), other = id_of(rig->kind, position, true);
    uint64_t found = 0;
    enum status status = id_index_find(rig->index, &id, &found);
    if (status != STATUS_OK || found != position)
        fail_msg("%s: position %llu of %llu: %s, found %llu", kind_names[rig->kind],
                 (unsigned long long)position, (unsigned long long)rig->size, status_name(status),
                 (unsigned long long)found);
    id_index_prefetch(rig->index, &other);
    assert_int_equal(id_index_find(rig->index, &other, &found), STATUS_NOT_FOUND);
}

static void check_all(struct rig *rig)
{
    for (uint64_t position = 1; position <= rig->size; position++)
        check_one(rig, position);
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, COMMAND_ID_BYTES);
}

struct row {
    struct command_id id;
    uint64_t position;
};

/* What is stored: the ids up to its position, in order, and nothing else. */
static void check_walk(struct rig *rig)
{
    struct fault why = {0};
    struct kv_txn *txn;
    struct id_walk *walk;
    struct kv *kv = store_open(rig->disk);
    assert_int_equal(kv_begin(kv, false, &txn), STATUS_OK);
    assert_int_equal(id_walk_open(txn, &walk, &why), STATUS_OK);
    uint64_t size = id_walk_position(walk), position;
    assert_true(size <= rig->size);
    struct row *rows = calloc(size + 1, sizeof *rows);
    assert_non_null(rows);
    for (uint64_t i = 0; i < size; i++)
        rows[i] = (struct row){id_of(rig->kind, i + 1, false), i + 1};
    qsort(rows, size, sizeof *rows, compare_ids);
    struct command_id id;
    for (uint64_t i = 0; i < size; i++) {
        assert_int_equal(id_walk_next(walk, &id, &position), STATUS_OK);
        assert_memory_equal(&id, &rows[i].id, sizeof id);
        assert_int_equal(position, rows[i].position);
    }
    assert_int_equal(id_walk_next(walk, &id, &position), STATUS_END);
    free(rows);
    id_walk_close(walk);
    kv_abort(txn);
    kv_close(kv);
}

static struct id_index_config small(size_t entries, bool background)
{
    return (struct id_index_config){.memory_entries = entries,
                                    .batch_entries_max = 64,
                                    .filter_bytes_max = 1u << 16,
                                    .piece_blocks = 3,
                                    .seed = 12345,
                                    .background = background};
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void an_empty_index_finds_nothing(void **state)
{
    (void)state;
    for (int disk = 0; disk < 2; disk++) {
        struct rig rig = {.kind = RANDOM, .disk = disk, .config = small(100, false)};
        struct command_id id = id_of(RANDOM, 1, false);
        uint64_t found;
        rig_open(&rig);
        assert_int_equal(id_index_find(rig.index, &id, &found), STATUS_NOT_FOUND);
        assert_int_equal(id_index_flush(rig.index), STATUS_OK);
        rig_close(&rig);
        check_walk(&rig);
        stores_drop();
    }
}

static void random_runs_agree_with_the_log(void **state)
{
    struct random random = random_start();
    (void)state;
    for (unsigned round = 0; round < THOROUGH * KINDS; round++) {
        struct rig rig = {.kind = round % KINDS,
                          .disk = round % 2 != 0,
                          .config = small(50 + random_below(&random, 400), false)};
        rig.config.seed = random_next(&random);
        rig.config.filter_bytes_max = (size_t)random_below(&random, 3) << 14;
        rig_open(&rig);
        for (unsigned step = 0; step < 60; step++) {
            uint64_t from = rig.size;
            rig.size += random_below(&random, 900);
            assert_int_equal(catch_up(&rig, from), STATUS_OK);
            for (unsigned i = 0; i < 50 && rig.size > 0; i++)
                check_one(&rig, 1 + random_below(&random, rig.size));
            if (random_below(&random, 8) == 0)
                assert_int_equal(id_index_flush(rig.index), STATUS_OK);
            if (random_below(&random, 6) == 0) {
                rig_close(&rig);
                rig_open(&rig);
            }
        }
        check_all(&rig);
        rig_close(&rig);
        check_walk(&rig);
        stores_drop();
    }
}

/* Adds ids in batches while there is room, as the writer does; gives how many. */
static uint64_t add_while_room(struct rig *rig, uint64_t count)
{
    uint64_t from = rig->size;
    while (rig->size < from + count && id_index_has_room(rig->index)) {
        for (size_t i = 0; i < rig->config.batch_entries_max; i++) {
            struct command_id id = id_of(rig->kind, ++rig->size, false);
            id_index_add(rig->index, &id, rig->size);
        }
        struct id_cursor cursor = cursor_at(rig->size);
        assert_int_equal(id_index_mark(rig->index, &cursor), STATUS_OK);
    }
    return rig->size - from;
}

/* A disk without room for a while: memory takes what it can, nothing is lost, and it goes on by itself. */
static void no_room_is_waited_out(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 4; round++) {
        struct rig rig = {.kind = RANDOM, .disk = round % 2 == 0, .config = small(300, false)};
        rig.config.background = rig.disk;
        rig_open(&rig);
        rig.config.filter_bytes_max = 1u << 13;
        uint64_t before = round < 2 ? 0 : add_while_room(&rig, 5000);
        assert_int_equal(before, rig.size);
        assert_int_equal(id_index_flush(rig.index), STATUS_OK);
        atomic_store(&found_full, 0);
        atomic_store(&store_full, true);
        uint64_t taken = 0, least = 2 * rig.config.memory_entries; /* both tables */
        if (round < 2) {                                           /* the first is not full, but asked for */
            taken = add_while_room(&rig, 100);
            assert_int_equal(id_index_flush(rig.index), STATUS_FULL);
            least = rig.config.memory_entries + 100;
        }
        taken += add_while_room(&rig, 100000);
        assert_true(atomic_load(&found_full) > 0);
        assert_in_range(taken, least, 3 * rig.config.memory_entries);
        struct id_index_stats full, later;
        id_index_stats(rig.index, &full);
        for (unsigned tries = 0; tries < 20; tries++)
            assert_false(id_index_has_room(rig.index));
        assert_int_equal(id_index_flush(rig.index), STATUS_FULL);
        id_index_stats(rig.index, &later);
        assert_int_equal(later.filter_bytes, full.filter_bytes); /* trying again takes no more of anything */
        assert_int_equal(later.run_ids, full.run_ids);
        check_all(&rig);
        if (rig.config.background)
            assert_true(atomic_load(&found_full) < 100); /* it is tried now and then */
        atomic_store(&store_full, false);
        if (round < 2) /* asked to, it does not wait */
            assert_int_equal(id_index_flush(rig.index), STATUS_OK);
        for (unsigned tries = 0; tries < 1000 && !id_index_has_room(rig.index); tries++)
            nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        assert_true(add_while_room(&rig, 5000) >= 5000);
        assert_int_equal(id_index_flush(rig.index), STATUS_OK);
        check_all(&rig);
        rig_close(&rig);
        check_walk(&rig);
        stores_drop();
    }
}

/* What an index without room held in memory when the process was killed fits the memory of the next, though it is added in
 * smaller batches: a start must not need room that was not there before. */
static void what_waited_fits_after_a_kill(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 16; round++) {
        struct rig rig = {.kind = RANDOM, .config = small(100 + 37 * round, false)};
        rig.config.batch_entries_max = 64 << round % 5;
        rig_open(&rig);
        atomic_store(&store_full, true);
        uint64_t taken = add_while_room(&rig, 100000);
        assert_true(taken >= 2 * rig.config.memory_entries);
        rig_close(&rig);
        struct fault why = {0};
        assert_int_equal(id_index_open(store_open(false), &rig.config, &rig.index, &why), STATUS_OK);
        for (uint64_t position = 0; position < taken;) {
            if (!id_index_has_room(rig.index))
                assert_true(id_index_space(rig.index) > 0);
            size_t step = id_index_space(rig.index) < 64 ? id_index_space(rig.index) : 64;
            for (size_t i = 0; i < step && position < taken; i++) {
                struct command_id id = id_of(rig.kind, ++position, false);
                id_index_add(rig.index, &id, position);
            }
            struct id_cursor cursor = cursor_at(position);
            assert_int_equal(id_index_mark(rig.index, &cursor), STATUS_OK);
        }
        check_all(&rig);
        atomic_store(&store_full, false);
        assert_int_equal(id_index_flush(rig.index), STATUS_OK);
        assert_true(add_while_room(&rig, 1000) >= 1000);
        check_all(&rig);
        rig_close(&rig);
        stores_drop();
    }
}

/* The process dies at the n-th write for every n: what is stored then is whole, and the log gives the rest. */
static void every_write_may_be_the_last(void **state)
{
    (void)state;
    unsigned died = 0;
    for (unsigned round = 0; round < 4; round++) {
        bool ended = false;
        for (uint64_t n = 1; !ended; n += 1 + n / (16 * THOROUGH)) {
            struct rig rig = {
                .kind = round % 2 == 0 ? RANDOM : CHOSEN, .size = 4200, .config = small(300, false)};
            rig.config.piece_blocks = 1;
            fail_at_commit = round >= 2;
            writes_until_failure = n;
            enum status status = rig_try_open(&rig);
            assert_true(status == STATUS_OK || status == STATUS_IO);
            if (status != STATUS_OK) {
                uint64_t found;
                struct id_cursor cursor = cursor_at(rig.size);
                struct command_id id = id_of(rig.kind, 1, false);
                if (rig.index != NULL) { /* it stays so */
                    assert_int_equal(id_index_mark(rig.index, &cursor), status);
                    assert_int_equal(id_index_flush(rig.index), status);
                    assert_int_equal(id_index_find(rig.index, &id, &found), STATUS_OK);
                    assert_int_equal(found, 1);
                }
                died++;
            }
            ended = status == STATUS_OK;
            rig_close(&rig);
            writes_until_failure = 0;
            check_walk(&rig);
            rig_open(&rig);
            check_all(&rig);
            rig_close(&rig);
            check_walk(&rig);
            stores_drop();
        }
    }
    assert_true(died > 100);
}

/* However many ids there are, filters keep to their bound, and ids without one are found all the same. */
static void filters_keep_to_their_bound(void **state)
{
    (void)state;
    struct rig rig = {.kind = RANDOM, .size = 60000, .config = small(2000, false)};
    rig.config.filter_bytes_max = 1u << 15;
    rig_open(&rig);
    struct id_index_stats stats;
    id_index_stats(rig.index, &stats);
    assert_true(stats.filter_bytes > 0 && stats.filter_bytes <= rig.config.filter_bytes_max);
    assert_true(stats.run_ids > 55000 && stats.run_ids + stats.memory_ids == rig.size);
    assert_true(stats.runs < 16);
    check_all(&rig);
    rig_close(&rig);
    rig_open(&rig);
    id_index_stats(rig.index, &stats);
    assert_true(stats.filter_bytes > 0 && stats.filter_bytes <= rig.config.filter_bytes_max);
    check_all(&rig);
    rig_close(&rig);
    stores_drop();
}

/* Ids that grow with time are not looked up in runs, and with filters strangers hardly ever are. */
static void new_ids_are_not_looked_up_in_runs(void **state)
{
    (void)state;
    for (enum kind kind = ORDERED; kind <= RANDOM; kind++) {
        struct rig rig = {.kind = kind, .size = 20000, .config = small(1000, false)};
        struct id_index_stats stats;
        uint64_t found;
        rig_open(&rig);
        for (uint64_t position = rig.size + 1; position < rig.size + 5000; position++) {
            struct command_id id = id_of(kind, position, false);
            assert_int_equal(id_index_find(rig.index, &id, &found), STATUS_NOT_FOUND);
        }
        id_index_stats(rig.index, &stats);
        assert_true(stats.run_look_ups <= (kind == ORDERED ? 0 : 500));
        rig_close(&rig);
        stores_drop();
    }
}

static void rows_of_others_are_refused(void **state)
{
    (void)state;
    struct rig rig = {.kind = RANDOM, .size = 2000, .config = small(300, false)};
    struct fault why = {0};
    struct kv_txn *txn;
    struct id_index *index;
    static const uint8_t version_9[60] = {0, 0, 0, 9};
    rig_open(&rig);
    rig_close(&rig);
    struct kv *kv = store_open(false);
    assert_int_equal(kv_begin(kv, true, &txn), STATUS_OK);
    kv_put(txn, 1, slice_text("rubbish"), slice_text("x"));
    assert_int_equal(kv_commit(txn), STATUS_OK);
    assert_int_equal(id_index_open(kv, &rig.config, &index, &why), STATUS_CORRUPT);
    assert_int_equal(kv_begin(kv, true, &txn), STATUS_OK);
    kv_put(txn, 1, slice_text("index"), slice_of(version_9, sizeof version_9));
    assert_int_equal(kv_commit(txn), STATUS_OK);
    assert_int_equal(id_index_open(kv, &rig.config, &index, &why), STATUS_STALE);
    stores_drop();
}

/* A block whose bytes are wrong is told, never taken for an absent id. */
static void a_broken_block_is_told(void **state)
{
    (void)state;
    struct rig rig = {.kind = RANDOM, .size = 2000, .config = small(300, false)};
    struct kv_txn *txn;
    struct slice key, value;
    uint8_t name[64], bytes[16384];
    unsigned corrupt = 0;
    rig_open(&rig);
    assert_int_equal(id_index_flush(rig.index), STATUS_OK);
    struct kv *kv = store_open(false);
    assert_int_equal(kv_begin(kv, true, &txn), STATUS_OK);
    struct kv_cursor *cursor = kv_cursor_open(txn, 0);
    assert_true(kv_seek(cursor, (struct slice){0}));
    kv_row(cursor, &key, &value);
    assert_true(key.len <= sizeof name && value.len <= sizeof bytes);
    memcpy(name, key.ptr, key.len);
    memcpy(bytes, value.ptr, value.len);
    size_t key_len = key.len, value_len = value.len;
    kv_cursor_close(cursor);
    kv_put(txn, 0, slice_of(name, key_len), slice_of(bytes, value_len - 1));
    assert_int_equal(kv_commit(txn), STATUS_OK);
    for (uint64_t position = 1; position <= rig.size; position++) {
        struct command_id id = id_of(RANDOM, position, false);
        uint64_t found = 0;
        enum status status = id_index_find(rig.index, &id, &found);
        assert_true(status == STATUS_CORRUPT || (status == STATUS_OK && found == position));
        corrupt += status == STATUS_CORRUPT;
    }
    assert_true(corrupt > 0);
    rig_close(&rig);
    stores_drop();
}

/* The owner adds and looks up while the helper writes, merges, and after restarts fills the filters. */
static void a_helper_does_the_same(void **state)
{
    struct random random = random_start();
    (void)state;
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct rig rig = {.kind = kind, .disk = true, .config = small(500, true)};
        rig.config.piece_blocks = 8;
        rig.config.filter_bytes_max = 1u << 17;
        rig_open(&rig);
        for (unsigned step = 0; step < 40; step++) {
            uint64_t from = rig.size;
            rig.size += random_below(&random, 3000);
            assert_int_equal(catch_up(&rig, from), STATUS_OK);
            for (unsigned i = 0; i < 300 && rig.size > 0; i++)
                check_one(&rig, 1 + random_below(&random, rig.size));
            if (random_below(&random, 10) == 0) {
                rig_close(&rig);
                rig_open(&rig);
            }
        }
        check_all(&rig);
        assert_int_equal(id_index_flush(rig.index), STATUS_OK);
        struct id_cursor stored;
        id_index_stored(rig.index, &stored);
        assert_int_equal(stored.position, rig.size);
        assert_int_equal(id_index_sync(rig.index), STATUS_OK);
        check_all(&rig);
        rig_close(&rig);
        check_walk(&rig);
        stores_drop();
    }
}

/* What the helper would write behind the sync of a stop would not be on disk, and would be trusted. */
static void nothing_is_written_after_the_sync(void **state)
{
    (void)state;
    struct rig rig = {.kind = RANDOM, .disk = true, .config = small(100, true)};
    rig.config.piece_blocks = 1;
    rig_open(&rig);
    rig.size = 30000;
    assert_int_equal(catch_up(&rig, 0), STATUS_OK); /* merges are left to do */
    assert_int_equal(id_index_sync(rig.index), STATUS_OK);
    for (unsigned i = 0; i < 1000; i++)
        check_one(&rig, 1 + i * 29);
    rig_close(&rig);
    assert_int_equal(atomic_load(&unsynced), 0);
    atomic_store(&synced, false);
    check_walk(&rig);
    rig_open(&rig);
    check_all(&rig);
    rig_close(&rig);
    stores_drop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_index_finds_nothing),
        cmocka_unit_test(random_runs_agree_with_the_log),
        cmocka_unit_test(no_room_is_waited_out),
        cmocka_unit_test(what_waited_fits_after_a_kill),
        cmocka_unit_test(every_write_may_be_the_last),
        cmocka_unit_test(filters_keep_to_their_bound),
        cmocka_unit_test(new_ids_are_not_looked_up_in_runs),
        cmocka_unit_test(rows_of_others_are_refused),
        cmocka_unit_test(a_broken_block_is_told),
        cmocka_unit_test(a_helper_does_the_same),
        cmocka_unit_test(nothing_is_written_after_the_sync),
    };
    scratch_make(folder);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_remove(folder);
    return failed;
}
