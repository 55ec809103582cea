/* JSON as people write it -> message bytes, by descriptor, for tests. Keys are field names, with or without their unit:
 * amounts ("debit", "debit_minor") are decimal strings or whole minor units, dates "2025-01-31" or numbers, enums names
 * with or without their prefix, in any case. */
#ifndef TESTS_SUPPORT_JSON_MESSAGE_H
#define TESTS_SUPPORT_JSON_MESSAGE_H

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

#include "proto/base/slice.h"

/* Decimals of a currency by code; NULL = the base currency. */
typedef uint32_t json_scale_fn(void *context, const char *currency);

/* Packed bytes, malloc'ed; NULL after saying on stderr what is wrong. */
uint8_t *json_message(const ProtobufCMessageDescriptor *type, json_t *object, json_scale_fn *scale,
                      void *context, size_t *out_len);

/* One field of a message as JSON would show it ("300.00", "2025-01-31", "true"); "" when absent. Elements of a list are
 * parted by commas, fields of a message in it by slashes. */
void json_field_text(const ProtobufCMessage *message, const char *name, uint32_t scale, char *out,
                     size_t cap);

#endif
