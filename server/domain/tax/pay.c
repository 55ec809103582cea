/* O-17, O-68: a tax that is owed is paid. */
#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/balance.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/tax/tax.h"
#include "type_ids.h"

#define ROLE(name)   DAFTARI__V1__ACCOUNT_ROLE__ROLE_##name
#define REASON(name) DAFTARI__V1__REASON__##name

static const Daftari__V1__AccountRole roles[] = {
    [DAFTARI__V1__TAX_DEBT__TAX_DEBT_VAT] = ROLE(VAT_PAYABLE),
    [DAFTARI__V1__TAX_DEBT__TAX_DEBT_EXCISE] = ROLE(EXCISE_PAYABLE),
    [DAFTARI__V1__TAX_DEBT__TAX_DEBT_WITHHOLDING] = ROLE(WITHHOLDING_PAYABLE),
    [DAFTARI__V1__TAX_DEBT__TAX_DEBT_PAYROLL] = ROLE(PAYROLL_DEDUCTIONS),
};

uint32_t document_money_account(struct document *document, uint32_t given, uint16_t *out_business)
{
    struct account_row row;
    uint32_t account = given != 0 ? given : document_account(document, ROLE(BANK), CATEGORY_ANY);
    *out_business = document->business;
    if (document->status != STATUS_OK)
        return 0;
    if (!account_row_get(document->state, account, &row) || row.header) {
        document_fail(document, fault_refuse(document->why, REASON(ACCOUNT_UNKNOWN), "account",
                                             "there is no account %u that takes postings", account));
        return 0;
    }
    if (row.class != DAFTARI__V1__ACCOUNT_CLASS__CLASS_CASH &&
        row.class != DAFTARI__V1__ACCOUNT_CLASS__CLASS_MOBILE_MONEY &&
        row.class != DAFTARI__V1__ACCOUNT_CLASS__CLASS_BANK) {
        document_fail(document, fault_refuse(document->why, REASON(ACCOUNT_UNFIT), "account",
                                             "account %u holds no money: a till, M-Pesa or a bank", account));
        return 0;
    }
    if (row.business != ACCOUNT_SHARED && row.business != document->business) {
        *out_business = row.business;
        document_fail(document, require_business(
                                    document->context, row.business,
                                    business_code_of(document->state, row.business, document->context->arena),
                                    "account", document->why));
    }
    return account;
}

void document_post_where_it_belongs(struct document *document, Daftari__V1__AccountRole role, int64_t amount)
{
    struct account_row row;
    uint32_t account = document_account(document, role, CATEGORY_ANY);
    if (account == 0 || !account_row_get(document->state, account, &row) || row.business == ACCOUNT_SHARED)
        document_post_role(document, role, CATEGORY_ANY, 0, amount, 0);
    else
        document_post_in(document, row.business, account, 0, amount, 0);
}

static int64_t amount_of(struct document *document, const Daftari__V1__PayTax *given, uint32_t account)
{
    char text[AMOUNT_TEXT_MAX];
    if (document->status != STATUS_OK)
        return 0;
    int64_t owed = -balance_get(document->state, account, document->business, BASE_CURRENCY);
    int64_t amount = given->has_amount_minor ? given->amount_minor : owed;
    if (given->has_amount_minor && (amount <= 0 || amount > AMOUNT_MAX)) {
        document_fail(document, fault_set(document->why, STATUS_INVALID, "amount_minor",
                                          "an amount of more than zero"));
    } else if (owed <= 0 || amount > owed) {
        document_amount(document, owed > 0 ? owed : 0, text);
        document_fail(document, fault_refuse(document->why, REASON(TAX_NOT_OWED), "amount_minor",
                                             "%s of this tax is owed", text));
    }
    return document->status == STATUS_OK ? amount : 0;
}

/* The business that the debt is in: the one given, else the owner of head office's account, else head office. */
static const char *whose(const struct context *context, struct kv_txn *state,
                         const Daftari__V1__PayTax *given, Daftari__V1__AccountRole role)
{
    struct account_row row;
    struct profile common;
    if (!text_empty(given->business))
        return given->business;
    profile_get(state, HEAD_OFFICE, context->arena, &common);
    uint32_t account = profile_rule(&common, role, CATEGORY_ANY);
    if (account != 0 && account_row_get(state, account, &row) && row.business != ACCOUNT_SHARED)
        return business_code_of(state, row.business, context->arena);
    return business_code_of(state, HEAD_OFFICE, context->arena);
}

enum status tax_decide_pay(const struct context *context, struct kv_txn *state,
                           const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__PayTax *given = (const Daftari__V1__PayTax *)command;
    struct document document;
    uint16_t money_business;
    enum status status = form_text(given->note, "note", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = form_text(given->reference, "reference", REFERENCE_TEXT_MAX, false, why);
    if (status == STATUS_OK && (given->debt <= DAFTARI__V1__TAX_DEBT__TAX_DEBT_NONE ||
                                (size_t)given->debt >= sizeof roles / sizeof roles[0]))
        status = fault_set(why, STATUS_INVALID, "debt", "vat, excise, withholding or payroll");
    if (status != STATUS_OK)
        return status;
    Daftari__V1__AccountRole role = roles[given->debt];
    status = document_begin(&document, context, state, whose(context, state, given, role), given->has_date,
                            given->date, out, why);
    if (status != STATUS_OK)
        return status;
    uint32_t account = document_account(&document, role, CATEGORY_ANY);
    int64_t amount = account != 0 ? amount_of(&document, given, account) : 1;
    document_post_role(&document, role, CATEGORY_ANY, 0, amount, 0);
    uint32_t money = document_money_account(&document, given->account, &money_business);
    document_post_in(&document, money_business, money, 0, -amount, 0);
    Daftari__V1__TaxPaid payload = DAFTARI__V1__TAX_PAID__INIT;
    payload.has_debt = payload.has_amount_minor = payload.has_account = true;
    payload.debt = given->debt;
    payload.amount_minor = amount;
    payload.account = money;
    payload.reference = text_or_none(given->reference);
    payload.note = text_or_none(given->note);
    return document_end(&document, EVENT_TAX_PAID, &payload.base);
}
