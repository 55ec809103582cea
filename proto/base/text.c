#include "proto/base/text.h"

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))
#define HIGH_BITS       EACH_BYTE(0x80)

/* Eight bytes that are all printable ASCII: none >= 0x80, none < 0x20, none 0x7f. May say no too often, never
 * yes. */
static bool plain_ascii(const uint8_t *at)
{
    uint64_t eight;
    memcpy(&eight, at, sizeof eight);
    uint64_t below_space = eight - EACH_BYTE(0x20);
    uint64_t zero_where_del = eight ^ EACH_BYTE(0x7f);
    uint64_t del = zero_where_del - EACH_BYTE(0x01);
    return ((eight | below_space | (del & ~zero_where_del)) & HIGH_BITS) == 0;
}

static bool continues(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* Length of the allowed character at `at`, 0 when there is none: RFC 3629 section 4 (no overlong forms, no
 * surrogates, at most U+10FFFF), less NUL, DEL and the control characters but tab and line feed. */
static size_t character_len(const uint8_t *at, size_t left)
{
    uint8_t first = at[0];
    if (first < 0x80)
        return (first >= 0x20 && first != 0x7f) || first == '\n' || first == '\t' ? 1 : 0;
    if (first < 0xc2 || left < 2 || !continues(at[1]))
        return 0;
    if (first < 0xe0)
        return first == 0xc2 && at[1] < 0xa0 ? 0 : 2; /* U+0080 to U+009F are the C1 controls */
    if (left < 3 || !continues(at[2]))
        return 0;
    if (first < 0xf0)
        return (first == 0xe0 && at[1] < 0xa0) || (first == 0xed && at[1] > 0x9f) ? 0 : 3;
    if (first > 0xf4 || left < 4 || !continues(at[3]))
        return 0;
    return (first == 0xf0 && at[1] < 0x90) || (first == 0xf4 && at[1] > 0x8f) ? 0 : 4;
}

bool text_valid(struct slice text)
{
    size_t at = 0;
    while (at < text.len) {
        if (text.len - at >= 8 && plain_ascii(text.ptr + at)) {
            at += 8;
            continue;
        }
        size_t len = character_len(text.ptr + at, text.len - at);
        if (len == 0)
            return false;
        at += len;
    }
    return true;
}

size_t text_cut(struct slice text, size_t max)
{
    if (text.len <= max)
        return text.len;
    size_t len = max;
    for (int back = 0; back < 3 && len > 0 && continues(text.ptr[len]); back++)
        len--;
    return len;
}

void hex_format(const uint8_t *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * len] = '\0';
}

/* Value of a hexadecimal digit, -1 for anything else. */
static int hex_value(uint8_t digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

bool hex_parse(struct slice text, uint8_t *out, size_t len)
{
    if (text.len % 2 != 0 || text.len / 2 != len)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (hex_value(text.ptr[i]) < 0)
            return false;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(hex_value(text.ptr[2 * i]) * 16 + hex_value(text.ptr[2 * i + 1]));
    return true;
}

bool base64_format(struct slice bytes, char *out, size_t out_cap)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t groups = bytes.len / 3 + (bytes.len % 3 != 0);
    if (out_cap == 0 || groups > (out_cap - 1) / 4)
        return false;
    char *at = out;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t have = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t group = (uint32_t)bytes.ptr[i] << 16;
        if (have > 1)
            group |= (uint32_t)bytes.ptr[i + 1] << 8;
        if (have > 2)
            group |= bytes.ptr[i + 2];
        *at++ = digits[group >> 18];
        *at++ = digits[group >> 12 & 63];
        *at++ = have > 1 ? digits[group >> 6 & 63] : '=';
        *at++ = have > 2 ? digits[group & 63] : '=';
    }
    *at = '\0';
    return true;
}

static int base64_value(uint8_t digit)
{
    if (digit >= 'A' && digit <= 'Z')
        return digit - 'A';
    if (digit >= 'a' && digit <= 'z')
        return digit - 'a' + 26;
    if (digit >= '0' && digit <= '9')
        return digit - '0' + 52;
    if (digit == '+')
        return 62;
    return digit == '/' ? 63 : -1;
}

/* Checks form and gives the decoded length. Unused bits of the last digit must be zero: one text per value.
 */
static bool base64_check(struct slice text, size_t *out_len)
{
    if (text.len % 4 != 0)
        return false;
    size_t digits = text.len;
    while (digits > 0 && text.len - digits < 2 && text.ptr[digits - 1] == '=')
        digits--;
    for (size_t i = 0; i < digits; i++)
        if (base64_value(text.ptr[i]) < 0)
            return false;
    size_t padding = text.len - digits;
    if (padding > 0 && (base64_value(text.ptr[digits - 1]) & (padding == 1 ? 3 : 15)) != 0)
        return false;
    *out_len = text.len / 4 * 3 - padding;
    return true;
}

bool base64_parse(struct slice text, uint8_t *out, size_t out_cap, size_t *out_len)
{
    size_t len;
    if (!base64_check(text, &len) || len > out_cap)
        return false;
    uint32_t bits = 0;
    unsigned bit_count = 0;
    size_t at = 0;
    for (size_t i = 0; at < len; i++) {
        bits = bits << 6 | (uint32_t)base64_value(text.ptr[i]);
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            out[at++] = (uint8_t)(bits >> bit_count);
        }
    }
    *out_len = len;
    return true;
}

bool number_parse(struct slice text, uint64_t min, uint64_t max, uint64_t *out)
{
    if (text.len == 0)
        return false;
    uint64_t number = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.ptr[i];
        if (byte < '0' || byte > '9' || __builtin_mul_overflow(number, UINT64_C(10), &number) ||
            __builtin_add_overflow(number, (uint64_t)(byte - '0'), &number))
            return false;
    }
    if (number < min || number > max)
        return false;
    *out = number;
    return true;
}
