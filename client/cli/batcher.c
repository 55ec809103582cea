/* Many commands, in batches of one method, several batches in flight. Answers are handed out in the order of the
 * commands, whatever the order in which the server gave them. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/cli.h"
#include "proto/base/bug.h"

struct batch {
    struct dft_request *request;
    uint64_t lines[CLI_BATCH_COMMANDS];
};

struct batcher {
    struct cli *cli;
    void (*answered)(const struct batcher_answer *answer, void *context);
    void *context;
    char method[SERVICE_NAME_TEXT_MAX];
    struct batch flight[CLI_IN_FLIGHT + 1]; /* a ring: those started, and the one that gathers */
    size_t oldest;
    size_t started;
    bool gathering;
};

struct batcher *batcher_new(struct cli *cli,
                            void (*answered)(const struct batcher_answer *answer, void *context),
                            void *context)
{
    struct batcher *batcher = calloc(1, sizeof *batcher);
    if (batcher == NULL)
        return NULL;
    batcher->cli = cli;
    batcher->answered = answered;
    batcher->context = context;
    return batcher;
}

static struct batch *gathering(struct batcher *batcher)
{
    return &batcher->flight[(batcher->oldest + batcher->started) % (CLI_IN_FLIGHT + 1)];
}

static enum status wait_oldest(struct batcher *batcher, struct fault *why)
{
    struct batch *batch = &batcher->flight[batcher->oldest];
    struct dft_fault fault = {.status = DFT_OK};
    enum dft_status result = dft_request_wait(batch->request, &fault);
    if (result == DFT_OK) {
        for (size_t i = 0; i < dft_request_count(batch->request); i++) {
            const struct dft_answer *answer = dft_request_answer(batch->request, i);
            struct dft_recorded recorded;
            struct batcher_answer out = {.line = batch->lines[i], .position = answer->position};
            if (dft_recorded(answer, &recorded, &fault) == DFT_OK)
                out.recorded = &recorded;
            else
                out.fault = &fault;
            batcher->answered(&out, batcher->context);
        }
    }
    dft_request_free(batch->request);
    batch->request = NULL;
    batcher->oldest = (batcher->oldest + 1) % (CLI_IN_FLIGHT + 1);
    batcher->started--;
    if (result == DFT_OK)
        return STATUS_OK;
    *why = fault_of(&fault);
    return why->status;
}

static enum status start(struct batcher *batcher, struct fault *why)
{
    dft_request_start(gathering(batcher)->request);
    batcher->gathering = false;
    batcher->started++;
    return batcher->started > CLI_IN_FLIGHT - 1 ? wait_oldest(batcher, why) : STATUS_OK;
}

static enum status begin(struct batcher *batcher, const char *method, struct fault *why)
{
    struct dft_fault fault = {.status = DFT_OK};
    struct batch *batch = gathering(batcher);
    ASSERT(batch->request == NULL);
    if (dft_request_new(batcher->cli->client, method, &batch->request, &fault) != DFT_OK) {
        *why = fault_of(&fault);
        return why->status;
    }
    (void)snprintf(batcher->method, sizeof batcher->method, "%s", method);
    batcher->gathering = true;
    return STATUS_OK;
}

enum status batcher_add(struct batcher *batcher, const char *method,
                        const uint8_t command_id[DFT_COMMAND_ID_BYTES], struct slice body, uint64_t line,
                        struct fault *why)
{
    enum status status = STATUS_OK;
    if (strcmp(batcher->method, method) != 0) /* what follows may rest on what was before: wait for it */
        status = batcher_finish(batcher, why);
    for (int attempt = 0; status == STATUS_OK && attempt < 2; attempt++) {
        if (!batcher->gathering)
            status = begin(batcher, method, why);
        if (status != STATUS_OK)
            return status;
        struct dft_fault fault = {.status = DFT_OK};
        struct batch *batch = gathering(batcher);
        size_t count = dft_request_count(batch->request);
        enum dft_status added = count == CLI_BATCH_COMMANDS
                                    ? DFT_TOO_LARGE
                                    : dft_request_add(batch->request, command_id, body.ptr, body.len, &fault);
        if (added == DFT_OK) {
            batch->lines[count] = line;
            return STATUS_OK;
        }
        if (added != DFT_TOO_LARGE || count == 0) {
            *why = fault_of(&fault);
            return why->status;
        }
        status = start(batcher, why);
    }
    return status;
}

enum status batcher_finish(struct batcher *batcher, struct fault *why)
{
    enum status status = STATUS_OK;
    if (batcher->gathering && dft_request_count(gathering(batcher)->request) > 0)
        status = start(batcher, why);
    while (status == STATUS_OK && batcher->started > 0)
        status = wait_oldest(batcher, why);
    return status;
}

void batcher_free(struct batcher *batcher)
{
    if (batcher == NULL)
        return;
    for (size_t i = 0; i < CLI_IN_FLIGHT + 1; i++)
        dft_request_free(batcher->flight[i].request);
    free(batcher);
}
