#include "server/base/work_queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "proto/base/bug.h"

struct work_queue {
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    struct work_item *first, *last;
    size_t depth, items_max;
    size_t waiting; /* takers asleep: a put signals only when there is one */
    bool closed;
    bool nudged;
};

struct work_queue *work_queue_new(size_t items_max)
{
    struct work_queue *queue = calloc(1, sizeof *queue);
    if (queue == NULL)
        return NULL;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->arrived, &attributes);
    pthread_condattr_destroy(&attributes);
    queue->items_max = items_max;
    return queue;
}

void work_queue_free(struct work_queue *queue)
{
    if (queue == NULL)
        return;
    ASSERT(queue->first == NULL);
    pthread_cond_destroy(&queue->arrived);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

enum status work_queue_put(struct work_queue *queue, struct work_item *item)
{
    pthread_mutex_lock(&queue->lock);
    enum status status = queue->closed                      ? STATUS_UNAVAILABLE
                         : queue->depth >= queue->items_max ? STATUS_BUSY
                                                            : STATUS_OK;
    if (status == STATUS_OK) {
        item->next = NULL;
        if (queue->last != NULL)
            queue->last->next = item;
        else
            queue->first = item;
        queue->last = item;
        queue->depth++;
        if (queue->waiting != 0)
            pthread_cond_signal(&queue->arrived);
    }
    pthread_mutex_unlock(&queue->lock);
    return status;
}

static struct timespec deadline_after(int64_t timeout_us)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    int64_t nanoseconds = at.tv_nsec + timeout_us % 1000000 * 1000;
    at.tv_sec += timeout_us / 1000000 + nanoseconds / 1000000000;
    at.tv_nsec = nanoseconds % 1000000000;
    return at;
}

/* With the lock held: until there is an item, the queue is closed or nudged, or the time is up. */
static void wait_for_item(struct work_queue *queue, int64_t timeout_us)
{
    if (queue->first != NULL || queue->closed || queue->nudged || timeout_us == 0)
        return;
    struct timespec at = deadline_after(timeout_us < 0 ? 0 : timeout_us);
    int code = 0;
    queue->waiting++;
    while (queue->first == NULL && !queue->closed && !queue->nudged && code != ETIMEDOUT) {
        if (timeout_us < 0)
            code = pthread_cond_wait(&queue->arrived, &queue->lock);
        else
            code = pthread_cond_timedwait(&queue->arrived, &queue->lock, &at);
    }
    queue->waiting--;
}

struct work_item *work_queue_take(struct work_queue *queue, int64_t timeout_us)
{
    pthread_mutex_lock(&queue->lock);
    wait_for_item(queue, timeout_us);
    struct work_item *item = queue->first;
    if (item != NULL) {
        queue->first = item->next;
        if (queue->first == NULL)
            queue->last = NULL;
        queue->depth--;
        item->next = NULL;
    }
    pthread_mutex_unlock(&queue->lock);
    return item;
}

struct work_item *work_queue_take_all(struct work_queue *queue, int64_t timeout_us, bool *out_nudged)
{
    pthread_mutex_lock(&queue->lock);
    wait_for_item(queue, timeout_us);
    struct work_item *list = queue->first;
    queue->first = queue->last = NULL;
    queue->depth = 0;
    *out_nudged = queue->nudged;
    queue->nudged = false;
    pthread_mutex_unlock(&queue->lock);
    return list;
}

void work_queue_nudge(struct work_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->nudged = true;
    if (queue->waiting != 0)
        pthread_cond_signal(&queue->arrived);
    pthread_mutex_unlock(&queue->lock);
}

size_t work_queue_depth(struct work_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    size_t depth = queue->depth;
    pthread_mutex_unlock(&queue->lock);
    return depth;
}

bool work_queue_closed(struct work_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    bool closed = queue->closed;
    pthread_mutex_unlock(&queue->lock);
    return closed;
}

void work_queue_close(struct work_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->arrived);
    pthread_mutex_unlock(&queue->lock);
}
