/*
 * A row of TABLE_ITEM: a fixed head that document lines are checked against without decoding, then ItemInfo.
 * A row of TABLE_TAX_CODE: kind, count of rates, the rates by date, then TaxCodeInfo.
 * A row of TABLE_PRICE: the prices of one item in one business by date.
 *
 *   item:   off len field                                 tax code:  off len field
 *             0   1 kind (ItemKind)                                    0   1 kind (TaxKind)
 *             1   1 flags: 1 container, 2 active                       1   1 rates, 1 at least for a standard one
 *             2   1 pricing                                            2   8 each: u32 from_date, u32 rate_bp
 *             3   1 reserved = 0                          price:     u32 from_date, i64 price: 12 bytes each
 *             4   2 category, 0 = none
 *             6   2 tax code, 0 = the standard rate of the business's settings
 */
#ifndef SERVER_DOMAIN_KERNEL_ITEM_ROW_H
#define SERVER_DOMAIN_KERNEL_ITEM_ROW_H

#include "catalogue.pb-c.h"
#include "proto/base/date.h"
#include "proto/wire/arena.h"
#include "server/ports/kv.h"

#define ITEM_CODE_MAX 50u

struct item_row {
    uint32_t number;
    bool service; /* not kept in stock */
    bool container;
    bool active;
    Daftari__V1__Pricing pricing;
    uint16_t category;
    uint16_t tax_code;
};

/* By code or barcode; false when there is none. */
bool item_find(struct kv_txn *state, const char *code, struct item_row *out);
bool item_row_get(struct kv_txn *state, uint32_t number, struct item_row *out);
Daftari__V1__ItemInfo *item_info_get(struct kv_txn *state, uint32_t number, struct arena *arena);
/* Its code in the arena; "?" when there is none. */
const char *item_code_of(struct kv_txn *state, uint32_t number, struct arena *arena);
void item_row_put(struct kv_txn *state, const struct item_row *row, const Daftari__V1__ItemInfo *info,
                  struct arena *arena);

/* Category numbers start at 1. The parent of a category, 0 = none. */
bool category_find(struct kv_txn *state, const char *name, uint16_t *out);
uint16_t category_parent(struct kv_txn *state, uint16_t category);
Daftari__V1__CategoryInfo *category_info_get(struct kv_txn *state, uint16_t number, struct arena *arena);

bool tax_code_find(struct kv_txn *state, const char *code, uint16_t *out);
/* Kind and rate in effect at a date. False when there is no such code. */
bool tax_code_rate(struct kv_txn *state, uint16_t code, civil_date date, Daftari__V1__TaxKind *out_kind,
                   uint32_t *out_rate_bp);

/* As it was defined, in the arena, without its rates; NULL when there is none. */
Daftari__V1__TaxCodeInfo *tax_code_info_get(struct kv_txn *state, uint16_t code, struct arena *arena);

/* The price in effect at a date: the business's own, else HQ's. False when there is none. */
bool price_get(struct kv_txn *state, uint32_t item, uint16_t business, civil_date date, int64_t *out_minor);

#endif
