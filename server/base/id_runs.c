/* Runs in the store: their rows, look-ups, merging, and walks over all of them.
 *
 * Table `meta`: "index" -> u32 version, u64 position, 32-byte hash of that record, u64 next number, u64 output (0: no
 * merge is under way); 'r', u64 number -> u8 level, u8 merging, u64 count, u64 from, u64 to, first id, last id.
 * Table `blocks`: id_block.c. */
#include <stdlib.h>

#include "proto/base/bug.h"
#include "server/base/id_index_parts.h"

#define VERSION       1u /* raise it when a row's form changes: what is stored is then made anew */
#define INDEX_KEY     slice_text("index")
#define INDEX_BYTES   (4 + 8 + HASH_BYTES + 8 + 8)
#define RUN_KEY_BYTES 9u
#define RUN_BYTES     (1 + 1 + 3 * 8 + 2 * COMMAND_ID_BYTES)
#define LEVEL_MAX     200u

const struct kv_table id_index_tables[ID_INDEX_TABLE_COUNT] = {
    [ID_TABLE_BLOCKS] = {"blocks", KV_APPENDED},
    [ID_TABLE_META] = {"meta", KV_PLAIN},
};

/* ---- rows ------------------------------------------------------------------------------------------------------- */

static void run_key_put(uint8_t out[RUN_KEY_BYTES], uint64_t number)
{
    out[0] = 'r';
    be64_put(out + 1, number);
}

static void put_run(struct kv_txn *txn, const struct id_run *run)
{
    uint8_t key[RUN_KEY_BYTES], bytes[RUN_BYTES];
    struct byte_writer row = byte_writer_on(bytes, sizeof bytes);
    run_key_put(key, run->number);
    byte_put_u8(&row, run->level);
    byte_put_u8(&row, run->merging);
    byte_put_u64(&row, run->count);
    byte_put_u64(&row, run->from);
    byte_put_u64(&row, run->to);
    byte_put_u64(&row, run->first.hi);
    byte_put_u64(&row, run->first.lo);
    byte_put_u64(&row, run->last.hi);
    byte_put_u64(&row, run->last.lo);
    kv_put(txn, ID_TABLE_META, slice_of(key, sizeof key), byte_written(&row));
}

static void del_run(struct kv_txn *txn, uint64_t number)
{
    uint8_t key[RUN_KEY_BYTES];
    run_key_put(key, number);
    kv_del(txn, ID_TABLE_META, slice_of(key, sizeof key));
}

static void put_index(struct kv_txn *txn, const struct id_runs *runs)
{
    uint8_t bytes[INDEX_BYTES];
    struct byte_writer row = byte_writer_on(bytes, sizeof bytes);
    byte_put_u32(&row, VERSION);
    byte_put_u64(&row, runs->stored.position);
    byte_put(&row, runs->stored.hash.bytes, HASH_BYTES);
    byte_put_u64(&row, runs->next_number);
    byte_put_u64(&row, runs->output);
    kv_put(txn, ID_TABLE_META, INDEX_KEY, byte_written(&row));
}

static bool get_run(struct slice key, struct slice value, struct id_run *out)
{
    if (key.len != RUN_KEY_BYTES || key.ptr[0] != 'r' || value.len != RUN_BYTES)
        return false;
    struct byte_reader row = byte_reader_on(value);
    out->number = be64_get(key.ptr + 1);
    out->level = byte_get_u8(&row);
    out->merging = byte_get_u8(&row) != 0;
    out->count = byte_get_u64(&row);
    out->from = byte_get_u64(&row);
    out->to = byte_get_u64(&row);
    out->first.hi = byte_get_u64(&row);
    out->first.lo = byte_get_u64(&row);
    out->last.hi = byte_get_u64(&row);
    out->last.lo = byte_get_u64(&row);
    return out->level <= LEVEL_MAX;
}

static bool load_rows(struct kv_txn *txn, struct id_runs *runs)
{
    struct slice key, value;
    size_t merging = 0;
    bool good = true, output = runs->output == 0;
    struct kv_cursor *cursor = kv_cursor_open(txn, ID_TABLE_META);
    for (bool more = kv_seek(cursor, slice_text("r")); more && good; more = kv_next(cursor)) {
        struct id_run run;
        kv_row(cursor, &key, &value);
        good = get_run(key, value, &run) && runs->count < ID_RUNS_MAX && run.number < runs->next_number;
        if (!good)
            break;
        merging += run.merging;
        output = output || run.number == runs->output;
        runs->runs[runs->count++] = run;
    }
    kv_cursor_close(cursor);
    return good && output && merging <= ID_MERGE_FACTOR && (merging == 0 || runs->output != 0);
}

enum status id_runs_load(struct kv_txn *txn, struct id_runs *out, struct fault *why)
{
    struct slice row;
    *out = (struct id_runs){.next_number = 1};
    bool found = kv_get(txn, ID_TABLE_META, INDEX_KEY, &row);
    if (kv_error(txn) != STATUS_OK)
        return fault_set(why, kv_error(txn), NULL, "the index of command ids cannot be read");
    if (!found)
        return STATUS_OK;
    if (row.len != INDEX_BYTES || be32_get(row.ptr) != VERSION)
        return fault_set(why, STATUS_STALE, NULL,
                         "the index of command ids was made by another version of the program");
    struct byte_reader reader = byte_reader_on(slice_of(row.ptr + 4, row.len - 4));
    out->stored.position = byte_get_u64(&reader);
    memcpy(out->stored.hash.bytes, byte_take(&reader, HASH_BYTES), HASH_BYTES);
    out->next_number = byte_get_u64(&reader);
    out->output = byte_get_u64(&reader);
    bool good = load_rows(txn, out);
    if (kv_error(txn) != STATUS_OK || !good)
        return fault_set(why, kv_error(txn) != STATUS_OK ? kv_error(txn) : STATUS_CORRUPT, NULL,
                         "the index of command ids has rows that are none of ours");
    return STATUS_OK;
}

/* ---- look-ups and scans ------------------------------------------------------------------------------------------ */

static bool of_run(struct slice key, uint64_t run)
{
    return key.len == ID_KEY_BYTES && be64_get(key.ptr) == run;
}

bool id_run_find(struct kv_txn *txn, const struct id_run *run, const struct id_entry *id,
                 uint64_t *out_position)
{
    uint8_t from[ID_KEY_BYTES];
    struct slice key, value;
    bool found = false;
    id_key_put(from, run->number, id);
    struct kv_cursor *cursor = kv_cursor_open(txn, ID_TABLE_BLOCKS);
    if (kv_last(cursor, slice_of(from, sizeof from))) {
        kv_row(cursor, &key, &value);
        if (of_run(key, run->number) && !id_block_find(key, value, id, &found, out_position))
            kv_set_error(txn, STATUS_CORRUPT);
    }
    kv_cursor_close(cursor);
    return found;
}

bool id_run_scan(struct kv_txn *txn, const struct id_run *run, uint8_t at[ID_KEY_BYTES], unsigned blocks_max,
                 id_entries_fn *each, void *context)
{
    struct slice key, value;
    struct id_entry entries[ID_BLOCK_IDS];
    size_t count;
    static const uint8_t none[ID_KEY_BYTES];
    bool fresh = memcmp(at, none, sizeof none) == 0, more;
    if (fresh)
        be64_put(at, run->number);
    struct kv_cursor *cursor = kv_cursor_open(txn, ID_TABLE_BLOCKS);
    more = kv_seek(cursor, slice_of(at, ID_KEY_BYTES)) && (fresh || kv_next(cursor));
    for (; more && blocks_max > 0; blocks_max--, more = kv_next(cursor)) {
        kv_row(cursor, &key, &value);
        if (!(more = of_run(key, run->number)))
            break;
        if (!id_block_read(key, value, entries, &count)) {
            kv_set_error(txn, STATUS_CORRUPT);
            break;
        }
        memcpy(at, key.ptr, ID_KEY_BYTES);
        each(context, entries, count);
    }
    kv_cursor_close(cursor);
    return more && kv_error(txn) == STATUS_OK;
}

/* ---- a run, entry by entry --------------------------------------------------------------------------------------- */

struct id_source {
    struct kv_cursor *cursor;
    struct id_run *run; /* of a merge; else NULL */
    uint64_t number;
    bool more;                 /* there is an entry at `at` */
    uint8_t key[ID_KEY_BYTES]; /* of the block in `entries` */
    size_t at, count;
    uint64_t taken; /* of a walk: entries handed out */
    struct id_entry entries[ID_BLOCK_IDS];
};

static void source_arrive(struct id_source *source, struct kv_txn *txn, bool moved)
{
    struct slice key, value;
    source->more = false;
    source->at = 0;
    if (!moved)
        return;
    kv_row(source->cursor, &key, &value);
    if (!of_run(key, source->number))
        return;
    memcpy(source->key, key.ptr, sizeof source->key);
    source->more = id_block_read(key, value, source->entries, &source->count);
    if (!source->more)
        kv_set_error(txn, STATUS_CORRUPT);
}

/* `eat`: blocks go when they have been read. */
static void source_next(struct id_source *source, struct kv_txn *txn, bool eat)
{
    if (++source->at < source->count)
        return;
    if (eat)
        kv_del(txn, ID_TABLE_BLOCKS, slice_of(source->key, sizeof source->key));
    source_arrive(source, txn, kv_next(source->cursor));
}

static void source_open(struct id_source *source, struct kv_txn *txn, uint64_t number)
{
    uint8_t first[ID_KEY_BYTES] = {0};
    be64_put(first, number);
    source->number = number;
    source->cursor = kv_cursor_open(txn, ID_TABLE_BLOCKS);
    source_arrive(source, txn, kv_seek(source->cursor, slice_of(first, sizeof first)));
}

static struct id_source *least_of(struct id_source *sources, size_t count)
{
    struct id_source *least = NULL;
    for (size_t i = 0; i < count; i++) {
        struct id_source *source = &sources[i];
        if (source->more &&
            (least == NULL || id_less(&source->entries[source->at], &least->entries[least->at])))
            least = source;
    }
    return least;
}

/* ---- new runs ---------------------------------------------------------------------------------------------------- */

uint64_t id_runs_add(struct id_runs *runs, struct kv_txn *txn, const struct id_entry *entries, size_t count,
                     const struct id_cursor *cursor)
{
    uint64_t blocks = 0;
    struct id_builder builder = {0};
    ASSERT(runs->count < ID_RUNS_MAX);
    if (count > 0) {
        struct id_run *run = &runs->runs[runs->count++];
        *run = (struct id_run){.number = runs->next_number++,
                               .count = count,
                               .from = runs->stored.position,
                               .to = cursor->position,
                               .first = entries[0],
                               .last = entries[count - 1]};
        for (size_t i = 0; i < count; i++) {
            if (id_builder_add(&builder, &entries[i]))
                continue;
            id_builder_write(&builder, txn, run->number);
            blocks++;
            bool first = id_builder_add(&builder, &entries[i]);
            ASSERT(first);
        }
        id_builder_write(&builder, txn, run->number);
        blocks++;
        put_run(txn, run);
    }
    runs->stored = *cursor;
    put_index(txn, runs);
    return blocks;
}

/* ---- merging ----------------------------------------------------------------------------------------------------- */

struct id_merger {
    struct id_source sources[ID_MERGE_FACTOR];
    size_t count;
    struct id_builder builder;
};

struct id_merger *id_merger_new(void)
{
    return calloc(1, sizeof(struct id_merger));
}

void id_merger_free(struct id_merger *merger)
{
    free(merger);
}

/* The lowest level with enough runs; LEVEL_MAX: none. */
static uint8_t level_to_merge(const struct id_runs *runs)
{
    size_t at_level[LEVEL_MAX + 1] = {0};
    for (size_t i = 0; i < runs->count; i++)
        at_level[runs->runs[i].level]++;
    uint8_t level = 0;
    while (level < LEVEL_MAX && at_level[level] < ID_MERGE_FACTOR)
        level++;
    return level;
}

bool id_runs_want_merge(const struct id_runs *runs)
{
    return runs->output != 0 || level_to_merge(runs) < LEVEL_MAX;
}

static struct id_run *run_numbered(struct id_runs *runs, uint64_t number)
{
    for (size_t i = 0; i < runs->count; i++)
        if (runs->runs[i].number == number)
            return &runs->runs[i];
    return NULL;
}

static struct id_run *oldest_at(struct id_runs *runs, uint8_t level)
{
    struct id_run *oldest = NULL;
    for (size_t i = 0; i < runs->count; i++) {
        struct id_run *run = &runs->runs[i];
        if (run->level == level && !run->merging && (oldest == NULL || run->from < oldest->from))
            oldest = run;
    }
    return oldest;
}

/* The oldest runs of the level: so every run holds one stretch of the log. */
static void merge_begin(struct id_runs *runs)
{
    uint8_t level = level_to_merge(runs);
    ASSERT(level < LEVEL_MAX && runs->count < ID_RUNS_MAX);
    struct id_run output = {.number = runs->next_number++, .level = (uint8_t)(level + 1), .from = UINT64_MAX};
    for (size_t i = 0; i < ID_MERGE_FACTOR; i++) {
        struct id_run *run = oldest_at(runs, level);
        ASSERT(run != NULL);
        run->merging = true;
        if (run->from < output.from)
            output.from = run->from;
        if (run->to > output.to)
            output.to = run->to;
    }
    runs->output = output.number;
    runs->runs[runs->count++] = output;
}

static void open_sources(struct id_runs *runs, struct kv_txn *txn, struct id_merger *merger,
                         const struct id_run *output)
{
    merger->count = 0;
    merger->builder.count = 0;
    for (size_t i = 0; i < runs->count; i++) {
        if (!runs->runs[i].merging)
            continue;
        struct id_source *source = &merger->sources[merger->count++];
        source_open(source, txn, runs->runs[i].number);
        source->run = &runs->runs[i];
        /* The first block may begin with what an earlier piece has taken. */
        while (output->count > 0 && source->more && !id_less(&output->last, &source->entries[source->at]))
            source_next(source, txn, true);
    }
}

/* Moves entries until the piece is full or the sources are empty. What has been taken has been written: a block is full
 * when the next entry, still at its source, does not fit. */
static uint64_t move_entries(struct kv_txn *txn, struct id_merger *merger, struct id_run *output,
                             uint64_t blocks_max)
{
    uint64_t blocks = 0;
    struct id_source *source;
    while ((source = least_of(merger->sources, merger->count)) != NULL) {
        const struct id_entry *entry = &source->entries[source->at];
        if (!id_builder_add(&merger->builder, entry)) {
            id_builder_write(&merger->builder, txn, output->number);
            if (++blocks == blocks_max)
                return blocks;
            continue;
        }
        if (output->count++ == 0)
            output->first = *entry;
        output->last = *entry;
        source->run->count--;
        source_next(source, txn, true);
    }
    if (merger->builder.count > 0)
        blocks++;
    id_builder_write(&merger->builder, txn, output->number);
    return blocks;
}

static void merge_end(struct id_runs *runs, struct kv_txn *txn)
{
    size_t kept = 0;
    for (size_t i = 0; i < runs->count; i++) {
        if (runs->runs[i].merging)
            del_run(txn, runs->runs[i].number);
        else
            runs->runs[kept++] = runs->runs[i];
    }
    runs->count = kept;
    runs->output = 0;
}

uint64_t id_runs_merge(struct id_runs *runs, struct kv_txn *txn, struct id_merger *merger,
                       uint64_t blocks_max)
{
    if (runs->output == 0)
        merge_begin(runs);
    struct id_run *output = run_numbered(runs, runs->output);
    ASSERT(output != NULL);
    open_sources(runs, txn, merger, output);
    uint64_t blocks = move_entries(txn, merger, output, blocks_max);
    bool ended = true;
    for (size_t i = 0; i < merger->count; i++) {
        struct id_source *source = &merger->sources[i];
        if (source->more) {
            source->run->first = source->entries[source->at];
            ended = false;
        }
        put_run(txn, source->run);
        kv_cursor_close(source->cursor);
    }
    put_run(txn, output);
    if (ended)
        merge_end(runs, txn);
    put_index(txn, runs);
    return blocks;
}

/* ---- walks ------------------------------------------------------------------------------------------------------- */

struct id_walk {
    struct kv_txn *txn;
    struct id_runs runs;
    size_t count;
    struct id_source sources[]; /* as many as runs, in their order */
};

/* Passes over what a merge has already taken from the run, and tells when the run is not what its row says: `taken` of its
 * entries have been handed out. */
static void walk_check(struct id_walk *walk, size_t index)
{
    struct id_source *source = &walk->sources[index];
    const struct id_run *run = &walk->runs.runs[index];
    while (run->merging && source->more &&
           (run->count == 0 || id_less(&source->entries[source->at], &run->first)))
        source_next(source, walk->txn, false);
    const struct id_entry *entry = &source->entries[source->at];
    bool good = source->more == (source->taken < run->count);
    if (good && source->more)
        good = entry->position > run->from && entry->position <= run->to &&
               (source->taken > 0 || id_same(entry, &run->first)) &&
               (source->taken + 1 < run->count || id_same(entry, &run->last));
    if (!good)
        kv_set_error(walk->txn, STATUS_CORRUPT);
}

enum status id_walk_open(struct kv_txn *txn, struct id_walk **out, struct fault *why)
{
    struct id_runs *runs = malloc(sizeof *runs);
    struct id_walk *walk = NULL;
    if (runs == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    enum status status = id_runs_load(txn, runs, why);
    if (status == STATUS_OK)
        walk = calloc(1, sizeof *walk + runs->count * sizeof walk->sources[0]);
    if (status == STATUS_OK && walk == NULL)
        status = fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    if (status == STATUS_OK) {
        walk->txn = txn;
        walk->runs = *runs;
        walk->count = runs->count;
        for (size_t i = 0; i < walk->count; i++) {
            source_open(&walk->sources[i], txn, runs->runs[i].number);
            walk_check(walk, i);
        }
        *out = walk;
    }
    free(runs);
    return status;
}

uint64_t id_walk_position(const struct id_walk *walk)
{
    return walk->runs.stored.position;
}

enum status id_walk_next(struct id_walk *walk, struct command_id *out_id, uint64_t *out_position)
{
    struct id_source *source = least_of(walk->sources, walk->count);
    if (kv_error(walk->txn) != STATUS_OK)
        return kv_error(walk->txn);
    if (source == NULL)
        return STATUS_END;
    const struct id_entry *entry = &source->entries[source->at];
    be64_put(out_id->bytes, entry->hi);
    be64_put(out_id->bytes + 8, entry->lo);
    *out_position = entry->position;
    source->taken++;
    source_next(source, walk->txn, false);
    walk_check(walk, (size_t)(source - walk->sources));
    return STATUS_OK;
}

void id_walk_close(struct id_walk *walk)
{
    if (walk == NULL)
        return;
    for (size_t i = 0; i < walk->count; i++)
        kv_cursor_close(walk->sources[i].cursor);
    free(walk);
}

uint64_t id_runs_covered_from(const struct id_runs *runs, uint64_t ids_max)
{
    uint64_t from = runs->stored.position;
    for (size_t i = 0; i < runs->count; i++) {
        uint64_t ids = 0; /* of all runs that reach behind where this one begins */
        for (size_t other = 0; other < runs->count; other++)
            if (runs->runs[other].to > runs->runs[i].from)
                ids += runs->runs[other].count;
        if (ids <= ids_max && runs->runs[i].from < from)
            from = runs->runs[i].from;
    }
    return from;
}
