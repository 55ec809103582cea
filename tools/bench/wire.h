/* One connection of the generator: TLS 1.3, frames (docs/protocol.md), the greeting; then never waiting. Beside the
 * client library because a generator must cost less than what it measures: one buffer each way, nothing else. */
#ifndef TOOLS_BENCH_WIRE_H
#define TOOLS_BENCH_WIRE_H

#include <openssl/ssl.h>

#include <daftari/daftari.h>

#include "proto/wire/frame.h"

struct wire {
    int fd; /* -1: none */
    SSL *tls;
    uint8_t *out, *in;
    size_t out_sent, out_len, out_cap; /* bytes from out_sent to out_len wait to be sent */
    size_t in_start, in_len, in_cap;
    bool write_blocked;
};

struct wire_options {
    const char *server; /* "host:port" */
    const uint8_t *token;
    size_t token_len;
    size_t out_cap; /* bytes of requests that may wait */
};

/* For all connections of a run; NULL: the file of authorities cannot be read. */
SSL_CTX *wire_context(const char *ca_file);

/* Connects, secures and greets, waiting for all of it; then the socket no longer waits. */
enum dft_status wire_open(struct wire *wire, SSL_CTX *context, const struct wire_options *options,
                          struct dft_fault *why) DFT_MUST_USE;
/* The other end: takes over `fd`, a connection that somebody opens, and waits for TLS. No greeting. */
enum dft_status wire_accept(struct wire *wire, SSL_CTX *context, int fd, size_t out_cap) DFT_MUST_USE;
void wire_close(struct wire *wire); /* also of one that was never opened but is all zero or failed to open */

/* Room for `len` bytes of frames; NULL when requests of that size do not fit now. Give the end back with wire_put. */
uint8_t *wire_room(struct wire *wire, size_t len);
void wire_put(struct wire *wire, size_t len);

enum dft_status wire_flush(struct wire *wire) DFT_MUST_USE; /* sends what can be sent */
enum dft_status wire_fill(struct wire *wire) DFT_MUST_USE;  /* takes what has come */
/* OK: the next frame, borrowed until wire_fill. DFT_AGAIN: none is whole. Else the server broke the protocol. */
enum dft_status wire_next(struct wire *wire, struct frame *out) DFT_MUST_USE;

/* ---- protobuf by hand: docs/protocol.md, proto/schema/envelope.proto ------------------------------------------- */

static inline uint8_t *put_varint(uint8_t *at, uint64_t value)
{
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

/* A field of a message: its number, and its value or its bytes. False: at the end, or malformed (then *failed). */
struct field {
    uint32_t number;
    uint64_t value;
    struct slice bytes;
};
bool field_next(struct slice *rest, struct field *out, bool *failed);

#endif
