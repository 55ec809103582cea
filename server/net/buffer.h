/* A growing run of bytes, taken from its front and added to at its end; always contiguous, so that frames are decoded
 * and TLS records written straight from it. Capacity is bounded by what the caller asks for. Loop thread. */
#ifndef SERVER_NET_BUFFER_H
#define SERVER_NET_BUFFER_H

#include "proto/base/slice.h"
#include "proto/base/status.h"

struct buffer {
    uint8_t *bytes;
    size_t start; /* first byte not yet taken */
    size_t end;   /* one past the last byte */
    size_t cap;
};

static inline size_t buffer_len(const struct buffer *buffer)
{
    return buffer->end - buffer->start;
}
static inline struct slice buffer_slice(const struct buffer *buffer)
{
    return slice_of(buffer->bytes + buffer->start, buffer->end - buffer->start);
}

void buffer_done(struct buffer *buffer);
/* Room for `more` bytes at the end, which start at bytes + end; then raise end. False when memory is short. */
bool buffer_reserve(struct buffer *buffer, size_t more) MUST_USE;
bool buffer_add(struct buffer *buffer, const void *bytes, size_t len) MUST_USE;
void buffer_take(struct buffer *buffer, size_t len); /* len <= buffer_len (asserted) */
void buffer_shrink(struct buffer *buffer);           /* gives memory back when empty */

#endif
