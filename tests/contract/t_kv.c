/* The kv port's contract, run against every implementation and decorator. Rerun a random case with DAFTARI_SEED=number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/base/bytes.h"
#include "server/base/kv_overlay.h"
#include "server/base/kv_packed.h"
#include "tests/support/random.h"
#include "tests/support/scratch.h"
#include "tests/support/stores.h"

enum { PLAIN, APPENDED, BLIND, TABLES };
static const struct kv_table tables[TABLES] = {
    {"plain", KV_PLAIN}, {"appended", KV_APPENDED}, {"blind", KV_BLIND_KEYS}};
static const struct kv_table packed_tables[TABLES] = {
    {"plain", KV_PACKED}, {"appended", KV_PACKED | KV_GROUP(1)}, {"blind", KV_BLIND_KEYS}};

static const struct store_kind impls[] = {
    {.name = "mem"},
    {.name = "lmdb", .lmdb = true},
    {.name = "sealed-mem", .sealed = true},
    {.name = "sealed-lmdb", .lmdb = true, .sealed = true},
    {.name = "overlay-mem", .overlay = true},
    {.name = "overlay-sealed-lmdb", .lmdb = true, .sealed = true, .overlay = true},
    {.name = "packed-mem", .packed_bytes = 60},
    {.name = "packed-mem-full-blocks", .packed_bytes = KV_PACKED_BLOCK_BYTES},
    {.name = "packed-sealed-lmdb", .lmdb = true, .sealed = true, .packed_bytes = 200},
    {.name = "overlay-packed-sealed-lmdb",
     .lmdb = true,
     .sealed = true,
     .overlay = true,
     .packed_bytes = 200},
};

struct fixture {
    const struct store_kind *impl;
    char folder[SCRATCH_PATH_MAX];
    struct keyring *keyring;
    struct kv *kv;
};

static void store_open(struct fixture *f)
{
    const struct kv_table *own = f->impl->packed_bytes != 0 ? packed_tables : tables;
    f->kv = store_plain(f->impl, f->folder, own, TABLES, 256u << 20);
    if (f->impl->sealed) {
        f->keyring = store_keyring(f->folder);
        f->kv = store_seal(f->kv, f->keyring, own, TABLES);
    }
    if (f->impl->packed_bytes != 0) {
        struct kv_packed_options options = {
            .tables = own, .count = TABLES, .block_bytes = f->impl->packed_bytes};
        f->kv = kv_packed_new(f->kv, &options);
        assert_non_null(f->kv);
    }
    if (f->impl->overlay) {
        struct kv_overlay_options options = {.tables = own, .count = TABLES, .memory_bytes = 64 * 1024};
        f->kv = kv_overlay_new(f->kv, &options);
        assert_non_null(f->kv);
    }
}

static void store_close(struct fixture *f)
{
    if (f->impl->overlay)
        assert_int_equal(kv_overlay_flush(f->kv), STATUS_OK);
    kv_close(f->kv);
    keyring_close(f->keyring);
    f->kv = NULL;
    f->keyring = NULL;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->impl = *state;
    scratch_make(f->folder);
    store_open(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    store_close(f);
    scratch_remove(f->folder);
    free(f);
    return 0;
}

static struct kv_txn *begin(struct fixture *f, bool write)
{
    struct kv_txn *txn = NULL;
    assert_int_equal(kv_begin(f->kv, write, &txn), STATUS_OK);
    return txn;
}

static void commit(struct kv_txn *txn)
{
    assert_int_equal(kv_commit(txn), STATUS_OK);
}

static void put(struct kv_txn *txn, unsigned table, const char *key, const char *value)
{
    kv_put(txn, table, slice_text(key), slice_text(value));
}

static void expect(struct kv_txn *txn, unsigned table, const char *key, const char *value)
{
    struct slice got;
    if (value == NULL) {
        assert_false(kv_get(txn, table, slice_text(key), &got));
        return;
    }
    assert_true(kv_get(txn, table, slice_text(key), &got));
    assert_int_equal(got.len, strlen(value));
    assert_memory_equal(got.ptr, value, got.len);
}

static void expect_row(struct kv_cursor *cursor, bool moved, const char *key, const char *value)
{
    if (key == NULL) {
        assert_false(moved);
        return;
    }
    assert_true(moved);
    struct slice k, v;
    kv_row(cursor, &k, &v);
    assert_int_equal(k.len, strlen(key));
    assert_memory_equal(k.ptr, key, k.len);
    assert_int_equal(v.len, strlen(value));
    assert_memory_equal(v.ptr, value, v.len);
}

/* ---- hard cases ---------------------------------------------------------------------------------------------- */

static void points(void **state)
{
    struct fixture *f = *state;
    for (unsigned table = 0; table < TABLES; table++) {
        struct kv_txn *txn = begin(f, true);
        expect(txn, table, "a", NULL);
        put(txn, table, "a", "one");
        put(txn, table, "b", "");
        expect(txn, table, "a", "one");
        expect(txn, table, "b", "");
        put(txn, table, "a", "something much longer than what was there before");
        expect(txn, table, "a", "something much longer than what was there before");
        put(txn, table, "a", "1");
        kv_del(txn, table, slice_text("b"));
        kv_del(txn, table, slice_text("never there"));
        expect(txn, table, "a", "1");
        expect(txn, table, "b", NULL);
        commit(txn);
        txn = begin(f, false);
        expect(txn, table, "a", "1");
        expect(txn, table, "b", NULL);
        kv_abort(txn);
    }
}

static void sizes(void **state)
{
    struct fixture *f = *state;
    static uint8_t key[KV_KEY_MAX + 1], value[KV_VALUE_MAX];
    memset(key, 'k', sizeof key);
    static const size_t lens[] = {0, 1, 15, 16, 4095, 4096, 16384, 65535, 65536, KV_VALUE_MAX};
    struct kv_txn *txn = begin(f, true);
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        memset(value, (int)i + 1, sizeof value);
        kv_put(txn, PLAIN, slice_of(key, KV_KEY_MAX - i), slice_of(value, lens[i]));
    }
    commit(txn);
    txn = begin(f, false);
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        struct slice got;
        memset(value, (int)i + 1, sizeof value);
        assert_true(kv_get(txn, PLAIN, slice_of(key, KV_KEY_MAX - i), &got));
        assert_true(slice_equal(got, slice_of(value, lens[i])));
    }
    struct slice none;
    assert_false(kv_get(txn, PLAIN, slice_of(key, 0), &none));
    assert_false(kv_get(txn, PLAIN, slice_of(key, KV_KEY_MAX + 1), &none));
    assert_int_equal(kv_error(txn), STATUS_OK);
    kv_abort(txn);
}

static void borrowed(void **state)
{
    struct fixture *f = *state;
    static uint8_t value[5000];
    struct kv_txn *txn = begin(f, true);
    for (uint8_t i = 0; i < 200; i++) {
        memset(value, i, sizeof value);
        kv_put(txn, PLAIN, slice_of(&i, 1), slice_of(value, sizeof value));
    }
    commit(txn);
    txn = begin(f, false);
    struct slice got[200];
    for (uint8_t i = 0; i < 200; i++)
        assert_true(kv_get(txn, PLAIN, slice_of(&i, 1), &got[i]));
    for (uint8_t i = 0; i < 200; i++) {
        memset(value, i, sizeof value);
        assert_true(slice_equal(got[i], slice_of(value, sizeof value)));
    }
    kv_abort(txn);
}

static void order(void **state)
{
    struct fixture *f = *state;
    static const char *const keys[] = {"\x01",  "a",    "aa",   "aaaaaaaa", "aaaaaaaab", "ab",
                                       "b\x01", "\x7f", "\x80", "\xff",     "\xff\xff"};
    enum { COUNT = sizeof keys / sizeof keys[0] };
    for (unsigned table = PLAIN; table <= APPENDED; table++) {
        struct kv_txn *txn = begin(f, true);
        for (size_t i = 0; i < COUNT;
             i++) /* 7 and 11 have no common factor: every key once, in a mixed order */
            put(txn, table, keys[i * 7 % COUNT], keys[i * 7 % COUNT]);
        commit(txn);
        txn = begin(f, false);
        struct kv_cursor *cursor = kv_cursor_open(txn, table);
        for (size_t i = 0; i < COUNT; i++)
            expect_row(cursor, kv_next(cursor), keys[i], keys[i]);
        assert_false(kv_next(cursor));
        assert_false(kv_next(cursor));
        kv_cursor_close(cursor);
        cursor = kv_cursor_open(txn, table);
        for (size_t i = COUNT; i-- > 0;)
            expect_row(cursor, kv_previous(cursor), keys[i], keys[i]);
        assert_false(kv_previous(cursor));
        expect_row(cursor, kv_seek(cursor, slice_text("aa")), "aa", "aa");
        expect_row(cursor, kv_next(cursor), "aaaaaaaa", "aaaaaaaa");
        expect_row(cursor, kv_previous(cursor), "aa", "aa");
        expect_row(cursor, kv_seek(cursor, slice_text("aaa")), "aaaaaaaa", "aaaaaaaa");
        expect_row(cursor, kv_seek(cursor, slice_text("")), "\x01", "\x01");
        assert_false(kv_previous(cursor));
        assert_false(kv_seek(cursor, slice_text("\xff\xff\x01")));
        assert_false(kv_next(cursor));
        expect_row(cursor, kv_last(cursor, slice_text("")), "\xff\xff", "\xff\xff");
        expect_row(cursor, kv_last(cursor, slice_text("\xff\xff\xff")), "\xff\xff", "\xff\xff");
        expect_row(cursor, kv_last(cursor, slice_text("aaaaaaab")), "aaaaaaaab", "aaaaaaaab");
        expect_row(cursor, kv_previous(cursor), "aaaaaaaa", "aaaaaaaa");
        expect_row(cursor, kv_last(cursor, slice_text("b")), "ab", "ab");
        expect_row(cursor, kv_next(cursor), "b\x01", "b\x01");
        assert_false(kv_last(cursor, slice_of("", 1))); /* a zero byte: before all of them */
        kv_cursor_close(cursor);
        kv_abort(txn);
    }
}

static void empty_table(void **state)
{
    struct fixture *f = *state;
    struct kv_txn *txn = begin(f, false);
    struct kv_cursor *cursor = kv_cursor_open(txn, PLAIN);
    assert_false(kv_next(cursor));
    assert_false(kv_previous(cursor));
    assert_false(kv_seek(cursor, slice_text("")));
    assert_false(kv_last(cursor, slice_text("")));
    assert_false(kv_last(cursor, slice_text("k")));
    kv_cursor_close(cursor);
    assert_int_equal(kv_error(txn), STATUS_OK);
    kv_abort(txn);
}

static void cursor_keeps_place(void **state)
{
    struct fixture *f = *state;
    struct kv_txn *txn = begin(f, true);
    for (char c = 'b'; c <= 'y'; c++)
        kv_put(txn, PLAIN, slice_of(&c, 1), slice_of(&c, 1));
    commit(txn);
    txn = begin(f, true);
    struct kv_cursor *cursor = kv_cursor_open(txn, PLAIN);
    expect_row(cursor, kv_seek(cursor, slice_text("d")), "d", "d");
    kv_del(txn, PLAIN, slice_text("d"));
    expect_row(cursor, kv_next(cursor), "e", "e");
    kv_del(txn, PLAIN, slice_text("e"));
    expect_row(cursor, kv_previous(cursor), "c", "c");
    put(txn, PLAIN, "cc", "new");
    expect_row(cursor, kv_next(cursor), "cc", "new");
    put(txn, PLAIN, "cc", "newer");
    expect_row(cursor, kv_next(cursor), "f", "f");
    put(txn, PLAIN, "f", "changed");
    put(txn, PLAIN, "a", "before all");
    expect_row(cursor, kv_previous(cursor), "cc", "newer");
    expect_row(cursor, kv_last(cursor, slice_text("")), "y", "y");
    kv_del(txn, PLAIN, slice_text("y"));
    assert_false(kv_next(cursor));
    expect_row(cursor, kv_last(cursor, slice_text("")), "x", "x");
    kv_del(txn, PLAIN, slice_text("x"));
    put(txn, PLAIN, "z", "z");
    expect_row(cursor, kv_next(cursor), "z", "z");
    expect_row(cursor, kv_seek(cursor, slice_text("")), "a", "before all");
    kv_del(txn, PLAIN, slice_text("a"));
    assert_false(kv_previous(cursor));
    /* Delete all while walking. */
    size_t count = 0;
    for (bool more = kv_seek(cursor, slice_text("")); more; more = kv_next(cursor)) {
        struct slice key, value;
        kv_row(cursor, &key, &value);
        uint8_t copy[KV_KEY_MAX];
        memcpy(copy, key.ptr, key.len);
        kv_del(txn, PLAIN, slice_of(copy, key.len));
        count++;
    }
    assert_int_equal(count, 22); /* b c cc f..w z */
    assert_false(kv_seek(cursor, slice_text("")));
    kv_cursor_close(cursor);
    commit(txn);
}

/* What one cursor gave is still there when it has moved on, and when it is closed. */
static void rows_outlive_their_cursor(void **state)
{
    struct fixture *f = *state;
    struct kv_txn *txn = begin(f, true);
    for (char c = 'a'; c <= 'z'; c++)
        kv_put(txn, PLAIN, slice_of(&c, 1), slice_of(&c, 1));
    commit(txn);
    txn = begin(f, false);
    struct slice keys[26], values[26];
    struct kv_cursor *cursor = kv_cursor_open(txn, PLAIN);
    size_t count = 0;
    for (bool more = kv_seek(cursor, slice_text("a")); more && count < 26; more = kv_next(cursor), count++)
        kv_row(cursor, &keys[count], &values[count]);
    kv_cursor_close(cursor);
    assert_int_equal(count, 26);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(keys[i].ptr[0], 'a' + (int)i);
        assert_int_equal(values[i].len, 1);
        assert_int_equal(values[i].ptr[0], 'a' + (int)i);
    }
    kv_abort(txn);
}

static void clear_table(void **state)
{
    struct fixture *f = *state;
    struct kv_txn *txn = begin(f, true);
    put(txn, PLAIN, "a", "1");
    put(txn, APPENDED, "a", "2");
    put(txn, BLIND, "a", "3");
    commit(txn);
    if (f->impl->overlay)
        assert_int_equal(kv_overlay_flush(f->kv), STATUS_OK);
    txn = begin(f, true);
    put(txn, PLAIN, "b", "1");
    kv_clear(txn, PLAIN);
    kv_clear(txn, BLIND);
    expect(txn, PLAIN, "a", NULL);
    expect(txn, PLAIN, "b", NULL);
    expect(txn, BLIND, "a", NULL);
    put(txn, PLAIN, "c", "4");
    struct kv_cursor *cursor = kv_cursor_open(txn, PLAIN);
    expect_row(cursor, kv_next(cursor), "c", "4");
    assert_false(kv_next(cursor));
    kv_cursor_close(cursor);
    commit(txn);
    if (f->impl->overlay)
        assert_int_equal(kv_overlay_flush(f->kv), STATUS_OK);
    txn = begin(f, false);
    expect(txn, PLAIN, "a", NULL);
    expect(txn, PLAIN, "c", "4");
    expect(txn, APPENDED, "a", "2");
    expect(txn, BLIND, "a", NULL);
    kv_abort(txn);
}

static void abort_undoes(void **state)
{
    struct fixture *f = *state;
    if (f->impl->overlay) /* aborting what an overlay was told to keep is a bug, and stops the program */
        return;
    struct kv_txn *txn = begin(f, true);
    put(txn, PLAIN, "kept", "old");
    put(txn, PLAIN, "deleted", "there");
    put(txn, APPENDED, "cleared", "there");
    commit(txn);
    txn = begin(f, true);
    put(txn, PLAIN, "kept", "a new and longer value");
    put(txn, PLAIN, "kept", "again");
    put(txn, PLAIN, "new", "row");
    kv_del(txn, PLAIN, slice_text("deleted"));
    put(txn, PLAIN, "deleted", "back");
    kv_del(txn, PLAIN, slice_text("deleted"));
    kv_clear(txn, APPENDED);
    put(txn, APPENDED, "cleared", "other");
    kv_abort(txn);
    txn = begin(f, false);
    expect(txn, PLAIN, "kept", "old");
    expect(txn, PLAIN, "deleted", "there");
    expect(txn, PLAIN, "new", NULL);
    expect(txn, APPENDED, "cleared", "there");
    kv_abort(txn);
}

static void errors_stick(void **state)
{
    struct fixture *f = *state;
    struct kv_txn *txn = begin(f, true);
    put(txn, PLAIN, "a", "1");
    commit(txn);
    txn = begin(f, true);
    kv_set_error(txn, STATUS_FULL);
    kv_set_error(txn, STATUS_IO);
    assert_int_equal(kv_error(txn), STATUS_FULL);
    expect(txn, PLAIN, "a", NULL);
    put(txn, PLAIN, "b", "2");
    kv_del(txn, PLAIN, slice_text("a"));
    kv_clear(txn, PLAIN);
    struct kv_cursor *cursor = kv_cursor_open(txn, PLAIN);
    assert_false(kv_seek(cursor, slice_text("")));
    kv_cursor_close(cursor);
    assert_int_equal(kv_commit(txn), STATUS_FULL);
    txn = begin(f, false);
    expect(txn, PLAIN, "a", "1");
    expect(txn, PLAIN, "b", NULL);
    kv_abort(txn);
}

static void keys_out_of_bounds(void **state)
{
    struct fixture *f = *state;
    static const uint8_t key[KV_KEY_MAX + 1] = {1};
    for (unsigned table = 0; table < TABLES; table++) {
        struct kv_txn *txn = begin(f, true);
        kv_put(txn, table, slice_of(key, 0), slice_text("v"));
        assert_int_equal(kv_commit(txn), STATUS_INTERNAL);
        txn = begin(f, true);
        kv_put(txn, table, slice_of(key, sizeof key), slice_text("v"));
        assert_int_equal(kv_commit(txn), STATUS_INTERNAL);
    }
}

static void readers_see_commits(void **state)
{
    struct fixture *f = *state;
    if (!f->impl->lmdb || f->impl->overlay)
        return; /* memory and overlay have one user at a time */
    struct kv_txn *txn = begin(f, true);
    put(txn, PLAIN, "a", "1");
    commit(txn);
    struct kv_txn *old = begin(f, false);
    txn = begin(f, true);
    put(txn, PLAIN, "a", "2");
    struct kv_txn *during = begin(f, false);
    struct kv_txn *second = NULL;
    assert_int_equal(kv_begin(f->kv, true, &second), STATUS_BUSY);
    expect(during, PLAIN, "a", "1");
    commit(txn);
    expect(old, PLAIN, "a", "1");
    expect(during, PLAIN, "a", "1");
    struct kv_txn *after = begin(f, false);
    expect(after, PLAIN, "a", "2");
    kv_abort(after);
    kv_abort(during);
    kv_abort(old);
}

static void readers_run_out(void **state)
{
    struct fixture *f = *state;
    if (!f->impl->lmdb || f->impl->overlay)
        return;
    struct kv_txn *txns[8];
    for (size_t i = 0; i < 8; i++)
        txns[i] = begin(f, false);
    struct kv_txn *more = NULL;
    assert_int_equal(kv_begin(f->kv, false, &more), STATUS_BUSY);
    kv_abort(txns[3]);
    txns[3] = begin(f, false);
    for (size_t i = 0; i < 8; i++)
        kv_abort(txns[i]);
}

/* ---- random runs against a sorted array ---------------------------------------------------------------------- */

struct model_row {
    uint8_t key[8];
    size_t key_len;
    uint8_t value[64];
    size_t value_len;
};
struct model {
    struct model_row rows[512];
    size_t count;
};

static struct slice model_key(const struct model_row *row)
{
    return slice_of(row->key, row->key_len);
}

/* Index of the first row with key >= key. */
static size_t model_seek(const struct model *model, struct slice key)
{
    size_t i = 0;
    while (i < model->count && slice_compare(model_key(&model->rows[i]), key) < 0)
        i++;
    return i;
}

static bool model_at(const struct model *model, size_t i, struct slice key)
{
    return i < model->count && slice_equal(model_key(&model->rows[i]), key);
}

static void model_put(struct model *model, struct slice key, struct slice value)
{
    size_t i = model_seek(model, key);
    if (!model_at(model, i, key)) {
        assert_true(model->count < 512);
        memmove(&model->rows[i + 1], &model->rows[i], (model->count - i) * sizeof model->rows[0]);
        model->count++;
    }
    struct model_row *row = &model->rows[i];
    memcpy(row->key, key.ptr, key.len);
    row->key_len = key.len;
    if (value.len != 0)
        memcpy(row->value, value.ptr, value.len);
    row->value_len = value.len;
}

static void model_del(struct model *model, struct slice key)
{
    size_t i = model_seek(model, key);
    if (!model_at(model, i, key))
        return;
    model->count--;
    memmove(&model->rows[i], &model->rows[i + 1], (model->count - i) * sizeof model->rows[0]);
}

/* Few different bytes and lengths, so that keys meet and are prefixes of each other. */
static struct slice random_key(struct random *random, uint8_t out[8])
{
    size_t len = 1 + random_below(random, 4);
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)("\x00\x01\x7f\xff"[random_below(random, 4)]);
    return slice_of(out, len);
}

static void model_row_is(const struct model *model, size_t i, struct kv_cursor *cursor, bool moved)
{
    if (i >= model->count) {
        assert_false(moved);
        return;
    }
    assert_true(moved);
    struct slice key, value;
    kv_row(cursor, &key, &value);
    assert_true(slice_equal(key, model_key(&model->rows[i])));
    assert_true(slice_equal(value, slice_of(model->rows[i].value, model->rows[i].value_len)));
}

/* Walk some steps from a random place and compare; SIZE_MAX stands for "off". */
static void model_walk(struct random *random, const struct model *model, struct kv_txn *txn, unsigned table)
{
    uint8_t bytes[8];
    struct slice key = random_key(random, bytes);
    struct kv_cursor *cursor = kv_cursor_open(txn, table);
    assert_non_null(cursor);
    size_t at = model_seek(model, key);
    bool moved;
    if (random_below(random, 2) == 0) {
        moved = kv_seek(cursor, key);
    } else {
        if (!model_at(model, at, key))
            at--;
        moved = kv_last(cursor, key);
    }
    model_row_is(model, at, cursor, moved);
    for (size_t step = random_below(random, 12); moved && step > 0; step--) {
        bool forward = random_below(random, 3) > 0;
        at = forward ? at + 1 : at - 1;
        moved = forward ? kv_next(cursor) : kv_previous(cursor);
        model_row_is(model, at, cursor, moved);
    }
    kv_cursor_close(cursor);
}

static void model_step(struct random *random, struct model *models, struct kv_txn *txn)
{
    uint8_t bytes[8], content[64];
    unsigned table = (unsigned)random_below(random, TABLES);
    struct model *model = &models[table];
    struct slice key = random_key(random, bytes);
    uint64_t what = random_below(random, 100);
    if (what % 2 == 0) /* of a row that is there or not, and is read next or never: it changes nothing */
        kv_hint(txn, table, key, (unsigned)random_below(random, 2));
    if (what < 40) {
        struct slice value = slice_of(content, random_below(random, sizeof content));
        random_fill(random, content, value.len);
        kv_put(txn, table, key, value);
        model_put(model, key, value);
    } else if (what < 60) {
        kv_del(txn, table, key);
        model_del(model, key);
    } else if (what < 85) {
        struct slice got;
        size_t i = model_seek(model, key);
        bool found = kv_get(txn, table, key, &got);
        assert_int_equal(found, model_at(model, i, key));
        if (found)
            assert_true(slice_equal(got, slice_of(model->rows[i].value, model->rows[i].value_len)));
    } else if (what < 99 || random_below(random, 10) != 0) {
        if (table != BLIND)
            model_walk(random, model, txn, table);
    } else {
        kv_clear(txn, table);
        model->count = 0;
    }
}

static void random_run(void **state)
{
    struct fixture *f = *state;
    struct random random = random_start();
    static struct model models[TABLES], before[TABLES];
    memset(models, 0, sizeof models);
    for (unsigned round = 0; round < 150; round++) {
        memcpy(before, models, sizeof models);
        struct kv_txn *txn = begin(f, true);
        for (uint64_t steps = random_below(&random, 60); steps > 0; steps--)
            model_step(&random, models, txn);
        assert_int_equal(kv_error(txn), STATUS_OK);
        if (!f->impl->overlay && random_below(&random, 4) == 0) {
            kv_abort(txn);
            memcpy(models, before, sizeof models);
        } else {
            commit(txn);
        }
        if (f->impl->overlay && random_below(&random, 4) == 0)
            assert_int_equal(kv_overlay_flush(f->kv), STATUS_OK);
        if (f->impl->lmdb && random_below(&random, 20) == 0) {
            store_close(f);
            store_open(f);
        }
        txn = begin(f, false);
        for (unsigned i = 0; i < 5; i++)
            model_walk(&random, &models[i % 2], txn, i % 2);
        kv_abort(txn);
    }
}

static const struct store_case cases[] = {
    {"points", points},
    {"sizes", sizes},
    {"borrowed", borrowed},
    {"order", order},
    {"empty_table", empty_table},
    {"cursor_keeps_place", cursor_keeps_place},
    {"rows_outlive_their_cursor", rows_outlive_their_cursor},
    {"clear_table", clear_table},
    {"abort_undoes", abort_undoes},
    {"errors_stick", errors_stick},
    {"keys_out_of_bounds", keys_out_of_bounds},
    {"readers_see_commits", readers_see_commits},
    {"readers_run_out", readers_run_out},
    {"random_run", random_run},
};

int main(void)
{
    return store_run("kv", impls, sizeof impls / sizeof impls[0], cases, sizeof cases / sizeof cases[0],
                     setup, teardown);
}
