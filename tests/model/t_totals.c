/*
 * Totals by day, month and year against a plain list of what was added: sums up to any dates, of all accounts and of
 * one, from rows added one by one and from those that a slice buffer gathers. Rerun with DAFTARI_SEED=number.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/base/kv_mem.h"
#include "server/base/kv_packed.h"
#include "server/views/slice_buffer.h"
#include "server/views/totals_scan.h"
#include "tests/support/random.h"

enum { TABLE_TOTALS, TABLES };
static const struct kv_table tables[TABLES] = {{"totals", TOTALS_FLAGS}};

#define ADDED_MAX 3000u

struct added {
    struct totals_key key;
    civil_date date;
    bool closing;
    struct totals totals;
};
static struct added added[ADDED_MAX];
static size_t added_count;
static struct random dice;

/* ---- what is added ------------------------------------------------------------------------------------------- */

/* Often the first or last day of a month or a year, and mostly of few years. */
static civil_date some_date(void)
{
    static const civil_date edges[] = {DATE_MIN, 20231231, 20240101, 20240131, 20240228,
                                       20240229, 20240301, 20241231, 20250101, DATE_MAX};
    if (random_below(&dice, 3) == 0)
        return edges[random_below(&dice, sizeof edges / sizeof edges[0])];
    return date_add_days(20230101, (int32_t)random_below(&dice, 1100));
}

/* Numbers on both sides of where their form changes, in accounts whose bytes are in another order than numbers. */
static struct totals_key some_key(void)
{
    static const uint32_t accounts[] = {0, 1, 255, 256, 1110, 400000, UINT32_MAX};
    static const uint16_t businesses[] = {1, 2, 250, 251, 252, UINT16_MAX - 1, UINT16_MAX};
    return (struct totals_key){.account = accounts[random_below(&dice, 7)],
                               .business = businesses[random_below(&dice, 7)],
                               .currency = random_below(&dice, 9) == 0 ? 300 : 1};
}

static int128 some_amount(void)
{
    int128 amount = random_below(&dice, 2) == 0 ? 0 : (int128)random_below(&dice, 1000000);
    return random_below(&dice, 50) == 0 ? amount << 90 : amount;
}

static void add_some(struct kv_txn *txn, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_true(added_count < ADDED_MAX);
        struct added *one = &added[added_count++];
        *one = (struct added){.key = some_key(), .date = some_date()};
        one->closing = random_below(&dice, 10) == 0;
        one->totals = (struct totals){some_amount(), some_amount(), 1 + random_below(&dice, 3)};
        totals_add(txn, TABLE_TOTALS, &one->key, one->date, &one->totals);
        if (one->closing)
            totals_add_closing(txn, TABLE_TOTALS, &one->key, one->date, &one->totals);
    }
}

/* ---- what comes back ----------------------------------------------------------------------------------------- */

static void expect(const struct totals *found, const struct totals *sum)
{
    assert_true(found->debit == sum->debit && found->credit == sum->credit);
    assert_int_equal(found->count, sum->count);
}

static void check_key(const struct totals_scan *scan)
{
    const struct totals_ask *ask = &scan->ask;
    struct totals up_to[TOTALS_DATES_MAX] = {0}, closing[TOTALS_RANGES_MAX] = {0};
    for (size_t i = 0; i < added_count; i++) {
        const struct added *one = &added[i];
        if (totals_key_compare(&one->key, &scan->key) != 0)
            continue;
        for (size_t d = 0; d < ask->dates; d++)
            if (one->date <= ask->up_to[d])
                totals_plus(&up_to[d], &one->totals);
        for (size_t r = 0; r < ask->ranges; r++)
            if (one->closing && one->date >= ask->closing[r].from && one->date <= ask->closing[r].to)
                totals_plus(&closing[r], &one->totals);
    }
    for (size_t d = 0; d < ask->dates; d++)
        expect(&scan->up_to[d], &up_to[d]);
    for (size_t r = 0; r < ask->ranges; r++)
        expect(&scan->closing[r], &closing[r]);
}

/* How many different keys were added, of one account or of all. */
static size_t keys_added(const struct totals_ask *ask)
{
    static struct totals_key keys[ADDED_MAX];
    size_t count = 0;
    for (size_t i = 0; i < added_count; i++) {
        size_t at = 0;
        if (ask->one_account && added[i].key.account != ask->account)
            continue;
        while (at < count && totals_key_compare(&keys[at], &added[i].key) != 0)
            at++;
        if (at == count)
            keys[count++] = added[i].key;
    }
    return count;
}

static struct totals_ask some_ask(void)
{
    struct totals_ask ask = {.one_account = random_below(&dice, 2) == 0, .account = some_key().account};
    ask.dates = random_below(&dice, TOTALS_DATES_MAX + 1);
    ask.ranges = random_below(&dice, TOTALS_RANGES_MAX + 1);
    for (size_t i = 0; i < ask.dates; i++)
        ask.up_to[i] = random_below(&dice, 8) == 0 ? 0 : some_date();
    for (size_t i = 0; i < ask.ranges; i++) {
        ask.closing[i].from = some_date();
        ask.closing[i].to = some_date();
    }
    return ask;
}

static void check(struct kv_txn *txn)
{
    struct totals_ask ask = some_ask();
    struct totals_scan scan;
    struct totals_key before = {0};
    size_t count = 0;
    assert_int_equal(totals_scan_open(&scan, txn, TABLE_TOTALS, &ask), STATUS_OK);
    for (; totals_scan_next(&scan); count++) {
        assert_true(count == 0 || totals_key_compare(&before, &scan.key) < 0);
        before = scan.key;
        check_key(&scan);
    }
    totals_scan_close(&scan);
    assert_int_equal(count, keys_added(&ask));
}

static struct kv *store_new(void)
{
    struct kv *inner = kv_mem_new(tables, TABLES);
    struct kv *kv = kv_packed_new(
        inner, &(struct kv_packed_options){.tables = tables, .count = TABLES, .block_bytes = 200});
    assert_non_null(kv);
    return kv;
}

/* ---- the tests ----------------------------------------------------------------------------------------------- */

static void test_one_by_one(void **state)
{
    (void)state;
    added_count = 0;
    struct kv *kv = store_new();
    for (size_t round = 0; round < 12; round++) {
        struct kv_txn *txn;
        assert_int_equal(kv_begin(kv, true, &txn), STATUS_OK);
        for (size_t i = 0; i < 20; i++)
            check(txn);
        add_some(txn, random_below(&dice, 100));
        assert_int_equal(kv_commit(txn), STATUS_OK);
    }
    kv_close(kv);
}

static void test_gathered(void **state)
{
    (void)state;
    added_count = 0;
    struct kv *kv = store_new();
    struct slice_buffer *buffer = slice_buffer_new(TABLES, 0, 1 << 20);
    assert_non_null(buffer);
    for (size_t round = 0; round < 12; round++) {
        struct kv_txn *txn;
        assert_int_equal(kv_begin(kv, true, &txn), STATUS_OK);
        add_some(slice_buffer_begin(buffer, txn), random_below(&dice, 200));
        slice_buffer_flush(buffer);
        for (size_t i = 0; i < 20; i++)
            check(txn);
        assert_int_equal(kv_commit(txn), STATUS_OK);
    }
    slice_buffer_free(buffer);
    kv_close(kv);
}

/* Rows that are none of these end a scan or are passed: they never make it run on or count wrongly. */
static void test_bad_rows(void **state)
{
    (void)state;
    static const char *const bad[] = {"\x01\0\0\0\0\0\0\1", "\x01\0\0\0\0\0\0\x10\1\1\xfc", "\x02",
                                      "\x03zzzzzzzzzzzzz"};
    static const size_t lens[] = {8, 11, 1, 14};
    struct kv *kv = store_new();
    struct kv_txn *txn;
    assert_int_equal(kv_begin(kv, true, &txn), STATUS_OK);
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++)
        kv_put(txn, TABLE_TOTALS, slice_of((const uint8_t *)bad[i], lens[i]), (struct slice){0});
    struct totals_ask ask = {.dates = 1, .up_to = {20240615}};
    struct totals_scan scan;
    assert_int_equal(totals_scan_open(&scan, txn, TABLE_TOTALS, &ask), STATUS_OK);
    assert_false(totals_scan_next(&scan));
    totals_scan_close(&scan);
    kv_abort(txn);
    kv_close(kv);
}

int main(void)
{
    dice = random_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_by_one),
        cmocka_unit_test(test_gathered),
        cmocka_unit_test(test_bad_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
