/*
 * Inside the capability `tax`. Reading order: group.c (the businesses of a PIN and their VAT accounts), vat.c (the VAT of a
 * month is settled, or a settlement withdrawn), pay.c (taxes are paid), pay_salary.c (excise, salaries), capability.c. The rules in words: docs/domain-tax.md.
 *
 *   TABLE_VAT_RETURN, u16 first business of the PIN, u32 month YYYYMM -> VatReturnInfo
 */
#ifndef SERVER_DOMAIN_TAX_TAX_H
#define SERVER_DOMAIN_TAX_TAX_H

#include "server/domain/kernel/document.h"
#include "tax.pb-c.h"

decide_fn vat_decide_file, vat_decide_withdraw, tax_decide_pay, tax_decide_excise, salary_decide_pay;
apply_fn vat_apply_filed, vat_apply_withdrawn;
query_fn vat_query_list;

/* The businesses that file together. */
struct vat_group {
    const char *pin; /* in the arena; "" when none is set */
    uint16_t lead;   /* the first of them */
    size_t count;
    uint16_t businesses[BUSINESSES_MAX];
};
/* At a date, of a PIN, or of all businesses when none is given and they have no more than one. TAX_PIN_UNKNOWN,
 * TAX_PIN_MISSING. */
enum status vat_group_find(const struct document *document, const char *pin, civil_date date,
                           struct vat_group *out, struct fault *why) MUST_USE;

/* The account that plays a part in another business than the document's; 0: there is none. */
uint32_t tax_account_of(const struct document *document, uint16_t business, Daftari__V1__AccountRole role);

/* An account of class cash, mobile money or bank: the one given, else the bank of the posting rules; and the business that
 * its line is of. ACCOUNT_UNKNOWN, ACCOUNT_UNFIT, DENIED where the caller may not write in that business. Field "account". */
uint32_t document_money_account(struct document *document, uint32_t given, uint16_t *out_business);

/* Posts in the business that the account of the part belongs to; in the document's when it is shared. */
void document_post_where_it_belongs(struct document *document, Daftari__V1__AccountRole role, int64_t amount);

#endif
