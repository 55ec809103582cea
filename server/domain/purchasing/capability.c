#include "people.pb-c.h"
#include "server/domain/capabilities.h"
#include "server/domain/purchasing/purchasing.h"
#include "type_ids.h"

static const struct method methods[] = {
    {
        .name = "Purchase.List",
        .kind = METHOD_QUERY,
        .streams = true,
        .request = &daftari__v1__list_purchases__descriptor,
        .response = &daftari__v1__purchase_info__descriptor,
        .permission = DAFTARI__V1__PERMISSION__MONEY,
        .level = PERMISSION_READ,
    },
    {
        .name = "Purchase.Record",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__record_purchase__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__MONEY,
        .level = PERMISSION_WRITE,
        .decide = purchase_decide_record,
    },
    {
        .name = "PurchaseReturn.Record",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__return_purchase__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__MONEY,
        .level = PERMISSION_WRITE,
        .decide = purchase_decide_return,
    },
};

static bool purchase_taxed(const ProtobufCMessage *payload, size_t index, struct taxed_line *out)
{
    const Daftari__V1__PurchaseRecorded *purchase = (const Daftari__V1__PurchaseRecorded *)payload;
    if (index >= purchase->n_lines)
        return false;
    const Daftari__V1__BoughtLine *line = purchase->lines[index];
    *out =
        (struct taxed_line){true, (uint16_t)line->tax_code, line->rate_bp, line->net_minor, line->tax_minor};
    return true;
}

static bool purchase_return_taxed(const ProtobufCMessage *payload, size_t index, struct taxed_line *out)
{
    const Daftari__V1__PurchaseReturned *returned = (const Daftari__V1__PurchaseReturned *)payload;
    if (index >= returned->n_lines)
        return false;
    const Daftari__V1__SentBackLine *line = returned->lines[index];
    *out = (struct taxed_line){true, (uint16_t)line->tax_code, line->rate_bp, -line->net_minor,
                               -line->tax_minor};
    return true;
}

static const struct event_type events[] = {
    {
        .type = EVENT_PURCHASE_RECORDED,
        .name = "PurchaseRecorded",
        .payload = &daftari__v1__purchase_recorded__descriptor,
        .apply = purchase_apply_recorded,
        .undo = UNDO_OWN_WAY,
        .undo_how = "return the purchase to the supplier",
        .entry_type = "PUR",
        .title = "Purchase",
        .taxed = purchase_taxed,
    },
    {
        .type = EVENT_PURCHASE_RETURNED,
        .name = "PurchaseReturned",
        .payload = &daftari__v1__purchase_returned__descriptor,
        .apply = purchase_apply_returned,
        .undo = UNDO_OWN_WAY,
        .undo_how = "record the purchase again",
        .entry_type = "PUR",
        .title = "Purchase return",
        .taxed = purchase_return_taxed,
    },
};

const struct capability capability_purchasing = {
    .name = "purchasing",
    .methods = methods,
    .method_count = sizeof methods / sizeof methods[0],
    .events = events,
    .event_count = sizeof events / sizeof events[0],
};
