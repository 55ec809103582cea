/* Inside the capability `business`: its commands, what they write, its queries. See domain.h for the forms. */
#ifndef SERVER_DOMAIN_BUSINESS_BUSINESS_H
#define SERVER_DOMAIN_BUSINESS_BUSINESS_H

#include "business.pb-c.h"
#include "server/domain/domain.h"
#include "server/domain/kernel/rows.h"

/* Key of TABLE_BUSINESS_UNIQUE: 'n' name, 't' default till. */
struct row_key business_unique_key(char kind, const char *text);

decide_fn business_decide_open, business_decide_change, business_decide_deactivate,
    business_decide_reactivate, business_decide_settings;
apply_fn business_apply_open, business_apply_change, business_apply_deactivate, business_apply_reactivate,
    business_apply_settings;
query_fn business_query_list, business_query_settings;

#endif
