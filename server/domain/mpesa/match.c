/* O-62: a receipt that waits is given to whom it belongs, and taken from there again. */
#include "people.pb-c.h"
#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/earlier.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/numbering.h"
#include "server/domain/kernel/open_item.h"
#include "server/domain/kernel/party.h"
#include "server/domain/mpesa/mpesa.h"
#include "server/domain/parties/parties.h"
#include "type_ids.h"

#define ROLE(name)   DAFTARI__V1__ACCOUNT_ROLE__ROLE_##name
#define REASON(name) DAFTARI__V1__REASON__##name

/* ---- debts ---------------------------------------------------------------------------------------------------------- */

/* The receivable line of a record that is still open, in part at least. */
static bool open_debt(struct document *document, const struct record *record, uint32_t *out_party)
{
    uint32_t receivable = document_account(document, ROLE(RECEIVABLE), 0);
    for (size_t i = 0; i < record->posting_count; i++) {
        struct posting posting = record_posting(record, i);
        struct open_item item;
        if (posting.party == 0 || posting.account != receivable || posting.business != document->business)
            continue;
        uint32_t party = party_standing(document->state, posting.party);
        if (open_item_find(document->state, party, receivable, document->business, record->header.position,
                           &item) &&
            item.left > 0) {
            *out_party = party;
            return true;
        }
    }
    return false;
}

bool mpesa_debtor(struct document *document, const char *number, uint32_t *out_party)
{
    const struct context *context = document->context;
    struct record record;
    uint64_t position;
    if (document->status != STATUS_OK || text_empty(number) || strlen(number) > NUMBER_TEXT_MAX ||
        !number_find(document->state, number, &position) || context->records.read == NULL)
        return false;
    enum status status = context->records.read(context->records.context, position, &record, document->why);
    if (status != STATUS_OK && status != STATUS_END)
        document_fail(document, status);
    return status == STATUS_OK && open_debt(document, &record, out_party);
}

/* What a payment settles: the named document as far as it goes, then the oldest first. */
static void allocate(struct document *document, uint32_t party, uint32_t account, const char *number,
                     int64_t settled, Daftari__V1__PaymentRecorded *out)
{
    Daftari__V1__Allocation first = DAFTARI__V1__ALLOCATION__INIT, *given = &first;
    struct open_item item;
    uint64_t position;
    bool named = !text_empty(number) && number_find(document->state, number, &position) &&
                 open_item_find(document->state, party, account, document->business, position, &item) &&
                 item.left > 0;
    first.number = (char *)(uintptr_t)number;
    first.has_amount_minor = true;
    if (named)
        first.amount_minor = item.left < settled ? item.left : settled;
    payment_allocate(document, party, account, &given, named && settled > 0 ? 1 : 0, settled, out);
}

void mpesa_pay_debt(struct document *document, uint32_t party, const char *number, int64_t amount,
                    Daftari__V1__PaymentRecorded *out)
{
    uint32_t account = document_account(document, ROLE(RECEIVABLE), 0);
    int64_t owed = account == 0 ? 0 : party_balance(document->state, party, account, document->business);
    int64_t settled = owed <= 0 ? 0 : owed < amount ? owed : amount;
    if (document->status != STATUS_OK)
        return;
    out->has_party = true;
    out->party = party;
    out->has_settled_minor = settled != 0;
    out->settled_minor = settled;
    out->has_ahead_minor = settled != amount;
    out->ahead_minor = amount - settled;
    allocate(document, party, account, number, settled, out);
    document_post_role(document, ROLE(RECEIVABLE), 0, party, -settled, document->out->posting_count);
    document_post_role(document, ROLE(PREPAYMENTS), 0, party, settled - amount, document->out->posting_count);
}

/* Money that went out pays what is owed to a supplier; what is above it is an advance. */
static void pay_supplier(struct document *document, uint32_t party, int64_t amount,
                         Daftari__V1__PaymentRecorded *out)
{
    uint32_t account = document_account(document, ROLE(PAYABLE), 0);
    int64_t owed = account == 0 ? 0 : -party_balance(document->state, party, account, document->business);
    int64_t settled = owed <= 0 ? 0 : owed < amount ? owed : amount;
    if (document->status != STATUS_OK)
        return;
    out->has_party = true;
    out->party = party;
    out->has_settled_minor = settled != 0;
    out->settled_minor = settled;
    out->has_ahead_minor = settled != amount;
    out->ahead_minor = amount - settled;
    payment_allocate(document, party, account, NULL, 0, settled, out);
    document_post_role(document, ROLE(PAYABLE), 0, party, settled, document->out->posting_count);
    document_post_role(document, ROLE(SUPPLIER_ADVANCES), 0, party, amount - settled,
                       document->out->posting_count);
}

/* ---- Mpesa.Match ---------------------------------------------------------------------------------------------------- */

static enum status form_match(const Daftari__V1__MatchMpesa *given, struct fault *why)
{
    int targets = !text_empty(given->customer) + !text_empty(given->number) + !text_empty(given->supplier) +
                  (given->has_account ? 1 : 0);
    if (!receipt_form(given->receipt))
        return fault_set(why, STATUS_INVALID, "receipt",
                         "the M-Pesa receipt: 6 to 20 capital letters and digits");
    if (targets != 1)
        return fault_set(why, STATUS_INVALID, NULL,
                         "say whose it is: one of customer, number, supplier and account");
    return form_text(given->note, "note", DESCRIPTION_TEXT_MAX, false, why);
}

/* A receipt that M-Pesa told of, of a business where the one who asks may record. */
static enum status find_receipt(const struct context *context, struct kv_txn *state, const char *text,
                                struct receipt_row *out, struct fault *why)
{
    if (!receipt_get(state, text, out) || out->told == 0)
        return fault_refuse(why, REASON(MPESA_RECEIPT_UNKNOWN), "receipt",
                            "M-Pesa has not told of receipt %.20s", text);
    return require_business(context, out->business, business_code_of(state, out->business, context->arena),
                            "receipt", why);
}

static enum status check_waiting(const struct receipt_row *receipt, struct fault *why)
{
    if (receipt->state == RECEIPT_REVERSED)
        return fault_refuse(why, REASON(MPESA_RECEIPT_REVERSED), "receipt", "M-Pesa took it back");
    if (receipt->state == RECEIPT_MATCHED)
        return fault_refuse(why, REASON(MPESA_RECEIPT_MATCHED), "receipt",
                            "it belongs to the record at position %llu: unmatch it, or make that void",
                            (unsigned long long)receipt->position);
    return STATUS_OK;
}

/* Not before the money came, so that the account where it waits holds it at every date. */
static void check_date(struct document *document, const struct receipt_row *receipt)
{
    const Daftari__V1__MpesaInfo *info =
        mpesa_info_get(document->state, receipt->told, document->context->arena);
    if (document->status == STATUS_OK && info != NULL && document->date < info->date)
        document_fail(document, fault_set(document->why, STATUS_INVALID, "date",
                                          "the day on which the receipt was booked or a later one"));
}

static void match_party(struct document *document, const Daftari__V1__MatchMpesa *given,
                        const struct receipt_row *receipt, Daftari__V1__PaymentRecorded *out)
{
    struct party_row party;
    if (!text_empty(given->supplier)) {
        uint32_t number = document_supplier(document, given->supplier);
        pay_supplier(document, number, -receipt->amount, out);
        return;
    }
    if (!text_empty(given->customer)) {
        document_fail(document, party_require(document->state, PARTY_IS_CUSTOMER, given->customer, "customer",
                                              &party, document->why));
        mpesa_pay_debt(document, party.number, NULL, receipt->amount, out);
        return;
    }
    uint32_t debtor = 0;
    if (document->status == STATUS_OK && !mpesa_debtor(document, given->number, &debtor))
        document_fail(document,
                      fault_refuse(document->why, REASON(DOCUMENT_UNKNOWN), "number",
                                   "nothing of a document %.50s is open in this business", given->number));
    mpesa_pay_debt(document, debtor, given->number, receipt->amount, out);
}

static void match_account(struct document *document, uint32_t account, const struct receipt_row *receipt)
{
    struct account_row row;
    if (document->status != STATUS_OK)
        return;
    if (!document_may(document, DAFTARI__V1__PERMISSION__JOURNAL, PERMISSION_WRITE))
        document_fail(document, fault_set(document->why, STATUS_DENIED, "account",
                                          "you may give receipts to customers, not to accounts"));
    else if (account == receipt->account || (account_row_get(document->state, account, &row) &&
                                             (row.class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_RECEIVABLE ||
                                              row.class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_PAYABLE)))
        document_fail(document, fault_refuse(document->why, REASON(ACCOUNT_UNFIT), "account",
                                             "name the customer or supplier instead of account %u", account));
    document_post(document, account, 0, -receipt->amount, document->out->posting_count);
}

static void match(struct document *document, const Daftari__V1__MatchMpesa *given,
                  const struct receipt_row *receipt, Daftari__V1__MpesaMatched *payload)
{
    if (document->status == STATUS_OK && !given->has_account &&
        (receipt->amount < 0) != !text_empty(given->supplier))
        document_fail(document,
                      fault_set(document->why, STATUS_INVALID,
                                text_empty(given->supplier)
                                    ? (text_empty(given->number) ? "customer" : "number")
                                    : "supplier",
                                receipt->amount < 0 ? "money that went out goes to a supplier or an account"
                                                    : "money that came in goes to a customer or an account"));
    document_post_in(document, receipt->business, receipt->account, 0, receipt->amount, 0);
    payload->has_account = given->has_account;
    payload->account = given->account;
    if (given->has_account) {
        match_account(document, given->account, receipt);
        return;
    }
    payload->payment = message_new(&daftari__v1__payment_recorded__descriptor, document->context->arena);
    if (payload->payment == NULL)
        document_fail(document, fault_set(document->why, STATUS_NO_MEMORY, NULL, "the payment is too large"));
    else
        match_party(document, given, receipt, payload->payment);
}

enum status mpesa_decide_match(const struct context *context, struct kv_txn *state,
                               const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__MatchMpesa *given = (const Daftari__V1__MatchMpesa *)command;
    Daftari__V1__MpesaMatched payload = DAFTARI__V1__MPESA_MATCHED__INIT;
    struct document document;
    struct receipt_row receipt;
    struct facts facts;
    uint16_t business;
    enum status status = form_match(given, why);
    facts_get(state, &facts);
    if (status == STATUS_OK && !text_empty(given->business))
        status = business_require(context, state, &facts, given->business, false, "business", &business, why);
    if (status == STATUS_OK)
        status = find_receipt(context, state, given->receipt, &receipt, why);
    if (status == STATUS_OK)
        status = check_waiting(&receipt, why);
    if (status == STATUS_OK)
        status = document_begin(&document, context, state,
                                !text_empty(given->business)
                                    ? given->business
                                    : business_code_of(state, receipt.business, context->arena),
                                given->has_date, given->date, out, why);
    if (status != STATUS_OK)
        return status;
    check_date(&document, &receipt);
    match(&document, given, &receipt, &payload);
    payload.receipt = given->receipt;
    payload.note = text_or_none(given->note);
    out->cause = receipt.told;
    return document_end(&document, EVENT_MPESA_MATCHED, &payload.base);
}

bool mpesa_allocated_matched(const ProtobufCMessage *payload, size_t index, struct allocation *out)
{
    const Daftari__V1__PaymentRecorded *payment = ((const Daftari__V1__MpesaMatched *)payload)->payment;
    if (payment == NULL || index >= payment->n_allocated)
        return false;
    *out = (struct allocation){payment->allocated[index]->document, payment->allocated[index]->amount_minor};
    return true;
}

void mpesa_apply_matched(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                         struct arena *arena)
{
    const Daftari__V1__MpesaMatched *given = (const Daftari__V1__MpesaMatched *)payload;
    struct receipt_row receipt;
    (void)arena;
    if (!receipt_get(state, given->receipt, &receipt)) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    receipt.state = RECEIPT_MATCHED;
    receipt.position = record->header.position;
    receipt_put(state, given->receipt, &receipt);
}

/* ---- Mpesa.Unmatch ---------------------------------------------------------------------------------------------------- */

/* What was paid ahead with it is still there to take back. */
static void check_ahead(struct document *document, const struct posting *posting)
{
    uint32_t ahead = document_account(document, ROLE(PREPAYMENTS), 0);
    if (document->status == STATUS_OK && posting->party != 0 && posting->account == ahead &&
        -party_balance(document->state, posting->party, ahead, posting->business) < -posting->amount)
        document_fail(document, fault_refuse(document->why, REASON(PREPAYMENT_INSUFFICIENT), "receipt",
                                             "what it paid ahead was used since"));
}

/* The lines of the record that gave it away, turned round, but for those of the till and of where it waits. */
static void take_back(struct document *document, const struct record *record,
                      const struct receipt_row *receipt)
{
    int128 sum = 0;
    size_t from = document->out->posting_count;
    for (size_t i = 0; document->status == STATUS_OK && i < record->posting_count; i++) {
        struct posting posting = record_posting(record, i);
        if (posting.party == 0 &&
            (record->header.type == EVENT_MPESA_CONFIRMED || posting.account == receipt->account ||
             posting.account == document->facts.control_account))
            continue;
        check_ahead(document, &posting);
        document_post_in(document, posting.business, posting.account, posting.party, -posting.amount, from);
        sum += posting.amount;
    }
    document_post_in(document, receipt->business, receipt->account, 0, (int64_t)sum,
                     document->out->posting_count);
}

enum status mpesa_decide_unmatch(const struct context *context, struct kv_txn *state,
                                 const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__UnmatchMpesa *given = (const Daftari__V1__UnmatchMpesa *)command;
    Daftari__V1__MpesaUnmatched payload = DAFTARI__V1__MPESA_UNMATCHED__INIT;
    struct document document;
    struct receipt_row receipt;
    struct record record = {0};
    enum status status = form_text(given->reason, "reason", DESCRIPTION_TEXT_MAX, true, why);
    if (status == STATUS_OK && !receipt_form(given->receipt))
        status = fault_set(why, STATUS_INVALID, "receipt",
                           "the M-Pesa receipt: 6 to 20 capital letters and digits");
    if (status == STATUS_OK)
        status = find_receipt(context, state, given->receipt, &receipt, why);
    if (status == STATUS_OK && receipt.state == RECEIPT_REVERSED)
        status = fault_refuse(why, REASON(MPESA_RECEIPT_REVERSED), "receipt", "M-Pesa took it back");
    if (status == STATUS_OK && receipt.state == RECEIPT_MATCHED)
        status = context->records.read(context->records.context, receipt.position, &record, why);
    if (status == STATUS_OK && record.header.type != EVENT_MPESA_MATCHED &&
        record.header.type != EVENT_MPESA_CONFIRMED)
        status = fault_refuse(why, REASON(MPESA_RECEIPT_NOT_MATCHED), "receipt",
                              receipt.state == RECEIPT_MATCHED ? "a document names it: make that void instead"
                                                               : "it waits already");
    if (status == STATUS_OK)
        status = document_begin(&document, context, state,
                                business_code_of(state, record.header.business, context->arena),
                                given->has_date, given->date, out, why);
    if (status == STATUS_OK && document.date < record.header.business_date)
        status = fault_set(why, STATUS_INVALID, "date", "the day of the match or a later one");
    if (status != STATUS_OK)
        return status;
    take_back(&document, &record, &receipt);
    payload.receipt = given->receipt;
    payload.reason = given->reason;
    out->cause = record.header.position;
    return document_end(&document, EVENT_MPESA_UNMATCHED, &payload.base);
}

void mpesa_apply_unmatched(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                           struct arena *arena)
{
    const Daftari__V1__MpesaUnmatched *given = (const Daftari__V1__MpesaUnmatched *)payload;
    struct receipt_row receipt;
    (void)record;
    (void)arena;
    if (!receipt_get(state, given->receipt, &receipt)) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    receipt.state = RECEIPT_PARKED;
    receipt.position = receipt.told;
    receipt_put(state, given->receipt, &receipt);
}
