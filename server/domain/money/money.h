/*
 * Inside the capability `money`. Reading order: categories.c (what expenses are for), expense.c (one is recorded),
 * undo.c (void, release of an accrual), moves.c (money changes its place), requests.c (what waits for somebody else), capability.c. The rules in words:
 * docs/domain-trade.md.
 */
#ifndef SERVER_DOMAIN_MONEY_MONEY_H
#define SERVER_DOMAIN_MONEY_MONEY_H

#include "money.pb-c.h"
#include "server/domain/kernel/tax.h"
#include "server/domain/kernel/tenders.h"

decide_fn expense_category_decide_define, expense_category_decide_deactivate;
decide_fn expense_decide_record, expense_decide_petty, expense_decide_void, expense_decide_release;
decide_fn deposit_decide_record, withdrawal_decide_record, drawing_decide_record, contribution_decide_record,
    transfer_decide_record, float_decide_give, float_decide_take;
decide_fn request_decide_approve, request_decide_reject;
apply_fn expense_category_apply_define, expense_category_apply_deactivate;
apply_fn expense_apply_recorded, expense_apply_undone;
apply_fn money_apply_moved;
apply_fn request_apply_requested, request_apply_rejected;
query_fn expense_category_query_list, request_query_list;

/* ---- categories (categories.c) ------------------------------------------------------------------------------------ */

bool expense_category_find(struct kv_txn *state, const char *name, uint16_t *out);
/* NULL when there is none. */
Daftari__V1__ExpenseCategoryInfo *expense_category_get(struct kv_txn *state, uint16_t number,
                                                       struct arena *arena);
/* One that is in use, by its name: EXPENSE_CATEGORY_UNKNOWN, EXPENSE_CATEGORY_INACTIVE, field "category". NULL then. */
Daftari__V1__ExpenseCategoryInfo *expense_category_named(struct document *document, const char *name);

/* ---- expenses (expense.c) ----------------------------------------------------------------------------------------- */

/* A request that is approved by what is decided. */
struct approved {
    uint64_t request;      /* its position; 0: none, the limits hold */
    uint32_t requested_by; /* user */
};
/* What is asked for beside the expense itself. */
struct expense_terms {
    bool petty;
    struct approved approved;
};
enum status expense_decide(const struct context *context, struct kv_txn *state,
                           const Daftari__V1__RecordExpense *given, const struct expense_terms *terms,
                           struct decision *out, struct fault *why) MUST_USE;

/* One that is neither void nor released, by its number (undo.c): EXPENSE_UNKNOWN, EXPENSE_UNDONE. Borrowed from the log
 * until the next read; the message is in the arena. */
enum status expense_find(const struct context *context, struct kv_txn *state, const char *number,
                         struct record *out, const Daftari__V1__ExpenseRecorded **out_expense,
                         struct fault *why) MUST_USE;

/* Absent, or 64 hexadecimal digits. */
enum status attachment_form(const char *sha256, const char *field, struct fault *why) MUST_USE;

/* ---- money that changes its place (moves.c) ------------------------------------------------------------------------ */

/* A request by the kind that it was stored with: "withdrawal", "drawing". */
enum status money_decide_kind(const struct context *context, struct kv_txn *state,
                              const Daftari__V1__MoveMoney *given, const char *kind,
                              const struct approved *approved, struct decision *out,
                              struct fault *why) MUST_USE;

/* ---- requests (requests.c) ---------------------------------------------------------------------------------------- */

/* From apply of a record that approves: the request is settled. */
void request_settle(struct kv_txn *state, uint64_t request, const struct record *record, bool approved,
                    const char *reason, struct arena *arena);

#endif
