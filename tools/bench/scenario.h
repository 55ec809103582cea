/* The scenarios by name. */
#ifndef TOOLS_BENCH_SCENARIO_H
#define TOOLS_BENCH_SCENARIO_H

#include <stdio.h>

#include "tools/bench/load.h"

struct scenario {
    const char *name, *what;
    uint32_t connections, in_flight, batch; /* when the options give none */
    uint32_t accounts;
    uint64_t entries, entries_full; /* a short run, and one with --full */
    uint32_t accounts_full;         /* 0 = accounts */
    uint32_t seconds;               /* longest run of the short set; 0 = as the options say */
    bool
        fresh; /* the short set begins new books here, so that all that follows is quick whatever came before */
    bool own_only;  /* it stops and starts the server, so that must be ours */
    bool no_server; /* it needs none, but --scratch */
    /* One run. `options` are the given ones, with the scenario's where nothing was given. */
    enum dft_status (*run)(struct bench *bench, const struct scenario *scenario, struct figures *out,
                           struct dft_fault *why);
};

const struct scenario *scenario_find(const char *name);
void scenario_list(FILE *to);
/* In the order in which `all` runs them; NULL behind the last. */
const struct scenario *scenario_at(size_t index);

/* The options with the scenario's own where nothing was given. */
struct bench_options scenario_options(const struct bench *bench, const struct scenario *scenario, bool full);

/* ---- what scenarios share (scenario.c) ---- */

/* Opens accounts until `count` of ours are open (numbers BENCH_ACCOUNT_FIRST ...), and the statement account. */
enum dft_status open_accounts(struct bench *bench, uint32_t count, struct dft_fault *why) DFT_MUST_USE;
/* One load and all that is measured around it; `lane` says what is done and gets the results. */
enum dft_status measure_load(struct bench *bench, struct lane *lane, struct figures *out,
                             struct dft_fault *why) DFT_MUST_USE;
/* Entries as quickly as they go, not measured, and waits for the views. */
enum dft_status fill_entries(struct bench *bench, struct entry_source *source, uint64_t entries,
                             struct dft_fault *why) DFT_MUST_USE;
void add_latency(struct figures *out, const char *prefix, const char *what, const struct latency *latency);

#define VIEWS_WAIT_S 1800 /* of ten million records, views may lag this long */

/* ---- the kinds ---- */
enum dft_status run_limit(struct bench *bench, const struct scenario *scenario, struct figures *out,
                          struct dft_fault *why);
enum dft_status run_entries(struct bench *bench, const struct scenario *scenario, struct figures *out,
                            struct dft_fault *why);
enum dft_status run_sale(struct bench *bench, const struct scenario *scenario, struct figures *out,
                         struct dft_fault *why);
enum dft_status run_statement_page(struct bench *bench, const struct scenario *scenario, struct figures *out,
                                   struct dft_fault *why);
enum dft_status run_trial_balance(struct bench *bench, const struct scenario *scenario, struct figures *out,
                                  struct dft_fault *why);
enum dft_status run_reports(struct bench *bench, const struct scenario *scenario, struct figures *out,
                            struct dft_fault *why);
enum dft_status run_restart(struct bench *bench, const struct scenario *scenario, struct figures *out,
                            struct dft_fault *why);
enum dft_status run_replay(struct bench *bench, const struct scenario *scenario, struct figures *out,
                           struct dft_fault *why);
enum dft_status run_verify(struct bench *bench, const struct scenario *scenario, struct figures *out,
                           struct dft_fault *why);

#endif
