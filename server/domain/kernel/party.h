/*
 * Customers and suppliers in documents: who is meant, his credit limit, and what he owes or is owed, folded from every
 * posting that names him.
 *
 *   TABLE_PARTY row:  off len field                      off len field
 *                       0   1 kind (PartyKind)             4   4 merged_into, 0 = not merged
 *                       1   1 flags: 1 active, 2 anonymous  8     PartyInfo
 *                       2   2 terms_days
 *
 * A customer that was merged into another stays a row of its own; what is recorded under its number from then on counts
 * for the other one. Its keys lead to the other one as well.
 */
#ifndef SERVER_DOMAIN_KERNEL_PARTY_H
#define SERVER_DOMAIN_KERNEL_PARTY_H

#include "party.pb-c.h"
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
    uint16_t terms_days;
    uint32_t merged_into;
};

bool party_row_get(struct kv_txn *state, uint32_t number, struct party_row *out);
/* The message of a row, unpacked; NULL when there is none. */
Daftari__V1__PartyInfo *party_info_get(struct kv_txn *state, uint32_t number, struct arena *arena);
/* From apply: the row; keys are the caller's. */
void party_row_put(struct kv_txn *state, const struct party_row *row, const Daftari__V1__PartyInfo *info,
                   struct arena *arena);
/* The number that stands for this one: itself, or what it was merged into. */
uint32_t party_standing(struct kv_txn *state, uint32_t number);

/* What TABLE_PARTY_KEY leads texts by. */
#define PARTY_KEY_PHONE    'p'
#define PARTY_KEY_CODE     'c'
#define PARTY_KEY_SUPPLIER 's'
/* The row that a key leads to, not the one that stands for it; 0: none. */
uint32_t party_key_get(struct kv_txn *state, char kind, const char *text);
void party_key_put(struct kv_txn *state, char kind, const char *text, uint32_t number); /* from apply */
void party_key_drop(struct kv_txn *state, char kind, const char *text,
                    uint32_t number); /* from apply; when it leads there */
/* A customer by phone or code, a supplier by name; one that was merged gives the one that stands for him. False when there
 * is none. */
bool party_find(struct kv_txn *state, enum party_kind kind, const char *text, struct party_row *out);

/* For answers: his phone or code, and his name, in the arena; what is not there stays as it was. */
void party_names(struct kv_txn *state, uint32_t party, struct arena *arena, char **out_key, char **out_name);

/* His own limit in a business; false when he has none. */
bool party_credit_limit(struct kv_txn *state, uint32_t party, uint16_t business, int64_t *out_minor);

/* From apply. A limit below zero goes. */
void party_credit_limit_put(struct kv_txn *state, uint32_t party, uint16_t business, int64_t limit);

/* Minor units of the base currency, debit positive, of the one who stands for `party`; 0 when there never was a posting. */
int64_t party_balance(struct kv_txn *state, uint32_t party, uint32_t account, uint16_t business);

/* Is there a balance other than zero, on any account in any business? */
bool party_has_balance(struct kv_txn *state, uint32_t party);

/* The next of a party's rows, for lists: start with an empty place (account and business 0, `started` false). */
struct party_balance_place {
    bool started;
    uint32_t account;
    uint16_t business;
};
bool party_balance_next(struct kv_txn *state, uint32_t party, struct party_balance_place *place,
                        int64_t *out_balance);
bool party_limit_next(struct kv_txn *state, uint32_t party, struct party_balance_place *place,
                      int64_t *out_limit); /* `account` stays 0 */

/* Kernel only, from apply: the postings of a record in the base currency that name a party, with the open documents
 * that they make and settle (kernel/open_item.h). */
struct settling;
void party_apply(struct kv_txn *state, const struct settling *settling);
/* From apply: balances, open documents and limits of `from` become those of `into`, which keeps the limits it has. */
void party_merge(struct kv_txn *state, uint32_t from, uint32_t into);

#endif
