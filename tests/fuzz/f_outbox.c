/* Bytes of an outbox file: every record that is read comes back the same when it is written. */
#include <stdlib.h>
#include <string.h>

#include "client/outbox/outbox.h"
#include "proto/base/bug.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_of(data, size);
    struct outbox_record record;
    size_t used = 0;
    while (outbox_decode(rest, &record, &used) == OUTBOX_READ_GOOD) {
        uint8_t *again = malloc(outbox_encode(&record, NULL));
        ASSERT(again != NULL && used <= rest.len);
        if (record.kind != OUTBOX_DONE || record.method[0] == '\0') {
            ASSERT(outbox_encode(&record, again) == used);
            ASSERT(memcmp(again, rest.ptr, used) == 0);
        }
        free(again);
        rest = slice_of(rest.ptr + used, rest.len - used);
    }
    return 0;
}
