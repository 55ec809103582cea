/*
 * What the parts of the checker share. Private to server/log/check*.c.
 *
 *   check_pool.c   walks the blocks' keys, hands out spans of them to threads, and gives them back in order
 *   check_span.c   what a thread does with a span: open, decode, hash; it judges nothing that needs a neighbour
 *   check.c        judges records in order: gaps, chain, times, seals
 *   check_tiles.c  the stored tree against the hashes found
 */
#ifndef SERVER_LOG_CHECK_PARTS_H
#define SERVER_LOG_CHECK_PARTS_H

#include "server/log/check.h"
#include "server/log/tail.h"

#define CHECK_BROKEN_MAX 256u /* blocks with broken seals kept until the end; more are told at once */
#define SPAN_BLOCKS_MAX  256u
#define SPAN_POSITIONS   2048u /* a span ends when its blocks seem to hold so many records */

/* ---- reading stored rows: one thread each -------------------------------------------------------------------- */

struct check_reader {
    const struct log_check_options *options;
    struct kv_txn *txn;
    uint32_t
        key_id; /* of the value that was CHECK_UNREAD; CHECK_CLOSED: if not 0, one the ring does not have */
};

enum check_found {
    CHECK_WHOLE,
    CHECK_BROKEN, /* opened without its seal */
    CHECK_CLOSED, /* there, but nothing can be made of it */
    CHECK_UNREAD, /* there, and the data key it is sealed under is missing */
    CHECK_ABSENT,
};

enum status check_reader_open(struct check_reader *reader, const struct log_check_options *options) MUST_USE;
void check_reader_close(struct check_reader *reader); /* all zero is fine */
/* One stored value, borrowed until the next call. Not OK: the store cannot be read at all. */
enum status check_get(struct check_reader *reader, unsigned table, struct slice key,
                      enum check_found *out_found, struct slice *out) MUST_USE;

/* The keys of a table, as they are stored. */
struct check_keys {
    struct kv_cursor *cursor;
    uint8_t key[KV_KEY_MAX]; /* where it is */
    size_t len;
};
enum check_keys_next {
    CHECK_KEYS_END,
    CHECK_KEYS_NEXT,
    CHECK_KEYS_DISORDER, /* not behind the one before: a damaged tree may lead in circles */
};
void check_keys_open(struct check_keys *keys, struct check_reader *reader, unsigned table);
enum check_keys_next check_keys_next(struct check_keys *keys);
/* The value there will be read soon. */
void check_keys_hint(const struct check_keys *keys, struct check_reader *reader, unsigned table);
void check_keys_close(struct check_keys *keys);

/* ---- spans ----------------------------------------------------------------------------------------------------- */

/* A record as a thread found it, without a look at its neighbours. */
struct found_record {
    struct hash previous;
    uint64_t position; /* that it says */
    timestamp_us time;
    uint32_t fault; /* 0: none, else 1 + index in the span's faults */
    bool decodes;
};

struct found_block {
    uint64_t first; /* its key; 0: the key is no position */
    size_t key_len;
    enum check_found found;
    uint32_t key_id;     /* see check_reader */
    bool formed;         /* what follows was read of it */
    uint32_t count;      /* of records, as it says */
    uint32_t read;       /* whose lengths fit */
    size_t first_record; /* of the span's records */
};

/* A tile whose records all lie in one span. */
struct found_tile {
    uint64_t tile;
    size_t first_record;
    struct hash root;
};

struct found_fault {
    char text[32 + FAULT_FIELD_MAX + FAULT_TEXT_MAX]; /* what it concerns, field, sentence */
};

enum span_state { SPAN_READY, SPAN_TAKEN, SPAN_DONE };

struct span {
    enum span_state state; /* under the pool's lock */
    enum status status;    /* not OK: the store could not be read */
    bool disorder;         /* behind its blocks the keys go back */
    size_t block_count, record_count, record_cap, tile_count, tile_cap, fault_count, fault_cap;
    struct found_record *records;
    struct hash *hashes; /* of the records */
    struct found_tile *tiles;
    struct found_fault *faults;
    struct found_block blocks[SPAN_BLOCKS_MAX];
};

/* Reads the blocks whose keys the span has. */
void span_read(struct span *span, struct check_reader *reader);
void span_free(struct span *span);

struct check_pool;
enum status check_pool_open(const struct log_check_options *options, struct check_pool **out) MUST_USE;
unsigned check_pool_threads(const struct check_pool *pool);
uint64_t check_pool_last(const struct check_pool *pool); /* the last block's position, 0: there is none */
/* The next span in order of keys, until the next call. END behind the last one; else why the store cannot be read. */
enum status check_pool_next(struct check_pool *pool, struct span **out) MUST_USE;
struct check_reader *check_pool_reader(struct check_pool *pool); /* for the caller's thread */
/* The reader that saw the keys: what is stored later is not in it. For the caller's thread, after the last span. */
struct check_reader *check_pool_snapshot(struct check_pool *pool);
void check_pool_close(struct check_pool *pool); /* NULL is fine */

/* ---- judging ----------------------------------------------------------------------------------------------------- */

/* The record looked at last. */
struct link {
    bool known;
    bool in_doubt; /* it and the one before do not fit, and neither was reported */
    bool reported;
    uint64_t position;
    struct hash hash;
    timestamp_us time;
};

/* Blocks one after the other whose data key is missing. */
struct unread {
    uint32_t key_id; /* 0: none */
    uint64_t first;
};

struct broken { /* records of a block whose seal does not hold */
    uint64_t first, last;
    bool explained; /* a problem within it was reported */
};

/* The tile of one level that is being filled by recomputation. */
struct filling {
    uint64_t tile;
    uint32_t known_count;
    bool known[TILE_WIDTH];
    struct hash hashes[TILE_WIDTH];
};

struct check {
    const struct log_check_options *options;
    struct log_check_result result;
    struct check_reader *reader;
    uint64_t next; /* position that the next block should begin with */
    bool lost;     /* the block before did not open: how many records it held is not known */
    bool lost_any;
    struct unread unread;
    uint32_t tile_key_told; /* the missing key that a tile was last told of */
    struct link last;
    bool in_doubt; /* the record at hand does not fit the one before, and it is not known which is to blame */
    struct tree_range tree; /* over the recomputed roots of full tiles of level 0 */
    bool tree_known;
    struct broken broken[CHECK_BROKEN_MAX];
    size_t broken_count;
    struct filling levels[TILE_LEVELS_MAX];
};

void check_problem(struct check *check, uint64_t position, const char *format, ...) PRINTF_LIKE(3, 4);

/* What could not be looked at: the data key is missing. */
void check_unread(struct check *check, uint64_t position, const char *format, ...) PRINTF_LIKE(3, 4);

void check_disorder(struct check *check, unsigned table); /* of keys */

/* Take in the hash of the record at `position`, and compare tiles that are full with it. `tile`: what a thread computed
 * of the tile that may be full now, or NULL, with the hashes it computed it of. */
enum status check_leaf(struct check *check, uint64_t position, const struct hash *hash,
                       const struct found_tile *tile, const struct hash *tile_hashes) MUST_USE;
/* At the end: tiles that should not be there. */
enum status check_tiles_end(struct check *check, struct check_reader *snapshot) MUST_USE;
/* The root over all records, when all were there. */
void check_root(struct check *check);

#endif
