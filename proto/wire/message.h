/*
 * Protobuf bytes from outside -> a checked message in a capped arena.
 *
 * protobuf-c 1.4.1 has no depth limit, accepts broken UTF-8, cuts strings at NUL and can amplify 1 MB of input
 * into 45 MB of heap. So message_check walks the raw bytes against the descriptor first (depth, wire types,
 * counts, UTF-8 by proto/base/text.h, known enum values), names the field that is wrong, and only then is the
 * message unpacked with the caller's allocator.
 */
#ifndef PROTO_WIRE_MESSAGE_H
#define PROTO_WIRE_MESSAGE_H

#include <protobuf-c/protobuf-c.h>

#include "proto/base/limits.h"
#include "proto/base/slice.h"
#include "proto/base/status.h"

/* INVALID with the path of the field ("lines[3].description") and what would be right. Unknown fields are
 * refused (INVALID) when `strict`, skipped otherwise (stored records of newer versions). */
enum status message_check(const ProtobufCMessageDescriptor *type, struct slice bytes, bool strict,
                          struct fault *why) MUST_USE;

/* message_check, then protobuf_c_message_unpack with `allocator` (a capped arena; never NULL). TOO_LARGE when the
 * allocator is exhausted. *out is owned by the allocator: reset the arena, do not free the message. */
enum status message_unpack(const ProtobufCMessageDescriptor *type, struct slice bytes, bool strict,
                           ProtobufCAllocator *allocator, ProtobufCMessage **out, struct fault *why) MUST_USE;

#endif
