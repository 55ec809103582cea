/* How the directory follows core state: loaded at start, then record by record on the writer's thread. */
#include <stdio.h>
#include <stdlib.h>

#include "server/access/directory.h"

#include "people.pb-c.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/people/rights.h"
#include "server/domain/people/user_row.h"
#include "type_ids.h"

/* ---- users ------------------------------------------------------------------------------------------------------------ */

static void *message_new(struct arena *arena, const ProtobufCMessageDescriptor *type)
{
    ProtobufCMessage *message = arena_take(arena, type->sizeof_message);
    if (message != NULL)
        protobuf_c_message_init(type, message);
    return message;
}

static bool identity_permissions(struct arena *arena, const struct rights *rights, Daftari__V1__Identity *out)
{
    out->permissions = arena_take(arena, PERMISSIONS_MAX * sizeof(void *));
    if (out->permissions == NULL)
        return false;
    for (unsigned i = 1; i < PERMISSIONS_MAX; i++) {
        if (rights->level[i] == PERMISSION_NONE)
            continue;
        Daftari__V1__PermissionGrant *grant = message_new(arena, &daftari__v1__permission_grant__descriptor);
        if (grant == NULL)
            return false;
        grant->has_permission = grant->has_level = true;
        grant->permission = (Daftari__V1__Permission)i;
        grant->level = (Daftari__V1__Level)rights->level[i];
        out->permissions[out->n_permissions++] = grant;
    }
    return true;
}

static bool identity_access(struct arena *arena, struct kv_txn *state, const struct rights *rights,
                            Daftari__V1__Identity *out)
{
    out->access = arena_take(arena, BUSINESSES_MAX * sizeof(void *));
    if (out->access == NULL)
        return false;
    for (uint16_t business = 0; business < BUSINESSES_MAX; business++) {
        uint64_t bit = UINT64_C(1) << (business % 64);
        if ((rights->may_read[business / 64] & bit) == 0)
            continue;
        Daftari__V1__AccessInfo *info = message_new(arena, &daftari__v1__access_info__descriptor);
        const char *code = business_code_of(state, business, arena);
        char *text = code != NULL ? arena_text(arena, slice_text(code)) : NULL;
        if (info == NULL || text == NULL)
            return false;
        bool may_write = (rights->may_write[business / 64] & bit) != 0;
        info->business = text;
        info->has_level = true;
        bool may_admin = (rights->may_admin[business / 64] & bit) != 0;
        info->level = may_admin   ? DAFTARI__V1__LEVEL__ADMIN
                      : may_write ? DAFTARI__V1__LEVEL__WRITE
                                  : DAFTARI__V1__LEVEL__READ;
        out->access[out->n_access++] = info;
    }
    return true;
}

static bool identity_make(struct arena *arena, struct kv_txn *state, const Daftari__V1__UserCreated *info,
                          const struct rights *rights, struct slice *out)
{
    Daftari__V1__Identity identity = DAFTARI__V1__IDENTITY__INIT;
    identity.email = info->email;
    identity.first_name = info->first_name;
    identity.last_name = info->last_name;
    identity.n_roles = info->n_roles;
    identity.roles = info->roles;
    identity.has_every_business = true;
    identity.every_business = rights->every_business;
    return identity_permissions(arena, rights, &identity) &&
           identity_access(arena, state, rights, &identity) && message_pack(&identity.base, arena, out);
}

static bool fill_verifier(const Daftari__V1__UserCreated *info, struct access_user *out)
{
    if (info->password_salt.len != SECRET_SALT_BYTES || info->password_hash.len != SECRET_HASH_BYTES)
        return false;
    memcpy(out->verifier.salt, info->password_salt.data, SECRET_SALT_BYTES);
    memcpy(out->verifier.hash, info->password_hash.data, SECRET_HASH_BYTES);
    return true;
}

static struct user_entry *entry_make(struct access *access, struct kv_txn *state, uint32_t user)
{
    struct user_row row;
    struct rights rights;
    struct slice identity;
    if (!user_row_get(state, user, &row))
        return NULL;
    uint8_t flags = row.flags;
    Daftari__V1__UserCreated *info = user_row_info(state, &row, access->arena);
    if (info == NULL || info->email == NULL || strlen(info->email) > EMAIL_TEXT_MAX)
        return NULL;
    rights_compute(state, user, &rights);
    if (!identity_make(access->arena, state, info, &rights, &identity))
        return NULL;
    struct user_entry *entry = calloc(1, sizeof *entry + identity.len);
    if (entry == NULL)
        return NULL;
    entry->rights = rights;
    entry->user.user = user;
    entry->user.active = (flags & USER_ACTIVE) != 0;
    entry->user.locked = (flags & USER_LOCKED) != 0;
    entry->user.has_password = fill_verifier(info, &entry->user);
    memcpy(entry->user.email, info->email, strlen(info->email) + 1);
    entry->identity_len = identity.len;
    memcpy(entry->identity, identity.ptr, identity.len);
    return entry;
}

static bool user_load(struct access *access, struct kv_txn *state, uint32_t user)
{
    if (user == 0)
        return false;
    if (user > access->config.users_max)
        return true; /* beyond the limit: not known here, so he may nothing */
    arena_reset(access->arena);
    struct user_entry *fresh = entry_make(access, state, user);
    if (fresh == NULL)
        return false;
    (void)pthread_rwlock_wrlock(&access->lock);
    struct user_entry *old = access->users[user];
    access->users[user] = fresh;
    (void)pthread_rwlock_unlock(&access->lock);
    free(old);
    return true;
}

static bool users_load(struct access *access, struct kv_txn *state)
{
    struct row_key at = row_key_u32(0);
    struct slice key, value;
    while (row_next(state, TABLE_USER, row_key_slice(&at), &key, &value)) {
        uint32_t user = key.len == 4 ? be32_get(key.ptr) : 0;
        at = row_key_u32(user);
        if (!user_load(access, state, user))
            return false;
    }
    return kv_error(state) == STATUS_OK;
}

static void failures_forget(struct access *access, uint32_t user)
{
    (void)pthread_mutex_lock(&access->door);
    if (user <= access->config.users_max)
        access->failures[user] = 0;
    (void)pthread_mutex_unlock(&access->door);
}

/* ---- certificates ---------------------------------------------------------------------------------------------------- */

static bool certificates_grow(struct access *access, size_t count)
{
    if (count <= access->certificate_room)
        return true;
    size_t room = access->certificate_room != 0 ? 2 * access->certificate_room : 64;
    struct certificate_entry *more = realloc(access->certificates, room * sizeof *more);
    if (more == NULL)
        return false;
    access->certificates = more;
    access->certificate_room = room;
    return true;
}

static bool certificates_load(struct access *access, struct kv_txn *state)
{
    struct slice key = {0}, value;
    uint8_t at[ACCESS_FINGERPRINT_BYTES];
    bool good = true;
    (void)pthread_rwlock_wrlock(&access->lock);
    access->certificate_count = 0;
    while (good && row_next(state, TABLE_CERTIFICATE, key, &key, &value)) {
        good = key.len == sizeof at && value.len >= 4 &&
               certificates_grow(access, access->certificate_count + 1);
        if (!good)
            break;
        memcpy(at, key.ptr, sizeof at);
        struct certificate_entry *entry = &access->certificates[access->certificate_count++];
        memcpy(entry->fingerprint, at, sizeof at);
        entry->user = be32_get(value.ptr);
        key = slice_of(at, sizeof at);
    }
    (void)pthread_rwlock_unlock(&access->lock);
    return good && kv_error(state) == STATUS_OK;
}

/* ---- sessions ------------------------------------------------------------------------------------------------------------ */

/* Under `lock` for writing. The entry moves to the free end. */
static void session_remove(struct access *access, size_t index)
{
    struct session_entry *entry = access->sessions[index];
    size_t after = access->session_count - index - 1;
    memmove(&access->sessions[index], &access->sessions[index + 1], after * sizeof(struct session_entry *));
    access->sessions[--access->session_count] = entry;
    secret_wipe(entry->token_hash, sizeof entry->token_hash);
}

/* More than one user may hold: the one not used for longest takes no more requests and is reported. */
static void session_trim(struct access *access, uint32_t user)
{
    struct session_entry *oldest = NULL;
    size_t count = 0;
    for (size_t i = 0; i < access->session_count; i++) {
        struct session_entry *session = access->sessions[i];
        if (session->user != user || atomic_load_explicit(&session->over, memory_order_relaxed))
            continue;
        count++;
        if (oldest == NULL || atomic_load_explicit(&session->last_use, memory_order_relaxed) <
                                  atomic_load_explicit(&oldest->last_use, memory_order_relaxed))
            oldest = session;
    }
    if (count > SESSIONS_PER_USER_MAX && oldest != NULL)
        atomic_store_explicit(&oldest->over, true, memory_order_relaxed);
}

static const char *or_nothing(const char *text)
{
    return text != NULL ? text : "";
}

/* From where it was used last, as core state has it. Under `lock` for writing. */
static void session_place(struct session_entry *entry, const Daftari__V1__SessionOpened *info)
{
    directory_host(or_nothing(info->address), entry->host);
    session_host(or_nothing(info->address), entry->address);
    (void)snprintf(entry->device, sizeof entry->device, "%s", or_nothing(info->device));
    (void)snprintf(entry->agent, sizeof entry->agent, "%s", or_nothing(info->agent));
}

/* A session beyond sessions_max is left out: its token opens nothing. */
static bool session_add(struct access *access, struct kv_txn *state, const struct session_row *row)
{
    Daftari__V1__SessionOpened *info =
        row_message(state, row->info, &daftari__v1__session_opened__descriptor, access->arena);
    if (info == NULL)
        return false;
    bool by_certificate = info->means != NULL && strcmp(info->means, "certificate") == 0;
    if (!by_certificate && info->token_hash.len != SECRET_DIGEST_BYTES)
        return true;
    (void)pthread_rwlock_wrlock(&access->lock);
    size_t last = access->session_count;
    bool follows = last == 0 || access->sessions[last - 1]->session < row->session;
    if (follows && last < access->config.sessions_max) {
        struct session_entry *entry = access->sessions[last];
        memset(entry, 0, sizeof *entry);
        entry->session = row->session;
        entry->user = row->user;
        entry->by_certificate = by_certificate;
        entry->expires = info->expires_time_us;
        if (!by_certificate)
            memcpy(entry->token_hash, info->token_hash.data, SECRET_DIGEST_BYTES);
        session_place(entry, info);
        atomic_store_explicit(&entry->last_use, clock_monotonic(access->config.clock), memory_order_relaxed);
        access->session_count++;
        session_trim(access, row->user);
    }
    (void)pthread_rwlock_unlock(&access->lock);
    return true;
}

static bool session_load(struct access *access, struct kv_txn *state, uint64_t position)
{
    struct session_row row;
    arena_reset(access->arena);
    if (!session_row_get(state, position, &row))
        return kv_error(state) == STATUS_OK; /* opened and closed within one batch */
    return session_add(access, state, &row);
}

static bool sessions_load(struct access *access, struct kv_txn *state)
{
    struct row_key at = row_key_u64(0);
    struct slice key, value;
    while (row_next(state, TABLE_SESSION, row_key_slice(&at), &key, &value)) {
        struct session_row row;
        if (!session_row_parse(key, value, &row))
            return false;
        at = row_key_u64(row.session);
        arena_reset(access->arena);
        if (!session_add(access, state, &row))
            return false;
    }
    return kv_error(state) == STATUS_OK;
}

/* A record says from where a session is used. Core state may have a later one already: that one holds. */
static bool session_moved(struct access *access, struct kv_txn *state, const struct record *record)
{
    Daftari__V1__SessionUsedFrom *used =
        row_message(state, record->payload, &daftari__v1__session_used_from__descriptor, access->arena);
    struct session_row row;
    if (used == NULL)
        return false;
    if (!session_row_get(state, used->session, &row))
        return kv_error(state) == STATUS_OK; /* closed within the same batch */
    Daftari__V1__SessionOpened *info =
        row_message(state, row.info, &daftari__v1__session_opened__descriptor, access->arena);
    if (info == NULL)
        return false;
    (void)pthread_rwlock_wrlock(&access->lock);
    for (size_t i = 0; i < access->session_count; i++)
        if (access->sessions[i]->session == used->session)
            session_place(access->sessions[i], info);
    (void)pthread_rwlock_unlock(&access->lock);
    return true;
}

/* Drops every session that core state no longer has. */
static bool sessions_check(struct access *access, struct kv_txn *state)
{
    (void)pthread_rwlock_wrlock(&access->lock);
    for (size_t i = access->session_count; i-- != 0;) {
        struct session_row row;
        if (!session_row_get(state, access->sessions[i]->session, &row))
            session_remove(access, i);
    }
    (void)pthread_rwlock_unlock(&access->lock);
    return kv_error(state) == STATUS_OK;
}

/* ---- the two entrances --------------------------------------------------------------------------------------------------- */

enum status access_load(struct access *access, struct kv_txn *state, struct fault *why)
{
    if (users_load(access, state) && certificates_load(access, state) && sessions_load(access, state))
        return STATUS_OK;
    access->broken = true;
    enum status status = kv_error(state) != STATUS_OK ? kv_error(state) : STATUS_CORRUPT;
    return fault_set(why, status, NULL, "users and sessions cannot be read (users_max is %u)",
                     access->config.users_max);
}

enum change {
    CHANGE_USER = 1,
    CHANGE_EVERY_USER = 2,
    CHANGE_OPENED = 4,
    CHANGE_CLOSED = 8,
    CHANGE_CERTIFICATES = 16,
    CHANGE_FAILURES = 32,
    CHANGE_PLACE = 64
};

static unsigned change_of(uint16_t type)
{
    switch (type) {
    case EVENT_USER_CREATED:
    case EVENT_USER_CHANGED:
    case EVENT_USER_REACTIVATED:
    case EVENT_ROLES_ASSIGNED:
    case EVENT_USER_LOCKED:
    case EVENT_ACCESS_GRANTED:
    case EVENT_ACCESS_REVOKED:
        return CHANGE_USER;
    case EVENT_USER_UNLOCKED:
        return CHANGE_USER | CHANGE_FAILURES;
    case EVENT_PASSWORD_SET:
        return CHANGE_USER | CHANGE_FAILURES | CHANGE_CLOSED;
    case EVENT_USER_DEACTIVATED:
        return CHANGE_USER | CHANGE_CLOSED;
    case EVENT_ROLE_DEFINED:
    case EVENT_ROLE_DEACTIVATED:
        return CHANGE_EVERY_USER;
    case EVENT_CERTIFICATE_ENROLLED:
        return CHANGE_CERTIFICATES;
    case EVENT_CERTIFICATE_REVOKED:
        return CHANGE_CERTIFICATES | CHANGE_CLOSED;
    case EVENT_SESSION_OPENED:
        return CHANGE_OPENED;
    case EVENT_SESSION_USED_FROM:
        return CHANGE_PLACE;
    case EVENT_SESSION_CLOSED:
    case EVENT_SESSIONS_REVOKED:
        return CHANGE_CLOSED;
    default:
        return 0;
    }
}

/* Whom a record is about: by its payload's "user" or "email" field. 0 when that cannot be said, for instance because
 * a later record of the batch changed the e-mail. */
static uint32_t subject_of(struct access *access, struct kv_txn *state, const struct record *record)
{
    const struct event_type *event = domain_event(record->header.type);
    ProtobufCMessage *payload =
        event != NULL ? row_message(state, record->payload, event->payload, access->arena) : NULL;
    if (payload == NULL)
        return 0;
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(event->payload, "user");
    if (field != NULL && field->type == PROTOBUF_C_TYPE_UINT32) {
        uint32_t user;
        memcpy(&user, (const uint8_t *)payload + field->offset, sizeof user);
        return user;
    }
    static const char *const names[] = {"new_email", "email"};
    for (size_t i = 0; i < 2; i++) {
        const char *email = NULL;
        field = protobuf_c_message_descriptor_get_field_by_name(event->payload, names[i]);
        if (field != NULL && field->type == PROTOBUF_C_TYPE_STRING)
            memcpy(&email, (const uint8_t *)payload + field->offset, sizeof email);
        uint32_t user = email != NULL ? user_by_email(state, email) : 0;
        if (user != 0)
            return user;
    }
    return 0;
}

enum status access_note(struct access *access, struct kv_txn *state, const struct record *record)
{
    unsigned change = change_of(record->header.type);
    bool good = true;
    if (change == 0)
        return STATUS_OK;
    arena_reset(access->arena);
    uint32_t user = (change & (CHANGE_USER | CHANGE_FAILURES)) != 0 ? subject_of(access, state, record) : 0;
    if ((change & CHANGE_FAILURES) != 0 && user != 0)
        failures_forget(access, user);
    if ((change & CHANGE_USER) != 0 && user != 0)
        good = user_load(access, state, user);
    else if ((change & (CHANGE_USER | CHANGE_EVERY_USER)) != 0)
        good = users_load(access, state);
    if (good && (change & CHANGE_CERTIFICATES) != 0)
        good = certificates_load(access, state);
    if (good && (change & CHANGE_OPENED) != 0)
        good = session_load(access, state, record->header.position);
    if (good && (change & CHANGE_PLACE) != 0)
        good = session_moved(access, state, record);
    if (good && (change & CHANGE_CLOSED) != 0)
        good = sessions_check(access, state);
    if (good && kv_error(state) == STATUS_OK)
        return STATUS_OK;
    (void)pthread_rwlock_wrlock(&access->lock);
    access->broken = true;
    (void)pthread_rwlock_unlock(&access->lock);
    return kv_error(state) != STATUS_OK ? kv_error(state) : STATUS_NO_MEMORY;
}
