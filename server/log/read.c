#include <stdlib.h>

#include "proto/base/bug.h"
#include "proto/base/bytes.h"
#include "server/log/internal.h"

struct kv_log_reader {
    struct log_reader reader; /* first */
    struct kv_log *log;
    struct kv_txn *txn; /* holds the block's bytes; NULL = resting */
    struct kv_cursor *cursor;
    struct block block;
    uint64_t first; /* position of the block's first record; 0 = no block */
    uint64_t next;  /* position that `at` points to */
    size_t at;
};

enum status kv_log_reader_open(struct log *port, struct log_reader **out)
{
    struct kv_log_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return STATUS_NO_MEMORY;
    reader->log = (struct kv_log *)port;
    reader->reader.ops = port->ops;
    *out = &reader->reader;
    return STATUS_OK;
}

void kv_log_reader_rest(struct log_reader *port)
{
    struct kv_log_reader *reader = (struct kv_log_reader *)port;
    kv_cursor_close(reader->cursor);
    kv_abort(reader->txn);
    reader->cursor = NULL;
    reader->txn = NULL;
    reader->first = 0;
}

void kv_log_reader_close(struct log_reader *port)
{
    kv_log_reader_rest(port);
    free(port);
}

static enum status corrupt(struct fault *why, uint64_t position, const char *what)
{
    return fault_set(why, STATUS_CORRUPT, NULL, "position %llu: %s", (unsigned long long)position, what);
}

/* What the store says of the value that it could not open. */
static enum status closed(const struct kv_log *log, struct fault *why, uint64_t position)
{
    struct fault said;
    kv_failure(log->kv, &said);
    return fault_set(why, STATUS_CORRUPT, NULL, "position %llu: its block does not open: %s",
                     (unsigned long long)position,
                     said.status != STATUS_OK ? said.text : "stored bytes were changed");
}

/* The block that holds `position`, from a snapshot that is new enough to have it. */
static enum status fetch_block(struct kv_log_reader *reader, uint64_t position, struct fault *why)
{
    uint8_t wanted[8];
    struct slice key, value;
    kv_log_reader_rest(&reader->reader);
    enum status status = kv_begin(reader->log->kv, false, &reader->txn);
    if (status != STATUS_OK) {
        reader->txn = NULL;
        return fault_set(why, status, NULL, "the log cannot be read");
    }
    be64_put(wanted, position);
    reader->cursor = kv_cursor_open(reader->txn, LOG_TABLE_BLOCKS);
    bool found = kv_last(reader->cursor, slice_of(wanted, sizeof wanted));
    status = kv_error(reader->txn);
    if (status == STATUS_CORRUPT)
        return closed(reader->log, why, position);
    if (status != STATUS_OK)
        return fault_set(why, status, NULL, "position %llu cannot be read", (unsigned long long)position);
    if (!found)
        return corrupt(why, position, "no block holds it");
    kv_row(reader->cursor, &key, &value);
    if (key.len != 8 || !block_decode(value, &reader->block))
        return corrupt(why, position, "its block has the wrong form");
    uint64_t first = be64_get(key.ptr);
    if (first == 0 || position - first >= reader->block.count)
        return corrupt(why, position, "no block holds it");
    reader->first = reader->next = first;
    reader->at = 0;
    return STATUS_OK;
}

enum status kv_log_read(struct log_reader *port, uint64_t position, struct slice *out, struct fault *why)
{
    struct kv_log_reader *reader = (struct kv_log_reader *)port;
    if (reader->first == 0 || position < reader->first || position - reader->first >= reader->block.count) {
        struct log_head head;
        log_head(&reader->log->log, &head);
        if (position == 0 || position > head.size)
            return STATUS_END;
        enum status status = fetch_block(reader, position, why);
        if (status != STATUS_OK) {
            kv_log_reader_rest(port);
            return status;
        }
    }
    if (position < reader->next) {
        reader->next = reader->first;
        reader->at = 0;
    }
    struct slice bytes = {0};
    for (; reader->next <= position; reader->next++)
        if (!block_next(&reader->block, (uint32_t)(reader->next - reader->first), &reader->at, &bytes))
            return corrupt(why, position, "its block has the wrong form");
    *out = bytes;
    return STATUS_OK;
}

/* ---- tree ---------------------------------------------------------------------------------------------------------- */

/* 2^height hashes of one tile level, from a full tile. */
static enum status stored_subtree(struct kv_log *log, uint32_t tile_level, uint64_t tile, uint32_t offset,
                                  uint32_t height, struct hash *out)
{
    struct kv_txn *txn;
    struct slice value;
    uint8_t key[9];
    enum status status = kv_begin(log->kv, false, &txn);
    if (status != STATUS_OK)
        return status;
    key[0] = (uint8_t)tile_level;
    be64_put(key + 1, tile);
    if (!kv_get(txn, LOG_TABLE_TILES, slice_of(key, sizeof key), &value) || value.len != TILE_BYTES) {
        status = STATUS_CORRUPT;
    } else {
        struct hash hashes[TILE_WIDTH];
        memcpy(hashes, value.ptr, sizeof hashes);
        tail_subtree(hashes + offset, height, out);
    }
    kv_abort(txn);
    return status;
}

enum status kv_log_node(struct log *port, uint32_t level, uint64_t index, struct hash *out)
{
    struct kv_log *log = (struct kv_log *)port;
    uint32_t tile_level = level / TILE_HEIGHT, height = level % TILE_HEIGHT;
    ASSERT(tile_level < TILE_LEVELS_MAX);
    uint64_t first = index << height; /* at the tile's level */
    uint64_t tile = first / TILE_WIDTH;
    uint32_t offset = (uint32_t)(first % TILE_WIDTH);

    pthread_mutex_lock(&log->lock);
    uint64_t size = log->done.size >> (TILE_HEIGHT * tile_level); /* hashes that exist at this level */
    bool exists = first + (UINT64_C(1) << height) <= size;
    bool in_tail = tile == size / TILE_WIDTH;
    if (exists && in_tail)
        tail_subtree(&log->done.hashes[tile_level][offset], height, out);
    pthread_mutex_unlock(&log->lock);
    if (!exists)
        return STATUS_NOT_FOUND;
    return in_tail ? STATUS_OK : stored_subtree(log, tile_level, tile, offset, height, out);
}

static enum status source_node(void *context, uint32_t level, uint64_t index, struct hash *out)
{
    return kv_log_node(context, level, index, out);
}

enum status kv_log_root(struct log *port, uint64_t size, struct hash *out)
{
    struct kv_log *log = (struct kv_log *)port;
    struct tree_source source = {.node = source_node, .context = port};
    pthread_mutex_lock(&log->lock);
    bool known = log->root_size == size, too_large = size > log->done.size;
    if (known)
        *out = log->root_hash;
    pthread_mutex_unlock(&log->lock);
    if (known)
        return STATUS_OK;
    if (too_large)
        return STATUS_NOT_FOUND;
    enum status status = tree_root(&source, size, out);
    if (status == STATUS_OK) {
        pthread_mutex_lock(&log->lock);
        log->root_size = size;
        log->root_hash = *out;
        pthread_mutex_unlock(&log->lock);
    }
    return status;
}

/* ---- open ---------------------------------------------------------------------------------------------------------- */

static enum status last_position(struct kv_log *log, uint64_t *out, struct fault *why)
{
    struct kv_txn *txn;
    struct slice key, value;
    struct block block;
    struct fault said;
    enum status status = kv_begin(log->kv, false, &txn);
    if (status != STATUS_OK)
        return fault_set(why, status, NULL, "the log cannot be read");
    struct kv_cursor *cursor = kv_cursor_open(txn, LOG_TABLE_BLOCKS);
    uint64_t last = 0;
    if (kv_last(cursor, (struct slice){0})) {
        kv_row(cursor, &key, &value);
        if (key.len != 8 || !block_decode(value, &block))
            status = fault_set(why, STATUS_CORRUPT, NULL, "the last block of the log has the wrong form");
        else
            last = be64_get(key.ptr) + block.count - 1;
    }
    kv_failure(log->kv, &said);
    if (kv_error(txn) == STATUS_CORRUPT)
        status = fault_set(why, STATUS_CORRUPT, NULL, "the last block of the log does not open: %s",
                           said.status != STATUS_OK ? said.text : "stored bytes were changed");
    else if (kv_error(txn) != STATUS_OK)
        status = fault_set(why, kv_error(txn), NULL, "the log cannot be read");
    kv_cursor_close(cursor);
    kv_abort(txn);
    if (status == STATUS_OK)
        *out = last;
    return status;
}

/* Levels above 0: the roots of full tiles below that no tile of this level holds yet. */
static enum status load_levels(struct kv_log *log, struct fault *why)
{
    for (uint32_t level = 1; level < TILE_LEVELS_MAX; level++) {
        uint64_t have = log->done.size >> (TILE_HEIGHT * level);
        uint32_t count = (uint32_t)(have % TILE_WIDTH);
        for (uint32_t i = 0; i < count; i++) {
            uint64_t tile = have - count + i;
            enum status status =
                stored_subtree(log, level - 1, tile, 0, TILE_HEIGHT, &log->done.hashes[level][i]);
            struct fault said;
            if (status == STATUS_OK)
                continue;
            kv_failure(log->kv, &said);
            return fault_set(why, status, NULL, "tile %u/%llu of the tree is missing or does not open%s%s",
                             level - 1, (unsigned long long)tile, said.status != STATUS_OK ? ": " : "",
                             said.text);
        }
        log->done.count[level] = count;
    }
    return STATUS_OK;
}

/* Reads the records that no tile holds, and the one before them, and checks their chain. */
static enum status load_records(struct kv_log *log, struct log_reader *reader, struct fault *why)
{
    uint64_t size = log->done.size;
    uint32_t count = (uint32_t)(size % TILE_WIDTH);
    uint64_t first = size - count > 0 ? size - count : 1;
    struct log_head last = {0};
    for (uint64_t position = first; position <= size; position++) {
        struct slice bytes;
        struct record record;
        struct hash hash;
        enum status status = kv_log_read(reader, position, &bytes, why);
        if (status == STATUS_OK)
            status = record_decode(bytes, &record, why);
        if (status != STATUS_OK)
            return status;
        if (record.header.position != position)
            return corrupt(why, position, "the record there says another position");
        if ((position > first || position == 1) &&
            memcmp(&record.header.previous, &last.last, sizeof(struct hash)) != 0)
            return corrupt(why, position, "the chain breaks here");
        record_hash(bytes, &hash);
        if (position > size - count)
            log->done.hashes[0][log->done.count[0]++] = hash;
        last = (struct log_head){.size = position, .last = hash, .time = record.header.time};
    }
    log->head = last;
    return STATUS_OK;
}

enum status kv_log_load(struct kv_log *log, struct fault *why)
{
    struct log_reader *reader;
    uint64_t size = 0;
    enum status status = last_position(log, &size, why);
    if (status != STATUS_OK || size == 0)
        return status;
    log->done.size = log->head.size = size;
    status = kv_log_reader_open(&log->log, &reader);
    if (status != STATUS_OK)
        return fault_set(why, status, NULL, "no memory for the log");
    status = load_levels(log, why);
    if (status == STATUS_OK)
        status = load_records(log, reader, why);
    kv_log_reader_close(reader);
    if (status != STATUS_OK)
        return status;
    for (uint32_t level = 0; level < TILE_LEVELS_MAX; level++)
        log->done.changed_from[level] = log->done.count[level];
    log->open = log->done;
    log->open_head = log->head;
    return STATUS_OK;
}
