/* `daftari-audit verify`: everything recomputed from stored bytes. */
#ifndef TOOLS_AUDIT_VERIFY_H
#define TOOLS_AUDIT_VERIFY_H

#include <jansson.h>
#include <stdio.h>

#include "tools/common/source.h"

#define VERIFY_PROBLEMS_MAX 1000u /* told one by one; the rest are only counted */

struct verify_options {
    struct source_options source;
    const char *scratch_dir; /* for replays; NULL = $TMPDIR or /tmp */
    unsigned threads;        /* folder: 0 = as many as there are processors */
    bool timings;            /* text: print them; JSON always has them */
    const char *log_key;     /* server: the verifier key its checkpoints must have; NULL = the one it shows */
    bool json;
    FILE *out;
};

#define VERIFY_TIMINGS_MAX 24u

struct verify_timing { /* one part of the work */
    char name[80];
    uint64_t elapsed_us;   /* 0: it went on beside others */
    uint64_t processor_us; /* of all threads */
    uint64_t records;      /* it went through; 0: that is no measure of it */
};

struct verify_report {
    bool cut_short;                           /* it could not look at everything */
    uint64_t records, blocks, tiles, replays; /* looked at */
    uint64_t problems;
    char root[65]; /* hex of the tree root over all records, "" when not known */
    bool json;
    json_t *list;    /* of problems, when json */
    uint64_t unread; /* that could not be looked at, though the rest was */
    json_t *unread_list;
    FILE *out;
    bool show_timings; /* text */
    unsigned threads;  /* that looked through the log */
    size_t timing_count;
    struct verify_timing timings[VERIFY_TIMINGS_MAX];
};

/* One line each, as they are found. `position` 0 = not about one record. */
void verify_problem(struct verify_report *report, uint64_t position, const char *what);

/* What could not be looked at, and why: not a problem found, but all does not hold either. */
void verify_unread(struct verify_report *report, uint64_t position, const char *why);

/* What another thread found, which put it into a report of its own with `json` set: told now. `from` is empty then. */
void verify_report_merge(struct verify_report *report, struct verify_report *from);
void verify_timing(struct verify_report *report, const struct verify_timing *timing);

/* Where it is, on standard error when that is a terminal: "what: done of total". Total 0 takes the line away. */
void verify_progress(const char *what, uint64_t done, uint64_t total);

void verify_report_end(struct verify_report *report); /* the summary */

/* OK when everything could be looked at, problems or not. */
enum status verify_folder(const struct verify_options *options, struct verify_report *report,
                          struct fault *why) MUST_USE;
enum status verify_server(const struct verify_options *options, struct verify_report *report,
                          struct fault *why) MUST_USE;

#endif
