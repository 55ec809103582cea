/* Checks of form that every capability shares, and helpers of queries. Pure. */
#ifndef SERVER_DOMAIN_KERNEL_FORM_H
#define SERVER_DOMAIN_KERNEL_FORM_H

#include "common.pb-c.h"
#include "server/domain/domain.h"

/* At most `max` bytes; when `needed`, present and not only blanks. Absent text is NULL. INVALID otherwise. */
enum status form_text(const char *text, const char *field, size_t max, bool needed,
                      struct fault *why) MUST_USE;
/* A code: `min` to `max` bytes, all from capital letters and, with `digits`, digits. INVALID otherwise. */
enum status form_code(const char *text, const char *field, size_t min, size_t max, bool digits,
                      struct fault *why) MUST_USE;
/* At most TAGS_MAX tags, each with a name of 1 to 100 bytes and a value of at most 200. `field` is "tags" or a path
 * that ends so. */
enum status form_tags(Daftari__V1__Tag *const *tags, size_t count, const char *field,
                      struct fault *why) MUST_USE;
/* E.164: plus and 8 to 15 digits (PHONE_BAD); a plausible address (EMAIL_BAD). Absent and empty are fine. */
enum status form_phone(const char *phone, const char *field, struct fault *why) MUST_USE;
enum status form_email(const char *email, const char *field, struct fault *why) MUST_USE;

/* A field of a command that the server fills in itself, marked "set by the server" in the schema: INVALID when `given`. */
enum status form_left_out(bool given, const char *field, struct fault *why) MUST_USE;

/* "lines[3].account" */
const char *form_path(char out[FAULT_FIELD_MAX], const char *list, size_t index, const char *field);

/* Absent and empty text are the same to us. */
static inline bool text_empty(const char *text)
{
    return text == NULL || text[0] == '\0';
}
static inline bool text_same(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}
/* NULL for empty, so that rows do not hold empty fields. */
static inline char *text_or_none(char *text)
{
    return text_empty(text) ? NULL : text;
}

/* The next row of a stream over a whole table: END after the last one. Keeps the place in *cursor. */
enum status query_next_row(const struct query_context *context, struct kv_txn *masters, unsigned table,
                           struct slice *cursor, struct slice *out_key, struct slice *out_value,
                           struct fault *why) MUST_USE;
/* What a query returns when it found nothing: the store's own error if there is one, else `otherwise`. */
enum status query_end(struct kv_txn *masters, enum status otherwise, struct fault *why);
/* An empty message of a type in the arena; NULL when it is full. */
void *message_new(const ProtobufCMessageDescriptor *type, struct arena *arena);
/* A decimal number as text in the arena; NULL when it is full. */
char *number_text(uint64_t number, struct arena *arena);

#endif
