/* What the parts of the id index share: id_index.c (owner, memory, helper thread), id_runs.c (runs in the store),
 * id_block.c (the form of a block), id_filter.c. Not for others. */
#ifndef SERVER_BASE_ID_INDEX_PARTS_H
#define SERVER_BASE_ID_INDEX_PARTS_H

#include <stdatomic.h>

#include "proto/base/bytes.h"
#include "server/base/id_index.h"

#define ID_RUNS_MAX     128u
#define ID_RUNS_MANY    96u   /* from here on merging comes before new runs */
#define ID_MERGE_FACTOR 8u    /* so many runs of one level become one of the next */
#define ID_BLOCK_BYTES  8147u /* sealed and with LMDB's header it fills two pages */
#define ID_BLOCK_IDS    1024u
#define ID_SEGMENTS_MAX 8u

enum { ID_TABLE_BLOCKS, ID_TABLE_META };

/* An id as two numbers: order of numbers is order of bytes. */
struct id_entry {
    uint64_t hi, lo, position;
};

static inline struct id_entry id_entry_of(const struct command_id *id, uint64_t position)
{
    return (struct id_entry){.hi = be64_get(id->bytes), .lo = be64_get(id->bytes + 8), .position = position};
}
static inline bool id_same(const struct id_entry *a, const struct id_entry *b)
{
    return a->hi == b->hi && a->lo == b->lo;
}
static inline bool id_less(const struct id_entry *a, const struct id_entry *b)
{
    return ((a->hi < b->hi) | ((a->hi == b->hi) & (a->lo < b->lo))) != 0; /* without a branch */
}

/* ---- blocks (id_block.c) ---------------------------------------------------------------------------------------- */

#define ID_KEY_BYTES (8u + COMMAND_ID_BYTES) /* u64 run, first id */

void id_key_put(uint8_t out[ID_KEY_BYTES], uint64_t run, const struct id_entry *first);

/* Collects entries in order of ids until they fill a block. */
struct id_builder {
    size_t count, shared; /* leading bytes that all ids have in common */
    uint64_t least, most; /* positions */
    struct id_entry entries[ID_BLOCK_IDS];
};
bool id_builder_add(struct id_builder *builder, const struct id_entry *entry); /* false: the block is full */
/* Puts the block, if there is anything in it, and empties the builder. */
void id_builder_write(struct id_builder *builder, struct kv_txn *txn, uint64_t run);

/* Both false when the row is no block. */
bool id_block_read(struct slice key, struct slice value, struct id_entry out[ID_BLOCK_IDS],
                   size_t *out_count);
bool id_block_find(struct slice key, struct slice value, const struct id_entry *id, bool *out_found,
                   uint64_t *out_position);

/* Sorts by id in `entries` or in `spare`, which has room for as many: gives where they are (id_sort.c). */
struct id_entry *id_sort(struct id_entry *entries, struct id_entry *spare, size_t count);

/* ---- filters (id_filter.c) -------------------------------------------------------------------------------------- */

/* A blocked Bloom filter over the ids of the records of one stretch of the log. The helper sets bits while the owner
 * looks: words are atomic, and publishing the stretch orders the rest. */
struct id_segment {
    uint64_t from, to; /* positions: behind from, up to to */
    uint64_t count, capacity;
    uint64_t lines;
    size_t bytes;
    _Atomic uint64_t *words;
    bool building; /* not all ids of the stretch are in: says nothing yet */
};

size_t id_segment_room(size_t wanted, size_t most); /* bytes for one: not tiny, and not above `most` */
bool id_segment_make(struct id_segment *out, size_t bytes, uint64_t from); /* false: no memory */
void id_segment_drop(struct id_segment *segment);
size_t id_segment_ids(size_t bytes); /* that fit, few of them taken for others */
void id_segment_add(struct id_segment *segment, uint64_t hash);
void id_segment_prefetch(const struct id_segment *segment, uint64_t hash);
bool id_segment_may_hold(const struct id_segment *segment, uint64_t hash);

/* ---- runs (id_runs.c) ------------------------------------------------------------------------------------------- */

struct id_run {
    uint64_t number;
    uint64_t count;
    uint64_t from, to; /* positions of its ids: behind from, up to to */
    uint8_t level;
    bool
        merging; /* being read into the run that index.output names; the part that is there already is gone here */
    struct id_entry first, last; /* ids; no meaning when count is 0 */
};

/* What the store holds, as of one of its commits. */
struct id_runs {
    struct id_cursor stored;
    uint64_t next_number;
    uint64_t output; /* number of the run that is being merged into; 0 = none */
    size_t count;
    struct id_run runs[ID_RUNS_MAX];
};

/* STALE, CORRUPT as id_index_open says. */
enum status id_runs_load(struct kv_txn *txn, struct id_runs *out, struct fault *why) MUST_USE;

/* Position from which on filters can speak of all ids, when they have room for `ids_max`. */
uint64_t id_runs_covered_from(const struct id_runs *runs, uint64_t ids_max);

/* The look-up in one run. Errors are set on the transaction. */
bool id_run_find(struct kv_txn *txn, const struct id_run *run, const struct id_entry *id,
                 uint64_t *out_position);

/* One new run of sorted entries, and the cursor that it leads to. Changes `runs` to what the store will hold once the
 * transaction is committed. Returns the blocks written. */
uint64_t id_runs_add(struct id_runs *runs, struct kv_txn *txn, const struct id_entry *entries, size_t count,
                     const struct id_cursor *cursor);

struct id_merger; /* buffers */
struct id_merger *id_merger_new(void);
void id_merger_free(struct id_merger *merger);
/* Is there something to merge? */
bool id_runs_want_merge(const struct id_runs *runs);
/* Goes on with the merge under way, or begins one: a bounded piece of it. Blocks that have been read to their end go in
 * the same transaction that writes what was in them, so nothing is ever there twice for long, and nothing is left over
 * after a crash. Returns the blocks written; errors are set on the transaction. */
uint64_t id_runs_merge(struct id_runs *runs, struct kv_txn *txn, struct id_merger *merger,
                       uint64_t blocks_max);

/* Reads `blocks_max` blocks of a run from behind `key` on (all zero: from its first) and hands each on. `key` is set to
 * the last block read. False when the run has no more. */
typedef void id_entries_fn(void *context, const struct id_entry *entries, size_t count);
bool id_run_scan(struct kv_txn *txn, const struct id_run *run, uint8_t key[ID_KEY_BYTES], unsigned blocks_max,
                 id_entries_fn *each, void *context);

#endif
