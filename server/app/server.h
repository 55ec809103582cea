/* The running server's parts and what ties them together. Private to server/app: serve.c starts and stops, wiring.c is
 * what one part calls of another, signals.c and gauges.c what they say. */
#ifndef SERVER_APP_SERVER_H
#define SERVER_APP_SERVER_H

#include <pthread.h>
#include <stdatomic.h>

#include "proto/record/note.h"
#include "server/access/login.h"
#include "server/app/exports.h"
#include "server/app/stores.h"
#include "server/base/metrics.h"
#include "server/net/net.h"
#include "server/views/runner.h"
#include "server/writer/writer.h"

#define EXIT_FATAL 3 /* a fault of storage or of our own: look at the log, check, restart */

struct server {
    const char *config_path;
    struct config *config;
    struct stores stores;
    struct metrics *metrics;
    struct access *access;
    struct writer *writer;
    struct login *login;
    struct runner *runner;
    struct exports exports; /* before the runner's queries */
    struct net *net;
    _Atomic(struct net *)
        told; /* the same once net and runner are both there: view threads tell it that the log grew */
    struct note_signer signer;
    char vkey[NOTE_VKEY_MAX];
    char books_name[NAME_TEXT_MAX + 1];
    char session_email[EMAIL_TEXT_MAX + 1]; /* of the last session taken up; loop thread */
    struct metric *commits, *records, *batch_records, *commit_time;
    struct metric *spent[WRITER_STAGES];
    struct metric *slice_records, *slice_time, *step_time;
    struct view_gauges {
        struct server *server;
        enum view_id id;
    } view_gauges[VIEW_COUNT]; /* what the gauges of one view are read with */
    pthread_t signals;
    bool signals_running;
};

/* wiring.c: the writer calls the first (its thread), net the second (loop thread), the runner the third (its threads). */
void wiring_writer(struct server *server, struct writer_hooks *out);
void wiring_net(struct server *server, struct net_wiring *out);
void wiring_runner(struct server *server, struct runner_config *out);

/* signals.c: TERM and INT drain (a second one ends at once), HUP reads certificates and log level again. */
void signals_block(void);       /* before any thread exists, so that all inherit it */
bool signals_stop_wanted(void); /* while they are blocked and nobody takes them: has TERM or INT come? */
enum status signals_start(struct server *server) MUST_USE;
void signals_stop(struct server *server); /* fine when never started */

/* gauges.c: what is read when the page of metrics is asked for (loop thread). */
void gauges_register(struct server *server);

#endif
