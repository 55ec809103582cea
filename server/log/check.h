/*
 * Looks through everything a log has stored, trusting nothing: every block opens and has the right form; records are
 * without gaps, decode, say their own position, never go back in time, balance, and chain; every tile of the tree is
 * there and holds what recomputation gives. Each problem is told with the position it concerns, and the walk goes on.
 *
 * A change within a sealed block breaks the seal of the whole block; the block is then opened without its seal, so
 * that the very record can be named: the one whose hash is not the `previous` of the next.
 * One thread. Over a store that others write, it sees the commits there were when it began.
 */
#ifndef SERVER_LOG_CHECK_H
#define SERVER_LOG_CHECK_H

#include "server/log/log.h"

struct log_check_options {
    struct kv *kv; /* with log_tables */

    /* How to look behind broken seals: kv_sealed_get_unchecked and kv_sealed_beneath. NULL over a plain store. */
    bool (*get_unchecked)(struct kv_txn *txn, unsigned table, struct slice key, struct slice *out);
    struct kv_txn *(*beneath)(struct kv_txn *txn);

    /* `position` 0: the log as a whole. `what` is one sentence, borrowed for the call. */
    void (*problem)(void *context, uint64_t position, const char *what);
    /* A record that decodes and whose seal holds, in order of positions, for whoever checks more (replay): what was
     * changed without the keys never gets there. NULL is fine. */
    void (*record)(void *context, const struct record *record, const struct hash *hash);
    void *context;
};

struct log_check_result {
    uint64_t blocks, records, tiles; /* looked at */
    uint64_t problems;
    struct log_head head; /* the last record found */
    bool root_known;      /* every record from 1 on was there */
    struct hash root;     /* recomputed over all of them */
};

/* OK when everything could be looked at, problems or not; else why not (IO, NO_MEMORY, BUSY). */
enum status log_check(const struct log_check_options *options, struct log_check_result *out,
                      struct fault *why) MUST_USE;

#endif
