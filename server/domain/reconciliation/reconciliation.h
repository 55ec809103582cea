/* Inside the capability `reconciliation`. Reading order: reconciliation.c, capability.c. */
#ifndef SERVER_DOMAIN_RECONCILIATION_RECONCILIATION_H
#define SERVER_DOMAIN_RECONCILIATION_RECONCILIATION_H

#include "reconciliation.pb-c.h"
#include "server/domain/domain.h"

decide_fn reconciliation_decide_record, reconciliation_decide_book, reconciliation_decide_reopen;
apply_fn reconciliation_apply_recorded, reconciliation_apply_booked, reconciliation_apply_reopened;
query_fn reconciliation_query_list;

/* What the reversal of the entry at `entry` undoes: a difference that it booked is there again. */
void reconciliation_unbook(struct kv_txn *state, uint64_t entry, struct arena *arena);

#endif
