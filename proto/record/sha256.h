/* SHA-256 over a few parts in a row. Any thread; nothing allocates; never fails. */
#ifndef PROTO_RECORD_SHA256_H
#define PROTO_RECORD_SHA256_H

#include "proto/record/record.h"

void sha256(const struct slice *parts, size_t count, struct hash *out);

#endif
