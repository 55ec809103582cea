/*
 * Inside the capability `catalogue`: what is sold, bought and stocked, and which account plays which part. All of it is
 * master data: nothing here posts. Reading order: categories.c, tax_codes.c, items.c, prices.c, posting_rules.c,
 * queries.c, capability.c. Rows that documents read are in kernel/item_row.h and kernel/profile.h. The rules in words,
 * with the order of checks: docs/domain-trade.md.
 */
#ifndef SERVER_DOMAIN_CATALOGUE_CATALOGUE_H
#define SERVER_DOMAIN_CATALOGUE_CATALOGUE_H

#include "catalogue.pb-c.h"
#include "server/domain/domain.h"
#include "server/domain/kernel/facts.h"
#include "server/domain/kernel/item_row.h"
#include "trade.pb-c.h"

#define CATEGORY_NAME_MAX   100u
#define CATEGORY_LEVELS_MAX 16u /* as many as kernel/document.c goes up */
#define BARCODES_MAX        10u
#define UNIT_TEXT_MAX       20u
#define TAX_CODE_MAX        10u
#define TAX_CLASS_MAX       50u
#define RATE_BP_MAX         9999u
#define RATES_MAX           255u /* their count is one byte */
#define RATE_BYTES          8u   /* rows of rates and prices: kernel/item_row.h */
#define PRICE_BYTES         12u
#define PRICES_PER_ORDER    500u
#define PRICES_MAX          1000u /* dated prices of one item in one business */
#define RULES_PER_ORDER     64u

decide_fn category_decide_define, category_decide_deactivate;
apply_fn category_apply_define, category_apply_deactivate;
query_fn category_query_list;

decide_fn item_decide_define, item_decide_change, item_decide_deactivate, item_decide_reactivate;
apply_fn item_apply_define, item_apply_change, item_apply_deactivate, item_apply_reactivate;
query_fn item_query_list, item_query_show;

decide_fn tax_code_decide_define, tax_code_decide_set_rate;
apply_fn tax_code_apply_define, tax_code_apply_set_rate;
query_fn tax_code_query_list;

decide_fn price_decide_set;
apply_fn price_apply_set;
query_fn price_query_list;

decide_fn posting_rule_decide_set;
apply_fn posting_rule_apply_set;
query_fn posting_rule_query_list;

/* A category that a command names: there (CATEGORY_UNKNOWN) and active (CATEGORY_INACTIVE). */
enum status category_require(struct kv_txn *state, const char *name, const char *field, struct arena *arena,
                             uint16_t *out, struct fault *why) MUST_USE;
/* A tax code that a command names (TAX_CODE_UNKNOWN). */
enum status tax_code_require(struct kv_txn *state, const char *code, const char *field, uint16_t *out,
                             struct fault *why) MUST_USE;
/* An item that a command names by its code or a barcode (ITEM_UNKNOWN). */
enum status item_require(struct kv_txn *state, const char *code, const char *field, struct item_row *out,
                         struct fault *why) MUST_USE;

/* Dated values: today when absent, a real date, not before the books (DATE_BEFORE_BOOKS). */
enum status from_date_check(const struct context *context, const struct facts *facts, bool given,
                            civil_date date, civil_date *out, struct fault *why) MUST_USE;

/* The stored parts of a row of TABLE_TAX_CODE. `rates` and `info` are borrowed; false when there is none. */
struct tax_code_row {
    Daftari__V1__TaxKind kind;
    struct slice rates; /* RATE_BYTES each, by date */
    struct slice info;  /* TaxCodeInfo without its rates */
};
bool tax_code_row_get(struct kv_txn *state, uint16_t number, struct tax_code_row *out);
bool tax_code_row_decode(struct kv_txn *state, struct slice row, struct tax_code_row *out);

/* The number of a new row, in the record's own number field (no series: it is no document). */
enum status catalogue_give_number(uint32_t number, uint32_t max, struct decision *out,
                                  struct fault *why) MUST_USE;

#endif
