/*
 * Where net meets writer and views: work items and their completions. net never includes writer or views; app wires
 * the two functions below.
 *
 * A work item is made by the loop thread, filled, and handed over with work_sink.submit; from then on it belongs to
 * the other side, until that side calls item->done exactly once (from its own thread). `done` must only queue the
 * item for the loop and wake it. The item's arena holds the request; answers are built in it too.
 */
#ifndef SERVER_PORTS_WORK_H
#define SERVER_PORTS_WORK_H

#include "proto/base/date.h"
#include "proto/base/ident.h"
#include "proto/base/slice.h"
#include "proto/base/status.h"
#include "server/ports/clock.h"

struct arena;
struct method; /* server/domain/domain.h */

/* Who asks: copied into the item when it is made. */
struct actor {
    uint32_t user;    /* 0 = not logged in */
    uint64_t session; /* position of SessionOpened; 0 = none */
    char address[64]; /* peer address and port as text */
    char agent[104];  /* client program, from Hello */
    char device[104]; /* device name, from Hello */
};

/* One command or query within a request and, afterwards, its answer. */
struct work_part {
    struct command_id command_id;
    struct slice body; /* request message bytes, in the item's arena */
    uint64_t
        content; /* commands: content_digest (server/base/content.h); 0 = the writer computes it. server/access
                               sets it when it replaces the body of a command that carries a password */
    enum status status;  /* answer: OK or fault.status */
    struct slice answer; /* response message bytes, in the item's arena (or static) */
    struct fault *fault; /* NULL when OK; in the arena */
};

struct work_item {
    const struct method *method;
    struct actor actor;
    struct arena *arena;
    struct work_part *parts; /* part_count of them, in the arena */
    size_t part_count;
    uint64_t at_least_position; /* queries: wait until the views reflect it; 0 = whatever is there */
    monotonic_us deadline;      /* 0 = none: past it, answer DEADLINE instead of starting */
    uint64_t position;          /* answer: log position that it reflects */
    /* Set by the loop while another has the item: nobody waits for the answer any more. A query may then end, at once
     * or at its next slice, with CANCELLED; a command is done all the same. */
    _Atomic bool unwanted;

    /* Streams: an item whose method streams is submitted again for each further step, until `stream_more` is
     * false. A step replaces parts and part_count: 0 to parts_max parts of the stream, in order; none with
     * stream_more set means "nothing yet, ask again"; a part whose status is not OK is the last. From the
     * first step on the query side keeps the request itself and owns the parts and their answers: they are
     * valid until the next submit or cursor_free, whichever is first. The loop calls cursor_free once when
     * the request ends, for whatever reason. */
    uint32_t parts_max; /* credit left: most parts of one step; 0 counts as 1 */
    void *cursor;
    void (*cursor_free)(void *cursor);
    bool stream_more;

    bool
        from_server; /* the server's own command: the only kind that may have user 0 or a METHOD_INTERNAL method.
                           net never sets it */
    bool actor_changed; /* log-in, log-out: `actor` is who the connection is from now on */

    void (*done)(struct work_item *item); /* set by net */
    void *owner;                          /* net's */
    struct work_item *next;               /* queue link of whoever holds it */
};

/* Three of these: commands go to the writer, queries to the reader pool, METHOD_ACCESS to the access worker. BUSY when
 * its bounded queue is full (the item still belongs to the caller then). Any thread. */
struct work_sink {
    enum status (*submit)(struct work_sink *sink, struct work_item *item);
    /* May be NULL. Does the item at once, on the caller's thread, if nothing else is being done or waits; `done` is
     * called before it returns then. False: not begun, and to be submitted. Saves the way to another thread and back;
     * the caller is busy as long as a commit takes. */
    bool (*run_here)(struct work_sink *sink, struct work_item *item);
};

#endif
