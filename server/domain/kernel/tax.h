/* VAT of a document line. Source: catalogue 0, 8.3; the one rounding rule of proto/base/money.h, once a line. */
#ifndef SERVER_DOMAIN_KERNEL_TAX_H
#define SERVER_DOMAIN_KERNEL_TAX_H

#include "server/domain/kernel/document.h"
#include "server/domain/kernel/item_row.h"

struct tax_terms {
    enum vat_mode mode;
    uint16_t code;    /* 0: none, or the standard rate of the settings */
    uint32_t rate_bp; /* 0 in a business that is not registered, for zero-rated and exempt items */
};
struct taxed {
    int64_t net, tax, gross; /* net + tax = gross */
};

/* The terms for items of a tax code (0: the standard rate of the settings) in the document's business at its date. */
struct tax_terms tax_terms_of(const struct document *document, uint16_t tax_code);
/* An amount as prices are written there: with tax inside (inclusive) or without (exclusive); either sign. False when out
 * of range. */
bool tax_split(const struct tax_terms *terms, int64_t amount, struct taxed *out) MUST_USE;
/* A cost as suppliers write it, tax inside. */
bool tax_split_inclusive(const struct tax_terms *terms, int64_t amount, struct taxed *out) MUST_USE;

#endif
