/* Users, roles, access rows and open sessions as lists, one row a step. */
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/people/parts.h"

/* The next row after *cursor that starts with `prefix` (which may be empty); moves the cursor on. */
static bool next_row(const struct query_context *context, struct kv_txn *masters, unsigned table,
                     struct slice prefix, struct slice *cursor, struct slice *out_key,
                     struct slice *out_value)
{
    struct slice after = cursor->len != 0 ? *cursor : prefix;
    struct slice key;
    if (!row_next(masters, table, after, &key, out_value) || !slice_starts_with(key, prefix))
        return false;
    if (!arena_copy(context->arena, key, out_key)) {
        kv_set_error(masters, STATUS_NO_MEMORY);
        return false;
    }
    *cursor = *out_key;
    return true;
}

static enum status ended(struct kv_txn *masters, struct fault *why)
{
    if (kv_error(masters) != STATUS_OK)
        return fault_set(why, kv_error(masters), NULL, "the rows cannot be read");
    return STATUS_END;
}

static void *new_message(const struct query_context *context, const ProtobufCMessageDescriptor *type)
{
    ProtobufCMessage *message = arena_take(context->arena, type->sizeof_message);
    if (message != NULL)
        protobuf_c_message_init(type, message);
    return message;
}

static enum status no_memory(struct fault *why)
{
    return fault_set(why, STATUS_NO_MEMORY, NULL, "the answer is too large");
}

enum status query_users(const struct query_context *context, struct kv_txn *masters,
                        const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                        struct fault *why)
{
    bool active_only = ((const Daftari__V1__ListUsers *)request)->active_only;
    struct slice key, value;
    while (next_row(context, masters, TABLE_USER, slice_of(NULL, 0), cursor, &key, &value)) {
        struct user_row row;
        if (!user_row_parse(value, &row) || key.len != 4)
            return fault_set(why, STATUS_CORRUPT, NULL, "a user's row does not decode");
        if (active_only && (row.flags & USER_ACTIVE) == 0)
            continue;
        Daftari__V1__UserCreated *user = user_row_info(masters, &row, context->arena);
        Daftari__V1__UserInfo *info = new_message(context, &daftari__v1__user_info__descriptor);
        if (user == NULL || info == NULL)
            return no_memory(why);
        info->email = user->email;
        info->first_name = user->first_name;
        info->last_name = user->last_name;
        info->phone = user->phone;
        info->n_roles = user->n_roles;
        info->roles = user->roles;
        info->has_active = info->has_locked = info->has_user = info->has_owner = true;
        info->active = (row.flags & USER_ACTIVE) != 0;
        info->locked = (row.flags & USER_LOCKED) != 0;
        info->owner = (row.flags & USER_OWNER) != 0;
        info->user = be32_get(key.ptr);
        *out = &info->base;
        return STATUS_OK;
    }
    return ended(masters, why);
}

enum status query_roles(const struct query_context *context, struct kv_txn *masters,
                        const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                        struct fault *why)
{
    (void)request;
    struct slice key, value;
    struct role_row row;
    if (!next_row(context, masters, TABLE_ROLE, slice_of(NULL, 0), cursor, &key, &value))
        return ended(masters, why);
    if (!role_row_parse(value, &row))
        return fault_set(why, STATUS_CORRUPT, NULL, "a role's row does not decode");
    *out = row_message(masters, row.info, &daftari__v1__role_info__descriptor, context->arena);
    return *out != NULL ? STATUS_OK : ended(masters, why);
}

enum status query_access(const struct query_context *context, struct kv_txn *masters,
                         const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                         struct fault *why)
{
    const char *email = ((const Daftari__V1__ListAccess *)request)->email;
    struct row_key user = {.len = 0};
    struct slice key, value;
    if (email != NULL) {
        uint32_t number = user_by_email(masters, email);
        if (number == 0)
            return fault_refuse(why, REASON(USER_UNKNOWN), "email", "the e-mail of a user");
        user = row_key_u32(number);
    }
    if (!next_row(context, masters, TABLE_ACCESS, row_key_slice(&user), cursor, &key, &value))
        return ended(masters, why);
    if (key.len != 6 || value.len != 1)
        return fault_set(why, STATUS_CORRUPT, NULL, "an access row does not decode");
    unsigned level = value.ptr[0];
    Daftari__V1__AccessInfo *info = new_message(context, &daftari__v1__access_info__descriptor);
    const char *code = business_code_of(masters, be16_get(key.ptr + 4), context->arena);
    const char *who = user_email_of(masters, be32_get(key.ptr), context->arena);
    if (info == NULL || code == NULL || who == NULL)
        return no_memory(why);
    info->email = (char *)(uintptr_t)who;
    info->business = (char *)(uintptr_t)code;
    info->has_level = true;
    info->level = (Daftari__V1__Level)level;
    *out = &info->base;
    return STATUS_OK;
}

static enum status session_info(const struct query_context *context, struct kv_txn *masters,
                                const struct session_row *row, ProtobufCMessage **out, struct fault *why)
{
    uint32_t user = row->user;
    Daftari__V1__SessionOpened *opened =
        row_message(masters, row->info, &daftari__v1__session_opened__descriptor, context->arena);
    Daftari__V1__SessionInfo *info = new_message(context, &daftari__v1__session_info__descriptor);
    const char *who = user_email_of(masters, user, context->arena);
    if (opened == NULL || info == NULL || who == NULL)
        return no_memory(why);
    info->has_session = info->has_opened_time_us = info->has_expires_time_us = info->has_open = true;
    info->session = row->session;
    info->email = (char *)(uintptr_t)who;
    info->address = opened->address;
    info->agent = opened->agent;
    info->device = opened->device;
    info->means = opened->means;
    info->opened_time_us = row->opened;
    info->expires_time_us = opened->expires_time_us;
    info->open = opened->expires_time_us > context->now;
    *out = &info->base;
    return STATUS_OK;
}

/* Everybody sees his own; who may read users sees all. */
enum status query_sessions(const struct query_context *context, struct kv_txn *masters,
                           const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                           struct fault *why)
{
    const char *email = ((const Daftari__V1__ListSessions *)request)->email;
    bool all = rights_allow(context->rights, DAFTARI__V1__PERMISSION__USERS, PERMISSION_READ);
    uint32_t only = all ? 0 : context->user;
    struct slice key, value;
    if (email != NULL) {
        only = user_by_email(masters, email);
        if (!all && only != context->user)
            return fault_set(why, STATUS_DENIED, "email", "only your own sessions");
        if (only == 0)
            return fault_refuse(why, REASON(USER_UNKNOWN), "email", "the e-mail of a user");
    }
    while (next_row(context, masters, TABLE_SESSION, slice_of(NULL, 0), cursor, &key, &value)) {
        struct session_row row;
        if (!session_row_parse(key, value, &row))
            return fault_set(why, STATUS_CORRUPT, NULL, "a session's row does not decode");
        if (only == 0 || row.user == only)
            return session_info(context, masters, &row, out, why);
    }
    return ended(masters, why);
}
