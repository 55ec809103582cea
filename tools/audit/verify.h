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
    const char *log_key;     /* server: the verifier key its checkpoints must have; NULL = the one it shows */
    bool json;
    FILE *out;
};

struct verify_report {
    bool cut_short;                           /* it could not look at everything */
    uint64_t records, blocks, tiles, replays; /* looked at */
    uint64_t problems;
    char root[65]; /* hex of the tree root over all records, "" when not known */
    bool json;
    json_t *list; /* of problems, when json */
    FILE *out;
};

/* One line each, as they are found. `position` 0 = not about one record. */
void verify_problem(struct verify_report *report, uint64_t position, const char *what);

void verify_report_end(struct verify_report *report); /* the summary */

/* OK when everything could be looked at, problems or not. */
enum status verify_folder(const struct verify_options *options, struct verify_report *report,
                          struct fault *why) MUST_USE;
enum status verify_server(const struct verify_options *options, struct verify_report *report,
                          struct fault *why) MUST_USE;

#endif
