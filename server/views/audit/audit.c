#include "server/views/audit/audit.h"

#include "account.pb-c.h"
#include "books.pb-c.h"
#include "people.pb-c.h"
#include "proto/base/bytes.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/kernel/tables.h"
#include "server/views/audit/watch.h"
#include "type_ids.h"

#define CHANGE_KEY_BYTES   10u
#define USER_KEY_BYTES     12u
#define ACTIVITY_KEY_BYTES 10u
#define SUBJECT_KEY_BYTES  17u

static const struct kv_table tables[] = {
    [AUDIT_CURSOR] = {"cursor", KV_PLAIN},
    [AUDIT_ROWS] = {"rows", KV_PLAIN},
    [AUDIT_BLIND_ROWS] = {"blind_rows", KV_BLIND_KEYS},
    [AUDIT_CHANGES] = {"changes", KV_APPENDED},
    [AUDIT_BY_USER] = {"by_user", KV_PACKED | KV_GROUP(4)},
    [AUDIT_ACTIVITY] = {"activity", KV_PLAIN},
    [AUDIT_BY_SUBJECT] = {"by_subject", KV_PACKED | KV_GROUP(9)},
    [AUDIT_BOOKS] = {"books", KV_PLAIN},
};

/* ---- changes ------------------------------------------------------------------------------------------------------ */

static void change_key(uint64_t position, uint16_t index, uint8_t out[CHANGE_KEY_BYTES])
{
    be64_put(out, position);
    be16_put(out + 8, index);
}

/* value: u8 table, u8 bits (1 before, 2 after), u16 key length, u32 before length, key, before, after */
void audit_change_put(struct kv_txn *txn, uint64_t position, uint16_t index,
                      const struct audit_change *change, struct arena *arena)
{
    size_t len = 8 + change->key.len + change->before.len + change->after.len;
    uint8_t key[CHANGE_KEY_BYTES];
    uint8_t *bytes = arena_take(arena, len);
    if (bytes == NULL) {
        kv_set_error(txn, STATUS_NO_MEMORY);
        return;
    }
    struct byte_writer w = byte_writer_on(bytes, len);
    byte_put_u8(&w, change->table);
    byte_put_u8(&w, (uint8_t)((change->had_before ? 1 : 0) | (change->has_after ? 2 : 0)));
    byte_put_u16(&w, (uint16_t)change->key.len);
    byte_put_u32(&w, (uint32_t)change->before.len);
    byte_put(&w, change->key.ptr, change->key.len);
    byte_put(&w, change->before.ptr, change->before.len);
    byte_put(&w, change->after.ptr, change->after.len);
    change_key(position, index, key);
    kv_put(txn, AUDIT_CHANGES, slice_of(key, sizeof key), byte_written(&w));
}

bool audit_change_get(struct kv_txn *txn, uint64_t position, uint16_t index, struct audit_change *out)
{
    uint8_t key[CHANGE_KEY_BYTES];
    struct slice value;
    change_key(position, index, key);
    if (!kv_get(txn, AUDIT_CHANGES, slice_of(key, sizeof key), &value))
        return false;
    struct byte_reader r = byte_reader_on(value);
    struct audit_change change = {.table = byte_get_u8(&r)};
    uint8_t bits = byte_get_u8(&r);
    size_t key_len = byte_get_u16(&r), before_len = byte_get_u32(&r);
    change.had_before = (bits & 1) != 0;
    change.has_after = (bits & 2) != 0;
    change.key = slice_of(byte_take(&r, key_len), key_len);
    change.before = slice_of(byte_take(&r, before_len), before_len);
    change.after = r.rest;
    if (r.failed)
        return false;
    *out = change;
    return true;
}

/* ---- who and when --------------------------------------------------------------------------------------------------- */

static int32_t books_offset(struct kv_txn *txn)
{
    struct slice value;
    return kv_get(txn, AUDIT_BOOKS, slice_text("offset"), &value) && value.len == 4
               ? (int32_t)be32_get(value.ptr)
               : 0;
}

static void note_user(struct kv_txn *txn, const struct record_header *header, uint32_t user)
{
    uint8_t key[USER_KEY_BYTES];
    be32_put(key, user);
    be64_put(key + 4, header->position);
    kv_put(txn, AUDIT_BY_USER, slice_of(key, sizeof key), (struct slice){0});
}

static void note_activity(struct kv_txn *txn, const struct record_header *header, uint32_t user,
                          uint64_t times)
{
    uint8_t key[ACTIVITY_KEY_BYTES], bytes[24];
    be32_put(key, user);
    be32_put(key + 4, date_of_timestamp(header->time, books_offset(txn)));
    be16_put(key + 8, header->type);
    uint64_t count = 0, first = (uint64_t)header->time;
    struct slice value;
    if (kv_get(txn, AUDIT_ACTIVITY, slice_of(key, sizeof key), &value) && value.len == sizeof bytes) {
        count = be64_get(value.ptr);
        first = be64_get(value.ptr + 8);
    }
    be64_put(bytes, count + times);
    be64_put(bytes + 8, first);
    be64_put(bytes + 16, (uint64_t)header->time);
    kv_put(txn, AUDIT_ACTIVITY, slice_of(key, sizeof key), slice_of(bytes, sizeof bytes));
}

static void note_subject(struct kv_txn *txn, const struct record_header *header, enum audit_subject kind,
                         uint64_t id)
{
    uint8_t key[SUBJECT_KEY_BYTES];
    key[0] = (uint8_t)kind;
    be64_put(key + 1, id);
    be64_put(key + 9, header->position);
    kv_put(txn, AUDIT_BY_SUBJECT, slice_of(key, sizeof key), (struct slice){0});
}

/* ---- what about ------------------------------------------------------------------------------------------------------- */

/* Subjects follow from the rows that changed, so new record types need nothing here. */
static void note_changed_subjects(struct kv_txn *txn, const struct record *record, uint16_t changes)
{
    for (uint16_t i = 0; i < changes; i++) {
        struct audit_change change;
        if (!audit_change_get(txn, record->header.position, i, &change) || change.key.len < 4)
            continue;
        uint32_t id = be32_get(change.key.ptr);
        if (change.table == TABLE_ACCOUNT)
            note_subject(txn, &record->header, SUBJECT_ACCOUNT, id);
        if (change.table == TABLE_USER || change.table == TABLE_ACCESS)
            note_subject(txn, &record->header, SUBJECT_USER, id);
    }
}

static void note_books(struct kv_txn *txn, const struct record *record, struct arena *arena)
{
    const Daftari__V1__OpenBooks *books =
        row_message(txn, record->payload, &daftari__v1__open_books__descriptor, arena);
    uint8_t value[4];
    if (books == NULL)
        return;
    be32_put(value, (uint32_t)books->utc_offset_minutes);
    kv_put(txn, AUDIT_BOOKS, slice_text("offset"), slice_of(value, sizeof value));
}

/* What the server itself records about somebody: whom (0 = nobody it knows), and how often it happened. */
struct told {
    uint32_t user;
    uint64_t times;
    uint64_t session; /* SessionUsedFrom */
    bool refused;
};

static void read_told(struct kv_txn *txn, const struct record *record, struct arena *arena, struct told *out)
{
    const struct event_type *event = domain_event(record->header.type);
    *out = (struct told){.times = 1};
    switch (record->header.type) {
    case EVENT_SESSION_OPENED:
    case EVENT_LOGINS_REFUSED:
    case EVENT_ACCESS_REFUSED:
    case EVENT_SESSION_USED_FROM:
        break;
    default:
        return;
    }
    const ProtobufCMessage *message = row_message(txn, record->payload, event->payload, arena);
    if (message == NULL)
        return;
    if (record->header.type == EVENT_SESSION_OPENED)
        out->user = ((const Daftari__V1__SessionOpened *)message)->user;
    if (record->header.type == EVENT_SESSION_USED_FROM)
        out->session = ((const Daftari__V1__SessionUsedFrom *)message)->session;
    if (record->header.type == EVENT_LOGINS_REFUSED) {
        const Daftari__V1__LoginsRefused *refused = (const Daftari__V1__LoginsRefused *)message;
        *out = (struct told){.user = refused->user, .times = refused->count, .refused = true};
    }
    if (record->header.type == EVENT_ACCESS_REFUSED) {
        const Daftari__V1__AccessRefused *refused = (const Daftari__V1__AccessRefused *)message;
        *out = (struct told){.user = refused->user, .times = refused->count, .refused = true};
    }
}

/* What was refused counts as an act of him who tried, as often as he did. */
static void note_who(struct kv_txn *txn, const struct record *record, struct arena *arena)
{
    const struct record_header *header = &record->header;
    struct told told;
    read_told(txn, record, arena, &told);
    note_user(txn, header, header->user);
    if (told.refused && told.user != header->user)
        note_user(txn, header, told.user);
    note_activity(txn, header, told.refused ? told.user : header->user, told.times);
    if (told.user != 0)
        note_subject(txn, header, SUBJECT_USER, told.user);
    if (told.session != 0)
        note_subject(txn, header, SUBJECT_SESSION, told.session);
}

static void audit_apply(struct kv_txn *txn, const struct record *record, struct arena *arena)
{
    if (record->header.type == EVENT_BOOKS_OPENED)
        note_books(txn, record, arena);
    note_who(txn, record, arena);
    struct watch watch;
    watch_init(&watch, txn, record->header.position, arena);
    domain_apply_master(&watch.base, record, arena);
    note_changed_subjects(txn, record, watch.changes);
}

const struct view view_audit = {
    .id = VIEW_AUDIT,
    .name = "audit",
    .version = DOMAIN_STATE_VERSION << 8 | 4, /* it holds the domain's rows too */
    .tables = tables,
    .table_count = sizeof tables / sizeof tables[0],
    .written_once =
        UINT64_C(1) << AUDIT_BY_USER | UINT64_C(1) << AUDIT_BY_SUBJECT | UINT64_C(1) << AUDIT_CHANGES,
    .apply = audit_apply,
};

/* ---- reading ---------------------------------------------------------------------------------------------------------- */

uint64_t audit_user_next(struct kv_cursor *cursor, uint32_t user, uint64_t position)
{
    uint8_t at[USER_KEY_BYTES];
    be32_put(at, user);
    be64_put(at + 4, position);
    struct slice key, value;
    if (!kv_seek(cursor, slice_of(at, sizeof at)))
        return 0;
    kv_row(cursor, &key, &value);
    return key.len == USER_KEY_BYTES && be32_get(key.ptr) == user ? be64_get(key.ptr + 4) : 0;
}

uint64_t audit_subject_next(struct kv_cursor *cursor, enum audit_subject kind, uint64_t id, uint64_t position)
{
    uint8_t at[SUBJECT_KEY_BYTES];
    at[0] = (uint8_t)kind;
    be64_put(at + 1, id);
    be64_put(at + 9, position);
    struct slice key, value;
    if (!kv_seek(cursor, slice_of(at, sizeof at)))
        return 0;
    kv_row(cursor, &key, &value);
    bool same = key.len == SUBJECT_KEY_BYTES && memcmp(key.ptr, at, 9) == 0;
    return same ? be64_get(key.ptr + 9) : 0;
}

uint64_t audit_session_place(struct kv_txn *txn, uint64_t session, uint64_t position)
{
    uint8_t at[SUBJECT_KEY_BYTES];
    struct slice key, value;
    at[0] = SUBJECT_SESSION;
    be64_put(at + 1, session);
    be64_put(at + 9, position);
    if (!row_last_within(txn, AUDIT_BY_SUBJECT, slice_of(at, 9), slice_of(at, sizeof at), &key, &value) ||
        key.len != SUBJECT_KEY_BYTES)
        return session;
    return be64_get(key.ptr + 9);
}

bool audit_activity_at(struct kv_cursor *cursor, uint32_t user, civil_date date, uint16_t type,
                       struct audit_activity *out)
{
    uint8_t at[ACTIVITY_KEY_BYTES];
    be32_put(at, user);
    be32_put(at + 4, date);
    be16_put(at + 8, type);
    struct slice key, value;
    if (!kv_seek(cursor, slice_of(at, sizeof at)))
        return false;
    kv_row(cursor, &key, &value);
    if (key.len != ACTIVITY_KEY_BYTES || value.len != 24)
        return false;
    *out = (struct audit_activity){
        .user = be32_get(key.ptr),
        .date = be32_get(key.ptr + 4),
        .type = be16_get(key.ptr + 8),
        .count = be64_get(value.ptr),
        .first = (timestamp_us)be64_get(value.ptr + 8),
        .last = (timestamp_us)be64_get(value.ptr + 16),
    };
    return true;
}
