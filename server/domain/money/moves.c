/* O-53 to O-58: money changes its place: banked, withdrawn, drawn by the owner, brought in, transferred, given to a till as
 * its float. */
#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/money/money.h"
#include "type_ids.h"

#define ROLE(name)   DAFTARI__V1__ACCOUNT_ROLE__ROLE_##name
#define METHOD(name) DAFTARI__V1__PAYMENT_METHOD__METHOD_##name

/* Where money comes from or goes to when nothing else is said. */
struct place_terms {
    Daftari__V1__PaymentMethod method; /* of money, or METHOD_NONE: ... */
    Daftari__V1__AccountRole role;     /* ... the owner's account, and nothing may be said */
};
struct move_terms {
    const char *kind;
    uint16_t event;
    const char *series;
    struct place_terms from, to;
    bool other_business; /* may go to one */
    bool in_transit;     /* may be on its way */
    bool limited;        /* needs approval from withdrawal_approval_threshold on */
};
static const struct move_terms deposit = {
    .kind = "deposit",
    .event = EVENT_MONEY_DEPOSITED,
    .series = "DP",
    .from = {.method = METHOD(CASH)},
    .to = {.method = METHOD(BANK)},
    .in_transit = true,
};
static const struct move_terms withdrawal = {
    .kind = "withdrawal",
    .event = EVENT_MONEY_WITHDRAWN,
    .series = "WD",
    .from = {.method = METHOD(BANK)},
    .to = {.method = METHOD(CASH)},
    .limited = true,
};
static const struct move_terms drawing = {
    .kind = "drawing",
    .event = EVENT_OWNER_DREW,
    .series = "WD",
    .from = {.method = METHOD(CASH)},
    .to = {.role = ROLE(DRAWINGS)},
    .limited = true,
};
static const struct move_terms contribution = {
    .kind = "contribution",
    .event = EVENT_OWNER_CONTRIBUTED,
    .series = "DP",
    .from = {.role = ROLE(CAPITAL)},
    .to = {.method = METHOD(CASH)},
};
static const struct move_terms transfer = {
    .kind = "transfer",
    .event = EVENT_MONEY_TRANSFERRED,
    .series = "TR",
    .from = {.method = METHOD(CASH)},
    .to = {.method = METHOD(CASH)},
    .other_business = true,
};
static const struct move_terms float_given = {
    .kind = "float",
    .event = EVENT_FLOAT_MOVED,
    .series = "TR",
    .from = {.method = METHOD(BANK)},
    .to = {.method = METHOD(CASH)},
};
static const struct move_terms float_taken = {
    .kind = "float back",
    .event = EVENT_FLOAT_MOVED,
    .series = "TR",
    .from = {.method = METHOD(CASH)},
    .to = {.method = METHOD(BANK)},
};

/* One end of a move. */
struct end {
    const struct place_terms *terms;
    bool has_method;
    Daftari__V1__PaymentMethod method;
    uint32_t account;
    uint16_t business;
    const char *method_field, *account_field;
};

/* ---- form ------------------------------------------------------------------------------------------------------- */

static enum status form(const Daftari__V1__MoveMoney *given, const struct move_terms *terms,
                        struct fault *why)
{
    enum status status = form_text(given->reference, "reference", REFERENCE_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = form_text(given->note, "note", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = attachment_form(given->attachment_sha256, "attachment_sha256", why);
    if (status == STATUS_OK && (given->amount_minor <= 0 || given->amount_minor > AMOUNT_MAX))
        status = fault_set(why, STATUS_INVALID, "amount_minor", "what leaves, more than zero");
    if (status == STATUS_OK && (given->charge_minor < 0 || given->charge_minor >= given->amount_minor))
        status = fault_set(why, STATUS_INVALID, "charge_minor", "less than the amount that it is taken from");
    if (status == STATUS_OK && !terms->other_business && !text_empty(given->to_business))
        status = fault_set(why, STATUS_INVALID, "to_business",
                           "money goes to another business by a transfer, not by a %s", terms->kind);
    if (status == STATUS_OK && given->in_transit && (!terms->in_transit || given->to_account != 0))
        status = fault_set(why, STATUS_INVALID, "in_transit",
                           "a deposit that goes to no account yet is on its way, nothing else");
    return status;
}

/* ---- the accounts ----------------------------------------------------------------------------------------------- */

static bool is_money(const struct account_row *row)
{
    return row->class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_CASH ||
           row->class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_MOBILE_MONEY ||
           row->class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_BANK;
}

/* The account of a part in `business`, which may be another one than the document's. */
static uint32_t account_in(const struct document *document, uint16_t business, Daftari__V1__AccountRole role)
{
    struct profile other;
    if (business == document->business)
        return document_account(document, role, CATEGORY_ANY);
    profile_get(document->state, business, document->context->arena, &other);
    uint32_t account = profile_rule(&other, role, CATEGORY_ANY);
    return account != 0 ? account : profile_rule(&document->common, role, CATEGORY_ANY);
}

static Daftari__V1__AccountRole role_of(Daftari__V1__PaymentMethod method)
{
    switch (method) {
    case METHOD(CASH):
        return ROLE(CASH);
    case METHOD(MPESA):
        return ROLE(MPESA);
    case METHOD(BANK):
        return ROLE(BANK);
    default:
        return ROLE(NONE);
    }
}

static void check_given(struct document *document, const struct end *end)
{
    struct account_row row;
    if (!account_row_get(document->state, end->account, &row) || row.header)
        document_fail(document,
                      fault_refuse(document->why, DAFTARI__V1__REASON__ACCOUNT_UNKNOWN, end->account_field,
                                   "there is no account %u that takes postings", end->account));
    else if (!is_money(&row))
        document_fail(document,
                      fault_refuse(document->why, DAFTARI__V1__REASON__ACCOUNT_UNFIT, end->account_field,
                                   "account %u holds no cash, M-Pesa or bank money", end->account));
}

static void find_account(struct document *document, struct end *end)
{
    if (document->status != STATUS_OK)
        return;
    Daftari__V1__AccountRole role = end->terms->role;
    if (role != ROLE(NONE)) {
        if (end->has_method || end->account != 0)
            document_fail(document, fault_set(document->why, STATUS_INVALID,
                                              end->account != 0 ? end->account_field : end->method_field,
                                              "it is the owner's account, always"));
    } else if (end->account != 0) {
        check_given(document, end);
        return;
    } else {
        role = role_of(end->has_method ? end->method : end->terms->method);
        if (role == ROLE(NONE))
            document_fail(document,
                          fault_set(document->why, STATUS_INVALID, end->method_field, "cash, mpesa or bank"));
    }
    if (document->status != STATUS_OK)
        return;
    end->account = account_in(document, end->business, role);
    if (end->account != 0)
        return;
    document_fail(document,
                  fault_refuse(document->why, DAFTARI__V1__REASON__POSTING_RULE_MISSING, end->method_field,
                               "business %s has no account for this part: set a posting rule, or name one",
                               business_code_of(document->state, end->business, document->context->arena)));
}

static void check_same(struct document *document, const struct end *from, const struct end *to)
{
    if (document->status == STATUS_OK && from->account == to->account && from->business == to->business)
        document_fail(document,
                      fault_refuse(document->why, DAFTARI__V1__REASON__MONEY_SAME_PLACE, to->account_field,
                                   "it comes from account %u and goes there", to->account));
}

/* ---- the record ------------------------------------------------------------------------------------------------- */

static enum status end_requested(struct document *document, const Daftari__V1__MoveMoney *given,
                                 const struct move_terms *terms)
{
    Daftari__V1__MoveMoney move = *given;
    Daftari__V1__MoneyRequested payload = DAFTARI__V1__MONEY_REQUESTED__INIT;
    move.has_date = true; /* it is of the day it was asked for, whenever it is approved */
    move.date = document->date;
    payload.move = &move;
    payload.kind = (char *)(uintptr_t)terms->kind;
    payload.has_amount_minor = true;
    payload.amount_minor = given->amount_minor;
    return document_end_unposted(document, EVENT_MONEY_REQUESTED, &payload.base);
}

static enum status end_moved(struct document *document, const Daftari__V1__MoveMoney *given,
                             const struct move_terms *terms, const struct end *from, const struct end *to,
                             const struct approved *approved)
{
    Daftari__V1__MoneyMoved payload = DAFTARI__V1__MONEY_MOVED__INIT;
    payload.has_from_account = payload.has_to_account = payload.has_amount_minor = true;
    payload.from_account = from->account;
    payload.to_account = to->account;
    payload.has_to_business = to->business != from->business;
    payload.to_business = to->business;
    payload.amount_minor = given->amount_minor;
    payload.has_charge_minor = given->charge_minor != 0;
    payload.charge_minor = given->charge_minor;
    payload.reference = text_or_none(given->reference);
    payload.note = text_or_none(given->note);
    payload.attachment_sha256 = text_or_none(given->attachment_sha256);
    payload.has_request = payload.has_requested_by = approved->request != 0;
    payload.request = approved->request;
    payload.requested_by = approved->requested_by;
    document->out->cause = approved->request;
    document_number(document, terms->series);
    return document_end(document, terms->event, &payload.base);
}

static enum status decide(const struct context *context, struct kv_txn *state,
                          const Daftari__V1__MoveMoney *given, const struct move_terms *terms,
                          const struct approved *approved, struct decision *out, struct fault *why)
{
    struct document document;
    enum status status = form(given, terms, why);
    if (status == STATUS_OK)
        status = document_begin(&document, context, state, given->business, given->has_date, given->date, out,
                                why);
    if (status != STATUS_OK)
        return status;
    struct end from = {&terms->from,      given->has_from, given->from,   given->from_account,
                       document.business, "from",          "from_account"};
    struct end to = {&terms->to,        given->has_to, given->to,   given->to_account,
                     document.business, "to",          "to_account"};
    struct place_terms on_its_way = {.role = ROLE(CASH_IN_TRANSIT)};
    if (given->in_transit)
        to.terms = &on_its_way;
    if (!text_empty(given->to_business))
        document_fail(&document, business_require(context, state, &document.facts, given->to_business, false,
                                                  "to_business", &to.business, why));
    find_account(&document, &from);
    find_account(&document, &to);
    check_same(&document, &from, &to);
    document_post_in(&document, to.business, to.account, 0, given->amount_minor - given->charge_minor, 0);
    document_post_role(&document, ROLE(CHARGES), CATEGORY_ANY, 0, given->charge_minor, 0);
    document_post_in(&document, from.business, from.account, 0, -given->amount_minor, 0);
    if (document.status != STATUS_OK)
        return document.status;
    int64_t limit = document_setting(&document, PROFILE_WITHDRAWAL_APPROVAL, -1);
    if (terms->limited && approved->request == 0 && limit >= 0 && given->amount_minor >= limit)
        return end_requested(&document, given, terms);
    return end_moved(&document, given, terms, &from, &to, approved);
}

enum status money_decide_kind(const struct context *context, struct kv_txn *state,
                              const Daftari__V1__MoveMoney *given, const char *kind,
                              const struct approved *approved, struct decision *out, struct fault *why)
{
    if (text_same(kind, withdrawal.kind))
        return decide(context, state, given, &withdrawal, approved, out, why);
    if (text_same(kind, drawing.kind))
        return decide(context, state, given, &drawing, approved, out, why);
    return fault_set(why, STATUS_CORRUPT, "request", "it asks for something else than there is");
}

#define DECIDE(name, terms)                                                                                  \
    enum status name(const struct context *context, struct kv_txn *state, const ProtobufCMessage *command,   \
                     struct decision *out, struct fault *why)                                                \
    {                                                                                                        \
        const struct approved none = {0};                                                                    \
        return decide(context, state, (const Daftari__V1__MoveMoney *)command, &(terms), &none, out, why);   \
    }
DECIDE(deposit_decide_record, deposit)
DECIDE(withdrawal_decide_record, withdrawal)
DECIDE(drawing_decide_record, drawing)
DECIDE(contribution_decide_record, contribution)
DECIDE(transfer_decide_record, transfer)
DECIDE(float_decide_give, float_given)
DECIDE(float_decide_take, float_taken)

void money_apply_moved(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                       struct arena *arena)
{
    const Daftari__V1__MoneyMoved *given = (const Daftari__V1__MoneyMoved *)payload;
    if (given->request != 0)
        request_settle(state, given->request, record, true, NULL, arena);
}
