/*
 * The rules of a journal entry. The order of the checks is documented in docs/domain.md and tested: form, business,
 * type, date, then line by line (account, business, currency, amount, party), then the entry as a whole. The kernel's law
 * (balances in range, negative rule) comes after all of these.
 */
#include <stdio.h>

#include "people.pb-c.h"
#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/document.h"
#include "server/domain/kernel/effects.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/numbering.h"
#include "server/domain/kernel/party.h"
#include "server/domain/kernel/periods.h"
#include "server/domain/ledger/ledger.h"

/* ---- form ---------------------------------------------------------------------------------------------------------- */

static enum status form_line(const Daftari__V1__EntryLine *line, size_t index, struct fault *why)
{
    char path[FAULT_FIELD_MAX];
    if (line->description != NULL && strlen(line->description) > LINE_TEXT_MAX)
        return fault_set(why, STATUS_INVALID, form_path(path, "lines", index, "description"),
                         "at most %u bytes", LINE_TEXT_MAX);
    if (line->party != NULL && strlen(line->party) > NAME_TEXT_MAX)
        return fault_set(why, STATUS_INVALID, form_path(path, "lines", index, "party"), "at most %u bytes",
                         NAME_TEXT_MAX);
    if (line->n_tags == 0)
        return STATUS_OK;
    return form_tags(line->tags, line->n_tags, form_path(path, "lines", index, "tags"), why);
}

enum status entry_check_form(const Daftari__V1__PostEntry *entry, struct fault *why)
{
    enum status status = form_text(entry->description, "description", DESCRIPTION_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = form_text(entry->reference, "reference", REFERENCE_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = form_tags(entry->tags, entry->n_tags, "tags", why);
    if (status == STATUS_OK && entry->n_lines > ENTRY_LINES_MAX)
        status = fault_refuse(why, DAFTARI__V1__REASON__TOO_MANY_LINES, "lines", "at most %u lines, got %zu",
                              ENTRY_LINES_MAX, entry->n_lines);
    for (size_t i = 0; status == STATUS_OK && i < entry->n_lines; i++)
        status = form_line(entry->lines[i], i, why);
    return status;
}

/* ---- type ---------------------------------------------------------------------------------------------------------- */

static enum status check_type(struct kv_txn *state, const Daftari__V1__PostEntry *entry,
                              enum entry_origin origin, uint16_t business, civil_date date, struct fault *why)
{
    static const char *const reserved[] = {"OPN", "REV", "CLS"};
    const char *type = entry->type;
    uint16_t number;
    bool active;
    if (origin == ENTRY_ADJUSTMENT) {
        if (text_empty(type) || strcmp(type, "ADJ") == 0)
            return STATUS_OK;
        return fault_set(why, STATUS_INVALID, "type", "an adjustment is of type ADJ: leave the type out");
    }
    if (text_empty(type))
        return STATUS_OK; /* GEN, which is always there */
    if (!transaction_type_find(state, type, &number, &active))
        return fault_refuse(why, DAFTARI__V1__REASON__TYPE_UNKNOWN, "type",
                            "there is no transaction type %.20s", type);
    if (!active)
        return fault_refuse(why, DAFTARI__V1__REASON__TYPE_INACTIVE, "type",
                            "transaction type %s is deactivated", type);
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (strcmp(type, reserved[i]) == 0)
            return fault_refuse(why, DAFTARI__V1__REASON__TYPE_RESERVED, "type",
                                "entries of type %s come from their own operation only", type);
    if (strcmp(type, "ADJ") == 0 && setting_is_true(state, business, "adjustment_requires_approval", date))
        return fault_refuse(why, DAFTARI__V1__REASON__ADJUSTMENT_NEEDS_APPROVAL, "type",
                            "request the adjustment and let somebody else approve it");
    return STATUS_OK;
}

/* ---- lines --------------------------------------------------------------------------------------------------------- */

/* What lines have in common while they are checked. Names are remembered since neighbours usually repeat them. */
struct line_check {
    const struct context *context;
    struct kv_txn *state;
    const struct facts *facts;
    uint16_t entry_business;
    const char *business_name; /* last one looked up */
    uint16_t business;
    const char *currency_name;
    uint16_t currency;
    struct fault *why;
};

static enum status check_account(const struct line_check *check, uint32_t number, size_t index,
                                 struct account_row *out)
{
    char path[FAULT_FIELD_MAX];
    if (!account_row_get(check->state, number, out))
        return fault_refuse(check->why, DAFTARI__V1__REASON__ACCOUNT_UNKNOWN,
                            form_path(path, "lines", index, "account"), "there is no account %u in the chart",
                            number);
    if (!out->active)
        return fault_refuse(check->why, DAFTARI__V1__REASON__ACCOUNT_INACTIVE,
                            form_path(path, "lines", index, "account"),
                            "account %u is deactivated: reactivate it, or use another", number);
    if (out->header)
        return fault_refuse(check->why, DAFTARI__V1__REASON__ACCOUNT_IS_HEADER,
                            form_path(path, "lines", index, "account"),
                            "account %u only groups others: post to one of those", number);
    return STATUS_OK;
}

/* The line's own word, else the account's owner, else HQ for a bank (catalogue 3), else the entry's business. */
static enum status check_business(struct line_check *check, const Daftari__V1__EntryLine *line,
                                  const struct account_row *account, size_t index, uint16_t *out)
{
    char path[FAULT_FIELD_MAX];
    const char *code = line->business;
    if (code == NULL && account->business != ACCOUNT_SHARED)
        *out = account->business;
    else if (code == NULL)
        *out = account->class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_BANK ? HEAD_OFFICE : check->entry_business;
    else if (check->business_name != NULL && strcmp(check->business_name, code) == 0)
        *out = check->business;
    else if (!business_find(check->state, code, out))
        return fault_refuse(check->why, DAFTARI__V1__REASON__BUSINESS_UNKNOWN,
                            form_path(path, "lines", index, "business"), "there is no business %.20s", code);
    if (code != NULL) {
        check->business_name = code;
        check->business = *out;
    }
    if (!facts_business_active(check->facts, *out))
        return fault_refuse(check->why, DAFTARI__V1__REASON__BUSINESS_INACTIVE,
                            form_path(path, "lines", index, "business"),
                            "business %s is deactivated and takes no new documents",
                            business_code_of(check->state, *out, check->context->arena));
    if (account->business != ACCOUNT_SHARED && account->business != *out)
        return fault_refuse(check->why, DAFTARI__V1__REASON__ACCOUNT_OF_OTHER_BUSINESS,
                            form_path(path, "lines", index, "business"),
                            "account %u belongs to business %s and takes postings of that one only",
                            line->account,
                            business_code_of(check->state, account->business, check->context->arena));
    if (!may_in_business(check->context->rights, *out, PERMISSION_WRITE))
        return fault_set(check->why, STATUS_DENIED, form_path(path, "lines", index, "business"),
                         "you may not record in business %s",
                         business_code_of(check->state, *out, check->context->arena));
    return STATUS_OK;
}

static enum status check_currency(struct line_check *check, const Daftari__V1__EntryLine *line, size_t index,
                                  uint16_t *out)
{
    char path[FAULT_FIELD_MAX];
    *out = BASE_CURRENCY;
    if (text_empty(line->currency))
        return STATUS_OK;
    if (check->currency_name == NULL || strcmp(check->currency_name, line->currency) != 0) {
        if (!currency_find(check->state, line->currency, &check->currency))
            return fault_refuse(check->why, DAFTARI__V1__REASON__CURRENCY_UNKNOWN,
                                form_path(path, "lines", index, "currency"),
                                "there is no currency %.30s: define it first", line->currency);
        check->currency_name = line->currency;
    }
    *out = check->currency;
    return STATUS_OK;
}

/* Exactly one of debit and credit, more than zero; an explicit zero counts as absent. */
static enum status check_amount(const struct line_check *check, const Daftari__V1__EntryLine *line,
                                size_t index, int64_t *out)
{
    char path[FAULT_FIELD_MAX];
    bool debit = line->debit_minor != 0;
    int64_t amount = debit ? line->debit_minor : line->credit_minor;
    const char *field = debit || line->credit_minor == 0 ? "debit_minor" : "credit_minor";
    if (amount <= 0 || (debit && line->credit_minor != 0))
        return fault_refuse(check->why, DAFTARI__V1__REASON__LINE_AMOUNT_MISSING,
                            form_path(path, "lines", index, field),
                            "exactly one of debit and credit, and more than zero");
    if (amount > AMOUNT_MAX)
        return fault_refuse(check->why, DAFTARI__V1__REASON__AMOUNT_OUT_OF_RANGE,
                            form_path(path, "lines", index, field), "at most 18 digits");
    *out = debit ? amount : -amount;
    return STATUS_OK;
}

/* Who may not see customers, or suppliers, does not learn here who is one. */
static enum status check_party(const struct line_check *check, const Daftari__V1__EntryLine *line,
                               size_t index, uint32_t *out)
{
    const struct rights *rights = check->context->rights;
    char path[FAULT_FIELD_MAX];
    struct party_row party;
    if (text_empty(line->party))
        return STATUS_OK;
    bool customers = rights == NULL || rights_allow(rights, DAFTARI__V1__PERMISSION__SALES, PERMISSION_READ);
    bool suppliers = rights == NULL || rights_allow(rights, DAFTARI__V1__PERMISSION__MONEY, PERMISSION_READ);
    if (!(customers && party_find(check->state, PARTY_IS_CUSTOMER, line->party, &party)) &&
        !(suppliers && party_find(check->state, PARTY_IS_SUPPLIER, line->party, &party)))
        return fault_refuse(check->why, DAFTARI__V1__REASON__PARTY_UNKNOWN,
                            form_path(path, "lines", index, "party"),
                            "the phone or code of a customer or the name of a supplier that you may see");
    *out = party.number;
    return STATUS_OK;
}

static enum status check_line(struct line_check *check, const Daftari__V1__EntryLine *line, size_t index,
                              struct posting *out)
{
    struct account_row account;
    *out = (struct posting){.account = line->account};
    enum status status = check_account(check, line->account, index, &account);
    if (status == STATUS_OK)
        status = check_business(check, line, &account, index, &out->business);
    if (status == STATUS_OK)
        status = check_currency(check, line, index, &out->currency);
    if (status == STATUS_OK)
        status = check_amount(check, line, index, &out->amount);
    if (status == STATUS_OK)
        status = check_party(check, line, index, &out->party);
    return status;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------ */

static enum status check_both_sides(const struct decision *decision, struct fault *why)
{
    bool debit = false, credit = false;
    for (size_t i = 0; i < decision->posting_count; i++) {
        debit = debit || decision->postings[i].amount > 0;
        credit = credit || decision->postings[i].amount < 0;
    }
    if (debit && credit)
        return STATUS_OK;
    return fault_refuse(why, DAFTARI__V1__REASON__ENTRY_TOO_FEW_LINES, "lines",
                        "at least one line with a debit and one with a credit");
}

struct currency_sum {
    uint16_t currency;
    int128 debit, credit;
};

static enum status unbalanced(const struct context *context, struct kv_txn *state,
                              const struct currency_sum *sum, struct fault *why)
{
    char debit[AMOUNT_TEXT_MAX] = "more than fits", credit[AMOUNT_TEXT_MAX] = "more than fits";
    const Daftari__V1__CurrencyInfo *currency = currency_info_get(state, sum->currency, context->arena);
    uint32_t scale = currency != NULL ? currency->scale : 0;
    if (sum->debit <= AMOUNT_MAX)
        (void)amount_format_grouped((int64_t)sum->debit, scale, debit);
    if (sum->credit <= AMOUNT_MAX)
        (void)amount_format_grouped((int64_t)sum->credit, scale, credit);
    return fault_refuse(why, DAFTARI__V1__REASON__ENTRY_UNBALANCED, "lines",
                        "debits of %s and credits of %s %s differ: they must be equal", debit, credit,
                        currency != NULL && currency->code != NULL ? currency->code : "");
}

static enum status check_balanced(const struct context *context, struct kv_txn *state,
                                  const struct decision *decision, struct fault *why)
{
    struct currency_sum *sums = arena_take(context->arena, decision->posting_count * sizeof *sums);
    size_t used = 0;
    if (sums == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the entry is too large to check");
    for (size_t i = 0; i < decision->posting_count; i++) {
        const struct posting *posting = &decision->postings[i];
        size_t at = 0;
        while (at < used && sums[at].currency != posting->currency)
            at++;
        if (at == used)
            sums[used++] = (struct currency_sum){.currency = posting->currency};
        if (posting->amount > 0)
            sums[at].debit += posting->amount;
        else
            sums[at].credit -= posting->amount;
    }
    for (size_t i = 0; i < used; i++)
        if (sums[i].debit != sums[i].credit)
            return unbalanced(context, state, &sums[i], why);
    return STATUS_OK;
}

/* Lines that name the control account themselves, when a common cost is split say, must leave it at nothing over all
 * businesses, since consolidation counts on that. Those that are added do: the rest of a balanced entry adds up to
 * nothing. */
static enum status check_control_lines(const struct facts *facts, const struct decision *decision,
                                       struct fault *why)
{
    for (size_t i = 0; i < decision->posting_count; i++) {
        const struct posting *first = &decision->postings[i];
        int128 sum = 0;
        if (first->account != facts->control_account)
            continue;
        for (size_t j = 0; j < decision->posting_count; j++)
            if (decision->postings[j].account == first->account &&
                decision->postings[j].currency == first->currency)
                sum += decision->postings[j].amount;
        if (sum != 0)
            return fault_refuse(
                why, DAFTARI__V1__REASON__ENTRY_UNBALANCED, "lines",
                "lines on the inter-business control account %u must add up to nothing: leave "
                "them out, the ledger adds what is missing",
                first->account);
    }
    return STATUS_OK;
}

enum status entry_check(const struct context *context, struct kv_txn *state,
                        const Daftari__V1__PostEntry *entry, enum entry_origin origin, struct decision *out,
                        struct fault *why)
{
    struct facts facts;
    struct line_check check = {.context = context, .state = state, .facts = &facts, .why = why};
    enum status status = entry_check_form(entry, why);
    if (status == STATUS_OK && entry->n_lines < 2)
        status = fault_refuse(why, DAFTARI__V1__REASON__ENTRY_TOO_FEW_LINES, "lines",
                              "at least one line with a debit and one with a credit");
    if (status != STATUS_OK)
        return status;
    facts_get(state, &facts);
    status = business_require(context, state, &facts, entry->business, false, "business",
                              &check.entry_business, why);
    if (status != STATUS_OK)
        return status;
    civil_date date = entry->has_date ? entry->date : context->today;
    status = check_type(state, entry, origin, check.entry_business, date, why);
    if (status == STATUS_OK)
        status = date_check(context, state, &facts, date, why);
    out->posting_count = 0;
    for (size_t i = 0; status == STATUS_OK && i < entry->n_lines; i++)
        status = check_line(&check, entry->lines[i], i, &out->postings[out->posting_count++]);
    if (status == STATUS_OK)
        status = check_both_sides(out, why);
    if (status == STATUS_OK)
        status = check_balanced(context, state, out, why);
    if (status == STATUS_OK)
        status = check_control_lines(&facts, out, why);
    if (status == STATUS_OK)
        status = control_lines_add(context, state, &facts, out, why);
    if (status != STATUS_OK)
        return status;
    out->business = check.entry_business;
    out->business_date = date;
    out->series = facts.entry_series;
    out->number = number_next(state, facts.entry_series, date);
    return STATUS_OK;
}

/* ---- who may see and touch --------------------------------------------------------------------------------------- */

uint16_t entry_named_business(struct kv_txn *state, const Daftari__V1__PostEntry *entry)
{
    uint16_t business = HEAD_OFFICE;
    if (entry->business != NULL)
        (void)business_find(state, entry->business, &business);
    return business;
}

static bool touchable(const struct rights *rights, struct kv_txn *state, const Daftari__V1__PostEntry *entry,
                      enum permission_level level)
{
    uint16_t business = HEAD_OFFICE;
    if (rights == NULL)
        return true;
    if ((entry->business == NULL || business_find(state, entry->business, &business)) &&
        !may_in_business(rights, business, level))
        return false;
    for (size_t i = 0; i < entry->n_lines; i++) {
        const Daftari__V1__EntryLine *line = entry->lines[i];
        struct account_row account;
        bool known;
        if (line->business != NULL) {
            known = business_find(state, line->business, &business);
        } else { /* whose account it is says as much */
            known = account_row_get(state, line->account, &account) && account.business != ACCOUNT_SHARED;
            business = known ? account.business : business;
        }
        if (known && !may_in_business(rights, business, level))
            return false;
    }
    return true;
}

bool entry_readable(const struct rights *rights, struct kv_txn *masters, const Daftari__V1__PostEntry *entry)
{
    return touchable(rights, masters, entry, PERMISSION_READ);
}

bool entry_writable(const struct rights *rights, struct kv_txn *state, const Daftari__V1__PostEntry *entry)
{
    return touchable(rights, state, entry, PERMISSION_WRITE);
}
