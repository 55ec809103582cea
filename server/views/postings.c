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
        totals_plus(&sums[kept - 1].totals, &sums[i].totals);
    }
    return kept;
}

/* ---- of a record --------------------------------------------------------------------------------------------------- */

struct line {
    uint64_t key; /* business, currency, account */
    size_t index;
};

static int line_compare(const void *a, const void *b)
{
    uint64_t x = ((const struct line *)a)->key, y = ((const struct line *)b)->key;
    return (x > y) - (x < y);
}

static void lines_sort(struct line *lines, size_t count)
{
    if (count > FEW_SUMS) {
        qsort(lines, count, sizeof *lines, line_compare);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        struct line moved = lines[i];
        size_t to = i;
        for (; to > 0 && lines[to - 1].key > moved.key; to--)
            lines[to] = lines[to - 1];
        lines[to] = moved;
    }
}

/* Lines are put in order before there are sums, which are four times as large. */
bool postings_sum(const struct record *record, struct arena *arena, struct posting_sum **out,
                  size_t *out_count)
{
    size_t count = record->posting_count, kept = 0;
    struct line few[FEW_SUMS];
    struct line *lines = count <= FEW_SUMS ? few : arena_take(arena, count * sizeof *lines);
    struct posting_sum *sums = arena_take(arena, (count == 0 ? 1 : count) * sizeof *sums);
    if (lines == NULL || sums == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct posting posting = record_posting(record, i);
        lines[i].key = (uint64_t)posting.business << 48 | (uint64_t)posting.currency << 32 | posting.account;
        lines[i].index = i;
    }
    lines_sort(lines, count);
    for (size_t i = 0; i < count; i++) {
        struct posting posting = record_posting(record, lines[i].index);
        if (i == 0 || lines[i - 1].key != lines[i].key)
            sums[kept++] = (struct posting_sum){.key = {posting.account, posting.business, posting.currency}};
        struct totals *totals = &sums[kept - 1].totals;
        totals->count++;
        if (posting.amount > 0)
            totals->debit += posting.amount;
        else
            totals->credit -= posting.amount;
    }
    *out = sums;
    *out_count = kept;
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
