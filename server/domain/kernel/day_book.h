/*
 * The day book: what each business took and paid on a date, by what moved it and in which kind of money, folded from the
 * postings of every record that is of a transaction type. The Z report of a till is made of it (capability `days`).
 *
 *   TABLE_DAY_BOOK, u16 business, u32 date:
 *     off len field                                        then, for each pair that there is, 19 bytes:
 *       0   2 series  of the first sale recorded            0  1 kind (DayFlowKind)   6  4 count of records
 *       2   4 number                                        1  1 method              10  8 amount: in less out
 *       6   2 series  of the last                           2  4 account of cash, else 0
 *       8   4 number                                       18  1 reserved = 0
 *      12   8 tax: VAT in sales less refunds and voids
 */
#ifndef SERVER_DOMAIN_KERNEL_DAY_BOOK_H
#define SERVER_DOMAIN_KERNEL_DAY_BOOK_H

#include "day.pb-c.h"
#include "server/domain/domain.h"

struct day_book_head {
    uint16_t first_series, last_series; /* 0: no sale */
    uint32_t first_number, last_number;
    int64_t tax;
};
struct day_book_row {
    Daftari__V1__DayFlowKind kind;
    Daftari__V1__DayFlowMethod method;
    uint32_t account; /* of cash */
    uint32_t count;
    int64_t amount;
    bool counted; /* while one record is folded: it is in `count` */
};

/* What people read of a record of this type in the Z report; FLOW_OTHER for all types that have no place of their own. */
Daftari__V1__DayFlowKind day_book_kind(uint16_t type);

/* False when nothing is in it. The rows are in the arena. */
bool day_book_get(struct kv_txn *state, uint16_t business, civil_date date, struct arena *arena,
                  struct day_book_head *out_head, struct day_book_row **out_rows, size_t *out_count);

/* A sale, return, void or payment is not dated on a day that is closed: DAY_CLOSED. */
enum status day_book_check(struct kv_txn *state, const struct decision *decision, struct fault *why) MUST_USE;

/* Kernel only, from apply. */
void day_book_apply(struct kv_txn *state, const struct record *record, struct arena *arena);

#endif
