#include "server/writer/batch.h"

#include <stdlib.h>

#include "proto/base/bug.h"
#include "server/base/work_queue.h"

enum status batch_allocate(struct batch *batch, const struct writer_config *config)
{
    size_t places = config->batch_records_max + 1; /* a command may come with a SessionUsedFrom before it */
    batch->records = calloc(places, sizeof *batch->records);
    batch->hashes = malloc(places * sizeof *batch->hashes);
    batch->bytes = malloc(config->batch_bytes_max);
    return batch->records != NULL && batch->hashes != NULL && batch->bytes != NULL ? STATUS_OK
                                                                                   : STATUS_NO_MEMORY;
}

void batch_free(struct batch *batch)
{
    free(batch->records);
    free(batch->hashes);
    free(batch->bytes);
}

void batch_add_item(struct batch *batch, struct work_item *item)
{
    item->next = NULL;
    if (batch->items == NULL)
        batch->items = item;
    else
        batch->newest->next = item;
    batch->newest = item;
}

_Noreturn void batch_fatal(const struct writer_config *config, enum status status, const char *text)
{
    struct fault fault = {0};
    (void)fault_set(&fault, status, NULL, "%s", text);
    config->hooks.fatal(config->hooks.context, &fault);
}

void batch_commit(struct batch *batch, const struct writer_config *config)
{
    if (batch->count == 0)
        return;
    monotonic_us began_us = clock_monotonic(config->clock);
    for (size_t i = 0; i < batch->count; i++) {
        enum status status = log_append(config->log, batch->records[i].bytes, &batch->hashes[i]);
        if (status != STATUS_OK)
            batch_fatal(config, status, "a record could not be appended to the log");
    }
    monotonic_us appended_us = clock_monotonic(config->clock);
    enum status status = log_commit(config->log);
    if (status != STATUS_OK)
        batch_fatal(config, status, "the log could not be committed");
    batch->commit_us = (uint64_t)(clock_monotonic(config->clock) - appended_us);
    batch->us[WRITER_APPEND] += (uint64_t)(appended_us - began_us);
    batch->us[WRITER_COMMIT] += batch->commit_us;
}

void batch_grew(struct batch *batch, const struct writer_config *config)
{
    const struct writer_hooks *hooks = &config->hooks;
    if (batch->count == 0 || hooks->grew == NULL)
        return;
    monotonic_us began_us = clock_monotonic(config->clock);
    hooks->grew(hooks->context, batch->position, batch->count, (int64_t)batch->commit_us);
    batch->us[WRITER_TELL] += (uint64_t)(clock_monotonic(config->clock) - began_us);
}

void batch_answer(struct batch *batch, const struct writer_config *config)
{
    monotonic_us began_us = clock_monotonic(config->clock);
    struct work_item *list = batch->items;
    batch->items = batch->newest = NULL;
    while (list != NULL) {
        struct work_item *item = list;
        list = item->next;
        item->next = NULL;
        item->position = batch->position;
        item->done(item);
    }
    batch->us[WRITER_ANSWER] += (uint64_t)(clock_monotonic(config->clock) - began_us);
}

/* ---- the committer --------------------------------------------------------------------------------------------- */

static void *committer_main(void *argument)
{
    struct committer *committer = argument;
    (void)pthread_setname_np(pthread_self(), "committer");
    pthread_mutex_lock(&committer->lock);
    for (;;) {
        while (committer->batch == NULL && !committer->stop)
            pthread_cond_wait(&committer->given, &committer->lock);
        if (committer->batch == NULL)
            break;
        struct batch *batch = committer->batch;
        pthread_mutex_unlock(&committer->lock);
        batch_commit(batch, committer->config);
        batch_grew(batch, committer->config);
        batch_answer(batch, committer->config);
        pthread_mutex_lock(&committer->lock);
        committer->batch = NULL;
        pthread_cond_signal(&committer->done);
        work_queue_nudge(committer->nudged); /* whoever sees it idle has the nudge before him */
    }
    pthread_mutex_unlock(&committer->lock);
    return NULL;
}

void committer_init(struct committer *committer, const struct writer_config *config)
{
    committer->config = config;
    pthread_mutex_init(&committer->lock, NULL);
    pthread_cond_init(&committer->given, NULL);
    pthread_cond_init(&committer->done, NULL);
}

void committer_destroy(struct committer *committer)
{
    ASSERT(!committer->running);
    pthread_cond_destroy(&committer->given);
    pthread_cond_destroy(&committer->done);
    pthread_mutex_destroy(&committer->lock);
}

enum status committer_start(struct committer *committer, struct work_queue *nudged)
{
    ASSERT(!committer->running);
    committer->nudged = nudged;
    committer->stop = false;
    if (pthread_create(&committer->thread, NULL, committer_main, committer) != 0)
        return STATUS_NO_MEMORY;
    committer->running = true;
    return STATUS_OK;
}

void committer_stop(struct committer *committer)
{
    if (!committer->running)
        return;
    pthread_mutex_lock(&committer->lock);
    committer->stop = true;
    pthread_cond_signal(&committer->given);
    pthread_mutex_unlock(&committer->lock);
    (void)pthread_join(committer->thread, NULL);
    committer->running = false;
}

bool committer_idle(struct committer *committer)
{
    pthread_mutex_lock(&committer->lock);
    bool idle = committer->batch == NULL;
    pthread_mutex_unlock(&committer->lock);
    return idle;
}

void committer_wait(struct committer *committer)
{
    pthread_mutex_lock(&committer->lock);
    while (committer->batch != NULL)
        pthread_cond_wait(&committer->done, &committer->lock);
    pthread_mutex_unlock(&committer->lock);
}

void committer_give(struct committer *committer, struct batch *batch)
{
    pthread_mutex_lock(&committer->lock);
    ASSERT(committer->batch == NULL && committer->running);
    committer->batch = batch;
    pthread_cond_signal(&committer->given);
    pthread_mutex_unlock(&committer->lock);
}
