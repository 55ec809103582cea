#include "server/domain/kernel/till_day.h"

#include "server/domain/kernel/rows.h"

#define ROW_BYTES 32u

static struct row_key key_of(uint16_t business, uint32_t account)
{
    struct row_key key = row_key_u16(business);
    row_key_add_u32(&key, account);
    return key;
}

bool till_day_get(struct kv_txn *state, uint16_t business, uint32_t account, struct till_day *out)
{
    struct row_key key = key_of(business, account);
    struct slice row;
    *out = (struct till_day){0};
    if (!kv_get(state, TABLE_TILL_DAY, row_key_slice(&key), &row))
        return false;
    if (row.len != ROW_BYTES) {
        kv_set_error(state, STATUS_CORRUPT);
        return false;
    }
    out->open_date = be32_get(row.ptr);
    out->open_position = be64_get(row.ptr + 4);
    out->closed_date = be32_get(row.ptr + 12);
    out->closed_position = be64_get(row.ptr + 16);
    out->closed_before = be32_get(row.ptr + 24);
    out->z_number = be32_get(row.ptr + 28);
    return true;
}

void till_day_put(struct kv_txn *state, uint16_t business, uint32_t account, const struct till_day *day)
{
    struct row_key key = key_of(business, account);
    uint8_t row[ROW_BYTES];
    be32_put(row, day->open_date);
    be64_put(row + 4, day->open_position);
    be32_put(row + 12, day->closed_date);
    be64_put(row + 16, day->closed_position);
    be32_put(row + 24, day->closed_before);
    be32_put(row + 28, day->z_number);
    kv_put(state, TABLE_TILL_DAY, row_key_slice(&key), slice_of(row, sizeof row));
}

enum status till_day_check(struct kv_txn *state, uint16_t business, uint32_t account, civil_date date,
                           struct fault *why)
{
    struct till_day day;
    char closed[DATE_TEXT_MAX];
    if (!till_day_get(state, business, account, &day) || date > day.closed_date)
        return STATUS_OK;
    (void)date_format(day.closed_date, closed);
    return fault_refuse(why, DAFTARI__V1__REASON__DAY_CLOSED, "date",
                        "the till is closed up to %s: a later date, or reopen that day", closed);
}

civil_date till_day_first_open(struct kv_txn *state, uint16_t business, uint32_t account)
{
    struct till_day day;
    if (!till_day_get(state, business, account, &day) || day.closed_date == 0)
        return 0;
    return date_add_days(day.closed_date, 1);
}

uint32_t till_days_open_between(struct kv_txn *state, civil_date from, civil_date to, uint16_t *out_business,
                                uint32_t *out_account)
{
    enum { KEY_BYTES = 6 };
    struct kv_cursor *cursor = kv_cursor_open(state, TABLE_TILL_DAY);
    uint32_t count = 0;
    uint8_t first = 0;
    for (bool more = kv_seek(cursor, slice_of(&first, 1)); more; more = kv_next(cursor)) {
        struct slice key, value;
        kv_row(cursor, &key, &value);
        if (key.len != KEY_BYTES || value.len != ROW_BYTES)
            continue;
        civil_date open = be32_get(value.ptr);
        if (open < from || open > to)
            continue;
        if (count++ == 0) {
            *out_business = be16_get(key.ptr);
            *out_account = be32_get(key.ptr + 2);
        }
    }
    kv_cursor_close(cursor);
    return count;
}
