/* The client as a whole: options, one turn of work, blocking calls, log-in. */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/rand.h>

#include "client/src/client.h"
#include "common.pb-c.h"
#include "people.pb-c.h"
#include "proto/base/bug.h"
#include "proto/base/bytes.h"
#include "proto/base/text.h"
#include "proto/wire/message.h"

#define CONNECT_TIMEOUT_MS 10000u
#define CALL_TIMEOUT_MS    30000u
#define RETRIES            8u
#define SMALL_MESSAGE_MAX  (256u * 1024u) /* bytes of a decoded Session or Recorded */

/* The public numbers are the wire's numbers. */
#define STATUS(name, number, class, text)                                                                    \
    _Static_assert((int)DFT_##name == (int)STATUS_##name, "status " #name);
#include "proto/base/status.def"
#undef STATUS
_Static_assert(sizeof(struct dft_fault) == sizeof(struct fault), "faults are copied as they are");

const char *dft_status_name(enum dft_status status)
{
    return status_name((enum status)status);
}

const char *dft_status_text(enum dft_status status)
{
    return status_text((enum status)status);
}

const char *dft_version(void)
{
    return DAFTARI_VERSION;
}

int64_t monotonic_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Copies an inner fault to the caller's (which may be NULL) and returns its status. */
static enum dft_status fault_export(const struct fault *fault, struct dft_fault *out)
{
    if (out != NULL) {
        *out = (struct dft_fault){.status = (enum dft_status)fault->status, .reason = fault->reason};
        memcpy(out->field, fault->field, sizeof out->field);
        memcpy(out->text, fault->text, sizeof out->text);
    }
    return (enum dft_status)fault->status;
}

enum dft_status client_fault_set(struct dft_fault *out, enum dft_status status, const char *field,
                                 const char *format, ...)
{
    if (out == NULL)
        return status;
    *out = (struct dft_fault){.status = status};
    if (field != NULL)
        (void)snprintf(out->field, sizeof out->field, "%s", field);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(out->text, sizeof out->text, format, args);
    va_end(args);
    return status;
}

/* ---- options ----------------------------------------------------------------------------------------------------- */

/* "host:port", "[v6]:port", "v6", "host". */
static bool server_split(struct dft_client *client, const char *server)
{
    const char *host = server, *port = DFT_PORT_DEFAULT;
    size_t host_len = strlen(server);
    const char *colon = strrchr(server, ':');
    if (server[0] == '[') {
        const char *close = strchr(server, ']');
        if (close == NULL || (close[1] != '\0' && close[1] != ':'))
            return false;
        host = server + 1;
        host_len = (size_t)(close - host);
        if (close[1] == ':')
            port = close + 2;
    } else if (colon != NULL && strchr(server, ':') == colon) {
        host_len = (size_t)(colon - server);
        port = colon + 1;
    }
    uint64_t number;
    if (host_len == 0 || host_len >= sizeof client->host ||
        !number_parse(slice_text(port), 1, 65535, &number))
        return false;
    memcpy(client->host, host, host_len);
    client->host[host_len] = '\0';
    (void)snprintf(client->port, sizeof client->port, "%llu", (unsigned long long)number);
    return true;
}

static enum dft_status text_option(char *out, size_t cap, const char *name, const char *value,
                                   struct dft_fault *why)
{
    if (value == NULL)
        return DFT_OK;
    size_t len = strlen(value);
    if (len == 0 || len >= cap || !text_valid(slice_text(value)))
        return client_fault_set(why, DFT_INVALID, name, "text of 1 to %zu bytes", cap - 1);
    memcpy(out, value, len + 1);
    return DFT_OK;
}

static enum dft_status options_take(struct dft_client *client, const struct dft_options *options,
                                    struct dft_fault *why)
{
    if (options->server == NULL || strlen(options->server) >= sizeof client->server ||
        !server_split(client, options->server))
        return client_fault_set(why, DFT_INVALID, "server", "host:port, for instance books.example.com:7419");
    (void)snprintf(client->server, sizeof client->server, "%s", options->server);
    (void)snprintf(client->host_name, sizeof client->host_name, "%s", client->host);
    (void)snprintf(client->agent, sizeof client->agent, "libdaftari/%s", DAFTARI_VERSION);
    enum dft_status status =
        text_option(client->host_name, sizeof client->host_name, "host_name", options->host_name, why);
    if (status == DFT_OK)
        status = text_option(client->agent, sizeof client->agent, "agent", options->agent, why);
    if (status == DFT_OK)
        status = text_option(client->device, sizeof client->device, "device", options->device, why);
    if (status != DFT_OK)
        return status;
    if (options->session_token_len > sizeof client->token)
        return client_fault_set(why, DFT_INVALID, "session_token", "at most %d bytes", DFT_TOKEN_BYTES_MAX);
    if (options->session_token_len > 0)
        memcpy(client->token, options->session_token, options->session_token_len);
    client->token_len = options->session_token_len;
    client->connect_timeout_ms =
        options->connect_timeout_ms > 0 ? options->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    client->call_timeout_ms = options->call_timeout_ms > 0 ? options->call_timeout_ms : CALL_TIMEOUT_MS;
    client->retries_max = options->retries_max > 0 ? options->retries_max : RETRIES;
    client->no_reconnect = options->no_reconnect;
    return DFT_OK;
}

enum dft_status dft_client_new(struct dft_client **out, const struct dft_options *options,
                               struct dft_fault *why)
{
    ASSERT(out != NULL && options != NULL);
    struct dft_client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return client_fault_set(why, DFT_NO_MEMORY, NULL, "no memory for a client");
    client->fd = -1;
    client->memory.position_fd = -1;
    TAILQ_INIT(&client->queue);
    TAILQ_INIT(&client->open);
    arena_init(&client->welcome_arena, CLIENT_WELCOME_MAX);
    enum dft_status status = options_take(client, options, why);
    if (status == DFT_OK)
        status = conn_tls_setup(client, options, why);
    if (status == DFT_OK) {
        struct fault inner = {.status = STATUS_OK};
        if (checkpoint_load(&client->memory, options->checkpoint_file, options->log_key, &inner) != STATUS_OK)
            status = fault_export(&inner, why);
    }
    if (status != DFT_OK) {
        dft_client_free(client);
        return status;
    }
    *out = client;
    return DFT_OK;
}

void dft_client_free(struct dft_client *client)
{
    if (client == NULL)
        return;
    ASSERT(TAILQ_EMPTY(&client->queue) && TAILQ_EMPTY(&client->open));
    conn_close(client);
    conn_tls_done(client);
    if (client->addresses != NULL)
        freeaddrinfo(client->addresses);
    growing_done(&client->in);
    growing_done(&client->out);
    arena_done(&client->welcome_arena);
    checkpoint_done(&client->memory);
    OPENSSL_cleanse(client->token, sizeof client->token);
    free(client);
}

/* ---- turns ------------------------------------------------------------------------------------------------------- */

static bool client_wants_connection(const struct dft_client *client)
{
    return client->connect_wanted || (!client->distrusted && !TAILQ_EMPTY(&client->queue));
}

int dft_fd(const struct dft_client *client)
{
    return client->fd;
}

unsigned dft_events(const struct dft_client *client)
{
    if (client->fd < 0)
        return 0;
    if (client->state == CLIENT_CONNECTING)
        return DFT_WANT_WRITE;
    bool writes = client->write_blocked || call_may_send(client) ||
                  (client->state >= CLIENT_GREETING && client->out.len > client->out.start);
    return DFT_WANT_READ | (writes ? DFT_WANT_WRITE : 0);
}

static int64_t earliest_deadline(const struct request_list *list, int64_t earliest)
{
    const struct dft_request *request;
    TAILQ_FOREACH(request, list, link)
    {
        if (request->deadline_ms < earliest)
            earliest = request->deadline_ms;
    }
    return earliest;
}

uint32_t dft_timeout_ms(const struct dft_client *client)
{
    int64_t due = earliest_deadline(&client->open, earliest_deadline(&client->queue, INT64_MAX));
    const struct dft_request *first = TAILQ_FIRST(&client->queue);
    bool waits = (client->state == CLIENT_DOWN && client_wants_connection(client)) ||
                 (client->state == CLIENT_READY && first != NULL && first->sent_count > 0);
    if (waits && client->not_before_ms < due)
        due = client->not_before_ms;
    if (client->state != CLIENT_DOWN && client->state != CLIENT_READY && client->connect_deadline_ms < due)
        due = client->connect_deadline_ms;
    if (due == INT64_MAX)
        return DFT_FOREVER;
    int64_t now_ms = monotonic_ms();
    if (due <= now_ms)
        return 0;
    return due - now_ms < INT32_MAX ? (uint32_t)(due - now_ms) : INT32_MAX;
}

enum dft_status dft_process(struct dft_client *client, struct dft_fault *why)
{
    if (client->state == CLIENT_DOWN && client_wants_connection(client) &&
        client->not_before_ms <= monotonic_ms())
        conn_begin(client);
    conn_turn(client);
    retry_expire(client);
    if (client->state != CLIENT_DOWN || client->last.status == DFT_OK)
        return DFT_OK;
    if (why != NULL)
        *why = client->last;
    return client->last.status;
}

void client_wait_turn(struct dft_client *client, int64_t until_ms)
{
    int64_t now_ms = monotonic_ms();
    uint32_t timeout_ms = dft_timeout_ms(client);
    if (until_ms <= now_ms)
        timeout_ms = 0;
    else if (until_ms != INT64_MAX && until_ms - now_ms < (int64_t)timeout_ms)
        timeout_ms = (uint32_t)(until_ms - now_ms);
    if (client->state == CLIENT_DOWN && client->not_before_ms <= now_ms && client_wants_connection(client))
        timeout_ms = 0;
    unsigned wanted = dft_events(client);
    struct pollfd ready = {.fd = client->fd};
    ready.events = (short)(((wanted & DFT_WANT_READ) != 0 ? POLLIN : 0) |
                           ((wanted & DFT_WANT_WRITE) != 0 ? POLLOUT : 0));
    (void)poll(&ready, client->fd >= 0 ? 1 : 0, timeout_ms > INT32_MAX ? -1 : (int)timeout_ms);
    (void)dft_process(client, NULL);
}

enum dft_status dft_connect(struct dft_client *client, struct dft_fault *why)
{
    int64_t until_ms = monotonic_ms() + client->connect_timeout_ms + 1000;
    if (client->state == CLIENT_DOWN) {
        client->distrusted = false;
        client->not_before_ms = 0;
        client->last = (struct dft_fault){.status = DFT_OK};
    }
    client->connect_wanted = true;
    while (client->state != CLIENT_READY && client->last.status == DFT_OK && monotonic_ms() < until_ms)
        client_wait_turn(client, until_ms);
    client->connect_wanted = false;
    if (client->state == CLIENT_READY)
        return DFT_OK;
    if (client->last.status == DFT_OK)
        return client_fault_set(why, DFT_DISCONNECTED, NULL, "no server answers at %s", client->server);
    if (why != NULL)
        *why = client->last;
    return client->last.status;
}

void dft_disconnect(struct dft_client *client)
{
    if (client->state == CLIENT_DOWN)
        return;
    conn_lost(client, DFT_DISCONNECTED, "disconnected");
    client->not_before_ms = 0;
    client->failures = 0;
}

bool dft_connected(const struct dft_client *client)
{
    return client->state == CLIENT_READY;
}

const struct dft_welcome *dft_welcome(const struct dft_client *client)
{
    return client->welcomed ? &client->welcome : NULL;
}

uint64_t dft_position(const struct dft_client *client)
{
    return client->position;
}

bool dft_evidence(const struct dft_client *client, const char **out_seen_note, const char **out_shown_note)
{
    if (!client->memory.evidence)
        return false;
    *out_seen_note = client->memory.note;
    *out_shown_note = client->memory.shown_note;
    return true;
}

/* ---- blocking calls ---------------------------------------------------------------------------------------------- */

void dft_command_id_new(uint8_t out[DFT_COMMAND_ID_BYTES])
{
    /* RFC 9562, version 7 with its third way of filling rand_a: a finer clock (a 4096th of a millisecond) in place of a
     * counter, which would need a state that all threads share. Servers look up ids that grow with time for less. */
    struct timespec now;
    ASSERT(clock_gettime(CLOCK_REALTIME, &now) == 0);
    uint64_t ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    uint64_t fraction = (uint64_t)now.tv_nsec % 1000000 * 4096 / 1000000;
    be64_put(out, ms << 16 | 0x7000 | fraction);
    ASSERT(RAND_bytes(out + 8, DFT_COMMAND_ID_BYTES - 8) == 1);
    out[8] = (uint8_t)((out[8] & 0x3f) | 0x80); /* variant 10 */
}

enum dft_status dft_request_wait(struct dft_request *request, struct dft_fault *why)
{
    if (request->state == REQUEST_NEW)
        dft_request_start(request);
    while (request->state != REQUEST_DONE)
        client_wait_turn(request->client, INT64_MAX);
    return dft_request_result(request, why);
}

enum dft_status dft_recorded(const struct dft_answer *answer, struct dft_recorded *out, struct dft_fault *why)
{
    if (answer->status != DFT_OK) {
        if (why != NULL)
            *why = answer->fault;
        return answer->status;
    }
    struct arena arena;
    arena_init(&arena, SMALL_MESSAGE_MAX);
    ProtobufCMessage *message = NULL;
    struct fault inner = {.status = STATUS_OK};
    enum status status =
        message_unpack(&daftari__v1__recorded__descriptor, slice_of(answer->body, answer->body_len), false,
                       arena_allocator(&arena), &message, &inner);
    if (status != STATUS_OK) {
        arena_done(&arena);
        return client_fault_set(why, DFT_CORRUPT, NULL,
                                "the answer is not what a command is answered with: %s", inner.text);
    }
    const Daftari__V1__Recorded *recorded = (const Daftari__V1__Recorded *)message;
    *out =
        (struct dft_recorded){.position = recorded->position, .recorded_time_us = recorded->recorded_time_us};
    if (recorded->number != NULL)
        (void)snprintf(out->number, sizeof out->number, "%s", recorded->number);
    arena_done(&arena);
    return DFT_OK;
}

enum dft_status dft_command(struct dft_client *client, const char *method, const uint8_t *command_id,
                            const void *body, size_t body_len, struct dft_recorded *out,
                            struct dft_fault *why)
{
    uint8_t fresh[DFT_COMMAND_ID_BYTES];
    if (command_id == NULL) {
        dft_command_id_new(fresh);
        command_id = fresh;
    }
    struct dft_request *request = NULL;
    enum dft_status status = dft_request_new(client, method, &request, why);
    if (status == DFT_OK)
        status = dft_request_add(request, command_id, body, body_len, why);
    if (status == DFT_OK)
        status = dft_request_wait(request, why);
    if (status == DFT_OK)
        status = dft_recorded(dft_request_answer(request, 0), out, why);
    dft_request_free(request);
    return status;
}

/* One query and its answer, borrowed until the request is freed. */
static enum dft_status query_wait(struct dft_client *client, const char *method, const void *body,
                                  size_t body_len, struct dft_request **out_request,
                                  const struct dft_answer **out_answer, struct dft_fault *why)
{
    struct dft_request *request = NULL;
    enum dft_status status = dft_request_new(client, method, &request, why);
    if (status == DFT_OK)
        status = dft_request_query(request, body, body_len, why);
    if (status == DFT_OK)
        status = dft_request_wait(request, why);
    if (status == DFT_OK) {
        const struct dft_answer *answer = dft_request_answer(request, 0);
        status = answer->status;
        if (status != DFT_OK && why != NULL)
            *why = answer->fault;
        *out_answer = answer;
    }
    if (status != DFT_OK) {
        dft_request_free(request);
        return status;
    }
    *out_request = request;
    return DFT_OK;
}

enum dft_status dft_query(struct dft_client *client, const char *method, const void *body, size_t body_len,
                          uint8_t **out_body, size_t *out_len, struct dft_fault *why)
{
    struct dft_request *request;
    const struct dft_answer *answer;
    enum dft_status status = query_wait(client, method, body, body_len, &request, &answer, why);
    if (status != DFT_OK)
        return status;
    uint8_t *copy = malloc(answer->body_len + 1);
    if (copy == NULL) {
        status = client_fault_set(why, DFT_NO_MEMORY, NULL, "no memory for an answer");
    } else {
        if (answer->body_len > 0)
            memcpy(copy, answer->body, answer->body_len);
        *out_body = copy;
        *out_len = answer->body_len;
    }
    dft_request_free(request);
    return status;
}

/* ---- who am I ---------------------------------------------------------------------------------------------------- */

static enum dft_status session_take(struct dft_client *client, const struct dft_answer *answer,
                                    struct dft_fault *why)
{
    struct arena arena;
    arena_init(&arena, SMALL_MESSAGE_MAX);
    ProtobufCMessage *message = NULL;
    struct fault inner = {.status = STATUS_OK};
    enum dft_status result = DFT_OK;
    enum status status =
        message_unpack(&daftari__v1__session__descriptor, slice_of(answer->body, answer->body_len), false,
                       arena_allocator(&arena), &message, &inner);
    const Daftari__V1__Session *session = (const Daftari__V1__Session *)message;
    if (status != STATUS_OK || !session->has_token || session->token.len == 0 ||
        session->token.len > sizeof client->token) {
        result = client_fault_set(why, DFT_CORRUPT, "token", "the server gave no usable session");
    } else {
        memcpy(client->token, session->token.data, session->token.len);
        client->token_len = session->token.len;
        OPENSSL_cleanse(session->token.data, session->token.len);
    }
    arena_done(&arena);
    return result;
}

enum dft_status dft_log_in(struct dft_client *client, const char *email, const char *password,
                           struct dft_fault *why)
{
    ASSERT(client != NULL && email != NULL && password != NULL);
    Daftari__V1__LogIn message = DAFTARI__V1__LOG_IN__INIT;
    message.email = (char *)(uintptr_t)email; /* protobuf-c does not write to what it packs */
    message.password = (char *)(uintptr_t)password;
    size_t len = protobuf_c_message_get_packed_size(&message.base);
    uint8_t *body = malloc(len + 1);
    if (body == NULL)
        return client_fault_set(why, DFT_NO_MEMORY, NULL, "no memory to log in");
    (void)protobuf_c_message_pack(&message.base, body);
    struct dft_request *request;
    const struct dft_answer *answer;
    enum dft_status status = query_wait(client, "Login.LogIn", body, len, &request, &answer, why);
    OPENSSL_cleanse(body, len);
    free(body);
    if (status != DFT_OK)
        return status;
    status = session_take(client, answer, why);
    dft_request_free(request);
    return status;
}

enum dft_status dft_log_out(struct dft_client *client, struct dft_fault *why)
{
    struct dft_recorded recorded;
    enum dft_status status = dft_command(client, "Login.LogOut", NULL, NULL, 0, &recorded, why);
    if (status == DFT_OK || status == DFT_UNAUTHENTICATED) {
        OPENSSL_cleanse(client->token, sizeof client->token);
        client->token_len = 0;
    }
    return status;
}

const uint8_t *dft_session_token(const struct dft_client *client, size_t *out_len)
{
    *out_len = client->token_len;
    return client->token_len > 0 ? client->token : NULL;
}
