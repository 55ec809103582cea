/* O-24: a job is cancelled; what was paid for it is given back. */
#include "server/domain/jobs/jobs.h"
#include "server/domain/kernel/form.h"
#include "type_ids.h"

/* What was paid is given back in other ways than on credit. */
static void give_back(struct job *job, const Daftari__V1__CancelJob *given, int64_t paid)
{
    struct tenders_taken taken = {0};
    struct tender_terms terms = {
        .flow = TENDER_OUT,
        .field = "refunds",
        .party = job->customer,
        .prepayment = true,
    };
    tenders_take(&job->document, given->refunds, given->n_refunds, paid, &terms, &taken);
    job_set_tenders(job, &taken);
    job->payload.has_settled_minor = paid != 0;
    job->payload.settled_minor = -paid;
}

enum status job_decide_cancel(const struct context *context, struct kv_txn *state,
                              const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__CancelJob *given = (const Daftari__V1__CancelJob *)command;
    struct job_lines lines;
    enum status status = form_text(given->reason, "reason", DESCRIPTION_TEXT_MAX, true, why);
    if (status != STATUS_OK)
        return status;
    struct job *job = job_begin(context, state, given->number, given->has_date, given->date,
                                RECEIVED | AT_WORK | READY, out, why, &status);
    if (job == NULL)
        return status;
    if (job->row->written_off_minor != 0)
        return fault_refuse(why, DAFTARI__V1__REASON__JOB_WRITTEN_OFF, "number",
                            "something of it was given up: take that back first");
    job_lines_of(job->row, &lines);
    int64_t paid = job->row->recognised ? lines.total - job->due : job_held(job);
    if (job->row->recognised) {
        job_lines_post(&job->document, &lines, NULL);
        job_settle(job, job->due);
    } else {
        job_post_held(job, job->customer, paid);
    }
    give_back(job, given, paid);
    job_set_state(job, DAFTARI__V1__JOB_STATE__JOB_CANCELLED, NULL);
    if (!job->row->recognised)
        job_set_held(job, 0);
    job_set_note(job, given->reason);
    return job_end(job, EVENT_JOB_CANCELLED, "RF");
}
