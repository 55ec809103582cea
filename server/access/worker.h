/*
 * The access worker's parts. Private to server/access.
 *
 * An errand is what the worker asks of the writer for the sake of a request: an inner item in the outer item's arena.
 * The outer item is completed on the writer's thread when the inner one is. A parcel is the server's own command,
 * with an arena of its own.
 */
#ifndef SERVER_ACCESS_WORKER_H
#define SERVER_ACCESS_WORKER_H

#include <pthread.h>

#include "server/access/login.h"
#include "server/base/work_queue.h"

#define LOGIN_THREADS_MAX   8u
#define SECRETS_PER_REQUEST 16u /* parts of one request that cost a password hash each */

struct login {
    struct login_config config;
    struct work_sink sink; /* first handed out; see login_sink */
    struct work_queue *queue;
    struct secret_verifier nobody; /* checked when there is no such user, so that it takes as long */
    const struct method *open_session, *close_session, *create_user, *set_password, *lock_user,
        *refuse_logins, *refuse_access, *use_session;
    pthread_t threads[LOGIN_THREADS_MAX];
    unsigned started;
    pthread_mutex_t lock;
    pthread_cond_t none_pending;
    size_t passwords;     /* requests with passwords that wait in the queue */
    size_t pending;       /* items the writer holds for us */
    size_t sweep_pending; /* of these, parcels of a sweep */
    monotonic_us swept_at;
};

struct errand {
    struct work_item item;
    struct login *login;
    struct work_item *outer;
    size_t *part_of;                       /* outer part of each inner part; NULL: all, in order */
    void (*finish)(struct errand *errand); /* fills what is left of the outer answer; may be NULL */
    uint8_t token[ACCESS_TOKEN_BYTES];
    bool has_token;
    char email[EMAIL_TEXT_MAX + 1];
    uint32_t user;
    timestamp_us expires;
};

/* Answers part of an item. */
void part_fail(struct work_item *item, struct work_part *part, const struct fault *fault);
enum status part_answer(struct work_item *item, struct work_part *part,
                        const ProtobufCMessage *message) MUST_USE;
void item_fail(struct work_item *item, const struct fault *fault); /* every part; completes it */
enum status part_unpack(const struct work_item *item, const struct work_part *part, ProtobufCMessage **out,
                        struct fault *why) MUST_USE;

/* A body that held a password, once it is unpacked. It is in the item's arena, so it is ours to write to. */
void body_wipe(const struct work_part *part);

/* An errand with room for `parts` inner parts, not yet sent; NULL when the arena is full. */
struct errand *errand_new(struct login *login, struct work_item *outer, const struct method *method,
                          size_t parts);
/* Adds the command that stands for `outer_part`; the content digest is that of `digest_body` under the outer method. */
enum status errand_add(struct errand *errand, size_t outer_part, const ProtobufCMessage *command,
                       struct slice digest_body, struct fault *why) MUST_USE;
void errand_send(struct errand *errand); /* completes the outer item, now or later */

/* Hands the server's own command to the writer and forgets it; best effort. */
void parcel_send(struct login *login, const struct method *method, const ProtobufCMessage *const *commands,
                 size_t count, bool of_sweep);
void lock_user(struct login *login, uint32_t user, uint32_t failures);

/* sweep.c: records what the directory summed up; with `all`, the present minute too. */
void sweep_send(struct login *login, bool all);

/* credentials.c: User.Create and User.SetPassword. */
void handle_credentials(struct login *login, struct work_item *item);

#endif
