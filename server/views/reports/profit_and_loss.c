/* profit-and-loss: what was earned and spent in a period. Year closes are left out, so a closed year still shows. */
#include "people.pb-c.h"
#include "server/views/balances/balances.h"
#include "server/views/reports/grid.h"
#include "server/views/reports/list.h"

static const char *const parameters[] = {
    "from_date",        "to_date",  "compare_from_date", "compare_to_date", "known_at_position",
    "known_at_time_us", "business", "currency",          "by_business",     NULL};

static enum status collect(struct grid *grid, struct kv_txn *txn)
{
    struct sums sums;
    enum status status = sums_open(&sums, grid->run, txn, BALANCES_TOTALS, grid->by_business);
    while (status == STATUS_OK && sums_next(&sums)) {
        enum account_type type = account_type_of(sums.account);
        if (type != ACCOUNT_REVENUE && type != ACCOUNT_EXPENSE)
            continue;
        for (size_t i = 0; i < sums.count; i++) {
            struct grid_row *row = grid_row(grid, (uint8_t)type, sums.account, NULL, sums.items[i].currency);
            if (row != NULL)
                grid_add(grid, row, &sums.items[i], type == ACCOUNT_REVENUE ? -1 : 1, sum_result);
        }
    }
    sums_close(&sums);
    return status;
}

static void write_currency(struct grid *grid, uint16_t currency)
{
    int128 *revenue = grid_cells(grid), *expenses = grid_cells(grid), *result = grid_cells(grid);
    if (revenue == NULL || expenses == NULL || result == NULL)
        return;
    grid_section(grid, ACCOUNT_REVENUE, currency, "revenue", "Revenue", revenue);
    grid_total(grid, "revenue", "Total revenue", currency, revenue);
    grid_section(grid, ACCOUNT_EXPENSE, currency, "expense", "Expenses", expenses);
    grid_total(grid, "expense", "Total expenses", currency, expenses);
    for (size_t i = 0; i < grid->columns; i++)
        result[i] = revenue[i] - expenses[i];
    grid_total(grid, "result", "Net profit", currency, result);
}

static enum status profit_and_loss_run(struct report_run *run)
{
    run_default_from_fiscal_year(run);
    return grid_run(run, collect, write_currency);
}

const struct report report_profit_and_loss = {
    .name = "profit-and-loss",
    .title = "Profit and loss",
    .description =
        "Revenue and expenses of a period (default: the fiscal year up to today) and the result, for one "
        "business, each beside the other, or all together; with a comparison period when asked for.",
    .parameters = parameters,
    .permission = DAFTARI__V1__PERMISSION__FINANCE_REPORTS,
    .run = profit_and_loss_run,
};
