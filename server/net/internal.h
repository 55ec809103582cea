/*
 * What the files of this folder share: the loop, a connection, a request. Everything here belongs to the loop thread
 * but the members of struct net that are marked atomic.
 *
 *   net.c      open, run, drain, free; completions from other threads; the tick
 *   conn.c     a connection's sockets, states, limits and back-pressure
 *   dispatch.c frames in: Hello, Request, Grant, Cancel
 *   request.c  a request's life: taken from the pool, handed to a sink, answered, given back
 *   count.c    metrics            scrape.c  the metrics page
 */
#ifndef SERVER_NET_INTERNAL_H
#define SERVER_NET_INTERNAL_H

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>

#include "server/net/buffer.h"
#include "server/net/envelope.h"
#include "server/net/net.h"
#include "server/net/tls.h"

#define FRAME_BEFORE_HELLO_MAX 4096u          /* payload bytes: a Hello */
#define FRAME_BEFORE_LOGIN_MAX (64u * 1024u)  /* until somebody is logged in */
#define READ_BYTES             (16u * 1024u)  /* a TLS record */
#define READ_TURN_BYTES        (256u * 1024u) /* from one connection in one turn, before others get theirs */
#define WRITE_TURN_BYTES       (1024u * 1024u)
#define BUFFER_KEEP_BYTES      (64u * 1024u) /* larger ones are given back when idle */
#define TICK_MS                50
#define WRITE_LEAST_BYTES      (32u * 1024u) /* that a peer must take in write_timeout_ms when so much waits */
#define LINGER_MS              1000          /* for the peer to read our Goodbye */
#define STREAM_CREDIT_DEFAULT  8u            /* envelope.proto, Request.credit */
#define STREAM_ASK_MIN_US      5000 /* a stream that had nothing is asked again after this, doubling */
#define STREAM_ASK_MAX_US      500000
#define STATUS_SLOTS           48 /* statuses that are sent are below this */

enum conn_state {
    CONN_HANDSHAKE,
    CONN_HELLO, /* waits for Hello */
    CONN_LOGIN, /* Hello read, a session is being opened for the certificate */
    CONN_OPEN,
    CONN_CLOSING, /* what waits is still written, nothing more is read */
    CONN_LINGER,  /* all written, we ended our side; the peer may still read */
    CONN_DEAD,    /* on the reap list */
};

struct request;

struct conn {
    struct net *net;
    struct conn *next, *previous; /* net->conns */
    struct conn *next_dirty;      /* net->dirty: has output, or may read on */
    struct conn *next_reaped;
    enum conn_state state;
    bool dirty;
    bool goodbye_said;
    bool paused;       /* reading is off since output is above its limit */
    bool readable;     /* the socket or libssl may have more for us */
    bool starved;      /* reading is off since large frames of others take the memory */
    bool write_wanted; /* the write event is set */
    bool big_used;     /* the input buffer was large since the last tick */
    int fd;
    SSL *ssl;
    struct event *read_event, *write_event;
    struct buffer in, out;
    struct actor actor;
    uint64_t seen_size;       /* from Hello */
    uint8_t address[16];      /* IPv4 as mapped, or the /64 of IPv6: for the limit per address */
    struct request *requests; /* all that it holds, newest first */
    struct request *ready_first, *ready_last; /* done, to be written when there is room */
    uint32_t held;                            /* requests in the list */
    uint32_t waiting;                         /* of them: streams in REQUEST_CREDIT */
    uint32_t unanswered;                      /* of them */
    monotonic_us state_since;                 /* this and the next three by net_peer_now */
    monotonic_us heard;                       /* last frame */
    monotonic_us frame_since;                 /* an incomplete frame waits since; 0 = none */
    monotonic_us write_since; /* output waits, and its rate is measured from here; 0 = none waits */
    uint64_t write_taken;     /* by the peer in all, at write_since */
};

enum request_state {
    REQUEST_FREE,
    REQUEST_FILLING, /* on the loop */
    REQUEST_AT_WORK, /* a sink has it */
    REQUEST_READY,   /* done; its answers wait for room in the output */
    REQUEST_CREDIT,  /* a stream that waits for Grant, or for room */
    REQUEST_PARKED,  /* a stream that waits for the log to grow, or for ask_at */
};

struct bad_part { /* refused before it got to a sink; in the request's arena, by index */
    struct bad_part *next;
    size_t index;
    struct fault fault;
};

struct request {
    struct work_item item; /* first: item->owner is not needed to get back */
    struct net *net;
    struct conn *conn;               /* NULL: it has gone; the answer is dropped */
    struct request *next, *previous; /* conn->requests; next alone: net->pool */
    struct request *next_ready;
    struct request *next_parked, *previous_parked;
    enum request_state state;
    bool answered;      /* the client has its end: what still comes is dropped */
    bool opens_session; /* made for a client certificate at Hello, not by the client */
    uint32_t user;      /* who asked: item.actor is the sink's while it is there */
    uint64_t id;
    const struct method *method; /* as asked; whoever works on it may put another into the item */
    size_t asked;                /* parts in the request; item.part_count of them were good */
    struct bad_part *bad, **bad_end;
    size_t body_bytes; /* counted in net->body_bytes */
    uint32_t credit;
    uint32_t deadline_ms;  /* as asked, within our limits */
    monotonic_us deadline; /* of this step; 0 = none */
    int64_t ask_after_us;
    monotonic_us ask_at;
    monotonic_us started;
};

struct method_count {
    const struct method *method;
    struct metric *answers[STATUS_SLOTS]; /* registered at first use, as is: */
    struct metric *seconds;
};

struct counts {
    struct metrics *metrics;
    struct method_count *methods; /* open addressing by pointer */
    size_t method_slots;          /* power of two, or 0 */
    struct metric *accepted, *handshakes, *handshakes_failed, *refused_total, *refused_address,
        *unknown_method;
    struct metric *timeouts, *protocol_errors, *bytes_in, *bytes_out, *busy;
};

struct net {
    struct net_config config; /* listen_address is not kept */
    struct net_wiring wiring;
    struct event_base *base;
    struct event *listen_event, *wake_event, *tick_event, *park_event;
    struct scrape *scrape; /* NULL: there is no page */
    int listen_fd, wake_fd;
    uint16_t port, metrics_port;
    SSL_CTX *tls;

    struct conn *conns;
    uint32_t conn_count;
    struct conn *dirty, *dead;
    struct request *all; /* config.items_max of them */
    struct request *pool;
    uint32_t taken; /* from the pool */
    uint32_t at_work;
    uint32_t alone; /* so many brief commands in a row came while nothing was at work */
    struct request
        *held; /* a command at work that is done here at the end of the turn, if still nothing else is */
    struct request *parked;
    struct arena *scratch; /* small messages; reset before each */
    uint64_t body_bytes;   /* of all requests */
    uint64_t input_bytes;  /* capacity of large input buffers */
    monotonic_us refused_said;
    uint64_t refused_unsaid;
    monotonic_us drain_until;
    bool draining, finished;
    pthread_t thread;     /* that runs the loop */
    bool runs_here;       /* that thread is doing the held command: its completion needs no wake-up */
    monotonic_us away_us; /* so long in all it was about held commands and heard nobody; of the long ones */
    struct counts counts;

    _Atomic bool drain_asked;
    _Atomic bool woken;
    _Atomic uint64_t log_position;
    _Atomic uint32_t parked_count;
    _Atomic(struct work_item *) done; /* newest first */
    _Atomic(SSL_CTX *) tls_next;
};

static inline monotonic_us net_now(const struct net *net)
{
    return clock_monotonic(net->wiring.clock);
}
/* The clock of what peers are given time for. It stands still while a slow disk keeps the loop from hearing them. */
static inline monotonic_us net_peer_now(const struct net *net)
{
    return net_now(net) - net->away_us;
}
void net_wake(struct net *net); /* any thread, signal handlers */

void completions_take(struct net *net); /* requests whose items are done go on */

/* conn.c */
void conn_accept(struct net *net, int fd, const void *peer /* struct sockaddr_storage */);
void conn_mark(struct conn *conn);    /* look at it before the turn ends */
void conn_turn(struct conn *conn);    /* write, ask, read on */
void conn_read_on(struct conn *conn); /* the session of a certificate is open */
void conn_tick(struct conn *conn);
void conn_goodbye(struct conn *conn, const char *text); /* says so, once */
void conn_refuse(struct conn *conn, const char *text);  /* Goodbye, then close when it is written */
void conn_close(struct conn *conn);                     /* at once; reaped at the end of the turn */
void conn_free(struct conn *conn);
bool conn_has_room(const struct conn *conn); /* output is below its limit */
void conn_send(struct conn *conn, unsigned kind,
               const ProtobufCMessage *message); /* closes when memory is short */

/* dispatch.c: one frame; may close the connection. */
struct frame;
void dispatch_frame(struct conn *conn, const struct frame *frame);
void dispatch_welcome(struct conn *conn, const Daftari__V1__Session *session);

/* request.c */
/* At the end of a turn: does the command that is held, or hands it over. False: there was none. */
bool request_held_run(struct net *net);
void request_take_in(struct conn *conn, const struct envelope_request *asked);
void request_open_session(struct conn *conn, const uint8_t fingerprint[NET_FINGERPRINT_BYTES]);
void request_done(struct request *request); /* back from its sink, on the loop */
void request_grant(struct conn *conn, uint64_t id, uint32_t parts);
void request_cancel(struct conn *conn, uint64_t id);
struct request *request_find(struct conn *conn, uint64_t id); /* unanswered ones */
void request_go_on(struct conn *conn);           /* the output has room: write what is ready, ask streams */
bool request_can_go_on(const struct conn *conn); /* would that do something? */
void request_unpark(struct net *net, bool log_grew);
void request_end(struct request *request, enum status status,
                 const char *text);           /* answers it now, whatever it does */
void request_forget(struct request *request); /* its connection has gone */
void request_deadlines(struct conn *conn, monotonic_us now);
void request_work_done(struct work_item *item); /* item->done: any thread */

/* count.c */
enum status counts_open(struct counts *counts, struct net *net) MUST_USE;
void counts_close(struct counts *counts);
void count_answer(struct counts *counts, const struct method *method, enum status status);
void count_request(struct counts *counts, const struct method *method, int64_t took_us);

/* scrape.c */
enum status scrape_open(struct net *net, struct fault *why) MUST_USE;
void scrape_tick(struct net *net);
void scrape_close(struct net *net);

#endif
