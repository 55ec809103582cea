/*
 * The days of tills. A till is an account of class cash in a business; its day is opened and closed (capability `days`).
 * What is closed stays as the Z report says: nothing dated on a closed day or before moves that till any more, and no
 * sale, return, void or payment of the business is dated there once the day of its main till is closed.
 *
 *   TABLE_TILL_DAY row, u16 business, u32 account; account 0: closed_date, closed_position and closed_before of whatever till
 *   the posting rules named (the main one) when its day was closed; the rest is 0:
 *     off len field                                off len field
 *       0   4 open_date     0: no day is open       16   8 closed_position  of its Z report
 *       4   8 open_position of the last opening     24   4 closed_before    the day closed before that
 *      12   4 closed_date   last day closed, or 0   28   4 z_number         of the last Z report
 */
#ifndef SERVER_DOMAIN_KERNEL_TILL_DAY_H
#define SERVER_DOMAIN_KERNEL_TILL_DAY_H

#include "server/domain/domain.h"

#define TILL_MAIN 0u

struct till_day {
    civil_date open_date;
    uint64_t open_position;
    civil_date closed_date;
    uint64_t closed_position;
    civil_date closed_before;
    uint32_t z_number;
};

/* All zero when no day of it was ever opened: false. */
bool till_day_get(struct kv_txn *state, uint16_t business, uint32_t account, struct till_day *out);
void till_day_put(struct kv_txn *state, uint16_t business, uint32_t account,
                  const struct till_day *day); /* from apply */

/* DAY_CLOSED, field "date", when the day of this till is closed for the date. */
enum status till_day_check(struct kv_txn *state, uint16_t business, uint32_t account, civil_date date,
                           struct fault *why) MUST_USE;
/* The day after the last that was closed; 0 when none was yet. */
civil_date till_day_first_open(struct kv_txn *state, uint16_t business, uint32_t account);
/* Tills with an open day from..to; of one of them the row's business and account. */
uint32_t till_days_open_between(struct kv_txn *state, civil_date from, civil_date to, uint16_t *out_business,
                                uint32_t *out_account);

#endif
