#include "people.pb-c.h"
#include "server/domain/capabilities.h"
#include "server/domain/equipment/equipment.h"
#include "type_ids.h"

#define COMMAND(method, message, needs, what)                                                                \
    {                                                                                                        \
        .name = method, .kind = METHOD_COMMAND, .request = &daftari__v1__##message##__descriptor,            \
        .response = &daftari__v1__recorded__descriptor, .permission = DAFTARI__V1__PERMISSION__##needs,      \
        .level = PERMISSION_WRITE, .decide = what                                                            \
    }

static const struct method methods[] = {
    COMMAND("Equipment.Add", register_equipment, MONEY, equipment_decide_register),
    COMMAND("Equipment.Depreciate", depreciate_equipment, JOURNAL, equipment_decide_depreciate),
    COMMAND("Equipment.Dispose", dispose_equipment, APPROVE, equipment_decide_dispose),
    {
        .name = "Equipment.List",
        .kind = METHOD_QUERY,
        .streams = true,
        .request = &daftari__v1__list_equipment__descriptor,
        .response = &daftari__v1__equipment_info__descriptor,
        .permission = DAFTARI__V1__PERMISSION__FINANCE_REPORTS,
        .level = PERMISSION_READ,
        .query = equipment_query_list,
    },
};

static bool registered_taxed(const ProtobufCMessage *payload, size_t index, struct taxed_line *out)
{
    const Daftari__V1__EquipmentRegistered *given = (const Daftari__V1__EquipmentRegistered *)payload;
    *out = (struct taxed_line){true, (uint16_t)given->tax_code, given->rate_bp, given->cost_minor,
                               given->tax_minor};
    return index == 0;
}

static const struct event_type events[] = {
    {
        .type = EVENT_EQUIPMENT_REGISTERED,
        .name = "EquipmentRegistered",
        .payload = &daftari__v1__equipment_registered__descriptor,
        .apply = equipment_apply_registered,
        .master = true,
        .undo = UNDO_OWN_WAY,
        .undo_how = "dispose of the equipment on the same day",
        .entry_type = "PUR",
        .title = "Equipment",
        .taxed = registered_taxed,
    },
    {
        .type = EVENT_EQUIPMENT_DEPRECIATED,
        .name = "EquipmentDepreciated",
        .payload = &daftari__v1__equipment_depreciated__descriptor,
        .apply = equipment_apply_depreciated,
        .master = true,
        .undo = UNDO_OWN_WAY,
        .undo_how = "depreciation goes by the register: dispose of what should not be in it",
        .entry_type = "ADJ",
        .title = "Depreciation",
    },
    {
        .type = EVENT_EQUIPMENT_DISPOSED,
        .name = "EquipmentDisposed",
        .payload = &daftari__v1__equipment_disposed__descriptor,
        .apply = equipment_apply_disposed,
        .master = true,
        .undo = UNDO_OWN_WAY,
        .undo_how = "register it again under another code",
        .entry_type = "SALE",
        .title = "Equipment disposed of",
    },
};

const struct capability capability_equipment = {
    .name = "equipment",
    .methods = methods,
    .method_count = sizeof methods / sizeof methods[0],
    .events = events,
    .event_count = sizeof events / sizeof events[0],
};
