/*
 * The log over a kv store: server/ports/log.h with LMDB below it in the server, memory in tests.
 *
 *   table   key                               value
 *   blocks  u64 position of its first record  consecutive records of one commit: u32 count, count x u32 lengths, then
 *                                             the records' bytes
 *   tiles   u8 level, u64 index               256 hashes of 32 bytes: the full tile (C2SP tlog-tiles) of that level
 *
 * A block is what is sealed, put and read at once: up to BLOCK_BYTES_MAX, or one record that alone is larger. Tiles of
 * level 0 hold record hashes; those of level n+1 the roots of 256 tiles of level n. Hashes that no full tile holds yet
 * are kept in memory, and found again from the last records when the log is opened.
 */
#ifndef SERVER_LOG_LOG_H
#define SERVER_LOG_LOG_H

#include "server/ports/kv.h"
#include "server/ports/log.h"

enum log_table { LOG_TABLE_BLOCKS, LOG_TABLE_TILES, LOG_TABLE_COUNT };
extern const struct kv_table log_tables[LOG_TABLE_COUNT];

#define BLOCK_RECORDS_MAX 256u
/* Fills four of LMDB's 4,096-byte overflow pages (16-byte page header) when sealed (29 bytes). */
#define BLOCK_BYTES_MAX (4u * 4096u - 16u - 29u)

/* Takes over `kv` (closed by log_close, and when opening fails). Checks the tail: the records behind the last full tile
 * are read, decoded and chained; CORRUPT names the position. */
enum status log_over_kv_open(struct kv *kv, struct log **out, struct fault *why) MUST_USE;

/* A block's records: for readers and for whoever checks stored bytes. False when the block's form is wrong. */
struct block {
    uint32_t count;
    struct slice lengths; /* count x u32 */
    struct slice records;
};
bool block_decode(struct slice bytes, struct block *out) MUST_USE;
/* The next record: `*at` starts at 0 and counts bytes of block->records; index < count. False: lengths do not fit. */
bool block_next(const struct block *block, uint32_t index, size_t *at, struct slice *out) MUST_USE;

#endif
