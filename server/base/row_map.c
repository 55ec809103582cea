#include "server/base/row_map.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "proto/base/bug.h"
#include "proto/base/bytes.h"
#include "proto/base/money.h"

#define SLOTS_FIRST 64u

struct row_order {
    uint64_t prefix; /* first 8 key bytes, zero padded: settles most comparisons without touching the row */
    struct row *row;
    struct row_order *previous;
    unsigned height;
    struct row_order *next[];
};

void row_map_init(struct row_map *map)
{
    *map = (struct row_map){.levels = 1, .random = UINT64_C(0x9e3779b97f4a7c15)};
}

static uint64_t fold(uint64_t a, uint64_t b)
{
    uint128 product = (uint128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Most keys are short: two loads that cover all their bytes, multiplied and folded (the idea of wyhash, Wang Yi). */
uint64_t row_hash(struct slice key)
{
    uint64_t low = 0, high = 0;
    if (key.len > 16)
        return XXH3_64bits(key.ptr, key.len);
    if (key.len >= 8) {
        memcpy(&low, key.ptr, 8);
        memcpy(&high, key.ptr + key.len - 8, 8);
    } else if (key.len >= 4) {
        uint32_t first, last;
        memcpy(&first, key.ptr, 4);
        memcpy(&last, key.ptr + key.len - 4, 4);
        low = first;
        high = last;
    } else if (key.len != 0) {
        low = key.ptr[0];
        high = (uint64_t)key.ptr[key.len / 2] << 8 | key.ptr[key.len - 1];
    }
    return fold(fold(low ^ UINT64_C(0x2d358dccaa6c78a5), high ^ UINT64_C(0x8bb84b93962eacc9)),
                UINT64_C(0x4b33a62ed433d4a3) ^ key.len);
}

/* Are the bytes the same? For keys: short, and seldom different when their hashes are the same. */
static bool same_key(const uint8_t *a, const uint8_t *b, size_t len)
{
    uint64_t x, y;
    for (; len >= 8; a += 8, b += 8, len -= 8) {
        memcpy(&x, a, 8);
        memcpy(&y, b, 8);
        if (x != y)
            return false;
    }
    for (; len > 0; a++, b++, len--)
        if (*a != *b)
            return false;
    return true;
}

static size_t row_bytes(const struct row *row)
{
    bool inlined = row->value == row->bytes + row->key_len;
    size_t room = inlined ? row->value_cap : (size_t)row->value_cap + 16;
    return sizeof *row + row->key_len + room + 2 * sizeof(struct row_slot);
}

static void row_free(struct row *row)
{
    if (row->value != row->bytes + row->key_len)
        free(row->value);
    free(row);
}

void row_map_done(struct row_map *map)
{
    row_map_unorder_all(map);
    for (size_t i = 0; i < map->slot_count; i++)
        if (map->slots[i].row != NULL)
            row_free(map->slots[i].row);
    free(map->slots);
    row_map_init(map);
}

/* ---- hash table: open addressing, linear probing, at most three quarters full ------------------------------------ */

struct row *row_map_find(const struct row_map *map, struct slice key, uint64_t hash)
{
    if (map->slot_count == 0)
        return NULL;
    size_t mask = map->slot_count - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        const struct row_slot *slot = &map->slots[i];
        if (slot->row == NULL)
            return NULL;
        if (slot->hash == hash && slot->row->key_len == key.len &&
            same_key(slot->row->bytes, key.ptr, key.len))
            return slot->row;
    }
}

static void slots_place(struct row_slot *slots, size_t mask, struct row *row)
{
    size_t i = row->hash & mask;
    while (slots[i].row != NULL)
        i = (i + 1) & mask;
    slots[i] = (struct row_slot){.hash = row->hash, .row = row};
}

static bool slots_grow(struct row_map *map)
{
    size_t count = map->slot_count == 0 ? SLOTS_FIRST : 2 * map->slot_count;
    struct row_slot *slots = calloc(count, sizeof *slots);
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < map->slot_count; i++)
        if (map->slots[i].row != NULL)
            slots_place(slots, count - 1, map->slots[i].row);
    free(map->slots);
    map->slots = slots;
    map->slot_count = count;
    return true;
}

/* Backward-shift deletion: no tombstones, so probes stay short for ever. */
static void slots_remove(struct row_map *map, const struct row *row)
{
    size_t mask = map->slot_count - 1;
    size_t hole = row->hash & mask;
    while (map->slots[hole].row != row)
        hole = (hole + 1) & mask;
    for (size_t i = (hole + 1) & mask; map->slots[i].row != NULL; i = (i + 1) & mask) {
        size_t home = map->slots[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            map->slots[hole] = map->slots[i];
            hole = i;
        }
    }
    map->slots[hole].row = NULL;
}

struct row *row_map_add(struct row_map *map, struct slice key, uint64_t hash, struct slice value,
                        bool ordered)
{
    ASSERT(key.len <= UINT16_MAX && value.len <= UINT32_MAX);
    if (4 * (map->row_count + 1) > 3 * map->slot_count && !slots_grow(map))
        return NULL;
    struct row *row = malloc(sizeof *row + key.len + value.len);
    if (row == NULL)
        return NULL;
    memset(row, 0, sizeof *row);
    row->hash = hash;
    row->key_len = (uint16_t)key.len;
    row->value_len = row->value_cap = (uint32_t)value.len;
    row->value = row->bytes + key.len;
    if (key.len != 0)
        memcpy(row->bytes, key.ptr, key.len);
    if (value.len != 0)
        memcpy(row->value, value.ptr, value.len);
    slots_place(map->slots, map->slot_count - 1, row);
    map->row_count++;
    map->bytes += row_bytes(row);
    if (ordered)
        row_map_order(map, row);
    return row;
}

bool row_map_set(struct row_map *map, struct row *row, struct slice value)
{
    ASSERT(value.len <= UINT32_MAX);
    if (value.len > row->value_cap) {
        size_t cap = value.len + value.len / 2; /* what grew will grow */
        cap = cap > UINT32_MAX ? value.len : cap;
        uint8_t *room = malloc(cap);
        if (room == NULL)
            return false;
        memcpy(room, value.ptr, value.len);
        map->bytes -= row_bytes(row);
        if (row->value != row->bytes + row->key_len)
            free(row->value);
        row->value = room;
        row->value_cap = (uint32_t)cap;
        map->bytes += row_bytes(row);
    } else if (value.len != 0) {
        memmove(row->value, value.ptr, value.len);
    }
    row->value_len = (uint32_t)value.len;
    return true;
}

void row_map_remove(struct row_map *map, struct row *row)
{
    row_map_unorder(map, row);
    slots_remove(map, row);
    map->row_count--;
    map->bytes -= row_bytes(row);
    row_free(row);
}

/* ---- order: a skip list of fan-out 4 ----------------------------------------------------------------------------- */

static uint64_t key_prefix(struct slice key)
{
    uint8_t padded[8] = {0};
    if (key.len != 0)
        memcpy(padded, key.ptr, key.len < 8 ? key.len : 8);
    return be64_get(padded);
}

static int order_compare(const struct row_order *node, uint64_t prefix, struct slice key)
{
    if (node->prefix != prefix)
        return node->prefix < prefix ? -1 : 1;
    return slice_compare(row_key(node->row), key);
}

static unsigned random_height(struct row_map *map)
{
    map->random ^= map->random << 13;
    map->random ^= map->random >> 7;
    map->random ^= map->random << 17;
    uint64_t bits = map->random;
    unsigned height = 1;
    while (height < ROW_ORDER_LEVELS && (bits & 3) == 0) {
        height++;
        bits >>= 2;
    }
    return height;
}

/* For every level the last node before `key` (NULL: the head); with `through`, the last node <= key. */
static struct row_order *order_find(const struct row_map *map, struct slice key, bool through,
                                    struct row_order *before[ROW_ORDER_LEVELS])
{
    uint64_t prefix = key_prefix(key);
    struct row_order *at = NULL;
    for (unsigned level = map->levels; level-- > 0;) {
        for (;;) {
            struct row_order *next = at != NULL ? at->next[level] : map->head[level];
            if (next == NULL)
                break;
            int order = order_compare(next, prefix, key);
            if (order > 0 || (order == 0 && !through))
                break;
            at = next;
        }
        if (before != NULL)
            before[level] = at;
    }
    return at;
}

static bool order_insert(struct row_map *map, struct row *row)
{
    unsigned height = random_height(map);
    struct row_order *node = malloc(sizeof *node + height * sizeof node->next[0]);
    if (node == NULL)
        return false;
    ASSERT(height > 0);
    struct row_order *before[ROW_ORDER_LEVELS] = {NULL};
    order_find(map, row_key(row), false, before);
    if (height > map->levels)
        map->levels = height;
    node->prefix = key_prefix(row_key(row));
    node->row = row;
    node->height = height;
    node->previous = before[0];
    for (unsigned level = 0; level < height; level++) {
        struct row_order **link = before[level] != NULL ? &before[level]->next[level] : &map->head[level];
        node->next[level] = *link;
        *link = node;
    }
    if (node->next[0] != NULL)
        node->next[0]->previous = node;
    else
        map->last = node;
    row->order = node;
    map->bytes += sizeof *node + height * sizeof node->next[0];
    return true;
}

static void order_remove(struct row_map *map, struct row *row)
{
    struct row_order *before[ROW_ORDER_LEVELS] = {NULL};
    struct row_order *node = row->order;
    order_find(map, row_key(row), false, before);
    for (unsigned level = 0; level < node->height; level++) {
        struct row_order **link = before[level] != NULL ? &before[level]->next[level] : &map->head[level];
        ASSERT(*link == node);
        *link = node->next[level];
    }
    if (node->next[0] != NULL)
        node->next[0]->previous = node->previous;
    else
        map->last = node->previous;
    map->bytes -= sizeof *node + node->height * sizeof node->next[0];
    row->order = NULL;
    free(node);
}

void row_map_order(struct row_map *map, struct row *row)
{
    if (row->order != NULL || row->pending)
        return;
    row->pending = true;
    row->pending_previous = NULL;
    row->pending_next = map->pending;
    if (map->pending != NULL)
        map->pending->pending_previous = row;
    map->pending = row;
}

static void pending_remove(struct row_map *map, struct row *row)
{
    if (row->pending_next != NULL)
        row->pending_next->pending_previous = row->pending_previous;
    if (row->pending_previous != NULL)
        row->pending_previous->pending_next = row->pending_next;
    else
        map->pending = row->pending_next;
    row->pending = false;
    row->pending_next = row->pending_previous = NULL;
}

void row_map_unorder(struct row_map *map, struct row *row)
{
    if (row->pending)
        pending_remove(map, row);
    else if (row->order != NULL)
        order_remove(map, row);
}

void row_map_unorder_all(struct row_map *map)
{
    while (map->pending != NULL)
        pending_remove(map, map->pending);
    for (struct row_order *node = map->head[0]; node != NULL;) {
        struct row_order *next = node->next[0];
        map->bytes -= sizeof *node + node->height * sizeof node->next[0];
        node->row->order = NULL;
        free(node);
        node = next;
    }
    memset(map->head, 0, sizeof map->head);
    map->last = NULL;
    map->levels = 1;
}

bool row_map_catch_up(struct row_map *map)
{
    while (map->pending != NULL) {
        struct row *row = map->pending;
        if (!order_insert(map, row))
            return false;
        pending_remove(map, row);
    }
    return true;
}

static struct row *order_row(const struct row_order *node)
{
    return node != NULL ? node->row : NULL;
}

struct row *row_map_seek(const struct row_map *map, struct slice key, bool after)
{
    const struct row_order *before = order_find(map, key, after, NULL);
    return order_row(before != NULL ? before->next[0] : map->head[0]);
}

struct row *row_map_seek_back(const struct row_map *map, struct slice key, bool before)
{
    return order_row(order_find(map, key, !before, NULL));
}

struct row *row_map_last(const struct row_map *map)
{
    return order_row(map->last);
}

struct row *row_map_next(const struct row *row)
{
    return order_row(row->order->next[0]);
}

struct row *row_map_previous(const struct row *row)
{
    return order_row(row->order->previous);
}
