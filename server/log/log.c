#include "server/log/log.h"

#include <stdlib.h>

#include "proto/base/bug.h"
#include "proto/base/bytes.h"
#include "proto/base/limits.h"
#include "server/log/internal.h"

#define ROOM_SPARE_BYTES (4u << 20) /* tiles, tree pages and what LMDB copies in one commit */

/* ---- append ---------------------------------------------------------------------------------------------------- */

static void put_tile(void *context, uint32_t level, uint64_t index, const struct hash hashes[TILE_WIDTH])
{
    struct kv_log *log = context;
    uint8_t key[9];
    key[0] = (uint8_t)level;
    be64_put(key + 1, index);
    kv_put(log->txn, LOG_TABLE_TILES, slice_of(key, sizeof key), slice_of(hashes, TILE_BYTES));
}

/* Writes count and lengths right in front of the records, so that the block is one run of bytes without a copy. */
static void put_block(struct kv_log *log)
{
    uint8_t key[8];
    size_t head_len = 4u + 4u * (size_t)log->block_count;
    uint8_t *head = log->block + BLOCK_HEAD_MAX - head_len;
    if (log->block_count == 0)
        return;
    be32_put(head, log->block_count);
    for (uint32_t i = 0; i < log->block_count; i++)
        be32_put(head + 4 + (size_t)i * 4, log->lengths[i]);
    be64_put(key, log->block_first);
    kv_put(log->txn, LOG_TABLE_BLOCKS, slice_of(key, sizeof key),
           slice_of(head, head_len + log->block_bytes));
    log->block_count = 0;
    log->block_bytes = 0;
}

static enum status append(struct log *port, struct slice bytes, const struct hash *hash)
{
    struct kv_log *log = (struct kv_log *)port;
    ASSERT(bytes.len >= RECORD_HEADER_BYTES && bytes.len <= RECORD_BYTES_MAX);
    if (log->txn == NULL) {
        enum status status = kv_begin(log->kv, true, &log->txn);
        if (status != STATUS_OK)
            return status;
    }
    size_t with_it = 4u + 4u * ((size_t)log->block_count + 1u) + log->block_bytes + bytes.len;
    if (log->block_count == BLOCK_RECORDS_MAX || (log->block_count > 0 && with_it > BLOCK_BYTES_MAX))
        put_block(log);
    if (log->block_count == 0)
        log->block_first = log->open.size + 1;
    memcpy(log->block + BLOCK_HEAD_MAX + log->block_bytes, bytes.ptr, bytes.len);
    log->lengths[log->block_count++] = (uint32_t)bytes.len;
    log->block_bytes += bytes.len;
    tail_append(&log->open, hash, put_tile, log);

    ASSERT(record_bytes_position(bytes) == log->open.size);
    log->open_head =
        (struct log_head){.size = log->open.size, .last = *hash, .time = record_bytes_time(bytes)};
    return kv_error(log->txn);
}

static enum status commit(struct log *port)
{
    struct kv_log *log = (struct kv_log *)port;
    if (log->txn == NULL)
        return STATUS_OK;
    put_block(log);
    struct kv_txn *txn = log->txn;
    log->txn = NULL;
    enum status status = kv_commit(txn);
    if (status != STATUS_OK)
        return status;
    pthread_mutex_lock(&log->lock);
    tail_copy_changes(&log->done, &log->open);
    log->head = log->open_head;
    pthread_mutex_unlock(&log->lock);
    return STATUS_OK;
}

static void abandon(struct log *port)
{
    struct kv_log *log = (struct kv_log *)port;
    if (log->txn == NULL)
        return;
    kv_abort(log->txn);
    log->txn = NULL;
    log->block_count = 0;
    log->block_bytes = 0;
    log->open = log->done; /* only this thread changes `done` */
    log->open_head = log->head;
}

static bool has_room(struct log *port, uint64_t bytes)
{
    struct kv_log *log = (struct kv_log *)port;
    uint64_t used, limit;
    kv_usage(log->kv, &used, &limit);
    return used < limit && limit - used > 2 * bytes + ROOM_SPARE_BYTES;
}

static void head(struct log *port, struct log_head *out)
{
    struct kv_log *log = (struct kv_log *)port;
    pthread_mutex_lock(&log->lock);
    *out = log->head;
    pthread_mutex_unlock(&log->lock);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static void close_log(struct log *port)
{
    struct kv_log *log = (struct kv_log *)port;
    abandon(port);
    kv_close(log->kv);
    pthread_mutex_destroy(&log->lock);
    free(log->block);
    free(log);
}

static const struct log_ops kv_log_ops = {
    .head = head,
    .root = kv_log_root,
    .node = kv_log_node,
    .append = append,
    .commit = commit,
    .abandon = abandon,
    .has_room = has_room,
    .reader_open = kv_log_reader_open,
    .read = kv_log_read,
    .reader_rest = kv_log_reader_rest,
    .reader_close = kv_log_reader_close,
    .close = close_log,
};

enum status log_over_kv_open(struct kv *kv, struct log **out, struct fault *why)
{
    struct kv_log *log = calloc(1, sizeof *log);
    uint8_t *block = malloc(BLOCK_HEAD_MAX + BLOCK_BYTES_MAX + RECORD_BYTES_MAX);
    if (log == NULL || block == NULL) {
        free(log);
        free(block);
        kv_close(kv);
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory for the log");
    }
    log->log.ops = &kv_log_ops;
    log->kv = kv;
    log->block = block;
    log->root_size = UINT64_MAX;
    pthread_mutex_init(&log->lock, NULL);
    enum status status = kv_log_load(log, why);
    if (status != STATUS_OK) {
        close_log(&log->log);
        return status;
    }
    *out = &log->log;
    return STATUS_OK;
}
