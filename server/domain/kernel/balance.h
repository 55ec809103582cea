/*
 * Balances: of today, and as at any business date.
 *
 *   TABLE_BALANCE row:  off len field
 *                         0  16 total: every posting there is, whatever its date
 *                        16   4 date   of the last posting
 *                        20  16 net    of that date, as far as it is not in TABLE_DAY
 *                        36   4 newest date of the account in TABLE_DAY; 0 = it has none
 *
 * Sums have 128 bits: within one record, and among the postings of one date, they may pass the ledger's limit on the
 * way to a balance that keeps it.
 *
 * A decision needs the total; a year close and a reconciliation need the balance as at an earlier date, from core
 * state, however entries were back-dated. So totals by day are kept too, but the day under way stays in the balance
 * row and only moves to TABLE_DAY when a posting of another date comes: entries in date order cost no second row.
 * Balance as at a date = total less what is dated later. Why not otherwise: docs/decisions/0020-balances-by-day.md.
 */
#ifndef SERVER_DOMAIN_KERNEL_BALANCE_H
#define SERVER_DOMAIN_KERNEL_BALANCE_H

#include "proto/record/record.h"
#include "server/ports/kv.h"

#define BALANCE_KEY_BYTES 8u
void balance_key(uint32_t account, uint16_t business, uint16_t currency, uint8_t out[BALANCE_KEY_BYTES]);

/* Minor units, debit positive; 0 when never posted to. CORRUPT on the transaction when it is past the limit. */
int64_t balance_get(struct kv_txn *state, uint32_t account, uint16_t business, uint16_t currency);
/* The same as at the end of a business date. False when that is out of range: balances are held in range when
 * entries are posted, whatever their dates, so a balance as at an earlier date may have been outside. */
bool balance_as_at(struct kv_txn *state, uint32_t account, uint16_t business, uint16_t currency,
                   civil_date date, int64_t *out) MUST_USE;

bool balance_row_is_zero(struct slice value); /* of TABLE_BALANCE */

/* Kernel only, from apply. */
void balance_add(struct kv_txn *state, const struct posting *posting, civil_date date);

#endif
