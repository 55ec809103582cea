#include <stdatomic.h>
#include <time.h>

#include "server/views/runner_parts.h"

#define SLEEP_MAX_US 1000000 /* a reader looks at the parked queries' deadlines at least this often */
#define STREAM_WAIT_US                                                                                       \
    200000 /* then a stream under way is told "nothing yet", so that nobody waits for it long */

uint64_t pool_position(const struct runner *runner, bool *out_behind)
{
    uint64_t ready = UINT64_MAX, behind = UINT64_MAX;
    for (size_t i = 0; i < VIEW_COUNT; i++) {
        const struct view_slot *slot = &runner->slots[i];
        if (slot->state == VIEW_READY && slot->position < ready)
            ready = slot->position;
        else if (slot->state == VIEW_BEHIND && slot->position < behind)
            behind = slot->position;
    }
    if (out_behind != NULL)
        *out_behind = ready == UINT64_MAX && behind != UINT64_MAX;
    if (ready == UINT64_MAX)
        ready = behind;
    return ready == UINT64_MAX ? 0 : ready;
}

/* Fills the item with a refusal and gives it back. */
void pool_answer(struct work_item *item, enum status status, const char *text)
{
    struct fault fault = {0};
    (void)fault_set(&fault, status, NULL, "%s", text);
    step_refuse(item, &fault);
    item->done(item);
}

static void ready_put(struct runner *runner, struct work_item *item)
{
    item->next = NULL;
    if (runner->ready_last != NULL)
        runner->ready_last->next = item;
    else
        runner->ready_first = item;
    runner->ready_last = item;
    pthread_cond_signal(&runner->work);
}

static struct work_item *ready_take(struct runner *runner)
{
    struct work_item *item = runner->ready_first;
    if (item == NULL)
        return NULL;
    runner->ready_first = item->next;
    if (runner->ready_first == NULL)
        runner->ready_last = NULL;
    item->next = NULL;
    runner->waiting--;
    return item;
}

enum status pool_submit(struct work_sink *sink, struct work_item *item)
{
    struct runner *runner = (struct runner *)sink;
    enum status status = STATUS_OK;
    pthread_mutex_lock(&runner->lock);
    if (runner->stopping) {
        status = STATUS_UNAVAILABLE;
    } else if (runner->waiting >= runner->config.queries_max) {
        status = STATUS_BUSY;
    } else {
        runner->waiting++;
        ready_put(runner, item);
    }
    pthread_mutex_unlock(&runner->lock);
    return status;
}

monotonic_us pool_until(const struct runner *runner, const struct work_item *item)
{
    monotonic_us longest =
        clock_monotonic(runner->config.clock) + (monotonic_us)runner->config.wait_max_ms * 1000;
    return item->deadline != 0 && item->deadline < longest ? item->deadline : longest;
}

/* Whether the item need not wait at all; it then has the turn when it asks for that. */
static bool may_go_on(struct runner *runner, const struct parked *waits)
{
    if (waits->replay_since == 0)
        return waits->position <= pool_position(runner, NULL);
    if (runner->replay_turn == NULL)
        runner->replay_turn = waits->item;
    return runner->replay_turn == waits->item;
}

static void park(struct runner *runner, struct work_item *item, uint64_t position, monotonic_us replay_since)
{
    monotonic_us until = pool_until(runner, item);
    monotonic_us soon = clock_monotonic(runner->config.clock) + STREAM_WAIT_US;
    if (item->cursor != NULL && soon < until)
        until = soon;
    pthread_mutex_lock(&runner->lock);
    bool room = runner->waiting < runner->config.queries_max && !runner->stopping;
    if (room) {
        runner->waiting++;
        struct parked waits = {
            .item = item, .position = position, .until = until, .replay_since = replay_since};
        if (may_go_on(runner, &waits))
            ready_put(runner, item);
        else
            runner->parked[runner->parked_count++] = waits;
        pthread_cond_signal(&runner->work); /* somebody must mind its deadline */
        pthread_cond_signal(&runner->wake); /* and what it waits for may be gathering */
    }
    pthread_mutex_unlock(&runner->lock);
    if (!room)
        pool_answer(item, STATUS_BUSY, "too many queries are waiting; try again");
}

void pool_requeue(struct runner *runner, struct work_item *item)
{
    pthread_mutex_lock(&runner->lock);
    runner->waiting++; /* may pass queries_max by the number of reader threads */
    ready_put(runner, item);
    pthread_mutex_unlock(&runner->lock);
}

static struct work_item *parked_take(struct runner *runner, size_t index)
{
    struct work_item *item = runner->parked[index].item;
    runner->parked[index] = runner->parked[--runner->parked_count];
    return item;
}

void pool_release(struct runner *runner)
{
    uint64_t position = pool_position(runner, NULL);
    for (size_t i = 0; i < runner->parked_count;) {
        if (runner->parked[i].replay_since == 0 && runner->parked[i].position <= position)
            ready_put(runner, parked_take(runner, i));
        else
            i++;
    }
}

/* ---- the turn to replay ----------------------------------------------------------------------------------------- */

bool pool_turn_take(struct runner *runner, const struct work_item *item)
{
    pthread_mutex_lock(&runner->lock);
    if (runner->replay_turn == NULL)
        runner->replay_turn = item;
    bool taken = runner->replay_turn == item;
    pthread_mutex_unlock(&runner->lock);
    return taken;
}

void pool_turn_kept(struct runner *runner, uint64_t bytes)
{
    pthread_mutex_lock(&runner->lock);
    runner->replay_kept = true;
    runner->replay_bytes = bytes;
    pthread_mutex_unlock(&runner->lock);
}

/* With the lock held: to whoever has waited longest. It is given, not offered, so that nobody overtakes. */
static void turn_hand_on(struct runner *runner)
{
    size_t first = runner->parked_count;
    for (size_t i = 0; i < runner->parked_count; i++) {
        monotonic_us since = runner->parked[i].replay_since;
        if (since != 0 && (first == runner->parked_count || since < runner->parked[first].replay_since))
            first = i;
    }
    runner->replay_turn = NULL;
    runner->replay_idle_at =
        clock_monotonic(runner->config.clock) + (monotonic_us)runner->config.replay_idle_ms * 1000;
    if (first == runner->parked_count)
        return;
    struct work_item *item = parked_take(runner, first);
    runner->replay_turn = item;
    ready_put(runner, item);
}

void pool_turn_end(struct runner *runner, const void *who)
{
    pthread_mutex_lock(&runner->lock);
    if (runner->replay_turn == who)
        turn_hand_on(runner);
    pthread_mutex_unlock(&runner->lock);
}

/* With the lock held, which is let go meanwhile: drops replays that nobody has asked for lately. False: nothing to do. */
static bool drop_idle_replays(struct runner *runner, monotonic_us now)
{
    if (!runner->replay_kept || runner->replay_turn != NULL || now < runner->replay_idle_at)
        return false;
    runner->replay_turn = runner;
    pthread_mutex_unlock(&runner->lock);
    replays_drop(runner->replays);
    pthread_mutex_lock(&runner->lock);
    runner->replay_kept = false;
    runner->replay_bytes = 0;
    turn_hand_on(runner);
    return true;
}

/* ---- a reader thread -------------------------------------------------------------------------------------------- */

/* A parked query whose time is over or that nobody wants any more, or NULL and the earliest time that is not. */
static struct work_item *expired_take(struct runner *runner, monotonic_us now, monotonic_us *out_next)
{
    *out_next = now + SLEEP_MAX_US;
    for (size_t i = 0; i < runner->parked_count; i++) {
        if (runner->parked[i].until <= now || atomic_load(&runner->parked[i].item->unwanted)) {
            runner->waiting--;
            return parked_take(runner, i);
        }
        if (runner->parked[i].until < *out_next)
            *out_next = runner->parked[i].until;
    }
    return NULL;
}

void pool_sleep(struct runner *runner, pthread_cond_t *until_signal, monotonic_us from_now_us)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t nanoseconds = until.tv_nsec + (from_now_us < 1000 ? 1000 : from_now_us) * 1000;
    until.tv_sec += (time_t)(nanoseconds / 1000000000);
    until.tv_nsec = (long)(nanoseconds % 1000000000);
    pthread_cond_timedwait(until_signal, &runner->lock, &until);
}

/* A part of a stream that waits in vain is no failure: the loop is told "nothing yet". */
static void answer_expired(struct work_item *item)
{
    if (item->cursor != NULL) {
        item->part_count = 0;
        item->stream_more = true;
        item->done(item);
        return;
    }
    pool_answer(item, STATUS_STALE, "the views have not reached the asked position in time; try again");
}

static void work_run(struct runner *runner, struct stepper *stepper, struct work_item *item)
{
    uint64_t position = 0;
    monotonic_us since = 0;
    switch (stepper_run(stepper, item, &position, &since)) {
    case STEP_DONE:
        item->done(item);
        return;
    case STEP_PARK:
        park(runner, item, position, 0);
        return;
    case STEP_TURN:
        park(runner, item, 0, since);
        return;
    case STEP_AGAIN:
        pool_requeue(runner, item);
        return;
    }
}

void *pool_run(void *context)
{
    struct runner *runner = context;
    struct stepper *stepper = stepper_new(runner);
    (void)pthread_setname_np(pthread_self(), "reader");
    pthread_mutex_lock(&runner->lock);
    for (;;) {
        monotonic_us next;
        monotonic_us now = clock_monotonic(runner->config.clock);
        struct work_item *expired = expired_take(runner, now, &next);
        struct work_item *item = expired == NULL && !runner->stopping ? ready_take(runner) : NULL;
        if (expired != NULL || item != NULL) {
            pthread_mutex_unlock(&runner->lock);
            if (expired != NULL)
                answer_expired(expired);
            else if (stepper != NULL)
                work_run(runner, stepper, item);
            else
                pool_answer(item, STATUS_NO_MEMORY, "no memory for queries");
            pthread_mutex_lock(&runner->lock);
            continue;
        }
        if (runner->stopping)
            break;
        if (drop_idle_replays(runner, now))
            continue;
        bool may_drop = runner->replay_kept && runner->replay_turn == NULL;
        if (may_drop && (runner->parked_count == 0 || runner->replay_idle_at < next))
            next = runner->replay_idle_at;
        if (runner->parked_count != 0 || may_drop)
            pool_sleep(runner, &runner->work, next - now);
        else
            pthread_cond_wait(&runner->work, &runner->lock);
    }
    pthread_mutex_unlock(&runner->lock);
    stepper_free(stepper);
    return NULL;
}
