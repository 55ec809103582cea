#include "people.pb-c.h"
#include "server/domain/capabilities.h"
#include "server/domain/production/production.h"
#include "type_ids.h"

static const struct method methods[] = {
    {
        .name = "Production.List",
        .kind = METHOD_QUERY,
        .streams = true,
        .request = &daftari__v1__list_productions__descriptor,
        .response = &daftari__v1__production_info__descriptor,
        .permission = DAFTARI__V1__PERMISSION__OPERATION_REPORTS,
        .level = PERMISSION_READ,
    },
    {
        .name = "Production.MakeVoid",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__void_production__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__SALES,
        .level = PERMISSION_WRITE,
        .decide = production_decide_void,
    },
    {
        .name = "Production.Record",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__record_production__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__SALES,
        .level = PERMISSION_WRITE,
        .decide = production_decide_record,
    },
    {
        .name = "Recipe.Define",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__define_recipe__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__SETTINGS,
        .level = PERMISSION_WRITE,
        .decide = recipe_decide_define,
    },
    {
        .name = "Recipe.List",
        .kind = METHOD_QUERY,
        .streams = true,
        .request = &daftari__v1__list_recipes__descriptor,
        .response = &daftari__v1__recipe_info__descriptor,
        .query = recipe_query_list,
    },
};

static const struct event_type events[] = {
    {
        .type = EVENT_RECIPE_DEFINED,
        .name = "RecipeDefined",
        .payload = &daftari__v1__define_recipe__descriptor,
        .apply = recipe_apply_defined,
        .master = true,
    },
    {
        .type = EVENT_PRODUCTION_RECORDED,
        .name = "ProductionRecorded",
        .payload = &daftari__v1__production_recorded__descriptor,
        .apply = production_apply_recorded,
        .undo = UNDO_OWN_WAY,
        .undo_how = "make the production void",
        .entry_type = "PRD",
        .title = "Production",
    },
    {
        .type = EVENT_PRODUCTION_VOIDED,
        .name = "ProductionVoided",
        .payload = &daftari__v1__production_voided__descriptor,
        .apply = production_apply_voided,
        .undo = UNDO_IS,
        .entry_type = "REV",
        .title = "Production void",
    },
};

const struct capability capability_production = {
    .name = "production",
    .methods = methods,
    .method_count = sizeof methods / sizeof methods[0],
    .events = events,
    .event_count = sizeof events / sizeof events[0],
};
