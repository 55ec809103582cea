/* Checked amounts, the rounding rule, amounts as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/base/money.h"
#include "tests/support/random.h"

static void sums_stay_within_the_limit(void **state)
{
    (void)state;
    int64_t out = 77;
    assert_true(amount_add(AMOUNT_MAX - 1, 1, &out));
    assert_int_equal(out, AMOUNT_MAX);
    out = 77;
    assert_false(amount_add(AMOUNT_MAX, 1, &out));
    assert_false(amount_add(-AMOUNT_MAX, -1, &out));
    assert_false(amount_add(INT64_MAX, INT64_MAX, &out));
    assert_false(amount_add(INT64_MIN, INT64_MIN, &out));
    assert_false(amount_subtract(-AMOUNT_MAX, 1, &out));
    assert_false(amount_subtract(0, INT64_MIN, &out));
    assert_int_equal(out, 77);
    assert_true(amount_add(INT64_MAX, -(INT64_MAX - AMOUNT_MAX), &out)); /* only the result counts */
    assert_int_equal(out, AMOUNT_MAX);
    assert_true(amount_subtract(-AMOUNT_MAX, -AMOUNT_MAX, &out));
    assert_int_equal(out, 0);
}

static void rounding_is_half_away_from_zero(void **state)
{
    (void)state;
    static const struct {
        int64_t a, b, divisor, result;
    } cases[] = {
        {5, 1, 10, 1},
        {-5, 1, 10, -1},
        {4, 1, 10, 0},
        {-4, 1, 10, 0},
        {15, 1, 10, 2},
        {-15, 1, 10, -2},
        {25, 1, 10, 3},
        {24, 1, 10, 2},
        {1, 1, 2, 1},
        {-1, 1, 2, -1},
        {1, 1, 3, 0},
        {2, 1, 3, 1},
        {-2, 1, 3, -1},
        {5, -1, 10, -1},
        {-5, -1, 10, 1},
        {0, 999, 7, 0},
        {7, 3, 1, 21},
        {3, 1, 2, 2},
        {1, 1, INT64_MAX, 0},
        {INT64_MAX, 1, INT64_MAX, 1},
        {INT64_MIN, 1, INT64_MAX, -1},
        {AMOUNT_MAX, AMOUNT_MAX, AMOUNT_MAX, AMOUNT_MAX}, /* 128 bits in between */
        {AMOUNT_MAX, -10000, 10000, -AMOUNT_MAX},
        {INT64_MAX / 2 + 1, 1, INT64_MAX, 1}, /* just over a half */
        {INT64_MAX / 2, 1, INT64_MAX, 0},     /* just under */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t out;
        assert_true(amount_multiply_divide(cases[i].a, cases[i].b, cases[i].divisor, &out));
        assert_int_equal(out, cases[i].result);
    }
    int64_t out = 77;
    assert_false(amount_multiply_divide(AMOUNT_MAX, 2, 1, &out));
    assert_false(amount_multiply_divide(INT64_MIN, INT64_MIN, 1, &out));
    assert_false(amount_multiply_divide(INT64_MIN, INT64_MAX, 1, &out));
    assert_false(amount_multiply_divide(2 * AMOUNT_MAX + 1, 1, 2, &out)); /* rounds up past the limit */
    assert_int_equal(out, 77);
}

/* Against the definition: |a * b - q * d| * 2 <= d, and on a tie q is the one farther from zero. */
static void rounding_by_its_definition(void **state)
{
    (void)state;
    struct random random = random_start();
    for (int i = 0; i < 100000; i++) {
        int64_t a = (int64_t)random_next(&random) >> random_below(&random, 63);
        int64_t b = (int64_t)random_next(&random) >> random_below(&random, 63);
        int64_t d = (int64_t)(random_next(&random) >> (1 + random_below(&random, 62)));
        if (d == 0)
            continue;
        int128 product = (int128)a * b;
        int64_t q;
        if (!amount_multiply_divide(a, b, d, &q)) {
            int128 magnitude = product < 0 ? -product : product;
            assert_true(magnitude / d >= AMOUNT_MAX);
            continue;
        }
        int128 rest = product - (int128)q * d;
        int128 distance = rest < 0 ? -rest : rest;
        assert_true(2 * distance <= d);
        if (2 * distance == d)
            assert_true((product > 0 && rest < 0) || (product < 0 && rest > 0));
    }
}

static void amounts_as_text(void **state)
{
    (void)state;
    static const struct {
        int64_t minor;
        uint32_t scale;
        const char *plain, *grouped;
    } cases[] = {
        {-125050, 2, "-1250.50", "-1,250.50"},
        {0, 2, "0.00", "0.00"},
        {0, 0, "0", "0"},
        {5, 2, "0.05", "0.05"},
        {-5, 2, "-0.05", "-0.05"},
        {999, 0, "999", "999"},
        {1000, 0, "1000", "1,000"},
        {100000, 2, "1000.00", "1,000.00"},
        {1, 12, "0.000000000001", "0.000000000001"},
        {AMOUNT_MAX, 0, "999999999999999999", "999,999,999,999,999,999"},
        {-AMOUNT_MAX, 2, "-9999999999999999.99", "-9,999,999,999,999,999.99"},
        {INT64_MIN, 0, "-9223372036854775808", "-9,223,372,036,854,775,808"},
        {INT64_MIN, 12, "-9223372.036854775808", "-9,223,372.036854775808"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[AMOUNT_TEXT_MAX];
        assert_int_equal(amount_format(cases[i].minor, cases[i].scale, text), strlen(cases[i].plain));
        assert_string_equal(text, cases[i].plain);
        assert_int_equal(amount_format_grouped(cases[i].minor, cases[i].scale, text),
                         strlen(cases[i].grouped));
        assert_string_equal(text, cases[i].grouped);
    }
}

static void text_as_amounts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t scale;
        int64_t minor;
    } good[] = {
        {"1,250.50", 2, 125050},
        {"1250.5", 2, 125050},
        {"-0.5", 2, -50},
        {"+7", 2, 700},
        {"-0", 2, 0},
        {"007", 0, 7},
        {"0.05", 2, 5},
        {"12,345,678", 0, 12345678},
        {"0.000000000001", 12, 1},
        {"999,999,999,999,999,999", 0, AMOUNT_MAX},
        {"-9999999999999999.99", 2, -AMOUNT_MAX},
        {"0000000000000000000000000000001", 0, 1},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t minor = 0;
        struct fault why = {0};
        assert_int_equal(amount_parse(slice_text(good[i].text), good[i].scale, &minor, &why), STATUS_OK);
        assert_int_equal(minor, good[i].minor);
    }
    static const struct {
        const char *text;
        uint32_t scale;
    } bad[] = {
        {"", 2},
        {"-", 2},
        {"+", 2},
        {".", 2},
        {".5", 2},
        {"5.", 2},
        {"1,25", 2},
        {"1,2500", 2},
        {"1250,000", 2},
        {",250", 2},
        {"1,,250", 2},
        {"1,250,", 2},
        {"1,250.505", 2},
        {"1.5", 0},
        {"--1", 2},
        {"+-1", 2},
        {"1-", 2},
        {" 1", 2},
        {"1 ", 2},
        {"1 250", 2},
        {"1.2.3", 2},
        {"1.2,3", 2},
        {"1e3", 2},
        {"0x10", 2},
        {"KES 5", 2},
        {"1.-5", 2},
        {"1.,5", 4},
        {"\xc2\xa0"
         "1",
         2},
        {"NaN", 2},
        {"inf", 2},
        {"1000000000000000000", 0},
        {"10000000000000000", 2},
        {"9999999999999999.999", 2},
        {"999,999,999,999,999,999,999", 0},
        {"999999999999999999.99", 2},
        {"99999999999999999.9", 2},
        {"99999999999999999999999999999999999999", 2},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t minor = 77;
        struct fault why = {0};
        assert_int_equal(amount_parse(slice_text(bad[i].text), bad[i].scale, &minor, &why), STATUS_INVALID);
        assert_int_equal(minor, 77);
        assert_true(why.text[0] != '\0');
        assert_int_equal(amount_parse(slice_text(bad[i].text), bad[i].scale, &minor, NULL), STATUS_INVALID);
    }
    int64_t minor = 77;
    assert_int_equal(amount_parse(slice_of("1\0002", 3), 2, &minor, NULL), STATUS_INVALID);
    assert_int_equal(amount_parse(slice_of(NULL, 0), 2, &minor, NULL), STATUS_INVALID);
    assert_int_equal(amount_parse(slice_of("12345", 2), 0, &minor, NULL), STATUS_OK); /* the length counts */
    assert_int_equal(minor, 12);
}

static void text_and_back(void **state)
{
    (void)state;
    struct random random = random_start();
    for (int i = 0; i < 20000; i++) {
        uint32_t scale = (uint32_t)random_below(&random, CURRENCY_SCALE_MAX + 1);
        int64_t minor = (int64_t)(random_next(&random) >> random_below(&random, 64)) % AMOUNT_MAX;
        char text[AMOUNT_TEXT_MAX];
        int64_t back = 0;
        size_t len = amount_format(minor, scale, text);
        assert_int_equal(amount_parse(slice_of(text, len), scale, &back, NULL), STATUS_OK);
        assert_int_equal(back, minor);
        len = amount_format_grouped(minor, scale, text);
        assert_int_equal(amount_parse(slice_of(text, len), scale, &back, NULL), STATUS_OK);
        assert_int_equal(back, minor);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_stay_within_the_limit),
        cmocka_unit_test(rounding_is_half_away_from_zero),
        cmocka_unit_test(rounding_by_its_definition),
        cmocka_unit_test(amounts_as_text),
        cmocka_unit_test(text_as_amounts),
        cmocka_unit_test(text_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
