/* What verify says: problems as they are found, and a summary, as text or as one JSON object. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "tools/audit/verify.h"

void verify_problem(struct verify_report *report, uint64_t position, const char *what)
{
    if (report->problems++ >= VERIFY_PROBLEMS_MAX)
        return;
    if (report->json) {
        if (report->list == NULL)
            report->list = json_array();
        json_t *problem = json_object();
        (void)json_object_set_new(problem, "position",
                                  position != 0 ? json_integer((json_int_t)position) : json_null());
        (void)json_object_set_new(problem, "problem", json_string(what));
        (void)json_array_append_new(report->list, problem);
        return;
    }
    if (position != 0)
        fprintf(report->out, "position %" PRIu64 ": %s\n", position, what);
    else
        fprintf(report->out, "%s\n", what);
}

static void end_json(struct verify_report *report)
{
    json_t *all = json_object();
    (void)json_object_set_new(all, "holds", json_boolean(report->problems == 0 && !report->cut_short));
    (void)json_object_set_new(all, "complete", json_boolean(!report->cut_short));
    (void)json_object_set_new(all, "records", json_integer((json_int_t)report->records));
    (void)json_object_set_new(all, "blocks", json_integer((json_int_t)report->blocks));
    (void)json_object_set_new(all, "tiles", json_integer((json_int_t)report->tiles));
    (void)json_object_set_new(all, "replays", json_integer((json_int_t)report->replays));
    (void)json_object_set_new(all, "root", report->root[0] != '\0' ? json_string(report->root) : json_null());
    (void)json_object_set_new(all, "problem_count", json_integer((json_int_t)report->problems));
    (void)json_object_set_new(all, "problems", report->list != NULL ? report->list : json_array());
    (void)json_dumpf(all, report->out, JSON_COMPACT);
    fputc('\n', report->out);
    json_decref(all);
}

void verify_report_end(struct verify_report *report)
{
    if (report->json) {
        end_json(report);
        return;
    }
    if (report->problems > VERIFY_PROBLEMS_MAX)
        fprintf(report->out, "and %" PRIu64 " more\n", report->problems - VERIFY_PROBLEMS_MAX);
    fprintf(report->out, "%" PRIu64 " records, %" PRIu64 " replays compared, root %s: %s\n", report->records,
            report->replays, report->root[0] != '\0' ? report->root : "not known",
            report->problems != 0 ? "NOT as it should be"
            : report->cut_short   ? "could not look at everything"
                                  : "all holds");
}
