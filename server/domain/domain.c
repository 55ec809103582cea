#include "server/domain/domain.h"

#include <stdio.h>

#include "proto/wire/message.h"
#include "proto/wire/services.h"
#include "server/domain/kernel/day_book.h"
#include "server/domain/kernel/effects.h"
#include "server/domain/kernel/open_item.h"
#include "server/domain/kernel/party.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/kernel/tables.h"
#include "server/domain/kernel/tenders.h"
#include "type_ids.h"

/* ---- look-ups: the rows of a capability are sorted, so no index has to be built -------------------------------- */

const struct method *domain_method(struct slice name)
{
    for (size_t c = 0; c < domain_capability_count; c++) {
        const struct capability *capability = domain_capabilities[c];
        size_t low = 0, high = capability->method_count;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            const struct method *method = &capability->methods[middle];
            int order = slice_compare(name, slice_text(method->name));
            if (order == 0)
                return method;
            if (order < 0)
                high = middle;
            else
                low = middle + 1;
        }
    }
    return NULL;
}

const struct event_type *domain_event(uint16_t type)
{
    for (size_t c = 0; c < domain_capability_count; c++) {
        const struct capability *capability = domain_capabilities[c];
        size_t low = 0, high = capability->event_count;
        if (high == 0 || type < capability->events[0].type || type > capability->events[high - 1].type)
            continue;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            const struct event_type *event = &capability->events[middle];
            if (event->type == type)
                return event;
            if (type < event->type)
                high = middle;
            else
                low = middle + 1;
        }
    }
    return NULL;
}

bool domain_event_undoes(uint16_t type)
{
    const struct event_type *event = domain_event(type);
    return event != NULL && event->undo == UNDO_IS;
}

/* ---- the check at start ------------------------------------------------------------------------------------------ */

static enum status wrong(struct fault *why, const char *what, const char *name)
{
    return fault_set(why, STATUS_INTERNAL, NULL, "capability tables: %s %s", what, name);
}

static enum status check_methods(const struct capability *capability, struct fault *why)
{
    for (size_t i = 0; i < capability->method_count; i++) {
        const struct method *method = &capability->methods[i];
        if (strlen(method->name) >= METHOD_NAME_MAX || method->request == NULL || method->response == NULL)
            return wrong(why, "incomplete method", method->name);
        if (i > 0 && strcmp(capability->methods[i - 1].name, method->name) >= 0)
            return wrong(why, "methods are not sorted at", method->name);
        if (domain_method(slice_text(method->name)) != method)
            return wrong(why, "method given twice:", method->name);
        bool decides = method->kind == METHOD_COMMAND || method->kind == METHOD_INTERNAL;
        if (decides != (method->decide != NULL) && method->kind != METHOD_ACCESS)
            return wrong(why, "a command needs decide and nothing else has it:", method->name);
        if (method->permission >= PERMISSIONS_MAX)
            return wrong(why, "no such permission:", method->name);
    }
    return STATUS_OK;
}

static enum status check_events(const struct capability *capability, struct fault *why)
{
    for (size_t i = 0; i < capability->event_count; i++) {
        const struct event_type *event = &capability->events[i];
        if (event->name == NULL || event->payload == NULL)
            return wrong(why, "incomplete event in", capability->name);
        if (i > 0 && capability->events[i - 1].type >= event->type)
            return wrong(why, "events are not sorted at", event->name);
        if (domain_event(event->type) != event)
            return wrong(why, "event given twice:", event->name);
    }
    return STATUS_OK;
}

static enum status check_type_id(uint16_t type, const char *name, const char *payload, struct fault *why)
{
    const struct event_type *event = domain_event(type);
    if (event == NULL)
        return wrong(why, "no capability has the event", name);
    if (strcmp(event->name, name) != 0)
        return wrong(why, "event with another name than in TYPE_IDS:", name);
    if (strcmp(event->payload->short_name, payload) != 0)
        return wrong(why, "event with another payload than in TYPE_IDS:", name);
    return STATUS_OK;
}

/* Every rpc of the schemas is a method with the same messages. */
static enum status check_service(const ProtobufCServiceDescriptor *service, struct fault *why)
{
    for (unsigned i = 0; i < service->n_methods; i++) {
        const ProtobufCMethodDescriptor *rpc = &service->methods[i];
        char name[METHOD_NAME_MAX];
        (void)snprintf(name, sizeof name, "%s.%s", service->short_name, rpc->name);
        const struct method *method = domain_method(slice_text(name));
        if (method == NULL)
            return wrong(why, "no capability has the method", name);
        if (method->request != rpc->input || method->response != rpc->output)
            return wrong(why, "method with other messages than its rpc:", name);
    }
    return STATUS_OK;
}

enum status domain_check(struct fault *why)
{
    enum status status = STATUS_OK;
    for (size_t c = 0; status == STATUS_OK && c < domain_capability_count; c++) {
        if (c > 0 && strcmp(domain_capabilities[c - 1]->name, domain_capabilities[c]->name) >= 0)
            return wrong(why, "capabilities are not sorted at", domain_capabilities[c]->name);
        status = check_methods(domain_capabilities[c], why);
        if (status == STATUS_OK)
            status = check_events(domain_capabilities[c], why);
    }
    for (size_t s = 0; status == STATUS_OK && s < services_count; s++)
        status = check_service(services[s], why);
#define CHECK_TYPE_ID(number, name, payload)                                                                 \
    if (status == STATUS_OK)                                                                                 \
        status = check_type_id(number, #name, payload, why);
    TYPE_IDS(CHECK_TYPE_ID)
#undef CHECK_TYPE_ID
    return status;
}

/* ---- deciding and applying --------------------------------------------------------------------------------------- */

void decision_init(struct decision *out, struct slice body)
{
    /* Not the arrays: they are large, and counted. */
    out->type = 0;
    out->type_version = 1;
    out->business = 0;
    out->business_date = 0;
    out->series = 0;
    out->number = 0;
    out->cause = 0;
    out->posting_count = 0;
    out->movement_count = 0;
    out->payload = body;
    out->nothing_to_do = false;
}

enum status domain_unpack(const struct method *method, struct slice body, struct arena *arena,
                          ProtobufCMessage **out, struct fault *why)
{
    if (method->unpack != NULL && method->unpack(body, arena, out))
        return STATUS_OK;
    return message_unpack(method->request, body, true, arena_allocator(arena), out, why);
}

enum status domain_decide(const struct method *method, const struct context *context, struct kv_txn *state,
                          const ProtobufCMessage *command, struct slice body, struct decision *out,
                          struct fault *why)
{
    decision_init(out, body);
    enum status status = method->decide(context, state, command, out, why);
    if (status == STATUS_OK && !out->nothing_to_do) {
        bool lines_named = out->type == EVENT_ENTRY_POSTED || out->type == EVENT_OPENING_BALANCES_POSTED;
        status = effects_check(state, out, lines_named, context->arena, why);
        if (status == STATUS_OK && domain_event(out->type) == NULL)
            status = wrong(why, "a record of no known type was decided by", method->name);
        if (status == STATUS_OK)
            status = day_book_check(state, out, why);
    }
    /* Whatever was decided from rows that could not be read is worth nothing. */
    if (kv_error(state) != STATUS_OK)
        return fault_set(why, kv_error(state), NULL, "core state could not be read");
    return status;
}

struct record_header decision_header(const struct decision *decision, const struct context *context)
{
    return (struct record_header){
        .type = decision->type,
        .type_version = decision->type_version,
        .business = decision->business,
        .position = context->position,
        .time = context->now,
        .command_id = context->command_id,
        .session = context->session,
        .user = context->user,
        .business_date = decision->business_date,
        .series = decision->series,
        .number = decision->number,
        .cause = decision->cause,
    };
}

static void apply_type(const struct event_type *event, struct kv_txn *state, const struct record *record,
                       struct arena *arena)
{
    if (event->apply == NULL)
        return;
    const ProtobufCMessage *payload = row_message(state, record->payload, event->payload, arena);
    if (payload != NULL)
        event->apply(state, record, payload, arena);
}

/* What customers and suppliers owe. */
static void apply_parties(const struct event_type *event, struct kv_txn *state, const struct record *record,
                          struct arena *arena)
{
    struct settling settling = {.record = record, .undoes = event->undo == UNDO_IS};
    bool any = false;
    for (size_t i = 0; !any && i < record->posting_count; i++)
        any = record_posting(record, i).party != 0;
    if (!any)
        return;
    if (event->allocated != NULL) {
        settling.payload = row_message(state, record->payload, event->payload, arena);
        settling.allocated = settling.payload != NULL ? event->allocated : NULL;
    }
    party_apply(state, &settling);
}

void domain_apply(struct kv_txn *state, const struct record *record, struct arena *arena)
{
    const struct event_type *event = domain_event(record->header.type);
    if (event == NULL) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    effects_apply(state, record, event->undo == UNDO_IS);
    day_book_apply(state, record, arena);
    apply_parties(event, state, record, arena);
    apply_type(event, state, record, arena);
}

/* The receipts that a document of another capability names, so that the masters know which of M-Pesa's wait: every payload
 * that holds tenders holds them in a field of this name. */
static void apply_receipts(const struct event_type *event, struct kv_txn *masters,
                           const struct record *record, struct arena *arena)
{
    static const char *const fields[] = {"tenders", "refunds"};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field_by_name(event->payload, fields[i]);
        if (field == NULL || field->descriptor != &daftari__v1__taken_tender__descriptor)
            continue;
        const ProtobufCMessage *payload = row_message(masters, record->payload, event->payload, arena);
        if (payload == NULL)
            return;
        size_t count;
        Daftari__V1__TakenTender **rows;
        memcpy(&count, (const uint8_t *)payload + field->quantifier_offset, sizeof count);
        memcpy(&rows, (const uint8_t *)payload + field->offset, sizeof rows);
        if (event->undo == UNDO_IS)
            tenders_release(masters, rows, count);
        else
            tenders_apply(masters, record, rows, count);
    }
}

void domain_apply_master(struct kv_txn *masters, const struct record *record, struct arena *arena)
{
    const struct event_type *event = domain_event(record->header.type);
    if (event == NULL) {
        kv_set_error(masters, STATUS_CORRUPT);
        return;
    }
    apply_parties(event, masters, record, arena);
    if (event->master)
        apply_type(event, masters, record, arena);
    else
        apply_receipts(event, masters, record, arena);
}
