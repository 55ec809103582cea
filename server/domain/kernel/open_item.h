/*
 * Open documents of customers and suppliers: what is left to pay of each, folded from every posting that names a party on
 * an account of class receivable or payable, whatever record it is in.
 *
 * What adds to a debt opens an item for its record. What lowers one settles: first the item of the record that `cause`
 * names (a void, a return), then what the payload says, then the oldest first; a rest is kept as an item below zero, which
 * the next debt uses up. The mirror of something that settled opens again what that had settled. So the items of one
 * party, account and business always add up to its balance, and never have both signs.
 *
 *   TABLE_OPEN_ITEM value:  u32 due date, i64 left       TABLE_SETTLED value:  u32 date and u32 due date of the
 *                                                       document, u32 date of what settles, i64 amount
 *   Amounts are minor units of the base currency, in the direction of a debt (a payable's is turned round).
 */
#ifndef SERVER_DOMAIN_KERNEL_OPEN_ITEM_H
#define SERVER_DOMAIN_KERNEL_OPEN_ITEM_H

#include "server/domain/domain.h"

struct open_item {
    uint32_t party, account;
    uint16_t business;
    civil_date date;
    uint64_t document; /* position of its record */
    civil_date due;
    int64_t left;
};

/* The next of the same party, account and business, oldest first; start with date and document 0. */
bool open_item_next(struct kv_txn *state, struct open_item *at);
/* That of a document; false when nothing is left of it, or when it is of somebody else. */
bool open_item_find(struct kv_txn *state, uint32_t party, uint32_t account, uint16_t business,
                    uint64_t document, struct open_item *out);

bool open_item_next_of_all(struct kv_txn *state, struct open_item *at); /* start with all zero */

/* What settled what, every pair there is; start with all zero. `item.left` is the amount settled; its party may be one
 * that was merged into another since. */
struct settled {
    uint64_t settler; /* position */
    civil_date date;  /* of the settler */
    struct open_item item;
};
bool settled_next(struct kv_txn *state, struct settled *at);

/* Kernel only, from apply. */
struct settling {
    const struct record *record;
    bool undoes; /* it is the mirror of the record that `cause` names */
    allocated_fn *allocated;
    const ProtobufCMessage *payload;
};
/* One posting of it; its party is one that stands for itself. */
void open_item_apply(struct kv_txn *state, const struct settling *settling, const struct posting *posting);
void open_item_merge(struct kv_txn *state, uint32_t from, uint32_t into, uint32_t account, uint16_t business);

#endif
