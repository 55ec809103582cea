/*
 * Command-line options -> a JSON object for message_json.c, for every message of the schemas.
 *
 *   --description "Sugar, 2 kg"        a field by its short name, '-' for '_'
 *   --active-only, --no-active-only    a flag
 *   --line account=1110,debit=300.00   a nested message; a comma divides only before a known field name
 *   --tag project=roof                 a nested message of two fields: name=value
 *   --debit 1110=300.00                a line by its amount: where lines have an account and amounts
 *   --known-at 812 | 2026-11-23T10:00:00Z   a position or a moment
 * Repeated fields are given as often as needed, by plural or singular name. The fields of a nested message that is
 * there once (the entry of a draft) are options like the outer ones.
 */
#ifndef CLIENT_CLI_OPTIONS_H
#define CLIENT_CLI_OPTIONS_H

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

#include "proto/base/slice.h"
#include "proto/base/status.h"

/* Reads one option from argv[*at] (and the value after it) into `object`, and moves *at past it. INVALID (usage). */
enum status options_take(const ProtobufCMessageDescriptor *type, json_t *object, int argc, char **argv,
                         int *at, struct fault *why) MUST_USE;

#endif
