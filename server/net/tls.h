/* TLS 1.3 for the listener, and one connection's stream over a non-blocking socket. The only file that calls libssl. */
#ifndef SERVER_NET_TLS_H
#define SERVER_NET_TLS_H

#include <openssl/ssl.h>

#include "server/net/net.h"

/* A context with the given files, checked together: TLS 1.3 alone, ALPN, session tickets, no early data. INVALID with
 * the file that is wrong. Any thread; freed with SSL_CTX_free. */
enum status tls_context(const struct net_tls *files, SSL_CTX **out, struct fault *why) MUST_USE;

enum tls_result {
    TLS_DONE,
    TLS_WANT_READ,  /* call again when the socket can be read */
    TLS_WANT_WRITE, /* call again when the socket can be written */
    TLS_CLOSED,     /* the peer has gone, politely or not */
    TLS_FAILED,     /* it does not speak as it should, or exchanges keys without end */
};

SSL *tls_new(SSL_CTX *context, int fd); /* NULL when memory is short */
enum tls_result tls_handshake(SSL *ssl);
enum tls_result tls_read(SSL *ssl, uint8_t *out, size_t cap, size_t *out_len);
bool tls_pending(const SSL *ssl); /* libssl holds bytes that it has read and not given out */
enum tls_result tls_write(SSL *ssl, const uint8_t *bytes, size_t len, size_t *out_len);
/* Bytes given to the socket so far, all of TLS counted. */
uint64_t tls_sent_bytes(const SSL *ssl);
void tls_end(SSL *ssl); /* sends close_notify if it can */

/* After the handshake: did the peer agree to FRAME_ALPN? */
bool tls_protocol_agreed(const SSL *ssl);
/* SHA-256 of the peer's certificate, if it showed one that the client CA signed. */
bool tls_fingerprint(const SSL *ssl, uint8_t out[NET_FINGERPRINT_BYTES]);

#endif
