/*
 * The kv port in memory: for tests, and for folding a part of the log aside ("as known at"). Nothing is kept
 * on close. One thread at a time; a write transaction excludes all others (begin gives BUSY), since there are
 * no snapshots here. Abort undoes every write.
 */
#ifndef SERVER_BASE_KV_MEM_H
#define SERVER_BASE_KV_MEM_H

#include "server/ports/kv.h"

struct kv *kv_mem_new(const struct kv_table *tables, unsigned count); /* NULL when memory is short */

#endif
