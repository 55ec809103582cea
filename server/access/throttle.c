#include "server/access/throttle.h"

#include <stdlib.h>

#include "proto/base/bug.h"

#define MINUTE_US INT64_C(60000000)

struct tries {
    uint64_t key;
    uint32_t count;                      /* how many of `at` are set; 0 = the place is free */
    monotonic_us at[THROTTLE_LIMIT_MAX]; /* oldest first */
};

struct throttle {
    size_t keys_max;
    uint32_t limit;
    struct tries tries[];
};

struct throttle *throttle_new(size_t keys_max, uint32_t limit)
{
    ASSERT(keys_max != 0 && limit != 0 && limit <= THROTTLE_LIMIT_MAX);
    struct throttle *throttle = calloc(1, sizeof *throttle + keys_max * sizeof(struct tries));
    if (throttle == NULL)
        return NULL;
    throttle->keys_max = keys_max;
    throttle->limit = limit;
    return throttle;
}

void throttle_free(struct throttle *throttle)
{
    free(throttle);
}

static void drop_first(struct tries *tries, uint32_t count)
{
    tries->count -= count;
    memmove(tries->at, tries->at + count, tries->count * sizeof tries->at[0]);
}

static struct tries *find(struct throttle *throttle, uint64_t key)
{
    for (size_t i = 0; i < throttle->keys_max; i++)
        if (throttle->tries[i].count != 0 && throttle->tries[i].key == key)
            return &throttle->tries[i];
    return NULL;
}

/* A free place, or the one whose last try is longest ago. */
static struct tries *make_room(struct throttle *throttle)
{
    struct tries *oldest = &throttle->tries[0];
    for (size_t i = 0; i < throttle->keys_max; i++) {
        struct tries *tries = &throttle->tries[i];
        if (tries->count == 0)
            return tries;
        if (tries->at[tries->count - 1] < oldest->at[oldest->count - 1])
            oldest = tries;
    }
    oldest->count = 0;
    return oldest;
}

bool throttle_may(struct throttle *throttle, uint64_t key, monotonic_us now)
{
    struct tries *tries = find(throttle, key);
    if (tries == NULL)
        return true;
    uint32_t past = 0;
    while (past < tries->count && now - tries->at[past] >= MINUTE_US)
        past++;
    drop_first(tries, past);
    return tries->count < throttle->limit;
}

void throttle_take(struct throttle *throttle, uint64_t key, monotonic_us now)
{
    struct tries *tries = find(throttle, key);
    if (tries == NULL) {
        tries = make_room(throttle);
        tries->key = key;
    }
    if (tries->count == throttle->limit)
        drop_first(tries, 1);
    tries->at[tries->count++] = now;
}

void throttle_give_back(struct throttle *throttle, uint64_t key)
{
    struct tries *tries = find(throttle, key);
    if (tries != NULL)
        tries->count--;
}
