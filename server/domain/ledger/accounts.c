#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/ledger/ledger.h"
#include "type_ids.h"

#define PARENT_DEPTH_MAX 32u

/* ---- rules of the chart -------------------------------------------------------------------------------------------- */

static Daftari__V1__NegativeRule default_rule(Daftari__V1__AccountClass class)
{
    switch (class) {
    case DAFTARI__V1__ACCOUNT_CLASS__CLASS_CASH:
        return DAFTARI__V1__NEGATIVE_RULE__NEGATIVE_FORBIDDEN;
    case DAFTARI__V1__ACCOUNT_CLASS__CLASS_MOBILE_MONEY:
    case DAFTARI__V1__ACCOUNT_CLASS__CLASS_BANK:
        return DAFTARI__V1__NEGATIVE_RULE__NEGATIVE_WARN;
    default:
        return DAFTARI__V1__NEGATIVE_RULE__NEGATIVE_ALLOWED;
    }
}

static bool class_fits(Daftari__V1__AccountClass class, enum account_type type)
{
    switch (class) {
    case DAFTARI__V1__ACCOUNT_CLASS__CLASS_NONE:
        return true;
    case DAFTARI__V1__ACCOUNT_CLASS__CLASS_CASH:
    case DAFTARI__V1__ACCOUNT_CLASS__CLASS_INVENTORY:
    case DAFTARI__V1__ACCOUNT_CLASS__CLASS_RECEIVABLE:
    case DAFTARI__V1__ACCOUNT_CLASS__CLASS_FIXED_ASSET:
        return type == ACCOUNT_ASSET;
    case DAFTARI__V1__ACCOUNT_CLASS__CLASS_MOBILE_MONEY:
    case DAFTARI__V1__ACCOUNT_CLASS__CLASS_BANK: /* an overdraft or a card is a liability */
        return type == ACCOUNT_ASSET || type == ACCOUNT_LIABILITY;
    case DAFTARI__V1__ACCOUNT_CLASS__CLASS_PAYABLE:
        return type == ACCOUNT_LIABILITY;
    case DAFTARI__V1__ACCOUNT_CLASS__CLASS_CAPITAL:
    case DAFTARI__V1__ACCOUNT_CLASS__CLASS_DRAWINGS:
    case DAFTARI__V1__ACCOUNT_CLASS__CLASS_RETAINED_EARNINGS:
        return type == ACCOUNT_EQUITY;
    case DAFTARI__V1__ACCOUNT_CLASS__CLASS_INTERBUSINESS:
    case DAFTARI__V1__ACCOUNT_CLASS__CLASS_TRADING:
        return type == ACCOUNT_ASSET || type == ACCOUNT_LIABILITY || type == ACCOUNT_EQUITY;
    default:
        return false;
    }
}

/* The parent chain from `parent` up: headings of one type, not through `self`. */
static enum status check_parent(struct kv_txn *state, uint32_t self, enum account_type type, uint32_t parent,
                                struct fault *why)
{
    struct account_row row;
    for (unsigned depth = 0; parent != 0; depth++) {
        if (parent == self || depth == PARENT_DEPTH_MAX)
            return fault_refuse(why, DAFTARI__V1__REASON__PARENT_CYCLE, "parent",
                                "a heading that does not lie under account %u itself, at most %u levels deep",
                                self, PARENT_DEPTH_MAX);
        if (!account_row_get(state, parent, &row) || !row.header)
            return fault_refuse(why, DAFTARI__V1__REASON__PARENT_UNKNOWN, "parent",
                                "account %u is no heading: give an account that was opened as one", parent);
        if (row.type != type)
            return fault_refuse(why, DAFTARI__V1__REASON__PARENT_OF_OTHER_TYPE, "parent",
                                "heading %u groups accounts of type %s", parent, account_type_name(row.type));
        parent = row.parent;
    }
    return STATUS_OK;
}

/* The control account: one in the books, for all businesses, of either sign. */
static enum status check_control(struct kv_txn *state, uint32_t number, const struct account_row *row,
                                 struct fault *why)
{
    struct facts facts;
    if (row->class != DAFTARI__V1__ACCOUNT_CLASS__CLASS_INTERBUSINESS)
        return STATUS_OK;
    facts_get(state, &facts);
    if (facts.control_account != 0 && facts.control_account != number)
        return fault_refuse(why, DAFTARI__V1__REASON__ACCOUNT_EXISTS, "class",
                            "account %u is the inter-business control account already",
                            facts.control_account);
    if (row->business != ACCOUNT_SHARED || row->header ||
        row->negative != DAFTARI__V1__NEGATIVE_RULE__NEGATIVE_ALLOWED)
        return fault_set(
            why, STATUS_INVALID, "class",
            "the inter-business control account is shared, no heading, and may have either sign");
    return STATUS_OK;
}

/* ---- open ---------------------------------------------------------------------------------------------------------- */

/* The row that an OpenAccount asks for; its business is filled in by the caller. */
static struct account_row row_of_open(const Daftari__V1__OpenAccount *open)
{
    Daftari__V1__AccountClass class =
        open->has_class_ ? open->class_ : DAFTARI__V1__ACCOUNT_CLASS__CLASS_NONE;
    return (struct account_row){
        .type = account_type_of(open->number),
        .contra = open->contra,
        .header = open->header,
        .active = true,
        .business = ACCOUNT_SHARED,
        .negative = open->has_negative ? open->negative : default_rule(class),
        .class = class,
        .parent = open->parent,
    };
}

static bool same_account(const struct account_row *row, const Daftari__V1__AccountInfo *info,
                         const struct account_row *asked, const Daftari__V1__OpenAccount *open)
{
    return info != NULL && row->contra == asked->contra && row->header == asked->header &&
           row->business == asked->business && row->negative == asked->negative &&
           row->class == asked->class && row->parent == asked->parent && text_same(info->name, open->name) &&
           text_same(info->description, open->description);
}

static enum status form_open(const Daftari__V1__OpenAccount *open, struct fault *why)
{
    if (account_type_of(open->number) == 0)
        return fault_refuse(
            why, DAFTARI__V1__REASON__ACCOUNT_NUMBER_BAD, "number",
            "four to nine digits, the first 1 asset, 2 liability, 3 equity, 4 revenue, 5 expense");
    enum status status = form_text(open->name, "name", NAME_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = form_text(open->description, "description", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK && open->has_class_ && !class_fits(open->class_, account_type_of(open->number)))
        status = fault_set(why, STATUS_INVALID, "class", "this class does not go with an account of type %s",
                           account_type_name(account_type_of(open->number)));
    return status;
}

enum status account_decide_open(const struct context *context, struct kv_txn *state,
                                const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__OpenAccount *open = (const Daftari__V1__OpenAccount *)command;
    struct account_row asked = row_of_open(open);
    struct account_row row;
    struct facts facts;
    enum status status = form_open(open, why);
    if (status != STATUS_OK)
        return status;
    facts_get(state, &facts);
    if (open->business != NULL) {
        status =
            business_require(context, state, &facts, open->business, false, "business", &asked.business, why);
        if (status != STATUS_OK)
            return status;
    }
    if (account_row_get(state, open->number, &row)) {
        if (!same_account(&row, account_info_get(state, open->number, context->arena), &asked, open))
            return fault_refuse(why, DAFTARI__V1__REASON__ACCOUNT_EXISTS, "number",
                                "account %u exists with other particulars: change it, or give another number",
                                open->number);
        out->nothing_to_do = true;
        return STATUS_OK;
    }
    status = check_parent(state, open->number, asked.type, open->parent, why);
    if (status == STATUS_OK)
        status = check_control(state, open->number, &asked, why);
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_ACCOUNT_OPENED;
    out->business = asked.business == ACCOUNT_SHARED ? HEAD_OFFICE : asked.business;
    return STATUS_OK;
}

static void put_account(struct kv_txn *state, const struct account_row *row, Daftari__V1__AccountInfo *info,
                        struct arena *arena)
{
    info->has_contra = info->has_header = info->has_negative = info->has_class_ = info->has_active = true;
    info->contra = row->contra;
    info->header = row->header;
    info->negative = row->negative;
    info->class_ = row->class;
    info->active = row->active;
    info->has_parent = row->parent != 0;
    info->parent = row->parent;
    account_row_put(state, info->number, row, info, arena);

    struct facts facts;
    facts_get(state, &facts);
    bool is_control = row->class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_INTERBUSINESS;
    uint32_t control = is_control                              ? info->number
                       : facts.control_account == info->number ? 0
                                                               : facts.control_account;
    if (control != facts.control_account) {
        facts.control_account = control;
        facts_put(state, &facts);
    }
}

void account_apply_open(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                        struct arena *arena)
{
    const Daftari__V1__OpenAccount *open = (const Daftari__V1__OpenAccount *)payload;
    struct account_row row = row_of_open(open);
    Daftari__V1__AccountInfo info = DAFTARI__V1__ACCOUNT_INFO__INIT;
    if (open->business != NULL)
        row.business = record->header.business;
    info.has_number = true;
    info.number = open->number;
    info.name = open->name;
    info.type = arena_text(arena, slice_text(account_type_name(row.type)));
    info.business = open->business;
    info.description = text_or_none(open->description);
    put_account(state, &row, &info, arena);
}

/* ---- change -------------------------------------------------------------------------------------------------------- */

/* The account that a command names, and the right to it. */
static enum status named_account(const struct context *context, struct kv_txn *state, uint32_t number,
                                 struct account_row *out, struct fault *why)
{
    if (!account_row_get(state, number, out))
        return fault_refuse(why, DAFTARI__V1__REASON__ACCOUNT_UNKNOWN, "number", "there is no account %u",
                            number);
    if (out->business == ACCOUNT_SHARED)
        return STATUS_OK;
    return require_business(context, out->business, business_code_of(state, out->business, context->arena),
                            "number", why);
}

static struct account_row row_of_change(const struct account_row *row,
                                        const Daftari__V1__ChangeAccount *change)
{
    struct account_row changed = *row;
    if (change->has_parent)
        changed.parent = change->parent;
    if (change->has_negative)
        changed.negative = change->negative;
    if (change->has_class_)
        changed.class = change->class_;
    return changed;
}

static bool books_class(Daftari__V1__AccountClass class)
{
    return class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_INTERBUSINESS ||
           class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_TRADING;
}

enum status account_decide_change(const struct context *context, struct kv_txn *state,
                                  const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__ChangeAccount *change = (const Daftari__V1__ChangeAccount *)command;
    struct account_row row;
    enum status status = named_account(context, state, change->number, &row, why);
    if (status == STATUS_OK && change->name != NULL)
        status = form_text(change->name, "name", NAME_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = form_text(change->description, "description", DESCRIPTION_TEXT_MAX, false, why);
    if (status != STATUS_OK)
        return status;
    struct account_row changed = row_of_change(&row, change);
    if (!class_fits(changed.class, row.type))
        return fault_set(why, STATUS_INVALID, "class", "this class does not go with an account of type %s",
                         account_type_name(row.type));
    if (changed.class != row.class && (books_class(changed.class) || books_class(row.class)) &&
        account_has_postings(state, change->number))
        return fault_refuse(why, DAFTARI__V1__REASON__ACCOUNT_HAS_POSTINGS, "class",
                            "inter-business and trading accounts are chosen before the first posting");
    if (changed.parent != row.parent)
        status = check_parent(state, change->number, row.type, changed.parent, why);
    if (status == STATUS_OK)
        status = check_control(state, change->number, &changed, why);
    if (status != STATUS_OK)
        return status;
    const Daftari__V1__AccountInfo *info = account_info_get(state, change->number, context->arena);

    /* accepted */
    out->nothing_to_do = info != NULL && changed.parent == row.parent && changed.negative == row.negative &&
                         changed.class == row.class &&
                         (change->name == NULL || text_same(change->name, info->name)) &&
                         (change->description == NULL || text_same(change->description, info->description));
    out->type = EVENT_ACCOUNT_CHANGED;
    out->business = row.business == ACCOUNT_SHARED ? HEAD_OFFICE : row.business;
    return STATUS_OK;
}

/* Head and info of an account that a stored record names; CORRUPT when it is not there. */
static Daftari__V1__AccountInfo *stored_account(struct kv_txn *state, uint32_t number,
                                                struct account_row *row, struct arena *arena)
{
    Daftari__V1__AccountInfo *info = account_info_get(state, number, arena);
    if (info == NULL || !account_row_get(state, number, row)) {
        kv_set_error(state, STATUS_CORRUPT);
        return NULL;
    }
    return info;
}

void account_apply_change(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                          struct arena *arena)
{
    const Daftari__V1__ChangeAccount *change = (const Daftari__V1__ChangeAccount *)payload;
    struct account_row row;
    Daftari__V1__AccountInfo *info = stored_account(state, change->number, &row, arena);
    (void)record;
    if (info == NULL)
        return;
    row = row_of_change(&row, change);
    if (change->name != NULL)
        info->name = change->name;
    if (change->description != NULL)
        info->description = text_or_none(change->description);
    put_account(state, &row, info, arena);
}

/* ---- deactivate, reactivate ---------------------------------------------------------------------------------------- */

static enum status decide_active(const struct context *context, struct kv_txn *state, uint32_t number,
                                 bool active, struct decision *out, struct fault *why)
{
    struct account_row row;
    enum status status = named_account(context, state, number, &row, why);
    if (status != STATUS_OK)
        return status;
    if (row.active == active)
        return fault_refuse(
            why, active ? DAFTARI__V1__REASON__ALREADY_ACTIVE : DAFTARI__V1__REASON__ALREADY_INACTIVE,
            "number", "account %u is %s already", number, active ? "active" : "deactivated");
    if (!active && account_has_balance(state, number))
        return fault_refuse(why, DAFTARI__V1__REASON__ACCOUNT_HAS_BALANCE, "number",
                            "account %u has a balance: move it to another account first", number);

    /* accepted */
    out->type = active ? EVENT_ACCOUNT_REACTIVATED : EVENT_ACCOUNT_DEACTIVATED;
    out->business = row.business == ACCOUNT_SHARED ? HEAD_OFFICE : row.business;
    return STATUS_OK;
}

enum status account_decide_deactivate(const struct context *context, struct kv_txn *state,
                                      const ProtobufCMessage *command, struct decision *out,
                                      struct fault *why)
{
    const Daftari__V1__DeactivateAccount *deactivate = (const Daftari__V1__DeactivateAccount *)command;
    return decide_active(context, state, deactivate->number, false, out, why);
}

enum status account_decide_reactivate(const struct context *context, struct kv_txn *state,
                                      const ProtobufCMessage *command, struct decision *out,
                                      struct fault *why)
{
    const Daftari__V1__ReactivateAccount *reactivate = (const Daftari__V1__ReactivateAccount *)command;
    return decide_active(context, state, reactivate->number, true, out, why);
}

static void apply_active(struct kv_txn *state, uint32_t number, bool active, struct arena *arena)
{
    struct account_row row;
    Daftari__V1__AccountInfo *info = stored_account(state, number, &row, arena);
    if (info == NULL)
        return;
    row.active = active;
    put_account(state, &row, info, arena);
}

void account_apply_deactivate(struct kv_txn *state, const struct record *record,
                              const ProtobufCMessage *payload, struct arena *arena)
{
    (void)record;
    apply_active(state, ((const Daftari__V1__DeactivateAccount *)payload)->number, false, arena);
}

void account_apply_reactivate(struct kv_txn *state, const struct record *record,
                              const ProtobufCMessage *payload, struct arena *arena)
{
    (void)record;
    apply_active(state, ((const Daftari__V1__ReactivateAccount *)payload)->number, true, arena);
}
