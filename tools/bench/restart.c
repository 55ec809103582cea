/* Scenarios that stop and start the server: after a kill, with nothing but the log, and the auditor's look at it. */
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "tools/bench/own.h"
#include "tools/bench/scenario.h"

/* Entries before the stop, so that there is something not written behind yet. */
static enum dft_status load_before(struct bench *bench, struct bench_page *out_page, struct dft_fault *why)
{
    static struct entry_source source;
    enum dft_status status = open_accounts(bench, bench->options.accounts, why);
    if (status != DFT_OK)
        return status;
    entry_source_init(&source, &bench->options);
    struct lane lane = {.work = entry_work(&source),
                        .connections = bench->options.connections,
                        .in_flight = bench->options.in_flight,
                        .batch = bench->options.batch,
                        .items_max = bench->options.entries};
    struct load_result result;
    status = load_run(bench, &lane, 1, bench->options.seconds_max, &result, why);
    if (status == DFT_OK && !bench_page(bench->options.metrics, out_page))
        return DFT_UNAVAILABLE;
    return status;
}

enum dft_status run_restart(struct bench *bench, const struct scenario *scenario, struct figures *out,
                            struct dft_fault *why)
{
    struct bench_page page;
    uint64_t ready_us = 0;
    enum dft_status status = load_before(bench, &page, why);
    (void)scenario;
    if (status != DFT_OK)
        return status;
    own_kill(bench);
    uint64_t began_us = bench_now_us();
    status = own_start(bench, &ready_us, why);
    bool views = status == DFT_OK && bench_views_wait(bench->options.metrics, VIEWS_WAIT_S);
    figures_add(out, "log_records", "records in the log", "", page.log_position);
    figures_add(out, "view_lag_records", "of which some view had not seen", "", page.view_lag);
    figures_add_if(out, status == DFT_OK, "ready_us", "ready after kill -9", " us", ready_us);
    figures_add_if(out, views, "views_ready_us", "views up after", " us", bench_now_us() - began_us);
    return status;
}

enum dft_status run_replay(struct bench *bench, const struct scenario *scenario, struct figures *out,
                           struct dft_fault *why)
{
    struct bench_page page;
    uint64_t ready_us = 0;
    enum dft_status status = load_before(bench, &page, why);
    (void)scenario;
    if (status == DFT_OK)
        status = own_stop(bench, why);
    if (status == DFT_OK)
        status = own_drop_derived(bench->own, why);
    if (status != DFT_OK)
        return status;
    uint64_t began_us = bench_now_us();
    status = own_start(bench, &ready_us, why);
    bool views = status == DFT_OK && bench_views_wait(bench->options.metrics, VIEWS_WAIT_S);
    uint64_t all_us = bench_now_us() - began_us;
    figures_add(out, "log_records", "records in the log", "", page.log_position);
    figures_add_if(out, status == DFT_OK, "ready_us", "core state folded, ready after", " us", ready_us);
    figures_add_if(out, status == DFT_OK, "state_records_per_second", "records a second into core state", "",
                   figures_share(page.log_position * 1000000u, ready_us));
    figures_add_if(out, views, "views_ready_us", "views up after", " us", all_us);
    figures_add_if(out, views, "records_per_second", "records a second into core state and all views", "",
                   figures_share(page.log_position * 1000000u, all_us));
    return status;
}

struct verified {
    bool holds;
    uint64_t records;
    uint64_t log_us, log_processor_us; /* every byte hashed and every record balanced, without the replays */
};

static void verified_read(const char *path, struct verified *out)
{
    json_t *report = json_load_file(path, 0, NULL), *timing;
    size_t i;
    out->records = (uint64_t)json_integer_value(json_object_get(report, "records"));
    out->holds = json_is_true(json_object_get(report, "holds"));
    json_array_foreach(json_object_get(report, "timings"), i, timing)
    {
        const char *part = json_string_value(json_object_get(timing, "part"));
        if (part == NULL || strcmp(part, "log") != 0)
            continue;
        out->log_us = (uint64_t)json_integer_value(json_object_get(timing, "elapsed_us"));
        out->log_processor_us = (uint64_t)json_integer_value(json_object_get(timing, "processor_us"));
    }
    json_decref(report);
}

enum dft_status run_verify(struct bench *bench, const struct scenario *scenario, struct figures *out,
                           struct dft_fault *why)
{
    struct bench_page page;
    struct own_server *own = bench->own;
    char path[BENCH_PATH_MAX + 16];
    uint64_t took_us = 0, ready_us = 0;
    struct verified verified = {0};
    enum dft_status status = load_before(bench, &page, why);
    (void)scenario;
    if (status == DFT_OK)
        status = own_stop(bench, why);
    if (status != DFT_OK)
        return status;
    const char *const args[] = {"daftari-audit", "verify",        "--data",   own->data,
                                "--master-key",  own->master_key, "--output", "json",
                                "--scratch",     own->folder,     NULL};
    snprintf(path, sizeof path, "%s/verify.json", own->folder);
    (void)unlink(path);
    uint64_t began_us = bench_now_us();
    bool done = own_run(own, args, "verify.json");
    took_us = bench_now_us() - began_us;
    if (done)
        verified_read(path, &verified);
    if (!verified.holds) {
        snprintf(why->text, sizeof why->text, "daftari-audit verify does not find the books in order");
        status = DFT_CORRUPT;
    }
    figures_add(out, "log_records", "records in the log", "", verified.records);
    figures_add(out, "log_records_per_second", "records a second hashed and balanced", "",
                figures_share(verified.records * 1000000u, verified.log_us));
    figures_add(out, "log_processor_ns", "processor of that", " ns a record",
                figures_share(verified.log_processor_us * 1000u, verified.records));
    figures_add(out, "verify_us", "verify, just written", " us", took_us);
    figures_add(out, "records_per_second", "records a second, with the replays compared", "",
                figures_share(verified.records * 1000000u, took_us));
    enum dft_status started = own_start(bench, &ready_us, why);
    return status != DFT_OK ? status : started;
}
