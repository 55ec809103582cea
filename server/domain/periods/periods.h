/* Inside the capability `periods`. Reading order: periods.c (months), year_close.c, capability.c. */
#ifndef SERVER_DOMAIN_PERIODS_PERIODS_H
#define SERVER_DOMAIN_PERIODS_PERIODS_H

#include "period.pb-c.h"
#include "server/domain/domain.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/periods.h"

#define PERIOD_STATE_CLOSING "closing" /* of a year: some accounts are closed, Period.CloseYear goes on */

/* In the order of how little may still be posted. */
enum period_state { PERIOD_OPEN, PERIOD_SOFT_CLOSED, PERIOD_CLOSING, PERIOD_CLOSED };

/* Of a month YYYYMM or a fiscal year YYYY00. */
enum period_state period_state_of(struct kv_txn *state, uint32_t period, struct arena *arena);
void period_put(struct kv_txn *state, const struct record *record, uint32_t period, const char *name,
                char *note, struct arena *arena);

decide_fn period_decide_soft_close, period_decide_close, period_decide_reopen, year_decide_close;
apply_fn period_apply_soft_closed, period_apply_closed, period_apply_reopened, year_apply_closed;
query_fn period_query_list;

#endif
