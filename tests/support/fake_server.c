#include "tests/support/fake_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "common.pb-c.h"
#include "server/app/pki.h"

#define IN_BYTES (FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX)

static void need(bool good, const char *what)
{
    if (!good) {
        (void)fprintf(stderr, "fake server: %s failed\n", what);
        abort();
    }
}

/* ---- the log ----------------------------------------------------------------------------------------------------- */

static enum status node_of(void *context, uint32_t level, uint64_t index, struct hash *out)
{
    const struct fake_server *server = context;
    struct tree_range range = {.size = 0};
    for (uint64_t i = index << level; i < (index + 1) << level; i++)
        tree_range_append(&range, &server->leaves[i]);
    tree_range_root(&range, out);
    return STATUS_OK;
}

void fake_log_key(const struct fake_server *server, char out[NOTE_VKEY_MAX])
{
    struct note_verifier verifier;
    note_verifier_of(&server->signer, &verifier);
    need(note_vkey_format(&verifier, out) == STATUS_OK, "vkey");
}

void fake_welcome(struct fake_connection *connection)
{
    struct fake_server *server = connection->server;
    struct tree_source source = {.node = node_of, .context = server};
    struct checkpoint checkpoint = {.size = server->size};
    struct hash proof[TREE_CONSISTENCY_MAX];
    ProtobufCBinaryData data[TREE_CONSISTENCY_MAX];
    size_t proof_count = 0, note_len = 0;
    char key[NOTE_VKEY_MAX], note[NOTE_TEXT_MAX];
    (void)snprintf(checkpoint.origin, sizeof checkpoint.origin, "%s", server->signer.name);
    need(tree_root(&source, server->size, &checkpoint.root) == STATUS_OK, "root");
    need(checkpoint_sign(&checkpoint, &server->signer, note, &note_len) == STATUS_OK, "sign");
    uint64_t seen = connection->hello->seen_size;
    if (seen > 0 && seen <= server->size)
        need(tree_prove_consistency(&source, seen, server->size, proof, &proof_count) == STATUS_OK, "proof");
    for (size_t i = 0; i < proof_count; i++)
        data[i] = (ProtobufCBinaryData){.len = HASH_BYTES, .data = proof[i].bytes};
    fake_log_key(server, key);
    Daftari__V1__Welcome welcome = DAFTARI__V1__WELCOME__INIT;
    welcome.has_version = 1;
    welcome.version = 1;
    welcome.agent = (char[]){"fake/1"};
    welcome.books = (char[]){"Test books"};
    welcome.has_checkpoint = 1;
    welcome.checkpoint = (ProtobufCBinaryData){.len = note_len, .data = (uint8_t *)note};
    welcome.consistency = data;
    welcome.n_consistency = proof_count;
    welcome.log_key = key;
    welcome.has_requests_open_max = 1;
    welcome.requests_open_max = 16;
    fake_send(connection, FRAME_WELCOME, &welcome.base);
}

/* ---- frames ------------------------------------------------------------------------------------------------------ */

void fake_send_raw(struct fake_connection *connection, const void *bytes, size_t len)
{
    size_t put;
    (void)SSL_write_ex(connection->tls, bytes, len, &put); /* the client may be gone */
}

void fake_send(struct fake_connection *connection, enum frame_kind kind, const ProtobufCMessage *message)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = malloc(FRAME_HEADER_BYTES + len);
    need(bytes != NULL, "malloc");
    frame_header_encode(kind, len, bytes);
    (void)protobuf_c_message_pack(message, bytes + FRAME_HEADER_BYTES);
    fake_send_raw(connection, bytes, FRAME_HEADER_BYTES + len);
    free(bytes);
}

/* The next frame, or false when the client is gone. */
static bool fake_read(struct fake_connection *connection, struct frame *out)
{
    static _Thread_local uint8_t payload[FRAME_PAYLOAD_MAX];
    for (;;) {
        size_t used = 0;
        enum status status = frame_decode(slice_of(connection->in, connection->in_len), out, &used, NULL);
        if (status == STATUS_OK) {
            memcpy(payload, out->payload.ptr, out->payload.len);
            out->payload.ptr = payload;
            memmove(connection->in, connection->in + used, connection->in_len - used);
            connection->in_len -= used;
            return true;
        }
        need(status == STATUS_AGAIN, "the client's frame");
        struct pollfd ready = {.fd = connection->fd, .events = POLLIN};
        while (!SSL_has_pending(connection->tls) && poll(&ready, 1, 20) == 0) {
            if (atomic_load(&connection->server->stop))
                return false;
        }
        size_t got = 0;
        if (SSL_read_ex(connection->tls, connection->in + connection->in_len, IN_BYTES - connection->in_len,
                        &got) != 1)
            return false;
        connection->in_len += got;
    }
}

Daftari__V1__Request *fake_request(struct fake_connection *connection, unsigned *granted, unsigned *cancelled)
{
    struct frame frame;
    while (fake_read(connection, &frame)) {
        if (frame.kind == FRAME_GRANT && granted != NULL) {
            Daftari__V1__Grant *grant =
                daftari__v1__grant__unpack(NULL, frame.payload.len, frame.payload.ptr);
            need(grant != NULL, "grant");
            *granted += grant->parts;
            daftari__v1__grant__free_unpacked(grant, NULL);
            return NULL;
        }
        if (frame.kind == FRAME_CANCEL && cancelled != NULL) {
            *cancelled += 1;
            return NULL;
        }
        if (frame.kind != FRAME_REQUEST)
            continue;
        Daftari__V1__Request *request =
            daftari__v1__request__unpack(NULL, frame.payload.len, frame.payload.ptr);
        need(request != NULL, "request");
        return request;
    }
    return NULL;
}

void fake_answer(struct fake_connection *connection, const Daftari__V1__Request *request,
                 Daftari__V1__Status status)
{
    Daftari__V1__Response response = DAFTARI__V1__RESPONSE__INIT;
    Daftari__V1__Recorded recorded = DAFTARI__V1__RECORDED__INIT;
    uint8_t body[32];
    recorded.has_position = 1;
    recorded.position = request->request_id;
    size_t len = daftari__v1__recorded__pack(&recorded, body);
    Daftari__V1__Answer *answers = calloc(request->n_commands, sizeof *answers);
    Daftari__V1__Answer **list = calloc(request->n_commands, sizeof *list);
    need(answers != NULL && list != NULL, "calloc");
    for (size_t i = 0; i < request->n_commands; i++) {
        daftari__v1__answer__init(&answers[i]);
        answers[i].has_status = 1;
        answers[i].status = status;
        answers[i].has_body = status == DAFTARI__V1__STATUS__OK;
        answers[i].body = (ProtobufCBinaryData){.len = len, .data = body};
        list[i] = &answers[i];
    }
    response.has_request_id = 1;
    response.request_id = request->request_id;
    response.answers = list;
    response.n_answers = request->n_commands;
    response.has_end = 1;
    response.end = 1;
    response.has_position = 1;
    response.position = FAKE_POSITION;
    if (connection->server->size < FAKE_POSITION) /* its log has it from now on */
        connection->server->size = FAKE_POSITION;
    fake_send(connection, FRAME_RESPONSE, &response.base);
    free(list);
    free(answers);
}

/* ---- the thread -------------------------------------------------------------------------------------------------- */

static int choose_alpn(SSL *tls, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                       unsigned int in_len, void *context)
{
    const struct fake_server *server = context;
    (void)tls;
    if (server->alpn != NULL)
        return SSL_TLSEXT_ERR_NOACK;
    for (unsigned i = 0; i < in_len; i += 1u + in[i]) {
        if (slice_equal(slice_of(in + i + 1, in[i]), slice_text(FRAME_ALPN))) {
            *out = in + i + 1;
            *out_len = in[i];
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void serve_one(struct fake_server *server, int fd)
{
    struct fake_connection connection = {.server = server, .fd = fd, .in = malloc(IN_BYTES)};
    SSL *tls = SSL_new(server->tls_context);
    struct frame frame;
    need(tls != NULL && connection.in != NULL && SSL_set_fd(tls, fd) == 1, "TLS");
    connection.tls = tls;
    if (SSL_accept(tls) == 1 && fake_read(&connection, &frame) && frame.kind == FRAME_HELLO) {
        connection.number = atomic_fetch_add(&server->connections, 1) + 1;
        connection.hello = daftari__v1__hello__unpack(NULL, frame.payload.len, frame.payload.ptr);
        need(connection.hello != NULL, "hello");
        server->serve(&connection, server->context);
        daftari__v1__hello__free_unpacked(connection.hello, NULL);
    }
    SSL_free(tls);
    free(connection.in);
    (void)close(fd);
}

static void *run(void *argument)
{
    struct fake_server *server = argument;
    while (!atomic_load(&server->stop)) {
        struct pollfd ready = {.fd = server->listener, .events = POLLIN};
        if (poll(&ready, 1, 20) != 1)
            continue;
        int fd = accept(server->listener, NULL, NULL);
        if (fd >= 0)
            serve_one(server, fd);
    }
    return NULL;
}

void fake_start(struct fake_server *server, const char *scratch)
{
    struct fault why = {.status = STATUS_OK};
    char master[300], server_file[300];
    (void)snprintf(server->key_dir, sizeof server->key_dir, "%s/keys", scratch);
    (void)snprintf(master, sizeof master, "%s/master-key", scratch);
    (void)snprintf(server->ca_file, sizeof server->ca_file, "%s/ca.crt", server->key_dir);
    (void)snprintf(server_file, sizeof server_file, "%s/server.pem", server->key_dir);
    struct pki_options options = {.key_dir = server->key_dir, .master_key_file = master, .log_name = "fake"};
    need(access(server->ca_file, R_OK) == 0 || pki_make(&options, &why) == STATUS_OK, "pki_make");
    if (server->signer.key_id == 0)
        need(note_signer_from_seed("fake.example/log", (const uint8_t *)"0123456789abcdef0123456789abcdef",
                                   &server->signer) == STATUS_OK,
             "signer");
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    need(context != NULL && SSL_CTX_use_certificate_chain_file(context, server_file) == 1 &&
             SSL_CTX_use_PrivateKey_file(context, server_file, SSL_FILETYPE_PEM) == 1,
         "certificate");
    SSL_CTX_set_alpn_select_cb(context, choose_alpn, server);
    server->tls_context = context;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    need(server->listener >= 0 && bind(server->listener, (struct sockaddr *)&at, sizeof at) == 0 &&
             listen(server->listener, 64) == 0 &&
             getsockname(server->listener, (struct sockaddr *)&at, &len) == 0,
         "listen");
    (void)snprintf(server->address, sizeof server->address, "127.0.0.1:%u", ntohs(at.sin_port));
    atomic_store(&server->stop, false);
    atomic_store(&server->connections, 0);
    need(pthread_create(&server->thread, NULL, run, server) == 0, "thread");
}

void fake_stop(struct fake_server *server)
{
    atomic_store(&server->stop, true);
    (void)pthread_join(server->thread, NULL);
    SSL_CTX_free(server->tls_context);
    (void)close(server->listener);
}
