#include "server/domain/catalogue/catalogue.h"
#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/profile.h"
#include "server/domain/kernel/rows.h"
#include "type_ids.h"

/* ---- which account can play which part ------------------------------------------------------------------------- */

#define TYPE(name)  (1u << ACCOUNT_##name)
#define CLASS(name) DAFTARI__V1__ACCOUNT_CLASS__CLASS_##name
#define ROLE(name)  [DAFTARI__V1__ACCOUNT_ROLE__ROLE_##name]

enum side { EITHER_SIDE, NOT_CONTRA, CONTRA_ONLY };
struct fit {
    unsigned types;                  /* bit set by enum account_type */
    Daftari__V1__AccountClass class; /* CLASS_NONE: any but those of the books themselves */
    enum side side;
    const char *right; /* for people */
};
static const struct fit fits[] = {
    ROLE(CASH) = {TYPE(ASSET), CLASS(CASH), NOT_CONTRA, "an asset of class cash"},
    ROLE(MPESA) = {TYPE(ASSET), CLASS(MOBILE_MONEY), NOT_CONTRA, "an asset of class mobile-money"},
    ROLE(BANK) = {TYPE(ASSET) | TYPE(LIABILITY), CLASS(BANK), NOT_CONTRA, "an account of class bank"},
    ROLE(CASH_IN_TRANSIT) = {TYPE(ASSET), CLASS(NONE), NOT_CONTRA, "an asset"},
    ROLE(INVENTORY) = {TYPE(ASSET), CLASS(NONE), NOT_CONTRA, "an asset"},
    ROLE(SHELLS) = {TYPE(ASSET), CLASS(NONE), NOT_CONTRA, "an asset"},
    ROLE(RECEIVABLE) = {TYPE(ASSET), CLASS(NONE), NOT_CONTRA, "an asset"},
    ROLE(SUPPLIER_ADVANCES) = {TYPE(ASSET), CLASS(NONE), NOT_CONTRA, "an asset"},
    ROLE(VAT_INPUT) = {TYPE(ASSET), CLASS(NONE), NOT_CONTRA, "an asset"},
    ROLE(WITHHELD_BY_CUSTOMERS) = {TYPE(ASSET), CLASS(NONE), NOT_CONTRA, "an asset"},
    ROLE(PAYABLE) = {TYPE(LIABILITY), CLASS(NONE), NOT_CONTRA, "a liability"},
    ROLE(UNMATCHED) = {TYPE(LIABILITY), CLASS(NONE), NOT_CONTRA, "a liability"},
    ROLE(DEPOSITS_HELD) = {TYPE(LIABILITY), CLASS(NONE), NOT_CONTRA, "a liability"},
    ROLE(PREPAYMENTS) = {TYPE(LIABILITY), CLASS(NONE), NOT_CONTRA, "a liability"},
    ROLE(VAT_OUTPUT) = {TYPE(LIABILITY), CLASS(NONE), NOT_CONTRA, "a liability"},
    ROLE(VAT_PAYABLE) = {TYPE(LIABILITY), CLASS(NONE), NOT_CONTRA, "a liability"},
    ROLE(EXCISE_PAYABLE) = {TYPE(LIABILITY), CLASS(NONE), NOT_CONTRA, "a liability"},
    ROLE(WITHHOLDING_PAYABLE) = {TYPE(LIABILITY), CLASS(NONE), NOT_CONTRA, "a liability"},
    ROLE(PAYROLL_DEDUCTIONS) = {TYPE(LIABILITY), CLASS(NONE), NOT_CONTRA, "a liability"},
    ROLE(ACCRUED) = {TYPE(LIABILITY), CLASS(NONE), NOT_CONTRA, "a liability"},
    ROLE(CAPITAL) = {TYPE(EQUITY), CLASS(NONE), NOT_CONTRA, "equity"},
    ROLE(DRAWINGS) = {TYPE(EQUITY), CLASS(NONE), EITHER_SIDE, "equity"},
    ROLE(OPENING_DIFFERENCE) = {TYPE(EQUITY), CLASS(NONE), EITHER_SIDE, "equity"},
    ROLE(REVENUE) = {TYPE(REVENUE), CLASS(NONE), NOT_CONTRA, "revenue"},
    ROLE(SHELL_SALES) = {TYPE(REVENUE), CLASS(NONE), NOT_CONTRA, "revenue"},
    ROLE(OTHER_INCOME) = {TYPE(REVENUE), CLASS(NONE), NOT_CONTRA, "revenue"},
    ROLE(DISCOUNTS) = {TYPE(REVENUE), CLASS(NONE), CONTRA_ONLY, "contra revenue"},
    ROLE(COST_OF_SALES) = {TYPE(EXPENSE), CLASS(NONE), EITHER_SIDE, "an expense"},
    ROLE(STOCK_LOSS) = {TYPE(EXPENSE), CLASS(NONE), EITHER_SIDE, "an expense"},
    ROLE(SHELL_LOSS) = {TYPE(EXPENSE), CLASS(NONE), EITHER_SIDE, "an expense"},
    ROLE(PROMOTION) = {TYPE(EXPENSE), CLASS(NONE), EITHER_SIDE, "an expense"},
    ROLE(MAINTENANCE) = {TYPE(EXPENSE), CLASS(NONE), EITHER_SIDE, "an expense"},
    ROLE(CHARGES) = {TYPE(EXPENSE), CLASS(NONE), EITHER_SIDE, "an expense"},
    ROLE(CASH_DIFFERENCE) = {TYPE(EXPENSE), CLASS(NONE), EITHER_SIDE, "an expense"},
    ROLE(BAD_DEBTS) = {TYPE(EXPENSE), CLASS(NONE), EITHER_SIDE, "an expense"},
    ROLE(DEPRECIATION) = {TYPE(EXPENSE), CLASS(NONE), EITHER_SIDE, "an expense"},
    ROLE(ACCUMULATED_DEPRECIATION) = {TYPE(ASSET), CLASS(NONE), CONTRA_ONLY, "a contra asset"},
    ROLE(ROUNDING) = {TYPE(EXPENSE), CLASS(NONE), EITHER_SIDE, "an expense"},
    ROLE(EXCISE) = {TYPE(EXPENSE), CLASS(NONE), EITHER_SIDE, "an expense"},
    ROLE(SALARIES) = {TYPE(EXPENSE), CLASS(NONE), EITHER_SIDE, "an expense"},
    ROLE(SUPPLIES) = {TYPE(EXPENSE), CLASS(NONE), EITHER_SIDE, "an expense"},
    ROLE(SHELL_COST) = {TYPE(EXPENSE), CLASS(NONE), EITHER_SIDE, "an expense"},
    ROLE(EQUIPMENT) = {TYPE(ASSET), CLASS(NONE), NOT_CONTRA, "an asset"},
};

static const struct fit *fit_of(Daftari__V1__AccountRole role)
{
    size_t index = (size_t)role;
    return role > 0 && index < sizeof fits / sizeof fits[0] && fits[index].types != 0 ? &fits[index] : NULL;
}

static bool account_fits(const struct fit *fit, const struct account_row *row)
{
    return (fit->types >> row->type & 1u) != 0 && row->class != CLASS(INTERBUSINESS) &&
           row->class != CLASS(TRADING) && (fit->class == CLASS(NONE) || row->class == fit->class) &&
           (fit->side != NOT_CONTRA || !row->contra) && (fit->side != CONTRA_ONLY || row->contra);
}

static enum status check_account(const struct context *context, struct kv_txn *state, uint16_t business,
                                 const struct fit *fit, uint32_t account, const char *field,
                                 struct fault *why)
{
    struct account_row row;
    if (!account_row_get(state, account, &row))
        return fault_refuse(why, DAFTARI__V1__REASON__ACCOUNT_UNKNOWN, field, "there is no account %u",
                            account);
    if (!row.active)
        return fault_refuse(why, DAFTARI__V1__REASON__ACCOUNT_INACTIVE, field, "account %u is deactivated",
                            account);
    if (row.header)
        return fault_refuse(why, DAFTARI__V1__REASON__ACCOUNT_IS_HEADER, field,
                            "account %u is a heading and takes no postings", account);
    if (row.business != ACCOUNT_SHARED && row.business != business)
        return fault_refuse(why, DAFTARI__V1__REASON__ACCOUNT_UNFIT, field,
                            "account %u belongs to business %s: give one of %s, or a shared one", account,
                            business_code_of(state, row.business, context->arena),
                            business_code_of(state, business, context->arena));
    if (!account_fits(fit, &row))
        return fault_refuse(why, DAFTARI__V1__REASON__ACCOUNT_UNFIT, field,
                            "account %u cannot play this part: give %s", account, fit->right);
    return STATUS_OK;
}

/* ---- set ------------------------------------------------------------------------------------------------------- */

/* What one line comes to. */
struct rule {
    Daftari__V1__AccountRole role;
    uint16_t category;
    uint32_t account; /* 0: the rule goes */
};

static enum status check_line(const struct context *context, struct kv_txn *state, uint16_t business,
                              const Daftari__V1__PostingRuleLine *line, size_t index, struct rule *out,
                              struct fault *why)
{
    char path[FAULT_FIELD_MAX];
    const struct fit *fit = line->has_role ? fit_of(line->role) : NULL;
    enum status status = STATUS_OK;
    if (fit == NULL)
        return fault_set(why, STATUS_INVALID, form_path(path, "rules", index, "role"),
                         "needed: the part that the account plays");
    *out = (struct rule){.role = line->role, .category = CATEGORY_ANY, .account = line->account};
    (void)form_path(path, "rules", index, "category");
    if (!text_empty(line->category) && line->account != 0)
        status = category_require(state, line->category, path, context->arena, &out->category, why);
    else if (!text_empty(line->category) && !category_find(state, line->category, &out->category))
        status = fault_refuse(why, DAFTARI__V1__REASON__CATEGORY_UNKNOWN, path, "there is no category %.100s",
                              line->category);
    if (status == STATUS_OK && line->account != 0)
        status = check_account(context, state, business, fit, line->account,
                               form_path(path, "rules", index, "account"), why);
    return status;
}

static size_t rule_count(const struct profile *profile)
{
    Daftari__V1__AccountRole role;
    uint16_t category;
    uint32_t account;
    size_t count = 0;
    while (profile_rule_at(profile, count, &role, &category, &account))
        count++;
    return count;
}

enum status posting_rule_decide_set(const struct context *context, struct kv_txn *state,
                                    const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__SetPostingRules *set = (const Daftari__V1__SetPostingRules *)command;
    struct rule rules[RULES_PER_ORDER];
    struct profile profile;
    struct facts facts;
    uint16_t business;
    facts_get(state, &facts);
    enum status status =
        business_require(context, state, &facts, set->business, false, "business", &business, why);
    if (status != STATUS_OK)
        return status;
    if (set->n_rules == 0 || set->n_rules > RULES_PER_ORDER)
        return fault_set(why, STATUS_INVALID, "rules", "1 to %u rules", RULES_PER_ORDER);
    profile_get(state, business, context->arena, &profile);
    size_t count = rule_count(&profile), changes = 0;
    for (size_t i = 0; i < set->n_rules; i++) {
        char path[FAULT_FIELD_MAX];
        status = check_line(context, state, business, set->rules[i], i, &rules[i], why);
        if (status != STATUS_OK)
            return status;
        for (size_t j = 0; j < i; j++)
            if (rules[j].role == rules[i].role && rules[j].category == rules[i].category)
                return fault_set(why, STATUS_INVALID, form_path(path, "rules", i, "role"),
                                 "rules[%zu] is for the same part and category", j);
        uint32_t now = profile_rule(&profile, rules[i].role, rules[i].category);
        changes += now != rules[i].account;
        count += now == 0 && rules[i].account != 0;
        count -= now != 0 && rules[i].account == 0;
    }
    if (count > PROFILE_RULES_MAX)
        return fault_refuse(why, DAFTARI__V1__REASON__TOO_MANY_RULES, "rules",
                            "at most %u rules of one business", PROFILE_RULES_MAX);

    /* accepted */
    out->nothing_to_do = changes == 0;
    out->type = EVENT_POSTING_RULES_SET;
    out->business = business;
    return STATUS_OK;
}

void posting_rule_apply_set(struct kv_txn *state, const struct record *record,
                            const ProtobufCMessage *payload, struct arena *arena)
{
    const Daftari__V1__SetPostingRules *set = (const Daftari__V1__SetPostingRules *)payload;
    for (size_t i = 0; i < set->n_rules; i++) {
        const Daftari__V1__PostingRuleLine *line = set->rules[i];
        uint16_t category = CATEGORY_ANY;
        if (!text_empty(line->category) && !category_find(state, line->category, &category)) {
            kv_set_error(state, STATUS_CORRUPT);
            return;
        }
        profile_put_rule(state, record->header.business, line->role, category, line->account, arena);
    }
}
