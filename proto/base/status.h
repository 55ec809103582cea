/* Operational outcomes and the one-place description of what went wrong. No I/O, any thread. */
#ifndef PROTO_BASE_STATUS_H
#define PROTO_BASE_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#define MUST_USE                        __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_at, args_at) __attribute__((format(printf, format_at, args_at)))

enum status {
#define STATUS(name, number, class, text) STATUS_##name = (number),
#include "proto/base/status.def"
#undef STATUS
};

enum status_class {
    STATUS_CLASS_NONE,
    STATUS_CLASS_CALLER,
    STATUS_CLASS_RETRY,
    STATUS_CLASS_SERVER,
    STATUS_CLASS_LOCAL,
};

#define FAULT_FIELD_MAX 80  /* bytes with the NUL: longest field path we name, e.g. "lines[12].account" */
#define FAULT_TEXT_MAX  256 /* bytes with the NUL: one sentence saying what would be right */

/* What went wrong. `reason` is a Reason of proto/schema/reason.proto when status is STATUS_REFUSED, else 0.
 * An all-zero fault is "nothing wrong". Filled once, by whoever first sees the problem. */
struct fault {
    enum status status;
    uint32_t reason;
    char field[FAULT_FIELD_MAX];
    char text[FAULT_TEXT_MAX];
};

const char *status_name(enum status status);           /* "INVALID"; "UNKNOWN" for a number not in the list */
const char *status_text(enum status status);           /* one line for people */
enum status_class status_class_of(enum status status); /* SERVER for a number not in the list */

/* Fill `fault` (may be NULL) and return `status`, so that a check is one statement:
 *     return fault_set(why, STATUS_INVALID, "date", "a date as YYYYMMDD, got %u", date);
 * `field` may be NULL. Text longer than the limit is cut at a character boundary. */
enum status fault_set(struct fault *fault, enum status status, const char *field, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* The same for a business refusal: sets STATUS_REFUSED and the reason. */
enum status fault_refuse(struct fault *fault, uint32_t reason, const char *field, const char *format, ...)
    PRINTF_LIKE(4, 5);

#endif
