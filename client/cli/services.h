/* What can be asked of a server, from the descriptors made of the schemas; and the names of it all in shell and JSON.
 * Const data only. */
#ifndef CLIENT_CLI_SERVICES_H
#define CLIENT_CLI_SERVICES_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

#include "proto/base/slice.h"
#include "proto/base/status.h"
#include "proto/wire/fields.h"
#include "proto/wire/services.h"

#define SERVICE_NAME_TEXT_MAX 80 /* bytes with the NUL of any name below */

struct method {
    const ProtobufCServiceDescriptor *service;
    const ProtobufCMethodDescriptor *row;
    char name[SERVICE_NAME_TEXT_MAX]; /* "Entry.Post" */
    bool command;                     /* answered by Recorded: needs a command id */
    bool streams;
};

/* "transaction-type", "list" or "Entry.Post". */
const ProtobufCServiceDescriptor *service_by_noun(const char *noun);
bool method_by_verb(const ProtobufCServiceDescriptor *service, const char *verb, struct method *out) MUST_USE;
bool method_by_name(const char *name, struct method *out) MUST_USE;
void method_at(const ProtobufCServiceDescriptor *service, size_t index, struct method *out);

/* "TransactionType" and "NEGATIVE_ALLOWED" and "debit_minor" -> "transaction-type", "negative-allowed", "debit-minor". */
void name_kebab(const char *name, char out[SERVICE_NAME_TEXT_MAX]);

/* The name without its unit: debit_minor -> debit, from_date -> from, opened_time_us -> opened_time.
 * Underscores stay. */
void field_short_name(const ProtobufCFieldDescriptor *field, char out[SERVICE_NAME_TEXT_MAX]);
/* The option's name: kebab case, singular, --known-at for both its forms. */
void field_option_name(const ProtobufCFieldDescriptor *field, char out[SERVICE_NAME_TEXT_MAX]);
/* Bytes of the name without a plural's s. */
size_t name_singular_len(const char *name);
/* The path of a field as people write it: "lines[0].debit_minor" -> "lines[0].debit", "known_at_time_us" -> "known-at". */
void path_short(const char *path, char *out, size_t cap);
/* By full or short name, '-' and '_' alike; with `singular` also without a repeated field's final s ("line"). */
const ProtobufCFieldDescriptor *field_by_name(const ProtobufCMessageDescriptor *type, struct slice name,
                                              bool singular);

/* Whether the server fills the field in itself: the schema's comment begins with "set by the server". It is no option. */
bool field_from_server(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field);

/* "mobile-money" of CLASS_MOBILE_MONEY: what all values of the enum begin with is left out. */
void enum_text(const ProtobufCEnumDescriptor *type, int value, char out[SERVICE_NAME_TEXT_MAX]);
/* Whether a value is one to give: its comment in the schema does not begin with "not given". */
bool enum_offered(const ProtobufCEnumDescriptor *type, unsigned index);
bool enum_parse(const ProtobufCEnumDescriptor *type, struct slice text, int *out) MUST_USE;

/* The schema's comment on a message (field "") or one of its fields; NULL when there is none. */
const char *schema_text(const char *message, const char *field);

#endif
