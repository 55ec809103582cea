#include "tools/audit/verify_ids.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/id_index.h"
#include "server/base/system.h"
#include "server/store/folder.h"
#include "server/store/kv_lmdb.h"

#define MAP_BYTES     (UINT64_C(1) << 37) /* address space only; the file is as large as what is in it */
#define READERS_MAX   8u
#define MARK_RECORDS  4096u
#define MEMORY_IDS    131072u
#define FILTER_BYTES  (64u << 20)
#define DIFFERENCES   20u /* told one by one */
#define PROBLEM_BYTES 192u

struct id_check {
    char folder[FOLDER_PATH_MAX];
    struct kv *kv;
    struct id_index *index;  /* over kv, which it closes */
    struct id_cursor cursor; /* counts the records given; positions in a damaged log need not rise */
    unsigned unmarked;
};

enum status id_check_open(const char *folder, struct id_check **out, struct fault *why)
{
    struct id_index_config config = {.memory_entries = MEMORY_IDS,
                                     .batch_entries_max = MARK_RECORDS,
                                     .filter_bytes_max = FILTER_BYTES,
                                     .background = true};
    struct id_check *check = calloc(1, sizeof *check);
    if (check == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    snprintf(check->folder, sizeof check->folder, "%s", folder);
    enum status status = kv_lmdb_open(&(struct kv_lmdb_options){.path = folder,
                                                                .tables = id_index_tables,
                                                                .count = ID_INDEX_TABLE_COUNT,
                                                                .map_bytes = MAP_BYTES,
                                                                .readers_max = READERS_MAX,
                                                                .durability = KV_LMDB_DERIVED,
                                                                .create = true},
                                      &check->kv, why);
    if (status == STATUS_OK)
        status = entropy_fill(&system_entropy, &config.seed, sizeof config.seed);
    if (status == STATUS_OK)
        status = id_index_open(check->kv, &config, &check->index, why);
    if (status != STATUS_OK) {
        id_check_close(check);
        return status;
    }
    *out = check;
    return STATUS_OK;
}

static enum status of_scratch(const struct id_check *check, enum status status, struct fault *why)
{
    return status == STATUS_OK
               ? status
               : fault_set(why, status, NULL, "the scratch folder %s cannot be used", check->folder);
}

enum status id_check_record(struct id_check *check, const struct record *record, struct verify_report *report,
                            struct fault *why)
{
    const struct command_id *id = &record->header.command_id;
    uint64_t position = record->header.position, earlier;
    enum status status = STATUS_NOT_FOUND;
    if (check->unmarked == 0 && !id_index_has_room(check->index))
        return of_scratch(check, STATUS_FULL, why);
    check->cursor.position++;
    if (!command_id_is_zero(id)) {
        status = id_index_find(check->index, id, &earlier);
        if (status == STATUS_NOT_FOUND)
            id_index_add(check->index, id, position);
    }
    if (status == STATUS_OK) {
        char text[PROBLEM_BYTES], name[UUID_TEXT_MAX];
        command_id_format(id, name);
        snprintf(text, sizeof text, "its command id %s is that of record %llu", name,
                 (unsigned long long)earlier);
        verify_problem(report, position, text);
    } else if (status != STATUS_NOT_FOUND) {
        return of_scratch(check, status, why);
    }
    if (++check->unmarked < MARK_RECORDS)
        return STATUS_OK;
    check->unmarked = 0;
    return of_scratch(check, id_index_mark(check->index, &check->cursor), why);
}

/* ---- the comparison ---------------------------------------------------------------------------------------------- */

struct side {
    struct id_walk *walk;
    struct command_id id;
    uint64_t position;
    bool more;
};

/* `until`: later positions are passed over. */
static enum status side_next(struct side *side, uint64_t until)
{
    enum status status;
    do
        status = id_walk_next(side->walk, &side->id, &side->position);
    while (status == STATUS_OK && side->position > until);
    side->more = status == STATUS_OK;
    return status == STATUS_END ? STATUS_OK : status;
}

static void tell(struct verify_report *report, const struct command_id *id, const char *what,
                 uint64_t position)
{
    char text[PROBLEM_BYTES], name[UUID_TEXT_MAX];
    command_id_format(id, name);
    snprintf(text, sizeof text, "ids: %s %s %llu", name, what, (unsigned long long)position);
    verify_problem(report, 0, text);
}

/* Both are in order of ids. */
static enum status compare_sides(struct side *log, struct side *stored, uint64_t until,
                                 struct verify_report *report)
{
    uint64_t problems = report->problems;
    enum status status = side_next(log, until);
    if (status == STATUS_OK)
        status = side_next(stored, UINT64_MAX);
    while (status == STATUS_OK && (log->more || stored->more) && report->problems - problems < DIFFERENCES) {
        int order = !log->more ? 1 : !stored->more ? -1 : memcmp(&log->id, &stored->id, sizeof log->id);
        if (order < 0)
            tell(report, &log->id, "is missing: it is the id of record", log->position);
        else if (order > 0)
            tell(report, &stored->id, "is the id of no record up to there, but is kept for record",
                 stored->position);
        else if (log->position != stored->position)
            tell(report, &log->id, "leads to another than its record", log->position);
        if (order <= 0)
            status = side_next(log, until);
        if (status == STATUS_OK && order >= 0)
            status = side_next(stored, UINT64_MAX);
    }
    return status;
}

static enum status compare_with(struct kv_txn *fresh, struct kv_txn *stored, struct verify_report *report,
                                struct fault *why)
{
    struct side log = {0}, kept = {0};
    enum status status = id_walk_open(stored, &kept.walk, why);
    if (status == STATUS_OK)
        status = id_walk_open(fresh, &log.walk, why);
    if (status == STATUS_OK)
        status = compare_sides(&log, &kept, id_walk_position(kept.walk), report);
    if (kv_error(stored) != STATUS_OK || status == STATUS_STALE || status == STATUS_CORRUPT)
        status = fault_set(why, STATUS_CORRUPT, NULL, "ids: what is stored cannot be read");
    id_walk_close(log.walk);
    id_walk_close(kept.walk);
    return status;
}

enum status id_check_compare(struct id_check *check, struct kv_txn *stored, struct verify_report *report,
                             struct fault *why)
{
    struct kv_txn *fresh;
    enum status status = id_index_mark(check->index, &check->cursor);
    if (status == STATUS_OK)
        status = id_index_flush(check->index);
    if (status == STATUS_OK)
        status = kv_begin(check->kv, false, &fresh);
    if (status != STATUS_OK)
        return of_scratch(check, status, why);
    status = compare_with(fresh, stored, report, why);
    kv_abort(fresh);
    return status == STATUS_CORRUPT ? status : of_scratch(check, status, why);
}

void id_check_close(struct id_check *check)
{
    static const char *const files[] = {"data.mdb", "lock.mdb"};
    char path[FOLDER_PATH_MAX];
    if (check == NULL)
        return;
    if (check->index != NULL)
        id_index_close(check->index);
    else
        kv_close(check->kv);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (folder_join(check->folder, files[i], path, NULL) == STATUS_OK)
            (void)unlink(path);
    (void)rmdir(check->folder);
    free(check);
}
