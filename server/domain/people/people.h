/* The roles that every set of books has, by the catalogue's permission table (5.1). Pure. */
#ifndef SERVER_DOMAIN_PEOPLE_PEOPLE_H
#define SERVER_DOMAIN_PEOPLE_PEOPLE_H

#include "people.pb-c.h"
#include "proto/wire/arena.h"

extern const size_t people_built_in_role_count;

/* Role `index` as the body of internal.DefineRole, which `daftarid init` gives the writer; NULL when the arena is
 * full. */
Daftari__V1__DefineRole *people_built_in_role(size_t index, struct arena *arena);

#endif
