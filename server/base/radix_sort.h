/* Sorting by whole numbers: stable, by bytes from the last, and bytes that are the same in all keys cost nothing. */
#ifndef SERVER_BASE_RADIX_SORT_H
#define SERVER_BASE_RADIX_SORT_H

#include <stddef.h>
#include <stdint.h>

struct radix_item {
    uint64_t key;
    uint64_t index; /* the caller's */
};

/* `spare` has room for as many. */
void radix_sort(struct radix_item *items, struct radix_item *spare, size_t count);

#endif
