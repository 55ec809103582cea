/* What the walk over blocks and the walk over tiles share. Private to server/log/check*.c. */
#ifndef SERVER_LOG_CHECK_PARTS_H
#define SERVER_LOG_CHECK_PARTS_H

#include "server/log/check.h"
#include "server/log/tail.h"

#define CHECK_BROKEN_MAX 256u /* blocks with broken seals kept until the end; more are told at once */

/* The record looked at last. */
struct link {
    bool known;
    bool in_doubt; /* it and the one before do not fit, and neither was reported */
    bool reported;
    uint64_t position;
    struct hash hash;
    timestamp_us time;
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
    struct kv_txn *txn;
    uint8_t *copy; /* of the block at hand */
    size_t copy_cap;
    uint64_t next; /* position that the next block should begin with */
    bool lost;     /* the block before did not open: how many records it held is not known */
    bool lost_any;
    struct link last;
    bool in_doubt; /* the record at hand does not fit the one before, and it is not known which is to blame */
    struct tree_range tree;
    bool tree_known;
    struct broken broken[CHECK_BROKEN_MAX];
    size_t broken_count;
    struct filling levels[TILE_LEVELS_MAX];
};

enum check_found {
    CHECK_WHOLE,
    CHECK_BROKEN, /* opened without its seal */
    CHECK_CLOSED, /* there, but nothing can be made of it */
    CHECK_ABSENT,
};

void check_problem(struct check *check, uint64_t position, const char *format, ...) PRINTF_LIKE(3, 4);

/* One stored value, borrowed until the next call. Not OK: the store cannot be read at all. */
enum status check_get(struct check *check, unsigned table, struct slice key, enum check_found *out_found,
                      struct slice *out) MUST_USE;
/* From the key in `key` (length 0: the beginning) to the next one of the table. */
bool check_next_key(struct check *check, unsigned table, uint8_t key[KV_KEY_MAX], size_t *len);

/* Take in the hash of the record at `position`, and compare tiles that are full with it. */
enum status check_leaf(struct check *check, uint64_t position, const struct hash *hash) MUST_USE;
/* At the end: tiles that should not be there. */
enum status check_tiles_end(struct check *check) MUST_USE;

#endif
