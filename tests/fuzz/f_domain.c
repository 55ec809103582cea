/* Any body for any command or query of the domain, on books with three businesses: the first byte chooses the method. What
 * is accepted must balance, fit a record and be applied without contradiction; what is refused says why. Nothing is kept
 * between inputs. */
#include <stdio.h>
#include <stdlib.h>

#include "proto/base/bug.h"
#include "proto/base/text.h"
#include "proto/wire/message.h"
#include "tests/support/world.h"

#define STEPS_MAX 40u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct world *books(void)
{
    static struct world *world;
    struct world_actor server = {0};
    struct world_answer answer;
    if (world != NULL)
        return world;
    world = world_new();
    json_t *open = json_loads("{\"name\": \"Fuzz\", \"base_currency\": \"KES\", \"scale\": 2, "
                              "\"utc_offset_minutes\": 180, \"first_date\": \"2025-01-01\"}",
                              0, NULL);
    ASSERT(world_command_json(world, &server, "internal.OpenBooks", open, &answer) &&
           answer.status == STATUS_OK);
    json_decref(open);
    ASSERT(world_load(world, "data/kenya-three-businesses.jsonl", NULL, NULL));
    json_t *draft =
        json_loads("{\"entry\": {\"business\": \"WTR\", \"description\": \"kept\", \"lines\": ["
                   "{\"account\": 1110, \"debit\": \"1.00\"}, {\"account\": 4100, \"credit\": \"1.00\"}]}}",
                   0, NULL);
    ASSERT(world_command_json(world, &server, "Entry.Draft", draft, &answer) && answer.status == STATUS_OK);
    json_decref(draft);
    return world;
}

/* Commands and queries that the domain answers, in the order of its tables. */
static const struct method *choose(size_t number)
{
    const struct method *chosen[256];
    size_t count = 0;
    for (size_t c = 0; c < domain_capability_count; c++)
        for (size_t m = 0; m < domain_capabilities[c]->method_count; m++) {
            const struct method *method = &domain_capabilities[c]->methods[m];
            if (method->kind == METHOD_COMMAND || (method->kind == METHOD_QUERY && method->query != NULL))
                chosen[count++] = method;
        }
    return chosen[number % count];
}

static void check_fault(enum status status, const struct fault *why)
{
    ASSERT(why->status == status && why->text[0] != '\0');
    ASSERT(status == STATUS_REFUSED ? why->reason != 0 : why->reason == 0);
    ASSERT(status == STATUS_REFUSED || status == STATUS_INVALID || status == STATUS_DENIED ||
           status == STATUS_NOT_FOUND || status == STATUS_TOO_LARGE);
    ASSERT(text_valid(slice_text(why->field)) && text_valid(slice_text(why->text)));
}

static void record_it(struct kv_txn *state, const struct context *context, const struct decision *decision,
                      struct arena *arena)
{
    static uint8_t bytes[RECORD_BYTES_MAX];
    struct record record;
    struct fault why;
    size_t len = record_size(decision->posting_count, decision->movement_count, decision->payload.len);
    if (len == 0)
        return; /* the sequencer says TOO_LARGE */
    struct record_header header = decision_header(decision, context);
    record_encode(&header, decision->postings, decision->posting_count, decision->movements,
                  decision->movement_count, decision->payload, bytes);
    ASSERT(record_decode(slice_of(bytes, len), &record, &why) == STATUS_OK);
    ASSERT(record_check_balance(&record, &why) == STATUS_OK);
    domain_apply(state, &record, arena);
    ASSERT(kv_error(state) == STATUS_OK);
}

static enum status read_record(void *context, uint64_t position, struct record *out, struct fault *why)
{
    const struct world *world = context;
    if (position > world->record_count)
        return fault_set(why, STATUS_END, NULL, "no such record");
    *out = world_record_at(world, position);
    return STATUS_OK;
}

static void try_command(struct world *world, const struct method *method, const ProtobufCMessage *message,
                        struct slice body)
{
    struct fault why = {0};
    struct kv_txn *state;
    struct context context = {
        .now = world->now,
        .today = date_of_timestamp(world->now, 180),
        .position = world->record_count + 1,
        .address = "",
        .agent = "",
        .device = "",
        .arena = world->arena,
        .records = {read_record, world},
    };
    ASSERT(kv_begin(world->state, true, &state) == STATUS_OK);
    enum status status = domain_decide(method, &context, state, message, body, world->decision, &why);
    ASSERT(kv_error(state) == STATUS_OK);
    if (status != STATUS_OK)
        check_fault(status, &why);
    else if (!world->decision->nothing_to_do)
        record_it(state, &context, world->decision, world->arena);
    kv_abort(state);
}

static void try_query(struct world *world, const struct method *method, const ProtobufCMessage *message)
{
    struct fault why = {0};
    struct kv_txn *state;
    struct slice cursor = {0};
    struct query_context context = {.today = date_of_timestamp(world->now, 180),
                                    .now = world->now,
                                    .position = world->record_count,
                                    .arena = world->arena};
    ASSERT(kv_begin(world->state, false, &state) == STATUS_OK);
    enum status status = STATUS_OK;
    for (size_t step = 0; step < STEPS_MAX && status == STATUS_OK; step++) {
        ProtobufCMessage *row = NULL;
        status = method->query(&context, state, message, &cursor, &row, &why);
        if (status == STATUS_OK)
            ASSERT(row != NULL && row->descriptor == method->response);
        else if (status != STATUS_END)
            check_fault(status, &why);
        if (!method->streams)
            break;
    }
    ASSERT(kv_error(state) == STATUS_OK);
    kv_abort(state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world *world = books();
    struct fault why;
    ProtobufCMessage *message;
    if (size < 1)
        return 0;
    const struct method *method = choose(data[0]);
    struct slice body = slice_of(data + 1, size - 1);
    arena_reset(world->arena);
    if (message_unpack(method->request, body, true, arena_allocator(world->arena), &message, &why) !=
        STATUS_OK)
        return 0;
    if (method->kind == METHOD_COMMAND)
        try_command(world, method, message, body);
    else
        try_query(world, method, message);
    return 0;
}
