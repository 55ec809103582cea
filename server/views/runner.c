#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "server/base/diag.h"
#include "server/base/system.h"
#include "server/views/runner_parts.h"

#define SLICE_BYTES_MAX (24u * 1024u * 1024u)
/* What a slice may take of the disk: some pages of each view however small it is, and its records many times over. */
#define ROOM_MIN_BYTES (4u * 1024u * 1024u)
#define ROOM_FACTOR    16u
#define ROOM_MAX_BYTES (28u * 1024u * 1024u)
#define APPLY_MEMORY_BYTES                                                                                   \
    (4u * 1024u * 1024u) /* 64 KiB of record cannot decode to more, see proto/wire/message.h */

/* ---- one slice ------------------------------------------------------------------------------------------------ */

/* Whether records are applied to it. */
static bool goes_on(const struct view_slot *slot)
{
    return (slot->state != VIEW_FAILED && slot->state != VIEW_BEHIND) || slot->following;
}

/* Views of one slice: those at `from` which go on. */
static size_t group_at(struct runner *runner, uint64_t from, struct view_slot *out[VIEW_COUNT])
{
    size_t count = 0;
    for (size_t i = 0; i < VIEW_COUNT; i++) {
        struct view_slot *slot = &runner->slots[i];
        if (goes_on(slot) && slot->position == from)
            out[count++] = slot;
    }
    return count;
}

static void slot_begin(struct runner *runner, struct view_slot *slot)
{
    enum status status = kv_begin(slot->kv, true, &slot->txn);
    if (status == STATUS_OK) {
        slot->apply_to = slice_buffer_begin(slot->buffer, slot->txn);
        return;
    }
    slot->txn = NULL;
    slot_fail(runner, slot, status, "begin");
}

/* Gives the slice up: its rows and those kept from earlier ones. */
static void slot_abort(struct view_slot *slot)
{
    kv_abort(slot->txn);
    slot->txn = NULL;
    slice_buffer_drop(slot->buffer);
}

static void slot_apply(struct runner *runner, struct view_slot *slot, const struct record *record)
{
    if (slot->txn == NULL)
        return;
    arena_reset(runner->arena);
    slot->view->apply(slot->apply_to, record, runner->arena);
    enum status status = kv_error(slot->txn);
    if (status == STATUS_OK)
        return;
    slot_abort(slot);
    if (slot->failures == 0)
        diag(DIAG_ERROR, "views", "apply-failed", "view=%s record=%llu type=%u", slot->view->name,
             (unsigned long long)record->header.position, record->header.type);
    slot_fail(runner, slot, status, "apply");
}

static void slot_write(struct view_slot *slot, uint64_t position, const struct hash *last)
{
    if (slot->txn == NULL)
        return;
    struct view_cursor cursor = {.position = position, .last = *last, .version = slot->view->version};
    slice_buffer_flush(slot->buffer);
    slot_write_cursor(slot->txn, &cursor);
}

static void slot_commit(struct runner *runner, struct view_slot *slot, uint64_t position,
                        const struct hash *last)
{
    if (slot->txn == NULL)
        return;
    struct kv_txn *txn = slot->txn;
    slot->txn = NULL;
    enum status status = kv_commit(txn);
    if (status != STATUS_OK) {
        slice_buffer_drop(slot->buffer);
        slot_fail(runner, slot, status, "commit");
        return;
    }
    slot->last = *last;
    slot_set(runner, slot, slot->state, position);
}

static bool any_full(struct view_slot **group, size_t count)
{
    bool full = false;
    for (size_t i = 0; i < count; i++)
        full = full || (group[i]->txn != NULL && slice_buffer_full(group[i]->buffer));
    return full;
}

/* Reads and applies records after `from`, to `to` at most, within the slice's limits. *out_reached: the last one. */
static enum status slice_apply(struct runner *runner, struct view_slot **group, size_t count, uint64_t from,
                               uint64_t to, uint64_t *out_reached, struct hash *out_last, size_t *out_bytes)
{
    const struct runner_config *config = &runner->config;
    monotonic_us until = clock_monotonic(config->clock) + (monotonic_us)config->slice_ms * 1000;
    *out_bytes = 0;
    struct fault why = {0};
    enum status status = STATUS_OK;
    for (uint64_t position = from + 1; position <= to; position++) {
        struct slice bytes;
        struct record record;
        status = log_read(runner->log_reader, position, &bytes, &why);
        if (status == STATUS_OK)
            status = record_decode(bytes, &record, &why);
        if (status == STATUS_OK && record.header.position != position)
            status = fault_set(&why, STATUS_CORRUPT, NULL, "a record says that it is another one");
        if (status != STATUS_OK)
            break;
        for (size_t i = 0; i < count; i++)
            slot_apply(runner, group[i], &record);
        *out_reached = position;
        *out_bytes += bytes.len;
        bool enough =
            *out_bytes >= SLICE_BYTES_MAX ||
            (position % 64 == 0 && (any_full(group, count) || clock_monotonic(config->clock) >= until));
        if (enough || position == to) {
            record_hash(bytes, out_last);
            break;
        }
    }
    if (status != STATUS_OK)
        diag(DIAG_ERROR, "views", "log-unreadable", "after=%llu status=%s text=\"%s\"",
             (unsigned long long)*out_reached, status_name(status), why.text);
    return status;
}

/* With too little room for the slice the views that are asked stay where they are, all of them: each by itself would go
 * on or not as its file happens to have free pages, and then stand at positions of their own. */
static void hold_back(struct runner *runner, struct view_slot **group, size_t count, size_t bytes)
{
    const struct view_store *store = &runner->config.store;
    uint64_t wanted = (uint64_t)bytes * ROOM_FACTOR;
    if (wanted > ROOM_MAX_BYTES)
        wanted = ROOM_MAX_BYTES;
    if (store->room == NULL || store->room(store->context, ROOM_MIN_BYTES + wanted))
        return;
    for (size_t i = 0; i < count; i++) {
        if (group[i]->txn == NULL || group[i]->state == VIEW_BUILDING)
            continue;
        slot_abort(group[i]);
        slot_fail(runner, group[i], STATUS_FULL, "room");
    }
}

static void slice_run(struct runner *runner, uint64_t from, uint64_t to)
{
    struct view_slot *group[VIEW_COUNT];
    size_t count = group_at(runner, from, group);
    const struct runner_hooks *hooks = &runner->config.hooks;
    monotonic_us start = clock_monotonic(runner->config.clock);
    if (to - from > runner->config.slice_records)
        to = from + runner->config.slice_records;
    for (size_t i = 0; i < count; i++)
        slot_begin(runner, group[i]);
    uint64_t reached = from;
    struct hash last = {0};
    size_t bytes = 0;
    enum status status = slice_apply(runner, group, count, from, to, &reached, &last, &bytes);
    if (status != STATUS_OK) { /* nothing of the slice is kept, so that a cursor always has its hash */
        for (size_t i = 0; i < count; i++) {
            if (group[i]->txn == NULL)
                continue;
            slot_abort(group[i]);
            slot_fail(runner, group[i], status, "log");
        }
        return;
    }
    hold_back(runner, group, count, bytes);
    for (size_t i = 0; i < count; i++)
        slot_write(group[i], reached, &last);
    pthread_rwlock_wrlock(&runner->commit_lock);
    for (size_t i = 0; i < count; i++)
        slot_commit(runner, group[i], reached, &last);
    pthread_rwlock_unlock(&runner->commit_lock);
    if (hooks->slice != NULL)
        hooks->slice(hooks->context, reached - from, clock_monotonic(runner->config.clock) - start);
}

/* ---- the tailing thread ----------------------------------------------------------------------------------------- */

/* The foremost and the rearmost cursor below `head`; false when no view is behind. */
static bool behind(const struct runner *runner, uint64_t head, uint64_t *out_front, uint64_t *out_rear)
{
    bool found = false;
    for (size_t i = 0; i < VIEW_COUNT; i++) {
        const struct view_slot *slot = &runner->slots[i];
        if (!goes_on(slot) || slot->position >= head)
            continue;
        *out_front = !found || slot->position > *out_front ? slot->position : *out_front;
        *out_rear = !found || slot->position < *out_rear ? slot->position : *out_rear;
        found = true;
    }
    return found;
}

/* Views that were built or followed and have come to the log's head. */
static void take_up(struct runner *runner, uint64_t head)
{
    for (size_t i = 0; i < VIEW_COUNT; i++) {
        struct view_slot *slot = &runner->slots[i];
        if (slot->state == VIEW_BUILDING && slot->position >= head)
            slot_put_in_place(runner, slot);
        else if (slot->following && slot->position >= head)
            slot_caught_up(runner, slot);
    }
}

/* With the lock held. */
static bool any_broken(const struct runner *runner)
{
    for (size_t i = 0; i < VIEW_COUNT; i++)
        if (runner->broken[i])
            return true;
    return false;
}

/* Views whose rows a query could not read are failed from then on: they are named, and asked no more. */
static void take_out_broken(struct runner *runner)
{
    bool broken[VIEW_COUNT];
    pthread_mutex_lock(&runner->lock);
    memcpy(broken, runner->broken, sizeof broken);
    memset(runner->broken, 0, sizeof runner->broken);
    pthread_mutex_unlock(&runner->lock);
    for (size_t i = 0; i < VIEW_COUNT; i++)
        if (broken[i] && slot_readable(runner->slots[i].state))
            slot_fail(runner, &runner->slots[i], STATUS_CORRUPT, "read");
}

static void retry_failed(struct runner *runner)
{
    for (size_t i = 0; i < VIEW_COUNT; i++)
        slot_retry(runner, &runner->slots[i]);
    slot_retry_together(runner);
}

/* When a view that failed or is behind is to be tried again; 0 = none is. */
static monotonic_us retry_next(const struct runner *runner)
{
    monotonic_us next = 0;
    for (size_t i = 0; i < VIEW_COUNT; i++) {
        const struct view_slot *slot = &runner->slots[i];
        if ((slot->state == VIEW_FAILED || slot->state == VIEW_BEHIND) && !slot->following &&
            slot->retry_at != 0 && (next == 0 || slot->retry_at < next))
            next = slot->retry_at;
    }
    return next;
}

/* Brings views forward by a slice or two; false when there is nothing to do. */
static bool tail_step(struct runner *runner)
{
    struct log_head head;
    take_out_broken(runner);
    retry_failed(runner);
    log_head(runner->config.log, &head);
    uint64_t front = 0, rear = 0;
    bool worked = behind(runner, head.size, &front, &rear);
    if (worked)
        slice_run(runner, front, head.size);
    if (worked && rear != front) /* up to the next view at most: from there on they go together */
        slice_run(runner, rear, front);
    take_up(runner, head.size);
    pthread_mutex_lock(&runner->lock);
    pool_release(runner);
    pthread_cond_broadcast(&runner->progress);
    pthread_mutex_unlock(&runner->lock);
    return worked;
}

/* With the lock held: does somebody wait for records up to `head`? */
static bool awaited(const struct runner *runner, uint64_t head)
{
    for (size_t i = 0; i < runner->parked_count; i++)
        if (runner->parked[i].replay_since == 0 && runner->parked[i].position <= head)
            return true;
    return runner->waiters != 0;
}

/* With the lock held: may the records after `rear` wait for more? Those that views being built lack are many. */
static bool may_gather(struct runner *runner, uint64_t rear, uint64_t head, monotonic_us now)
{
    if (head - rear >= runner->config.gather_records || awaited(runner, head))
        return false;
    if (runner->gather_until == 0)
        runner->gather_until = now + (monotonic_us)runner->config.gather_ms * 1000;
    return now < runner->gather_until;
}

/* With the lock held: until there are records to apply, and enough of them or long enough, or a failed view to try
 * again. */
static void wait_for_work(struct runner *runner)
{
    while (!runner->stopping && !any_broken(runner)) {
        struct log_head head;
        uint64_t front = 0, rear = 0;
        log_head(runner->config.log, &head);
        bool work = behind(runner, head.size, &front, &rear);
        monotonic_us retry_at = retry_next(runner);
        monotonic_us now = work || retry_at != 0 ? clock_monotonic(runner->config.clock) : 0;
        if ((retry_at != 0 && now >= retry_at) || (work && !may_gather(runner, rear, head.size, now)))
            break;
        monotonic_us until = work ? runner->gather_until : retry_at;
        if (retry_at != 0 && retry_at < until)
            until = retry_at;
        if (until == 0)
            pthread_cond_wait(&runner->wake, &runner->lock);
        else
            pool_sleep(runner, &runner->wake, until - now);
    }
    runner->gather_until = 0;
}

static void *tail_run(void *context)
{
    struct runner *runner = context;
    (void)pthread_setname_np(pthread_self(), "views");
    system_thread_give_way(); /* to writer and network: what is acknowledged comes first, views follow */
    for (;;) {
        bool worked = tail_step(runner);
        if (!worked)
            log_reader_rest(runner->log_reader);
        pthread_mutex_lock(&runner->lock);
        wait_for_work(runner);
        bool stopping = runner->stopping;
        pthread_mutex_unlock(&runner->lock);
        if (stopping)
            break;
    }
    log_reader_rest(runner->log_reader);
    return NULL;
}

/* ---- open and close --------------------------------------------------------------------------------------------- */

static void take_defaults(struct runner_config *config)
{
    if (config->reader_threads == 0)
        config->reader_threads = 2;
    if (config->reader_threads > READER_THREADS_MAX)
        config->reader_threads = READER_THREADS_MAX;
    if (config->queries_max == 0)
        config->queries_max = 4096;
    if (config->slice_records == 0)
        config->slice_records = 65536;
    if (config->slice_ms == 0)
        config->slice_ms = 100;
    if (config->gather_ms == 0)
        config->gather_ms = 200;
    if (config->gather_records == 0)
        config->gather_records = 8192;
    if (config->wait_max_ms == 0)
        config->wait_max_ms = 10000;
    if (config->query_memory_bytes == 0)
        config->query_memory_bytes = (size_t)8 << 20;
    if (config->report_memory_bytes == 0)
        config->report_memory_bytes = (size_t)64 << 20;
    if (config->report_memory_total_bytes == 0)
        config->report_memory_total_bytes = (size_t)512 << 20;
    if (config->report_memory_total_bytes < config->report_memory_bytes)
        config->report_memory_total_bytes = config->report_memory_bytes;
    if (config->replay_memory_bytes == 0)
        config->replay_memory_bytes = (size_t)256 << 20;
    if (config->retry_ms == 0)
        config->retry_ms = 1000;
    if (config->replay_idle_ms == 0)
        config->replay_idle_ms = 60000;
}

static void locks_init(struct runner *runner)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&runner->lock, NULL);
    /* Without this, queries that never cease would keep the views from committing. */
    pthread_rwlockattr_t writer_first;
    pthread_rwlockattr_init(&writer_first);
    pthread_rwlockattr_setkind_np(&writer_first, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&runner->commit_lock, &writer_first);
    pthread_rwlockattr_destroy(&writer_first);
    pthread_cond_init(&runner->wake, &monotonic);
    pthread_cond_init(&runner->work, &monotonic);
    pthread_cond_init(&runner->progress, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static enum status threads_start(struct runner *runner)
{
    if (pthread_create(&runner->tail, NULL, tail_run, runner) != 0)
        return STATUS_NO_MEMORY;
    runner->tail_started = true;
    for (unsigned i = 0; i < runner->config.reader_threads; i++) {
        if (pthread_create(&runner->readers[i], NULL, pool_run, runner) != 0)
            return STATUS_NO_MEMORY;
        runner->reader_count++;
    }
    return STATUS_OK;
}

enum status runner_open(const struct runner_config *config, struct runner **out, struct fault *why)
{
    struct runner *runner = calloc(1, sizeof *runner);
    if (runner == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory for the views' runner");
    runner->sink.submit = pool_submit;
    runner->config = *config;
    take_defaults(&runner->config);
    runner->reports.bytes_max = runner->config.report_memory_total_bytes;
    locks_init(runner);
    runner->arena = arena_new(APPLY_MEMORY_BYTES);
    runner->parked = calloc(runner->config.queries_max, sizeof *runner->parked);
    runner->replays = replays_new(runner->config.replay_memory_bytes);
    bool memory = runner->arena != NULL && runner->parked != NULL && runner->replays != NULL;
    for (size_t i = 0; i < VIEW_COUNT; i++) {
        runner->slots[i] = (struct view_slot){.view = views[i],
                                              .state = VIEW_BUILDING,
                                              .trust_name = !config->distrust_environments,
                                              .trust_beside = !config->distrust_environments};
        runner->slots[i].buffer =
            slice_buffer_new(views[i]->table_count, views[i]->written_once, SLICE_BUFFER_BYTES);
        memory = memory && runner->slots[i].buffer != NULL;
    }
    enum status status = STATUS_NO_MEMORY;
    if (memory)
        status = log_reader_open(runner->config.log, &runner->log_reader);
    if (status != STATUS_OK)
        goto fail;
    for (size_t i = 0; i < VIEW_COUNT; i++)
        slot_open(runner, &runner->slots[i]);
    status = threads_start(runner);
    if (status != STATUS_OK)
        goto fail;
    *out = runner;
    return STATUS_OK;
fail:
    if (runner_close(runner) != STATUS_OK)
        diag(DIAG_ERROR, "views", "close-failed", "after=open");
    return fault_set(why, status, NULL, "the views cannot be opened: %s", status_text(status));
}

static enum status slots_close(struct runner *runner)
{
    enum status worst = STATUS_OK;
    for (size_t i = 0; i < VIEW_COUNT; i++) {
        struct view_slot *slot = &runner->slots[i];
        slice_buffer_free(slot->buffer);
        if (!slot->trust_name || !slot->trust_beside)
            worst = STATUS_IO; /* the next start must not trust it either */
        if (slot->kv == NULL)
            continue;
        enum status status = kv_sync(slot->kv);
        if (status != STATUS_OK)
            worst = status;
        kv_close(slot->kv);
        slot->kv = NULL;
    }
    return worst;
}

static void refuse_waiting(struct runner *runner)
{
    for (struct work_item *item = runner->ready_first; item != NULL;) {
        struct work_item *next = item->next;
        pool_answer(item, STATUS_UNAVAILABLE, "the server is stopping");
        item = next;
    }
    for (size_t i = 0; i < runner->parked_count; i++)
        pool_answer(runner->parked[i].item, STATUS_UNAVAILABLE, "the server is stopping");
    runner->ready_first = runner->ready_last = NULL;
    runner->parked_count = runner->waiting = 0;
}

enum status runner_close(struct runner *runner)
{
    if (runner == NULL)
        return STATUS_OK;
    pthread_mutex_lock(&runner->lock);
    runner->stopping = true;
    pthread_cond_broadcast(&runner->wake);
    pthread_cond_broadcast(&runner->work);
    pthread_cond_broadcast(&runner->progress);
    pthread_mutex_unlock(&runner->lock);
    if (runner->tail_started)
        pthread_join(runner->tail, NULL);
    for (unsigned i = 0; i < runner->reader_count; i++)
        pthread_join(runner->readers[i], NULL);
    refuse_waiting(runner);
    replays_free(runner->replays);
    enum status status = slots_close(runner);
    log_reader_close(runner->log_reader);
    arena_free(runner->arena);
    free(runner->parked);
    pthread_cond_destroy(&runner->progress);
    pthread_cond_destroy(&runner->work);
    pthread_cond_destroy(&runner->wake);
    pthread_rwlock_destroy(&runner->commit_lock);
    pthread_mutex_destroy(&runner->lock);
    free(runner);
    return status;
}

/* ---- questions from outside --------------------------------------------------------------------------------------- */

void runner_notify(struct runner *runner, uint64_t position)
{
    pthread_mutex_lock(&runner->lock);
    bool gathers =
        runner->gather_until != 0 && position - pool_position(runner, NULL) < runner->config.gather_records;
    if (!gathers || runner->parked_count != 0)
        pthread_cond_signal(&runner->wake);
    pthread_mutex_unlock(&runner->lock);
}

struct work_sink *runner_queries(struct runner *runner)
{
    return &runner->sink;
}

uint64_t runner_position(struct runner *runner)
{
    pthread_mutex_lock(&runner->lock);
    uint64_t position = pool_position(runner, NULL);
    pthread_mutex_unlock(&runner->lock);
    return position;
}

void runner_view(struct runner *runner, enum view_id id, enum view_state *out_state, uint64_t *out_position)
{
    pthread_mutex_lock(&runner->lock);
    *out_state = runner->slots[id].state;
    *out_position = runner->slots[id].position;
    pthread_mutex_unlock(&runner->lock);
}

size_t runner_queue_depth(struct runner *runner)
{
    pthread_mutex_lock(&runner->lock);
    size_t depth = runner->waiting;
    pthread_mutex_unlock(&runner->lock);
    return depth;
}

uint64_t runner_report_bytes(struct runner *runner)
{
    return atomic_load(&runner->reports.bytes);
}

uint64_t runner_replay_bytes(struct runner *runner)
{
    pthread_mutex_lock(&runner->lock);
    uint64_t bytes = runner->replay_bytes;
    pthread_mutex_unlock(&runner->lock);
    return bytes;
}

static bool all_there(const struct runner *runner, uint64_t position)
{
    for (size_t i = 0; i < VIEW_COUNT; i++) {
        const struct view_slot *slot = &runner->slots[i];
        if (slot->state == VIEW_BUILDING || (slot->state == VIEW_READY && slot->position < position))
            return false;
    }
    return true;
}

bool runner_wait(struct runner *runner, uint64_t position, uint32_t timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&runner->lock);
    bool there = all_there(runner, position);
    runner->waiters++;
    pthread_cond_signal(&runner->wake);
    while (!there && !runner->stopping) {
        if (pthread_cond_timedwait(&runner->progress, &runner->lock, &until) != 0)
            break;
        there = all_there(runner, position);
    }
    runner->waiters--;
    there = all_there(runner, position);
    pthread_mutex_unlock(&runner->lock);
    return there;
}
