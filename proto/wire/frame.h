/*
 * The frame: what travels over the TLS stream, both ways (docs/protocol.md).
 *
 *   off len field
 *     0   4 payload_len (big-endian, at most FRAME_PAYLOAD_MAX)
 *     4   1 kind
 *     5   3 reserved = 0
 *     8     payload: one message of proto/schema/envelope.proto, as the kind says
 *
 * A frame with an unknown kind, a nonzero reserved byte or a length over the limit ends the connection: there is
 * no resynchronising. Pure codec.
 */
#ifndef PROTO_WIRE_FRAME_H
#define PROTO_WIRE_FRAME_H

#include "proto/base/limits.h"
#include "proto/base/slice.h"
#include "proto/base/status.h"

#define FRAME_HEADER_BYTES 8
#define FRAME_ALPN         "daftari/1" /* TLS application protocol; refused without it */

enum frame_kind {
    FRAME_HELLO = 1,    /* client, first: Hello */
    FRAME_WELCOME = 2,  /* server, first: Welcome */
    FRAME_REQUEST = 3,  /* client: Request */
    FRAME_RESPONSE = 4, /* server: Response */
    FRAME_GRANT = 5,    /* client: Grant, more parts of a stream may come */
    FRAME_CANCEL = 6,   /* client: Cancel, forget a request */
    FRAME_GOODBYE = 7,  /* server: Goodbye, finish and reconnect elsewhere or later */
};

struct frame {
    enum frame_kind kind;
    struct slice payload;
};

void frame_header_encode(enum frame_kind kind, size_t payload_len, uint8_t out[FRAME_HEADER_BYTES]);

/* OK: *out borrows from `bytes`, *out_used counts its bytes. AGAIN: *out_used = bytes needed in all, wait for
 * more. INVALID or TOO_LARGE: close. */
enum status frame_decode(struct slice bytes, struct frame *out, size_t *out_used, struct fault *why) MUST_USE;

#endif
