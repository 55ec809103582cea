/* O-20, O-23: a job is taken in, changed before work began, becomes cheaper. */
#include "server/domain/jobs/jobs.h"
#include "server/domain/kernel/form.h"
#include "server/domain/sales/sales.h"
#include "type_ids.h"

#define ROLE(name) DAFTARI__V1__ACCOUNT_ROLE__ROLE_##name

static void check_promised(struct document *document, bool has_date, civil_date promised, civil_date received)
{
    if (document->status == STATUS_OK && has_date && (!date_valid(promised) || promised < received))
        document_fail(document, fault_set(document->why, STATUS_INVALID, "promised_date",
                                          "the day it was taken in or a later one"));
}

static void needs_customer(struct document *document)
{
    document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__CUSTOMER_MISSING, "customer",
                                         "a job without a customer is paid in full when it is taken in, and "
                                         "stays as it is"));
}

/* ---- taken in ------------------------------------------------------------------------------------------------------- */

/* What is paid at once: `part` of the job, the rest ahead. */
static void take_first_money(struct job *job, const Daftari__V1__ReceiveJob *given, int64_t total,
                             int64_t *out_part)
{
    struct document *document = &job->document;
    struct tenders_taken taken = {0};
    int64_t sum = job_money(document, given->tenders, given->n_tenders, total, "tenders");
    *out_part = sum < total ? sum : total;
    if (job->customer == 0 && sum < total)
        needs_customer(document);
    struct tender_terms terms = {
        .flow = TENDER_IN,
        .field = "tenders",
        .party = job->customer,
        .prepayment = !job->row->at_ready,
        .change = job->customer == 0,
    };
    if (given->n_tenders != 0)
        tenders_take(document, given->tenders, given->n_tenders, job->customer == 0 ? total : sum, &terms,
                     &taken);
    job_set_tenders(job, &taken);
    int64_t ahead = job->customer == 0 ? 0 : sum - *out_part;
    job->payload.has_settled_minor = *out_part != 0;
    job->payload.settled_minor = *out_part;
    job->payload.has_ahead_minor = ahead != 0;
    job->payload.ahead_minor = ahead;
}

/* The rule that his credit is checked when work is taken in, whenever its revenue counts. */
static void check_credit(struct job *job, int64_t rest)
{
    struct document *document = &job->document;
    int64_t more = rest;
    if (document->status != STATUS_OK || job->customer == 0 || rest <= 0)
        return;
    int64_t in_hand =
        job_in_hand(document->state, document->business, job->customer, document->context->arena);
    if (!amount_add(rest, in_hand, &more))
        more = AMOUNT_MAX;
    sale_check_credit(document, job->customer, more, false, NULL);
}

static void set_first(struct job *job, const Daftari__V1__ReceiveJob *given, const struct job_lines *lines,
                      int64_t part)
{
    Daftari__V1__JobRecorded *payload = &job->payload;
    job_set_lines(job, lines);
    job_set_state(job, DAFTARI__V1__JOB_STATE__JOB_RECEIVED, NULL);
    job_set_note(job, given->note);
    payload->has_customer = job->customer != 0;
    payload->customer = job->customer;
    payload->has_promised_date = given->has_promised_date;
    payload->promised_date = given->promised_date;
    payload->has_at_ready = payload->at_ready = job->row->at_ready;
    payload->has_recognised = payload->recognised = !job->row->at_ready;
    payload->has_receivable = payload->has_prepayments = true;
    payload->receivable = job->row->receivable;
    payload->prepayments = job->row->prepayments;
    if (job->row->at_ready)
        job_set_held(job, part);
}

enum status job_decide_receive(const struct context *context, struct kv_txn *state,
                               const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__ReceiveJob *given = (const Daftari__V1__ReceiveJob *)command;
    Daftari__V1__JobRow row = DAFTARI__V1__JOB_ROW__INIT;
    struct job job = {.row = &row};
    struct document *document = &job.document;
    struct job_lines lines;
    int64_t part = 0;
    daftari__v1__job_recorded__init(&job.payload);
    enum status status = form_text(given->note, "note", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status =
            document_begin(document, context, state, given->business, given->has_date, given->date, out, why);
    if (status != STATUS_OK)
        return status;
    check_promised(document, given->has_promised_date, given->promised_date, document->date);
    row.at_ready = document_setting(document, PROFILE_RECOGNITION, 0) != 0;
    row.receivable = document_account(document, ROLE(RECEIVABLE), 0);
    row.prepayments = document_account(document, ROLE(PREPAYMENTS), 0);
    job.customer = document_customer(document, given->customer);
    job_lines_price(document, given->lines, given->n_lines, given->discount_minor, given->has_total_minor,
                    given->total_minor, &lines);
    if (document->status == STATUS_OK)
        take_first_money(&job, given, lines.total, &part);
    check_credit(&job, lines.total - part);
    if (row.at_ready) {
        job_post_held(&job, job.customer, -part);
    } else {
        job_post_debt(&job, lines.total - part);
        job_lines_post(document, NULL, &lines);
    }
    job_post_held(&job, job.customer, -job.payload.ahead_minor);
    set_first(&job, given, &lines, part);
    document_number_of(document, (uint16_t)document_setting(document, PROFILE_JOB_SERIES, 0));
    return job_end(&job, EVENT_JOB_RECEIVED, NULL);
}

/* ---- other amounts ---------------------------------------------------------------------------------------------------- */

/* The job comes to `lines` from now on. What was paid above that is the customer's prepayment. */
static void reprice(struct job *job, const struct job_lines *lines)
{
    struct document *document = &job->document;
    struct job_lines before;
    job_lines_of(job->row, &before);
    int64_t more = lines->total - before.total;
    if (document->status != STATUS_OK)
        return;
    if (job->customer == 0 && more != 0)
        needs_customer(document);
    if (document->status == STATUS_OK && job->row->written_off_minor != 0)
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__JOB_WRITTEN_OFF, "number",
                                             "something of it was given up: take that back first"));
    if (more > 0)
        check_credit(job, more);
    job_set_lines(job, lines);
    if (!job->row->recognised) {
        if (job->row->held_minor > lines->total)
            job_set_held(job, lines->total);
        return;
    }
    int64_t off_debt = -more < job->due ? -more : job->due;
    if (more > 0)
        job_post_debt(job, more);
    job_lines_post(document, &before, lines);
    if (more >= 0)
        return;
    job_settle(job, off_debt);
    job_post_held(job, job->customer, off_debt + more);
    job->payload.has_ahead_minor = off_debt + more != 0;
    job->payload.ahead_minor = -more - off_debt;
}

/* Prices, tax and settings are those of the day the job was taken in. */
static void price_again(struct job *job, const Daftari__V1__ChangeJob *given, struct job_lines *out)
{
    struct document *document = &job->document;
    civil_date date = document->date;
    document->date = job->row->received_date;
    job_lines_price(document, given->lines, given->n_lines, given->discount_minor, given->has_total_minor,
                    given->total_minor, out);
    document->date = date;
}

enum status job_decide_change(const struct context *context, struct kv_txn *state,
                              const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__ChangeJob *given = (const Daftari__V1__ChangeJob *)command;
    bool lines_too = given->n_lines != 0;
    struct job_lines lines;
    enum status status = form_text(given->note, "note", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK && !lines_too && (given->has_discount_minor || given->has_total_minor))
        status = fault_set(why, STATUS_INVALID, "lines", "a discount and a total go with all the lines");
    if (status == STATUS_OK && !lines_too && !given->has_promised_date && given->note == NULL)
        status = fault_set(why, STATUS_INVALID, "lines", "something to change");
    if (status != STATUS_OK)
        return status;
    struct job *job = job_begin(context, state, given->number, given->has_date, given->date,
                                lines_too ? RECEIVED : RECEIVED | AT_WORK | READY, out, why, &status);
    if (job == NULL)
        return status;
    check_promised(&job->document, given->has_promised_date, given->promised_date, job->row->received_date);
    job->payload.has_promised_date = given->has_promised_date;
    job->payload.promised_date = given->promised_date;
    job->payload.note = given->note;
    if (lines_too) {
        price_again(job, given, &lines);
        reprice(job, &lines);
    }
    return job_end(job, EVENT_JOB_CHANGED, NULL);
}

enum status job_decide_discount(const struct context *context, struct kv_txn *state,
                                const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__DiscountJob *given = (const Daftari__V1__DiscountJob *)command;
    struct job_lines before, lines;
    enum status status = form_text(given->reason, "reason", DESCRIPTION_TEXT_MAX, true, why);
    if (status != STATUS_OK)
        return status;
    struct job *job = job_begin(context, state, given->number, given->has_date, given->date,
                                RECEIVED | AT_WORK | READY | COLLECTED, out, why, &status);
    if (job == NULL)
        return status;
    job_lines_of(job->row, &before);
    job_lines_discount(&job->document, &before, given->amount_minor, &lines);
    reprice(job, &lines);
    job_set_note(job, given->reason);
    return job_end(job, EVENT_JOB_DISCOUNTED, NULL);
}
