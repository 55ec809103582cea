#include "proto/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/bug.h"
#include "proto/base/text.h"

const char *status_name(enum status status)
{
    switch (status) {
#define STATUS(name, number, class, text)                                                                    \
    case STATUS_##name:                                                                                      \
        return #name;
#include "proto/base/status.def"
#undef STATUS
    }
    return "UNKNOWN";
}

const char *status_text(enum status status)
{
    switch (status) {
#define STATUS(name, number, class, text)                                                                    \
    case STATUS_##name:                                                                                      \
        return text;
#include "proto/base/status.def"
#undef STATUS
    }
    return "an unknown status";
}

enum status_class status_class_of(enum status status)
{
    switch (status) {
#define STATUS(name, number, class, text)                                                                    \
    case STATUS_##name:                                                                                      \
        return STATUS_CLASS_##class;
#include "proto/base/status.def"
#undef STATUS
    }
    return STATUS_CLASS_SERVER;
}

/* Copies at most cap - 1 bytes, whole characters only, and ends them with a NUL. */
static void copy_cut(const char *from, char *to, size_t cap)
{
    struct slice text = slice_of(from, strnlen(from, cap + 3));
    size_t len = text_cut(text, cap - 1);
    memcpy(to, from, len);
    to[len] = '\0';
}

__attribute__((format(printf, 5, 0))) static void fill(struct fault *fault, enum status status,
                                                       uint32_t reason, const char *field, const char *format,
                                                       va_list args)
{
    /* Arguments may point into the fault itself, so everything is put together before it is written. */
    char longer_text[FAULT_TEXT_MAX + 4];
    char cut_field[FAULT_FIELD_MAX];
    int written = vsnprintf(longer_text, sizeof longer_text, format, args);
    ASSERT(written >= 0);
    copy_cut(field != NULL ? field : "", cut_field, sizeof cut_field);

    fault->status = status;
    fault->reason = reason;
    memcpy(fault->field, cut_field, sizeof cut_field);
    copy_cut(longer_text, fault->text, sizeof fault->text);
}

enum status fault_set(struct fault *fault, enum status status, const char *field, const char *format, ...)
{
    if (fault == NULL)
        return status;
    va_list args;
    va_start(args, format);
    fill(fault, status, 0, field, format, args);
    va_end(args);
    return status;
}

enum status fault_refuse(struct fault *fault, uint32_t reason, const char *field, const char *format, ...)
{
    if (fault == NULL)
        return STATUS_REFUSED;
    va_list args;
    va_start(args, format);
    fill(fault, STATUS_REFUSED, reason, field, format, args);
    va_end(args);
    return STATUS_REFUSED;
}
