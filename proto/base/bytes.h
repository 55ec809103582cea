/* Big-endian integers in bytes, a bounded writer and a bounded reader with sticky errors.
 * Every stored or sent integer outside protobuf is big-endian, so that byte order is numeric order. */
#ifndef PROTO_BASE_BYTES_H
#define PROTO_BASE_BYTES_H

#include "proto/base/slice.h"

static inline void be16_put(uint8_t *at, uint16_t value)
{
    value = __builtin_bswap16(value);
    memcpy(at, &value, sizeof value);
}
static inline void be32_put(uint8_t *at, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(at, &value, sizeof value);
}
static inline void be64_put(uint8_t *at, uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(at, &value, sizeof value);
}
static inline uint16_t be16_get(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return __builtin_bswap16(value);
}
static inline uint32_t be32_get(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return __builtin_bswap32(value);
}
static inline uint64_t be64_get(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return __builtin_bswap64(value);
}

/* Writes into a fixed buffer; past its end nothing is written and `failed` is set, once and for all. */
struct byte_writer {
    uint8_t *start;
    size_t len;
    size_t cap;
    bool failed;
};

static inline struct byte_writer byte_writer_on(void *buffer, size_t cap)
{
    return (struct byte_writer){.start = buffer, .cap = cap};
}
static inline uint8_t *byte_writer_claim(struct byte_writer *w, size_t len)
{
    if (w->failed || len > w->cap - w->len) {
        w->failed = true;
        return NULL;
    }
    uint8_t *at = w->start + w->len;
    w->len += len;
    return at;
}
static inline void byte_put(struct byte_writer *w, const void *bytes, size_t len)
{
    uint8_t *at = byte_writer_claim(w, len);
    if (at != NULL && len != 0)
        memcpy(at, bytes, len);
}
static inline void byte_put_u8(struct byte_writer *w, uint8_t value)
{
    byte_put(w, &value, 1);
}
static inline void byte_put_u16(struct byte_writer *w, uint16_t value)
{
    uint8_t *at = byte_writer_claim(w, 2);
    if (at != NULL)
        be16_put(at, value);
}
static inline void byte_put_u32(struct byte_writer *w, uint32_t value)
{
    uint8_t *at = byte_writer_claim(w, 4);
    if (at != NULL)
        be32_put(at, value);
}
static inline void byte_put_u64(struct byte_writer *w, uint64_t value)
{
    uint8_t *at = byte_writer_claim(w, 8);
    if (at != NULL)
        be64_put(at, value);
}
/* Signed keys: the sign bit is flipped so that byte order is numeric order. Do not use for values. */
static inline void byte_put_ordered_i64(struct byte_writer *w, int64_t value)
{
    byte_put_u64(w, (uint64_t)value ^ (UINT64_C(1) << 63));
}
static inline struct slice byte_written(const struct byte_writer *w)
{
    return slice_of(w->start, w->failed ? 0 : w->len);
}

/* Reads from a slice; past its end every read gives zero and `failed` is set, once and for all. */
struct byte_reader {
    struct slice rest;
    bool failed;
};

static inline struct byte_reader byte_reader_on(struct slice bytes)
{
    return (struct byte_reader){.rest = bytes};
}
static inline const uint8_t *byte_take(struct byte_reader *r, size_t len)
{
    if (r->failed || len > r->rest.len) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *at = r->rest.ptr;
    r->rest = slice_of(at + len, r->rest.len - len);
    return at;
}
static inline uint8_t byte_get_u8(struct byte_reader *r)
{
    const uint8_t *at = byte_take(r, 1);
    return at != NULL ? *at : 0;
}
static inline uint16_t byte_get_u16(struct byte_reader *r)
{
    const uint8_t *at = byte_take(r, 2);
    return at != NULL ? be16_get(at) : 0;
}
static inline uint32_t byte_get_u32(struct byte_reader *r)
{
    const uint8_t *at = byte_take(r, 4);
    return at != NULL ? be32_get(at) : 0;
}
static inline uint64_t byte_get_u64(struct byte_reader *r)
{
    const uint8_t *at = byte_take(r, 8);
    return at != NULL ? be64_get(at) : 0;
}
static inline int64_t byte_get_ordered_i64(struct byte_reader *r)
{
    return (int64_t)(byte_get_u64(r) ^ (UINT64_C(1) << 63));
}

#endif
