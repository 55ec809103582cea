/* The fields of a message as text for people: "name=Water, phone=+254700000001". */
#ifndef SERVER_VIEWS_MESSAGE_TEXT_H
#define SERVER_VIEWS_MESSAGE_TEXT_H

#include <protobuf-c/protobuf-c.h>

#include "proto/base/slice.h"

#define MESSAGE_TEXT_MAX 1000u

/* Fields that are present in `message`; with `other` only those that differ there. Bytes (hashes, tokens) are never
 * shown, inner messages are counted. Text that does not fit is cut, and ends in "...". */
struct slice message_text(const ProtobufCMessage *message, const ProtobufCMessage *other,
                          char out[MESSAGE_TEXT_MAX]);

#endif
