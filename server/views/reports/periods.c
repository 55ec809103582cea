/*
 * periods: what was closed, by whom and when.
 *
 * Books may begin long before the first entry, and the first close then closes every month since. Months in a row that
 * were closed together and in which nothing was posted stand in one row: from which one to which.
 */
#include <stdio.h>

#include "people.pb-c.h"
#include "period.pb-c.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/rows.h"
#include "server/views/journal/journal.h"
#include "server/views/reports/list.h"
#include "server/views/reports/report_run.h"

static const char *const parameters[] = {
    "from_date", "to_date", "known_at_position", "known_at_time_us", "limit", "offset", NULL};
static const struct report_column columns[] = {
    {"month", "Month", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"last_month", "To", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"state", "State", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"changed_by", "By", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"changed", "Changed", DAFTARI__V1__COLUMN_KIND__TIME},
    {"position", "Position", DAFTARI__V1__COLUMN_KIND__INTEGER},
    {"note", "Note", DAFTARI__V1__COLUMN_KIND__TEXT},
};

#define FOLD_MONTHS_MIN 3u /* fewer stand for themselves */
#define DAY_US          (INT64_C(24) * 3600 * 1000000)

struct period {
    uint32_t month; /* YYYYMM, a year YYYY00 */
    const Daftari__V1__PeriodInfo *info;
};

struct periods {
    struct report_run *run;
    struct period *items;
    size_t count, cap;
    struct kv_cursor *entries; /* of the journal, by date */
};

/* ---- which ones ----------------------------------------------------------------------------------------------------- */

static bool in_range(const struct report_run *run, uint32_t month)
{
    return month / 100 >= run->from / 10000 && (month % 100 == 0 || month >= run->from / 100) &&
           month <= run->to / 100;
}

static bool keep(struct periods *periods, uint32_t month, const Daftari__V1__PeriodInfo *info)
{
    if (periods->count == periods->cap) {
        size_t cap = periods->cap == 0 ? 64 : 2 * periods->cap;
        struct period *wider = arena_take(periods->run->arena, cap * sizeof *wider);
        if (wider == NULL)
            return false;
        if (periods->count != 0)
            memcpy(wider, periods->items, periods->count * sizeof *wider);
        periods->items = wider;
        periods->cap = cap;
    }
    periods->items[periods->count++] = (struct period){month, info};
    return true;
}

static void collect(struct periods *periods, struct kv_txn *txn)
{
    struct report_run *run = periods->run;
    struct kv_cursor *cursor = kv_cursor_open(txn, TABLE_PERIOD);
    for (bool more = kv_seek(cursor, slice_of("", 1)); more; more = kv_next(cursor)) {
        struct slice key, value;
        kv_row(cursor, &key, &value);
        if (key.len != 4 || !in_range(run, be32_get(key.ptr)))
            continue;
        const Daftari__V1__PeriodInfo *info =
            row_message(txn, value, &daftari__v1__period_info__descriptor, run->arena);
        if (info != NULL && keep(periods, be32_get(key.ptr), info))
            continue;
        report_out_fail(run->out);
        break;
    }
    kv_cursor_close(cursor);
}

/* ---- rows ------------------------------------------------------------------------------------------------------------ */

static uint32_t month_after(uint32_t month)
{
    return month % 100 == 12 ? month + 89 : month + 1;
}

static bool closed_together(const struct period *a, const struct period *b)
{
    return a->month % 100 != 0 && b->month == month_after(a->month) &&
           text_same(a->info->state, b->info->state) && text_same(a->info->changed_by, b->info->changed_by) &&
           text_same(a->info->note, b->info->note) &&
           a->info->changed_time_us / DAY_US == b->info->changed_time_us / DAY_US;
}

/* Whether nothing is dated in the month, as far as the report knows. */
static bool month_is_empty(const struct periods *periods, uint32_t month)
{
    struct journal_entry entry;
    bool more = journal_seek(periods->entries, month * 100 + 1, 0, false);
    while (more && journal_entry(periods->entries, &entry) && entry.position > periods->run->known_at)
        more = kv_next(periods->entries);
    return !more || !journal_entry(periods->entries, &entry) || entry.date / 100 > month;
}

/* How many from `first` on stand in one row. */
static size_t together(const struct periods *periods, size_t first)
{
    const struct period *items = periods->items;
    size_t end = first;
    while (items[end].month % 100 != 0 && month_is_empty(periods, items[end].month)) {
        end++;
        if (end == periods->count || !closed_together(&items[end - 1], &items[end]))
            break;
    }
    return end - first >= FOLD_MONTHS_MIN ? end - first : 1;
}

static void cell_month(struct report_run *run, uint32_t month)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%04u-%02u", month / 100, month % 100);
    cell_text(run->out, text);
}

static void write_periods(struct report_run *run, const struct period *first, size_t count)
{
    const struct period *last = &first[count - 1];
    arena_reset(run->row);
    if (!row_begin(run->out, DAFTARI__V1__ROW_KIND__DETAIL, 0))
        return;
    cell_month(run, first->month);
    if (count > 1)
        cell_month(run, last->month);
    else
        cell_empty(run->out);
    cell_text(run->out, last->info->state);
    run_cell_user(run, last->info->changed_by);
    cell_time(run->out, last->info->changed_time_us);
    cell_integer(run->out, last->info->position);
    cell_text(run->out, last->info->note);
    row_end(run->out);
}

static enum status periods_run(struct report_run *run)
{
    struct kv_txn *txn = run_txn(run, VIEW_MASTERS), *journal = run->reader->txn(run->reader, VIEW_JOURNAL);
    if (txn == NULL || journal == NULL)
        return STATUS_UNAVAILABLE;
    report_out_columns(run->out, columns, sizeof columns / sizeof columns[0]);
    struct periods periods = {.run = run};
    collect(&periods, txn);
    periods.entries = kv_cursor_open(journal, JOURNAL_BY_DATE);
    for (size_t i = 0, count; i < periods.count; i += count) {
        count = together(&periods, i);
        write_periods(run, &periods.items[i], count);
    }
    kv_cursor_close(periods.entries);
    return kv_error(txn) != STATUS_OK ? kv_error(txn) : kv_error(journal);
}

const struct report report_periods = {
    .name = "periods",
    .title = "Periods",
    .description =
        "Months and years that were closed, soft closed or opened again, by whom and when. A month that is "
        "not listed is open; months that were closed together and have no entry stand in one row.",
    .parameters = parameters,
    .permission = DAFTARI__V1__PERMISSION__FINANCE_REPORTS,
    .run = periods_run,
};
