/* Sessions: opened after a proof of identity, closed, revoked; and what was refused at the door. */
#include "server/domain/kernel/rows.h"
#include "server/domain/people/parts.h"

#include "type_ids.h"

#define SESSION_HEAD 12

/* All of the row but `info`, and the SessionOpened that it is to have. */
static void session_row_put(struct kv_txn *state, const struct session_row *row, struct slice info,
                            struct arena *arena)
{
    struct row_key key = row_key_u64(row->session);
    uint8_t *bytes = arena_take(arena, SESSION_HEAD + info.len);
    if (bytes == NULL) {
        kv_set_error(state, STATUS_NO_MEMORY);
        return;
    }
    be32_put(bytes, row->user);
    be64_put(bytes + 4, (uint64_t)row->opened);
    memcpy(bytes + SESSION_HEAD, info.ptr, info.len);
    kv_put(state, TABLE_SESSION, row_key_slice(&key), slice_of(bytes, SESSION_HEAD + info.len));
}

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
    const Daftari__V1__SessionOpened *opened = (const Daftari__V1__SessionOpened *)payload;
    const struct session_row row = {
        .session = record->header.position, .user = opened->user, .opened = record->header.time};
    session_row_put(state, &row, record->payload, arena);
}

/* ---- from where ------------------------------------------------------------------------------------------------- */

void session_host(const char *address, char out[SESSION_HOST_MAX])
{
    bool bracket = address[0] == '[';
    const char *from = bracket ? address + 1 : address;
    const char *end = strchr(from, bracket ? ']' : ':');
    if (end == NULL ||
        (!bracket && strchr(end + 1, ':') != NULL)) /* no port: an IPv6 address without brackets */
        end = from + strlen(from);
    size_t len = (size_t)(end - from);
    if (len >= SESSION_HOST_MAX)
        len = SESSION_HOST_MAX - 1;
    memcpy(out, from, len);
    out[len] = '\0';
}

/* Fields of SessionOpened, as stored. */
enum { OPENED_ADDRESS = 3, OPENED_AGENT = 4, OPENED_DEVICE = 5, OPENED_MEANS = 6 };

static bool stored_is(struct kv_txn *state, const struct session_row *row, uint32_t field, const char *text)
{
    return slice_equal(row_text_field(state, row->info, field), slice_text(text));
}

/* Is `host`, agent and device where this open session was used last? */
static bool place_is(struct kv_txn *state, const struct session_row *row, const char *host, const char *agent,
                     const char *device)
{
    char text[SESSION_HOST_MAX], last[SESSION_HOST_MAX];
    struct slice address = row_text_field(state, row->info, OPENED_ADDRESS);
    size_t len = address.len < sizeof text ? address.len : sizeof text - 1;
    memcpy(text, address.len != 0 ? address.ptr : (const uint8_t *)"", len);
    text[len] = '\0';
    session_host(text, last);
    return strcmp(last, host) == 0 && stored_is(state, row, OPENED_AGENT, agent) &&
           stored_is(state, row, OPENED_DEVICE, device);
}

bool domain_place_changed(const struct context *context, struct kv_txn *state, struct decision *out)
{
    struct session_row row;
    char host[SESSION_HOST_MAX];
    if (context->session == 0 || !session_row_get(state, context->session, &row))
        return false;
    session_host(context->address, host);
    if (place_is(state, &row, host, context->agent, context->device))
        return false;
    Daftari__V1__SessionUsedFrom used = DAFTARI__V1__SESSION_USED_FROM__INIT;
    struct slice payload;
    used.has_session = true;
    used.session = context->session;
    used.address = host;
    used.agent = (char *)(uintptr_t)context->agent;
    used.device = (char *)(uintptr_t)context->device;
    if (!message_pack(&used.base, context->arena, &payload)) {
        kv_set_error(state, STATUS_NO_MEMORY);
        return false;
    }
    decision_init(out, payload);
    out->type = EVENT_SESSION_USED_FROM;
    return true;
}

static const char *or_nothing(const char *text)
{
    return text != NULL ? text : "";
}

enum status decide_session_used(const struct context *context, struct kv_txn *state,
                                const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    (void)context;
    const Daftari__V1__SessionUsedFrom *request = (const Daftari__V1__SessionUsedFrom *)command;
    struct session_row row;
    char host[SESSION_HOST_MAX];
    if (!session_row_get(state, request->session, &row))
        return fault_refuse(why, REASON(SESSION_UNKNOWN), "session", "the number of an open session");
    session_host(or_nothing(request->address), host);
    /* accepted */
    out->type = EVENT_SESSION_USED_FROM;
    out->nothing_to_do = place_is(state, &row, host, or_nothing(request->agent), or_nothing(request->device));
    return STATUS_OK;
}

/* The row of an open session says where it was used last. */
void apply_session_used(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                        struct arena *arena)
{
    const Daftari__V1__SessionUsedFrom *used = (const Daftari__V1__SessionUsedFrom *)payload;
    struct session_row row;
    (void)record;
    if (!session_row_get(state, used->session, &row))
        return;
    struct session_row kept = row;
    Daftari__V1__SessionOpened *opened =
        row_message(state, row.info, &daftari__v1__session_opened__descriptor, arena);
    if (opened == NULL)
        return;
    opened->address = used->address;
    opened->agent = used->agent;
    opened->device = used->device;
    struct slice packed;
    if (message_pack(&opened->base, arena, &packed))
        session_row_put(state, &kept, packed, arena);
    else
        kv_set_error(state, STATUS_NO_MEMORY);
}

/* ---- closing ------------------------------------------------------------------------------------------------------- */

/* As stored, not unpacked: a user may have any number of sessions, and a record must not be without memory to apply. */
static bool by_certificate_only(struct kv_txn *state, const struct session_row *row)
{
    return stored_is(state, row, OPENED_MEANS, "certificate");
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
