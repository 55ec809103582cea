/* The particulars of suppliers. They are known by their names, which therefore stay. */
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/parties/parties.h"
#include "type_ids.h"

static enum status form_terms(uint32_t days, struct fault *why)
{
    if (days > PARTY_TERMS_MAX)
        return fault_set(why, STATUS_INVALID, "terms_days", "at most %u days", PARTY_TERMS_MAX);
    return STATUS_OK;
}

/* ---- add ------------------------------------------------------------------------------------------------------- */

static bool same_supplier(const Daftari__V1__PartyInfo *info, const Daftari__V1__AddSupplier *add,
                          uint32_t terms_days)
{
    return text_same(info->phone, add->phone) && text_same(info->tax_pin, add->tax_pin) &&
           terms_days == add->terms_days && text_same(info->note, add->note) &&
           text_same(info->email, add->email) && text_same(info->address, add->address);
}

enum status supplier_decide_add(const struct context *context, struct kv_txn *state,
                                const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__AddSupplier *add = (const Daftari__V1__AddSupplier *)command;
    const struct party_particulars given = {
        add->phone, NULL, add->email, add->address, add->note, add->tax_pin,
    };
    struct party_row row;
    enum status status = form_text(add->name, "name", NAME_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = party_form(&given, why);
    if (status == STATUS_OK)
        status = form_terms(add->terms_days, why);
    if (status != STATUS_OK)
        return status;
    if (party_find(state, PARTY_IS_SUPPLIER, add->name, &row)) {
        const Daftari__V1__PartyInfo *info = party_info_get(state, row.number, context->arena);
        if (info == NULL || !same_supplier(info, add, row.terms_days))
            return fault_refuse(why, DAFTARI__V1__REASON__PARTY_EXISTS, "name",
                                "a supplier of this name is on file with other particulars: change them");
        out->nothing_to_do = true;
        return STATUS_OK;
    }

    /* accepted */
    out->type = EVENT_SUPPLIER_ADDED;
    out->number = row_next_number_u32(state, TABLE_PARTY, 1);
    return STATUS_OK;
}

void supplier_apply_add(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                        struct arena *arena)
{
    const Daftari__V1__AddSupplier *add = (const Daftari__V1__AddSupplier *)payload;
    struct party_row row = {
        .number = record->header.number,
        .kind = PARTY_IS_SUPPLIER,
        .active = true,
        .terms_days = (uint16_t)add->terms_days,
    };
    Daftari__V1__PartyInfo info = DAFTARI__V1__PARTY_INFO__INIT;
    info.name = add->name;
    info.phone = text_or_none(add->phone);
    info.email = text_or_none(add->email);
    info.address = text_or_none(add->address);
    info.note = text_or_none(add->note);
    info.tax_pin = text_or_none(add->tax_pin);
    party_row_put(state, &row, &info, arena);
    party_key_put(state, PARTY_KEY_SUPPLIER, add->name, row.number);
}

/* ---- change ---------------------------------------------------------------------------------------------------- */

enum status supplier_decide_change(const struct context *context, struct kv_txn *state,
                                   const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__ChangeSupplier *change = (const Daftari__V1__ChangeSupplier *)command;
    const struct party_particulars given = {
        change->phone, NULL, change->email, change->address, change->note, change->tax_pin,
    };
    struct party_row row;
    (void)context;
    enum status status = party_require(state, PARTY_IS_SUPPLIER, change->supplier, "supplier", &row, why);
    if (status == STATUS_OK)
        status = party_form(&given, why);
    if (status == STATUS_OK)
        status = form_terms(change->terms_days, why);
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_SUPPLIER_CHANGED;
    out->number = row.number;
    return STATUS_OK;
}

void supplier_apply_change(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                           struct arena *arena)
{
    const Daftari__V1__ChangeSupplier *change = (const Daftari__V1__ChangeSupplier *)payload;
    struct party_row row;
    Daftari__V1__PartyInfo *info = party_info_get(state, record->header.number, arena);
    if (info == NULL || !party_row_get(state, record->header.number, &row)) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    if (change->phone != NULL)
        info->phone = text_or_none(change->phone);
    if (change->email != NULL)
        info->email = text_or_none(change->email);
    if (change->address != NULL)
        info->address = text_or_none(change->address);
    if (change->note != NULL)
        info->note = text_or_none(change->note);
    if (change->tax_pin != NULL)
        info->tax_pin = text_or_none(change->tax_pin);
    if (change->has_terms_days)
        row.terms_days = (uint16_t)change->terms_days;
    party_row_put(state, &row, info, arena);
}

/* ---- deactivate, reactivate -------------------------------------------------------------------------------------- */

enum status supplier_decide_deactivate(const struct context *context, struct kv_txn *state,
                                       const ProtobufCMessage *command, struct decision *out,
                                       struct fault *why)
{
    (void)context;
    return party_decide_active(state, PARTY_IS_SUPPLIER,
                               ((const Daftari__V1__DeactivateSupplier *)command)->supplier, false,
                               EVENT_SUPPLIER_DEACTIVATED, out, why);
}

enum status supplier_decide_reactivate(const struct context *context, struct kv_txn *state,
                                       const ProtobufCMessage *command, struct decision *out,
                                       struct fault *why)
{
    (void)context;
    return party_decide_active(state, PARTY_IS_SUPPLIER,
                               ((const Daftari__V1__ReactivateSupplier *)command)->supplier, true,
                               EVENT_SUPPLIER_REACTIVATED, out, why);
}
