/* The checker must find and name every change, and say the same with any number of threads. Small logs are changed byte
 * by byte, below the seal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/base/bytes.h"
#include "server/log/check.h"
#include "server/store/kv_sealed.h"
#include "tests/support/records.h"
#include "tests/support/scratch.h"
#include "tests/support/stores.h"

#define PROBLEMS_MAX 64
#define MAP_BYTES    (64u << 20)
#define THREADS_MORE 3u
#define SEAL_HEAD    13u
#define SEAL_TAG     16u

struct found {
    size_t count;
    uint64_t positions[PROBLEMS_MAX];
    char texts[PROBLEMS_MAX][FAULT_TEXT_MAX];
    size_t unread;     /* of them told as what could not be looked at */
    uint64_t progress; /* records, as told last */
};

struct fixture {
    char folder[SCRATCH_PATH_MAX];
    struct keyring *keyring;
    bool sealed;
    struct kv *inner; /* what is stored */
    struct kv *kv;    /* as the log sees it; owned by `log` */
    struct log *log;
    struct random random;
    struct record_maker maker;
    struct found found;
    struct log_check_result result;
};

static void fixture_open(struct fixture *f, bool sealed)
{
    struct fault why = {0};
    memset(f, 0, sizeof *f);
    f->random = random_start();
    f->sealed = sealed;
    scratch_make(f->folder);
    struct store_kind kind = {.lmdb = true};
    f->kv = f->inner = store_plain(&kind, f->folder, log_tables, LOG_TABLE_COUNT, MAP_BYTES);
    if (sealed) {
        f->keyring = store_keyring(f->folder);
        f->kv = store_seal(f->inner, f->keyring, log_tables, LOG_TABLE_COUNT);
    }
    assert_int_equal(log_over_kv_open(f->kv, &f->log, &why), STATUS_OK);
}

static void fixture_close(struct fixture *f)
{
    if (f->log != NULL)
        log_close(f->log);
    else
        kv_close(f->kv);
    keyring_close(f->keyring);
    scratch_remove(f->folder);
}

static void batch(struct fixture *f, size_t count, size_t payload)
{
    static uint8_t bytes[RECORD_BYTES_MAX];
    struct hash hash;
    for (size_t i = 0; i < count; i++) {
        size_t size = record_make(&f->maker, &f->random, payload, bytes, &hash);
        assert_int_equal(log_append(f->log, slice_of(bytes, size), &hash), STATUS_OK);
    }
    assert_int_equal(log_commit(f->log), STATUS_OK);
}

static void on_problem(void *context, uint64_t position, const char *what)
{
    struct found *found = context;
    if (found->count < PROBLEMS_MAX) {
        found->positions[found->count] = position;
        snprintf(found->texts[found->count], sizeof found->texts[0], "%s", what);
    }
    found->count++;
}

static void on_unread(void *context, uint64_t position, const char *why)
{
    ((struct found *)context)->unread++;
    on_problem(context, position, why);
}

static void on_progress(void *context, uint64_t records, uint64_t total)
{
    struct found *found = context;
    (void)total;
    assert_true(records >= found->progress);
    found->progress = records;
}

static void check_with(struct fixture *f, unsigned threads, struct found *found,
                       struct log_check_result *result)
{
    struct fault why = {0};
    struct log_check_options options = {.kv = f->kv,
                                        .threads = threads,
                                        .get_unchecked = f->sealed ? kv_sealed_get_unchecked : NULL,
                                        .missing_key = f->sealed ? kv_sealed_missing_key : NULL,
                                        .beneath = f->sealed ? kv_sealed_beneath : NULL,
                                        .problem = on_problem,
                                        .unread = on_unread,
                                        .progress = on_progress,
                                        .context = found};
    memset(found, 0, sizeof *found);
    assert_int_equal(log_check(&options, result, &why), STATUS_OK);
    assert_int_equal(result->problems, found->count - found->unread);
    assert_int_equal(result->records, found->progress);
    assert_in_range(result->threads, 1, threads);
}

static void same_result(const struct log_check_result *a, const struct log_check_result *b)
{
    assert_int_equal(a->blocks, b->blocks);
    assert_int_equal(a->records, b->records);
    assert_int_equal(a->tiles, b->tiles);
    assert_int_equal(a->root_known, b->root_known);
    assert_memory_equal(&a->root, &b->root, sizeof a->root);
    assert_int_equal(a->head.size, b->head.size);
    assert_memory_equal(&a->head.last, &b->head.last, sizeof a->head.last);
}

/* With one thread, then with more: the same problems in the same order. */
static void check(struct fixture *f)
{
    static struct found more;
    struct log_check_result result;
    check_with(f, 1, &f->found, &f->result);
    for (unsigned threads = 2; threads <= THREADS_MORE; threads++) {
        check_with(f, threads, &more, &result);
        same_result(&f->result, &result);
        assert_int_equal(more.count, f->found.count);
        assert_memory_equal(more.positions, f->found.positions, sizeof more.positions);
        for (size_t i = 0; i < more.count && i < PROBLEMS_MAX; i++)
            assert_string_equal(more.texts[i], f->found.texts[i]);
    }
}

static bool named(const struct fixture *f, uint64_t from, uint64_t to)
{
    for (size_t i = 0; i < f->found.count && i < PROBLEMS_MAX; i++)
        if (f->found.positions[i] >= from && f->found.positions[i] <= to)
            return true;
    return false;
}

static void put_inner(struct fixture *f, unsigned table, struct slice key, struct slice value)
{
    struct kv_txn *txn = NULL;
    assert_int_equal(kv_begin(f->inner, true, &txn), STATUS_OK);
    if (value.ptr != NULL)
        kv_put(txn, table, key, value);
    else
        kv_del(txn, table, key);
    assert_int_equal(kv_commit(txn), STATUS_OK);
}

/* A copy of the n-th stored row of a table; false when there are fewer. */
struct stored {
    uint8_t key[KV_KEY_MAX], value[BLOCK_BYTES_MAX + 8 * 1024];
    size_t key_len, value_len;
};
static bool stored_row(struct fixture *f, unsigned table, size_t n, struct stored *out)
{
    struct kv_txn *txn = NULL;
    struct slice key, value;
    assert_int_equal(kv_begin(f->inner, false, &txn), STATUS_OK);
    struct kv_cursor *cursor = kv_cursor_open(txn, table);
    bool there = kv_seek(cursor, slice_of(NULL, 0));
    for (; there && n > 0; n--)
        there = kv_next(cursor);
    if (there) {
        kv_row(cursor, &key, &value);
        assert_true(value.len <= sizeof out->value);
        memcpy(out->key, key.ptr, key.len);
        memcpy(out->value, value.ptr, value.len);
        out->key_len = key.len;
        out->value_len = value.len;
    }
    kv_cursor_close(cursor);
    kv_abort(txn);
    return there;
}

static void whole_log_is_whole(void **state)
{
    (void)state;
    for (unsigned sealed = 0; sealed < 2; sealed++) {
        struct fixture f;
        fixture_open(&f, sealed == 1);
        check(&f);
        assert_int_equal(f.found.count, 0);
        assert_true(f.result.root_known);
        for (size_t i = 0; i < 12; i++)
            batch(&f, 1 + i * 37, 40);
        check(&f);
        assert_int_equal(f.found.count, 0);
        assert_int_equal(f.result.records, f.maker.position);
        assert_int_equal(f.result.tiles, f.maker.position / 256);
        assert_memory_equal(f.result.head.last.bytes, f.maker.last.bytes, HASH_BYTES);
        struct hash root;
        assert_int_equal(log_root(f.log, f.maker.position, &root), STATUS_OK);
        assert_true(f.result.root_known);
        assert_memory_equal(f.result.root.bytes, root.bytes, HASH_BYTES);
        fixture_close(&f);
    }
}

/* The record whose byte lies at `at` of the opened block; 0: the block's own head. */
static uint64_t record_at(const struct stored *row, struct slice opened, size_t at)
{
    struct block block;
    assert_true(block_decode(opened, &block));
    size_t offset = 0, head = 4 + 4 * (size_t)block.count;
    for (uint32_t i = 0; i < block.count; i++) {
        struct slice bytes;
        assert_true(block_next(&block, i, &offset, &bytes));
        if (at >= head && at < head + offset)
            return be64_get(row->key) + i;
    }
    return 0;
}

static void flip(struct fixture *f, unsigned table, const struct stored *row, size_t at)
{
    static uint8_t changed[sizeof row->value];
    memcpy(changed, row->value, row->value_len);
    changed[at] ^= (uint8_t)(1 + random_below(&f->random, 255));
    put_inner(f, table, slice_of(row->key, row->key_len), slice_of(changed, row->value_len));
}

static void put_back(struct fixture *f, unsigned table, const struct stored *row)
{
    put_inner(f, table, slice_of(row->key, row->key_len), slice_of(row->value, row->value_len));
}

/* One byte of a block was changed: the very record must be named, or a record of the block when it was in none. */
static void expect_named(const struct fixture *f, const struct stored *row, struct slice opened, size_t at)
{
    uint64_t size = f->maker.position;
    struct block block;
    assert_true(block_decode(opened, &block));
    uint64_t first = be64_get(row->key), last = first + block.count - 1;
    size_t head = f->sealed ? SEAL_HEAD : 0;
    bool text = at >= head && at < head + opened.len;
    uint64_t record = text ? record_at(row, opened, at - head) : 0;
    if (!f->sealed && record == size)
        return; /* nobody holds the last record's hash but the seal */
    if (f->found.count == 0)
        fail_msg("record %llu, byte %zu of the block: not found", (unsigned long long)record, at);
    /* Between the last two records the chain alone cannot always tell. */
    uint64_t from = record == 0 ? first : record == size ? size - 1 : record;
    if (!named(f, from, record == 0 ? last : record))
        fail_msg("record %llu, byte %zu of the block: named %llu: %s", (unsigned long long)record, at,
                 (unsigned long long)f->found.positions[0], f->found.texts[0]);
    assert_true(f->found.count <= 3); /* one change is not told a dozen times */
}

/* Every `step`-th byte of every stored block, one at a time. */
static void flip_blocks(struct fixture *f, size_t step)
{
    static struct stored row;
    static uint8_t opened_bytes[sizeof row.value];
    for (size_t n = 0; stored_row(f, LOG_TABLE_BLOCKS, n, &row); n++) {
        struct kv_txn *txn = NULL;
        struct slice opened;
        assert_int_equal(kv_begin(f->kv, false, &txn), STATUS_OK);
        assert_true(kv_get(txn, LOG_TABLE_BLOCKS, slice_of(row.key, row.key_len), &opened));
        memcpy(opened_bytes, opened.ptr, opened.len);
        opened.ptr = opened_bytes;
        kv_abort(txn);
        for (size_t at = 0; at < row.value_len; at += step) {
            flip(f, LOG_TABLE_BLOCKS, &row, at);
            check(f);
            expect_named(f, &row, opened, at);
        }
        put_back(f, LOG_TABLE_BLOCKS, &row);
    }
    check(f);
    assert_int_equal(f->found.count, 0);
}

static void every_byte_of_a_small_log(void **state)
{
    (void)state;
    for (unsigned sealed = 0; sealed < 2; sealed++) {
        struct fixture f;
        fixture_open(&f, sealed == 1);
        batch(&f, 1, 5);
        batch(&f, 4, 30);
        batch(&f, 3, 0);
        batch(&f, 2, 9);
        flip_blocks(&f, 1);
        fixture_close(&f);
    }
}

static void bytes_of_a_log_with_tiles(void **state)
{
    (void)state;
    for (unsigned sealed = 0; sealed < 2; sealed++) {
        struct fixture f;
        static struct stored row;
        fixture_open(&f, sealed == 1);
        batch(&f, 200, 20);
        batch(&f, 400, 20);
        flip_blocks(&f, 97);
        for (size_t n = 0; stored_row(&f, LOG_TABLE_TILES, n, &row); n++) {
            uint64_t tile = be64_get(row.key + 1);
            for (size_t at = 0; at < row.value_len; at += 41) {
                flip(&f, LOG_TABLE_TILES, &row, at);
                check(&f);
                assert_true(named(&f, tile * 256 + 1, tile * 256 + 256));
            }
            put_back(&f, LOG_TABLE_TILES, &row);
        }
        fixture_close(&f);
    }
}

static void rows_that_go_or_come(void **state)
{
    (void)state;
    for (unsigned sealed = 0; sealed < 2; sealed++) {
        struct fixture f;
        static struct stored row;
        fixture_open(&f, sealed == 1);
        for (size_t i = 0; i < 60; i++)
            batch(&f, 10, 20);
        /* A block goes: its records are missing, whichever it is but the last, which leaves no trace but in the tree. */
        for (size_t n = 0; n < 60; n += 7) {
            assert_true(stored_row(&f, LOG_TABLE_BLOCKS, n, &row));
            put_inner(&f, LOG_TABLE_BLOCKS, slice_of(row.key, row.key_len), slice_of(NULL, 0));
            check(&f);
            assert_true(named(&f, 10 * n + 1, 10 * n + 1));
            assert_false(f.result.root_known);
            put_back(&f, LOG_TABLE_BLOCKS, &row);
        }
        /* A block under another position; a tile goes; a tile too many. */
        assert_true(stored_row(&f, LOG_TABLE_BLOCKS, 5, &row));
        uint8_t key[9];
        be64_put(key, 1000);
        put_inner(&f, LOG_TABLE_BLOCKS, slice_of(key, 8), slice_of(row.value, row.value_len));
        check(&f);
        assert_true(named(&f, 601, 1000));
        put_inner(&f, LOG_TABLE_BLOCKS, slice_of(key, 8), slice_of(NULL, 0));
        assert_true(stored_row(&f, LOG_TABLE_TILES, 1, &row));
        put_inner(&f, LOG_TABLE_TILES, slice_of(row.key, row.key_len), slice_of(NULL, 0));
        check(&f);
        assert_true(named(&f, 257, 257));
        put_back(&f, LOG_TABLE_TILES, &row);
        key[0] = 0;
        be64_put(key + 1, 2);
        put_inner(&f, LOG_TABLE_TILES, slice_of(key, 9), slice_of(row.value, row.value_len));
        check(&f);
        assert_int_equal(f.found.count, 1);
        assert_int_equal(f.found.positions[0], 0);
        fixture_close(&f);
    }
}

/* Wrong content in records that chain well: as a faulty server, not a thief, would write them. */
static void append_odd(struct fixture *f, const struct record_header *header, int64_t debit, int64_t credit)
{
    uint8_t bytes[1024];
    struct posting postings[2] = {{.account = 1000, .business = 1, .currency = 1, .amount = debit},
                                  {.account = 4000, .business = 1, .currency = 1, .amount = credit}};
    record_encode(header, postings, 2, NULL, 0, slice_text("payload"), bytes);
    size_t size = record_size(2, 0, 7);
    record_hash(slice_of(bytes, size), &f->maker.last);
    f->maker.position = header->position;
    f->maker.time = header->time;
    assert_int_equal(log_append(f->log, slice_of(bytes, size), &f->maker.last), STATUS_OK);
}

static void odd_records(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, true);
    batch(&f, 20, 20);
    struct record_header header = {.type = 300, .type_version = 1, .position = 21, .time = f.maker.time + 5};
    header.previous = f.maker.last;
    append_odd(&f, &header, 100, -99);
    batch(&f, 10, 20);
    timestamp_us time = f.maker.time;
    header.position = 32;
    header.time = time - 1;
    header.previous = f.maker.last;
    append_odd(&f, &header, 100, -100);
    f.maker.time = time;
    batch(&f, 10, 20);
    header.position = 43;
    header.time = f.maker.time + 1;
    memset(header.previous.bytes, 7, HASH_BYTES);
    append_odd(&f, &header, 100, -100);
    batch(&f, 10, 20);
    check(&f);
    assert_true(named(&f, 21, 21));
    assert_true(named(&f, 32, 32));
    assert_true(named(&f, 42, 43));
    assert_int_equal(f.found.count, 3);
    fixture_close(&f);
}

/* ---- large enough for several spans ------------------------------------------------------------------------------ */

/* The stored block that holds a record, and where in the stored value the record's bytes begin. */
static size_t row_of_record(struct fixture *f, uint64_t position, struct stored *out)
{
    struct kv_txn *txn = NULL;
    struct slice key, value, opened, bytes;
    struct block block;
    uint8_t wanted[8];
    be64_put(wanted, position);
    assert_int_equal(kv_begin(f->inner, false, &txn), STATUS_OK);
    struct kv_cursor *cursor = kv_cursor_open(txn, LOG_TABLE_BLOCKS);
    assert_true(kv_last(cursor, slice_of(wanted, sizeof wanted)));
    kv_row(cursor, &key, &value);
    assert_true(value.len <= sizeof out->value);
    memcpy(out->key, key.ptr, key.len);
    memcpy(out->value, value.ptr, value.len);
    out->key_len = key.len;
    out->value_len = value.len;
    kv_cursor_close(cursor);
    kv_abort(txn);
    assert_int_equal(kv_begin(f->kv, false, &txn), STATUS_OK);
    assert_true(kv_get(txn, LOG_TABLE_BLOCKS, slice_of(out->key, out->key_len), &opened));
    assert_true(block_decode(opened, &block));
    size_t at = 0, begin = 0;
    for (uint64_t i = be64_get(out->key); i <= position; i++) {
        begin = at;
        assert_true(block_next(&block, (uint32_t)(i - be64_get(out->key)), &at, &bytes));
    }
    kv_abort(txn);
    return (f->sealed ? SEAL_HEAD : 0) + opened.len - block.records.len + begin;
}

/* In the payload, so that nothing but the hash tells. */
static void flip_record(struct fixture *f, uint64_t position, struct stored *row)
{
    size_t at = row_of_record(f, position, row) + RECORD_HEADER_BYTES + 2 * POSTING_BYTES;
    flip(f, LOG_TABLE_BLOCKS, row, at);
}

/* Commits of many sizes: records alone in a block, full blocks, blocks that end within a tile and at its end. */
static void fill(struct fixture *f, uint64_t records)
{
    static const size_t sizes[] = {256, 1, 300, 7, 211, 1, 64, 1024, 3};
    for (size_t i = 0; f->maker.position < records; i++) {
        size_t count = sizes[i % (sizeof sizes / sizeof *sizes)];
        uint64_t left = records - f->maker.position;
        batch(f, count < left ? count : (size_t)left, 30);
    }
}

static void records_at_borders(void **state)
{
    (void)state;
    static const uint64_t positions[] = {1,    2,    255,  256,  257,  258,  511,  512,  513,  557, 558,
                                         2047, 2048, 2049, 2050, 4095, 4096, 4097, 4098, 6143, 6144};
    for (unsigned sealed = 0; sealed < 2; sealed++) {
        struct fixture f;
        static struct stored row;
        fixture_open(&f, sealed == 1);
        fill(&f, 6200);
        check(&f);
        assert_int_equal(f.found.count, 0);
        assert_true(f.result.root_known);
        for (size_t i = 0; i < sizeof positions / sizeof *positions; i++) {
            flip_record(&f, positions[i], &row);
            check(&f);
            assert_true(named(&f, positions[i], positions[i]));
            assert_true(f.found.count <= 3);
            put_back(&f, LOG_TABLE_BLOCKS, &row);
        }
        fixture_close(&f);
    }
}

static void several_changes_at_once(void **state)
{
    (void)state;
    static struct stored first, middle, last;
    struct fixture f;
    fixture_open(&f, true);
    fill(&f, 9000);
    flip_record(&f, 300, &first);
    flip_record(&f, 8700, &last);
    (void)row_of_record(&f, 5000, &middle);
    put_inner(&f, LOG_TABLE_BLOCKS, slice_of(middle.key, middle.key_len), slice_of(NULL, 0));
    check(&f);
    assert_false(f.result.root_known);
    assert_true(named(&f, 300, 300));
    assert_true(named(&f, be64_get(middle.key), be64_get(middle.key)));
    assert_true(named(&f, 8700, 8700));
    uint64_t missing = 0;
    for (size_t i = 0; i < f.found.count; i++)
        if (strstr(f.found.texts[i], "changed: the chain") != NULL) {
            assert_true(f.found.positions[i] > missing); /* in order */
            missing = f.found.positions[i];
        }
    put_back(&f, LOG_TABLE_BLOCKS, &first);
    put_back(&f, LOG_TABLE_BLOCKS, &middle);
    put_back(&f, LOG_TABLE_BLOCKS, &last);
    check(&f);
    assert_int_equal(f.found.count, 0);
    fixture_close(&f);
}

/* Whatever is damaged, and more of it than is kept one by one. */
static void many_changes_are_told_alike(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 6; round++) {
        struct fixture f;
        static struct stored row;
        fixture_open(&f, round % 2 == 1);
        fill(&f, 5000);
        for (unsigned i = 0; i < 4u << round; i++) {
            uint64_t position = 1 + random_below(&f.random, 4999);
            struct kv_txn *txn = NULL;
            uint8_t wanted[8];
            struct slice key, value;
            be64_put(wanted, position);
            assert_int_equal(kv_begin(f.inner, false, &txn), STATUS_OK);
            struct kv_cursor *cursor = kv_cursor_open(txn, LOG_TABLE_BLOCKS);
            bool there = kv_last(cursor, slice_of(wanted, sizeof wanted));
            if (there) {
                kv_row(cursor, &key, &value);
                memcpy(row.key, key.ptr, row.key_len = key.len);
                memcpy(row.value, value.ptr, row.value_len = value.len);
            }
            kv_cursor_close(cursor);
            kv_abort(txn);
            if (there && random_below(&f.random, 8) == 0)
                put_inner(&f, LOG_TABLE_BLOCKS, slice_of(row.key, row.key_len), slice_of(NULL, 0));
            else if (there)
                flip(&f, LOG_TABLE_BLOCKS, &row, (size_t)random_below(&f.random, row.value_len));
        }
        check(&f);
        assert_true(f.found.count > 0);
        fixture_close(&f);
    }
}

/* Closes the log and opens it again, under a new data key; `lost`: without that key from then on, and the store alone. */
static void reopen(struct fixture *f, uint32_t lost)
{
    char path[SCRATCH_PATH_MAX + 32];
    struct fault why = {0};
    struct store_kind kind = {.lmdb = true};
    log_close(f->log);
    keyring_close(f->keyring);
    snprintf(path, sizeof path, "%s/keys/data-keys", f->folder);
    if (lost != 0) { /* its entry no longer adds up */
        FILE *file = fopen(path, "r+b");
        assert_non_null(file);
        assert_int_equal(fseek(file, (long)(lost - 1) * 128 + 60, SEEK_SET), 0);
        assert_int_equal(fwrite("\0\0\0\0", 1, 4, file), 4);
        assert_int_equal(fclose(file), 0);
    }
    f->inner = store_plain(&kind, f->folder, log_tables, LOG_TABLE_COUNT, MAP_BYTES);
    f->keyring = store_keyring(f->folder);
    f->kv = store_seal(f->inner, f->keyring, log_tables, LOG_TABLE_COUNT);
    f->log = NULL;
    if (lost == 0)
        assert_int_equal(log_over_kv_open(f->kv, &f->log, &why), STATUS_OK);
}

/* What is sealed under it was not changed, as far as anybody can tell; a change elsewhere is told all the same. */
static void missing_keys_are_told(void **state)
{
    (void)state;
    struct fixture f;
    static struct stored row;
    fixture_open(&f, true);
    batch(&f, 200, 40);
    reopen(&f, 0);
    batch(&f, 100, 40);
    batch(&f, 50, 40);
    reopen(&f, 0);
    for (size_t i = 0; i < 3; i++)
        batch(&f, 100, 40);
    reopen(&f, 2);
    check(&f);
    assert_int_equal(f.found.unread, f.found.count);
    assert_int_equal(f.found.count, 2); /* the tile that became full under it, and the records */
    assert_true(named(&f, 1, 1));
    assert_true(named(&f, 201, 201));
    for (size_t i = 0; i < f.found.count; i++)
        assert_non_null(strstr(f.found.texts[i], "data key 2 is missing"));
    assert_true(f.result.unread > 2);
    assert_int_equal(f.result.records, 200 + 300);
    assert_false(f.result.root_known);
    struct fault why = {0};
    flip_record(&f, 420, &row);
    check(&f);
    assert_in_range(f.found.count - f.found.unread, 1, 2); /* by the chain, and by the tile */
    assert_true(named(&f, 420, 420));
    put_back(&f, LOG_TABLE_BLOCKS, &row);
    enum status status = log_over_kv_open(f.kv, &f.log, &why); /* it needs the tile, and closes the store */
    assert_int_equal(status, STATUS_CORRUPT);
    assert_non_null(strstr(why.text, "tile 0/0 "));
    assert_non_null(strstr(why.text, "data key 2, "));
    f.kv = NULL;
    fixture_close(&f);
}

static void fewer_records_than_threads(void **state)
{
    (void)state;
    struct fixture f;
    static struct found found;
    static struct stored row;
    struct log_check_result result;
    fixture_open(&f, true);
    for (uint64_t size = 0; size < 4; size++) {
        for (unsigned threads = 0; threads <= 2 * LOG_CHECK_THREADS_MAX; threads = 3 * threads + 1) {
            memset(&found, 0, sizeof found);
            check_with(&f, threads > 0 ? threads : 1, &found, &result);
            assert_int_equal(found.count, 0);
            assert_int_equal(result.records, size);
            assert_true(result.root_known);
            assert_true(result.threads <= LOG_CHECK_THREADS_MAX);
        }
        batch(&f, 1, 20);
    }
    flip_record(&f, 2, &row);
    check_with(&f, 40, &found, &result);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.positions[0], 2);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_log_is_whole),
        cmocka_unit_test(every_byte_of_a_small_log),
        cmocka_unit_test(bytes_of_a_log_with_tiles),
        cmocka_unit_test(rows_that_go_or_come),
        cmocka_unit_test(odd_records),
        cmocka_unit_test(records_at_borders),
        cmocka_unit_test(several_changes_at_once),
        cmocka_unit_test(many_changes_are_told_alike),
        cmocka_unit_test(missing_keys_are_told),
        cmocka_unit_test(fewer_records_than_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
