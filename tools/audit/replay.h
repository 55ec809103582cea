/*
 * Every record of a log given to several folds of it, on several threads: one reading of the log for all of them.
 *
 * Records come in order of positions. Those that cannot be read, do not decode or whose seal does not hold are left out
 * (what was changed without the keys never gets there): it is the fold's business to see the gap. A fold is called by one
 * thread at a time, but not always by the same; different folds at once. Memory is bounded, whatever the log's size.
 */
#ifndef TOOLS_AUDIT_REPLAY_H
#define TOOLS_AUDIT_REPLAY_H

#include "proto/record/record.h"
#include "server/ports/kv.h"

#define REPLAY_PARTS_MAX     16u
#define REPLAY_BATCH_RECORDS 16384u

struct replay_part {
    void (*take)(void *context, const struct record *records, size_t count); /* borrowed for the call */
    void (*end)(void *context);                                              /* after the last record */
    void *context;
    /* Given back: processor time of either. */
    uint64_t take_us, end_us;
};

struct replay_options {
    struct kv *log;   /* sealed, with log_tables */
    uint64_t until;   /* last position wanted */
    unsigned threads; /* the caller's is one of them; 0 is 1 */
    struct replay_part *parts;
    size_t part_count;                                  /* at most REPLAY_PARTS_MAX */
    void (*progress)(void *context, uint64_t position); /* by one thread at a time; NULL is fine */
    void *context;
};

/* OK when the log could be read; else why not. */
enum status replay_run(const struct replay_options *options, struct fault *why) MUST_USE;

#endif
