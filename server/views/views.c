/* Every view there is, by number. A new view is a folder and a row here and in enum view_id. */
#include "server/views/audit/audit.h"
#include "server/views/balances/balances.h"
#include "server/views/cashflow/cashflow.h"
#include "server/views/journal/journal.h"
#include "server/views/masters/masters.h"
#include "server/views/statement/statement.h"

const struct view *const views[VIEW_COUNT] = {
    [VIEW_MASTERS] = &view_masters, [VIEW_BALANCES] = &view_balances, [VIEW_STATEMENT] = &view_statement,
    [VIEW_JOURNAL] = &view_journal, [VIEW_CASHFLOW] = &view_cashflow, [VIEW_AUDIT] = &view_audit,
};
