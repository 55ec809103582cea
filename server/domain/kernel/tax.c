#include "server/domain/kernel/tax.h"

#define RATE_WHOLE 10000

struct tax_terms tax_terms_of(const struct document *document, uint16_t tax_code)
{
    struct tax_terms terms = {.mode = (enum vat_mode)document_setting(document, PROFILE_VAT_MODE, VAT_NONE),
                              .code = tax_code};
    Daftari__V1__TaxKind kind;
    if (terms.mode == VAT_NONE)
        return terms;
    if (tax_code == 0)
        terms.rate_bp = (uint32_t)document_setting(document, PROFILE_TAX_RATE, 1600);
    else if (!tax_code_rate(document->state, tax_code, document->date, &kind, &terms.rate_bp) ||
             kind != DAFTARI__V1__TAX_KIND__TAX_STANDARD)
        terms.rate_bp = 0;
    return terms;
}

bool tax_split_inclusive(const struct tax_terms *terms, int64_t amount, struct taxed *out)
{
    int64_t tax;
    if (!amount_multiply_divide(amount, terms->rate_bp, RATE_WHOLE + (int64_t)terms->rate_bp, &tax))
        return false;
    *out = (struct taxed){.net = amount - tax, .tax = tax, .gross = amount};
    return true;
}

bool tax_split(const struct tax_terms *terms, int64_t amount, struct taxed *out)
{
    int64_t tax, gross;
    if (terms->mode != VAT_EXCLUSIVE)
        return tax_split_inclusive(terms, amount, out);
    if (!amount_multiply_divide(amount, terms->rate_bp, RATE_WHOLE, &tax) || !amount_add(amount, tax, &gross))
        return false;
    *out = (struct taxed){.net = amount, .tax = tax, .gross = gross};
    return true;
}
