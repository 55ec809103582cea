#include "server/views/reports/message_text.h"

#include <stdio.h>

#include "proto/base/date.h"
#include "proto/base/text.h"
#include "proto/wire/fields.h"
#include "server/domain/kernel/lookup.h"

#define LEVELS_MAX 6u /* the deepest message, an adjustment's tag, lies at the fourth */

struct text {
    const struct report_run *run;
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

/* ---- names and words ---------------------------------------------------------------------------------------------- */

static bool ends_with(const char *name, const char *suffix)
{
    size_t len = strlen(name), tail = strlen(suffix);
    return len > tail && strcmp(name + len - tail, suffix) == 0;
}

static void put_name(struct text *text, const ProtobufCFieldDescriptor *field)
{
    put(text, field->name, strlen(field->name) - strlen(field_unit(field_form(field))));
}

/* "mobile-money" of CLASS_MOBILE_MONEY, as the command line has it. */
static void put_enum(struct text *text, const ProtobufCEnumDescriptor *type, int value)
{
    const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value(type, value);
    if (known == NULL) {
        put_integer(text, value);
        return;
    }
    for (const char *at = known->name + enum_prefix(type); *at != '\0'; at++) {
        char letter = *at == '_' ? '-' : *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
        put(text, &letter, 1);
    }
}

/* ---- values ------------------------------------------------------------------------------------------------------- */

static void put_user(struct text *text, uint32_t user)
{
    put_text(text, user_email_of(text->run->masters, user, text->run->row));
}

static void put_number(struct text *text, const char *name, int64_t value, uint32_t scale)
{
    char word[AMOUNT_TEXT_MAX];
    enum field_form form = number_form(name);
    if (form == FORM_DATE && value > 0 && value <= DATE_MAX && date_valid((civil_date)value))
        put(text, word, date_format((civil_date)value, word));
    else if (form == FORM_TIME)
        put(text, word, timestamp_format(value, word));
    else if (form == FORM_AMOUNT)
        put(text, word, amount_format(value, scale, word));
    else if (form == FORM_RATE)
        put(text, word, amount_format(value, 2, word));
    else if (form == FORM_QUANTITY)
        put(text, word, amount_format(value, 3, word));
    else if (form == FORM_MONTH && value > 0 && value <= DATE_MAX / 100)
        put(text, word,
            (size_t)snprintf(word, sizeof word, "%04u-%02u", (unsigned)value / 100, (unsigned)value % 100));
    else if (form == FORM_DAY && value > 0 && value <= 1231)
        put(text, word,
            (size_t)snprintf(word, sizeof word, "%02u-%02u", (unsigned)value / 100, (unsigned)value % 100));
    else if (strcmp(name, "user") == 0 && value >= 0 && value <= UINT32_MAX)
        put_user(text, (uint32_t)value);
    else
        put_integer(text, value);
}

/* Rows name people by number. */
static void put_string(struct text *text, const char *name, const char *value)
{
    uint64_t user;
    if (value == NULL)
        return;
    if (ends_with(name, "_by") && number_parse(slice_text(value), 0, UINT32_MAX, &user))
        put_user(text, (uint32_t)user);
    else
        put_text(text, value);
}

static const uint8_t *member(const ProtobufCMessage *message, unsigned offset)
{
    return (const uint8_t *)message + offset;
}

/* One value that is no message: `at` points at it (at the pointer, for text). */
static void put_value(struct text *text, const ProtobufCFieldDescriptor *field, const uint8_t *at,
                      uint32_t scale)
{
    const char *word;
    int32_t small; /* also booleans and enums, which protobuf-c keeps as int */
    uint32_t natural;
    int64_t large;
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        memcpy(&word, at, sizeof word);
        put_string(text, field->name, word);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        memcpy(&small, at, sizeof small);
        put_text(text, small != 0 ? "yes" : "no");
        break;
    case PROTOBUF_C_TYPE_ENUM:
        memcpy(&small, at, sizeof small);
        put_enum(text, field->descriptor, small);
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_UINT64:
        memcpy(&large, at, sizeof large);
        put_number(text, field->name, large, scale);
        break;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
        memcpy(&small, at, sizeof small);
        put_number(text, field->name, small, scale);
        break;
    case PROTOBUF_C_TYPE_UINT32:
        memcpy(&natural, at, sizeof natural);
        put_number(text, field->name, natural, scale);
        break;
    default:
        put_text(text, "...");
        break;
    }
}

/* ---- fields ------------------------------------------------------------------------------------------------------- */

static size_t value_bytes(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return sizeof(int64_t);
    default:
        return sizeof(int32_t);
    }
}

/* How many values a field has: 0 or 1 unless it is repeated. Bytes have none here. */
static size_t values_of(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    size_t count;
    const void *pointer;
    protobuf_c_boolean has;
    if (field->type == PROTOBUF_C_TYPE_BYTES)
        return 0;
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        memcpy(&count, member(message, field->quantifier_offset), sizeof count);
        return count;
    }
    if (field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE) {
        memcpy(&pointer, member(message, field->offset), sizeof pointer);
        return pointer != NULL ? 1 : 0;
    }
    memcpy(&has, member(message, field->quantifier_offset), sizeof has);
    return has != 0 ? 1 : 0;
}

/* Where value `index` of a field lies. */
static const uint8_t *value_at(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                               size_t index)
{
    const uint8_t *at = member(message, field->offset), *items = at;
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        memcpy(&items, at, sizeof items);
    return items + index * value_bytes(field);
}

static const ProtobufCMessage *message_at(const uint8_t *at)
{
    const ProtobufCMessage *message;
    memcpy(&message, at, sizeof message);
    return message;
}

/* By their bytes; when there is no memory for that, they count as different and are shown. */
static bool same_message(const struct report_run *run, const ProtobufCMessage *a, const ProtobufCMessage *b)
{
    size_t size = protobuf_c_message_get_packed_size(a);
    if (size != protobuf_c_message_get_packed_size(b))
        return false;
    uint8_t *left = arena_take(run->row, size + 1), *right = arena_take(run->row, size + 1);
    if (left == NULL || right == NULL)
        return false;
    protobuf_c_message_pack(a, left);
    protobuf_c_message_pack(b, right);
    return memcmp(left, right, size) == 0;
}

static bool same_value(const struct report_run *run, const ProtobufCFieldDescriptor *field, const uint8_t *a,
                       const uint8_t *b)
{
    const char *left, *right;
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return same_message(run, message_at(a), message_at(b));
    if (field->type != PROTOBUF_C_TYPE_STRING)
        return memcmp(a, b, value_bytes(field)) == 0;
    memcpy(&left, a, sizeof left);
    memcpy(&right, b, sizeof right);
    return strcmp(left, right) == 0;
}

static bool same(const struct report_run *run, const ProtobufCMessage *a, const ProtobufCMessage *b,
                 const ProtobufCFieldDescriptor *field)
{
    size_t count = values_of(a, field);
    if (count != values_of(b, field))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!same_value(run, field, value_at(a, field, i), value_at(b, field, i)))
            return false;
    return true;
}

/* ---- messages ----------------------------------------------------------------------------------------------------- */

/* A message that is being written, and how far it has come. */
struct level {
    const ProtobufCMessage *message;
    unsigned field;
    size_t value;   /* of the field, written so far */
    bool any;       /* a field is written */
    bool pair;      /* "first=second" */
    uint32_t scale; /* of amounts */
};

static bool is_pair(const ProtobufCMessageDescriptor *type)
{
    bool plain = type->n_fields == 2;
    for (unsigned i = 0; i < type->n_fields && plain; i++)
        plain = type->fields[i].label != PROTOBUF_C_LABEL_REPEATED &&
                type->fields[i].type != PROTOBUF_C_TYPE_MESSAGE;
    return plain;
}

/* Decimals of the currency that the message names; without one, those of what it lies in. */
static uint32_t scale_of(const struct report_run *run, const ProtobufCMessage *message, uint32_t outer)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(message->descriptor, "currency");
    if (field == NULL || field->type != PROTOBUF_C_TYPE_STRING || values_of(message, field) != 1)
        return outer;
    const char *code;
    memcpy(&code, member(message, field->offset), sizeof code);
    for (size_t i = 0; i < run->currency_count; i++)
        if (run->currencies[i].code != NULL && strcmp(run->currencies[i].code, code) == 0)
            return run->currencies[i].scale;
    return outer;
}

static void begin_field(struct text *text, struct level *level, const ProtobufCFieldDescriptor *field)
{
    if (level->any)
        put_text(text, level->pair ? "=" : ", ");
    level->any = true;
    if (!level->pair) {
        put_name(text, field);
        put_text(text, "=");
    }
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        put_text(text, "[");
}

static void end_field(struct text *text, struct level *level, const ProtobufCFieldDescriptor *field)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        put_text(text, "]");
    level->field++;
    level->value = 0;
}

/* The next value of a field. A message is only begun: true, and `inner` is the level to go on with. */
static bool next_value(struct text *text, struct level *level, const ProtobufCFieldDescriptor *field,
                       struct level *inner)
{
    const uint8_t *at = value_at(level->message, field, level->value);
    if (level->value++ != 0)
        put_text(text, ", ");
    if (field->type != PROTOBUF_C_TYPE_MESSAGE) {
        put_value(text, field, at, level->scale);
        return false;
    }
    const ProtobufCMessage *message = message_at(at);
    *inner = (struct level){.message = message,
                            .pair = is_pair(message->descriptor),
                            .scale = scale_of(text->run, message, level->scale)};
    if (!inner->pair)
        put_text(text, "(");
    return true;
}

struct slice message_text(const struct report_run *run, const ProtobufCMessage *message,
                          const ProtobufCMessage *other, char out[MESSAGE_TEXT_MAX])
{
    struct text text = {.run = run, .at = out};
    struct level levels[LEVELS_MAX], inner;
    uint32_t scale = scale_of(run, message, run_scale(run, BASE_CURRENCY));
    levels[0] = (struct level){.message = message, .scale = scale};
    for (size_t depth = 1; depth != 0 && !text.cut;) {
        struct level *level = &levels[depth - 1];
        if (level->field == level->message->descriptor->n_fields) {
            if (--depth != 0 && !level->pair)
                put_text(&text, ")");
            continue;
        }
        const ProtobufCFieldDescriptor *field = &level->message->descriptor->fields[level->field];
        size_t count = values_of(level->message, field);
        bool compared = depth == 1 && other != NULL && level->value == 0;
        if (count == 0 || (compared && same(run, message, other, field))) {
            level->field++;
            continue;
        }
        if (level->value == 0)
            begin_field(&text, level, field);
        if (level->value == count)
            end_field(&text, level, field);
        else if (next_value(&text, level, field, &inner) && depth < LEVELS_MAX)
            levels[depth++] = inner;
    }
    return slice_of(out, text.len);
}
