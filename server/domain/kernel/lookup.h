/* Look-ups of master rows by what people write. Texts from requests are NUL-terminated and already valid UTF-8. */
#ifndef SERVER_DOMAIN_KERNEL_LOOKUP_H
#define SERVER_DOMAIN_KERNEL_LOOKUP_H

#include "books.pb-c.h"
#include "business.pb-c.h"
#include "server/domain/domain.h"
#include "server/domain/kernel/balance.h"
#include "server/domain/kernel/facts.h"

/* The number of a business by its code; false when there is none. */
bool business_find(struct kv_txn *state, const char *code, uint16_t *out);
Daftari__V1__BusinessInfo *business_info_get(struct kv_txn *state, uint16_t number, struct arena *arena);
/* The code of a business in the arena; "?" when there is none (a stored posting always has one). */
const char *business_code_of(struct kv_txn *state, uint16_t number, struct arena *arena);

bool currency_find(struct kv_txn *state, const char *code, uint16_t *out);
Daftari__V1__CurrencyInfo *currency_info_get(struct kv_txn *state, uint16_t number, struct arena *arena);

bool transaction_type_find(struct kv_txn *state, const char *code, uint16_t *out, bool *out_active);

Daftari__V1__OpenBooks *books_get(struct kv_txn *state,
                                  struct arena *arena); /* NULL before they are opened */

/* May the one who asks do this in that business? The server itself (no rights) may. */
bool may_in_business(const struct rights *rights, uint16_t business, enum permission_level level);
/* DENIED, naming the business, unless he may write in it. */
enum status require_business(const struct context *context, uint16_t business, const char *code,
                             const char *field, struct fault *why) MUST_USE;
/* A business that a command names: known (BUSINESS_UNKNOWN), active unless `even_inactive` (BUSINESS_INACTIVE), and
 * permitted to write in. An absent code is HQ. */
enum status business_require(const struct context *context, struct kv_txn *state, const struct facts *facts,
                             const char *code, bool even_inactive, const char *field, uint16_t *out,
                             struct fault *why) MUST_USE;

/* The same for what configures a business, active or not: that takes access at level admin. */
enum status business_configure(const struct context *context, struct kv_txn *state, const struct facts *facts,
                               const char *code, const char *field, uint16_t *out,
                               struct fault *why) MUST_USE;

/* A flag's value at a date: the business's own, else the default of the table in business/settings.c. `name` must be in
 * that table (asserted). */
bool setting_is_true(struct kv_txn *state, uint16_t business, const char *name, civil_date date);

/* The same of any setting, as text in the arena; NULL when that is full. */
const char *setting_text_of(struct kv_txn *state, uint16_t business, const char *name, civil_date date,
                            struct arena *arena);
/* The taxpayer number of a business at a date: its own, else that of head office, else "". NULL when the arena is full. */
const char *business_pin(struct kv_txn *state, uint16_t business, civil_date date, struct arena *arena);
/* The text of a setting at a date: the business's own, else HQ's, else the default. Borrowed until the next write. */
struct slice setting_text(struct kv_txn *state, uint16_t business, const char *name, civil_date date);

/* The setting job_stages: one more than the most stages are found only in a text that is not of its form. */
#define JOB_STAGES_MAX 8u
#define JOB_STAGE_MAX  30u /* bytes of a name */
struct job_stage {
    struct slice name; /* borrowed from the text */
    bool optional;     /* may be left out */
};
size_t job_stages_read(struct slice text, struct job_stage out[JOB_STAGES_MAX + 1]);

/* The e-mail of a user for answers that say who; "server" for 0; "unknown" when there is no such row. */
const char *user_email_of(struct kv_txn *state, uint32_t user, struct arena *arena);

#endif
