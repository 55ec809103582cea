#include "server/views/reports/message_text.h"

#include <stdio.h>

#include "proto/base/date.h"
#include "proto/base/text.h"

struct text {
    char *at;
    size_t len;
    bool cut;
};

static void put(struct text *text, const char *bytes, size_t len)
{
    size_t room = MESSAGE_TEXT_MAX - 4 - text->len; /* room for "..." and a NUL */
    if (text->cut)
        return;
    if (len > room) {
        len = text_cut(slice_of(bytes, len), room);
        text->cut = true;
    }
    memcpy(text->at + text->len, bytes, len);
    text->len += len;
    if (text->cut) {
        memcpy(text->at + text->len, "...", 3);
        text->len += 3;
    }
}

static void put_text(struct text *text, const char *word)
{
    put(text, word, strlen(word));
}

static void put_integer(struct text *text, int64_t value)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%lld", (long long)value);
    put(text, digits, (size_t)len);
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t len = strlen(name), tail = strlen(suffix);
    return len > tail && strcmp(name + len - tail, suffix) == 0;
}

static void put_number(struct text *text, const char *name, int64_t value)
{
    char date[DATE_TEXT_MAX], time[TIME_TEXT_MAX];
    if (ends_with(name, "_date") && value > 0 && value <= DATE_MAX && date_valid((civil_date)value))
        put(text, date, date_format((civil_date)value, date));
    else if (ends_with(name, "_time_us"))
        put(text, time, timestamp_format(value, time));
    else
        put_integer(text, value);
}

static const uint8_t *member(const ProtobufCMessage *message, unsigned offset)
{
    return (const uint8_t *)message + offset;
}

/* One value: `at` points at it (at the pointer, for text). */
static void put_value(struct text *text, const ProtobufCFieldDescriptor *field, const uint8_t *at)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING: {
        const char *word;
        memcpy(&word, at, sizeof word);
        put_text(text, word != NULL ? word : "");
        break;
    }
    case PROTOBUF_C_TYPE_BOOL: {
        protobuf_c_boolean value;
        memcpy(&value, at, sizeof value);
        put_text(text, value ? "yes" : "no");
        break;
    }
    case PROTOBUF_C_TYPE_ENUM: {
        int value;
        memcpy(&value, at, sizeof value);
        const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value(field->descriptor, value);
        if (known != NULL)
            put_text(text, known->name);
        else
            put_integer(text, value);
        break;
    }
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_UINT64: {
        int64_t value;
        memcpy(&value, at, sizeof value);
        put_number(text, field->name, value);
        break;
    }
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32: {
        int32_t value;
        memcpy(&value, at, sizeof value);
        put_number(text, field->name, value);
        break;
    }
    case PROTOBUF_C_TYPE_UINT32: {
        uint32_t value;
        memcpy(&value, at, sizeof value);
        put_number(text, field->name, value);
        break;
    }
    default:
        put_text(text, "...");
        break;
    }
}

static bool present(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        size_t count;
        memcpy(&count, member(message, field->quantifier_offset), sizeof count);
        return count != 0;
    }
    if (field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE) {
        const void *pointer;
        memcpy(&pointer, member(message, field->offset), sizeof pointer);
        return pointer != NULL;
    }
    protobuf_c_boolean has;
    memcpy(&has, member(message, field->quantifier_offset), sizeof has);
    return has != 0;
}

static void put_repeated(struct text *text, const ProtobufCMessage *message,
                         const ProtobufCFieldDescriptor *field)
{
    size_t count;
    const uint8_t *items;
    memcpy(&count, member(message, field->quantifier_offset), sizeof count);
    memcpy(&items, member(message, field->offset), sizeof items);
    if (field->type != PROTOBUF_C_TYPE_STRING) {
        put_integer(text, (int64_t)count);
        return;
    }
    for (size_t i = 0; i < count && !text->cut; i++) {
        if (i != 0)
            put_text(text, "+");
        put_value(text, field, items + i * sizeof(char *));
    }
}

static void put_field(struct text *text, const ProtobufCMessage *message,
                      const ProtobufCFieldDescriptor *field)
{
    if (!present(message, field))
        return;
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        put_repeated(text, message, field);
    else if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        put_text(text, "...");
    else
        put_value(text, field, member(message, field->offset));
}

/* Compares what would be shown: enough to tell people what changed. */
static bool same(const ProtobufCMessage *a, const ProtobufCMessage *b, const ProtobufCFieldDescriptor *field)
{
    char left[MESSAGE_TEXT_MAX], right[MESSAGE_TEXT_MAX];
    struct text one = {.at = left}, two = {.at = right};
    put_field(&one, a, field);
    put_field(&two, b, field);
    return present(a, field) == present(b, field) && one.len == two.len && memcmp(left, right, one.len) == 0;
}

struct slice message_text(const ProtobufCMessage *message, const ProtobufCMessage *other,
                          char out[MESSAGE_TEXT_MAX])
{
    struct text text = {.at = out};
    const ProtobufCMessageDescriptor *type = message->descriptor;
    for (unsigned i = 0; i < type->n_fields && !text.cut; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        bool shown = field->type != PROTOBUF_C_TYPE_BYTES && present(message, field);
        if (!shown || (other != NULL && same(message, other, field)))
            continue;
        if (text.len != 0)
            put_text(&text, ", ");
        put_text(&text, field->name);
        put_text(&text, "=");
        put_field(&text, message, field);
    }
    return slice_of(out, text.len);
}
