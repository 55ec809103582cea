/* The floor of the machine: what storing and sending the same bytes costs with nothing else around it. */
#ifndef TOOLS_BENCH_LIMIT_H
#define TOOLS_BENCH_LIMIT_H

#include "tools/bench/bench.h"

/* One append: how many records a commit, how many in all or for how long. */
struct limit_append {
    uint32_t batch;
    uint64_t entries, us_max;
    bool hashed;
};
/* Records a second, in a new folder below `scratch`. */
enum dft_status limit_beside(const char *scratch, const struct limit_append *what, uint64_t *out_per_second,
                             struct dft_fault *why) DFT_MUST_USE;
/* Appends to a new LMDB environment in `folder`, which is there and stays empty behind it. Adds its figures. */
enum dft_status limit_storage(const char *folder, uint32_t batch, uint64_t entries, struct figures *out,
                              struct dft_fault *why) DFT_MUST_USE;
/* Echoes frames between two threads of this process over TLS on loopback. */
enum dft_status limit_network(const char *folder, uint32_t batch, struct figures *out,
                              struct dft_fault *why) DFT_MUST_USE;

#endif
