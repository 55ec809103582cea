/*
 * Rows of one table in memory: found by hash, walked in key order. The order is kept by a skip list that is
 * only brought up to date when somebody walks (row_map_first and friends), so that point access pays nothing
 * for it. Rows keep their address until removed. One thread at a time.
 */
#ifndef SERVER_BASE_ROW_MAP_H
#define SERVER_BASE_ROW_MAP_H

#include "proto/base/slice.h"
#include "proto/base/status.h"

struct row_order; /* a row's place in the skip list */

struct row {
    struct row_order *order;  /* NULL: not in the ordered index (yet) */
    struct row *pending_next; /* rows waiting to be ordered */
    struct row *pending_previous;
    uint8_t *value; /* inline behind the key until it outgrows its room */
    uint64_t hash;
    uint64_t mark; /* the owner's */
    uint32_t value_len;
    uint32_t value_cap;
    uint16_t key_len;
    bool pending;
    uint8_t flags;   /* the owner's */
    uint8_t table;   /* the owner's */
    uint8_t bytes[]; /* key, then room for the value */
};

struct row_slot {
    uint64_t hash;
    struct row *row; /* NULL: free */
};

#define ROW_ORDER_LEVELS 20 /* skip list of fan-out 4: good for 4^20 rows */

struct row_map {
    struct row_slot *slots;
    size_t slot_count; /* a power of two, or 0 */
    size_t row_count;
    size_t bytes; /* memory held by rows, about */
    struct row *pending;
    struct row_order *head[ROW_ORDER_LEVELS];
    struct row_order *last;
    unsigned levels;
    uint64_t random;
};

void row_map_init(struct row_map *map);
void row_map_done(struct row_map *map);

static inline struct slice row_key(const struct row *row)
{
    return slice_of(row->bytes, row->key_len);
}
static inline struct slice row_value(const struct row *row)
{
    return slice_of(row->value, row->value_len);
}

uint64_t row_hash(struct slice key);
struct row *row_map_find(const struct row_map *map, struct slice key, uint64_t hash);

/* For a look-up to come: first brings the slot of `hash` near, then, some time later, its row. Changes nothing. */
static inline void row_map_fetch_slot(const struct row_map *map, uint64_t hash)
{
    if (map->slot_count != 0)
        __builtin_prefetch(&map->slots[hash & (map->slot_count - 1)]);
}
static inline void row_map_fetch_row(const struct row_map *map, uint64_t hash)
{
    size_t mask = map->slot_count - 1;
    if (map->slot_count == 0)
        return;
    size_t at = hash & mask;
    while (map->slots[at].row != NULL && map->slots[at].hash != hash)
        at = (at + 1) & mask;
    const struct row *row = map->slots[at].row;
    if (row == NULL)
        return;
    __builtin_prefetch(row);
    __builtin_prefetch((const uint8_t *)row + 64);
    __builtin_prefetch((const uint8_t *)row + 128);
}

/* Add a row whose key is not there yet (the caller looked). NULL when memory is short. `ordered`: it takes
 * part in the order; otherwise see row_map_order. */
struct row *row_map_add(struct row_map *map, struct slice key, uint64_t hash, struct slice value,
                        bool ordered);
/* Replace a value; it may overlap the old one. False, and nothing changed, when memory is short. */
bool row_map_set(struct row_map *map, struct row *row, struct slice value) MUST_USE;
void row_map_remove(struct row_map *map, struct row *row); /* and free it */

void row_map_order(struct row_map *map, struct row *row);   /* let it take part in the order; again is fine */
void row_map_unorder(struct row_map *map, struct row *row); /* take it out of the order */
void row_map_unorder_all(struct row_map *map);

/* Ordered walks over the rows that take part. First bring the order up to date; false when memory is short.
 */
bool row_map_catch_up(struct row_map *map) MUST_USE;
/* After row_map_catch_up, until the next add, remove or order: the first row with key >= (or > when `after`)
 * key; the last row with key <= (or < when `before`) key; neighbours. NULL: none. */
struct row *row_map_seek(const struct row_map *map, struct slice key, bool after);
struct row *row_map_seek_back(const struct row_map *map, struct slice key, bool before);
struct row *row_map_last(const struct row_map *map);
struct row *row_map_next(const struct row *row);
struct row *row_map_previous(const struct row *row);

#endif
