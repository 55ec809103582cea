/* Text from outside, hexadecimal, base64, whole numbers, ids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/base/ident.h"
#include "proto/base/text.h"
#include "tests/support/random.h"

/* A second, slow reading of RFC 3629: decode, then look at the number. */
static bool valid_by_decoding(const uint8_t *at, size_t len)
{
    size_t i = 0;
    while (i < len) {
        uint32_t lead = at[i], code, least;
        size_t more;
        if (lead < 0x80)
            code = lead, more = 0, least = 0;
        else if (lead >> 5 == 6)
            code = lead & 31, more = 1, least = 0x80;
        else if (lead >> 4 == 14)
            code = lead & 15, more = 2, least = 0x800;
        else if (lead >> 3 == 30)
            code = lead & 7, more = 3, least = 0x10000;
        else
            return false;
        if (more >= len - i)
            return false;
        for (size_t k = 1; k <= more; k++) {
            if (at[i + k] >> 6 != 2)
                return false;
            code = code << 6 | (at[i + k] & 63);
        }
        if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
            return false;
        if ((code < 0x20 && code != '\n' && code != '\t') || (code >= 0x7f && code < 0xa0))
            return false;
        i += more + 1;
    }
    return true;
}

/* Every two bytes, and every three and four with interesting lead bytes, at every offset within a word. */
static void text_is_checked_as_rfc_3629_says(void **state)
{
    (void)state;
    uint8_t bytes[16];
    for (uint32_t lead = 0; lead < 256; lead++)
        for (uint32_t second = 0; second < 256; second++) {
            static const uint8_t thirds[] = {0x00, 0x20, 0x7f, 0x80, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
            for (size_t t = 0; t < sizeof thirds; t++) {
                memset(bytes, 'a', sizeof bytes);
                size_t at = (lead + second + t) % 12;
                bytes[at] = (uint8_t)lead;
                bytes[at + 1] = (uint8_t)second;
                bytes[at + 2] = thirds[t];
                bytes[at + 3] = (t & 1) != 0 ? 0x80 : 'z';
                for (size_t len = at + 1; len <= sizeof bytes; len++)
                    if (text_valid(slice_of(bytes, len)) != valid_by_decoding(bytes, len))
                        fail_msg("%02x %02x %02x at %zu of %zu", lead, second, thirds[t], at, len);
            }
        }
    assert_true(text_valid(slice_of(NULL, 0)));
    assert_true(text_valid(slice_text("Duka la maji \xe2\x82\xac 5\n\tsawa")));
    assert_false(text_valid(slice_of("ab\0c", 4)));
}

static void random_text_is_checked_alike(void **state)
{
    (void)state;
    struct random random = random_start();
    for (int i = 0; i < 200000; i++) {
        static const uint8_t likely[] = {0x80, 0xbf, 0xc2, 0xe0, 0xed, 0xf0, 0xf4,
                                         0xa0, 0x9f, 0x90, 0x1f, 0x7f, 'x'};
        uint8_t bytes[24];
        size_t len = random_below(&random, sizeof bytes + 1);
        for (size_t k = 0; k < len; k++)
            bytes[k] = random_below(&random, 2) != 0 ? likely[random_below(&random, sizeof likely)]
                                                     : (uint8_t)random_below(&random, 256);
        assert_int_equal(text_valid(slice_of(bytes, len)), valid_by_decoding(bytes, len));
    }
}

static void cuts_fall_between_characters(void **state)
{
    (void)state;
    struct slice text = slice_text("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x92\xb0z");
    static const size_t cut[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
    for (size_t max = 0; max < sizeof cut / sizeof *cut; max++)
        assert_int_equal(text_cut(text, max), cut[max]);
    assert_int_equal(text_cut(slice_of(NULL, 0), 5), 0);
    assert_in_range(text_cut(slice_text("\x80\x80\x80\x80\x80\x80"), 5), 2,
                    5); /* no text, but within bounds */
}

static void hexadecimal(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x00, 0x9f, 0xa0, 0xff};
    char text[HEX_TEXT_LEN(4)];
    uint8_t back[4] = {0};
    hex_format(bytes, 4, text);
    assert_string_equal(text, "009fa0ff");
    assert_true(hex_parse(slice_text("009FA0fF"), back, 4));
    assert_memory_equal(back, bytes, 4);
    memset(back, 7, 4);
    assert_false(hex_parse(slice_text("009fa0f"), back, 4));
    assert_false(hex_parse(slice_text("009fa0ff0"), back, 4));
    assert_false(hex_parse(slice_text("009fa0ff00"), back, 4));
    assert_false(hex_parse(slice_text("009fa0fg"), back, 4));
    assert_false(hex_parse(slice_text("0x9fa0ff"), back, 4));
    assert_false(hex_parse(slice_text(""), back, 4));
    assert_int_equal(back[0] + back[1] + back[2] + back[3], 28);
    assert_true(hex_parse(slice_text(""), back, 0));
}

static void base64(void **state)
{
    (void)state;
    static const char *const rfc4648[][2] = {{"", ""},
                                             {"f", "Zg=="},
                                             {"fo", "Zm8="},
                                             {"foo", "Zm9v"},
                                             {"foob", "Zm9vYg=="},
                                             {"fooba", "Zm9vYmE="},
                                             {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof rfc4648 / sizeof *rfc4648; i++) {
        char text[16];
        uint8_t bytes[8];
        size_t len = 99;
        size_t text_len = strlen(rfc4648[i][1]);
        assert_true(base64_format(slice_text(rfc4648[i][0]), text, text_len + 1));
        assert_string_equal(text, rfc4648[i][1]);
        assert_false(base64_format(slice_text(rfc4648[i][0]), text, text_len));
        assert_true(base64_parse(slice_text(text), bytes, strlen(rfc4648[i][0]), &len));
        assert_true(slice_equal(slice_of(bytes, len), slice_text(rfc4648[i][0])));
        if (len > 0)
            assert_false(base64_parse(slice_text(text), bytes, len - 1, &len));
    }
    static const char *const bad[] = {
        "Z",        "Zg",     "Zg=",   "Zh==", "Zm9=",   "====", "=",        "Z===",
        "Zg==Zg==", "Zm9v\n", "Zm 9v", "Zm-_", "Zg==\n", "=Zg=", "Zm8=====", "\xff\xff\xff\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t bytes[64];
        size_t len = 99;
        if (base64_parse(slice_text(bad[i]), bytes, sizeof bytes, &len))
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(len, 99);
    }
    struct random random = random_start();
    for (size_t len = 0; len < 100; len++) {
        uint8_t bytes[100], back[100];
        char text[140];
        size_t back_len;
        random_fill(&random, bytes, len);
        assert_true(base64_format(slice_of(bytes, len), text, sizeof text));
        assert_true(base64_parse(slice_text(text), back, sizeof back, &back_len));
        assert_true(slice_equal(slice_of(bytes, len), slice_of(back, back_len)));
    }
}

static void whole_numbers(void **state)
{
    (void)state;
    uint64_t number = 77;
    assert_true(number_parse(slice_text("18446744073709551615"), 0, UINT64_MAX, &number));
    assert_true(number == UINT64_MAX);
    assert_true(number_parse(slice_text("0"), 0, 0, &number));
    assert_int_equal(number, 0);
    assert_true(number_parse(slice_text("0010"), 10, 10, &number));
    assert_int_equal(number, 10);
    static const char *const bad[] = {
        "",  "-1", "+1", " 1", "1 ", "1.0", "0x1", "18446744073709551616", "99999999999999999999999",
        "9", "21"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(number_parse(slice_text(bad[i]), 10, 20, &number));
    assert_int_equal(number, 10);
}

static void command_ids(void **state)
{
    (void)state;
    struct command_id id = {{0}}, back;
    assert_true(command_id_is_zero(&id));
    id.bytes[15] = 1;
    assert_false(command_id_is_zero(&id));
    for (int i = 0; i < COMMAND_ID_BYTES; i++)
        id.bytes[i] = (uint8_t)(i * 17);
    char text[UUID_TEXT_MAX];
    command_id_format(&id, text);
    assert_string_equal(text, "00112233-4455-6677-8899-aabbccddeeff");
    assert_true(command_id_parse(slice_text(text), &back));
    assert_memory_equal(&back, &id, sizeof id);
    assert_true(command_id_parse(slice_text("00112233445566778899AABBCCDDEEFF"), &back));
    assert_memory_equal(&back, &id, sizeof id);
    static const char *const bad[] = {"",
                                      "0011223344556677-8899aabbccddeeff",
                                      "00112233-4455-6677-8899-aabbccddeefg",
                                      "00112233-4455-6677-8899_aabbccddeeff",
                                      "00112233-4455-6677-8899-aabbccddeef",
                                      "00112233-4455-6677-8899-aabbccddeeff0",
                                      "0011223-34455-6677-8899-aabbccddeeff",
                                      "{0112233-4455-6677-8899-aabbccddeef}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(command_id_parse(slice_text(bad[i]), &back));
    assert_memory_equal(&back, &id, sizeof id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_checked_as_rfc_3629_says),
        cmocka_unit_test(random_text_is_checked_alike),
        cmocka_unit_test(cuts_fall_between_characters),
        cmocka_unit_test(hexadecimal),
        cmocka_unit_test(base64),
        cmocka_unit_test(whole_numbers),
        cmocka_unit_test(command_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
