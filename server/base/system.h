/* The real clocks and the real random bytes: made here once, handed down by server/app and the tools. Any
 * thread. */
#ifndef SERVER_BASE_SYSTEM_H
#define SERVER_BASE_SYSTEM_H

#include "server/ports/clock.h"
#include "server/ports/entropy.h"

extern const struct clock system_clock;     /* CLOCK_REALTIME and CLOCK_MONOTONIC, in microseconds */
extern const struct entropy system_entropy; /* libcrypto's generator; INTERNAL when it has no seed */

#endif
