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
    COMMAND("Reconciliation.BookDifference", book_reconciliation_difference, RECONCILE,
            reconciliation_decide_book),
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
    /* Cash counts too: decide asks for more when the account is not cash. */
    COMMAND("Reconciliation.Record", record_reconciliation, CASH_COUNT, reconciliation_decide_record),
    COMMAND("Reconciliation.Reopen", reopen_reconciliation, RECONCILE, reconciliation_decide_reopen),
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
};

const struct capability capability_reconciliation = {
    .name = "reconciliation",
    .methods = methods,
    .method_count = sizeof methods / sizeof methods[0],
    .events = events,
    .event_count = sizeof events / sizeof events[0],
};
