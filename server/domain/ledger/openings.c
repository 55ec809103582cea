/* O-01: the opening balances of a business against the owner's capital. */
#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/numbering.h"
#include "server/domain/kernel/periods.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/ledger/ledger.h"
#include "type_ids.h"

static enum status check_line(const struct context *context, struct kv_txn *state, uint16_t business,
                              const Daftari__V1__OpeningLine *line, size_t index, struct posting *out,
                              struct fault *why)
{
    char path[FAULT_FIELD_MAX];
    struct account_row account;
    const char *field = form_path(path, "lines", index, "account");
    if (!account_row_get(state, line->account, &account))
        return fault_refuse(why, DAFTARI__V1__REASON__ACCOUNT_UNKNOWN, field,
                            "there is no account %u in the chart", line->account);
    if (!account.active)
        return fault_refuse(why, DAFTARI__V1__REASON__ACCOUNT_INACTIVE, field,
                            "account %u is deactivated: reactivate it, or use another", line->account);
    if (account.header)
        return fault_refuse(why, DAFTARI__V1__REASON__ACCOUNT_IS_HEADER, field,
                            "account %u only groups others: post to one of those", line->account);
    if (account.type == ACCOUNT_REVENUE || account.type == ACCOUNT_EXPENSE)
        return fault_refuse(why, DAFTARI__V1__REASON__OPENING_ACCOUNT_TYPE, field,
                            "assets, liabilities and equity have opening balances, not accounts of type %s",
                            account_type_name(account.type));
    if (account.business != ACCOUNT_SHARED && account.business != business)
        return fault_refuse(why, DAFTARI__V1__REASON__ACCOUNT_OF_OTHER_BUSINESS, field,
                            "account %u belongs to business %s", line->account,
                            business_code_of(state, account.business, context->arena));
    *out = (struct posting){.account = line->account, .business = business, .currency = BASE_CURRENCY};
    if (!text_empty(line->currency) && !currency_find(state, line->currency, &out->currency))
        return fault_refuse(why, DAFTARI__V1__REASON__CURRENCY_UNKNOWN,
                            form_path(path, "lines", index, "currency"),
                            "there is no currency %.30s: define it first", line->currency);
    (void)form_path(path, "lines", index, "balance_minor");
    if (line->balance_minor == 0)
        return fault_refuse(why, DAFTARI__V1__REASON__LINE_AMOUNT_MISSING, path,
                            "a balance other than zero: leave out accounts without one");
    if (line->balance_minor > AMOUNT_MAX || line->balance_minor < -AMOUNT_MAX)
        return fault_refuse(why, DAFTARI__V1__REASON__AMOUNT_OUT_OF_RANGE, path, "at most 18 digits");
    out->amount = account_normal_sign(&account) * line->balance_minor;
    return STATUS_OK;
}

/* What is missing to zero in each currency goes to the capital account. */
static enum status add_capital(const struct context *context, struct kv_txn *state, uint16_t business,
                               struct decision *out, struct fault *why)
{
    size_t given = out->posting_count;
    struct posting *sums = arena_take(context->arena, given * sizeof *sums);
    uint32_t capital = account_of_class(state, DAFTARI__V1__ACCOUNT_CLASS__CLASS_CAPITAL, business);
    size_t used = 0;
    if (sums == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the opening balances are too many to check");
    for (size_t i = 0; i < given; i++) {
        size_t at = 0;
        while (at < used && sums[at].currency != out->postings[i].currency)
            at++;
        if (at == used)
            sums[used++] = (struct posting){
                .account = capital, .business = business, .currency = out->postings[i].currency};
        if (!amount_subtract(sums[at].amount, out->postings[i].amount, &sums[at].amount))
            return fault_refuse(why, DAFTARI__V1__REASON__AMOUNT_OUT_OF_RANGE, "lines",
                                "the balances add up to more than 18 digits");
    }
    for (size_t i = 0; i < used; i++) {
        if (sums[i].amount == 0)
            continue;
        if (capital == 0)
            return fault_refuse(
                why, DAFTARI__V1__REASON__ACCOUNT_UNKNOWN, "lines",
                "the chart needs an equity account of class capital (3100) for the difference");
        if (out->posting_count == POSTINGS_MAX)
            return fault_refuse(why, DAFTARI__V1__REASON__TOO_MANY_LINES, "lines", "at most %u lines",
                                POSTINGS_MAX);
        out->postings[out->posting_count++] = sums[i];
    }
    return STATUS_OK;
}

enum status opening_decide_post(const struct context *context, struct kv_txn *state,
                                const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__PostOpening *opening = (const Daftari__V1__PostOpening *)command;
    struct facts facts;
    uint16_t business;
    uint64_t earlier;
    enum status status = form_text(opening->description, "description", DESCRIPTION_TEXT_MAX, false, why);
    if (status != STATUS_OK)
        return status;
    if (opening->n_lines == 0)
        return fault_refuse(why, DAFTARI__V1__REASON__ENTRY_TOO_FEW_LINES, "lines",
                            "at least one account and balance");
    if (opening->n_lines > ENTRY_LINES_MAX)
        return fault_refuse(why, DAFTARI__V1__REASON__TOO_MANY_LINES, "lines", "at most %u lines, got %zu",
                            ENTRY_LINES_MAX, opening->n_lines);
    facts_get(state, &facts);
    status = business_require(context, state, &facts, opening->business, false, "business", &business, why);
    if (status != STATUS_OK)
        return status;
    struct row_key key = row_key_u16(business);
    if (row_get_u64(state, TABLE_OPENING, row_key_slice(&key), &earlier))
        return fault_refuse(why, DAFTARI__V1__REASON__OPENING_EXISTS, "business",
                            "its opening balances stand at position %llu: reverse them first",
                            (unsigned long long)earlier);
    civil_date date = opening->has_date ? opening->date : context->today;
    status = date_check(context, state, &facts, date, why);
    out->posting_count = 0;
    for (size_t i = 0; status == STATUS_OK && i < opening->n_lines; i++)
        status = check_line(context, state, business, opening->lines[i], i,
                            &out->postings[out->posting_count++], why);
    if (status == STATUS_OK)
        status = add_capital(context, state, business, out, why);
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_OPENING_BALANCES_POSTED;
    out->business = business;
    out->business_date = date;
    out->series = facts.entry_series;
    out->number = number_next(state, facts.entry_series, date);
    return STATUS_OK;
}

void opening_apply_post(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                        struct arena *arena)
{
    struct row_key key = row_key_u16(record->header.business);
    (void)payload;
    (void)arena;
    row_put_u64(state, TABLE_OPENING, row_key_slice(&key), record->header.position);
}
