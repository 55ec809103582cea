#include "server/domain/kernel/balance.h"

#include "proto/base/money.h"
#include "proto/base/wide.h"
#include "server/domain/kernel/rows.h"

#define SUM_BYTES         16u
#define BALANCE_ROW_BYTES (4u + 2 * SUM_BYTES + 4u)

struct balance_row {
    int128 total;
    civil_date date;
    int128 net;
    civil_date newest;
};

static int128 sum_get(const uint8_t *at)
{
    return (int128)(int64_t)be64_get(at) * ((int128)1 << 64) + be64_get(at + 8);
}

static void sum_put(uint8_t *at, int128 sum)
{
    be64_put(at, (uint64_t)(sum >> 64)); /* gcc and clang shift the sign in */
    be64_put(at + 8, (uint64_t)sum);
}

static bool sum_in_range(int128 sum)
{
    return sum <= AMOUNT_MAX && sum >= -AMOUNT_MAX;
}

void balance_key(uint32_t account, uint16_t business, uint16_t currency, uint8_t out[BALANCE_KEY_BYTES])
{
    be32_put(out, account);
    be16_put(out + 4, business);
    be16_put(out + 6, currency);
}

static bool row_read(struct kv_txn *state, const uint8_t key[BALANCE_KEY_BYTES], struct balance_row *out)
{
    struct slice value;
    if (!kv_get(state, TABLE_BALANCE, slice_of(key, BALANCE_KEY_BYTES), &value))
        return false;
    if (value.len != BALANCE_ROW_BYTES) {
        kv_set_error(state, STATUS_CORRUPT);
        return false;
    }
    out->total = sum_get(value.ptr);
    out->date = be32_get(value.ptr + SUM_BYTES);
    out->net = sum_get(value.ptr + SUM_BYTES + 4);
    out->newest = be32_get(value.ptr + 2 * SUM_BYTES + 4);
    return true;
}

int64_t balance_get(struct kv_txn *state, uint32_t account, uint16_t business, uint16_t currency)
{
    uint8_t key[BALANCE_KEY_BYTES];
    struct balance_row row;
    balance_key(account, business, currency, key);
    if (!row_read(state, key, &row))
        return 0;
    if (!sum_in_range(row.total)) {
        kv_set_error(state, STATUS_CORRUPT);
        return 0;
    }
    return (int64_t)row.total;
}

/* Of a row of TABLE_DAY. */
static int128 day_sum(struct kv_txn *state, struct slice value)
{
    uint128 sum = 0;
    if (!wide_take(&value, &sum) || value.len != 0)
        kv_set_error(state, STATUS_CORRUPT);
    return zigzag_back(sum);
}

static struct row_key day_key(const uint8_t key[BALANCE_KEY_BYTES], civil_date date)
{
    struct row_key day = {.len = 0};
    row_key_add(&day, key, BALANCE_KEY_BYTES);
    row_key_add_u32(&day, date);
    return day;
}

bool balance_as_at(struct kv_txn *state, uint32_t account, uint16_t business, uint16_t currency,
                   civil_date date, int64_t *out)
{
    uint8_t key[BALANCE_KEY_BYTES];
    struct balance_row row;
    struct slice at, value;
    balance_key(account, business, currency, key);
    if (!row_read(state, key, &row)) {
        *out = 0;
        return true;
    }
    int128 sum = row.date > date ? row.total - row.net : row.total;
    struct row_key from = day_key(key, date + 1);
    struct kv_cursor *cursor = kv_cursor_open(state, TABLE_DAY);
    for (bool more = kv_seek(cursor, row_key_slice(&from)); more; more = kv_next(cursor)) {
        kv_row(cursor, &at, &value);
        if (!slice_starts_with(at, slice_of(key, sizeof key)))
            break;
        sum -= day_sum(state, value);
    }
    kv_cursor_close(cursor);
    if (!sum_in_range(sum))
        return false;
    *out = (int64_t)sum;
    return true;
}

/* The day under way gives its place to another. Whether it has a row already need not be looked up when it is later than
 * all that have: of entries in order of date that is every time, and each look-up would read from the store. */
static void day_put_away(struct kv_txn *state, const uint8_t key[BALANCE_KEY_BYTES], struct balance_row *row)
{
    struct row_key day = day_key(key, row->date);
    struct slice stored;
    uint8_t value[WIDE_BYTES_MAX];
    int128 net = row->net;
    if (row->date > row->newest)
        row->newest = row->date;
    else if (kv_get(state, TABLE_DAY, row_key_slice(&day), &stored))
        net += day_sum(state, stored);
    kv_put(state, TABLE_DAY, row_key_slice(&day), slice_of(value, wide_put(value, zigzag(net))));
}

void balance_add(struct kv_txn *state, const struct posting *posting, civil_date date)
{
    uint8_t key[BALANCE_KEY_BYTES], value[BALANCE_ROW_BYTES];
    struct balance_row row = {.date = date};
    balance_key(posting->account, posting->business, posting->currency, key);
    if (row_read(state, key, &row) && row.date != date) {
        if (row.net != 0)
            day_put_away(state, key, &row);
        row.date = date;
        row.net = 0;
    }
    row.total += posting->amount;
    row.net += posting->amount;
    sum_put(value, row.total);
    be32_put(value + SUM_BYTES, row.date);
    sum_put(value + SUM_BYTES + 4, row.net);
    be32_put(value + 2 * SUM_BYTES + 4, row.newest);
    kv_put(state, TABLE_BALANCE, slice_of(key, sizeof key), slice_of(value, sizeof value));
}

bool balance_row_is_zero(struct slice value)
{
    return value.len == BALANCE_ROW_BYTES && sum_get(value.ptr) == 0;
}
