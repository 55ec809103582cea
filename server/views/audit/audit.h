/*
 * The audit view: who did what, and what master data was before and after.
 *
 *   AUDIT_ROWS        u8 domain table, its key -> its value: master rows as they stand (server/views/audit/watch.h)
 *   AUDIT_BLIND_ROWS  the same for tables whose keys are text from outside
 *   AUDIT_CHANGES     u64 position, u16 n -> struct audit_change: what the record did to master rows
 *   AUDIT_BY_USER     u32 user, u64 position -> nothing: what a user did (0: the server itself), and what was refused to
 *                     him, which the server recorded
 *   AUDIT_ACTIVITY    u32 user, u32 date, u16 type -> u64 count, i64 first, i64 last time: by day in the books' time zone
 *   AUDIT_BY_SUBJECT  u8 kind, u64 id, u64 position -> nothing: what happened to an account or a user, and
 *                     where a session was used from
 *   AUDIT_BOOKS       "offset" -> i32 minutes of the books' time zone
 *
 * Addresses and devices stand in the SessionOpened record that a record's header names, or in the last SessionUsedFrom
 * of that session before it (audit_session_place).
 */
#ifndef SERVER_VIEWS_AUDIT_H
#define SERVER_VIEWS_AUDIT_H

#include "server/views/view.h"

enum {
    AUDIT_CURSOR,
    AUDIT_ROWS,
    AUDIT_BLIND_ROWS,
    AUDIT_CHANGES,
    AUDIT_BY_USER,
    AUDIT_ACTIVITY,
    AUDIT_BY_SUBJECT,
    AUDIT_BOOKS
};

enum audit_subject { SUBJECT_ACCOUNT = 1, SUBJECT_USER = 2, SUBJECT_SESSION = 3 };

struct audit_change {
    uint8_t table; /* enum domain_table */
    bool had_before, has_after;
    struct slice key;
    struct slice before, after; /* the domain's row values */
};

struct audit_activity {
    uint32_t user;
    civil_date date;
    uint16_t type;
    uint64_t count;
    timestamp_us first, last;
};

extern const struct view view_audit;

void audit_change_put(struct kv_txn *txn, uint64_t position, uint16_t index,
                      const struct audit_change *change, struct arena *arena);
/* Change `index` of the record; false when there are no more. Borrowed from the transaction. */
bool audit_change_get(struct kv_txn *txn, uint64_t position, uint16_t index, struct audit_change *out);

/* Positions of what `user` did, or of what happened to a subject, from `position` on; 0 when there are no more. The
 * cursor is on AUDIT_BY_USER or AUDIT_BY_SUBJECT. */
uint64_t audit_user_next(struct kv_cursor *cursor, uint32_t user, uint64_t position);
uint64_t audit_subject_next(struct kv_cursor *cursor, enum audit_subject kind, uint64_t id,
                            uint64_t position);

/* The record that says from where `session` was used at `position`: its last SessionUsedFrom up to there, or itself. */
uint64_t audit_session_place(struct kv_txn *txn, uint64_t session, uint64_t position);

/* The first row of AUDIT_ACTIVITY at or after (user, date, type); false when there is none. */
bool audit_activity_at(struct kv_cursor *cursor, uint32_t user, civil_date date, uint16_t type,
                       struct audit_activity *out);

#endif
