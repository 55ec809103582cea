/* What a user may do, computed from core state (or the masters view): roles, access rows, flags. Pure. */
#ifndef SERVER_DOMAIN_PEOPLE_RIGHTS_H
#define SERVER_DOMAIN_PEOPLE_RIGHTS_H

#include "server/domain/domain.h"

/* Rights of `user` as `state` stands. An unknown user has none and is not active; an inactive user's rights are
 * those that he would have, with `active` false. A locked user keeps them: the lock is on his password only.
 * Sets no error of its own; kv_error(state) tells whether they could be read, and when not, *out grants nothing. */
void rights_compute(struct kv_txn *state, uint32_t user, struct rights *out);

/* What these roles (names) give together, without access rows. Unknown and inactive roles give nothing. */
void rights_of_roles(struct kv_txn *state, char *const *roles, size_t role_count, struct rights *out);

/* Has `mine` everything that `theirs` has, whether they are active or not? NULL for `mine` is the server: true. */
bool rights_cover(const struct rights *mine, const struct rights *theirs);

/* And what access to a business gives him who has no role? */
bool rights_cover_reader(const struct rights *mine);

/* DENIED, saying which permission `what` (a method, a report) needs. */
enum status rights_deny(const char *what, const char *field, unsigned permission, enum permission_level level,
                        struct fault *why);

#endif
