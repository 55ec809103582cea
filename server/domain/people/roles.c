#include "server/domain/people/people.h"

#include <stdio.h>

#include "server/domain/kernel/rows.h"
#include "server/domain/people/parts.h"
#include "type_ids.h"

#define BUILT_IN_ROLES 5u
const size_t people_built_in_role_count = BUILT_IN_ROLES;

/* One row per permission: what Owner, Accountant, Manager, Cashier, Auditor may. Catalogue 5.1, a line each; "yes" is
 * write, "read" and reports are read, "no" and everything not said is nothing. The Auditor reads all and writes
 * nothing. */
enum { N = PERMISSION_NONE, R = PERMISSION_READ, W = PERMISSION_WRITE };
static const uint8_t levels[][BUILT_IN_ROLES] = {
    [DAFTARI__V1__PERMISSION__SALES] = {W, R, W, W, R},
    [DAFTARI__V1__PERMISSION__STOCK] = {W, R, W, N, R},
    [DAFTARI__V1__PERMISSION__SETTINGS] = {W, N, W, N, R},
    [DAFTARI__V1__PERMISSION__MONEY] = {W, W, W, N, R},
    [DAFTARI__V1__PERMISSION__JOURNAL] = {W, W, W, N, R},
    [DAFTARI__V1__PERMISSION__APPROVE] = {W, N, W, N, R}, /* the Accountant's adjustments need approval */
    [DAFTARI__V1__PERMISSION__RECONCILE] = {W, W, W, N, R},
    [DAFTARI__V1__PERMISSION__CASH_COUNT] = {W, W, W, W, R}, /* "cash count only" for the Cashier */
    [DAFTARI__V1__PERMISSION__FINANCE_REPORTS] = {W, W, W, N, R},
    [DAFTARI__V1__PERMISSION__OPERATION_REPORTS] = {W, R, W, R, R},
    [DAFTARI__V1__PERMISSION__USERS] = {W, N, R, N, R},
    [DAFTARI__V1__PERMISSION__EXPORTS] = {W, R, W, N, R}, /* read = of finance */
    [DAFTARI__V1__PERMISSION__PERIOD_CLOSE] = {W, W, N, N, R},
    [DAFTARI__V1__PERMISSION__PERIOD_REOPEN] = {W, N, N, N, R},
    [DAFTARI__V1__PERMISSION__MPESA_CREDENTIALS] = {W, N, N, N, R},
    [DAFTARI__V1__PERMISSION__RAW_LOG] = {W, N, N, N, R},
    /* Not in the table: the chart belongs to finance, which the Accountant manages (1.11). */
    [DAFTARI__V1__PERMISSION__ACCOUNTS] = {W, W, R, N, R},
};
#define PERMISSION_COUNT (sizeof levels / sizeof levels[0]) /* with number 0, which gives nothing */

static const struct {
    const char *name, *description;
    bool every_business;
} roles[BUILT_IN_ROLES] = {
    {OWNER_ROLE, "Everything, in every business", true},
    {"Accountant", "Finance of every business; reads operations", true},
    {"Manager", "Runs the businesses he has access to; reads users", false},
    {"Cashier", "Records sales and payments, counts cash", false},
    {"Auditor", "Reads everything, the raw log too; writes nothing", true},
};

Daftari__V1__DefineRole *people_built_in_role(size_t index, struct arena *arena)
{
    Daftari__V1__DefineRole *role = arena_take_zero(arena, sizeof *role);
    Daftari__V1__PermissionGrant *grants = arena_take_zero(arena, PERMISSION_COUNT * sizeof *grants);
    Daftari__V1__PermissionGrant **list = arena_take_zero(arena, PERMISSION_COUNT * sizeof(void *));
    char *name = arena_text(arena, slice_text(roles[index].name));
    char *description = arena_text(arena, slice_text(roles[index].description));
    if (role == NULL || grants == NULL || list == NULL || name == NULL || description == NULL)
        return NULL;
    daftari__v1__define_role__init(role);
    role->name = name;
    role->description = description;
    role->has_every_business = true;
    role->every_business = roles[index].every_business;
    role->has_built_in = true;
    role->built_in = true;
    role->permissions = list;
    for (size_t i = 1; i < PERMISSION_COUNT; i++) {
        if (levels[i][index] == N)
            continue;
        Daftari__V1__PermissionGrant *grant = &grants[role->n_permissions];
        daftari__v1__permission_grant__init(grant);
        grant->has_permission = true;
        grant->permission = (Daftari__V1__Permission)i;
        grant->has_level = true;
        grant->level = (Daftari__V1__Level)levels[i][index];
        list[role->n_permissions++] = grant;
    }
    return role;
}

/* ---- Role.Define ----------------------------------------------------------------------------------------------- */

static enum status grants_check(const Daftari__V1__DefineRole *role, struct rights *out, struct fault *why)
{
    struct rights rights = {.active = true, .every_business = role->every_business};
    if (role->n_permissions > PERMISSIONS_MAX)
        return fault_set(why, STATUS_INVALID, "permissions", "at most %u", PERMISSIONS_MAX);
    for (size_t i = 0; i < role->n_permissions; i++) {
        char field[FAULT_FIELD_MAX];
        (void)snprintf(field, sizeof field, "permissions[%zu]", i);
        unsigned permission = (unsigned)role->permissions[i]->permission;
        unsigned level = (unsigned)role->permissions[i]->level;
        if (permission == 0 || permission >= PERMISSION_COUNT)
            return fault_set(why, STATUS_INVALID, field, "a permission of the list in docs/security.md");
        if (rights.level[permission] != 0)
            return fault_set(why, STATUS_INVALID, field, "each permission once");
        if (level == 0 || level > PERMISSION_WRITE)
            return fault_set(why, STATUS_INVALID, field,
                             "level READ or WRITE; leave the permission out for none");
        rights.level[permission] = (uint8_t)level;
    }
    *out = rights;
    return STATUS_OK;
}

static bool texts_equal(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

static bool role_same(struct kv_txn *state, const struct role_row *row, const Daftari__V1__DefineRole *role,
                      const struct rights *rights, struct arena *arena)
{
    bool every = (row->flags & ROLE_EVERY_BUSINESS) != 0;
    if (every != rights->every_business || memcmp(row->levels.ptr, rights->level, PERMISSIONS_MAX) != 0)
        return false;
    Daftari__V1__RoleInfo *info = row_message(state, row->info, &daftari__v1__role_info__descriptor, arena);
    return info != NULL && texts_equal(info->description, role->description);
}

static void rights_of_row(const struct role_row *row, struct rights *out)
{
    *out = (struct rights){.active = true, .every_business = (row->flags & ROLE_EVERY_BUSINESS) != 0};
    memcpy(out->level, row->levels.ptr, PERMISSIONS_MAX);
}

static enum status define_role(const struct context *context, struct kv_txn *state,
                               const Daftari__V1__DefineRole *role, bool built_in, struct decision *out,
                               struct fault *why)
{
    struct rights rights;
    enum status status = text_check(role->name, "name", ROLE_NAME_MAX, true, why);
    if (status == STATUS_OK)
        status = text_check(role->description, "description", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = grants_check(role, &rights, why);
    if (status != STATUS_OK)
        return status;
    if (role->built_in != built_in)
        return fault_refuse(why, REASON(ROLE_BUILT_IN), "built_in",
                            "only the set-up of the books makes built-in roles");

    struct role_row row;
    if (role_row_get(state, role_find(state, role->name), &row)) {
        bool same = role_same(state, &row, role, &rights, context->arena);
        if (same && (row.flags & ROLE_ACTIVE) != 0) {
            out->nothing_to_do = true;
            return STATUS_OK;
        }
        if ((row.flags & ROLE_BUILT_IN) != 0)
            return fault_refuse(why, REASON(ROLE_BUILT_IN), "name",
                                "built-in roles are not changed: define another role");
        if ((row.flags & ROLE_ACTIVE) == 0)
            return fault_refuse(why, REASON(ROLE_EXISTS), "name",
                                "this role was deactivated: define one of another name");
        struct rights before;
        rights_of_row(&row, &before);
        if (!rights_cover(context->rights, &before))
            return fault_refuse(why, REASON(CANNOT_GRANT_MORE), "name", "this role gives more than you have");
    }
    if (!rights_cover(context->rights, &rights))
        return fault_refuse(why, REASON(CANNOT_GRANT_MORE), "permissions", "at most what you have yourself");
    /* accepted */
    out->type = EVENT_ROLE_DEFINED;
    return STATUS_OK;
}

enum status decide_role_define(const struct context *context, struct kv_txn *state,
                               const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    return define_role(context, state, (const Daftari__V1__DefineRole *)command, false, out, why);
}

enum status decide_role_define_built_in(const struct context *context, struct kv_txn *state,
                                        const ProtobufCMessage *command, struct decision *out,
                                        struct fault *why)
{
    return define_role(context, state, (const Daftari__V1__DefineRole *)command, true, out, why);
}

void apply_role_defined(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                        struct arena *arena)
{
    (void)record;
    const Daftari__V1__DefineRole *role = (const Daftari__V1__DefineRole *)payload;
    Daftari__V1__RoleInfo info = DAFTARI__V1__ROLE_INFO__INIT;
    info.name = role->name;
    info.description = role->description;
    info.n_permissions = role->n_permissions;
    info.permissions = role->permissions;
    info.has_every_business = info.has_built_in = info.has_active = true;
    info.every_business = role->every_business;
    info.built_in = role->built_in;
    info.active = true;
    role_row_put(state, &info, arena);
}

/* ---- Role.Deactivate --------------------------------------------------------------------------------------------- */

static bool role_in_use(struct kv_txn *state, uint32_t number)
{
    bool found = false;
    struct kv_cursor *cursor = kv_cursor_open(state, TABLE_USER);
    for (bool more = kv_seek(cursor, slice_of("", 1)); more && !found; more = kv_next(cursor)) {
        struct slice key, value;
        struct user_row row;
        kv_row(cursor, &key, &value);
        if (!user_row_parse(value, &row))
            continue;
        struct byte_reader r = byte_reader_on(row.roles);
        for (size_t left = byte_get_u8(&r); left != 0 && !found; left--)
            found = byte_get_u32(&r) == number;
    }
    kv_cursor_close(cursor);
    return found;
}

enum status decide_role_deactivate(const struct context *context, struct kv_txn *state,
                                   const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__DeactivateRole *request = (const Daftari__V1__DeactivateRole *)command;
    struct role_row row;
    struct rights before;
    if (request->name == NULL || !role_row_get(state, role_find(state, request->name), &row))
        return fault_refuse(why, REASON(ROLE_UNKNOWN), "name", "the name of a role");
    if ((row.flags & ROLE_BUILT_IN) != 0)
        return fault_refuse(why, REASON(ROLE_BUILT_IN), "name", "built-in roles stay");
    if ((row.flags & ROLE_ACTIVE) == 0)
        return fault_refuse(why, REASON(ALREADY_INACTIVE), "name", "this role is not active");
    rights_of_row(&row, &before);
    if (!rights_cover(context->rights, &before))
        return fault_refuse(why, REASON(CANNOT_GRANT_MORE), "name", "this role gives more than you have");
    if (role_in_use(state, row.number))
        return fault_refuse(why, REASON(ROLE_IN_USE), "name",
                            "somebody has this role: assign other roles first");
    /* accepted */
    out->type = EVENT_ROLE_DEACTIVATED;
    return STATUS_OK;
}

void apply_role_deactivated(struct kv_txn *state, const struct record *record,
                            const ProtobufCMessage *payload, struct arena *arena)
{
    (void)record;
    const Daftari__V1__DeactivateRole *request = (const Daftari__V1__DeactivateRole *)payload;
    struct role_row row;
    if (!role_row_get(state, role_find(state, request->name), &row)) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    Daftari__V1__RoleInfo *info = row_message(state, row.info, &daftari__v1__role_info__descriptor, arena);
    if (info == NULL)
        return;
    info->has_active = true;
    info->active = false;
    role_row_put(state, info, arena);
}
