#include "server/views/entry_text.h"

#include <stdio.h>

#include "period.pb-c.h"
#include "proto/wire/message.h"
#include "reconciliation.pb-c.h"
#include "type_ids.h"

static void take_entry(const Daftari__V1__PostEntry *entry, struct entry_text *out)
{
    if (entry == NULL)
        return;
    if (entry->type != NULL && entry->type[0] != '\0')
        out->type = entry->type;
    if (entry->description != NULL)
        out->description = entry->description;
    if (entry->reference != NULL)
        out->reference = entry->reference;
    out->line_count = entry->n_lines;
    out->lines = entry->lines;
    out->tag_count = entry->n_tags;
    out->tags = entry->tags;
}

static void take_description(const char *description, struct entry_text *out)
{
    if (description != NULL && description[0] != '\0')
        out->description = description;
}

/* The text of a field, if the message has one of that name. */
static const char *text_field(const ProtobufCMessage *message, const char *name)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(message->descriptor, name);
    if (field == NULL || field->type != PROTOBUF_C_TYPE_STRING || field->label == PROTOBUF_C_LABEL_REPEATED)
        return NULL;
    const char *text;
    memcpy(&text, (const char *)message + field->offset, sizeof text);
    return text != NULL && text[0] != '\0' ? text : NULL;
}

/* A document that is no entry as such: what it is, and what was noted on it. */
static enum status take_titled(const struct event_type *event, const ProtobufCMessage *message,
                               struct arena *arena, struct entry_text *out)
{
    static const char *const fields[] = {"description", "note", "reason"};
    const char *said = NULL;
    if (event->entry_type != NULL)
        out->type = event->entry_type;
    out->description = event->title != NULL ? event->title : event->name;
    if (text_field(message, "reference") != NULL)
        out->reference = text_field(message, "reference");
    for (size_t i = 0; said == NULL && i < sizeof fields / sizeof fields[0]; i++)
        said = text_field(message, fields[i]);
    if (said == NULL)
        return STATUS_OK;
    size_t room = strlen(out->description) + strlen(said) + 3;
    char *text = arena_take(arena, room);
    if (text == NULL)
        return STATUS_NO_MEMORY;
    (void)snprintf(text, room, "%s: %s", out->description, said);
    out->description = text;
    return STATUS_OK;
}

/* The message of a record; NULL when it does not decode, and *status says so. */
static ProtobufCMessage *payload(struct view_reader *reader, const struct record *record, struct arena *arena,
                                 enum status *status)
{
    const struct event_type *event = domain_event(record->header.type);
    ProtobufCMessage *message = NULL;
    if (event == NULL) {
        *status = fault_set(reader->why, STATUS_CORRUPT, NULL, "record %llu is of an unknown type",
                            (unsigned long long)record->header.position);
        return NULL;
    }
    *status =
        message_unpack(event->payload, record->payload, false, arena_allocator(arena), &message, reader->why);
    return *status == STATUS_OK ? message : NULL;
}

/* The entry that a draft or a request for an adjustment holds. */
static enum status take_cause(struct view_reader *reader, uint64_t cause, struct arena *arena,
                              struct entry_text *out)
{
    struct record record;
    enum status status = reader->record(reader, cause, &record);
    if (status != STATUS_OK)
        return status;
    ProtobufCMessage *message = payload(reader, &record, arena, &status);
    if (message == NULL)
        return status;
    if (record.header.type == EVENT_ENTRY_DRAFTED)
        take_entry(((const Daftari__V1__DraftEntry *)message)->entry, out);
    if (record.header.type == EVENT_ADJUSTMENT_REQUESTED)
        take_entry(((const Daftari__V1__RequestAdjustment *)message)->entry, out);
    return STATUS_OK;
}

enum status entry_text_read(struct view_reader *reader, const struct record *record, struct arena *arena,
                            struct entry_text *out)
{
    enum status status;
    const uint16_t type = record->header.type;
    const uint64_t cause = record->header.cause;
    const ProtobufCMessage *message = payload(reader, record, arena, &status);
    if (message == NULL)
        return status;
    *out = (struct entry_text){.type = "GEN", .description = "", .reference = ""};
    switch (type) {
    case EVENT_ENTRY_POSTED:
        take_entry((const Daftari__V1__PostEntry *)message, out);
        break;
    case EVENT_ENTRY_REVERSED:
        out->type = "REV";
        take_description(((const Daftari__V1__ReverseEntry *)message)->reason, out);
        break;
    case EVENT_OPENING_BALANCES_POSTED:
        out->type = "OPN";
        out->description = "Opening balances";
        take_description(((const Daftari__V1__PostOpening *)message)->description, out);
        break;
    case EVENT_DRAFT_POSTED:
        return take_cause(reader, cause, arena, out);
    case EVENT_ADJUSTMENT_APPROVED:
        out->type = "ADJ";
        return take_cause(reader, cause, arena, out);
    case EVENT_YEAR_CLOSED:
        out->type = "CLS";
        out->description = "Year close";
        take_description(((const Daftari__V1__CloseYear *)message)->note, out);
        break;
    case EVENT_RECONCILIATION_DIFFERENCE_BOOKED:
        out->description = "Difference found in a reconciliation";
        take_description(((const Daftari__V1__BookReconciliationDifference *)message)->description, out);
        break;
    default:
        return take_titled(domain_event(type), message, arena, out);
    }
    return STATUS_OK;
}

const char *entry_text_line(const struct entry_text *text, size_t posting)
{
    const char *line = posting < text->line_count ? text->lines[posting]->description : NULL;
    return line != NULL && line[0] != '\0' ? line : text->description;
}
