/*
 * A row of TABLE_ENTRY: what reversing a record needs, so that a decision never reads the log.
 *
 *   off len field                                          off len field
 *     0   8 reversed_by: position, 0 = not reversed         16   2 series
 *     8   2 type                                            18   2 posting_count
 *    10   2 business                                        20   4 number
 *    12   4 business_date                                   24     postings as in the record (POSTING_BYTES each)
 *
 * Kept for every record with postings. The postings are dropped once it is reversed and left out of records that
 * cannot be (reversals, year closes): posting_count is 0 then.
 */
#ifndef SERVER_DOMAIN_KERNEL_ENTRY_ROW_H
#define SERVER_DOMAIN_KERNEL_ENTRY_ROW_H

#include "proto/record/record.h"
#include "server/ports/kv.h"

struct entry_row {
    uint64_t reversed_by;
    uint16_t type;
    uint16_t business;
    civil_date business_date;
    uint16_t series;
    uint16_t posting_count;
    uint32_t number;
    struct slice postings; /* borrowed from the store: valid until the next write */
};

bool entry_row_get(struct kv_txn *state, uint64_t position, struct entry_row *out);
struct posting entry_row_posting(const struct entry_row *row,
                                 size_t index); /* index < posting_count (asserted) */

/* Whether records of this type are taken back by Entry.Reverse. */
bool entry_type_reversible(uint16_t type);

/* Kernel only: rows for a record with postings, and the mark on the record that a reversal takes back. */
void entry_row_add(struct kv_txn *state, const struct record *record);
void entry_row_mark_reversed(struct kv_txn *state, uint64_t position, uint64_t reversed_by);

#endif
