/*
 * A batch: records that become durable with one commit, and the items that are answered then. There are two, so that one
 * can be appended and committed by the committer, a thread of its own, while the writer decides the next. Private to
 * server/writer.
 *
 * The open batch belongs to whoever has the writer's turn. The other one is the committer's from committer_give until
 * committer_idle gives true (or committer_wait returns), but its records may be read all the time: they stay as they are
 * until the batch is opened again.
 */
#ifndef SERVER_WRITER_BATCH_H
#define SERVER_WRITER_BATCH_H

#include <pthread.h>

#include "server/writer/writer.h"

struct batch {
    struct record *records; /* borrow from bytes */
    struct hash *hashes;    /* theirs */
    uint8_t *bytes;
    size_t bytes_used, count;
    uint64_t first;           /* position of records[0] */
    uint64_t position;        /* the log's end with the batch */
    bool tells;               /* holds a record that the `recorded` hook is told of */
    struct work_item *items;  /* decided, to be answered when it is durable, in order */
    struct work_item *newest; /* the last of them */
    uint64_t commit_us;
    uint64_t us[WRITER_STAGES]; /* what appending, committing and answering it took */
};

enum status batch_allocate(struct batch *batch, const struct writer_config *config) MUST_USE;
void batch_free(struct batch *batch);
void batch_add_item(struct batch *batch, struct work_item *item);
static inline bool batch_is_empty(const struct batch *batch)
{
    return batch->count == 0 && batch->items == NULL;
}

/* Into the log, synced. A batch without records is fine. Does not come back when the log fails. */
void batch_commit(struct batch *batch, const struct writer_config *config);
/* Tells that the log grew. */
void batch_grew(struct batch *batch, const struct writer_config *config);
/* The items are done, and the batch is as new, but for its records and times. */
void batch_answer(struct batch *batch, const struct writer_config *config);
_Noreturn void batch_fatal(const struct writer_config *config, enum status status, const char *text);

struct committer {
    const struct writer_config *config;
    struct work_queue *nudged; /* whenever a batch is done: the writer's, who may wait there */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t given, done;
    struct batch *batch; /* under work; NULL = idle */
    bool running, stop;
};

void committer_init(struct committer *committer, const struct writer_config *config);
void committer_destroy(struct committer *committer);
enum status committer_start(struct committer *committer, struct work_queue *nudged) MUST_USE;
void committer_stop(struct committer *committer); /* idle; fine when it was not started */
bool committer_idle(struct committer *committer);
void committer_wait(struct committer *committer);                      /* until it is idle */
void committer_give(struct committer *committer, struct batch *batch); /* it must be idle and running */

#endif
