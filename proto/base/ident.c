#include "proto/base/ident.h"

#include "proto/base/text.h"

#define HYPHENS 4
static const size_t hyphen_after[HYPHENS] = {8, 12, 16, 20}; /* digits in front of each hyphen */

bool command_id_is_zero(const struct command_id *id)
{
    static const struct command_id zero;
    return memcmp(id->bytes, zero.bytes, sizeof zero.bytes) == 0;
}

void command_id_format(const struct command_id *id, char out[UUID_TEXT_MAX])
{
    char digits[HEX_TEXT_LEN(COMMAND_ID_BYTES)];
    hex_format(id->bytes, sizeof id->bytes, digits);
    size_t from = 0, at = 0;
    for (size_t i = 0; i < HYPHENS; i++) {
        memcpy(out + at, digits + from, hyphen_after[i] - from);
        at += hyphen_after[i] - from;
        from = hyphen_after[i];
        out[at++] = '-';
    }
    memcpy(out + at, digits + from, sizeof digits - from); /* with its NUL */
}

bool command_id_parse(struct slice text, struct command_id *out)
{
    if (text.len == 2 * COMMAND_ID_BYTES)
        return hex_parse(text, out->bytes, sizeof out->bytes);
    if (text.len != UUID_TEXT_MAX - 1)
        return false;
    uint8_t digits[2 * COMMAND_ID_BYTES];
    size_t from = 0;
    for (size_t i = 0; i < HYPHENS; i++) {
        if (text.ptr[hyphen_after[i] + i] != '-')
            return false;
        memcpy(digits + from, text.ptr + from + i, hyphen_after[i] - from);
        from = hyphen_after[i];
    }
    memcpy(digits + from, text.ptr + from + HYPHENS, sizeof digits - from);
    return hex_parse(slice_of(digits, sizeof digits), out->bytes, sizeof out->bytes);
}
