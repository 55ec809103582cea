#include "server/domain/people/rights.h"

#include <stdio.h>

#include "proto/base/bytes.h"
#include "server/domain/kernel/tables.h"
#include "server/domain/people/user_row.h"

static bool bit_get(const uint64_t *set, uint16_t business)
{
    return business < BUSINESSES_MAX && (set[business / 64] >> (business % 64) & 1) != 0;
}

static void bit_set(uint64_t *set, uint16_t business)
{
    if (business < BUSINESSES_MAX)
        set[business / 64] |= UINT64_C(1) << (business % 64);
}

bool rights_allow(const struct rights *rights, unsigned permission, enum permission_level level)
{
    if (rights == NULL)
        return true;
    if (!rights->active)
        return false;
    if (permission == 0)
        return true;
    return permission < PERMISSIONS_MAX && level != PERMISSION_NONE && rights->level[permission] >= level;
}

bool rights_allow_business(const struct rights *rights, uint16_t business, enum permission_level level)
{
    if (rights == NULL)
        return true;
    if (!rights->active || level == PERMISSION_NONE || business >= BUSINESSES_MAX)
        return false;
    if (rights->every_business)
        return true;
    return bit_get(level == PERMISSION_ADMIN   ? rights->may_admin
                   : level == PERMISSION_WRITE ? rights->may_write
                                               : rights->may_read,
                   business);
}

/* What somebody may who has no role in force, in the businesses that he has access to: the catalogue's column "read
 * access" (5.1). Who has a role may what that gives. */
static const uint8_t reader_levels[PERMISSIONS_MAX] = {
    [DAFTARI__V1__PERMISSION__SALES] = PERMISSION_READ,
    [DAFTARI__V1__PERMISSION__STOCK] = PERMISSION_READ,
    [DAFTARI__V1__PERMISSION__FINANCE_REPORTS] = PERMISSION_READ,
    [DAFTARI__V1__PERMISSION__OPERATION_REPORTS] = PERMISSION_READ,
};

bool rights_cover_reader(const struct rights *mine)
{
    struct rights reader = {.active = true};
    memcpy(reader.level, reader_levels, sizeof reader.level);
    return rights_cover(mine, &reader);
}

/* False: a role that is not in force gives nothing. */
static bool add_role(struct kv_txn *state, uint32_t number, struct rights *out)
{
    struct role_row row;
    if (!role_row_get(state, number, &row) || (row.flags & ROLE_ACTIVE) == 0)
        return false;
    if ((row.flags & ROLE_EVERY_BUSINESS) != 0)
        out->every_business = true;
    for (size_t i = 1; i < PERMISSIONS_MAX; i++) {
        uint8_t level = row.levels.ptr[i];
        if (level <= PERMISSION_WRITE && level > out->level[i])
            out->level[i] = level;
    }
    return true;
}

/* False: there is none. */
static bool add_access(struct kv_txn *state, uint32_t user, struct rights *out)
{
    bool any = false;
    uint8_t key[4];
    be32_put(key, user);
    struct slice prefix = slice_of(key, sizeof key);
    struct kv_cursor *cursor = kv_cursor_open(state, TABLE_ACCESS);
    for (bool more = kv_seek(cursor, prefix); more; more = kv_next(cursor)) {
        struct slice at, value;
        kv_row(cursor, &at, &value);
        if (!slice_starts_with(at, prefix))
            break;
        if (at.len != 6 || value.len != 1)
            continue;
        uint16_t business = be16_get(at.ptr + 4);
        any = any || value.ptr[0] >= PERMISSION_READ;
        if (value.ptr[0] >= PERMISSION_READ)
            bit_set(out->may_read, business);
        if (value.ptr[0] >= PERMISSION_WRITE)
            bit_set(out->may_write, business);
        if (value.ptr[0] >= PERMISSION_ADMIN)
            bit_set(out->may_admin, business);
    }
    kv_cursor_close(cursor);
    return any;
}

void rights_of_roles(struct kv_txn *state, char *const *roles, size_t role_count, struct rights *out)
{
    struct rights sum = {.active = true};
    for (size_t i = 0; i < role_count; i++)
        (void)add_role(state, role_find(state, roles[i]), &sum);
    *out = sum;
}

void rights_compute(struct kv_txn *state, uint32_t user, struct rights *out)
{
    struct rights sum = {0};
    struct user_row row;
    *out = sum;
    if (user == 0 || !user_row_get(state, user, &row))
        return;
    sum.active = (row.flags & USER_ACTIVE) != 0;
    struct byte_reader r = byte_reader_on(row.roles);
    size_t count = byte_get_u8(&r);
    bool any_role = false;
    for (size_t i = 0; i < count; i++)
        any_role = add_role(state, byte_get_u32(&r), &sum) || any_role;
    if (add_access(state, user, &sum) && !any_role)
        memcpy(sum.level, reader_levels, sizeof sum.level);
    if (kv_error(state) == STATUS_OK)
        *out = sum;
}

bool rights_cover(const struct rights *mine, const struct rights *theirs)
{
    if (mine == NULL)
        return true;
    if (!mine->active || (theirs->every_business && !mine->every_business))
        return false;
    for (size_t i = 1; i < PERMISSIONS_MAX; i++)
        if (theirs->level[i] > mine->level[i])
            return false;
    if (mine->every_business)
        return true;
    for (size_t i = 0; i < BUSINESSES_MAX / 64; i++)
        if ((theirs->may_read[i] & ~mine->may_read[i]) != 0 ||
            (theirs->may_write[i] & ~mine->may_write[i]) != 0 ||
            (theirs->may_admin[i] & ~mine->may_admin[i]) != 0)
            return false;
    return true;
}

/* "FINANCE_REPORTS" -> "finance-reports", as the command line and roles write it. */
static void permission_words(unsigned permission, char out[METHOD_NAME_MAX])
{
    const ProtobufCEnumValue *value =
        protobuf_c_enum_descriptor_get_value(&daftari__v1__permission__descriptor, (int)permission);
    (void)snprintf(out, METHOD_NAME_MAX, "%s", value != NULL ? value->name : "unknown");
    for (char *c = out; *c != '\0'; c++)
        *c = *c == '_' ? '-' : *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
}

enum status rights_deny(const char *what, const char *field, unsigned permission, enum permission_level level,
                        struct fault *why)
{
    char words[METHOD_NAME_MAX];
    permission_words(permission, words);
    return fault_set(why, STATUS_DENIED, field,
                     "%s needs the permission %s at level %s, which none of your roles gives", what, words,
                     level == PERMISSION_WRITE ? "write" : "read");
}
