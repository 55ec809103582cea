/* The bounded queue between threads: order, bounds, closing, and a crowd of producers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "server/base/work_queue.h"

#define PRODUCERS     4
#define ITEMS_EACH    2000
#define QUEUE_ITEMS   64
#define SHORT_WAIT_US 2000

static void items_come_out_in_order_and_bounded(void **state)
{
    (void)state;
    bool nudged = true;
    struct work_item items[3] = {{0}};
    struct work_queue *queue = work_queue_new(2);
    assert_non_null(queue);
    assert_null(work_queue_take(queue, 0));
    assert_null(work_queue_take(queue, SHORT_WAIT_US));
    assert_int_equal(work_queue_put(queue, &items[0]), STATUS_OK);
    assert_int_equal(work_queue_put(queue, &items[1]), STATUS_OK);
    assert_int_equal(work_queue_put(queue, &items[2]), STATUS_BUSY);
    assert_int_equal(work_queue_depth(queue), 2);
    assert_ptr_equal(work_queue_take(queue, -1), &items[0]);
    assert_int_equal(work_queue_put(queue, &items[2]), STATUS_OK);
    struct work_item *list = work_queue_take_all(queue, -1, &nudged);
    assert_false(nudged);
    assert_ptr_equal(list, &items[1]);
    assert_ptr_equal(list->next, &items[2]);
    assert_null(list->next->next);
    assert_int_equal(work_queue_depth(queue), 0);
    work_queue_free(queue);
}

static void a_closed_queue_drains_and_takes_no_more(void **state)
{
    (void)state;
    bool nudged;
    struct work_item items[2] = {{0}};
    struct work_queue *queue = work_queue_new(2);
    assert_int_equal(work_queue_put(queue, &items[0]), STATUS_OK);
    assert_false(work_queue_closed(queue));
    work_queue_close(queue);
    assert_true(work_queue_closed(queue));
    assert_int_equal(work_queue_put(queue, &items[1]), STATUS_UNAVAILABLE);
    assert_ptr_equal(work_queue_take(queue, -1), &items[0]);
    assert_null(work_queue_take(queue, -1));
    assert_null(work_queue_take_all(queue, -1, &nudged));
    work_queue_free(queue);
}

static void *nudge(void *argument)
{
    nanosleep(&(struct timespec){.tv_nsec = SHORT_WAIT_US * 1000}, NULL);
    work_queue_nudge(argument);
    return NULL;
}

static void a_nudge_wakes_the_taker_once(void **state)
{
    (void)state;
    bool nudged = false;
    pthread_t thread;
    struct work_item item = {0};
    struct work_queue *queue = work_queue_new(2);
    assert_int_equal(pthread_create(&thread, NULL, nudge, queue), 0);
    assert_null(work_queue_take_all(queue, -1, &nudged)); /* for ever, if it were not for the nudge */
    assert_true(nudged);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_null(work_queue_take_all(queue, SHORT_WAIT_US, &nudged));
    assert_false(nudged);
    work_queue_nudge(queue); /* before the taker comes: it counts, beside an item */
    assert_int_equal(work_queue_put(queue, &item), STATUS_OK);
    assert_ptr_equal(work_queue_take_all(queue, -1, &nudged), &item);
    assert_true(nudged);
    work_queue_free(queue);
}

struct producer {
    struct work_queue *queue;
    struct work_item items[ITEMS_EACH];
};

static void *produce(void *argument)
{
    struct producer *producer = argument;
    for (size_t i = 0; i < ITEMS_EACH; i++) {
        producer->items[i].position = i;
        producer->items[i].owner = producer;
        while (work_queue_put(producer->queue, &producer->items[i]) == STATUS_BUSY)
            sched_yield();
    }
    return NULL;
}

/* Every item comes out once, those of one producer in their order. */
static void many_producers_lose_nothing(void **state)
{
    (void)state;
    static struct producer producers[PRODUCERS];
    pthread_t threads[PRODUCERS];
    uint64_t next[PRODUCERS] = {0};
    size_t seen = 0;
    struct work_queue *queue = work_queue_new(QUEUE_ITEMS);
    for (size_t i = 0; i < PRODUCERS; i++) {
        producers[i].queue = queue;
        assert_int_equal(pthread_create(&threads[i], NULL, produce, &producers[i]), 0);
    }
    while (seen < (size_t)PRODUCERS * ITEMS_EACH) {
        bool nudged;
        struct work_item *list = work_queue_take_all(queue, -1, &nudged);
        for (; list != NULL; list = list->next) {
            size_t from = (size_t)((struct producer *)list->owner - producers);
            assert_int_equal(list->position, next[from]++);
            seen++;
        }
    }
    for (size_t i = 0; i < PRODUCERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(work_queue_depth(queue), 0);
    work_queue_free(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_come_out_in_order_and_bounded),
        cmocka_unit_test(a_closed_queue_drains_and_takes_no_more),
        cmocka_unit_test(a_nudge_wakes_the_taker_once),
        cmocka_unit_test(many_producers_lose_nothing),
    };
    return cmocka_run_group_tests_name("work_queue", tests, NULL, NULL);
}
