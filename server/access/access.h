/*
 * The access directory: who exists, what they may do, which sessions are open, who tries too often. Kept in memory,
 * loaded from core state at start and told of every record of people after its commit, so that a revocation acts at
 * once. Default deny: who is not found may nothing.
 *
 * Threads: access_new, access_load and access_free while nobody else uses it; access_note on the writer's thread
 * only; everything else on any thread. Nothing here blocks on I/O; locks are held for look-ups only.
 */
#ifndef SERVER_ACCESS_ACCESS_H
#define SERVER_ACCESS_ACCESS_H

#include "server/base/secret.h"
#include "server/domain/domain.h"
#include "server/ports/clock.h"
#include "server/ports/entropy.h"
#include "server/ports/work.h"

#define ACCESS_TOKEN_BYTES       32
#define ACCESS_FINGERPRINT_BYTES 32 /* SHA-256 of a certificate in DER */

struct access;

/* A field that is 0 takes the default. */
struct access_config {
    const struct clock *clock;
    const struct entropy *entropy;
    uint32_t idle_s;           /* a session ends after this long without a request: 7200 */
    uint32_t lifetime_s;       /* and after this long in any case: 604800 */
    uint32_t tries_per_minute; /* wrong passwords by user, further ones are not looked at: 5; at most 64 */
    uint32_t tries_per_minute_per_address; /* the same by peer address: four times that */
    uint32_t lock_after;                   /* wrong passwords in a row that lock the user: 10 */
    uint32_t sessions_max;                 /* open at once: 16384 */
    uint32_t users_max;                    /* 16384 */
};

enum status access_new(const struct access_config *config, struct access **out, struct fault *why) MUST_USE;
void access_free(struct access *access); /* NULL is fine */

/* Everything from core state. Sessions count as used at this moment. */
enum status access_load(struct access *access, struct kv_txn *state, struct fault *why) MUST_USE;

/* A record is durable; `state` is core state with it (later ones may be in it too). Cheap for records that are not
 * of people. Must be called before the record's command is answered. Returns not OK when the directory could not
 * follow (memory, unreadable state): it then denies everything, and the server should stop. */
enum status access_note(struct access *access, struct kv_txn *state, const struct record *record) MUST_USE;

/* ---- deciding ------------------------------------------------------------------------------------------------- */

/* May this actor call this method at all? OK, UNAUTHENTICATED (no user, or the session is closed, idle for too long or
 * past its end; or the user is not active), DENIED (counted). METHOD_INTERNAL is UNKNOWN_METHOD for everybody. Marks
 * the session as used. Businesses and amounts are for decide. */
enum status access_may(struct access *access, const struct actor *actor, const struct method *method,
                       struct fault *why);

/* Rights of a user at this moment; all zero when there is no such user. */
void access_rights(struct access *access, uint32_t user, struct rights *out);

/* A request that access_may let pass was answered DENIED by the worker, decide or a query: count it too. */
void access_count_denial(struct access *access, const struct actor *actor, const char *method);

/* ---- sessions -------------------------------------------------------------------------------------------------- */

struct access_session {
    uint64_t session;
    uint32_t user;
    timestamp_us expires;
    uint32_t idle_s;
    char email[EMAIL_TEXT_MAX + 1];
};

/* The open session of this token, taken up by `from`. UNAUTHENTICATED otherwise; the answer does not tell why. Counts as
 * use; from another place than it was used from last, access_sweep tells. */
enum status access_session_by_token(struct access *access, struct slice token, const struct actor *from,
                                    struct access_session *out) MUST_USE;

/* Whose certificate this is; 0 = nobody's, or that user is not active. */
uint32_t access_user_by_certificate(struct access *access,
                                    const uint8_t fingerprint[ACCESS_FINGERPRINT_BYTES]);

/* An open session that `user` opened by certificate from the same host and device, to be used again instead of
 * recording one more for each connection. */
bool access_session_by_certificate(struct access *access, uint32_t user, const struct actor *from,
                                   struct access_session *out);

/* ---- log-in, for login.c --------------------------------------------------------------------------------------- */

struct access_user {
    uint32_t user;
    bool active, locked, has_password;
    struct secret_verifier verifier;
    char email[EMAIL_TEXT_MAX + 1];
};

bool access_find_user(struct access *access, const char *email,
                      struct access_user *out); /* normalised e-mail */
bool access_get_user(struct access *access, uint32_t user, struct access_user *out);

/* Who a user is: packed Identity without `session`, copied to the arena. False when unknown or memory is short. */
bool access_identity(struct access *access, uint32_t user, struct arena *arena, struct slice *out);

/* Takes one try for this e-mail (known or not) and this address. UNAUTHENTICATED when either has none left in this
 * minute; the refusal is counted. To be followed by exactly one of the two below, which gives the try back or not. */
enum status access_try(struct access *access, const char *email, const struct actor *from,
                       struct fault *why) MUST_USE;
void access_try_passed(struct access *access, const char *email, uint32_t user, const struct actor *from);
/* `user` 0 = unknown. *out_failures: how many in a row. True when the user must be locked now. */
bool access_try_failed(struct access *access, uint32_t user, const struct actor *from, const char *why_text,
                       uint32_t *out_failures);

void access_count_refusal(struct access *access, uint32_t user, const struct actor *from,
                          const char *why_text);

uint32_t access_lifetime_s(const struct access *access);
uint32_t access_idle_s(const struct access *access);

/* ---- what the server has to record by itself ------------------------------------------------------------------- */

enum access_event_kind {
    ACCESS_LOGINS_REFUSED, /* internal.RefuseLogins */
    ACCESS_REFUSED,        /* internal.RefuseAccess */
    ACCESS_SESSION_OVER,   /* internal.CloseSession: idle or expired */
    ACCESS_SESSION_MOVED,  /* internal.UseSession: taken up from elsewhere */
};
struct access_event {
    enum access_event_kind kind;
    uint32_t user;
    uint64_t session;
    uint32_t count;
    char address[64];               /* host without port; "others" when there were too many to tell apart */
    char text[METHOD_NAME_MAX + 1]; /* why, or the method; "others" as above */
    char agent[104], device[104];   /* ACCESS_SESSION_MOVED */
};
/* Refusals of minutes that are over (of the present one too when `all`), sessions that have ended by themselves and
 * sessions taken up from elsewhere (each once a minute at most) since the last call, each handed out once, at most `max`. At most ACCESS_EVENTS_PER_MINUTE refusals come of one
 * minute, whatever is tried from outside. */
#define ACCESS_EVENTS_PER_MINUTE 66u
size_t access_sweep(struct access *access, bool all, struct access_event *out, size_t max);

#endif
