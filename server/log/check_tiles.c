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

/* The root of what recomputation gave, from the thread that had it all or from the hashes. False: some are missing. */
static bool root_of(const struct filling *filling, const struct found_tile *tile,
                    const struct hash *tile_hashes, struct hash *out)
{
    if (filling->known_count != TILE_WIDTH)
        return false;
    bool given =
        tile != NULL && tile->tile == filling->tile && memcmp(tile_hashes, filling->hashes, TILE_BYTES) == 0;
    if (given)
        *out = tile->root;
    else
        tail_subtree(filling->hashes, TILE_HEIGHT, out);
    return true;
}

/* A tile that must be full by now: compare it, and give its root; `own` is that of recomputation, NULL when it has not
 * the whole tile. *out_known is false when the store has not either. A stored tile that is whole is preferred, so that
 * one changed record is not told again at every level above. */
static enum status finish(struct check *check, uint32_t level, const struct filling *filling,
                          const struct hash *own, bool *out_known, struct hash *out)
{
    uint8_t key[9];
    struct slice value;
    enum check_found found;
    key[0] = (uint8_t)level;
    be64_put(key + 1, filling->tile);
    enum status status = check_get(check->reader, LOG_TABLE_TILES, slice_of(key, sizeof key), &found, &value);
    if (status != STATUS_OK)
        return status;
    check->result.tiles++;
    *out_known = own != NULL;
    if (own != NULL)
        *out = *own;
    if (found == CHECK_WHOLE && value.len == TILE_BYTES) {
        struct hash stored[TILE_WIDTH];
        *out_known = true;
        if (own != NULL && memcmp(value.ptr, filling->hashes, TILE_BYTES) == 0)
            return STATUS_OK;
        memcpy(stored, value.ptr, TILE_BYTES);
        compare(check, level, filling, stored);
        tail_subtree(stored, TILE_HEIGHT, out);
    } else if (found == CHECK_UNREAD) {
        check->result.unread++;
        if (check->tile_key_told != check->reader->key_id) /* once a key: they may be thousands */
            check_unread(check, first_below(level, filling->tile, 0),
                         "data key %u is missing: tile %u/%llu of the tree cannot be read",
                         check->reader->key_id, level, (unsigned long long)filling->tile);
        check->tile_key_told = check->reader->key_id;
    } else {
        check_problem(check, first_below(level, filling->tile, 0), "tile %u/%llu of the tree %s", level,
                      (unsigned long long)filling->tile,
                      found == CHECK_ABSENT ? "is missing" : "does not open: stored bytes were changed");
    }
    return STATUS_OK;
}

/* The tree over all records: a tile's root stands for its 256. */
static void tree_append(struct check *check, const struct filling *filling, const struct hash *own)
{
    check->tree_known = check->tree_known && own != NULL && filling->tile == check->tree.size;
    if (check->tree_known)
        tree_range_append(&check->tree, own);
}

void check_root(struct check *check)
{
    const struct filling *filling = &check->levels[0];
    uint64_t size = check->next - 1, rest = size % TILE_WIDTH;
    bool whole = check->tree_known && check->tree.size == size / TILE_WIDTH &&
                 (rest == 0 || (filling->tile == check->tree.size && filling->known_count == rest));
    if (!whole)
        return;
    /* The compact range of all records is that of the full tiles, then that of the rest. */
    struct tree_range all = {0};
    for (uint32_t i = 0; i < rest; i++)
        tree_range_append(&all, &filling->hashes[i]);
    memmove(&all.roots[check->tree.count], all.roots, all.count * sizeof *all.roots);
    memcpy(all.roots, check->tree.roots, check->tree.count * sizeof *all.roots);
    all.size = size;
    all.count += check->tree.count;
    check->result.root_known = true;
    tree_range_root(&all, &check->result.root);
}

static void filling_start(struct filling *filling, uint64_t tile)
{
    filling->tile = tile;
    filling->known_count = 0;
    memset(filling->known, 0, sizeof filling->known);
}

enum status check_leaf(struct check *check, uint64_t position, const struct hash *hash,
                       const struct found_tile *tile, const struct hash *tile_hashes)
{
    uint64_t index = position - 1;
    struct hash current = *hash;
    for (uint32_t level = 0; level < TILE_LEVELS_MAX; level++) {
        struct filling *filling = &check->levels[level];
        bool known;
        /* Behind missing records: what was begun is compared as far as it is known; what lies between is lost. */
        if (filling->tile != index / TILE_WIDTH) {
            struct hash root;
            enum status status = finish(check, level, filling, NULL, &known, &root);
            if (status != STATUS_OK)
                return status;
            check->tree_known = false;
            filling_start(filling, index / TILE_WIDTH);
        }
        uint32_t at = (uint32_t)(index % TILE_WIDTH);
        filling->hashes[at] = current;
        filling->known_count += filling->known[at] ? 0 : 1;
        filling->known[at] = true;
        if (at != TILE_WIDTH - 1)
            return STATUS_OK;
        bool whole = root_of(filling, level == 0 ? tile : NULL, tile_hashes, &current);
        const struct hash *own = whole ? &current : NULL;
        if (level == 0)
            tree_append(check, filling, own);
        enum status status = finish(check, level, filling, own, &known, &current);
        index = filling->tile;
        filling_start(filling, filling->tile + 1);
        if (status != STATUS_OK || !known)
            return status;
    }
    return STATUS_OK;
}

enum status check_tiles_end(struct check *check, struct check_reader *snapshot)
{
    struct check_keys keys;
    enum check_keys_next next;
    uint64_t size = check->next - 1;
    if (check->lost_any)
        return STATUS_OK; /* how many there should be is not known */
    check_keys_open(&keys, snapshot, LOG_TABLE_TILES);
    while ((next = check_keys_next(&keys)) == CHECK_KEYS_NEXT) {
        uint32_t level = keys.key[0];
        uint64_t tile = keys.len == 9 ? be64_get(keys.key + 1) : 0;
        if (keys.len != 9 || level >= TILE_LEVELS_MAX)
            check_problem(check, 0, "a tile is stored under a key that is none");
        else if (level == TILE_LEVELS_MAX - 1 || tile >= size >> (TILE_HEIGHT * (level + 1)))
            check_problem(check, 0, "tile %u/%llu is stored though the log has no records for it", level,
                          (unsigned long long)tile);
    }
    check_keys_close(&keys);
    if (next == CHECK_KEYS_DISORDER)
        check_disorder(check, LOG_TABLE_TILES);
    return kv_error(snapshot->txn);
}
