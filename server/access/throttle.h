/* How often something may be tried: at most `limit` times within any minute, by key. Bounded: when there are more keys
 * than room, the one that has not tried for longest is forgotten. Not thread-safe. */
#ifndef SERVER_ACCESS_THROTTLE_H
#define SERVER_ACCESS_THROTTLE_H

#include "server/ports/clock.h"

#define THROTTLE_LIMIT_MAX 64u

struct throttle;

struct throttle *throttle_new(size_t keys_max,
                              uint32_t limit); /* NULL when memory is short; limit 1 to the maximum */
void throttle_free(struct throttle *throttle); /* NULL is fine */

bool throttle_may(struct throttle *throttle, uint64_t key, monotonic_us now); /* has it a try left? */
void throttle_take(struct throttle *throttle, uint64_t key, monotonic_us now);
void throttle_give_back(struct throttle *throttle,
                        uint64_t key); /* the last one taken, if it is still known */

#endif
