/*
 * A server for tests of the client: speaks frames over TLS on a free loopback port, and otherwise does what the test
 * tells it. One thread of its own, one connection after the other. It has a small log, whose checkpoints and proofs are
 * real, and which a test may let grow, shrink, fork or be signed by another key.
 */
#ifndef TESTS_SUPPORT_FAKE_SERVER_H
#define TESTS_SUPPORT_FAKE_SERVER_H

#include <pthread.h>
#include <stdatomic.h>

#include "envelope.pb-c.h"
#include "proto/record/note.h"
#include "proto/wire/frame.h"

#define FAKE_LEAVES_MAX 64

#define FAKE_POSITION 7u /* of every answer */

struct fake_server;

struct fake_connection {
    struct fake_server *server;
    unsigned number; /* from 1 */
    int fd;
    void *tls; /* SSL * */
    uint8_t *in;
    size_t in_len;
    Daftari__V1__Hello *hello;
};

/* Called for every connection after Hello and before Welcome is sent. Returns when the connection shall end. */
typedef void (*fake_serve)(struct fake_connection *connection, void *context);

struct fake_server {
    /* set by the test before fake_start, or while no connection is open */
    fake_serve serve;
    void *context;
    const char *alpn; /* NULL = daftari/1 */
    struct note_signer signer;
    struct hash leaves[FAKE_LEAVES_MAX];
    uint64_t size;

    char key_dir[256];
    char ca_file[300];
    char address[64]; /* "localhost:PORT" */
    int listener;
    void *tls_context;
    pthread_t thread;
    atomic_bool stop;
    atomic_uint connections;
};

void fake_start(struct fake_server *server, const char *scratch);
void fake_stop(struct fake_server *server);
void fake_log_key(const struct fake_server *server, char out[NOTE_VKEY_MAX]);

void fake_welcome(struct fake_connection *connection); /* with checkpoint and proof of the server's log */
/* The next request; grants and cancels are counted and skipped. NULL when the client is gone. Free with
 * daftari__v1__request__free_unpacked. */
Daftari__V1__Request *fake_request(struct fake_connection *connection, unsigned *granted,
                                   unsigned *cancelled);
void fake_send(struct fake_connection *connection, enum frame_kind kind, const ProtobufCMessage *message);
void fake_send_raw(struct fake_connection *connection, const void *bytes, size_t len);
/* An answer with this status to every command of the request; Recorded with rising positions when it is OK. */
void fake_answer(struct fake_connection *connection, const Daftari__V1__Request *request,
                 Daftari__V1__Status status);

#endif
