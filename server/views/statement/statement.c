#include "server/views/statement/statement.h"

#include "proto/base/bytes.h"
#include "proto/base/wide.h"

#define KEY_BYTES_MIN 19u
#define KEY_BYTES_MAX 21u
#define LINE_LONG     UINT8_MAX /* two bytes follow */
#define VALUE_BYTES   10u

static const struct kv_table tables[] = {
    [STATEMENT_CURSOR] = {"cursor", KV_PLAIN},
    [STATEMENT_LINES] = {"lines", KV_PACKED | KV_GROUP(6)},
};

/* Returns the key's length. */
static size_t key_encode(const struct statement_line *line, uint8_t out[KEY_BYTES_MAX])
{
    be32_put(out, line->account);
    be16_put(out + 4, line->currency);
    be32_put(out + 6, line->date);
    be64_put(out + 10, line->position);
    if (line->line < LINE_LONG) {
        out[18] = (uint8_t)line->line;
        return KEY_BYTES_MIN;
    }
    out[18] = LINE_LONG;
    be16_put(out + 19, line->line);
    return KEY_BYTES_MAX;
}

/* Small amounts of either sign have the same first bytes, which packed rows share. */
static uint64_t amount_encode(int64_t amount)
{
    return (uint64_t)zigzag(amount);
}

static void statement_apply(struct kv_txn *txn, const struct record *record, struct arena *arena)
{
    (void)arena;
    const struct record_header *header = &record->header;
    for (size_t i = 0; i < record->posting_count; i++) {
        struct posting posting = record_posting(record, i);
        uint8_t key[KEY_BYTES_MAX], value[VALUE_BYTES];
        size_t key_len = key_encode(&(struct statement_line){.account = posting.account,
                                                             .currency = posting.currency,
                                                             .date = header->business_date,
                                                             .position = header->position,
                                                             .line = (uint16_t)i},
                                    key);
        be16_put(value, posting.business);
        be64_put(value + 2, amount_encode(posting.amount));
        kv_put(txn, STATEMENT_LINES, slice_of(key, key_len), slice_of(value, sizeof value));
    }
}

const struct view view_statement = {
    .id = VIEW_STATEMENT,
    .name = "statement",
    .version = 2,
    .tables = tables,
    .table_count = sizeof tables / sizeof tables[0],
    .written_once = UINT64_C(1) << STATEMENT_LINES,
    .apply = statement_apply,
};

bool statement_seek(struct kv_cursor *cursor, uint32_t account, uint16_t currency, civil_date date,
                    uint64_t position, uint16_t line)
{
    uint8_t key[KEY_BYTES_MAX];
    struct statement_line at = {
        .account = account, .currency = currency, .date = date, .position = position, .line = line};
    size_t key_len = key_encode(&at, key);
    return kv_seek(cursor, slice_of(key, key_len));
}

bool statement_line(struct kv_cursor *cursor, uint32_t account, uint16_t currency, struct statement_line *out)
{
    struct slice key, value;
    kv_row(cursor, &key, &value);
    bool is_long = key.len == KEY_BYTES_MAX && key.ptr[18] == LINE_LONG;
    if ((!is_long && (key.len != KEY_BYTES_MIN || key.ptr[18] == LINE_LONG)) || value.len != VALUE_BYTES ||
        be32_get(key.ptr) != account || be16_get(key.ptr + 4) != currency)
        return false;
    *out = (struct statement_line){
        .account = account,
        .currency = currency,
        .date = be32_get(key.ptr + 6),
        .position = be64_get(key.ptr + 10),
        .line = is_long ? be16_get(key.ptr + 19) : key.ptr[18],
        .business = be16_get(value.ptr),
        .amount = (int64_t)zigzag_back(be64_get(value.ptr + 2)),
    };
    return true;
}
