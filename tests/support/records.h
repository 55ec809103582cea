/* Makes chained, balanced records for tests of what stores and checks them. */
#ifndef TESTS_SUPPORT_RECORDS_H
#define TESTS_SUPPORT_RECORDS_H

#include "proto/base/limits.h"
#include "proto/record/record.h"
#include "tests/support/random.h"

struct record_maker {
    uint64_t position; /* of the last one made */
    timestamp_us time;
    struct hash last;
};

/* The next record, its payload random; returns its size and gives its hash. `out` has RECORD_BYTES_MAX bytes. */
size_t record_make(struct record_maker *maker, struct random *random, size_t payload_len, uint8_t *out,
                   struct hash *out_hash);

#endif
