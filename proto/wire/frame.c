#include "proto/wire/frame.h"

#include "proto/base/bug.h"
#include "proto/base/bytes.h"

void frame_header_encode(enum frame_kind kind, size_t payload_len, uint8_t out[FRAME_HEADER_BYTES])
{
    ASSERT(payload_len <= FRAME_PAYLOAD_MAX);
    memset(out, 0, FRAME_HEADER_BYTES);
    be32_put(out, (uint32_t)payload_len);
    out[4] = (uint8_t)kind;
}

enum status frame_decode(struct slice bytes, struct frame *out, size_t *out_used, struct fault *why)
{
    if (bytes.len < FRAME_HEADER_BYTES) {
        *out_used = FRAME_HEADER_BYTES;
        return STATUS_AGAIN;
    }
    uint32_t payload_len = be32_get(bytes.ptr);
    uint8_t kind = bytes.ptr[4];
    if (kind < FRAME_HELLO || kind > FRAME_GOODBYE)
        return fault_set(why, STATUS_INVALID, "kind", "a frame kind from %d to %d, got %u", FRAME_HELLO,
                         FRAME_GOODBYE, kind);
    if ((bytes.ptr[5] | bytes.ptr[6] | bytes.ptr[7]) != 0)
        return fault_set(why, STATUS_INVALID, "reserved", "three zero bytes");
    if (payload_len > FRAME_PAYLOAD_MAX)
        return fault_set(why, STATUS_TOO_LARGE, "payload_len", "at most %u bytes, got %u", FRAME_PAYLOAD_MAX,
                         payload_len);
    size_t whole = FRAME_HEADER_BYTES + (size_t)payload_len;
    *out_used = whole;
    if (bytes.len < whole)
        return STATUS_AGAIN;
    *out = (struct frame){.kind = (enum frame_kind)kind,
                          .payload = slice_of(bytes.ptr + FRAME_HEADER_BYTES, payload_len)};
    return STATUS_OK;
}
