/* A latency histogram in whole microseconds: exact below 1,024, then 1/32 steps; percentiles without sorting. */
#ifndef TOOLS_BENCH_LATENCY_H
#define TOOLS_BENCH_LATENCY_H

#include <stdint.h>

#define LATENCY_BUCKETS 2048

struct latency {
    uint64_t count, max_us;
    uint64_t buckets[LATENCY_BUCKETS];
};

void latency_add(struct latency *latency, uint64_t us);
/* Upper edge of the bucket that holds the given share (in thousandths: 500 = median, 999 = p99.9); 0 when empty. */
uint64_t latency_at(const struct latency *latency, uint32_t per_mille);

#endif
