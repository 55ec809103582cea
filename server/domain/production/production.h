/*
 * Inside the capability `production`: recipes.c (what is made of what), record.c (B-03, O-11), undo.c (void). The rules in
 * words: docs/domain-trade.md.
 */
#ifndef SERVER_DOMAIN_PRODUCTION_PRODUCTION_H
#define SERVER_DOMAIN_PRODUCTION_PRODUCTION_H

#include "production.pb-c.h"
#include "server/domain/kernel/stock_line.h"

#define RECIPE_LINES_MAX 50u

decide_fn recipe_decide_define, production_decide_record, production_decide_void;
apply_fn recipe_apply_defined, production_apply_recorded, production_apply_voided;
query_fn recipe_query_list;

/* The recipe that holds in a business: its own, else HQ's. In the arena; NULL when there is none. */
Daftari__V1__RecipeInfo *recipe_get(struct kv_txn *state, uint32_t item, uint16_t business,
                                    struct arena *arena);

/* The condition in which an item is made. */
static inline Daftari__V1__Condition made_condition(const struct item_row *item)
{
    return item->container ? DAFTARI__V1__CONDITION__CONDITION_FILLED
                           : DAFTARI__V1__CONDITION__CONDITION_PLAIN;
}

#endif
