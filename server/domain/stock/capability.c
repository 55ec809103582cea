#include "people.pb-c.h"
#include "server/domain/capabilities.h"
#include "server/domain/stock/store_room.h"
#include "type_ids.h"

static const struct method methods[] = {
    {
        .name = "Place.Define",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__define_place__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__STOCK,
        .level = PERMISSION_WRITE,
        .decide = place_decide_define,
    },
    {
        .name = "Place.List",
        .kind = METHOD_QUERY,
        .streams = true,
        .request = &daftari__v1__list_places__descriptor,
        .response = &daftari__v1__place_info__descriptor,
        .query = place_query_list,
    },
    {
        .name = "Stock.Adjust",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__adjust_stock__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__STOCK,
        .level = PERMISSION_WRITE,
        .decide = stock_decide_adjust,
    },
    {
        .name = "Stock.Count",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__count_stock__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__STOCK,
        .level = PERMISSION_WRITE,
        .decide = stock_decide_count,
    },
    {
        .name = "Stock.List",
        .kind = METHOD_QUERY,
        .streams = true,
        .request = &daftari__v1__list_stock__descriptor,
        .response = &daftari__v1__stock_info__descriptor,
        .permission = DAFTARI__V1__PERMISSION__OPERATION_REPORTS,
        .level = PERMISSION_READ,
    },
    {
        .name = "Stock.Open",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__open_stock__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__STOCK,
        .level = PERMISSION_WRITE,
        .decide = stock_decide_open,
    },
    {
        .name = "Stock.Transfer",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__transfer_stock__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__STOCK,
        .level = PERMISSION_WRITE,
        .decide = stock_decide_transfer,
    },
};

static const struct event_type events[] = {
    {
        .type = EVENT_PLACE_DEFINED,
        .name = "PlaceDefined",
        .payload = &daftari__v1__define_place__descriptor,
        .apply = place_apply_defined,
        .master = true,
    },
    {
        .type = EVENT_STOCK_OPENED,
        .name = "StockOpened",
        .payload = &daftari__v1__stock_moved__descriptor,
        .apply = stock_apply_opened,
        .undo = UNDO_OWN_WAY,
        .undo_how = "adjust or count the stock",
        .entry_type = "OPN",
        .title = "Stock register",
    },
    {
        .type = EVENT_STOCK_ADJUSTED,
        .name = "StockAdjusted",
        .payload = &daftari__v1__stock_moved__descriptor,
        .undo = UNDO_OWN_WAY,
        .undo_how = "adjust the stock the other way",
        .entry_type = "STK",
        .title = "Stock adjustment",
    },
    {
        .type = EVENT_STOCK_COUNTED,
        .name = "StockCounted",
        .payload = &daftari__v1__stock_moved__descriptor,
        .undo = UNDO_OWN_WAY,
        .undo_how = "count again",
        .entry_type = "STK",
        .title = "Stock count",
    },
    {
        .type = EVENT_STOCK_TRANSFERRED,
        .name = "StockTransferred",
        .payload = &daftari__v1__stock_moved__descriptor,
        .undo = UNDO_OWN_WAY,
        .undo_how = "transfer the goods back",
        .entry_type = "TRF",
        .title = "Stock transfer",
    },
};

const struct capability capability_stock = {
    .name = "stock",
    .methods = methods,
    .method_count = sizeof methods / sizeof methods[0],
    .events = events,
    .event_count = sizeof events / sizeof events[0],
};
