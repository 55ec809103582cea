/* Inside the capability `reconciliation`. Reading order: reconciliation.c, capability.c. */
#ifndef SERVER_DOMAIN_RECONCILIATION_RECONCILIATION_H
#define SERVER_DOMAIN_RECONCILIATION_RECONCILIATION_H

#include "reconciliation.pb-c.h"
#include "server/domain/domain.h"
#include "server/domain/kernel/account_row.h"

#define RECONCILIATION_PENDING     "pending"
#define RECONCILIATION_RECONCILED  "reconciled"
#define RECONCILIATION_DISCREPANCY "discrepancy"
#define RECONCILIATION_BOOKED      "booked"
#define RECONCILIATION_REOPENED    "reopened"

decide_fn reconciliation_decide_record, reconciliation_decide_book, reconciliation_decide_reopen;
apply_fn reconciliation_apply_recorded, reconciliation_apply_booked, reconciliation_apply_reopened;
query_fn reconciliation_query_list;

/* Line by line: statement.c. */
decide_fn statement_decide_start, statement_decide_add, statement_decide_match, statement_decide_unmatch,
    statement_decide_ignore, statement_decide_complete;
apply_fn statement_apply_started, statement_apply_imported, statement_apply_matched,
    statement_apply_unmatched, statement_apply_ignored, statement_apply_completed;
query_fn statement_query_lines;
/* A reconciliation by statement that is set aside is under way no more. */
void reconciliation_end_pending(struct kv_txn *state, uint64_t position, struct arena *arena);

/* What both ways share. */
Daftari__V1__ReconciliationInfo *reconciliation_info_get(struct kv_txn *state, uint64_t position,
                                                         struct arena *arena);
void reconciliation_info_put(struct kv_txn *state, const Daftari__V1__ReconciliationInfo *info,
                             struct arena *arena);
/* The account, and the business whose part of it is meant. */
enum status reconciliation_check_account(const struct context *context, struct kv_txn *state, uint32_t number,
                                         const char *code, struct account_row *account, uint16_t *business,
                                         struct fault *why) MUST_USE;
enum status reconciliation_check_date(const struct context *context, struct kv_txn *state, civil_date date,
                                      struct fault *why) MUST_USE;
/* As at a date, in the account's normal direction (`sign`). */
enum status reconciliation_system_balance(struct kv_txn *state, uint32_t account, int sign, uint16_t business,
                                          uint16_t currency, civil_date date, int64_t *out,
                                          struct fault *why) MUST_USE;
/* One that a command names, in a business where the one who asks may record. */
enum status reconciliation_require_info(const struct context *context, struct kv_txn *state,
                                        uint64_t position, bool even_inactive,
                                        Daftari__V1__ReconciliationInfo **out, uint16_t *business,
                                        struct fault *why) MUST_USE;

/* What the reversal of the entry at `entry` undoes: a difference that it booked is there again. */
void reconciliation_unbook(struct kv_txn *state, uint64_t entry, struct arena *arena);

#endif
