/* Big-endian integers, the bounded writer and reader, slices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/base/bytes.h"
#include "tests/support/random.h"

static void byte_order(void **state)
{
    (void)state;
    uint8_t bytes[8];
    be16_put(bytes, 0x0102);
    assert_memory_equal(bytes, "\x01\x02", 2);
    be32_put(bytes, 0x01020304);
    assert_memory_equal(bytes, "\x01\x02\x03\x04", 4);
    be64_put(bytes, UINT64_C(0x0102030405060708));
    assert_memory_equal(bytes, "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
    assert_int_equal(be16_get(bytes), 0x0102);
    assert_int_equal(be32_get(bytes), 0x01020304);
    assert_true(be64_get(bytes) == UINT64_C(0x0102030405060708));
}

static void writing_stops_at_the_end(void **state)
{
    (void)state;
    for (size_t cap = 0; cap <= 32; cap++) {
        uint8_t buffer[40];
        memset(buffer, 0xee, sizeof buffer);
        struct byte_writer w = byte_writer_on(buffer, cap);
        byte_put_u8(&w, 1);
        byte_put_u16(&w, 2);
        byte_put_u32(&w, 3);
        byte_put_u64(&w, 4);
        byte_put(&w, "abc", 3);
        byte_put(&w, NULL, 0);
        assert_int_equal(w.failed, cap < 18);
        assert_int_equal(byte_written(&w).len, cap < 18 ? 0 : 18);
        byte_put(&w, "0123456789abcdef0123", cap < 18 ? 0 : cap - 18);
        if (cap < 18) { /* nothing more is written, even if it fitted */
            size_t len = w.len;
            byte_put_u8(&w, 9);
            assert_int_equal(w.len, len);
        }
        for (size_t i = cap; i < sizeof buffer; i++)
            assert_int_equal(buffer[i], 0xee);
    }
    struct byte_writer w = byte_writer_on(NULL, 0);
    assert_null(byte_writer_claim(&w, SIZE_MAX));
    assert_true(w.failed);
}

static void reading_stops_at_the_end(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4, 'a', 'b', 'c'};
    for (size_t len = 0; len <= sizeof bytes; len++) {
        struct byte_reader r = byte_reader_on(slice_of(bytes, len));
        assert_int_equal(byte_get_u8(&r), len >= 1 ? 1 : 0);
        assert_int_equal(byte_get_u16(&r), len >= 3 ? 2 : 0);
        assert_int_equal(byte_get_u32(&r), len >= 7 ? 3 : 0);
        assert_int_equal(byte_get_u64(&r), len >= 15 ? 4 : 0);
        const uint8_t *text = byte_take(&r, 3);
        assert_true((text != NULL) == (len >= 18));
        assert_int_equal(r.failed, len < 18);
        (void)byte_take(&r, SIZE_MAX);
        assert_true(r.failed);
        assert_null(byte_take(&r, 0)); /* once and for all */
    }
}

static void ordered_numbers_sort_as_bytes(void **state)
{
    (void)state;
    struct random random = random_start();
    for (int i = 0; i < 20000; i++) {
        int64_t a = (int64_t)random_next(&random) >> random_below(&random, 64);
        int64_t b = i % 10 == 0 ? a : (int64_t)random_next(&random) >> random_below(&random, 64);
        uint8_t key_a[8], key_b[8];
        struct byte_writer wa = byte_writer_on(key_a, 8), wb = byte_writer_on(key_b, 8);
        byte_put_ordered_i64(&wa, a);
        byte_put_ordered_i64(&wb, b);
        int order = slice_compare(byte_written(&wa), byte_written(&wb));
        assert_int_equal((order > 0) - (order < 0), (a > b) - (a < b));
        struct byte_reader r = byte_reader_on(byte_written(&wa));
        assert_true(byte_get_ordered_i64(&r) == a);
    }
}

static void slices(void **state)
{
    (void)state;
    const struct slice none = slice_of(NULL, 0), ab = slice_text("ab"), abc = slice_text("abc"),
                       b = slice_text("b");
    assert_true(slice_equal(none, slice_text("")));
    assert_false(slice_equal(ab, abc));
    assert_true(slice_compare(none, ab) < 0 && slice_compare(ab, abc) < 0 && slice_compare(abc, b) < 0);
    assert_true(slice_compare(b, abc) > 0 && slice_compare(none, none) == 0);
    assert_true(slice_compare(slice_text("\x7f"), slice_text("\x80")) < 0); /* unsigned */
    assert_true(slice_starts_with(abc, ab) && slice_starts_with(abc, none) && slice_starts_with(none, none));
    assert_false(slice_starts_with(ab, abc));
    assert_false(slice_starts_with(abc, b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(byte_order),
        cmocka_unit_test(writing_stops_at_the_end),
        cmocka_unit_test(reading_stops_at_the_end),
        cmocka_unit_test(ordered_numbers_sort_as_bytes),
        cmocka_unit_test(slices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
