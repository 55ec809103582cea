/* What tells a retry of a command from another command under the same id: record_header.content. Pure, any
 * thread. */
#ifndef SERVER_BASE_CONTENT_H
#define SERVER_BASE_CONTENT_H

#include "proto/base/slice.h"

/* XXH3-64 of the body, seeded with XXH3-64 of the method's name; never 0 (1 stands for it). */
uint64_t content_digest(const char *method, struct slice body);

#endif
