#include "server/views/reports/sums.h"

enum status sums_open(struct sums *sums, struct report_run *run, struct kv_txn *txn, unsigned table,
                      bool by_business)
{
    *sums = (struct sums){.run = run, .by_business = by_business, .two = run->compare};
    sums->cap = 16;
    sums->items = arena_take(run->arena, sums->cap * sizeof *sums->items);
    sums->cursor = kv_cursor_open(txn, table);
    if (sums->items == NULL || sums->cursor == NULL)
        return sums->cursor == NULL ? kv_error(txn) : STATUS_NO_MEMORY;
    sums->more = totals_key_at(sums->cursor, &sums->key);
    return STATUS_OK;
}

void sums_close(struct sums *sums)
{
    kv_cursor_close(sums->cursor);
    sums->cursor = NULL;
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

static void range_add(struct sums *sums, struct sum *sum, size_t range, civil_date from, civil_date to)
{
    struct kv_cursor *cursor = sums->cursor;
    struct totals before = {0}, up_to = {0};
    civil_date first = from == 0 ? DATE_MIN : from;
    totals_up_to(cursor, &sums->key, date_before(from), &before);
    totals_up_to(cursor, &sums->key, to, &up_to);
    sum->range[range].before.debit += before.debit;
    sum->range[range].before.credit += before.credit;
    sum->range[range].before.count += before.count;
    sum->range[range].within.debit += up_to.debit - before.debit;
    sum->range[range].within.credit += up_to.credit - before.credit;
    sum->range[range].within.count += up_to.count - before.count;
    totals_closing_between(cursor, &sums->key, first, to, &sum->range[range].closing);
}

bool sums_next(struct sums *sums)
{
    const struct report_run *run = sums->run;
    sums->count = 0;
    while (sums->more && sums->count == 0) {
        sums->account = sums->key.account;
        while (sums->more && sums->key.account == sums->account) {
            if (run_covers(run, sums->key.business, sums->key.currency)) {
                struct sum *sum = sum_of(sums, sums->key.business, sums->key.currency);
                if (sum == NULL) { /* the arena is the report's: run_status will find it exhausted too */
                    report_out_fail(run->out);
                    return false;
                }
                range_add(sums, sum, 0, run->from, run->to);
                if (sums->two)
                    range_add(sums, sum, 1, run->compare_from, run->compare_to);
            }
            sums->more = totals_key_next(sums->cursor, &sums->key);
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
