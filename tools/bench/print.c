#include <inttypes.h>
#include <stdio.h>

#include "tools/bench/bench.h"

struct figure {
    const char *key, *label, *unit;
    uint64_t value;
};

static uint64_t share(uint64_t of, uint64_t by)
{
    return by != 0 ? of / by : 0;
}

static void print_json(const struct bench_options *options, const struct bench_result *result,
                       const struct figure *figures, size_t count)
{
    printf("{\"scenario\":\"%s\"", options->scenario);
    for (size_t i = 0; i < count; i++)
        printf(",\"%s\":%" PRIu64, figures[i].key, figures[i].value);
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
        printf("%-24s %" PRIu64 "%s\n", figures[i].label, figures[i].value, figures[i].unit);
    for (size_t i = 0; i < BENCH_COMMIT_BUCKETS && result->commits.commits != 0; i++) {
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
        {"connections", "connections", "", options->connections},
        {"in_flight", "requests in flight each", "", options->in_flight},
        {"batch", "entries in a request", "", options->batch},
        {"accounts", "accounts", "", options->accounts},
        {"seed", "seed", "", options->seed},
        {"entries", "entries", "", result->entries},
        {"refused", "refused", "", result->refused},
        {"elapsed_us", "elapsed", " us", result->elapsed_us},
        {"entries_per_second", "entries a second", "", share(result->entries * 1000000u, result->elapsed_us)},
        {"p50_us", "request, median", " us", latency_at(latency, 500)},
        {"p99_us", "request, p99", " us", latency_at(latency, 990)},
        {"p999_us", "request, p99.9", " us", latency_at(latency, 999)},
        {"max_us", "request, longest", " us", latency->max_us},
        {"commits", "commits", "", result->commits.commits},
        {"records_per_commit", "records a commit", "",
         share(result->commits.records, result->commits.commits)},
        {"disk_bytes_per_entry", "disk an entry", " bytes", share(grown, result->entries)},
        {"memory_anonymous_bytes", "memory, anonymous", " bytes", result->memory_anonymous},
        {"memory_resident_bytes", "memory, resident", " bytes", result->memory_resident},
    };
    if (options->json)
        print_json(options, result, figures, sizeof figures / sizeof *figures);
    else
        print_table(options, result, figures, sizeof figures / sizeof *figures);
}
