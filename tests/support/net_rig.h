/* A network edge on a thread of its own, with sinks whose behaviour a test chooses, for tests/system/t_net*.c. */
#ifndef TESTS_SUPPORT_NET_RIG_H
#define TESTS_SUPPORT_NET_RIG_H

#include <pthread.h>
#include <stdatomic.h>

#include "server/app/pki.h"
#include "server/net/net.h"
#include "tests/support/scratch.h"
#include "tests/support/tls_client.h"

#define RIG_USER    7u
#define RIG_TOKEN   "a good token"
#define RIG_SESSION 42u

enum rig_mode {
    RIG_ANSWER, /* from another thread, at once */
    RIG_HOLD,   /* keep every item until rig_release */
    RIG_BUSY,   /* take nothing */
};

struct rig {
    char keys[SCRATCH_PATH_MAX];
    char ca_file[SCRATCH_PATH_MAX + 32], client_file[SCRATCH_PATH_MAX + 32];
    uint8_t client_fingerprint[NET_FINGERPRINT_BYTES];
    struct net_config config;
    int client_segment_bytes,
        client_receive_bytes; /* as in struct tls_client_options, for those that connect next */
    struct metrics *metrics;
    struct net *net;
    bool running;
    pthread_t loop, worker;
    struct work_sink sink; /* all three are this one */

    pthread_mutex_t lock; /* over the queue and all below */
    pthread_cond_t changed;
    struct work_item *first, *last;
    size_t held;
    bool stop;
    enum rig_mode mode;
    size_t answer_bytes;   /* of every answer's body */
    uint64_t stream_parts; /* then the stream ends, or waits: */
    bool stream_waits;
    uint64_t steps; /* of streams, in all */
    uint64_t submitted;
    uint64_t ran_here; /* done on the loop's thread */
    bool not_here;     /* that is refused */
    unsigned here_ms;  /* it takes so long there */
    uint64_t position;
    _Atomic int cursors;    /* open */
    _Atomic bool deny;      /* auth refuses everybody everything */
    _Atomic uint32_t ended; /* connections that were somebody's and are no more */
};

/* Limits that suit tests; then the caller may change rig->config before rig_start. */
void rig_init(struct rig *rig);
struct net_wiring rig_wiring(struct rig *rig);
void rig_start(struct rig *rig);
void rig_stop(struct rig *rig); /* drains, joins, frees */
void rig_done(struct rig *rig);
/* For cmocka: one that is not started, *state, and its end. */
int rig_set_up(void **state);
int rig_tear_down(void **state);

void rig_mode_set(struct rig *rig, enum rig_mode mode);
void rig_release(struct rig *rig); /* answers what is held, and holds no more */
void rig_wait_submitted(struct rig *rig, uint64_t count);
uint64_t rig_metric(struct rig *rig, const char *name, const char *labels); /* a counter's value */

/* A connection that has said Hello and been welcomed; logged in as RIG_USER when `token` is set. */
struct tls_client *rig_connect(struct rig *rig, bool token);
struct tls_client *rig_connect_raw(struct rig *rig); /* TLS done, nothing said */

struct rig_request {
    uint64_t id;
    const char *method;
    const uint8_t *body;
    size_t body_len;
    size_t count;     /* of commands; each gets a command id of its own */
    size_t bad_index; /* this one's command id is too short; >= count: none */
    bool query;       /* no command id */
    uint32_t credit, deadline_ms;
};
bool rig_send(struct tls_client *client, const struct rig_request *request);

/* The next Response; fails the test when none comes. Freed with daftari__v1__response__free_unpacked(r, NULL). */
Daftari__V1__Response *rig_response(struct tls_client *client);
/* One answer with `end` for `id`: its status. */
int rig_status(struct tls_client *client, uint64_t id);
/* A Goodbye that holds `text`, and then the end of the connection. */
void rig_expect_goodbye(struct tls_client *client, const char *text);
void rig_expect_closed(struct tls_client *client, int timeout_ms);

#endif
