/*
 * Packed tables against a sorted array: random writes in order and in none, groups, long and huge values, deletes down to
 * nothing, aborts, a store below that fails, and stored blocks that were changed. Rerun with DAFTARI_SEED=number.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/base/bytes.h"
#include "server/base/kv_mem.h"
#include "server/base/kv_packed.h"
#include "server/base/packed_block.h"
#include "tests/support/random.h"

enum { ONE, GROUPED, TABLES };
#define GROUP          2u
#define ROW_COMMON_MAX 760u /* most bytes of a row whose value is not one of the very long ones */
static const struct kv_table tables[TABLES] = {{"one", KV_PACKED}, {"grouped", KV_PACKED | KV_GROUP(GROUP)}};

/* ---- the model ----------------------------------------------------------------------------------------------- */

struct model_row {
    size_t key_len, value_len;
    uint8_t key[40];
    uint64_t seed; /* the value's bytes follow from it and its length */
};
struct model {
    struct model_row rows[4000];
    size_t count;
};
static struct model models[TABLES], before[TABLES];

static struct slice row_key_of(const struct model_row *row)
{
    return slice_of(row->key, row->key_len);
}

static struct slice row_value_of(const struct model_row *row)
{
    static uint8_t bytes[KV_VALUE_MAX];
    for (size_t i = 0; i < row->value_len; i++)
        bytes[i] = (uint8_t)(row->seed >> (i % 3 * 8)); /* neighbours share their beginnings */
    return slice_of(bytes, row->value_len);
}

static size_t model_seek(const struct model *model, struct slice key)
{
    size_t low = 0, high = model->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (slice_compare(row_key_of(&model->rows[middle]), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool model_at(const struct model *model, size_t i, struct slice key)
{
    return i < model->count && slice_equal(row_key_of(&model->rows[i]), key);
}

static void model_put(struct model *model, const struct model_row *row)
{
    size_t i = model_seek(model, row_key_of(row));
    if (!model_at(model, i, row_key_of(row))) {
        assert_true(model->count < 4000);
        memmove(&model->rows[i + 1], &model->rows[i], (model->count - i) * sizeof model->rows[0]);
        model->count++;
    }
    model->rows[i] = *row;
}

static bool model_del(struct model *model, struct slice key)
{
    size_t i = model_seek(model, key);
    if (!model_at(model, i, key))
        return false;
    model->count--;
    memmove(&model->rows[i], &model->rows[i + 1], (model->count - i) * sizeof model->rows[0]);
    return true;
}

/* ---- rows ---------------------------------------------------------------------------------------------------- */

static void random_key(struct random *random, struct model_row *row)
{
    row->key[0] = 7;
    row->key[1] = (uint8_t)random_below(random, 6);
    be32_put(row->key + 2, (uint32_t)random_below(random, 3000));
    row->key_len = 6;
    if (random_below(random, 8) == 0)
        row->key_len = 1 + random_below(random, 6); /* some are beginnings of others */
    if (random_below(random, 20) == 0) {
        memset(row->key + 6, 'x', 34);
        row->key_len = 7 + random_below(random, 34);
    }
}

static void random_row(struct random *random, struct model_row *row)
{
    static const size_t lens[] = {0, 1, 8, 8, 8, 8, 9, 13, 20, 253, 254, 255, 256, 700};
    random_key(random, row);
    row->seed = random_below(random, 1u << 20);
    row->value_len = lens[random_below(random, sizeof lens / sizeof lens[0])];
    if (random_below(random, 300) == 0)
        row->value_len = 33000;
    if (random_below(random, 5000) == 0)
        row->value_len = KV_VALUE_MAX;
}

struct rig {
    struct kv *below, *kv;
    size_t block_bytes;
};

static void rig_open(struct rig *rig, size_t block_bytes)
{
    rig->below = kv_mem_new(tables, TABLES);
    assert_non_null(rig->below);
    rig->block_bytes = block_bytes != 0 ? block_bytes : KV_PACKED_BLOCK_BYTES;
    rig->kv = kv_packed_new(rig->below, &(struct kv_packed_options){
                                            .tables = tables, .count = TABLES, .block_bytes = block_bytes});
    assert_non_null(rig->kv);
    memset(models, 0, sizeof models);
}

static struct kv_txn *begin(struct kv *kv, bool write)
{
    struct kv_txn *txn = NULL;
    assert_int_equal(kv_begin(kv, write, &txn), STATUS_OK);
    return txn;
}

/* ---- what must hold ------------------------------------------------------------------------------------------ */

static void expect_row(const struct model_row *row, struct kv_cursor *cursor)
{
    struct slice key, value;
    kv_row(cursor, &key, &value);
    assert_true(slice_equal(key, row_key_of(row)));
    assert_true(slice_equal(value, row_value_of(row)));
}

static void expect_table(struct kv_txn *txn, unsigned table)
{
    const struct model *model = &models[table];
    struct kv_cursor *cursor = kv_cursor_open(txn, table);
    for (size_t i = 0; i < model->count; i++) {
        assert_true(kv_next(cursor));
        expect_row(&model->rows[i], cursor);
    }
    assert_false(kv_next(cursor));
    kv_cursor_close(cursor);
    cursor = kv_cursor_open(txn, table);
    for (size_t i = model->count; i-- > 0;) {
        assert_true(kv_previous(cursor));
        expect_row(&model->rows[i], cursor);
    }
    assert_false(kv_previous(cursor));
    kv_cursor_close(cursor);
    assert_int_equal(kv_error(txn), STATUS_OK);
}

/* What is stored: blocks in order, of one group each, none longer than it may be, none empty. */
static size_t expect_blocks(struct rig *rig, unsigned table)
{
    struct kv_txn *txn = begin(rig->below, false);
    struct kv_cursor *cursor = kv_cursor_open(txn, table);
    static struct packed_reader reader;
    size_t rows = 0, blocks = 0;
    uint8_t last[KV_KEY_MAX];
    size_t last_len = 0;
    while (kv_next(cursor)) {
        struct slice name, block;
        kv_row(cursor, &name, &block);
        assert_true(slice_compare(name, slice_of(last, last_len)) > 0);
        assert_true(packed_reader_start(&reader, name, block));
        assert_true(reader.rows == 1 || block.len <= rig->block_bytes + ROW_COMMON_MAX);
        while (packed_reader_next(&reader)) {
            struct slice key = packed_key(packed_present(&reader));
            if (table == GROUPED)
                assert_memory_equal(key.ptr, name.ptr, key.len < GROUP ? key.len : GROUP);
            assert_true(slice_compare(key, name) >= 0);
            last_len = key.len;
            memcpy(last, key.ptr, key.len);
            rows++;
        }
        assert_false(reader.bad);
        blocks++;
    }
    kv_cursor_close(cursor);
    kv_abort(txn);
    assert_int_equal(rows, models[table].count);
    return blocks;
}

/* ---- random runs --------------------------------------------------------------------------------------------- */

static void walk(struct random *random, struct kv_txn *txn, unsigned table)
{
    const struct model *model = &models[table];
    struct model_row from = {0};
    random_key(random, &from);
    struct slice key = row_key_of(&from);
    struct kv_cursor *cursor = kv_cursor_open(txn, table);
    size_t at = model_seek(model, key);
    bool moved;
    if (random_below(random, 2) == 0) {
        moved = kv_seek(cursor, key);
    } else {
        if (!model_at(model, at, key))
            at--;
        moved = kv_last(cursor, key);
    }
    for (size_t step = random_below(random, 40);; step--) {
        assert_int_equal(moved, at < model->count);
        if (!moved || step == 0)
            break;
        expect_row(&model->rows[at], cursor);
        bool forward = random_below(random, 3) > 0;
        at = forward ? at + 1 : at - 1;
        moved = forward ? kv_next(cursor) : kv_previous(cursor);
    }
    kv_cursor_close(cursor);
}

static void write_one(struct random *random, struct kv_txn *txn, unsigned table, const struct model_row *row)
{
    if (random_below(random, 5) == 0) {
        kv_del(txn, table, row_key_of(row));
        model_del(&models[table], row_key_of(row));
        return;
    }
    kv_put(txn, table, row_key_of(row), row_value_of(row));
    model_put(&models[table], row);
}

static int row_order(const void *a, const void *b)
{
    return slice_compare(row_key_of(a), row_key_of(b));
}

/* As a buffer hands rows down: many, in key order, perhaps each read first. */
static void write_in_order(struct random *random, struct kv_txn *txn, unsigned table)
{
    static struct model_row rows[200];
    size_t count = random_below(random, 200);
    bool reading = random_below(random, 2) == 0;
    for (size_t i = 0; i < count; i++)
        random_row(random, &rows[i]);
    qsort(rows, count, sizeof rows[0], row_order);
    for (size_t i = 0; i < count; i++) {
        struct slice got;
        size_t at = model_seek(&models[table], row_key_of(&rows[i]));
        bool there = model_at(&models[table], at, row_key_of(&rows[i]));
        bool found = reading && kv_get(txn, table, row_key_of(&rows[i]), &got);
        if (reading && kv_error(txn) == STATUS_OK)
            assert_int_equal(found, there);
        if (found)
            assert_true(slice_equal(got, row_value_of(&models[table].rows[at])));
        write_one(random, txn, table, &rows[i]);
    }
}

/* A run of neighbours goes. */
static void delete_some(struct random *random, struct kv_txn *txn, unsigned table, size_t most)
{
    struct model *model = &models[table];
    size_t first = model->count == 0 ? 0 : random_below(random, model->count);
    for (size_t n = random_below(random, most + 1); n > 0 && first < model->count; n--) {
        uint8_t key[40];
        size_t len = model->rows[first].key_len;
        memcpy(key, model->rows[first].key, len);
        kv_del(txn, table, slice_of(key, len));
        model_del(model, slice_of(key, len));
    }
}

static void step(struct random *random, struct kv_txn *txn)
{
    unsigned table = (unsigned)random_below(random, TABLES);
    struct model_row row = {0};
    struct slice got;
    switch (random_below(random, 8)) {
    case 0:
        write_in_order(random, txn, table);
        break;
    case 1:
        delete_some(random, txn, table, 60);
        break;
    case 2:
        walk(random, txn, table);
        break;
    case 3: {
        random_key(random, &row);
        size_t at = model_seek(&models[table], row_key_of(&row));
        bool there = model_at(&models[table], at, row_key_of(&row));
        assert_int_equal(kv_get(txn, table, row_key_of(&row), &got), there);
        if (there)
            assert_true(slice_equal(got, row_value_of(&models[table].rows[at])));
        break;
    }
    case 4:
        if (random_below(random, 60) == 0) {
            kv_clear(txn, table);
            models[table].count = 0;
        }
        break;
    default:
        random_row(random, &row);
        write_one(random, txn, table, &row);
    }
}

static void random_run(size_t block_bytes)
{
    struct random random = random_start();
    struct rig rig;
    rig_open(&rig, block_bytes);
    for (unsigned round = 0; round < 60; round++) {
        memcpy(before, models, sizeof models);
        struct kv_txn *txn = begin(rig.kv, true);
        for (uint64_t steps = random_below(&random, 40); steps > 0; steps--)
            step(&random, txn);
        for (unsigned table = 0; table < TABLES && models[table].count > 3000; table++)
            delete_some(&random, txn, table, 3000);
        if (random_below(&random, 8) == 0)
            for (unsigned table = 0; table < TABLES; table++)
                expect_table(txn, table);
        assert_int_equal(kv_error(txn), STATUS_OK);
        if (random_below(&random, 4) == 0) {
            kv_abort(txn);
            memcpy(models, before, sizeof models);
        } else {
            assert_int_equal(kv_commit(txn), STATUS_OK);
        }
        txn = begin(rig.kv, false);
        for (unsigned table = 0; table < TABLES; table++) {
            expect_table(txn, table);
            walk(&random, txn, table);
        }
        kv_abort(txn);
        for (unsigned table = 0; table < TABLES; table++)
            expect_blocks(&rig, table);
    }
    struct kv_txn *txn = begin(rig.kv, true);
    for (unsigned table = 0; table < TABLES; table++)
        while (models[table].count > 0)
            delete_some(&random, txn, table, 4000);
    assert_int_equal(kv_commit(txn), STATUS_OK);
    for (unsigned table = 0; table < TABLES; table++)
        assert_int_equal(expect_blocks(&rig, table), 0);
    kv_close(rig.kv);
}

static void tiny_blocks(void **state)
{
    (void)state;
    random_run(50);
}

static void small_blocks(void **state)
{
    (void)state;
    random_run(400);
}

static void full_blocks(void **state)
{
    (void)state;
    random_run(0);
}

/* Lists that grow at their ends, a few rows of each in every transaction: all blocks but the last of a list are full. */
static void lists_grow_at_their_ends(void **state)
{
    (void)state;
    enum { LISTS = 20, ROUNDS = 60, EACH = 40, BLOCK = 2000 };
    struct rig rig;
    rig_open(&rig, BLOCK);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct kv_txn *txn = begin(rig.kv, true);
        for (uint16_t list = 0; list < LISTS; list++)
            for (uint32_t i = 0; i < EACH; i++) {
                uint8_t key[6];
                be16_put(key, list);
                be32_put(key + 2, (round * EACH + i) * 300);
                kv_put(txn, GROUPED, slice_of(key, sizeof key), slice_of(key + 2, 3));
            }
        assert_int_equal(kv_commit(txn), STATUS_OK);
    }
    struct kv_txn *txn = begin(rig.below, false);
    struct kv_cursor *cursor = kv_cursor_open(txn, GROUPED);
    size_t blocks = 0, bytes = 0;
    for (; kv_next(cursor); blocks++) {
        struct slice name, block;
        kv_row(cursor, &name, &block);
        bytes += block.len;
    }
    kv_cursor_close(cursor);
    kv_abort(txn);
    kv_close(rig.kv);
    size_t full = (bytes + BLOCK - 1) / BLOCK;
    assert_in_range(blocks, full, full + LISTS + full / 50);
    assert_in_range(bytes, 1,
                    (size_t)LISTS * ROUNDS * EACH * 7); /* a head, two or three of key, one or two of value */
}

/* ---- a store below that fails -------------------------------------------------------------------------------- */

/* Passes everything on, and fails at one call. Only what kv_packed uses. */
struct faulty {
    struct kv base;
    struct kv *inner;
    uint64_t calls_left;
};
struct faulty_txn {
    struct kv_txn base;
    struct faulty *store;
    struct kv_txn *inner;
};
struct faulty_cursor {
    struct kv_cursor base;
    struct faulty_txn *txn;
    struct kv_cursor *inner;
};

static bool faulty_call(struct faulty_txn *txn)
{
    if (txn->store->calls_left == 0 || --txn->store->calls_left > 0)
        return true;
    kv_set_error(txn->inner, STATUS_IO);
    return false;
}

static enum status faulty_begin(struct kv *kv, bool write, struct kv_txn **out)
{
    struct faulty_txn *txn = calloc(1, sizeof *txn);
    txn->base.ops = kv->ops;
    txn->store = (struct faulty *)kv;
    enum status status = kv_begin(txn->store->inner, write, &txn->inner);
    *out = &txn->base;
    return status;
}
static enum status faulty_commit(struct kv_txn *txn)
{
    struct faulty_txn *self = (struct faulty_txn *)txn;
    enum status status = kv_commit(self->inner);
    free(self);
    return status;
}
static void faulty_abort(struct kv_txn *txn)
{
    struct faulty_txn *self = (struct faulty_txn *)txn;
    kv_abort(self->inner);
    free(self);
}
static void faulty_put(struct kv_txn *txn, unsigned table, struct slice key, struct slice value)
{
    struct faulty_txn *self = (struct faulty_txn *)txn;
    if (faulty_call(self))
        kv_put(self->inner, table, key, value);
}
static void faulty_del(struct kv_txn *txn, unsigned table, struct slice key)
{
    struct faulty_txn *self = (struct faulty_txn *)txn;
    if (faulty_call(self))
        kv_del(self->inner, table, key);
}
static struct kv_cursor *faulty_cursor_open(struct kv_txn *txn, unsigned table)
{
    struct faulty_txn *self = (struct faulty_txn *)txn;
    if (!faulty_call(self))
        return NULL;
    struct faulty_cursor *cursor = calloc(1, sizeof *cursor);
    cursor->base.ops = txn->ops;
    cursor->txn = self;
    cursor->inner = kv_cursor_open(self->inner, table);
    return &cursor->base;
}
static bool faulty_seek(struct kv_cursor *cursor, struct slice key)
{
    struct faulty_cursor *self = (struct faulty_cursor *)cursor;
    return faulty_call(self->txn) && kv_seek(self->inner, key);
}
static bool faulty_last(struct kv_cursor *cursor, struct slice key)
{
    struct faulty_cursor *self = (struct faulty_cursor *)cursor;
    return faulty_call(self->txn) && kv_last(self->inner, key);
}
static bool faulty_next(struct kv_cursor *cursor)
{
    struct faulty_cursor *self = (struct faulty_cursor *)cursor;
    return faulty_call(self->txn) && kv_next(self->inner);
}
static bool faulty_previous(struct kv_cursor *cursor)
{
    struct faulty_cursor *self = (struct faulty_cursor *)cursor;
    return faulty_call(self->txn) && kv_previous(self->inner);
}
static void faulty_row(struct kv_cursor *cursor, struct slice *key, struct slice *value)
{
    struct faulty_cursor *self = (struct faulty_cursor *)cursor;
    kv_row(self->inner, key, value);
    if (value != NULL && !faulty_call(self->txn)) /* as a value whose seal does not hold */
        *value = (struct slice){0};
}
static void faulty_cursor_close(struct kv_cursor *cursor)
{
    kv_cursor_close(((struct faulty_cursor *)cursor)->inner);
    free(cursor);
}
static void faulty_set_error(struct kv_txn *txn, enum status status)
{
    kv_set_error(((struct faulty_txn *)txn)->inner, status);
}
static enum status faulty_error(const struct kv_txn *txn)
{
    return kv_error(((const struct faulty_txn *)txn)->inner);
}
static void faulty_close(struct kv *kv)
{
    kv_close(((struct faulty *)kv)->inner);
}
static const struct kv_ops faulty_ops = {
    .begin = faulty_begin,
    .commit = faulty_commit,
    .abort = faulty_abort,
    .put = faulty_put,
    .del = faulty_del,
    .cursor_open = faulty_cursor_open,
    .cursor_seek = faulty_seek,
    .cursor_last = faulty_last,
    .cursor_next = faulty_next,
    .cursor_previous = faulty_previous,
    .cursor_row = faulty_row,
    .cursor_close = faulty_cursor_close,
    .set_error = faulty_set_error,
    .error = faulty_error,
    .close = faulty_close,
};

/* Nothing of a transaction that failed below stays, and what was there before is whole. */
static void failures_below(void **state)
{
    (void)state;
    struct random random = random_start();
    struct faulty faulty = {.base = {.ops = &faulty_ops}, .inner = kv_mem_new(tables, TABLES)};
    struct kv_packed_options options = {.tables = tables, .count = TABLES, .block_bytes = 200};
    struct kv *kv = kv_packed_new(&faulty.base, &options);
    assert_non_null(kv);
    memset(models, 0, sizeof models);
    unsigned failed = 0;
    for (unsigned round = 0; round < 300; round++) {
        memcpy(before, models, sizeof models);
        faulty.calls_left = round < 20 ? 0 : 1 + random_below(&random, 400);
        struct kv_txn *txn = begin(kv, true);
        write_in_order(&random, txn, ONE);
        write_in_order(&random, txn, GROUPED);
        struct kv_cursor *cursor = kv_cursor_open(txn, GROUPED);
        while (kv_next(cursor)) {
            struct slice key, value;
            kv_row(cursor, &key, &value);
        }
        kv_cursor_close(cursor);
        for (unsigned table = 0; table < TABLES && models[table].count > 2000; table++)
            delete_some(&random, txn, table, 2000);
        enum status status = kv_commit(txn);
        assert_true(status == STATUS_OK || status == STATUS_IO);
        if (status != STATUS_OK) {
            memcpy(models, before, sizeof models);
            failed++;
        }
        faulty.calls_left = 0;
        txn = begin(kv, false);
        for (unsigned table = 0; table < TABLES; table++)
            expect_table(txn, table);
        kv_abort(txn);
    }
    kv_close(kv);
    assert_in_range(failed, 20, 280);
}

/* ---- blocks that were changed -------------------------------------------------------------------------------- */

/* Some block gets other bytes, or another end. */
static void spoil(struct random *random, struct rig *rig, unsigned table)
{
    struct kv_txn *txn = begin(rig->below, true);
    struct model_row at = {0};
    random_key(random, &at);
    struct kv_cursor *cursor = kv_cursor_open(txn, table);
    static uint8_t bytes[KV_VALUE_MAX + KV_VALUE_ROOM], name[KV_KEY_MAX];
    size_t len = 0, name_len = 0;
    if (kv_last(cursor, row_key_of(&at)) || kv_next(cursor)) {
        struct slice key, block;
        kv_row(cursor, &key, &block);
        memcpy(bytes, block.ptr, block.len);
        memcpy(name, key.ptr, key.len);
        len = block.len;
        name_len = key.len;
    }
    kv_cursor_close(cursor);
    if (len > 0) {
        for (uint64_t n = 1 + random_below(random, 3); n > 0; n--)
            bytes[random_below(random, len)] = (uint8_t)random_below(random, 256);
        if (random_below(random, 4) == 0)
            len = random_below(random, len);
        kv_put(txn, table, slice_of(name, name_len), slice_of(bytes, len));
    }
    assert_int_equal(kv_commit(txn), STATUS_OK);
}

static void use_spoilt(struct random *random, struct rig *rig, unsigned table)
{
    struct model_row row = {0};
    struct slice got;
    struct kv_txn *txn = begin(rig->kv, false);
    struct kv_cursor *cursor = kv_cursor_open(txn, table);
    size_t rows = 0;
    while (kv_next(cursor))
        rows++;
    while (kv_previous(cursor))
        rows++;
    for (int i = 0; i < 20; i++) {
        random_key(random, &row);
        (void)kv_seek(cursor, row_key_of(&row));
        (void)kv_previous(cursor);
        (void)kv_last(cursor, row_key_of(&row));
        (void)kv_next(cursor);
        (void)kv_get(txn, table, row_key_of(&row), &got);
    }
    kv_cursor_close(cursor);
    assert_true(kv_error(txn) == STATUS_OK || kv_error(txn) == STATUS_CORRUPT);
    assert_true(rows < 40000);
    kv_abort(txn);
    txn = begin(rig->kv, true);
    for (int i = 0; i < 20; i++) {
        random_row(random, &row);
        if (random_below(random, 3) == 0)
            kv_del(txn, table, row_key_of(&row));
        else
            kv_put(txn, table, row_key_of(&row), row_value_of(&row));
    }
    enum status status = kv_commit(txn);
    assert_true(status == STATUS_OK || status == STATUS_CORRUPT || status == STATUS_INTERNAL);
}

static void changed_blocks(void **state)
{
    (void)state;
    struct random random = random_start();
    unsigned corrupt = 0;
    for (unsigned round = 0; round < 200; round++) {
        struct rig rig;
        rig_open(&rig, 300);
        struct kv_txn *txn = begin(rig.kv, true);
        for (int i = 0; i < 3; i++)
            for (unsigned table = 0; table < TABLES; table++)
                write_in_order(&random, txn, table);
        assert_int_equal(kv_commit(txn), STATUS_OK);
        for (unsigned table = 0; table < TABLES; table++) {
            spoil(&random, &rig, table);
            txn = begin(rig.kv, false);
            struct kv_cursor *cursor = kv_cursor_open(txn, table);
            while (kv_next(cursor))
                ;
            kv_cursor_close(cursor);
            corrupt += kv_error(txn) == STATUS_CORRUPT;
            kv_abort(txn);
            use_spoilt(&random, &rig, table);
        }
        kv_close(rig.kv);
    }
    assert_in_range(corrupt, 100, 400); /* the rest changed values, which only a seal would tell */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiny_blocks),    cmocka_unit_test(small_blocks),
        cmocka_unit_test(full_blocks),    cmocka_unit_test(lists_grow_at_their_ends),
        cmocka_unit_test(failures_below), cmocka_unit_test(changed_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
