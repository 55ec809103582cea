#include "server/domain/kernel/entry_row.h"

#include "proto/base/bug.h"
#include "proto/base/bytes.h"
#include "proto/base/limits.h"
#include "server/domain/kernel/rows.h"
#include "type_ids.h"

#define HEAD_BYTES 24u

bool entry_row_get(struct kv_txn *state, uint64_t position, struct entry_row *out)
{
    struct row_key key = row_key_u64(position);
    struct slice value;
    if (!kv_get(state, TABLE_ENTRY, row_key_slice(&key), &value))
        return false;
    if (value.len < HEAD_BYTES ||
        value.len - HEAD_BYTES != (size_t)be16_get(value.ptr + 18) * POSTING_BYTES) {
        kv_set_error(state, STATUS_CORRUPT);
        return false;
    }
    const uint8_t *at = value.ptr;
    *out = (struct entry_row){
        .reversed_by = be64_get(at),
        .type = be16_get(at + 8),
        .business = be16_get(at + 10),
        .business_date = be32_get(at + 12),
        .series = be16_get(at + 16),
        .posting_count = be16_get(at + 18),
        .number = be32_get(at + 20),
        .postings = slice_of(at + HEAD_BYTES, value.len - HEAD_BYTES),
    };
    return true;
}

struct posting entry_row_posting(const struct entry_row *row, size_t index)
{
    ASSERT(index < row->posting_count);
    /* The bytes are those of a record, so the record's own reader reads them. */
    struct record record = {.posting_count = row->posting_count, .postings = row->postings};
    return record_posting(&record, index);
}

bool entry_type_reversible(uint16_t type)
{
    return type != EVENT_ENTRY_REVERSED && type != EVENT_YEAR_CLOSED;
}

static void put(struct kv_txn *state, uint64_t position, const struct entry_row *row)
{
    uint8_t bytes[HEAD_BYTES + POSTINGS_MAX * POSTING_BYTES];
    be64_put(bytes, row->reversed_by);
    be16_put(bytes + 8, row->type);
    be16_put(bytes + 10, row->business);
    be32_put(bytes + 12, row->business_date);
    be16_put(bytes + 16, row->series);
    be16_put(bytes + 18, row->posting_count);
    be32_put(bytes + 20, row->number);
    if (row->postings.len != 0)
        memcpy(bytes + HEAD_BYTES, row->postings.ptr, row->postings.len);
    struct row_key key = row_key_u64(position);
    kv_put(state, TABLE_ENTRY, row_key_slice(&key), slice_of(bytes, HEAD_BYTES + row->postings.len));
}

void entry_row_add(struct kv_txn *state, const struct record *record)
{
    struct entry_row row = {
        .type = record->header.type,
        .business = record->header.business,
        .business_date = record->header.business_date,
        .series = record->header.series,
        .number = record->header.number,
    };
    if (entry_type_reversible(record->header.type)) {
        row.posting_count = record->posting_count;
        row.postings = record->postings;
    }
    put(state, record->header.position, &row);
}

void entry_row_mark_reversed(struct kv_txn *state, uint64_t position, uint64_t reversed_by)
{
    struct entry_row row;
    if (!entry_row_get(state, position, &row) || row.reversed_by != 0 || !entry_type_reversible(row.type)) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    row.reversed_by = reversed_by;
    row.posting_count = 0;
    row.postings = slice_of(NULL, 0);
    put(state, position, &row);
}
