#include "server/views/sum_buffer.h"

#include <stdlib.h>

#include "server/base/radix_sort.h"

#define FIRST_SUMS   1024u
#define TOUCHED_BITS 65536u
#define AHEAD        12u /* sums that are asked of memory before they are needed */

struct sum {
    uint64_t key;    /* account, business, currency: in order of the rows */
    uint64_t period; /* closing << 32 | date */
    struct totals totals;
};

/* What is added is written down as it comes, and what belongs together is put together by sorting when there is no more
 * room: a table to find the sum of each key in costs two misses of the cache an addition, several times as much. */
struct sum_buffer {
    struct sum *sums, *spare_sums;
    size_t count, cap;
    struct radix_item *order, *spare; /* as many */
    size_t touched_count;             /* bits that are set */
    uint64_t touched[TOUCHED_BITS / 64];
};

struct sum_buffer *sum_buffer_new(void)
{
    return calloc(1, sizeof(struct sum_buffer));
}

void sum_buffer_free(struct sum_buffer *buffer)
{
    if (buffer == NULL)
        return;
    free(buffer->sums);
    free(buffer->spare_sums);
    free(buffer->order);
    free(buffer->spare);
    free(buffer);
}

size_t sum_buffer_bytes(const struct sum_buffer *buffer)
{
    return buffer->count * 2 * (sizeof *buffer->sums + sizeof *buffer->order);
}

size_t sum_buffer_touched(const struct sum_buffer *buffer)
{
    return buffer->touched_count;
}

void sum_buffer_drop(struct sum_buffer *buffer)
{
    if (buffer->count == 0)
        return;
    memset(buffer->touched, 0, sizeof buffer->touched);
    buffer->count = buffer->touched_count = 0;
}

/* Counts different keys by bits that their hashes set: what two of them share is missed, which matters little. */
static void touch(struct sum_buffer *buffer, uint64_t key)
{
    size_t bit = (size_t)((key * UINT64_C(0x9E3779B97F4A7C15)) >> 40) % TOUCHED_BITS;
    uint64_t mask = UINT64_C(1) << bit % 64;
    buffer->touched_count += (buffer->touched[bit / 64] & mask) == 0;
    buffer->touched[bit / 64] |= mask;
}

/* ---- gathering ----------------------------------------------------------------------------------------------- */

static bool grow(struct sum_buffer *buffer)
{
    size_t cap = buffer->cap == 0 ? FIRST_SUMS : 2 * buffer->cap;
    struct sum *sums = realloc(buffer->sums, cap * sizeof *sums);
    if (sums != NULL)
        buffer->sums = sums;
    struct sum *spare_sums = malloc(cap * sizeof *spare_sums);
    struct radix_item *order = malloc(cap * sizeof *order), *spare = malloc(cap * sizeof *spare);
    if (sums == NULL || spare_sums == NULL || order == NULL || spare == NULL) {
        free(spare_sums);
        free(order);
        free(spare);
        return false;
    }
    free(buffer->spare_sums);
    free(buffer->order);
    free(buffer->spare);
    buffer->spare_sums = spare_sums;
    buffer->order = order;
    buffer->spare = spare;
    buffer->cap = cap;
    return true;
}

/* By key, of one key by period; those of the same key and period added up. */
static void put_together(struct sum_buffer *buffer)
{
    size_t count = buffer->count, kept = 0;
    struct radix_item *order = buffer->order;
    for (size_t i = 0; i < count; i++)
        order[i] = (struct radix_item){.key = buffer->sums[i].period, .index = i};
    radix_sort(order, buffer->spare, count);
    for (size_t i = 0; i < count; i++)
        order[i].key = buffer->sums[order[i].index].key;
    radix_sort(order, buffer->spare, count);
    struct sum *sums = buffer->spare_sums;
    for (size_t i = 0; i < count; i++) {
        if (i + AHEAD < count)
            __builtin_prefetch(&buffer->sums[order[i + AHEAD].index]);
        const struct sum *sum = &buffer->sums[order[i].index];
        if (kept != 0 && sums[kept - 1].key == sum->key && sums[kept - 1].period == sum->period)
            totals_plus(&sums[kept - 1].totals, &sum->totals);
        else
            sums[kept++] = *sum;
    }
    buffer->spare_sums = buffer->sums;
    buffer->sums = sums;
    buffer->count = kept;
}

bool sum_buffer_add(struct sum_buffer *buffer, const struct totals_key *key, civil_date date, bool closing,
                    const struct totals *more)
{
    if (buffer->count == buffer->cap) {
        put_together(buffer);
        if (buffer->count >= buffer->cap / 2 && !grow(buffer) && buffer->count == buffer->cap)
            return false;
    }
    uint64_t number = (uint64_t)key->account << 32 | (uint32_t)key->business << 16 | key->currency;
    buffer->sums[buffer->count++] =
        (struct sum){.key = number, .period = (uint64_t)closing << 32 | date, .totals = *more};
    touch(buffer, number);
    return true;
}

/* ---- settling ------------------------------------------------------------------------------------------------ */

static const struct sum *sum_at(const struct sum_buffer *buffer, size_t i)
{
    return &buffer->sums[buffer->order[i].index];
}

/* By period without the last digits, then as they stand. */
static void put_in_order_of(struct sum_buffer *buffer, uint32_t divisor)
{
    for (size_t i = 0; i < buffer->count; i++)
        buffer->order[i] = (struct radix_item){.key = (uint32_t)buffer->sums[i].period / divisor, .index = i};
    radix_sort(buffer->order, buffer->spare, buffer->count);
}

/* The rows of one level: sums of a key whose dates are the same without the last digits stand one behind the other. */
static void settle_level(const struct sum_buffer *buffer, struct kv_txn *txn, unsigned table,
                         enum totals_level level, uint32_t divisor)
{
    for (size_t i = 0; i < buffer->count;) {
        const struct sum *sum = sum_at(buffer, i);
        struct totals totals = sum->totals;
        uint32_t period = (uint32_t)sum->period / divisor;
        uint64_t closing = sum->period >> 32;
        for (i++; i < buffer->count && sum_at(buffer, i)->key == sum->key &&
                  (uint32_t)sum_at(buffer, i)->period / divisor == period &&
                  sum_at(buffer, i)->period >> 32 == closing;
             i++)
            totals_plus(&totals, &sum_at(buffer, i)->totals);
        struct totals_key key = {.account = (uint32_t)(sum->key >> 32),
                                 .business = (uint16_t)(sum->key >> 16),
                                 .currency = (uint16_t)sum->key};
        if (closing == (level == TOTALS_CLOSING_DAY))
            totals_row_add(txn, table, &key, level, period, &totals);
    }
}

void sum_buffer_settle(struct sum_buffer *buffer, struct kv_txn *txn, unsigned table)
{
    if (buffer->count == 0)
        return;
    put_together(buffer);
    put_in_order_of(buffer, UINT32_MAX);
    settle_level(buffer, txn, table, TOTALS_YEAR, 10000);
    settle_level(buffer, txn, table, TOTALS_CLOSING_DAY, 1);
    put_in_order_of(buffer, 10000);
    settle_level(buffer, txn, table, TOTALS_MONTH, 100);
    put_in_order_of(buffer, 100);
    settle_level(buffer, txn, table, TOTALS_DAY, 1);
    sum_buffer_drop(buffer);
}
