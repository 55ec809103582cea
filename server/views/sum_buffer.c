#include "server/views/sum_buffer.h"

#include <stdlib.h>

#include "server/base/radix_sort.h"

#define FIRST_SUMS   256u /* a power of two */
#define TOUCHED_BITS 65536u

struct sum {
    uint64_t key;    /* account, business, currency: in order of the rows */
    uint64_t period; /* closing << 32 | date */
    struct totals totals;
};

struct sum_buffer {
    struct sum *sums;
    size_t count, cap; /* cap: a power of two */
    uint32_t *slots;   /* 2 * cap of them: index of a sum and one, 0 = free */
    struct radix_item *order, *spare;
    size_t touched_count; /* bits that are set */
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
    free(buffer->slots);
    free(buffer->order);
    free(buffer->spare);
    free(buffer);
}

size_t sum_buffer_bytes(const struct sum_buffer *buffer)
{
    return buffer->count * (sizeof *buffer->sums + 2 * sizeof *buffer->slots + 2 * sizeof *buffer->order);
}

size_t sum_buffer_touched(const struct sum_buffer *buffer)
{
    return buffer->touched_count;
}

void sum_buffer_drop(struct sum_buffer *buffer)
{
    if (buffer->count == 0)
        return;
    memset(buffer->slots, 0, 2 * buffer->cap * sizeof *buffer->slots);
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

static size_t slot_of(const struct sum_buffer *buffer, uint64_t key, uint64_t period)
{
    uint64_t hash = (key ^ period * UINT64_C(0xD6E8FEB86659FD93)) * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(hash >> 32) & (2 * buffer->cap - 1); /* the account stands above bit 32 of the key */
}

static void slot_take(struct sum_buffer *buffer, size_t index)
{
    size_t slot = slot_of(buffer, buffer->sums[index].key, buffer->sums[index].period);
    while (buffer->slots[slot] != 0)
        slot = (slot + 1) & (2 * buffer->cap - 1);
    buffer->slots[slot] = (uint32_t)index + 1;
}

static bool grow(struct sum_buffer *buffer)
{
    size_t cap = buffer->cap == 0 ? FIRST_SUMS : 2 * buffer->cap;
    struct sum *sums = realloc(buffer->sums, cap * sizeof *sums);
    if (sums != NULL)
        buffer->sums = sums;
    uint32_t *slots = calloc(2 * cap, sizeof *slots);
    struct radix_item *order = malloc(cap * sizeof *order), *spare = malloc(cap * sizeof *spare);
    if (sums == NULL || slots == NULL || order == NULL || spare == NULL) {
        free(slots);
        free(order);
        free(spare);
        return false;
    }
    free(buffer->slots);
    free(buffer->order);
    free(buffer->spare);
    buffer->slots = slots;
    buffer->order = order;
    buffer->spare = spare;
    buffer->cap = cap;
    for (size_t i = 0; i < buffer->count; i++)
        slot_take(buffer, i);
    return true;
}

bool sum_buffer_add(struct sum_buffer *buffer, const struct totals_key *key, civil_date date, bool closing,
                    const struct totals *more)
{
    uint64_t number = (uint64_t)key->account << 32 | (uint32_t)key->business << 16 | key->currency;
    uint64_t period = (uint64_t)closing << 32 | date;
    if (buffer->count == buffer->cap && !grow(buffer))
        return false;
    size_t slot = slot_of(buffer, number, period);
    for (; buffer->slots[slot] != 0; slot = (slot + 1) & (2 * buffer->cap - 1)) {
        struct sum *sum = &buffer->sums[buffer->slots[slot] - 1];
        if (sum->key != number || sum->period != period)
            continue;
        totals_plus(&sum->totals, more);
        return true;
    }
    buffer->sums[buffer->count++] = (struct sum){.key = number, .period = period, .totals = *more};
    buffer->slots[slot] = (uint32_t)buffer->count;
    touch(buffer, number);
    return true;
}

/* ---- settling ------------------------------------------------------------------------------------------------ */

/* By key, of one key by period. */
static void put_in_order(struct sum_buffer *buffer)
{
    for (size_t i = 0; i < buffer->count; i++)
        buffer->order[i] = (struct radix_item){.key = buffer->sums[i].period, .index = i};
    radix_sort(buffer->order, buffer->spare, buffer->count);
    for (size_t i = 0; i < buffer->count; i++)
        buffer->order[i].key = buffer->sums[buffer->order[i].index].key;
    radix_sort(buffer->order, buffer->spare, buffer->count);
}

static const struct sum *sum_at(const struct sum_buffer *buffer, size_t i)
{
    return &buffer->sums[buffer->order[i].index];
}

/* Those of one key stay in order of period. */
static void put_in_order_of(struct sum_buffer *buffer, uint32_t divisor)
{
    for (size_t i = 0; i < buffer->count; i++)
        buffer->order[i].key = (uint32_t)buffer->sums[buffer->order[i].index].period / divisor;
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
    put_in_order(buffer);
    settle_level(buffer, txn, table, TOTALS_YEAR, 10000);
    settle_level(buffer, txn, table, TOTALS_CLOSING_DAY, 1);
    put_in_order_of(buffer, 10000);
    settle_level(buffer, txn, table, TOTALS_MONTH, 100);
    put_in_order_of(buffer, 100);
    settle_level(buffer, txn, table, TOTALS_DAY, 1);
    sum_buffer_drop(buffer);
}
