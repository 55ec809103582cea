#include "server/domain/kernel/tenders.h"

#include <stdio.h>

#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/party.h"
#include "server/domain/kernel/receipt.h"
#include "server/domain/kernel/till_day.h"

/* A refusal that names one tender's field. */
#define REFUSE(at, reason, name, ...)                                                                        \
    document_fail((at)->document,                                                                            \
                  fault_refuse((at)->document->why, DAFTARI__V1__REASON__##reason,                           \
                               form_path((at)->path, (at)->terms->field, (at)->index, name), __VA_ARGS__))

/* One tender while it is taken. */
struct at {
    struct document *document;
    const struct tender_terms *terms;
    size_t index;
    const Daftari__V1__Tender *tender;
    int64_t amount; /* that stays */
    char path[FAULT_FIELD_MAX];
};

static Daftari__V1__PaymentMethod method_of(const Daftari__V1__Tender *tender)
{
    return tender->has_method ? tender->method : DAFTARI__V1__PAYMENT_METHOD__METHOD_CASH;
}

/* ---- amounts -------------------------------------------------------------------------------------------------- */

static int64_t sum_of(struct document *document, Daftari__V1__Tender *const *tenders, size_t count,
                      const char *field, int64_t due)
{
    char path[FAULT_FIELD_MAX];
    int64_t sum = 0;
    if (count > TENDERS_MAX) {
        document_fail(document, fault_set(document->why, STATUS_INVALID, field, "at most %u", TENDERS_MAX));
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t amount = !tenders[i]->has_amount_minor && count == 1 ? due : tenders[i]->amount_minor;
        if (amount > 0 && amount_add(sum, amount, &sum))
            continue;
        document_fail(document,
                      fault_set(document->why, STATUS_INVALID, form_path(path, field, i, "amount_minor"),
                                "an amount of more than zero"));
        return 0;
    }
    return sum;
}

int64_t tenders_sum(struct document *document, Daftari__V1__Tender *const *tenders, size_t count,
                    const char *field)
{
    if (document->status == STATUS_OK && count == 0)
        document_fail(document, fault_set(document->why, STATUS_INVALID, field, "how it was paid"));
    return document->status == STATUS_OK ? sum_of(document, tenders, count, field, -1) : 0;
}

static void differ(struct document *document, const char *field, int64_t sum, int64_t due)
{
    char given[AMOUNT_TEXT_MAX], wanted[AMOUNT_TEXT_MAX];
    document_amount(document, sum, given);
    document_amount(document, due, wanted);
    document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__TENDERS_DIFFER, field,
                                         "%s is due and %s is given; only cash gives change", wanted, given));
}

/* What is given back, at most the cash there is; TENDERS_DIFFER. */
static int64_t change_of(struct document *document, Daftari__V1__Tender *const *tenders, size_t count,
                         int64_t sum, int64_t due, const struct tender_terms *terms)
{
    int64_t cash = 0;
    for (size_t i = 0; i < count; i++)
        if (method_of(tenders[i]) == DAFTARI__V1__PAYMENT_METHOD__METHOD_CASH)
            cash += tenders[i]->amount_minor;
    int64_t change = sum - due;
    if (change < 0 || (change != 0 && (!terms->change || change > cash)))
        differ(document, terms->field, sum, due);
    return change;
}

/* ---- methods -------------------------------------------------------------------------------------------------- */

/* The account given, of the right class, else the one that plays the part. */
static void take_money(struct at *at, Daftari__V1__AccountRole role, Daftari__V1__AccountClass class,
                       uint32_t *out_account)
{
    struct document *document = at->document;
    struct account_row row;
    int64_t amount = at->terms->flow == TENDER_IN ? at->amount : -at->amount;
    *out_account = at->tender->account != 0 ? at->tender->account : document_account(document, role, 0);
    if (at->tender->account != 0 &&
        (!account_row_get(document->state, *out_account, &row) || row.class != class)) {
        REFUSE(at, ACCOUNT_UNFIT, "account", "account %u does not hold money of this kind", *out_account);
        return;
    }
    if (*out_account == 0)
        document_post_role(document, role, 0, 0, amount, 0); /* says what is missing */
    else
        document_post(document, *out_account, 0, amount, document->out->posting_count);
}

/* Where the setting day_required says so, cash moves only while the day of its till is open. */
static void check_day(struct at *at, uint32_t account)
{
    struct document *document = at->document;
    struct till_day day;
    if (document->status != STATUS_OK || at->terms->offline ||
        document_setting(document, PROFILE_DAY_REQUIRED, 0) == 0)
        return;
    if (!till_day_get(document->state, document->business, account, &day) || day.open_date != document->date)
        REFUSE(at, DAY_NOT_OPEN, "method", "open the day of the till first (day open)");
}

static bool cited_before(const struct at *at, Daftari__V1__Tender *const *tenders)
{
    for (size_t i = 0; i < at->index; i++)
        if (text_same(tenders[i]->reference, at->tender->reference))
            return true;
    return false;
}

/* Money that M-Pesa told of before: it waits in the unmatched account. */
static void take_parked(struct at *at, const struct receipt_row *receipt, uint32_t *out_account)
{
    int64_t amount = at->terms->flow == TENDER_IN ? at->amount : -at->amount;
    if (receipt->amount != amount) {
        char text[AMOUNT_TEXT_MAX];
        document_amount(at->document, receipt->amount < 0 ? -receipt->amount : receipt->amount, text);
        REFUSE(at, RECEIPT_AMOUNT_DIFFERS, "amount_minor", "M-Pesa says that receipt %.20s %s %s",
               at->tender->reference, receipt->amount < 0 ? "took out" : "brought", text);
        return;
    }
    *out_account = receipt->account;
    document_post_in(at->document, receipt->business, receipt->account, 0, amount,
                     at->document->out->posting_count);
}

static void take_mpesa(struct at *at, Daftari__V1__Tender *const *tenders, uint32_t *out_account)
{
    struct receipt_row receipt;
    bool given = !text_empty(at->tender->reference);
    if (given ? !receipt_form(at->tender->reference) : at->terms->flow == TENDER_IN) {
        REFUSE(at, REFERENCE_MISSING, "reference", "the M-Pesa receipt: 6 to 20 capital letters and digits");
        return;
    }
    bool known = given && receipt_get(at->document->state, at->tender->reference, &receipt);
    if (given && (cited_before(at, tenders) || (known && receipt.state != RECEIPT_PARKED))) {
        REFUSE(at, RECEIPT_USED, "reference",
               "receipt %.20s was used already, by the record at position %llu", at->tender->reference,
               known ? (unsigned long long)receipt.position : 0ULL);
        return;
    }
    if (known)
        take_parked(at, &receipt, out_account);
    else
        take_money(at, DAFTARI__V1__ACCOUNT_ROLE__ROLE_MPESA, DAFTARI__V1__ACCOUNT_CLASS__CLASS_MOBILE_MONEY,
                   out_account);
}

/* On account: a customer's debt or ours to a supplier; taking back is bounded by what is owed. */
static void take_credit(struct at *at, uint32_t *out_account)
{
    struct document *document = at->document;
    bool lowers =
        at->terms->flow == TENDER_OUT && at->terms->credit_role == DAFTARI__V1__ACCOUNT_ROLE__ROLE_RECEIVABLE;
    int64_t amount = at->terms->flow == TENDER_IN ? at->amount : -at->amount;
    if (!at->terms->credit) {
        REFUSE(at, TENDER_METHOD, "method", "this document is not paid on credit");
        return;
    }
    if (at->terms->party == 0) {
        REFUSE(at, CUSTOMER_MISSING, "method", "credit needs to know whose it is");
        return;
    }
    *out_account = document_account(document, at->terms->credit_role, 0);
    if (lowers && *out_account != 0 &&
        party_balance(document->state, at->terms->party, *out_account, document->business) < at->amount) {
        REFUSE(at, NOTHING_OWED, "amount_minor",
               "more than the customer owes: give the rest back in another way");
        return;
    }
    document_post_role(document, at->terms->credit_role, 0, at->terms->party, amount,
                       document->out->posting_count);
}

/* Out of what the customer paid before, or kept for him. */
static void take_prepayment(struct at *at, uint32_t *out_account)
{
    struct document *document = at->document;
    bool in = at->terms->flow == TENDER_IN;
    if (!at->terms->prepayment) {
        REFUSE(at, TENDER_METHOD, "method", "no prepayment goes with this document");
        return;
    }
    if (at->terms->party == 0) {
        REFUSE(at, CUSTOMER_MISSING, "method", "a prepayment needs to know whose it is");
        return;
    }
    *out_account = document_account(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_PREPAYMENTS, 0);
    int64_t ahead = *out_account == 0
                        ? 0
                        : -party_balance(document->state, at->terms->party, *out_account, document->business);
    if (in && *out_account != 0 && ahead < at->amount) {
        char text[AMOUNT_TEXT_MAX];
        document_amount(document, ahead, text);
        REFUSE(at, PREPAYMENT_INSUFFICIENT, "amount_minor", "the customer has paid %s ahead", text);
        return;
    }
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_PREPAYMENTS, 0, at->terms->party,
                       in ? at->amount : -at->amount, document->out->posting_count);
}

static void take(struct at *at, Daftari__V1__Tender *const *tenders, uint32_t *out_account)
{
    const char *reference = at->tender->reference;
    if (reference != NULL && strlen(reference) > REFERENCE_TEXT_MAX) {
        document_fail(at->document, fault_set(at->document->why, STATUS_INVALID,
                                              form_path(at->path, at->terms->field, at->index, "reference"),
                                              "at most %u bytes", REFERENCE_TEXT_MAX));
        return;
    }
    switch (method_of(at->tender)) {
    case DAFTARI__V1__PAYMENT_METHOD__METHOD_CASH:
        take_money(at, DAFTARI__V1__ACCOUNT_ROLE__ROLE_CASH, DAFTARI__V1__ACCOUNT_CLASS__CLASS_CASH,
                   out_account);
        check_day(at, *out_account);
        break;
    case DAFTARI__V1__PAYMENT_METHOD__METHOD_MPESA:
        take_mpesa(at, tenders, out_account);
        break;
    case DAFTARI__V1__PAYMENT_METHOD__METHOD_BANK:
        take_money(at, DAFTARI__V1__ACCOUNT_ROLE__ROLE_BANK, DAFTARI__V1__ACCOUNT_CLASS__CLASS_BANK,
                   out_account);
        break;
    case DAFTARI__V1__PAYMENT_METHOD__METHOD_CREDIT:
        take_credit(at, out_account);
        break;
    case DAFTARI__V1__PAYMENT_METHOD__METHOD_PREPAYMENT:
        take_prepayment(at, out_account);
        break;
    default:
        REFUSE(at, TENDER_METHOD, "method", "cash, mpesa, bank, credit or prepayment");
        break;
    }
}

/* ---- all of them ---------------------------------------------------------------------------------------------- */

static void note_taken(const struct at *at, uint32_t account, struct tenders_taken *out)
{
    Daftari__V1__TakenTender *row =
        message_new(&daftari__v1__taken_tender__descriptor, at->document->context->arena);
    if (row == NULL) {
        document_fail(at->document, fault_set(at->document->why, STATUS_NO_MEMORY, NULL, "too many tenders"));
        return;
    }
    row->has_method = row->has_amount_minor = row->has_account = true;
    row->method = method_of(at->tender);
    row->amount_minor = at->amount;
    row->account = account;
    row->reference = text_or_none(at->tender->reference);
    out->rows[out->count++] = row;
    if (row->method == DAFTARI__V1__PAYMENT_METHOD__METHOD_CREDIT)
        out->credit_minor += at->amount;
}

void tenders_take(struct document *document, Daftari__V1__Tender *const *tenders, size_t count, int64_t due,
                  const struct tender_terms *terms, struct tenders_taken *out)
{
    Daftari__V1__Tender all_cash = DAFTARI__V1__TENDER__INIT, *only = &all_cash;
    *out = (struct tenders_taken){0};
    if (document->status != STATUS_OK || (due == 0 && count == 0))
        return;
    if (count == 0) {
        tenders = &only;
        count = 1;
    }
    int64_t sum = sum_of(document, tenders, count, terms->field, due);
    if (document->status != STATUS_OK)
        return;
    int64_t change = count == 1 && !tenders[0]->has_amount_minor
                         ? 0
                         : change_of(document, tenders, count, sum, due, terms);
    out->change_minor = change;
    out->rows = arena_take(document->context->arena, count * sizeof(Daftari__V1__TakenTender *));
    if (out->rows == NULL) {
        document_fail(document, fault_set(document->why, STATUS_NO_MEMORY, NULL, "too many tenders"));
        return;
    }
    for (size_t i = 0; document->status == STATUS_OK && i < count; i++) {
        uint32_t account = 0;
        struct at at = {.document = document, .terms = terms, .index = i, .tender = tenders[i]};
        at.amount = !tenders[i]->has_amount_minor ? due : tenders[i]->amount_minor;
        if (method_of(at.tender) == DAFTARI__V1__PAYMENT_METHOD__METHOD_CASH) {
            int64_t back = change < at.amount ? change : at.amount;
            at.amount -= back;
            change -= back;
        }
        if (at.amount == 0)
            continue;
        take(&at, tenders, &account);
        note_taken(&at, account, out);
    }
}

/* ---- apply ---------------------------------------------------------------------------------------------------- */

static bool is_receipt(const Daftari__V1__TakenTender *row)
{
    return row->method == DAFTARI__V1__PAYMENT_METHOD__METHOD_MPESA && receipt_form(row->reference);
}

/* Which way the money of a tender went: its posting says it. */
static int64_t signed_amount(const struct record *record, const Daftari__V1__TakenTender *row)
{
    for (size_t i = 0; i < record->posting_count; i++) {
        struct posting posting = record_posting(record, i);
        if (posting.account == row->account &&
            (posting.amount == row->amount_minor || posting.amount == -row->amount_minor))
            return posting.amount;
    }
    return row->amount_minor;
}

void tenders_apply(struct kv_txn *state, const struct record *record, Daftari__V1__TakenTender *const *rows,
                   size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct receipt_row receipt;
        if (!is_receipt(rows[i]))
            continue;
        bool told = receipt_get(state, rows[i]->reference, &receipt);
        if (!told)
            receipt = (struct receipt_row){.amount = signed_amount(record, rows[i]),
                                           .account = rows[i]->account,
                                           .business = record->header.business};
        receipt.state = told ? RECEIPT_MATCHED : RECEIPT_CITED;
        receipt.position = record->header.position;
        receipt_put(state, rows[i]->reference, &receipt);
    }
}

void tenders_put_back(struct document *document, Daftari__V1__TakenTender *const *rows, size_t count,
                      uint32_t party)
{
    for (size_t i = 0; i < count; i++) {
        struct receipt_row receipt;
        struct account_row account;
        if (!is_receipt(rows[i]) || !receipt_get(document->state, rows[i]->reference, &receipt) ||
            receipt.told == 0 || receipt.account == rows[i]->account ||
            !account_row_get(document->state, receipt.account, &account))
            continue;
        int64_t amount = receipt.amount < 0 ? -rows[i]->amount_minor : rows[i]->amount_minor;
        bool debt = account.class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_RECEIVABLE;
        document_post(document, rows[i]->account, 0, amount, document->out->posting_count);
        document_post_in(document, receipt.business, receipt.account, debt ? party : 0, -amount,
                         document->out->posting_count);
    }
}

void tenders_release(struct kv_txn *state, Daftari__V1__TakenTender *const *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct receipt_row receipt;
        if (!is_receipt(rows[i]) || !receipt_get(state, rows[i]->reference, &receipt))
            continue;
        if (receipt.state == RECEIPT_CITED) {
            receipt_delete(state, rows[i]->reference);
            continue;
        }
        if (receipt.state == RECEIPT_MATCHED)
            receipt.state = RECEIPT_PARKED;
        receipt.position = receipt.told;
        receipt_put(state, rows[i]->reference, &receipt);
    }
}
