#include "tests/support/json_message.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/base/date.h"
#include "proto/base/money.h"
#include "proto/base/text.h"

static const char *const units[] = {"_minor", "_date", "_time_us", "_us", "_bp", "_milli", "_ms"};

static bool ends_with(const char *text, const char *tail)
{
    size_t len = strlen(text), tail_len = strlen(tail);
    return len >= tail_len && strcmp(text + len - tail_len, tail) == 0;
}

static bool names(const char *field, const char *key)
{
    if (strcmp(field, key) == 0)
        return true;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        size_t len = strlen(field) - strlen(units[i]);
        if (ends_with(field, units[i]) && strlen(key) == len && memcmp(key, field, len) == 0)
            return true;
    }
    return false;
}

static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *type, const char *key)
{
    for (unsigned i = 0; i < type->n_fields; i++)
        if (names(type->fields[i].name, key))
            return &type->fields[i];
    return NULL;
}

static bool is_date(const char *field)
{
    return ends_with(field, "_date") || strcmp(field, "date") == 0;
}

struct reader {
    json_scale_fn *scale;
    void *context;
    const char *currency; /* of the object being read */
};

static bool read_number(const struct reader *reader, const char *field, json_t *value, int64_t *out)
{
    struct fault why;
    if (json_is_integer(value)) {
        *out = json_integer_value(value);
        return true;
    }
    if (!json_is_string(value))
        return false;
    struct slice text = slice_text(json_string_value(value));
    if (is_date(field)) {
        civil_date date;
        if (date_parse(text, &date, &why) != STATUS_OK)
            return false;
        *out = date;
        return true;
    }
    if (ends_with(field, "_time_us"))
        return timestamp_parse(text, out, &why) == STATUS_OK;
    uint32_t scale = 0;
    if (ends_with(field, "_minor"))
        scale = reader->scale(reader->context, reader->currency);
    else if (ends_with(field, "_bp"))
        scale = 2;
    else if (ends_with(field, "_milli"))
        scale = 3;
    return amount_parse(text, scale, out, &why) == STATUS_OK;
}

/* Equal but for case, and for hyphens where names have underscores. */
static bool same_word(const char *name, const char *word)
{
    while (*name != '\0' &&
           tolower((unsigned char)*name) == (*word == '-' ? '_' : tolower((unsigned char)*word))) {
        name++;
        word++;
    }
    return *name == '\0' && *word == '\0';
}

static bool read_enum(const ProtobufCEnumDescriptor *type, json_t *value, int *out)
{
    if (!json_is_string(value))
        return false;
    const char *want = json_string_value(value);
    for (unsigned i = 0; i < type->n_values; i++) {
        const char *name = type->values[i].name;
        for (const char *at = name; at != NULL; at = strchr(at, '_') != NULL ? strchr(at, '_') + 1 : NULL)
            if (same_word(at, want)) {
                *out = type->values[i].value;
                return true;
            }
    }
    return false;
}

static ProtobufCMessage *read_object(const struct reader *reader, const ProtobufCMessageDescriptor *type,
                                     json_t *object);

static bool read_bytes(const char *text, ProtobufCBinaryData *out)
{
    out->len = strlen(text) / 2;
    out->data = malloc(out->len + 1);
    return out->data != NULL && hex_parse(slice_text(text), out->data, out->len);
}

static bool read_value(const struct reader *reader, const ProtobufCFieldDescriptor *field, json_t *value,
                       void *at)
{
    int64_t number = 0;
    int choice = 0;
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        if (!json_is_string(value))
            return false;
        *(char **)at = strdup(json_string_value(value));
        return true;
    case PROTOBUF_C_TYPE_BYTES: /* hexadecimal */
        return json_is_string(value) && read_bytes(json_string_value(value), at);
    case PROTOBUF_C_TYPE_BOOL:
        *(protobuf_c_boolean *)at = json_is_true(value);
        return json_is_boolean(value);
    case PROTOBUF_C_TYPE_ENUM:
        if (!read_enum(field->descriptor, value, &choice))
            return false;
        *(int *)at = choice;
        return true;
    case PROTOBUF_C_TYPE_MESSAGE:
        *(ProtobufCMessage **)at = read_object(reader, field->descriptor, value);
        return *(ProtobufCMessage **)at != NULL;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_INT32:
        if (!read_number(reader, field->name, value, &number))
            return false;
        *(uint32_t *)at = (uint32_t)number;
        return true;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
        if (!read_number(reader, field->name, value, &number))
            return false;
        *(int64_t *)at = number;
        return true;
    default:
        return false;
    }
}

static size_t value_bytes(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
        return 8;
    default:
        return 4;
    }
}

static bool read_field(const struct reader *reader, ProtobufCMessage *message,
                       const ProtobufCFieldDescriptor *field, json_t *value)
{
    uint8_t *at = (uint8_t *)message + field->offset;
    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
        if (field->quantifier_offset != 0 && field->type != PROTOBUF_C_TYPE_STRING &&
            field->type != PROTOBUF_C_TYPE_MESSAGE)
            *(protobuf_c_boolean *)(void *)((uint8_t *)message + field->quantifier_offset) = true;
        return read_value(reader, field, value, at);
    }
    size_t count = json_array_size(value), bytes = value_bytes(field);
    uint8_t *items = calloc(count + 1, bytes);
    *(void **)(void *)at = items;
    *(size_t *)(void *)((uint8_t *)message + field->quantifier_offset) = count;
    for (size_t i = 0; i < count; i++)
        if (!read_value(reader, field, json_array_get(value, i), items + i * bytes))
            return false;
    return json_is_array(value);
}

/* Depth is that of the schemas, which are not recursive. */
static ProtobufCMessage *read_object(const struct reader *outer, const ProtobufCMessageDescriptor *type,
                                     json_t *object)
{
    struct reader reader = *outer;
    const char *key;
    json_t *value;
    if (!json_is_object(object))
        return NULL;
    ProtobufCMessage *message = calloc(1, type->sizeof_message);
    protobuf_c_message_init(type, message);
    reader.currency = json_string_value(json_object_get(object, "currency"));
    json_object_foreach(object, key, value)
    {
        const ProtobufCFieldDescriptor *field = find_field(type, key);
        if (field == NULL || !read_field(&reader, message, field, value)) {
            fprintf(stderr, "%s: bad %s %s\n", type->short_name, field == NULL ? "key" : "value of", key);
            protobuf_c_message_free_unpacked(message, NULL);
            return NULL;
        }
    }
    return message;
}

uint8_t *json_message(const ProtobufCMessageDescriptor *type, json_t *object, json_scale_fn *scale,
                      void *context, size_t *out_len)
{
    struct reader reader = {.scale = scale, .context = context};
    ProtobufCMessage *message = read_object(&reader, type, object);
    if (message == NULL)
        return NULL;
    *out_len = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = malloc(*out_len + 1);
    (void)protobuf_c_message_pack(message, bytes);
    protobuf_c_message_free_unpacked(message, NULL);
    return bytes;
}

/* The value at `at`, of a field that is there. */
static void value_text(const ProtobufCFieldDescriptor *field, const uint8_t *at, bool has, uint32_t scale,
                       char *out, size_t cap)
{
    int64_t number = 0;
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING: {
        const char *text = *(const char *const *)(const void *)at;
        (void)snprintf(out, cap, "%s", text != NULL ? text : "");
        return;
    }
    case PROTOBUF_C_TYPE_BOOL:
        if (has)
            (void)snprintf(out, cap, "%s", *(const protobuf_c_boolean *)(const void *)at ? "true" : "false");
        return;
    case PROTOBUF_C_TYPE_ENUM: {
        const ProtobufCEnumValue *value =
            protobuf_c_enum_descriptor_get_value(field->descriptor, *(const int *)(const void *)at);
        if (has)
            (void)snprintf(out, cap, "%s", value != NULL ? value->name : "?");
        return;
    }
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_INT32:
        number = *(const uint32_t *)(const void *)at;
        break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
        number = *(const int64_t *)(const void *)at;
        break;
    default:
        return;
    }
    char text[AMOUNT_TEXT_MAX];
    if (!has)
        return;
    if (is_date(field->name))
        (void)date_format((civil_date)number, text);
    else
        (void)amount_format(number, ends_with(field->name, "_minor") ? scale : 0, text);
    (void)snprintf(out, cap, "%s", text);
}

static void single_text(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                        uint32_t scale, char *out, size_t cap)
{
    bool has =
        field->quantifier_offset == 0 ||
        *(const protobuf_c_boolean *)(const void *)((const uint8_t *)message + field->quantifier_offset);
    value_text(field, (const uint8_t *)message + field->offset, has, scale, out, cap);
}

/* One element of a repeated field, behind what is in `out` already. */
static void element_text(const ProtobufCFieldDescriptor *field, const uint8_t *list, size_t index,
                         uint32_t scale, char *out, size_t cap)
{
    char text[512] = "";
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        const ProtobufCMessage *part = ((ProtobufCMessage *const *)(const void *)list)[index];
        for (unsigned i = 0; i < part->descriptor->n_fields; i++) {
            text[0] = '\0';
            if (part->descriptor->fields[i].label != PROTOBUF_C_LABEL_REPEATED)
                single_text(part, &part->descriptor->fields[i], scale, text, sizeof text);
            (void)snprintf(out + strlen(out), cap - strlen(out), "%s%s", i != 0 ? "/" : "", text);
        }
        return;
    }
    size_t size = field->type == PROTOBUF_C_TYPE_UINT32 ? sizeof(uint32_t) : sizeof(uint64_t);
    value_text(field, list + index * size, true, scale, text, sizeof text);
    (void)snprintf(out + strlen(out), cap - strlen(out), "%s", text);
}

void json_field_text(const ProtobufCMessage *message, const char *name, uint32_t scale, char *out, size_t cap)
{
    const ProtobufCFieldDescriptor *field = find_field(message->descriptor, name);
    out[0] = '\0';
    if (field == NULL)
        return;
    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
        single_text(message, field, scale, out, cap);
        return;
    }
    const uint8_t *at = (const uint8_t *)message;
    size_t count = *(const size_t *)(const void *)(at + field->quantifier_offset);
    const uint8_t *list = *(const uint8_t *const *)(const void *)(at + field->offset);
    for (size_t i = 0; i < count; i++) {
        if (i != 0)
            (void)snprintf(out + strlen(out), cap - strlen(out), ",");
        element_text(field, list, i, scale, out, cap);
    }
}
