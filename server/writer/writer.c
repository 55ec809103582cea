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

static void run_list(struct writer *writer, struct work_item *list);

static bool sink_run_here(struct work_sink *sink, struct work_item *item)
{
    struct writer *writer = (struct writer *)(void *)((char *)sink - offsetof(struct writer, sink));
    if (pthread_mutex_trylock(&writer->turn) != 0)
        return false;
    bool free = work_queue_depth(writer->queue) == 0 && !work_queue_closed(writer->queue);
    if (free) {
        item->next = NULL;
        run_list(writer, item);
    }
    pthread_mutex_unlock(&writer->turn);
    return free;
}

/* ---- one batch --------------------------------------------------------------------------------------------------- */

static _Noreturn void stop_for(struct writer *writer, const struct fault *fault)
{
    writer->config.hooks.fatal(writer->config.hooks.context, fault);
}

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

/* Makes the batch durable, tells the hooks, and leaves the writer ready for the next. */
static void commit_batch(struct writer *writer, struct kv_txn *state)
{
    struct writer_hooks *hooks = &writer->config.hooks;
    struct fault fault = {0};
    int64_t started = clock_monotonic(writer->config.clock);
    struct state_cursor cursor = {.position = writer->head.size, .hash = writer->head.last};

    if (writer->record_count == 0)
        return;
    enum status status = log_commit(writer->config.log);
    if (status != STATUS_OK) {
        (void)fault_set(&fault, status, NULL, "the log could not be committed");
        stop_for(writer, &fault);
    }
    monotonic_us durable_us = spent_since(writer, WRITER_COMMIT, started);
    state_cursor_put(state, &cursor);
    status = id_index_mark(writer->config.ids,
                           &(struct id_cursor){.position = cursor.position, .hash = cursor.hash});
    if (status != STATUS_OK) {
        (void)fault_set(&fault, status, NULL, "the index of command ids cannot be written");
        stop_for(writer, &fault);
    }
    if (hooks->recorded != NULL)
        for (size_t i = 0; i < writer->record_count; i++)
            hooks->recorded(hooks->context, state, &writer->records[i]);
    if (hooks->grew != NULL)
        hooks->grew(hooks->context, writer->head.size, writer->record_count, durable_us - started);
    (void)spent_since(writer, WRITER_TELL, durable_us);
    writer->record_count = 0;
    writer->record_bytes_used = 0;
}

static void write_behind(struct writer *writer, bool idle, bool must)
{
    struct fault fault = {0};
    monotonic_us began_us = clock_monotonic(writer->config.clock);
    if (writer->config.hooks.write_behind == NULL)
        return;
    enum status status = writer->config.hooks.write_behind(writer->config.hooks.context, idle, must);
    (void)spent_since(writer, WRITER_WRITE_BEHIND, began_us);
    writer->state_full = status == STATUS_FULL;
    if (status != STATUS_OK && status != STATUS_FULL) {
        (void)fault_set(&fault, status, NULL, "core state could not be written behind");
        stop_for(writer, &fault);
    }
}

static struct kv_txn *state_begin(struct writer *writer)
{
    struct kv_txn *state;
    struct fault fault = {0};
    enum status status = kv_begin(writer->config.state, true, &state);
    if (status != STATUS_OK) {
        (void)fault_set(&fault, status, NULL, "core state cannot be opened");
        stop_for(writer, &fault);
    }
    return state;
}

static void state_end(struct writer *writer, struct kv_txn *state)
{
    struct fault fault = {0};
    enum status status = kv_commit(state);
    if (status != STATUS_OK) {
        (void)fault_set(&fault, status, NULL, "core state could not take the batch");
        stop_for(writer, &fault);
    }
}

/* NULL, or why no batch may be begun: nothing of it could be taken back later. */
static const char *no_room(struct writer *writer)
{
    if (writer->state_full)
        return "no room to write core state behind: free disk, or enlarge state_map_mib";
    if (writer->record_count != 0)
        return NULL;
    if (!log_has_room(writer->config.log, writer->config.batch_bytes_max))
        return "the log has no room left: enlarge log_map_mib or free disk";
    if (!id_index_has_room(writer->config.ids))
        return "the index of command ids has no room left: enlarge ids_map_mib or free disk";
    return NULL;
}

/* Decides every part of an item, committing in between when the batch is full. */
static void run_item(struct writer *writer, struct kv_txn *state, struct work_item *item)
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
            commit_batch(writer, state);
        const char *full = no_room(writer);
        if (full != NULL) {
            refuse(item, i, STATUS_FULL, full);
            continue;
        }
        if (command_run(writer, state, item, i, writer->ahead[i - ahead_first], &fault) != STATUS_OK)
            stop_for(writer, &fault);
    }
}

static void complete(struct writer *writer, struct work_item *list)
{
    monotonic_us began_us = clock_monotonic(writer->config.clock);
    while (list != NULL) {
        struct work_item *item = list;
        list = item->next;
        item->next = NULL;
        item->position = writer->head.size;
        item->done(item);
    }
    (void)spent_since(writer, WRITER_ANSWER, began_us);
}

/* Everything that waited: decided, committed, answered. Items of an early commit inside wait for the last
 * one; an item is answered whole. */
static void run_list(struct writer *writer, struct work_item *list)
{
    struct kv_txn *state = state_begin(writer);
    struct work_item *first_open = list; /* decided but not answered */
    for (struct work_item *item = list; item != NULL;) {
        struct work_item *next = item->next;
        run_item(writer, state, item);
        if (command_batch_full(writer) || next == NULL) {
            commit_batch(writer, state);
            item->next = NULL;
            complete(writer, first_open);
            first_open = next;
        }
        item = next;
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
        struct work_item *list = work_queue_take_all(writer->queue, IDLE_WAIT_US);
        if (list == NULL && work_queue_closed(writer->queue))
            break;
        pthread_mutex_lock(&writer->turn);
        if (list != NULL) {
            run_list(writer, list);
        } else {
            log_reader_rest(writer->reader);
        }
        write_behind(writer, list == NULL, false);
        pthread_mutex_unlock(&writer->turn);
    }
    pthread_mutex_lock(
        &writer->turn); /* who came in by run_here before the queue was closed may still be at it */
    write_behind(writer, true, true);
    pthread_mutex_unlock(&writer->turn);
    return NULL;
}

const char *writer_stage_name(enum writer_stage stage)
{
    static const char *const names[WRITER_STAGES] = {
        [WRITER_DECODE] = "decode", [WRITER_DEDUPE] = "dedupe",
        [WRITER_DECIDE] = "decide", [WRITER_HASH] = "hash",
        [WRITER_APPEND] = "append", [WRITER_APPLY] = "apply",
        [WRITER_ANSWER] = "answer", [WRITER_COMMIT] = "commit",
        [WRITER_TELL] = "tell",     [WRITER_WRITE_BEHIND] = "write-behind",
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
    writer->records = calloc(config->batch_records_max, sizeof *writer->records);
    writer->record_bytes = malloc(config->batch_bytes_max);
    if (writer->queue == NULL || writer->arena == NULL || writer->messages == NULL ||
        writer->decision == NULL || writer->records == NULL || writer->record_bytes == NULL)
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
    log_head(config->log, &writer->head);
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
    if (pthread_create(&writer->thread, NULL, writer_main, writer) != 0)
        return STATUS_NO_MEMORY;
    writer->running = true;
    return STATUS_OK;
}

void writer_stop(struct writer *writer)
{
    work_queue_close(writer->queue);
    if (writer->running)
        (void)pthread_join(writer->thread, NULL);
    else
        write_behind(writer, true, true);
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
    free(writer->records);
    free(writer->record_bytes);
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
    run_list(writer, item);
}
