/*
 * Inside the capability `parties`. Reading order: customers.c and suppliers.c (particulars), history.c (credit limits,
 * merging, taking particulars out), payments.c, allocation.c, payment_void.c, queries.c, capability.c. Rows and balances: kernel/party.h. The rules in words:
 * docs/domain-trade.md.
 */
#ifndef SERVER_DOMAIN_PARTIES_PARTIES_H
#define SERVER_DOMAIN_PARTIES_PARTIES_H

#include "payment.pb-c.h"
#include "server/domain/domain.h"
#include "server/domain/kernel/document.h"
#include "server/domain/kernel/party.h"

#define PARTY_CODE_MAX   20u
#define PARTY_ID_MAX     50u
#define PARTY_TERMS_MAX  365u /* days */
#define PARTY_MERGED_MAX 100u /* customers merged into one: bounds its row */
#define ALLOCATIONS_MAX  100u /* that a payment names */

decide_fn customer_decide_add, customer_decide_change, customer_decide_deactivate, customer_decide_reactivate;
apply_fn customer_apply_add, customer_apply_change;
decide_fn supplier_decide_add, supplier_decide_change, supplier_decide_deactivate, supplier_decide_reactivate;
apply_fn supplier_apply_add, supplier_apply_change;
apply_fn party_apply_deactivate, party_apply_reactivate;

decide_fn customer_decide_limit, customer_decide_merge, customer_decide_anonymise;
apply_fn customer_apply_limit, customer_apply_merge, customer_apply_anonymise;

query_fn customer_query_list, customer_query_show, supplier_query_list;

decide_fn payment_decide_receive, payment_decide_pay, payment_decide_refund, payment_decide_write_off,
    payment_decide_void;
apply_fn payment_apply, payment_apply_void;
allocated_fn payment_allocated;

/* Which open documents `amount` settles: those given, then the oldest first; all of them into the payload. Fields begin with
 * "allocations". DOCUMENT_UNKNOWN, ALLOCATION_TOO_LARGE. */
void payment_allocate(struct document *document, uint32_t party, uint32_t account,
                      Daftari__V1__Allocation *const *given, size_t count, int64_t amount,
                      Daftari__V1__PaymentRecorded *payload);

/* The one whom a command names; one that was merged gives the one that stands for him. PARTY_UNKNOWN; no refusal says
 * more than the command did. */
enum status party_require(struct kv_txn *state, enum party_kind kind, const char *text, const char *field,
                          struct party_row *out, struct fault *why) MUST_USE;

/* Deactivates or reactivates the one whom a command names, by an event of `type`. ALREADY_INACTIVE, ALREADY_ACTIVE. */
enum status party_decide_active(struct kv_txn *state, enum party_kind kind, const char *text, bool active,
                                uint16_t type, struct decision *out, struct fault *why) MUST_USE;

/* Checks of form that both kinds share. Absent and empty are fine, but for a needed name. */
struct party_particulars {
    const char *phone, *second_phone, *email, *address, *note, *tax_pin;
};
enum status party_form(const struct party_particulars *given, struct fault *why) MUST_USE;

#endif
