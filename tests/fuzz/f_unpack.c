/* Commands that have a decoder of their own: it takes nothing that message_unpack refuses, and reads it the same way. */
#include "proto/base/bug.h"
#include "tests/support/unpack_pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (size_t c = 0; c < domain_capability_count; c++)
        for (size_t i = 0; i < domain_capabilities[c]->method_count; i++)
            if (domain_capabilities[c]->methods[i].unpack != NULL)
                (void)unpack_pair_agrees(&domain_capabilities[c]->methods[i], slice_of(data, size));
    return 0;
}
