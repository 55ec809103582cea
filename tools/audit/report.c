/* What verify says: problems as they are found, and a summary, as text or as one JSON object. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/audit/verify.h"

static void tell(const struct verify_report *report, json_t **list, const char *name, uint64_t position,
                 const char *text)
{
    if (report->json) {
        if (*list == NULL)
            *list = json_array();
        json_t *one = json_object();
        (void)json_object_set_new(one, "position",
                                  position != 0 ? json_integer((json_int_t)position) : json_null());
        (void)json_object_set_new(one, name, json_string(text));
        (void)json_array_append_new(*list, one);
    } else if (position != 0) {
        fprintf(report->out, "position %" PRIu64 ": %s\n", position, text);
    } else {
        fprintf(report->out, "%s\n", text);
    }
}

void verify_problem(struct verify_report *report, uint64_t position, const char *what)
{
    if (report->problems++ < VERIFY_PROBLEMS_MAX)
        tell(report, &report->list, "problem", position, what);
}

void verify_unread(struct verify_report *report, uint64_t position, const char *why)
{
    report->cut_short = true;
    if (report->unread++ < VERIFY_PROBLEMS_MAX)
        tell(report, &report->unread_list, "why", position, why);
}

void verify_report_merge(struct verify_report *report, struct verify_report *from)
{
    size_t i;
    json_t *problem, *unread;
    json_array_foreach(from->unread_list, i, unread)
    {
        verify_unread(report, (uint64_t)json_integer_value(json_object_get(unread, "position")),
                      json_string_value(json_object_get(unread, "why")));
    }
    json_decref(from->unread_list);
    from->unread_list = NULL;
    from->unread = 0;
    json_array_foreach(from->list, i, problem)
    {
        verify_problem(report, (uint64_t)json_integer_value(json_object_get(problem, "position")),
                       json_string_value(json_object_get(problem, "problem")));
    }
    report->problems += from->problems - json_array_size(from->list); /* those that were only counted */
    json_decref(from->list);
    from->list = NULL;
    from->problems = 0;
}

/* ---- how far, and how long ----------------------------------------------------------------------------------------- */

void verify_progress(const char *what, uint64_t done, uint64_t total)
{
    if (isatty(STDERR_FILENO) != 1)
        return;
    if (total == 0)
        fputs("\r\033[K", stderr);
    else
        fprintf(stderr, "\rdaftari-audit: %s: %" PRIu64 " of %" PRIu64 " records\033[K", what, done, total);
    fflush(stderr);
}

void verify_timing(struct verify_report *report, const struct verify_timing *timing)
{
    if (report->timing_count < VERIFY_TIMINGS_MAX)
        report->timings[report->timing_count++] = *timing;
}

static uint64_t records_per_second(const struct verify_timing *timing)
{
    return timing->elapsed_us != 0 ? timing->records * 1000000u / timing->elapsed_us : 0;
}

static json_t *timings_json(const struct verify_report *report)
{
    json_t *list = json_array();
    for (size_t i = 0; i < report->timing_count; i++) {
        const struct verify_timing *timing = &report->timings[i];
        json_t *one = json_object();
        (void)json_object_set_new(one, "part", json_string(timing->name));
        if (timing->elapsed_us != 0)
            (void)json_object_set_new(one, "elapsed_us", json_integer((json_int_t)timing->elapsed_us));
        (void)json_object_set_new(one, "processor_us", json_integer((json_int_t)timing->processor_us));
        if (timing->records != 0)
            (void)json_object_set_new(one, "records", json_integer((json_int_t)timing->records));
        if (records_per_second(timing) != 0)
            (void)json_object_set_new(one, "records_per_second",
                                      json_integer((json_int_t)records_per_second(timing)));
        (void)json_array_append_new(list, one);
    }
    return list;
}

static void timings_text(const struct verify_report *report)
{
    for (size_t i = 0; i < report->timing_count; i++) {
        const struct verify_timing *timing = &report->timings[i];
        fprintf(report->out, "%-28s", timing->name);
        if (timing->elapsed_us != 0)
            fprintf(report->out, " %" PRIu64 ".%03" PRIu64 " s,", timing->elapsed_us / 1000000u,
                    timing->elapsed_us / 1000u % 1000u);
        fprintf(report->out, " processor %" PRIu64 ".%03" PRIu64 " s", timing->processor_us / 1000000u,
                timing->processor_us / 1000u % 1000u);
        if (records_per_second(timing) != 0)
            fprintf(report->out, ", %" PRIu64 " records/s", records_per_second(timing));
        fputc('\n', report->out);
    }
}

/* ---- the summary --------------------------------------------------------------------------------------------------- */

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
    (void)json_object_set_new(all, "threads", json_integer((json_int_t)report->threads));
    (void)json_object_set_new(all, "timings", timings_json(report));
    (void)json_object_set_new(all, "problem_count", json_integer((json_int_t)report->problems));
    (void)json_object_set_new(all, "problems", report->list != NULL ? report->list : json_array());
    (void)json_object_set_new(all, "unread",
                              report->unread_list != NULL ? report->unread_list : json_array());
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
    if (report->show_timings)
        timings_text(report);
    if (report->problems > VERIFY_PROBLEMS_MAX)
        fprintf(report->out, "and %" PRIu64 " more\n", report->problems - VERIFY_PROBLEMS_MAX);
    fprintf(report->out, "%" PRIu64 " records, %" PRIu64 " replays compared, root %s: %s\n", report->records,
            report->replays, report->root[0] != '\0' ? report->root : "not known",
            report->problems != 0 ? "NOT as it should be"
            : report->cut_short   ? "could not look at everything"
                                  : "all holds");
}
