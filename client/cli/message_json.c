#include "client/cli/message_json.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/cli/services.h"
#include "proto/base/bug.h"
#include "proto/base/limits.h"
#include "proto/base/money.h"
#include "proto/base/text.h"
#include "proto/wire/message.h"

#define WORK_MAX       16384u                /* nested messages of one message */
#define DECODED_MAX    (32u * 1024u * 1024u) /* bytes of one decoded message */
#define RATE_SCALE     2u
#define QUANTITY_SCALE 3u

/* ---- JSON -> message ---------------------------------------------------------------------------------------------- */

/* One message to be filled from one object; a queue of these stands for the recursion, so that the first
 * that is wrong is named. */
struct filling {
    struct filling *next;
    const ProtobufCMessageDescriptor *type;
    json_t *object;
    ProtobufCMessage *message;
    unsigned depth;
    char path[FAULT_FIELD_MAX];
};

struct filler {
    const struct conversion *conversion;
    struct arena *arena;
    struct filling *last;
    unsigned count;
    struct fault *why;
};

static enum status no_memory(struct fault *why)
{
    return fault_set(why, STATUS_TOO_LARGE, NULL, "the message is too large");
}

/* The text of a scalar JSON value, so that numbers and strings are read alike. */
static bool scalar_text(const json_t *value, char *buffer, size_t cap, struct slice *out)
{
    if (json_is_string(value)) {
        *out = slice_of(json_string_value(value), json_string_length(value));
        return true;
    }
    int len = -1;
    if (json_is_integer(value))
        len = snprintf(buffer, cap, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    if (len <= 0 || (size_t)len >= cap)
        return false;
    *out = slice_of(buffer, (size_t)len);
    return true;
}

static bool word_is(struct slice text, const char *word)
{
    return text.len == strlen(word) && strncasecmp((const char *)text.ptr, word, text.len) == 0;
}

/* "23/11/2026", as dates are written in Kenya. */
static bool slashed_date(struct slice text, civil_date *out)
{
    const uint8_t *first = text.len > 0 ? memchr(text.ptr, '/', text.len) : NULL;
    if (first == NULL)
        return false;
    size_t day_len = (size_t)(first - text.ptr);
    struct slice rest = slice_of(first + 1, text.len - day_len - 1);
    const uint8_t *second = rest.len > 0 ? memchr(rest.ptr, '/', rest.len) : NULL;
    if (second == NULL)
        return false;
    size_t month_len = (size_t)(second - rest.ptr);
    struct slice last = slice_of(second + 1, rest.len - month_len - 1);
    uint64_t day, month, year;
    if (day_len > 2 || month_len > 2 || last.len != 4 ||
        !number_parse(slice_of(text.ptr, day_len), 1, 31, &day) ||
        !number_parse(slice_of(rest.ptr, month_len), 1, 12, &month) || !number_parse(last, 0, 9999, &year))
        return false;
    civil_date date = (civil_date)(year * 10000 + month * 100 + day);
    if (!date_valid(date))
        return false;
    *out = date;
    return true;
}

bool date_said(struct slice text, civil_date today, civil_date *out)
{
    static const struct {
        const char *word;
        int32_t days;
    } words[] = {{"today", 0}, {"yesterday", -1}, {"tomorrow", 1}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (word_is(text, words[i].word)) {
            *out = date_add_days(today, words[i].days);
            return true;
        }
    }
    return slashed_date(text, out) || date_parse(text, out, NULL) == STATUS_OK;
}

static enum status parse_date(const struct filler *filler, struct slice text, civil_date *out,
                              const char *path)
{
    if (!date_said(text, filler->conversion->today, out))
        return fault_set(
            filler->why, STATUS_INVALID, path,
            "a date such as 2026-11-23 or 23/11/2026, or today, yesterday or tomorrow; got \"%.*s\"",
            (int)(text.len < 40 ? text.len : 40), (const char *)text.ptr);
    return STATUS_OK;
}

/* A moment; a date stands for the end of that day where the books are. */
static enum status parse_time(const struct filler *filler, struct slice text, int64_t *out, const char *path)
{
    civil_date date;
    if (timestamp_parse(text, out, NULL) == STATUS_OK)
        return STATUS_OK;
    if (parse_date(filler, text, &date, path) != STATUS_OK)
        return fault_set(filler->why, STATUS_INVALID, path,
                         "%sa moment such as 2026-11-23T10:15:00Z, or a date: the end of that day",
                         strncmp(path, "known_at", 8) == 0 ? "a log position such as 812, " : "");
    int64_t days = (int64_t)date_to_days(date) + 1;
    *out = (days * 1440 - filler->conversion->utc_offset_minutes) * 60 * INT64_C(1000000) - 1;
    return STATUS_OK;
}

static enum status parse_decimal(const struct filler *filler, struct slice text, uint32_t scale, int64_t *out,
                                 const char *path)
{
    struct fault inner = {.status = STATUS_OK};
    if (amount_parse(text, scale, out, &inner) == STATUS_OK)
        return STATUS_OK;
    return fault_set(filler->why, STATUS_INVALID, path, "%s", inner.text);
}

static enum status parse_amount(const struct filler *filler, const struct filling *in, struct slice text,
                                int64_t *out, const char *path)
{
    const char *currency = json_string_value(json_object_get(in->object, "currency"));
    uint32_t scale = 0;
    struct fault inner = {.status = STATUS_OK};
    if (currency != NULL && currency[0] == '\0')
        currency = NULL;
    enum status status =
        filler->conversion->scale(filler->conversion->scale_context, currency, &scale, &inner);
    if (status == STATUS_NOT_FOUND)
        return fault_set(filler->why, STATUS_INVALID, path,
                         "no currency %s is defined: define it first (currency define)",
                         currency != NULL ? currency : "");
    if (status != STATUS_OK) {
        if (filler->why != NULL)
            *filler->why = inner;
        return status;
    }
    return parse_decimal(filler, text, scale, out, path);
}

static enum status parse_whole(const struct filler *filler, const ProtobufCFieldDescriptor *field,
                               struct slice text, int64_t *out, const char *path)
{
    bool negative = text.len > 0 && text.ptr[0] == '-';
    bool is_signed = field->type == PROTOBUF_C_TYPE_SINT32 || field->type == PROTOBUF_C_TYPE_INT32 ||
                     field->type == PROTOBUF_C_TYPE_SINT64 || field->type == PROTOBUF_C_TYPE_INT64;
    bool wide = field->type == PROTOBUF_C_TYPE_UINT64 || field->type == PROTOBUF_C_TYPE_SINT64 ||
                field->type == PROTOBUF_C_TYPE_INT64;
    uint64_t max = wide ? (uint64_t)INT64_MAX : is_signed ? (uint64_t)INT32_MAX : UINT32_MAX;
    struct slice digits = negative ? slice_of(text.ptr + 1, text.len - 1) : text;
    uint64_t value = 0;
    if ((negative && !is_signed) || !number_parse(digits, 0, max, &value))
        return fault_set(filler->why, STATUS_INVALID, path, "a whole number up to %llu; got \"%.*s\"",
                         (unsigned long long)max, (int)(text.len < 40 ? text.len : 40),
                         (const char *)text.ptr);
    *out = negative ? -(int64_t)value : (int64_t)value;
    return STATUS_OK;
}

/* "2026-11" or "202611". */
static enum status parse_month(const struct filler *filler, struct slice text, int64_t *out, const char *path)
{
    char digits[8];
    uint64_t value = 0;
    if (text.len == 7 && text.ptr[4] == '-') {
        memcpy(digits, text.ptr, 4);
        memcpy(digits + 4, text.ptr + 5, 2);
        text = slice_of(digits, 6);
    }
    if (text.len != 6 || !number_parse(text, 190001, 299912, &value) || value % 100 < 1 || value % 100 > 12)
        return fault_set(filler->why, STATUS_INVALID, path, "a month such as 2026-11");
    *out = (int64_t)value;
    return STATUS_OK;
}

/* "07-01" of any year: 1 July. */
static enum status parse_day(const struct filler *filler, struct slice text, int64_t *out, const char *path)
{
    uint64_t month = 0, day = 0;
    if (text.len != 5 || text.ptr[2] != '-' || !number_parse(slice_of(text.ptr, 2), 1, 12, &month) ||
        !number_parse(slice_of(text.ptr + 3, 2), 1, 31, &day) ||
        !date_valid((civil_date)(20010000 + month * 100 + day)))
        return fault_set(filler->why, STATUS_INVALID, path, "month and day such as 07-01");
    *out = (int64_t)(month * 100 + day);
    return STATUS_OK;
}

static void number_store(const ProtobufCFieldDescriptor *field, void *at, int64_t value)
{
    bool wide = field->type == PROTOBUF_C_TYPE_UINT64 || field->type == PROTOBUF_C_TYPE_SINT64 ||
                field->type == PROTOBUF_C_TYPE_INT64;
    if (wide) {
        memcpy(at, &value, sizeof value);
    } else {
        uint32_t narrow = (uint32_t)value;
        memcpy(at, &narrow, sizeof narrow);
    }
}

static bool number_fits(const ProtobufCFieldDescriptor *field, int64_t value)
{
    if (field->type == PROTOBUF_C_TYPE_UINT32)
        return value >= 0 && value <= UINT32_MAX;
    if (field->type == PROTOBUF_C_TYPE_UINT64)
        return value >= 0;
    return true;
}

static enum status fill_number(const struct filler *filler, const struct filling *in,
                               const ProtobufCFieldDescriptor *field, const json_t *value, void *at,
                               const char *path)
{
    char buffer[32];
    struct slice text;
    int64_t number = 0;
    civil_date date = 0;
    enum status status;
    enum field_form form = field_form(field);
    if (json_is_real(value))
        return fault_set(filler->why, STATUS_INVALID, path, "decimals are written as text: \"1250.50\"");
    if (!scalar_text(value, buffer, sizeof buffer, &text))
        return fault_set(filler->why, STATUS_INVALID, path, "a number or a text");
    switch (form) {
    case FORM_AMOUNT:
        status = parse_amount(filler, in, text, &number, path);
        break;
    case FORM_DATE:
        status = parse_date(filler, text, &date, path);
        number = date;
        break;
    case FORM_TIME:
        status = parse_time(filler, text, &number, path);
        break;
    case FORM_RATE:
        status = parse_decimal(filler, text, RATE_SCALE, &number, path);
        break;
    case FORM_QUANTITY:
        status = parse_decimal(filler, text, QUANTITY_SCALE, &number, path);
        break;
    case FORM_MONTH:
        status = parse_month(filler, text, &number, path);
        break;
    case FORM_DAY:
        status = parse_day(filler, text, &number, path);
        break;
    default:
        status = parse_whole(filler, field, text, &number, path);
        break;
    }
    if (status == STATUS_OK && !number_fits(field, number))
        status = fault_set(filler->why, STATUS_INVALID, path, "not less than zero");
    if (status == STATUS_OK)
        number_store(field, at, number);
    return status;
}

static enum status fill_flag(const struct filler *filler, const json_t *value, void *at, const char *path)
{
    struct slice text = slice_of(NULL, 0);
    if (json_is_string(value))
        text = slice_of(json_string_value(value), json_string_length(value));
    bool yes = json_is_true(value) || word_is(text, "true") || word_is(text, "yes");
    bool no = json_is_false(value) || word_is(text, "false") || word_is(text, "no");
    if (!yes && !no)
        return fault_set(filler->why, STATUS_INVALID, path, "true or false");
    protobuf_c_boolean flag = yes;
    memcpy(at, &flag, sizeof flag);
    return STATUS_OK;
}

static enum status fill_enum(const struct filler *filler, const ProtobufCFieldDescriptor *field,
                             const json_t *value, void *at, const char *path)
{
    const ProtobufCEnumDescriptor *type = field->descriptor;
    struct slice text = slice_of(json_string_value(value), json_string_length(value));
    int number = 0;
    if (json_is_string(value) && enum_parse(type, text, &number)) {
        memcpy(at, &number, sizeof number);
        return STATUS_OK;
    }
    static const char more[] = "... (--help lists all)";
    char known[FAULT_TEXT_MAX - 16] = "";
    size_t len = 0;
    for (unsigned i = 0; i < type->n_values; i++) {
        char word[SERVICE_NAME_TEXT_MAX];
        if (!enum_offered(type, i))
            continue;
        enum_text(type, type->values[i].value, word);
        bool last = i + 1 == type->n_values;
        if (len + strlen(word) + (last ? 1 : sizeof more + 2) > sizeof known) {
            (void)snprintf(known + len, sizeof known - len, "%s", more);
            break;
        }
        len += (size_t)snprintf(known + len, sizeof known - len, "%s%s", word, last ? "" : ", ");
    }
    return fault_set(filler->why, STATUS_INVALID, path, "one of: %s", known);
}

static enum status fill_text(const struct filler *filler, const json_t *value, void *at, const char *path)
{
    char buffer[32];
    struct slice text;
    if (!scalar_text(value, buffer, sizeof buffer, &text))
        return fault_set(filler->why, STATUS_INVALID, path, "a text");
    if (!text_valid(text))
        return fault_set(filler->why, STATUS_INVALID, path,
                         "text without control characters other than new lines and tabs");
    char *copy = arena_text(filler->arena, text);
    if (copy == NULL)
        return no_memory(filler->why);
    memcpy(at, &copy, sizeof(char *));
    return STATUS_OK;
}

static enum status fill_bytes(const struct filler *filler, const json_t *value, void *at, const char *path)
{
    size_t len = json_string_length(value);
    ProtobufCBinaryData data = {.len = len / 2};
    data.data = arena_take(filler->arena, len / 2 + 1);
    if (data.data == NULL)
        return no_memory(filler->why);
    if (!json_is_string(value) || len % 2 != 0 ||
        !hex_parse(slice_of(json_string_value(value), len), data.data, data.len))
        return fault_set(filler->why, STATUS_INVALID, path, "bytes as hexadecimal text");
    memcpy(at, &data, sizeof data);
    return STATUS_OK;
}

static enum status fill_message(struct filler *filler, const struct filling *in,
                                const ProtobufCFieldDescriptor *field, json_t *value, void *at,
                                const char *path)
{
    if (!json_is_object(value))
        return fault_set(filler->why, STATUS_INVALID, path, "an object with the fields of it");
    if (in->depth >= MESSAGE_DEPTH_MAX || filler->count >= WORK_MAX)
        return no_memory(filler->why);
    const ProtobufCMessageDescriptor *type = field->descriptor;
    struct filling *filling = arena_take(filler->arena, sizeof *filling);
    ProtobufCMessage *message = arena_take(filler->arena, type->sizeof_message);
    if (filling == NULL || message == NULL)
        return no_memory(filler->why);
    protobuf_c_message_init(type, message);
    *filling = (struct filling){.type = type, .object = value, .message = message, .depth = in->depth + 1};
    (void)snprintf(filling->path, sizeof filling->path, "%s", path);
    filler->last->next = filling;
    filler->last = filling;
    filler->count++;
    memcpy(at, &message, sizeof(ProtobufCMessage *));
    return STATUS_OK;
}

static enum status fill_value(struct filler *filler, const struct filling *in,
                              const ProtobufCFieldDescriptor *field, json_t *value, void *at,
                              const char *path)
{
    switch (field_form(field)) {
    case FORM_TEXT:
        return fill_text(filler, value, at, path);
    case FORM_BYTES:
        return fill_bytes(filler, value, at, path);
    case FORM_FLAG:
        return fill_flag(filler, value, at, path);
    case FORM_ENUM:
        return fill_enum(filler, field, value, at, path);
    case FORM_MESSAGE:
        return fill_message(filler, in, field, value, at, path);
    default:
        return fill_number(filler, in, field, value, at, path);
    }
}

static size_t element_size(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_UINT64:
        return sizeof(uint64_t);
    default:
        return sizeof(uint32_t); /* also booleans and enums, which protobuf-c keeps as int */
    }
}

static enum status fill_repeated(struct filler *filler, const struct filling *in,
                                 const ProtobufCFieldDescriptor *field, json_t *value, const char *path)
{
    size_t count = json_is_array(value) ? json_array_size(value) : 1;
    size_t size = element_size(field);
    if (count > WORK_MAX)
        return no_memory(filler->why);
    uint8_t *base = (uint8_t *)in->message;
    uint8_t *elements = arena_take(filler->arena, count * size + 1);
    if (elements == NULL)
        return no_memory(filler->why);
    for (size_t i = 0; i < count; i++) {
        char item_path[FAULT_FIELD_MAX];
        (void)snprintf(item_path, sizeof item_path, "%.*s[%zu]", FAULT_FIELD_MAX - 24, path, i);
        json_t *item = json_is_array(value) ? json_array_get(value, i) : value;
        enum status status = fill_value(filler, in, field, item, elements + i * size, item_path);
        if (status != STATUS_OK)
            return status;
    }
    memcpy(base + field->offset, &elements, sizeof elements);
    memcpy(base + field->quantifier_offset, &count, sizeof count);
    return STATUS_OK;
}

static enum status unknown_key(const struct filler *filler, const ProtobufCMessageDescriptor *type,
                               const char *path)
{
    char known[FAULT_TEXT_MAX - 40] = "";
    size_t len = 0;
    for (unsigned i = 0; i < type->n_fields && len + SERVICE_NAME_TEXT_MAX + 2 < sizeof known; i++) {
        char name[SERVICE_NAME_TEXT_MAX];
        field_short_name(&type->fields[i], name);
        len += (size_t)snprintf(known + len, sizeof known - len, "%s%s", i > 0 ? ", " : "", name);
    }
    return fault_set(filler->why, STATUS_INVALID, path, "no such field; there are: %s", known);
}

/* "known_at" is, as among options, a log position or a moment. */
static const ProtobufCFieldDescriptor *field_of_key(const ProtobufCMessageDescriptor *type, const char *key,
                                                    const json_t *value)
{
    const char *text = json_string_value(value);
    uint64_t number;
    if (strcmp(key, "known_at") != 0 && strcmp(key, "known-at") != 0)
        return field_by_name(type, slice_text(key), true);
    bool moment = text != NULL && !number_parse(slice_text(text), 0, INT64_MAX, &number);
    return field_by_name(type, slice_text(moment ? "known_at_time_us" : "known_at_position"), true);
}

static enum status fill_object(struct filler *filler, const struct filling *in)
{
    const char *key;
    json_t *value;
    uint64_t given = 0; /* fields by index: a field has two names, and may be given once */
    ASSERT(in->type->n_fields <= 64);
    json_object_foreach(in->object, key, value)
    {
        const ProtobufCFieldDescriptor *field = field_of_key(in->type, key, value);
        char name[SERVICE_NAME_TEXT_MAX], path[FAULT_FIELD_MAX];
        (void)snprintf(name, sizeof name, "%.*s", (int)text_cut(slice_text(key), 30), key);
        if (field != NULL)
            field_short_name(field, name);
        (void)snprintf(path, sizeof path, "%.*s%s%.30s", FAULT_FIELD_MAX - 34, in->path,
                       in->path[0] != '\0' ? "." : "", name);
        if (field == NULL)
            return unknown_key(filler, in->type, path);
        uint64_t bit = UINT64_C(1) << (field - in->type->fields);
        if ((given & bit) != 0)
            return fault_set(filler->why, STATUS_INVALID, path, "given twice, under two names");
        given |= bit;
        if (json_is_null(value))
            continue;
        enum status status;
        uint8_t *base = (uint8_t *)in->message;
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            status = fill_repeated(filler, in, field, value, path);
        } else {
            status = fill_value(filler, in, field, value, base + field->offset, path);
            protobuf_c_boolean has = 1;
            bool by_pointer = field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE;
            if (status == STATUS_OK && !by_pointer)
                memcpy(base + field->quantifier_offset, &has, sizeof has);
        }
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

enum status message_from_json(const ProtobufCMessageDescriptor *type, json_t *object,
                              const struct conversion *conversion, struct arena *arena,
                              struct slice *out_bytes, struct fault *why)
{
    if (!json_is_object(object))
        return fault_set(why, STATUS_INVALID, NULL, "a JSON object {...} for each message");
    struct filler filler = {.conversion = conversion, .arena = arena, .why = why};
    ProtobufCMessage *message = arena_take(arena, type->sizeof_message);
    if (message == NULL)
        return no_memory(why);
    protobuf_c_message_init(type, message);
    struct filling first = {.type = type, .object = object, .message = message, .depth = 1};
    filler.last = &first;
    for (const struct filling *filling = &first; filling != NULL; filling = filling->next) {
        enum status status = fill_object(&filler, filling);
        if (status != STATUS_OK)
            return status;
    }
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = arena_take(arena, len + 1);
    if (bytes == NULL)
        return no_memory(why);
    (void)protobuf_c_message_pack(message, bytes);
    *out_bytes = slice_of(bytes, len);
    return STATUS_OK;
}

/* ---- message -> JSON ---------------------------------------------------------------------------------------------- */

struct showing {
    struct showing *next;
    const ProtobufCMessage *message;
    json_t *object; /* borrowed: it is already in its parent */
};

struct shower {
    const struct conversion *conversion;
    struct arena arena;
    struct showing *todo;
};

static json_t *decimal_json(int64_t value, uint32_t scale)
{
    char text[AMOUNT_TEXT_MAX];
    size_t len = amount_format(value, scale, text);
    return json_stringn(text, len);
}

static int64_t number_load(const ProtobufCFieldDescriptor *field, const void *at)
{
    int64_t wide;
    uint32_t narrow;
    int32_t narrow_signed;
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_UINT64:
        memcpy(&wide, at, sizeof wide);
        return wide;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
        memcpy(&narrow_signed, at, sizeof narrow_signed);
        return narrow_signed;
    default:
        memcpy(&narrow, at, sizeof narrow);
        return narrow;
    }
}

static const char *currency_of(const ProtobufCMessage *message)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(message->descriptor, "currency");
    if (field == NULL || field->type != PROTOBUF_C_TYPE_STRING)
        return NULL;
    const char *code;
    memcpy(&code, (const uint8_t *)message + field->offset, sizeof code);
    return code != NULL && code[0] != '\0' ? code : NULL;
}

static json_t *show_number(const struct shower *shower, const ProtobufCMessage *message,
                           const ProtobufCFieldDescriptor *field, const void *at)
{
    int64_t number = number_load(field, at);
    char text[TIME_TEXT_MAX];
    uint32_t scale = 0;
    switch (field_form(field)) {
    case FORM_AMOUNT:
        if (shower->conversion->scale(shower->conversion->scale_context, currency_of(message), &scale,
                                      NULL) != STATUS_OK)
            return NULL;
        return decimal_json(number, scale);
    case FORM_RATE:
        return decimal_json(number, RATE_SCALE);
    case FORM_QUANTITY:
        return decimal_json(number, QUANTITY_SCALE);
    case FORM_DATE:
        if (number != 0 && !date_valid((civil_date)number))
            return json_integer(number);
        return json_stringn(text, date_format((civil_date)number, text));
    case FORM_TIME:
        return json_stringn(text, timestamp_format(number, text));
    case FORM_MONTH:
        (void)snprintf(text, sizeof text, "%04u-%02u", (unsigned)(number / 100) % 10000,
                       (unsigned)(number % 100));
        return json_string(text);
    case FORM_DAY:
        (void)snprintf(text, sizeof text, "%02u-%02u", (unsigned)(number / 100) % 100,
                       (unsigned)(number % 100));
        return json_string(text);
    default:
        return json_integer(number);
    }
}

static json_t *show_message(struct shower *shower, const ProtobufCMessage *message)
{
    struct showing *showing = arena_take(&shower->arena, sizeof *showing);
    json_t *object = json_object();
    if (showing == NULL || object == NULL) {
        json_decref(object);
        return NULL;
    }
    *showing = (struct showing){.next = shower->todo, .message = message, .object = object};
    shower->todo = showing;
    return object;
}

static json_t *show_value(struct shower *shower, const ProtobufCMessage *message,
                          const ProtobufCFieldDescriptor *field, const void *at)
{
    char word[SERVICE_NAME_TEXT_MAX];
    int number;
    protobuf_c_boolean flag;
    const char *text;
    ProtobufCBinaryData data;
    const ProtobufCMessage *inner;
    switch (field_form(field)) {
    case FORM_TEXT:
        memcpy(&text, at, sizeof text);
        return json_string(text);
    case FORM_FLAG:
        memcpy(&flag, at, sizeof flag);
        return json_boolean(flag);
    case FORM_ENUM:
        memcpy(&number, at, sizeof number);
        enum_text(field->descriptor, number, word);
        return json_string(word);
    case FORM_BYTES: {
        memcpy(&data, at, sizeof data);
        if (strcmp(field->name, "note") == 0 && text_valid(slice_of(data.data, data.len)))
            return json_stringn((const char *)data.data, data.len); /* a signed text */
        char *hex = arena_take(&shower->arena, HEX_TEXT_LEN(data.len));
        if (hex == NULL)
            return NULL;
        hex_format(data.data, data.len, hex);
        return json_stringn(hex, 2 * data.len);
    }
    case FORM_MESSAGE:
        memcpy(&inner, at, sizeof inner);
        return show_message(shower, inner);
    default:
        return show_number(shower, message, field, at);
    }
}

static bool field_present(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const uint8_t *base = (const uint8_t *)message;
    if (field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE) {
        const void *pointer;
        memcpy(&pointer, base + field->offset, sizeof pointer);
        return pointer != NULL;
    }
    protobuf_c_boolean has;
    memcpy(&has, base + field->quantifier_offset, sizeof has);
    return has;
}

static json_t *show_repeated(struct shower *shower, const ProtobufCMessage *message,
                             const ProtobufCFieldDescriptor *field)
{
    const uint8_t *base = (const uint8_t *)message;
    size_t count;
    const uint8_t *elements;
    memcpy(&count, base + field->quantifier_offset, sizeof count);
    memcpy(&elements, base + field->offset, sizeof elements);
    json_t *array = json_array();
    for (size_t i = 0; array != NULL && i < count; i++) {
        json_t *item = show_value(shower, message, field, elements + i * element_size(field));
        if (item == NULL || json_array_append_new(array, item) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static bool show_fields(struct shower *shower, const struct showing *showing)
{
    const ProtobufCMessage *message = showing->message;
    const uint8_t *base = (const uint8_t *)message;
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        char name[SERVICE_NAME_TEXT_MAX];
        json_t *value;
        field_short_name(field, name);
        if (field->label == PROTOBUF_C_LABEL_REPEATED)
            value = show_repeated(shower, message, field);
        else if (!field_present(message, field))
            continue;
        else
            value = show_value(shower, message, field, base + field->offset);
        if (value == NULL || json_object_set_new(showing->object, name, value) != 0)
            return false;
    }
    return true;
}

enum status message_to_json(const ProtobufCMessageDescriptor *type, struct slice bytes,
                            const struct conversion *conversion, json_t **out, struct fault *why)
{
    struct shower shower = {.conversion = conversion};
    arena_init(&shower.arena, DECODED_MAX);
    ProtobufCMessage *message = NULL;
    struct fault inner = {.status = STATUS_OK};
    enum status status = message_unpack(type, bytes, false, arena_allocator(&shower.arena), &message, &inner);
    if (status != STATUS_OK) {
        arena_done(&shower.arena);
        return fault_set(why, STATUS_CORRUPT, inner.field, "the server's answer is not understood: %s",
                         inner.text);
    }
    json_t *object = show_message(&shower, message);
    bool good = object != NULL;
    while (good && shower.todo != NULL) {
        const struct showing *showing = shower.todo;
        shower.todo = showing->next;
        good = show_fields(&shower, showing);
    }
    arena_done(&shower.arena);
    if (!good) {
        json_decref(object);
        return fault_set(why, STATUS_CORRUPT, NULL,
                         "the server's answer cannot be shown (an unknown currency or no memory)");
    }
    *out = object;
    return STATUS_OK;
}
