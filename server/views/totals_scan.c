#include "server/views/totals_scan.h"

#include "proto/base/bug.h"

/* ---- one lane ---------------------------------------------------------------------------------------------------- */

static bool closing_wanted(const struct totals_ask *ask, civil_date date)
{
    bool wanted = false;
    for (size_t i = 0; i < ask->ranges; i++)
        wanted = wanted || (date >= ask->closing[i].from && date <= ask->closing[i].to);
    return wanted;
}

/* Takes the row that the cursor has come to: it may be changed under the lane by what other lanes read. */
static void lane_take(struct totals_lane *lane, const struct totals_ask *ask, bool moved)
{
    lane->more = moved && totals_row_read(lane->cursor, &lane->row) && lane->row.level == lane->level &&
                 lane->row.of == lane->of && (!ask->one_account || lane->row.key.account == ask->account);
    if (!lane->more)
        return;
    lane->totals = (struct totals){0};
    bool wanted = lane->level == TOTALS_CLOSING_DAY ? closing_wanted(ask, lane->row.period)
                                                    : lane->row.period < lane->end;
    if (wanted)
        totals_value_add(lane->row.value, &lane->totals);
}

/* Adds the lane's rows of the scan's key, and stands behind them then. */
static void lane_add(struct totals_scan *scan, struct totals_lane *lane)
{
    const struct totals_ask *ask = &scan->ask;
    for (; lane->more; lane_take(lane, ask, kv_next(lane->cursor))) {
        int order = totals_key_compare(&lane->row.key, &scan->key);
        if (order > 0)
            return;
        if (order < 0) /* no account without a row of a year: only in a table that was changed */
            continue;
        uint32_t period = lane->row.period;
        for (size_t i = 0; lane->level != TOTALS_CLOSING_DAY && i < ask->dates; i++)
            if (period < lane->ends[i])
                totals_plus(&scan->up_to[i], &lane->totals);
        for (size_t i = 0; lane->level == TOTALS_CLOSING_DAY && i < ask->ranges; i++)
            if (period >= ask->closing[i].from && period <= ask->closing[i].to)
                totals_plus(&scan->closing[i], &lane->totals);
    }
}

/* ---- which lanes a date needs ------------------------------------------------------------------------------------ */

static struct totals_lane *lane_of(struct totals_scan *scan, enum totals_level level, uint32_t of)
{
    for (size_t i = 0; i < scan->lane_count; i++)
        if (scan->lanes[i].level == level && scan->lanes[i].of == of)
            return &scan->lanes[i];
    ASSERT(scan->lane_count < TOTALS_LANES_MAX);
    struct totals_lane *lane = &scan->lanes[scan->lane_count++];
    *lane = (struct totals_lane){.level = level, .of = of};
    return lane;
}

static void lane_end(struct totals_scan *scan, enum totals_level level, uint32_t of, size_t date,
                     uint32_t end)
{
    struct totals_lane *lane = lane_of(scan, level, of);
    lane->ends[date] = end;
    lane->end = end > lane->end ? end : lane->end;
}

/* Whole years, whole months of what is left, and the days of what is left then; the last day of a month, or of a year,
 * leaves nothing. */
static void date_plan(struct totals_scan *scan, size_t date)
{
    civil_date to = scan->ask.up_to[date];
    if (to == 0)
        return;
    uint32_t year = to / 10000, month = to / 100 % 100, day = to % 100;
    bool whole_month = day >= date_days_in_month(year, month), whole_year = whole_month && month == 12;
    lane_end(scan, TOTALS_YEAR, 0, date, year + whole_year);
    if (whole_year)
        return;
    if (month > 1 || whole_month)
        lane_end(scan, TOTALS_MONTH, year, date, month + whole_month);
    if (!whole_month)
        lane_end(scan, TOTALS_DAY, to / 100, date, day + 1);
}

enum status totals_scan_open(struct totals_scan *scan, struct kv_txn *txn, unsigned table,
                             const struct totals_ask *ask)
{
    ASSERT(ask->dates <= TOTALS_DATES_MAX && ask->ranges <= TOTALS_RANGES_MAX);
    scan->ask = *ask;
    scan->lane_count = 0;
    (void)lane_of(scan, TOTALS_YEAR, 0);
    for (size_t i = 0; i < ask->dates; i++)
        date_plan(scan, i);
    if (ask->ranges != 0)
        (void)lane_of(scan, TOTALS_CLOSING_DAY, 0);
    for (size_t i = 0; i < scan->lane_count; i++) {
        struct totals_lane *lane = &scan->lanes[i];
        lane->cursor = kv_cursor_open(txn, table);
        if (lane->cursor == NULL)
            return kv_error(txn);
        bool found =
            totals_row_seek(lane->cursor, lane->level, lane->of, ask->one_account ? ask->account : 0);
        lane_take(lane, ask, found);
    }
    return kv_error(txn);
}

bool totals_scan_next(struct totals_scan *scan)
{
    if (!scan->lanes[0].more)
        return false;
    scan->key = scan->lanes[0].row.key;
    for (size_t i = 0; i < scan->ask.dates; i++)
        scan->up_to[i] = (struct totals){0};
    for (size_t i = 0; i < scan->ask.ranges; i++)
        scan->closing[i] = (struct totals){0};
    for (size_t i = 0; i < scan->lane_count; i++)
        lane_add(scan, &scan->lanes[i]);
    return true;
}

void totals_scan_close(struct totals_scan *scan)
{
    for (size_t i = 0; i < scan->lane_count; i++) {
        kv_cursor_close(scan->lanes[i].cursor);
        scan->lanes[i].cursor = NULL;
    }
}
