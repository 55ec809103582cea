/* O-21, O-22, O-25: a job is paid, in parts or more than is due; its balance is given up; either is taken back. */
#include "people.pb-c.h"
#include "server/domain/jobs/jobs.h"
#include "server/domain/kernel/earlier.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/party.h"
#include "type_ids.h"

#define ROLE(name) DAFTARI__V1__ACCOUNT_ROLE__ROLE_##name

static void nothing_owed(struct document *document, const char *field, int64_t due)
{
    char text[AMOUNT_TEXT_MAX];
    document_amount(document, due, text);
    document_fail(document,
                  fault_refuse(document->why, DAFTARI__V1__REASON__NOTHING_OWED, field, "%s is due", text));
}

/* ---- paid ----------------------------------------------------------------------------------------------------------- */

enum status job_decide_pay(const struct context *context, struct kv_txn *state,
                           const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__PayJob *given = (const Daftari__V1__PayJob *)command;
    struct tenders_taken taken = {0};
    enum status status = form_text(given->note, "note", DESCRIPTION_TEXT_MAX, false, why);
    if (status != STATUS_OK)
        return status;
    struct job *job = job_begin(context, state, given->number, given->has_date, given->date,
                                RECEIVED | AT_WORK | READY | COLLECTED, out, why, &status);
    if (job == NULL)
        return status;
    struct document *document = &job->document;
    if (job->due <= 0)
        nothing_owed(document, "number", 0);
    if (document->status == STATUS_OK && given->n_tenders == 0)
        document_fail(document, fault_set(why, STATUS_INVALID, "tenders", "how it was paid"));
    int64_t sum = job_money(document, given->tenders, given->n_tenders, job->due, "tenders");
    int64_t part = sum < job->due ? sum : job->due;
    struct tender_terms terms = {
        .flow = TENDER_IN,
        .field = "tenders",
        .party = job->customer,
        .prepayment = job->row->recognised,
    };
    tenders_take(document, given->tenders, given->n_tenders, sum, &terms, &taken);
    if (job->row->recognised) {
        job_settle(job, part);
    } else {
        job_post_held(job, job->customer, -part);
        job_set_held(job, job->row->held_minor + part);
    }
    job_post_held(job, job->customer, part - sum);
    job_set_tenders(job, &taken);
    job_set_note(job, given->note);
    job->payload.has_settled_minor = true;
    job->payload.settled_minor = part;
    job->payload.has_ahead_minor = sum != part;
    job->payload.ahead_minor = sum - part;
    return job_end(job, EVENT_JOB_PAYMENT_RECEIVED, "PR");
}

/* ---- given up --------------------------------------------------------------------------------------------------------- */

/* The tax in a part of the job's total. */
static int64_t tax_in(const Daftari__V1__JobRow *row, int64_t amount)
{
    int64_t tax = 0;
    if (row->total_minor == 0 || !amount_multiply_divide(row->tax_minor, amount, row->total_minor, &tax))
        return 0; /* `amount` is at most the total */
    return tax;
}

enum status job_decide_write_off(const struct context *context, struct kv_txn *state,
                                 const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__WriteOffJob *given = (const Daftari__V1__WriteOffJob *)command;
    enum status status = form_text(given->reason, "reason", DESCRIPTION_TEXT_MAX, true, why);
    if (status == STATUS_OK && given->has_amount_minor && given->amount_minor <= 0)
        status = fault_set(why, STATUS_INVALID, "amount_minor", "an amount of more than zero");
    if (status != STATUS_OK)
        return status;
    struct job *job = job_begin(context, state, given->number, given->has_date, given->date,
                                RECEIVED | AT_WORK | READY | COLLECTED, out, why, &status);
    if (job == NULL)
        return status;
    struct document *document = &job->document;
    int64_t owed = job->row->recognised ? job->due : 0;
    int64_t amount = given->has_amount_minor ? given->amount_minor : owed;
    if (owed <= 0 || amount > owed)
        nothing_owed(document, given->has_amount_minor ? "amount_minor" : "number", owed);
    int64_t relief = given->tax_relief ? tax_in(job->row, amount) : 0;
    document_post_role(document, ROLE(BAD_DEBTS), 0, 0, amount - relief, 0);
    document_post_role(document, ROLE(VAT_OUTPUT), 0, 0, relief, 0);
    job_settle(job, amount);
    job_set_note(job, given->reason);
    job->payload.has_settled_minor = true;
    job->payload.settled_minor = amount;
    job->payload.has_relief_minor = relief != 0;
    job->payload.relief_minor = relief;
    job->payload.has_written_off_minor = true;
    job->payload.written_off_minor = job->row->written_off_minor + amount;
    return job_end(job, EVENT_JOB_BALANCE_WRITTEN_OFF, "AJ");
}

/* ---- taken back ------------------------------------------------------------------------------------------------------- */

static const struct earlier_terms earlier = {
    .type = EVENT_JOB_PAYMENT_RECEIVED,
    .last = EVENT_JOB_BALANCE_WRITTEN_OFF,
    .payload = &daftari__v1__job_recorded__descriptor,
    .unknown = DAFTARI__V1__REASON__JOB_PAYMENT_UNKNOWN,
    .what = "a payment of a job, like PR-20250102-0001",
};

/* Whoever may reverse entries (and approve, of a debt that was given up), and he who took a payment in on its own day
 * where the business lets him: as for other payments. */
static bool may_void(const struct document *document, const struct record *act)
{
    bool approves = document_may(document, DAFTARI__V1__PERMISSION__APPROVE, PERMISSION_WRITE);
    if (act->header.type == EVENT_JOB_BALANCE_WRITTEN_OFF && !approves)
        return false;
    bool own_today = act->header.type == EVENT_JOB_PAYMENT_RECEIVED &&
                     act->header.user == document->context->user &&
                     act->header.business_date == document->context->today;
    return document_may(document, DAFTARI__V1__PERMISSION__JOURNAL, PERMISSION_WRITE) ||
           (own_today && document_setting(document, PROFILE_CASHIER_VOID, 1) != 0);
}

static const Daftari__V1__JobAct *act_of(const struct job *job, uint64_t position)
{
    for (size_t i = 0; i < job->row->n_acts; i++)
        if (job->row->acts[i]->position == position)
            return job->row->acts[i];
    return NULL;
}

static void check_void(struct job *job, const struct record *record, const Daftari__V1__JobRecorded *was)
{
    struct document *document = &job->document;
    const Daftari__V1__JobAct *act = act_of(job, record->header.position);
    int64_t kept = was->ahead_minor + (was->has_held_minor ? was->settled_minor : 0);
    if (act == NULL || act->undone) {
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__JOB_PAYMENT_VOID, "number",
                                             "it was taken back already"));
        return;
    }
    if (was->has_held_minor && job->row->recognised) {
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__JOB_PAYMENT_USED, "number",
                                             "the job is ready and its revenue counts: move it back first"));
        return;
    }
    uint32_t account = document_account(document, ROLE(PREPAYMENTS), 0);
    if (kept != 0 && job->customer != 0 &&
        -party_balance(document->state, job->customer, account, document->business) < kept)
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__PREPAYMENT_INSUFFICIENT,
                                             "number", "what it paid ahead was used since"));
}

static void set_void(struct job *job, const struct record *record, const Daftari__V1__JobRecorded *was)
{
    Daftari__V1__JobRecorded *payload = &job->payload;
    payload->has_undone = true;
    payload->undone = record->header.position;
    payload->n_tenders = was->n_tenders;
    payload->tenders = was->tenders;
    payload->has_settled_minor = true;
    payload->settled_minor = -was->settled_minor;
    if (was->has_held_minor) {
        int64_t held = job->row->held_minor - was->settled_minor;
        job_set_held(job, held > 0 ? held : 0);
    }
    if (was->has_written_off_minor) {
        payload->has_written_off_minor = true;
        payload->written_off_minor = job->row->written_off_minor - was->settled_minor;
    }
}

enum status job_decide_void_payment(const struct context *context, struct kv_txn *state,
                                    const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__VoidJobPayment *given = (const Daftari__V1__VoidJobPayment *)command;
    ProtobufCMessage *message = NULL;
    struct record record;
    enum status status = form_text(given->reason, "reason", DESCRIPTION_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = earlier_find(context, state, given->number, &earlier, &record, &message, why);
    if (status != STATUS_OK)
        return status;
    const Daftari__V1__JobRecorded *was = (const Daftari__V1__JobRecorded *)message;
    struct job *job = job_begin_at(context, state, was->job, given->has_date, given->date,
                                   RECEIVED | AT_WORK | READY | COLLECTED, out, why, &status);
    if (job == NULL)
        return status;
    if (job->document.date < record.header.business_date)
        return fault_set(why, STATUS_INVALID, "date", "the day of the payment or a later one");
    if (!may_void(&job->document, &record))
        return fault_set(why, STATUS_DENIED, "number", "you may void payments of today that you took in");
    check_void(job, &record, was);
    document_mirror(&job->document, &record);
    tenders_put_back(&job->document, was->tenders, was->n_tenders, job->customer);
    out->cause = record.header.position;
    job_set_note(job, given->reason);
    set_void(job, &record, was);
    return job_end(job, EVENT_JOB_PAYMENT_VOIDED, NULL);
}
