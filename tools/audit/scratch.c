#include "tools/audit/scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proto/base/text.h"
#include "server/base/kv_packed.h"
#include "server/domain/domain.h"
#include "server/store/folder.h"
#include "server/store/kv_lmdb.h"
#include "server/views/digest.h"
#include "server/views/slice_buffer.h"

#define SLICE_RECORDS 16384u
#define MAP_BYTES     (UINT64_C(1) << 37) /* address space only; the file is as large as what is in it */
#define READERS_MAX   8u
#define BUFFER_BYTES  (16u * 1024u * 1024u)

struct scratch {
    struct scratch_fold fold;
    char folder[FOLDER_PATH_MAX];
    struct kv *kv;
    struct slice_buffer *buffer;
    struct kv_txn *txn;      /* the open slice */
    struct kv_txn *apply_to; /* it, through the buffer */
    unsigned in_slice;
    uint64_t position; /* of the last record applied */
    struct arena *arena;
};

enum status scratch_open(const char *folder, const struct scratch_fold *fold, struct scratch **out,
                         struct fault *why)
{
    struct scratch *scratch = calloc(1, sizeof *scratch);
    if (scratch == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    scratch->fold = *fold;
    snprintf(scratch->folder, sizeof scratch->folder, "%s", folder);
    scratch->arena = arena_new(DOMAIN_APPLY_BYTES_MAX);
    scratch->buffer = slice_buffer_new(fold->table_count, fold->written_once, BUFFER_BYTES);
    enum status status = kv_lmdb_open(&(struct kv_lmdb_options){.path = folder,
                                                                .tables = fold->tables,
                                                                .count = fold->table_count,
                                                                .map_bytes = MAP_BYTES,
                                                                .readers_max = READERS_MAX,
                                                                .durability = KV_LMDB_DERIVED,
                                                                .create = true},
                                      &scratch->kv, why);
    struct kv *packed = NULL;
    if (status == STATUS_OK)
        packed = kv_packed_new(
            scratch->kv, &(struct kv_packed_options){.tables = fold->tables, .count = fold->table_count});
    scratch->kv = packed != NULL ? packed : scratch->kv;
    if (status == STATUS_OK && (packed == NULL || scratch->arena == NULL || scratch->buffer == NULL))
        status = fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    if (status != STATUS_OK) {
        scratch_close(scratch);
        return status;
    }
    *out = scratch;
    return STATUS_OK;
}

enum status scratch_rest(struct scratch *scratch, struct fault *why)
{
    struct kv_txn *txn = scratch->txn;
    if (txn == NULL)
        return STATUS_OK;
    slice_buffer_flush(scratch->buffer);
    scratch->txn = NULL;
    scratch->in_slice = 0;
    enum status status = kv_commit(txn);
    if (status == STATUS_OK)
        return status;
    slice_buffer_drop(scratch->buffer);
    if (status == STATUS_CORRUPT) /* what is gathered up is only found out at the end */
        return fault_set(why, status, NULL, "%s: one of the records up to %llu contradicts those before",
                         scratch->fold.name, (unsigned long long)scratch->position);
    return fault_set(why, status, NULL, "the scratch folder %s cannot be written", scratch->folder);
}

enum status scratch_apply(struct scratch *scratch, const struct record *record, struct fault *why)
{
    if (record->header.position > scratch->fold.until)
        return STATUS_OK;
    if (scratch->txn == NULL) {
        enum status status = kv_begin(scratch->kv, true, &scratch->txn);
        if (status != STATUS_OK) {
            scratch->txn = NULL;
            return fault_set(why, status, NULL, "the scratch folder %s cannot be written", scratch->folder);
        }
        scratch->apply_to = slice_buffer_begin(scratch->buffer, scratch->txn);
    }
    arena_reset(scratch->arena);
    scratch->fold.apply(scratch->apply_to, record, scratch->arena);
    enum status status = kv_error(scratch->txn);
    if (status != STATUS_OK)
        return fault_set(why, status, NULL, "%s: record %llu contradicts what came before",
                         scratch->fold.name, (unsigned long long)record->header.position);
    scratch->position = record->header.position;
    bool ends = ++scratch->in_slice >= SLICE_RECORDS || slice_buffer_full(scratch->buffer);
    return ends ? scratch_rest(scratch, why) : STATUS_OK;
}

/* ---- compare ------------------------------------------------------------------------------------------------- */

struct comparison {
    struct scratch *scratch;
    struct kv_txn *fresh, *stored;
    unsigned problems, problems_max;
    void (*problem)(void *context, const char *what);
    void *context;
};

static void tell(struct comparison *c, unsigned table, struct slice key, const char *what)
{
    char text[256], hex[HEX_TEXT_LEN(32)];
    hex_format(key.ptr, key.len < 32 ? key.len : 32, hex);
    snprintf(text, sizeof text, "%s, table %s, key %s: %s", c->scratch->fold.name,
             c->scratch->fold.tables[table].name, hex, what);
    c->problems++;
    c->problem(c->context, text);
}

/* Every fresh row must be stored with the same value. Counts them. */
static uint64_t compare_rows(struct comparison *c, unsigned table)
{
    struct slice key, value, other;
    uint64_t rows = 0;
    struct kv_cursor *cursor = kv_cursor_open(c->fresh, table);
    for (bool more = kv_seek(cursor, (struct slice){0}); more && c->problems < c->problems_max;
         more = kv_next(cursor)) {
        kv_row(cursor, &key, &value);
        rows++;
        bool there = kv_get(c->stored, table, key, &other);
        if (kv_error(c->stored) != STATUS_OK)
            break;
        if (!there)
            tell(c, table, key, "a row is missing");
        else if (!slice_equal(value, other))
            tell(c, table, key, "the stored row differs from the replay");
    }
    kv_cursor_close(cursor);
    return rows;
}

static void compare_table(struct comparison *c, unsigned table)
{
    uint64_t fresh = compare_rows(c, table), stored = 0;
    if (c->problems >= c->problems_max || kv_error(c->stored) != STATUS_OK)
        return;
    struct kv_cursor *cursor = kv_cursor_open(c->stored, table);
    for (bool more = kv_seek(cursor, (struct slice){0}); more; more = kv_next(cursor))
        stored++;
    kv_cursor_close(cursor);
    if (stored != fresh && kv_error(c->stored) == STATUS_OK) {
        char what[96];
        snprintf(what, sizeof what, "%llu rows are stored, the replay has %llu", (unsigned long long)stored,
                 (unsigned long long)fresh);
        tell(c, table, (struct slice){0}, what);
    }
}

enum status scratch_compare(struct scratch *scratch, struct kv_txn *stored, unsigned problems_max,
                            void (*problem)(void *context, const char *what), void *context,
                            struct fault *why)
{
    struct comparison c = {.scratch = scratch,
                           .stored = stored,
                           .problems_max = problems_max,
                           .problem = problem,
                           .context = context};
    enum status status = scratch_rest(scratch, why);
    if (status == STATUS_OK)
        status = kv_begin(scratch->kv, false, &c.fresh);
    if (status != STATUS_OK)
        return status;
    unsigned table = 0;
    for (; table < scratch->fold.table_count && kv_error(stored) == STATUS_OK; table++)
        if (table != scratch->fold.cursor_table)
            compare_table(&c, table);
    kv_abort(c.fresh);
    status = kv_error(stored);
    return status == STATUS_OK ? status
                               : fault_set(why, status, NULL, "%s, table %s: stored rows do not open",
                                           scratch->fold.name, scratch->fold.tables[table - 1].name);
}

enum status scratch_digest(struct scratch *scratch, struct hash *out, struct fault *why)
{
    struct kv_txn *txn;
    enum status status = scratch_rest(scratch, why);
    if (status == STATUS_OK)
        status = kv_begin(scratch->kv, false, &txn);
    if (status != STATUS_OK)
        return status;
    status = tables_digest(txn, scratch->fold.tables, scratch->fold.table_count, out);
    kv_abort(txn);
    return status == STATUS_OK
               ? status
               : fault_set(why, status, NULL, "%s: the replay cannot be read", scratch->fold.name);
}

void scratch_close(struct scratch *scratch)
{
    static const char *const files[] = {"data.mdb", "lock.mdb"};
    char path[FOLDER_PATH_MAX];
    if (scratch == NULL)
        return;
    kv_abort(scratch->txn);
    kv_close(scratch->kv);
    slice_buffer_free(scratch->buffer);
    arena_free(scratch->arena);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (folder_join(scratch->folder, files[i], path, NULL) == STATUS_OK)
            (void)unlink(path);
    (void)rmdir(scratch->folder);
    free(scratch);
}
