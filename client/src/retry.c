/*
 * What is sent again, and when. Commands always may be: the server answers a command id once. Queries may be too: they
 * change nothing. A stream may be as long as none of its parts was handed out. Nothing is sent after its deadline, and
 * nothing when the server cannot be trusted.
 */
#include <openssl/rand.h>

#include "client/src/client.h"

/* Doubling with the number of failures, and spread over half to one and a half times that, so that many clients do not
 * come back at the same moment. */
void retry_back_off(struct dft_client *client)
{
    uint32_t wait_ms = CLIENT_BACKOFF_MS;
    for (uint32_t i = 0; i < client->failures && wait_ms < CLIENT_BACKOFF_MAX_MS; i++)
        wait_ms *= 2;
    if (wait_ms > CLIENT_BACKOFF_MAX_MS)
        wait_ms = CLIENT_BACKOFF_MAX_MS;
    uint16_t spread = 0;
    (void)RAND_bytes((unsigned char *)&spread, sizeof spread);
    wait_ms = wait_ms / 2 + wait_ms * spread / UINT16_MAX;
    client->not_before_ms = monotonic_ms() + wait_ms;
    client->failures++;
}

static void queue_again(struct dft_request *request)
{
    struct dft_client *client = request->client;
    request->state = REQUEST_QUEUED;
    arena_done(&request->arena);
    request->answer_count = 0;
    struct dft_request *later = NULL;
    TAILQ_FOREACH(later, &client->queue, link)
    {
        if (later->sequence > request->sequence)
            break;
    }
    if (later != NULL)
        TAILQ_INSERT_BEFORE(later, request, link);
    else
        TAILQ_INSERT_TAIL(&client->queue, request, link);
}

static bool may_send_again(const struct dft_request *request)
{
    const struct dft_client *client = request->client;
    return !client->distrusted && !request->part_seen &&
           (client->retries_max == DFT_FOREVER || request->sent_count <= client->retries_max) &&
           monotonic_ms() < request->deadline_ms;
}

/* Moves what was open back to the queue, then ends what may not wait there. Ending a request runs the caller's code,
 * which may free or start others: the lists are looked at afresh after each. */
void retry_connection_lost(struct dft_client *client)
{
    struct dft_request *request;
    while ((request = TAILQ_LAST(&client->open, request_list)) != NULL) {
        TAILQ_REMOVE(&client->open, request, link);
        client->open_count--;
        queue_again(request);
    }
    uint64_t last_sequence = client->next_sequence;
    struct dft_fault result = client->last;
    for (;;) {
        TAILQ_FOREACH(request, &client->queue, link)
        {
            if (request->sequence > last_sequence)
                continue;
            if (client->no_reconnect || client->distrusted ||
                (request->sent_count > 0 && !may_send_again(request)))
                break;
        }
        if (request == NULL)
            return;
        call_finish(request, &result);
    }
}

bool retry_answer(struct dft_request *request, enum dft_status status)
{
    struct dft_client *client = request->client;
    if ((status != DFT_BUSY && status != DFT_UNAVAILABLE) || !may_send_again(request))
        return false;
    TAILQ_REMOVE(&client->open, request, link);
    client->open_count--;
    queue_again(request);
    retry_back_off(client);
    return true;
}

static struct dft_request *expired_in(struct request_list *list, int64_t now_ms)
{
    struct dft_request *request;
    TAILQ_FOREACH(request, list, link)
    {
        if (request->deadline_ms <= now_ms)
            return request;
    }
    return NULL;
}

void retry_expire(struct dft_client *client)
{
    int64_t now_ms = monotonic_ms();
    if (client->state != CLIENT_DOWN && client->state != CLIENT_READY &&
        client->connect_deadline_ms <= now_ms)
        conn_lost(client, DFT_DISCONNECTED, "%s did not answer within %u ms", client->server,
                  client->connect_timeout_ms);
    for (;;) {
        struct dft_request *request = expired_in(&client->open, now_ms);
        if (request == NULL)
            request = expired_in(&client->queue, now_ms);
        if (request == NULL)
            return;
        struct dft_fault result = {.status = DFT_DEADLINE};
        if (client->last.status != DFT_OK && client->state != CLIENT_READY)
            result = client->last;
        else
            (void)client_fault_set(&result, DFT_DEADLINE, NULL, "%s was not answered within %u ms",
                                   request->method, request->timeout_ms);
        call_finish(request, &result);
    }
}
