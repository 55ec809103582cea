#include "server/domain/jobs/jobs.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/numbering.h"
#include "server/domain/kernel/open_item.h"
#include "server/domain/kernel/party.h"
#include "type_ids.h"

/* ---- the job that is meant ------------------------------------------------------------------------------------------ */

static enum status open_row(struct job *job, const struct context *context, struct kv_txn *state,
                            unsigned states, struct fault *why)
{
    job->row = job_row_get(state, job->position, context->arena);
    if (job->row == NULL)
        return fault_refuse(why, DAFTARI__V1__REASON__JOB_UNKNOWN, "number",
                            "the document number of a job, like LJ-20250102-0001");
    if ((states & 1u << job->row->state) == 0)
        return fault_refuse(why, DAFTARI__V1__REASON__JOB_STATE, "number", "the job is %s",
                            job_state_text(job->row->state, job->row->stage));
    if (job->row->n_acts >= JOB_ACTS_MAX)
        return fault_set(why, STATUS_TOO_LARGE, "number", "at most %u acts on one job", JOB_ACTS_MAX);
    return STATUS_OK;
}

struct job *job_begin_at(const struct context *context, struct kv_txn *state, uint64_t position,
                         bool has_date, civil_date date, unsigned states, struct decision *out,
                         struct fault *why, enum status *out_status)
{
    struct job *job = arena_take(context->arena, sizeof *job);
    if (job == NULL) {
        *out_status = fault_set(why, STATUS_NO_MEMORY, NULL, "the job is too large");
        return NULL;
    }
    memset(job, 0, sizeof *job);
    daftari__v1__job_recorded__init(&job->payload);
    job->position = position;
    *out_status = open_row(job, context, state, states, why);
    if (*out_status == STATUS_OK)
        *out_status = document_begin(&job->document, context, state,
                                     business_code_of(state, (uint16_t)job->row->business, context->arena),
                                     has_date, date, out, why);
    if (*out_status == STATUS_OK && job->document.date < job->row->received_date)
        *out_status = fault_set(why, STATUS_INVALID, "date", "the day it was taken in or a later one");
    if (*out_status != STATUS_OK)
        return NULL;
    job->customer = job->row->customer != 0 ? party_standing(state, job->row->customer) : 0;
    job->due = job_row_due(state, job->row);
    job->payload.has_job = true;
    job->payload.job = position;
    return job;
}

struct job *job_begin(const struct context *context, struct kv_txn *state, const char *number, bool has_date,
                      civil_date date, unsigned states, struct decision *out, struct fault *why,
                      enum status *out_status)
{
    uint64_t position = 0;
    if (!text_empty(number))
        (void)number_find(state, number, &position);
    return job_begin_at(context, state, position, has_date, date, states, out, why, out_status);
}

/* ---- journal lines ---------------------------------------------------------------------------------------------------- */

static void post_on(struct job *job, uint32_t account, Daftari__V1__AccountRole role, uint32_t party,
                    int64_t amount)
{
    struct document *document = &job->document;
    if (account != 0)
        document_post(document, account, party, amount, document->out->posting_count);
    else
        document_post_role(document, role, 0, party, amount, document->out->posting_count);
}

void job_post_debt(struct job *job, int64_t amount)
{
    post_on(job, job->row->receivable, DAFTARI__V1__ACCOUNT_ROLE__ROLE_RECEIVABLE, job->customer, amount);
}

void job_post_held(struct job *job, uint32_t party, int64_t amount)
{
    post_on(job, job->row->prepayments, DAFTARI__V1__ACCOUNT_ROLE__ROLE_PREPAYMENTS, party, amount);
}

/* The debts in the order in which they came about: the first record's own is settled before by being the cause. */
static void allocate(struct job *job, int64_t amount)
{
    struct document *document = &job->document;
    struct arena *arena = document->context->arena;
    Daftari__V1__JobRecorded *payload = &job->payload;
    payload->allocated = arena_take(arena, (job->row->n_debts + 1) * sizeof(Daftari__V1__Allocated *));
    for (size_t i = 0; payload->allocated != NULL && amount > 0 && i < job->row->n_debts; i++) {
        struct open_item item;
        if (!open_item_find(document->state, job->customer, job->row->receivable, document->business,
                            job->row->debts[i], &item) ||
            item.left <= 0)
            continue;
        Daftari__V1__Allocated *row = message_new(&daftari__v1__allocated__descriptor, arena);
        if (row == NULL)
            break;
        row->has_document = row->has_amount_minor = true;
        row->document = item.document;
        row->amount_minor = item.left < amount ? item.left : amount;
        amount -= row->amount_minor;
        payload->allocated[payload->n_allocated++] = row;
    }
    if (amount > 0)
        document_fail(document, fault_set(document->why, STATUS_NO_MEMORY, NULL, "the job is too large"));
}

void job_settle(struct job *job, int64_t amount)
{
    if (job->document.status != STATUS_OK || amount <= 0)
        return;
    allocate(job, amount);
    job_post_debt(job, -amount);
}

int64_t job_held(const struct job *job)
{
    const struct document *document = &job->document;
    if (job->customer == 0)
        return job->row->held_minor;
    uint32_t account = job->row->prepayments != 0
                           ? job->row->prepayments
                           : document_account(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_PREPAYMENTS, 0);
    int64_t there = -party_balance(document->state, job->customer, account, document->business);
    if (there < 0)
        return 0;
    return there < job->row->held_minor ? there : job->row->held_minor;
}

/* ---- what is stored --------------------------------------------------------------------------------------------------- */

void job_set_note(struct job *job, const char *note)
{
    job->payload.note = text_empty(note) ? NULL : (char *)(uintptr_t)note;
}

void job_set_held(struct job *job, int64_t held)
{
    job->payload.has_held_minor = true;
    job->payload.held_minor = held;
}

void job_set_state(struct job *job, Daftari__V1__JobState state, const char *stage)
{
    job->payload.has_state = true;
    job->payload.state = state;
    job->payload.stage = (char *)(uintptr_t)stage;
}

int64_t job_money(struct document *document, Daftari__V1__Tender *const *tenders, size_t count, int64_t due,
                  const char *field)
{
    if (count == 0)
        return 0;
    if (count == 1 && !tenders[0]->has_amount_minor)
        return due;
    return tenders_sum(document, tenders, count, field);
}

void job_set_tenders(struct job *job, const struct tenders_taken *taken)
{
    job->payload.n_tenders = taken->count;
    job->payload.tenders = taken->rows;
    job->payload.has_change_minor = taken->change_minor != 0;
    job->payload.change_minor = taken->change_minor;
}

enum status job_end(struct job *job, uint16_t type, const char *prefix)
{
    struct document *document = &job->document;
    struct decision *out = document->out;
    if (out->cause == 0)
        out->cause = job->position;
    if (prefix != NULL)
        document_number(document, prefix);
    enum status status = document_end(document, type, &job->payload.base);
    if (status == STATUS_OK && out->posting_count == 0 && type != EVENT_JOB_RECEIVED) {
        out->series = 0;
        out->number = 0;
    }
    return status;
}

bool job_allocated(const ProtobufCMessage *payload, size_t index, struct allocation *out)
{
    const Daftari__V1__JobRecorded *act = (const Daftari__V1__JobRecorded *)payload;
    if (index >= act->n_allocated)
        return false;
    *out = (struct allocation){act->allocated[index]->document, act->allocated[index]->amount_minor};
    return true;
}

/* ---- apply ------------------------------------------------------------------------------------------------------------- */

static void take_lines(const Daftari__V1__JobRecorded *act, Daftari__V1__JobRow *row)
{
    if (act->n_lines == 0)
        return;
    row->n_lines = act->n_lines;
    row->lines = act->lines;
    row->has_net_minor = row->has_tax_minor = row->has_total_minor = row->has_discount_minor =
        row->has_vat_mode = true;
    row->net_minor = act->net_minor;
    row->tax_minor = act->tax_minor;
    row->total_minor = act->total_minor;
    row->discount_minor = act->discount_minor;
    row->vat_mode = act->vat_mode;
}

static void take_first(const struct record *record, const Daftari__V1__JobRecorded *act,
                       Daftari__V1__JobRow *row)
{
    row->has_business = row->has_received_date = true;
    row->business = record->header.business;
    row->received_date = record->header.business_date;
    row->has_customer = act->has_customer;
    row->customer = act->customer;
    row->has_at_ready = act->has_at_ready;
    row->at_ready = act->at_ready;
    row->has_receivable = act->has_receivable;
    row->receivable = act->receivable;
    row->has_prepayments = act->has_prepayments;
    row->prepayments = act->prepayments;
}

static void take_changes(const struct record *record, const Daftari__V1__JobRecorded *act,
                         Daftari__V1__JobRow *row)
{
    take_lines(act, row);
    if (act->has_state) {
        row->has_state = true;
        row->state = act->state;
        row->stage = act->stage;
    }
    if (act->has_promised_date) {
        row->has_promised_date = act->promised_date != 0;
        row->promised_date = act->promised_date;
    }
    if (act->has_recognised)
        row->has_recognised = row->recognised = act->recognised;
    if (act->has_held_minor) {
        row->has_held_minor = act->held_minor != 0;
        row->held_minor = act->held_minor;
    }
    if (act->has_written_off_minor) {
        row->has_written_off_minor = act->written_off_minor != 0;
        row->written_off_minor = act->written_off_minor;
    }
    bool notes = record->header.type == EVENT_JOB_RECEIVED || record->header.type == EVENT_JOB_CHANGED;
    if (notes && act->note != NULL)
        row->note = act->note[0] != '\0' ? act->note : NULL;
    for (size_t i = 0; act->has_undone && i < row->n_acts; i++)
        if (row->acts[i]->position == act->undone)
            row->acts[i]->has_undone = row->acts[i]->undone = true;
}

static bool adds_debt(const struct record *record, const Daftari__V1__JobRow *row)
{
    for (size_t i = 0; i < record->posting_count; i++) {
        struct posting posting = record_posting(record, i);
        if (posting.account == row->receivable && posting.amount > 0 && row->customer != 0 &&
            posting.party != 0)
            return true;
    }
    return false;
}

/* One more element behind those that are there; false when the arena is full. */
static bool add_act(const struct record *record, const Daftari__V1__JobRecorded *act,
                    Daftari__V1__JobRow *row, struct arena *arena)
{
    Daftari__V1__JobAct **acts = arena_take(arena, (row->n_acts + 1) * sizeof(Daftari__V1__JobAct *));
    Daftari__V1__JobAct *one = message_new(&daftari__v1__job_act__descriptor, arena);
    uint64_t *debts = arena_take(arena, (row->n_debts + 1) * sizeof *debts);
    if (acts == NULL || one == NULL || debts == NULL)
        return false;
    if (row->n_acts != 0)
        memcpy(acts, row->acts, row->n_acts * sizeof(Daftari__V1__JobAct *));
    if (row->n_debts != 0)
        memcpy(debts, row->debts, row->n_debts * sizeof *debts);
    one->has_position = one->has_type = one->has_date = one->has_time_us = one->has_user = one->has_state =
        true;
    one->position = record->header.position;
    one->type = record->header.type;
    one->date = record->header.business_date;
    one->time_us = record->header.time;
    one->user = record->header.user;
    one->state = row->state;
    one->stage = row->stage;
    one->has_held_minor = row->has_held_minor;
    one->held_minor = row->held_minor;
    one->has_settled_minor = act->has_settled_minor;
    one->settled_minor = act->settled_minor;
    acts[row->n_acts++] = one;
    row->acts = acts;
    if (adds_debt(record, row))
        debts[row->n_debts++] = record->header.position;
    row->debts = debts;
    return true;
}

void job_apply(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
               struct arena *arena)
{
    const Daftari__V1__JobRecorded *act = (const Daftari__V1__JobRecorded *)payload;
    bool first = record->header.type == EVENT_JOB_RECEIVED;
    uint64_t position = first ? record->header.position : act->job;
    Daftari__V1__JobRow *row =
        first ? message_new(&daftari__v1__job_row__descriptor, arena) : job_row_get(state, position, arena);
    if (row == NULL) {
        kv_set_error(state, first ? STATUS_NO_MEMORY : STATUS_CORRUPT);
        return;
    }
    if (first)
        take_first(record, act, row);
    take_changes(record, act, row);
    if (!add_act(record, act, row, arena)) {
        kv_set_error(state, STATUS_NO_MEMORY);
        return;
    }
    job_row_put(state, position, row, arena);
    struct job_place place = {(uint16_t)row->business, row->customer, position};
    if (first || act->has_state)
        job_open_put(state, &place, job_row_open(row));
    if (record->header.type == EVENT_JOB_PAYMENT_VOIDED)
        tenders_release(state, act->tenders, act->n_tenders);
    else
        tenders_apply(state, record, act->tenders, act->n_tenders);
}
