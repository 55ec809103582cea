/*
 * Totals by day, month and year, which answer "up to this date" from a few rows of an account: whole years, then months
 * of the last year, then days of the last month. Used by the balances and the cash flow view. Pure over the kv port.
 *
 *   key:   u8 level, u32 of which, u32 account, business, currency, period
 *          level     of which    period
 *          years     0           u16 YYYY
 *          months    YYYY        u8 MM
 *          days      YYYYMM      u8 DD
 *          closings  0           u32 YYYYMMDD
 *          business and currency: u8 up to 250; else 251, u16
 *   value: varint debit, varint credit, varint count (proto/base/wide.h)
 *
 * So the rows that a date needs of all accounts lie together three times, and those of one account in three places: a
 * trial balance walks years, months of one year and days of one month side by side (server/views/totals_scan.h). Every
 * account that has a row has one of a year. Sums are 128 bits wide: a balance is bounded by AMOUNT_MAX, a turnover is not.
 */
#ifndef SERVER_VIEWS_TOTALS_H
#define SERVER_VIEWS_TOTALS_H

#include "proto/base/date.h"
#include "proto/base/money.h"
#include "server/ports/kv.h"

#define TOTALS_FLAGS KV_PACKED

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

/* The two above in terms of this: one row, read and written; `period` is YYYY, YYYYMM or YYYYMMDD. */
void totals_row_add(struct kv_txn *txn, unsigned table, const struct totals_key *key, enum totals_level level,
                    uint32_t period, const struct totals *more);

static inline void totals_plus(struct totals *sum, const struct totals *more)
{
    sum->debit += more->debit;
    sum->credit += more->credit;
    sum->count += more->count;
}
static inline void totals_minus(struct totals *sum, const struct totals *less)
{
    sum->debit -= less->debit;
    sum->credit -= less->credit;
    sum->count -= less->count;
}
static inline int128 totals_net(const struct totals *totals)
{
    return totals->debit - totals->credit;
}

/* The day before, 0 for the first day there is or none. */
static inline civil_date date_before(civil_date date)
{
    return date <= DATE_MIN ? 0 : date_add_days(date, -1);
}

/* ---- keys of rows, for totals_scan ------------------------------------------------------------------------------ */

#define TOTALS_KEY_MAX 19u

struct totals_row {
    enum totals_level level;
    uint32_t of;     /* 0, YYYY, YYYYMM, 0 */
    uint32_t period; /* YYYY, MM, DD, YYYYMMDD */
    struct totals_key key;
    struct slice value; /* borrowed */
};

/* The row the cursor stands on; false: it is none of these. */
bool totals_row_read(struct kv_cursor *cursor, struct totals_row *out);
/* On to the first row of a level and what it is of, at or behind an account. False: there is no row behind. */
bool totals_row_seek(struct kv_cursor *cursor, enum totals_level level, uint32_t of, uint32_t account);
/* A value that is none adds nothing. */
void totals_value_add(struct slice value, struct totals *sum);

static inline int totals_key_compare(const struct totals_key *a, const struct totals_key *b)
{
    if (a->account != b->account)
        return a->account < b->account ? -1 : 1;
    if (a->business != b->business)
        return a->business < b->business ? -1 : 1;
    return a->currency < b->currency ? -1 : a->currency > b->currency;
}

#endif
