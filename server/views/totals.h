/*
 * Totals by day, month and year, which answer "up to this date" from a few rows: whole years, then months of the last
 * year, then days of the last month. Used by the balances and the cash flow view. Pure over the kv port.
 *
 *   key:   u32 account, u16 business, u16 currency, u8 level, u32 period (YYYY, YYYYMM or YYYYMMDD)
 *   value: varint debit, varint credit, varint count (proto/base/wide.h)
 *
 * Tables of totals are packed by their first eight bytes, TOTALS_FLAGS: the years and months of an account lie together.
 * Sums are 128 bits wide: a balance is bounded by AMOUNT_MAX, a turnover is not.
 */
#ifndef SERVER_VIEWS_TOTALS_H
#define SERVER_VIEWS_TOTALS_H

#include "proto/base/date.h"
#include "proto/base/money.h"
#include "server/ports/kv.h"

#define TOTALS_FLAGS (KV_PACKED | KV_GROUP(8))

struct totals {
    int128 debit;
    int128 credit; /* as a positive number */
    uint64_t count;
};

struct totals_key {
    uint32_t account;
    uint16_t business;
    uint16_t currency;
};

/* What a row counts: everything (three levels), or one day of something that is looked at seldom. */
enum totals_level {
    TOTALS_YEAR = 1,
    TOTALS_MONTH = 2,
    TOTALS_DAY = 3,
    TOTALS_CLOSING_DAY = 4, /* what closing a year moved; counted in the levels above too */
};

void totals_add(struct kv_txn *txn, unsigned table, const struct totals_key *key, civil_date date,
                const struct totals *more);
void totals_add_closing(struct kv_txn *txn, unsigned table, const struct totals_key *key, civil_date date,
                        const struct totals *more);

/* The two above in terms of this: one row, read and written. They gather in a slice buffer when `txn` is one. */
void totals_row_add(struct kv_txn *txn, unsigned table, const struct totals_key *key, enum totals_level level,
                    uint32_t period, const struct totals *more);

/* Adds to *sum what is dated `to` or before; to = 0 adds nothing, DATE_MAX everything. */
void totals_up_to(struct kv_cursor *cursor, const struct totals_key *key, civil_date to, struct totals *sum);
/* Adds what is dated from .. to. */
void totals_between(struct kv_cursor *cursor, const struct totals_key *key, civil_date from, civil_date to,
                    struct totals *sum);
void totals_closing_between(struct kv_cursor *cursor, const struct totals_key *key, civil_date from,
                            civil_date to, struct totals *sum);

/* The first key at or after *key (every field counts); false when there is none. */
bool totals_key_at(struct kv_cursor *cursor, struct totals_key *key);
/* The key after *key in order of (account, business, currency); false when there is none. */
bool totals_key_next(struct kv_cursor *cursor, struct totals_key *key);

static inline int128 totals_net(const struct totals *totals)
{
    return totals->debit - totals->credit;
}

/* The day before, 0 for the first day there is or none. */
static inline civil_date date_before(civil_date date)
{
    return date <= DATE_MIN ? 0 : date_add_days(date, -1);
}

#endif
