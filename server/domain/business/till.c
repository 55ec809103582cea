/* M-Pesa tills (model 6): registered, changed, deactivated, never removed. Their credentials are kept elsewhere: the books
 * say where, and when they were replaced. */
#include "server/domain/business/till.h"

#include "people.pb-c.h"
#include "server/domain/business/business.h"
#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "type_ids.h"

#define REASON(name) DAFTARI__V1__REASON__##name

#define TILL_NUMBER_TEXT_MAX 20u
#define MERCHANT_TEXT_MAX    50u
#define REFERENCE_TEXT_MAX   100u

#define KIND_FALLBACK        "buy-goods"
#define ENVIRONMENT_FALLBACK "production"

/* ---- rows ---------------------------------------------------------------------------------------------------------- */

static void info_put(struct kv_txn *state, const Daftari__V1__TillInfo *info, struct arena *arena)
{
    struct row_key key = row_key_u64(info->position);
    row_put_message(state, TABLE_TILL, row_key_slice(&key), &info->base, arena);
}

static Daftari__V1__TillInfo *info_get(struct kv_txn *state, uint64_t position, struct arena *arena)
{
    struct row_key key = row_key_u64(position);
    return row_get_message(state, TABLE_TILL, row_key_slice(&key), &daftari__v1__till_info__descriptor,
                           arena);
}

Daftari__V1__TillInfo *till_find(struct kv_txn *state, const char *number, struct arena *arena)
{
    struct row_key key = row_key_text(number);
    uint64_t position;
    if (!row_get_u64(state, TABLE_TILL_NUMBER, row_key_slice(&key), &position))
        return NULL;
    Daftari__V1__TillInfo *info = info_get(state, position, arena);
    if (info == NULL)
        kv_set_error(state, STATUS_CORRUPT);
    return info;
}

/* The business that names this number as its default till. */
static bool default_of(struct kv_txn *state, const char *number, uint16_t *out)
{
    struct row_key key = business_unique_key('t', number);
    return row_get_u16(state, TABLE_BUSINESS_UNIQUE, row_key_slice(&key), out);
}

/* ---- checks -------------------------------------------------------------------------------------------------------- */

enum status till_form_number(const char *number, const char *field, bool needed, struct fault *why)
{
    size_t len = text_empty(number) ? 0 : strlen(number);
    if (len > TILL_NUMBER_TEXT_MAX || (needed && len == 0) ||
        (len != 0 && strspn(number, "0123456789") != len))
        return fault_set(why, STATUS_INVALID, field, "%sup to %u digits", needed ? "must be given: " : "",
                         TILL_NUMBER_TEXT_MAX);
    return STATUS_OK;
}

enum status till_check_default(struct kv_txn *state, const char *number, uint32_t business,
                               struct arena *arena, struct fault *why)
{
    uint16_t holder;
    if (text_empty(number))
        return STATUS_OK;
    const Daftari__V1__TillInfo *till = till_find(state, number, arena);
    if ((default_of(state, number, &holder) && holder != business) ||
        (till != NULL && (!business_find(state, till->business, &holder) || holder != business)))
        return fault_refuse(why, REASON(TILL_IN_USE), "mpesa_till",
                            "this till number belongs to another business");
    if (till != NULL && !till->active)
        return fault_refuse(why, REASON(TILL_INACTIVE), "mpesa_till",
                            "till %s is deactivated: reactivate it first", number);
    return STATUS_OK;
}

static enum status form_choice(const char *given, const char *field, const char *first, const char *second,
                               struct fault *why)
{
    if (given == NULL || strcmp(given, first) == 0 || strcmp(given, second) == 0)
        return STATUS_OK;
    return fault_set(why, STATUS_INVALID, field, "%s or %s", first, second);
}

/* What Register and Change have in common; absent fields are NULL. */
static enum status form_particulars(const char *name, bool name_needed, const char *kind,
                                    const char *environment, const char *merchant_id, struct fault *why)
{
    enum status status = STATUS_OK;
    if (name_needed || name != NULL)
        status = form_text(name, "name", NAME_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = form_choice(kind, "kind", KIND_FALLBACK, "pay-bill", why);
    if (status == STATUS_OK)
        status = form_choice(environment, "environment", ENVIRONMENT_FALLBACK, "sandbox", why);
    if (status == STATUS_OK)
        status = form_text(merchant_id, "merchant_id", MERCHANT_TEXT_MAX, false, why);
    return status;
}

/* The account that holds the money of a till of this business. */
static enum status check_account(struct kv_txn *state, uint32_t account, uint16_t business,
                                 struct arena *arena, struct fault *why)
{
    struct account_row row;
    if (!account_row_get(state, account, &row))
        return fault_refuse(why, REASON(ACCOUNT_UNKNOWN), "account", "there is no account %u in the chart",
                            account);
    if (row.header)
        return fault_refuse(why, REASON(ACCOUNT_IS_HEADER), "account", "account %u only groups others",
                            account);
    if (!row.active)
        return fault_refuse(why, REASON(ACCOUNT_INACTIVE), "account", "account %u is deactivated", account);
    if (row.class != DAFTARI__V1__ACCOUNT_CLASS__CLASS_MOBILE_MONEY)
        return fault_refuse(why, REASON(TILL_ACCOUNT_BAD), "account",
                            "account %u is not of class mobile-money", account);
    if (row.business != ACCOUNT_SHARED && row.business != business)
        return fault_refuse(why, REASON(ACCOUNT_OF_OTHER_BUSINESS), "account",
                            "account %u belongs to business %s", account,
                            business_code_of(state, row.business, arena));
    return STATUS_OK;
}

/* The only active account of class mobile-money that is this business's own; INVALID when there are none or several. Scans
 * the chart: tills are registered seldom. */
static enum status only_account(struct kv_txn *state, uint16_t business, uint32_t *out, struct fault *why)
{
    struct row_key first = row_key_u32(0);
    struct kv_cursor *cursor = kv_cursor_open(state, TABLE_ACCOUNT);
    unsigned count = 0;
    for (bool more = kv_seek(cursor, row_key_slice(&first)); more; more = kv_next(cursor)) {
        struct account_row row;
        struct slice key, value;
        kv_row(cursor, &key, &value);
        if (key.len != 4 || !account_row_decode(state, value, &row) || !row.active || row.header ||
            row.business != business || row.class != DAFTARI__V1__ACCOUNT_CLASS__CLASS_MOBILE_MONEY)
            continue;
        *out = be32_get(key.ptr);
        count++;
    }
    kv_cursor_close(cursor);
    if (count == 1)
        return STATUS_OK;
    return fault_set(why, STATUS_INVALID, "account",
                     "must be given: this business has %s mobile-money account",
                     count == 0 ? "no" : "more than one");
}

static enum status check_credentials(const struct context *context, const char *reference, struct fault *why)
{
    enum status status = form_text(reference, "secret_reference", REFERENCE_TEXT_MAX, false, why);
    if (status != STATUS_OK || text_empty(reference) ||
        rights_allow(context->rights, DAFTARI__V1__PERMISSION__MPESA_CREDENTIALS, PERMISSION_WRITE))
        return status;
    return fault_set(why, STATUS_DENIED, "secret_reference",
                     "you may not say where M-Pesa credentials are kept: leave it out");
}

/* ---- Till.Open --------------------------------------------------------------------------------------------------- */

static bool same_till(const Daftari__V1__TillInfo *info, const Daftari__V1__OpenTill *given)
{
    return text_same(info->business, given->business) && text_same(info->name, given->name) &&
           text_same(info->kind, given->kind) && text_same(info->environment, given->environment) &&
           info->account == given->account && text_same(info->merchant_id, given->merchant_id) &&
           text_same(info->secret_reference, given->secret_reference);
}

static enum status pack(const ProtobufCMessage *message, struct arena *arena, struct slice *out,
                        struct fault *why)
{
    uint8_t *bytes = arena_take(arena, protobuf_c_message_get_packed_size(message) + 1);
    if (bytes == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the request is too large");
    *out = slice_of(bytes, protobuf_c_message_pack(message, bytes));
    return STATUS_OK;
}

static enum status form_open(const struct context *context, const Daftari__V1__OpenTill *request,
                             struct fault *why)
{
    enum status status = till_form_number(request->number, "number", true, why);
    if (status == STATUS_OK)
        status = form_particulars(request->name, true, request->kind, request->environment,
                                  request->merchant_id, why);
    if (status == STATUS_OK)
        status = check_credentials(context, request->secret_reference, why);
    if (status == STATUS_OK && text_empty(request->business))
        status = fault_set(why, STATUS_INVALID, "business", "the code of a business");
    return status;
}

enum status till_decide_open(const struct context *context, struct kv_txn *state,
                             const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    Daftari__V1__OpenTill request = *(const Daftari__V1__OpenTill *)command;
    struct facts facts;
    uint16_t business, holder;
    facts_get(state, &facts);
    enum status status = form_open(context, &request, why);
    if (status == STATUS_OK)
        status = business_configure(context, state, &facts, request.business, "business", &business, why);
    if (status != STATUS_OK)
        return status;
    const Daftari__V1__TillInfo *known = till_find(state, request.number, context->arena);
    if (request.kind == NULL)
        request.kind = (char *)(uintptr_t)KIND_FALLBACK;
    if (request.environment == NULL)
        request.environment = (char *)(uintptr_t)ENVIRONMENT_FALLBACK;
    if (!request.has_account && known != NULL) /* which one it was then */
        request.account = known->account;
    else if (!request.has_account)
        status = only_account(state, business, &request.account, why);
    if (status != STATUS_OK)
        return status;
    request.has_account = true;
    if (known != NULL && same_till(known, &request)) {
        out->nothing_to_do = true;
        return STATUS_OK;
    }
    if (known != NULL && text_same(known->business, request.business))
        return fault_refuse(why, REASON(TILL_EXISTS), "number",
                            "till %s exists with other particulars: change it instead", request.number);
    if (known != NULL || (default_of(state, request.number, &holder) && holder != business))
        return fault_refuse(why, REASON(TILL_IN_USE), "number",
                            "this till number belongs to another business");
    if (!facts_business_active(&facts, business))
        return fault_refuse(why, REASON(BUSINESS_INACTIVE), "business", "business %s is deactivated",
                            request.business);
    status = check_account(state, request.account, business, context->arena, why);
    if (status == STATUS_OK)
        status = pack(&request.base, context->arena, &out->payload, why);
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_TILL_REGISTERED;
    out->business = business;
    return STATUS_OK;
}

void till_apply_open(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                     struct arena *arena)
{
    const Daftari__V1__OpenTill *given = (const Daftari__V1__OpenTill *)payload;
    Daftari__V1__TillInfo info = DAFTARI__V1__TILL_INFO__INIT;
    struct row_key key = row_key_text(given->number);
    info.number = given->number;
    info.business = given->business;
    info.name = given->name;
    info.kind = given->kind;
    info.environment = given->environment;
    info.has_account = info.has_active = info.active = info.has_position = true;
    info.account = given->account;
    info.merchant_id = text_or_none(given->merchant_id);
    info.secret_reference = text_or_none(given->secret_reference);
    info.position = record->header.position;
    info.has_credentials_position = info.secret_reference != NULL;
    info.credentials_position = info.has_credentials_position ? record->header.position : 0;
    info_put(state, &info, arena);
    row_put_u64(state, TABLE_TILL_NUMBER, row_key_slice(&key), info.position);
}

/* ---- Till.Change ------------------------------------------------------------------------------------------------------- */

/* The till that a command names, of a business that the one who asks may configure. */
static enum status named_till(const struct context *context, struct kv_txn *state, const char *number,
                              Daftari__V1__TillInfo **out, uint16_t *business, struct fault *why)
{
    struct facts facts;
    enum status status = till_form_number(number, "number", true, why);
    if (status != STATUS_OK)
        return status;
    *out = till_find(state, number, context->arena);
    if (*out == NULL)
        return fault_refuse(why, REASON(TILL_UNKNOWN), "number", "there is no till %s: register it", number);
    facts_get(state, &facts);
    return business_configure(context, state, &facts, (*out)->business, "number", business, why);
}

static void replace(char **field, char *given)
{
    if (given != NULL)
        *field = text_or_none(given);
}

/* The row as the change makes it. */
static void merge(Daftari__V1__TillInfo *info, const Daftari__V1__ChangeTill *change)
{
    replace(&info->name, change->name);
    replace(&info->kind, change->kind);
    replace(&info->environment, change->environment);
    replace(&info->merchant_id, change->merchant_id);
    if (change->has_account)
        info->account = change->account;
}

static bool same_info(const Daftari__V1__TillInfo *a, const Daftari__V1__TillInfo *b)
{
    return text_same(a->name, b->name) && text_same(a->kind, b->kind) &&
           text_same(a->environment, b->environment) && text_same(a->merchant_id, b->merchant_id) &&
           a->account == b->account;
}

enum status till_decide_change(const struct context *context, struct kv_txn *state,
                               const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__ChangeTill *change = (const Daftari__V1__ChangeTill *)command;
    Daftari__V1__TillInfo *info;
    uint16_t business;
    enum status status =
        form_particulars(change->name, false, change->kind, change->environment, change->merchant_id, why);
    if (status == STATUS_OK)
        status = named_till(context, state, change->number, &info, &business, why);
    if (status == STATUS_OK && change->has_account && change->account != info->account)
        status = check_account(state, change->account, business, context->arena, why);
    if (status != STATUS_OK)
        return status;
    Daftari__V1__TillInfo changed = *info;
    merge(&changed, change);
    if (same_info(info, &changed)) {
        out->nothing_to_do = true;
        return STATUS_OK;
    }

    /* accepted */
    out->type = EVENT_TILL_CHANGED;
    out->business = business;
    return STATUS_OK;
}

/* The row of a till that a record names; CORRUPT when there is none. */
static Daftari__V1__TillInfo *applied(struct kv_txn *state, const char *number, struct arena *arena)
{
    Daftari__V1__TillInfo *info = number != NULL ? till_find(state, number, arena) : NULL;
    if (info == NULL)
        kv_set_error(state, STATUS_CORRUPT);
    return info;
}

void till_apply_change(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                       struct arena *arena)
{
    (void)record;
    const Daftari__V1__ChangeTill *change = (const Daftari__V1__ChangeTill *)payload;
    Daftari__V1__TillInfo *info = applied(state, change->number, arena);
    if (info == NULL)
        return;
    merge(info, change);
    info_put(state, info, arena);
}

/* ---- Till.Deactivate, Till.Reactivate ------------------------------------------------------------------------------------ */

static enum status decide_active(const struct context *context, struct kv_txn *state, const char *number,
                                 bool active, struct decision *out, struct fault *why)
{
    Daftari__V1__TillInfo *info;
    uint16_t business, holder;
    enum status status = named_till(context, state, number, &info, &business, why);
    if (status != STATUS_OK)
        return status;
    if (info->active == active)
        return fault_refuse(why, active ? REASON(ALREADY_ACTIVE) : REASON(ALREADY_INACTIVE), "number",
                            "till %s is %s already", number, active ? "active" : "deactivated");
    if (!active && default_of(state, number, &holder))
        return fault_refuse(why, REASON(TILL_IS_DEFAULT), "number",
                            "it is the default till of business %s: name another there first",
                            info->business);

    /* accepted */
    out->type = active ? EVENT_TILL_REACTIVATED : EVENT_TILL_DEACTIVATED;
    out->business = business;
    return STATUS_OK;
}

enum status till_decide_deactivate(const struct context *context, struct kv_txn *state,
                                   const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__DeactivateTill *request = (const Daftari__V1__DeactivateTill *)command;
    return decide_active(context, state, request->number, false, out, why);
}

enum status till_decide_reactivate(const struct context *context, struct kv_txn *state,
                                   const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__ReactivateTill *request = (const Daftari__V1__ReactivateTill *)command;
    return decide_active(context, state, request->number, true, out, why);
}

static void apply_active(struct kv_txn *state, const char *number, bool active, struct arena *arena)
{
    Daftari__V1__TillInfo *info = applied(state, number, arena);
    if (info == NULL)
        return;
    info->active = active;
    info_put(state, info, arena);
}

void till_apply_deactivate(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                           struct arena *arena)
{
    (void)record;
    apply_active(state, ((const Daftari__V1__DeactivateTill *)payload)->number, false, arena);
}

void till_apply_reactivate(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                           struct arena *arena)
{
    (void)record;
    apply_active(state, ((const Daftari__V1__ReactivateTill *)payload)->number, true, arena);
}

/* ---- Till.RotateCredentials ---------------------------------------------------------------------------------------------- */

enum status till_decide_rotate(const struct context *context, struct kv_txn *state,
                               const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__RotateTillCredentials *request = (const Daftari__V1__RotateTillCredentials *)command;
    Daftari__V1__TillInfo *info;
    uint16_t business;
    enum status status =
        form_text(request->secret_reference, "secret_reference", REFERENCE_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = named_till(context, state, request->number, &info, &business, why);
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_TILL_CREDENTIALS_ROTATED;
    out->business = business;
    return STATUS_OK;
}

void till_apply_rotate(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                       struct arena *arena)
{
    const Daftari__V1__RotateTillCredentials *given = (const Daftari__V1__RotateTillCredentials *)payload;
    Daftari__V1__TillInfo *info = applied(state, given->number, arena);
    if (info == NULL)
        return;
    info->secret_reference = given->secret_reference;
    info->has_credentials_position = true;
    info->credentials_position = record->header.position;
    info_put(state, info, arena);
}

/* ---- Till.List ------------------------------------------------------------------------------------------------------------- */

#define TILL_KEY_BYTES     8u
#define BUSINESS_KEY_BYTES 2u

/* Numbers that a business names and that are no tills yet, in the order of businesses. */
static enum status next_named(const struct query_context *context, struct kv_txn *masters,
                              const Daftari__V1__ListTills *list, struct slice *cursor,
                              ProtobufCMessage **out, struct fault *why)
{
    enum { BUSINESS_INFO_CODE = 1, BUSINESS_INFO_MPESA_TILL = 8 };
    struct slice key, value;
    for (;;) {
        uint64_t position;
        enum status status = query_next_row(context, masters, TABLE_BUSINESS, cursor, &key, &value, why);
        if (status != STATUS_OK)
            return status;
        struct slice code = row_text_field(masters, value, BUSINESS_INFO_CODE);
        struct slice number = row_text_field(masters, value, BUSINESS_INFO_MPESA_TILL);
        if (list->active_only || number.len == 0 || key.len != BUSINESS_KEY_BYTES ||
            row_get_u64(masters, TABLE_TILL_NUMBER, number, &position) ||
            (!text_empty(list->business) && !slice_equal(code, slice_text(list->business))) ||
            !may_in_business(context->rights, be16_get(key.ptr), PERMISSION_READ))
            continue;
        Daftari__V1__TillInfo *info = message_new(&daftari__v1__till_info__descriptor, context->arena);
        if (info == NULL || (info->number = arena_text(context->arena, number)) == NULL ||
            (info->business = arena_text(context->arena, code)) == NULL)
            return fault_set(why, STATUS_NO_MEMORY, NULL, "the answer is too large");
        info->has_active = info->has_default_till = info->has_registered = true;
        info->default_till = true;
        *out = &info->base;
        return query_end(masters, STATUS_OK, why);
    }
}

/* Tills in the order of their registration, then the numbers that are named alone. The cursor is the key of the last till,
 * then, by its length, that of the last business; one byte 0 is before the first of those. */
enum status till_query_list(const struct query_context *context, struct kv_txn *masters,
                            const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                            struct fault *why)
{
    static const uint8_t before_all[1] = {0};
    enum { TILL_INFO_BUSINESS = 2, TILL_INFO_ACTIVE = 9 };
    const Daftari__V1__ListTills *list = (const Daftari__V1__ListTills *)request;
    struct slice key, value;
    while (cursor->len == 0 || cursor->len == TILL_KEY_BYTES) {
        uint16_t business, holder;
        enum status status = query_next_row(context, masters, TABLE_TILL, cursor, &key, &value, why);
        if (status == STATUS_END)
            break;
        if (status != STATUS_OK)
            return status;
        /* As stored, not unpacked: passing over any number of rows must take no memory. */
        struct slice code = row_text_field(masters, value, TILL_INFO_BUSINESS);
        if ((list->active_only && row_number_field(masters, value, TILL_INFO_ACTIVE) == 0) ||
            (!text_empty(list->business) && !slice_equal(code, slice_text(list->business))) ||
            !row_get_u16(masters, TABLE_BUSINESS_CODE, code, &business) ||
            !may_in_business(context->rights, business, PERMISSION_READ))
            continue;
        Daftari__V1__TillInfo *info =
            row_message(masters, value, &daftari__v1__till_info__descriptor, context->arena);
        if (info == NULL)
            return query_end(masters, STATUS_END, why);
        if (!rights_allow(context->rights, DAFTARI__V1__PERMISSION__MPESA_CREDENTIALS, PERMISSION_READ))
            info->secret_reference = NULL;
        info->has_default_till = info->has_registered = info->registered = true;
        info->default_till = default_of(masters, info->number, &holder);
        *out = &info->base;
        return STATUS_OK;
    }
    if (cursor->len == 0 || cursor->len == TILL_KEY_BYTES)
        *cursor = slice_of(before_all, sizeof before_all);
    return next_named(context, masters, list, cursor, out, why);
}
