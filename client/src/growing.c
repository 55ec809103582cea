#include <stdlib.h>

#include "client/src/client.h"

bool growing_reserve(struct growing *growing, size_t more, size_t max)
{
    if (growing->start > 0 && growing->cap - growing->len < more) {
        memmove(growing->bytes, growing->bytes + growing->start, growing->len - growing->start);
        growing->len -= growing->start;
        growing->start = 0;
    }
    if (more <= growing->cap - growing->len)
        return true;
    if (more > max || growing->len > max - more)
        return false;
    size_t cap = growing->cap < 1024 ? 1024 : growing->cap;
    while (cap < growing->len + more)
        cap *= 2;
    if (cap > max)
        cap = max;
    uint8_t *bytes = realloc(growing->bytes, cap);
    if (bytes == NULL)
        return false;
    growing->bytes = bytes;
    growing->cap = cap;
    return true;
}

void growing_consume(struct growing *growing, size_t len)
{
    growing->start += len;
    if (growing->start == growing->len)
        growing->start = growing->len = 0;
}

void growing_done(struct growing *growing)
{
    free(growing->bytes);
    *growing = (struct growing){.bytes = NULL};
}
