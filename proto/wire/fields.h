/* What the descriptor of a field or an enum says about how people write its values. */
#ifndef PROTO_WIRE_FIELDS_H
#define PROTO_WIRE_FIELDS_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

/* How a field's value is read and written. */
enum field_form {
    FORM_TEXT,
    FORM_NUMBER,
    FORM_FLAG,
    FORM_ENUM,
    FORM_BYTES,
    FORM_MESSAGE,
    FORM_AMOUNT,   /* *_minor */
    FORM_DATE,     /* date, *_date */
    FORM_TIME,     /* *_time_us */
    FORM_RATE,     /* *_bp: percent */
    FORM_QUANTITY, /* *_milli */
    FORM_MONTH,    /* month: YYYYMM */
    FORM_DAY,      /* *_year_start: MMDD, shown as 07-01 */
};
enum field_form field_form(const ProtobufCFieldDescriptor *field);
enum field_form number_form(const char *name); /* of a field that has a number: by its name's end */
/* The end of the name that people need not see, as the value is shown in its unit: "_minor", "_us"; "" for most. */
const char *field_unit(enum field_form form);

/* Length of what the names of all values begin with, up to and with the last underscore. */
size_t enum_prefix(const ProtobufCEnumDescriptor *type);

#endif
