/* The real clocks and the real random bytes: made here once, handed down by server/app and the tools. Any
 * thread. */
#ifndef SERVER_BASE_SYSTEM_H
#define SERVER_BASE_SYSTEM_H

#include "server/ports/clock.h"
#include "server/ports/entropy.h"

extern const struct clock system_clock;     /* CLOCK_REALTIME and CLOCK_MONOTONIC, in microseconds */
extern const struct entropy system_entropy; /* libcrypto's generator; INTERNAL when it has no seed */

/*
 * The calling thread gives way to the process's others where processors are short: nice 5, a third of the share of a
 * thread that does not. A share and no rank, so that it always gets on; for work that catches up faster the more of it
 * waits (views: long slices cost a fifth of short ones), which so keeps up with any load that leaves it that share.
 * Where the system forbids it (a service's filter of system calls) nothing changes.
 */
void system_thread_give_way(void);

#endif
