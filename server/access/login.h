/*
 * The access worker: the methods that carry a secret or belong to the connection (METHOD_ACCESS). Threads of its own,
 * because a password check costs about a tenth of a second of processor and 32 MiB; a bounded queue in front, in which
 * requests with passwords have a bound of their own, since they are slow and the others are not. Passwords end here:
 * what goes on to the writer is a METHOD_INTERNAL command with a salted hash in their place.
 *
 *   Login.LogIn, LogOut, WhoAmI, User.Create, User.SetPassword, and log-in by certificate (login_by_certificate).
 *
 * It also records what the directory sums up (refused log-ins, denials, sessions that ended by themselves), each minute.
 */
#ifndef SERVER_ACCESS_LOGIN_H
#define SERVER_ACCESS_LOGIN_H

#include "server/access/access.h"

struct login;

struct login_config {
    struct access *access;
    struct work_sink *writer; /* takes METHOD_INTERNAL commands; calls access_note before it completes them */
    const struct clock *clock;
    const struct entropy *entropy;
    size_t passwords_max;   /* requests with passwords that wait, more are BUSY; 0: 64 */
    size_t queue_items_max; /* requests that wait, those among them; 0: 4096 */
    unsigned threads;       /* 0: 1 */
};

enum status login_new(const struct login_config *config, struct login **out, struct fault *why) MUST_USE;
enum status login_start(struct login *login) MUST_USE;
/* Finishes what waits, hands out the last sweep, waits for the writer's completions, joins. The writer must still
 * run. */
void login_stop(struct login *login);
void login_free(struct login *login);              /* NULL is fine; stopped */
struct work_sink *login_sink(struct login *login); /* any thread; METHOD_ACCESS items */

/* A verified client certificate: makes of `item` (arena and actor set) the request that opens a session for its owner;
 * submit it to login_sink. Answered like LogIn, without a token. UNAUTHENTICATED when it is nobody's. Any thread. */
enum status login_by_certificate(struct login *login, const uint8_t fingerprint[ACCESS_FINGERPRINT_BYTES],
                                 struct work_item *item) MUST_USE;

/* Without a thread, for tests: handles one item, or sweeps. */
void login_run_one(struct login *login, struct work_item *item);
void login_sweep(struct login *login);

#endif
