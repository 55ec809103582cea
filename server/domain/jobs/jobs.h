/*
 * Inside the capability `jobs`: work on what customers bring, whatever the work is. Reading order: rows.c (a job as it stands,
 * what every act shares), lines.c (what it costs), receive.c (taken in, changed, less to pay), pay.c (payments, debts given
 * up, both taken back), move.c (stages, ready, back, collected, reminders), cancel.c, capability.c. The rules in words:
 * docs/domain-trade.md.
 *
 * A job's revenue counts when it is taken in, or when it is ready (`at_ready`). Before it counts, what is paid for it is
 * `held` as a prepayment; from then on its debt is open documents of the customer (kernel/open_item.h): those of the
 * records in `debts`. A job without a customer is paid in full from the beginning and owes nothing, ever.
 */
#ifndef SERVER_DOMAIN_JOBS_JOBS_H
#define SERVER_DOMAIN_JOBS_JOBS_H

#include "job.pb-c.h"
#include "server/domain/kernel/document.h"
#include "server/domain/kernel/job_row.h"
#include "server/domain/kernel/tenders.h"

#define JOB_LINES_MAX 100u
#define JOB_ACTS_MAX  200u /* bounds the row */

decide_fn job_decide_receive, job_decide_change, job_decide_discount, job_decide_move, job_decide_move_back,
    job_decide_pay, job_decide_void_payment, job_decide_write_off, job_decide_collect, job_decide_cancel,
    job_decide_remind;
apply_fn job_apply;
allocated_fn job_allocated;

/* ---- rows.c ------------------------------------------------------------------------------------------------------ */

/* An act on a job while it is decided. */
struct job {
    struct document document;
    uint64_t position;        /* of the record that took it in; 0 while that is decided */
    Daftari__V1__JobRow *row; /* in the arena */
    uint32_t customer;        /* who stands for him now; 0: a walk-in */
    int64_t due;              /* left to pay */
    Daftari__V1__JobRecorded payload;
};
enum {
    RECEIVED = 1u << DAFTARI__V1__JOB_STATE__JOB_RECEIVED,
    AT_WORK = 1u << DAFTARI__V1__JOB_STATE__JOB_AT_WORK,
    READY = 1u << DAFTARI__V1__JOB_STATE__JOB_READY,
    COLLECTED = 1u << DAFTARI__V1__JOB_STATE__JOB_COLLECTED,
};

/* The command's job in the arena, its document begun at `date` (absent: today; not before it was taken in), in one of these
 * states. NULL and *out_status: JOB_UNKNOWN, JOB_STATE, TOO_LARGE, INVALID, DENIED. */
struct job *job_begin(const struct context *context, struct kv_txn *state, const char *number, bool has_date,
                      civil_date date, unsigned states, struct decision *out, struct fault *why,
                      enum status *out_status);
/* The same for an act that names another record of the job than its first. */
struct job *job_begin_at(const struct context *context, struct kv_txn *state, uint64_t position,
                         bool has_date, civil_date date, unsigned states, struct decision *out,
                         struct fault *why, enum status *out_status);

/* Posts on the account that the job's debt, or what is held for it, was put on when it was taken in. */
void job_post_debt(struct job *job, int64_t amount);
void job_post_held(struct job *job, uint32_t party, int64_t amount);
/* Lowers the debt by `amount`, at most what is due: the line, and which documents it settles. */
void job_settle(struct job *job, int64_t amount);
/* What of `held` is still there: the customer may have been paid back since. */
int64_t job_held(const struct job *job);

void job_set_note(struct job *job, const char *note);
void job_set_held(struct job *job, int64_t held);
void job_set_state(struct job *job, Daftari__V1__JobState state, const char *stage);
/* The tenders of a command: 0 when there are none, `due` for one that leaves its amount out. */
int64_t job_money(struct document *document, Daftari__V1__Tender *const *tenders, size_t count, int64_t due,
                  const char *field);
void job_set_tenders(struct job *job, const struct tenders_taken *taken);
/* `prefix` numbers an act that posts; one that does not has no number. The act's cause is the job's first record unless it
 * is set. */
enum status job_end(struct job *job, uint16_t type, const char *prefix);

/* ---- lines.c ----------------------------------------------------------------------------------------------------- */

struct job_lines {
    Daftari__V1__JobLine **rows; /* in the arena */
    size_t count;
    int64_t net, tax, total, discount;
    uint32_t vat_mode;
};
/* Priced at the document's date. What sale_lines_price refuses, JOB_NOT_A_SERVICE, TOTAL_DIFFERS. */
void job_lines_price(struct document *document, Daftari__V1__SaleLine *const *given, size_t count,
                     int64_t discount_minor, bool has_total, int64_t total_minor, struct job_lines *out);
/* Those of a job as it stands; shares its rows. */
void job_lines_of(const Daftari__V1__JobRow *row, struct job_lines *out);
/* The same lines with `amount` less to pay, as the customer sees it. DISCOUNT_TOO_LARGE. */
void job_lines_discount(struct document *document, const struct job_lines *from, int64_t amount,
                        struct job_lines *out);
/* Discounts, revenue and tax of what is in `to` and not in `from`; either may be NULL: nothing. */
void job_lines_post(struct document *document, const struct job_lines *from, const struct job_lines *to);
void job_set_lines(struct job *job, const struct job_lines *lines);

#endif
