/* The directory's answers: who may, whose session, whose certificate. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/access/directory.h"
#include "server/domain/people/rights.h"

#include "people.pb-c.h"

#define SECOND_US       INT64_C(1000000)
#define REPORT_AGAIN_US (INT64_C(600) * SECOND_US)
#define THROTTLE_KEYS   4096u

/* ---- life ---------------------------------------------------------------------------------------------------------- */

static uint32_t or_default(uint32_t value, uint32_t preset)
{
    return value != 0 ? value : preset;
}

static struct access_config with_defaults(const struct access_config *given)
{
    struct access_config config = *given;
    config.idle_s = or_default(config.idle_s, 7200);
    config.lifetime_s = or_default(config.lifetime_s, 604800);
    config.tries_per_minute = or_default(config.tries_per_minute, 5);
    if (config.tries_per_minute_per_address == 0) { /* a household or an office behind one address */
        bool many = config.tries_per_minute > THROTTLE_LIMIT_MAX / 4;
        config.tries_per_minute_per_address = many ? THROTTLE_LIMIT_MAX : 4 * config.tries_per_minute;
    }
    config.lock_after = or_default(config.lock_after, 10);
    config.sessions_max = or_default(config.sessions_max, 16384);
    config.users_max = or_default(config.users_max, 16384);
    return config;
}

static bool make_room(struct access *access)
{
    const struct access_config *config = &access->config;
    access->arena = arena_new(4u << 20);
    access->users = calloc((size_t)config->users_max + 1, sizeof(struct user_entry *));
    access->failures = calloc((size_t)config->users_max + 1, sizeof(uint32_t));
    access->sessions = calloc(config->sessions_max, sizeof(struct session_entry *));
    access->session_pool = calloc(config->sessions_max, sizeof(struct session_entry));
    access->by_email = throttle_new(THROTTLE_KEYS, config->tries_per_minute);
    access->by_address = throttle_new(THROTTLE_KEYS, config->tries_per_minute_per_address);
    if (access->arena == NULL || access->users == NULL || access->failures == NULL ||
        access->sessions == NULL || access->session_pool == NULL || access->by_email == NULL ||
        access->by_address == NULL)
        return false;
    for (size_t i = 0; i < config->sessions_max; i++)
        access->sessions[i] = &access->session_pool[i];
    return true;
}

enum status access_new(const struct access_config *given, struct access **out, struct fault *why)
{
    struct access_config config = with_defaults(given);
    if (config.tries_per_minute > THROTTLE_LIMIT_MAX ||
        config.tries_per_minute_per_address > THROTTLE_LIMIT_MAX)
        return fault_set(why, STATUS_INVALID, "tries_per_minute", "at most %u", THROTTLE_LIMIT_MAX);
    struct access *access = calloc(1, sizeof *access);
    if (access == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory for the access directory");
    access->config = config;
    (void)pthread_rwlock_init(&access->lock, NULL);
    (void)pthread_mutex_init(&access->door, NULL);
    if (!make_room(access)) {
        access_free(access);
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory for the access directory");
    }
    enum status status = entropy_fill(config.entropy, access->seed, sizeof access->seed);
    if (status != STATUS_OK) {
        access_free(access);
        return fault_set(why, status, NULL, "no random bytes for the access directory");
    }
    *out = access;
    return STATUS_OK;
}

void access_free(struct access *access)
{
    if (access == NULL)
        return;
    if (access->users != NULL)
        for (size_t i = 0; i <= access->config.users_max; i++)
            free(access->users[i]);
    free(access->users);
    free(access->failures);
    free(access->certificates);
    free(access->sessions);
    free(access->session_pool);
    throttle_free(access->by_email);
    throttle_free(access->by_address);
    arena_free(access->arena);
    (void)pthread_rwlock_destroy(&access->lock);
    (void)pthread_mutex_destroy(&access->door);
    free(access);
}

uint32_t access_lifetime_s(const struct access *access)
{
    return access->config.lifetime_s;
}

uint32_t access_idle_s(const struct access *access)
{
    return access->config.idle_s;
}

/* ---- parts ----------------------------------------------------------------------------------------------------------- */

/* The entry of an open session, NULL when there is none. Under `lock`. */
static struct session_entry *session_find(struct access *access, uint64_t session)
{
    size_t low = 0, high = access->session_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (access->sessions[middle]->session == session)
            return access->sessions[middle];
        if (access->sessions[middle]->session > session)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static struct user_entry *user_find(struct access *access, uint32_t user)
{
    return user <= access->config.users_max ? access->users[user] : NULL;
}

void directory_host(const char *address, char out[HOST_TEXT_MAX])
{
    char host[HOST_TEXT_MAX];
    (void)snprintf(host, sizeof host, "%s", address[0] == '[' ? address + 1 : address);
    char *end = address[0] == '[' ? strchr(host, ']') : strchr(host, ':');
    if (end != NULL && (address[0] == '[' || strchr(end + 1, ':') == NULL))
        *end = '\0';
    struct in6_addr wide;
    char net[INET6_ADDRSTRLEN];
    if (inet_pton(AF_INET6, host, &wide) == 1) {
        memset(wide.s6_addr + 8, 0, 8);
        if (inet_ntop(AF_INET6, &wide, net, sizeof net) != NULL) {
            (void)snprintf(out, HOST_TEXT_MAX, "%s/64", net);
            return;
        }
    }
    (void)snprintf(out, HOST_TEXT_MAX, "%s", host);
}

/* Is this session good for a request now? Marks it as over when its time has come. Under `lock`. */
static bool session_good(struct access *access, struct session_entry *session)
{
    const struct access_config *config = &access->config;
    if (atomic_load_explicit(&session->over, memory_order_relaxed))
        return false;
    monotonic_us unused =
        clock_monotonic(config->clock) - atomic_load_explicit(&session->last_use, memory_order_relaxed);
    if (unused < (int64_t)config->idle_s * SECOND_US && clock_wall(config->clock) < session->expires)
        return true;
    atomic_store_explicit(&session->over, true, memory_order_relaxed);
    return false;
}

static void touch(struct access *access, struct session_entry *session)
{
    atomic_store_explicit(&session->last_use, clock_monotonic(access->config.clock), memory_order_relaxed);
}

static void describe(const struct access *access, const struct session_entry *session,
                     const struct user_entry *user, struct access_session *out)
{
    *out = (struct access_session){.session = session->session,
                                   .user = session->user,
                                   .expires = session->expires,
                                   .idle_s = access->config.idle_s};
    memcpy(out->email, user->user.email, sizeof out->email);
}

/* From another place than is on record? Under `lock`; takes `door`. */
static void note_place(struct access *access, struct session_entry *session, const struct actor *from)
{
    char host[SESSION_HOST_MAX];
    session_host(from->address, host);
    if (strcmp(session->address, host) == 0 && strcmp(session->agent, from->agent) == 0 &&
        strcmp(session->device, from->device) == 0)
        return;
    (void)pthread_mutex_lock(&access->door);
    session->moved = true;
    (void)snprintf(session->moved_address, sizeof session->moved_address, "%s", host);
    (void)snprintf(session->moved_agent, sizeof session->moved_agent, "%s", from->agent);
    (void)snprintf(session->moved_device, sizeof session->moved_device, "%s", from->device);
    (void)pthread_mutex_unlock(&access->door);
}

/* ---- deciding ---------------------------------------------------------------------------------------------------------- */

static enum status log_in_first(struct fault *why)
{
    return fault_set(why, STATUS_UNAUTHENTICATED, NULL, "log in first: there is no open session");
}

static enum status may(struct access *access, const struct actor *actor, const struct method *method,
                       struct fault *why)
{
    struct session_entry *session = actor->user != 0 ? session_find(access, actor->session) : NULL;
    struct user_entry *user = actor->user != 0 ? user_find(access, actor->user) : NULL;
    if (access->broken || session == NULL || user == NULL || session->user != actor->user ||
        !user->rights.active || !session_good(access, session))
        return log_in_first(why);
    touch(access, session);
    if (rights_allow(&user->rights, method->permission, method->level))
        return STATUS_OK;
    return rights_deny(method->name, NULL, method->permission, method->level, why);
}

enum status access_may(struct access *access, const struct actor *actor, const struct method *method,
                       struct fault *why)
{
    if (method->kind == METHOD_INTERNAL)
        return fault_set(why, STATUS_UNKNOWN_METHOD, NULL, "there is no such method");
    if (method->kind == METHOD_ACCESS && strcmp(method->name, "Login.LogIn") == 0)
        return STATUS_OK;
    (void)pthread_rwlock_rdlock(&access->lock);
    enum status status = may(access, actor, method, why);
    (void)pthread_rwlock_unlock(&access->lock);
    if (status == STATUS_DENIED)
        access_count_denial(access, actor, method->name);
    return status;
}

void access_rights(struct access *access, uint32_t user, struct rights *out)
{
    (void)pthread_rwlock_rdlock(&access->lock);
    const struct user_entry *entry = access->broken ? NULL : user_find(access, user);
    *out = entry != NULL ? entry->rights : (struct rights){0};
    (void)pthread_rwlock_unlock(&access->lock);
}

void access_count_denial(struct access *access, const struct actor *actor, const char *method)
{
    char host[HOST_TEXT_MAX];
    directory_host(actor->address, host);
    (void)pthread_mutex_lock(&access->door);
    tally_add(&access->tally, clock_wall(access->config.clock), ACCESS_REFUSED, actor->user, actor->session,
              host, method);
    (void)pthread_mutex_unlock(&access->door);
}

/* ---- sessions ------------------------------------------------------------------------------------------------------------ */

enum status access_session_by_token(struct access *access, struct slice token, const struct actor *from,
                                    struct access_session *out)
{
    uint8_t digest[SECRET_DIGEST_BYTES];
    enum status status = STATUS_UNAUTHENTICATED;
    if (token.len != ACCESS_TOKEN_BYTES)
        return status;
    secret_digest(token, digest);
    (void)pthread_rwlock_rdlock(&access->lock);
    for (size_t i = 0; i < access->session_count && !access->broken; i++) {
        struct session_entry *session = access->sessions[i];
        if (session->by_certificate || !secret_equal(session->token_hash, digest, sizeof digest))
            continue;
        const struct user_entry *user = user_find(access, session->user);
        if (user != NULL && user->rights.active && session_good(access, session)) {
            touch(access, session);
            note_place(access, session, from);
            describe(access, session, user, out);
            status = STATUS_OK;
        }
        break;
    }
    (void)pthread_rwlock_unlock(&access->lock);
    return status;
}

uint32_t access_user_by_certificate(struct access *access,
                                    const uint8_t fingerprint[ACCESS_FINGERPRINT_BYTES])
{
    uint32_t found = 0;
    (void)pthread_rwlock_rdlock(&access->lock);
    for (size_t i = 0; i < access->certificate_count && !access->broken; i++)
        if (secret_equal(access->certificates[i].fingerprint, fingerprint, ACCESS_FINGERPRINT_BYTES))
            found = access->certificates[i].user;
    const struct user_entry *user = user_find(access, found);
    if (user == NULL || !user->rights.active)
        found = 0;
    (void)pthread_rwlock_unlock(&access->lock);
    return found;
}

bool access_session_by_certificate(struct access *access, uint32_t user, const struct actor *from,
                                   struct access_session *out)
{
    char host[HOST_TEXT_MAX];
    bool found = false;
    directory_host(from->address, host);
    (void)pthread_rwlock_rdlock(&access->lock);
    const struct user_entry *entry = access->broken ? NULL : user_find(access, user);
    for (size_t i = 0; entry != NULL && i < access->session_count && !found; i++) {
        struct session_entry *session = access->sessions[i];
        if (session->user != user || !session->by_certificate || strcmp(session->host, host) != 0 ||
            strcmp(session->device, from->device) != 0 || !session_good(access, session))
            continue;
        touch(access, session);
        note_place(access, session, from);
        describe(access, session, entry, out);
        found = true;
    }
    (void)pthread_rwlock_unlock(&access->lock);
    return found;
}

/* ---- who --------------------------------------------------------------------------------------------------------------- */

bool access_get_user(struct access *access, uint32_t user, struct access_user *out)
{
    (void)pthread_rwlock_rdlock(&access->lock);
    const struct user_entry *entry = access->broken ? NULL : user_find(access, user);
    if (entry != NULL)
        *out = entry->user;
    (void)pthread_rwlock_unlock(&access->lock);
    return entry != NULL;
}

bool access_find_user(struct access *access, const char *email, struct access_user *out)
{
    bool found = false;
    (void)pthread_rwlock_rdlock(&access->lock);
    for (size_t i = 1; i <= access->config.users_max && !access->broken && !found; i++) {
        const struct user_entry *entry = access->users[i];
        if (entry == NULL || strcmp(entry->user.email, email) != 0)
            continue;
        *out = entry->user;
        found = true;
    }
    (void)pthread_rwlock_unlock(&access->lock);
    return found;
}

bool access_identity(struct access *access, uint32_t user, struct arena *arena, struct slice *out)
{
    bool copied = false;
    (void)pthread_rwlock_rdlock(&access->lock);
    const struct user_entry *entry = access->broken ? NULL : user_find(access, user);
    if (entry != NULL)
        copied = arena_copy(arena, slice_of(entry->identity, entry->identity_len), out);
    (void)pthread_rwlock_unlock(&access->lock);
    return copied;
}

/* ---- what ended by itself ------------------------------------------------------------------------------------------------ */

static size_t sweep_sessions(struct access *access, struct access_event *out, size_t max)
{
    size_t count = 0;
    monotonic_us now = clock_monotonic(access->config.clock);
    for (size_t i = 0; i < access->session_count && count < max; i++) {
        struct session_entry *session = access->sessions[i];
        if (session_good(access, session))
            continue;
        /* Handed out once; again only when no record came of it for long (the queue was full, say). */
        monotonic_us reported = atomic_load_explicit(&session->reported, memory_order_relaxed);
        if (reported != 0 && now - reported < REPORT_AGAIN_US)
            continue;
        atomic_store_explicit(&session->reported, now != 0 ? now : 1, memory_order_relaxed);
        out[count++] = (struct access_event){
            .kind = ACCESS_SESSION_OVER, .user = session->user, .session = session->session, .count = 1};
    }
    return count;
}

/* Under `lock` and `door`. Not handed out again before a minute is over, whether a record came of it or not: so nobody
 * fills the log by taking up his session here and there. */
static size_t sweep_moves(struct access *access, struct access_event *out, size_t max)
{
    size_t count = 0;
    monotonic_us now = clock_monotonic(access->config.clock);
    for (size_t i = 0; i < access->session_count && count < max; i++) {
        struct session_entry *session = access->sessions[i];
        if (!session->moved || !session_good(access, session) ||
            (session->moved_reported != 0 && now - session->moved_reported < 60 * SECOND_US))
            continue;
        session->moved = false;
        session->moved_reported = now != 0 ? now : 1;
        struct access_event *event = &out[count++];
        *event = (struct access_event){
            .kind = ACCESS_SESSION_MOVED, .user = session->user, .session = session->session, .count = 1};
        memcpy(event->address, session->moved_address, sizeof event->address);
        memcpy(event->agent, session->moved_agent, sizeof event->agent);
        memcpy(event->device, session->moved_device, sizeof event->device);
    }
    return count;
}

size_t access_sweep(struct access *access, bool all, struct access_event *out, size_t max)
{
    (void)pthread_mutex_lock(&access->door);
    size_t count = tally_take(&access->tally, clock_wall(access->config.clock), all, out, max);
    (void)pthread_mutex_unlock(&access->door);
    (void)pthread_rwlock_rdlock(&access->lock);
    count += sweep_sessions(access, out + count, max - count);
    (void)pthread_mutex_lock(&access->door);
    count += sweep_moves(access, out + count, max - count);
    (void)pthread_mutex_unlock(&access->door);
    (void)pthread_rwlock_unlock(&access->lock);
    return count;
}
