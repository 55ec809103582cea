#include "proto/wire/fields.h"

#include <stdbool.h>
#include <string.h>

static bool ends_with(const char *name, const char *end)
{
    size_t len = strlen(name), end_len = strlen(end);
    return len > end_len && strcmp(name + len - end_len, end) == 0;
}

enum field_form number_form(const char *name)
{
    if (ends_with(name, "_minor"))
        return FORM_AMOUNT;
    if (ends_with(name, "_date") || strcmp(name, "date") == 0)
        return FORM_DATE;
    if (ends_with(name, "_time_us"))
        return FORM_TIME;
    if (ends_with(name, "_bp"))
        return FORM_RATE;
    if (ends_with(name, "_milli"))
        return FORM_QUANTITY;
    if (ends_with(name, "_year_start"))
        return FORM_DAY;
    return strcmp(name, "month") == 0 ? FORM_MONTH : FORM_NUMBER;
}

enum field_form field_form(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        return FORM_TEXT;
    case PROTOBUF_C_TYPE_BYTES:
        return FORM_BYTES;
    case PROTOBUF_C_TYPE_BOOL:
        return FORM_FLAG;
    case PROTOBUF_C_TYPE_ENUM:
        return FORM_ENUM;
    case PROTOBUF_C_TYPE_MESSAGE:
        return FORM_MESSAGE;
    default:
        return number_form(field->name);
    }
}

const char *field_unit(enum field_form form)
{
    switch (form) {
    case FORM_AMOUNT:
        return "_minor";
    case FORM_TIME:
        return "_us";
    case FORM_RATE:
        return "_bp";
    case FORM_QUANTITY:
        return "_milli";
    default:
        return "";
    }
}

size_t enum_prefix(const ProtobufCEnumDescriptor *type)
{
    const char *first = type->values[0].name;
    size_t shared = strlen(first);
    for (unsigned i = 1; i < type->n_values; i++) {
        size_t len = 0;
        while (len < shared && type->values[i].name[len] == first[len])
            len++;
        shared = len;
    }
    while (shared > 0 && first[shared - 1] != '_')
        shared--;
    return type->n_values > 1 ? shared : 0;
}
