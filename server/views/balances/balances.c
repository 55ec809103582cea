#include "server/views/balances/balances.h"

#include "server/views/postings.h"
#include "type_ids.h"

static const struct kv_table tables[] = {
    [BALANCES_CURSOR] = {"cursor", KV_PLAIN},
    [BALANCES_TOTALS] = {"totals", TOTALS_FLAGS},
};

static void balances_apply(struct kv_txn *txn, const struct record *record, struct arena *arena)
{
    if (record->posting_count == 0)
        return;
    struct posting_sum *sums;
    size_t count;
    if (!postings_sum(record, arena, &sums, &count)) {
        kv_set_error(txn, STATUS_NO_MEMORY);
        return;
    }
    civil_date date = record->header.business_date;
    for (size_t i = 0; i < count; i++) {
        totals_add(txn, BALANCES_TOTALS, &sums[i].key, date, &sums[i].totals);
        if (record->header.type == EVENT_YEAR_CLOSED)
            totals_add_closing(txn, BALANCES_TOTALS, &sums[i].key, date, &sums[i].totals);
    }
}

const struct view view_balances = {
    .id = VIEW_BALANCES,
    .name = "balances",
    .version = 3,
    .tables = tables,
    .table_count = sizeof tables / sizeof tables[0],
    .apply = balances_apply,
};
