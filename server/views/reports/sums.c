#include "server/views/reports/sums.h"

/* Two dates of each range: the day before it, and its last. */
static void range_ask(struct totals_ask *ask, civil_date from, civil_date to)
{
    ask->up_to[ask->dates++] = date_before(from);
    ask->up_to[ask->dates++] = to;
    ask->closing[ask->ranges].from = from == 0 ? DATE_MIN : from;
    ask->closing[ask->ranges++].to = to;
}

enum status sums_open(struct sums *sums, struct report_run *run, struct kv_txn *txn, unsigned table,
                      bool by_business)
{
    *sums = (struct sums){.run = run, .by_business = by_business};
    struct totals_ask ask = {.one_account = run->request->has_account, .account = run->request->account};
    range_ask(&ask, run->from, run->to);
    if (run->compare)
        range_ask(&ask, run->compare_from, run->compare_to);
    sums->cap = 16;
    sums->items = arena_take(run->arena, sums->cap * sizeof *sums->items);
    if (sums->items == NULL)
        return STATUS_NO_MEMORY;
    enum status status = totals_scan_open(&sums->scan, txn, table, &ask);
    sums->more = status == STATUS_OK && totals_scan_next(&sums->scan);
    return status;
}

void sums_close(struct sums *sums)
{
    totals_scan_close(&sums->scan);
}

static struct sum *sum_of(struct sums *sums, uint16_t business, uint16_t currency)
{
    if (!sums->by_business)
        business = SUM_MERGED;
    for (size_t i = 0; i < sums->count; i++) {
        if (sums->items[i].business == business && sums->items[i].currency == currency)
            return &sums->items[i];
    }
    if (sums->count == sums->cap) {
        struct sum *wider = arena_take(sums->run->arena, 2 * sums->cap * sizeof *wider);
        if (wider == NULL)
            return NULL;
        memcpy(wider, sums->items, sums->count * sizeof *wider);
        sums->items = wider;
        sums->cap *= 2;
    }
    struct sum *sum = &sums->items[sums->count++];
    *sum = (struct sum){.business = business, .currency = currency};
    return sum;
}

static void range_add(struct sum *sum, size_t range, const struct totals_scan *scan)
{
    const struct totals *before = &scan->up_to[2 * range], *up_to = &scan->up_to[2 * range + 1];
    totals_plus(&sum->range[range].before, before);
    totals_plus(&sum->range[range].within, up_to);
    totals_minus(&sum->range[range].within, before);
    totals_plus(&sum->range[range].closing, &scan->closing[range]);
}

bool sums_next(struct sums *sums)
{
    const struct report_run *run = sums->run;
    const struct totals_scan *scan = &sums->scan;
    sums->count = 0;
    while (sums->more && sums->count == 0) {
        sums->account = scan->key.account;
        while (sums->more && scan->key.account == sums->account) {
            if (run_covers(run, scan->key.business, scan->key.currency)) {
                struct sum *sum = sum_of(sums, scan->key.business, scan->key.currency);
                if (sum == NULL) { /* the arena is the report's: run_status will find it exhausted too */
                    report_out_fail(run->out);
                    return false;
                }
                for (size_t i = 0; i < scan->ask.ranges; i++)
                    range_add(sum, i, scan);
            }
            sums->more = totals_scan_next(&sums->scan);
        }
    }
    return sums->count != 0;
}

int128 *totals_of(struct totals_by_currency *totals, struct arena *arena, uint16_t currency)
{
    size_t at = 0;
    while (at < totals->count && totals->items[at].currency < currency)
        at++;
    if (at < totals->count && totals->items[at].currency == currency)
        return totals->items[at].column;
    if (totals->count == totals->cap) {
        size_t cap = totals->cap == 0 ? 8 : 2 * totals->cap;
        struct currency_totals *wider = arena_take(arena, cap * sizeof *wider);
        if (wider == NULL)
            return NULL;
        if (totals->count != 0)
            memcpy(wider, totals->items, totals->count * sizeof *wider);
        totals->items = wider;
        totals->cap = cap;
    }
    memmove(&totals->items[at + 1], &totals->items[at], (totals->count - at) * sizeof totals->items[0]);
    totals->items[at] = (struct currency_totals){.currency = currency};
    totals->count++;
    return totals->items[at].column;
}
