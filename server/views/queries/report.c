/* Report.List and Report.Run. */
#include <stdatomic.h>
#include <stdlib.h>

#include "server/domain/people/rights.h"
#include "server/views/queries/queries.h"
#include "server/views/reports/list.h"
#include "server/views/reports/report_run.h"

#define KEEP_MEMORY_BYTES (1024u * 1024u) /* totals of every currency there can be */

enum status query_report_list(struct view_reader *reader, const struct query_context *context,
                              const ProtobufCMessage *request, void **state, ProtobufCMessage **out,
                              struct fault *why)
{
    (void)reader, (void)request, (void)why;
    size_t *at = *state;
    if (at == NULL) {
        at = calloc(1, sizeof *at);
        if (at == NULL)
            return STATUS_NO_MEMORY;
        *state = at;
    }
    while (*at < report_count && !rights_allow(context->rights, reports[*at]->permission, PERMISSION_READ))
        ++*at;
    if (*at == report_count)
        return STATUS_END;
    const struct report *report = reports[(*at)++];
    Daftari__V1__ReportInfo *info = arena_take(context->arena, sizeof *info);
    size_t count = 0;
    while (report->parameters[count] != NULL)
        count++;
    char **parameters = arena_take(context->arena, (count + 1) * sizeof *parameters);
    if (info == NULL || parameters == NULL)
        return STATUS_NO_MEMORY;
    daftari__v1__report_info__init(info);
    info->name = (char *)(uintptr_t)report->name; /* packed, never written */
    info->title = (char *)(uintptr_t)report->title;
    info->description = (char *)(uintptr_t)report->description;
    for (size_t i = 0; i < count; i++)
        parameters[i] = (char *)(uintptr_t)report->parameters[i];
    info->parameters = parameters;
    info->n_parameters = count;
    *out = &info->base;
    return STATUS_OK;
}

/* A report is made whole in the first step, from one snapshot, and the steps hand out its parts; or, when it is long, in
 * batches of parts. */
struct report_state {
    struct report_out *out;
    struct arena *keep;
    struct report_resume resume;
    size_t part;
    bool more; /* another batch will come */
    struct report_memory *reports;
    size_t bytes; /* of which are ours */
};

static void report_give_back(struct report_state *report)
{
    if (report->reports != NULL)
        atomic_fetch_sub(&report->reports->bytes, report->bytes);
    report->bytes = 0;
}

static enum status no_room(struct fault *why)
{
    return fault_set(why, STATUS_BUSY, NULL,
                     "reports that are being read take all memory for reports; try again");
}

/* Counts what was made: it stays until its last part is read. */
static enum status report_count_in(struct report_state *report, struct fault *why)
{
    if (report->reports == NULL)
        return STATUS_OK;
    report->bytes = arena_used(report_out_arena(report->out)) + arena_used(report->keep);
    size_t before = atomic_fetch_add(&report->reports->bytes, report->bytes);
    if (before <= report->reports->bytes_max && report->bytes <= report->reports->bytes_max - before)
        return STATUS_OK;
    report_give_back(report);
    return no_room(why);
}

void query_report_run_free(void *state)
{
    struct report_state *report = state;
    report_give_back(report);
    report_out_free(report->out);
    arena_free(report->keep);
    free(report);
}

static enum status report_permitted(const struct query_context *context,
                                    const Daftari__V1__RunReport *request, const struct report **out,
                                    struct fault *why)
{
    if (request->report == NULL)
        return fault_set(why, STATUS_INVALID, "report", "the name of a report, as Report.List gives them");
    const struct report *report = report_find(request->report);
    if (report == NULL)
        return fault_set(why, STATUS_INVALID, "report",
                         "the name of a report, as Report.List gives them; there is no %.40s",
                         request->report);
    if (!rights_allow(context->rights, report->permission, PERMISSION_READ))
        return rights_deny(report->name, "report", report->permission, PERMISSION_READ, why);
    *out = report;
    return STATUS_OK;
}

/* Makes the next batch. */
static enum status report_make(struct view_reader *reader, const struct query_context *context,
                               const Daftari__V1__RunReport *request, struct report_state *report,
                               struct fault *why)
{
    struct report_run run = {.reader = reader,
                             .context = context,
                             .request = request,
                             .out = report->out,
                             .why = why,
                             .keep = report->keep,
                             .resume = &report->resume};
    bool first = !report->resume.started;
    enum status status = report_permitted(context, request, &run.report, why);
    if (status != STATUS_OK)
        return status;
    if (report->reports != NULL && atomic_load(&report->reports->bytes) >= report->reports->bytes_max)
        return no_room(why); /* before the work */
    status = run_open(&run);
    if (status == STATUS_OK)
        status = run.report->run(&run);
    report->more = status == STATUS_AGAIN;
    if (first && (status == STATUS_OK || status == STATUS_AGAIN)) {
        enum status head = run_head(&run);
        status = head != STATUS_OK ? head : status;
    }
    if (status == STATUS_OK || status == STATUS_AGAIN || report_out_error(report->out) != STATUS_OK)
        status = run_status(&run);
    run_close(&run);
    return status == STATUS_OK ? report_count_in(report, why) : status;
}

static enum status report_open(struct view_reader *reader, struct report_state **out)
{
    struct report_state *report = calloc(1, sizeof *report);
    if (report == NULL)
        return STATUS_NO_MEMORY;
    *out = report;
    report->reports = reader->reports;
    report->out = report_out_new(reader->report_memory_bytes);
    report->keep = arena_new(KEEP_MEMORY_BYTES);
    return report->out != NULL && report->keep != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

/* The books of another moment are replayed first: the batch is then made again from its beginning. */
static enum status report_postpone(struct report_state **state, const struct report_resume *resume)
{
    struct report_state *report = *state;
    if (!resume->started) {
        query_report_run_free(report);
        *state = NULL;
        return STATUS_AGAIN;
    }
    report->resume = *resume;
    report->more = true;
    report->part = 0;
    report_out_continue(report->out);
    return STATUS_AGAIN;
}

enum status query_report_run(struct view_reader *reader, const struct query_context *context,
                             const ProtobufCMessage *request, void **state, ProtobufCMessage **out,
                             struct fault *why)
{
    const Daftari__V1__RunReport *asked = (const Daftari__V1__RunReport *)request;
    struct report_state *report = *state;
    struct report_resume resume = report != NULL ? report->resume : (struct report_resume){0};
    enum status status = STATUS_OK;
    if (report == NULL) {
        status = report_open(reader, &report);
        *state = report;
        if (status == STATUS_OK)
            status = report_make(reader, context, asked, report, why);
    } else if (report->more && report_out_part(report->out, report->part) == NULL) {
        report_out_continue(report->out);
        report_give_back(report);
        report->part = 0;
        status = report_make(reader, context, asked, report, why);
    }
    if (reader->replaying && report != NULL) {
        status = report_postpone(&report, &resume);
        *state = report;
    }
    if (status != STATUS_OK)
        return status;
    Daftari__V1__ReportPart *part = report_out_part(report->out, report->part);
    if (part == NULL)
        return report->part == 0 ? STATUS_NO_MEMORY : STATUS_END;
    report->part++;
    *out = &part->base;
    return STATUS_OK;
}
