/* What customers and suppliers owe and are owed: balances by party, folded from every posting that names one. */
#ifndef SERVER_DOMAIN_KERNEL_PARTY_H
#define SERVER_DOMAIN_KERNEL_PARTY_H

#include "proto/record/record.h"
#include "server/ports/kv.h"

#define PARTY_MAX 999999999u

/* Minor units of the base currency, debit positive; 0 when there never was a posting. */
int64_t party_balance(struct kv_txn *state, uint32_t party, uint32_t account, uint16_t business);

/* Kernel only, from apply: postings in the base currency that name a party. */
void party_balance_add(struct kv_txn *state, const struct posting *posting);

#endif
