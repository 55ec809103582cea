#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/base/bytes.h"
#include "proto/base/text.h"
#include "server/base/id_index.h"
#include "server/base/system.h"
#include "server/domain/domain.h"
#include "server/domain/kernel/tables.h"
#include "server/log/check.h"
#include "server/store/data_folder.h"
#include "server/store/folder.h"
#include "server/store/kv_sealed.h"
#include "server/views/view.h"
#include "tools/audit/scratch.h"
#include "tools/audit/verify.h"
#include "tools/audit/verify_ids.h"

#define ENVIRONMENTS (1 + VIEW_COUNT) /* core state and the views */
#define READERS_MAX  8u

/* One derived environment and its replay. */
struct derived {
    char name[64];
    struct kv *kv;
    struct kv_txn *txn; /* one snapshot from beginning to end: a server may be writing beside us */
    struct scratch *scratch;
};

struct verification {
    const struct verify_options *options;
    struct verify_report *report;
    struct data_folder *folder;
    struct kv *log;
    struct derived derived[ENVIRONMENTS];
    struct kv *ids; /* the index of command ids, if there is one, and a snapshot of it */
    struct kv_txn *ids_txn;
    struct id_check *id_check;
    uint64_t replayed; /* records so far, none left out */
    char scratch_dir[FOLDER_PATH_MAX];
};

/* ---- what is there ----------------------------------------------------------------------------------------------- */

static enum status open_environment(struct verification *v, const char *name, const struct kv_table *tables,
                                    unsigned table_count, struct kv **out, struct fault *why)
{
    return data_folder_environment_open(v->folder,
                                        &(struct data_folder_environment){.name = name,
                                                                          .tables = tables,
                                                                          .table_count = table_count,
                                                                          .readers_max = READERS_MAX,
                                                                          .durable = true},
                                        out, why);
}

/* A store that cannot be what was written. */
static void damaged(struct verification *v, const char *name, struct fault *why)
{
    char text[FAULT_TEXT_MAX + 80];
    snprintf(text, sizeof text, "%s is damaged: %s", name, why->text);
    verify_problem(v->report, 0, text);
    *why = (struct fault){0};
}

/* Opens a derived environment if it is there, and a scratch one to fold the log into up to the same position. */
static enum status open_derived(struct verification *v, struct derived *d, struct scratch_fold fold,
                                bool (*cursor)(struct kv_txn *, uint64_t *), struct fault *why)
{
    char scratch[FOLDER_PATH_MAX], flat[64];
    enum status status = open_environment(v, d->name, fold.tables, fold.table_count, &d->kv, why);
    if (status == STATUS_NOT_FOUND) {
        d->kv = NULL;
        *why = (struct fault){0};
        return STATUS_OK;
    }
    if (status == STATUS_CORRUPT) { /* the others can be looked at all the same */
        d->kv = NULL;
        damaged(v, d->name, why);
        return STATUS_OK;
    }
    if (status == STATUS_OK)
        status = kv_begin(d->kv, false, &d->txn);
    if (status != STATUS_OK)
        return status;
    if (!cursor(d->txn, &fold.until)) {
        char text[128];
        snprintf(text, sizeof text, "%s has no cursor that can be read", d->name);
        verify_problem(v->report, 0, text);
        return STATUS_OK;
    }
    snprintf(flat, sizeof flat, "%s", d->name);
    for (char *slash = strchr(flat, '/'); slash != NULL; slash = strchr(flat, '/'))
        *slash = '-';
    status = folder_join(v->scratch_dir, flat, scratch, why);
    fold.name = d->name;
    return status == STATUS_OK ? scratch_open(scratch, &fold, &d->scratch, why) : status;
}

/* Core state and every view keep it in the same place: table 0, u64 position first. */
static bool read_cursor(struct kv_txn *txn, uint64_t *out)
{
    struct slice row;
    if (!kv_get(txn, TABLE_CURSOR, slice_text("position"), &row) || row.len < 8)
        return false;
    *out = be64_get(row.ptr);
    return true;
}

static enum status open_all(struct verification *v, struct fault *why)
{
    snprintf(v->derived[0].name, sizeof v->derived[0].name, "state");
    enum status status = open_derived(v, &v->derived[0],
                                      (struct scratch_fold){.tables = domain_tables,
                                                            .table_count = domain_table_count,
                                                            .cursor_table = TABLE_CURSOR,
                                                            .apply = domain_apply},
                                      read_cursor, why);
    for (size_t i = 0; status == STATUS_OK && i < VIEW_COUNT; i++) {
        struct derived *d = &v->derived[1 + i];
        snprintf(d->name, sizeof d->name, "views/%s", views[i]->name);
        status = open_derived(v, d,
                              (struct scratch_fold){.tables = views[i]->tables,
                                                    .table_count = views[i]->table_count,
                                                    .cursor_table = TABLE_CURSOR,
                                                    .apply = views[i]->apply},
                              read_cursor, why);
    }
    return status;
}

/* The ids of all records are looked at, whether the index of them is there or not. */
static enum status open_ids(struct verification *v, struct fault *why)
{
    char scratch[FOLDER_PATH_MAX];
    enum status status = open_environment(v, "ids", id_index_tables, ID_INDEX_TABLE_COUNT, &v->ids, why);
    if (status == STATUS_OK)
        status = kv_begin(v->ids, false, &v->ids_txn);
    if (status == STATUS_CORRUPT)
        damaged(v, "ids", why);
    if (status == STATUS_CORRUPT || status == STATUS_NOT_FOUND) {
        *why = (struct fault){0};
        status = STATUS_OK;
    }
    if (status == STATUS_OK)
        status = folder_join(v->scratch_dir, "ids", scratch, why);
    return status == STATUS_OK ? id_check_open(scratch, &v->id_check, why) : status;
}

/* ---- the log, and the replays along with it ------------------------------------------------------------------------ */

static void on_problem(void *context, uint64_t position, const char *what)
{
    verify_problem(((struct verification *)context)->report, position, what);
}

static void drop_replays(struct verification *v)
{
    for (size_t i = 0; i < ENVIRONMENTS; i++) {
        scratch_close(v->derived[i].scratch);
        v->derived[i].scratch = NULL;
    }
}

static void on_record(void *context, const struct record *record, const struct hash *hash)
{
    struct verification *v = context;
    (void)hash;
    if (record->header.position == v->replayed + 1)
        v->replayed++;
    else /* behind a gap there is nothing to compare with */
        drop_replays(v);
    struct fault ids_why = {0};
    if (v->id_check != NULL && id_check_record(v->id_check, record, v->report, &ids_why) != STATUS_OK) {
        verify_problem(v->report, record->header.position, ids_why.text);
        id_check_close(v->id_check);
        v->id_check = NULL;
    }
    for (size_t i = 0; i < ENVIRONMENTS; i++) {
        struct fault why = {0};
        struct derived *d = &v->derived[i];
        if (d->scratch == NULL || scratch_apply(d->scratch, record, &why) == STATUS_OK)
            continue;
        verify_problem(v->report, record->header.position, why.text);
        scratch_close(d->scratch); /* no use in comparing what could not be folded */
        d->scratch = NULL;
    }
}

static void on_difference(void *context, const char *what)
{
    verify_problem(((struct verification *)context)->report, 0, what);
}

static enum status run(struct verification *v, struct fault *why)
{
    struct log_check_options check = {.kv = v->log,
                                      .get_unchecked = kv_sealed_get_unchecked,
                                      .beneath = kv_sealed_beneath,
                                      .problem = on_problem,
                                      .record = on_record,
                                      .context = v};
    struct log_check_result result;
    enum status status = log_check(&check, &result, why);
    if (status != STATUS_OK)
        return status;
    if (v->replayed != result.records)
        drop_replays(v);
    v->report->records = result.records;
    v->report->blocks = result.blocks;
    v->report->tiles = result.tiles;
    if (result.root_known)
        hex_format(result.root.bytes, sizeof result.root.bytes, v->report->root);
    for (size_t i = 0; status == STATUS_OK && i < ENVIRONMENTS; i++) {
        if (v->derived[i].scratch == NULL)
            continue;
        v->report->replays++;
        status = scratch_compare(v->derived[i].scratch, v->derived[i].txn, 20, on_difference, v, why);
    }
    if (status == STATUS_OK && v->id_check != NULL && v->ids_txn != NULL && v->replayed == result.records) {
        v->report->replays++;
        status = id_check_compare(v->id_check, v->ids_txn, v->report, why);
    }
    return status;
}

/* ---- all --------------------------------------------------------------------------------------------------------------- */

static enum status make_scratch_dir(struct verification *v, struct fault *why)
{
    const char *base = v->options->scratch_dir != NULL ? v->options->scratch_dir : getenv("TMPDIR");
    int len = snprintf(v->scratch_dir, sizeof v->scratch_dir, "%s/daftari-audit-XXXXXX",
                       base != NULL ? base : "/tmp");
    if (len < 0 || (size_t)len >= sizeof v->scratch_dir || mkdtemp(v->scratch_dir) == NULL) {
        v->scratch_dir[0] = '\0';
        return fault_set(why, STATUS_IO, "scratch", "a folder that can be written for the replays");
    }
    return STATUS_OK;
}

static void close_all(struct verification *v)
{
    for (size_t i = 0; i < ENVIRONMENTS; i++) {
        scratch_close(v->derived[i].scratch);
        kv_abort(v->derived[i].txn);
        kv_close(v->derived[i].kv);
    }
    id_check_close(v->id_check);
    kv_abort(v->ids_txn);
    kv_close(v->ids);
    kv_close(v->log);
    data_folder_close(v->folder, false);
    if (v->scratch_dir[0] != '\0')
        (void)rmdir(v->scratch_dir);
}

enum status verify_folder(const struct verify_options *options, struct verify_report *report,
                          struct fault *why)
{
    struct verification v = {.options = options, .report = report};
    enum status status = make_scratch_dir(&v, why);
    if (status == STATUS_OK)
        status = data_folder_open(
            &(struct data_folder_options){.path = options->source.data_dir,
                                          .master_key_file = options->source.master_key_file != NULL
                                                                 ? options->source.master_key_file
                                                                 : "",
                                          .entropy = &system_entropy,
                                          .read_only = true},
            &v.folder, why);
    if (status == STATUS_OK)
        status = open_environment(&v, "log", log_tables, LOG_TABLE_COUNT, &v.log, why);
    if (status == STATUS_OK)
        status = open_all(&v, why);
    if (status == STATUS_OK)
        status = open_ids(&v, why);
    if (status == STATUS_OK)
        status = run(&v, why);
    if (status == STATUS_CORRUPT &&
        v.folder != NULL) { /* found wrong, not out of reach as with a wrong key */
        damaged(&v, "log", why);
        status = STATUS_OK;
    }
    close_all(&v);
    return status;
}
