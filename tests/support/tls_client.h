/* A small blocking client of the protocol for tests of the server: it can also do everything wrong. Aborts the test on
 * what can only be the test's own mistake. */
#ifndef TESTS_SUPPORT_TLS_CLIENT_H
#define TESTS_SUPPORT_TLS_CLIENT_H

#include "envelope.pb-c.h"
#include "proto/base/slice.h"

struct tls_client;

struct tls_client_options {
    uint16_t port;                /* on 127.0.0.1 */
    const char *ca_file;          /* the server's certificate must hold by it, for "localhost" */
    const char *certificate_file; /* client certificate and key in one; NULL = none */
    const char *alpn;             /* NULL = FRAME_ALPN, "" = none */
    bool tls12;                   /* offer TLS 1.2 alone */
    int segment_bytes; /* 0 or the largest TCP segment taken (what the server keeps in flight grows with it) */
    int receive_bytes; /* 0 or what the kernel keeps for us */
};

/* NULL when the connection or the handshake fails (a server that refuses after it is seen at the first read). */
struct tls_client *tls_client_open(const struct tls_client_options *options);
void tls_client_close(struct tls_client *client); /* NULL is fine */

/* False when the connection is gone. */
bool tls_client_send(struct tls_client *client, const void *bytes, size_t len);
bool tls_client_send_frame(struct tls_client *client, unsigned kind, const ProtobufCMessage *message);
/* As much as goes out within timeout_ms without anybody reading our answers; how much that was. */
size_t tls_client_push(struct tls_client *client, const void *bytes, size_t len, int timeout_ms);

enum tls_client_got { TLS_CLIENT_FRAME, TLS_CLIENT_TIMEOUT, TLS_CLIENT_CLOSED };
struct tls_client_frame {
    unsigned kind;
    struct slice payload; /* valid until the next call */
};
enum tls_client_got tls_client_receive(struct tls_client *client, struct tls_client_frame *out,
                                       int timeout_ms);

/* Takes up to `len` bytes off the socket as they are and throws them away: nothing can be received after it. */
void tls_client_discard(struct tls_client *client, size_t len);

/* The bytes of `count` KeyUpdate messages, each asking for one in return when `asks`; *out is freed by the caller. They must
 * be sent (tls_client_push_raw) before anything else is. */
size_t tls_client_key_updates(struct tls_client *client, unsigned count, bool asks, uint8_t **out);
/* Past TLS, as much as goes out within timeout_ms; how much that was. */
size_t tls_client_push_raw(struct tls_client *client, const void *bytes, size_t len, int timeout_ms);

/* A TCP connection that never says anything in TLS; the descriptor, or -1. */
int tls_client_tcp(uint16_t port);
/* SHA-256 of the certificate that the server showed. */
void tls_client_server_fingerprint(struct tls_client *client, uint8_t out[32]);

#endif
