#include "server/views/statement/statement.h"

#include "proto/base/bytes.h"

#define KEY_BYTES   20u
#define VALUE_BYTES 18u

static const struct kv_table tables[] = {
    [STATEMENT_CURSOR] = {"cursor", KV_PLAIN},
    [STATEMENT_LINES] = {"lines", KV_PLAIN},
};

static void key_encode(const struct statement_line *line, uint8_t out[KEY_BYTES])
{
    be32_put(out, line->account);
    be16_put(out + 4, line->currency);
    be32_put(out + 6, line->date);
    be64_put(out + 10, line->position);
    be16_put(out + 18, line->line);
}

static void statement_apply(struct kv_txn *txn, const struct record *record, struct arena *arena)
{
    (void)arena;
    const struct record_header *header = &record->header;
    for (size_t i = 0; i < record->posting_count; i++) {
        struct posting posting = record_posting(record, i);
        uint8_t key[KEY_BYTES], value[VALUE_BYTES];
        key_encode(&(struct statement_line){.account = posting.account,
                                            .currency = posting.currency,
                                            .date = header->business_date,
                                            .position = header->position,
                                            .line = (uint16_t)i},
                   key);
        be16_put(value, posting.business);
        be64_put(value + 2, (uint64_t)posting.amount);
        be16_put(value + 10, header->type);
        be16_put(value + 12, header->series);
        be32_put(value + 14, header->number);
        kv_put(txn, STATEMENT_LINES, slice_of(key, sizeof key), slice_of(value, sizeof value));
    }
}

const struct view view_statement = {
    .id = VIEW_STATEMENT,
    .name = "statement",
    .version = 1,
    .tables = tables,
    .table_count = sizeof tables / sizeof tables[0],
    .written_once = UINT64_C(1) << STATEMENT_LINES,
    .apply = statement_apply,
};

bool statement_seek(struct kv_cursor *cursor, uint32_t account, uint16_t currency, civil_date date,
                    uint64_t position, uint16_t line)
{
    uint8_t key[KEY_BYTES];
    struct statement_line at = {
        .account = account, .currency = currency, .date = date, .position = position, .line = line};
    key_encode(&at, key);
    return kv_seek(cursor, slice_of(key, sizeof key));
}

bool statement_line(struct kv_cursor *cursor, uint32_t account, uint16_t currency, struct statement_line *out)
{
    struct slice key, value;
    kv_row(cursor, &key, &value);
    if (key.len != KEY_BYTES || value.len != VALUE_BYTES || be32_get(key.ptr) != account ||
        be16_get(key.ptr + 4) != currency)
        return false;
    *out = (struct statement_line){
        .account = account,
        .currency = currency,
        .date = be32_get(key.ptr + 6),
        .position = be64_get(key.ptr + 10),
        .line = be16_get(key.ptr + 18),
        .business = be16_get(value.ptr),
        .amount = (int64_t)be64_get(value.ptr + 2),
        .type = be16_get(value.ptr + 10),
        .series = be16_get(value.ptr + 12),
        .number = be32_get(value.ptr + 14),
    };
    return true;
}
