/* Stored records: what is taken apart is put together to the same bytes. */
#include "proto/base/bug.h"
#include "proto/base/limits.h"
#include "proto/record/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct posting postings[POSTINGS_MAX];
    static struct movement movements[MOVEMENTS_MAX];
    static uint8_t again[RECORD_BYTES_MAX];
    struct record record;
    struct fault why = {0};
    if (record_decode(slice_of(data, size), &record, &why) != STATUS_OK) {
        ASSERT(why.status == STATUS_CORRUPT && why.text[0] != '\0');
        return 0;
    }
    for (size_t i = 0; i < record.posting_count; i++)
        postings[i] = record_posting(&record, i);
    for (size_t i = 0; i < record.movement_count; i++)
        movements[i] = record_movement(&record, i);
    ASSERT(record_size(record.posting_count, record.movement_count, record.payload.len) == size);
    record_encode(&record.header, postings, record.posting_count, movements, record.movement_count,
                  record.payload, again);
    ASSERT(memcmp(again, data, size) == 0);
    enum status status = record_check_balance(&record, &why);
    ASSERT(status == STATUS_OK || (status == STATUS_CORRUPT && why.field[0] != '\0'));
    return 0;
}
