/* The capability `business`: the businesses and their settings. */
#include "common.pb-c.h"
#include "people.pb-c.h"
#include "server/domain/business/business.h"
#include "server/domain/capabilities.h"
#include "type_ids.h"

static const struct method methods[] = {
    {
        .name = "Business.Change",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__change_business__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__SETTINGS,
        .level = PERMISSION_WRITE,
        .decide = business_decide_change,
    },
    {
        .name = "Business.Deactivate",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__deactivate_business__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__SETTINGS,
        .level = PERMISSION_WRITE,
        .decide = business_decide_deactivate,
    },
    {
        .name = "Business.List",
        .kind = METHOD_QUERY,
        .streams = true,
        .request = &daftari__v1__list_businesses__descriptor,
        .response = &daftari__v1__business_info__descriptor,
        .query = business_query_list,
    },
    {
        .name = "Business.Open",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__open_business__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__SETTINGS,
        .level = PERMISSION_WRITE,
        .decide = business_decide_open,
    },
    {
        .name = "Business.Reactivate",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__reactivate_business__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__SETTINGS,
        .level = PERMISSION_WRITE,
        .decide = business_decide_reactivate,
    },
    {
        .name = "Business.Set",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__change_settings__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__SETTINGS,
        .level = PERMISSION_WRITE,
        .decide = business_decide_settings,
    },
    {
        .name = "Business.Settings",
        .kind = METHOD_QUERY,
        .streams = true,
        .request = &daftari__v1__show_settings__descriptor,
        .response = &daftari__v1__setting_info__descriptor,
        .permission = DAFTARI__V1__PERMISSION__SETTINGS,
        .level = PERMISSION_READ,
        .query = business_query_settings,
    },
};

static const struct event_type events[] = {
    {.type = EVENT_BUSINESS_OPENED,
     .name = "BusinessOpened",
     .payload = &daftari__v1__open_business__descriptor,
     .apply = business_apply_open,
     .master = true},
    {.type = EVENT_BUSINESS_CHANGED,
     .name = "BusinessChanged",
     .payload = &daftari__v1__change_business__descriptor,
     .apply = business_apply_change,
     .master = true},
    {.type = EVENT_BUSINESS_DEACTIVATED,
     .name = "BusinessDeactivated",
     .payload = &daftari__v1__deactivate_business__descriptor,
     .apply = business_apply_deactivate,
     .master = true},
    {.type = EVENT_BUSINESS_REACTIVATED,
     .name = "BusinessReactivated",
     .payload = &daftari__v1__reactivate_business__descriptor,
     .apply = business_apply_reactivate,
     .master = true},
    {.type = EVENT_SETTINGS_CHANGED,
     .name = "SettingsChanged",
     .payload = &daftari__v1__change_settings__descriptor,
     .apply = business_apply_settings,
     .master = true},
};

const struct capability capability_business = {
    .name = "business",
    .methods = methods,
    .method_count = sizeof methods / sizeof methods[0],
    .events = events,
    .event_count = sizeof events / sizeof events[0],
};
