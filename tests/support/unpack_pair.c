#include "tests/support/unpack_pair.h"

#include <stdlib.h>

#include "proto/base/bug.h"
#include "proto/wire/message.h"

#define ARENA_BYTES (4u << 20)

static struct slice packed(const ProtobufCMessage *message, struct arena *arena)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = arena_take(arena, len + 1);
    ASSERT(bytes != NULL && protobuf_c_message_pack(message, bytes) == len);
    return slice_of(bytes, len);
}

bool unpack_pair_agrees(const struct method *method, struct slice body)
{
    struct arena quick_arena, arena;
    ProtobufCMessage *quick, *message;
    struct fault why;
    arena_init(&quick_arena, ARENA_BYTES);
    arena_init(&arena, ARENA_BYTES);
    /* Exactly sized, so that a sanitizer sees a read past the end. */
    uint8_t *copy = malloc(body.len + (body.len == 0));
    ASSERT(copy != NULL);
    if (body.len != 0)
        memcpy(copy, body.ptr, body.len);
    body = slice_of(copy, body.len);
    bool taken = method->unpack(body, &quick_arena, &quick);
    if (taken) {
        ASSERT(message_unpack(method->request, body, true, arena_allocator(&arena), &message, &why) ==
               STATUS_OK);
        ASSERT(quick->descriptor == method->request);
        ASSERT(slice_equal(packed(quick, &quick_arena), packed(message, &arena)));
    }
    free(copy);
    arena_done(&quick_arena);
    arena_done(&arena);
    return taken;
}
