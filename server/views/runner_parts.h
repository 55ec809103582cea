/* What the runner's own files share; nobody else includes it. runner.c tails, slot.c opens and swaps environments,
 * pool.c queues queries, step.c runs one, replay.c answers "as known at". */
#ifndef SERVER_VIEWS_RUNNER_PARTS_H
#define SERVER_VIEWS_RUNNER_PARTS_H

#include <pthread.h>

#include "server/views/runner.h"
#include "server/views/slice_buffer.h"

#define VIEW_TABLE_CURSOR  0u
#define VIEW_NAME_MAX      40u /* a view's name and ".new" */
#define READER_THREADS_MAX 64u
#define SLICE_BUFFER_BYTES                                                                                   \
    ((size_t)16 << 20) /* of one view: rows of a slice, and those read and written lately */

struct view_cursor {
    uint64_t position; /* 0 = nothing applied yet */
    struct hash last;  /* hash of the record at `position` */
    uint32_t version;  /* of the view that wrote the rows */
};

/* A view and its environment. `state`, `position` and `failed_with` are written by the runner's thread under
 * runner->lock; the rest is the runner's thread's own, but `users` (runner->lock), and `kv`, which stays the same while
 * the view can be read (slot_readable) or there are users. */
struct view_slot {
    const struct view *view;
    struct kv *kv;
    enum view_state state;
    uint64_t position;
    enum status failed_with;
    unsigned users; /* steps of queries that have it open; no new ones come unless slot_readable */
    struct hash last;
    bool trust_name, trust_beside; /* NAME, NAME.new: else a power cut or a sync may have lost pages of it */
    bool following;                /* failed or behind, tried again, and on its way to the log's head */
    unsigned failures;             /* since it last was at the log's head */
    monotonic_us retry_at;         /* of a failed view or one behind, that does not follow; 0 = never */
    struct kv_txn *txn;            /* of the slice under way */
    struct slice_buffer *buffer;   /* over it: what records are applied to */
    struct kv_txn *apply_to;
};

/* A query that waits for a position, or for its turn to replay. */
struct parked {
    struct work_item *item;
    uint64_t position;
    monotonic_us until;
    monotonic_us replay_since; /* when it first asked for its turn; 0 = it waits for `position` */
};

struct replays;

struct runner {
    struct work_sink sink; /* first: submit gets back to the runner by it */
    struct runner_config config;
    struct view_slot slots[VIEW_COUNT];
    struct log_reader *log_reader; /* of the tailing thread */
    struct arena *arena;           /* of the tailing thread */
    struct report_memory reports;
    struct replays *replays; /* belongs to whoever has replay_turn */

    /* Taken for writing while the views of a slice commit, for reading while a query opens its transactions: so a
     * query sees all views at one position. Taken before `lock`. */
    pthread_rwlock_t commit_lock;

    pthread_mutex_t lock;    /* everything below */
    pthread_cond_t wake;     /* the tailing thread */
    pthread_cond_t work;     /* reader threads */
    pthread_cond_t progress; /* runner_wait */
    bool stopping;
    monotonic_us gather_until; /* the tailing thread lets records gather; 0 = it does not */
    bool broken
        [VIEW_COUNT]; /* a query found rows of it that do not hold together: the tailing thread takes it out */
    unsigned waiters; /* in runner_wait */
    struct work_item *ready_first, *ready_last;
    struct parked *parked; /* queries_max of them */
    size_t parked_count;
    size_t waiting;          /* ready and parked */
    const void *replay_turn; /* the item that replays, this runner while it drops replays; NULL = nobody */
    bool replay_kept;        /* there is something to drop */
    uint64_t replay_bytes;   /* of what is kept */
    monotonic_us replay_idle_at; /* then it is dropped; while nobody has the turn */

    pthread_t tail;
    bool tail_started;
    pthread_t readers[READER_THREADS_MAX];
    unsigned reader_count;
};

/* slot.c */
void slot_open(struct runner *runner, struct view_slot *slot); /* at start: READY, BUILDING or FAILED */
void slot_fail(struct runner *runner, struct view_slot *slot, enum status status, const char *what);
bool slot_failure_passes(enum status status); /* what made a view fail may be over later: it is tried again */
bool slot_readable(enum view_state state);    /* queries may open it: READY, BEHIND */
/* Opens again a failed view whose time has come: it then builds, follows, or has failed again. One that is behind just
 * follows. */
void slot_retry(struct runner *runner, struct view_slot *slot);
void slot_retry_together(
    struct runner *runner); /* one behind whose time has come brings the others behind along */
void slot_put_in_place(struct runner *runner, struct view_slot *slot); /* BUILDING -> READY, or FAILED */
void slot_caught_up(struct runner *runner, struct view_slot *slot);    /* following -> READY */
void slot_write_cursor(struct kv_txn *txn, const struct view_cursor *cursor);
bool slot_read_cursor(struct kv_txn *txn, struct view_cursor *out); /* false: none, or not a cursor */
void slot_set(struct runner *runner, struct view_slot *slot, enum view_state state, uint64_t position);

/* pool.c */
/* With runner->lock held: the smallest position of those that are READY, else of those BEHIND, which *out_behind tells
 * (NULL is fine). */
uint64_t pool_position(const struct runner *runner, bool *out_behind);
void pool_release(struct runner *runner); /* lock held: lets go queries whose position is there */
enum status pool_submit(struct work_sink *sink, struct work_item *item);
void pool_requeue(struct runner *runner, struct work_item *item); /* from a reader thread */
void *pool_run(void *runner);                                     /* a reader thread */
/* With runner->lock held: until the signal (`work` or `wake`), at most so long. */
void pool_sleep(struct runner *runner, pthread_cond_t *until_signal, monotonic_us from_now_us);
void pool_answer(struct work_item *item, enum status status, const char *text);
monotonic_us pool_until(const struct runner *runner, const struct work_item *item);
/* One query at a time replays, in slices between which it goes to the end of the queue. It keeps the turn until it is
 * answered; the next is whoever has asked for longest. */
bool pool_turn_take(struct runner *runner,
                    const struct work_item *item);          /* true too when it has it already */
void pool_turn_kept(struct runner *runner, uint64_t bytes); /* by who has the turn: what is kept now */
void pool_turn_end(struct runner *runner, const void *who); /* does nothing when `who` has it not */

/* step.c */
enum step_next { STEP_DONE, STEP_PARK, STEP_AGAIN, STEP_TURN };
struct stepper; /* what one reader thread owns: log reader, arena */
struct stepper *stepper_new(struct runner *runner);
void stepper_free(struct stepper *stepper);
/* STEP_DONE: call item->done. STEP_PARK: wait for *out_position. STEP_AGAIN: put it back in the queue. STEP_TURN: wait
 * for the turn to replay, since *out_since. */
enum step_next stepper_run(struct stepper *stepper, struct work_item *item, uint64_t *out_position,
                           monotonic_us *out_since);

/* Fills the item with a refusal. */
void step_refuse(struct work_item *item, const struct fault *fault);

/* replay.c: views folded into memory up to a position, for all views together. Whoever has the turn calls them. */
struct replays *replays_new(size_t memory_bytes);
void replays_free(struct replays *replays); /* NULL is fine */
void replays_drop(struct replays *replays); /* all that is kept, back to the system */
uint64_t replays_bytes(const struct replays *replays);
/* Brings a replay of the view forward to `position`, from the nearest one kept or from the beginning. AGAIN: `until` came
 * first; call again to go on. TOO_LARGE: past the bound, with every other replay dropped. */
enum status replays_forward(struct replays *replays, const struct view *view, uint64_t position,
                            struct log_reader *reader, const struct clock *clock, monotonic_us until,
                            struct fault *why) MUST_USE;
/* A read transaction on what replays_forward has made, to be ended before the turn. NOT_FOUND: there is none. */
enum status replays_begin(struct replays *replays, const struct view *view, uint64_t position,
                          struct kv_txn **out) MUST_USE;

#endif
