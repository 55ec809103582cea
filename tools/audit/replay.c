/*
 * A ring of batches. Any thread does what is there to be done: read the next batch into a free place, give a fold that
 * nobody is busy with its next batch, end a fold that has had the last. A place is free once every fold had its batch.
 */
#include "tools/audit/replay.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "proto/base/bug.h"
#include "proto/base/bytes.h"
#include "server/log/log.h"
#include "server/store/kv_sealed.h"

#define BATCHES     3u
#define BATCH_BYTES (4u * 1024u * 1024u) /* of records, unless one block is larger */
#define THREADS_MAX 64u

struct batch {
    struct record *records;
    uint8_t *bytes; /* that the records are borrowed from */
    size_t count, used, cap;
};

struct fold {
    uint64_t next; /* batch */
    bool busy, ended;
};

struct replay {
    const struct replay_options *options;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t read; /* batches so far */
    bool reading, all_read;
    enum status status; /* of reading */
    struct fold folds[REPLAY_PARTS_MAX];
    struct batch batches[BATCHES];
    /* whoever is reading */
    struct kv_txn *txn, *snapshot;
    struct kv_cursor *keys;
};

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static enum status bytes_room(struct batch *batch, size_t more)
{
    if (more <= batch->cap - batch->used)
        return STATUS_OK;
    ASSERT(batch->count == 0); /* records are borrowed from what is there */
    uint8_t *grown = realloc(batch->bytes, more);
    if (grown == NULL)
        return STATUS_NO_MEMORY;
    batch->bytes = grown;
    batch->cap = more;
    return STATUS_OK;
}

/* What is well-formed of a block. */
static enum status block_add(struct replay *replay, struct batch *batch, const struct block *block)
{
    batch->used = batch->count > 0 ? batch->used : 0;
    enum status status = bytes_room(batch, block->records.len);
    if (status != STATUS_OK)
        return status;
    struct block copy = *block;
    copy.records.ptr = batch->bytes + batch->used;
    if (block->records.len != 0)
        memcpy(batch->bytes + batch->used, block->records.ptr, block->records.len);
    batch->used += block->records.len;
    size_t at = 0;
    struct slice bytes;
    for (uint32_t i = 0; i < block->count && block_next(&copy, i, &at, &bytes); i++) {
        struct record *record = &batch->records[batch->count];
        struct fault unwanted;
        if (record_decode(bytes, record, &unwanted) == STATUS_OK &&
            record->header.position <= replay->options->until)
            batch->count++;
    }
    return STATUS_OK;
}

/* A block that opens and fits goes in, one that does not open is passed over. False: it waits for the next batch. */
static bool block_take(struct replay *replay, struct batch *batch, struct slice key, enum status *out)
{
    struct slice value;
    struct block block;
    if (!kv_get(replay->txn, LOG_TABLE_BLOCKS, key, &value)) {
        *out = kv_error(replay->txn);
        if (*out != STATUS_CORRUPT)
            return true;
        kv_abort(replay->txn); /* it reads nothing any more */
        replay->txn = NULL;
        *out = kv_begin(replay->options->log, false, &replay->txn);
        return true;
    }
    if (!block_decode(value, &block))
        return true;
    if (batch->count > 0 &&
        (batch->count + block.count > REPLAY_BATCH_RECORDS || block.records.len > batch->cap - batch->used))
        return false;
    *out = block_add(replay, batch, &block);
    return true;
}

/* False: nothing more comes. */
static bool batch_read(struct replay *replay, struct batch *batch, enum status *out)
{
    struct slice key;
    batch->count = batch->used = 0;
    *out = STATUS_OK;
    while (replay->keys != NULL) {
        kv_row(replay->keys, &key, NULL);
        bool wanted = key.len == 8 && be64_get(key.ptr) != 0 && be64_get(key.ptr) <= replay->options->until;
        if (wanted && !block_take(replay, batch, key, out))
            return true;
        if (*out == STATUS_OK && kv_next(replay->keys))
            continue;
        kv_cursor_close(replay->keys);
        replay->keys = NULL;
    }
    return false;
}

/* ---- what is there to be done ----------------------------------------------------------------------------------- */

static uint64_t thread_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

/* Batches that the slowest fold has had. */
static uint64_t done_by_all(const struct replay *replay)
{
    uint64_t done = replay->read;
    for (size_t i = 0; i < replay->options->part_count; i++)
        done = replay->folds[i].next < done ? replay->folds[i].next : done;
    return done;
}

/* Each of these is called and returns under the lock. */
static void read_next(struct replay *replay)
{
    const struct replay_options *options = replay->options;
    struct batch *batch = &replay->batches[replay->read % BATCHES];
    enum status status;
    replay->reading = true;
    pthread_mutex_unlock(&replay->lock);
    bool more = batch_read(replay, batch, &status);
    if (options->progress != NULL && batch->count > 0)
        options->progress(options->context, batch->records[batch->count - 1].header.position);
    pthread_mutex_lock(&replay->lock);
    replay->reading = false;
    replay->all_read = !more;
    replay->status = status;
    replay->read++;
}

static void fold_next(struct replay *replay, size_t i)
{
    struct replay_part *part = &replay->options->parts[i];
    struct fold *fold = &replay->folds[i];
    const struct batch *batch = &replay->batches[fold->next % BATCHES];
    bool ends = fold->next == replay->read;
    fold->busy = true;
    pthread_mutex_unlock(&replay->lock);
    uint64_t began_us = thread_us();
    if (ends)
        part->end(part->context);
    else
        part->take(part->context, batch->records, batch->count);
    uint64_t took_us = thread_us() - began_us;
    pthread_mutex_lock(&replay->lock);
    fold->busy = false;
    fold->ended = ends;
    fold->next += ends ? 0 : 1;
    *(ends ? &part->end_us : &part->take_us) += took_us;
}

/* The fold that is furthest behind and free, or part_count. */
static size_t fold_choose(const struct replay *replay)
{
    size_t count = replay->options->part_count, best = count;
    for (size_t i = 0; i < count; i++) {
        const struct fold *fold = &replay->folds[i];
        bool due = fold->next < replay->read || (replay->all_read && !fold->ended);
        if (due && !fold->busy && (best == count || fold->next < replay->folds[best].next))
            best = i;
    }
    return best;
}

static bool all_ended(const struct replay *replay)
{
    for (size_t i = 0; i < replay->options->part_count; i++)
        if (!replay->folds[i].ended)
            return false;
    return replay->all_read;
}

static void *work(void *context)
{
    struct replay *replay = context;
    pthread_mutex_lock(&replay->lock);
    while (!all_ended(replay)) {
        size_t fold = fold_choose(replay);
        if (!replay->reading && !replay->all_read && replay->read - done_by_all(replay) < BATCHES)
            read_next(replay);
        else if (fold < replay->options->part_count)
            fold_next(replay, fold);
        else {
            pthread_cond_wait(&replay->changed, &replay->lock);
            continue;
        }
        pthread_cond_broadcast(&replay->changed);
    }
    pthread_mutex_unlock(&replay->lock);
    return NULL;
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

static enum status begin(struct replay *replay)
{
    for (size_t i = 0; i < BATCHES; i++) {
        struct batch *batch = &replay->batches[i];
        batch->records = calloc(REPLAY_BATCH_RECORDS, sizeof *batch->records);
        batch->bytes = malloc(BATCH_BYTES);
        batch->cap = BATCH_BYTES;
        if (batch->records == NULL || batch->bytes == NULL)
            return STATUS_NO_MEMORY;
    }
    enum status status = kv_begin(replay->options->log, false, &replay->snapshot);
    if (status == STATUS_OK)
        status = kv_begin(replay->options->log, false, &replay->txn);
    if (status != STATUS_OK)
        return status;
    replay->keys = kv_cursor_open(kv_sealed_beneath(replay->snapshot), LOG_TABLE_BLOCKS);
    if (replay->keys != NULL && !kv_next(replay->keys)) {
        kv_cursor_close(replay->keys);
        replay->keys = NULL;
    }
    return kv_error(replay->snapshot);
}

static void work_all(struct replay *replay)
{
    pthread_t threads[THREADS_MAX];
    unsigned count = 0;
    while (count + 1 < replay->options->threads && count < THREADS_MAX &&
           pthread_create(&threads[count], NULL, work, replay) == 0)
        count++;
    (void)work(replay);
    for (unsigned i = 0; i < count; i++)
        (void)pthread_join(threads[i], NULL);
}

enum status replay_run(const struct replay_options *options, struct fault *why)
{
    ASSERT(options->part_count <= REPLAY_PARTS_MAX);
    struct replay *replay = calloc(1, sizeof *replay);
    if (replay == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    replay->options = options;
    pthread_mutex_init(&replay->lock, NULL);
    pthread_cond_init(&replay->changed, NULL);
    enum status status = begin(replay);
    if (status == STATUS_OK) {
        work_all(replay);
        status = replay->status != STATUS_OK ? replay->status : kv_error(replay->snapshot);
    }
    kv_cursor_close(replay->keys);
    kv_abort(replay->txn);
    kv_abort(replay->snapshot);
    for (size_t i = 0; i < BATCHES; i++) {
        free(replay->batches[i].records);
        free(replay->batches[i].bytes);
    }
    pthread_cond_destroy(&replay->changed);
    pthread_mutex_destroy(&replay->lock);
    free(replay);
    return status == STATUS_OK
               ? status
               : fault_set(why, status, "log", "the log cannot be read: %s", status_text(status));
}
