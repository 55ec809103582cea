/* What the commands of a reconciliation by statement share: statement.c (start, lines, completion), statement_match.c. */
#ifndef SERVER_DOMAIN_RECONCILIATION_STATEMENT_H
#define SERVER_DOMAIN_RECONCILIATION_STATEMENT_H

#include "server/domain/kernel/rows.h"
#include "server/domain/reconciliation/reconciliation.h"

#define STATEMENT_LINE_TEXT_MAX 200u /* a line's description, the reason why one is ignored */
#define LINE_OPEN               "open"
#define LINE_MATCHED            "matched"
#define LINE_IGNORED            "ignored"

/* A reconciliation by statement with all that its commands read. */
struct statement_work {
    Daftari__V1__ReconciliationInfo *info;
    Daftari__V1__StatementSums *sums;
    struct row_key key; /* account, business, currency */
    uint16_t business, currency;
    struct account_row account;
};

struct row_key statement_part_key(uint32_t account, uint16_t business, uint16_t currency);
struct row_key statement_match_key(uint64_t position, uint32_t posting);

/* NULL: the arena is full. */
Daftari__V1__StatementSums *statement_sums_get(struct kv_txn *state, const struct row_key *key,
                                               struct arena *arena);
void statement_sums_put(struct kv_txn *state, const struct row_key *key, Daftari__V1__StatementSums *sums,
                        struct arena *arena);
/* NULL: there is none. */
Daftari__V1__StatementLineInfo *statement_line_get(struct kv_txn *state, const struct statement_work *work,
                                                   uint32_t line, struct arena *arena);
void statement_line_put(struct kv_txn *state, const struct statement_work *work,
                        const Daftari__V1__StatementLineInfo *line, struct arena *arena);
bool statement_is(const char *state, const char *name);

/* All of `work` from its info; false when a row is missing. */
bool statement_work_fill(struct kv_txn *state, struct statement_work *work, struct arena *arena);
/* The same of the reconciliation at `position`, for apply: CORRUPT when it is not there. */
bool statement_work_applied(struct kv_txn *state, uint64_t position, struct statement_work *work,
                            struct arena *arena);
/* The same for a command, which one that is pending takes. */
enum status statement_require_pending(const struct context *context, struct kv_txn *state, uint64_t position,
                                      struct statement_work *work, struct fault *why) MUST_USE;

/* Sums stay within 18 digits, so that nothing overflows. */
enum status statement_check_sum(int64_t sum, int64_t more, const char *field, struct fault *why) MUST_USE;
enum status statement_pack(const ProtobufCMessage *message, struct arena *arena, struct slice *out,
                           struct fault *why) MUST_USE;

#endif
