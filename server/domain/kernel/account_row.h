/*
 * A row of TABLE_ACCOUNT: a fixed head that postings are checked against without decoding, then AccountInfo.
 *
 *   off len field                                   off len field
 *     0   1 type: the first digit of the number       4   1 negative (NegativeRule)
 *     1   1 flags: 1 contra, 2 header, 4 active, 8 till      5   1 class (AccountClass)
 *     2   2 business, ACCOUNT_SHARED = none           6   2 reserved = 0
 *                                                     8   4 parent, 0 = none
 */
#ifndef SERVER_DOMAIN_KERNEL_ACCOUNT_ROW_H
#define SERVER_DOMAIN_KERNEL_ACCOUNT_ROW_H

#include "account.pb-c.h"
#include "proto/wire/arena.h"
#include "server/ports/kv.h"

#define ACCOUNT_SHARED     UINT16_MAX
#define ACCOUNT_ROW_BYTES  12u
#define ACCOUNT_NUMBER_MIN 1000u /* four digits */
#define ACCOUNT_NUMBER_MAX 599999999u

enum account_type {
    ACCOUNT_ASSET = 1,
    ACCOUNT_LIABILITY = 2,
    ACCOUNT_EQUITY = 3,
    ACCOUNT_REVENUE = 4,
    ACCOUNT_EXPENSE = 5,
};

struct account_row {
    enum account_type type;
    bool contra;
    bool header; /* groups others, takes no postings */
    bool active;
    bool till;         /* of class cash, and days of it were opened (kernel/till_day.h) */
    uint16_t business; /* ACCOUNT_SHARED = no single one */
    Daftari__V1__NegativeRule negative;
    Daftari__V1__AccountClass class;
    uint32_t parent;
};

/* The type a number says (its first digit), 0 when it is no account number. */
enum account_type account_type_of(uint32_t number);
const char *account_type_name(enum account_type type); /* "asset"; "" for none */

/* The head alone: what the posting path uses. False when there is no such account. */
bool account_row_get(struct kv_txn *state, uint32_t number, struct account_row *out);
/* The head of a row already read; false (and CORRUPT on the transaction) when it is none. */
bool account_row_decode(struct kv_txn *state, struct slice value, struct account_row *out);

/* The whole row as AccountInfo in the arena; NULL when there is none. */
Daftari__V1__AccountInfo *account_info_get(struct kv_txn *state, uint32_t number, struct arena *arena);
/* The AccountInfo of a row already read. */
Daftari__V1__AccountInfo *account_info_of_row(struct kv_txn *state, struct slice value, struct arena *arena);
void account_row_put(struct kv_txn *state, uint32_t number, const struct account_row *head,
                     const Daftari__V1__AccountInfo *info, struct arena *arena);

/* From apply: days of it were opened. */
void account_row_mark_till(struct kv_txn *state, uint32_t number, struct arena *arena);

/* +1 when a debit adds to the account's normal side (assets, expenses, contra of the others), else -1. */
int account_normal_sign(const struct account_row *row);

/* The account with the lowest number that has this class, takes postings, is active and may be used by this business
 * (shared, or its own); 0 when there is none. Scans the chart: for rare operations. */
uint32_t account_of_class(struct kv_txn *state, Daftari__V1__AccountClass class, uint16_t business);

/* True when any business or currency has a balance on it. */
bool account_has_balance(struct kv_txn *state, uint32_t number);
/* True when anything was ever posted to it. */
bool account_has_postings(struct kv_txn *state, uint32_t number);

#endif
