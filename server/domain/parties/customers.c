/* The particulars of customers. */
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/parties/parties.h"
#include "type_ids.h"

/* ---- form ------------------------------------------------------------------------------------------------------ */

static enum status form_pin(const char *pin, struct fault *why)
{
    static const char digits[] = "0123456789", letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if (text_empty(pin) || (strlen(pin) == 11 && strspn(pin, letters) == 1 && strspn(pin + 1, digits) == 9 &&
                            strspn(pin + 10, letters) == 1))
        return STATUS_OK;
    return fault_set(why, STATUS_INVALID, "tax_pin", "a capital letter, nine digits, a capital letter");
}

enum status party_form(const struct party_particulars *given, struct fault *why)
{
    enum status status = form_phone(given->phone, "phone", why);
    if (status == STATUS_OK)
        status = form_phone(given->second_phone, "second_phone", why);
    if (status == STATUS_OK)
        status = form_email(given->email, "email", why);
    if (status == STATUS_OK)
        status = form_text(given->address, "address", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = form_text(given->note, "note", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = form_pin(given->tax_pin, why);
    return status;
}

static enum status form_own(const char *id_number, const char *code, struct fault *why)
{
    enum status status = form_text(id_number, "id_number", PARTY_ID_MAX, false, why);
    if (status == STATUS_OK && !text_empty(code))
        status = form_code(code, "code", 1, PARTY_CODE_MAX, true, why);
    return status;
}

/* ---- rules ----------------------------------------------------------------------------------------------------- */

enum status party_require(struct kv_txn *state, enum party_kind kind, const char *text, const char *field,
                          struct party_row *out, struct fault *why)
{
    if (!text_empty(text) && party_find(state, kind, text, out))
        return STATUS_OK;
    return fault_refuse(why, DAFTARI__V1__REASON__PARTY_UNKNOWN, field,
                        kind == PARTY_IS_SUPPLIER ? "the name of a supplier"
                                                  : "the phone or the code of a customer");
}

/* Whether phone and code (either may be NULL or empty) are free, or lead to `self` already. */
static enum status keys_free(struct kv_txn *state, const char *phone, const char *code, uint32_t self,
                             struct fault *why)
{
    uint32_t number = text_empty(phone) ? 0 : party_key_get(state, PARTY_KEY_PHONE, phone);
    if (number != 0 && party_standing(state, number) != self)
        return fault_refuse(why, DAFTARI__V1__REASON__PHONE_IN_USE, "phone",
                            "the phone number belongs to another customer");
    number = text_empty(code) ? 0 : party_key_get(state, PARTY_KEY_CODE, code);
    if (number != 0 && party_standing(state, number) != self)
        return fault_refuse(why, DAFTARI__V1__REASON__PARTY_CODE_IN_USE, "code",
                            "the code belongs to another customer");
    return STATUS_OK;
}

/* ---- add ------------------------------------------------------------------------------------------------------- */

static bool same_customer(const Daftari__V1__PartyInfo *info, const Daftari__V1__AddCustomer *add)
{
    return text_same(info->name, add->name) && text_same(info->phone, add->phone) &&
           text_same(info->second_phone, add->second_phone) && text_same(info->email, add->email) &&
           text_same(info->address, add->address) && text_same(info->id_number, add->id_number) &&
           info->type == add->type && text_same(info->note, add->note) && text_same(info->code, add->code) &&
           text_same(info->tax_pin, add->tax_pin) && info->consent == add->consent;
}

enum status customer_decide_add(const struct context *context, struct kv_txn *state,
                                const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__AddCustomer *add = (const Daftari__V1__AddCustomer *)command;
    const struct party_particulars given = {
        add->phone, add->second_phone, add->email, add->address, add->note, add->tax_pin,
    };
    enum status status = form_text(add->name, "name", NAME_TEXT_MAX, true, why);
    if (status == STATUS_OK && text_empty(add->phone))
        status = fault_set(why, STATUS_INVALID, "phone", "needed: customers are known by it");
    if (status == STATUS_OK)
        status = party_form(&given, why);
    if (status == STATUS_OK)
        status = form_own(add->id_number, add->code, why);
    if (status != STATUS_OK)
        return status;
    uint32_t there = party_key_get(state, PARTY_KEY_PHONE, add->phone);
    const Daftari__V1__PartyInfo *info = there != 0 ? party_info_get(state, there, context->arena) : NULL;
    if (info != NULL && same_customer(info, add)) {
        out->nothing_to_do = true;
        return STATUS_OK;
    }
    if (info != NULL && text_same(info->name, add->name))
        return fault_refuse(why, DAFTARI__V1__REASON__PARTY_EXISTS, "phone",
                            "this customer is on file with other particulars: change them");
    status = keys_free(state, add->phone, add->code, 0, why);
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_CUSTOMER_ADDED;
    out->number = row_next_number_u32(state, TABLE_PARTY, 1);
    return STATUS_OK;
}

void customer_apply_add(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                        struct arena *arena)
{
    const Daftari__V1__AddCustomer *add = (const Daftari__V1__AddCustomer *)payload;
    struct party_row row = {.number = record->header.number, .kind = PARTY_IS_CUSTOMER, .active = true};
    Daftari__V1__PartyInfo info = DAFTARI__V1__PARTY_INFO__INIT;
    info.name = add->name;
    info.code = text_or_none(add->code);
    info.phone = add->phone;
    info.second_phone = text_or_none(add->second_phone);
    info.email = text_or_none(add->email);
    info.address = text_or_none(add->address);
    info.id_number = text_or_none(add->id_number);
    info.has_type = true;
    info.type = add->type;
    info.note = text_or_none(add->note);
    info.tax_pin = text_or_none(add->tax_pin);
    info.has_consent = true;
    info.consent = add->consent;
    party_row_put(state, &row, &info, arena);
    party_key_put(state, PARTY_KEY_PHONE, add->phone, row.number);
    if (info.code != NULL)
        party_key_put(state, PARTY_KEY_CODE, info.code, row.number);
}

/* ---- change ---------------------------------------------------------------------------------------------------- */

enum status customer_decide_change(const struct context *context, struct kv_txn *state,
                                   const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__ChangeCustomer *change = (const Daftari__V1__ChangeCustomer *)command;
    const struct party_particulars given = {
        change->phone, change->second_phone, change->email, change->address, change->note, change->tax_pin,
    };
    struct party_row row;
    (void)context;
    enum status status = party_require(state, PARTY_IS_CUSTOMER, change->customer, "customer", &row, why);
    if (status == STATUS_OK && change->name != NULL)
        status = form_text(change->name, "name", NAME_TEXT_MAX, true, why);
    if (status == STATUS_OK && change->phone != NULL && change->phone[0] == '\0')
        status = fault_set(why, STATUS_INVALID, "phone", "needed: customers are known by it");
    if (status == STATUS_OK)
        status = party_form(&given, why);
    if (status == STATUS_OK)
        status = form_own(change->id_number, change->code, why);
    if (status == STATUS_OK)
        status = keys_free(state, change->phone, change->code, row.number, why);
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_CUSTOMER_CHANGED;
    out->number = row.number;
    return STATUS_OK;
}

/* A text of a change: absent stays, empty goes. */
static void set_text(char **text, char *given)
{
    if (given != NULL)
        *text = text_or_none(given);
}

static void set_key(struct kv_txn *state, char kind, const char *was, const char *is, uint32_t number)
{
    if (text_same(was, is))
        return;
    if (!text_empty(was))
        party_key_drop(state, kind, was, number);
    if (!text_empty(is))
        party_key_put(state, kind, is, number);
}

void customer_apply_change(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                           struct arena *arena)
{
    const Daftari__V1__ChangeCustomer *change = (const Daftari__V1__ChangeCustomer *)payload;
    struct party_row row;
    Daftari__V1__PartyInfo *info = party_info_get(state, record->header.number, arena);
    if (info == NULL || !party_row_get(state, record->header.number, &row)) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    if (change->phone != NULL)
        set_key(state, PARTY_KEY_PHONE, info->phone, change->phone, row.number);
    if (change->code != NULL)
        set_key(state, PARTY_KEY_CODE, info->code, change->code, row.number);
    set_text(&info->name, change->name);
    set_text(&info->phone, change->phone);
    set_text(&info->second_phone, change->second_phone);
    set_text(&info->email, change->email);
    set_text(&info->address, change->address);
    set_text(&info->id_number, change->id_number);
    set_text(&info->note, change->note);
    set_text(&info->code, change->code);
    set_text(&info->tax_pin, change->tax_pin);
    if (change->has_type)
        info->type = change->type;
    if (change->has_consent)
        info->consent = change->consent;
    party_row_put(state, &row, info, arena);
}

/* ---- deactivate, reactivate: of suppliers as well ----------------------------------------------------------------- */

enum status party_decide_active(struct kv_txn *state, enum party_kind kind, const char *text, bool active,
                                uint16_t type, struct decision *out, struct fault *why)
{
    const char *field = kind == PARTY_IS_CUSTOMER ? "customer" : "supplier";
    struct party_row row;
    enum status status = party_require(state, kind, text, field, &row, why);
    if (status == STATUS_OK && row.active == active)
        status = active ? fault_refuse(why, DAFTARI__V1__REASON__ALREADY_ACTIVE, field,
                                       "the %s is active already", field)
                        : fault_refuse(why, DAFTARI__V1__REASON__ALREADY_INACTIVE, field,
                                       "the %s is deactivated already", field);
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = type;
    out->number = row.number;
    return STATUS_OK;
}

enum status customer_decide_deactivate(const struct context *context, struct kv_txn *state,
                                       const ProtobufCMessage *command, struct decision *out,
                                       struct fault *why)
{
    (void)context;
    return party_decide_active(state, PARTY_IS_CUSTOMER,
                               ((const Daftari__V1__DeactivateCustomer *)command)->customer, false,
                               EVENT_CUSTOMER_DEACTIVATED, out, why);
}

enum status customer_decide_reactivate(const struct context *context, struct kv_txn *state,
                                       const ProtobufCMessage *command, struct decision *out,
                                       struct fault *why)
{
    (void)context;
    return party_decide_active(state, PARTY_IS_CUSTOMER,
                               ((const Daftari__V1__ReactivateCustomer *)command)->customer, true,
                               EVENT_CUSTOMER_REACTIVATED, out, why);
}

static void set_active(struct kv_txn *state, const struct record *record, bool active, struct arena *arena)
{
    struct party_row row;
    Daftari__V1__PartyInfo *info = party_info_get(state, record->header.number, arena);
    if (info == NULL || !party_row_get(state, record->header.number, &row)) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    row.active = active;
    party_row_put(state, &row, info, arena);
}

void party_apply_deactivate(struct kv_txn *state, const struct record *record,
                            const ProtobufCMessage *payload, struct arena *arena)
{
    (void)payload;
    set_active(state, record, false, arena);
}

void party_apply_reactivate(struct kv_txn *state, const struct record *record,
                            const ProtobufCMessage *payload, struct arena *arena)
{
    (void)payload;
    set_active(state, record, true, arena);
}
