/*
 * Looking at hostile bytes in a process of its own. LMDB trusts the pages of its file: a changed page number or node
 * pointer can make it read outside of its map; a replay trusts records that were decided upon. When it ends in a fault
 * of memory, that must be an answer ("these pages are damaged"), not a crash.
 */
#ifndef TOOLS_AUDIT_GUARD_H
#define TOOLS_AUDIT_GUARD_H

#include "proto/base/status.h"

/* Runs `look` in a child, its standard output line by line. OK: it ended, *out_code is what it returned. CORRUPT: it
 * died of a fault of memory, *out_signal says which. INTERNAL: it was killed; IO: no child could be made. */
enum status guard_run(int (*look)(void *context), void *context, int *out_code, int *out_signal,
                      struct fault *why) MUST_USE;

/* Removes a folder of replays and all below it, whatever a look that died has left. */
void guard_remove(const char *folder);

#endif
