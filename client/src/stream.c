/* Streaming queries: parts wait here, at most as many as the credit that the server was given. */
#include <stdlib.h>

#include "client/src/client.h"
#include "proto/base/bug.h"

bool stream_part(struct dft_request *request, const Daftari__V1__Answer *answer, uint64_t position)
{
    if (request->credit_used >= request->credit)
        return false;
    struct part *part = malloc(sizeof *part + answer->body.len);
    if (part == NULL)
        return false;
    part->position = position;
    part->len = answer->body.len;
    if (part->len > 0)
        memcpy(part->bytes, answer->body.data, part->len);
    STAILQ_INSERT_TAIL(&request->parts, part, link);
    request->part_count++;
    request->credit_used++;
    request->part_seen = true;
    return true;
}

enum dft_status dft_stream_open(struct dft_client *client, const char *method, const void *body,
                                size_t body_len, uint32_t credit, uint32_t timeout_ms,
                                struct dft_stream **out, struct dft_fault *why)
{
    ASSERT(client != NULL && method != NULL && out != NULL);
    if (method[0] == '\0' || strlen(method) > METHOD_NAME_MAX)
        return client_fault_set(why, DFT_INVALID, "method", "a name such as Entry.List, at most %u bytes",
                                METHOD_NAME_MAX);
    if (credit > STREAM_CREDIT_MAX)
        return client_fault_set(why, DFT_INVALID, "credit", "at most %u parts", STREAM_CREDIT_MAX);
    struct dft_stream *stream = malloc(sizeof *stream);
    if (stream == NULL)
        return client_fault_set(why, DFT_NO_MEMORY, NULL, "no memory for a stream");
    stream->lent = NULL;
    struct dft_request *request = &stream->request;
    call_init(client, request, method);
    STAILQ_INIT(&request->parts);
    request->credit = credit > 0 ? credit : CLIENT_CREDIT_DEFAULT;
    request->timeout_ms = timeout_ms;
    enum dft_status status = call_body(request, NULL, body, body_len, why);
    if (status != DFT_OK) {
        dft_stream_close(stream);
        return status;
    }
    request->kind = REQUEST_STREAM;
    dft_request_start(request);
    *out = stream;
    return DFT_OK;
}

void dft_stream_at_least(struct dft_stream *stream, uint64_t position)
{
    dft_request_at_least(&stream->request, position);
}

void dft_stream_close(struct dft_stream *stream)
{
    if (stream == NULL)
        return;
    call_done(&stream->request);
    free(stream->lent);
    free(stream);
}

/* Gives credit back when half of it was read, so that grants are few and the stream never stands still. */
static void grant(struct dft_request *request)
{
    struct dft_client *client = request->client;
    if (request->state != REQUEST_OPEN || client->state != CLIENT_READY ||
        request->owed < (request->credit + 1) / 2)
        return;
    Daftari__V1__Grant message = DAFTARI__V1__GRANT__INIT;
    message.has_request_id = 1;
    message.request_id = request->id;
    message.has_parts = 1;
    message.parts = request->owed;
    if (!conn_frame(client, FRAME_GRANT, &message.base)) {
        conn_lost(client, DFT_NO_MEMORY, "no memory to go on with a stream");
        return;
    }
    request->credit_used -= request->owed;
    request->owed = 0;
    conn_flush(client);
}

enum dft_status dft_stream_next(struct dft_stream *stream, uint32_t timeout_ms, struct dft_answer *out,
                                struct dft_fault *why)
{
    ASSERT(stream != NULL && out != NULL);
    struct dft_request *request = &stream->request;
    free(stream->lent);
    stream->lent = NULL;
    int64_t until_ms = timeout_ms == DFT_FOREVER ? INT64_MAX : monotonic_ms() + timeout_ms;
    while (STAILQ_EMPTY(&request->parts)) {
        if (request->state == REQUEST_DONE) {
            if (request->result.status != DFT_END && why != NULL)
                *why = request->result;
            return request->result.status;
        }
        if (timeout_ms != 0 && monotonic_ms() >= until_ms)
            return DFT_AGAIN;
        client_wait_turn(request->client, timeout_ms == 0 ? 0 : until_ms);
        if (timeout_ms == 0 && STAILQ_EMPTY(&request->parts) && request->state != REQUEST_DONE)
            return DFT_AGAIN;
    }
    struct part *part = STAILQ_FIRST(&request->parts);
    STAILQ_REMOVE_HEAD(&request->parts, link);
    request->part_count--;
    request->owed++;
    stream->lent = part;
    *out = (struct dft_answer){
        .status = DFT_OK, .body = part->bytes, .body_len = part->len, .position = part->position};
    grant(request);
    return DFT_OK;
}
