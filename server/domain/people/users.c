/* Users: made, changed, locked, put out of use. Passwords never come here, only their salted hashes. */
#include <stdio.h>

#include "server/domain/kernel/rows.h"
#include "server/domain/people/parts.h"

#include "type_ids.h"

/* ---- for the deciders ------------------------------------------------------------------------------------------ */

enum status require_user(const struct context *context, struct kv_txn *state, const char *email,
                         struct user_row *out, struct fault *why)
{
    struct rights theirs;
    uint32_t user = user_by_email(state, email);
    if (user == 0 || !user_row_get(state, user, out))
        return fault_refuse(why, REASON(USER_UNKNOWN), "email", "the e-mail of a user");
    if (user == context->user)
        return STATUS_OK;
    rights_compute(state, user, &theirs);
    if (!rights_cover(context->rights, &theirs))
        return fault_refuse(why, REASON(CANNOT_GRANT_MORE), "email",
                            "this user has rights that you do not have");
    return user_row_get(state, user, out) ? STATUS_OK : kv_error(state);
}

/* Roles given to somebody: at most ROLES_PER_USER_MAX, no repeats, each known and active (ROLE_UNKNOWN), together not
 * more than the one who asks has (CANNOT_GRANT_MORE). */
static enum status require_roles(const struct context *context, struct kv_txn *state, char *const *roles,
                                 size_t count, struct fault *why)
{
    struct rights rights;
    if (count > ROLES_PER_USER_MAX)
        return fault_set(why, STATUS_INVALID, "roles", "at most %u", ROLES_PER_USER_MAX);
    for (size_t i = 0; i < count; i++) {
        struct role_row row;
        char field[FAULT_FIELD_MAX];
        (void)snprintf(field, sizeof field, "roles[%zu]", i);
        if (!role_row_get(state, role_find(state, roles[i]), &row) || (row.flags & ROLE_ACTIVE) == 0)
            return fault_refuse(why, REASON(ROLE_UNKNOWN), field, "the name of an active role");
        for (size_t j = 0; j < i; j++)
            if (strcmp(roles[i], roles[j]) == 0)
                return fault_set(why, STATUS_INVALID, field, "each role once");
    }
    rights_of_roles(state, roles, count, &rights);
    if (!rights_cover(context->rights, &rights))
        return fault_refuse(why, REASON(CANNOT_GRANT_MORE), "roles",
                            "these roles give more than you have yourself");
    return STATUS_OK;
}

static enum status replace_payload(const ProtobufCMessage *payload, const struct context *context,
                                   struct decision *out, struct fault *why)
{
    if (!message_pack(payload, context->arena, &out->payload))
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the request is too large");
    return STATUS_OK;
}

static bool names_self(const struct context *context, const struct user_row *row)
{
    return context->user != 0 && row->user == context->user;
}

/* The row that a record of this e-mail changes, with its message; NULL (and CORRUPT) when there is none. */
static Daftari__V1__UserCreated *row_of_email(struct kv_txn *state, const char *email, struct user_row *out,
                                              struct arena *arena)
{
    uint32_t user = user_by_email(state, email);
    if (user == 0 || !user_row_get(state, user, out)) {
        kv_set_error(state, STATUS_CORRUPT);
        return NULL;
    }
    return user_row_info(state, out, arena);
}

static void set_flags(struct kv_txn *state, const char *email, uint8_t set, uint8_t clear,
                      struct arena *arena)
{
    struct user_row row;
    Daftari__V1__UserCreated *info = row_of_email(state, email, &row, arena);
    if (info != NULL)
        user_row_put(state, row.user, (uint8_t)((row.flags & ~clear) | set), info, arena);
}

/* ---- User.Create (internal.CreateUser) ---------------------------------------------------------------------------- */

static enum status person_check(const char *first_name, const char *last_name, const char *phone, bool needed,
                                struct fault *why)
{
    enum status status = text_check(first_name, "first_name", PERSON_NAME_MAX, needed, why);
    if (status == STATUS_OK)
        status = text_check(last_name, "last_name", PERSON_NAME_MAX, needed, why);
    if (status != STATUS_OK)
        return status;
    if (phone != NULL && !phone_valid(phone))
        return fault_refuse(why, REASON(PHONE_BAD), "phone", "a number like +254700000000");
    return STATUS_OK;
}

/* Everybody has a phone of his own (catalogue 2.1): people are told by it. The server's own commands may leave it out, since the
 * first owner is made before anybody is asked. Users are looked through one by one: there are at most some thousands, it is
 * done when one is made or changed, and books that hold a phone twice, from before this was asked, stay as they are. */
static enum status phone_check(const struct context *context, struct kv_txn *state, const char *phone,
                               uint32_t user, struct fault *why)
{
    enum { USER_CREATED_PHONE = 4 };
    struct row_key at = row_key_u32(0);
    struct slice key, value;
    if (phone == NULL || phone[0] == '\0') {
        if (context->rights == NULL)
            return STATUS_OK;
        return fault_refuse(why, REASON(PHONE_BAD), "phone", "must be given: a number like +254700000000");
    }
    while (row_next(state, TABLE_USER, row_key_slice(&at), &key, &value)) {
        struct user_row row;
        if (key.len != 4 || !user_row_parse(value, &row)) {
            kv_set_error(state, STATUS_CORRUPT);
            return STATUS_CORRUPT;
        }
        uint32_t other = be32_get(key.ptr);
        at = row_key_u32(other);
        if (other != user &&
            slice_equal(row_text_field(state, row.info, USER_CREATED_PHONE), slice_text(phone)))
            return fault_refuse(why, REASON(PHONE_IN_USE), "phone", "a number that no other user has");
    }
    return STATUS_OK;
}

enum status decide_user_create(const struct context *context, struct kv_txn *state,
                               const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    Daftari__V1__UserCreated user = *(const Daftari__V1__UserCreated *)command;
    char *email = arena_take(context->arena, EMAIL_TEXT_MAX + 1);
    if (email == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the request is too large");
    /* Asked before the password was hashed, too; that takes long enough for rights to change. */
    if (!rights_allow(context->rights, DAFTARI__V1__PERMISSION__USERS, PERMISSION_WRITE))
        return fault_set(why, STATUS_DENIED, NULL, "User.Create is not permitted to you");
    if (!email_normalise(user.email, email))
        return fault_refuse(why, REASON(EMAIL_BAD), "email", "an address like name@example.com");
    enum status status = person_check(user.first_name, user.last_name, user.phone, true, why);
    if (status != STATUS_OK)
        return status;
    if (user_by_email(state, email) != 0)
        return fault_refuse(why, REASON(USER_EXISTS), "email", "an e-mail that no other user has");
    status = phone_check(context, state, user.phone, 0, why);
    if (status != STATUS_OK)
        return status;
    status = require_roles(context, state, user.roles, user.n_roles, why);
    if (status != STATUS_OK)
        return status;
    user.email = email;
    user.has_user = true;
    user.user = row_next_number_u32(state, TABLE_USER, 1);
    user.has_owner = true;
    user.owner = false;
    for (size_t i = 0; i < user.n_roles; i++)
        user.owner = user.owner || strcmp(user.roles[i], OWNER_ROLE) == 0;
    /* accepted */
    out->type = EVENT_USER_CREATED;
    return replace_payload(&user.base, context, out, why);
}

static void email_put(struct kv_txn *state, const char *email, uint32_t user)
{
    row_put_u32(state, TABLE_USER_EMAIL, slice_text(email), user);
}

void apply_user_created(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                        struct arena *arena)
{
    (void)record;
    Daftari__V1__UserCreated user = *(const Daftari__V1__UserCreated *)payload;
    if (user.user == 0 || user.email == NULL) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    user_row_put(state, user.user, USER_ACTIVE, &user, arena);
    email_put(state, user.email, user.user);
}

/* ---- User.Change --------------------------------------------------------------------------------------------------- */

enum status decide_user_change(const struct context *context, struct kv_txn *state,
                               const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__ChangeUser *request = (const Daftari__V1__ChangeUser *)command;
    char email[EMAIL_TEXT_MAX + 1];
    struct user_row row;
    enum status status = require_user(context, state, request->email, &row, why);
    if (status == STATUS_OK)
        status = person_check(request->first_name, request->last_name, request->phone, false, why);
    if (status != STATUS_OK)
        return status;
    if (request->new_email != NULL) {
        if (!email_normalise(request->new_email, email))
            return fault_refuse(why, REASON(EMAIL_BAD), "new_email", "an address like name@example.com");
        uint32_t other = user_by_email(state, email);
        if (other != 0 && other != row.user)
            return fault_refuse(why, REASON(USER_EXISTS), "new_email", "an e-mail that no other user has");
    }
    if (request->phone != NULL) {
        status = phone_check(context, state, request->phone, row.user, why);
        if (status != STATUS_OK)
            return status;
    }
    /* accepted */
    out->type = EVENT_USER_CHANGED;
    return STATUS_OK;
}

void apply_user_changed(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                        struct arena *arena)
{
    (void)record;
    const Daftari__V1__ChangeUser *change = (const Daftari__V1__ChangeUser *)payload;
    char email[EMAIL_TEXT_MAX + 1];
    struct user_row row;
    Daftari__V1__UserCreated *info = row_of_email(state, change->email, &row, arena);
    if (info == NULL)
        return;
    if (change->first_name != NULL)
        info->first_name = change->first_name;
    if (change->last_name != NULL)
        info->last_name = change->last_name;
    if (change->phone != NULL)
        info->phone = change->phone;
    if (change->new_email != NULL && email_normalise(change->new_email, email)) {
        kv_del(state, TABLE_USER_EMAIL, slice_text(info->email));
        email_put(state, email, row.user);
        info->email = email;
    }
    user_row_put(state, row.user, row.flags, info, arena);
}

/* ---- User.SetPassword (internal.SetPassword) ---------------------------------------------------------------------- */

enum status decide_password_set(const struct context *context, struct kv_txn *state,
                                const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__PasswordSet *request = (const Daftari__V1__PasswordSet *)command;
    struct user_row row;
    struct rights theirs;
    if (!user_row_get(state, request->user, &row))
        return fault_refuse(why, REASON(USER_UNKNOWN), "email", "the e-mail of a user");
    if (!names_self(context, &row)) {
        if (!rights_allow(context->rights, DAFTARI__V1__PERMISSION__USERS, PERMISSION_WRITE))
            return fault_set(why, STATUS_DENIED, "email", "only your own password");
        rights_compute(state, row.user, &theirs);
        if (!rights_cover(context->rights, &theirs))
            return fault_refuse(why, REASON(CANNOT_GRANT_MORE), "email",
                                "this user has rights that you do not have");
        if (!user_row_get(state, request->user, &row))
            return kv_error(state);
    }
    if ((row.flags & USER_ACTIVE) == 0)
        return fault_refuse(why, REASON(USER_INACTIVE), "email", "reactivate this user first");
    /* accepted */
    out->type = EVENT_PASSWORD_SET;
    return STATUS_OK;
}

/* A new password ends every session that the old one may have opened, but the one in which it was set. */
void apply_password_set(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                        struct arena *arena)
{
    const Daftari__V1__PasswordSet *change = (const Daftari__V1__PasswordSet *)payload;
    struct user_row row;
    if (!user_row_get(state, change->user, &row)) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    Daftari__V1__UserCreated *info = user_row_info(state, &row, arena);
    if (info == NULL)
        return;
    info->has_password_salt = info->has_password_hash = true;
    info->password_salt = change->password_salt;
    info->password_hash = change->password_hash;
    user_row_put(state, row.user, row.flags, info, arena);
    sessions_end(state, row.user, record->header.session, false);
}

/* ---- in and out of use ---------------------------------------------------------------------------------------------- */

enum status decide_user_deactivate(const struct context *context, struct kv_txn *state,
                                   const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__DeactivateUser *request = (const Daftari__V1__DeactivateUser *)command;
    struct user_row row;
    enum status status = require_user(context, state, request->email, &row, why);
    if (status != STATUS_OK)
        return status;
    if ((row.flags & USER_ACTIVE) == 0)
        return fault_refuse(why, REASON(ALREADY_INACTIVE), "email", "this user is not active");
    if ((row.flags & USER_OWNER) != 0 && !owner_besides(state, row.user))
        return fault_refuse(why, REASON(LAST_OWNER), "email",
                            "the books must keep one active owner: make another first");
    /* accepted */
    out->type = EVENT_USER_DEACTIVATED;
    return STATUS_OK;
}

void apply_user_deactivated(struct kv_txn *state, const struct record *record,
                            const ProtobufCMessage *payload, struct arena *arena)
{
    (void)record;
    const Daftari__V1__DeactivateUser *request = (const Daftari__V1__DeactivateUser *)payload;
    set_flags(state, request->email, 0, USER_ACTIVE, arena);
    sessions_end(state, user_by_email(state, request->email), 0, false);
}

enum status decide_user_reactivate(const struct context *context, struct kv_txn *state,
                                   const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__ReactivateUser *request = (const Daftari__V1__ReactivateUser *)command;
    struct user_row row;
    enum status status = require_user(context, state, request->email, &row, why);
    if (status != STATUS_OK)
        return status;
    if ((row.flags & USER_ACTIVE) != 0)
        return fault_refuse(why, REASON(ALREADY_ACTIVE), "email", "this user is active");
    /* accepted */
    out->type = EVENT_USER_REACTIVATED;
    return STATUS_OK;
}

void apply_user_reactivated(struct kv_txn *state, const struct record *record,
                            const ProtobufCMessage *payload, struct arena *arena)
{
    (void)record;
    set_flags(state, ((const Daftari__V1__ReactivateUser *)payload)->email, USER_ACTIVE, 0, arena);
}

enum status decide_user_lock(const struct context *context, struct kv_txn *state,
                             const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    (void)context;
    const Daftari__V1__UserLocked *request = (const Daftari__V1__UserLocked *)command;
    struct user_row row;
    if (!user_row_get(state, request->user, &row))
        return fault_refuse(why, REASON(USER_UNKNOWN), "user", "the number of a user");
    if ((row.flags & USER_LOCKED) != 0)
        return fault_refuse(why, REASON(USER_LOCKED), "user", "this user is locked already");
    /* accepted */
    out->type = EVENT_USER_LOCKED;
    return STATUS_OK;
}

static void set_locked(struct kv_txn *state, uint32_t user, struct arena *arena)
{
    struct user_row row;
    if (!user_row_get(state, user, &row)) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    Daftari__V1__UserCreated *info = user_row_info(state, &row, arena);
    if (info != NULL)
        user_row_put(state, user, row.flags | USER_LOCKED, info, arena);
}

void apply_user_locked(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                       struct arena *arena)
{
    (void)record;
    set_locked(state, ((const Daftari__V1__UserLocked *)payload)->user, arena);
}

enum status decide_user_unlock(const struct context *context, struct kv_txn *state,
                               const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__UnlockUser *request = (const Daftari__V1__UnlockUser *)command;
    struct user_row row;
    enum status status = require_user(context, state, request->email, &row, why);
    if (status != STATUS_OK)
        return status;
    if ((row.flags & USER_LOCKED) == 0)
        return fault_refuse(why, REASON(USER_NOT_LOCKED), "email", "this user is not locked");
    /* accepted */
    out->type = EVENT_USER_UNLOCKED;
    return STATUS_OK;
}

void apply_user_unlocked(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                         struct arena *arena)
{
    (void)record;
    set_flags(state, ((const Daftari__V1__UnlockUser *)payload)->email, 0, USER_LOCKED, arena);
}

/* ---- User.AssignRoles ------------------------------------------------------------------------------------------------ */

enum status decide_roles_assign(const struct context *context, struct kv_txn *state,
                                const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__AssignRoles *request = (const Daftari__V1__AssignRoles *)command;
    struct user_row row;
    enum status status = require_user(context, state, request->email, &row, why);
    if (status != STATUS_OK)
        return status;
    status = require_roles(context, state, request->roles, request->n_roles, why);
    if (status != STATUS_OK)
        return status;
    bool stays_owner = false;
    for (size_t i = 0; i < request->n_roles; i++)
        stays_owner = stays_owner || strcmp(request->roles[i], OWNER_ROLE) == 0;
    if ((row.flags & USER_OWNER) != 0 && (row.flags & USER_ACTIVE) != 0 && !stays_owner &&
        !owner_besides(state, row.user))
        return fault_refuse(why, REASON(LAST_OWNER), "roles",
                            "the books must keep one active owner: make another first");
    if (request->n_roles == 0 && !rights_cover_reader(context->rights))
        return fault_refuse(
            why, REASON(CANNOT_GRANT_MORE), "roles",
            "who has no role may read sales, stock and reports of his businesses, which you may not");
    /* accepted */
    out->type = EVENT_ROLES_ASSIGNED;
    return STATUS_OK;
}

void apply_roles_assigned(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                          struct arena *arena)
{
    (void)record;
    const Daftari__V1__AssignRoles *change = (const Daftari__V1__AssignRoles *)payload;
    struct user_row row;
    Daftari__V1__UserCreated *info = row_of_email(state, change->email, &row, arena);
    if (info == NULL)
        return;
    info->n_roles = change->n_roles;
    info->roles = change->roles;
    user_row_put(state, row.user, row.flags, info, arena);
}
