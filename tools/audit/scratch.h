/* A fold of the log made anew in a scratch environment, to be compared with the one that the server keeps. One
 * thread at a time; after scratch_rest it may be another one. */
#ifndef TOOLS_AUDIT_SCRATCH_H
#define TOOLS_AUDIT_SCRATCH_H

#include "proto/record/record.h"
#include "proto/wire/arena.h"
#include "server/ports/kv.h"

struct
    scratch; /* an environment on disk, plain and unsynced, removed at the end: memory does not grow with history */

struct scratch_fold {
    const char *name; /* "state", "view balances": for messages */
    const struct kv_table *tables;
    unsigned table_count;
    unsigned cursor_table; /* not compared: it belongs to the store's owner */
    void (*apply)(struct kv_txn *txn, const struct record *record, struct arena *arena);
    uint64_t written_once; /* bit t: rows of table t are only ever added (struct view): a hint for speed */
    uint64_t until;        /* records after this position are left out */
};

/* `folder` is made, mode 0700, and must not exist. */
enum status scratch_open(const char *folder, const struct scratch_fold *fold, struct scratch **out,
                         struct fault *why) MUST_USE;
/* In order of positions. CORRUPT when the record contradicts what came before. */
enum status scratch_apply(struct scratch *scratch, const struct record *record, struct fault *why) MUST_USE;
/* Ends what is open in the store: a write transaction belongs to its thread. */
enum status scratch_rest(struct scratch *scratch, struct fault *why) MUST_USE;
/* Row by row with what is stored, as the read transaction `stored` shows it. Each difference is told; at most `problems_max` of them.
 * What `stored` cannot read ends it, with that transaction's error. */
enum status scratch_compare(struct scratch *scratch, struct kv_txn *stored, unsigned problems_max,
                            void (*problem)(void *context, const char *what), void *context,
                            struct fault *why) MUST_USE;
/* SHA-256 over all rows, as Log.Digest gives it (server/views/digest.h). */
enum status scratch_digest(struct scratch *scratch, struct hash *out, struct fault *why) MUST_USE;
void scratch_close(struct scratch *scratch); /* removes the folder; NULL is fine */

#endif
