/*
 * The kv port on disk: one LMDB environment in a folder of its own. The only file that includes lmdb.h is kv_lmdb.c.
 *
 * Durable environments use LMDB's default, fully synced flags: a commit that gave OK is on disk. Derived ones do not
 * sync at commit: they survive the death of the process, but after a power cut they must be thrown away unless
 * kv_sync came after the last commit.
 * Threads: as the port says; a write transaction ends on the thread that began it.
 */
#ifndef SERVER_STORE_KV_LMDB_H
#define SERVER_STORE_KV_LMDB_H

#include "server/ports/kv.h"

enum kv_lmdb_durability { KV_LMDB_DURABLE, KV_LMDB_DERIVED };

struct kv_lmdb_options {
    const char *path;              /* the environment's folder */
    const struct kv_table *tables; /* borrowed until close */
    unsigned count;
    uint64_t map_bytes;   /* most that the data file may grow to; ignored when read_only */
    unsigned readers_max; /* read transactions at once, over all processes */
    enum kv_lmdb_durability durability;
    bool
        read_only; /* beside a live writer in another process is fine; tables that are missing read as empty */
    bool create;   /* make folder and tables when they are missing */
};

/* NOT_FOUND when there is nothing and `create` is not set, BUSY when it is open for writing elsewhere (or here),
 * CORRUPT when it is no environment of ours, or its file is shorter than it says itself (then no page was looked at). */
enum status kv_lmdb_open(const struct kv_lmdb_options *options, struct kv **out, struct fault *why) MUST_USE;

#endif
