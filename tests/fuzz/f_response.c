/* What a server may send to the client library: frames' payloads of any content, to open requests of every kind. */
#include <stdlib.h>

#include "client/src/client.h"
#include "proto/base/bug.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void request_open(struct dft_client *client, struct dft_request *request, enum request_kind kind,
                         size_t count)
{
    call_init(client, request, "Entry.Post");
    request->kind = kind;
    request->count = count;
    request->credit = 4;
    request->id = ++client->next_id;
    request->sequence = ++client->next_sequence;
    request->deadline_ms = INT64_MAX;
    request->state = REQUEST_OPEN;
    request->sent_count = 1;
    STAILQ_INIT(&request->parts);
    TAILQ_INSERT_TAIL(&client->open, request, link);
    client->open_count++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dft_client *client = calloc(1, sizeof *client);
    struct dft_request *requests = calloc(3, sizeof *requests);
    ASSERT(client != NULL && requests != NULL);
    client->fd = -1;
    client->retries_max = 1;
    TAILQ_INIT(&client->queue);
    TAILQ_INIT(&client->open);
    arena_init(&client->welcome_arena, CLIENT_WELCOME_MAX);
    bool greets = size > 0 && data[0] % 4 == 0;
    client->state = greets ? CLIENT_GREETING : CLIENT_READY;
    request_open(client, &requests[0], REQUEST_QUERY, 1);
    request_open(client, &requests[1], REQUEST_COMMANDS, 3);
    request_open(client, &requests[2], REQUEST_STREAM, 1);
    if (size > 0 && greets)
        greet_welcome(client, slice_of(data + 1, size - 1));
    else if (size > 0)
        call_response(client, slice_of(data + 1, size - 1));
    for (size_t i = 0; i < 3; i++) {
        struct dft_recorded recorded;
        struct dft_fault why;
        if (requests[i].state == REQUEST_DONE && requests[i].result.status == DFT_OK) {
            for (size_t k = 0; k < requests[i].count; k++)
                ASSERT(dft_recorded(dft_request_answer(&requests[i], k), &recorded, &why) == DFT_OK ||
                       why.status != DFT_OK);
        }
        ASSERT(requests[i].part_count <= requests[i].credit);
        call_done(&requests[i]);
    }
    growing_done(&client->out);
    arena_done(&client->welcome_arena);
    free(requests);
    free(client);
    return 0;
}
