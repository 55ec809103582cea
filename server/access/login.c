#include "server/access/login.h"

#include <stdlib.h>

#include "envelope.pb-c.h"
#include "people.pb-c.h"
#include "proto/base/bug.h"
#include "server/access/worker.h"
#include "server/base/diag.h"
#include "server/domain/people/user_row.h"

#define SECOND_US      INT64_C(1000000)
#define SWEEP_EVERY_US (5 * SECOND_US)
#define WRONG_LOGIN    "the e-mail or the password is wrong, or this user is locked or not active"

/* A log-in by certificate: its one body is the fingerprint. Not in domain_capabilities: no peer can name it. */
static const struct method certificate_method = {.name = "Login.ByCertificate",
                                                 .kind = METHOD_ACCESS,
                                                 .request = &daftari__v1__log_in__descriptor,
                                                 .response = &daftari__v1__session__descriptor};

/* ---- opening a session --------------------------------------------------------------------------------------------------- */

/* Makes Session and the new actor of the outer item. */
static enum status session_answer(struct work_item *item, const char *email, uint32_t user, uint64_t session,
                                  timestamp_us expires, uint32_t idle_s, uint8_t *token)
{
    Daftari__V1__Session answer = DAFTARI__V1__SESSION__INIT;
    answer.email = (char *)(uintptr_t)email;
    answer.has_session = answer.has_expires_time_us = answer.has_idle_seconds = true;
    answer.session = session;
    answer.expires_time_us = expires;
    answer.idle_seconds = idle_s;
    if (token != NULL) {
        answer.has_token = true;
        answer.token = (ProtobufCBinaryData){.len = ACCESS_TOKEN_BYTES, .data = token};
    }
    enum status status = part_answer(item, &item->parts[0], &answer.base);
    if (status != STATUS_OK)
        return status;
    item->actor.user = user;
    item->actor.session = session;
    item->actor_changed = true;
    return STATUS_OK;
}

static void session_opened(struct errand *errand)
{
    struct work_item *outer = errand->outer;
    struct work_part *part = &outer->parts[0];
    struct fault fault = {0};
    if (part->status ==
        STATUS_REFUSED) { /* locked or put out of use meanwhile: no other answer than to anybody */
        (void)fault_set(&fault, STATUS_UNAUTHENTICATED, NULL, "%s", WRONG_LOGIN);
        part_fail(outer, part, &fault);
    }
    if (part->status != STATUS_OK)
        return;
    Daftari__V1__Recorded *recorded =
        daftari__v1__recorded__unpack(arena_allocator(outer->arena), part->answer.len, part->answer.ptr);
    enum status status = STATUS_NO_MEMORY;
    if (recorded != NULL)
        status = session_answer(outer, errand->email, errand->user, recorded->position, errand->expires,
                                access_idle_s(errand->login->config.access),
                                errand->has_token ? errand->token : NULL);
    if (status != STATUS_OK) {
        (void)fault_set(&fault, status, NULL, "the answer is too large");
        part_fail(outer, part, &fault);
    }
}

static void open_session(struct login *login, struct work_item *item, const struct access_user *user,
                         bool token)
{
    struct fault fault = {0};
    uint8_t digest[SECRET_DIGEST_BYTES];
    struct errand *errand = errand_new(login, item, login->open_session, 1);
    if (errand == NULL) {
        (void)fault_set(&fault, STATUS_NO_MEMORY, NULL, "the request is too large");
        item_fail(item, &fault);
        return;
    }
    errand->item.actor.user = user->user;
    errand->item.actor.session = 0;
    errand->finish = session_opened;
    errand->user = user->user;
    errand->expires =
        clock_wall(login->config.clock) + (int64_t)access_lifetime_s(login->config.access) * SECOND_US;
    memcpy(errand->email, user->email, sizeof errand->email);

    Daftari__V1__SessionOpened opened = DAFTARI__V1__SESSION_OPENED__INIT;
    opened.has_user = opened.has_expires_time_us = true;
    opened.user = user->user;
    opened.expires_time_us = errand->expires;
    opened.address = item->actor.address;
    opened.agent = item->actor.agent;
    opened.device = item->actor.device;
    opened.means = (char *)(uintptr_t)(token ? "password" : "certificate");
    enum status status = STATUS_OK;
    if (token) {
        status = entropy_fill(login->config.entropy, errand->token, sizeof errand->token);
        secret_digest(slice_of(errand->token, sizeof errand->token), digest);
        errand->has_token = true;
        opened.has_token_hash = true;
        opened.token_hash = (ProtobufCBinaryData){.len = sizeof digest, .data = digest};
    }
    if (status == STATUS_OK)
        status = errand_add(errand, 0, &opened.base, slice_of(NULL, 0), &fault);
    if (status != STATUS_OK) {
        (void)fault_set(&fault, status, NULL, "no session can be opened now");
        item_fail(item, &fault);
        return;
    }
    errand_send(errand);
}

/* ---- Login.LogIn ----------------------------------------------------------------------------------------------------------- */

static void refuse(struct work_item *item, enum status status, const char *text)
{
    struct fault fault = {0};
    (void)fault_set(&fault, status, NULL, "%s", text);
    item_fail(item, &fault);
}

/* The same work and the same answer whether the user exists or not. */
static void log_in(struct login *login, struct work_item *item)
{
    struct access *access = login->config.access;
    struct access_user user = {0};
    struct fault fault = {0};
    ProtobufCMessage *message;
    char email[EMAIL_TEXT_MAX + 1];
    enum status status = part_unpack(item, &item->parts[0], &message, &fault);
    body_wipe(&item->parts[0]);
    if (status != STATUS_OK) {
        item_fail(item, &fault);
        return;
    }
    Daftari__V1__LogIn *request = (Daftari__V1__LogIn *)message;
    size_t len = request->password != NULL ? strlen(request->password) : 0;
    if (len > PASSWORD_BYTES_MAX || !email_normalise(request->email, email)) {
        refuse(item, STATUS_INVALID, "an e-mail and a password of at most 200 bytes");
        return;
    }
    status = access_try(access, email, &item->actor, &fault);
    if (status != STATUS_OK) {
        item_fail(item, &fault);
        return;
    }
    bool good = false, known = access_find_user(access, email, &user);
    bool has_password = known && user.has_password;
    status =
        secret_check(slice_of(request->password, len), has_password ? &user.verifier : &login->nobody, &good);
    if (len != 0)
        secret_wipe(request->password, len);
    secret_wipe(&user.verifier, sizeof user.verifier);
    if (status != STATUS_OK) {
        access_try_passed(access, email, 0, &item->actor);
        refuse(item, status, "the password cannot be checked now");
        return;
    }
    if (good && has_password && user.active && !user.locked) {
        access_try_passed(access, email, user.user, &item->actor);
        open_session(login, item, &user, true);
        return;
    }
    uint32_t failures;
    const char *reason = !known         ? "unknown e-mail"
                         : user.locked  ? "locked"
                         : !user.active ? "not active"
                                        : "wrong password";
    if (access_try_failed(access, known ? user.user : 0, &item->actor, reason, &failures))
        lock_user(login, user.user, failures);
    refuse(item, STATUS_UNAUTHENTICATED, WRONG_LOGIN);
}

/* ---- log-in by certificate --------------------------------------------------------------------------------------------------- */

enum status login_by_certificate(struct login *login, const uint8_t fingerprint[ACCESS_FINGERPRINT_BYTES],
                                 struct work_item *item)
{
    if (access_user_by_certificate(login->config.access, fingerprint) == 0) {
        access_count_refusal(login->config.access, 0, &item->actor, "unknown certificate");
        return STATUS_UNAUTHENTICATED;
    }
    struct work_part *part = arena_take_zero(item->arena, sizeof *part);
    if (part == NULL ||
        !arena_copy(item->arena, slice_of(fingerprint, ACCESS_FINGERPRINT_BYTES), &part->body))
        return STATUS_NO_MEMORY;
    item->method = &certificate_method;
    item->parts = part;
    item->part_count = 1;
    return STATUS_OK;
}

static void log_in_by_certificate(struct login *login, struct work_item *item)
{
    struct access *access = login->config.access;
    struct access_session session;
    struct access_user user;
    uint32_t number = access_user_by_certificate(access, item->parts[0].body.ptr);
    if (number == 0 || !access_get_user(access, number, &user)) {
        refuse(item, STATUS_UNAUTHENTICATED, "this certificate is nobody's");
        return;
    }
    if (!access_session_by_certificate(access, number, &item->actor, &session)) {
        open_session(login, item, &user, false);
        return;
    }
    if (session_answer(item, session.email, number, session.session, session.expires, session.idle_s, NULL) !=
        STATUS_OK)
        refuse(item, STATUS_NO_MEMORY, "the answer is too large");
    else
        item->done(item);
}

/* ---- Login.LogOut and Login.WhoAmI --------------------------------------------------------------------------------------------- */

static void logged_out(struct errand *errand)
{
    struct work_item *outer = errand->outer;
    if (outer->parts[0].status != STATUS_OK)
        return;
    outer->actor.user = 0;
    outer->actor.session = 0;
    outer->actor_changed = true;
}

static void log_out(struct login *login, struct work_item *item)
{
    struct fault fault = {0};
    ProtobufCMessage *message;
    Daftari__V1__CloseSession close = DAFTARI__V1__CLOSE_SESSION__INIT;
    struct errand *errand = errand_new(login, item, login->close_session, 1);
    enum status status = part_unpack(item, &item->parts[0], &message, &fault);
    if (status == STATUS_OK && errand == NULL)
        status = fault_set(&fault, STATUS_NO_MEMORY, NULL, "the request is too large");
    if (status == STATUS_OK) {
        close.has_session = true;
        close.session = item->actor.session;
        errand->finish = logged_out;
        status = errand_add(errand, 0, &close.base, item->parts[0].body, &fault);
    }
    if (status != STATUS_OK)
        item_fail(item, &fault);
    else
        errand_send(errand);
}

/* Protobuf messages may be cut in two: the session's field follows the ready-made rest. */
static void who_am_i(struct login *login, struct work_item *item)
{
    Daftari__V1__Identity own = DAFTARI__V1__IDENTITY__INIT;
    struct slice rest, session;
    own.has_session = true;
    own.session = item->actor.session;
    uint8_t *at = NULL;
    if (access_identity(login->config.access, item->actor.user, item->arena, &rest) &&
        message_pack(&own.base, item->arena, &session))
        at = arena_take(item->arena, rest.len + session.len);
    if (at == NULL) {
        refuse(item, STATUS_NO_MEMORY, "the answer is too large");
        return;
    }
    memcpy(at, rest.ptr, rest.len);
    memcpy(at + rest.len, session.ptr, session.len);
    item->parts[0].status = STATUS_OK;
    item->parts[0].answer = slice_of(at, rest.len + session.len);
    item->done(item);
}

/* ---- the worker ---------------------------------------------------------------------------------------------------------------- */

static bool is(const struct work_item *item, const char *name)
{
    return strcmp(item->method->name, name) == 0;
}

void login_run_one(struct login *login, struct work_item *item)
{
    struct fault fault = {0};
    if (item->deadline != 0 && clock_monotonic(login->config.clock) > item->deadline) {
        refuse(item, STATUS_DEADLINE, "not begun within the deadline");
        return;
    }
    bool many = is(item, "User.Create") || is(item, "User.SetPassword");
    if (item->part_count != 1 && !(many && item->part_count <= SECRETS_PER_REQUEST)) {
        (void)fault_set(&fault, STATUS_INVALID, "commands", "at most %u in one request",
                        many ? SECRETS_PER_REQUEST : 1);
        item_fail(item, &fault);
        return;
    }
    if (item->method == &certificate_method) {
        log_in_by_certificate(login, item);
        return;
    }
    /* It was allowed when it came in; it may have waited while that changed. */
    if (access_may(login->config.access, &item->actor, item->method, &fault) != STATUS_OK)
        item_fail(item, &fault);
    else if (is(item, "Login.LogIn"))
        log_in(login, item);
    else if (is(item, "Login.LogOut"))
        log_out(login, item);
    else if (is(item, "Login.WhoAmI"))
        who_am_i(login, item);
    else if (many)
        handle_credentials(login, item);
    else
        refuse(item, STATUS_UNKNOWN_METHOD, "there is no such method");
}

/* Costs a password hash. */
static bool has_password(const struct work_item *item)
{
    return is(item, "Login.LogIn") || is(item, "User.Create") || is(item, "User.SetPassword");
}

/* Takes a place among the passwords that wait. */
static bool password_waits(struct login *login)
{
    (void)pthread_mutex_lock(&login->lock);
    bool room = login->passwords < login->config.passwords_max;
    login->passwords += room;
    (void)pthread_mutex_unlock(&login->lock);
    return room;
}

static void password_begun(struct login *login)
{
    (void)pthread_mutex_lock(&login->lock);
    ASSERT(login->passwords > 0);
    login->passwords--;
    (void)pthread_mutex_unlock(&login->lock);
}

/* One thread at a time, and not before the last one is recorded. */
static bool sweep_due(struct login *login)
{
    monotonic_us now = clock_monotonic(login->config.clock);
    (void)pthread_mutex_lock(&login->lock);
    bool due = login->sweep_pending == 0 && now - login->swept_at >= SWEEP_EVERY_US;
    if (due)
        login->swept_at = now;
    (void)pthread_mutex_unlock(&login->lock);
    return due;
}

static void *worker_run(void *argument)
{
    struct login *login = argument;
    (void)pthread_setname_np(pthread_self(), "log-in");
    for (;;) {
        struct work_item *item = work_queue_take(login->queue, SECOND_US);
        if (item != NULL && has_password(item))
            password_begun(login);
        if (item != NULL)
            login_run_one(login, item);
        else if (work_queue_closed(login->queue))
            return NULL;
        if (sweep_due(login))
            login_sweep(login);
    }
}

static enum status submit(struct work_sink *sink, struct work_item *item)
{
    struct login *login = (struct login *)(void *)((char *)sink - offsetof(struct login, sink));
    bool password = has_password(item);
    if (password && !password_waits(login))
        return STATUS_BUSY;
    enum status status = work_queue_put(login->queue, item);
    if (status != STATUS_OK && password)
        password_begun(login);
    return status;
}

struct work_sink *login_sink(struct login *login)
{
    return &login->sink;
}

static bool find_methods(struct login *login)
{
    login->open_session = domain_method(slice_text("internal.OpenSession"));
    login->close_session = domain_method(slice_text("internal.CloseSession"));
    login->create_user = domain_method(slice_text("internal.CreateUser"));
    login->set_password = domain_method(slice_text("internal.SetPassword"));
    login->lock_user = domain_method(slice_text("internal.LockUser"));
    login->refuse_logins = domain_method(slice_text("internal.RefuseLogins"));
    login->use_session = domain_method(slice_text("internal.UseSession"));
    login->refuse_access = domain_method(slice_text("internal.RefuseAccess"));
    return login->open_session != NULL && login->close_session != NULL && login->create_user != NULL &&
           login->set_password != NULL && login->lock_user != NULL && login->refuse_logins != NULL &&
           login->refuse_access != NULL && login->use_session != NULL;
}

enum status login_new(const struct login_config *config, struct login **out, struct fault *why)
{
    struct login *login = calloc(1, sizeof *login);
    if (login == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory for the access worker");
    login->config = *config;
    login->config.threads = config->threads != 0 ? config->threads : 1;
    if (login->config.threads > LOGIN_THREADS_MAX)
        login->config.threads = LOGIN_THREADS_MAX;
    login->sink.submit = submit;
    login->swept_at = clock_monotonic(config->clock);
    (void)pthread_mutex_init(&login->lock, NULL);
    (void)pthread_cond_init(&login->none_pending, NULL);
    login->config.passwords_max = config->passwords_max != 0 ? config->passwords_max : 64;
    login->queue = work_queue_new(config->queue_items_max != 0 ? config->queue_items_max : 4096);
    ASSERT(find_methods(login));
    enum status status = login->queue == NULL
                             ? STATUS_NO_MEMORY
                             : entropy_fill(config->entropy, &login->nobody, sizeof login->nobody);
    if (status != STATUS_OK) {
        login_free(login);
        return fault_set(why, status, NULL, "the access worker cannot be made");
    }
    *out = login;
    return STATUS_OK;
}

void login_free(struct login *login)
{
    if (login == NULL)
        return;
    ASSERT(login->started == 0 && login->pending == 0);
    work_queue_free(login->queue);
    (void)pthread_mutex_destroy(&login->lock);
    (void)pthread_cond_destroy(&login->none_pending);
    free(login);
}

enum status login_start(struct login *login)
{
    ASSERT(login->started == 0);
    for (unsigned i = 0; i < login->config.threads; i++) {
        if (pthread_create(&login->threads[i], NULL, worker_run, login) != 0)
            return login->started != 0 ? STATUS_OK : STATUS_NO_MEMORY;
        login->started++;
    }
    return STATUS_OK;
}

void login_stop(struct login *login)
{
    work_queue_close(login->queue);
    for (unsigned i = 0; i < login->started; i++)
        (void)pthread_join(login->threads[i], NULL);
    login->started = 0;
    sweep_send(login, true);
    (void)pthread_mutex_lock(&login->lock);
    while (login->pending != 0)
        (void)pthread_cond_wait(&login->none_pending, &login->lock);
    (void)pthread_mutex_unlock(&login->lock);
}
