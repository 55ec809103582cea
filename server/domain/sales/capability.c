#include "people.pb-c.h"
#include "server/domain/capabilities.h"
#include "server/domain/sales/sales.h"
#include "type_ids.h"

static const struct method methods[] = {
    {
        .name = "Return.Record",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__return_sale__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__SALES,
        .level = PERMISSION_WRITE,
        .decide = sale_decide_return,
    },
    {
        .name = "Sale.List",
        .kind = METHOD_QUERY,
        .streams = true,
        .request = &daftari__v1__list_sales__descriptor,
        .response = &daftari__v1__sale_info__descriptor,
        .permission = DAFTARI__V1__PERMISSION__SALES,
        .level = PERMISSION_READ,
    },
    {
        .name = "Sale.MakeVoid",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__void_sale__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__SALES,
        .level = PERMISSION_WRITE,
        .decide = sale_decide_void,
    },
    {
        .name = "Sale.Record",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__record_sale__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__SALES,
        .level = PERMISSION_WRITE,
        .decide = sale_decide_record,
        .brief = true,
    },
    {
        .name = "Sale.Review",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__review_sale__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__STOCK,
        .level = PERMISSION_WRITE,
        .decide = sale_decide_review,
    },
    {
        .name = "Sale.Show",
        .kind = METHOD_QUERY,
        .request = &daftari__v1__show_sale__descriptor,
        .response = &daftari__v1__sale_info__descriptor,
        .permission = DAFTARI__V1__PERMISSION__SALES,
        .level = PERMISSION_READ,
    },
};

static bool sale_taxed(const ProtobufCMessage *payload, size_t index, struct taxed_line *out)
{
    const Daftari__V1__SaleRecorded *sale = (const Daftari__V1__SaleRecorded *)payload;
    if (index >= sale->n_lines)
        return false;
    const Daftari__V1__SoldLine *line = sale->lines[index];
    *out =
        (struct taxed_line){false, (uint16_t)line->tax_code, line->rate_bp, line->net_minor, line->tax_minor};
    return true;
}

static bool return_taxed(const ProtobufCMessage *payload, size_t index, struct taxed_line *out)
{
    const Daftari__V1__ReturnRecorded *returned = (const Daftari__V1__ReturnRecorded *)payload;
    if (index >= returned->n_lines)
        return false;
    const Daftari__V1__ReturnedLine *line = returned->lines[index];
    *out = (struct taxed_line){false, (uint16_t)line->tax_code, line->rate_bp, -line->net_minor,
                               -line->tax_minor};
    return true;
}

static const struct event_type events[] = {
    {
        .type = EVENT_SALE_RECORDED,
        .name = "SaleRecorded",
        .payload = &daftari__v1__sale_recorded__descriptor,
        .apply = sale_apply_recorded,
        .undo = UNDO_OWN_WAY,
        .undo_how = "make the sale void on its own day, or record a return",
        .entry_type = "SALE",
        .title = "Sale",
        .taxed = sale_taxed,
    },
    {
        .type = EVENT_SALE_VOIDED,
        .name = "SaleVoided",
        .payload = &daftari__v1__void_recorded__descriptor,
        .apply = sale_apply_void,
        .undo = UNDO_IS,
        .entry_type = "REV",
        .title = "Sale void",
    },
    {
        .type = EVENT_SALE_RETURNED,
        .name = "SaleReturned",
        .payload = &daftari__v1__return_recorded__descriptor,
        .apply = sale_apply_returned,
        .undo = UNDO_OWN_WAY,
        .undo_how = "a return is not taken back: record the sale again",
        .entry_type = "RFD",
        .title = "Return",
        .taxed = return_taxed,
    },
    {
        .type = EVENT_SALE_REVIEWED,
        .name = "SaleReviewed",
        .payload = &daftari__v1__review_sale__descriptor,
        .apply = sale_apply_reviewed,
    },
};

const struct capability capability_sales = {
    .name = "sales",
    .methods = methods,
    .method_count = sizeof methods / sizeof methods[0],
    .events = events,
    .event_count = sizeof events / sizeof events[0],
};
