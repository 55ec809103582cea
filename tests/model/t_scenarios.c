/* Runs the .scn files of tests/model (tests/support/scenario.h says what they look like), then checks that no reason is without a
 * scenario. SCENARIOS=part runs only files whose name contains it (and skips that last check). */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reason.pb-c.h"
#include "server/domain/domain.h"
#include "tests/support/document.h"
#include "tests/support/scenario.h"
#include "type_ids.h"

/* No rule of today gives the first: documents of other series come with the capabilities that write them. The next two
 * are given before a command reaches the domain, by server/access (tests/unit/t_access.c); two need more lines than
 * anybody would read (tests/model/t_catalogue.c), the last money that M-Pesa told of before (tests/model/t_receipts.c). */
static bool not_of_scenarios(int reason)
{
    return reason == DAFTARI__V1__REASON__SERIES_UNKNOWN ||
           reason == DAFTARI__V1__REASON__PASSWORD_TOO_SHORT ||
           reason == DAFTARI__V1__REASON__PASSWORD_WRONG || reason == DAFTARI__V1__REASON__TOO_MANY_PRICES ||
           reason == DAFTARI__V1__REASON__TOO_MANY_RULES ||
           reason == DAFTARI__V1__REASON__RECEIPT_AMOUNT_DIFFERS;
}

static size_t check_coverage(const struct scenario_coverage *coverage)
{
    size_t missing = 0;
    for (unsigned i = 0; i < daftari__v1__reason__descriptor.n_values; i++) {
        const ProtobufCEnumValue *reason = &daftari__v1__reason__descriptor.values[i];
        if (reason->value != 0 && !not_of_scenarios(reason->value) && !coverage->reason[reason->value]) {
            printf("# no scenario expects %s\n", reason->name);
            missing++;
        }
    }
    printf("%s - every reason has a scenario\n", missing == 0 ? "ok" : "not ok");
    return missing;
}

static bool effects_shown(const struct document *page, const char *row, bool posted, bool moved)
{
    char line[256];
    snprintf(line, sizeof line, "%s%s|", row,
             posted && moved ? "postings, movements"
             : posted        ? "postings"
             : moved         ? "movements"
                             : "none");
    if (document_shows(page, line))
        return true;
    printf("# the page has no row %s\n", line);
    return false;
}

/* The page's table of record types says of each which effects it may have, and scenarios are seen to have just these. */
static size_t check_effects(const struct scenario_coverage *coverage)
{
    static struct document page;
    size_t wrong = 0;
    document_read(&page, "docs/journal-format.md");
#define EFFECTS(number, name, message)                                                                       \
    wrong += !effects_shown(&page, "|" #number "|" #name "|`" message "`|", coverage->posted[number],        \
                            coverage->moved[number]);
    TYPE_IDS(EFFECTS)
    printf("%s - docs/journal-format.md says which records have postings and movements\n",
           wrong == 0 ? "ok" : "not ok");
    return wrong;
}

int main(void)
{
    static struct scenario_coverage coverage;
    const char *only = getenv("SCENARIOS");
    struct fault why;
    glob_t files;
    size_t failed = 0;
    if (domain_check(&why) != STATUS_OK) {
        printf("not ok - the capability tables hold together\n# %s\n", why.text);
        failed++;
    } else {
        printf("ok - the capability tables hold together\n");
    }
    if (glob("tests/model/*.scn", 0, NULL, &files) != 0) {
        printf("not ok - tests/model/*.scn: no such files\n");
        return 1;
    }
    for (size_t i = 0; i < files.gl_pathc; i++)
        if (only == NULL || strstr(files.gl_pathv[i], only) != NULL)
            failed += scenario_run_file(files.gl_pathv[i], &coverage);
    if (only == NULL)
        failed += check_coverage(&coverage) + check_effects(&coverage);
    globfree(&files);
    return failed == 0 ? 0 : 1;
}
