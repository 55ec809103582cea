#include "server/domain/kernel/facts.h"

#include "proto/base/bytes.h"
#include "server/domain/kernel/tables.h"

#define FACTS_KEY   slice_of("facts", 5)
#define FACTS_BYTES (16 + BUSINESSES_MAX / 8)

void facts_get(struct kv_txn *state, struct facts *out)
{
    struct slice row;
    memset(out, 0, sizeof *out);
    if (!kv_get(state, TABLE_BOOKS, FACTS_KEY, &row))
        return;
    if (row.len != FACTS_BYTES) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    out->first_date = be32_get(row.ptr);
    out->control_account = be32_get(row.ptr + 4);
    out->fiscal_year_start = be32_get(row.ptr + 8);
    out->entry_series = be16_get(row.ptr + 12);
    memcpy(out->active, row.ptr + 16, sizeof out->active);
}

void facts_put(struct kv_txn *state, const struct facts *facts)
{
    uint8_t row[FACTS_BYTES] = {0};
    be32_put(row, facts->first_date);
    be32_put(row + 4, facts->control_account);
    be32_put(row + 8, facts->fiscal_year_start);
    be16_put(row + 12, facts->entry_series);
    memcpy(row + 16, facts->active, sizeof facts->active);
    kv_put(state, TABLE_BOOKS, FACTS_KEY, slice_of(row, sizeof row));
}

void facts_set_business_active(struct facts *facts, uint16_t business, bool active)
{
    uint8_t bit = (uint8_t)(1u << (business % 8));
    if (active)
        facts->active[business / 8] |= bit;
    else
        facts->active[business / 8] &= (uint8_t)~bit;
}

uint32_t facts_fiscal_year(const struct facts *facts, civil_date date)
{
    uint32_t year = date / 10000;
    bool calendar = facts->fiscal_year_start <= 101;
    return !calendar && date % 10000 >= facts->fiscal_year_start ? year + 1 : year;
}
