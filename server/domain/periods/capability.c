/* The capability `periods`: months and years that close. */
#include "common.pb-c.h"
#include "people.pb-c.h"
#include "server/domain/capabilities.h"
#include "server/domain/periods/periods.h"
#include "type_ids.h"

#define COMMAND(method, message, needs, what)                                                                \
    {                                                                                                        \
        .name = method, .kind = METHOD_COMMAND, .request = &daftari__v1__##message##__descriptor,            \
        .response = &daftari__v1__recorded__descriptor, .permission = DAFTARI__V1__PERMISSION__##needs,      \
        .level = PERMISSION_WRITE, .decide = what                                                            \
    }

static const struct method methods[] = {
    COMMAND("Period.Close", close_period, PERIOD_CLOSE, period_decide_close),
    COMMAND("Period.CloseYear", close_year, PERIOD_CLOSE, year_decide_close),
    {
        .name = "Period.List",
        .kind = METHOD_QUERY,
        .streams = true,
        .request = &daftari__v1__list_periods__descriptor,
        .response = &daftari__v1__period_info__descriptor,
        .permission = DAFTARI__V1__PERMISSION__FINANCE_REPORTS,
        .level = PERMISSION_READ,
        .query = period_query_list,
    },
    COMMAND("Period.Reopen", reopen_period, PERIOD_REOPEN, period_decide_reopen),
    COMMAND("Period.SoftClose", soft_close_period, PERIOD_CLOSE, period_decide_soft_close),
};

#define EVENT(number, event, message, what)                                                                  \
    {                                                                                                        \
        .type = number, .name = event, .payload = &daftari__v1__##message##__descriptor, .apply = what,      \
        .master = true                                                                                       \
    }

static const struct event_type events[] = {
    EVENT(EVENT_PERIOD_SOFT_CLOSED, "PeriodSoftClosed", soft_close_period, period_apply_soft_closed),
    EVENT(EVENT_PERIOD_CLOSED, "PeriodClosed", close_period, period_apply_closed),
    EVENT(EVENT_PERIOD_REOPENED, "PeriodReopened", reopen_period, period_apply_reopened),
    {
        .type = EVENT_YEAR_CLOSED,
        .name = "YearClosed",
        .payload = &daftari__v1__close_year__descriptor,
        .apply = year_apply_closed,
        .master = true,
        .undo = UNDO_OWN_WAY,
        .undo_how = "a year close is not taken back: post correcting entries in the open year",
    },
};

const struct capability capability_periods = {
    .name = "periods",
    .methods = methods,
    .method_count = sizeof methods / sizeof methods[0],
    .events = events,
    .event_count = sizeof events / sizeof events[0],
};
