#include "tools/bench/latency.h"

#define EXACT      1024u /* below: one bucket a microsecond */
#define STEPS      32u   /* buckets per doubling above */
#define EXACT_LOG2 10u

static uint32_t bucket_of(uint64_t us)
{
    if (us < EXACT)
        return (uint32_t)us;
    uint32_t log2 = 63u - (uint32_t)__builtin_clzll(us);
    uint32_t step = (uint32_t)((us >> (log2 - 5u)) & (STEPS - 1u));
    uint32_t bucket = EXACT + (log2 - EXACT_LOG2) * STEPS + step;
    return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1u;
}

static uint64_t bucket_edge(uint32_t bucket)
{
    if (bucket < EXACT)
        return bucket;
    uint32_t log2 = EXACT_LOG2 + (bucket - EXACT) / STEPS;
    uint64_t step = (bucket - EXACT) % STEPS;
    return (UINT64_C(1) << log2) + ((step + 1u) << (log2 - 5u)) - 1u;
}

void latency_add(struct latency *latency, uint64_t us)
{
    latency->count++;
    latency->buckets[bucket_of(us)]++;
    if (us > latency->max_us)
        latency->max_us = us;
}

uint64_t latency_at(const struct latency *latency, uint32_t per_mille)
{
    uint64_t want = (latency->count * per_mille + 999u) / 1000u, seen = 0;
    for (uint32_t i = 0; i < LATENCY_BUCKETS; i++) {
        seen += latency->buckets[i];
        if (seen >= want && latency->count != 0)
            return bucket_edge(i) < latency->max_us ? bucket_edge(i) : latency->max_us;
    }
    return latency->max_us;
}
