#include "client/cli/options.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/services.h"
#include "proto/base/text.h"

/* Puts a new reference at `key`, in an array when the field repeats. */
static enum status put(json_t *object, const ProtobufCFieldDescriptor *field, json_t *value,
                       struct fault *why)
{
    const char *key = field->name;
    if (value == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
        if (json_object_get(object, key) != NULL) {
            json_decref(value);
            return fault_set(why, STATUS_INVALID, key, "given twice");
        }
        return json_object_set_new(object, key, value) == 0
                   ? STATUS_OK
                   : fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    }
    json_t *array = json_object_get(object, key);
    if (array == NULL) {
        array = json_array();
        if (json_object_set_new(object, key, array) != 0)
            array = NULL;
    }
    if (array == NULL || json_array_append_new(array, value) != 0)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    return STATUS_OK;
}

/* The name before '=' at the start of `text`, if it is a field of `type`. */
static const ProtobufCFieldDescriptor *leading_field(const ProtobufCMessageDescriptor *type,
                                                     struct slice text, size_t *out_len)
{
    size_t len = 0;
    while (len < text.len && (isalnum(text.ptr[len]) || text.ptr[len] == '-' || text.ptr[len] == '_'))
        len++;
    if (len == 0 || len == text.len || text.ptr[len] != '=')
        return NULL;
    *out_len = len;
    return field_by_name(type, slice_of(text.ptr, len), true);
}

/* Where the value at the start of `text` ends: at a comma before a known field, or at the end. */
static size_t value_len(const ProtobufCMessageDescriptor *type, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        size_t ignored;
        if (text.ptr[i] == ',' &&
            leading_field(type, slice_of(text.ptr + i + 1, text.len - i - 1), &ignored) != NULL)
            return i;
    }
    return text.len;
}

static json_t *text_json(struct slice text)
{
    return json_stringn((const char *)text.ptr, text.len);
}

/* "A=B" for a message whose first two fields are what A and B are: a tag, a setting, a permission with its level. */
static json_t *pair_object(const ProtobufCMessageDescriptor *type, struct slice text)
{
    const uint8_t *equals = memchr(text.ptr, '=', text.len);
    if (equals == NULL || type->n_fields < 2)
        return NULL;
    size_t name_len = (size_t)(equals - text.ptr);
    json_t *object = json_object();
    (void)json_object_set_new(object, type->fields[0].name, text_json(slice_of(text.ptr, name_len)));
    (void)json_object_set_new(object, type->fields[1].name,
                              text_json(slice_of(equals + 1, text.len - name_len - 1)));
    return object;
}

/* Takes "field=value,field=value" apart. `nested` says how a value of a message field is read (pairs only). */
static enum status take_pairs(const ProtobufCMessageDescriptor *type, struct slice text, json_t *object,
                              struct fault *why)
{
    while (text.len > 0) {
        size_t name_len = 0;
        const ProtobufCFieldDescriptor *field = leading_field(type, text, &name_len);
        if (field == NULL)
            return fault_set(why, STATUS_INVALID, NULL, "field=value,field=value expected at \"%.*s\"",
                             (int)(text.len < 60 ? text.len : 60), (const char *)text.ptr);
        struct slice rest = slice_of(text.ptr + name_len + 1, text.len - name_len - 1);
        size_t len = value_len(type, rest);
        struct slice value = slice_of(rest.ptr, len);
        json_t *item =
            field->type == PROTOBUF_C_TYPE_MESSAGE ? pair_object(field->descriptor, value) : text_json(value);
        if (item == NULL)
            return fault_set(why, STATUS_INVALID, field->name, "name=value expected");
        enum status status = put(object, field, item, why);
        if (status != STATUS_OK)
            return status;
        text = len < rest.len ? slice_of(rest.ptr + len + 1, rest.len - len - 1) : slice_of(NULL, 0);
    }
    return STATUS_OK;
}

static enum status take_nested(const ProtobufCFieldDescriptor *field, json_t *object, const char *value,
                               struct fault *why)
{
    const ProtobufCMessageDescriptor *type = field->descriptor;
    struct slice text = slice_text(value);
    size_t ignored;
    if (value[0] == '{') {
        json_t *given = json_loads(value, JSON_REJECT_DUPLICATES, NULL);
        if (given == NULL)
            return fault_set(why, STATUS_INVALID, field->name, "JSON that cannot be read");
        return put(object, field, given, why);
    }
    if (leading_field(type, text, &ignored) == NULL) {
        json_t *pair = pair_object(type, text);
        if (pair == NULL || type->n_fields > 2) {
            json_decref(pair);
            return fault_set(why, STATUS_INVALID, field->name, "field=value,field=value expected");
        }
        return put(object, field, pair, why);
    }
    json_t *inner = json_object();
    enum status status = take_pairs(type, text, inner, why);
    if (status != STATUS_OK) {
        json_decref(inner);
        return status;
    }
    return put(object, field, inner, why);
}

/* --debit 1110=300.00[,description=...]: a new line of the repeated field `lines`. */
static enum status take_line(const ProtobufCFieldDescriptor *lines, const ProtobufCFieldDescriptor *amount,
                             json_t *object, const char *value, struct fault *why)
{
    const ProtobufCMessageDescriptor *type = lines->descriptor;
    const char *equals = strchr(value, '=');
    if (equals == NULL || equals == value)
        return fault_set(why, STATUS_INVALID, amount->name,
                         "account=amount expected, for instance 1110=300.00");
    struct slice rest = slice_text(equals + 1);
    size_t len = value_len(type, rest);
    json_t *line = json_object();
    (void)json_object_set_new(line, "account", text_json(slice_of(value, (size_t)(equals - value))));
    (void)json_object_set_new(line, amount->name, text_json(slice_of(rest.ptr, len)));
    enum status status = STATUS_OK;
    if (len < rest.len)
        status = take_pairs(type, slice_of(rest.ptr + len + 1, rest.len - len - 1), line, why);
    if (status != STATUS_OK) {
        json_decref(line);
        return status;
    }
    return put(object, lines, line, why);
}

/* The field `lines` of `type` when its messages have an account and the amount called `name`. */
static const ProtobufCFieldDescriptor *lines_with(const ProtobufCMessageDescriptor *type, struct slice name,
                                                  const ProtobufCFieldDescriptor **out_amount)
{
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        if (field->label != PROTOBUF_C_LABEL_REPEATED || field->type != PROTOBUF_C_TYPE_MESSAGE ||
            strcmp(field->name, "lines") != 0)
            continue;
        const ProtobufCFieldDescriptor *amount = field_by_name(field->descriptor, name, false);
        if (amount != NULL && field_form(amount) == FORM_AMOUNT &&
            field_by_name(field->descriptor, slice_text("account"), false) != NULL) {
            *out_amount = amount;
            return field;
        }
    }
    return NULL;
}

/* What an option means: a field here, a line's amount here, or the same inside a nested message that is there once. */
struct meaning {
    const ProtobufCFieldDescriptor *holder; /* nested message; NULL = the message itself */
    const ProtobufCFieldDescriptor *field;
    const ProtobufCFieldDescriptor *amount; /* not NULL: field is the lines */
};

static bool meaning_in(const ProtobufCMessageDescriptor *type, struct slice name, struct meaning *out)
{
    out->field = field_by_name(type, name, true);
    out->amount = NULL;
    if (out->field == NULL)
        out->field = lines_with(type, name, &out->amount);
    return out->field != NULL;
}

static bool meaning_of(const ProtobufCMessageDescriptor *type, struct slice name, struct meaning *out)
{
    *out = (struct meaning){.holder = NULL};
    if (meaning_in(type, name, out))
        return true;
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        if (field->type == PROTOBUF_C_TYPE_MESSAGE && field->label != PROTOBUF_C_LABEL_REPEATED &&
            meaning_in(field->descriptor, name, out)) {
            out->holder = field;
            return true;
        }
    }
    return false;
}

/* --known-at becomes the field that its value is meant for: a log position or, where one is taken, a moment. */
static enum status known_at(const ProtobufCMessageDescriptor *type, const char *value, struct slice *name,
                            struct fault *why)
{
    uint64_t number;
    struct slice position = slice_text("known_at_position"), moment = slice_text("known_at_time_us");
    if (!slice_equal(*name, slice_text("known-at")) || field_by_name(type, position, false) == NULL)
        return STATUS_OK;
    if (value == NULL)
        return fault_set(why, STATUS_INVALID, NULL, "--known-at needs a value");
    *name = position;
    if (number_parse(slice_text(value), 0, INT64_MAX, &number))
        return STATUS_OK;
    *name = moment;
    if (field_by_name(type, moment, false) != NULL)
        return STATUS_OK;
    return fault_set(why, STATUS_INVALID, NULL,
                     "--known-at: a log position such as 812, not a moment, in this command (reports take "
                     "both); got \"%.40s\"",
                     value);
}

static json_t *holder_object(json_t *object, const ProtobufCFieldDescriptor *holder)
{
    if (holder == NULL)
        return object;
    json_t *inner = json_object_get(object, holder->name);
    if (inner == NULL) {
        inner = json_object();
        if (json_object_set_new(object, holder->name, inner) != 0)
            return NULL;
    }
    return inner;
}

/* An argument without a name is the first field that stands alone: `account show 1110`. */
static enum status take_positional(const ProtobufCMessageDescriptor *type, json_t *object, const char *text,
                                   struct fault *why)
{
    if (type->n_fields == 0 || type->fields[0].type == PROTOBUF_C_TYPE_MESSAGE ||
        json_object_size(object) > 0 || type->fields[0].label == PROTOBUF_C_LABEL_REPEATED)
        return fault_set(why, STATUS_INVALID, NULL, "\"%.60s\" is not an option: options begin with --",
                         text);
    return put(object, &type->fields[0], json_string(text), why);
}

/* Says why text_valid refuses a value: jansson takes UTF-8 with control characters, and nothing that is no UTF-8. */
static enum status value_wrong(struct slice name, const char *value, struct fault *why)
{
    json_t *text = json_string(value);
    bool readable = text != NULL;
    json_decref(text);
    return fault_set(why, STATUS_INVALID, NULL, "--%.*s: %s", (int)name.len, (const char *)name.ptr,
                     readable ? "a control character is in the value; only new lines and tabs may be"
                              : "the value is not valid UTF-8 text");
}

enum status options_take(const ProtobufCMessageDescriptor *type, json_t *object, int argc, char **argv,
                         int *at, struct fault *why)
{
    const char *word = argv[*at];
    *at += 1;
    if (strncmp(word, "--", 2) != 0 || word[2] == '\0')
        return take_positional(type, object, word, why);
    const char *equals = strchr(word, '=');
    struct slice name =
        equals != NULL ? slice_of(word + 2, (size_t)(equals - word) - 2) : slice_text(word + 2);
    const char *value = equals != NULL ? equals + 1 : *at < argc ? argv[*at] : NULL;
    struct meaning meaning;
    if (known_at(type, value, &name, why) != STATUS_OK)
        return STATUS_INVALID;
    bool negated = false;
    if (!meaning_of(type, name, &meaning)) {
        negated = slice_starts_with(name, slice_text("no-"));
        if (!negated || !meaning_of(type, slice_of(name.ptr + 3, name.len - 3), &meaning) ||
            field_form(meaning.field) != FORM_FLAG)
            return fault_set(why, STATUS_INVALID, NULL, "there is no option --%.*s here", (int)name.len,
                             (const char *)name.ptr);
    }
    const ProtobufCMessageDescriptor *of = meaning.holder != NULL ? meaning.holder->descriptor : type;
    if (field_from_server(of, meaning.field))
        return fault_set(why, STATUS_INVALID, NULL, "--%.*s: the server sets this itself: leave it out",
                         (int)name.len, (const char *)name.ptr);
    json_t *target = holder_object(object, meaning.holder);
    if (target == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    if (field_form(meaning.field) == FORM_FLAG && meaning.amount == NULL)
        return put(target, meaning.field, equals != NULL ? json_string(value) : json_boolean(!negated), why);
    if (value == NULL)
        return fault_set(why, STATUS_INVALID, NULL, "--%.*s needs a value", (int)name.len,
                         (const char *)name.ptr);
    if (equals == NULL)
        *at += 1;
    if (!text_valid(slice_text(value)))
        return value_wrong(name, value, why);
    if (meaning.amount != NULL)
        return take_line(meaning.field, meaning.amount, target, value, why);
    if (meaning.field->type == PROTOBUF_C_TYPE_MESSAGE)
        return take_nested(meaning.field, target, value, why);
    return put(target, meaning.field, json_string(value), why);
}
