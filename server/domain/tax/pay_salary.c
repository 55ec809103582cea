/* O-16: excise on what was packaged; O-72: a salary is paid. */
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/item_row.h"
#include "server/domain/kernel/stock.h"
#include "server/domain/tax/tax.h"
#include "type_ids.h"

#define ROLE(name)     DAFTARI__V1__ACCOUNT_ROLE__ROLE_##name
#define REASON(name)   DAFTARI__V1__REASON__##name
#define LINES_MAX      100u
#define DEDUCTIONS_MAX 20u

/* ---- Tax.AccrueExcise ------------------------------------------------------------------------------------------------- */

static Daftari__V1__ExciseLine *
excise_line(struct document *document, const Daftari__V1__AccrueExciseLine *given, size_t index, int64_t rate)
{
    char path[FAULT_FIELD_MAX];
    struct item_row item;
    struct arena *arena = document->context->arena;
    int64_t litres_milli = 0, amount = 0;
    if (text_empty(given->item) || !item_find(document->state, given->item, &item)) {
        document_fail(document,
                      fault_refuse(document->why, REASON(ITEM_UNKNOWN),
                                   form_path(path, "lines", index, "item"), "there is no item %.50s",
                                   given->item != NULL ? given->item : ""));
        return NULL;
    }
    const Daftari__V1__ItemInfo *info = item_info_get(document->state, item.number, arena);
    if (info == NULL || info->volume_ml == 0) {
        document_fail(document, fault_set(document->why, STATUS_INVALID,
                                          form_path(path, "lines", index, "item"), "an item with a volume"));
        return NULL;
    }
    if (given->quantity_milli <= 0 || given->quantity_milli > QUANTITY_MAX) {
        document_fail(document, fault_set(document->why, STATUS_INVALID,
                                          form_path(path, "lines", index, "quantity_milli"),
                                          "a quantity of more than zero"));
        return NULL;
    }
    Daftari__V1__ExciseLine *row = message_new(&daftari__v1__excise_line__descriptor, arena);
    if (row == NULL || !amount_multiply_divide(given->quantity_milli, info->volume_ml, 1000, &litres_milli) ||
        !amount_multiply_divide(litres_milli, rate, 1000, &amount)) {
        document_fail(document, fault_refuse(document->why, REASON(AMOUNT_OUT_OF_RANGE), "lines",
                                             "the excise has more than 18 digits"));
        return NULL;
    }
    row->has_item = row->has_quantity_milli = row->has_litres_milli = row->has_amount_minor = true;
    row->item = item.number;
    row->quantity_milli = given->quantity_milli;
    row->litres_milli = litres_milli;
    row->amount_minor = amount;
    return row;
}

enum status tax_decide_excise(const struct context *context, struct kv_txn *state,
                              const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__AccrueExcise *given = (const Daftari__V1__AccrueExcise *)command;
    Daftari__V1__ExciseAccrued payload = DAFTARI__V1__EXCISE_ACCRUED__INIT;
    struct document document;
    enum status status = form_text(given->note, "note", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK && (given->n_lines == 0 || given->n_lines > LINES_MAX))
        status = fault_set(why, STATUS_INVALID, "lines", "1 to %u lines", LINES_MAX);
    if (status == STATUS_OK)
        status = document_begin(&document, context, state, given->business, given->has_date, given->date, out,
                                why);
    if (status != STATUS_OK)
        return status;
    int64_t rate = document_setting(&document, PROFILE_EXCISE, 0);
    if (rate <= 0)
        return fault_refuse(why, REASON(EXCISE_OFF), "business",
                            "no excise is set for this business: see the setting excise_per_litre");
    payload.lines = arena_take(context->arena, given->n_lines * sizeof(Daftari__V1__ExciseLine *));
    if (payload.lines == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "too many lines");
    for (size_t i = 0; document.status == STATUS_OK && i < given->n_lines; i++) {
        Daftari__V1__ExciseLine *row = excise_line(&document, given->lines[i], i, rate);
        if (row == NULL)
            break;
        payload.lines[payload.n_lines++] = row;
        document_post_role(&document, ROLE(EXCISE), CATEGORY_ANY, 0, row->amount_minor, 0);
        document_post_role(&document, ROLE(EXCISE_PAYABLE), CATEGORY_ANY, 0, -row->amount_minor, 0);
    }
    payload.has_per_litre_minor = true;
    payload.per_litre_minor = rate;
    payload.note = text_or_none(given->note);
    return document_end(&document, EVENT_EXCISE_ACCRUED, &payload.base);
}

/* ---- Salary.Pay --------------------------------------------------------------------------------------------------------- */

static enum status form_salary(const Daftari__V1__PaySalary *given, int64_t *out_deducted, struct fault *why)
{
    char path[FAULT_FIELD_MAX];
    enum status status = form_text(given->employee, "employee", 200, true, why);
    if (status == STATUS_OK)
        status = form_text(given->reference, "reference", REFERENCE_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = form_text(given->note, "note", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK && (given->gross_minor <= 0 || given->gross_minor > AMOUNT_MAX))
        status = fault_set(why, STATUS_INVALID, "gross_minor", "an amount of more than zero");
    if (status == STATUS_OK && given->n_deductions > DEDUCTIONS_MAX)
        status = fault_set(why, STATUS_INVALID, "deductions", "at most %u", DEDUCTIONS_MAX);
    *out_deducted = 0;
    for (size_t i = 0; status == STATUS_OK && i < given->n_deductions; i++) {
        const Daftari__V1__Deduction *deduction = given->deductions[i];
        status = form_text(deduction->name, form_path(path, "deductions", i, "name"), 100, true, why);
        if (status == STATUS_OK &&
            (deduction->amount_minor <= 0 || deduction->amount_minor > given->gross_minor - *out_deducted))
            status = fault_set(why, STATUS_INVALID, form_path(path, "deductions", i, "amount_minor"),
                               "more than zero, and with the others at most the gross");
        if (status == STATUS_OK)
            *out_deducted += deduction->amount_minor;
    }
    return status;
}

enum status salary_decide_pay(const struct context *context, struct kv_txn *state,
                              const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__PaySalary *given = (const Daftari__V1__PaySalary *)command;
    struct document document;
    uint16_t money_business;
    int64_t deducted;
    enum status status = form_salary(given, &deducted, why);
    if (status == STATUS_OK)
        status = document_begin(&document, context, state, given->business, given->has_date, given->date, out,
                                why);
    if (status != STATUS_OK)
        return status;
    document_post_role(&document, ROLE(SALARIES), CATEGORY_ANY, 0, given->gross_minor, 0);
    uint32_t money = document_money_account(&document, given->account, &money_business);
    document_post_in(&document, money_business, money, 0, deducted - given->gross_minor, 0);
    document_post_where_it_belongs(&document, ROLE(PAYROLL_DEDUCTIONS), -deducted);
    return document_end(&document, EVENT_SALARY_PAID, NULL);
}
