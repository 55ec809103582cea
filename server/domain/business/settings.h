/* The settings of a business: one table of names, forms, defaults and meanings (catalogue 2.2). Values are text with
 * an effective date; later capabilities read them through kernel/lookup.h. */
#ifndef SERVER_DOMAIN_BUSINESS_SETTINGS_H
#define SERVER_DOMAIN_BUSINESS_SETTINGS_H

#include "server/domain/domain.h"
#include "server/domain/kernel/profile.h"

enum setting_kind {
    SETTING_FLAG,     /* true, false */
    SETTING_RATE,     /* percent with two decimals, 0.00 to 999.99 */
    SETTING_AMOUNT,   /* amount in the base currency, not negative */
    SETTING_LIMIT,    /* the same, or empty: no limit */
    SETTING_COUNT,    /* whole number, 0 to 1,000,000 */
    SETTING_TIME,     /* HH:MM */
    SETTING_DAY,      /* MM-DD, or empty: the day that the books have */
    SETTING_CHOICE,   /* one of `choices`, separated by spaces */
    SETTING_TEXT,     /* at most SETTING_VALUE_MAX bytes */
    SETTING_CURRENCY, /* the code of the base currency, or empty */
    SETTING_PRICES,   /* size=amount pairs, "6=230.00,13=215.00" */
    SETTING_SERIES,   /* the prefix of a defined series, or empty: the journal's */
    SETTING_PIN,      /* a taxpayer number, or empty: head office's */
    SETTING_STAGES,   /* words separated by blanks, "?" after one that may be left out */
};

struct setting {
    const char *name;
    enum setting_kind kind;
    const char *fallback; /* value where none was set */
    const char *choices;
    const char *meaning;          /* for people */
    enum profile_setting profile; /* documents ask for it: kept as a number too (kernel/profile.h) */
};

#define SETTING_VALUE_MAX  500u
#define SETTINGS_PER_ORDER 64u /* in one command */

extern const struct setting settings[];
extern const size_t setting_count;

const struct setting *setting_find(const char *name); /* NULL when there is none */

/* SETTING_VALUE_BAD with what would be right. `scale`: decimals of the base currency. */
enum status setting_check(struct kv_txn *state, const struct setting *setting, const char *value,
                          uint32_t scale, const char *field, struct fault *why) MUST_USE;

/* The value as a number, as kernel/profile.h says. False: it is not of the form that the setting has today. */
bool setting_number(struct kv_txn *state, const struct setting *setting, const char *value, uint32_t scale,
                    int64_t *out) MUST_USE;

/* The value of a SETTING_DAY at a date as MMDD; 0 when it is empty. `name` must be in the table (asserted). */
uint32_t setting_day(struct kv_txn *state, uint16_t business, const char *name, civil_date date);

/* The row in effect at a date: since when, and the value (borrowed). False: nothing was set, the fallback holds. */
bool setting_row(struct kv_txn *state, uint16_t business, const char *name, civil_date date,
                 civil_date *out_from, struct slice *out_value);
void setting_row_put(struct kv_txn *state, uint16_t business, const char *name, civil_date from,
                     struct slice value);

#endif
