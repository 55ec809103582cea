/* Businesses are rows: opened, changed, deactivated, never removed. Reading order: business.c (commands and what they
 * write), settings.c (the table of settings), change_settings.c, till.c, queries.c, capability.c. */
#include "server/domain/business/business.h"

#include "server/domain/business/till.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "type_ids.h"

static const char *const business_types[] = {"water", "laundry", "retail", "other"};

/* What Open and Change have in common; absent fields are NULL. */
struct particulars {
    char *name, *type, *description, *phone, *email, *address, *till;
};

/* ---- checks -------------------------------------------------------------------------------------------------------- */

static bool type_known(const char *type)
{
    for (size_t i = 0; i < sizeof business_types / sizeof business_types[0]; i++)
        if (strcmp(business_types[i], type) == 0)
            return true;
    return false;
}

static enum status form_particulars(const struct particulars *given, bool opening, struct fault *why)
{
    enum status status = STATUS_OK;
    if (opening || given->name != NULL)
        status = form_text(given->name, "name", NAME_TEXT_MAX, true, why);
    if (status == STATUS_OK && (opening || given->type != NULL) &&
        (given->type == NULL || !type_known(given->type)))
        status = fault_set(why, STATUS_INVALID, "type", "water, laundry, retail or other");
    if (status == STATUS_OK)
        status = form_text(given->description, "description", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = form_text(given->address, "address", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = till_form_number(given->till, "mpesa_till", false, why);
    if (status == STATUS_OK)
        status = form_phone(given->phone, "phone", why);
    if (status == STATUS_OK)
        status = form_email(given->email, "email", why);
    return status;
}

struct row_key business_unique_key(char kind, const char *text)
{
    struct row_key key = {.len = 1, .bytes = {(uint8_t)kind}};
    row_key_add(&key, text, strlen(text));
    return key;
}

/* Names and till numbers belong to one business each; `self` is the one asking (BUSINESSES_MAX when it is new). */
static enum status check_unique(struct kv_txn *state, const struct particulars *given, uint32_t self,
                                struct arena *arena, struct fault *why)
{
    uint16_t holder;
    if (!text_empty(given->name)) {
        struct row_key key = business_unique_key('n', given->name);
        if (row_get_u16(state, TABLE_BUSINESS_UNIQUE, row_key_slice(&key), &holder) && holder != self)
            return fault_refuse(why, DAFTARI__V1__REASON__NAME_IN_USE, "name",
                                "another business has this name: give one that tells them apart");
    }
    return till_check_default(state, given->till, self, arena, why);
}

/* ---- open ---------------------------------------------------------------------------------------------------------- */

static struct particulars of_open(const Daftari__V1__OpenBusiness *open)
{
    return (struct particulars){open->name,  open->type,    open->description, open->phone,
                                open->email, open->address, open->mpesa_till};
}

static bool same_particulars(const Daftari__V1__BusinessInfo *info, const struct particulars *given)
{
    return info != NULL && text_same(info->name, given->name) && text_same(info->type, given->type) &&
           text_same(info->description, given->description) && text_same(info->phone, given->phone) &&
           text_same(info->email, given->email) && text_same(info->address, given->address) &&
           text_same(info->mpesa_till, given->till);
}

enum status business_decide_open(const struct context *context, struct kv_txn *state,
                                 const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__OpenBusiness *open = (const Daftari__V1__OpenBusiness *)command;
    struct particulars given = of_open(open);
    enum status status = form_code(open->code, "code", 2, CODE_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = form_particulars(&given, true, why);
    if (status != STATUS_OK)
        return status;
    if (context->rights != NULL && !context->rights->every_business)
        return fault_set(why, STATUS_DENIED, NULL,
                         "a new business is opened by someone who may work in every business");
    uint16_t number;
    if (business_find(state, open->code, &number)) {
        if (!same_particulars(business_info_get(state, number, context->arena), &given))
            return fault_refuse(why, DAFTARI__V1__REASON__BUSINESS_EXISTS, "code",
                                "business %s exists with other particulars: change it instead", open->code);
        out->nothing_to_do = true;
        return STATUS_OK;
    }
    status = check_unique(state, &given, BUSINESSES_MAX, context->arena, why);
    if (status != STATUS_OK)
        return status;
    uint32_t next = row_next_number_u16(state, TABLE_BUSINESS, HEAD_OFFICE);
    if (next >= BUSINESSES_MAX)
        return fault_refuse(why, DAFTARI__V1__REASON__TOO_MANY_BUSINESSES, NULL,
                            "these books hold at most %u businesses", BUSINESSES_MAX);

    /* accepted */
    out->type = EVENT_BUSINESS_OPENED;
    out->business = (uint16_t)next;
    return STATUS_OK;
}

static void put_info(struct kv_txn *state, const Daftari__V1__BusinessInfo *info, struct arena *arena)
{
    struct row_key key = row_key_u16((uint16_t)info->number);
    row_put_message(state, TABLE_BUSINESS, row_key_slice(&key), &info->base, arena);
}

static void put_unique(struct kv_txn *state, char kind, const char *old, const char *new, uint16_t number)
{
    if (text_same(old, new))
        return;
    if (!text_empty(old)) {
        struct row_key key = business_unique_key(kind, old);
        kv_del(state, TABLE_BUSINESS_UNIQUE, row_key_slice(&key));
    }
    if (!text_empty(new)) {
        struct row_key key = business_unique_key(kind, new);
        row_put_u16(state, TABLE_BUSINESS_UNIQUE, row_key_slice(&key), number);
    }
}

static void set_active(struct kv_txn *state, uint16_t number, bool active)
{
    struct facts facts;
    facts_get(state, &facts);
    facts_set_business_active(&facts, number, active);
    facts_put(state, &facts);
}

void business_apply_open(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                         struct arena *arena)
{
    const Daftari__V1__OpenBusiness *open = (const Daftari__V1__OpenBusiness *)payload;
    Daftari__V1__BusinessInfo info = DAFTARI__V1__BUSINESS_INFO__INIT;
    uint16_t number = record->header.business;
    info.code = open->code;
    info.name = open->name;
    info.type = open->type;
    info.description = text_or_none(open->description);
    info.phone = text_or_none(open->phone);
    info.email = text_or_none(open->email);
    info.address = text_or_none(open->address);
    info.mpesa_till = text_or_none(open->mpesa_till);
    info.has_active = true;
    info.active = true;
    info.has_number = true;
    info.number = number;
    put_info(state, &info, arena);
    row_put_u16(state, TABLE_BUSINESS_CODE, slice_text(open->code), number);
    put_unique(state, 'n', NULL, open->name, number);
    put_unique(state, 't', NULL, open->mpesa_till, number);
    set_active(state, number, true);
}

/* ---- change -------------------------------------------------------------------------------------------------------- */

/* The business that a command of this capability names; its code must be given. */
static enum status named_business(const struct context *context, struct kv_txn *state, const char *code,
                                  uint16_t *out, struct fault *why)
{
    struct facts facts;
    if (code == NULL)
        return fault_set(why, STATUS_INVALID, "code", "the code of a business");
    facts_get(state, &facts);
    return business_configure(context, state, &facts, code, "code", out, why);
}

enum status business_decide_change(const struct context *context, struct kv_txn *state,
                                   const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__ChangeBusiness *change = (const Daftari__V1__ChangeBusiness *)command;
    struct particulars given = {change->name,  change->type,    change->description, change->phone,
                                change->email, change->address, change->mpesa_till};
    uint16_t number;
    enum status status = form_particulars(&given, false, why);
    if (status == STATUS_OK)
        status = named_business(context, state, change->code, &number, why);
    if (status == STATUS_OK)
        status = check_unique(state, &given, number, context->arena, why);
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_BUSINESS_CHANGED;
    out->business = number;
    return STATUS_OK;
}

static void replace(char **field, char *given)
{
    if (given != NULL)
        *field = text_or_none(given);
}

void business_apply_change(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                           struct arena *arena)
{
    const Daftari__V1__ChangeBusiness *change = (const Daftari__V1__ChangeBusiness *)payload;
    Daftari__V1__BusinessInfo *info = business_info_get(state, record->header.business, arena);
    if (info == NULL) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    const char *old_name = info->name, *old_till = info->mpesa_till;
    replace(&info->name, change->name);
    replace(&info->type, change->type);
    replace(&info->description, change->description);
    replace(&info->phone, change->phone);
    replace(&info->email, change->email);
    replace(&info->address, change->address);
    replace(&info->mpesa_till, change->mpesa_till);
    put_info(state, info, arena);
    put_unique(state, 'n', old_name, info->name, record->header.business);
    put_unique(state, 't', old_till, info->mpesa_till, record->header.business);
}

/* ---- deactivate, reactivate ---------------------------------------------------------------------------------------- */

static enum status decide_active(const struct context *context, struct kv_txn *state, const char *code,
                                 bool active, struct decision *out, struct fault *why)
{
    struct facts facts;
    uint16_t number;
    enum status status = named_business(context, state, code, &number, why);
    if (status != STATUS_OK)
        return status;
    if (number == HEAD_OFFICE)
        return fault_refuse(why, DAFTARI__V1__REASON__BUSINESS_IS_HEAD_OFFICE, "code",
                            "the head office is always there");
    facts_get(state, &facts);
    if (facts_business_active(&facts, number) == active)
        return fault_refuse(
            why, active ? DAFTARI__V1__REASON__ALREADY_ACTIVE : DAFTARI__V1__REASON__ALREADY_INACTIVE, "code",
            "business %s is %s already", code, active ? "active" : "deactivated");

    /* accepted */
    out->type = active ? EVENT_BUSINESS_REACTIVATED : EVENT_BUSINESS_DEACTIVATED;
    out->business = number;
    return STATUS_OK;
}

enum status business_decide_deactivate(const struct context *context, struct kv_txn *state,
                                       const ProtobufCMessage *command, struct decision *out,
                                       struct fault *why)
{
    const Daftari__V1__DeactivateBusiness *deactivate = (const Daftari__V1__DeactivateBusiness *)command;
    return decide_active(context, state, deactivate->code, false, out, why);
}

enum status business_decide_reactivate(const struct context *context, struct kv_txn *state,
                                       const ProtobufCMessage *command, struct decision *out,
                                       struct fault *why)
{
    const Daftari__V1__ReactivateBusiness *reactivate = (const Daftari__V1__ReactivateBusiness *)command;
    return decide_active(context, state, reactivate->code, true, out, why);
}

static void apply_active(struct kv_txn *state, uint16_t number, bool active, struct arena *arena)
{
    Daftari__V1__BusinessInfo *info = business_info_get(state, number, arena);
    if (info == NULL) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    info->has_active = true;
    info->active = active;
    put_info(state, info, arena);
    set_active(state, number, active);
}

void business_apply_deactivate(struct kv_txn *state, const struct record *record,
                               const ProtobufCMessage *payload, struct arena *arena)
{
    (void)payload;
    apply_active(state, record->header.business, false, arena);
}

void business_apply_reactivate(struct kv_txn *state, const struct record *record,
                               const ProtobufCMessage *payload, struct arena *arena)
{
    (void)payload;
    apply_active(state, record->header.business, true, arena);
}
