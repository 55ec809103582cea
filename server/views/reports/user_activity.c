/* user-activity: how often each user did what, and when first and last. */
#include "people.pb-c.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/people/user_row.h"
#include "server/views/audit/audit.h"
#include "server/views/reports/list.h"
#include "server/views/reports/report_run.h"

static const char *const parameters[] = {"from_date", "to_date", "user", "limit", "offset", NULL};
static const struct report_column columns[] = {
    {"user", "User", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"operation", "Operation", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"count", "Count", DAFTARI__V1__COLUMN_KIND__INTEGER},
    {"first", "First", DAFTARI__V1__COLUMN_KIND__TIME},
    {"last", "Last", DAFTARI__V1__COLUMN_KIND__TIME},
};

#define TYPES_MAX 512u /* record types one user can have used: more than TYPE_IDS holds */

struct activity {
    uint16_t type;
    uint64_t count;
    timestamp_us first, last;
};

static void write_user(struct report_run *run, uint32_t user, const struct activity *sums, size_t count)
{
    arena_reset(run->row);
    const char *email = user_email_of(run->masters, user, run->row);
    for (size_t i = 0; i < count; i++) {
        const struct event_type *event = domain_event(sums[i].type);
        if (!row_begin(run->out, DAFTARI__V1__ROW_KIND__DETAIL, 0))
            continue;
        cell_text(run->out, email);
        cell_text(run->out, event != NULL ? event->name : "?");
        cell_integer(run->out, sums[i].count);
        cell_time(run->out, sums[i].first);
        cell_time(run->out, sums[i].last);
        row_end(run->out);
    }
}

static void add(struct activity *sums, size_t *count, const struct audit_activity *row)
{
    size_t at = 0;
    while (at < *count && sums[at].type != row->type)
        at++;
    if (at == TYPES_MAX)
        return;
    if (at == *count)
        sums[(*count)++] = (struct activity){.type = row->type, .first = row->first};
    sums[at].count += row->count;
    sums[at].last = row->last;
}

/* Adds up the days of one user; the rows are in order of date, so the last one seen is the last. */
static void sum_user(struct report_run *run, struct kv_cursor *cursor, uint32_t user)
{
    struct activity sums[TYPES_MAX];
    size_t count = 0;
    struct audit_activity row;
    uint32_t type = 0;
    civil_date date = run->from;
    while (audit_activity_at(cursor, user, date, (uint16_t)type, &row) && row.user == user &&
           row.date <= run->to) {
        add(sums, &count, &row);
        date = row.type == UINT16_MAX ? row.date + 1 : row.date;
        type = row.type == UINT16_MAX ? 0 : row.type + 1u;
    }
    write_user(run, user, sums, count);
}

static enum status user_activity_run(struct report_run *run)
{
    struct kv_txn *txn = run->reader->txn(run->reader, VIEW_AUDIT);
    if (txn == NULL)
        return STATUS_UNAVAILABLE;
    bool one = run->request->user != NULL;
    uint32_t user = one ? user_by_email(run->masters, run->request->user) : 0;
    if (one && user == 0 && strcmp(run->request->user, "server") != 0)
        return fault_set(run->why, STATUS_INVALID, "user",
                         "the e-mail of a user of these books, or \"server\"");
    report_out_columns(run->out, columns, sizeof columns / sizeof columns[0]);
    struct kv_cursor *cursor = kv_cursor_open(txn, AUDIT_ACTIVITY);
    struct audit_activity row;
    if (one) {
        sum_user(run, cursor, user);
    } else {
        bool more = audit_activity_at(cursor, 0, 0, 0, &row);
        while (more && !report_out_done(run->out)) {
            user = row.user;
            sum_user(run, cursor, user);
            more = user != UINT32_MAX && audit_activity_at(cursor, user + 1, 0, 0, &row);
        }
    }
    kv_cursor_close(cursor);
    return kv_error(txn);
}

const struct report report_user_activity = {
    .name = "user-activity",
    .title = "User activity",
    .description = "How often each user did what in a period, and when first and last.",
    .parameters = parameters,
    .permission = DAFTARI__V1__PERMISSION__USERS,
    .by_recording = true,
    .run = user_activity_run,
};
