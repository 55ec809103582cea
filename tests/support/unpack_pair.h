/* A method's own decoder (struct method, `unpack`) against message_unpack. */
#ifndef TESTS_SUPPORT_UNPACK_PAIR_H
#define TESTS_SUPPORT_UNPACK_PAIR_H

#include "server/domain/domain.h"

/* What the quick decoder takes, message_unpack takes, and both give the same message (asserted). True when the quick
 * one took it. */
bool unpack_pair_agrees(const struct method *method, struct slice body);

#endif
