/* The capability `days`: the day of a till, from the float to the Z report. */
#include "people.pb-c.h"
#include "server/domain/capabilities.h"
#include "server/domain/days/days.h"
#include "type_ids.h"

static const struct method methods[] = {
    {
        .name = "Day.Close",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__close_day__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__CASH_COUNT,
        .level = PERMISSION_WRITE,
        .decide = day_decide_close,
    },
    {
        .name = "Day.Count",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__count_day__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__CASH_COUNT,
        .level = PERMISSION_WRITE,
        .decide = day_decide_count,
    },
    {
        .name = "Day.List",
        .kind = METHOD_QUERY,
        .streams = true,
        .request = &daftari__v1__list_days__descriptor,
        .response = &daftari__v1__day_info__descriptor,
        .permission = DAFTARI__V1__PERMISSION__CASH_COUNT,
        .level = PERMISSION_READ,
        .query = day_query_list,
    },
    {
        .name = "Day.Open",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__open_day__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__CASH_COUNT,
        .level = PERMISSION_WRITE,
        .decide = day_decide_open,
    },
    {
        .name = "Day.Reopen",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__reopen_day__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__APPROVE,
        .level = PERMISSION_WRITE,
        .decide = day_decide_reopen,
    },
    {
        .name = "Day.Show",
        .kind = METHOD_QUERY,
        .request = &daftari__v1__show_day__descriptor,
        .response = &daftari__v1__day_info__descriptor,
        .permission = DAFTARI__V1__PERMISSION__CASH_COUNT,
        .level = PERMISSION_READ,
        .query = day_query_show,
    },
};

static const struct event_type events[] = {
    {
        .type = EVENT_DAY_OPENED,
        .name = "DayOpened",
        .payload = &daftari__v1__cash_counted__descriptor,
        .apply = day_apply_opened,
        .master = true,
        .undo = UNDO_OWN_WAY,
        .undo_how = "count the till again: closing its day posts what is missing",
        .entry_type = "ADJ",
        .title = "Till opened",
    },
    {
        .type = EVENT_CASH_COUNTED,
        .name = "CashCounted",
        .payload = &daftari__v1__cash_counted__descriptor,
        .apply = day_apply_counted,
        .master = true,
    },
    {
        .type = EVENT_DAY_CLOSED,
        .name = "DayClosed",
        .payload = &daftari__v1__day_closed__descriptor,
        .apply = day_apply_closed,
        .master = true,
        .undo = UNDO_OWN_WAY,
        .undo_how = "reopen the day, and close it with what is there",
        .entry_type = "ADJ",
        .title = "Day closed",
    },
    {
        .type = EVENT_DAY_REOPENED,
        .name = "DayReopened",
        .payload = &daftari__v1__reopen_day__descriptor,
        .apply = day_apply_reopened,
        .master = true,
    },
};

const struct capability capability_days = {
    .name = "days",
    .methods = methods,
    .method_count = sizeof methods / sizeof methods[0],
    .events = events,
    .event_count = sizeof events / sizeof events[0],
};
