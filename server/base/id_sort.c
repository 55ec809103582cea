#include <string.h>

#include "server/base/id_index_parts.h"

/* ---- sorting: a merge sort, which no choice of ids makes slow ---------------------------------------------------- */

#define SORT_SMALL 16u

static void sort_small(struct id_entry *at, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct id_entry entry = at[i];
        size_t to = i;
        for (; to > 0 && id_less(&entry, &at[to - 1]); to--)
            at[to] = at[to - 1];
        at[to] = entry;
    }
}

static void merge_halves(const struct id_entry *a, size_t a_count, const struct id_entry *b, size_t b_count,
                         struct id_entry *out)
{
    const struct id_entry *a_end = a + a_count, *b_end = b + b_count;
    while (a < a_end && b < b_end) {
        bool second = id_less(b, a);
        *out++ = *(second ? b : a);
        a += !second;
        b += second;
    }
    memcpy(out, a, (size_t)(a_end - a) * sizeof *a);
    memcpy(out + (a_end - a), b, (size_t)(b_end - b) * sizeof *b);
}

/* Returns where the sorted entries are: `entries` or `spare`. */
struct id_entry *id_sort(struct id_entry *entries, struct id_entry *spare, size_t count)
{
    size_t sorted = 1;
    while (sorted < count && !id_less(&entries[sorted], &entries[sorted - 1]))
        sorted++;
    if (sorted >= count) /* ids that grow with time */
        return entries;
    for (size_t i = 0; i < count; i += SORT_SMALL)
        sort_small(entries + i, count - i < SORT_SMALL ? count - i : SORT_SMALL);
    for (size_t width = SORT_SMALL; width < count; width *= 2) {
        for (size_t i = 0; i < count; i += 2 * width) {
            size_t a = count - i < width ? count - i : width;
            size_t b = count - i - a < width ? count - i - a : width;
            merge_halves(entries + i, a, entries + i + a, b, spare + i);
        }
        struct id_entry *out = spare;
        spare = entries;
        entries = out;
    }
    return entries;
}
