/*
 * Customers and suppliers in documents: who is meant, his credit limit, and what he owes or is owed, folded from every
 * posting that names him.
 *
 *   TABLE_PARTY row:  off len field                      off len field
 *                       0   1 kind (PartyKind)             4   4 merged_into, 0 = not merged
 *                       1   1 flags: 1 active, 2 anonymous  8     PartyInfo
 *                       2   2 reserved = 0
 */
#ifndef SERVER_DOMAIN_KERNEL_PARTY_H
#define SERVER_DOMAIN_KERNEL_PARTY_H

#include "proto/base/money.h"
#include "proto/record/record.h"
#include "proto/wire/arena.h"
#include "server/ports/kv.h"

#define PARTY_HEAD_BYTES 8u

enum party_kind { PARTY_NOBODY, PARTY_IS_CUSTOMER, PARTY_IS_SUPPLIER }; /* as PartyKind */

struct party_row {
    uint32_t number;
    enum party_kind kind;
    bool active;
    bool anonymous;
    uint32_t merged_into;
};

bool party_row_get(struct kv_txn *state, uint32_t number, struct party_row *out);
/* A customer by phone or code, a supplier by name; one that was merged gives the one that stands for him. False when there
 * is none. */
bool party_find(struct kv_txn *state, enum party_kind kind, const char *text, struct party_row *out);

/* For answers: his phone or code, and his name, in the arena; what is not there stays as it was. */
void party_names(struct kv_txn *state, uint32_t party, struct arena *arena, char **out_key, char **out_name);

/* His own limit in a business; false when he has none. */
bool party_credit_limit(struct kv_txn *state, uint32_t party, uint16_t business, int64_t *out_minor);

/* Minor units of the base currency, debit positive; 0 when there never was a posting. */
int64_t party_balance(struct kv_txn *state, uint32_t party, uint32_t account, uint16_t business);

/* Kernel only, from apply: postings in the base currency that name a party. */
void party_balance_add(struct kv_txn *state, const struct posting *posting);

#endif
