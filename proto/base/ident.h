/* Identifiers of fixed size. A command id is 16 bytes made by the client (a UUID of any version); all zero means
 * "made by the server itself". Pure. */
#ifndef PROTO_BASE_IDENT_H
#define PROTO_BASE_IDENT_H

#include "proto/base/slice.h"
#include "proto/base/status.h"

#define COMMAND_ID_BYTES 16
#define UUID_TEXT_MAX    37 /* 8-4-4-4-12 and the NUL */

struct command_id {
    uint8_t bytes[COMMAND_ID_BYTES];
};

bool command_id_is_zero(const struct command_id *id);
void command_id_format(const struct command_id *id, char out[UUID_TEXT_MAX]);
bool command_id_parse(struct slice text, struct command_id *out) MUST_USE; /* with or without hyphens */

#endif
