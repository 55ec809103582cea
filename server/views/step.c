#include <stdatomic.h>
#include <stdlib.h>

#include "books.pb-c.h"
#include "proto/wire/message.h"
#include "server/domain/kernel/tables.h"
#include "server/views/runner_parts.h"

#define PARTS_PER_STEP_MAX   64u            /* = STREAM_CREDIT_MAX */
#define STEP_BYTES_MAX       (256u * 1024u) /* answers of one step: a quarter of a frame */
#define STEP_US_MAX          20000          /* then another query has its turn */
#define REQUEST_MEMORY_BYTES (256u * 1024u) /* of a stream's request, kept as long as the stream */

/* What one reader thread owns, and what the step under way has opened. */
struct stepper {
    struct view_reader reader; /* first: queries get it */
    struct runner *runner;
    struct log_reader *log_reader;
    struct arena *arena; /* reset for each part */
    struct kv_txn *txns[VIEW_COUNT];
    struct stream *stream; /* under way; NULL for a query of one answer */
    bool replay_there;     /* what the stream wants, and the stream's item has the turn */
    struct kv_txn *replayed;
    enum view_state states[VIEW_COUNT];
    enum status failed_with[VIEW_COUNT];
    bool uses[VIEW_COUNT]; /* counted in the slot's users */
    uint32_t wanted;       /* views behind for want of room that the query reads: bit by view */
    uint32_t missed;       /* such views that it asked for and that are not opened */
    bool strict;           /* what it reads must stand at one position */
    uint64_t positions[VIEW_COUNT];
    struct fault fault;
};

/* What a stream wants replayed before its next step. */
struct replay_wish {
    bool open;
    enum view_id view;
    uint64_t position;
    monotonic_us since; /* its first wish; 0 = it had none */
    monotonic_us until; /* then DEADLINE */
};

/* item->cursor of a stream: the request, the query's place, and the parts of the last step. */
struct stream {
    struct arena *arena;
    const ProtobufCMessage *request;
    const struct view_query *query; /* NULL: over master rows */
    void *state;                    /* of a view's query */
    uint8_t *place;                 /* of a query over master rows */
    size_t place_len;
    struct replay_wish wish;
    uint32_t wanted;         /* as the stepper's */
    bool begun;              /* a step was answered */
    uint64_t first_position; /* then: of the first one */
    struct work_part parts[PARTS_PER_STEP_MAX];
    struct fault fault;
    uint8_t *bytes; /* answers of `parts`, one after the other */
    size_t len, cap;
};

/* ---- what queries read ------------------------------------------------------------------------------------------ */

static enum status say_stopped(const struct stepper *stepper, enum view_id id, enum status status,
                               const char *field, struct fault *why)
{
    return fault_set(why, status, field, "%s has stopped at record %llu (%s) and is tried again by itself",
                     views[id]->name, (unsigned long long)stepper->positions[id],
                     status_name(stepper->failed_with[id]));
}

/* The view that a query on it waits for in vain: the rearmost of those behind that it reads, or of all. */
static enum view_id rearmost_behind(const struct stepper *stepper)
{
    enum view_id found = VIEW_COUNT;
    for (enum view_id i = 0; i < VIEW_COUNT; i++)
        if (stepper->states[i] == VIEW_BEHIND &&
            (stepper->wanted == 0 || (stepper->wanted & (1u << i)) != 0) &&
            (found == VIEW_COUNT || stepper->positions[i] < stepper->positions[found]))
            found = i;
    return found;
}

/* Sums of a view that went on cannot be read together with one that is behind: they would not be of one moment. Master
 * rows can: they are names for what the others say. */
static bool ahead(const struct stepper *stepper, enum view_id id)
{
    return stepper->strict && stepper->wanted != 0 && id != VIEW_MASTERS &&
           stepper->positions[id] > stepper->reader.position;
}

static struct kv_txn *reader_txn(struct view_reader *reader, enum view_id id)
{
    struct stepper *stepper = (struct stepper *)reader;
    if (stepper->txns[id] != NULL) {
        enum view_id behind = ahead(stepper, id) ? rearmost_behind(stepper) : VIEW_COUNT;
        if (behind == VIEW_COUNT)
            return stepper->txns[id];
        (void)say_stopped(stepper, behind, STATUS_UNAVAILABLE, NULL, reader->why);
        return NULL;
    }
    const char *name = views[id]->name;
    if (stepper->states[id] == VIEW_BUILDING)
        (void)fault_set(reader->why, STATUS_UNAVAILABLE, NULL,
                        "%s is being built again, %llu records so far; try again", name,
                        (unsigned long long)stepper->positions[id]);
    else if (stepper->states[id] == VIEW_READY || (stepper->wanted & (1u << id)) != 0)
        (void)fault_set(reader->why, STATUS_UNAVAILABLE, NULL, "%s cannot be read just now; try again", name);
    else if (slot_failure_passes(stepper->failed_with[id]))
        (void)say_stopped(stepper, id, STATUS_UNAVAILABLE, NULL, reader->why);
    else
        (void)fault_set(reader->why, STATUS_CORRUPT, NULL,
                        "%s has stopped at record %llu; see the server's log", name,
                        (unsigned long long)stepper->positions[id]);
    if (stepper->states[id] == VIEW_BEHIND)
        stepper->missed |= 1u << id;
    return NULL;
}

static struct kv_txn *reader_txn_at(struct view_reader *reader, enum view_id id, uint64_t position)
{
    struct stepper *stepper = (struct stepper *)reader;
    if (position >= reader->position)
        return reader_txn(reader, id);
    if (stepper->stream == NULL) {
        (void)fault_set(reader->why, STATUS_INTERNAL, NULL, "only a stream can wait for a replay");
        return NULL;
    }
    struct replay_wish *wish = &stepper->stream->wish;
    if (!stepper->replay_there || wish->view != id || wish->position != position) {
        wish->open = true;
        wish->view = id;
        wish->position = position;
        reader->replaying = true;
        return NULL;
    }
    if (stepper->replayed != NULL)
        return stepper->replayed;
    enum status status = replays_begin(stepper->runner->replays, views[id], position, &stepper->replayed);
    if (status != STATUS_OK)
        (void)fault_set(reader->why, status, NULL, "%s cannot be replayed", views[id]->name);
    return stepper->replayed;
}

static enum status reader_record(struct view_reader *reader, uint64_t position, struct record *out)
{
    struct stepper *stepper = (struct stepper *)reader;
    if (position == 0 || position > reader->position)
        return STATUS_END;
    struct slice bytes;
    enum status status = log_read(stepper->log_reader, position, &bytes, reader->why);
    return status == STATUS_OK ? record_decode(bytes, out, reader->why) : status;
}

static enum status reader_checkpoint(struct view_reader *reader, struct view_checkpoint *out)
{
    const struct runner_config *config = &((struct stepper *)reader)->runner->config;
    if (config->checkpoint == NULL)
        return fault_set(reader->why, STATUS_UNAVAILABLE, NULL,
                         "this server has no key to sign checkpoints with");
    return config->checkpoint(config->context, out);
}

struct stepper *stepper_new(struct runner *runner)
{
    struct stepper *stepper = calloc(1, sizeof *stepper);
    if (stepper == NULL)
        return NULL;
    stepper->runner = runner;
    stepper->reader = (struct view_reader){
        .txn = reader_txn,
        .txn_at = reader_txn_at,
        .record = reader_record,
        .checkpoint = reader_checkpoint,
        .log = runner->config.log,
        .why = &stepper->fault,
        .report_memory_bytes = runner->config.report_memory_bytes,
        .reports = &runner->reports,
    };
    stepper->arena = arena_new(runner->config.query_memory_bytes);
    if (stepper->arena == NULL || log_reader_open(runner->config.log, &stepper->log_reader) != STATUS_OK) {
        arena_free(stepper->arena);
        free(stepper);
        return NULL;
    }
    return stepper;
}

void stepper_free(struct stepper *stepper)
{
    if (stepper == NULL)
        return;
    log_reader_close(stepper->log_reader);
    arena_free(stepper->arena);
    free(stepper);
}

/* ---- one snapshot ----------------------------------------------------------------------------------------------- */

/* Whether the query reads the view: those that follow the log always, those behind when the query has shown that it
 * needs them, or when they have come as far as a stream has to know. */
static bool takes(const struct stepper *stepper, enum view_id id)
{
    const struct stream *stream = stepper->stream;
    if (stepper->states[id] != VIEW_BEHIND)
        return stepper->states[id] == VIEW_READY;
    return (stepper->wanted & (1u << id)) != 0 ||
           (stream != NULL && stream->begun && stepper->positions[id] >= stream->first_position);
}

/* Opens the views that can be asked, all at one moment between slices. With `masters_only` just that one. */
static void snapshot_open(struct stepper *stepper, bool masters_only)
{
    struct runner *runner = stepper->runner;
    struct kv *kvs[VIEW_COUNT];
    uint64_t smallest = UINT64_MAX;
    bool none = true;
    stepper->missed = 0;
    stepper->strict = stepper->stream == NULL || !stepper->stream->begun;
    pthread_rwlock_rdlock(&runner->commit_lock);
    pthread_mutex_lock(&runner->lock);
    for (size_t i = 0; i < VIEW_COUNT; i++) {
        struct view_slot *slot = &runner->slots[i];
        stepper->states[i] = slot->state;
        stepper->positions[i] = slot->position;
        stepper->failed_with[i] = slot->failed_with;
        kvs[i] = takes(stepper, (enum view_id)i) && (!masters_only || i == VIEW_MASTERS) ? slot->kv : NULL;
        stepper->uses[i] = kvs[i] != NULL;
        slot->users += stepper->uses[i];
    }
    uint64_t without = pool_position(runner, NULL);
    pthread_mutex_unlock(&runner->lock);
    for (size_t i = 0; i < VIEW_COUNT; i++) {
        stepper->txns[i] = NULL;
        if (kvs[i] == NULL)
            continue;
        none = false;
        if (kv_begin(kvs[i], false, &stepper->txns[i]) != STATUS_OK)
            stepper->txns[i] = NULL;
        else if (stepper->positions[i] < smallest)
            smallest = stepper->positions[i];
    }
    pthread_rwlock_unlock(&runner->commit_lock);
    stepper->reader.position = smallest != UINT64_MAX ? smallest : none ? without : 0;
}

static void snapshot_close(struct stepper *stepper)
{
    struct runner *runner = stepper->runner;
    bool broken[VIEW_COUNT];
    for (size_t i = 0; i < VIEW_COUNT; i++) {
        enum status read = stepper->txns[i] != NULL ? kv_error(stepper->txns[i]) : STATUS_OK;
        broken[i] = read == STATUS_CORRUPT || read == STATUS_IO; /* a damaged page is one or the other */
        kv_abort(stepper->txns[i]);
        stepper->txns[i] = NULL;
    }
    kv_abort(stepper->replayed);
    stepper->replayed = NULL;
    pthread_mutex_lock(&runner->lock);
    for (size_t i = 0; i < VIEW_COUNT; i++) {
        runner->slots[i].users -= stepper->uses[i];
        runner->broken[i] = runner->broken[i] || broken[i];
        if (broken[i])
            pthread_cond_signal(&runner->wake);
    }
    pthread_mutex_unlock(&runner->lock);
    log_reader_rest(stepper->log_reader);
}

/* What reading came to, and which view it was; `why` is set unless all is well. */
static enum status snapshot_error(const struct stepper *stepper, struct fault *why)
{
    for (size_t i = 0; i < VIEW_COUNT; i++) {
        enum status status = stepper->txns[i] != NULL ? kv_error(stepper->txns[i]) : STATUS_OK;
        if (status == STATUS_CORRUPT)
            return fault_set(why, status, NULL, "view %s does not hold together; see the server's log",
                             views[i]->name);
        if (status != STATUS_OK)
            return fault_set(why, status, NULL, "view %s: %s", views[i]->name, status_text(status));
    }
    enum status status = stepper->replayed != NULL ? kv_error(stepper->replayed) : STATUS_OK;
    return status == STATUS_OK ? status : fault_set(why, status, NULL, "a replay: %s", status_text(status));
}

/* ---- one part --------------------------------------------------------------------------------------------------- */

/* The date where the books are kept; 0 = not known, since it takes the masters view to say. */
static civil_date books_today(struct kv_txn *masters, timestamp_us now, struct arena *arena)
{
    struct slice row;
    if (masters == NULL || !kv_get(masters, TABLE_BOOKS, slice_text("books"), &row))
        return 0;
    const Daftari__V1__OpenBooks *books = (const Daftari__V1__OpenBooks *)protobuf_c_message_unpack(
        &daftari__v1__open_books__descriptor, arena_allocator(arena), row.len, row.ptr);
    return books == NULL ? 0 : date_of_timestamp(now, books->utc_offset_minutes);
}

static enum status context_make(struct stepper *stepper, const struct work_item *item, struct rights *rights,
                                struct query_context *out)
{
    const struct runner_config *config = &stepper->runner->config;
    enum status status = config->rights(config->context, item->actor.user, rights);
    if (status != STATUS_OK)
        return fault_set(&stepper->fault, status, NULL, "log in again");
    timestamp_us now = clock_wall(config->clock);
    *out = (struct query_context){
        .today = books_today(stepper->txns[VIEW_MASTERS], now, stepper->arena),
        .now = now,
        .position = stepper->reader.position,
        .user = item->actor.user,
        .session = item->actor.session,
        .rights = rights,
        .arena = stepper->arena,
    };
    return STATUS_OK;
}

static const struct view_query *view_query_find(const char *method)
{
    for (size_t i = 0; i < view_query_count; i++) {
        if (strcmp(view_queries[i].method, method) == 0)
            return &view_queries[i];
    }
    return NULL;
}

/* What could not be read goes before whatever a query made of it. Else keeps a fault that says more than a bare status;
 * fills in the text when there is none. */
static enum status part_status(struct stepper *stepper, enum status status)
{
    struct fault broken = {0};
    if (!stepper->reader.said && snapshot_error(stepper, &broken) != STATUS_OK) {
        stepper->fault = broken;
        return broken.status;
    }
    if (status == STATUS_OK || status == STATUS_END || status == STATUS_AGAIN)
        return status;
    if (stepper->fault.status == STATUS_OK)
        (void)fault_set(&stepper->fault, status, NULL, "%s", status_text(status));
    return stepper->fault.status;
}

static enum status part_make(struct stepper *stepper, const struct work_item *item,
                             const struct view_query *query, const struct query_context *context,
                             const ProtobufCMessage *request, struct slice *place, void **state,
                             ProtobufCMessage **out)
{
    enum status status;
    stepper->reader.await_position = 0;
    stepper->reader.replaying = false;
    stepper->reader.said = false;
    if (query != NULL) {
        status = query->step(&stepper->reader, context, request, state, out, &stepper->fault);
    } else if (item->method->query != NULL) {
        struct kv_txn *masters = reader_txn(&stepper->reader, VIEW_MASTERS);
        if (masters == NULL)
            status = STATUS_UNAVAILABLE;
        else if (context->today == 0 && stepper->positions[VIEW_MASTERS] != 0)
            status = fault_set(&stepper->fault, STATUS_CORRUPT, NULL,
                               "masters does not say what day it is where the books are kept");
        else
            status = item->method->query(context, masters, request, place, out, &stepper->fault);
    } else {
        status = fault_set(&stepper->fault, STATUS_UNKNOWN_METHOD, NULL, "no query of this name");
    }
    return part_status(stepper, status);
}

/* ---- queries of one answer -------------------------------------------------------------------------------------- */

static void state_free(const struct view_query *query, void *state)
{
    if (state == NULL)
        return;
    if (query != NULL && query->state_free != NULL)
        query->state_free(state);
    else
        free(state);
}

static enum status answer_pack(struct arena *arena, const ProtobufCMessage *message, struct slice *out)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = arena_take(arena, len == 0 ? 1 : len);
    if (bytes == NULL)
        return STATUS_TOO_LARGE;
    protobuf_c_message_pack(message, bytes);
    *out = slice_of(bytes, len);
    return STATUS_OK;
}

static enum status single_run(struct stepper *stepper, struct work_item *item, struct work_part *part,
                              const struct view_query *query)
{
    struct rights rights;
    struct query_context context;
    ProtobufCMessage *request = NULL, *answer = NULL;
    enum status status = message_unpack(item->method->request, part->body, true,
                                        arena_allocator(stepper->arena), &request, &stepper->fault);
    if (status == STATUS_OK)
        status = context_make(stepper, item, &rights, &context);
    if (status != STATUS_OK)
        return status;
    struct slice place = {0};
    void *state = NULL;
    status = part_make(stepper, item, query, &context, request, &place, &state, &answer);
    if (status == STATUS_OK)
        status = answer_pack(item->arena, answer, &part->answer);
    else if (status == STATUS_END || status == STATUS_AGAIN)
        status = STATUS_NOT_FOUND;
    state_free(query, state);
    return status;
}

static void single_answer(struct stepper *stepper, struct work_item *item, const struct view_query *query)
{
    for (size_t i = 0; i < item->part_count; i++) {
        struct work_part *part = &item->parts[i];
        stepper->fault = (struct fault){0};
        arena_reset(stepper->arena);
        part->answer = (struct slice){0};
        part->fault = NULL;
        part->status = single_run(stepper, item, part, query);
        if (part->status == STATUS_OK)
            continue;
        part->status = part_status(stepper, part->status);
        part->fault = arena_take(item->arena, sizeof stepper->fault);
        if (part->fault != NULL)
            *part->fault = stepper->fault;
    }
}

/* ---- streams ---------------------------------------------------------------------------------------------------- */

static void stream_free(void *cursor)
{
    struct stream *stream = cursor;
    state_free(stream->query, stream->state);
    arena_free(stream->arena);
    free(stream->place);
    free(stream->bytes);
    free(stream);
}

static enum status stream_open(struct stepper *stepper, struct work_item *item,
                               const struct view_query *query)
{
    struct stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL)
        return STATUS_NO_MEMORY;
    stream->query = query;
    stream->arena = arena_new(REQUEST_MEMORY_BYTES);
    enum status status = STATUS_NO_MEMORY;
    ProtobufCMessage *request = NULL;
    struct slice body;
    if (stream->arena != NULL && arena_copy(stream->arena, item->parts[0].body, &body))
        status = message_unpack(item->method->request, body, true, arena_allocator(stream->arena), &request,
                                &stepper->fault);
    if (status != STATUS_OK) {
        stream_free(stream);
        return status;
    }
    stream->request = request;
    item->cursor = stream;
    item->cursor_free = stream_free;
    return STATUS_OK;
}

static bool stream_room(struct stream *stream, size_t len)
{
    if (len <= stream->cap - stream->len)
        return true;
    size_t cap = stream->cap == 0 ? 4096 : stream->cap;
    while (cap - stream->len < len)
        cap *= 2;
    uint8_t *bytes = realloc(stream->bytes, cap);
    if (bytes == NULL)
        return false;
    stream->bytes = bytes;
    stream->cap = cap;
    return true;
}

/* Answers are given places once all are there, since the buffer moves while it grows. */
static enum status stream_add(struct stream *stream, const ProtobufCMessage *message, struct work_part *part)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    if (len > FRAME_PAYLOAD_MAX / 2 || !stream_room(stream, len))
        return STATUS_TOO_LARGE;
    protobuf_c_message_pack(message, stream->bytes + stream->len);
    stream->len += len;
    *part = (struct work_part){.status = STATUS_OK, .answer = {.len = len}};
    return STATUS_OK;
}

static enum status stream_keep_place(struct stream *stream, struct slice place)
{
    if (place.len == 0)
        return STATUS_OK;
    uint8_t *copy = malloc(place.len);
    if (copy == NULL)
        return STATUS_NO_MEMORY;
    memcpy(copy, place.ptr, place.len);
    free(stream->place);
    stream->place = copy;
    stream->place_len = place.len;
    return STATUS_OK;
}

static enum status stream_part(struct stepper *stepper, struct work_item *item, struct stream *stream,
                               struct work_part *part)
{
    struct rights rights;
    struct query_context context;
    arena_reset(stepper->arena);
    enum status status = context_make(stepper, item, &rights, &context);
    if (status != STATUS_OK)
        return status;
    struct slice place = slice_of(stream->place, stream->place_len);
    ProtobufCMessage *message = NULL;
    status =
        part_make(stepper, item, stream->query, &context, stream->request, &place, &stream->state, &message);
    if (status == STATUS_OK && place.ptr != stream->place)
        status = stream_keep_place(stream, place);
    if (status == STATUS_OK)
        status = stream_add(stream, message, part);
    return part_status(stepper, status);
}

static void stream_place_answers(struct work_item *item, struct stream *stream)
{
    const uint8_t *at = stream->bytes;
    for (size_t i = 0; i < item->part_count; i++) {
        size_t len = stream->parts[i].answer.len;
        if (stream->parts[i].status == STATUS_OK) {
            stream->parts[i].answer = slice_of(at, len);
            at += len;
        }
    }
    item->parts = stream->parts;
}

static void stream_refuse(struct stepper *stepper, struct work_item *item, struct stream *stream,
                          enum status status)
{
    stream->fault = stepper->fault;
    stream->parts[item->part_count++] = (struct work_part){.status = status, .fault = &stream->fault};
    item->stream_more = false;
}

static enum step_next stream_run(struct stepper *stepper, struct work_item *item, uint64_t *out_position)
{
    struct stream *stream = item->cursor;
    const struct clock *clock = stepper->runner->config.clock;
    monotonic_us until = clock_monotonic(clock) + STEP_US_MAX;
    size_t wanted = item->parts_max == 0 ? 1 : item->parts_max;
    if (wanted > PARTS_PER_STEP_MAX)
        wanted = PARTS_PER_STEP_MAX;
    stream->len = 0;
    item->part_count = 0;
    item->stream_more = true;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && item->part_count < wanted && stream->len < STEP_BYTES_MAX) {
        stepper->fault = (struct fault){0};
        status = stream_part(stepper, item, stream, &stream->parts[item->part_count]);
        if (status == STATUS_OK)
            item->part_count++;
        if (clock_monotonic(clock) >= until)
            break;
    }
    if (status == STATUS_END)
        item->stream_more = false;
    else if (status != STATUS_OK && status != STATUS_AGAIN)
        stream_refuse(stepper, item, stream, status);
    stream_place_answers(item, stream);
    if (status != STATUS_AGAIN || item->part_count != 0)
        return STEP_DONE; /* a wish stays open for the next step */
    if (stream->wish.open)
        return STEP_AGAIN;
    *out_position = stepper->reader.await_position;
    return *out_position > stepper->reader.position ? STEP_PARK : STEP_AGAIN;
}

/* ---- entry ------------------------------------------------------------------------------------------------------ */

/* A stream under way has parts of its own: the refusal is its last. */
void step_refuse(struct work_item *item, const struct fault *fault)
{
    item->stream_more = false;
    if (item->cursor != NULL) {
        struct stream *stream = item->cursor;
        stream->fault = *fault;
        stream->parts[0] = (struct work_part){.status = fault->status, .fault = &stream->fault};
        item->parts = stream->parts;
        item->part_count = 1;
        return;
    }
    struct fault *copy = arena_take(item->arena, sizeof *copy);
    if (copy != NULL)
        *copy = *fault;
    for (size_t i = 0; i < item->part_count; i++) {
        item->parts[i].status = fault->status;
        item->parts[i].answer = (struct slice){0};
        item->parts[i].fault = copy;
    }
}

/* Refuses the item. */
static enum step_next refuse(struct stepper *stepper, struct work_item *item)
{
    step_refuse(item, &stepper->fault);
    return STEP_DONE;
}

static enum step_next run_snapshot(struct stepper *stepper, struct work_item *item,
                                   const struct view_query *query, uint64_t *out_position)
{
    if (!item->method->streams) {
        single_answer(stepper, item, query);
        return STEP_DONE;
    }
    if (item->cursor == NULL) {
        enum status status = stream_open(stepper, item, query);
        if (status != STATUS_OK) {
            (void)part_status(stepper, status);
            return refuse(stepper, item);
        }
    }
    struct stream *stream = item->cursor;
    stepper->stream = stream;
    stream->wanted = stepper->wanted;
    enum step_next next = stream_run(stepper, item, out_position);
    if (next == STEP_DONE && item->part_count != 0 && !stream->begun && stepper->missed == 0) {
        stream->begun = true;
        stream->first_position = item->position;
    }
    return next;
}

/* Forgets a stream none of whose parts was given. */
static void stream_forget(struct stepper *stepper, struct work_item *item)
{
    if (item->cursor == NULL)
        return;
    stream_free(item->cursor);
    item->cursor = NULL;
    item->cursor_free = NULL;
    stepper->stream = NULL;
}

/* First without the views that are behind, as of the log's head; a query that turns out to read one is run again as of
 * that one's position. */
static enum step_next run_opened(struct stepper *stepper, struct work_item *item, uint64_t *out_position)
{
    const struct view_query *query = view_query_find(item->method->name);
    stepper->stream = item->cursor;
    stepper->wanted = stepper->stream != NULL ? stepper->stream->wanted : 0;
    bool first = stepper->stream == NULL; /* of the query's steps */
    struct work_part *parts = item->parts;
    size_t part_count = item->part_count;
    for (;;) {
        snapshot_open(stepper, query == NULL);
        item->position = stepper->reader.position;
        enum view_id behind = rearmost_behind(stepper);
        if (first && item->at_least_position > item->position && behind != VIEW_COUNT) {
            snapshot_close(stepper);
            (void)say_stopped(stepper, behind, STATUS_STALE, "at_least_position", &stepper->fault);
            return refuse(stepper, item);
        }
        enum step_next next = run_snapshot(stepper, item, query, out_position);
        uint32_t missed = stepper->missed & ~stepper->wanted;
        bool again = missed != 0 && (stepper->stream == NULL || !stepper->stream->begun);
        snapshot_close(stepper);
        if (!again)
            return next;
        stream_forget(stepper, item);
        item->parts = parts;
        item->part_count = part_count;
        stepper->wanted |= missed;
    }
}

/* A slice of the replay that the stream wants. STEP_DONE with stepper->replay_there: the step can go on. */
static enum step_next replay_slice(struct stepper *stepper, struct work_item *item, struct replay_wish *wish,
                                   monotonic_us *out_since)
{
    struct runner *runner = stepper->runner;
    const struct clock *clock = runner->config.clock;
    monotonic_us now = clock_monotonic(clock);
    if (wish->since == 0) {
        wish->since = now;
        wish->until = item->deadline != 0 ? item->deadline : pool_until(runner, item);
    }
    if (now >= wish->until) {
        (void)fault_set(&stepper->fault, STATUS_DEADLINE, "known_at_position",
                        "replaying the books takes longer than the deadline; ask again");
        return refuse(stepper, item);
    }
    if (!pool_turn_take(runner, item)) {
        *out_since = wish->since;
        return STEP_TURN;
    }
    enum status status = replays_forward(runner->replays, views[wish->view], wish->position,
                                         stepper->log_reader, clock, now + STEP_US_MAX, &stepper->fault);
    log_reader_rest(stepper->log_reader);
    pool_turn_kept(runner, replays_bytes(runner->replays));
    if (status == STATUS_AGAIN)
        return STEP_AGAIN;
    if (status != STATUS_OK) {
        (void)part_status(stepper, status);
        return refuse(stepper, item);
    }
    wish->open = false;
    stepper->replay_there = true;
    return STEP_DONE;
}

/* Whether the position is worth waiting for: not when no view goes on. */
static bool waits_for(struct runner *runner, uint64_t position)
{
    bool behind;
    pthread_mutex_lock(&runner->lock);
    bool later = position > pool_position(runner, &behind);
    pthread_mutex_unlock(&runner->lock);
    return later && !behind;
}

static enum step_next step_run(struct stepper *stepper, struct work_item *item, uint64_t *out_position,
                               monotonic_us *out_since)
{
    struct runner *runner = stepper->runner;
    struct stream *stream = item->cursor;
    stepper->fault = (struct fault){0};
    stepper->replay_there = false;
    if (atomic_load(&item->unwanted)) {
        (void)fault_set(&stepper->fault, STATUS_CANCELLED, NULL, "nobody waits for the answer");
        return refuse(stepper, item);
    }
    if (stream != NULL && stream->wish.open) {
        enum step_next next = replay_slice(stepper, item, &stream->wish, out_since);
        if (!stepper->replay_there)
            return next;
    }
    if (item->deadline != 0 && clock_monotonic(runner->config.clock) >= item->deadline) {
        (void)fault_set(&stepper->fault, STATUS_DEADLINE, NULL,
                        "the deadline passed before the query could start");
        return refuse(stepper, item);
    }
    if (item->cursor == NULL && waits_for(runner, item->at_least_position)) {
        *out_position = item->at_least_position;
        return STEP_PARK;
    }
    return run_opened(stepper, item, out_position);
}

enum step_next stepper_run(struct stepper *stepper, struct work_item *item, uint64_t *out_position,
                           monotonic_us *out_since)
{
    struct runner *runner = stepper->runner;
    const struct runner_hooks *hooks = &runner->config.hooks;
    monotonic_us start = clock_monotonic(runner->config.clock);
    enum step_next next = step_run(stepper, item, out_position, out_since);
    if (next != STEP_AGAIN || stepper->replay_there)
        pool_turn_end(runner, item);
    if (next == STEP_DONE && hooks->query != NULL) {
        enum status status = item->part_count != 0 ? item->parts[item->part_count - 1].status : STATUS_OK;
        hooks->query(hooks->context, item->method, status, clock_monotonic(runner->config.clock) - start);
    }
    return next;
}
