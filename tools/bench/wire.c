#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "proto/base/bug.h"
#include "tools/bench/wire.h"

#define GREETING_TIMEOUT_S 10
#define OUT_CAP_LEAST      4096u
#define HELLO_BYTES_MAX    512u
#define IN_CAP             (FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX + 64u * 1024u)
#define READ_AHEAD_BYTES   (128u * 1024u) /* taken from the socket in one call */
#define TURN_READ_MAX      (1024u * 1024u)

SSL_CTX *wire_context(const char *ca_file)
{
    static const unsigned char alpn[] = "\x09" FRAME_ALPN;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context == NULL)
        return NULL;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, READ_AHEAD_BYTES);
    int trusted = ca_file != NULL ? SSL_CTX_load_verify_locations(context, ca_file, NULL)
                                  : SSL_CTX_set_default_verify_paths(context);
    if (trusted == 1 && SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
        SSL_CTX_set_alpn_protos(context, alpn, sizeof alpn - 1) == 0)
        return context;
    SSL_CTX_free(context);
    return NULL;
}

static enum dft_status fail(struct dft_fault *why, enum dft_status status, const char *text)
{
    snprintf(why->text, sizeof why->text, "%s", text);
    return why->status = status;
}

/* *host gets the name without brackets. */
static int connect_to(const char *server, char *host, size_t host_cap)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    const char *colon = strrchr(server, ':');
    const char *port = colon != NULL ? colon + 1 : DFT_PORT_DEFAULT;
    size_t len = colon != NULL ? (size_t)(colon - server) : strlen(server);
    if (len >= 2 && server[0] == '[' && server[len - 1] == ']') {
        server++;
        len -= 2;
    }
    snprintf(host, host_cap, "%.*s", (int)len, server);
    if (getaddrinfo(host, port, &hints, &found) != 0)
        return -1;
    int fd = -1;
    for (const struct addrinfo *at = found; at != NULL && fd < 0; at = at->ai_next) {
        fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(found);
    return fd;
}

/* Hello { version = 1; agent; session_token } */
static void put_hello(struct wire *wire, const struct wire_options *options)
{
    static const char agent[] = "daftari-bench";
    uint8_t *start = wire_room(wire, HELLO_BYTES_MAX);
    ASSERT(start != NULL); /* the buffer is empty, and not smaller */
    uint8_t *at = start + FRAME_HEADER_BYTES;
    *at++ = 0x08;
    *at++ = 1;
    *at++ = 0x12;
    at = put_varint(at, sizeof agent - 1);
    memcpy(at, agent, sizeof agent - 1);
    at += sizeof agent - 1;
    if (options->token_len > 0) {
        *at++ = 0x2a;
        at = put_varint(at, options->token_len);
        memcpy(at, options->token, options->token_len);
        at += options->token_len;
    }
    frame_header_encode(FRAME_HELLO, (size_t)(at - start) - FRAME_HEADER_BYTES, start);
    wire_put(wire, (size_t)(at - start));
}

static enum dft_status greet(struct wire *wire, const struct wire_options *options, struct dft_fault *why)
{
    struct frame frame = {0};
    enum dft_status status = DFT_AGAIN;
    put_hello(wire, options);
    if (wire_flush(wire) != DFT_OK || wire->write_blocked)
        return fail(why, DFT_DISCONNECTED, "the greeting could not be sent");
    while (status == DFT_AGAIN) {
        size_t before = wire->in_len;
        if (wire_fill(wire) != DFT_OK || wire->in_len == before)
            return fail(why, DFT_DISCONNECTED, "the server does not greet");
        status = wire_next(wire, &frame);
    }
    if (status != DFT_OK || frame.kind != FRAME_WELCOME)
        return fail(why, DFT_DISCONNECTED, "the server does not keep to the protocol");
    return DFT_OK;
}

/* The buffers and TLS of wire->fd. */
static bool wire_begin(struct wire *wire, SSL_CTX *context, size_t out_cap)
{
    struct timeval patience = {.tv_sec = GREETING_TIMEOUT_S};
    int one = 1;
    (void)setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    (void)setsockopt(wire->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)setsockopt(wire->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    wire->out_cap = out_cap > OUT_CAP_LEAST ? out_cap : OUT_CAP_LEAST;
    wire->in_cap = IN_CAP;
    wire->out = malloc(wire->out_cap);
    wire->in = malloc(wire->in_cap);
    wire->tls = SSL_new(context);
    return wire->out != NULL && wire->in != NULL && wire->tls != NULL && SSL_set_fd(wire->tls, wire->fd) == 1;
}

enum dft_status wire_open(struct wire *wire, SSL_CTX *context, const struct wire_options *options,
                          struct dft_fault *why)
{
    char host[256];
    memset(wire, 0, sizeof *wire);
    wire->fd = connect_to(options->server, host, sizeof host);
    if (wire->fd < 0)
        return fail(why, DFT_DISCONNECTED, "no server answers");
    enum dft_status status = DFT_OK;
    if (!wire_begin(wire, context, options->out_cap) || options->token_len > DFT_TOKEN_BYTES_MAX)
        status = fail(why, DFT_NO_MEMORY, "no memory for a connection");
    else if (SSL_set1_host(wire->tls, host) != 1 || SSL_set_tlsext_host_name(wire->tls, host) != 1 ||
             SSL_connect(wire->tls) != 1)
        status = fail(why, DFT_TLS_FAILED, "no secure connection with the server");
    if (status == DFT_OK)
        status = greet(wire, options, why);
    if (status == DFT_OK)
        status = fcntl(wire->fd, F_SETFL, O_NONBLOCK) == 0 ? DFT_OK : fail(why, DFT_IO, "fcntl");
    ERR_clear_error();
    if (status != DFT_OK)
        wire_close(wire);
    return status;
}

enum dft_status wire_accept(struct wire *wire, SSL_CTX *context, int fd, size_t out_cap)
{
    memset(wire, 0, sizeof *wire);
    wire->fd = fd;
    bool good = wire_begin(wire, context, out_cap) && SSL_accept(wire->tls) == 1 &&
                fcntl(wire->fd, F_SETFL, O_NONBLOCK) == 0;
    ERR_clear_error();
    if (!good)
        wire_close(wire);
    return good ? DFT_OK : DFT_TLS_FAILED;
}

void wire_close(struct wire *wire)
{
    if (wire->tls != NULL) {
        (void)SSL_shutdown(wire->tls);
        ERR_clear_error();
        SSL_free(wire->tls);
    }
    if (wire->in_cap > 0 && wire->fd >= 0) /* else it was never opened */
        close(wire->fd);
    free(wire->out);
    free(wire->in);
    memset(wire, 0, sizeof *wire);
    wire->fd = -1;
}

uint8_t *wire_room(struct wire *wire, size_t len)
{
    if (wire->out_cap - wire->out_len < len && wire->out_sent > 0) {
        memmove(wire->out, wire->out + wire->out_sent, wire->out_len - wire->out_sent);
        wire->out_len -= wire->out_sent;
        wire->out_sent = 0;
    }
    return wire->out_cap - wire->out_len < len ? NULL : wire->out + wire->out_len;
}

void wire_put(struct wire *wire, size_t len)
{
    wire->out_len += len;
}

/* After a call that did not succeed: true when it only has to wait. */
static bool waits(struct wire *wire, int result)
{
    int error = SSL_get_error(wire->tls, result);
    ERR_clear_error();
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

enum dft_status wire_flush(struct wire *wire)
{
    wire->write_blocked = false;
    while (wire->out_sent < wire->out_len) {
        size_t put = 0;
        int result =
            SSL_write_ex(wire->tls, wire->out + wire->out_sent, wire->out_len - wire->out_sent, &put);
        if (result != 1) {
            wire->write_blocked = true;
            return waits(wire, result) ? DFT_OK : DFT_DISCONNECTED;
        }
        wire->out_sent += put;
    }
    wire->out_sent = wire->out_len = 0;
    return DFT_OK;
}

enum dft_status wire_fill(struct wire *wire)
{
    size_t taken = 0;
    if (wire->in_start > 0) {
        memmove(wire->in, wire->in + wire->in_start, wire->in_len - wire->in_start);
        wire->in_len -= wire->in_start;
        wire->in_start = 0;
    }
    /* Not until the socket says that it is empty: that would be one more call for every answer. */
    do {
        size_t got = 0;
        if (wire->in_len == wire->in_cap)
            return DFT_OK;
        int result = SSL_read_ex(wire->tls, wire->in + wire->in_len, wire->in_cap - wire->in_len, &got);
        if (result != 1)
            return waits(wire, result) ? DFT_OK : DFT_DISCONNECTED;
        wire->in_len += got;
        taken += got;
    } while (taken < TURN_READ_MAX && SSL_has_pending(wire->tls));
    return DFT_OK;
}

enum dft_status wire_next(struct wire *wire, struct frame *out)
{
    size_t used = 0;
    struct fault why = {0};
    enum status status =
        frame_decode(slice_of(wire->in + wire->in_start, wire->in_len - wire->in_start), out, &used, &why);
    if (status == STATUS_AGAIN)
        return DFT_AGAIN;
    if (status != STATUS_OK)
        return DFT_DISCONNECTED;
    wire->in_start += used;
    return DFT_OK;
}

static bool take_varint(struct slice *rest, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 10 && i < rest->len; i++) {
        value |= (uint64_t)(rest->ptr[i] & 0x7f) << (7 * i);
        if (rest->ptr[i] < 0x80) {
            *rest = slice_of(rest->ptr + i + 1, rest->len - i - 1);
            *out = value;
            return true;
        }
    }
    return false;
}

bool field_next(struct slice *rest, struct field *out, bool *failed)
{
    uint64_t tag, len;
    if (rest->len == 0)
        return false;
    *failed = true;
    if (!take_varint(rest, &tag))
        return false;
    out->number = (uint32_t)(tag >> 3);
    out->bytes = slice_of(NULL, 0);
    out->value = 0;
    switch (tag & 7u) {
    case 0:
        *failed = !take_varint(rest, &out->value);
        return !*failed;
    case 2:
        if (!take_varint(rest, &len) || len > rest->len)
            return false;
        out->bytes = slice_of(rest->ptr, (size_t)len);
        *rest = slice_of(rest->ptr + len, rest->len - (size_t)len);
        *failed = false;
        return true;
    default: /* nothing in the envelope has another wire type */
        return false;
    }
}
