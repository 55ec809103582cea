/* The reports there are; each is declared in its own file and listed in list.c. */
#ifndef SERVER_VIEWS_REPORTS_LIST_H
#define SERVER_VIEWS_REPORTS_LIST_H

#include "server/views/view.h"

extern const struct report report_account_statement;
extern const struct report report_audit_trail;
extern const struct report report_balance_sheet;
extern const struct report report_balances;
extern const struct report report_cash_flow;
extern const struct report report_check_books;
extern const struct report report_general_journal;
extern const struct report report_owners_account;
extern const struct report report_payables_aging;
extern const struct report report_periods;
extern const struct report report_profit_and_loss;
extern const struct report report_receivables_aging;
extern const struct report report_reconciliation;
extern const struct report report_reconciliations;
extern const struct report report_sales_by_cashier;
extern const struct report report_sales_by_category;
extern const struct report report_sales_by_customer;
extern const struct report report_sales_by_day;
extern const struct report report_sales_by_hour;
extern const struct report report_sales_by_item;
extern const struct report report_sales_by_month;
extern const struct report report_sales_by_tender;
extern const struct report report_trial_balance;
extern const struct report report_user_activity;
extern const struct report report_vat_purchases;
extern const struct report report_vat_return;
extern const struct report report_vat_sales;

const struct report *report_find(const char *name); /* NULL when there is none */

#endif
