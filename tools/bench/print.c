#include <inttypes.h>
#include <stdio.h>

#include "tools/bench/bench.h"

struct figure {
    const char *key, *label, *unit;
    uint64_t value;
    bool known; /* else nobody said where to look, or there was nothing: null in JSON, no line in the table */
};

static uint64_t share(uint64_t of, uint64_t by)
{
    return by != 0 ? of / by : 0;
}

static void print_json(const struct bench_options *options, const struct bench_result *result,
                       const struct figure *figures, size_t count)
{
    printf("{\"scenario\":\"%s\"", options->scenario);
    for (size_t i = 0; i < count; i++) {
        printf(",\"%s\":", figures[i].key);
        if (figures[i].known)
            printf("%" PRIu64, figures[i].value);
        else
            fputs("null", stdout);
    }
    if (!result->commits_known) {
        fputs(",\"commits_up_to\":null}\n", stdout);
        return;
    }
    fputs(",\"commits_up_to\":{", stdout);
    for (size_t i = 0; i < BENCH_COMMIT_BUCKETS; i++)
        printf("%s\"%u\":%" PRIu64, i == 0 ? "" : ",", 1u << (2 * i), result->commits.up_to[i]);
    fputs("}}\n", stdout);
}

static void print_table(const struct bench_options *options, const struct bench_result *result,
                        const struct figure *figures, size_t count)
{
    uint64_t below = 0;
    printf("%-24s %s\n", "scenario", options->scenario);
    for (size_t i = 0; i < count; i++)
        if (figures[i].known)
            printf("%-24s %" PRIu64 "%s\n", figures[i].label, figures[i].value, figures[i].unit);
    for (size_t i = 0; i < BENCH_COMMIT_BUCKETS && result->commits_known; i++) {
        if (result->commits.up_to[i] > below)
            printf("commits of up to %-7u %" PRIu64 "\n", 1u << (2 * i), result->commits.up_to[i] - below);
        below = result->commits.up_to[i];
    }
}

void bench_print(const struct bench_options *options, const struct bench_result *result)
{
    const struct latency *latency = &result->latency;
    uint64_t grown = result->disk_after > result->disk_before ? result->disk_after - result->disk_before : 0;
    const struct figure figures[] = {
        {"connections", "connections", "", options->connections, true},
        {"in_flight", "requests in flight each", "", options->in_flight, true},
        {"batch", "entries in a request", "", options->batch, true},
        {"accounts", "accounts", "", options->accounts, true},
        {"seed", "seed", "", options->seed, true},
        {"entries", "entries", "", result->entries, true},
        {"refused", "refused", "", result->refused, true},
        {"elapsed_us", "elapsed", " us", result->elapsed_us, true},
        {"entries_per_second", "entries a second", "", share(result->entries * 1000000u, result->elapsed_us),
         true},
        {"p50_us", "request, median", " us", latency_at(latency, 500), true},
        {"p99_us", "request, p99", " us", latency_at(latency, 990), true},
        {"p999_us", "request, p99.9", " us", latency_at(latency, 999), true},
        {"max_us", "request, longest", " us", latency->max_us, true},
        {"commits", "commits", "", result->commits.commits, result->commits_known},
        {"records_per_commit", "records a commit", "",
         share(result->commits.records, result->commits.commits), result->commits_known},
        {"disk_bytes_per_entry", "disk an entry", " bytes", share(grown, result->entries),
         result->disk_known && result->entries != 0},
        {"memory_anonymous_bytes", "memory, anonymous", " bytes", result->memory_anonymous,
         result->memory_known},
        {"memory_resident_bytes", "memory, resident", " bytes", result->memory_resident,
         result->memory_known},
    };
    if (options->json)
        print_json(options, result, figures, sizeof figures / sizeof *figures);
    else
        print_table(options, result, figures, sizeof figures / sizeof *figures);
}
