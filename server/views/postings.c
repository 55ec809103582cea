#include "server/views/postings.h"

#include <stdlib.h>

#define FEW_SUMS 12u /* are put in order by moving them one by one */

static int key_compare(const struct totals_key *a, const struct totals_key *b)
{
    if (a->business != b->business)
        return a->business < b->business ? -1 : 1;
    if (a->currency != b->currency)
        return a->currency < b->currency ? -1 : 1;
    return (a->account > b->account) - (a->account < b->account);
}

/* Equal keys are added up afterwards, so their order among themselves does not matter. */
static int sum_compare(const void *a, const void *b)
{
    return key_compare(&((const struct posting_sum *)a)->key, &((const struct posting_sum *)b)->key);
}

static void sums_sort(struct posting_sum *sums, size_t count)
{
    if (count > FEW_SUMS) {
        qsort(sums, count, sizeof *sums, sum_compare);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        struct posting_sum moved = sums[i];
        size_t to = i;
        for (; to > 0 && key_compare(&sums[to - 1].key, &moved.key) > 0; to--)
            sums[to] = sums[to - 1];
        sums[to] = moved;
    }
}

/* In order, sums of the same key added up; how many are left. */
static size_t sums_merge(struct posting_sum *sums, size_t count)
{
    sums_sort(sums, count);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || key_compare(&sums[kept - 1].key, &sums[i].key) != 0) {
            sums[kept++] = sums[i];
            continue;
        }
        sums[kept - 1].totals.debit += sums[i].totals.debit;
        sums[kept - 1].totals.credit += sums[i].totals.credit;
        sums[kept - 1].totals.count += sums[i].totals.count;
    }
    return kept;
}

bool postings_sum(const struct record *record, struct arena *arena, struct posting_sum **out,
                  size_t *out_count)
{
    size_t count = record->posting_count;
    struct posting_sum *sums = arena_take(arena, (count == 0 ? 1 : count) * sizeof *sums);
    if (sums == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct posting posting = record_posting(record, i);
        sums[i] = (struct posting_sum){.key = {posting.account, posting.business, posting.currency},
                                       .totals = {.count = 1}};
        if (posting.amount > 0)
            sums[i].totals.debit = posting.amount;
        else
            sums[i].totals.credit = -(int128)posting.amount;
    }
    *out = sums;
    *out_count = sums_merge(sums, count);
    return true;
}

size_t postings_erase_business(struct posting_sum *sums, size_t count, uint16_t business)
{
    for (size_t i = 0; i < count; i++)
        sums[i].key.business = business;
    return sums_merge(sums, count);
}

size_t postings_group_end(const struct posting_sum *sums, size_t count, size_t first)
{
    size_t end = first;
    while (end < count && sums[end].key.business == sums[first].key.business &&
           sums[end].key.currency == sums[first].key.currency)
        end++;
    return end;
}
