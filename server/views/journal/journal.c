#include "server/views/journal/journal.h"

#include "proto/base/bytes.h"
#include "type_ids.h"

#define DATE_KEY_BYTES   12u
#define NUMBER_KEY_BYTES 10u
#define LINK_KEY_BYTES   16u

static const struct kv_table tables[] = {
    [JOURNAL_CURSOR] = {"cursor", KV_PLAIN},
    [JOURNAL_BY_DATE] = {"by_date", KV_PACKED | KV_GROUP(4)},
    [JOURNAL_BY_NUMBER] = {"by_number", KV_PACKED | KV_GROUP(6)},
    [JOURNAL_LINKS] = {"links", KV_PACKED},
};

static void date_key(civil_date date, uint64_t position, uint8_t out[DATE_KEY_BYTES])
{
    be32_put(out, date);
    be64_put(out + 4, position);
}

static void number_key(uint16_t series, civil_date date, uint32_t number, uint8_t out[NUMBER_KEY_BYTES])
{
    be16_put(out, series);
    be32_put(out + 2, date);
    be32_put(out + 6, number);
}

static void link_key(uint64_t cause, uint64_t position, uint8_t out[LINK_KEY_BYTES])
{
    be64_put(out, cause);
    be64_put(out + 8, position);
}

static void journal_apply(struct kv_txn *txn, const struct record *record, struct arena *arena)
{
    (void)arena;
    const struct record_header *header = &record->header;
    if (record->posting_count != 0) {
        uint8_t key[DATE_KEY_BYTES], value[4];
        date_key(header->business_date, header->position, key);
        be16_put(value, header->business);
        be16_put(value + 2, header->type);
        kv_put(txn, JOURNAL_BY_DATE, slice_of(key, sizeof key), slice_of(value, sizeof value));
    }
    if (header->series != 0) {
        uint8_t key[NUMBER_KEY_BYTES], value[8];
        number_key(header->series, header->business_date, header->number, key);
        be64_put(value, header->position);
        kv_put(txn, JOURNAL_BY_NUMBER, slice_of(key, sizeof key), slice_of(value, sizeof value));
    }
    if (header->cause != 0) {
        uint8_t key[LINK_KEY_BYTES], value[2];
        link_key(header->cause, header->position, key);
        be16_put(value, header->type);
        kv_put(txn, JOURNAL_LINKS, slice_of(key, sizeof key), slice_of(value, sizeof value));
    }
}

const struct view view_journal = {
    .id = VIEW_JOURNAL,
    .name = "journal",
    .version = 2,
    .tables = tables,
    .table_count = sizeof tables / sizeof tables[0],
    .written_once =
        UINT64_C(1) << JOURNAL_BY_DATE | UINT64_C(1) << JOURNAL_BY_NUMBER | UINT64_C(1) << JOURNAL_LINKS,
    .apply = journal_apply,
};

bool journal_seek(struct kv_cursor *cursor, civil_date date, uint64_t position, bool last)
{
    uint8_t key[DATE_KEY_BYTES];
    date_key(date, position, key);
    return last ? kv_last(cursor, slice_of(key, sizeof key)) : kv_seek(cursor, slice_of(key, sizeof key));
}

bool journal_entry(struct kv_cursor *cursor, struct journal_entry *out)
{
    struct slice key, value;
    kv_row(cursor, &key, &value);
    if (key.len != DATE_KEY_BYTES || value.len != 4)
        return false;
    *out = (struct journal_entry){
        .date = be32_get(key.ptr),
        .position = be64_get(key.ptr + 4),
        .business = be16_get(value.ptr),
        .type = be16_get(value.ptr + 2),
    };
    return true;
}

uint64_t journal_by_number(struct kv_txn *txn, uint16_t series, civil_date date, uint32_t number)
{
    uint8_t key[NUMBER_KEY_BYTES];
    struct slice value;
    number_key(series, date, number, key);
    return kv_get(txn, JOURNAL_BY_NUMBER, slice_of(key, sizeof key), &value) && value.len == 8
               ? be64_get(value.ptr)
               : 0;
}

size_t journal_followers(struct kv_txn *txn, uint64_t position, uint64_t after, uint64_t known_at,
                         uint64_t *out, size_t max)
{
    uint8_t first[LINK_KEY_BYTES], past[LINK_KEY_BYTES];
    link_key(position, after + 1, first);
    link_key(position, known_at, past);
    struct kv_cursor *cursor = kv_cursor_open(txn, JOURNAL_LINKS);
    size_t count = 0;
    for (bool more = kv_seek(cursor, slice_of(first, sizeof first)); more && count < max;
         more = kv_next(cursor)) {
        struct slice key;
        kv_row(cursor, &key, NULL);
        if (slice_compare(key, slice_of(past, sizeof past)) > 0)
            break;
        if (key.len == LINK_KEY_BYTES)
            out[count++] = be64_get(key.ptr + 8);
    }
    kv_cursor_close(cursor);
    return count;
}

uint64_t journal_reversal(struct kv_txn *txn, uint64_t position, uint64_t known_at)
{
    uint8_t first[LINK_KEY_BYTES], past[LINK_KEY_BYTES];
    link_key(position, 0, first);
    link_key(position, known_at, past);
    struct kv_cursor *cursor = kv_cursor_open(txn, JOURNAL_LINKS);
    uint64_t reversal = 0;
    for (bool more = kv_seek(cursor, slice_of(first, sizeof first)); more && reversal == 0;
         more = kv_next(cursor)) {
        struct slice key, value;
        kv_row(cursor, &key, &value);
        if (slice_compare(key, slice_of(past, sizeof past)) > 0)
            break;
        if (key.len == LINK_KEY_BYTES && value.len == 2 && domain_event_undoes(be16_get(value.ptr)))
            reversal = be64_get(key.ptr + 8);
    }
    kv_cursor_close(cursor);
    return reversal;
}
