/*
 * A ring of spans. The caller's thread puts the keys of the next blocks into free ones; any thread, the caller's too,
 * takes the oldest that is ready and reads it; the caller takes the results from the ring's end, in order.
 */
#include <pthread.h>
#include <stdlib.h>

#include "proto/base/bytes.h"
#include "server/log/check_parts.h"

#define SPANS_PER_THREAD 3u

struct worker {
    struct check_pool *pool;
    struct check_reader reader;
    pthread_t thread;
};

struct check_pool {
    struct check_reader own; /* the caller's, for reading */
    struct check_reader
        snapshot; /* and for the keys: begun first, so that every other one sees all of them */
    struct check_keys keys;
    bool walked; /* no more keys */
    uint64_t last;

    size_t span_count;
    struct span *spans;
    uint64_t put, given, taken; /* spans so far: with keys, handed to a thread, given back by _next */

    pthread_mutex_t lock; /* states of spans, `put`, `given`, `ended` */
    pthread_cond_t ready, done;
    bool ended;
    unsigned worker_count;
    struct worker workers[LOG_CHECK_THREADS_MAX];
};

static struct span *span_at(struct check_pool *pool, uint64_t number)
{
    return &pool->spans[number % pool->span_count];
}

/* The oldest span that nobody has. Under the lock. */
static struct span *span_claim(struct check_pool *pool)
{
    if (pool->given == pool->put)
        return NULL;
    struct span *span = span_at(pool, pool->given++);
    span->state = SPAN_TAKEN;
    return span;
}

static void span_work(struct check_pool *pool, struct span *span, struct check_reader *reader)
{
    pthread_mutex_unlock(&pool->lock);
    span_read(span, reader);
    pthread_mutex_lock(&pool->lock);
    span->state = SPAN_DONE;
    pthread_cond_signal(&pool->done);
}

static void *work(void *context)
{
    struct worker *worker = context;
    struct check_pool *pool = worker->pool;
    pthread_mutex_lock(&pool->lock);
    while (!pool->ended) {
        struct span *span = span_claim(pool);
        if (span != NULL)
            span_work(pool, span, &worker->reader);
        else
            pthread_cond_wait(&pool->ready, &pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

static void span_fill(struct check_pool *pool, struct span *span)
{
    uint64_t begin = 0;
    span->block_count = 0;
    span->disorder = false;
    while (span->block_count < SPAN_BLOCKS_MAX) {
        enum check_keys_next next = check_keys_next(&pool->keys);
        if (next != CHECK_KEYS_NEXT) {
            span->disorder = next == CHECK_KEYS_DISORDER;
            pool->walked = true;
            return;
        }
        uint64_t first = pool->keys.len == 8 ? be64_get(pool->keys.key) : 0;
        span->blocks[span->block_count++] = (struct found_block){.first = first, .key_len = pool->keys.len};
        check_keys_hint(&pool->keys, &pool->snapshot, LOG_TABLE_BLOCKS);
        begin = begin != 0 ? begin : first;
        if (first - begin >= SPAN_POSITIONS) /* the last of them is in the span, and maybe large */
            return;
    }
}

/* Fills what is free. Keys are walked outside of the lock: free spans are the caller's. */
static void spans_fill(struct check_pool *pool)
{
    while (!pool->walked && pool->put - pool->taken < pool->span_count) {
        struct span *span = span_at(pool, pool->put);
        span_fill(pool, span);
        if (span->block_count == 0 && !span->disorder)
            return;
        pthread_mutex_lock(&pool->lock);
        span->state = SPAN_READY;
        pool->put++;
        pthread_cond_signal(&pool->ready);
        pthread_mutex_unlock(&pool->lock);
    }
}

enum status check_pool_next(struct check_pool *pool, struct span **out)
{
    spans_fill(pool);
    if (pool->taken == pool->put) {
        enum status walked = kv_error(pool->snapshot.txn);
        return walked != STATUS_OK ? walked : STATUS_END;
    }
    struct span *span = span_at(pool, pool->taken);
    pthread_mutex_lock(&pool->lock);
    while (span->state != SPAN_DONE) {
        struct span *other = span_claim(pool);
        if (other != NULL)
            span_work(pool, other, &pool->own);
        else
            pthread_cond_wait(&pool->done, &pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    pool->taken++;
    *out = span;
    return span->status;
}

/* ---- the pool ---------------------------------------------------------------------------------------------------- */

static enum status workers_start(struct check_pool *pool, unsigned threads)
{
    enum status status = STATUS_OK;
    while (pool->worker_count + 1 < threads) {
        struct worker *worker = &pool->workers[pool->worker_count];
        worker->pool = pool;
        status = check_reader_open(&worker->reader, pool->own.options);
        if (status != STATUS_OK)
            return status == STATUS_BUSY ? STATUS_OK : status; /* no room for more readers */
        if (pthread_create(&worker->thread, NULL, work, worker) != 0) {
            check_reader_close(&worker->reader);
            return STATUS_OK;
        }
        pool->worker_count++;
    }
    return status;
}

/* For progress alone: pages that were changed may say anything. */
static enum status last_find(struct check_pool *pool)
{
    struct slice key;
    check_keys_open(&pool->keys, &pool->own, LOG_TABLE_BLOCKS);
    if (pool->keys.cursor != NULL && kv_last(pool->keys.cursor, (struct slice){0})) {
        kv_row(pool->keys.cursor, &key, NULL);
        pool->last = key.len == 8 ? be64_get(key.ptr) : 0;
    }
    check_keys_close(&pool->keys);
    if (kv_error(pool->own.txn) == STATUS_OK)
        return STATUS_OK;
    check_reader_close(&pool->own); /* the failed transaction reads nothing any more */
    return check_reader_open(&pool->own, pool->own.options);
}

enum status check_pool_open(const struct log_check_options *options, struct check_pool **out)
{
    unsigned threads = options->threads > 0 ? options->threads : 1;
    threads = threads < LOG_CHECK_THREADS_MAX ? threads : LOG_CHECK_THREADS_MAX;
    struct check_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL)
        return STATUS_NO_MEMORY;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->ready, NULL);
    pthread_cond_init(&pool->done, NULL);
    pool->span_count = threads == 1 ? 1 : (size_t)threads * SPANS_PER_THREAD;
    pool->spans = calloc(pool->span_count, sizeof *pool->spans);
    enum status status = pool->spans != NULL ? STATUS_OK : STATUS_NO_MEMORY;
    if (status == STATUS_OK)
        status = check_reader_open(&pool->snapshot, options);
    if (status == STATUS_OK)
        status = check_reader_open(&pool->own, options);
    if (status == STATUS_OK)
        status = last_find(pool);
    if (status == STATUS_OK) {
        check_keys_open(&pool->keys, &pool->snapshot, LOG_TABLE_BLOCKS);
        status = workers_start(pool, threads);
    }
    if (status != STATUS_OK) {
        check_pool_close(pool);
        return status;
    }
    *out = pool;
    return STATUS_OK;
}

unsigned check_pool_threads(const struct check_pool *pool)
{
    return pool->worker_count + 1;
}

uint64_t check_pool_last(const struct check_pool *pool)
{
    return pool->last;
}

struct check_reader *check_pool_reader(struct check_pool *pool)
{
    return &pool->own;
}

struct check_reader *check_pool_snapshot(struct check_pool *pool)
{
    return &pool->snapshot;
}

void check_pool_close(struct check_pool *pool)
{
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->ended = true;
    pthread_cond_broadcast(&pool->ready);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->worker_count; i++) {
        (void)pthread_join(pool->workers[i].thread, NULL);
        check_reader_close(&pool->workers[i].reader);
    }
    check_keys_close(&pool->keys);
    check_reader_close(&pool->own);
    check_reader_close(&pool->snapshot);
    for (size_t i = 0; pool->spans != NULL && i < pool->span_count; i++)
        span_free(&pool->spans[i]);
    free(pool->spans);
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->ready);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
