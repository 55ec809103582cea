/* The fields of M-Pesa's files: amounts, moments, phone numbers, parties, CSV records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/cli/mpesa/mpesa.h"

static void amounts(void **state)
{
    static const struct {
        const char *text;
        int64_t minor;
    } good[] = {{"10", 1000}, {"10.00", 1000}, {"5,000.00", 500000},     {"-34.00", -3400},    {" 0.10 ", 10},
                {"", 0},      {"  ", 0},       {"1234567.8", 123456780}, {"49197.00", 4919700}};
    static const char *const bad[] = {"5o.00", "1.234", "1,00", "--3", "KES 3", "1e3", "3-"};
    int64_t minor;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(mpesa_amount(slice_text(good[i].text), &minor));
        assert_int_equal(minor, good[i].minor);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(mpesa_amount(slice_text(bad[i]), &minor));
}

static void moments(void **state)
{
    static const char *const good[] = {
        "20240102063845",      "2024-01-02 06:38:45",  "02-01-2024 06:38:45", "02/01/2024 06:38:45",
        "2024-01-02T06:38:45", "2024-01-02T03:38:45Z", " 2/1/2024 6:38:45 ",  "2024-01-02T06:38:45+03:00"};
    static const char *const bad[] = {
        "2024010206384",          "20240231063845",      "2024-01-02",        "2024/13/02 06:38:45",
        "02-01/2024 06:38:45",    "2024-01-02 24:00:00", "02-01-24 06:38:45", "",
        "2024-01-02 06:38:45 PM", "2024-01-02 06-38-45", "20240102063860"};
    timestamp_us moment;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(mpesa_time(slice_text(good[i]), &moment));
        assert_int_equal(moment, INT64_C(1704166725000000));
    }
    assert_true(mpesa_time(slice_text("02-01-2024 06:38"), &moment));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(mpesa_time(slice_text(bad[i]), &moment));
}

static void phones(void **state)
{
    static const struct {
        const char *text, *shown;
    } numbers[] = {{"254708374149", "2547*****149"},
                   {"+254708374149", "+2547*****149"},
                   {"25470****149", "25470****149"},
                   {"0708374149", "0708***149"},
                   {"070837414", "0********"},
                   {"149", ""},
                   {"John", ""},
                   {"2ffbe4bd7d5b3ad7e0dcf1e0b0a5b9e1c8a4f1aa", ""},
                   {"", ""}};
    char phone[MPESA_PHONE_CAP], name[MPESA_NAME_CAP];
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        mpesa_phone(numbers[i].text, phone);
        assert_string_equal(phone, numbers[i].shown);
    }
    mpesa_party("2547****123 - NAME OF HIM", phone, name);
    assert_string_equal(phone, "2547****123");
    assert_string_equal(name, "NAME OF HIM");
    mpesa_party("KCB", phone, name);
    assert_string_equal(phone, "");
    assert_string_equal(name, "KCB");
    mpesa_party("254708374149", phone, name);
    assert_string_equal(phone, "2547*****149");
    assert_string_equal(name, "");
}

static void records(void **state)
{
    const char text[] = "\xef\xbb\xbf"
                        "a,\"b \"\"c\"\", d\",\r\n\"two\nlines\",x\n\nlast";
    struct csv_reader reader = {.held = slice_of((const uint8_t *)text, sizeof text - 1)};
    struct fault why = {0};
    (void)state;
    assert_int_equal(csv_next(&reader, &why), STATUS_OK);
    assert_int_equal(reader.count, 3);
    assert_string_equal(csv_cell(&reader, 0), "a");
    assert_string_equal(csv_cell(&reader, 1), "b \"c\", d");
    assert_string_equal(csv_cell(&reader, 2), "");
    assert_int_equal(csv_next(&reader, &why), STATUS_OK);
    assert_string_equal(csv_cell(&reader, 0), "two\nlines");
    assert_int_equal(reader.line, 2);
    assert_int_equal(csv_next(&reader, &why), STATUS_OK);
    assert_int_equal(reader.line, 4);
    assert_int_equal(csv_next(&reader, &why), STATUS_OK);
    assert_string_equal(csv_cell(&reader, 0), "last");
    assert_int_equal(csv_next(&reader, &why), STATUS_END);
    csv_done(&reader);
    struct csv_reader open = {.held = slice_text("a\n\"b")};
    assert_int_equal(csv_next(&open, &why), STATUS_OK);
    assert_int_equal(csv_next(&open, &why), STATUS_INVALID);
    assert_non_null(strstr(why.text, "line 2"));
    csv_done(&open);
}

static void too_much(void **state)
{
    char *text = malloc(CSV_RECORD_MAX + 2);
    struct fault why = {0};
    (void)state;
    assert_non_null(text);
    memset(text, 'x', CSV_RECORD_MAX + 2);
    struct csv_reader wide = {.held = slice_of((const uint8_t *)text, CSV_RECORD_MAX + 2)};
    assert_int_equal(csv_next(&wide, &why), STATUS_INVALID);
    csv_done(&wide);
    memset(text, ',', 200);
    struct csv_reader many = {.held = slice_of((const uint8_t *)text, 200)};
    assert_int_equal(csv_next(&many, &why), STATUS_INVALID);
    csv_done(&many);
    free(text);
}

static void numbers(void **state)
{
    static const char text[] = "{\"a\": 1.10, \"b\": \"1 \\\" 2\", \"c\": [-3e2, true, false, null]}";
    char *quoted = daraja_quote_numbers(text, sizeof text - 1);
    (void)state;
    assert_string_equal(quoted,
                        "{\"a\": \"1.10\", \"b\": \"1 \\\" 2\", \"c\": [\"-3e2\", true, false, null]}");
    free(quoted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amounts), cmocka_unit_test(moments),  cmocka_unit_test(phones),
        cmocka_unit_test(records), cmocka_unit_test(too_much), cmocka_unit_test(numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
