/* audit-trail: who did what, when, from where, and what master data was before and after. */
#include <stdio.h>

#include "entry.pb-c.h"
#include "people.pb-c.h"
#include "period.pb-c.h"
#include "proto/wire/message.h"
#include "reconciliation.pb-c.h"
#include "server/domain/business/settings.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/numbering.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/people/user_row.h"
#include "server/views/audit/audit.h"
#include "server/views/reports/list.h"
#include "server/views/reports/message_text.h"
#include "server/views/reports/report_run.h"
#include "type_ids.h"

static const char *const parameters[] = {
    "from_date", "to_date", "known_at_position", "known_at_time_us", "business", "account", "user", "limit",
    "offset",    NULL};
static const struct report_column columns[] = {
    {"position", "Position", DAFTARI__V1__COLUMN_KIND__INTEGER},
    {"time", "Time", DAFTARI__V1__COLUMN_KIND__TIME},
    {"user", "User", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"operation", "Operation", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"business", "Business", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"subject", "Subject", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"number", "Number", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"before", "Before", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"after", "After", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"address", "Address", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"device", "Device", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"agent", "Agent", DAFTARI__V1__COLUMN_KIND__TEXT},
};

#define SUBJECT_TEXT_MAX 320u

struct trail {
    struct report_run *run;
    struct kv_txn *audit;
    uint32_t user; /* asked for; with by_user */
    bool by_user;
    uint64_t last;  /* position to end with */
    uint64_t place; /* the record that the particulars below are from; 0 = none */
    char address[64], device[104], agent[104];
};

/* ---- what changed ------------------------------------------------------------------------------------------------------- */

static const char *nouns[TABLE_COUNT] = {
    [TABLE_BOOKS] = "books",
    [TABLE_CURRENCY] = "currency",
    [TABLE_SERIES] = "series",
    [TABLE_TRANSACTION_TYPE] = "transaction type",
    [TABLE_BUSINESS] = "business",
    [TABLE_SETTING] = "setting",
    [TABLE_ACCOUNT] = "account",
    [TABLE_PERIOD] = "period",
    [TABLE_USER] = "user",
    [TABLE_ROLE] = "role",
    [TABLE_ACCESS] = "access",
    [TABLE_CERTIFICATE] = "certificate",
    [TABLE_RECONCILIATION] = "reconciliation",
    [TABLE_ADJUSTMENT] = "adjustment",
};

/* The message in a row of a domain table; NULL for rows that are none. */
static const ProtobufCMessage *row_decode(struct trail *trail, unsigned table, struct slice value)
{
    static const ProtobufCMessageDescriptor *const types[TABLE_COUNT] = {
        [TABLE_BOOKS] = &daftari__v1__open_books__descriptor,
        [TABLE_CURRENCY] = &daftari__v1__currency_info__descriptor,
        [TABLE_SERIES] = &daftari__v1__series_info__descriptor,
        [TABLE_TRANSACTION_TYPE] = &daftari__v1__transaction_type_info__descriptor,
        [TABLE_BUSINESS] = &daftari__v1__business_info__descriptor,
        [TABLE_ACCOUNT] = &daftari__v1__account_info__descriptor,
        [TABLE_PERIOD] = &daftari__v1__period_info__descriptor,
        [TABLE_USER] = &daftari__v1__user_created__descriptor,
        [TABLE_ROLE] = &daftari__v1__role_info__descriptor,
        [TABLE_RECONCILIATION] = &daftari__v1__reconciliation_info__descriptor,
        [TABLE_ADJUSTMENT] = &daftari__v1__adjustment_info__descriptor,
    };
    struct user_row user;
    struct role_row role;
    if (table >= TABLE_COUNT || types[table] == NULL)
        return NULL;
    if (table == TABLE_ACCOUNT && value.len >= ACCOUNT_ROW_BYTES)
        value = slice_of(value.ptr + ACCOUNT_ROW_BYTES, value.len - ACCOUNT_ROW_BYTES);
    if (table == TABLE_USER)
        value = user_row_parse(value, &user) ? user.info : (struct slice){0};
    if (table == TABLE_ROLE)
        value = role_row_parse(value, &role) ? role.info : (struct slice){0};
    ProtobufCMessage *message = NULL;
    struct fault why;
    enum status status =
        message_unpack(types[table], value, false, arena_allocator(trail->run->row), &message, &why);
    return status == STATUS_OK ? message : NULL;
}

static const char *access_level(struct slice value)
{
    uint8_t level = value.len == 1 ? value.ptr[0] : 0;
    return level == PERMISSION_ADMIN   ? "admin"
           : level == PERMISSION_WRITE ? "write"
           : level == PERMISSION_READ  ? "read"
                                       : "none";
}

static struct slice as_slice(const char *text, int len)
{
    size_t most = MESSAGE_TEXT_MAX - 1;
    return slice_of(text, len < 0 ? 0 : (size_t)len < most ? (size_t)len : most);
}

/* "tax_rate=14.00"; the key is business, name, NUL and date. Without a row the setting's default holds. */
static struct slice setting_as_text(struct slice key, bool there, struct slice value,
                                    char out[MESSAGE_TEXT_MAX])
{
    if (key.len < 7)
        return (struct slice){0};
    const char *name = (const char *)key.ptr + 2; /* the NUL within the key ends it */
    const struct setting *setting = setting_find(name);
    if (!there)
        value = slice_text(setting != NULL ? setting->fallback : "");
    return as_slice(
        out, snprintf(out, MESSAGE_TEXT_MAX, "%s=%.*s", name, (int)value.len, (const char *)value.ptr));
}

/* Whose certificate, and its label. */
static struct slice certificate_as_text(struct trail *trail, struct slice value, char out[MESSAGE_TEXT_MAX])
{
    if (value.len < 4)
        return (struct slice){0};
    return as_slice(out, snprintf(out, MESSAGE_TEXT_MAX, "user=%s, label=%.*s",
                                  user_email_of(trail->run->masters, be32_get(value.ptr), trail->run->row),
                                  (int)(value.len - 4), (const char *)value.ptr + 4));
}

/* Whether a user is active and locked: flags of the row, not in its message. What is the same in `other` is left out. */
static struct slice user_as_text(struct slice value, struct slice other, struct slice fields,
                                 char out[2 * MESSAGE_TEXT_MAX])
{
    struct user_row row, beside;
    if (!user_row_parse(value, &row) || !user_row_parse(other, &beside))
        return fields;
    unsigned differs = row.flags ^ beside.flags;
    int len = snprintf(out, 2 * MESSAGE_TEXT_MAX, "%.*s", (int)fields.len, (const char *)fields.ptr);
    if ((differs & USER_ACTIVE) != 0)
        len += snprintf(out + len, 2 * MESSAGE_TEXT_MAX - (size_t)len, "%sactive=%s", len != 0 ? ", " : "",
                        (row.flags & USER_ACTIVE) != 0 ? "yes" : "no");
    if ((differs & USER_LOCKED) != 0)
        len += snprintf(out + len, 2 * MESSAGE_TEXT_MAX - (size_t)len, "%slocked=%s", len != 0 ? ", " : "",
                        (row.flags & USER_LOCKED) != 0 ? "yes" : "no");
    return slice_of(out, (size_t)len);
}

/* One side of a change. */
struct side {
    bool there;
    struct slice value;
    const ProtobufCMessage *message;
};

static struct slice side_as_text(struct trail *trail, const struct audit_change *change,
                                 const struct side *side, const struct side *other,
                                 char out[MESSAGE_TEXT_MAX])
{
    if (change->table == TABLE_SETTING)
        return setting_as_text(change->key, side->there, side->value, out);
    if (!side->there)
        return (struct slice){0};
    if (side->message != NULL)
        return message_text(trail->run, side->message, other->message, out);
    if (change->table == TABLE_ACCESS)
        return slice_text(access_level(side->value));
    if (change->table == TABLE_CERTIFICATE)
        return certificate_as_text(trail, side->value, out);
    return (struct slice){0};
}

static const char *business_code(struct trail *trail, uint16_t business)
{
    return business_code_of(trail->run->masters, business, trail->run->row);
}

static void setting_subject(struct trail *trail, struct slice key, char out[SUBJECT_TEXT_MAX])
{
    if (key.len < 7) /* business, name, NUL, date */
        return;
    struct slice name = slice_of(key.ptr + 2, key.len - 7);
    char date[DATE_TEXT_MAX];
    date_format(be32_get(key.ptr + key.len - 4), date);
    (void)snprintf(out, SUBJECT_TEXT_MAX, "setting %s %.*s from %s", business_code(trail, be16_get(key.ptr)),
                   (int)(name.len < 100 ? name.len : 100), (const char *)name.ptr, date);
}

/* "account 1110", "user jane@shop.example", "setting WTR vat_rate from 2026-01-01". */
static void subject_text(struct trail *trail, const struct audit_change *change, char out[SUBJECT_TEXT_MAX])
{
    const char *noun =
        change->table < TABLE_COUNT && nouns[change->table] != NULL ? nouns[change->table] : "";
    struct kv_txn *masters = trail->run->masters;
    struct arena *arena = trail->run->row;
    struct slice key = change->key;
    (void)snprintf(out, SUBJECT_TEXT_MAX, "%s", noun);
    if (change->table == TABLE_ACCOUNT && key.len == 4)
        (void)snprintf(out, SUBJECT_TEXT_MAX, "%s %u", noun, be32_get(key.ptr));
    else if (change->table == TABLE_USER && key.len == 4)
        (void)snprintf(out, SUBJECT_TEXT_MAX, "%s %s", noun,
                       user_email_of(masters, be32_get(key.ptr), arena));
    else if (change->table == TABLE_ACCESS && key.len == 6)
        (void)snprintf(out, SUBJECT_TEXT_MAX, "%s %s %s", noun,
                       user_email_of(masters, be32_get(key.ptr), arena),
                       business_code(trail, be16_get(key.ptr + 4)));
    else if (change->table == TABLE_BUSINESS && key.len == 2)
        (void)snprintf(out, SUBJECT_TEXT_MAX, "%s %s", noun, business_code(trail, be16_get(key.ptr)));
    else if (change->table == TABLE_PERIOD && key.len == 4)
        (void)snprintf(out, SUBJECT_TEXT_MAX, "%s %04u-%02u", noun, be32_get(key.ptr) / 100,
                       be32_get(key.ptr) % 100);
    else if ((change->table == TABLE_ADJUSTMENT || change->table == TABLE_RECONCILIATION) && key.len == 8)
        (void)snprintf(out, SUBJECT_TEXT_MAX, "%s %llu", noun, (unsigned long long)be64_get(key.ptr));
    else if (change->table == TABLE_SETTING)
        setting_subject(trail, key, out);
}

/* ---- one record ----------------------------------------------------------------------------------------------------------- */

struct said {
    char subject[SUBJECT_TEXT_MAX];
    char before[2 * MESSAGE_TEXT_MAX], after[2 * MESSAGE_TEXT_MAX];
    size_t before_len, after_len;
};

static void append(char *at, size_t *len, struct slice text)
{
    size_t room = 2 * MESSAGE_TEXT_MAX - *len;
    if (text.len == 0 || text.len + 2 > room)
        return;
    if (*len != 0) {
        memcpy(at + *len, "; ", 2);
        *len += 2;
    }
    memcpy(at + *len, text.ptr, text.len);
    *len += text.len;
}

static void say_side(struct trail *trail, const struct audit_change *change, const struct side *side,
                     const struct side *other, char *at, size_t *len)
{
    char text[MESSAGE_TEXT_MAX], more[2 * MESSAGE_TEXT_MAX];
    struct slice said = side_as_text(trail, change, side, other, text);
    if (change->table == TABLE_USER && side->there && other->there)
        said = user_as_text(side->value, other->value, said, more);
    append(at, len, said);
}

static void say_change(struct trail *trail, const struct audit_change *change, struct said *said)
{
    struct side before = {.there = change->had_before, .value = change->before};
    struct side after = {.there = change->has_after, .value = change->after};
    before.message = before.there ? row_decode(trail, change->table, before.value) : NULL;
    after.message = after.there ? row_decode(trail, change->table, after.value) : NULL;
    say_side(trail, change, &before, &after, said->before, &said->before_len);
    say_side(trail, change, &after, &before, said->after, &said->after_len);
    if (said->subject[0] == '\0')
        subject_text(trail, change, said->subject);
    const ProtobufCMessage *role = change->table != TABLE_ROLE ? NULL
                                   : after.message != NULL     ? after.message
                                                               : before.message;
    if (role != NULL && ((const Daftari__V1__RoleInfo *)role)->name != NULL)
        (void)snprintf(said->subject, sizeof said->subject, "role %s",
                       ((const Daftari__V1__RoleInfo *)role)->name);
}

/* Records that change no master row: what was asked. */
static void say_payload(struct trail *trail, const struct record *record, struct said *said)
{
    const struct event_type *event = domain_event(record->header.type);
    ProtobufCMessage *message = NULL;
    struct fault why;
    char text[MESSAGE_TEXT_MAX];
    if (event == NULL || message_unpack(event->payload, record->payload, false,
                                        arena_allocator(trail->run->row), &message, &why) != STATUS_OK)
        return;
    append(said->after, &said->after_len, message_text(trail->run, message, NULL, text));
}

static void text_copy(char *out, size_t cap, const char *text)
{
    (void)snprintf(out, cap, "%s", text != NULL ? text : "");
}

static ProtobufCMessage *payload_as(struct trail *trail, const struct record *record, uint16_t type)
{
    ProtobufCMessage *message = NULL;
    struct fault why;
    if (record->header.type != type ||
        message_unpack(domain_event(type)->payload, record->payload, false, arena_allocator(trail->run->row),
                       &message, &why) != STATUS_OK)
        return NULL;
    return message;
}

/* From where, as a SessionOpened or a SessionUsedFrom says. */
static void place_set(struct trail *trail, const struct record *record)
{
    const Daftari__V1__SessionOpened *opened =
        (const Daftari__V1__SessionOpened *)payload_as(trail, record, EVENT_SESSION_OPENED);
    const Daftari__V1__SessionUsedFrom *used =
        (const Daftari__V1__SessionUsedFrom *)payload_as(trail, record, EVENT_SESSION_USED_FROM);
    const char *address = opened != NULL ? opened->address : used != NULL ? used->address : NULL;
    session_host(address != NULL ? address : "", trail->address);
    text_copy(trail->device, sizeof trail->device,
              opened != NULL ? opened->device
              : used != NULL ? used->device
                             : NULL);
    text_copy(trail->agent, sizeof trail->agent,
              opened != NULL ? opened->agent
              : used != NULL ? used->agent
                             : NULL);
}

/* The session that a record is of, and the address that it names itself; 0 and NULL when there are none. */
static uint64_t session_of(struct trail *trail, const struct record *record, const char **out_address)
{
    const ProtobufCMessage *message;
    *out_address = NULL;
    if (record->header.type == EVENT_SESSION_OPENED)
        return record->header.position;
    if ((message = payload_as(trail, record, EVENT_SESSION_USED_FROM)) != NULL)
        return ((const Daftari__V1__SessionUsedFrom *)message)->session;
    if ((message = payload_as(trail, record, EVENT_LOGINS_REFUSED)) != NULL)
        *out_address = ((const Daftari__V1__LoginsRefused *)message)->address;
    if ((message = payload_as(trail, record, EVENT_ACCESS_REFUSED)) != NULL) {
        *out_address = ((const Daftari__V1__AccessRefused *)message)->address;
        return ((const Daftari__V1__AccessRefused *)message)->session;
    }
    return record->header.session;
}

/* Particulars of a place stay while records from the same one follow. `record` is not to be used afterwards. */
static void place_read(struct trail *trail, const struct record *record)
{
    const char *address;
    uint64_t session = session_of(trail, record, &address);
    uint64_t place = session != 0 ? audit_session_place(trail->audit, session, record->header.position) : 0;
    struct record said;
    if (place != trail->place) {
        trail->place = place;
        trail->address[0] = trail->device[0] = trail->agent[0] = '\0';
        if (place != 0 && trail->run->reader->record(trail->run->reader, place, &said) == STATUS_OK)
            place_set(trail, &said);
    }
    if (address != NULL) { /* what was refused says it itself: the next record is read anew */
        text_copy(trail->address, sizeof trail->address, address);
        trail->place = UINT64_MAX;
    }
}

static void write_cells(struct trail *trail, const struct record_header *header, const struct said *said)
{
    struct report_run *run = trail->run;
    const struct event_type *event = domain_event(header->type);
    char number[NUMBER_TEXT_MAX + 1] = "";
    if (header->series == 0 ||
        !number_format(run->masters, header->series, header->business_date, header->number, number))
        number[0] = '\0';
    cell_integer(run->out, header->position);
    cell_time(run->out, header->time);
    cell_text(run->out, user_email_of(run->masters, header->user, run->row));
    cell_text(run->out, event != NULL ? event->name : "?");
    cell_text(run->out, business_code(trail, header->business));
    cell_text(run->out, said->subject);
    cell_text(run->out, number);
    cell_slice(run->out, slice_of(said->before, said->before_len));
    cell_slice(run->out, slice_of(said->after, said->after_len));
    cell_text(run->out, trail->address);
    cell_text(run->out, trail->device);
    cell_text(run->out, trail->agent);
}

static enum status write_record(struct trail *trail, uint64_t position)
{
    struct report_run *run = trail->run;
    struct record record;
    struct said said = {.subject = ""};
    arena_reset(run->row);
    enum status status = run->reader->record(run->reader, position, &record);
    if (status != STATUS_OK)
        return status;
    if (!run->all && record.header.business != run->business)
        return STATUS_OK;
    if (trail->by_user && run->request->has_account && record.header.user != trail->user)
        return STATUS_OK;
    if (!row_begin(run->out, DAFTARI__V1__ROW_KIND__DETAIL, 0))
        return STATUS_OK;
    struct audit_change change;
    uint16_t count = 0;
    for (; audit_change_get(trail->audit, position, count, &change); count++)
        say_change(trail, &change, &said);
    if (count == 0)
        say_payload(trail, &record, &said);
    struct record_header header = record.header;
    place_read(trail, &record);
    write_cells(trail, &header, &said);
    row_end(run->out);
    return STATUS_OK;
}

/* ---- which records ---------------------------------------------------------------------------------------------------------- */

/* Midnight at the beginning of a date, in the books' time zone. */
static timestamp_us midnight(struct report_run *run, civil_date date)
{
    const Daftari__V1__OpenBooks *books = books_get(run->masters, run->row);
    int64_t offset_minutes = books != NULL ? books->utc_offset_minutes : 0;
    return ((int64_t)date_to_days(date) * 24 * 60 - offset_minutes) * 60 * 1000000;
}

static enum status walk(struct trail *trail, uint64_t first)
{
    struct report_run *run = trail->run;
    bool by_account = run->request->has_account;
    struct kv_cursor *cursor = NULL;
    if (by_account || trail->by_user)
        cursor = kv_cursor_open(trail->audit, by_account ? AUDIT_BY_SUBJECT : AUDIT_BY_USER);
    enum status status = STATUS_OK;
    for (uint64_t position = first; status == STATUS_OK && position != 0 && !report_out_done(run->out);
         position++) {
        if (by_account)
            position = audit_subject_next(cursor, SUBJECT_ACCOUNT, run->request->account, position);
        else if (trail->by_user)
            position = audit_user_next(cursor, trail->user, position);
        if (position == 0 || position > trail->last)
            break;
        if (report_out_batch_full(run->out)) {
            run->resume->position = position;
            status = STATUS_AGAIN;
            break;
        }
        status = write_record(trail, position);
    }
    kv_cursor_close(cursor);
    return status;
}

static enum status audit_trail_run(struct report_run *run)
{
    struct trail trail = {.run = run, .by_user = run->request->user != NULL};
    trail.audit = run->reader->txn(run->reader, VIEW_AUDIT);
    if (trail.audit == NULL)
        return STATUS_UNAVAILABLE;
    if (trail.by_user) {
        trail.user = user_by_email(run->masters, run->request->user);
        if (trail.user == 0 && strcmp(run->request->user, "server") != 0)
            return fault_set(run->why, STATUS_INVALID, "user",
                             "the e-mail of a user of these books, or \"server\"");
    }
    uint64_t before = 0, last = 0;
    enum status status = STATUS_OK;
    if (run->from != 0)
        status = run_position_at(run, midnight(run, run->from) - 1, &before);
    if (status == STATUS_OK)
        status = run_position_at(run, midnight(run, run->to) + INT64_C(86400000000) - 1, &last);
    if (status != STATUS_OK)
        return status;
    trail.last = last < run->known_at ? last : run->known_at;
    report_out_columns(run->out, columns, sizeof columns / sizeof columns[0]);
    status = walk(&trail, run->resume->position != 0 ? run->resume->position : before + 1);
    return kv_error(trail.audit) != STATUS_OK ? kv_error(trail.audit) : status;
}

const struct report report_audit_trail = {
    .name = "audit-trail",
    .title = "Audit trail",
    .description =
        "Who did what, when and from where, with master data before and after; of one user, account or "
        "business when asked for. Dates are those of recording.",
    .parameters = parameters,
    .permission = DAFTARI__V1__PERMISSION__RAW_LOG,
    .by_recording = true,
    .run = audit_trail_run,
};
