#include "server/domain/people/user_row.h"

#include "server/domain/kernel/rows.h"

#define USER_HEAD_MAX (2 + ROLES_PER_USER_MAX * 4)
#define ROLE_HEAD     (1 + PERMISSIONS_MAX)

bool message_pack(const ProtobufCMessage *message, struct arena *arena, struct slice *out)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *at = arena_take(arena, len + 1);
    if (at == NULL)
        return false;
    *out = slice_of(at, protobuf_c_message_pack(message, at));
    return true;
}

enum status text_check(const char *text, const char *field, size_t max, bool needed, struct fault *why)
{
    size_t len = text != NULL ? strlen(text) : 0;
    if (needed && len == 0)
        return fault_set(why, STATUS_INVALID, field, "must be given");
    if (len > max)
        return fault_set(why, STATUS_INVALID, field, "at most %zu bytes, got %zu", max, len);
    return STATUS_OK;
}

/* ---- users ----------------------------------------------------------------------------------------------------- */

bool user_row_parse(struct slice value, struct user_row *out)
{
    struct byte_reader r = byte_reader_on(value);
    uint8_t flags = byte_get_u8(&r);
    struct slice roles = r.rest;
    size_t count = byte_get_u8(&r);
    (void)byte_take(&r, 4 * count);
    if (r.failed)
        return false;
    out->flags = flags;
    out->roles = slice_of(roles.ptr, roles.len - r.rest.len);
    out->info = r.rest;
    return true;
}

bool user_row_get(struct kv_txn *state, uint32_t user, struct user_row *out)
{
    uint8_t key[4];
    struct slice value;
    be32_put(key, user);
    if (!kv_get(state, TABLE_USER, slice_of(key, sizeof key), &value))
        return false;
    if (!user_row_parse(value, out)) {
        kv_set_error(state, STATUS_CORRUPT);
        return false;
    }
    out->user = user;
    return true;
}

Daftari__V1__UserCreated *user_row_info(struct kv_txn *state, const struct user_row *row, struct arena *arena)
{
    Daftari__V1__UserCreated *info =
        daftari__v1__user_created__unpack(arena_allocator(arena), row->info.len, row->info.ptr);
    if (info == NULL)
        kv_set_error(state, STATUS_NO_MEMORY);
    return info;
}

void user_row_put(struct kv_txn *state, uint32_t user, uint8_t flags, Daftari__V1__UserCreated *info,
                  struct arena *arena)
{
    flags &= (uint8_t)~USER_OWNER;
    for (size_t i = 0; i < info->n_roles; i++)
        if (strcmp(info->roles[i], OWNER_ROLE) == 0)
            flags |= USER_OWNER;
    info->has_owner = true;
    info->owner = (flags & USER_OWNER) != 0;
    info->has_user = true;
    info->user = user;

    size_t cap = USER_HEAD_MAX + daftari__v1__user_created__get_packed_size(info);
    uint8_t *at = arena_take(arena, cap);
    if (at == NULL || info->n_roles > ROLES_PER_USER_MAX) {
        kv_set_error(state, at == NULL ? STATUS_NO_MEMORY : STATUS_CORRUPT);
        return;
    }
    struct byte_writer w = byte_writer_on(at, USER_HEAD_MAX);
    byte_put_u8(&w, flags);
    byte_put_u8(&w, (uint8_t)info->n_roles);
    for (size_t i = 0; i < info->n_roles; i++)
        byte_put_u32(&w, role_find(state, info->roles[i]));
    if (w.failed) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    size_t len = w.len + daftari__v1__user_created__pack(info, at + w.len);
    uint8_t key[4];
    be32_put(key, user);
    kv_put(state, TABLE_USER, slice_of(key, sizeof key), slice_of(at, len));
}

static bool local_part_valid(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] == 0x7f || strchr("\"(),:;<>[\\]", text.ptr[i]) != NULL)
            return false;
    return text.len != 0 && text.len <= 64;
}

/* Letters, digits, hyphens and dots (not first, last or two in a row); anything beyond ASCII as it is. */
static bool domain_lower(struct slice text, char *out)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
        bool inner = (c == '.' && i != 0 && i + 1 != text.len && text.ptr[i - 1] != '.') || c == '-';
        if (!letter && !inner && !(c >= '0' && c <= '9'))
            return false;
        out[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    out[text.len] = '\0';
    return text.len != 0;
}

bool email_normalise(const char *email, char out[EMAIL_TEXT_MAX + 1])
{
    size_t len = email != NULL ? strlen(email) : 0;
    const char *at = len != 0 && len <= EMAIL_TEXT_MAX ? strchr(email, '@') : NULL;
    if (at == NULL)
        return false;
    size_t local = (size_t)(at - email);
    if (!local_part_valid(slice_of(email, local)))
        return false;
    memcpy(out, email, local + 1);
    return domain_lower(slice_text(at + 1), out + local + 1);
}

uint32_t user_by_email(struct kv_txn *state, const char *email)
{
    char normal[EMAIL_TEXT_MAX + 1];
    struct slice value;
    if (!email_normalise(email, normal) || !kv_get(state, TABLE_USER_EMAIL, slice_text(normal), &value))
        return 0;
    if (value.len != 4) {
        kv_set_error(state, STATUS_CORRUPT);
        return 0;
    }
    return be32_get(value.ptr);
}

const char *user_email(struct kv_txn *state, uint32_t user, struct arena *arena)
{
    struct user_row row;
    if (!user_row_get(state, user, &row))
        return NULL;
    Daftari__V1__UserCreated *info = user_row_info(state, &row, arena);
    return info != NULL ? info->email : NULL;
}

bool phone_valid(const char *phone)
{
    size_t len = strlen(phone);
    if (len == 0)
        return true;
    if (phone[0] != '+' || len < 9 || len > 16 || phone[1] == '0')
        return false;
    for (size_t i = 1; i < len; i++)
        if (phone[i] < '0' || phone[i] > '9')
            return false;
    return true;
}

bool owner_besides(struct kv_txn *state, uint32_t user)
{
    bool found = false;
    struct kv_cursor *cursor = kv_cursor_open(state, TABLE_USER);
    for (bool more = kv_seek(cursor, slice_of("", 1)); more && !found; more = kv_next(cursor)) {
        struct slice key, value;
        struct user_row row;
        kv_row(cursor, &key, &value);
        if (key.len == 4 && be32_get(key.ptr) != user && user_row_parse(value, &row))
            found = (row.flags & (USER_ACTIVE | USER_LOCKED | USER_OWNER)) == (USER_ACTIVE | USER_OWNER);
    }
    kv_cursor_close(cursor);
    return found;
}

/* ---- roles ----------------------------------------------------------------------------------------------------- */

bool role_row_parse(struct slice value, struct role_row *out)
{
    if (value.len < ROLE_HEAD)
        return false;
    out->flags = value.ptr[0];
    out->levels = slice_of(value.ptr + 1, PERMISSIONS_MAX);
    out->info = slice_of(value.ptr + ROLE_HEAD, value.len - ROLE_HEAD);
    return true;
}

uint32_t role_find(struct kv_txn *state, const char *name)
{
    uint32_t number = 0;
    if (name[0] != '\0' && strlen(name) <= ROLE_NAME_MAX)
        (void)row_get_u32(state, TABLE_ROLE_NAME, slice_text(name), &number);
    return number;
}

bool role_row_get(struct kv_txn *state, uint32_t number, struct role_row *out)
{
    struct row_key key = row_key_u32(number);
    struct slice value;
    if (number == 0 || !kv_get(state, TABLE_ROLE, row_key_slice(&key), &value))
        return false;
    if (!role_row_parse(value, out)) {
        kv_set_error(state, STATUS_CORRUPT);
        return false;
    }
    out->number = number;
    return true;
}

void role_row_put(struct kv_txn *state, Daftari__V1__RoleInfo *info, struct arena *arena)
{
    size_t cap = ROLE_HEAD + daftari__v1__role_info__get_packed_size(info);
    uint8_t *at = arena_take_zero(arena, cap);
    if (at == NULL) {
        kv_set_error(state, STATUS_NO_MEMORY);
        return;
    }
    at[0] = (uint8_t)((info->active ? ROLE_ACTIVE : 0) | (info->every_business ? ROLE_EVERY_BUSINESS : 0) |
                      (info->built_in ? ROLE_BUILT_IN : 0));
    for (size_t i = 0; i < info->n_permissions; i++) {
        const Daftari__V1__PermissionGrant *grant = info->permissions[i];
        unsigned permission = (unsigned)grant->permission;
        unsigned level = (unsigned)grant->level;
        if (permission < PERMISSIONS_MAX && level > at[1 + permission])
            at[1 + permission] = (uint8_t)level;
    }
    size_t len = ROLE_HEAD + daftari__v1__role_info__pack(info, at + ROLE_HEAD);
    uint32_t number = role_find(state, info->name);
    if (number == 0) {
        number = row_next_number_u32(state, TABLE_ROLE, 1);
        row_put_u32(state, TABLE_ROLE_NAME, slice_text(info->name), number);
    }
    struct row_key key = row_key_u32(number);
    kv_put(state, TABLE_ROLE, row_key_slice(&key), slice_of(at, len));
}

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

bool session_row_parse(struct slice key, struct slice value, struct session_row *out)
{
    struct byte_reader r = byte_reader_on(value);
    out->user = byte_get_u32(&r);
    out->opened = (timestamp_us)byte_get_u64(&r);
    if (r.failed || key.len != 8)
        return false;
    out->session = be64_get(key.ptr);
    out->info = r.rest;
    return true;
}

bool session_row_get(struct kv_txn *state, uint64_t session, struct session_row *out)
{
    uint8_t key[8];
    struct slice value;
    be64_put(key, session);
    if (!kv_get(state, TABLE_SESSION, slice_of(key, sizeof key), &value))
        return false;
    if (!session_row_parse(slice_of(key, sizeof key), value, out)) {
        kv_set_error(state, STATUS_CORRUPT);
        return false;
    }
    return true;
}
