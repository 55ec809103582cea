/* Every view there is, by number. A new view is a folder and a row here and in enum view_id. */
#include "server/views/audit/audit.h"
#include "server/views/balances/balances.h"
#include "server/views/cashflow/cashflow.h"
#include "server/views/journal/journal.h"
#include "server/views/masters/masters.h"
#include "server/views/queries/queries.h"
#include "server/views/statement/statement.h"
#include "server/views/stock/stock_view.h"
#include "server/views/tax/tax_view.h"
#include "server/views/trade/trade.h"

const struct view *const views[VIEW_COUNT] = {
    [VIEW_MASTERS] = &view_masters, [VIEW_BALANCES] = &view_balances, [VIEW_STATEMENT] = &view_statement,
    [VIEW_JOURNAL] = &view_journal, [VIEW_CASHFLOW] = &view_cashflow, [VIEW_AUDIT] = &view_audit,
    [VIEW_STOCK] = &view_stock,     [VIEW_TAX] = &view_tax,           [VIEW_TRADE] = &view_trade,
};

const struct view_query view_queries[] = {
    {"Entry.List", query_entry_list, NULL},
    {"Entry.Show", query_entry_show, NULL},
    {"Expense.List", query_expense_list, NULL},
    {"Expense.Show", query_expense_show, NULL},
    {"Invoice.Export", query_invoice_export, NULL},
    {"Job.List", query_job_list, NULL},
    {"Job.Show", query_job_show, NULL},
    {"Log.Checkpoint", query_log_checkpoint, NULL},
    {"Log.Consistency", query_log_consistency, NULL},
    {"Log.Digest", query_log_digest, NULL},
    {"Log.Follow", query_log_follow, NULL},
    {"Log.Inclusion", query_log_inclusion, NULL},
    {"Production.List", query_production_list, NULL},
    {"Purchase.List", query_purchase_list, NULL},
    {"Report.List", query_report_list, NULL},
    {"Report.Run", query_report_run, query_report_run_free},
    {"Sale.List", query_sale_list, NULL},
    {"Sale.Show", query_sale_show, NULL},
    {"Stock.List", query_stock_list, NULL},
};
const size_t view_query_count = sizeof view_queries / sizeof view_queries[0];
