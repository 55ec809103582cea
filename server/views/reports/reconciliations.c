/* reconciliations: what was compared with the world outside, and what came of it. */
#include "people.pb-c.h"
#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/rows.h"
#include "server/views/reports/list.h"
#include "server/views/reports/reconciled.h"

static const char *const parameters[] = {
    "from_date",        "to_date",  "account", "business", "known_at_position",
    "known_at_time_us", "currency", "limit",   "offset",   NULL};
static const struct report_column columns[] = {
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
    {"open_line_count", "Open lines", DAFTARI__V1__COLUMN_KIND__INTEGER},
    {"open_lines", "Not in books", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"open_postings", "Not on statement", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"unexplained", "Unexplained", DAFTARI__V1__COLUMN_KIND__AMOUNT},
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
    enum status status = reconciled_balance(run, info->account, business, currency, info->as_at_date, out);
    if (status == STATUS_OK && account_row_get(run->masters, info->account, &account))
        *out *= account_normal_sign(&account);
    return status;
}

static bool state_is(const Daftari__V1__ReconciliationInfo *info, const char *name)
{
    return info->state != NULL && strcmp(info->state, name) == 0;
}

/* Everything is explained, but books and statement still lack what the other has. */
static bool has_open_items(const Daftari__V1__ReconciliationInfo *info)
{
    return info->open_line_count != 0 || info->open_lines_minor != 0 || info->open_postings_minor != 0;
}

static const char *state_then(const Daftari__V1__ReconciliationInfo *info)
{
    return state_is(info, "reconciled") && has_open_items(info) ? "open items" : info->state;
}

/* A difference that was booked brings the books to the outside balance; else they stay as they were, unless an entry of
 * that date or an earlier one came since: then the comparison is of books that are no more. */
static const char *state_now(const Daftari__V1__ReconciliationInfo *info, int128 now)
{
    int64_t expected = state_is(info, "booked") ? info->external_balance_minor : info->system_balance_minor;
    bool moves_on = state_is(info, "reopened") || state_is(info, "pending");
    return now == expected || moves_on ? state_then(info) : "stale";
}

/* What a statement left open when it was completed. */
static void open_cells(struct report_run *run, const Daftari__V1__ReconciliationInfo *info, uint32_t scale)
{
    if (!info->has_unexplained_minor) {
        for (int i = 0; i < 4; i++)
            cell_empty(run->out);
        return;
    }
    cell_integer(run->out, info->open_line_count);
    cell_amount(run->out, info->open_lines_minor, scale);
    cell_amount(run->out, info->open_postings_minor, scale);
    cell_amount(run->out, info->unexplained_minor, scale);
}

static enum status write_reconciliation(struct report_run *run, struct slice key,
                                        const Daftari__V1__ReconciliationInfo *info)
{
    int128 now = 0;
    enum status status;
    uint16_t business, currency;
    if (!reconciled_part(run, info, &business, &currency))
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
    open_cells(run, info, scale);
    cell_text(run->out, run->as_known ? state_then(info) : state_now(info, now));
    cell_text(run->out, info->notes);
    run_cell_user(run, info->recorded_by);
    row_end(run->out);
    return STATUS_OK;
}

static enum status reconciliations_run(struct report_run *run)
{
    struct kv_txn *txn = run_txn(run, VIEW_MASTERS);
    if (txn == NULL)
        return STATUS_UNAVAILABLE;
    report_out_columns(run->out, columns, sizeof columns / sizeof columns[0]);
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
        "balance, the difference, what of it a statement left open, and what came of it; stale when the "
        "books of "
        "that date have changed since. `reconciliation` shows one with its open items.",
    .parameters = parameters,
    .permission = DAFTARI__V1__PERMISSION__FINANCE_REPORTS,
    .run = reconciliations_run,
};
