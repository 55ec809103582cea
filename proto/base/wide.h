/* Numbers of varying length in stored rows: base 128, low bits first; signed ones zigzag. Up to 128 bits wide. */
#ifndef PROTO_BASE_WIDE_H
#define PROTO_BASE_WIDE_H

#include "proto/base/money.h"

#define WIDE_BYTES_MAX 19u /* of 128 bits */

/* Returns the number of bytes written. */
static inline size_t wide_put(uint8_t out[WIDE_BYTES_MAX], uint128 value)
{
    size_t len = 0;
    for (; value >= 0x80; value >>= 7)
        out[len++] = (uint8_t)(value | 0x80);
    out[len++] = (uint8_t)value;
    return len;
}

/* Takes a number from the front of *bytes. False: it does not end, or is wider than 128 bits. */
static inline bool wide_take(struct slice *bytes, uint128 *out)
{
    uint128 value = 0;
    for (size_t i = 0; i < bytes->len && i < WIDE_BYTES_MAX; i++) {
        uint8_t byte = bytes->ptr[i];
        if (i == WIDE_BYTES_MAX - 1 && byte > 3)
            return false;
        value |= (uint128)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) != 0)
            continue;
        *bytes = slice_of(bytes->ptr + i + 1, bytes->len - i - 1);
        *out = value;
        return true;
    }
    return false;
}

static inline uint128 zigzag(int128 value)
{
    return (uint128)value << 1 ^ (value < 0 ? ~(uint128)0 : 0);
}
static inline int128 zigzag_back(uint128 value)
{
    return (int128)(value >> 1 ^ ((value & 1) != 0 ? ~(uint128)0 : 0));
}

#endif
