/*
 * A write transaction for the domain's own apply functions which writes master rows into the audit view's tables and
 * notes, for every row that changes, what it was before and what it is after (for a setting from a new date: the value
 * that held until then). It is given to domain_apply_master in
 * place of a transaction on the domain's tables. One thread; lives for one record.
 */
#ifndef SERVER_VIEWS_WATCH_H
#define SERVER_VIEWS_WATCH_H

#include "proto/wire/arena.h"
#include "server/ports/kv.h"

struct watch {
    struct kv_txn base; /* first: this is the transaction */
    struct kv_txn *inner;
    struct arena *arena; /* old values and cursors */
    uint64_t position;   /* of the record being applied */
    uint16_t changes;    /* noted so far */
};

void watch_init(struct watch *watch, struct kv_txn *inner, uint64_t position, struct arena *arena);

#endif
