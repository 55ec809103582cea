/* The capability `reconciliation`. */
#include "common.pb-c.h"
#include "people.pb-c.h"
#include "server/domain/capabilities.h"
#include "server/domain/reconciliation/reconciliation.h"
#include "type_ids.h"

#define COMMAND(method, message, needs, what)                                                                \
    {                                                                                                        \
        .name = method, .kind = METHOD_COMMAND, .request = &daftari__v1__##message##__descriptor,            \
        .response = &daftari__v1__recorded__descriptor, .permission = DAFTARI__V1__PERMISSION__##needs,      \
        .level = PERMISSION_WRITE, .decide = what                                                            \
    }

static const struct method methods[] = {
    COMMAND("Reconciliation.AddLines", add_statement_lines, RECONCILE, statement_decide_add),
    COMMAND("Reconciliation.BookDifference", book_reconciliation_difference, RECONCILE,
            reconciliation_decide_book),
    COMMAND("Reconciliation.Complete", complete_reconciliation, RECONCILE, statement_decide_complete),
    COMMAND("Reconciliation.Ignore", ignore_statement_line, RECONCILE, statement_decide_ignore),
    {
        .name = "Reconciliation.Lines",
        .kind = METHOD_QUERY,
        .streams = true,
        .request = &daftari__v1__list_statement_lines__descriptor,
        .response = &daftari__v1__statement_line_info__descriptor,
        .permission = DAFTARI__V1__PERMISSION__RECONCILE,
        .level = PERMISSION_READ,
        .query = statement_query_lines,
    },
    {
        .name = "Reconciliation.List",
        .kind = METHOD_QUERY,
        .streams = true,
        .request = &daftari__v1__list_reconciliations__descriptor,
        .response = &daftari__v1__reconciliation_info__descriptor,
        .permission = DAFTARI__V1__PERMISSION__RECONCILE,
        .level = PERMISSION_READ,
        .query = reconciliation_query_list,
    },
    COMMAND("Reconciliation.Match", match_statement_line, RECONCILE, statement_decide_match),
    /* Cash counts too: decide asks for more when the account is not cash. */
    COMMAND("Reconciliation.Record", record_reconciliation, CASH_COUNT, reconciliation_decide_record),
    COMMAND("Reconciliation.Reopen", reopen_reconciliation, RECONCILE, reconciliation_decide_reopen),
    COMMAND("Reconciliation.Start", start_reconciliation, RECONCILE, statement_decide_start),
    COMMAND("Reconciliation.Unmatch", unmatch_statement_line, RECONCILE, statement_decide_unmatch),
};

#define EVENT(number, event, message, what)                                                                  \
    {                                                                                                        \
        .type = number, .name = event, .payload = &daftari__v1__##message##__descriptor, .apply = what,      \
        .master = true                                                                                       \
    }

static const struct event_type events[] = {
    EVENT(EVENT_RECONCILIATION_RECORDED, "ReconciliationRecorded", record_reconciliation,
          reconciliation_apply_recorded),
    EVENT(EVENT_RECONCILIATION_DIFFERENCE_BOOKED, "ReconciliationDifferenceBooked",
          book_reconciliation_difference, reconciliation_apply_booked),
    EVENT(EVENT_RECONCILIATION_REOPENED, "ReconciliationReopened", reopen_reconciliation,
          reconciliation_apply_reopened),
    EVENT(EVENT_RECONCILIATION_STARTED, "ReconciliationStarted", start_reconciliation,
          statement_apply_started),
    EVENT(EVENT_STATEMENT_IMPORTED, "StatementImported", add_statement_lines, statement_apply_imported),
    EVENT(EVENT_STATEMENT_LINE_MATCHED, "StatementLineMatched", match_statement_line,
          statement_apply_matched),
    EVENT(EVENT_STATEMENT_LINE_UNMATCHED, "StatementLineUnmatched", unmatch_statement_line,
          statement_apply_unmatched),
    EVENT(EVENT_STATEMENT_LINE_IGNORED, "StatementLineIgnored", ignore_statement_line,
          statement_apply_ignored),
    EVENT(EVENT_RECONCILIATION_COMPLETED, "ReconciliationCompleted", complete_reconciliation,
          statement_apply_completed),
};

const struct capability capability_reconciliation = {
    .name = "reconciliation",
    .methods = methods,
    .method_count = sizeof methods / sizeof methods[0],
    .events = events,
    .event_count = sizeof events / sizeof events[0],
};
