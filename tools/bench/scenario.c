#include <inttypes.h>
#include <string.h>

#include "tools/bench/limit.h"
#include "tools/bench/scenario.h"

#define TICKS_NS          30000000u /* three of proc(5) */
#define PREPARE_BATCH     1000
#define PREPARE_IN_FLIGHT 8
#define PREPARE_SECONDS   900
#define SECONDS           60
#define SECONDS_FULL      900

static const struct scenario scenarios[] = {
    {.name = "limit",
     .what = "the floor: synced LMDB appends, a bare commit, TLS echo of the same frames (--scratch only)",
     .batch = 1000,
     .entries = 400000,
     .entries_full = 2000000,
     .own_only = true,
     .no_server = true,
     .run = run_limit},
    {.name = "single",
     .what = "1 connection, one request of one entry at a time",
     .connections = 1,
     .in_flight = 1,
     .batch = 1,
     .accounts = 10000,
     .entries = 3000,
     .entries_full = 30000,
     .run = run_entries},
    {.name = "connections",
     .what = "64 connections, one request of one entry in flight on each",
     .connections = 64,
     .in_flight = 1,
     .batch = 1,
     .accounts = 10000,
     .entries = 30000,
     .entries_full = 1000000,
     .run = run_entries},
    {.name = "sale",
     .what = "64 connections, a sale of three items with stock, VAT and cost in flight on each",
     .connections = 64,
     .in_flight = 1,
     .batch = 1,
     .entries = 20000,
     .entries_full = 500000,
     .run = run_sale},
    {.name = "pipeline",
     .what = "1 connection, 256 requests of one entry in flight",
     .connections = 1,
     .in_flight = 256,
     .batch = 1,
     .accounts = 10000,
     .entries = 60000,
     .entries_full = 1000000,
     .run = run_entries},
    {.name = "batch",
     .what = "1 connection, 4 requests of 1,000 entries in flight, 10,000 accounts",
     .connections = 1,
     .in_flight = 4,
     .batch = 1000,
     .accounts = 10000,
     .entries = 300000,
     .entries_full = 10000000,
     .run = run_entries},
    {.name = "batch-random",
     .what = "the same with random command ids",
     .connections = 1,
     .in_flight = 4,
     .batch = 1000,
     .accounts = 10000,
     .entries = 300000,
     .entries_full = 2000000,
     .run = run_entries},
    {.name = "batch-hot",
     .what = "the same on 4 accounts",
     .connections = 1,
     .in_flight = 4,
     .batch = 1000,
     .accounts = 4,
     .entries = 300000,
     .entries_full = 2000000,
     .run = run_entries},
    {.name = "batch-wide",
     .what = "the same on 1,000,000 accounts (100,000 in the short set)",
     .connections = 1,
     .in_flight = 4,
     .batch = 1000,
     .accounts = 100000,
     .accounts_full = 1000000,
     .entries = 300000,
     .entries_full = 2000000,
     .run = run_entries},
    {.name = "statement-page",
     .what = "a page of 50 rows of an account with about 2,000 entries, while entries are written (--rate)",
     .connections = 1,
     .in_flight = 1,
     .batch = 1000,
     .accounts = 10000,
     .entries = 200000,
     .entries_full = 2000000,
     .fresh = true,
     .seconds = 5,
     .run = run_statement_page},
    {.name = "trial-balance",
     .what = "trial balance of all accounts as at a date of the last year, drawn at random",
     .connections = 1,
     .in_flight = 1,
     .batch = 1,
     .accounts = 10000,
     .entries = 20000,
     .entries_full = 20000,
     .seconds = 5,
     .run = run_trial_balance},
    {.name = "reports",
     .what = "every report there is, on the present books",
     .connections = 1,
     .in_flight = 1,
     .batch = 1,
     .accounts = 10000,
     .entries = 20000,
     .entries_full = 20000,
     .run = run_reports},
    {.name = "restart",
     .what = "kill -9 right after a load, then until it answers again (--scratch only)",
     .connections = 1,
     .in_flight = 4,
     .batch = 1000,
     .accounts = 10000,
     .entries = 20000,
     .entries_full = 100000,
     .own_only = true,
     .run = run_restart},
    {.name = "replay",
     .what = "stop, remove core state and views, start: all folded again from the log (--scratch only)",
     .connections = 1,
     .in_flight = 4,
     .batch = 1000,
     .accounts = 10000,
     .entries = 20000,
     .entries_full = 100000,
     .own_only = true,
     .run = run_replay},
    {.name = "verify",
     .what = "daftari-audit verify of the stopped server's folder, just written (--scratch only)",
     .connections = 1,
     .in_flight = 4,
     .batch = 1000,
     .accounts = 10000,
     .entries = 20000,
     .entries_full = 100000,
     .own_only = true,
     .run = run_verify},
};
#define SCENARIOS (sizeof scenarios / sizeof *scenarios)

const struct scenario *scenario_at(size_t index)
{
    return index < SCENARIOS ? &scenarios[index] : NULL;
}

const struct scenario *scenario_find(const char *name)
{
    for (size_t i = 0; i < SCENARIOS; i++)
        if (strcmp(name, scenarios[i].name) == 0)
            return &scenarios[i];
    return NULL;
}

void scenario_list(FILE *to)
{
    for (size_t i = 0; i < SCENARIOS; i++)
        fprintf(to, "  %-15s %s\n", scenarios[i].name, scenarios[i].what);
}

struct bench_options scenario_options(const struct bench *bench, const struct scenario *scenario, bool full)
{
    struct bench_options options = bench->options;
    uint32_t accounts = full && scenario->accounts_full != 0 ? scenario->accounts_full : scenario->accounts;
    options.connections = options.connections != 0 ? options.connections : scenario->connections;
    options.in_flight = options.in_flight != 0 ? options.in_flight : scenario->in_flight;
    options.batch = options.batch != 0 ? options.batch : scenario->batch;
    options.accounts = options.accounts != 0 ? options.accounts : accounts;
    options.entries = options.entries != 0 ? options.entries
                      : full               ? scenario->entries_full
                                           : scenario->entries;
    if (options.seconds_max == 0)
        options.seconds_max = full ? SECONDS_FULL : scenario->seconds != 0 ? scenario->seconds : SECONDS;
    if (strcmp(scenario->name, "batch-random") == 0)
        options.ids = BENCH_IDS_RANDOM;
    return options;
}

/* ---- before the clock starts --------------------------------------------------------------------------------------- */

static enum dft_status open_from(struct bench *bench, uint32_t first, uint32_t count, struct dft_fault *why)
{
    struct account_source source = {.next = first};
    struct lane lane = {.work = account_work(&source),
                        .connections = 1,
                        .in_flight = PREPARE_IN_FLIGHT,
                        .batch = PREPARE_BATCH,
                        .items_max = count};
    struct load_result result;
    return load_run(bench, &lane, 1, PREPARE_SECONDS, &result, why);
}

enum dft_status open_accounts(struct bench *bench, uint32_t count, struct dft_fault *why)
{
    enum dft_status status = DFT_OK;
    if (bench->accounts_open == 0)
        status = open_from(bench, STATEMENT_ACCOUNT - BENCH_ACCOUNT_FIRST, 1, why);
    if (status == DFT_OK && count > bench->accounts_open) {
        status = open_from(bench, bench->accounts_open, count - bench->accounts_open, why);
        if (status == DFT_OK)
            bench->accounts_open = count;
        if (status == DFT_OK)
            (void)bench_views_wait(bench->options.metrics, VIEWS_WAIT_S);
    }
    return status;
}

enum dft_status fill_entries(struct bench *bench, struct entry_source *source, uint64_t entries,
                             struct dft_fault *why)
{
    struct lane lane = {.work = entry_work(source),
                        .connections = 1,
                        .in_flight = PREPARE_IN_FLIGHT,
                        .batch = PREPARE_BATCH,
                        .items_max = entries};
    struct load_result result;
    enum dft_status status = load_run(bench, &lane, 1, PREPARE_SECONDS, &result, why);
    if (status == DFT_OK)
        (void)bench_views_wait(bench->options.metrics, VIEWS_WAIT_S);
    return status;
}

/* ---- what is measured around a load -------------------------------------------------------------------------------- */

struct around { /* the server at one moment */
    struct bench_disk disk;
    struct bench_cpu cpu;
    struct bench_page page;
    bool disk_known, cpu_known, page_known;
};

static void look(const struct bench *bench, bool disk, struct around *out)
{
    memset(out, 0, sizeof *out);
    out->disk_known = disk && bench_disk(bench->options.data_dir, &out->disk);
    out->cpu_known = bench_cpu_of(bench->options.server_pid, &out->cpu);
    out->page_known = bench_page(bench->options.metrics, &out->page);
}

void add_latency(struct figures *out, const char *prefix, const char *what, const struct latency *latency)
{
    static const struct {
        const char *key, *label;
        uint32_t per_mille;
    } rows[] = {{"p50_us", "median", 500}, {"p99_us", "p99", 990}, {"p999_us", "p99.9", 999}};
    char key[40], label[72];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(key, sizeof key, "%s%s", prefix, rows[i].key);
        snprintf(label, sizeof label, "%s, %s", what, rows[i].label);
        figures_add(out, key, label, " us", latency_at(latency, rows[i].per_mille));
    }
    snprintf(key, sizeof key, "%smax_us", prefix);
    snprintf(label, sizeof label, "%s, longest", what);
    figures_add(out, key, label, " us", latency->max_us);
}

static uint64_t since(uint64_t before, uint64_t after)
{
    return after > before ? after - before : 0;
}

static void add_commits(struct figures *out, const struct around *before, const struct around *after,
                        bool known)
{
    uint64_t commits = since(before->page.commits, after->page.commits), below = 0;
    uint64_t records = since(before->page.records, after->page.records);
    figures_add_if(out, known, "commits", "commits", "", commits);
    figures_add_if(out, known, "records_per_commit", "records a commit", "", figures_share(records, commits));
    if (!known)
        figures_add_if(out, false, "commits_of", "", "", 0);
    for (size_t i = 0; known && i < BENCH_COMMIT_BUCKETS; i++) {
        uint64_t up_to = since(before->page.up_to[i], after->page.up_to[i]);
        char key[24];
        snprintf(key, sizeof key, "%u", 1u << (2 * i));
        if (up_to > below)
            figures_add_in(out, "commits_of", key, "commits, records up to", "", up_to - below);
        below = up_to > below ? up_to : below;
    }
}

static void add_stages(struct figures *out, const struct around *before, const struct around *after,
                       uint64_t entries)
{
    for (uint32_t i = 0; i < after->page.stages && entries > 0; i++) {
        uint64_t was = i < before->page.stages ? before->page.stage[i].us : 0;
        figures_add_in(out, "writer_ns_per_entry", after->page.stage[i].name, "writer, time to",
                       " ns an entry", since(was, after->page.stage[i].us) * 1000u / entries);
    }
}

static void add_threads(struct figures *out, const struct around *before, const struct around *after,
                        uint64_t entries)
{
    uint64_t all_ns = since(before->cpu.all_us, after->cpu.all_us) * 1000u, told_ns = 0;
    for (uint32_t i = 0; i < after->cpu.count && entries > 0; i++) {
        uint64_t was = 0;
        for (uint32_t b = 0; b < before->cpu.count; b++)
            if (strcmp(before->cpu.threads[b].name, after->cpu.threads[i].name) == 0)
                was = before->cpu.threads[b].ns;
        figures_add_in(out, "server_thread_cpu_ns_per_entry", after->cpu.threads[i].name, "processor, thread",
                       " ns an entry", since(was, after->cpu.threads[i].ns) / entries);
        told_ns += since(was, after->cpu.threads[i].ns);
    }
    /* A thread that writes behind lives as long as one flush. all_us counts in ticks: less is no thread. */
    if (entries > 0 && all_ns > told_ns + TICKS_NS)
        figures_add_in(out, "server_thread_cpu_ns_per_entry", "ended", "processor, threads", " ns an entry",
                       (all_ns - told_ns) / entries);
}

/* `caught_up` was taken when the views had come up too. */
static void add_server(struct figures *out, const struct around *before, const struct around *after,
                       const struct around *caught_up, const struct lane *lane)
{
    bool cpu = before->cpu_known && caught_up->cpu_known && lane->done > 0;
    bool disk = before->disk_known && caught_up->disk_known && lane->done > 0;
    add_commits(out, before, after, before->page_known && after->page_known);
    if (before->page_known && after->page_known)
        add_stages(out, before, after, lane->done);
    figures_add_if(out, cpu, "server_cpu_ns_per_entry", "processor, server until the last answer",
                   " ns an entry",
                   figures_share(since(before->cpu.all_us, after->cpu.all_us) * 1000u, lane->done));
    figures_add_if(out, cpu, "server_cpu_with_views_ns_per_entry", "processor, server until the views are up",
                   " ns an entry",
                   figures_share(since(before->cpu.all_us, caught_up->cpu.all_us) * 1000u, lane->done));
    if (cpu)
        add_threads(out, before, caught_up, lane->done);
    figures_add_if(out, disk, "disk_bytes_per_entry", "disk", " bytes an entry",
                   figures_share(since(before->disk.all, caught_up->disk.all), lane->done));
    if (!disk)
        return;
    figures_add_in(out, "disk_bytes_per_entry_in", "log", "disk,", " bytes an entry",
                   figures_share(since(before->disk.log, caught_up->disk.log), lane->done));
    figures_add_in(out, "disk_bytes_per_entry_in", "state", "disk,", " bytes an entry",
                   figures_share(since(before->disk.state, caught_up->disk.state), lane->done));
    figures_add_in(out, "disk_bytes_per_entry_in", "views", "disk,", " bytes an entry",
                   figures_share(since(before->disk.views, caught_up->disk.views), lane->done));
}

static void add_load(struct figures *out, const struct lane *lane, const struct load_result *result)
{
    figures_add(out, "connections", "connections", "", lane->connections);
    figures_add(out, "in_flight", "requests in flight on each", "", lane->in_flight);
    figures_add(out, "batch", "entries in a request", "", lane->batch);
    figures_add(out, "entries", "entries", "", lane->done);
    figures_add(out, "refused", "refused", "", lane->refused);
    figures_add(out, "elapsed_us", "elapsed", " us", result->elapsed_us);
    figures_add(out, "entries_per_second", "entries a second", "",
                figures_share(lane->done * 1000000u, result->elapsed_us));
    add_latency(out, "", "request", &lane->latency);
}

enum dft_status measure_load(struct bench *bench, struct lane *lane, struct figures *out,
                             struct dft_fault *why)
{
    struct load_result result;
    struct bench_memory memory;
    static struct around before, after, caught_up; /* large for a stack; one run at a time */
    enum dft_status status = bench_log_in(bench, why);
    if (status != DFT_OK)
        return status;
    look(bench, true, &before);
    uint64_t began_us = bench_now_us();
    status = load_run(bench, lane, 1, bench->options.seconds_max, &result, why);
    if (status != DFT_OK && lane->done == 0)
        return status; /* nothing was measured */
    look(bench, false, &after);
    bool views = status == DFT_OK && bench_views_wait(bench->options.metrics, VIEWS_WAIT_S);
    uint64_t all_us = bench_now_us() - began_us;
    look(bench, true, &caught_up);

    add_load(out, lane, &result);
    figures_add_if(out, views, "entries_per_second_with_views", "entries a second until the views are up", "",
                   figures_share(lane->done * 1000000u, all_us));
    figures_add(out, "request_bytes_per_entry", "request", " bytes an entry",
                figures_share(lane->bytes_out, lane->done));
    figures_add(out, "generator_cpu_ns_per_entry", "processor, generator", " ns an entry",
                figures_share(result.generator_cpu_us * 1000u, lane->done));
    add_server(out, &before, &after, &caught_up, lane);
    bool memory_known = bench_memory(bench->options.server_pid, &memory);
    if (memory_known && result.memory_most > memory.anonymous)
        memory.anonymous = result.memory_most;
    figures_add_if(out, memory_known, "memory_anonymous_bytes", "memory of the server, anonymous, most",
                   " bytes", memory.anonymous);
    figures_add_if(out, memory_known, "memory_resident_bytes", "memory of the server, resident", " bytes",
                   memory.resident);
    return status;
}

/* The floor of a load that has just been measured: as many records of the same size appended and synced, as many in a
 * commit as the server's commits had, on the same disk. What fits into a commit differs from load to load, and a short
 * file is not a long one, so each load has a floor of its own. */
static enum dft_status floor_beside(struct bench *bench, struct figures *out, struct dft_fault *why)
{
    const struct figure *commit = figures_find(out, "records_per_commit");
    uint64_t plain = 0, hashed = 0;
    struct limit_append what = {.batch = bench->options.batch,
                                .entries = figures_find(out, "entries")->value,
                                .us_max = figures_find(out, "elapsed_us")->value};
    if (commit != NULL && commit->known && commit->value != 0)
        what.batch = (uint32_t)commit->value;
    enum dft_status status = limit_beside(bench->options.scratch, &what, &plain, why);
    what.hashed = true;
    if (status == DFT_OK)
        status = limit_beside(bench->options.scratch, &what, &hashed, why);
    if (status != DFT_OK)
        return status;
    uint64_t rate = figures_find(out, "entries_per_second")->value * 100u;
    figures_add(out, "limit_per_second", "bare append of as many, as many a commit", "", plain);
    figures_add(out, "limit_hashed_per_second", "the same with SHA-256", "", hashed);
    figures_add(out, "percent_of_limit_plain", "entries a second, of the bare append", " %",
                figures_share(rate, plain));
    figures_add(out, "percent_of_limit", "entries a second, of the bare append with SHA-256", " %",
                figures_share(rate, hashed));
    return DFT_OK;
}

/* ---- entries ----------------------------------------------------------------------------------------------------- */

enum dft_status run_entries(struct bench *bench, const struct scenario *scenario, struct figures *out,
                            struct dft_fault *why)
{
    const struct bench_options *options = &bench->options;
    static struct entry_source source; /* with its table of dates */
    enum dft_status status = open_accounts(bench, options->accounts, why);
    if (status != DFT_OK)
        return status;
    entry_source_init(&source, options);
    struct lane lane = {.work = entry_work(&source),
                        .connections = options->connections,
                        .in_flight = options->in_flight,
                        .batch = options->batch,
                        .items_max = options->entries};
    figures_add(out, "accounts", "accounts", "", options->accounts);
    figures_add(out, "seed", "seed", "", options->seed);
    status = measure_load(bench, &lane, out, why);
    uint64_t p50_us = latency_at(&lane.latency, 500);
    if (strcmp(scenario->name, "single") == 0 && bench->bare_commit_p50_us != 0)
        figures_add(out, "p50_percent_of_bare_commit", "median, of a bare commit (limit)", " %",
                    p50_us * 100u / bench->bare_commit_p50_us);
    if (status == DFT_OK && strncmp(scenario->name, "batch", 5) == 0 && bench->limit_ran)
        status = floor_beside(bench, out, why);
    return status;
}
