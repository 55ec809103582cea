#include "server/writer/command.h"

#include "proto/base/bug.h"
#include "proto/base/bytes.h"
#include "proto/wire/message.h"
#include "proto/wire/varint.h"
#include "server/base/content.h"
#include "server/domain/kernel/numbering.h"
#include "server/domain/kernel/tables.h"
#include "server/domain/people/rights.h"
#include "server/domain/people/user_row.h"
#include "type_ids.h"

#include "books.pb-c.h"

bool command_batch_full(const struct writer *writer)
{
    const struct writer_config *config = &writer->config;
    return writer->open->count >= config->batch_records_max ||
           writer->open->bytes_used + RECORD_BYTES_MAX + PLACE_RECORD_BYTES_MAX > config->batch_bytes_max;
}

void command_load_books(struct writer *writer, struct kv_txn *state)
{
    struct slice row;
    if (!kv_get(state, TABLE_BOOKS, slice_text("books"), &row))
        return;
    arena_reset(writer->arena);
    Daftari__V1__OpenBooks *books =
        daftari__v1__open_books__unpack(arena_allocator(writer->arena), row.len, row.ptr);
    if (books != NULL && books->has_utc_offset_minutes)
        writer->utc_offset_minutes = books->utc_offset_minutes;
    writer->today_from = writer->today_until = 0;
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static void answer_fault(struct work_item *item, struct work_part *part, const struct fault *fault)
{
    ASSERT(fault->status != STATUS_OK);
    part->status = fault->status;
    part->fault = arena_take(item->arena, sizeof *fault);
    if (part->fault != NULL)
        *part->fault = *fault;
}

/* message Recorded (proto/schema/common.proto), written by hand: every command is answered with one. */
#define RECORDED_MAX (3u + 2u * VARINT_BYTES_MAX + 1u + NUMBER_TEXT_MAX)
static_assert(NUMBER_TEXT_MAX < 0x80, "its length takes one byte");

static size_t recorded_put(uint8_t *out, uint64_t position, const char *number, timestamp_us time)
{
    enum {
        TAG_POSITION = 1 << 3 | WIRE_VARINT,
        TAG_NUMBER = 2 << 3 | WIRE_BYTES,
        TAG_TIME = 3 << 3 | WIRE_VARINT
    };
    size_t number_len = strlen(number);
    uint8_t *at = out;
    *at++ = TAG_POSITION;
    at = varint_put(at, position);
    if (number_len != 0) {
        *at++ = TAG_NUMBER;
        *at++ = (uint8_t)number_len;
        memcpy(at, number, number_len);
        at += number_len;
    }
    if (time != 0) {
        *at++ = TAG_TIME;
        at = varint_put(at, (uint64_t)time);
    }
    return (size_t)(at - out);
}

/* header NULL: nothing had to be recorded. */
static void answer_recorded(struct work_item *item, struct work_part *part, struct kv_txn *state,
                            const struct record_header *header)
{
    char number[NUMBER_TEXT_MAX + 1] = "";
    uint8_t *bytes = arena_take(item->arena, RECORDED_MAX);
    struct fault no_room = {.status = STATUS_NO_MEMORY};
    if (bytes == NULL) { /* it is recorded all the same: the retry under the same id will be answered */
        answer_fault(item, part, &no_room);
        return;
    }
    if (header != NULL && header->series != 0 &&
        !number_format(state, header->series, header->business_date, header->number, number))
        number[0] = '\0';
    part->status = STATUS_OK;
    part->answer = slice_of(bytes, recorded_put(bytes, header != NULL ? header->position : 0, number,
                                                header != NULL ? header->time : 0));
}

/* ---- seen before? ------------------------------------------------------------------------------------------------ */

/* Of the open batch, of the one that is being committed (or was committed last), or of the log; a record_source for
 * decisions too. */
static enum status record_at(void *context, uint64_t position, struct record *out, struct fault *why)
{
    struct writer *writer = context;
    for (size_t i = 0; i < 2; i++) {
        const struct batch *batch = &writer->batches[i];
        if (batch->count == 0 || position < batch->first || position - batch->first >= batch->count)
            continue;
        *out = batch->records[position - batch->first];
        return STATUS_OK;
    }
    struct slice bytes;
    enum status status = log_read(writer->reader, position, &bytes, why);
    return status == STATUS_OK ? record_decode(bytes, out, why) : status;
}

/* True when the command id was used: the part is answered. A command that the server gives itself has no id.
 */
static bool answered_before(struct writer *writer, struct kv_txn *state, struct work_item *item,
                            struct work_part *part, enum status *out_status, struct fault *why)
{
    uint64_t position;
    struct record first;
    struct fault reused;
    *out_status = STATUS_OK;
    if (command_id_is_zero(&part->command_id))
        return false;
    enum status status = id_index_find(writer->config.ids, &part->command_id, &position);
    if (status == STATUS_NOT_FOUND)
        return false;
    if (status != STATUS_OK) {
        *out_status = fault_set(why, status, NULL, "the index of command ids cannot be read");
        return true;
    }
    *out_status = record_at(writer, position, &first, why);
    if (*out_status != STATUS_OK)
        return true;
    if (memcmp(&first.header.command_id, &part->command_id, sizeof part->command_id) != 0) {
        *out_status = fault_set(why, STATUS_CORRUPT, NULL,
                                "the index of command ids names record %llu for a command of another",
                                (unsigned long long)position);
        return true;
    }
    if (first.header.content != part->content) {
        (void)fault_set(&reused, STATUS_KEY_REUSED, "command_id",
                        "this id belongs to another command (position %llu): give every new command a new id",
                        (unsigned long long)position);
        answer_fault(item, part, &reused);
        return true;
    }
    if (first.header.user != item->actor.user) {
        (void)fault_set(&reused, STATUS_KEY_REUSED, "command_id", "this id was used by another user");
        answer_fault(item, part, &reused);
        return true;
    }
    answer_recorded(item, part, state, &first.header);
    return true;
}

/* ---- decide ------------------------------------------------------------------------------------------------------ */

static const struct rights *rights_of(struct writer *writer, struct kv_txn *state, uint32_t user)
{
    if (user == 0)
        return NULL;
    if (!writer->rights_known || writer->rights_user != user) {
        rights_compute(state, user, &writer->rights);
        writer->rights_user = user;
        writer->rights_known = true;
    }
    return &writer->rights;
}

/* Was the session ended while the command waited? net looked when the command came, and a revocation acts at once. */
static bool session_ended(struct writer *writer, struct kv_txn *state, const struct actor *actor)
{
    struct session_row row;
    if (actor->session == 0 || actor->session == writer->session_good)
        return false;
    if (!session_row_get(state, actor->session, &row) || row.user != actor->user)
        return true;
    writer->session_good = actor->session;
    return false;
}

/* Is this the place that the session's records have, as far as was looked at last? Spares reading state for every command. */
static bool place_known(const struct writer *writer, const struct actor *actor)
{
    const struct actor *last = &writer->place_good;
    return last->session == actor->session && strcmp(last->address, actor->address) == 0 &&
           strcmp(last->agent, actor->agent) == 0 && strcmp(last->device, actor->device) == 0;
}

/* Another place than the session's records have: writer->place is the record that says so, and to go first. Asked once
 * it is settled that there will be a record, so that nobody can fill the log with what is refused. */
static bool place_changed(struct writer *writer, struct kv_txn *state, const struct context *context,
                          const struct actor *actor)
{
    if (actor->session == 0 || place_known(writer, actor))
        return false;
    if (domain_place_changed(context, state, writer->place))
        return true;
    if (kv_error(state) == STATUS_OK)
        writer->place_good = *actor;
    return false;
}

static timestamp_us next_time(const struct writer *writer)
{
    timestamp_us now = clock_wall(writer->config.clock);
    return now > writer->head.time ? now : writer->head.time + 1;
}

/* The day of a time in the books' time zone; it is worked out once a day. */
static civil_date today_at(struct writer *writer, timestamp_us now)
{
    if (now < writer->today_from || now >= writer->today_until) {
        int64_t day_us = INT64_C(86400000000), offset_us = writer->utc_offset_minutes * INT64_C(60000000);
        int64_t local = now + offset_us;
        writer->today = date_of_timestamp(now, writer->utc_offset_minutes);
        writer->today_from = local - ((local % day_us) + day_us) % day_us - offset_us;
        writer->today_until = writer->today_from + day_us;
    }
    return writer->today;
}

/* The decision of one command; fills writer->decision. */
static enum status decide(struct writer *writer, struct kv_txn *state, struct work_item *item,
                          struct work_part *part, const ProtobufCMessage *message, struct context *context,
                          struct fault *why)
{
    const struct method *method = item->method;
    *context = (struct context){
        .now = next_time(writer),
        .position = writer->head.size + 1,
        .command_id = part->command_id,
        .user = item->actor.user,
        .session = item->actor.session,
        .rights = rights_of(writer, state, item->actor.user),
        .address = item->actor.address,
        .agent = item->actor.agent,
        .device = item->actor.device,
        .arena = writer->arena,
        .records = {record_at, writer},
    };
    if (session_ended(writer, state, &item->actor) ||
        (!item->from_server && (context->user == 0 || method->kind == METHOD_INTERNAL)))
        return fault_set(why, STATUS_UNAUTHENTICATED, NULL, "log in first");
    context->today = today_at(writer, context->now);
    if (method->kind == METHOD_COMMAND && command_id_is_zero(&part->command_id))
        return fault_set(why, STATUS_INVALID, "command_id", "16 bytes made by the client, not all zero");
    if (context->rights != NULL && method->permission != 0 && method->kind != METHOD_INTERNAL &&
        !rights_allow(context->rights, method->permission, method->level))
        return rights_deny(method->name, NULL, method->permission, method->level, why);

    if (message == NULL) {
        ProtobufCMessage *unpacked;
        enum status status = domain_unpack(method, part->body, writer->arena, &unpacked, why);
        if (status != STATUS_OK)
            return status;
        message = unpacked;
    }
    decision_init(writer->decision, part->body);
    return domain_decide(method, context, state, message, part->body, writer->decision, why);
}

/* ---- record ------------------------------------------------------------------------------------------------------ */

static enum status record_it(struct writer *writer, struct kv_txn *state, const struct decision *decision,
                             uint64_t content, const struct context *context, const struct record **out,
                             struct fault *why)
{
    struct record_header header = decision_header(decision, context);
    header.content = command_id_is_zero(&context->command_id) ? 0 : content;
    header.previous = writer->head.last;
    size_t size = record_size(decision->posting_count, decision->movement_count, decision->payload.len);
    struct batch *batch = writer->open;
    ASSERT(size != 0 && size <= writer->config.batch_bytes_max - batch->bytes_used);
    uint8_t *bytes = batch->bytes + batch->bytes_used;
    struct record *record = &batch->records[batch->count];
    struct hash *hash = &batch->hashes[batch->count];
    record_encode_kept(&header, decision->postings, decision->posting_count, decision->movements,
                       decision->movement_count, decision->payload, bytes, record);
    record_hash(record->bytes, hash);
    spent_mark(&writer->spent, writer->config.clock, WRITER_HASH);
    domain_apply(state, record, writer->arena);
    spent_mark(&writer->spent, writer->config.clock, WRITER_APPLY);
    if (kv_error(state) != STATUS_OK)
        return state_fault(writer->config.state, kv_error(state), context->position, why);
    if (!command_id_is_zero(&header.command_id))
        id_index_add(writer->config.ids, &header.command_id, context->position);
    spent_mark(&writer->spent, writer->config.clock, WRITER_DEDUPE);
    if (batch->count == 0)
        batch->first = context->position;
    batch->count++;
    batch->bytes_used += size;
    batch->tells |= record->header.type >= WRITER_TOLD_TYPE;
    writer->head = (struct log_head){.size = context->position, .last = *hash, .time = context->now};
    *out = record;
    return STATUS_OK;
}

/* writer->place, before what was decided: that takes the next position and time. */
static enum status record_place(struct writer *writer, struct kv_txn *state, struct context *context,
                                struct fault *why)
{
    const struct record *record;
    struct context place = *context;
    place.command_id = (struct command_id){0};
    enum status status = record_it(writer, state, writer->place, 0, &place, &record, why);
    context->position = writer->head.size + 1;
    context->now = next_time(writer);
    return status;
}

static bool size_fits(const struct decision *decision, struct fault *why)
{
    if (record_size(decision->posting_count, decision->movement_count, decision->payload.len) != 0)
        return true;
    (void)fault_set(why, STATUS_TOO_LARGE, NULL, "a record holds at most %u bytes: split the entry",
                    RECORD_BYTES_MAX);
    return false;
}

size_t command_run_ahead(struct writer *writer, struct kv_txn *state, const struct work_item *item,
                         size_t first)
{
    size_t left = item->part_count - first;
    size_t count = left < COMMANDS_AHEAD ? left : COMMANDS_AHEAD;
    hint_fn *hint = count > 1 ? item->method->hint : NULL;
    spent_begin(&writer->spent, writer->config.clock);
    arena_reset(writer->messages);
    for (size_t i = 0; i < count; i++) {
        ProtobufCMessage *message = NULL;
        struct fault later; /* said when its turn comes */
        id_index_prefetch(writer->config.ids, &item->parts[first + i].command_id);
        if (domain_unpack(item->method, item->parts[first + i].body, writer->messages, &message, &later) !=
            STATUS_OK)
            message = NULL;
        else if (hint != NULL)
            hint(state, message, 0);
        writer->ahead[i] = message;
    }
    for (size_t i = 0; i < count; i++)
        if (hint != NULL && writer->ahead[i] != NULL)
            hint(state, writer->ahead[i], 1);
    spent_mark(&writer->spent, writer->config.clock, WRITER_DECODE);
    return count;
}

enum status command_run(struct writer *writer, struct kv_txn *state, struct work_item *item, size_t index,
                        const ProtobufCMessage *message, struct fault *why)
{
    struct work_part *part = &item->parts[index];
    struct fault refusal = {0};
    struct context context;
    const struct record *record = NULL;
    enum status status;

    spent_begin(&writer->spent, writer->config.clock);
    arena_reset(writer->arena);
    if (part->content == 0)
        part->content = content_digest(item->method->name, part->body);
    if (answered_before(writer, state, item, part, &status, why))
        return status;
    spent_mark(&writer->spent, writer->config.clock, WRITER_DEDUPE);
    status = decide(writer, state, item, part, message, &context, &refusal);
    spent_mark(&writer->spent, writer->config.clock, WRITER_DECIDE);
    if (kv_error(state) != STATUS_OK)
        return state_fault(writer->config.state, kv_error(state), 0, why);
    if (status != STATUS_OK || (!writer->decision->nothing_to_do && !size_fits(writer->decision, &refusal))) {
        answer_fault(item, part, &refusal);
        return STATUS_OK;
    }
    if (writer->decision->nothing_to_do) {
        answer_recorded(item, part, state, NULL);
        return STATUS_OK;
    }
    if (place_changed(writer, state, &context, &item->actor))
        status = record_place(writer, state, &context, why);
    else if (kv_error(state) != STATUS_OK)
        status = fault_set(why, kv_error(state), NULL, "core state cannot be read");
    if (status == STATUS_OK)
        status = record_it(writer, state, writer->decision, part->content, &context, &record, why);
    if (status != STATUS_OK)
        return status;
    ASSERT(record != NULL);
    answer_recorded(item, part, state, &record->header);
    spent_mark(&writer->spent, writer->config.clock, WRITER_ANSWER);
    if (record->header.type >= WRITER_TOLD_TYPE) {
        writer->rights_known = false;
        writer->session_good = 0;
        writer->place_good.session = 0;
    }
    if (record->header.type == EVENT_BOOKS_OPENED)
        command_load_books(writer, state);
    return STATUS_OK;
}
