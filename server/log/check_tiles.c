#include "proto/base/bytes.h"
#include "server/log/check_parts.h"

/* Position of the first record below hash `offset` of a tile. */
static uint64_t first_below(uint32_t level, uint64_t tile, uint32_t offset)
{
    return (((tile * TILE_WIDTH) + offset) << (TILE_HEIGHT * level)) + 1;
}

static void compare(struct check *check, uint32_t level, const struct filling *filling,
                    const struct hash *stored)
{
    for (uint32_t i = 0; i < TILE_WIDTH; i++) {
        if (!filling->known[i] || memcmp(&filling->hashes[i], &stored[i], HASH_BYTES) == 0)
            continue;
        if (level == 0)
            check_problem(check, first_below(0, filling->tile, i),
                          "the tree holds another hash of this record (tile 0/%llu, hash %u)",
                          (unsigned long long)filling->tile, i);
        else
            check_problem(check, first_below(level, filling->tile, i),
                          "tile %u/%llu, hash %u is not the root of the tile below", level,
                          (unsigned long long)filling->tile, i);
    }
}

/* A tile that must be full by now: compare it, and give its root. *out_known is false when neither recomputation nor
 * the store has the whole tile. A stored tile that is whole is preferred, so that one changed record is not told again
 * at every level above. */
static enum status finish(struct check *check, uint32_t level, const struct filling *filling, bool *out_known,
                          struct hash *out)
{
    uint8_t key[9];
    struct slice value;
    enum check_found found;
    key[0] = (uint8_t)level;
    be64_put(key + 1, filling->tile);
    enum status status = check_get(check, LOG_TABLE_TILES, slice_of(key, sizeof key), &found, &value);
    if (status != STATUS_OK)
        return status;
    check->result.tiles++;
    bool whole = found == CHECK_WHOLE && value.len == TILE_BYTES;
    if (whole) {
        struct hash stored[TILE_WIDTH];
        memcpy(stored, value.ptr, TILE_BYTES);
        compare(check, level, filling, stored);
        tail_subtree(stored, TILE_HEIGHT, out);
    } else {
        check_problem(check, first_below(level, filling->tile, 0), "tile %u/%llu of the tree %s", level,
                      (unsigned long long)filling->tile,
                      found == CHECK_ABSENT ? "is missing" : "does not open: stored bytes were changed");
        if (filling->known_count == TILE_WIDTH)
            tail_subtree(filling->hashes, TILE_HEIGHT, out);
    }
    *out_known = whole || filling->known_count == TILE_WIDTH;
    return STATUS_OK;
}

static void filling_start(struct filling *filling, uint64_t tile)
{
    filling->tile = tile;
    filling->known_count = 0;
    memset(filling->known, 0, sizeof filling->known);
}

enum status check_leaf(struct check *check, uint64_t position, const struct hash *hash)
{
    uint64_t index = position - 1;
    struct hash current = *hash;
    for (uint32_t level = 0; level < TILE_LEVELS_MAX; level++) {
        struct filling *filling = &check->levels[level];
        /* Behind missing records: what was begun is compared as far as it is known; what lies between is lost. */
        if (filling->tile != index / TILE_WIDTH) {
            bool known;
            struct hash root;
            enum status status = finish(check, level, filling, &known, &root);
            if (status != STATUS_OK)
                return status;
            filling_start(filling, index / TILE_WIDTH);
        }
        uint32_t at = (uint32_t)(index % TILE_WIDTH);
        filling->hashes[at] = current;
        filling->known_count += filling->known[at] ? 0 : 1;
        filling->known[at] = true;
        if (at != TILE_WIDTH - 1)
            return STATUS_OK;
        bool known;
        enum status status = finish(check, level, filling, &known, &current);
        index = filling->tile;
        filling_start(filling, filling->tile + 1);
        if (status != STATUS_OK || !known)
            return status;
    }
    return STATUS_OK;
}

enum status check_tiles_end(struct check *check)
{
    uint8_t key[KV_KEY_MAX];
    size_t len = 0;
    uint64_t size = check->next - 1;
    if (check->lost_any)
        return STATUS_OK; /* how many there should be is not known */
    while (check_next_key(check, LOG_TABLE_TILES, key, &len)) {
        uint32_t level = key[0];
        uint64_t tile = len == 9 ? be64_get(key + 1) : 0;
        if (len != 9 || level >= TILE_LEVELS_MAX)
            check_problem(check, 0, "a tile is stored under a key that is none");
        else if (level == TILE_LEVELS_MAX - 1 || tile >= size >> (TILE_HEIGHT * (level + 1)))
            check_problem(check, 0, "tile %u/%llu is stored though the log has no records for it", level,
                          (unsigned long long)tile);
    }
    return kv_error(check->txn);
}
