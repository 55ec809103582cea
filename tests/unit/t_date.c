/* Civil dates and timestamps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/base/date.h"

static void only_real_days_are_valid(void **state)
{
    (void)state;
    static const civil_date good[] = {19000101, 29991231, 20240229, 20000229, 20261123, 20261231, 20260430};
    static const civil_date bad[] = {0,        1,        18991231, 30000101,   20260229,
                                     19000229, 21000229, 20261301, 20260001,   20260100,
                                     20260132, 20260431, 20261199, UINT32_MAX, 99999999};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(date_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(date_valid(bad[i]));
}

/* Every day of eleven centuries, against counting by hand. */
static void days_and_back(void **state)
{
    (void)state;
    assert_int_equal(date_to_days(19700101), 0);
    assert_int_equal(date_to_days(19691231), -1);
    assert_int_equal(date_to_days(20000301), 11017);
    int32_t days = date_to_days(DATE_MIN);
    for (uint32_t year = 1900; year <= 2999; year++)
        for (uint32_t month = 1; month <= 12; month++)
            for (uint32_t day = 1; day <= date_days_in_month(year, month); day++, days++) {
                civil_date date = year * 10000 + month * 100 + day;
                if (date_to_days(date) != days || date_from_days(days) != date)
                    fail_msg("%u is not day %d", date, days);
            }
    assert_int_equal(date_to_days(DATE_MAX), days - 1);
    assert_int_equal(date_from_days(days), DATE_MAX);
    assert_int_equal(date_from_days(INT32_MAX), DATE_MAX);
    assert_int_equal(date_from_days(INT32_MIN), DATE_MIN);
    assert_int_equal(date_days_in_month(1900, 2), 28);
    assert_int_equal(date_days_in_month(2000, 2), 29);
}

static void days_are_added(void **state)
{
    (void)state;
    assert_int_equal(date_add_days(20240228, 1), 20240229);
    assert_int_equal(date_add_days(20240229, 365), 20250228);
    assert_int_equal(date_add_days(20261231, 1), 20270101);
    assert_int_equal(date_add_days(20270101, -1), 20261231);
    assert_int_equal(date_add_days(20261123, INT32_MAX), DATE_MAX);
    assert_int_equal(date_add_days(20261123, INT32_MIN), DATE_MIN);
    assert_int_equal(date_month_end(20240210), 20240229);
    assert_int_equal(date_month_end(20261231), 20261231);
    assert_int_equal(date_month_end(20260401), 20260430);
}

#define NOON_US INT64_C(1795435200000000) /* 2026-11-23 12:00 UTC */

static void local_dates_of_moments(void **state)
{
    (void)state;
    assert_int_equal(date_of_timestamp(NOON_US, 0), 20261123);
    assert_int_equal(date_of_timestamp(NOON_US + INT64_C(9) * 3600000000 - 1, 180), 20261123);
    assert_int_equal(date_of_timestamp(NOON_US + INT64_C(9) * 3600000000, 180),
                     20261124); /* midnight in Nairobi */
    assert_int_equal(date_of_timestamp(NOON_US, -13 * 60), 20261122);
    assert_int_equal(date_of_timestamp(-1, 0), 19691231);
    assert_int_equal(date_of_timestamp(INT64_MAX, INT32_MAX), DATE_MAX);
    assert_int_equal(date_of_timestamp(INT64_MIN, INT32_MIN), DATE_MIN);
}

static void text_of_dates_and_moments(void **state)
{
    (void)state;
    char date[DATE_TEXT_MAX], time[TIME_TEXT_MAX];
    assert_int_equal(date_format(20261123, date), 10);
    assert_string_equal(date, "2026-11-23");
    assert_int_equal(date_format(0, date), 0);
    assert_string_equal(date, "");
    assert_int_equal(date_format(UINT32_MAX, date), 10); /* no date, but it must fit */

    assert_int_equal(timestamp_format(NOON_US + 7, time), 27);
    assert_string_equal(time, "2026-11-23T12:00:00.000007Z");
    assert_int_equal(timestamp_format(-1, time), 27);
    assert_string_equal(time, "1969-12-31T23:59:59.999999Z");
    assert_int_equal(timestamp_format(0, time), 0);
    assert_int_equal(timestamp_format(INT64_MAX, time), 27);
    assert_string_equal(time, "2999-12-31T23:59:59.999999Z");
    assert_int_equal(timestamp_format(INT64_MIN, time), 27);
    assert_string_equal(time, "1900-01-01T00:00:00.000000Z");
}

static void dates_from_text(void **state)
{
    (void)state;
    civil_date date = 0;
    assert_int_equal(date_parse(slice_text("2026-11-23"), &date, NULL), STATUS_OK);
    assert_int_equal(date, 20261123);
    assert_int_equal(date_parse(slice_text("20240229"), &date, NULL), STATUS_OK);
    assert_int_equal(date, 20240229);
    static const char *const bad[] = {"",           "2026-11-2",  "2026-1-23",  "2026-11-231", "20261123 ",
                                      "2026/11/23", "2026-02-29", "2026-13-01", "1899-12-31",  "3000-01-01",
                                      "00000000",   "today",      "2026-11-2x", "-026-11-23",  "2026-11--3",
                                      "0x261123",   "23-11-2026", "+2026-1123"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fault why = {0};
        assert_int_equal(date_parse(slice_text(bad[i]), &date, &why), STATUS_INVALID);
        assert_int_equal(why.status, STATUS_INVALID);
        assert_int_equal(date, 20240229);
    }
}

static void moments_from_text(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        timestamp_us time;
    } good[] = {
        {"2026-11-23T12:00:00Z", NOON_US},
        {"2026-11-23t12:00:00z", NOON_US},
        {"2026-11-23T15:00:00+03:00", NOON_US},
        {"2026-11-23T07:30:00.5-04:30", NOON_US + 500000},
        {"2026-11-23T12:00:00.000007Z", NOON_US + 7},
        {"2026-11-23T12:00:00.12Z", NOON_US + 120000},
        {"1969-12-31T23:59:59.999999Z", -1},
        {"1900-01-01T03:00:00+03:00", INT64_C(-2208988800000000)},
    };
    timestamp_us time = 77;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(timestamp_parse(slice_text(good[i].text), &time, NULL), STATUS_OK);
        assert_int_equal(time, good[i].time);
    }
    static const char *const bad[] = {
        "",
        "2026-11-23",
        "2026-11-23 12:00:00Z",
        "2026-11-23T12:00:00",
        "2026-11-23T12:00Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T12:60:00Z",
        "2026-11-23T12:00:60Z",
        "2026-11-23T12:00:00.Z",
        "2026-11-23T12:00:00.1234567Z",
        "2026-11-23T12:00:00+3:00",
        "2026-11-23T12:00:00+24:00",
        "2026-11-23T12:00:00+03:60",
        "2026-11-23T12:00:00+0300",
        "2026-11-23T12:00:00ZZ",
        "2026-02-29T12:00:00Z",
        "1900-01-01T00:00:00+00:01",
        "2999-12-31T23:59:59-00:01",
        "20261123T120000Z",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        time = 77;
        if (timestamp_parse(slice_text(bad[i]), &time, NULL) != STATUS_INVALID)
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(time, 77);
    }
    char text[TIME_TEXT_MAX];
    timestamp_format(NOON_US + 123456, text);
    assert_int_equal(timestamp_parse(slice_text(text), &time, NULL), STATUS_OK);
    assert_int_equal(time, NOON_US + 123456);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_real_days_are_valid),
        cmocka_unit_test(days_and_back),
        cmocka_unit_test(days_are_added),
        cmocka_unit_test(local_dates_of_moments),
        cmocka_unit_test(text_of_dates_and_moments),
        cmocka_unit_test(dates_from_text),
        cmocka_unit_test(moments_from_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
