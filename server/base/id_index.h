/*
 * Which record bears a command id? Every 16-byte id of the log with its position: young ids in a table in memory, older
 * ones in sorted runs in a store of its own, merged from time to time, so that neither memory nor the disk written an
 * id grows with history. Derived from the log: what is lost is added again from there (docs/storage.md has the form).
 *
 * Ids are chosen by clients: look-ups hash them under a seed that nobody outside knows, and always compare all 16
 * bytes. Ids that grow with time are found absent without a look at any run, others nearly always by a filter.
 *
 * Threads: one owner calls everything but id_index_stats. With `background` a helper thread writes and merges runs
 * over a store whose readers have snapshots (LMDB); the owner waits for it only when it marks faster than runs can be
 * written, and in a look-up in the runs for at most one commit. Without it the owner does the work in id_index_mark.
 */
#ifndef SERVER_BASE_ID_INDEX_H
#define SERVER_BASE_ID_INDEX_H

#include "proto/base/ident.h"
#include "proto/record/record.h"
#include "server/ports/kv.h"

#define ID_INDEX_TABLE_COUNT 2u
extern const struct kv_table id_index_tables[ID_INDEX_TABLE_COUNT];

struct id_index_config {
    size_t memory_entries;    /* ids in memory before they become a run; another so many wait to be written */
    size_t batch_entries_max; /* most that is added between two marks */
    size_t
        filter_bytes_max; /* of all filters together; what they cannot hold is looked up in the oldest runs */
    unsigned piece_blocks; /* of a merge, written in one transaction; 0 = 256, which is 2 MiB */
    uint64_t seed;         /* random, of this process */
    bool background;
};

/* The log up to here: its position, and the hash of the record there. All zero = the empty log. */
struct id_cursor {
    uint64_t position;
    struct hash hash;
};

struct id_index;

/* Takes over the store: closes it at close; it stays the caller's when opening fails. STALE: made by another version of
 * the program; CORRUPT: its rows cannot be read. Either way: drop it and add every id of the log again. */
enum status id_index_open(struct kv *kv, const struct id_index_config *config, struct id_index **out,
                          struct fault *why) MUST_USE;
/* Ids in memory are forgotten: the log has them. NULL is fine. */
void id_index_close(struct id_index *index);

/* What the runs hold: every id of the log up to here is found, whatever happens to the process. */
void id_index_stored(struct id_index *index, struct id_cursor *out);

/* OK, NOT_FOUND, or what reading the runs said (CORRUPT, IO). */
enum status id_index_find(struct id_index *index, const struct command_id *id,
                          uint64_t *out_position) MUST_USE;
/* A hint that the id will be looked up soon: fetches what the look-up will touch. */
void id_index_prefetch(const struct id_index *index, const struct command_id *id);
/* The id must not be there yet: look first. At most batch_entries_max between two marks. */
void id_index_add(struct id_index *index, const struct command_id *id, uint64_t position);
/* False: the store has no room (what it had none for is tried again from time to time, and is not lost) and neither has
 * memory. Asked before the first id after a mark is added. */
bool id_index_has_room(struct id_index *index);
/* So many may be added before the next mark, with room or without; 0 = none. What an index without room once held in
 * memory fits again after a start, whatever the batches: whoever adds ids of the log may go on up to this. */
size_t id_index_space(const struct id_index *index);
/* Every id up to `cursor` has been added, and the log is durable up to there: from now on they may become a run. Waits
 * when two tables in memory are full, but not for room on the disk. IO and the like are what a run met on its way; they
 * stay. */
enum status id_index_mark(struct id_index *index, const struct id_cursor *cursor) MUST_USE;
/* Writes what is marked and merges until nothing is left to do. FULL: there was no room; what is in memory stays there. */
enum status id_index_flush(struct id_index *index) MUST_USE;
/* Ends the helper's work where it stands and puts the runs on disk, power cut or not. The last thing before the close:
 * only look-ups may follow. */
enum status id_index_sync(struct id_index *index) MUST_USE;

struct id_index_stats {
    uint64_t runs, run_ids;  /* written */
    uint64_t memory_ids;     /* in memory, not yet in a run */
    uint64_t filter_bytes;   /* of memory */
    uint64_t run_look_ups;   /* that the filters did not spare */
    uint64_t waits;          /* of the owner for the helper */
    uint64_t blocks_written; /* for runs, new and merged */
};
void id_index_stats(const struct id_index *index, struct id_index_stats *out); /* any thread */

/* ---- for auditors: everything that is stored, in order of ids ------------------------------------------------ */

struct id_walk;
/* In a read transaction of a store with id_index_tables, which must outlive the walk. STALE and CORRUPT as above. */
enum status id_walk_open(struct kv_txn *txn, struct id_walk **out, struct fault *why) MUST_USE;
uint64_t id_walk_position(const struct id_walk *walk); /* of the log, up to which ids are stored */
/* The next id; END after the last, CORRUPT when a row cannot be read or a run is not what its row says. */
enum status id_walk_next(struct id_walk *walk, struct command_id *out_id, uint64_t *out_position) MUST_USE;
void id_walk_close(struct id_walk *walk); /* NULL is fine */

#endif
