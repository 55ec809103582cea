/* daftari-bench: bounded load on a running server. For the operator and for us; see docs/performance.md. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/text.h"
#include "tools/bench/bench.h"

static const struct named {
    const char *name, *what;
    uint32_t connections, in_flight, batch;
} scenarios[] = {
    {"batch", "one connection, requests of 1,000 entries, 4 in flight", 1, 4, 1000},
    {"connections", "64 connections, one request of one entry in flight on each", 64, 1, 1},
    {"pipeline", "one connection, 256 requests of one entry in flight", 1, 256, 1},
    {"single", "one connection, one request of one entry at a time", 1, 1, 1},
};

static void usage(FILE *to)
{
    fputs("usage: daftari-bench SCENARIO --email E --password-file F [--server HOST:PORT] [--ca FILE] "
          "[options]\n"
          "\nPosts two-line entries between accounts of its own to a running server and says how fast it "
          "went. The\n"
          "entries stay in the books for ever: use a server made for this. Scenarios:\n",
          to);
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        fprintf(to, "  %-12s %s\n", scenarios[i].name, scenarios[i].what);
    fputs(
        "\noptions:\n"
        "  --entries N      entries in all (default 100000)\n"
        "  --accounts N     accounts they move between, opened when missing (default 10000)\n"
        "  --connections N  --in-flight N  --batch N   instead of the scenario's\n"
        "  --seconds N      longest run (default 60)\n"
        "  --seed N         of amounts, accounts and ids (default: from the clock, printed)\n"
        "  --data DIR       the server's data folder, to measure bytes on disk\n"
        "  --pid N          the server's process, to measure its memory\n"
        "  --metrics HOST:PORT  the server's metrics page, to count commits and the records in them\n"
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

enum {
    OPT_SERVER = 256,
    OPT_CA,
    OPT_EMAIL,
    OPT_PASSWORD,
    OPT_ENTRIES,
    OPT_ACCOUNTS,
    OPT_CONNECTIONS,
    OPT_IN_FLIGHT,
    OPT_BATCH,
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
    {"entries", 1, NULL, OPT_ENTRIES},
    {"accounts", 1, NULL, OPT_ACCOUNTS},
    {"connections", 1, NULL, OPT_CONNECTIONS},
    {"in-flight", 1, NULL, OPT_IN_FLIGHT},
    {"batch", 1, NULL, OPT_BATCH},
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

static void take_option(struct bench_options *options, int option, const char *value)
{
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
    case OPT_ENTRIES:
        options->entries = number_option("entries", value, 1, 1000000000u);
        return;
    case OPT_ACCOUNTS:
        options->accounts = (uint32_t)number_option("accounts", value, 2, 10000000u);
        return;
    case OPT_CONNECTIONS:
        options->connections = (uint32_t)number_option("connections", value, 1, 1024);
        return;
    case OPT_IN_FLIGHT:
        options->in_flight = (uint32_t)number_option("in-flight", value, 1, 1024);
        return;
    case OPT_BATCH:
        options->batch = (uint32_t)number_option("batch", value, 1, 8192);
        return;
    case OPT_SECONDS:
        options->seconds_max = (uint32_t)number_option("seconds", value, 1, 3600);
        return;
    case OPT_SEED:
        options->seed = number_option("seed", value, 1, UINT64_MAX);
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
        options->json = strcmp(value, "json") == 0;
        return;
    case OPT_VERSION:
        printf("daftari-bench %s\n", dft_version());
        exit(0);
    case OPT_HELP:
        usage(stdout);
        exit(0);
    default:
        usage(stderr);
        exit(2);
    }
}

static bool take_scenario(struct bench_options *options, const char *name)
{
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        if (strcmp(name, scenarios[i].name) != 0)
            continue;
        options->scenario = scenarios[i].name;
        options->connections = scenarios[i].connections;
        options->in_flight = scenarios[i].in_flight;
        options->batch = scenarios[i].batch;
        return true;
    }
    return false;
}

/* What was asked for and could not be measured: a figure that is missing must not look as if nobody had asked. */
static void tell_missing(const struct bench_options *options, const struct bench_result *result)
{
    if (options->data_dir != NULL && !result->disk_known)
        fprintf(stderr, "daftari-bench: --data: %s cannot be read\n", options->data_dir);
    if (options->server_pid != 0 && !result->memory_known)
        fprintf(stderr, "daftari-bench: --pid: process %d tells no memory\n", options->server_pid);
    if (options->metrics != NULL && !result->commits_known)
        fprintf(stderr, "daftari-bench: --metrics: no metrics page at %s\n", options->metrics);
}

int main(int argc, char **argv)
{
    struct bench_options options = {.server = getenv("DAFTARI_SERVER"),
                                    .ca_file = getenv("DAFTARI_CA"),
                                    .entries = 100000,
                                    .accounts = 10000,
                                    .seconds_max = 60,
                                    .seed = bench_now_us()};
    static struct bench_result result;
    struct dft_fault why = {0};
    int option;
    if (argc > 1 && argv[1][0] != '-') {
        if (!take_scenario(&options, argv[1])) {
            fprintf(stderr, "daftari-bench: no scenario '%s'\n", argv[1]);
            usage(stderr);
            return 2;
        }
        argc--;
        argv++;
    }
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        take_option(&options, option, optarg);
    if (options.scenario == NULL || options.server == NULL || options.email == NULL || optind != argc) {
        usage(stderr);
        return 2;
    }
    enum dft_status status = bench_prepare(&options, &why);
    if (status == DFT_OK)
        status = bench_run(&options, &result, &why);
    if (status == DFT_OK)
        tell_missing(&options, &result);
    bench_print(&options, &result);
    if (status != DFT_OK)
        fprintf(stderr, "daftari-bench: %s: %s %s\n", dft_status_name(status), why.field, why.text);
    return status == DFT_OK && result.refused == 0 ? 0 : 1;
}
