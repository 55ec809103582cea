#include "tests/support/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct random random_start(void)
{
    const char *given = getenv("DAFTARI_SEED");
    uint64_t seed =
        given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 100000 + (uint64_t)getpid();
    printf("# seed %llu (run again with DAFTARI_SEED=%llu)\n", (unsigned long long)seed,
           (unsigned long long)seed);
    return (struct random){.state = seed};
}

/* splitmix64, public domain (Sebastiano Vigna). */
uint64_t random_next(struct random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t random_below(struct random *random, uint64_t limit)
{
    return random_next(random) % limit;
}

void random_fill(struct random *random, void *out, size_t len)
{
    uint8_t *bytes = out;
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)random_next(random);
}
