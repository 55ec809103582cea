#include <stdlib.h>
#include <string.h>

#include "proto/base/bug.h"
#include "proto/wire/arena.h"
#include "server/writer/command.h"

#define IDLE_WAIT_US 500000 /* without work, core state is offered to be written behind this often */

static enum status sink_submit(struct work_sink *sink, struct work_item *item)
{
    struct writer *writer = (struct writer *)(void *)((char *)sink - offsetof(struct writer, sink));
    return work_queue_put(writer->queue, item);
}

static void run_list(struct writer *writer, struct work_item *list, bool here);

static bool sink_run_here(struct work_sink *sink, struct work_item *item)
{
    struct writer *writer = (struct writer *)(void *)((char *)sink - offsetof(struct writer, sink));
    if (pthread_mutex_trylock(&writer->turn) != 0)
        return false;
    bool free = work_queue_depth(writer->queue) == 0 && !work_queue_closed(writer->queue) &&
                batch_is_empty(writer->open) && committer_idle(&writer->committer);
    if (free) {
        item->next = NULL;
        run_list(writer, item, true);
    }
    pthread_mutex_unlock(&writer->turn);
    return free;
}

/* ---- one batch --------------------------------------------------------------------------------------------------- */

static void refuse(struct work_item *item, size_t part, enum status status, const char *text)
{
    item->parts[part].status = status;
    item->parts[part].fault = arena_take_zero(item->arena, sizeof(struct fault));
    if (item->parts[part].fault != NULL)
        (void)fault_set(item->parts[part].fault, status, NULL, "%s", text);
}

static void refuse_all(struct work_item *item, enum status status, const char *text)
{
    for (size_t i = 0; i < item->part_count; i++)
        refuse(item, i, status, text);
}

/* The stage since `from_us`; gives the present time, where the next begins. */
static monotonic_us spent_since(struct writer *writer, enum writer_stage stage, monotonic_us from_us)
{
    monotonic_us now_us = clock_monotonic(writer->config.clock);
    writer->spent.us[stage] += (uint64_t)(now_us - from_us);
    return now_us;
}

static void tell_spent(struct writer *writer)
{
    const struct writer_hooks *hooks = &writer->config.hooks;
    if (hooks->spent != NULL)
        hooks->spent(hooks->context, writer->spent.us);
    memset(writer->spent.us, 0, sizeof writer->spent.us);
}

/* What the committer spent on a batch, once it is idle. */
static void take_times(struct writer *writer, struct batch *batch)
{
    for (size_t i = 0; i < WRITER_STAGES; i++)
        writer->spent.us[i] += batch->us[i];
    memset(batch->us, 0, sizeof batch->us);
}

static struct batch *other_batch(struct writer *writer)
{
    return writer->open == &writer->batches[0] ? &writer->batches[1] : &writer->batches[0];
}

static void wait_for_committer(struct writer *writer)
{
    monotonic_us began_us = clock_monotonic(writer->config.clock);
    committer_wait(&writer->committer);
    (void)spent_since(writer, WRITER_WAIT, began_us);
}

/* Everything recorded is durable: core state and the index of ids may be told so. */
static void settle(struct writer *writer, struct kv_txn *state)
{
    if (writer->settled == writer->head.size)
        return;
    struct state_cursor cursor = {.position = writer->head.size, .hash = writer->head.last};
    state_cursor_put(state, &cursor);
    enum status status = id_index_mark(writer->config.ids,
                                       &(struct id_cursor){.position = cursor.position, .hash = cursor.hash});
    if (status != STATUS_OK)
        batch_fatal(&writer->config, status, "the index of command ids cannot be written");
    writer->settled = writer->head.size;
    writer->behind_asks = true;
}

/* The records stay readable; what is put in next overwrites them. */
static void batch_reopen(struct batch *batch)
{
    batch->count = batch->bytes_used = 0;
    batch->tells = false;
}

/* Commits the open batch on this thread, after everything before it, and answers. */
static void commit_here(struct writer *writer, struct kv_txn *state)
{
    const struct writer_hooks *hooks = &writer->config.hooks;
    struct batch *batch = writer->open;
    if (!committer_idle(&writer->committer))
        wait_for_committer(writer);
    take_times(writer, other_batch(writer));
    batch->position = writer->head.size;
    batch_commit(batch, &writer->config);
    monotonic_us durable_us = clock_monotonic(writer->config.clock);
    settle(writer, state);
    for (size_t i = 0; i < batch->count && batch->tells && hooks->recorded != NULL; i++)
        if (batch->records[i].header.type >= WRITER_TOLD_TYPE)
            hooks->recorded(hooks->context, state, &batch->records[i]);
    (void)spent_since(writer, WRITER_TELL, durable_us);
    batch_grew(batch, &writer->config);
    batch_answer(batch, &writer->config);
    take_times(writer, batch);
    batch_reopen(batch);
}

/* Commits the open batch by the committer, when it is done with the one before, and opens the other. */
static void commit_there(struct writer *writer)
{
    struct batch *batch = writer->open;
    if (!committer_idle(&writer->committer))
        wait_for_committer(writer);
    writer->open = other_batch(writer);
    take_times(writer, writer->open);
    batch_reopen(writer->open);
    batch->position = writer->head.size;
    committer_give(&writer->committer, batch);
}

static void commit_open(struct writer *writer, struct kv_txn *state, bool here)
{
    if (here || !writer->committer.running || writer->open->tells ||
        writer->open->count < writer->config.committer_records_min ||
        writer->head.size - writer->settled >= writer->config.settle_records)
        commit_here(writer, state);
    else
        commit_there(writer);
}

static void write_behind(struct writer *writer, bool idle, bool must)
{
    monotonic_us began_us = clock_monotonic(writer->config.clock);
    ASSERT(writer->settled == writer->head.size); /* or rows would be stored whose records are not */
    writer->behind_asks = false;
    if (writer->config.hooks.write_behind == NULL)
        return;
    enum status status = writer->config.hooks.write_behind(writer->config.hooks.context, idle, must);
    (void)spent_since(writer, WRITER_WRITE_BEHIND, began_us);
    writer->state_full = status == STATUS_FULL;
    if (status != STATUS_OK && status != STATUS_FULL)
        batch_fatal(&writer->config, status, "core state could not be written behind");
}

static struct kv_txn *state_begin(struct writer *writer)
{
    struct kv_txn *state;
    enum status status = kv_begin(writer->config.state, true, &state);
    if (status != STATUS_OK)
        batch_fatal(&writer->config, status, "core state cannot be opened");
    return state;
}

static void state_end(struct writer *writer, struct kv_txn *state)
{
    enum status status = kv_commit(state);
    if (status != STATUS_OK)
        batch_fatal(&writer->config, status, "core state could not take the batch");
}

/* For the greatest batch, beside what is under way. */
static bool room_in_log(struct writer *writer)
{
    size_t bytes = writer->config.batch_bytes_max;
    if (committer_idle(&writer->committer))
        return log_has_room(writer->config.log, bytes);
    if (log_has_room(writer->config.log, bytes + other_batch(writer)->bytes_used))
        return true;
    wait_for_committer(writer);
    return log_has_room(writer->config.log, bytes);
}

/* NULL, or why no batch may be begun: nothing of it could be taken back later. */
static const char *no_room(struct writer *writer)
{
    if (writer->state_full)
        return "no room to write core state behind: free disk, or enlarge state_map_mib";
    if (writer->open->count != 0)
        return NULL;
    if (!room_in_log(writer))
        return "the log has no room left: enlarge log_map_mib or free disk";
    if (writer->settled == writer->head.size && !id_index_has_room(writer->config.ids))
        return "the index of command ids has no room left: enlarge ids_map_mib or free disk";
    return NULL;
}

/* Decides every part of an item, committing in between when the batch is full. */
static void run_item(struct writer *writer, struct kv_txn *state, struct work_item *item, bool here)
{
    struct fault fault = {0};
    if (item->deadline != 0 && clock_monotonic(writer->config.clock) > item->deadline) {
        refuse_all(item, STATUS_DEADLINE, "it waited past its deadline; nothing was recorded");
        return;
    }
    size_t ahead_first = 0, ahead = 0;
    for (size_t i = 0; i < item->part_count; i++) {
        if (i == ahead_first + ahead) {
            ahead_first = i;
            ahead = command_run_ahead(writer, state, item, i);
        }
        if (command_batch_full(writer))
            commit_open(writer, state, here);
        const char *full = no_room(writer);
        if (full != NULL) {
            refuse(item, i, STATUS_FULL, full);
            continue;
        }
        if (command_run(writer, state, item, i, writer->ahead[i - ahead_first], &fault) != STATUS_OK)
            batch_fatal(&writer->config, fault.status, fault.text);
    }
}

/* Between two items, when it has settled with the last one: or a long list would leave all of core state in memory. */
static struct kv_txn *write_behind_between(struct writer *writer, struct kv_txn *state)
{
    if (writer->settled != writer->head.size)
        commit_here(writer, state);
    state_end(writer, state);
    write_behind(writer, false, false);
    return state_begin(writer);
}

/* Everything that waited (NULL: nothing did): decided, and given to be committed and answered unless the committer is
 * still at the batch before. An item is answered whole, with its last batch. `here`: committed and answered when this
 * returns. */
static void run_list(struct writer *writer, struct work_item *list, bool here)
{
    struct kv_txn *state = state_begin(writer);
    writer->behind_asks = false; /* who called will ask, should nothing follow on what has settled */
    while (list != NULL) {
        struct work_item *item = list;
        list = item->next;
        run_item(writer, state, item, here);
        batch_add_item(writer->open, item);
        if (command_batch_full(writer))
            commit_open(writer, state, here);
        if (writer->behind_asks && !here)
            state = write_behind_between(writer, state);
    }
    bool idle = committer_idle(&writer->committer);
    if (here || (!batch_is_empty(writer->open) && (idle || writer->open->tells)))
        commit_open(writer, state, here);
    else if (batch_is_empty(writer->open) && idle) {
        take_times(writer, other_batch(writer));
        settle(writer, state);
    }
    state_end(writer, state);
    tell_spent(writer);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static void *writer_main(void *argument)
{
    struct writer *writer = argument;
    (void)pthread_setname_np(pthread_self(), "writer");
    for (;;) {
        bool nudged;
        struct work_item *list = work_queue_take_all(writer->queue, IDLE_WAIT_US, &nudged);
        if (list == NULL && work_queue_closed(writer->queue))
            break;
        pthread_mutex_lock(&writer->turn);
        bool idle = list == NULL && !nudged;
        run_list(writer, list, false);
        if (idle)
            log_reader_rest(writer->reader);
        if (writer->settled == writer->head.size)
            write_behind(writer, idle, false);
        pthread_mutex_unlock(&writer->turn);
    }
    pthread_mutex_lock(
        &writer->turn); /* who came in by run_here before the queue was closed may still be at it */
    run_list(writer, NULL, true);
    write_behind(writer, true, true);
    pthread_mutex_unlock(&writer->turn);
    return NULL;
}

const char *writer_stage_name(enum writer_stage stage)
{
    static const char *const names[WRITER_STAGES] = {
        [WRITER_DECODE] = "decode",
        [WRITER_DEDUPE] = "dedupe",
        [WRITER_DECIDE] = "decide",
        [WRITER_HASH] = "hash",
        [WRITER_APPEND] = "append",
        [WRITER_APPLY] = "apply",
        [WRITER_ANSWER] = "answer",
        [WRITER_COMMIT] = "commit",
        [WRITER_WAIT] = "wait",
        [WRITER_TELL] = "tell",
        [WRITER_WRITE_BEHIND] = "write-behind",
    };
    return names[stage];
}

static enum status writer_allocate(struct writer *writer, struct fault *why)
{
    const struct writer_config *config = &writer->config;
    writer->queue = work_queue_new(config->queue_items_max);
    writer->arena = arena_new(config->arena_bytes_max);
    writer->messages = arena_new(config->arena_bytes_max);
    writer->decision = malloc(sizeof *writer->decision);
    writer->place = malloc(sizeof *writer->place);
    if (writer->queue == NULL || writer->arena == NULL || writer->messages == NULL ||
        writer->decision == NULL || writer->place == NULL ||
        batch_allocate(&writer->batches[0], config) != STATUS_OK ||
        (config->settle_records != 0 && batch_allocate(&writer->batches[1], config) != STATUS_OK))
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory for the writer");
    return log_reader_open(config->log, &writer->reader);
}

static enum status load_from_state(struct writer *writer, struct fault *why)
{
    struct kv_txn *state;
    enum status status = kv_begin(writer->config.state, false, &state);
    if (status != STATUS_OK)
        return fault_set(why, status, NULL, "core state cannot be opened");
    command_load_books(writer, state);
    struct state_cursor cursor;
    (void)state_cursor_get(state, &cursor);
    status = kv_error(state);
    kv_abort(state);
    if (status == STATUS_OK && cursor.position != writer->head.size)
        return fault_set(why, STATUS_CORRUPT, NULL, "core state is at %llu, the log at %llu",
                         (unsigned long long)cursor.position, (unsigned long long)writer->head.size);
    return status;
}

enum status writer_new(const struct writer_config *config, struct writer **out, struct fault *why)
{
    ASSERT(config->batch_bytes_max >= 2 * RECORD_BYTES_MAX && config->batch_records_max > 0);
    struct writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory for the writer");
    writer->config = *config;
    writer->sink = (struct work_sink){.submit = sink_submit, .run_here = sink_run_here};
    pthread_mutex_init(&writer->turn, NULL);
    committer_init(&writer->committer, &writer->config);
    log_head(config->log, &writer->head);
    writer->settled = writer->head.size;
    writer->open = &writer->batches[0];
    enum status status = writer_allocate(writer, why);
    if (status == STATUS_OK)
        status = load_from_state(writer, why);
    if (status != STATUS_OK) {
        writer_free(writer);
        return status;
    }
    *out = writer;
    return STATUS_OK;
}

enum status writer_start(struct writer *writer)
{
    ASSERT(!writer->running);
    enum status status = STATUS_OK;
    if (writer->config.settle_records != 0)
        status = committer_start(&writer->committer, writer->queue);
    if (status == STATUS_OK && pthread_create(&writer->thread, NULL, writer_main, writer) != 0)
        status = STATUS_NO_MEMORY;
    writer->running = status == STATUS_OK;
    if (status != STATUS_OK)
        committer_stop(&writer->committer);
    return status;
}

void writer_stop(struct writer *writer)
{
    work_queue_close(writer->queue);
    if (writer->running)
        (void)pthread_join(writer->thread, NULL);
    else
        write_behind(writer, true, true);
    committer_stop(&writer->committer);
    writer->running = false;
}

void writer_free(struct writer *writer)
{
    if (writer == NULL)
        return;
    ASSERT(!writer->running);
    log_reader_close(writer->reader);
    work_queue_free(writer->queue);
    arena_free(writer->arena);
    arena_free(writer->messages);
    free(writer->decision);
    free(writer->place);
    batch_free(&writer->batches[0]);
    batch_free(&writer->batches[1]);
    committer_destroy(&writer->committer);
    pthread_mutex_destroy(&writer->turn);
    free(writer);
}

struct work_sink *writer_sink(struct writer *writer)
{
    return &writer->sink;
}

size_t writer_queue_depth(struct writer *writer)
{
    return work_queue_depth(writer->queue);
}

void writer_run_one(struct writer *writer, struct work_item *item)
{
    ASSERT(!writer->running);
    item->next = NULL;
    run_list(writer, item, true);
}
