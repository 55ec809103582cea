/* Repeatable random numbers for tests. The seed is printed and taken back from DAFTARI_SEED in the environment. */
#ifndef TESTS_SUPPORT_RANDOM_H
#define TESTS_SUPPORT_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

/* DAFTARI_SEED when it is set, else one of this moment; prints "# seed N" for the log of the run. */
struct random random_start(void);
uint64_t random_next(struct random *random);
uint64_t random_below(struct random *random, uint64_t limit); /* limit > 0 */
void random_fill(struct random *random, void *out, size_t len);

#endif
