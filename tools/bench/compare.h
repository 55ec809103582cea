/* The same work on our server and on another one, side by side in one run. */
#ifndef TOOLS_BENCH_COMPARE_H
#define TOOLS_BENCH_COMPARE_H

#include "tools/bench/scenario.h"

/* bench->own runs. `runs` of every kind of work, the two servers in turn; printed as they are done. */
enum dft_status compare_postgres(struct bench *bench, uint32_t runs, struct dft_fault *why) DFT_MUST_USE;

#endif
