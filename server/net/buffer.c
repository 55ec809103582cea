#include "server/net/buffer.h"

#include <stdlib.h>

#include "proto/base/bug.h"

#define CAP_MIN 4096u

void buffer_done(struct buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}

bool buffer_reserve(struct buffer *buffer, size_t more)
{
    size_t len = buffer_len(buffer);
    if (more <= buffer->cap - buffer->end)
        return true;
    if (more > SIZE_MAX / 4 - len)
        return false;
    /* Moving is paid for by the bytes taken before it: each byte moves at most once per byte taken. */
    if (len + more <= buffer->cap && buffer->start >= len) {
        memmove(buffer->bytes, buffer->bytes + buffer->start, len);
    } else {
        size_t cap = buffer->cap < CAP_MIN ? CAP_MIN : buffer->cap;
        while (cap < len + more)
            cap *= 2;
        uint8_t *bytes = malloc(cap);
        if (bytes == NULL)
            return false;
        if (len != 0)
            memcpy(bytes, buffer->bytes + buffer->start, len);
        free(buffer->bytes);
        buffer->bytes = bytes;
        buffer->cap = cap;
    }
    buffer->start = 0;
    buffer->end = len;
    return true;
}

bool buffer_add(struct buffer *buffer, const void *bytes, size_t len)
{
    if (!buffer_reserve(buffer, len))
        return false;
    if (len != 0)
        memcpy(buffer->bytes + buffer->end, bytes, len);
    buffer->end += len;
    return true;
}

void buffer_take(struct buffer *buffer, size_t len)
{
    ASSERT(len <= buffer_len(buffer));
    buffer->start += len;
    if (buffer->start == buffer->end)
        buffer->start = buffer->end = 0;
}

void buffer_shrink(struct buffer *buffer)
{
    if (buffer_len(buffer) == 0)
        buffer_done(buffer);
}
