/* Time as an argument: the only two clocks in the program. The real one is made in server/app; tests make theirs. */
#ifndef SERVER_PORTS_CLOCK_H
#define SERVER_PORTS_CLOCK_H

#include "proto/base/date.h"

typedef int64_t monotonic_us; /* since an arbitrary start; never compared with timestamp_us */

struct clock {
    timestamp_us (*wall)(const struct clock *clock);
    monotonic_us (*monotonic)(const struct clock *clock);
};

static inline timestamp_us clock_wall(const struct clock *clock)
{
    return clock->wall(clock);
}
static inline monotonic_us clock_monotonic(const struct clock *clock)
{
    return clock->monotonic(clock);
}

#endif
