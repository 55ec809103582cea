/* The functions behind the capability's tables (people.c). Private to server/domain/people. */
#ifndef SERVER_DOMAIN_PEOPLE_PARTS_H
#define SERVER_DOMAIN_PEOPLE_PARTS_H

#include "server/domain/people/user_row.h"

#define REASON(name) DAFTARI__V1__REASON__##name

/* ---- for the deciders ------------------------------------------------------------------------------------------ */

/* A user that a command names by e-mail: known (USER_UNKNOWN), and not more powerful than the one who asks
 * (CANNOT_GRANT_MORE): whoever could change a stronger user's password or e-mail could become him. */
enum status require_user(const struct context *context, struct kv_txn *state, const char *email,
                         struct user_row *out, struct fault *why) MUST_USE;
/* ---- users.c ----------------------------------------------------------------------------------------------------- */

decide_fn decide_user_create, decide_user_change, decide_password_set, decide_user_deactivate,
    decide_user_reactivate, decide_user_lock, decide_user_unlock, decide_roles_assign;
apply_fn apply_user_created, apply_user_changed, apply_password_set, apply_user_deactivated,
    apply_user_reactivated, apply_user_locked, apply_user_unlocked, apply_roles_assigned;

/* ---- roles.c ----------------------------------------------------------------------------------------------------- */

decide_fn decide_role_define, decide_role_define_built_in, decide_role_deactivate;
apply_fn apply_role_defined, apply_role_deactivated;

/* ---- grants.c ------------------------------------------------------------------------------------------------------ */

decide_fn decide_access_grant, decide_access_revoke, decide_certificate_enroll, decide_certificate_revoke;
apply_fn apply_access_granted, apply_access_revoked, apply_certificate_enrolled, apply_certificate_revoked;

/* ---- sessions.c ---------------------------------------------------------------------------------------------------- */

decide_fn decide_session_open, decide_session_used, decide_session_close, decide_sessions_revoke,
    decide_logins_refused, decide_access_refused, decide_data_exported;
apply_fn apply_session_opened, apply_session_used, apply_session_closed, apply_sessions_revoked;
/* Takes away the open sessions of `user` but `keep`; those opened by certificate only, if so asked. */
void sessions_end(struct kv_txn *state, uint32_t user, uint64_t keep, bool by_certificate);

/* ---- people_queries.c ---------------------------------------------------------------------------------------------- */

query_fn query_users, query_roles, query_access, query_sessions;

#endif
