/* daftari-audit: for auditors. Verifies a data folder or a server, and exports the books. See daftari-audit(1). */
#include <daftari/daftari.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/text.h"
#include "server/domain/domain.h"
#include "server/log/check.h"
#include "tools/audit/export.h"
#include "tools/audit/guard.h"
#include "tools/audit/verify.h"

#define EXIT_WRONG  1
#define EXIT_CANNOT 2

#define GUARD_PATH_MAX 900 /* leaves room for the folders that replays make below it */

static void usage(FILE *to)
{
    fputs("usage: daftari-audit verify (--data DIR [--master-key FILE] | --server HOST:PORT) [--output "
          "text|json]\n"
          "       daftari-audit export --format hledger|ledger|beancount|csv (--data DIR ... | --server ...) "
          "[--to FILE]\n"
          "\nverify   recomputes everything from stored bytes: sequence, chain, tree, balance of every "
          "record, and core\n"
          "         state and views against a replay. Works on a copy of a data folder, beside a running "
          "server, or\n"
          "         over the network (as a user with the permission to read the raw log, logged in by "
          "`daftari log-in`).\n"
          "export   the whole journal for another program; records: the stored bytes themselves, one record "
          "a line of JSON,\n"
          "         for a checker of your own.\n\n"
          "  --data DIR         data folder, read only\n"
          "  --master-key FILE  its master key (default: $DAFTARI_MASTER_KEY, else the systemd credential)\n"
          "  --server H:P       a server; --ca FILE and --home DIR as for `daftari` ($DAFTARI_CA, "
          "$DAFTARI_HOME)\n"
          "  --log-key VKEY     verify --server: the key that checkpoints must be signed with\n"
          "  --threads N        verify --data: at once (default: as many as there are processors)\n"
          "  --timings          verify --data: how long each part took (always in JSON)\n"
          "  --scratch DIR      verify: where replays are made (default: $TMPDIR or /tmp)\n"
          "  --until POSITION   export: up to this log position\n"
          "  --to FILE          export: write here instead of standard output\n"
          "\nExit: 0 all holds, 1 something is wrong (one line each), 2 it could not look.\n",
          to);
}

enum {
    OPT_DATA = 256,
    OPT_MASTER,
    OPT_SERVER,
    OPT_CA,
    OPT_HOME,
    OPT_LOG_KEY,
    OPT_SCRATCH,
    OPT_THREADS,
    OPT_TIMINGS,
    OPT_OUTPUT,
    OPT_FORMAT,
    OPT_UNTIL,
    OPT_TO,
    OPT_HELP,
    OPT_VERSION,
};

static const struct option long_options[] = {
    {"data", 1, NULL, OPT_DATA},       {"master-key", 1, NULL, OPT_MASTER},
    {"server", 1, NULL, OPT_SERVER},   {"ca", 1, NULL, OPT_CA},
    {"home", 1, NULL, OPT_HOME},       {"log-key", 1, NULL, OPT_LOG_KEY},
    {"scratch", 1, NULL, OPT_SCRATCH}, {"output", 1, NULL, OPT_OUTPUT},
    {"format", 1, NULL, OPT_FORMAT},   {"until", 1, NULL, OPT_UNTIL},
    {"to", 1, NULL, OPT_TO},           {"help", 0, NULL, OPT_HELP},
    {"version", 0, NULL, OPT_VERSION}, {"threads", 1, NULL, OPT_THREADS},
    {"timings", 0, NULL, OPT_TIMINGS}, {NULL, 0, NULL, 0},
};

struct audit_options {
    struct verify_options verify;
    const char *format, *to;
};

static int cannot(const struct fault *why)
{
    fprintf(stderr, "daftari-audit: %s%s%s (%s)\n", why->field, why->field[0] != '\0' ? ": " : "", why->text,
            status_text(why->status));
    return EXIT_CANNOT;
}

/* ---- verify ---------------------------------------------------------------------------------------------------- */

struct look {
    struct verify_options options;
    bool folder;
};

static int look(void *context)
{
    const struct look *look = context;
    struct verify_report report = {
        .json = look->options.json, .out = stdout, .show_timings = look->options.timings};
    struct fault why = {0};
    enum status status = look->folder ? verify_folder(&look->options, &report, &why)
                                      : verify_server(&look->options, &report, &why);
    /* Found wrong, not out of reach: a log that is not the one seen before is as wrong as a log can be. */
    if (status == STATUS_CORRUPT || status == STATUS_ROLLED_BACK) {
        verify_problem(&report, 0, why.text);
        report.cut_short = true; /* what comes after it was not looked at */
        status = STATUS_OK;
    }
    report.cut_short = report.cut_short || status != STATUS_OK;
    verify_report_end(&report);
    if (status != STATUS_OK)
        return cannot(&why);
    return report.problems != 0 ? EXIT_WRONG : report.cut_short ? EXIT_CANNOT : 0;
}

static int fault_found(const struct look *look, int signal_number)
{
    struct verify_report report = {.json = look->options.json, .out = stdout};
    char what[160];
    snprintf(what, sizeof what, "%s: looking at them ended with a fault of memory (%s)",
             look->folder ? "pages of a stored file are damaged" : "the server sent records that cannot be",
             strsignal(signal_number));
    verify_problem(&report, 0, what);
    verify_report_end(&report);
    return EXIT_WRONG;
}

static int run_verify(struct audit_options *options)
{
    struct look wanted = {.options = options->verify, .folder = options->verify.source.data_dir != NULL};
    char scratch[GUARD_PATH_MAX];
    const char *base = options->verify.scratch_dir != NULL ? options->verify.scratch_dir : getenv("TMPDIR");
    struct fault why = {0};
    int code = EXIT_CANNOT, signal_number = 0;
    int len = snprintf(scratch, sizeof scratch, "%s/daftari-audit-XXXXXX", base != NULL ? base : "/tmp");
    if (len < 0 || (size_t)len >= sizeof scratch || mkdtemp(scratch) == NULL) {
        (void)fault_set(&why, STATUS_IO, "scratch", "a folder that can be written for the replays");
        return cannot(&why);
    }
    wanted.options.scratch_dir = scratch;
    enum status status = guard_run(look, &wanted, &code, &signal_number, &why);
    guard_remove(scratch);
    if (status == STATUS_CORRUPT)
        return fault_found(&wanted, signal_number);
    return status == STATUS_OK ? code : cannot(&why);
}

/* ---- export ---------------------------------------------------------------------------------------------------- */

static int run_export(struct audit_options *options)
{
    const struct export_format *format =
        options->format != NULL ? export_format_named(options->format) : NULL;
    struct source *declarations = NULL, *entries = NULL;
    struct fault why = {0};
    FILE *out = stdout;
    bool records = options->format != NULL && strcmp(options->format, "records") == 0;
    if (format == NULL && !records) {
        fputs("daftari-audit: --format takes hledger, ledger, beancount, csv or records\n", stderr);
        return EXIT_CANNOT;
    }
    enum status status = source_open(&options->verify.source, &declarations, &why);
    if (status == STATUS_OK && !records)
        status = source_open(&options->verify.source, &entries, &why);
    if (status == STATUS_OK && options->to != NULL) {
        out = fopen(options->to, "we");
        if (out == NULL)
            status = fault_set(&why, STATUS_IO, "to", "%s cannot be written", options->to);
    }
    if (status == STATUS_OK)
        status = records ? export_records(declarations, out, &why)
                         : export_run(format, declarations, entries, out, &why);
    if (out != NULL && out != stdout && fclose(out) != 0 && status == STATUS_OK)
        status = fault_set(&why, STATUS_IO, "to", "%s cannot be written", options->to);
    source_close(declarations);
    source_close(entries);
    return status == STATUS_OK ? 0 : cannot(&why);
}

/* ---- command line ------------------------------------------------------------------------------------------------ */

/* False: said on standard error. */
static bool take_option(struct audit_options *options, int option, const char *value)
{
    struct source_options *source = &options->verify.source;
    uint64_t number;
    switch (option) {
    case OPT_DATA:
        source->data_dir = value;
        return true;
    case OPT_MASTER:
        source->master_key_file = value;
        return true;
    case OPT_SERVER:
        source->server = value;
        return true;
    case OPT_CA:
        source->ca_file = value;
        return true;
    case OPT_HOME:
        source->home = value;
        return true;
    case OPT_LOG_KEY:
        options->verify.log_key = value;
        return true;
    case OPT_SCRATCH:
        options->verify.scratch_dir = value;
        return true;
    case OPT_TIMINGS:
        options->verify.timings = true;
        return true;
    case OPT_THREADS:
        if (number_parse(slice_text(value), 1, LOG_CHECK_THREADS_MAX, &number)) {
            options->verify.threads = (unsigned)number;
            return true;
        }
        fprintf(stderr, "daftari-audit: --threads takes 1 to %u\n", LOG_CHECK_THREADS_MAX);
        return false;
    case OPT_FORMAT:
        options->format = value;
        return true;
    case OPT_TO:
        options->to = value;
        return true;
    case OPT_OUTPUT:
        options->verify.json = strcmp(value, "json") == 0;
        if (options->verify.json || strcmp(value, "text") == 0)
            return true;
        fputs("daftari-audit: --output takes text or json\n", stderr);
        return false;
    case OPT_UNTIL:
        if (number_parse(slice_text(value), 1, INT64_MAX, &number)) {
            source->until = number;
            return true;
        }
        fputs("daftari-audit: --until takes a log position\n", stderr);
        return false;
    default:
        usage(stderr);
        return false;
    }
}

int main(int argc, char **argv)
{
    struct audit_options options = {.verify = {.source = {.master_key_file = getenv("DAFTARI_MASTER_KEY")}}};
    struct fault why = {0};
    int option;
    const char *verb = argc > 1 ? argv[1] : "";
    if (strcmp(verb, "--version") == 0) {
        printf("daftari-audit %s\n", dft_version());
        return 0;
    }
    if (strcmp(verb, "--help") == 0 || strcmp(verb, "help") == 0) {
        usage(stdout);
        return 0;
    }
    while ((option = getopt_long(argc - (argc > 1), argv + (argc > 1), "", long_options, NULL)) != -1) {
        if (option == OPT_HELP) {
            usage(stdout);
            return 0;
        }
        if (!take_option(&options, option, optarg))
            return EXIT_CANNOT;
    }
    const struct source_options *source = &options.verify.source;
    bool known = strcmp(verb, "verify") == 0 || strcmp(verb, "export") == 0;
    if (!known || optind != argc - 1 || (source->data_dir == NULL) == (source->server == NULL)) {
        usage(stderr);
        return EXIT_CANNOT;
    }
    if (domain_check(&why) != STATUS_OK)
        return cannot(&why);
    return strcmp(verb, "verify") == 0 ? run_verify(&options) : run_export(&options);
}
