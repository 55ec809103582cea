/*
 * How a trading document becomes a decision: business, date and rights checked once, accounts found by the part they
 * play, postings and movements added, the inter-business lines at the end. What goes wrong is said to `why` at once;
 * every call but the first does nothing after a failure (`status` is sticky), so that a capability's decide reads like
 * the table of journal lines it implements. Pure; everything lives in the decision's arena.
 */
#ifndef SERVER_DOMAIN_KERNEL_DOCUMENT_H
#define SERVER_DOMAIN_KERNEL_DOCUMENT_H

#include "server/domain/domain.h"
#include "server/domain/kernel/facts.h"
#include "server/domain/kernel/profile.h"

struct document {
    const struct context *context;
    struct kv_txn *state;
    struct decision *out;
    struct fault *why;
    enum status status; /* the first failure */
    struct facts facts;
    uint16_t business;
    civil_date date;
    struct profile own;    /* of `business` */
    struct profile common; /* of HQ */
};

/* The business (needed: a code; active; the caller may write there) and the date (absent: today; by date_check). */
enum status document_begin(struct document *document, const struct context *context, struct kv_txn *state,
                           const char *business, bool has_date, civil_date date, struct decision *out,
                           struct fault *why) MUST_USE;

/* A setting of the business at the document's date; `fallback` where neither it nor HQ has one. */
int64_t document_setting(const struct document *document, enum profile_setting setting, int64_t fallback);
/* An amount of the base currency as text for people. */
void document_amount(const struct document *document, int64_t minor, char out[AMOUNT_TEXT_MAX]);
bool document_may(const struct document *document, unsigned permission, enum permission_level level);

/* The account that plays a part for items of a category (0: none): the business's rule for the category, for the
 * categories above it, for any; then HQ's in the same order. 0: there is none. */
uint32_t document_account(const struct document *document, Daftari__V1__AccountRole role, uint16_t category);

/* Adds `amount` (debit positive; 0 adds nothing) to an account of the document's business: to the posting that is there
 * already for the same account, business, party and side among those from `from` on, else a new one. A bank account that
 * belongs to nobody is HQ's. POSTING_RULE_MISSING, ACCOUNT_UNKNOWN, ACCOUNT_OF_OTHER_BUSINESS, AMOUNT_OUT_OF_RANGE,
 * TOO_MANY_LINES. */
void document_post(struct document *document, uint32_t account, uint32_t party, int64_t amount, size_t from);
void document_post_in(struct document *document, uint16_t business, uint32_t account, uint32_t party,
                      int64_t amount, size_t from);
void document_post_role(struct document *document, Daftari__V1__AccountRole role, uint16_t category,
                        uint32_t party, int64_t amount, size_t from);

/* A number of the series with this prefix, of the journal's when the books have no such series. NULL: the journal's. */
void document_number(struct document *document, const char *prefix);
void document_number_of(struct document *document, uint16_t series);

/* The first failure; else a payload of `message`, the inter-business lines, and the decision's business, date and type. */
enum status document_end(struct document *document, uint16_t type, const ProtobufCMessage *payload) MUST_USE;

/* The mirror of a record's postings and movements, in the same order: for a void. */
void document_mirror(struct document *document, const struct record *record);

/* Ends a document that moves nothing yet, a request or a note of something: no number, no lines. */
enum status document_end_unposted(struct document *document, uint16_t type,
                                  const ProtobufCMessage *payload) MUST_USE;

/* To say a failure: sets `status` unless one is set already. */
void document_fail(struct document *document, enum status status);

/* Lines on the inter-business control account (1900) for every business and currency that the postings alone leave
 * unbalanced. CONTROL_ACCOUNT_MISSING, TOO_MANY_LINES, AMOUNT_OUT_OF_RANGE. */
enum status control_lines_add(const struct context *context, struct kv_txn *state, const struct facts *facts,
                              struct decision *out, struct fault *why) MUST_USE;

#endif
