/* O-50, O-51, O-74: an expense is recorded, or asked for when it is above the limit of its business. */
#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/earlier.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/money/money.h"
#include "type_ids.h"

#define SHA256_TEXT_LEN 64u

struct spending {
    struct document *document;
    const Daftari__V1__RecordExpense *given;
    const struct expense_terms *terms;
    const Daftari__V1__ExpenseCategoryInfo *category;
    uint32_t account;
    uint32_t supplier;
    struct tax_terms tax;
    struct taxed taxed;
    struct tenders_taken tenders;
};

enum status attachment_form(const char *sha256, const char *field, struct fault *why)
{
    if (text_empty(sha256))
        return STATUS_OK;
    if (strlen(sha256) == SHA256_TEXT_LEN && strspn(sha256, "0123456789abcdef") == SHA256_TEXT_LEN)
        return STATUS_OK;
    return fault_set(why, STATUS_INVALID, field, "the SHA-256 of the file: 64 digits of 0 to 9 and a to f");
}

static enum status form(const Daftari__V1__RecordExpense *given, struct fault *why)
{
    enum status status = form_text(given->payee, "payee", NAME_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = form_text(given->invoice, "invoice", REFERENCE_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = form_text(given->note, "note", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = attachment_form(given->attachment_sha256, "attachment_sha256", why);
    if (status == STATUS_OK && (given->amount_minor <= 0 || given->amount_minor > AMOUNT_MAX))
        status = fault_set(why, STATUS_INVALID, "amount_minor", "what is to pay, more than zero");
    if (status == STATUS_OK && given->accrued && given->n_tenders != 0)
        status = fault_set(why, STATUS_INVALID, "tenders", "an accrued expense is not paid yet");
    return status;
}

/* The account of the category, an expense account in every case. */
static void find_account(struct spending *spending)
{
    struct document *document = spending->document;
    struct account_row row;
    spending->category = expense_category_named(document, spending->given->category);
    if (spending->category == NULL)
        return;
    spending->account = spending->category->account != 0
                            ? spending->category->account
                            : document_account(document, spending->category->role, 0);
    if (spending->account == 0)
        document_post_role(document, spending->category->role, 0, 0, 1, 0); /* says what is missing */
    else if (!account_row_get(document->state, spending->account, &row) || row.type != ACCOUNT_EXPENSE)
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__ACCOUNT_UNFIT, "category",
                                             "account %u is no expense account", spending->account));
}

static void find_tax(struct spending *spending)
{
    struct document *document = spending->document;
    const char *code = spending->given->tax_code;
    uint16_t number;
    if (document->status != STATUS_OK)
        return;
    if (text_empty(code))
        code = spending->category->tax_code;
    if (!text_empty(code)) {
        if (!tax_code_find(document->state, code, &number)) {
            document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__TAX_CODE_UNKNOWN,
                                                 "tax_code", "there is no tax code %.20s", code));
            return;
        }
        spending->tax = tax_terms_of(document, number);
    }
    if (!tax_split_inclusive(&spending->tax, spending->given->amount_minor, &spending->taxed))
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__AMOUNT_OUT_OF_RANGE,
                                             "amount_minor", "at most 18 digits"));
}

/* The lines of O-50: the expense without tax and the tax, against how it is paid. */
static void post(struct spending *spending)
{
    struct document *document = spending->document;
    document_post(document, spending->account, 0, spending->taxed.net, 0);
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_VAT_INPUT, CATEGORY_ANY, 0,
                       spending->taxed.tax, 0);
    if (spending->given->accrued) {
        document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_ACCRUED, CATEGORY_ANY, 0,
                           -spending->taxed.gross, 0);
        return;
    }
    struct tender_terms terms = {
        .flow = TENDER_OUT,
        .field = "tenders",
        .party = spending->supplier,
        .credit = true,
        .credit_role = DAFTARI__V1__ACCOUNT_ROLE__ROLE_PAYABLE,
    };
    tenders_take(document, spending->given->tenders, spending->given->n_tenders, spending->taxed.gross,
                 &terms, &spending->tenders);
}

/* ---- limits ----------------------------------------------------------------------------------------------------- */

static void check_petty(struct spending *spending)
{
    struct document *document = spending->document;
    int64_t limit = document_setting(document, PROFILE_PETTY_CASH, -1);
    char text[AMOUNT_TEXT_MAX];
    if (document->status != STATUS_OK || !spending->terms->petty || spending->taxed.gross <= limit)
        return;
    document_amount(document, limit > 0 ? limit : 0, text);
    document_fail(document,
                  fault_refuse(document->why, DAFTARI__V1__REASON__PETTY_CASH_LIMIT, "amount_minor",
                               "expenses out of the till go up to %s here (petty_cash_limit)", text));
}

static bool needs_approval(const struct spending *spending)
{
    int64_t limit = document_setting(spending->document, PROFILE_EXPENSE_APPROVAL, -1);
    return spending->terms->approved.request == 0 && limit >= 0 && spending->taxed.gross >= limit;
}

/* ---- the record ------------------------------------------------------------------------------------------------- */

static enum status end_requested(struct spending *spending)
{
    Daftari__V1__RecordExpense expense = *spending->given;
    Daftari__V1__MoneyRequested payload = DAFTARI__V1__MONEY_REQUESTED__INIT;
    expense.has_date = true; /* it is of the day it was asked for, whenever it is approved */
    expense.date = spending->document->date;
    payload.expense = &expense;
    payload.has_amount_minor = true;
    payload.amount_minor = spending->taxed.gross;
    return document_end_unposted(spending->document, EVENT_MONEY_REQUESTED, &payload.base);
}

static enum status end_recorded(struct spending *spending)
{
    const Daftari__V1__RecordExpense *given = spending->given;
    Daftari__V1__ExpenseRecorded payload = DAFTARI__V1__EXPENSE_RECORDED__INIT;
    payload.has_category = payload.has_account = payload.has_net_minor = payload.has_total_minor = true;
    payload.category = spending->category->number;
    payload.account = spending->account;
    payload.net_minor = spending->taxed.net;
    payload.has_tax_minor = payload.has_rate_bp = spending->tax.rate_bp != 0;
    payload.tax_minor = spending->taxed.tax;
    payload.total_minor = spending->taxed.gross;
    payload.has_tax_code = spending->tax.code != 0;
    payload.tax_code = spending->tax.code;
    payload.rate_bp = spending->tax.rate_bp;
    payload.payee = text_or_none(given->payee);
    payload.has_supplier = spending->supplier != 0;
    payload.supplier = spending->supplier;
    payload.invoice = text_or_none(given->invoice);
    payload.n_tenders = spending->tenders.count;
    payload.tenders = spending->tenders.rows;
    payload.has_accrued = payload.accrued = given->accrued;
    payload.has_petty = payload.petty = spending->terms->petty;
    payload.note = text_or_none(given->note);
    payload.attachment_sha256 = text_or_none(given->attachment_sha256);
    payload.has_request = payload.has_requested_by = spending->terms->approved.request != 0;
    payload.request = spending->terms->approved.request;
    payload.requested_by = spending->terms->approved.requested_by;
    spending->document->out->cause = spending->terms->approved.request;
    document_number(spending->document, "EX");
    return document_end(spending->document, EVENT_EXPENSE_RECORDED, &payload.base);
}

enum status expense_decide(const struct context *context, struct kv_txn *state,
                           const Daftari__V1__RecordExpense *given, const struct expense_terms *terms,
                           struct decision *out, struct fault *why)
{
    struct document document;
    struct spending spending = {.document = &document, .given = given, .terms = terms};
    enum status status = form(given, why);
    if (status == STATUS_OK)
        status = document_begin(&document, context, state, given->business, given->has_date, given->date, out,
                                why);
    if (status != STATUS_OK)
        return status;
    find_account(&spending);
    spending.supplier = document_supplier(&document, given->supplier);
    find_tax(&spending);
    check_petty(&spending);
    post(&spending);
    if (document.status != STATUS_OK)
        return document.status;
    return needs_approval(&spending) ? end_requested(&spending) : end_recorded(&spending);
}

enum status expense_decide_record(const struct context *context, struct kv_txn *state,
                                  const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const struct expense_terms terms = {0};
    return expense_decide(context, state, (const Daftari__V1__RecordExpense *)command, &terms, out, why);
}

enum status expense_decide_petty(const struct context *context, struct kv_txn *state,
                                 const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__RecordPettyExpense *petty = (const Daftari__V1__RecordPettyExpense *)command;
    const struct expense_terms terms = {.petty = true};
    Daftari__V1__RecordExpense given = DAFTARI__V1__RECORD_EXPENSE__INIT;
    given.business = petty->business;
    given.has_date = petty->has_date;
    given.date = petty->date;
    given.category = petty->category;
    given.has_amount_minor = petty->has_amount_minor;
    given.amount_minor = petty->amount_minor;
    given.payee = petty->payee;
    given.invoice = petty->invoice;
    given.note = petty->note;
    given.attachment_sha256 = petty->attachment_sha256;
    return expense_decide(context, state, &given, &terms, out, why);
}

void expense_apply_recorded(struct kv_txn *state, const struct record *record,
                            const ProtobufCMessage *payload, struct arena *arena)
{
    const Daftari__V1__ExpenseRecorded *expense = (const Daftari__V1__ExpenseRecorded *)payload;
    tenders_apply(state, record, expense->tenders, expense->n_tenders);
    if (expense->request != 0)
        request_settle(state, expense->request, record, true, NULL, arena);
}
