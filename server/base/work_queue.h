/* A bounded queue of work items between threads. Items are linked through item->next; nothing is allocated. */
#ifndef SERVER_BASE_WORK_QUEUE_H
#define SERVER_BASE_WORK_QUEUE_H

#include "server/ports/work.h"

struct work_queue;

struct work_queue *work_queue_new(size_t items_max); /* NULL when memory is short */
void work_queue_free(struct work_queue *queue);      /* must be empty (asserted); NULL is fine */

enum status work_queue_put(struct work_queue *queue,
                           struct work_item *item) MUST_USE; /* BUSY full, UNAVAILABLE closed */
/* The oldest item, or NULL after timeout_us (0: at once; negative: wait for ever) or when closed and empty. */
struct work_item *work_queue_take(struct work_queue *queue, int64_t timeout_us);
/* Everything that waits, oldest first, as a list; waits as above for the first, or for a nudge, which is forgotten then.
 * For queues with one taker. */
struct work_item *work_queue_take_all(struct work_queue *queue, int64_t timeout_us, bool *out_nudged);
/* The taker comes back without an item, now or the next time: something else that it waits for has happened. Any thread. */
void work_queue_nudge(struct work_queue *queue);
size_t work_queue_depth(struct work_queue *queue);
bool work_queue_closed(struct work_queue *queue);
void work_queue_close(struct work_queue *queue); /* no more puts; takers drain what is there, then get NULL */

#endif
