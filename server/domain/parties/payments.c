/* O-25, O-38, O-59, O-64, O-69: a customer pays, a supplier is paid, a customer is paid back, a debt is given up. */
#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/tenders.h"
#include "server/domain/parties/parties.h"
#include "type_ids.h"

#define ROLE(name) DAFTARI__V1__ACCOUNT_ROLE__ROLE_##name

/* A payment while it is decided. */
struct paying {
    struct document document;
    struct party_row party;
    struct tenders_taken tenders;
    Daftari__V1__PaymentRecorded payload;
};

static struct paying *begin(const struct context *context, struct kv_txn *state, const char *business,
                            bool has_date, civil_date date, struct decision *out, struct fault *why,
                            enum status *out_status)
{
    struct paying *paying = arena_take(context->arena, sizeof *paying);
    if (paying == NULL) {
        *out_status = fault_set(why, STATUS_NO_MEMORY, NULL, "the payment is too large");
        return NULL;
    }
    memset(paying, 0, sizeof *paying);
    daftari__v1__payment_recorded__init(&paying->payload);
    *out_status = document_begin(&paying->document, context, state, business, has_date, date, out, why);
    return *out_status == STATUS_OK ? paying : NULL;
}

static void whose(struct paying *paying, enum party_kind kind, const char *text)
{
    struct document *document = &paying->document;
    document_fail(document, party_require(document->state, kind, text,
                                          kind == PARTY_IS_SUPPLIER ? "supplier" : "customer", &paying->party,
                                          document->why));
    paying->payload.has_party = true;
    paying->payload.party = paying->party.number;
}

static void nothing_owed(struct document *document, const char *field, int64_t owed)
{
    char text[AMOUNT_TEXT_MAX];
    document_amount(document, owed > 0 ? owed : 0, text);
    document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__NOTHING_OWED, field,
                                         "%s is owed here", text));
}

/* The account of a part, and what is owed on it: positive when it is owed in the direction of `sign` (+1: debit). */
static int64_t owed_on(struct paying *paying, Daftari__V1__AccountRole role, int sign, uint32_t *out_account)
{
    struct document *document = &paying->document;
    *out_account = document_account(document, role, 0);
    if (document->status != STATUS_OK || *out_account == 0)
        return 0;
    return sign * party_balance(document->state, paying->party.number, *out_account, document->business);
}

/* All tenders with their amounts; with tax withheld there may be none. */
static int64_t money_of(struct paying *paying, Daftari__V1__Tender *const *tenders, size_t count,
                        bool has_withheld, int64_t withheld)
{
    struct document *document = &paying->document;
    if (document->status == STATUS_OK && has_withheld && (withheld <= 0 || withheld > AMOUNT_MAX))
        document_fail(document, fault_set(document->why, STATUS_INVALID, "withheld_minor",
                                          "an amount of more than zero"));
    return has_withheld && count == 0 ? 0 : tenders_sum(document, tenders, count, "tenders");
}

static void take(struct paying *paying, Daftari__V1__Tender *const *tenders, size_t count, int64_t sum,
                 enum tender_flow flow)
{
    struct tender_terms terms = {.flow = flow, .field = "tenders", .party = paying->party.number};
    tenders_take(&paying->document, tenders, count, sum, &terms, &paying->tenders);
    paying->payload.n_tenders = paying->tenders.count;
    paying->payload.tenders = paying->tenders.rows;
}

static void set_amounts(struct paying *paying, int64_t settled, int64_t ahead, int64_t withheld)
{
    Daftari__V1__PaymentRecorded *payload = &paying->payload;
    payload->has_settled_minor = settled != 0;
    payload->settled_minor = settled;
    payload->has_ahead_minor = ahead != 0;
    payload->ahead_minor = ahead;
    payload->has_withheld_minor = withheld != 0;
    payload->withheld_minor = withheld;
}

/* An account that belongs to one business, HQ say, has its line there. */
static void post_where_it_belongs(struct document *document, Daftari__V1__AccountRole role, int64_t amount)
{
    struct account_row row;
    uint32_t account = document_account(document, role, 0);
    if (account == 0 || !account_row_get(document->state, account, &row) || row.business == ACCOUNT_SHARED)
        document_post_role(document, role, 0, 0, amount, document->out->posting_count);
    else
        document_post_in(document, row.business, account, 0, amount, document->out->posting_count);
}

static enum status end(struct paying *paying, const char *note, const char *prefix, uint16_t type)
{
    struct document *document = &paying->document;
    if (document->status == STATUS_OK)
        document->status = form_text(note, "note", DESCRIPTION_TEXT_MAX, false, document->why);
    paying->payload.note = text_empty(note) ? NULL : (char *)(uintptr_t)note;
    document_number(document, prefix);
    return document_end(document, type, &paying->payload.base);
}

/* ---- in and out ------------------------------------------------------------------------------------------------ */

/* What pays a debt, one way or the other. */
struct debt_terms {
    enum tender_flow flow;
    int sign; /* of the debt's account: +1 debit */
    Daftari__V1__AccountRole debt, ahead, withheld;
};

static void pay_debt(struct paying *paying, const struct debt_terms *terms,
                     Daftari__V1__Tender *const *tenders, size_t tender_count,
                     Daftari__V1__Allocation *const *given, size_t given_count, bool has_withheld,
                     int64_t withheld)
{
    struct document *document = &paying->document;
    uint32_t account;
    int64_t total = 0, owed = owed_on(paying, terms->debt, terms->sign, &account);
    int64_t sum = money_of(paying, tenders, tender_count, has_withheld, withheld);
    if (owed < 0)
        owed = 0;
    if (document->status == STATUS_OK && has_withheld && withheld > owed)
        nothing_owed(document, "withheld_minor", owed);
    if (document->status == STATUS_OK && !amount_add(sum, withheld, &total))
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__AMOUNT_OUT_OF_RANGE,
                                             "tenders", "the payment has more than 18 digits"));
    int64_t settled = total < owed ? total : owed;
    payment_allocate(document, paying->party.number, account, given, given_count, settled, &paying->payload);
    /* Lines in the order of the catalogue: debits first. */
    if (terms->flow == TENDER_OUT) {
        document_post_role(document, terms->debt, 0, paying->party.number, settled, 0);
        document_post_role(document, terms->ahead, 0, paying->party.number, total - settled, 0);
    }
    take(paying, tenders, tender_count, sum, terms->flow);
    post_where_it_belongs(document, terms->withheld, terms->sign * withheld);
    if (terms->flow == TENDER_IN) {
        document_post_role(document, terms->debt, 0, paying->party.number, -settled, 0);
        document_post_role(document, terms->ahead, 0, paying->party.number, settled - total, 0);
    }
    set_amounts(paying, settled, total - settled, withheld);
}

enum status payment_decide_receive(const struct context *context, struct kv_txn *state,
                                   const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    static const struct debt_terms terms = {
        TENDER_IN, 1, ROLE(RECEIVABLE), ROLE(PREPAYMENTS), ROLE(WITHHELD_BY_CUSTOMERS),
    };
    const Daftari__V1__ReceivePayment *given = (const Daftari__V1__ReceivePayment *)command;
    enum status status;
    struct paying *paying =
        begin(context, state, given->business, given->has_date, given->date, out, why, &status);
    if (paying == NULL)
        return status;
    whose(paying, PARTY_IS_CUSTOMER, given->customer);
    pay_debt(paying, &terms, given->tenders, given->n_tenders, given->allocations, given->n_allocations,
             given->has_withheld_minor, given->withheld_minor);
    return end(paying, given->note, "PR", EVENT_PAYMENT_RECEIVED);
}

enum status payment_decide_pay(const struct context *context, struct kv_txn *state,
                               const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    static const struct debt_terms terms = {
        TENDER_OUT, -1, ROLE(PAYABLE), ROLE(SUPPLIER_ADVANCES), ROLE(WITHHOLDING_PAYABLE),
    };
    const Daftari__V1__PaySupplier *given = (const Daftari__V1__PaySupplier *)command;
    enum status status;
    struct paying *paying =
        begin(context, state, given->business, given->has_date, given->date, out, why, &status);
    if (paying == NULL)
        return status;
    whose(paying, PARTY_IS_SUPPLIER, given->supplier);
    pay_debt(paying, &terms, given->tenders, given->n_tenders, given->allocations, given->n_allocations,
             given->has_withheld_minor, given->withheld_minor);
    return end(paying, given->note, "SP", EVENT_SUPPLIER_PAID);
}

/* ---- paid back -------------------------------------------------------------------------------------------------- */

enum status payment_decide_refund(const struct context *context, struct kv_txn *state,
                                  const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__RefundCustomer *given = (const Daftari__V1__RefundCustomer *)command;
    uint32_t prepayments, receivable;
    char text[AMOUNT_TEXT_MAX];
    enum status status;
    struct paying *paying =
        begin(context, state, given->business, given->has_date, given->date, out, why, &status);
    if (paying == NULL)
        return status;
    struct document *document = &paying->document;
    whose(paying, PARTY_IS_CUSTOMER, given->customer);
    int64_t ahead = owed_on(paying, ROLE(PREPAYMENTS), -1, &prepayments);
    int64_t over = owed_on(paying, ROLE(RECEIVABLE), -1, &receivable);
    ahead = ahead > 0 ? ahead : 0;
    over = over > 0 ? over : 0;
    if (document->status == STATUS_OK && ahead == 0 && over == 0)
        nothing_owed(document, "customer", 0);
    bool all = given->n_tenders == 0 || (given->n_tenders == 1 && !given->tenders[0]->has_amount_minor);
    int64_t sum = all ? ahead + over : tenders_sum(document, given->tenders, given->n_tenders, "tenders");
    if (document->status == STATUS_OK && sum > ahead + over) {
        document_amount(document, ahead + over, text);
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__PREPAYMENT_INSUFFICIENT,
                                             "tenders", "the customer has %s to his credit here", text));
    }
    int64_t first = sum < ahead ? sum : ahead;
    document_post_role(document, ROLE(PREPAYMENTS), 0, paying->party.number, first, 0);
    document_post_role(document, ROLE(RECEIVABLE), 0, paying->party.number, sum - first, 0);
    take(paying, given->tenders, given->n_tenders, sum, TENDER_OUT);
    set_amounts(paying, sum - first, first, 0);
    return end(paying, given->note, "RF", EVENT_CUSTOMER_REFUNDED);
}

/* ---- given up --------------------------------------------------------------------------------------------------- */

enum status payment_decide_write_off(const struct context *context, struct kv_txn *state,
                                     const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__WriteOffDebt *given = (const Daftari__V1__WriteOffDebt *)command;
    uint32_t account;
    enum status status = form_text(given->reason, "reason", DESCRIPTION_TEXT_MAX, true, why);
    if (status != STATUS_OK)
        return status;
    struct paying *paying =
        begin(context, state, given->business, given->has_date, given->date, out, why, &status);
    if (paying == NULL)
        return status;
    struct document *document = &paying->document;
    whose(paying, PARTY_IS_CUSTOMER, given->customer);
    int64_t owed = owed_on(paying, ROLE(RECEIVABLE), 1, &account);
    int64_t amount = given->has_amount_minor ? given->amount_minor : owed;
    if (document->status == STATUS_OK && given->has_amount_minor && amount <= 0)
        document_fail(document,
                      fault_set(why, STATUS_INVALID, "amount_minor", "an amount of more than zero"));
    if (document->status == STATUS_OK && (owed <= 0 || amount > owed))
        nothing_owed(document, given->has_amount_minor ? "amount_minor" : "customer", owed);
    payment_allocate(document, paying->party.number, account, NULL, 0, amount, &paying->payload);
    document_post_role(document, ROLE(BAD_DEBTS), 0, 0, amount, 0);
    document_post_role(document, ROLE(RECEIVABLE), 0, paying->party.number, -amount, 0);
    set_amounts(paying, amount, 0, 0);
    return end(paying, given->reason, "AJ", EVENT_DEBT_WRITTEN_OFF);
}

void payment_apply(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                   struct arena *arena)
{
    const Daftari__V1__PaymentRecorded *payment = (const Daftari__V1__PaymentRecorded *)payload;
    (void)arena;
    tenders_apply(state, record, payment->tenders, payment->n_tenders);
}
