/* The fields of a message as text for people: "name=Water, roles=[Owner], settings=[tax_rate=14.00]". */
#ifndef SERVER_VIEWS_MESSAGE_TEXT_H
#define SERVER_VIEWS_MESSAGE_TEXT_H

#include "server/views/reports/report_run.h"

#define MESSAGE_TEXT_MAX 1000u

/* Fields that are present in `message`; with `other` (of the same type) only those that differ there. Amounts are
 * decimals of their currency, dates and times ISO 8601, users their e-mail; names go without their unit. A list is
 * "[a, b]", an inner message "(name=value, ...)", one of two plain fields "first=second". Bytes (hashes, tokens) are
 * never shown. Text that does not fit is cut, and ends in "...". Uses run->row. */
struct slice message_text(const struct report_run *run, const ProtobufCMessage *message,
                          const ProtobufCMessage *other, char out[MESSAGE_TEXT_MAX]);

#endif
