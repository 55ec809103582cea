/*
 * Varints of the protobuf wire format (https://protobuf.dev/programming-guides/encoding#varints), for code that reads
 * or writes a message without a descriptor. Pure; nothing here allocates.
 */
#ifndef PROTO_WIRE_VARINT_H
#define PROTO_WIRE_VARINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VARINT_BYTES_MAX 10

/* Low bits of a field's tag. */
enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

/* CUT: the bytes end within it. LONG: more than 64 bits. PADDED: longer than the number needs; it was read all the same. */
enum varint_outcome { VARINT_OK, VARINT_CUT, VARINT_LONG, VARINT_PADDED };

/* Reads one and moves *at behind it when it was read. */
static inline enum varint_outcome varint_take(const uint8_t **at, const uint8_t *end, uint64_t *out)
{
    const uint8_t *p = *at;
    if (p < end && *p < 0x80) {
        *out = *p;
        *at = p + 1;
        return VARINT_OK;
    }
    uint64_t value = 0;
    for (unsigned i = 0; i < VARINT_BYTES_MAX; i++) {
        if (p == end)
            return VARINT_CUT;
        uint8_t byte = *p++;
        if (i == VARINT_BYTES_MAX - 1 && byte > 1)
            return VARINT_LONG;
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *out = value;
            *at = p;
            return byte == 0 && i > 0 ? VARINT_PADDED : VARINT_OK;
        }
    }
    return VARINT_LONG;
}

static inline size_t varint_size(uint64_t value)
{
    size_t size = 1;
    for (; value >= 0x80; value >>= 7)
        size++;
    return size;
}

/* Writes at most VARINT_BYTES_MAX bytes; gives the place behind them. */
static inline uint8_t *varint_put(uint8_t *at, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

#endif
