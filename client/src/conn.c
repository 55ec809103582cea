/* TCP and TLS without waiting; frames in and out. Every loop here ends when the socket has nothing more to give, or after
 * a bounded number of bytes, so that one turn cannot starve its caller. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include "client/src/client.h"
#include "proto/base/bug.h"

#define READ_STEP     (16u * 1024u)        /* bytes: one TLS record */
#define TURN_READ_MAX (4u * 1024u * 1024u) /* bytes read in one turn */

/* ---- the socket under OpenSSL: its own BIO would raise SIGPIPE --------------------------------------------------- */

static int socket_of(BIO *bio)
{
    const struct dft_client *client = BIO_get_data(bio);
    return client->fd;
}

static int socket_write(BIO *bio, const char *bytes, int len)
{
    BIO_clear_retry_flags(bio);
    ssize_t put = send(socket_of(bio), bytes, (size_t)len, MSG_NOSIGNAL);
    if (put < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_write(bio);
    return (int)put;
}

static int socket_read(BIO *bio, char *bytes, int len)
{
    BIO_clear_retry_flags(bio);
    ssize_t got = recv(socket_of(bio), bytes, (size_t)len, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_read(bio);
    return (int)got;
}

static long socket_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP ? 1 : 0;
}

/* ---- set-up ------------------------------------------------------------------------------------------------------ */

static enum dft_status tls_certificate(SSL_CTX *context, const struct dft_options *options,
                                       struct dft_fault *why)
{
    if (options->certificate_file == NULL)
        return DFT_OK;
    const char *key = options->key_file != NULL ? options->key_file : options->certificate_file;
    if (SSL_CTX_use_certificate_chain_file(context, options->certificate_file) != 1)
        return client_fault_set(why, DFT_INVALID, "certificate_file", "%s is not a readable PEM certificate",
                                options->certificate_file);
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1)
        return client_fault_set(why, DFT_INVALID, "key_file", "%s is not the PEM key of the certificate",
                                key);
    return DFT_OK;
}

static int no_passphrase(char *buffer, int size, int writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)context;
    return -1; /* a library never asks on the terminal */
}

enum dft_status conn_tls_setup(struct dft_client *client, const struct dft_options *options,
                               struct dft_fault *why)
{
    static const unsigned char alpn[] = "\x09" FRAME_ALPN;
    client->tls_context = SSL_CTX_new(TLS_client_method());
    client->socket_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "daftari socket");
    if (client->tls_context == NULL || client->socket_method == NULL)
        return client_fault_set(why, DFT_NO_MEMORY, NULL, "no memory for TLS");
    SSL_CTX *context = client->tls_context;
    BIO_meth_set_write(client->socket_method, socket_write);
    BIO_meth_set_read(client->socket_method, socket_read);
    BIO_meth_set_ctrl(client->socket_method, socket_control);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_alpn_protos(context, alpn, sizeof alpn - 1) != 0)
        return client_fault_set(why, DFT_TLS_FAILED, NULL, "this OpenSSL cannot speak TLS 1.3");
    int trusted = options->ca_file != NULL ? SSL_CTX_load_verify_locations(context, options->ca_file, NULL)
                                           : SSL_CTX_set_default_verify_paths(context);
    enum dft_status status = DFT_OK;
    if (trusted != 1)
        status =
            client_fault_set(why, DFT_INVALID, "ca_file", "%s is not a readable PEM file of certificates",
                             options->ca_file != NULL ? options->ca_file : "the system's list");
    if (status == DFT_OK)
        status = tls_certificate(context, options, why);
    ERR_clear_error();
    return status;
}

void conn_tls_done(struct dft_client *client)
{
    SSL_CTX_free(client->tls_context);
    BIO_meth_free(client->socket_method);
    client->tls_context = NULL;
    client->socket_method = NULL;
}

static bool address_is_number(const char *name)
{
    struct in6_addr scratch;
    return inet_pton(AF_INET, name, &scratch) == 1 || inet_pton(AF_INET6, name, &scratch) == 1;
}

static bool tls_begin(struct dft_client *client)
{
    SSL *tls = SSL_new(client->tls_context);
    BIO *bio = tls == NULL ? NULL : BIO_new(client->socket_method);
    if (bio == NULL) {
        SSL_free(tls);
        return false;
    }
    BIO_set_data(bio, client);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls, bio, bio);
    SSL_set_connect_state(tls);
    client->tls = tls;
    if (address_is_number(client->host_name))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), client->host_name) == 1;
    SSL_set_hostflags(tls, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(tls, client->host_name) == 1 &&
           SSL_set_tlsext_host_name(tls, client->host_name) == 1;
}

/* ---- connecting -------------------------------------------------------------------------------------------------- */

static void connect_next(struct dft_client *client, int error);

static void connect_address(struct dft_client *client, const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (fd < 0) {
        client->fd = -1;
        client->state = CLIENT_DOWN;
        return;
    }
    int one = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    client->fd = fd;
    client->state = CLIENT_CONNECTING;
    if (connect(fd, address->ai_addr, address->ai_addrlen) != 0 && errno != EINPROGRESS) {
        int error = errno;
        (void)close(fd);
        client->fd = -1;
        client->state = CLIENT_DOWN;
        errno = error;
    }
}

/* Tries the addresses that are left, until one is under way. */
static void connect_next(struct dft_client *client, int error)
{
    while (client->address_next != NULL) {
        const struct addrinfo *address = client->address_next;
        client->address_next = address->ai_next;
        connect_address(client, address);
        if (client->state == CLIENT_CONNECTING)
            return;
        error = errno;
    }
    conn_lost(client, DFT_DISCONNECTED, "no server answers at %s: %s", client->server, strerror(error));
}

void conn_begin(struct dft_client *client)
{
    ASSERT(client->state == CLIENT_DOWN && client->fd == -1);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV};
    if (address_is_number(client->host))
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    if (client->addresses != NULL)
        freeaddrinfo(client->addresses);
    client->addresses = NULL;
    client->address_next = NULL;
    client->connect_deadline_ms = monotonic_ms() + client->connect_timeout_ms;
    int failed = getaddrinfo(client->host, client->port, &hints, &client->addresses);
    if (failed != 0) {
        client->addresses = NULL;
        conn_lost(client, DFT_DISCONNECTED, "the host name %s cannot be found: %s", client->host,
                  gai_strerror(failed));
        return;
    }
    client->address_next = client->addresses;
    connect_next(client, 0);
}

static void connect_turn(struct dft_client *client)
{
    struct pollfd ready = {.fd = client->fd, .events = POLLOUT};
    if (poll(&ready, 1, 0) <= 0)
        return;
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        error = errno;
    if (error != 0) {
        (void)close(client->fd);
        client->fd = -1;
        client->state = CLIENT_DOWN;
        connect_next(client, error);
        return;
    }
    client->state = CLIENT_SECURING;
    if (!tls_begin(client))
        conn_lost(client, DFT_INVALID, "%s cannot be a host name to check", client->host_name);
}

/* ---- TLS --------------------------------------------------------------------------------------------------------- */

/* One sentence about why the handshake failed. */
static void tls_refused(struct dft_client *client)
{
    long verified = SSL_get_verify_result(client->tls);
    unsigned long error = ERR_peek_last_error();
    const char *reason = error != 0 ? ERR_reason_error_string(error) : NULL;
    if (verified == X509_V_ERR_HOSTNAME_MISMATCH || verified == X509_V_ERR_IP_ADDRESS_MISMATCH)
        conn_lost(client, DFT_TLS_FAILED, "the certificate shown at %s is not for the name %s",
                  client->server, client->host_name);
    else if (verified != X509_V_OK)
        conn_lost(client, DFT_TLS_FAILED,
                  "the certificate shown at %s cannot be trusted: %s (give the file of the authority that "
                  "signed it)",
                  client->server, X509_verify_cert_error_string(verified));
    else if (error == 0)
        conn_lost(client, DFT_DISCONNECTED, "%s closed the connection while it was being secured",
                  client->server);
    else
        conn_lost(client, DFT_TLS_FAILED, "no secure connection with %s: %s", client->server,
                  reason != NULL ? reason : "unknown TLS error");
}

/* After an SSL call that did not succeed: true when it only has to wait. */
static bool tls_waits(struct dft_client *client, int result)
{
    int error = SSL_get_error(client->tls, result);
    client->write_blocked = error == SSL_ERROR_WANT_WRITE;
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

static void secure_turn(struct dft_client *client)
{
    ERR_clear_error();
    int result = SSL_connect(client->tls);
    if (result != 1) {
        if (!tls_waits(client, result))
            tls_refused(client);
        ERR_clear_error();
        return;
    }
    client->write_blocked = false;
    const unsigned char *chosen = NULL;
    unsigned int chosen_len = 0;
    SSL_get0_alpn_selected(client->tls, &chosen, &chosen_len);
    if (!slice_equal(slice_of(chosen, chosen_len), slice_text(FRAME_ALPN))) {
        conn_lost(client, DFT_TLS_FAILED, "%s does not speak the Daftari protocol (%s)", client->server,
                  FRAME_ALPN);
        return;
    }
    client->state = CLIENT_GREETING;
    greet_hello(client);
}

/* A TLS 1.3 server refuses a client's certificate after the handshake: the alert comes with the first read. */
static void stream_failed(struct dft_client *client)
{
    unsigned long error = ERR_peek_last_error();
    const char *reason =
        error != 0 && ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_reason_error_string(error) : NULL;
    if (client->state == CLIENT_GREETING && reason != NULL && strstr(reason, "alert") != NULL)
        conn_lost(client, DFT_TLS_FAILED, "%s refuses the secure connection: %s", client->server, reason);
    else
        conn_lost(client, DFT_DISCONNECTED, "the connection to %s was lost%s%s", client->server,
                  reason != NULL ? ": " : "", reason != NULL ? reason : "");
}

void conn_flush(struct dft_client *client)
{
    while (client->tls != NULL && client->out.len > client->out.start) {
        size_t put = 0;
        ERR_clear_error();
        int result = SSL_write_ex(client->tls, client->out.bytes + client->out.start,
                                  client->out.len - client->out.start, &put);
        if (result != 1) {
            if (!tls_waits(client, result))
                stream_failed(client);
            ERR_clear_error();
            return;
        }
        client->write_blocked = false;
        growing_consume(&client->out, put);
    }
}

bool conn_frame(struct dft_client *client, enum frame_kind kind, const ProtobufCMessage *message)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    if (len > FRAME_PAYLOAD_MAX || !growing_reserve(&client->out, FRAME_HEADER_BYTES + len, CLIENT_OUT_MAX))
        return false;
    uint8_t *at = client->out.bytes + client->out.len;
    frame_header_encode(kind, len, at);
    (void)protobuf_c_message_pack(message, at + FRAME_HEADER_BYTES);
    client->out.len += FRAME_HEADER_BYTES + len;
    return true;
}

static void goodbye(struct dft_client *client)
{
    client->draining = true;
    (void)client_fault_set(&client->last, DFT_UNAVAILABLE, NULL, "the server at %s is stopping",
                           client->server);
}

static void frame_handle(struct dft_client *client, const struct frame *frame)
{
    if (client->state == CLIENT_GREETING && frame->kind == FRAME_WELCOME)
        greet_welcome(client, frame->payload);
    else if (client->state == CLIENT_READY && frame->kind == FRAME_RESPONSE)
        call_response(client, frame->payload);
    else if (frame->kind == FRAME_GOODBYE)
        goodbye(client);
    else
        conn_lost(client, DFT_DISCONNECTED, "%s does not keep to the protocol: frame kind %d out of turn",
                  client->server, (int)frame->kind);
}

/* Handles the whole frames that are there. A handler may lose the connection, which empties the buffer. */
static void frames_handle(struct dft_client *client)
{
    while (client->tls != NULL && client->in.len > client->in.start) {
        struct slice bytes = slice_of(client->in.bytes + client->in.start, client->in.len - client->in.start);
        struct frame frame;
        size_t used = 0;
        struct fault why = {.status = STATUS_OK};
        enum status status = frame_decode(bytes, &frame, &used, &why);
        if (status == STATUS_AGAIN)
            return;
        if (status != STATUS_OK) {
            conn_lost(client, DFT_DISCONNECTED, "%s does not keep to the protocol: %s", client->server,
                      why.text);
            return;
        }
        growing_consume(&client->in, used); /* the bytes stay where they are until the next read */
        frame_handle(client, &frame);
    }
}

static void read_turn(struct dft_client *client)
{
    size_t total = 0;
    while (client->tls != NULL && total < TURN_READ_MAX) {
        if (!growing_reserve(&client->in, READ_STEP, CLIENT_IN_MAX + READ_STEP)) {
            conn_lost(client, DFT_NO_MEMORY, "no memory for what %s sends", client->server);
            return;
        }
        size_t got = 0;
        ERR_clear_error();
        int result = SSL_read_ex(client->tls, client->in.bytes + client->in.len, READ_STEP, &got);
        if (result != 1) {
            if (!tls_waits(client, result))
                stream_failed(client);
            ERR_clear_error();
            return;
        }
        client->in.len += got;
        total += got;
        frames_handle(client);
    }
}

void conn_turn(struct dft_client *client)
{
    if (client->state == CLIENT_CONNECTING)
        connect_turn(client);
    if (client->state == CLIENT_SECURING)
        secure_turn(client);
    if (client->tls == NULL || client->state < CLIENT_GREETING)
        return;
    conn_flush(client);
    read_turn(client);
    call_send_queued(client);
    conn_flush(client);
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

void conn_close(struct dft_client *client)
{
    if (client->tls != NULL && client->state == CLIENT_READY)
        (void)SSL_shutdown(client->tls); /* says goodbye if there is room; does not wait for the other side */
    ERR_clear_error();
    SSL_free(client->tls);
    client->tls = NULL;
    if (client->fd >= 0)
        (void)close(client->fd);
    client->fd = -1;
    client->state = CLIENT_DOWN;
    client->write_blocked = false;
    client->draining = false;
    client->in.start = client->in.len = 0;
    client->out.start = client->out.len = 0;
}

void conn_lost(struct dft_client *client, enum dft_status status, const char *format, ...)
{
    client->last = (struct dft_fault){.status = status};
    va_list args;
    va_start(args, format);
    (void)vsnprintf(client->last.text, sizeof client->last.text, format, args);
    va_end(args);
    client->distrusted = status == DFT_TLS_FAILED || status == DFT_ROLLED_BACK || status == DFT_CORRUPT ||
                         status == DFT_INVALID;
    conn_close(client);
    retry_back_off(client);
    retry_connection_lost(client);
}
