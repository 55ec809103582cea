/* balance-sheet: assets = liabilities + equity + the result not yet closed. */
#include "people.pb-c.h"
#include "server/views/balances/balances.h"
#include "server/views/reports/grid.h"
#include "server/views/reports/list.h"

static const char *const parameters[] = {
    "as_at_date", "compare_to_date", "known_at_position", "known_at_time_us",
    "business",   "currency",        "by_business",       NULL};

static enum status collect(struct grid *grid, struct kv_txn *txn)
{
    struct sums sums;
    enum status status = sums_open(&sums, grid->run, txn, BALANCES_TOTALS, grid->by_business);
    while (status == STATUS_OK && sums_next(&sums)) {
        enum account_type type = account_type_of(sums.account);
        bool result = type == ACCOUNT_REVENUE || type == ACCOUNT_EXPENSE;
        for (size_t i = 0; i < sums.count; i++) {
            const struct sum *sum = &sums.items[i];
            if (sum_closing(sum, 0) == 0 && (!grid->run->compare || sum_closing(sum, 1) == 0))
                continue;
            struct grid_row *row =
                result ? grid_row(grid, ACCOUNT_EQUITY, 0, "Result not yet closed", sum->currency)
                       : grid_row(grid, (uint8_t)type, sums.account, NULL, sum->currency);
            if (row != NULL)
                grid_add(grid, row, sum, type == ACCOUNT_ASSET ? 1 : -1, sum_closing);
        }
    }
    sums_close(&sums);
    return status;
}

static void write_currency(struct grid *grid, uint16_t currency)
{
    int128 *assets = grid_cells(grid), *liabilities = grid_cells(grid), *equity = grid_cells(grid);
    if (assets == NULL || liabilities == NULL || equity == NULL)
        return;
    grid_section(grid, ACCOUNT_ASSET, currency, "asset", "Assets", assets);
    grid_total(grid, "asset", "Total assets", currency, assets);
    grid_section(grid, ACCOUNT_LIABILITY, currency, "liability", "Liabilities", liabilities);
    grid_total(grid, "liability", "Total liabilities", currency, liabilities);
    grid_section(grid, ACCOUNT_EQUITY, currency, "equity", "Equity", equity);
    grid_total(grid, "equity", "Total equity", currency, equity);
    for (size_t i = 0; i < grid->columns; i++)
        equity[i] += liabilities[i];
    grid_total(grid, "liability-and-equity", "Total liabilities and equity", currency, equity);
}

static enum status balance_sheet_run(struct report_run *run)
{
    return grid_run(run, collect, write_currency);
}

const struct report report_balance_sheet = {
    .name = "balance-sheet",
    .title = "Balance sheet",
    .description =
        "What the business owns and owes at the end of a date (default: today), and what is left for the "
        "owner; with a comparison date when asked for.",
    .parameters = parameters,
    .permission = DAFTARI__V1__PERMISSION__FINANCE_REPORTS,
    .run = balance_sheet_run,
};
