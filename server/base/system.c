#include "server/base/system.h"

#include <limits.h>
#include <openssl/rand.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/bug.h"

#define GIVE_WAY_NICE 5

static int64_t system_read(clockid_t id)
{
    struct timespec now;
    int failed = clock_gettime(id, &now);
    ASSERT(failed == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static timestamp_us system_wall(const struct clock *clock)
{
    (void)clock;
    return system_read(CLOCK_REALTIME);
}

static monotonic_us system_monotonic(const struct clock *clock)
{
    (void)clock;
    return system_read(CLOCK_MONOTONIC);
}

static enum status system_fill(const struct entropy *entropy, void *out, size_t len)
{
    (void)entropy;
    uint8_t *at = out;
    while (len > 0) {
        int step = len > INT_MAX ? INT_MAX : (int)len;
        if (RAND_bytes(at, step) != 1)
            return STATUS_INTERNAL;
        at += step;
        len -= (size_t)step;
    }
    return STATUS_OK;
}

void system_thread_give_way(void)
{
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(),
                      GIVE_WAY_NICE); /* on Linux a thread's own (setpriority(2)) */
}

const struct clock system_clock = {.wall = system_wall, .monotonic = system_monotonic};
const struct entropy system_entropy = {.fill = system_fill};
