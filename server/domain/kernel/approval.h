/* Who may approve what somebody asked for: adjustments, expenses, withdrawals. */
#ifndef SERVER_DOMAIN_KERNEL_APPROVAL_H
#define SERVER_DOMAIN_KERNEL_APPROVAL_H

#include "server/domain/domain.h"

/* Somebody else than the user who requested it (`requested_by`: his number as text), or an owner in a business where the
 * setting owner_may_approve_own is true. APPROVER_IS_REQUESTER with the field given. */
enum status approval_check(const struct context *context, struct kv_txn *state, const char *requested_by,
                           uint16_t business, const char *field, struct fault *why) MUST_USE;

#endif
