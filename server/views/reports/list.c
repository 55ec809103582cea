#include "server/views/reports/list.h"

/* One a line, since reports are added by several at once. */
/* clang-format off */
const struct report *const reports[] = {
    &report_account_statement,
    &report_audit_trail,
    &report_balance_sheet,
    &report_balances,
    &report_cash_flow,
    &report_check_books,
    &report_general_journal,
    &report_owners_account,
    &report_payables_aging,
    &report_periods,
    &report_profit_and_loss,
    &report_receivables_aging,
    &report_reconciliation,
    &report_reconciliations,
    &report_sales_by_cashier,
    &report_sales_by_category,
    &report_sales_by_customer,
    &report_sales_by_day,
    &report_sales_by_hour,
    &report_sales_by_item,
    &report_sales_by_month,
    &report_sales_by_tender,
    &report_trial_balance,
    &report_user_activity,
    &report_vat_purchases,
    &report_vat_return,
    &report_vat_sales,
};
/* clang-format on */
const size_t report_count = sizeof reports / sizeof reports[0];

const struct report *report_find(const char *name)
{
    for (size_t i = 0; i < report_count; i++) {
        if (strcmp(reports[i]->name, name) == 0)
            return reports[i];
    }
    return NULL;
}
