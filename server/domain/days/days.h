/*
 * Inside the capability `days`. Reading order: count.c (opening and counting: what is there against what the books say),
 * close.c (the Z report, reopening), info.c (what is kept of every day, and its
 * queries), capability.c. What a closed day means to other documents: kernel/till_day.h; what a
 * Z report is made of: kernel/day_book.h. The rules in words: docs/domain-money.md.
 */
#ifndef SERVER_DOMAIN_DAYS_DAYS_H
#define SERVER_DOMAIN_DAYS_DAYS_H

#include "day.pb-c.h"
#include "server/domain/kernel/document.h"
#include "server/domain/kernel/till_day.h"

decide_fn day_decide_open, day_decide_count, day_decide_close, day_decide_reopen;
apply_fn day_apply_opened, day_apply_counted, day_apply_closed, day_apply_reopened;
query_fn day_query_list, day_query_show;

/* A till while something is done to its day (count.c). */
struct till {
    struct document document;
    uint32_t account;
    bool main;
    struct till_day day;
    int64_t counted, expected, difference; /* difference: counted less expected */
};
/* What a command says of the cash that is there. */
struct given_cash {
    bool has_counted;
    int64_t counted;
    Daftari__V1__CountedCash **rows;
    size_t count;
};

/* The till that a command means: 0 for the one that the posting rules name. After document_begin of till->document.
 * POSTING_RULE_MISSING, ACCOUNT_UNKNOWN, ACCOUNT_UNFIT, ACCOUNT_OF_OTHER_BUSINESS. */
void till_find_account(struct till *till, uint32_t account);
/* The same for a till whose day is open: the document is dated on that day. DAY_NOT_OPEN. */
enum status till_begin_open(struct till *till, const struct context *context, struct kv_txn *state,
                            const char *business, uint32_t account, struct decision *out,
                            struct fault *why) MUST_USE;
/* What was counted, what the books say at the end of the document's date, and the difference. COUNT_DIFFERS. */
void till_count(struct till *till, const struct given_cash *given);
/* O-63: what is too much or missing, against cash over and short. */
void till_post_difference(struct till *till);
/* ---- what is kept of every day (info.c), from apply ----------------------------------------------------------------- */

void day_info_opened(struct kv_txn *state, const struct record *record,
                     const Daftari__V1__CashCounted *opened, struct arena *arena);
void day_info_counted(struct kv_txn *state, const struct record *record, uint32_t account,
                      struct arena *arena);
void day_info_closed(struct kv_txn *state, const struct record *record, const Daftari__V1__DayClosed *closed,
                     struct arena *arena);
void day_info_reopened(struct kv_txn *state, const struct record *record, uint32_t account,
                       struct arena *arena);

#endif
