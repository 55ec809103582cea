/*
 * The access directory and worker over books in memory, for tests: a writer that decides at once on the caller's
 * thread, a clock that the test sets, repeatable "random" bytes. Made with the built-in roles and one owner.
 */
#ifndef TESTS_SUPPORT_DOOR_H
#define TESTS_SUPPORT_DOOR_H

#include <pthread.h>
#include <stdatomic.h>

#include "server/access/login.h"

#define DOOR_OWNER    "owner@example.com"
#define DOOR_PASSWORD "correct horse battery"

struct door_clock {
    struct clock clock;
    _Atomic int64_t now_us; /* wall; monotonic is the same less a constant */
};
struct door_entropy {
    struct entropy entropy;
    _Atomic uint64_t next;
};

struct door {
    struct kv *state;
    struct door_clock clock;
    struct door_entropy entropy;
    struct access *access;
    struct login *login;
    struct work_sink writer;
    pthread_mutex_t lock; /* the writer is one at a time */
    struct arena *arena;
    struct decision *decision;
    uint8_t *record; /* the last record's bytes */
    size_t record_len;
    uint64_t position;
    uint64_t counts[256];    /* records by type */
    uint64_t refused_logins; /* sum of LoginsRefused.count */
    uint64_t refused_access;
    char leak[64]; /* when set: no record may contain it */
    bool leaked;
    bool busy; /* the writer takes nothing */
    /* A batch: records are told to the directory together, when core state is ahead of the first of them. */
    bool batching;
    struct {
        uint8_t *bytes;
        size_t len;
    } batch[64];
    size_t batch_count;
};

struct door *
door_new(const struct access_config *config); /* clock and entropy are filled in; NULL: defaults */
void door_free(struct door *door);
void door_pass(struct door *door, int64_t seconds); /* time goes by */
void door_end_batch(struct door *door);             /* tells the directory; `batching` ends */

/* A request and its answer. */
struct door_answer {
    enum status status;
    struct fault fault;
    struct actor actor; /* afterwards */
    bool actor_changed;
    uint64_t position; /* Recorded or Session */
    uint8_t token[ACCESS_TOKEN_BYTES];
    bool has_token;
    uint8_t body[8192];
    size_t body_len;
};
void door_ask(struct door *door, const struct actor *actor, const char *method,
              const ProtobufCMessage *message, struct door_answer *out);
/* The server's own command, straight to the writer. */
enum status door_command(struct door *door, const char *method, const ProtobufCMessage *message);
/* A command of somebody, straight to the writer (no password in it). */
enum status door_command_of(struct door *door, const struct actor *actor, const char *method,
                            const ProtobufCMessage *message, struct fault *why);

struct actor door_visitor(const char *address); /* not logged in */
void door_log_in(struct door *door, const struct actor *from, const char *email, const char *password,
                 struct door_answer *out);
/* By certificate, as net does it: login_by_certificate, then the sink. */
void door_show_certificate(struct door *door, const struct actor *from,
                           const uint8_t fingerprint[ACCESS_FINGERPRINT_BYTES], struct door_answer *out);
/* A user with these roles (NULL-ended) and a cheap way in: returns his number. */
uint32_t door_add_user(struct door *door, const char *email, const char *const *roles);

#endif
