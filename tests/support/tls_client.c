#include "tests/support/tls_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/bug.h"
#include "proto/wire/frame.h"

#define BUFFER_BYTES    (FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX)
#define SEND_TIMEOUT_MS 5000

struct tls_client {
    SSL_CTX *context;
    SSL *ssl;
    int fd;
    size_t used; /* bytes of the frame handed out last */
    size_t len;
    uint8_t bytes[BUFFER_BYTES];
};

static int tcp_open(uint16_t port, int segment_bytes, int receive_bytes)
{
    struct sockaddr_in in = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT(fd >= 0);
    if (segment_bytes != 0)
        ASSERT(setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment_bytes, sizeof segment_bytes) == 0);
    if (receive_bytes != 0)
        ASSERT(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes) == 0);
    if (connect(fd, (struct sockaddr *)&in, sizeof in) == 0)
        return fd;
    close(fd);
    return -1;
}

int tls_client_tcp(uint16_t port)
{
    return tcp_open(port, 0, 0);
}

static bool context_make(struct tls_client *client, const struct tls_client_options *options)
{
    client->context = SSL_CTX_new(TLS_client_method());
    ASSERT(client->context != NULL);
    int version = options->tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
    SSL_CTX_set_min_proto_version(client->context, version);
    SSL_CTX_set_max_proto_version(client->context, version);
    SSL_CTX_set_options(client->context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(client->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(client->context, SSL_VERIFY_PEER, NULL);
    ASSERT(SSL_CTX_load_verify_locations(client->context, options->ca_file, NULL) == 1);
    if (options->certificate_file != NULL)
        ASSERT(SSL_CTX_use_certificate_chain_file(client->context, options->certificate_file) == 1 &&
               SSL_CTX_use_PrivateKey_file(client->context, options->certificate_file, SSL_FILETYPE_PEM) ==
                   1);
    client->ssl = SSL_new(client->context);
    ASSERT(client->ssl != NULL && SSL_set1_host(client->ssl, "localhost") == 1);
    const char *alpn = options->alpn != NULL ? options->alpn : FRAME_ALPN;
    uint8_t list[64];
    list[0] = (uint8_t)strlen(alpn);
    memcpy(list + 1, alpn, strlen(alpn));
    if (alpn[0] != '\0')
        ASSERT(SSL_set_alpn_protos(client->ssl, list, 1u + list[0]) == 0);
    return SSL_set_fd(client->ssl, client->fd) == 1;
}

struct tls_client *tls_client_open(const struct tls_client_options *options)
{
    struct tls_client *client = calloc(1, sizeof *client);
    ASSERT(client != NULL);
    client->fd = tcp_open(options->port, options->segment_bytes, options->receive_bytes);
    ERR_clear_error();
    if (client->fd < 0 || !context_make(client, options) || SSL_connect(client->ssl) != 1) {
        tls_client_close(client);
        return NULL;
    }
    ASSERT(fcntl(client->fd, F_SETFL, O_NONBLOCK) == 0); /* from here on we wait with poll */
    return client;
}

void tls_client_close(struct tls_client *client)
{
    if (client == NULL)
        return;
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
    if (client->fd >= 0)
        close(client->fd);
    free(client);
}

size_t tls_client_push(struct tls_client *client, const void *bytes, size_t len, int timeout_ms)
{
    const uint8_t *at = bytes;
    size_t sent = 0;
    while (sent < len) {
        size_t written = 0;
        ERR_clear_error();
        int result = SSL_write_ex(client->ssl, at + sent, len - sent, &written);
        if (result == 1) {
            sent += written;
            continue;
        }
        struct pollfd wait = {.fd = client->fd, .events = POLLOUT};
        if (SSL_get_error(client->ssl, result) != SSL_ERROR_WANT_WRITE || poll(&wait, 1, timeout_ms) != 1)
            break;
    }
    return sent;
}

bool tls_client_send(struct tls_client *client, const void *bytes, size_t len)
{
    return tls_client_push(client, bytes, len, SEND_TIMEOUT_MS) == len;
}

bool tls_client_send_frame(struct tls_client *client, unsigned kind, const ProtobufCMessage *message)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *frame = malloc(FRAME_HEADER_BYTES + len);
    ASSERT(frame != NULL);
    frame_header_encode(kind, len, frame);
    (void)protobuf_c_message_pack(message, frame + FRAME_HEADER_BYTES);
    bool sent = tls_client_send(client, frame, FRAME_HEADER_BYTES + len);
    free(frame);
    return sent;
}

/* Milliseconds on a clock that only goes forward. */
static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum tls_client_got tls_client_receive(struct tls_client *client, struct tls_client_frame *out,
                                       int timeout_ms)
{
    int64_t until = now_ms() + timeout_ms;
    memmove(client->bytes, client->bytes + client->used, client->len - client->used);
    client->len -= client->used;
    client->used = 0;
    for (;;) {
        struct frame frame;
        struct fault why;
        size_t used = 0;
        enum status status = frame_decode(slice_of(client->bytes, client->len), &frame, &used, &why);
        if (status == STATUS_OK) {
            client->used = used;
            *out = (struct tls_client_frame){.kind = frame.kind, .payload = frame.payload};
            return TLS_CLIENT_FRAME;
        }
        ASSERT(status == STATUS_AGAIN && client->len < sizeof client->bytes);
        size_t len = 0;
        ERR_clear_error();
        int result =
            SSL_read_ex(client->ssl, client->bytes + client->len, sizeof client->bytes - client->len, &len);
        client->len += len;
        if (result == 1)
            continue;
        struct pollfd wait = {.fd = client->fd, .events = POLLIN};
        int64_t left = until - now_ms();
        if (SSL_get_error(client->ssl, result) != SSL_ERROR_WANT_READ)
            return TLS_CLIENT_CLOSED;
        if (left <= 0 || poll(&wait, 1, (int)left) != 1)
            return TLS_CLIENT_TIMEOUT;
    }
}

void tls_client_discard(struct tls_client *client, size_t len)
{
    uint8_t bytes[4096];
    while (len != 0) {
        ssize_t got = read(client->fd, bytes, len < sizeof bytes ? len : sizeof bytes);
        if (got <= 0)
            return;
        len -= (size_t)got;
    }
}

size_t tls_client_key_updates(struct tls_client *client, unsigned count, bool asks, uint8_t **out)
{
    BIO *memory = BIO_new(BIO_s_mem());
    BIO *socket = SSL_get_wbio(client->ssl);
    ASSERT(memory != NULL && BIO_up_ref(socket) == 1);
    SSL_set0_wbio(client->ssl, memory);
    for (unsigned i = 0; i < count; i++)
        ASSERT(SSL_key_update(client->ssl, asks ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) ==
                   1 &&
               SSL_do_handshake(client->ssl) == 1);
    char *bytes;
    long len = BIO_get_mem_data(memory, &bytes);
    ASSERT(len > 0 && (*out = malloc((size_t)len)) != NULL);
    memcpy(*out, bytes, (size_t)len);
    SSL_set0_wbio(client->ssl, socket);
    return (size_t)len;
}

size_t tls_client_push_raw(struct tls_client *client, const void *bytes, size_t len, int timeout_ms)
{
    const uint8_t *at = bytes;
    size_t sent = 0;
    struct pollfd wait = {.fd = client->fd, .events = POLLOUT};
    while (sent < len && poll(&wait, 1, timeout_ms) == 1) {
        ssize_t written = write(client->fd, at + sent, len - sent);
        if (written < 0)
            break;
        sent += (size_t)written;
    }
    return sent;
}

void tls_client_server_fingerprint(struct tls_client *client, uint8_t out[32])
{
    X509 *certificate = SSL_get1_peer_certificate(client->ssl);
    unsigned len = 0;
    ASSERT(certificate != NULL && X509_digest(certificate, EVP_sha256(), out, &len) == 1);
    X509_free(certificate);
}
