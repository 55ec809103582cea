/* What the reports of reconciliations share. */
#ifndef SERVER_VIEWS_RECONCILED_H
#define SERVER_VIEWS_RECONCILED_H

#include "reconciliation.pb-c.h"
#include "server/views/reports/report_run.h"

/* The balance of an account's part at the end of a date, debit positive, as the books are now. */
enum status reconciled_balance(struct report_run *run, uint32_t account, uint16_t business, uint16_t currency,
                               civil_date date, int128 *out) MUST_USE;
/* Business and currency of a reconciliation; false when they are gone. */
bool reconciled_part(struct report_run *run, const Daftari__V1__ReconciliationInfo *info, uint16_t *business,
                     uint16_t *currency);

#endif
