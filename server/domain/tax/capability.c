#include "people.pb-c.h"
#include "server/domain/capabilities.h"
#include "server/domain/tax/tax.h"
#include "type_ids.h"

#define COMMAND(method, message, needs, what)                                                                \
    {                                                                                                        \
        .name = method, .kind = METHOD_COMMAND, .request = &daftari__v1__##message##__descriptor,            \
        .response = &daftari__v1__recorded__descriptor, .permission = DAFTARI__V1__PERMISSION__##needs,      \
        .level = PERMISSION_WRITE, .decide = what                                                            \
    }

static const struct method methods[] = {
    {
        .name = "Invoice.Export",
        .kind = METHOD_QUERY,
        .streams = true,
        .request = &daftari__v1__export_invoices__descriptor,
        .response = &daftari__v1__etims_invoice__descriptor,
        .permission = DAFTARI__V1__PERMISSION__EXPORTS,
        .level = PERMISSION_READ,
    },
    COMMAND("Salary.Pay", pay_salary, MONEY, salary_decide_pay),
    COMMAND("Tax.AccrueExcise", accrue_excise, JOURNAL, tax_decide_excise),
    COMMAND("Tax.FileVat", file_vat_return, JOURNAL, vat_decide_file),
    {
        .name = "Tax.ListVat",
        .kind = METHOD_QUERY,
        .streams = true,
        .request = &daftari__v1__list_vat_returns__descriptor,
        .response = &daftari__v1__vat_return_info__descriptor,
        .permission = DAFTARI__V1__PERMISSION__FINANCE_REPORTS,
        .level = PERMISSION_READ,
        .query = vat_query_list,
    },
    COMMAND("Tax.Pay", pay_tax, MONEY, tax_decide_pay),
    COMMAND("Tax.WithdrawVat", withdraw_vat_return, JOURNAL, vat_decide_withdraw),
};

static const struct event_type events[] = {
    {
        .type = EVENT_VAT_RETURN_FILED,
        .name = "VatReturnFiled",
        .payload = &daftari__v1__vat_return_filed__descriptor,
        .apply = vat_apply_filed,
        .master = true,
        .undo = UNDO_OWN_WAY,
        .undo_how = "withdraw the return",
        .entry_type = "TAX",
        .title = "VAT return",
    },
    {
        .type = EVENT_VAT_RETURN_WITHDRAWN,
        .name = "VatReturnWithdrawn",
        .payload = &daftari__v1__vat_return_withdrawn__descriptor,
        .apply = vat_apply_withdrawn,
        .master = true,
        .undo = UNDO_IS,
        .entry_type = "TAX",
        .title = "VAT return withdrawn",
    },
    {
        .type = EVENT_TAX_PAID,
        .name = "TaxPaid",
        .payload = &daftari__v1__tax_paid__descriptor,
        .undo = UNDO_BY_REVERSAL,
        .entry_type = "TAX",
        .title = "Tax payment",
    },
    {
        .type = EVENT_EXCISE_ACCRUED,
        .name = "ExciseAccrued",
        .payload = &daftari__v1__excise_accrued__descriptor,
        .undo = UNDO_BY_REVERSAL,
        .entry_type = "TAX",
        .title = "Excise",
    },
    {
        .type = EVENT_SALARY_PAID,
        .name = "SalaryPaid",
        .payload = &daftari__v1__pay_salary__descriptor,
        .undo = UNDO_BY_REVERSAL,
        .entry_type = "EXP",
        .title = "Salary",
    },
};

const struct capability capability_tax = {
    .name = "tax",
    .methods = methods,
    .method_count = sizeof methods / sizeof methods[0],
    .events = events,
    .event_count = sizeof events / sizeof events[0],
};
