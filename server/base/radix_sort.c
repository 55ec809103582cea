#include "server/base/radix_sort.h"

#include <stdbool.h>
#include <string.h>

#define BYTE_VALUES 256u

static void pass(const struct radix_item *from, struct radix_item *to, size_t count, unsigned shift)
{
    size_t at[BYTE_VALUES] = {0}, sum = 0;
    for (size_t i = 0; i < count; i++)
        at[from[i].key >> shift & 0xff]++;
    for (size_t i = 0; i < BYTE_VALUES; i++) {
        size_t here = at[i];
        at[i] = sum;
        sum += here;
    }
    for (size_t i = 0; i < count; i++)
        to[at[from[i].key >> shift & 0xff]++] = from[i];
}

void radix_sort(struct radix_item *items, struct radix_item *spare, size_t count)
{
    uint64_t differing = 0;
    bool sorted = true;
    for (size_t i = 1; i < count; i++) {
        differing |= items[i].key ^ items[0].key;
        sorted = sorted && items[i - 1].key <= items[i].key;
    }
    struct radix_item *from = items, *to = spare;
    for (unsigned shift = 0; shift < 64 && !sorted; shift += 8) {
        if ((differing >> shift & 0xff) == 0)
            continue;
        pass(from, to, count, shift);
        struct radix_item *swap = from;
        from = to;
        to = swap;
    }
    if (from != items)
        memcpy(items, from, count * sizeof *items);
}
