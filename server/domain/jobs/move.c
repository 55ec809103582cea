/* A job goes from stage to stage, is ready (its revenue may count then), is collected; a move is taken back. */
#include "server/domain/jobs/jobs.h"
#include "server/domain/kernel/earlier.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/open_item.h"
#include "server/domain/sales/sales.h"
#include "type_ids.h"

#define READY_WORD "ready"

/* ---- where it may go -------------------------------------------------------------------------------------------------- */

/* The stages of the business at the document's date, and places among them: 0 is received, count + 1 ready. */
struct stages {
    struct job_stage list[JOB_STAGES_MAX + 1];
    size_t count;
};

static void stages_of(const struct document *document, struct stages *out)
{
    struct slice text = setting_text(document->state, document->business, "job_stages", document->date);
    out->count = job_stages_read(text, out->list);
}

/* False when there is no such stage (any more). */
static bool place_of(const struct stages *stages, const char *name, size_t *out)
{
    for (*out = 1; *out <= stages->count; ++*out)
        if (slice_equal(stages->list[*out - 1].name, slice_text(name)))
            return true;
    return strcmp(name, READY_WORD) == 0;
}

static bool may_skip(const struct stages *stages, size_t from, size_t to)
{
    for (size_t at = from + 1; at < to; at++)
        if (!stages->list[at - 1].optional)
            return false;
    return from < to;
}

/* The place where it goes; 0 after a failure. */
static size_t check_move(struct job *job, const struct stages *stages, const char *to)
{
    struct document *document = &job->document;
    size_t from = 0, place = 0;
    if (!place_of(stages, to, &place)) {
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__JOB_STAGE_UNKNOWN, "to",
                                             "ready, or a stage of the setting job_stages"));
        return 0;
    }
    if (job->row->state == DAFTARI__V1__JOB_STATE__JOB_READY)
        from = stages->count + 1;
    else if (job->row->stage != NULL && !place_of(stages, job->row->stage, &from))
        return place; /* its stage is none of today's: wherever it goes is right */
    if (may_skip(stages, from, place))
        return place;
    struct slice next = from < stages->count ? stages->list[from].name : slice_text(READY_WORD);
    document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__JOB_STATE, "to",
                                         "the job is %s: what comes next is %.*s",
                                         job_state_text(job->row->state, job->row->stage), (int)next.len,
                                         (const char *)next.ptr));
    return 0;
}

/* ---- moves ------------------------------------------------------------------------------------------------------------ */

/* Its revenue counts now: what is held for it is used up, the rest is a debt. */
static void recognise(struct job *job)
{
    struct job_lines lines;
    int64_t held = job_held(job);
    job_lines_of(job->row, &lines);
    job_post_held(job, job->customer, held);
    job_post_debt(job, lines.total - held);
    job_lines_post(&job->document, NULL, &lines);
    job_set_held(job, 0);
    job->payload.has_recognised = job->payload.recognised = true;
}

enum status job_decide_move(const struct context *context, struct kv_txn *state,
                            const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__MoveJob *given = (const Daftari__V1__MoveJob *)command;
    struct stages stages;
    enum status status = form_text(given->note, "note", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = form_text(given->to, "to", NAME_TEXT_MAX, true, why);
    if (status != STATUS_OK)
        return status;
    struct job *job = job_begin(context, state, given->number, given->has_date, given->date,
                                RECEIVED | AT_WORK | READY, out, why, &status);
    if (job == NULL)
        return status;
    stages_of(&job->document, &stages);
    size_t place = check_move(job, &stages, given->to);
    if (place <= stages.count)
        job_set_state(job, DAFTARI__V1__JOB_STATE__JOB_AT_WORK, given->to);
    else
        job_set_state(job, DAFTARI__V1__JOB_STATE__JOB_READY, NULL);
    if (place > stages.count && !job->row->recognised)
        recognise(job);
    job_set_note(job, given->note);
    return job_end(job, EVENT_JOB_MOVED, NULL);
}

enum status job_decide_collect(const struct context *context, struct kv_txn *state,
                               const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__CollectJob *given = (const Daftari__V1__CollectJob *)command;
    char text[AMOUNT_TEXT_MAX];
    enum status status = form_text(given->note, "note", DESCRIPTION_TEXT_MAX, false, why);
    if (status != STATUS_OK)
        return status;
    struct job *job =
        job_begin(context, state, given->number, given->has_date, given->date, READY, out, why, &status);
    if (job == NULL)
        return status;
    struct document *document = &job->document;
    if (job->due > 0 && document_setting(document, PROFILE_COLLECT_PAID, 1) != 0) {
        document_amount(document, job->due, text);
        return fault_refuse(why, DAFTARI__V1__REASON__JOB_NOT_PAID, "number", "%s is left to pay", text);
    }
    if (job->due > 0)
        sale_check_limit(document, job->customer, 0);
    job_set_state(job, DAFTARI__V1__JOB_STATE__JOB_COLLECTED, NULL);
    job_set_note(job, given->note);
    return job_end(job, EVENT_JOB_COLLECTED, NULL);
}

enum status job_decide_remind(const struct context *context, struct kv_txn *state,
                              const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__RemindJob *given = (const Daftari__V1__RemindJob *)command;
    enum status status = form_text(given->note, "note", DESCRIPTION_TEXT_MAX, false, why);
    if (status != STATUS_OK)
        return status;
    struct job *job = job_begin(context, state, given->number, given->has_date, given->date,
                                RECEIVED | AT_WORK | READY | COLLECTED, out, why, &status);
    if (job == NULL)
        return status;
    job_set_note(job, given->note);
    return job_end(job, EVENT_JOB_REMINDED, NULL);
}

/* ---- back ------------------------------------------------------------------------------------------------------------- */

static bool is_move(const Daftari__V1__JobAct *act)
{
    return !act->undone && (act->type == EVENT_JOB_MOVED || act->type == EVENT_JOB_COLLECTED);
}

/* The place of the last move that stands, and of what stood before it; false when it never moved. */
static bool last_move(const Daftari__V1__JobRow *row, size_t *out_move, size_t *out_before)
{
    size_t at = row->n_acts;
    while (at > 0 && !is_move(row->acts[at - 1]))
        at--;
    if (at == 0)
        return false;
    *out_move = --at;
    while (at > 0 && !is_move(row->acts[at - 1]))
        at--;
    *out_before = at > 0 ? at - 1 : 0;
    return true;
}

/* Its revenue does not count any more: as long as nothing else happened to its debt. */
static void mirror_recognition(struct job *job, const struct record *record, size_t move)
{
    struct document *document = &job->document;
    const Daftari__V1__JobRow *row = job->row;
    int64_t debt = 0, held = move > 0 ? row->acts[move - 1]->held_minor : 0;
    for (size_t i = 0; i < record->posting_count; i++) {
        struct posting posting = record_posting(record, i);
        if (posting.account == row->receivable && posting.party != 0)
            debt += posting.amount;
    }
    bool acted = job->due != debt;
    for (size_t i = move + 1; i < row->n_acts; i++)
        acted = acted || (!row->acts[i]->undone && row->acts[i]->type != EVENT_JOB_REMINDED &&
                          row->acts[i]->type != EVENT_JOB_PAYMENT_VOIDED &&
                          row->acts[i]->type != EVENT_JOB_MOVED_BACK);
    if (acted) {
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__JOB_ACTED_ON, "number",
                                             "it was paid or became cheaper since: take that back first"));
        return;
    }
    document_mirror(document, record);
    job_set_held(job, held);
    job->payload.has_recognised = true;
    job->payload.recognised = false;
}

enum status job_decide_move_back(const struct context *context, struct kv_txn *state,
                                 const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__MoveJobBack *given = (const Daftari__V1__MoveJobBack *)command;
    size_t move, before;
    struct record record;
    enum status status = form_text(given->reason, "reason", DESCRIPTION_TEXT_MAX, true, why);
    if (status != STATUS_OK)
        return status;
    struct job *job = job_begin(context, state, given->number, given->has_date, given->date,
                                AT_WORK | READY | COLLECTED, out, why, &status);
    if (job == NULL)
        return status;
    if (!last_move(job->row, &move, &before))
        return fault_set(why, STATUS_CORRUPT, NULL, "the moves of a job are not there");
    const Daftari__V1__JobAct *act = job->row->acts[move], *was = job->row->acts[before];
    if (job->document.date < act->date)
        return fault_set(why, STATUS_INVALID, "date", "the day of the move or a later one");
    status = context->records.read(context->records.context, act->position, &record, why);
    if (status != STATUS_OK)
        return status;
    if (record.posting_count != 0)
        mirror_recognition(job, &record, move);
    out->cause = act->position;
    job->payload.has_undone = true;
    job->payload.undone = act->position;
    job_set_state(job, was->state, was->stage);
    job_set_note(job, given->reason);
    return job_end(job, EVENT_JOB_MOVED_BACK, NULL);
}
