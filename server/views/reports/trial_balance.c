/* trial-balance and balances: every account with its sums. */
#include "people.pb-c.h"
#include "server/views/balances/balances.h"
#include "server/views/reports/list.h"
#include "server/views/reports/sums.h"

static const char *const trial_balance_parameters[] = {"from_date",
                                                       "to_date",
                                                       "as_at_date",
                                                       "known_at_position",
                                                       "known_at_time_us",
                                                       "business",
                                                       "account",
                                                       "currency",
                                                       "limit",
                                                       "offset",
                                                       "by_business",
                                                       NULL};
static const struct report_column trial_balance_columns[] = {
    {"account", "Account", DAFTARI__V1__COLUMN_KIND__INTEGER},
    {"name", "Name", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"type", "Type", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"business", "Business", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"currency", "Currency", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"opening", "Opening", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"debit", "Debit", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"credit", "Credit", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"closing", "Closing", DAFTARI__V1__COLUMN_KIND__AMOUNT},
};

static const char *const balances_parameters[] = {"as_at_date",
                                                  "known_at_position",
                                                  "known_at_time_us",
                                                  "business",
                                                  "account",
                                                  "currency",
                                                  "limit",
                                                  "offset",
                                                  "by_business",
                                                  NULL};
static const struct report_column balances_columns[] = {
    {"account", "Account", DAFTARI__V1__COLUMN_KIND__INTEGER},
    {"name", "Name", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"type", "Type", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"business", "Business", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"currency", "Currency", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"balance", "Balance", DAFTARI__V1__COLUMN_KIND__AMOUNT},
};

static const char *business_cell(const struct report_run *run, const struct sum *sum)
{
    if (sum->business != SUM_MERGED)
        return run_business_code(run, sum->business);
    return run->all ? "all" : run_business_code(run, run->business);
}

static void head_cells(struct report_run *run, uint32_t account, const struct sum *sum)
{
    cell_integer(run->out, account);
    cell_text(run->out, run_account_name(run, account));
    cell_text(run->out, account_type_name(account_type_of(account)));
    cell_text(run->out, business_cell(run, sum));
    cell_text(run->out, run_currency_code(run, sum->currency));
}

/* An account that was never moved up to the last day has nothing to show; one that came back to zero has. */
static bool has_anything(const struct sum *sum)
{
    return sum->range[0].before.count != 0 || sum->range[0].within.count != 0;
}

static void trial_balance_row(struct report_run *run, uint32_t account, const struct sum *sum)
{
    uint32_t scale = run_scale(run, sum->currency);
    if (!row_begin(run->out, DAFTARI__V1__ROW_KIND__DETAIL, 0))
        return;
    head_cells(run, account, sum);
    cell_amount(run->out, totals_net(&sum->range[0].before), scale);
    cell_amount(run->out, sum->range[0].within.debit, scale);
    cell_amount(run->out, sum->range[0].within.credit, scale);
    cell_amount(run->out, sum_closing(sum, 0), scale);
    row_end(run->out);
}

static void balances_row(struct report_run *run, uint32_t account, const struct sum *sum)
{
    if (!row_begin(run->out, DAFTARI__V1__ROW_KIND__DETAIL, 0))
        return;
    head_cells(run, account, sum);
    cell_amount(run->out, sum_closing(sum, 0), run_scale(run, sum->currency));
    row_end(run->out);
}

static void totals_rows(struct report_run *run, const struct totals_by_currency *totals, bool balances)
{
    for (size_t i = 0; i < totals->count; i++) {
        const struct currency_totals *total = &totals->items[i];
        uint32_t scale = run_scale(run, total->currency);
        if (!row_begin(run->out, DAFTARI__V1__ROW_KIND__TOTAL, 0))
            continue;
        cell_empty(run->out);
        cell_text(run->out, "Total");
        cell_empty(run->out);
        cell_empty(run->out);
        cell_text(run->out, run_currency_code(run, total->currency));
        for (size_t c = balances ? 3 : 0; c < 4; c++)
            cell_amount(run->out, total->column[c], scale);
        row_end(run->out);
    }
}

static enum status sums_run(struct report_run *run, bool balances)
{
    struct kv_txn *txn = run_txn(run, VIEW_BALANCES);
    if (txn == NULL)
        return STATUS_UNAVAILABLE;
    struct totals_by_currency totals = {0};
    struct sums sums;
    enum status status = sums_open(&sums, run, txn, BALANCES_TOTALS,
                                   run->request->has_by_business && run->request->by_business);
    while (status == STATUS_OK && sums_next(&sums)) {
        for (size_t i = 0; i < sums.count; i++) {
            const struct sum *sum = &sums.items[i];
            if (!has_anything(sum))
                continue;
            if (balances)
                balances_row(run, sums.account, sum);
            else
                trial_balance_row(run, sums.account, sum);
            int128 *total = totals_of(&totals, run->arena, sum->currency);
            if (total == NULL) {
                report_out_fail(run->out);
                break;
            }
            total[0] += totals_net(&sum->range[0].before);
            total[1] += sum->range[0].within.debit;
            total[2] += sum->range[0].within.credit;
            total[3] += sum_closing(sum, 0);
        }
    }
    sums_close(&sums);
    totals_rows(run, &totals, balances);
    return status == STATUS_OK ? kv_error(txn) : status;
}

static enum status trial_balance_run(struct report_run *run)
{
    report_out_columns(run->out, trial_balance_columns,
                       sizeof trial_balance_columns / sizeof trial_balance_columns[0]);
    return sums_run(run, false);
}

static enum status balances_run(struct report_run *run)
{
    report_out_columns(run->out, balances_columns, sizeof balances_columns / sizeof balances_columns[0]);
    return sums_run(run, true);
}

const struct report report_trial_balance = {
    .name = "trial-balance",
    .title = "Trial balance",
    .description =
        "Every account with its opening balance, debits, credits and closing balance; debit is positive. "
        "The totals prove that the books balance.",
    .parameters = trial_balance_parameters,
    .permission = DAFTARI__V1__PERMISSION__FINANCE_REPORTS,
    .run = trial_balance_run,
};

const struct report report_balances = {
    .name = "balances",
    .title = "Account balances",
    .description = "The balance of every account today or at the end of a date; debit is positive.",
    .parameters = balances_parameters,
    .permission = DAFTARI__V1__PERMISSION__FINANCE_REPORTS,
    .run = balances_run,
};
