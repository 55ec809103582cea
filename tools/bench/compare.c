#include <string.h>

#include "tools/bench/compare.h"
#include "tools/bench/postgres.h"

#define ACCOUNTS     10000u
#define HOT_ACCOUNTS 4u
#define SECONDS      20u /* longest run of one side */
#define BULK_ENTRIES 1000u
#define BULK_FRAMES  4u /* requests in flight on our side; PostgreSQL takes one at a time on a connection */

/* One entry a request unless the form is bulk, one request in flight on each connection. */
static const struct work_row {
    const char *name;
    uint32_t connections, accounts;
    uint64_t entries;
    enum postgres_form form;
    bool socket; /* PostgreSQL without TLS too, over a Unix socket */
} rows[] = {
    {"single", 1, ACCOUNTS, 3000, POSTGRES_ENTRY, true},
    {"connections", 64, ACCOUNTS, 30000, POSTGRES_ENTRY, true},
    {"connections-20", 20, ACCOUNTS, 30000, POSTGRES_ENTRY, true}, /* where PostgreSQL is at its best here */
    {"connections-20-hot", 20, HOT_ACCOUNTS, 10000, POSTGRES_ENTRY, true},
    {"batch", 1, ACCOUNTS, 200000, POSTGRES_BULK, false},
};

static enum dft_status run_ours(struct bench *bench, const struct work_row *row, struct figures *out,
                                struct dft_fault *why)
{
    static struct figures all;
    struct bench_options given = bench->options;
    static const char *const keys[] = {"entries_per_second_with_views", "p50_us", "p99_us",
                                       "disk_bytes_per_entry", "generator_cpu_ns_per_entry"};
    char label[72];
    const struct figure *figure;
    bool bulk = row->form == POSTGRES_BULK;
    memset(&all, 0, sizeof all);
    bench->options.connections = row->connections;
    bench->options.accounts = row->accounts;
    bench->options.in_flight = bulk ? BULK_FRAMES : 1;
    bench->options.batch = bulk ? BULK_ENTRIES : 1;
    bench->options.entries = given.entries != 0 ? given.entries : row->entries;
    bench->options.seconds_max = given.seconds_max != 0 ? given.seconds_max : SECONDS;
    enum dft_status status = run_entries(bench, scenario_find(bulk ? "batch" : "single"), &all, why);
    bench->options = given;
    figure = figures_find(&all, "entries_per_second");
    if (figure != NULL)
        figures_add(out, "daftari_per_second", "daftari, TLS: entries a second", "", figure->value);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        figure = figures_find(&all, keys[i]);
        if (figure == NULL || !figure->known)
            continue;
        snprintf(label, sizeof label, "daftari: %.50s", figure->label);
        char key[40];
        snprintf(key, sizeof key, "daftari_%.31s", figure->key);
        figures_add(out, key, label, figure->unit, figure->value);
    }
    return status;
}

static enum dft_status run_theirs(struct bench *bench, struct postgres *postgres, const struct work_row *row,
                                  bool tls, struct figures *out, struct dft_fault *why)
{
    static struct postgres_load load;
    const char *how = tls ? "tls" : "socket";
    char key[40], label[72], prefix[40];
    uint64_t before = postgres_disk_bytes(postgres);
    memset(&load, 0, sizeof load);
    load.form = row->form;
    load.tls = tls;
    load.connections = row->connections;
    load.batch = BULK_ENTRIES;
    load.accounts = row->accounts;
    load.entries = bench->options.entries != 0 ? bench->options.entries : row->entries;
    load.seconds_max = bench->options.seconds_max != 0 ? bench->options.seconds_max : SECONDS;
    load.seed = bench->options.seed + (tls ? 0 : 0x9e3779b9u); /* ids are drawn anew */
    enum dft_status status = postgres_run(postgres, &load, why);
    uint64_t after = postgres_disk_bytes(postgres);
    snprintf(key, sizeof key, "postgres_%s_per_second", how);
    snprintf(label, sizeof label, "postgres, %s: entries a second", tls ? "TLS" : "Unix socket");
    figures_add(out, key, label, "", figures_share(load.done * 1000000u, load.elapsed_us));
    snprintf(prefix, sizeof prefix, "postgres_%s_", how);
    snprintf(label, sizeof label, "postgres, %s: statement", tls ? "TLS" : "Unix socket");
    add_latency(out, prefix, label, &load.latency);
    if (tls)
        figures_add_if(out, before != 0 && after > before && load.done > 0, "postgres_disk_bytes_per_entry",
                       "postgres: disk, without write-ahead log", " bytes an entry",
                       figures_share(after - before, load.done));
    return status;
}

/* One run of one kind of work: ours, theirs, theirs without TLS. */
static enum dft_status run_row(struct bench *bench, struct postgres *postgres, const struct work_row *row,
                               struct figures *out, struct dft_fault *why)
{
    figures_add(out, "connections", "connections", "", row->connections);
    figures_add(out, "accounts", "accounts", "", row->accounts);
    figures_add(out, "batch", "entries in a request or statement", "",
                row->form == POSTGRES_BULK ? BULK_ENTRIES : 1);
    enum dft_status status = run_ours(bench, row, out, why);
    if (status == DFT_OK)
        status = run_theirs(bench, postgres, row, true, out, why);
    if (status == DFT_OK && row->socket)
        status = run_theirs(bench, postgres, row, false, out, why);
    if (status != DFT_OK)
        return status;
    uint64_t ours = figures_find(out, "daftari_per_second")->value;
    figures_add(out, "percent_of_postgres_tls", "daftari of postgres, both over TLS", " %",
                figures_share(ours * 100u, figures_find(out, "postgres_tls_per_second")->value));
    if (row->socket)
        figures_add(out, "percent_of_postgres_socket", "daftari over TLS of postgres over its socket", " %",
                    figures_share(ours * 100u, figures_find(out, "postgres_socket_per_second")->value));
    return DFT_OK;
}

enum dft_status compare_postgres(struct bench *bench, uint32_t runs, struct dft_fault *why)
{
    static struct figures measured[RUNS_MAX];
    static struct postgres postgres;
    char name[64];
    enum dft_status status = postgres_make(&postgres, bench->options.scratch, ACCOUNTS, why);
    for (size_t i = 0; status == DFT_OK && i < sizeof rows / sizeof *rows; i++) {
        memset(measured, 0, sizeof measured);
        for (uint32_t run = 0; status == DFT_OK && run < runs; run++) {
            status = run_row(bench, &postgres, &rows[i], &measured[run], why);
            bench->options.seed += 2;
        }
        snprintf(name, sizeof name, "compare postgres: %s", rows[i].name);
        if (status == DFT_OK)
            figures_print(name, measured, runs, bench->options.json);
    }
    postgres_remove(&postgres);
    return status;
}
