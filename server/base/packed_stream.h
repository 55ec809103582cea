/*
 * Writing to one packed table: a block is taken apart while keys go up, and put together again with what is written, so
 * that many writes near each other in key order cost one reading and one writing of their block. Used by kv_packed alone.
 *
 * What is written is kept back until a key of another block is asked for, or until packed_stream_close. Rows in between
 * are not walked: what does not change is copied as it is stored, and a row behind all others is appended without
 * looking at them. A full block that grows at its end stays as it is, and a new one is begun; one that grows in its
 * middle is cut in equal parts. Blocks that lose rows are not joined with their neighbours: rows of folds seldom go.
 */
#ifndef SERVER_BASE_PACKED_STREAM_H
#define SERVER_BASE_PACKED_STREAM_H

#include "server/base/packed_block.h"

struct packed_stream {
    struct kv_txn *inner; /* NULL: not in a transaction */
    struct kv_cursor *cursor;
    unsigned table;
    size_t group_bytes;
    size_t block_bytes; /* of a full block */

    bool open;
    bool dirty;   /* differs from what is stored */
    bool named;   /* the block under way has a name: the builder's */
    bool stored;  /* stored_name is in the store, and is replaced or deleted when the block is written */
    bool alone;   /* the builder holds a row too long to share a block */
    bool in_step; /* the builder's last row, with the run, is the one before the reader's present row */
    bool asked_written; /* the row at `asked` is in the builder */
    bool bounded;       /* there is a block behind: upper */
    size_t run_rows;
    const uint8_t *run; /* rows of the old block passed, not yet copied to the builder */
    struct packed_reader reader;
    struct packed_builder builder, part;
    uint8_t *old; /* memory of the reader's block, PACKED_HEAD_MAX and old_cap bytes */
    size_t old_cap;

    size_t low_len, asked_len, upper_len, stored_len;
    uint8_t low[KV_KEY_MAX]; /* keys from here on, up to `upper`, belong here */
    uint8_t asked[KV_KEY_MAX];
    uint8_t upper[KV_KEY_MAX];
    uint8_t stored_name[KV_KEY_MAX];
};

/* All errors are those of `inner`. Keys and values are within the port's limits. */
void packed_stream_begin(struct packed_stream *stream, struct kv_txn *inner, unsigned table, unsigned flags,
                         size_t block_bytes);
bool packed_stream_get(struct packed_stream *stream, struct slice key,
                       struct slice *out); /* until touched again */
void packed_stream_put(struct packed_stream *stream, struct slice key, struct slice value);
void packed_stream_del(struct packed_stream *stream, struct slice key);
void packed_stream_close(struct packed_stream *stream); /* writes what is kept back */
void packed_stream_drop(struct packed_stream *stream);  /* forgets it */
void packed_stream_end(struct packed_stream *stream);   /* of the transaction: forgets, keeps some memory */
void packed_stream_free(struct packed_stream *stream);

#endif
