/*
 * Messages as JSON and back, for every message of the schemas, by their descriptors alone.
 *
 * Keys are field names without their unit; amounts are decimal strings in the currency that the same object names (else
 * the base currency), dates "2026-11-23", times RFC 3339, rates percent with two decimals, quantities with up to three,
 * enums lower-case words, bytes hex (but a signed note its text). In the direction to messages, values may also be strings as people write them
 * ("today", "1,250.50"), and full field names are understood. Not recursive; depth is bounded by MESSAGE_DEPTH_MAX.
 */
#ifndef CLIENT_CLI_MESSAGE_JSON_H
#define CLIENT_CLI_MESSAGE_JSON_H

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

#include "proto/base/date.h"
#include "proto/base/slice.h"
#include "proto/base/status.h"
#include "proto/wire/arena.h"

/* What a value needs to know of the world. `scale` gives the decimals of a currency; `code` NULL is the base currency.
 * NOT_FOUND for a currency that is not defined. Only called when a message has amounts. */
struct conversion {
    enum status (*scale)(void *context, const char *code, uint32_t *out_scale, struct fault *why);
    void *scale_context;
    civil_date today;           /* of "today", "yesterday", "tomorrow" */
    int32_t utc_offset_minutes; /* of a date that stands for a moment: the end of that day */
};

/* A date as people write it: 2026-11-23, 20261123, 23/11/2026 (the day first), today, yesterday, tomorrow. */
bool date_said(struct slice text, civil_date today, civil_date *out) MUST_USE;

/* JSON object -> packed message in the arena. INVALID names the field and says what would be right. */
enum status message_from_json(const ProtobufCMessageDescriptor *type, json_t *object,
                              const struct conversion *conversion, struct arena *arena,
                              struct slice *out_bytes, struct fault *why) MUST_USE;

/* Packed message (from a server: checked, unknown fields skipped) -> a new JSON object, keys in the schema's order.
 * Absent fields are left out. CORRUPT when the bytes are no such message. */
enum status message_to_json(const ProtobufCMessageDescriptor *type, struct slice bytes,
                            const struct conversion *conversion, json_t **out, struct fault *why) MUST_USE;

/* Reads one JSON object after the other from a stream: on lines of their own or spread over several; or the objects
 * of one array (in_array), without holding the whole array. */
#define JSON_VALUE_BYTES_MAX (4u * 1024u * 1024u)
struct json_reader {
    FILE *from;        /* NULL: nothing after the head */
    struct slice head; /* what was read of it before, and is read first; borrowed */
    size_t head_at;
    bool in_array;
    uint64_t line; /* of the value read last, from 1 */
    uint64_t next_line;
    char *text; /* of the value read last */
    size_t len;
    size_t cap;
};
/* OK with a new reference, END after the last, INVALID with line and what is wrong. */
enum status json_reader_next(struct json_reader *reader, json_t **out, struct fault *why) MUST_USE;
void json_reader_done(struct json_reader *reader);

#endif
