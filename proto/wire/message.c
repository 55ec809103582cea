/* Wire format: https://protobuf.dev/programming-guides/encoding. */
#include "proto/wire/message.h"

#include <stdarg.h>
#include <stdio.h>

#include "proto/base/bug.h"
#include "proto/base/bytes.h"
#include "proto/base/text.h"
#include "proto/wire/varint.h"

#define FIELD_NUMBER_MAX ((UINT64_C(1) << 29) - 1)

/* One message that is being walked. */
struct level {
    const ProtobufCMessageDescriptor *type;
    const ProtobufCFieldDescriptor *field; /* of the field at `field_start`; NULL before it is known */
    const uint8_t *start;
    const uint8_t *field_start;
    const uint8_t *at;
    const uint8_t *end;
    uint64_t seen; /* bit i: singular field i was given (fields beyond 64 are not watched) */
};

struct walk {
    struct level levels[MESSAGE_DEPTH_MAX];
    size_t depth; /* levels in use */
    bool strict;
    struct fault *why;
};

/* ---- where a fault is: only worked out when there is one --------------------------------------------------------- */

/* Moves over a field that was found well-formed before; gives its number. */
static uint64_t skip_checked(const uint8_t **at, const uint8_t *end)
{
    uint64_t tag = 0, value = 0;
    (void)varint_take(at, end, &tag);
    switch (tag & 7) {
    case WIRE_FIXED64:
        *at += 8;
        break;
    case WIRE_FIXED32:
        *at += 4;
        break;
    case WIRE_BYTES:
        (void)varint_take(at, end, &value);
        *at += value;
        break;
    default:
        (void)varint_take(at, end, &value);
        break;
    }
    return tag >> 3;
}

/* How many fields of this number come before the present one in this message. */
static size_t index_of(const struct level *level)
{
    size_t index = 0;
    for (const uint8_t *at = level->start; at < level->field_start;)
        index += skip_checked(&at, level->end) == level->field->id;
    return index;
}

static void name_field(const struct walk *walk, char out[FAULT_FIELD_MAX])
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < walk->depth && len < FAULT_FIELD_MAX - 1; i++) {
        const struct level *level = &walk->levels[i];
        if (level->field == NULL)
            return;
        const char *dot = i == 0 ? "" : ".";
        int added = level->field->label == PROTOBUF_C_LABEL_REPEATED
                        ? snprintf(out + len, FAULT_FIELD_MAX - len, "%s%s[%zu]", dot, level->field->name,
                                   index_of(level))
                        : snprintf(out + len, FAULT_FIELD_MAX - len, "%s%s", dot, level->field->name);
        ASSERT(added > 0);
        len += (size_t)added;
    }
}

static enum status wrong(const struct walk *walk, const char *format, ...) PRINTF_LIKE(2, 3);
static enum status wrong(const struct walk *walk, const char *format, ...)
{
    if (walk->why == NULL)
        return STATUS_INVALID;
    char field[FAULT_FIELD_MAX];
    char text[FAULT_TEXT_MAX];
    name_field(walk, field);
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ASSERT(len >= 0);
    return fault_set(walk->why, STATUS_INVALID, field, "%s", text);
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static enum status read_varint(struct walk *walk, const uint8_t **at, const uint8_t *end, uint64_t *out)
{
    switch (varint_take(at, end, out)) {
    case VARINT_OK:
        return STATUS_OK;
    case VARINT_PADDED:
        return wrong(walk, "a varint in its shortest form");
    case VARINT_CUT:
        return wrong(walk, "a whole varint; the message ends within it");
    case VARINT_LONG:
        break;
    }
    return wrong(walk, "a varint of at most 64 bits in 10 bytes");
}

static bool fits_int32(uint64_t value)
{
    return value <= INT32_MAX || value >= (uint64_t)INT32_MIN;
}

static enum status check_enum(struct walk *walk, const ProtobufCEnumDescriptor *type, uint64_t value)
{
    if (!fits_int32(value))
        return wrong(walk, "a value of %s, within 32 bits", type->short_name);
    if (walk->strict && protobuf_c_enum_descriptor_get_value(type, (int)(int64_t)value) == NULL)
        return wrong(walk, "a known value of %s, got %d", type->short_name, (int)(int64_t)value);
    return STATUS_OK;
}

/* protobuf-c cuts what is too wide and takes any nonzero number for true; here that is wrong. */
static enum status check_varint_value(struct walk *walk, const ProtobufCFieldDescriptor *field,
                                      uint64_t value)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_BOOL:
        return value <= 1 ? STATUS_OK : wrong(walk, "0 or 1 for a bool");
    case PROTOBUF_C_TYPE_ENUM:
        return check_enum(walk, field->descriptor, value);
    case PROTOBUF_C_TYPE_INT32:
        return fits_int32(value) ? STATUS_OK : wrong(walk, "a whole number within 32 bits");
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_SINT32:
        return value <= UINT32_MAX ? STATUS_OK : wrong(walk, "a whole number within 32 bits");
    default:
        return STATUS_OK;
    }
}

static enum wire_type wire_type_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return WIRE_FIXED32;
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return WIRE_FIXED64;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return WIRE_BYTES;
    default:
        return WIRE_VARINT;
    }
}

/* Elements of a packed repeated field. */
static enum status check_packed(struct walk *walk, const ProtobufCFieldDescriptor *field, const uint8_t *at,
                                const uint8_t *end)
{
    enum wire_type wire = wire_type_of(field->type);
    if (wire != WIRE_VARINT) {
        size_t width = wire == WIRE_FIXED64 ? 8 : 4;
        return (size_t)(end - at) % width == 0 ? STATUS_OK
                                               : wrong(walk, "packed numbers of %zu bytes each", width);
    }
    while (at < end) {
        uint64_t value = 0;
        enum status status = read_varint(walk, &at, end, &value);
        if (status == STATUS_OK)
            status = check_varint_value(walk, field, value);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status enter(struct walk *walk, const ProtobufCMessageDescriptor *type, const uint8_t *start,
                         const uint8_t *end)
{
    if (walk->depth == MESSAGE_DEPTH_MAX)
        return wrong(walk, "messages nested at most %u deep", MESSAGE_DEPTH_MAX);
    walk->levels[walk->depth++] = (struct level){.type = type, .start = start, .at = start, .end = end};
    return STATUS_OK;
}

/* A value with a length. `field` is NULL for an unknown field that is skipped. */
static enum status check_bytes(struct walk *walk, const ProtobufCFieldDescriptor *field)
{
    struct level *level = &walk->levels[walk->depth - 1];
    uint64_t len = 0;
    enum status status = read_varint(walk, &level->at, level->end, &len);
    if (status != STATUS_OK)
        return status;
    if (len > (uint64_t)(level->end - level->at))
        return wrong(walk, "a length within the message; %llu bytes are said, %zu are there",
                     (unsigned long long)len, (size_t)(level->end - level->at));
    const uint8_t *start = level->at;
    level->at += len;
    if (field == NULL || field->type == PROTOBUF_C_TYPE_BYTES)
        return STATUS_OK;
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return enter(walk, field->descriptor, start, level->at);
    if (field->type != PROTOBUF_C_TYPE_STRING)
        return check_packed(walk, field, start, level->at);
    if (!text_valid(slice_of(start, len)))
        return wrong(walk, "text in UTF-8 without control characters");
    return STATUS_OK;
}

static enum status check_fixed(struct walk *walk, size_t width)
{
    struct level *level = &walk->levels[walk->depth - 1];
    if ((size_t)(level->end - level->at) < width)
        return wrong(walk, "%zu bytes; the message ends before", width);
    level->at += width;
    return STATUS_OK;
}

static enum status check_value(struct walk *walk, const ProtobufCFieldDescriptor *field, unsigned wire)
{
    struct level *level = &walk->levels[walk->depth - 1];
    uint64_t value = 0;
    enum status status;
    switch (wire) {
    case WIRE_VARINT:
        status = read_varint(walk, &level->at, level->end, &value);
        if (status != STATUS_OK || field == NULL)
            return status;
        return check_varint_value(walk, field, value);
    case WIRE_BYTES:
        return check_bytes(walk, field);
    case WIRE_FIXED64:
        return check_fixed(walk, 8);
    case WIRE_FIXED32:
        return check_fixed(walk, 4);
    default:
        return wrong(walk, "wire type 0, 1, 2 or 5, got %u", wire);
    }
}

/* ---- fields ------------------------------------------------------------------------------------------------------ */

static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *type, unsigned number)
{
    if (number - 1 < type->n_fields && type->fields[number - 1].id == number)
        return &type->fields[number - 1]; /* numbered without gaps, as nearly all are */
    return protobuf_c_message_descriptor_get_field(type, number);
}

static enum status check_known(struct walk *walk, const ProtobufCFieldDescriptor *field, unsigned wire)
{
    struct level *level = &walk->levels[walk->depth - 1];
    enum wire_type proper = wire_type_of(field->type);
    bool repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
    bool packed = repeated && wire == WIRE_BYTES && proper != WIRE_BYTES;
    if (wire != proper && !packed)
        return wrong(walk, "wire type %d, got %u", proper, wire);
    size_t index = (size_t)(field - level->type->fields);
    if (!repeated && index < 64) {
        uint64_t bit = UINT64_C(1) << index;
        if (walk->strict && (level->seen & bit) != 0)
            return wrong(walk, "given once");
        level->seen |= bit;
    }
    return check_value(walk, field, wire);
}

static enum status check_field(struct walk *walk)
{
    struct level *level = &walk->levels[walk->depth - 1];
    uint64_t tag = 0;
    level->field = NULL;
    level->field_start = level->at;
    enum status status = read_varint(walk, &level->at, level->end, &tag);
    if (status != STATUS_OK)
        return status;
    uint64_t number = tag >> 3;
    if (number == 0 || number > FIELD_NUMBER_MAX)
        return wrong(walk, "a field number from 1 to %llu", (unsigned long long)FIELD_NUMBER_MAX);
    unsigned wire = (unsigned)(tag & 7);
    level->field = find_field(level->type, (unsigned)number);
    if (level->field != NULL)
        return check_known(walk, level->field, wire);
    if (walk->strict)
        return wrong(walk, "a field of %s; it has no field %llu", level->type->short_name,
                     (unsigned long long)number);
    return check_value(walk, NULL, wire);
}

enum status message_check(const ProtobufCMessageDescriptor *type, struct slice bytes, bool strict,
                          struct fault *why)
{
    static const uint8_t nothing[1];
    const uint8_t *start = bytes.len == 0 ? nothing : bytes.ptr;
    struct walk walk;
    walk.depth = 0;
    walk.strict = strict;
    walk.why = why;
    enum status status = enter(&walk, type, start, start + bytes.len);
    while (status == STATUS_OK && walk.depth > 0) {
        const struct level *level = &walk.levels[walk.depth - 1];
        if (level->at == level->end)
            walk.depth--;
        else
            status = check_field(&walk);
    }
    return status;
}

enum status message_unpack(const ProtobufCMessageDescriptor *type, struct slice bytes, bool strict,
                           ProtobufCAllocator *allocator, ProtobufCMessage **out, struct fault *why)
{
    ASSERT(allocator != NULL);
    enum status status = message_check(type, bytes, strict, why);
    if (status != STATUS_OK)
        return status;
    /* What message_check accepts, protobuf-c accepts: only memory can be missing. */
    ProtobufCMessage *message = protobuf_c_message_unpack(type, allocator, bytes.len, bytes.ptr);
    if (message == NULL)
        return fault_set(why, STATUS_TOO_LARGE, NULL,
                         "a smaller request: it needs more memory than one may take");
    *out = message;
    return STATUS_OK;
}
