/* The capability `cylinders`: returnable containers by serial number. */
#include "people.pb-c.h"
#include "server/domain/capabilities.h"
#include "server/domain/cylinders/cylinders.h"
#include "type_ids.h"

static const struct method methods[] = {
    {
        .name = "Cylinder.Acquire",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__acquire_cylinders__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__STOCK,
        .level = PERMISSION_WRITE,
        .decide = cylinder_decide_acquire,
    },
    {
        .name = "Cylinder.BackFromMaintenance",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__move_cylinders__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__STOCK,
        .level = PERMISSION_WRITE,
        .decide = cylinder_decide_from_maintenance,
    },
    {
        .name = "Cylinder.BackFromSupplier",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__move_cylinders__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__STOCK,
        .level = PERMISSION_WRITE,
        .decide = cylinder_decide_from_supplier,
    },
    {
        .name = "Cylinder.Exchange",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__exchange_cylinder__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__SALES,
        .level = PERMISSION_WRITE,
        .decide = cylinder_decide_exchange,
        .brief = true,
    },
    {
        .name = "Cylinder.Forfeit",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__forfeit_deposit__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__APPROVE,
        .level = PERMISSION_WRITE,
        .decide = cylinder_decide_forfeit,
    },
    {
        .name = "Cylinder.List",
        .kind = METHOD_QUERY,
        .streams = true,
        .request = &daftari__v1__list_cylinders__descriptor,
        .response = &daftari__v1__cylinder_info__descriptor,
        .permission = DAFTARI__V1__PERMISSION__SALES,
        .level = PERMISSION_READ,
        .query = cylinder_query_list,
    },
    {
        .name = "Cylinder.Lose",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__write_off_cylinders__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__APPROVE,
        .level = PERMISSION_WRITE,
        .decide = cylinder_decide_lose,
    },
    {
        .name = "Cylinder.MakeVoid",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__void_exchange__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__SALES,
        .level = PERMISSION_WRITE,
        .decide = cylinder_decide_void,
    },
    {
        .name = "Cylinder.Open",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__open_cylinders__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__STOCK,
        .level = PERMISSION_WRITE,
        .decide = cylinder_decide_open,
    },
    {
        .name = "Cylinder.Refill",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__refill_cylinders__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__STOCK,
        .level = PERMISSION_WRITE,
        .decide = cylinder_decide_refill,
    },
    {
        .name = "Cylinder.ReturnEmpty",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__return_cylinder__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__SALES,
        .level = PERMISSION_WRITE,
        .decide = cylinder_decide_return,
    },
    {
        .name = "Cylinder.Scrap",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__write_off_cylinders__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__APPROVE,
        .level = PERMISSION_WRITE,
        .decide = cylinder_decide_scrap,
    },
    {
        .name = "Cylinder.SendToMaintenance",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__move_cylinders__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__STOCK,
        .level = PERMISSION_WRITE,
        .decide = cylinder_decide_to_maintenance,
    },
    {
        .name = "Cylinder.SendToSupplier",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__move_cylinders__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__STOCK,
        .level = PERMISSION_WRITE,
        .decide = cylinder_decide_to_supplier,
    },
    {
        .name = "Cylinder.Show",
        .kind = METHOD_QUERY,
        .request = &daftari__v1__show_cylinder__descriptor,
        .response = &daftari__v1__cylinder_info__descriptor,
        .permission = DAFTARI__V1__PERMISSION__SALES,
        .level = PERMISSION_READ,
        .query = cylinder_query_show,
    },
    {
        .name = "Cylinder.Undo",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__undo_cylinders__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__STOCK,
        .level = PERMISSION_WRITE,
        .decide = cylinder_decide_undo,
    },
    {
        .name = "CylinderType.Define",
        .kind = METHOD_COMMAND,
        .request = &daftari__v1__define_cylinder_type__descriptor,
        .response = &daftari__v1__recorded__descriptor,
        .permission = DAFTARI__V1__PERMISSION__SETTINGS,
        .level = PERMISSION_WRITE,
        .decide = cylinder_type_decide_define,
    },
    {
        .name = "CylinderType.List",
        .kind = METHOD_QUERY,
        .streams = true,
        .request = &daftari__v1__list_cylinder_types__descriptor,
        .response = &daftari__v1__cylinder_type_info__descriptor,
        .query = cylinder_type_query_list,
    },
};

static bool acquired_taxed(const ProtobufCMessage *payload, size_t index, struct taxed_line *out)
{
    const Daftari__V1__CylindersAcquired *given = (const Daftari__V1__CylindersAcquired *)payload;
    if (index == 0)
        *out = (struct taxed_line){true, (uint16_t)given->tax_code, given->rate_bp, given->net_minor,
                                   given->tax_minor - given->content_tax_minor};
    else
        *out = (struct taxed_line){true, (uint16_t)given->content_tax_code, given->content_rate_bp,
                                   given->content_net_minor, given->content_tax_minor};
    return index < 2;
}

static bool filled_taxed(const ProtobufCMessage *payload, size_t index, struct taxed_line *out)
{
    const Daftari__V1__CylindersFilled *given = (const Daftari__V1__CylindersFilled *)payload;
    *out = (struct taxed_line){true, (uint16_t)given->tax_code, given->rate_bp, given->net_minor,
                               given->tax_minor};
    return index == 0;
}

static bool exchanged_taxed(const ProtobufCMessage *payload, size_t index, struct taxed_line *out)
{
    const Daftari__V1__CylinderExchanged *given = (const Daftari__V1__CylinderExchanged *)payload;
    if (index == 0)
        *out = (struct taxed_line){false, (uint16_t)given->tax_code, given->rate_bp, given->net_minor,
                                   given->tax_minor};
    else
        *out = (struct taxed_line){false, (uint16_t)given->shell_tax_code, given->shell_rate_bp,
                                   given->shell_net_minor, given->shell_tax_minor};
    return index < 2;
}

static const struct event_type events[] = {
    {
        .type = EVENT_CYLINDER_TYPE_DEFINED,
        .name = "CylinderTypeDefined",
        .payload = &daftari__v1__define_cylinder_type__descriptor,
        .apply = cylinder_type_apply_define,
        .master = true,
    },
    {
        .type = EVENT_CYLINDERS_OPENED,
        .name = "CylindersOpened",
        .payload = &daftari__v1__cylinders_opened__descriptor,
        .apply = cylinder_apply_open,
        .master = true,
        .undo = UNDO_OWN_WAY,
        .undo_how = "a register is not taken back: lose or scrap what is not there, acquire what is missing",
        .entry_type = "OPN",
        .title = "Cylinder register",
    },
    {
        .type = EVENT_CYLINDERS_ACQUIRED,
        .name = "CylindersAcquired",
        .payload = &daftari__v1__cylinders_acquired__descriptor,
        .apply = cylinder_apply_acquire,
        .master = true,
        .undo = UNDO_OWN_WAY,
        .undo_how = "undo it by its number, while nothing happened to the cylinders since",
        .entry_type = "PUR",
        .title = "Cylinders bought",
        .taxed = acquired_taxed,
    },
    {
        .type = EVENT_CYLINDERS_FILLED,
        .name = "CylindersFilled",
        .payload = &daftari__v1__cylinders_filled__descriptor,
        .apply = cylinder_apply_refill,
        .master = true,
        .undo = UNDO_OWN_WAY,
        .undo_how = "undo it by its number, while nothing happened to the cylinders since",
        .entry_type = "PUR",
        .title = "Cylinders filled",
        .taxed = filled_taxed,
    },
    {
        .type = EVENT_CYLINDER_EXCHANGED,
        .name = "CylinderExchanged",
        .payload = &daftari__v1__cylinder_exchanged__descriptor,
        .apply = cylinder_apply_exchange,
        .master = true,
        .undo = UNDO_OWN_WAY,
        .undo_how = "make the exchange void on its own day, or exchange back",
        .entry_type = "SALE",
        .title = "Cylinder exchange",
        .taxed = exchanged_taxed,
    },
    {
        .type = EVENT_CYLINDER_EXCHANGE_VOIDED,
        .name = "CylinderExchangeVoided",
        .payload = &daftari__v1__exchange_voided__descriptor,
        .apply = cylinder_apply_void,
        .master = true,
        .undo = UNDO_IS,
        .entry_type = "REV",
        .title = "Cylinder exchange void",
    },
    {
        .type = EVENT_CYLINDER_RETURNED,
        .name = "CylinderReturned",
        .payload = &daftari__v1__cylinder_returned__descriptor,
        .apply = cylinder_apply_return,
        .master = true,
        .undo = UNDO_OWN_WAY,
        .undo_how = "a deposit given back is taken again with another exchange",
        .entry_type = "RFD",
        .title = "Cylinder deposit returned",
    },
    {
        .type = EVENT_CYLINDER_DEPOSIT_FORFEITED,
        .name = "CylinderDepositForfeited",
        .payload = &daftari__v1__deposit_forfeited__descriptor,
        .apply = cylinder_apply_forfeit,
        .master = true,
        .undo = UNDO_OWN_WAY,
        .undo_how = "a forfeit is not taken back: pay the customer as an expense",
        .entry_type = "ADJ",
        .title = "Cylinder deposit forfeited",
    },
    {
        .type = EVENT_CYLINDER_SENT_TO_MAINTENANCE,
        .name = "CylinderSentToMaintenance",
        .payload = &daftari__v1__cylinders_moved__descriptor,
        .apply = cylinder_apply_move,
        .master = true,
    },
    {
        .type = EVENT_CYLINDER_BACK_FROM_MAINTENANCE,
        .name = "CylinderBackFromMaintenance",
        .payload = &daftari__v1__cylinders_moved__descriptor,
        .apply = cylinder_apply_move,
        .master = true,
    },
    {
        .type = EVENT_CYLINDER_SENT_TO_SUPPLIER,
        .name = "CylinderSentToSupplier",
        .payload = &daftari__v1__cylinders_moved__descriptor,
        .apply = cylinder_apply_move,
        .master = true,
    },
    {
        .type = EVENT_CYLINDER_BACK_FROM_SUPPLIER,
        .name = "CylinderBackFromSupplier",
        .payload = &daftari__v1__cylinders_moved__descriptor,
        .apply = cylinder_apply_move,
        .master = true,
    },
    {
        .type = EVENT_CYLINDER_LOST,
        .name = "CylinderLost",
        .payload = &daftari__v1__cylinders_written_off__descriptor,
        .apply = cylinder_apply_write_off,
        .master = true,
        .undo = UNDO_OWN_WAY,
        .undo_how = "undo it by its number: what is found is not lost",
        .entry_type = "ADJ",
        .title = "Cylinders lost",
    },
    {
        .type = EVENT_CYLINDER_SCRAPPED,
        .name = "CylinderScrapped",
        .payload = &daftari__v1__cylinders_written_off__descriptor,
        .apply = cylinder_apply_write_off,
        .master = true,
        .undo = UNDO_OWN_WAY,
        .undo_how = "undo it by its number, while nothing happened to the cylinders since",
        .entry_type = "ADJ",
        .title = "Cylinders scrapped",
    },
    {
        .type = EVENT_CYLINDERS_UNDONE,
        .name = "CylindersUndone",
        .payload = &daftari__v1__cylinders_undone__descriptor,
        .apply = cylinder_apply_undo,
        .master = true,
        .undo = UNDO_IS,
        .entry_type = "REV",
        .title = "Cylinders undone",
    },
};

const struct capability capability_cylinders = {
    .name = "cylinders",
    .methods = methods,
    .method_count = sizeof methods / sizeof methods[0],
    .events = events,
    .event_count = sizeof events / sizeof events[0],
};
