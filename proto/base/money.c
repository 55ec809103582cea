#include "proto/base/money.h"

#include "proto/base/bug.h"

static bool keep(int128 value, int64_t *out)
{
    if (value > AMOUNT_MAX || value < -AMOUNT_MAX)
        return false;
    *out = (int64_t)value;
    return true;
}

bool amount_add(int64_t a, int64_t b, int64_t *out)
{
    return keep((int128)a + b, out);
}

bool amount_subtract(int64_t a, int64_t b, int64_t *out)
{
    return keep((int128)a - b, out);
}

bool amount_multiply_divide(int64_t a, int64_t b, int64_t divisor, int64_t *out)
{
    ASSERT(divisor > 0);
    int128 product = (int128)a * b; /* at most 2^126 */
    bool negative = product < 0;
    int128 magnitude = negative ? -product : product;
    int128 quotient = magnitude / divisor;
    int128 remainder = magnitude % divisor;
    if (remainder >= divisor - remainder)
        quotient++;
    return keep(negative ? -quotient : quotient, out);
}

static size_t format(int64_t minor, uint32_t scale, bool grouped, char out[AMOUNT_TEXT_MAX])
{
    ASSERT(scale <= CURRENCY_SCALE_MAX);
    uint64_t left = minor < 0 ? 0 - (uint64_t)minor : (uint64_t)minor;
    char reversed[AMOUNT_TEXT_MAX];
    size_t len = 0;
    for (uint32_t i = 0; i < scale; i++, left /= 10)
        reversed[len++] = (char)('0' + left % 10);
    if (scale > 0)
        reversed[len++] = '.';
    unsigned in_group = 0;
    do {
        if (grouped && in_group == 3) {
            reversed[len++] = ',';
            in_group = 0;
        }
        reversed[len++] = (char)('0' + left % 10);
        in_group++;
        left /= 10;
    } while (left != 0);
    if (minor < 0)
        reversed[len++] = '-';
    for (size_t i = 0; i < len; i++)
        out[i] = reversed[len - 1 - i];
    out[len] = '\0';
    return len;
}

size_t amount_format(int64_t minor, uint32_t scale, char out[AMOUNT_TEXT_MAX])
{
    return format(minor, scale, false, out);
}

size_t amount_format_grouped(int64_t minor, uint32_t scale, char out[AMOUNT_TEXT_MAX])
{
    return format(minor, scale, true, out);
}

/* A place in amount text, and the magnitude read so far. */
struct amount_cursor {
    struct slice text;
    size_t at;
    int64_t magnitude;
};

static bool at_digit(const struct amount_cursor *c)
{
    return c->at < c->text.len && c->text.ptr[c->at] >= '0' && c->text.ptr[c->at] <= '9';
}

static bool at_byte(const struct amount_cursor *c, char byte)
{
    return c->at < c->text.len && c->text.ptr[c->at] == (uint8_t)byte;
}

static bool push_digit(struct amount_cursor *c, int digit)
{
    if (c->magnitude > (AMOUNT_MAX - digit) / 10)
        return false;
    c->magnitude = c->magnitude * 10 + digit;
    return true;
}

/* Reads digits; *out_count says how many. False when the amount grows too large. */
static bool take_digits(struct amount_cursor *c, size_t *out_count)
{
    size_t start = c->at;
    for (; at_digit(c); c->at++)
        if (!push_digit(c, c->text.ptr[c->at] - '0'))
            return false;
    *out_count = c->at - start;
    return true;
}

/* The whole part: plain digits, or groups of three behind a first group of one to three. */
static bool take_whole(struct amount_cursor *c, bool *out_well_formed)
{
    size_t digits;
    if (!take_digits(c, &digits))
        return false;
    *out_well_formed = digits > 0 && (!at_byte(c, ',') || digits <= 3);
    while (*out_well_formed && at_byte(c, ',')) {
        c->at++;
        if (!take_digits(c, &digits))
            return false;
        *out_well_formed = digits == 3;
    }
    return true;
}

static enum status bad_amount(uint32_t scale, struct fault *why)
{
    if (scale == 0)
        return fault_set(why, STATUS_INVALID, NULL, "an amount such as 1,250 or -1250, without decimals");
    return fault_set(why, STATUS_INVALID, NULL,
                     "an amount such as 1,250.5 or -1250.5, with at most %u decimal%s", scale,
                     scale == 1 ? "" : "s");
}

static enum status amount_too_large(uint32_t scale, struct fault *why)
{
    char limit[AMOUNT_TEXT_MAX];
    amount_format_grouped(AMOUNT_MAX, scale, limit);
    return fault_set(why, STATUS_INVALID, NULL, "an amount of at most %s", limit);
}

enum status amount_parse(struct slice text, uint32_t scale, int64_t *out_minor, struct fault *why)
{
    ASSERT(scale <= CURRENCY_SCALE_MAX);
    struct amount_cursor c = {.text = text};
    bool negative = at_byte(&c, '-');
    if (negative || at_byte(&c, '+'))
        c.at++;

    bool well_formed;
    if (!take_whole(&c, &well_formed))
        return amount_too_large(scale, why);
    if (!well_formed)
        return bad_amount(scale, why);

    size_t decimals = 0;
    if (at_byte(&c, '.')) {
        c.at++;
        size_t most = c.text.len - c.at;
        if (most == 0 || most > scale)
            return bad_amount(scale, why);
        if (!take_digits(&c, &decimals))
            return amount_too_large(scale, why);
    }
    if (c.at != text.len)
        return bad_amount(scale, why);
    for (; decimals < scale; decimals++)
        if (!push_digit(&c, 0))
            return amount_too_large(scale, why);
    *out_minor = negative ? -c.magnitude : c.magnitude;
    return STATUS_OK;
}
