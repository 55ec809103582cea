/* daftari-bench: bounded load on a server. For the operator and for us; see docs/performance.md. */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/text.h"
#include "tools/bench/compare.h"
#include "tools/bench/own.h"
#include "tools/bench/postgres.h"
#include "tools/bench/scenario.h"

#define WANTED_MAX 32

static void usage(FILE *to)
{
    fputs("usage: daftari-bench SCENARIO... --scratch DIR [options]\n"
          "       daftari-bench SCENARIO... --server HOST:PORT --email E --password-file F [options]\n"
          "       daftari-bench compare postgres --scratch DIR [options]\n"
          "\nMeasures a server of its own, made below DIR and removed, or a running one, in whose books the "
          "entries\nstay for ever. Two-line entries between accounts of its own. Scenarios, or `all` of "
          "them:\n",
          to);
    scenario_list(to);
    fputs(
        "\ncompare postgres: the same work on a PostgreSQL 15 of its own too (Debian's postgresql-15), side "
        "by side.\n"
        "\noptions (without them a scenario's own values hold):\n"
        "  --scratch DIR    a server of its own, in a new folder below DIR: on the disk that is to be "
        "measured\n"
        "  --server H:P --ca FILE --email E --password-file F   a running server\n"
        "  --runs N         runs of each scenario; medians are printed (default 1, `all` and `compare` 3)\n"
        "  --full           the long set: 10 million entries and 1,000,000 accounts; an hour or more, 40 GiB "
        "of disk\n"
        "  --entries N      entries in all\n"
        "  --accounts N     accounts they move between, opened before the clock starts\n"
        "  --connections N  --in-flight N  --batch N\n"
        "  --ids time|random  command ids in order of time (default) or not\n"
        "  --days N         business dates spread over the last N days (default: no date given, today)\n"
        "  --late PERCENT   of entries dated earlier, the others going through these days in order (default: "
        "all at random)\n"
        "  --rate N         statement-page: entries a second written meanwhile (default 20000)\n"
        "  --seconds N      longest run (default 60, of some scenarios less, with --full 900)\n"
        "  --seed N         of amounts, accounts and ids (default: from the clock, printed)\n"
        "  --data DIR       a running server's data folder, to measure bytes on disk\n"
        "  --pid N          its process, to measure its memory and processor time\n"
        "  --metrics HOST:PORT  its metrics page, to count commits and to wait for the views\n"
        "  --output table|json\n"
        "Environment: DAFTARI_SERVER, DAFTARI_CA. Exit: 0 done, 1 entries were refused or failed, 2 usage.\n",
        to);
}

static uint64_t number_option(const char *name, const char *text, uint64_t min, uint64_t max)
{
    uint64_t value;
    if (!number_parse(slice_text(text), min, max, &value)) {
        fprintf(stderr,
                "daftari-bench: --%s takes a whole number from %" PRIu64 " to %" PRIu64 ", got '%s'\n", name,
                min, max, text);
        exit(2);
    }
    return value;
}

/* True: the first word. */
static bool word_option(const char *name, const char *text, const char *first, const char *second)
{
    if (strcmp(text, first) != 0 && strcmp(text, second) != 0) {
        fprintf(stderr, "daftari-bench: --%s takes %s or %s, got '%s'\n", name, first, second, text);
        exit(2);
    }
    return strcmp(text, first) == 0;
}

enum {
    OPT_SERVER = 256,
    OPT_CA,
    OPT_EMAIL,
    OPT_PASSWORD,
    OPT_SCRATCH,
    OPT_RUNS,
    OPT_FULL,
    OPT_ENTRIES,
    OPT_ACCOUNTS,
    OPT_CONNECTIONS,
    OPT_IN_FLIGHT,
    OPT_BATCH,
    OPT_IDS,
    OPT_DAYS,
    OPT_LATE,
    OPT_RATE,
    OPT_SECONDS,
    OPT_SEED,
    OPT_DATA,
    OPT_PID,
    OPT_METRICS,
    OPT_OUTPUT,
    OPT_HELP,
    OPT_VERSION
};

static const struct option long_options[] = {
    {"server", 1, NULL, OPT_SERVER},
    {"ca", 1, NULL, OPT_CA},
    {"email", 1, NULL, OPT_EMAIL},
    {"password-file", 1, NULL, OPT_PASSWORD},
    {"scratch", 1, NULL, OPT_SCRATCH},
    {"runs", 1, NULL, OPT_RUNS},
    {"full", 0, NULL, OPT_FULL},
    {"entries", 1, NULL, OPT_ENTRIES},
    {"accounts", 1, NULL, OPT_ACCOUNTS},
    {"connections", 1, NULL, OPT_CONNECTIONS},
    {"in-flight", 1, NULL, OPT_IN_FLIGHT},
    {"batch", 1, NULL, OPT_BATCH},
    {"ids", 1, NULL, OPT_IDS},
    {"days", 1, NULL, OPT_DAYS},
    {"late", 1, NULL, OPT_LATE},
    {"rate", 1, NULL, OPT_RATE},
    {"seconds", 1, NULL, OPT_SECONDS},
    {"seed", 1, NULL, OPT_SEED},
    {"data", 1, NULL, OPT_DATA},
    {"pid", 1, NULL, OPT_PID},
    {"metrics", 1, NULL, OPT_METRICS},
    {"output", 1, NULL, OPT_OUTPUT},
    {"help", 0, NULL, OPT_HELP},
    {"version", 0, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

struct wanted {
    struct bench_options options;
    bool full, all, compare;
    const struct scenario *scenarios[WANTED_MAX];
    size_t count;
};

static void take_load_option(struct bench_options *options, int option, const char *value)
{
    switch (option) {
    case OPT_RUNS:
        options->runs = (uint32_t)number_option("runs", value, 1, RUNS_MAX);
        return;
    case OPT_ENTRIES:
        options->entries = number_option("entries", value, 1, 1000000000u);
        return;
    case OPT_ACCOUNTS:
        options->accounts = (uint32_t)number_option("accounts", value, 2, BENCH_ACCOUNTS_MAX);
        return;
    case OPT_CONNECTIONS:
        options->connections = (uint32_t)number_option("connections", value, 1, BENCH_CONNECTIONS_MAX);
        return;
    case OPT_IN_FLIGHT:
        options->in_flight = (uint32_t)number_option("in-flight", value, 1, BENCH_IN_FLIGHT_MAX);
        return;
    case OPT_BATCH:
        options->batch = (uint32_t)number_option("batch", value, 1, BENCH_BATCH_MAX);
        return;
    case OPT_IDS:
        options->ids = word_option("ids", value, "time", "random") ? BENCH_IDS_TIME : BENCH_IDS_RANDOM;
        return;
    case OPT_DAYS:
        options->days = (uint32_t)number_option("days", value, 1, ENTRY_DAYS_MAX);
        return;
    case OPT_LATE:
        options->late = (uint32_t)number_option("late", value, 0, 100);
        return;
    case OPT_RATE:
        options->rate = number_option("rate", value, 1, 10000000u);
        return;
    case OPT_SECONDS:
        options->seconds_max = (uint32_t)number_option("seconds", value, 1, 3600);
        return;
    default:
        options->seed = number_option("seed", value, 1, UINT64_MAX);
    }
}

static void take_option(struct wanted *wanted, int option, const char *value)
{
    struct bench_options *options = &wanted->options;
    switch (option) {
    case OPT_SERVER:
        options->server = value;
        return;
    case OPT_CA:
        options->ca_file = value;
        return;
    case OPT_EMAIL:
        options->email = value;
        return;
    case OPT_PASSWORD:
        options->password_file = value;
        return;
    case OPT_SCRATCH:
        options->scratch = value;
        return;
    case OPT_FULL:
        wanted->full = true;
        return;
    case OPT_DATA:
        options->data_dir = value;
        return;
    case OPT_PID:
        options->server_pid = (int)number_option("pid", value, 1, 4194304u);
        return;
    case OPT_METRICS:
        options->metrics = value;
        return;
    case OPT_OUTPUT:
        options->json = word_option("output", value, "json", "table");
        return;
    case OPT_VERSION:
        printf("daftari-bench %s\n", dft_version());
        exit(0);
    case OPT_HELP:
        usage(stdout);
        exit(0);
    case '?':
        usage(stderr);
        exit(2);
    default:
        take_load_option(options, option, value);
    }
}

/* "compare postgres", alone. */
static void take_comparison(struct wanted *wanted, int count, char **words)
{
    if (count != 2 || strcmp(words[1], "postgres") != 0) {
        fputs("daftari-bench: compare takes postgres, and no scenario beside it\n", stderr);
        exit(2);
    }
    const char *missing = postgres_missing();
    if (missing != NULL) {
        fprintf(stderr, "daftari-bench: %s\n", missing);
        exit(2);
    }
    wanted->compare = true;
}

static void take_scenario(struct wanted *wanted, const char *name)
{
    const struct scenario *scenario = scenario_find(name);
    if (strcmp(name, "all") == 0) {
        wanted->all = true;
        return;
    }
    if (scenario == NULL || wanted->count == WANTED_MAX) {
        fprintf(stderr, "daftari-bench: no scenario '%s' (see daftari-bench --help)\n", name);
        exit(2);
    }
    wanted->scenarios[wanted->count++] = scenario;
}

/* What cannot be done is said before anything is begun. */
static void check_wanted(struct wanted *wanted)
{
    const struct bench_options *options = &wanted->options;
    const char *wrong = NULL;
    if (wanted->all) {
        wanted->count = 0;
        while (scenario_at(wanted->count) != NULL && wanted->count < WANTED_MAX) {
            wanted->scenarios[wanted->count] = scenario_at(wanted->count);
            wanted->count++;
        }
    }
    if (wanted->compare && options->scratch == NULL)
        wrong = "compare makes servers of its own: only with --scratch";
    else if (wanted->count == 0 && !wanted->compare)
        wrong = "no scenario is named";
    else if (options->scratch == NULL && (options->server == NULL || options->email == NULL))
        wrong = "give --scratch for a server of its own, or --server, --email and --password-file";
    else if (options->scratch != NULL && (options->email != NULL || options->data_dir != NULL ||
                                          options->server_pid != 0 || options->metrics != NULL))
        wrong = "--scratch makes a server of its own: no --email, --data, --pid or --metrics with it";
    for (size_t i = 0; wrong == NULL && i < wanted->count; i++)
        if (wanted->scenarios[i]->own_only && options->scratch == NULL)
            wrong = "limit writes files; restart, replay and verify stop the server: only with --scratch";
    if (wrong == NULL)
        return;
    fprintf(stderr, "daftari-bench: %s (see daftari-bench --help)\n", wrong);
    exit(2);
}

/* What was asked for and could not be measured: a figure that is missing must not look as if nobody had asked. */
static void tell_missing(const struct bench_options *options)
{
    struct bench_disk disk;
    struct bench_memory memory;
    struct bench_page page;
    if (options->data_dir != NULL && !bench_disk(options->data_dir, &disk))
        fprintf(stderr, "daftari-bench: --data: %s cannot be read\n", options->data_dir);
    if (options->server_pid != 0 && !bench_memory(options->server_pid, &memory))
        fprintf(stderr, "daftari-bench: --pid: process %d tells no memory\n", options->server_pid);
    if (options->metrics != NULL && !bench_page(options->metrics, &page))
        fprintf(stderr, "daftari-bench: --metrics: no metrics page at %s\n", options->metrics);
}

static void drop_server(struct bench *bench)
{
    bench_log_off(bench);
    own_remove(bench->own);
    bench->own = NULL;
    bench->accounts_open = bench->pages_ready = 0;
    bench->shop_open = false;
}

/* Runs of one scenario, printed; also what was measured before a failure. */
static enum dft_status measure(struct bench *bench, const struct wanted *wanted,
                               const struct scenario *scenario, struct dft_fault *why)
{
    static struct figures runs[RUNS_MAX];
    struct bench_options given = bench->options;
    enum dft_status status = DFT_OK;
    uint32_t count = 0, want = given.runs != 0 ? given.runs : wanted->all ? 3 : 1;
    while (status == DFT_OK && count < want) {
        struct bench_options options = scenario_options(bench, scenario, wanted->full);
        bench->options = options;
        memset(&runs[count], 0, sizeof runs[count]);
        status = scenario->run(bench, scenario, &runs[count], why);
        count++;
        /* of the options only where the server is may have changed */
        given.server = bench->options.server;
        given.metrics = bench->options.metrics;
        given.server_pid = bench->options.server_pid;
        given.seed++; /* another run, other accounts and ids */
        bench->options = given;
    }
    if (strcmp(scenario->name, "limit") == 0 && status == DFT_OK) {
        bench->bare_commit_p50_us = figures_median(runs, count, "commit_p50_us");
        bench->limit_ran = true;
    }
    figures_print(scenario->name, runs, count, given.json);
    return status;
}

static void on_signal(int number)
{
    (void)number;
    load_interrupt();
}

/* Makes and starts a server, the first time that a scenario needs one. */
static enum dft_status need_server(struct bench *bench, struct dft_fault *why)
{
    uint64_t ready_us;
    if (bench->options.scratch == NULL || bench->own != NULL)
        return DFT_OK;
    enum dft_status status = own_make(bench->options.scratch, &bench->own, why);
    return status == DFT_OK ? own_start(bench, &ready_us, why) : status;
}

int main(int argc, char **argv)
{
    static struct wanted wanted;
    static struct bench bench;
    struct dft_fault why = {0};
    int option;
    wanted.options = (struct bench_options){.server = getenv("DAFTARI_SERVER"),
                                            .ca_file = getenv("DAFTARI_CA"),
                                            .ids = BENCH_IDS_TIME,
                                            .late = 100,
                                            .seed = bench_now_us()};
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        take_option(&wanted, option, optarg);
    bool compare = optind < argc && strcmp(argv[optind], "compare") == 0;
    if (compare)
        take_comparison(&wanted, argc - optind, argv + optind);
    for (int i = optind; i < argc && !compare; i++)
        take_scenario(&wanted, argv[i]);
    check_wanted(&wanted);
    struct sigaction ignore = {.sa_handler = SIG_IGN}, stop = {.sa_handler = on_signal};
    if (sigaction(SIGPIPE, &ignore, NULL) != 0 || sigaction(SIGINT, &stop, NULL) != 0 ||
        sigaction(SIGTERM, &stop, NULL) != 0)
        return 1;

    bench.options = wanted.options;
    tell_missing(&bench.options);
    enum dft_status status = DFT_OK;
    for (size_t i = 0; status == DFT_OK && i < wanted.count; i++) {
        if (wanted.scenarios[i]->fresh && !wanted.full)
            drop_server(&bench);
        if (!wanted.scenarios[i]->no_server)
            status = need_server(&bench, &why);
        if (status == DFT_OK)
            status = measure(&bench, &wanted, wanted.scenarios[i], &why);
    }
    if (wanted.compare)
        status = need_server(&bench, &why);
    if (wanted.compare && status == DFT_OK)
        status = compare_postgres(&bench, bench.options.runs != 0 ? bench.options.runs : 3, &why);
    drop_server(&bench);
    if (status != DFT_OK)
        fprintf(stderr, "daftari-bench: %s: %s %s\n", dft_status_name(status), why.field, why.text);
    return status == DFT_OK ? 0 : 1;
}
