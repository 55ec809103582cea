/* M-Pesa tills: what business.c and till_commands share. The tills are the truth of who holds a number; the field
 * mpesa_till of a business names its default till, which may be registered later, or be no till of these books' tables
 * at all. A registered till that a business names is its own and active. */
#ifndef SERVER_DOMAIN_BUSINESS_TILL_H
#define SERVER_DOMAIN_BUSINESS_TILL_H

#include "server/domain/domain.h"
#include "till.pb-c.h"

/* Digits, at most 20; with `needed`, one at least. */
enum status till_form_number(const char *number, const char *field, bool needed, struct fault *why) MUST_USE;

/* The row of a till by its number, with the position of its registration; NULL when there is none. */
Daftari__V1__TillInfo *till_find(struct kv_txn *state, const char *number, struct arena *arena);

/* May a business name this till as its default? No till of another (TILL_IN_USE), none that is deactivated
 * (TILL_INACTIVE). `business` BUSINESSES_MAX: one that is being opened. */
enum status till_check_default(struct kv_txn *state, const char *number, uint32_t business,
                               struct arena *arena, struct fault *why) MUST_USE;

decide_fn till_decide_open, till_decide_change, till_decide_deactivate, till_decide_reactivate,
    till_decide_rotate;
apply_fn till_apply_open, till_apply_change, till_apply_deactivate, till_apply_reactivate, till_apply_rotate;
query_fn till_query_list;

#endif
