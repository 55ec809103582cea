/* The turn of the generator: lanes of like connections, each with requests in flight, until the work is done. */
#ifndef TOOLS_BENCH_LOAD_H
#define TOOLS_BENCH_LOAD_H

#include "tools/bench/entries.h"

/* Connections that do the same. */
struct lane {
    struct work work;
    uint32_t connections, in_flight;
    uint32_t batch;     /* commands in a request; 1 for queries */
    uint64_t items_max; /* commands or queries in all */
    uint64_t rate;      /* commands a second at most; 0 = as fast as it goes */
    bool background;    /* goes on until the other lanes are done */
    /* results */
    uint64_t started, done, refused;
    uint64_t bytes_out;
    struct latency latency; /* of requests */
};

struct load_result {
    uint64_t
        elapsed_us; /* from the first request to the last answer of the lanes that are not in the background */
    uint64_t generator_cpu_us;
    uint64_t memory_most; /* anonymous memory of the server, the highest that was seen; 0 = not looked at */
};

/* Connects all lanes, then runs them. Ends by itself after seconds_max and what is then in flight. A refused
 * command ends the run: *why is its fault, and the return value its status. */
enum dft_status load_run(struct bench *bench, struct lane *lanes, uint32_t count, uint32_t seconds_max,
                         struct load_result *out, struct dft_fault *why) DFT_MUST_USE;

/* Set by a signal: every run ends at its next turn with DFT_CANCELLED. */
void load_interrupt(void);
bool load_interrupted(void);

#endif
