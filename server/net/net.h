/*
 * The network edge: one loop thread that accepts TLS connections, reads frames, checks who asks and whether
 * they may, hands work to the sinks and writes the answers (docs/protocol.md). It knows nothing of the
 * writer, the views and the access directory: app wires them in through the tables below.
 *
 * Threads: net_open, net_run, net_port and net_free on one thread (the loop thread). net_drain and
 * net_log_grew from any thread and from signal handlers; net_reload_tls from any thread. Everything in
 * net_wiring is called on the loop thread and must not block.
 */
#ifndef SERVER_NET_NET_H
#define SERVER_NET_NET_H

#include "envelope.pb-c.h"
#include "proto/wire/arena.h"
#include "server/base/metrics.h"
#include "server/domain/domain.h"
#include "server/ports/clock.h"
#include "server/ports/work.h"

struct net;

#define NET_FINGERPRINT_BYTES 32 /* SHA-256 of a client certificate in DER */

#define NET_PATH_MAX 1024 /* bytes with the NUL */

/* Files in PEM; certificate and key may stand in one. client_ca_file "" = client certificates are not asked for. */
struct net_tls {
    char certificate_file[NET_PATH_MAX]; /* the server's, with its chain */
    char key_file[NET_PATH_MAX];
    char client_ca_file[NET_PATH_MAX];
};

/* All limits are in the units of their names and must not be 0 unless that is said. Texts are copied. */
struct net_config {
    const char *listen_address; /* one numeric IPv4 or IPv6 address; "::" takes IPv4 too */
    uint16_t listen_port;       /* 0 = any free one, see net_port */
    uint16_t metrics_port;      /* on 127.0.0.1; 0 = none; see net_metrics_port */
    bool metrics_any_port;      /* take any free one instead, for tests */
    struct net_tls tls;

    uint32_t connections_max;
    uint32_t connections_per_address_max;
    uint32_t requests_open_max; /* in flight on one connection; also items that it may hold */
    uint32_t items_max;         /* requests in flight on all connections */
    uint32_t arena_bytes_max;   /* of one request: its bodies, parts and answers */
    uint64_t request_bytes_max; /* bodies of all requests in flight together */
    uint32_t output_bytes_max;  /* waiting on one connection: past it we neither read nor ask for more */

    uint32_t handshake_timeout_ms; /* from accept to the end of the TLS handshake */
    uint32_t hello_timeout_ms;     /* from there to a good Hello */
    uint32_t frame_timeout_ms;     /* to complete a frame once begun */
    uint32_t write_timeout_ms;     /* to take all that waits for it, or 32 KiB of it: then as long again */
    uint32_t idle_timeout_ms;      /* nothing open and nothing said */
    uint32_t request_deadline_ms;  /* when a request names none */
    uint32_t request_deadline_max_ms;
    uint32_t drain_ms; /* net_drain: open requests get this long */
};

/* Fills actor->user and actor->session of `actor` (whose address, agent and device are already there). */
struct net_auth {
    void *context;

    /* May this actor call this method at all? OK, UNAUTHENTICATED or DENIED. Also marks the session as used.
     * Asked for every request, before its bodies are looked at. */
    enum status (*may)(void *context, const struct actor *actor, const struct method *method,
                       struct fault *why);

    /* Take up an open session: fills actor->user, actor->session and *out (every field but the token; its
     * texts must stay valid until the next call on this table). UNAUTHENTICATED when the token is not (or no
     * longer) good. */
    enum status (*session_by_token)(void *context, struct slice token, struct actor *actor,
                                    Daftari__V1__Session *out);

    /* A verified client certificate was shown: make of `item` (whose arena and actor are set) the request
     * that opens a session for its owner, by setting method and the one part. It goes to the access sink and
     * is answered like LogIn: actor_changed, and a Session as answer. UNAUTHENTICATED when nobody has this
     * certificate. NULL = certificates open no sessions. */
    enum status (*session_by_certificate)(void *context, const uint8_t fingerprint[NET_FINGERPRINT_BYTES],
                                          struct work_item *item);

    /* The connection of this actor has ended (not a log-out: the token stays good). May be NULL. */
    void (*connection_ended)(void *context, const struct actor *actor);

    /* A request that `may` let pass was answered DENIED, since it is about a business or a user that is not this
     * actor's. May be NULL. */
    void (*denied)(void *context, const struct actor *actor, const struct method *method);
};

struct net_wiring {
    struct work_sink *commands; /* METHOD_COMMAND */
    struct work_sink *queries;  /* METHOD_QUERY */
    struct work_sink *access;   /* METHOD_ACCESS */
    struct net_auth auth;

    /* Fills books, checkpoint, consistency (from seen_size; empty when that is 0 or past our end) and log_key
     * of `out`; what it points to lives in `arena`. Anything but OK refuses the connection. */
    enum status (*welcome)(void *context, uint64_t seen_size, struct arena *arena, Daftari__V1__Welcome *out);
    void *welcome_context;

    const struct clock *clock;
    struct metrics *metrics; /* NULL = nothing is counted */
};

/* Listens at once (clients are queued by the kernel until net_run). INVALID: address, files or limits; IO:
 * the port is taken. */
enum status net_open(const struct net_config *config, const struct net_wiring *wiring, struct net **out,
                     struct fault *why) MUST_USE;

uint16_t net_port(const struct net *net);
uint16_t net_metrics_port(const struct net *net); /* 0 = none */

/* Serves until drained: every connection has ended and every sink has given back what it held (for which it waits
 * another drain_ms at most). */
void net_run(struct net *net);

/* Stop listening, say Goodbye, take no new requests, end every connection when its open requests are answered
 * or drain_ms is over; then net_run returns. Any thread, signal handlers, more than once. */
void net_drain(struct net *net);

/* The log now ends at `position`, and views (or whoever answers) show it: streams that wait are asked again.
 * Cheap. */
void net_log_grew(struct net *net, uint64_t position);

/* New certificate, key and client CA for the connections to come. When anything is wrong with them the old
 * stay. */
enum status net_reload_tls(struct net *net, const struct net_tls *tls, struct fault *why) MUST_USE;

/* After net_run, and after every sink has given back (done) every item it held. NULL is fine. */
void net_free(struct net *net);

#endif
