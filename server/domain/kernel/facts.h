/*
 * What nearly every decision needs of the books, in one small row, so that an entry costs one look-up for all of it.
 *
 *   off len field                                          off len field
 *     0   4 first_date                                      12   2 entry_series
 *     4   4 control_account (class interbusiness; 0 none)   14   2 reserved = 0
 *     8   4 fiscal_year_start (MMDD)                        16 128 active businesses, bit n of byte n / 8
 */
#ifndef SERVER_DOMAIN_KERNEL_FACTS_H
#define SERVER_DOMAIN_KERNEL_FACTS_H

#include "proto/base/date.h"
#include "proto/base/limits.h"
#include "server/ports/kv.h"

struct facts {
    civil_date first_date;
    uint32_t control_account;
    uint32_t fiscal_year_start;
    uint16_t entry_series;
    uint8_t active[BUSINESSES_MAX / 8];
};

#define BASE_CURRENCY 1u /* number of the base currency in postings */
#define HEAD_OFFICE   0u /* number of HQ */

/* All zero before the books are opened (no business is active then, so nothing can be posted). */
void facts_get(struct kv_txn *state, struct facts *out);
void facts_put(struct kv_txn *state, const struct facts *facts);

static inline bool facts_business_active(const struct facts *facts, uint16_t business)
{
    return business < BUSINESSES_MAX && (facts->active[business / 8] >> (business % 8) & 1) != 0;
}
void facts_set_business_active(struct facts *facts, uint16_t business, bool active);

/* The fiscal year (the calendar year in which it ends) that a date belongs to. */
uint32_t facts_fiscal_year(const struct facts *facts, civil_date date);

#endif
