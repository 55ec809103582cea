/* Sessions: opened after a proof of identity, closed, revoked; and what was refused at the door. */
#include "server/domain/kernel/rows.h"
#include "server/domain/people/parts.h"

#include "type_ids.h"

#define SESSION_HEAD 12

/* ---- opening ----------------------------------------------------------------------------------------------------- */

enum status decide_session_open(const struct context *context, struct kv_txn *state,
                                const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__SessionOpened *request = (const Daftari__V1__SessionOpened *)command;
    struct user_row row;
    if (!user_row_get(state, request->user, &row))
        return fault_refuse(why, REASON(USER_UNKNOWN), "user", "the number of a user");
    if ((row.flags & USER_ACTIVE) == 0)
        return fault_refuse(why, REASON(USER_INACTIVE), "user", "this user is not active");
    if ((row.flags & USER_LOCKED) != 0 && request->token_hash.len != 0)
        return fault_refuse(why, REASON(USER_LOCKED), "user", "this user is locked");
    if (request->expires_time_us <= context->now)
        return fault_set(why, STATUS_INVALID, "expires_time_us", "in the future");
    /* accepted */
    out->type = EVENT_SESSION_OPENED;
    return STATUS_OK;
}

void apply_session_opened(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                          struct arena *arena)
{
    const Daftari__V1__SessionOpened *session = (const Daftari__V1__SessionOpened *)payload;
    struct row_key key = row_key_u64(record->header.position);
    uint8_t *row = arena_take(arena, SESSION_HEAD + record->payload.len);
    if (row == NULL) {
        kv_set_error(state, STATUS_NO_MEMORY);
        return;
    }
    be32_put(row, session->user);
    be64_put(row + 4, (uint64_t)record->header.time);
    memcpy(row + SESSION_HEAD, record->payload.ptr, record->payload.len);
    kv_put(state, TABLE_SESSION, row_key_slice(&key), slice_of(row, SESSION_HEAD + record->payload.len));
}

/* ---- closing ------------------------------------------------------------------------------------------------------- */

/* As stored, not unpacked: a user may have any number of sessions, and a record must not be without memory to apply. */
static bool by_certificate_only(struct kv_txn *state, const struct session_row *row)
{
    enum { SESSION_OPENED_MEANS = 6 };
    return slice_equal(row_text_field(state, row->info, SESSION_OPENED_MEANS), slice_text("certificate"));
}

void sessions_end(struct kv_txn *state, uint32_t user, uint64_t keep, bool by_certificate)
{
    struct row_key at = row_key_u64(0);
    struct slice key, value;
    while (row_next(state, TABLE_SESSION, row_key_slice(&at), &key, &value)) {
        struct session_row row;
        if (!session_row_parse(key, value, &row)) {
            kv_set_error(state, STATUS_CORRUPT);
            return;
        }
        at = row_key_u64(row.session);
        if (row.user == user && row.session != keep && (!by_certificate || by_certificate_only(state, &row)))
            kv_del(state, TABLE_SESSION, row_key_slice(&at));
    }
}

/* Somebody else's sessions: for those who may change users, within their own rights. */
static enum status require_sessions_of(const struct context *context, struct kv_txn *state, uint32_t user,
                                       const char *field, struct fault *why)
{
    struct rights theirs;
    if (context->rights == NULL || user == context->user)
        return STATUS_OK;
    if (!rights_allow(context->rights, DAFTARI__V1__PERMISSION__USERS, PERMISSION_WRITE))
        return fault_set(why, STATUS_DENIED, field, "only your own sessions");
    rights_compute(state, user, &theirs);
    if (!rights_cover(context->rights, &theirs))
        return fault_refuse(why, REASON(CANNOT_GRANT_MORE), field,
                            "this user has rights that you do not have");
    return STATUS_OK;
}

enum status decide_session_close(const struct context *context, struct kv_txn *state,
                                 const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__CloseSession *request = (const Daftari__V1__CloseSession *)command;
    struct session_row row;
    uint64_t session = request->has_session ? request->session : context->session;
    if (!session_row_get(state, session, &row))
        return fault_refuse(why, REASON(SESSION_UNKNOWN), "session", "the number of an open session");
    enum status status = require_sessions_of(context, state, row.user, "session", why);
    if (status != STATUS_OK)
        return status;
    /* accepted */
    out->type = EVENT_SESSION_CLOSED;
    return STATUS_OK;
}

void apply_session_closed(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                          struct arena *arena)
{
    (void)arena;
    const Daftari__V1__CloseSession *request = (const Daftari__V1__CloseSession *)payload;
    struct row_key key = row_key_u64(request->has_session ? request->session : record->header.session);
    kv_del(state, TABLE_SESSION, row_key_slice(&key));
}

enum status decide_sessions_revoke(const struct context *context, struct kv_txn *state,
                                   const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__RevokeSessions *request = (const Daftari__V1__RevokeSessions *)command;
    uint32_t user = request->email != NULL ? user_by_email(state, request->email) : context->user;
    if (user == 0)
        return fault_refuse(why, REASON(USER_UNKNOWN), "email", "the e-mail of a user");
    enum status status = require_sessions_of(context, state, user, "email", why);
    if (status != STATUS_OK)
        return status;
    /* accepted */
    out->type = EVENT_SESSIONS_REVOKED;
    return STATUS_OK;
}

void apply_sessions_revoked(struct kv_txn *state, const struct record *record,
                            const ProtobufCMessage *payload, struct arena *arena)
{
    const Daftari__V1__RevokeSessions *request = (const Daftari__V1__RevokeSessions *)payload;
    uint32_t user = request->email != NULL ? user_by_email(state, request->email) : record->header.user;
    (void)arena;
    sessions_end(state, user, 0, false);
}

/* ---- what the server notes --------------------------------------------------------------------------------------- */

enum status decide_logins_refused(const struct context *context, struct kv_txn *state,
                                  const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    (void)context;
    (void)state;
    const Daftari__V1__LoginsRefused *request = (const Daftari__V1__LoginsRefused *)command;
    if (request->count == 0)
        return fault_set(why, STATUS_INVALID, "count", "at least 1");
    /* accepted */
    out->type = EVENT_LOGINS_REFUSED;
    return STATUS_OK;
}

enum status decide_access_refused(const struct context *context, struct kv_txn *state,
                                  const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    (void)context;
    (void)state;
    const Daftari__V1__AccessRefused *request = (const Daftari__V1__AccessRefused *)command;
    if (request->count == 0)
        return fault_set(why, STATUS_INVALID, "count", "at least 1");
    /* accepted */
    out->type = EVENT_ACCESS_REFUSED;
    return STATUS_OK;
}

enum status decide_data_exported(const struct context *context, struct kv_txn *state,
                                 const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    (void)context;
    (void)state;
    const Daftari__V1__DataExported *request = (const Daftari__V1__DataExported *)command;
    enum status status = text_check(request->what, "what", NAME_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = text_check(request->parameters, "parameters", DESCRIPTION_TEXT_MAX, false, why);
    if (status != STATUS_OK)
        return status;
    /* accepted */
    out->type = EVENT_DATA_EXPORTED;
    return STATUS_OK;
}
