/*
 * The law of effects, for every record type there is and will be.
 *
 * Deciding: postings are nonzero and in range, name known currencies, businesses and accounts that take postings,
 * sum to zero per business and currency, leave every balance in range and none below zero where the account's rule
 * forbids it. Applying: the same record folded into balances, document numbers, command ids and reversal marks.
 */
#ifndef SERVER_DOMAIN_KERNEL_EFFECTS_H
#define SERVER_DOMAIN_KERNEL_EFFECTS_H

#include "server/domain/domain.h"

/* What the postings of one record do to one balance. */
struct balance_change {
    uint32_t account;
    uint16_t business;
    uint16_t currency;
    uint32_t first; /* index of the first posting to it */
    int128 sum;
};
/* Postings added up by balance, in order of first appearance; NULL when the arena is full. */
struct balance_change *effects_changes(const struct posting *postings, size_t count, struct arena *arena,
                                       size_t *out_count);

/* The law. `lines_named`: postings stand for request lines of the same index, so a refusal names "lines[i].account". */
enum status effects_check(struct kv_txn *state, const struct decision *decision, bool lines_named,
                          struct arena *arena, struct fault *why) MUST_USE;

/* The kernel's part of apply: contradictions set CORRUPT. `undoes`: it is the mirror of the record that `cause` names. */
void effects_apply(struct kv_txn *state, const struct record *record, bool undoes);

#endif
