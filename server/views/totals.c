#include "server/views/totals.h"

#include "proto/base/bytes.h"
#include "proto/base/wide.h"
#include "server/views/slice_buffer.h"
#include "server/views/sum_buffer.h"

#define KEY_BYTES       13u
#define VALUE_BYTES_MAX (3u * WIDE_BYTES_MAX)

static void key_encode(const struct totals_key *key, uint8_t level, uint32_t period, uint8_t out[KEY_BYTES])
{
    be32_put(out, key->account);
    be16_put(out + 4, key->business);
    be16_put(out + 6, key->currency);
    out[8] = level;
    be32_put(out + 9, period);
}

/* A value that is none adds nothing. */
static void value_add(struct slice value, struct totals *sum)
{
    uint128 debit, credit, count;
    if (!wide_take(&value, &debit) || !wide_take(&value, &credit) || !wide_take(&value, &count))
        return;
    sum->debit += (int128)debit;
    sum->credit += (int128)credit;
    sum->count += (uint64_t)count;
}

void totals_row_add(struct kv_txn *txn, unsigned table, const struct totals_key *key, enum totals_level level,
                    uint32_t period, const struct totals *more)
{
    uint8_t at[KEY_BYTES], bytes[VALUE_BYTES_MAX];
    key_encode(key, (uint8_t)level, period, at);
    struct totals sum = *more;
    struct slice value;
    if (kv_get(txn, table, slice_of(at, sizeof at), &value))
        value_add(value, &sum);
    size_t len = wide_put(bytes, (uint128)sum.debit);
    len += wide_put(bytes + len, (uint128)sum.credit);
    len += wide_put(bytes + len, sum.count);
    kv_put(txn, table, slice_of(at, sizeof at), slice_of(bytes, len));
}

/* True when a buffer takes it. */
static bool gather(struct kv_txn *txn, unsigned table, const struct totals_key *key, civil_date date,
                   bool closing, const struct totals *more)
{
    struct sum_buffer *sums = slice_buffer_sums(txn, table);
    if (sums == NULL)
        return false;
    if (!sum_buffer_add(sums, key, date, closing, more))
        kv_set_error(txn, STATUS_NO_MEMORY);
    return true;
}

void totals_add(struct kv_txn *txn, unsigned table, const struct totals_key *key, civil_date date,
                const struct totals *more)
{
    if (gather(txn, table, key, date, false, more))
        return;
    totals_row_add(txn, table, key, TOTALS_YEAR, date / 10000, more);
    totals_row_add(txn, table, key, TOTALS_MONTH, date / 100, more);
    totals_row_add(txn, table, key, TOTALS_DAY, date, more);
}

void totals_add_closing(struct kv_txn *txn, unsigned table, const struct totals_key *key, civil_date date,
                        const struct totals *more)
{
    if (!gather(txn, table, key, date, true, more))
        totals_row_add(txn, table, key, TOTALS_CLOSING_DAY, date, more);
}

/* Adds the rows of one level with first <= period < end. */
static void level_add(struct kv_cursor *cursor, const struct totals_key *key, uint8_t level, uint32_t first,
                      uint32_t end, struct totals *sum)
{
    uint8_t from[KEY_BYTES], to[KEY_BYTES];
    key_encode(key, level, first, from);
    key_encode(key, level, end, to);
    for (bool more = kv_seek(cursor, slice_of(from, sizeof from)); more; more = kv_next(cursor)) {
        struct slice at, value;
        kv_row(cursor, &at, &value);
        if (slice_compare(at, slice_of(to, sizeof to)) >= 0)
            return;
        value_add(value, sum);
    }
}

void totals_up_to(struct kv_cursor *cursor, const struct totals_key *key, civil_date to, struct totals *sum)
{
    if (to == 0)
        return;
    level_add(cursor, key, TOTALS_YEAR, 0, to / 10000, sum);
    level_add(cursor, key, TOTALS_MONTH, to / 10000 * 100, to / 100, sum);
    level_add(cursor, key, TOTALS_DAY, to / 100 * 100, to + 1, sum);
}

void totals_between(struct kv_cursor *cursor, const struct totals_key *key, civil_date from, civil_date to,
                    struct totals *sum)
{
    if (to < from)
        return;
    struct totals before = {0}, after = {0};
    totals_up_to(cursor, key, date_before(from), &before);
    totals_up_to(cursor, key, to, &after);
    sum->debit += after.debit - before.debit;
    sum->credit += after.credit - before.credit;
    sum->count += after.count - before.count;
}

void totals_closing_between(struct kv_cursor *cursor, const struct totals_key *key, civil_date from,
                            civil_date to, struct totals *sum)
{
    if (to >= from)
        level_add(cursor, key, TOTALS_CLOSING_DAY, from, to + 1, sum);
}

static bool key_found(struct kv_cursor *cursor, const uint8_t at[KEY_BYTES], struct totals_key *out)
{
    if (!kv_seek(cursor, slice_of(at, KEY_BYTES)))
        return false;
    struct slice key, value;
    kv_row(cursor, &key, &value);
    if (key.len != KEY_BYTES)
        return false;
    out->account = be32_get(key.ptr);
    out->business = be16_get(key.ptr + 4);
    out->currency = be16_get(key.ptr + 6);
    return true;
}

bool totals_key_at(struct kv_cursor *cursor, struct totals_key *key)
{
    uint8_t at[KEY_BYTES];
    key_encode(key, 0, 0, at);
    return key_found(cursor, at, key);
}

bool totals_key_next(struct kv_cursor *cursor, struct totals_key *key)
{
    uint8_t at[KEY_BYTES];
    key_encode(key, UINT8_MAX, UINT32_MAX, at);
    return key_found(cursor, at, key);
}
