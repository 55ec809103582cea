#include "tests/support/records.h"

#include "proto/base/bug.h"

size_t record_make(struct record_maker *maker, struct random *random, size_t payload_len, uint8_t *out,
                   struct hash *out_hash)
{
    static uint8_t payload[RECORD_BYTES_MAX];
    int64_t amount = (int64_t)random_below(random, 1000000) + 1;
    struct posting postings[2] = {{.account = 1000, .business = 1, .currency = 1, .amount = amount},
                                  {.account = 4000, .business = 1, .currency = 1, .amount = -amount}};
    struct record_header header = {.type = 300,
                                   .type_version = 1,
                                   .business = 1,
                                   .position = maker->position + 1,
                                   .time = maker->time + 1 + (timestamp_us)random_below(random, 1000),
                                   .user = 7,
                                   .business_date = 20261123,
                                   .content = random_next(random),
                                   .previous = maker->last};
    random_fill(random, header.command_id.bytes, sizeof header.command_id.bytes);
    size_t size = record_size(2, 0, payload_len);
    ASSERT(size != 0);
    random_fill(random, payload, payload_len);
    record_encode(&header, postings, 2, NULL, 0, slice_of(payload, payload_len), out);
    record_hash(slice_of(out, size), out_hash);
    maker->position = header.position;
    maker->time = header.time;
    maker->last = *out_hash;
    return size;
}
