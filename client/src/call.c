/* Requests: from commands added, over the wire, to answers. */
#include <stdio.h>
#include <stdlib.h>

#include "client/src/client.h"
#include "proto/base/bug.h"
#include "proto/base/text.h"
#include "proto/wire/message.h"
#include "proto/wire/varint.h"

/* Protobuf tags of proto/schema/envelope.proto (field number << 3 | wire type). Requests are written by hand, so that
 * command bodies are copied once and in one piece. */
#define TAG_REQUEST_ID       0x08
#define TAG_METHOD           0x12
#define TAG_DEADLINE_MS      0x18
#define TAG_AT_LEAST         0x20
#define TAG_COMMANDS         0x2a
#define TAG_CREDIT           0x30
#define TAG_COMMAND_ID       0x0a
#define TAG_COMMAND_BODY     0x12
#define REQUEST_HEAD_MAX     (4 * (1 + VARINT_BYTES_MAX) + 2 + METHOD_NAME_MAX)
#define COMMAND_OVERHEAD_MAX (3 + 2 * VARINT_BYTES_MAX + 1 + COMMAND_ID_BYTES)

static uint8_t *field_put(uint8_t *at, uint8_t tag, uint64_t value)
{
    *at++ = tag;
    return varint_put(at, value);
}

static uint8_t *bytes_put(uint8_t *at, uint8_t tag, const void *bytes, size_t len)
{
    at = field_put(at, tag, len);
    if (len > 0)
        memcpy(at, bytes, len);
    return at + len;
}

/* ---- making a request -------------------------------------------------------------------------------------------- */

void call_init(struct dft_client *client, struct dft_request *request, const char *method)
{
    *request = (struct dft_request){.client = client, .state = REQUEST_NEW};
    (void)snprintf(request->method, sizeof request->method, "%s", method);
    request->timeout_ms = client->call_timeout_ms;
    arena_init(&request->arena, CLIENT_REQUEST_ANSWERS_MAX);
    STAILQ_INIT(&request->parts);
}

enum dft_status dft_request_new(struct dft_client *client, const char *method, struct dft_request **out,
                                struct dft_fault *why)
{
    ASSERT(client != NULL && method != NULL && out != NULL);
    if (method[0] == '\0' || strlen(method) > METHOD_NAME_MAX)
        return client_fault_set(why, DFT_INVALID, "method", "a name such as Entry.Post, at most %u bytes",
                                METHOD_NAME_MAX);
    struct dft_request *request = malloc(sizeof *request);
    if (request == NULL)
        return client_fault_set(why, DFT_NO_MEMORY, NULL, "no memory for a request");
    call_init(client, request, method);
    *out = request;
    return DFT_OK;
}

static void request_unlink(struct dft_request *request)
{
    struct dft_client *client = request->client;
    if (request->state == REQUEST_QUEUED) {
        TAILQ_REMOVE(&client->queue, request, link);
    } else if (request->state == REQUEST_OPEN) {
        TAILQ_REMOVE(&client->open, request, link);
        client->open_count--;
    }
}

/* Tells the server that nobody waits any more. When there is no room for that, the answer is simply not wanted. */
static void request_cancel(struct dft_request *request)
{
    struct dft_client *client = request->client;
    if (request->state != REQUEST_OPEN || client->state != CLIENT_READY)
        return;
    Daftari__V1__Cancel cancel = DAFTARI__V1__CANCEL__INIT;
    cancel.has_request_id = 1;
    cancel.request_id = request->id;
    if (conn_frame(client, FRAME_CANCEL, &cancel.base))
        conn_flush(client);
}

void call_done(struct dft_request *request)
{
    request_cancel(request);
    request_unlink(request);
    struct part *part;
    while ((part = STAILQ_FIRST(&request->parts)) != NULL) {
        STAILQ_REMOVE_HEAD(&request->parts, link);
        free(part);
    }
    growing_done(&request->commands);
    arena_done(&request->arena);
    free(request->answers);
    request->answers = NULL;
}

void dft_request_free(struct dft_request *request)
{
    if (request == NULL)
        return;
    call_done(request);
    free(request);
}

enum dft_status call_body(struct dft_request *request, const uint8_t *command_id, const void *body,
                          size_t body_len, struct dft_fault *why)
{
    ASSERT(request->state == REQUEST_NEW && (body != NULL || body_len == 0));
    const struct dft_client *client = request->client;
    uint32_t payload_max = client->welcomed ? client->welcome.frame_payload_max : FRAME_PAYLOAD_MAX;
    uint32_t commands_max =
        client->welcomed ? client->welcome.commands_per_request_max : COMMANDS_PER_REQUEST;
    if (request->count >= commands_max)
        return client_fault_set(why, DFT_TOO_LARGE, NULL, "at most %u commands in a request", commands_max);
    size_t id_len = command_id != NULL ? 2 + COMMAND_ID_BYTES : 0;
    size_t inner = body_len > payload_max ? payload_max : id_len + 1 + varint_size(body_len) + body_len;
    size_t outer = 1 + varint_size(inner) + inner;
    if (body_len > payload_max || outer > payload_max - REQUEST_HEAD_MAX - request->commands.len)
        return client_fault_set(why, DFT_TOO_LARGE, NULL, "at most %u bytes in a request",
                                payload_max - REQUEST_HEAD_MAX);
    if (!growing_reserve(&request->commands, outer, FRAME_PAYLOAD_MAX))
        return client_fault_set(why, DFT_NO_MEMORY, NULL, "no memory for a request");
    uint8_t *at = field_put(request->commands.bytes + request->commands.len, TAG_COMMANDS, inner);
    if (command_id != NULL)
        at = bytes_put(at, TAG_COMMAND_ID, command_id, COMMAND_ID_BYTES);
    (void)bytes_put(at, TAG_COMMAND_BODY, body, body_len);
    request->commands.len += outer;
    request->count++;
    return DFT_OK;
}

enum dft_status dft_request_add(struct dft_request *request, const uint8_t command_id[DFT_COMMAND_ID_BYTES],
                                const void *body, size_t body_len, struct dft_fault *why)
{
    ASSERT(request != NULL && command_id != NULL);
    ASSERT(request->kind == REQUEST_NONE || request->kind == REQUEST_COMMANDS);
    static const uint8_t zero[DFT_COMMAND_ID_BYTES];
    if (memcmp(command_id, zero, sizeof zero) == 0)
        return client_fault_set(why, DFT_INVALID, "command_id", "16 bytes, not all zero");
    enum dft_status status = call_body(request, command_id, body, body_len, why);
    if (status == DFT_OK)
        request->kind = REQUEST_COMMANDS;
    return status;
}

enum dft_status dft_request_query(struct dft_request *request, const void *body, size_t body_len,
                                  struct dft_fault *why)
{
    ASSERT(request != NULL && request->kind == REQUEST_NONE);
    enum dft_status status = call_body(request, NULL, body, body_len, why);
    if (status == DFT_OK)
        request->kind = REQUEST_QUERY;
    return status;
}

void dft_request_at_least(struct dft_request *request, uint64_t position)
{
    request->at_least = position;
    request->at_least_given = true;
}

void dft_request_timeout(struct dft_request *request, uint32_t timeout_ms)
{
    request->timeout_ms = timeout_ms;
}

void dft_request_notify(struct dft_request *request, void (*done)(struct dft_request *request, void *context),
                        void *context)
{
    request->notify = done;
    request->notify_context = context;
}

void dft_request_start(struct dft_request *request)
{
    ASSERT(request->state == REQUEST_NEW && request->kind != REQUEST_NONE);
    struct dft_client *client = request->client;
    request->state = REQUEST_QUEUED;
    request->sequence = ++client->next_sequence;
    request->deadline_ms =
        request->timeout_ms == DFT_FOREVER ? INT64_MAX : monotonic_ms() + request->timeout_ms;
    TAILQ_INSERT_TAIL(&client->queue, request, link);
    client->distrusted = false; /* a new request is a new wish to try */
}

/* ---- sending ----------------------------------------------------------------------------------------------------- */

/* False: no memory. */
static bool request_encode(struct dft_request *request)
{
    struct dft_client *client = request->client;
    if (!growing_reserve(&client->out, FRAME_HEADER_BYTES + REQUEST_HEAD_MAX + request->commands.len,
                         CLIENT_OUT_MAX))
        return false;
    int64_t now_ms = monotonic_ms();
    int64_t left_ms = request->deadline_ms == INT64_MAX ? 0 : request->deadline_ms - now_ms;
    uint8_t *start = client->out.bytes + client->out.len;
    uint8_t *at = start + FRAME_HEADER_BYTES;
    at = field_put(at, TAG_REQUEST_ID, request->id);
    at = bytes_put(at, TAG_METHOD, request->method, strlen(request->method));
    if (left_ms > 0)
        at = field_put(at, TAG_DEADLINE_MS, left_ms < UINT32_MAX ? (uint64_t)left_ms : UINT32_MAX);
    uint64_t at_least = request->at_least_given ? request->at_least : client->position;
    if (request->kind != REQUEST_COMMANDS && at_least > 0)
        at = field_put(at, TAG_AT_LEAST, at_least);
    if (request->kind == REQUEST_STREAM)
        at = field_put(at, TAG_CREDIT, request->credit);
    memcpy(at, request->commands.bytes, request->commands.len);
    at += request->commands.len;
    size_t payload_len = (size_t)(at - start) - FRAME_HEADER_BYTES;
    frame_header_encode(FRAME_REQUEST, payload_len, start);
    client->out.len += FRAME_HEADER_BYTES + payload_len;
    return true;
}

bool call_may_send(const struct dft_client *client)
{
    const struct dft_request *first = TAILQ_FIRST(&client->queue);
    return first != NULL && client->state == CLIENT_READY && !client->draining &&
           client->open_count < client->welcome.requests_open_max &&
           client->out.len - client->out.start < CLIENT_OUT_HIGH &&
           (first->sent_count == 0 || client->not_before_ms <= monotonic_ms());
}

void call_send_queued(struct dft_client *client)
{
    if (client->draining && client->open_count == 0 && client->state == CLIENT_READY) {
        struct dft_fault why = client->last;
        conn_lost(client, DFT_UNAVAILABLE, "%s", why.text);
        return;
    }
    while (call_may_send(client)) {
        struct dft_request *request = TAILQ_FIRST(&client->queue);
        request->id = ++client->next_id;
        if (!request_encode(request)) {
            conn_lost(client, DFT_NO_MEMORY, "no memory to send requests");
            return;
        }
        TAILQ_REMOVE(&client->queue, request, link);
        TAILQ_INSERT_TAIL(&client->open, request, link);
        client->open_count++;
        request->state = REQUEST_OPEN;
        request->sent_count++;
        request->credit_used = 0;
        request->owed = 0;
    }
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

void call_finish(struct dft_request *request, const struct dft_fault *result)
{
    ASSERT(request->state == REQUEST_QUEUED || request->state == REQUEST_OPEN);
    if (result->status == DFT_DEADLINE)
        request_cancel(request);
    request_unlink(request);
    request->state = REQUEST_DONE;
    request->result = *result;
    if (request->notify != NULL)
        request->notify(request, request->notify_context);
}

/* What only a client may say, END and AGAIN among it, would be taken for our own word. */
static enum dft_status status_heard(const Daftari__V1__Answer *answer)
{
    enum status status = (enum status)answer->status;
    return status_class_of(status) == STATUS_CLASS_LOCAL ? DFT_INTERNAL : (enum dft_status)status;
}

static void fault_copy(const Daftari__V1__Answer *answer, struct dft_fault *out)
{
    *out = (struct dft_fault){.status = status_heard(answer)};
    const Daftari__V1__Fault *fault = answer->fault;
    const char *text =
        fault != NULL && fault->text != NULL ? fault->text : status_text((enum status)out->status);
    const char *field = fault != NULL && fault->field != NULL ? fault->field : "";
    out->reason = fault != NULL && fault->has_reason ? (uint32_t)fault->reason : 0;
    (void)snprintf(out->field, sizeof out->field, "%.*s",
                   (int)text_cut(slice_text(field), sizeof out->field - 1), field);
    (void)snprintf(out->text, sizeof out->text, "%.*s", (int)text_cut(slice_text(text), sizeof out->text - 1),
                   text);
}

/* Fills in one answer; its body stays in the request's arena. */
static void answer_fill(struct dft_request *request, const Daftari__V1__Answer *from, uint64_t position)
{
    struct dft_answer *answer = &request->answers[request->answer_count++];
    *answer = (struct dft_answer){.status = status_heard(from), .position = position};
    if (from->status == DAFTARI__V1__STATUS__OK) {
        answer->body = from->body.data;
        answer->body_len = from->body.len;
    } else {
        fault_copy(from, &answer->fault);
    }
}

/* The first answer that asks to come again later; NULL when none does. */
static const Daftari__V1__Answer *answer_to_retry(const Daftari__V1__Response *response)
{
    for (size_t i = 0; i < response->n_answers; i++) {
        int32_t status = (int32_t)response->answers[i]->status;
        if (status == DFT_BUSY || status == DFT_UNAVAILABLE)
            return response->answers[i];
    }
    return NULL;
}

static void response_to_call(struct dft_request *request, const Daftari__V1__Response *response)
{
    struct dft_fault result = {.status = DFT_OK};
    const Daftari__V1__Answer *later = answer_to_retry(response);
    if (later != NULL && retry_answer(request, (enum dft_status)later->status))
        return;
    if (response->n_answers == 1 && request->answer_count == 0 && request->count > 1 && response->end &&
        response->answers[0]->status != DAFTARI__V1__STATUS__OK) {
        fault_copy(response->answers[0], &result); /* the request as a whole is refused */
        call_finish(request, &result);
        return;
    }
    if (request->answers == NULL)
        request->answers = calloc(request->count, sizeof *request->answers);
    if (request->answers == NULL || response->n_answers > request->count - request->answer_count) {
        (void)client_fault_set(&result, request->answers == NULL ? DFT_NO_MEMORY : DFT_CORRUPT, NULL,
                               "%zu commands cannot have that many answers", request->count);
        call_finish(request, &result);
        return;
    }
    for (size_t i = 0; i < response->n_answers; i++)
        answer_fill(request, response->answers[i], response->position);
    if (!response->end)
        return;
    if (request->answer_count != request->count)
        (void)client_fault_set(&result, DFT_CORRUPT, NULL, "the server answered %zu of %zu commands",
                               request->answer_count, request->count);
    call_finish(request, &result);
}

static void response_to_stream(struct dft_request *request, const Daftari__V1__Response *response)
{
    struct dft_client *client = request->client;
    struct dft_fault result = {.status = DFT_END};
    const Daftari__V1__Answer *later = answer_to_retry(response);
    if (later != NULL && retry_answer(request, (enum dft_status)later->status))
        return;
    for (size_t i = 0; i < response->n_answers; i++) {
        const Daftari__V1__Answer *answer = response->answers[i];
        if (answer->status != DAFTARI__V1__STATUS__OK) {
            fault_copy(answer, &result);
            call_finish(request, &result);
            return;
        }
        if (!stream_part(request, answer, response->position)) {
            conn_lost(client, DFT_DISCONNECTED, "%s sends more than it was allowed to", client->server);
            return;
        }
    }
    arena_done(&request->arena); /* parts were copied */
    if (response->end)
        call_finish(request, &result);
}

void call_response(struct dft_client *client, struct slice payload)
{
    struct arena arena;
    arena_init(&arena, CLIENT_ANSWERS_MAX);
    ProtobufCMessage *message = NULL;
    struct fault why = {.status = STATUS_OK};
    enum status status = message_unpack(&daftari__v1__response__descriptor, payload, false,
                                        arena_allocator(&arena), &message, &why);
    if (status != STATUS_OK) {
        arena_done(&arena);
        conn_lost(client, DFT_DISCONNECTED, "%s does not keep to the protocol: %s", client->server, why.text);
        return;
    }
    const Daftari__V1__Response *response = (const Daftari__V1__Response *)message;
    client->failures = 0;
    if (response->position > client->position)
        client->position = response->position;
    checkpoint_answered(&client->memory, response->position);
    struct dft_request *request;
    TAILQ_FOREACH(request, &client->open, link)
    {
        if (request->id == response->request_id)
            break;
    }
    if (request == NULL) { /* cancelled before its answer came */
        arena_done(&arena);
    } else if (request->kind == REQUEST_STREAM) {
        response_to_stream(request, response);
        arena_done(&arena);
    } else if (!arena_adopt(&request->arena, &arena)) {
        struct dft_fault result;
        (void)client_fault_set(&result, DFT_TOO_LARGE, NULL, "the answers take more than %u bytes of memory",
                               CLIENT_REQUEST_ANSWERS_MAX);
        arena_done(&arena);
        call_finish(request, &result);
    } else {
        response_to_call(request, response);
    }
}

/* ---- reading the result ------------------------------------------------------------------------------------------ */

bool dft_request_done(const struct dft_request *request)
{
    return request->state == REQUEST_DONE;
}

enum dft_status dft_request_result(const struct dft_request *request, struct dft_fault *why)
{
    if (request->state != REQUEST_DONE)
        return DFT_AGAIN;
    if (request->result.status != DFT_OK && why != NULL)
        *why = request->result;
    return request->result.status;
}

size_t dft_request_count(const struct dft_request *request)
{
    return request->count;
}

const struct dft_answer *dft_request_answer(const struct dft_request *request, size_t index)
{
    ASSERT(request->state == REQUEST_DONE && request->result.status == DFT_OK &&
           index < request->answer_count);
    return &request->answers[index];
}
