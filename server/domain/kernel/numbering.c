#include "server/domain/kernel/numbering.h"

#include "proto/base/bytes.h"
#include "proto/base/text.h"
#include "server/domain/kernel/rows.h"

#define PREFIX_MAX 4u

static void counter_key(uint16_t series, civil_date date, uint8_t out[6])
{
    be16_put(out, series);
    be32_put(out + 2, date);
}

/* Positions of up to this many documents, one behind the other, share a row: a row each would be the largest part of
 * core state. */
#define DOCUMENTS_A_ROW 64u
#define POSITION_BYTES  6u
#define POSITION_MAX    ((UINT64_C(1) << 48) - 1)

/* The row of a number from 1, and its place there. */
static size_t document_place(uint16_t series, civil_date date, uint32_t number, uint8_t out_key[10])
{
    counter_key(series, date, out_key);
    be32_put(out_key + 6, (number - 1) / DOCUMENTS_A_ROW);
    return (size_t)((number - 1) % DOCUMENTS_A_ROW) * POSITION_BYTES;
}

/* False when the row does not end where the number's place is. */
static bool document_put(struct kv_txn *state, uint16_t series, civil_date date, uint32_t number,
                         uint64_t position)
{
    uint8_t key[10], row[DOCUMENTS_A_ROW * POSITION_BYTES];
    struct slice before = {0};
    size_t at = document_place(series, date, number, key);
    if (at != 0)
        (void)kv_get(state, TABLE_DOCUMENT, slice_of(key, sizeof key), &before);
    if (before.len != at || position > POSITION_MAX)
        return false;
    if (at != 0)
        memcpy(row, before.ptr, at);
    be16_put(row + at, (uint16_t)(position >> 32));
    be32_put(row + at + 2, (uint32_t)position);
    kv_put(state, TABLE_DOCUMENT, slice_of(key, sizeof key), slice_of(row, at + POSITION_BYTES));
    return true;
}

static bool document_get(struct kv_txn *state, uint16_t series, civil_date date, uint32_t number,
                         uint64_t *out)
{
    uint8_t key[10];
    struct slice row;
    size_t at = document_place(series, date, number, key);
    if (!kv_get(state, TABLE_DOCUMENT, slice_of(key, sizeof key), &row) || row.len < at + POSITION_BYTES)
        return false;
    *out = (uint64_t)be16_get(row.ptr + at) << 32 | be32_get(row.ptr + at + 2);
    return true;
}

static uint32_t last_number(struct kv_txn *state, uint16_t series, civil_date date)
{
    uint8_t key[6];
    uint32_t last;
    counter_key(series, date, key);
    return row_get_u32(state, TABLE_COUNTER, slice_of(key, sizeof key), &last) ? last : 0;
}

uint32_t number_next(struct kv_txn *state, uint16_t series, civil_date date)
{
    return last_number(state, series, date) + 1;
}

bool number_take(struct kv_txn *state, uint16_t series, civil_date date, uint32_t number, uint64_t position)
{
    if (number == 0 || last_number(state, series, date) != number - 1)
        return false;
    uint8_t key[6];
    counter_key(series, date, key);
    row_put_u32(state, TABLE_COUNTER, slice_of(key, sizeof key), number);
    return document_put(state, series, date, number, position);
}

/* A dash and at least `least` digits: every answer carries a number, and printf is dear. */
static char *digits_put(char *out, uint32_t value, size_t least)
{
    char digits[10];
    size_t count = 0;
    for (; value != 0 || count < least; value /= 10)
        digits[count++] = (char)('0' + value % 10);
    *out++ = '-';
    while (count > 0)
        *out++ = digits[--count];
    return out;
}

bool number_format(struct kv_txn *state, uint16_t series, civil_date date, uint32_t number,
                   char out[NUMBER_TEXT_MAX + 1])
{
    enum { SERIES_INFO_PREFIX = 1 };
    struct row_key key = row_key_u16(series);
    struct slice row;
    if (!kv_get(state, TABLE_SERIES, row_key_slice(&key), &row))
        return false;
    struct slice prefix = row_text_field(state, row, SERIES_INFO_PREFIX);
    if (prefix.len == 0 || prefix.len > PREFIX_MAX)
        return false;
    memcpy(out, prefix.ptr, prefix.len);
    char *at = digits_put(out + prefix.len, date, 8);
    *digits_put(at, number, 4) = '\0';
    return true;
}

bool number_split(struct kv_txn *state, const char *text, uint16_t *out_series, civil_date *out_date,
                  uint32_t *out_number)
{
    struct slice rest = slice_text(text);
    const uint8_t *dash = rest.len == 0 ? NULL : memchr(rest.ptr, '-', rest.len);
    if (dash == NULL)
        return false;
    size_t prefix_len = (size_t)(dash - rest.ptr);
    struct slice prefix = slice_of(rest.ptr, prefix_len);
    rest = slice_of(dash + 1, rest.len - prefix_len - 1);
    uint64_t date, number;
    if (prefix_len == 0 || prefix_len > PREFIX_MAX || rest.len < 8 + 1 + 4 || rest.ptr[8] != '-' ||
        !number_parse(slice_of(rest.ptr, 8), DATE_MIN, DATE_MAX, &date) ||
        !number_parse(slice_of(rest.ptr + 9, rest.len - 9), 1, UINT32_MAX, &number) ||
        !row_get_u16(state, TABLE_SERIES_PREFIX, prefix, out_series))
        return false;
    *out_date = (civil_date)date;
    *out_number = (uint32_t)number;
    return true;
}

bool number_find(struct kv_txn *state, const char *text, uint64_t *out_position)
{
    uint16_t series;
    civil_date date;
    uint32_t number;
    return number_split(state, text, &series, &date, &number) &&
           document_get(state, series, date, number, out_position);
}
