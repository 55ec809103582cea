/* The index of command ids: tables in memory, what the owner sees of the runs, and the helper that writes them.
 *
 * The owner has its own copy of the list of runs and filters (`seen`). The helper commits and publishes the next one
 * under the mutex; the owner takes it over when it marks, or before it reads in the store: it holds the mutex while it
 * takes the list and begins its read transaction, so that both speak of the same commit. */
#include "server/base/id_index.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "proto/base/bug.h"
#include "server/base/diag.h"
#include "server/base/id_index_parts.h"

#define SEGMENTS_OF_MOST 4u /* the largest is a fourth of all filters: the oldest goes when full */
#define PIECE_BLOCKS     256u
#define PREFETCH_AHEAD   16u
#define ROOM_WAIT_MAX_S  8

/* Ids in the order of their coming, and slots that find them: low bits are the number of the entry, from 1, high bits
 * a piece of the hash, so that an absent id is seldom compared. */
struct table {
    struct id_entry *entries;
    uint32_t *slots;
    size_t count;
    struct id_cursor marked;
};

struct view {
    uint64_t number; /* of this publication, rising */
    struct id_runs runs;
    struct id_entry first, last; /* of all runs */
    bool any, uncovered;         /* uncovered: there are ids that no filter speaks of */
    struct id_segment segments[ID_SEGMENTS_MAX];
    size_t segment_count;
};

struct retired { /* dropped from the filters; free when the owner has taken over this publication */
    struct id_segment segment;
    uint64_t number;
};

struct id_index {
    struct kv *kv;
    struct id_index_config config;
    uint32_t slot_mask, entry_bits; /* of slots */
    size_t entries_max;
    /* the owner's */
    struct table tables[2];
    struct table *active, *frozen; /* frozen: full, being written; NULL = none */
    struct view seen;
    /* the helper's; the owner's own without `background` */
    struct view next; /* what will be published */
    struct retired retired[ID_SEGMENTS_MAX];
    size_t retired_count;
    const struct table *filtered; /* its ids are in a filter already: writing it found no room */
    size_t scan_run,
        scan_count; /* while filters are made anew: which run of how many, and after which block of it */
    uint8_t scan_key[ID_KEY_BYTES];
    struct id_merger *merger;
    struct id_entry *sorted, *spare; /* entries_max each */
    /* shared, under the mutex */
    pthread_mutex_t mutex;
    pthread_cond_t work, done;
    struct view published;
    struct table *to_write; /* the frozen table until it is in a run */
    bool stop, idle;
    bool no_room, told; /* the store was full when it was last written to; that was logged */
    enum status status; /* the first that went wrong; stays */
    uint64_t seen_number;
    pthread_t thread;
    bool running;
    atomic_bool fresh; /* published is newer than seen, or status is bad */
    _Atomic uint64_t memory_ids, run_ids, run_count, filter_bytes, run_look_ups, waits, blocks_written;
};

static uint64_t hash_of(const struct id_index *index, uint64_t hi, uint64_t lo)
{
    uint64_t words[2] = {hi, lo};
    return XXH3_64bits_withSeed(words, sizeof words, index->config.seed);
}

/* ---- the tables in memory -------------------------------------------------------------------------------------- */

static bool table_make(struct id_index *index, struct table *table)
{
    table->entries = malloc(index->entries_max * sizeof table->entries[0]);
    table->slots = calloc((size_t)index->slot_mask + 1, sizeof table->slots[0]);
    return table->entries != NULL && table->slots != NULL;
}

static uint32_t tag_of(const struct id_index *index, uint64_t hash)
{
    return (uint32_t)(hash >> 32) >> index->entry_bits << index->entry_bits;
}

static const struct id_entry *table_find(const struct id_index *index, const struct table *table,
                                         const struct id_entry *id, uint64_t hash)
{
    uint32_t number_mask = (UINT32_C(1) << index->entry_bits) - 1, tag = tag_of(index, hash);
    for (uint32_t slot = (uint32_t)hash & index->slot_mask;; slot = (slot + 1) & index->slot_mask) {
        uint32_t held = table->slots[slot];
        if (held == 0)
            return NULL;
        const struct id_entry *entry = &table->entries[(held & number_mask) - 1];
        if ((held & ~number_mask) == tag && id_same(entry, id))
            return entry;
    }
}

static void table_add(const struct id_index *index, struct table *table, const struct id_entry *id,
                      uint64_t hash)
{
    uint32_t slot = (uint32_t)hash & index->slot_mask;
    ASSERT(table->count < index->entries_max);
    while (table->slots[slot] != 0)
        slot = (slot + 1) & index->slot_mask;
    table->entries[table->count++] = *id;
    table->slots[slot] = tag_of(index, hash) | (uint32_t)table->count;
}

static void table_clear(const struct id_index *index, struct table *table)
{
    memset(table->slots, 0, ((size_t)index->slot_mask + 1) * sizeof table->slots[0]);
    table->count = 0;
}

/* ---- filters (helper) -------------------------------------------------------------------------------------------- */

static size_t filter_bytes_held(const struct id_index *index)
{
    size_t bytes = 0;
    for (size_t i = 0; i < index->next.segment_count; i++)
        bytes += index->next.segments[i].bytes;
    for (size_t i = 0; i < index->retired_count; i++)
        bytes += index->retired[i].segment.bytes;
    return bytes;
}

/* Frees what the owner can no longer look at. */
static void free_retired(struct id_index *index)
{
    size_t kept = 0;
    pthread_mutex_lock(&index->mutex);
    uint64_t seen = index->seen_number;
    pthread_mutex_unlock(&index->mutex);
    for (size_t i = 0; i < index->retired_count; i++) {
        if (index->retired[i].number <= seen)
            id_segment_drop(&index->retired[i].segment);
        else
            index->retired[kept++] = index->retired[i];
    }
    index->retired_count = kept;
}

static void retire_oldest(struct id_index *index)
{
    struct view *next = &index->next;
    index->retired[index->retired_count++] =
        (struct retired){.segment = next->segments[0], .number = next->number + 1};
    next->segment_count--;
    memmove(next->segments, next->segments + 1, next->segment_count * sizeof next->segments[0]);
}

/* A segment with room for `count` more ids. When no memory is left for another the youngest takes twice what it is made
 * for, wrong once in 30 times, and then the oldest go; until the owner has seen that, the youngest takes still more. */
static struct id_segment *segment_for(struct id_index *index, size_t count)
{
    struct view *next = &index->next;
    struct id_segment *youngest = next->segment_count > 0 ? &next->segments[next->segment_count - 1] : NULL;
    bool usable = youngest != NULL && !youngest->building; /* while it is filled its count says nothing */
    if (usable && youngest->count + count <= youngest->capacity)
        return youngest;
    free_retired(index);
    size_t held = filter_bytes_held(index), most = index->config.filter_bytes_max;
    size_t bytes = id_segment_room(3 * held, most / SEGMENTS_OF_MOST);
    bool room = held + bytes <= most && next->segment_count < ID_SEGMENTS_MAX;
    if (!room && usable && youngest->count + count <= 2 * youngest->capacity)
        return youngest;
    for (size_t live = held; !room && next->segment_count > 1 && index->retired_count < ID_SEGMENTS_MAX &&
                             (live + bytes > most || next->segment_count == ID_SEGMENTS_MAX);) {
        live -= next->segments[0].bytes;
        retire_oldest(index);
    }
    youngest = next->segment_count > 0 ? &next->segments[next->segment_count - 1] : NULL;
    struct id_segment *fresh = &next->segments[next->segment_count];
    if (!room || !id_segment_make(fresh, bytes, next->runs.stored.position))
        return youngest;
    next->segment_count++;
    return fresh;
}

/* Each id into the one of `segments` whose stretch of the log its record lies in. */
static void filter_add(struct id_index *index, struct id_segment *segments, size_t segment_count,
                       const struct id_entry *entries, size_t count)
{
    struct {
        struct id_segment *segment;
        uint64_t hash;
    } ahead[PREFETCH_AHEAD];
    for (size_t i = 0; i < count + PREFETCH_AHEAD; i++) {
        size_t slot = i % PREFETCH_AHEAD, at = 0;
        if (i >= PREFETCH_AHEAD && ahead[slot].segment != NULL)
            id_segment_add(ahead[slot].segment, ahead[slot].hash);
        if (i >= count)
            continue;
        while (at < segment_count && entries[i].position > segments[at].to)
            at++;
        bool inside = at < segment_count && entries[i].position > segments[at].from;
        ahead[slot].segment = inside ? &segments[at] : NULL;
        ahead[slot].hash = hash_of(index, entries[i].hi, entries[i].lo);
        if (inside)
            id_segment_prefetch(ahead[slot].segment, ahead[slot].hash);
    }
}

/* Filters are not stored. When a store that has runs is opened, segments are made for as many of the youngest ids as they can
 * hold, and filled by reading the runs. Until then every look-up that memory cannot answer reads runs. */
static void scan_begin(struct id_index *index)
{
    const struct id_runs *runs = &index->next.runs;
    size_t most = index->config.filter_bytes_max, each = most / SEGMENTS_OF_MOST, total = 0;
    for (size_t i = 0; i < runs->count; i++)
        total += (size_t)runs->runs[i].count;
    if (total == 0 || each == 0)
        return;
    size_t bytes = id_segment_room(4 * total, most - each), count = (bytes + each - 1) / each;
    uint64_t from = id_runs_covered_from(runs, 2 * id_segment_ids(bytes));
    uint64_t span = (runs->stored.position - from) / count;
    for (size_t i = 0; i < count && span > 0; i++) {
        struct id_segment *segment = &index->next.segments[i];
        if (!id_segment_make(segment, bytes / count, from + i * span)) {
            while (index->next.segment_count > 0) /* a stretch in the middle without one must not be */
                id_segment_drop(&index->next.segments[--index->next.segment_count]);
            return;
        }
        segment->to = i + 1 < count ? segment->from + span : runs->stored.position;
        segment->building = true;
        index->next.segment_count++;
    }
    index->scan_count = runs->count;
}

static bool scanning(const struct id_index *index)
{
    return index->next.segment_count > 0 && index->next.segments[0].building;
}

static void scan_entries(void *context, const struct id_entry *entries, size_t count)
{
    struct id_index *index = context;
    filter_add(index, index->next.segments, index->next.segment_count, entries, count);
}

/* ---- the helper's work --------------------------------------------------------------------------------------------- */

/* With the mutex held. */
static void publish(struct id_index *index)
{
    struct view *next = &index->next;
    uint64_t ids = 0, covered_from = next->segment_count > 0 ? next->segments[0].from : UINT64_MAX;
    next->number++;
    next->any = next->uncovered = false;
    for (size_t i = 0; i < next->runs.count; i++) {
        const struct id_run *run = &next->runs.runs[i];
        if (run->count == 0)
            continue;
        if (!next->any || id_less(&run->first, &next->first))
            next->first = run->first;
        if (!next->any || id_less(&next->last, &run->last))
            next->last = run->last;
        next->any = true;
        next->uncovered = next->uncovered || run->from < covered_from;
        ids += run->count;
    }
    next->uncovered = next->uncovered || scanning(index);
    index->published = *next;
    atomic_store(&index->run_ids, ids);
    atomic_store(&index->run_count, next->runs.count);
    atomic_store(&index->filter_bytes, filter_bytes_held(index));
    atomic_store(&index->fresh, true);
}

/* The commit is inside, so that whoever begins to read with the mutex held sees what was published last. */
static enum status commit_and_publish(struct id_index *index, struct kv_txn *txn, bool table_written)
{
    pthread_mutex_lock(&index->mutex);
    enum status status = kv_commit(txn);
    if (status == STATUS_OK)
        publish(index);
    if (status == STATUS_OK && table_written)
        index->to_write = NULL; /* at once: the owner may use the table again as soon as it sees the run */
    pthread_mutex_unlock(&index->mutex);
    return status;
}

static enum status write_table(struct id_index *index, const struct table *table)
{
    struct kv_txn *txn;
    memcpy(index->sorted, table->entries, table->count * sizeof table->entries[0]);
    const struct id_entry *entries = id_sort(index->sorted, index->spare, table->count);
    bool again = index->filtered == table;
    struct id_segment *segment = table->count > 0 && !again ? segment_for(index, table->count) : NULL;
    if (segment != NULL) {
        segment->to = table->marked.position;
        filter_add(index, segment, 1, entries, table->count);
    }
    index->filtered = table;
    enum status status = kv_begin(index->kv, true, &txn);
    if (status != STATUS_OK)
        return status;
    uint64_t blocks = id_runs_add(&index->next.runs, txn, entries, table->count, &table->marked);
    atomic_fetch_add(&index->blocks_written, blocks);
    status = commit_and_publish(index, txn, true);
    if (status == STATUS_OK)
        index->filtered = NULL;
    return status;
}

static enum status merge_piece(struct id_index *index)
{
    struct kv_txn *txn;
    enum status status = kv_begin(index->kv, true, &txn);
    if (status != STATUS_OK)
        return status;
    uint64_t blocks = id_runs_merge(&index->next.runs, txn, index->merger, index->config.piece_blocks);
    atomic_fetch_add(&index->blocks_written, blocks);
    return commit_and_publish(index, txn, false);
}

static enum status scan_piece(struct id_index *index)
{
    struct kv_txn *txn;
    const struct id_run *run = &index->next.runs.runs[index->scan_run];
    bool more = false;
    if (index->scan_run < index->scan_count && run->to > index->next.segments[0].from) {
        enum status status = kv_begin(index->kv, false, &txn);
        if (status != STATUS_OK)
            return status;
        more = id_run_scan(txn, run, index->scan_key, PIECE_BLOCKS, scan_entries, index);
        status = kv_error(txn);
        kv_abort(txn);
        if (status != STATUS_OK)
            return status;
    }
    if (more)
        return STATUS_OK;
    memset(index->scan_key, 0, sizeof index->scan_key);
    if (++index->scan_run < index->scan_count)
        return STATUS_OK;
    for (size_t i = 0; i < index->next.segment_count; i++)
        index->next.segments[i].building = false;
    pthread_mutex_lock(&index->mutex);
    publish(index);
    pthread_mutex_unlock(&index->mutex);
    return STATUS_OK;
}

/* With the mutex held: how a write went. Without room nothing has changed but the list of what the store would hold. */
static void note_write(struct id_index *index, enum status status)
{
    if (status == STATUS_FULL) {
        index->next.runs = index->published.runs;
        if (!index->told)
            diag(DIAG_WARNING, "ids", "no-room",
                 "status=FULL text=\"no room to write the index of command ids: free disk, or raise "
                 "ids_map_mib "
                 "and restart; it is tried again\"");
    } else if (status != STATUS_OK) {
        index->status = status;
        atomic_store(&index->fresh, true);
    } else if (index->told) {
        diag(DIAG_INFO, "ids", "written", "text=\"there is room again\"");
    }
    index->no_room = index->told = status == STATUS_FULL;
}

/* One piece of what is most urgent; false when there is nothing to do or no room for it. Runs do not change while they are scanned for
 * the filters, and new ones wait when there are too many. */
static bool work_one(struct id_index *index)
{
    pthread_mutex_lock(&index->mutex);
    const struct table *table = index->to_write;
    enum status status = index->status;
    pthread_mutex_unlock(&index->mutex);
    bool many = index->next.runs.count >= ID_RUNS_MANY;
    bool wrote = true;
    if (status != STATUS_OK)
        return false;
    if (table != NULL && !many)
        status = write_table(index, table);
    else if (scanning(index))
        status = scan_piece(index), wrote = false;
    else if (id_runs_want_merge(&index->next.runs))
        status = merge_piece(index);
    else if (table != NULL)
        status = write_table(index, table);
    else
        return false;
    pthread_mutex_lock(&index->mutex);
    if (wrote || status != STATUS_OK)
        note_write(index, status);
    pthread_mutex_unlock(&index->mutex);
    return status == STATUS_OK;
}

/* With the mutex held, without room: some time, longer each time, or until somebody asks for it. */
static void wait_for_room(struct id_index *index, int *wait_s)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += *wait_s;
    while (index->no_room && !index->stop &&
           pthread_cond_clockwait(&index->work, &index->mutex, CLOCK_MONOTONIC, &until) != ETIMEDOUT)
        ;
    *wait_s = *wait_s < ROOM_WAIT_MAX_S ? 2 * *wait_s : *wait_s;
}

static void *helper_main(void *context)
{
    struct id_index *index = context;
    (void)pthread_setname_np(pthread_self(), "command-ids");
    int room_wait_s = 1;
    for (;;) {
        bool worked = work_one(index);
        pthread_mutex_lock(&index->mutex);
        if (!index->no_room)
            room_wait_s = 1;
        bool wait = !index->no_room && !worked && (index->to_write == NULL || index->status != STATUS_OK);
        index->idle = wait;
        pthread_cond_broadcast(&index->done);
        while (wait && index->idle && !index->stop)
            pthread_cond_wait(&index->work, &index->mutex);
        if (index->no_room)
            wait_for_room(index, &room_wait_s);
        bool stop = index->stop;
        pthread_mutex_unlock(&index->mutex);
        if (stop)
            return NULL;
    }
}

/* ---- the owner ---------------------------------------------------------------------------------------------------- */

/* With the mutex held. */
static void take_over(struct id_index *index)
{
    if (index->published.number == index->seen.number)
        return;
    index->seen = index->published;
    index->seen_number = index->seen.number;
    if (index->status == STATUS_OK)
        atomic_store(&index->fresh, false);
    if (index->frozen != NULL && index->seen.runs.stored.position >= index->frozen->marked.position) {
        table_clear(index, index->frozen);
        index->frozen = NULL;
    }
}

static void note_memory(struct id_index *index)
{
    size_t ids = index->active->count + (index->frozen != NULL ? index->frozen->count : 0);
    atomic_store_explicit(&index->memory_ids, ids, memory_order_relaxed);
}

/* With the mutex held: the full table goes to the helper, once the one before is written; FULL: it finds no room. */
static enum status hand_over(struct id_index *index)
{
    take_over(index);
    if (index->frozen != NULL)
        atomic_fetch_add(&index->waits, 1);
    while (index->frozen != NULL && index->status == STATUS_OK && !index->no_room) {
        pthread_cond_wait(&index->done, &index->mutex);
        take_over(index);
    }
    if (index->status != STATUS_OK)
        return index->status;
    if (index->frozen != NULL)
        return STATUS_FULL;
    index->frozen = index->active;
    index->active = index->active == &index->tables[0] ? &index->tables[1] : &index->tables[0];
    index->active->marked = index->frozen->marked;
    index->to_write = index->frozen;
    index->idle = false;
    pthread_cond_signal(&index->work);
    return STATUS_OK;
}

static enum status work_all(struct id_index *index)
{
    while (work_one(index))
        ;
    pthread_mutex_lock(&index->mutex);
    take_over(index);
    enum status status = index->status == STATUS_OK && index->no_room ? STATUS_FULL : index->status;
    pthread_mutex_unlock(&index->mutex);
    return status;
}

/* The table in memory that is full makes place for an empty one. FULL: it cannot, for want of room on the disk. */
static enum status make_room(struct id_index *index)
{
    if (!index->running && index->frozen != NULL)
        (void)work_all(index);
    pthread_mutex_lock(&index->mutex);
    enum status status = hand_over(index);
    pthread_mutex_unlock(&index->mutex);
    if (status != STATUS_OK || index->running)
        return status;
    status = work_all(index);
    return status == STATUS_FULL ? STATUS_OK : status; /* it waits in memory, and the other table is empty */
}

static bool memory_full(const struct id_index *index)
{
    return index->active->count >= index->config.memory_entries;
}

bool id_index_has_room(struct id_index *index)
{
    return !memory_full(index) || make_room(index) != STATUS_FULL;
}

size_t id_index_space(const struct id_index *index)
{
    size_t space = index->entries_max - index->active->count, most = index->config.batch_entries_max;
    return space < most ? space : most;
}

enum status id_index_mark(struct id_index *index, const struct id_cursor *cursor)
{
    enum status status = STATUS_OK;
    index->active->marked = *cursor;
    bool fresh = atomic_load_explicit(&index->fresh, memory_order_relaxed);
    if (memory_full(index)) {
        status = make_room(index);
    } else if (fresh && pthread_mutex_trylock(&index->mutex) == 0) {
        take_over(index); /* while the helper commits there is time until the next mark */
        status = index->status;
        pthread_mutex_unlock(&index->mutex);
    }
    note_memory(index);
    return status == STATUS_FULL ? STATUS_OK : status; /* id_index_has_room says it when it matters */
}

enum status id_index_flush(struct id_index *index)
{
    if (!index->running && index->frozen != NULL)
        (void)work_all(index);
    pthread_mutex_lock(&index->mutex);
    index->no_room = index->no_room && !index->running; /* the helper tries now */
    pthread_cond_signal(&index->work);
    take_over(index);
    enum status status = index->status;
    if (status == STATUS_OK && index->active->marked.position > index->published.runs.stored.position)
        status = hand_over(index);
    while (index->running && status == STATUS_OK && (!index->idle || index->to_write != NULL)) {
        pthread_cond_wait(&index->done, &index->mutex);
        status = index->status == STATUS_OK && index->no_room ? STATUS_FULL : index->status;
    }
    take_over(index);
    pthread_mutex_unlock(&index->mutex);
    if (status == STATUS_OK && !index->running)
        status = work_all(index);
    note_memory(index);
    return status;
}

void id_index_add(struct id_index *index, const struct command_id *id, uint64_t position)
{
    struct id_entry entry = id_entry_of(id, position);
    table_add(index, index->active, &entry, hash_of(index, entry.hi, entry.lo));
}

/* ---- look-ups ------------------------------------------------------------------------------------------------------- */

static bool in_range(const struct id_entry *id, const struct id_entry *first, const struct id_entry *last)
{
    return !id_less(id, first) && !id_less(last, id);
}

/* Bit i: segment i may hold it. */
static unsigned segments_that_may(const struct view *view, uint64_t hash)
{
    unsigned may = 0;
    for (size_t i = 0; i < view->segment_count; i++)
        id_segment_prefetch(&view->segments[i], hash);
    for (size_t i = 0; i < view->segment_count; i++)
        if (view->segments[i].building || id_segment_may_hold(&view->segments[i], hash))
            may |= 1u << i;
    return may;
}

static bool run_may(const struct view *view, const struct id_run *run, const struct id_entry *id,
                    unsigned may)
{
    if (run->count == 0 || !in_range(id, &run->first, &run->last))
        return false;
    if (view->segment_count == 0 || run->from < view->segments[0].from)
        return true;
    for (size_t i = 0; i < view->segment_count; i++)
        if ((may >> i & 1) != 0 && view->segments[i].from < run->to && view->segments[i].to > run->from)
            return true;
    return false;
}

static bool some_run_may(const struct view *view, const struct id_entry *id, unsigned may)
{
    for (size_t i = 0; i < view->runs.count; i++)
        if (run_may(view, &view->runs.runs[i], id, may))
            return true;
    return false;
}

static enum status find_in_runs(struct id_index *index, const struct id_entry *id, uint64_t hash,
                                uint64_t *out)
{
    struct kv_txn *txn;
    const struct view *view = &index->seen;
    bool found = false;
    if (!some_run_may(view, id, segments_that_may(view, hash)))
        return STATUS_NOT_FOUND;
    atomic_fetch_add_explicit(&index->run_look_ups, 1, memory_order_relaxed);
    pthread_mutex_lock(&index->mutex);
    take_over(index);
    enum status status = kv_begin(index->kv, false, &txn);
    pthread_mutex_unlock(&index->mutex);
    if (status != STATUS_OK)
        return status;
    unsigned may = segments_that_may(view, hash);
    for (size_t i = view->runs.count; i-- > 0 && !found;)
        if (run_may(view, &view->runs.runs[i], id, may))
            found = id_run_find(txn, &view->runs.runs[i], id, out);
    status = kv_error(txn);
    kv_abort(txn);
    return status == STATUS_OK && !found ? STATUS_NOT_FOUND : status;
}

enum status id_index_find(struct id_index *index, const struct command_id *id, uint64_t *out_position)
{
    struct id_entry wanted = id_entry_of(id, 0);
    uint64_t hash = hash_of(index, wanted.hi, wanted.lo);
    const struct id_entry *entry = table_find(index, index->active, &wanted, hash);
    if (entry == NULL && index->frozen != NULL)
        entry = table_find(index, index->frozen, &wanted, hash);
    if (entry != NULL) {
        *out_position = entry->position;
        return STATUS_OK;
    }
    const struct view *view = &index->seen;
    if (!view->any || !in_range(&wanted, &view->first, &view->last) ||
        (!view->uncovered && segments_that_may(view, hash) == 0))
        return STATUS_NOT_FOUND;
    return find_in_runs(index, &wanted, hash, out_position);
}

void id_index_prefetch(const struct id_index *index, const struct command_id *id)
{
    struct id_entry wanted = id_entry_of(id, 0);
    uint64_t hash = hash_of(index, wanted.hi, wanted.lo);
    const struct view *view = &index->seen;
    __builtin_prefetch(&index->active->slots[(uint32_t)hash & index->slot_mask], 1);
    if (index->frozen != NULL)
        __builtin_prefetch(&index->frozen->slots[(uint32_t)hash & index->slot_mask]);
    if (view->any && in_range(&wanted, &view->first, &view->last))
        for (size_t i = 0; i < view->segment_count; i++)
            id_segment_prefetch(&view->segments[i], hash);
}

/* ---- life ----------------------------------------------------------------------------------------------------------- */

static bool make_memory(struct id_index *index)
{
    size_t slots = 64;
    /* Without room each may be a batch above memory_entries; after a kill the second takes what both had above. */
    index->entries_max = index->config.memory_entries + 2 * index->config.batch_entries_max;
    ASSERT(index->config.memory_entries > 0 && index->entries_max < (1u << 28));
    while (slots < index->entries_max + index->entries_max / 2)
        slots *= 2;
    while ((UINT64_C(1) << index->entry_bits) <= index->entries_max)
        index->entry_bits++;
    index->slot_mask = (uint32_t)(slots - 1);
    index->sorted = malloc(index->entries_max * sizeof index->sorted[0]);
    index->spare = malloc(index->entries_max * sizeof index->spare[0]);
    index->merger = id_merger_new();
    return index->sorted != NULL && index->spare != NULL && index->merger != NULL &&
           table_make(index, &index->tables[0]) && table_make(index, &index->tables[1]);
}

static enum status load_runs(struct id_index *index, struct fault *why)
{
    struct kv_txn *txn;
    enum status status = kv_begin(index->kv, false, &txn);
    if (status != STATUS_OK)
        return fault_set(why, status, NULL, "the index of command ids cannot be read");
    status = id_runs_load(txn, &index->next.runs, why);
    kv_abort(txn);
    return status;
}

enum status id_index_open(struct kv *kv, const struct id_index_config *config, struct id_index **out,
                          struct fault *why)
{
    struct id_index *index = calloc(1, sizeof *index);
    if (index == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory for the index of command ids");
    index->kv = kv;
    index->config = *config;
    if (index->config.piece_blocks == 0)
        index->config.piece_blocks = PIECE_BLOCKS;
    index->active = &index->tables[0];
    pthread_mutex_init(&index->mutex, NULL);
    pthread_cond_init(&index->work, NULL);
    pthread_cond_init(&index->done, NULL);
    enum status status =
        make_memory(index) ? load_runs(index, why)
                           : fault_set(why, STATUS_NO_MEMORY, NULL, "no memory for the index of command ids");
    if (status == STATUS_OK) {
        scan_begin(index);
        publish(index);
        take_over(index);
        index->active->marked = index->seen.runs.stored;
        index->running = config->background && pthread_create(&index->thread, NULL, helper_main, index) == 0;
        if (config->background && !index->running)
            status = fault_set(why, STATUS_NO_MEMORY, NULL, "a thread could not be started");
        else if (!config->background && work_all(index) != STATUS_OK && index->status != STATUS_OK)
            status = fault_set(why, index->status, NULL, "the index of command ids cannot be read");
    }
    if (status != STATUS_OK) {
        index->kv = NULL;
        id_index_close(index);
        return status;
    }
    *out = index;
    return STATUS_OK;
}

static void helper_stop(struct id_index *index)
{
    pthread_mutex_lock(&index->mutex);
    index->stop = true;
    pthread_cond_signal(&index->work);
    pthread_mutex_unlock(&index->mutex);
    if (index->running)
        (void)pthread_join(index->thread, NULL);
    index->running = false;
}

void id_index_close(struct id_index *index)
{
    if (index == NULL)
        return;
    helper_stop(index);
    for (size_t i = 0; i < index->next.segment_count; i++)
        id_segment_drop(&index->next.segments[i]);
    for (size_t i = 0; i < index->retired_count; i++)
        id_segment_drop(&index->retired[i].segment);
    for (size_t i = 0; i < 2; i++) {
        free(index->tables[i].entries);
        free(index->tables[i].slots);
    }
    id_merger_free(index->merger);
    free(index->sorted);
    free(index->spare);
    pthread_cond_destroy(&index->work);
    pthread_cond_destroy(&index->done);
    pthread_mutex_destroy(&index->mutex);
    kv_close(index->kv);
    free(index);
}

void id_index_stored(struct id_index *index, struct id_cursor *out)
{
    pthread_mutex_lock(&index->mutex);
    *out = index->published.runs.stored;
    pthread_mutex_unlock(&index->mutex);
}

enum status id_index_sync(struct id_index *index)
{
    helper_stop(index); /* what it wrote after the sync would not be on disk */
    enum status status = kv_sync(index->kv);
    return index->status == STATUS_OK ? status : index->status;
}

void id_index_stats(const struct id_index *index, struct id_index_stats *out)
{
    *out = (struct id_index_stats){.runs = atomic_load(&index->run_count),
                                   .run_ids = atomic_load(&index->run_ids),
                                   .memory_ids = atomic_load(&index->memory_ids),
                                   .filter_bytes = atomic_load(&index->filter_bytes),
                                   .run_look_ups = atomic_load(&index->run_look_ups),
                                   .waits = atomic_load(&index->waits),
                                   .blocks_written = atomic_load(&index->blocks_written)};
}
