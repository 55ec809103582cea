/*
 * The journal view: documents by date and by number, and what later records did to earlier ones.
 *
 *   JOURNAL_BY_DATE    u32 date, u64 position -> u16 business, u16 type: every record with postings
 *   JOURNAL_BY_NUMBER  u16 series, u32 date, u32 number -> u64 position: every record with a document number
 *   JOURNAL_LINKS      u64 cause, u64 position -> u16 type: `position` reverses, posts or settles `cause`
 */
#ifndef SERVER_VIEWS_JOURNAL_H
#define SERVER_VIEWS_JOURNAL_H

#include "server/views/view.h"

enum { JOURNAL_CURSOR, JOURNAL_BY_DATE, JOURNAL_BY_NUMBER, JOURNAL_LINKS };

struct journal_entry {
    civil_date date;
    uint64_t position;
    uint16_t business;
    uint16_t type;
};

extern const struct view view_journal;

/* Moves to the first entry at or after (date, position), or with `last` to the last at or before it. */
bool journal_seek(struct kv_cursor *cursor, civil_date date, uint64_t position, bool last);
bool journal_entry(struct kv_cursor *cursor, struct journal_entry *out); /* false: malformed */

uint64_t journal_by_number(struct kv_txn *txn, uint16_t series, civil_date date,
                           uint32_t number); /* 0 = none */
/* The reversal of `position` as known at `known_at`; 0 = none. */
uint64_t journal_reversal(struct kv_txn *txn, uint64_t position, uint64_t known_at);

/* The positions after `after` of records whose cause is `position`, in order, as known at `known_at`: how many, at most
 * `max`. */
size_t journal_followers(struct kv_txn *txn, uint64_t position, uint64_t after, uint64_t known_at,
                         uint64_t *out, size_t max);

#endif
