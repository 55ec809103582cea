#include "server/domain/kernel/approval.h"

#include "people.pb-c.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"

/* An owner is known here by what only owners may: approve, and manage users, in every business. */
static bool acts_as_owner(const struct context *context)
{
    const struct rights *rights = context->rights;
    return rights == NULL || (rights->every_business &&
                              rights_allow(rights, DAFTARI__V1__PERMISSION__USERS, PERMISSION_WRITE) &&
                              rights_allow(rights, DAFTARI__V1__PERMISSION__APPROVE, PERMISSION_WRITE));
}

enum status approval_check(const struct context *context, struct kv_txn *state, const char *requested_by,
                           uint16_t business, const char *field, struct fault *why)
{
    const char *me = number_text(context->user, context->arena);
    if (me == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the request is too large to check");
    if (!text_same(requested_by, me))
        return STATUS_OK;
    if (acts_as_owner(context) && setting_is_true(state, business, "owner_may_approve_own", context->today))
        return STATUS_OK;
    return fault_refuse(
        why, DAFTARI__V1__REASON__APPROVER_IS_REQUESTER, field,
        "somebody else approves it, or an owner where the setting owner_may_approve_own is true");
}
