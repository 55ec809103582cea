/*
 * The writer: the one thread that decides. It takes everything that waits, decides each command against core state,
 * puts its record into the open batch and applies it to core state at once, so that the next command sees it. A batch is
 * appended to the log and committed by a second thread, the committer, while the writer decides the next one; only then
 * are the items of the batch completed, refusals included, since what was decided may rest on any record before.
 *
 * So core state and the index of ids may be ahead of the log by two batches. From time to time the writer waits until
 * they are not (it settles): then they are told up to where the log is durable, and may be written behind. A batch that
 * changes who may do what is committed by the writer itself, with everything before it durable.
 *
 * A failed commit is never retried: `fatal` is called and must not return to normal service.
 */
#ifndef SERVER_WRITER_WRITER_H
#define SERVER_WRITER_WRITER_H

#include "server/base/id_index.h"
#include "server/domain/domain.h"
#include "server/ports/clock.h"
#include "server/ports/log.h"
#include "server/ports/work.h"
#include "type_ids.h"

/* What the writer's time goes into. */
enum writer_stage {
    WRITER_DECODE,       /* bodies into messages, rows fetched ahead */
    WRITER_DEDUPE,       /* content's digest, command ids looked up and added */
    WRITER_DECIDE,       /* rights and rules */
    WRITER_HASH,         /* record encoded and hashed */
    WRITER_APPEND,       /* into the log's transaction: blocks sealed and put, tiles; as the commit */
    WRITER_APPLY,        /* effects to core state */
    WRITER_ANSWER,       /* answers written, and handed over after the commit */
    WRITER_COMMIT,       /* last block, sync: by the committer mostly, beside all the others */
    WRITER_WAIT,         /* for the committer */
    WRITER_TELL,         /* who must know of the records, after the commit */
    WRITER_WRITE_BEHIND, /* what the writer itself does of it */
    WRITER_STAGES,
};
const char *writer_stage_name(enum writer_stage stage); /* "decode" */

/* Records of these types and above can change who may do what. */
#define WRITER_TOLD_TYPE EVENT_USER_CREATED

/* What the writer tells and asks the rest; app wires it. Called by whoever has the writer's turn, but `grew` and `fatal`,
 * which
 * the committer calls too; those two beside the others, never one beside itself. */
struct writer_hooks {
    void *context;
    /* A record of WRITER_TOLD_TYPE or above is durable, and `state` is core state as of the whole batch, with nothing
     * after it. For those who keep data of their own. */
    void (*recorded)(void *context, struct kv_txn *state, const struct record *record);
    /* The log now ends at `position`; called once a commit, in order, after `recorded`, before the items are completed.
     */
    void (*grew)(void *context, uint64_t position, size_t records, int64_t commit_us);
    /* Microseconds of each stage since it was last told; of single commands estimated from some (spent.h). Once a turn. */
    void (*spent)(void *context, const uint64_t us[WRITER_STAGES]);
    /* Asked whenever it has settled: write dirty rows of core state behind if it is time (`must`: in
     * any case). The cursor has been put. FULL: too much waits in memory and there is no room for it; commands are
     * refused until it gives OK again. IO and the like are fatal. */
    enum status (*write_behind)(void *context, bool idle, bool must);
    void (*fatal)(void *context, const struct fault *fault) __attribute__((noreturn));
};

/* Of the server. Waiting until all is durable costs the time of two commits; waking another thread more than deciding
 * a few hundred records beside a commit saves (docs/performance.md). */
#define WRITER_SETTLE_RECORDS    65536u
#define WRITER_COMMITTER_RECORDS 512u

struct writer_config {
    struct log *log;
    struct kv *state; /* core state; the writer's thread alone touches it from writer_start on */
    /* Of the commands recorded; likewise. Between two marks settle_records + batch_records_max are added at most. */
    struct id_index *ids;
    const struct clock *clock;
    size_t queue_items_max;
    size_t batch_records_max; /* of one commit */
    /* It settles after so many at the latest; 0: after each batch, and there is no committer. */
    size_t settle_records;
    size_t committer_records_min; /* not 0, unless there is none: smaller batches the writer commits itself */
    size_t batch_bytes_max;
    size_t arena_bytes_max; /* of one command's message and decision */
    struct writer_hooks hooks;
};

struct writer;

/* Ready for writer_start or writer_run_one. NO_MEMORY, or what reading core state says. */
enum status writer_new(const struct writer_config *config, struct writer **out, struct fault *why) MUST_USE;
enum status writer_start(struct writer *writer) MUST_USE; /* starts the thread */
void writer_stop(struct writer *writer); /* takes what still waits, writes behind, joins the thread */
void writer_free(struct writer *writer); /* NULL is fine; stopped */
struct work_sink *writer_sink(struct writer *writer); /* any thread */
size_t writer_queue_depth(struct writer *writer);     /* any thread */

/* Without a thread, for `daftarid init` and tests: one item, decided, appended, applied, committed,
 * completed. */
void writer_run_one(struct writer *writer, struct work_item *item);

/* ---- core state and its cursor (fold.c) -------------------------------------------------------------------------- */

struct state_cursor {
    uint64_t position;
    struct hash hash; /* of the record at position */
};
void state_cursor_put(struct kv_txn *state, const struct state_cursor *cursor);
/* False and position 0 when there is none, or it is of another DOMAIN_STATE_VERSION. */
bool state_cursor_get(struct kv_txn *state, struct state_cursor *out);

/* Folds the log's tail into core state. STALE when the state's cursor is not a record of this log (ahead of
 * it, or another hash), or of another DOMAIN_STATE_VERSION: the caller drops the state and folds again from nothing. `pause` (may be NULL) is
 * called every `pause_records` with the cursor put, so that dirty rows can be written behind. `stop` (may be NULL) is asked
 * at the same places: when it says so, what is folded so far stays and CANCELLED comes back. */
struct fold_config {
    struct log *log;
    struct kv *state;
    size_t arena_bytes_max;
    uint64_t pause_records;
    enum status (*pause)(void *context);
    bool (*stop)(void);
    void *context;
};
enum status state_fold(const struct fold_config *config, uint64_t *out_folded, struct fault *why) MUST_USE;

/* A fault of core state at a record (0: at a command that is decided), with what its store says of a value that did not
 * open. */
enum status state_fault(struct kv *state, enum status status, uint64_t position, struct fault *why);

/* Adds the command ids of the log's tail to their index; only the records' headers are looked at. STALE as above. The index
 * takes IDS_FOLD_BATCH of them between two marks; there `stop` is asked, as above. */
#define IDS_FOLD_BATCH 4096u
enum status ids_fold(struct log *log, struct id_index *ids, bool (*stop)(void), uint64_t *out_folded,
                     struct fault *why) MUST_USE;

#endif
