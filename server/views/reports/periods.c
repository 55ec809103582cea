/* periods and reconciliations: what was closed, and what was compared with the world outside. */
#include <stdio.h>

#include "people.pb-c.h"
#include "period.pb-c.h"
#include "proto/base/text.h"
#include "reconciliation.pb-c.h"
#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "server/views/balances/balances.h"
#include "server/views/reports/list.h"
#include "server/views/reports/report_run.h"
#include "server/views/totals_scan.h"

/* Rows name users by number. */
static void cell_user(struct report_run *run, const char *user)
{
    uint64_t number;
    if (user != NULL && number_parse(slice_text(user), 0, UINT32_MAX, &number))
        cell_text(run->out, user_email_of(run->masters, (uint32_t)number, run->row));
    else
        cell_text(run->out, user);
}

/* ---- periods ------------------------------------------------------------------------------------------------------------------ */

static const char *const periods_parameters[] = {
    "from_date", "to_date", "known_at_position", "known_at_time_us", "limit", "offset", NULL};
static const struct report_column periods_columns[] = {
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
    cell_user(run, info->changed_by);
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
    report_out_columns(run->out, periods_columns, sizeof periods_columns / sizeof periods_columns[0]);
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
    .parameters = periods_parameters,
    .permission = DAFTARI__V1__PERMISSION__FINANCE_REPORTS,
    .run = periods_run,
};

/* ---- reconciliations ------------------------------------------------------------------------------------------------------------ */

static const char *const reconciliations_parameters[] = {
    "from_date",        "to_date",  "account", "business", "known_at_position",
    "known_at_time_us", "currency", "limit",   "offset",   NULL};
static const struct report_column reconciliations_columns[] = {
    {"reconciliation", "Reconciliation", DAFTARI__V1__COLUMN_KIND__INTEGER},
    {"date", "Date", DAFTARI__V1__COLUMN_KIND__DATE},
    {"account", "Account", DAFTARI__V1__COLUMN_KIND__INTEGER},
    {"name", "Name", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"business", "Business", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"currency", "Currency", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"system", "Books then", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"now", "Books now", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"external", "Outside", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"difference", "Difference", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"state", "State", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"notes", "Notes", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"recorded_by", "By", DAFTARI__V1__COLUMN_KIND__TEXT},
};

static bool reconciliation_asked(const struct report_run *run, const Daftari__V1__ReconciliationInfo *info,
                                 uint16_t business, uint16_t currency)
{
    return info->as_at_date >= run->from && info->as_at_date <= run->to &&
           (!run->request->has_account || run->request->account == info->account) &&
           run_covers(run, business, currency);
}

/* The balance as at the date, in the account's normal direction, as the books are now. */
static enum status balance_now(struct report_run *run, const Daftari__V1__ReconciliationInfo *info,
                               uint16_t business, uint16_t currency, int128 *out)
{
    struct account_row account;
    struct totals_scan scan;
    struct kv_txn *txn = run_txn(run, VIEW_BALANCES);
    *out = 0;
    if (txn == NULL)
        return STATUS_UNAVAILABLE;
    enum status status = totals_scan_open(
        &scan, txn, BALANCES_TOTALS,
        &(struct totals_ask){
            .one_account = true, .account = info->account, .dates = 1, .up_to = {info->as_at_date}});
    while (status == STATUS_OK && totals_scan_next(&scan))
        if (scan.key.business == business && scan.key.currency == currency)
            *out = totals_net(&scan.up_to[0]);
    totals_scan_close(&scan);
    if (account_row_get(run->masters, info->account, &account))
        *out *= account_normal_sign(&account);
    return status != STATUS_OK ? status : kv_error(txn);
}

/* A difference that was booked brings the books to the outside balance; else they stay as they were, unless an entry of
 * that date or an earlier one came since: then the comparison is of books that are no more. */
static const char *state_now(const Daftari__V1__ReconciliationInfo *info, int128 now)
{
    bool booked = info->state != NULL && strcmp(info->state, "booked") == 0;
    bool reopened = info->state != NULL && strcmp(info->state, "reopened") == 0;
    int64_t expected = booked ? info->external_balance_minor : info->system_balance_minor;
    bool pending = info->state != NULL && strcmp(info->state, "pending") == 0;
    return now == expected || reopened || pending ? info->state : "stale";
}

static enum status write_reconciliation(struct report_run *run, struct slice key,
                                        const Daftari__V1__ReconciliationInfo *info)
{
    int128 now = 0;
    enum status status;
    uint16_t business = 0, currency = BASE_CURRENCY;
    if (info->business != NULL && !business_find(run->masters, info->business, &business))
        return STATUS_OK;
    if (info->currency != NULL && !currency_find(run->masters, info->currency, &currency))
        return STATUS_OK;
    if (!reconciliation_asked(run, info, business, currency))
        return STATUS_OK;
    /* As known at an earlier moment the state is what it was then. */
    status = run->as_known ? STATUS_OK : balance_now(run, info, business, currency, &now);
    if (status != STATUS_OK || !row_begin(run->out, DAFTARI__V1__ROW_KIND__DETAIL, 0))
        return status;
    uint32_t scale = run_scale(run, currency);
    cell_integer(run->out, be64_get(key.ptr));
    cell_date(run->out, info->as_at_date);
    cell_integer(run->out, info->account);
    cell_text(run->out, run_account_name(run, info->account));
    cell_text(run->out, run_business_code(run, business));
    cell_text(run->out, run_currency_code(run, currency));
    cell_amount(run->out, info->system_balance_minor, scale);
    if (run->as_known)
        cell_text(run->out, "");
    else
        cell_amount(run->out, now, scale);
    cell_amount(run->out, info->external_balance_minor, scale);
    cell_amount(run->out, (int128)info->external_balance_minor - info->system_balance_minor, scale);
    cell_text(run->out, run->as_known ? info->state : state_now(info, now));
    cell_text(run->out, info->notes);
    cell_user(run, info->recorded_by);
    row_end(run->out);
    return STATUS_OK;
}

static enum status reconciliations_run(struct report_run *run)
{
    struct kv_txn *txn = run_txn(run, VIEW_MASTERS);
    if (txn == NULL)
        return STATUS_UNAVAILABLE;
    report_out_columns(run->out, reconciliations_columns,
                       sizeof reconciliations_columns / sizeof reconciliations_columns[0]);
    enum status status = STATUS_OK;
    struct kv_cursor *cursor = kv_cursor_open(txn, TABLE_RECONCILIATION);
    for (bool more = kv_seek(cursor, slice_of("", 1)); more && status == STATUS_OK; more = kv_next(cursor)) {
        struct slice key, value;
        kv_row(cursor, &key, &value);
        arena_reset(run->row);
        const Daftari__V1__ReconciliationInfo *info =
            row_message(txn, value, &daftari__v1__reconciliation_info__descriptor, run->row);
        if (key.len == 8 && info != NULL)
            status = write_reconciliation(run, key, info);
    }
    kv_cursor_close(cursor);
    return status != STATUS_OK ? status : kv_error(txn);
}

const struct report report_reconciliations = {
    .name = "reconciliations",
    .title = "Reconciliations",
    .description =
        "Accounts that were compared with a balance from outside: the books then and now, the outside "
        "balance, "
        "the difference, and what came of it; stale when the books of that date have changed since.",
    .parameters = reconciliations_parameters,
    .permission = DAFTARI__V1__PERMISSION__FINANCE_REPORTS,
    .run = reconciliations_run,
};
