/* The queries that views answer (server/views/views.c lists them). */
#ifndef SERVER_VIEWS_QUERIES_H
#define SERVER_VIEWS_QUERIES_H

#include "server/views/view.h"

view_query_fn query_entry_show, query_entry_list;
view_query_fn query_expense_show, query_expense_list;
view_query_fn query_invoice_export;
view_query_fn query_job_show, query_job_list;
view_query_fn query_sale_show, query_sale_list;
view_query_fn query_stock_list, query_production_list, query_purchase_list;
view_query_fn query_report_list, query_report_run;
view_query_fn query_log_checkpoint, query_log_follow, query_log_consistency, query_log_inclusion,
    query_log_digest;

void query_report_run_free(void *state);

#endif
