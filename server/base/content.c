#include "server/base/content.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t content_digest(const char *method, struct slice body)
{
    uint64_t digest = XXH3_64bits_withSeed(body.ptr, body.len, XXH3_64bits(method, strlen(method)));
    return digest != 0 ? digest : 1;
}
