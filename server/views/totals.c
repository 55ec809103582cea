#include "server/views/totals.h"

#include "proto/base/bytes.h"
#include "proto/base/wide.h"
#include "server/views/slice_buffer.h"
#include "server/views/sum_buffer.h"

#define HEAD_BYTES      9u /* level, of which, account */
#define VALUE_BYTES_MAX (3u * WIDE_BYTES_MAX)
#define SHORT_MAX       250u
#define LONG_FOLLOWS    251u

/* ---- keys -------------------------------------------------------------------------------------------------------- */

/* Numbers of businesses and currencies are small; their order is kept. */
static size_t short_put(uint8_t *at, uint16_t number)
{
    if (number <= SHORT_MAX) {
        at[0] = (uint8_t)number;
        return 1;
    }
    at[0] = LONG_FOLLOWS;
    be16_put(at + 1, number);
    return 3;
}

static bool short_take(const uint8_t **at, const uint8_t *end, uint16_t *out)
{
    if (*at == end || **at > LONG_FOLLOWS)
        return false;
    if (**at != LONG_FOLLOWS) {
        *out = *(*at)++;
        return true;
    }
    if (end - *at < 3)
        return false;
    *out = be16_get(*at + 1);
    *at += 3;
    return true;
}

static void head_put(enum totals_level level, uint32_t of, uint32_t account, uint8_t out[HEAD_BYTES])
{
    out[0] = (uint8_t)level;
    be32_put(out + 1, of);
    be32_put(out + 5, account);
}

static uint32_t period_of_which(enum totals_level level, uint32_t period)
{
    return level == TOTALS_MONTH || level == TOTALS_DAY ? period / 100 : 0;
}

static size_t key_put(const struct totals_key *key, enum totals_level level, uint32_t period,
                      uint8_t out[TOTALS_KEY_MAX])
{
    head_put(level, period_of_which(level, period), key->account, out);
    uint8_t *at = out + HEAD_BYTES;
    at += short_put(at, key->business);
    at += short_put(at, key->currency);
    if (level == TOTALS_CLOSING_DAY) {
        be32_put(at, period);
        at += 4;
    } else if (level == TOTALS_YEAR) {
        be16_put(at, (uint16_t)period);
        at += 2;
    } else {
        *at++ = (uint8_t)(period % 100);
    }
    return (size_t)(at - out);
}

bool totals_row_read(struct kv_cursor *cursor, struct totals_row *out)
{
    struct slice key;
    kv_row(cursor, &key, &out->value);
    if (key.len < HEAD_BYTES)
        return false;
    out->level = key.ptr[0];
    out->of = be32_get(key.ptr + 1);
    out->key.account = be32_get(key.ptr + 5);
    const uint8_t *at = key.ptr + HEAD_BYTES, *end = key.ptr + key.len;
    if (!short_take(&at, end, &out->key.business) || !short_take(&at, end, &out->key.currency))
        return false;
    switch (end - at) {
    case 1:
        out->period = *at;
        return out->level == TOTALS_MONTH || out->level == TOTALS_DAY;
    case 2:
        out->period = be16_get(at);
        return out->level == TOTALS_YEAR;
    case 4:
        out->period = be32_get(at);
        return out->level == TOTALS_CLOSING_DAY;
    default:
        return false;
    }
}

bool totals_row_seek(struct kv_cursor *cursor, enum totals_level level, uint32_t of, uint32_t account)
{
    uint8_t at[HEAD_BYTES];
    head_put(level, of, account, at);
    return kv_seek(cursor, slice_of(at, sizeof at));
}

/* ---- adding ------------------------------------------------------------------------------------------------------ */

void totals_value_add(struct slice value, struct totals *sum)
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
    uint8_t at[TOTALS_KEY_MAX], bytes[VALUE_BYTES_MAX];
    struct slice name = slice_of(at, key_put(key, level, period, at)), value;
    struct totals sum = *more;
    if (kv_get(txn, table, name, &value))
        totals_value_add(value, &sum);
    size_t len = wide_put(bytes, (uint128)sum.debit);
    len += wide_put(bytes + len, (uint128)sum.credit);
    len += wide_put(bytes + len, sum.count);
    kv_put(txn, table, name, slice_of(bytes, len));
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
