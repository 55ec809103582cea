/*
 * The profile of a business: its posting rules and the dated settings that documents ask for, in one row, so that a
 * document costs one look-up for all of it and one more for HQ's, which holds for everybody.
 *
 *   TABLE_PROFILE, u16 business:   u16 rule count, then rules:     u8 role, u8 reserved = 0, u16 category, u32 account
 *                                  then settings to the row's end: u8 setting, u8 reserved = 0, u32 from_date, i64 value
 *   Both sorted by their first fields. Values: a flag 0 or 1, a rate in basis points, an amount in minor units, -1 for a
 *   limit that is none, a count, the place of a choice in its list, the number of a series (0: that of entries).
 */
#ifndef SERVER_DOMAIN_KERNEL_PROFILE_H
#define SERVER_DOMAIN_KERNEL_PROFILE_H

#include "proto/base/date.h"
#include "proto/wire/arena.h"
#include "server/ports/kv.h"
#include "trade.pb-c.h"

/* The settings that are kept here, as numbers; the table in business/settings.c says which is which. Stored: append
 * only. */
enum profile_setting {
    PROFILE_NONE,
    PROFILE_TAX_RATE,
    PROFILE_VAT_MODE,
    PROFILE_NEGATIVE_STOCK,
    PROFILE_ZERO_STOCK, /* 0 block, 1 warn */
    PROFILE_VALUATION,  /* 0 average, 1 fifo */
    PROFILE_CREDIT_LIMIT,
    PROFILE_SALE_SERIES,
    PROFILE_EXPENSE_APPROVAL,
    PROFILE_WITHDRAWAL_APPROVAL,
    PROFILE_COLLECT_PAID,
    PROFILE_RECOGNITION, /* 0 received, 1 ready */
    PROFILE_FLOAT,
    PROFILE_LOW_STOCK,
    PROFILE_DEFAULT_CREDIT, /* limit of a customer without one of his own, -1: none */
    PROFILE_CASHIER_VOID,   /* may he who sold it void it */
    PROFILE_PETTY_CASH,     /* may a cashier record expenses up to this much; -1: none */
    PROFILE_JOB_SERIES,
    PROFILE_EXCISE,       /* minor units a litre; 0: none */
    PROFILE_DAY_REQUIRED, /* is cash taken on open days only */
    PROFILE_SETTINGS
};
enum vat_mode { VAT_NONE, VAT_INCLUSIVE, VAT_EXCLUSIVE };

#define PROFILE_RULES_MAX 512u
#define PROFILE_DATED_MAX 1000u /* values of settings of one business: bounds the row */
#define CATEGORY_ANY      0u

struct profile {
    struct slice rules, settings; /* of the row, in the arena */
};

/* Empty when the business has none. NO_MEMORY is set on the transaction when the arena is full. */
void profile_get(struct kv_txn *state, uint16_t business, struct arena *arena, struct profile *out);

/* The account of a rule of this very category; 0 when there is none. */
uint32_t profile_rule(const struct profile *profile, Daftari__V1__AccountRole role, uint16_t category);
/* The value in effect at a date. False: none was set by then. */
bool profile_setting(const struct profile *profile, enum profile_setting setting, civil_date date,
                     int64_t *out);
/* The same for a business, else for HQ, read in place: for those who need this one setting alone. */
bool profile_setting_of(struct kv_txn *state, uint16_t business, enum profile_setting setting,
                        civil_date date, int64_t *out);

/* The account of a rule of every category, of a business, else of HQ, read in place; 0 when there is none. */
uint32_t profile_rule_of(struct kv_txn *state, uint16_t business, Daftari__V1__AccountRole role);

/* Kernel and business/ only, from apply. A rule of account 0 goes. */
void profile_put_rule(struct kv_txn *state, uint16_t business, Daftari__V1__AccountRole role,
                      uint16_t category, uint32_t account, struct arena *arena);
void profile_put_setting(struct kv_txn *state, uint16_t business, enum profile_setting setting,
                         civil_date from, int64_t value, struct arena *arena);

/* How many dated values it has; at most PROFILE_DATED_MAX. */
size_t profile_setting_count(const struct profile *profile);

/* For lists: rule `index` in order; false past the last. */
bool profile_rule_at(const struct profile *profile, size_t index, Daftari__V1__AccountRole *out_role,
                     uint16_t *out_category, uint32_t *out_account);

#endif
