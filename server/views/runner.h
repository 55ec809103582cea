/*
 * The runner: keeps every view up with the log and answers queries.
 *
 * One thread tails the log. Views at the same cursor share each record read; a view that is behind
 * (rebuilding) gets its slices between those of the others. A slice is one write transaction per view, which
 * holds the rows and the view's cursor: position, hash of that record, version of the view.
 *
 * A view is rebuilt when its environment has no cursor, another version, a cursor that contradicts the log,
 * or when `distrust_environments` says so: it is built in NAME.new, synced, and put in place of NAME. Until
 * then queries on it answer UNAVAILABLE; the others go on. A view that has no room (disk or map full) is behind: it stays
 * at its last position and queries on it are answered as of that position; it is tried again, later each time. When the
 * disk is all but full, all views stay where they are together, so that a query on several of them still has an answer.
 * A view that cannot be written for another reason (no memory, a fault of the disk) stops alone and is opened and tried
 * again, later each time; queries on it answer UNAVAILABLE. A view whose apply contradicts a record stops for good;
 * queries on it answer CORRUPT.
 *
 * A slice costs a commit in every view, so a few new records are left to become more for gather_ms, unless a query
 * waits for them.
 *
 * Queries run on a pool of reader threads. A query that asks for a later position than the views reflect is
 * set aside, without holding a thread, until they do (or STALE; at once, when a view that it reads is behind for want of
 * room). A query that needs a view as it once stood has it
 * replayed in slices, between which other queries run; one such query at a time, the others wait without a thread. A
 * query that nobody waits for any more (work_item.unwanted) ends at its next slice, and when it waits within a second.
 */
#ifndef SERVER_VIEWS_RUNNER_H
#define SERVER_VIEWS_RUNNER_H

#include "server/ports/clock.h"
#include "server/ports/work.h"
#include "server/views/view.h"

/* Where environments live; server/app gives it over server/store (sealed), tests over memory. Called from the
 * runner's thread and from runner_open only. */
struct view_store {
    void *context;
    /* Opens environment `name`, makes it when absent. Tables are those of the view. */
    enum status (*open)(void *context, const char *name, const struct kv_table *tables, unsigned table_count,
                        struct kv **out, struct fault *why);
    enum status (*remove)(void *context, const char *name); /* closed; absent is fine */
    /* Both closed, `to` absent. Durable on OK. */
    enum status (*rename)(void *context, const char *from, const char *to);
    /* Whether the disk has this much room. NULL: it always has. */
    bool (*room)(void *context, uint64_t bytes);
};

enum view_state {
    VIEW_BUILDING,
    VIEW_READY,
    VIEW_FAILED,
    VIEW_BEHIND /* no room to go on: answers as of its last position */
};

/* Hooks for metrics; any may be NULL. Cheap, never call back into the runner. Called from the runner's thread
 * (view) and from reader threads (query). */
struct runner_hooks {
    void *context;
    void (*view)(void *context, enum view_id id, enum view_state state, uint64_t position);
    void (*slice)(void *context, uint64_t records, int64_t took_us);
    void (*query)(void *context, const struct method *method, enum status status, int64_t took_us);
};

/* 0 in a number means the default given. All borrowed for the runner's life. */
struct runner_config {
    struct log *log;
    struct view_store store;
    const struct clock *clock;
    bool distrust_environments; /* after a power cut: drop every environment and build it again */

    unsigned reader_threads; /* 2 */
    size_t queries_max;      /* 4096: queries that wait, in all */
    uint32_t slice_records;  /* 65536: records of one transaction, when so many wait */
    uint32_t slice_ms;       /* 100: most time that applying them takes */
    uint32_t gather_ms; /* 200: so long a few new records may lie before a slice is made of them, see above */
    uint32_t gather_records;    /* 8192: so many are not a few */
    uint32_t wait_max_ms;       /* 10000: longest wait for at_least_position when the item has no deadline */
    size_t query_memory_bytes;  /* 8 MiB: arena of one step */
    size_t report_memory_bytes; /* 64 MiB: rows of one report */
    size_t
        report_memory_total_bytes; /* 512 MiB, at least the above: rows of all reports that are being read; besides,
                                         each reader thread may be making one */
    size_t replay_memory_bytes; /* 256 MiB: all replays for "as known at" that are made or kept, together */
    uint32_t
        retry_ms; /* 1000: a view that failed is tried again; then twice as late each time, up to 64 times */
    uint32_t replay_idle_ms; /* 60000: replays that nobody asked for in this time are dropped */

    void *context; /* of the two below, called from reader threads */
    /* Rights of a user now. UNAUTHENTICATED when there is no such active user. */
    enum status (*rights)(void *context, uint32_t user, struct rights *out);
    enum status (*checkpoint)(void *context,
                              struct view_checkpoint *out); /* NULL: Log.Checkpoint is UNAVAILABLE */
    struct runner_hooks hooks;
};

struct runner;

/* Opens every environment and starts the threads; does not wait for the views to catch up. */
enum status runner_open(const struct runner_config *config, struct runner **out, struct fault *why) MUST_USE;

/* The log has records up to `position`. Any thread; cheap. */
void runner_notify(struct runner *runner, uint64_t position);

/* Where METHOD_QUERY items go. */
struct work_sink *runner_queries(struct runner *runner);

/* The smallest cursor of the views that can be asked. */
uint64_t runner_position(struct runner *runner);
void runner_view(struct runner *runner, enum view_id id, enum view_state *out_state, uint64_t *out_position);
size_t runner_queue_depth(struct runner *runner);
uint64_t runner_report_bytes(struct runner *runner); /* rows of reports that are being read */
uint64_t runner_replay_bytes(struct runner *runner); /* of what is kept for "as known at" */

/* Waits until every view that has not failed reflects `position` and is in its place; false after timeout_ms.
 */
bool runner_wait(struct runner *runner, uint64_t position, uint32_t timeout_ms);

/* Answers what waits (UNAVAILABLE), stops the threads, syncs and closes every environment. Any status but OK:
 * do not mark the stop as clean. NULL is fine. Items' cursors must have been freed. */
enum status runner_close(struct runner *runner);

#endif
