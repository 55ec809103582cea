/*
 * M-Pesa receipts: unique over all tills and documents, for ever. A row says who has it.
 *
 *   TABLE_RECEIPT, receipt:  off len field
 *                              0   1 state
 *                              1   8 position of the record that brought or used it
 *                              9   8 amount, minor units; below zero = money that went out. M-Pesa's once it told
 *                             17   4 account: while cited, where the document has its money; else where it waits, or would
 *                                    wait were it not matched (2120), or where its reversal put it
 *                             21   2 business of that
 *                             23   8 position of the record in which M-Pesa told of it; 0 = not yet
 */
#ifndef SERVER_DOMAIN_KERNEL_RECEIPT_H
#define SERVER_DOMAIN_KERNEL_RECEIPT_H

#include "proto/record/record.h"
#include "server/ports/kv.h"

enum receipt_state {
    RECEIPT_CITED = 1, /* a document names it, M-Pesa has not told of it yet */
    RECEIPT_PARKED,    /* M-Pesa told of it; no document has it: its money is in ROLE_UNMATCHED */
    RECEIPT_MATCHED,   /* both */
    RECEIPT_REVERSED,  /* M-Pesa took it back */
};
struct receipt_row {
    enum receipt_state state;
    uint64_t position;
    int64_t amount;
    uint32_t account;
    uint16_t business;
    uint64_t told;
};
#define RECEIPT_TEXT_MAX 20u /* 10 characters today */

/* 6 to RECEIPT_TEXT_MAX capital letters and digits. */
bool receipt_form(const char *text);
bool receipt_get(struct kv_txn *state, const char *receipt, struct receipt_row *out);
void receipt_put(struct kv_txn *state, const char *receipt, const struct receipt_row *row); /* from apply */
void receipt_delete(struct kv_txn *state, const char *receipt);                             /* from apply */

#endif
