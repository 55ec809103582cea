/* periods: what was closed, by whom and when. */
#include <stdio.h>

#include "people.pb-c.h"
#include "period.pb-c.h"
#include "server/domain/kernel/rows.h"
#include "server/views/reports/list.h"
#include "server/views/reports/report_run.h"

static const char *const parameters[] = {
    "from_date", "to_date", "known_at_position", "known_at_time_us", "limit", "offset", NULL};
static const struct report_column columns[] = {
    {"month", "Month", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"state", "State", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"changed_by", "By", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"changed", "Changed", DAFTARI__V1__COLUMN_KIND__TIME},
    {"position", "Position", DAFTARI__V1__COLUMN_KIND__INTEGER},
    {"note", "Note", DAFTARI__V1__COLUMN_KIND__TEXT},
};

static void write_period(struct report_run *run, uint32_t month, const Daftari__V1__PeriodInfo *info)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%04u-%02u", month / 100, month % 100);
    if (!row_begin(run->out, DAFTARI__V1__ROW_KIND__DETAIL, 0))
        return;
    cell_text(run->out, text);
    cell_text(run->out, info->state);
    run_cell_user(run, info->changed_by);
    cell_time(run->out, info->changed_time_us);
    cell_integer(run->out, info->position);
    cell_text(run->out, info->note);
    row_end(run->out);
}

static enum status periods_run(struct report_run *run)
{
    struct kv_txn *txn = run_txn(run, VIEW_MASTERS);
    if (txn == NULL)
        return STATUS_UNAVAILABLE;
    report_out_columns(run->out, columns, sizeof columns / sizeof columns[0]);
    struct kv_cursor *cursor = kv_cursor_open(txn, TABLE_PERIOD);
    for (bool more = kv_seek(cursor, slice_of("", 1)); more; more = kv_next(cursor)) {
        struct slice key, value;
        kv_row(cursor, &key, &value);
        arena_reset(run->row);
        const Daftari__V1__PeriodInfo *info =
            row_message(txn, value, &daftari__v1__period_info__descriptor, run->row);
        if (key.len != 4 || info == NULL)
            continue;
        uint32_t month = be32_get(key.ptr);
        if (month / 100 < run->from / 10000 || (month % 100 != 0 && month < run->from / 100) ||
            month > run->to / 100)
            continue;
        write_period(run, month, info);
    }
    kv_cursor_close(cursor);
    return kv_error(txn);
}

const struct report report_periods = {
    .name = "periods",
    .title = "Periods",
    .description =
        "Months and years that were closed, soft closed or opened again, by whom and when. A month that is "
        "not listed is open.",
    .parameters = parameters,
    .permission = DAFTARI__V1__PERMISSION__FINANCE_REPORTS,
    .run = periods_run,
};
