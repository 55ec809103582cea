/* The date rule: may a document carry this business date? */
#ifndef SERVER_DOMAIN_KERNEL_PERIODS_H
#define SERVER_DOMAIN_KERNEL_PERIODS_H

#include "server/domain/domain.h"
#include "server/domain/kernel/facts.h"

/* The states of PeriodInfo.state. No row = open. */
#define PERIOD_STATE_OPEN        "open"
#define PERIOD_STATE_SOFT_CLOSED "soft closed"
#define PERIOD_STATE_CLOSED      "closed"

/* PERIOD_CLOSED when the date's month or fiscal year is closed, PERIOD_SOFT_CLOSED when its month is soft closed and
 * `rights` lack the permission to close periods (NULL rights: the server, which has it). Field "date". The date
 * must be valid. */
enum status period_check(struct kv_txn *state, const struct rights *rights, civil_date business_date,
                         struct fault *why) MUST_USE;

/* The whole rule, in this order: a real date (INVALID); not before the books' first day (DATE_BEFORE_BOOKS); at most
 * one day after today, for clocks and time zones of devices (DATE_IN_FUTURE); period_check. */
enum status date_check(const struct context *context, struct kv_txn *state, const struct facts *facts,
                       civil_date business_date, struct fault *why) MUST_USE;

/* Open drafts and adjustment requests with an entry date in [from, to], and the position of the first when there are any. Those
 * without a date belong to no month yet. */
uint32_t drafts_open_between(struct kv_txn *state, civil_date from, civil_date to, uint64_t *out_first);
uint32_t adjustments_open_between(struct kv_txn *state, civil_date from, civil_date to, uint64_t *out_first);

#endif
