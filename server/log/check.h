/*
 * Looks through everything a log has stored, trusting nothing: every block opens and has the right form; records are
 * without gaps, decode, say their own position, never go back in time, balance, and chain; every tile of the tree is
 * there and holds what recomputation gives. Each problem is told with the position it concerns, and the walk goes on.
 *
 * A change within a sealed block breaks the seal of the whole block; the block is then opened without its seal, so
 * that the very record can be named: the one whose hash is not the `previous` of the next.
 *
 * Several threads open, decode and hash spans of blocks; the caller's thread takes what they found in order of
 * positions and judges it alone, so that what is told, and in which order, does not depend on their number.
 * Memory is bounded by the number of threads, about 1 MiB each, whatever the size of the log.
 * Over a store that others write, it sees the commits there were when it began.
 */
#ifndef SERVER_LOG_CHECK_H
#define SERVER_LOG_CHECK_H

#include "server/log/log.h"

#define LOG_CHECK_THREADS_MAX 64u

struct log_check_options {
    struct kv *kv; /* with log_tables */
    /* The caller's thread is one of them; 0 is 1, at most LOG_CHECK_THREADS_MAX. More than one need a store whose read
     * transactions may be on several threads at once (not kv_mem). Where the store has no room for so many readers, or
     * the machine for so many threads, there are fewer. */
    unsigned threads;

    /* How to look behind broken seals: kv_sealed_get_unchecked, kv_sealed_missing_key and kv_sealed_beneath. NULL over a
     * plain store; without the second, a value whose key is missing counts as changed. */
    bool (*get_unchecked)(struct kv_txn *txn, unsigned table, struct slice key, struct slice *out);
    bool (*missing_key)(struct kv_txn *txn, unsigned table, struct slice key, uint32_t *out_id);
    struct kv_txn *(*beneath)(struct kv_txn *txn);

    /* Both on the caller's thread. `position` 0: the log as a whole. `what` is one sentence, borrowed for the call. */
    void (*problem)(void *context, uint64_t position, const char *what);
    /* What could not be looked at, because a data key is missing; with missing_key. */
    void (*unread)(void *context, uint64_t position, const char *why);
    /* Now and then, NULL is fine: records so far, and about how many there are (0: nobody knows). */
    void (*progress)(void *context, uint64_t records, uint64_t total);
    void *context;
};

struct log_check_result {
    uint64_t blocks, records, tiles; /* looked at */
    uint64_t problems;
    uint64_t unread;      /* blocks and tiles that could not be looked at */
    unsigned threads;     /* that looked */
    struct log_head head; /* the last record found */
    bool root_known;      /* every record from 1 on was there */
    struct hash root;     /* recomputed over all of them */
};

/* OK when everything could be looked at, problems or not; else why not (IO, NO_MEMORY, BUSY). */
enum status log_check(const struct log_check_options *options, struct log_check_result *out,
                      struct fault *why) MUST_USE;

#endif
