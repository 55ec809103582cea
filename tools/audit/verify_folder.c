#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
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
#include "tools/audit/replay.h"
#include "tools/audit/scratch.h"
#include "tools/audit/verify.h"
#include "tools/audit/verify_ids.h"

#define ENVIRONMENTS (1 + VIEW_COUNT) /* core state and the views */
#define READERS_MAX  (LOG_CHECK_THREADS_MAX + 8u)

#define PARTS       (ENVIRONMENTS + 1)
#define DIFFERENCES 20u
#define PROGRESS_US 100000

/* One derived environment and its replay. */
struct derived {
    struct verification *v;
    char name[64];
    struct kv *kv;
    struct kv_txn *txn; /* one snapshot from beginning to end: a server may be writing beside us */
    struct scratch *scratch;
    uint64_t replayed; /* records so far, none left out */
    bool compared;
    struct verify_report found; /* by whichever thread is at it, until all are done */
    enum status status;         /* not OK: our own scratch folder failed */
    struct fault why;
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
    struct derived ids_replay; /* its records, problems and status; nothing else of it is used */
    struct log_check_result checked;
    monotonic_us shown_us; /* how far it is */
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

/* A derived store that does not open at all. */
static enum status out_of_reach(struct verification *v, const char *name, enum status status,
                                struct fault *why)
{
    char text[FAULT_TEXT_MAX + 80];
    if (status == STATUS_CORRUPT) {
        damaged(v, name, why);
        return STATUS_OK;
    }
    snprintf(text, sizeof text, "%s: %s", name, why->text);
    verify_unread(v->report, 0, text);
    *why = (struct fault){0};
    return STATUS_OK;
}

/* What a derived store keeps could not be read: a problem, unless it is only that a data key is missing. */
static enum status closed(struct verify_report *report, const char *name, struct kv *kv, const char *what)
{
    char text[FAULT_TEXT_MAX + FAULT_FIELD_MAX + 80];
    struct fault said;
    kv_failure(kv, &said);
    if (said.status == STATUS_OK) {
        verify_problem(report, 0, what);
        return STATUS_OK;
    }
    snprintf(text, sizeof text, "%s, table %s: %s", name, said.field, said.text);
    if (said.status == STATUS_UNAVAILABLE)
        verify_unread(report, 0, text);
    else
        verify_problem(report, 0, text);
    return STATUS_OK;
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
    if (status == STATUS_CORRUPT ||
        status == STATUS_UNAVAILABLE) { /* the others can be looked at all the same */
        d->kv = NULL;
        return out_of_reach(v, d->name, status, why);
    }
    if (status == STATUS_OK)
        status = kv_begin(d->kv, false, &d->txn);
    if (status != STATUS_OK)
        return status;
    if (!cursor(d->txn, &fold.until)) {
        char text[128];
        snprintf(text, sizeof text, "%s has no cursor that can be read", d->name);
        return closed(v->report, d->name, d->kv, text);
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
                                                    .apply = views[i]->apply,
                                                    .written_once = views[i]->written_once},
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
    if (status == STATUS_CORRUPT || status == STATUS_UNAVAILABLE)
        status = out_of_reach(v, "ids", status, why);
    if (status == STATUS_NOT_FOUND) {
        *why = (struct fault){0};
        status = STATUS_OK;
    }
    if (status == STATUS_OK)
        status = folder_join(v->scratch_dir, "ids", scratch, why);
    return status == STATUS_OK ? id_check_open(scratch, &v->id_check, why) : status;
}

/* ---- the log --------------------------------------------------------------------------------------------------- */

static void on_problem(void *context, uint64_t position, const char *what)
{
    verify_problem(((struct verification *)context)->report, position, what);
}

static void on_unread(void *context, uint64_t position, const char *why)
{
    verify_unread(((struct verification *)context)->report, position, why);
}

/* Ten times a second are enough. */
static bool progress_due(struct verification *v)
{
    monotonic_us now = clock_monotonic(&system_clock);
    if (v->shown_us != 0 && now - v->shown_us < PROGRESS_US)
        return false;
    v->shown_us = now;
    return true;
}

static void on_log_progress(void *context, uint64_t records, uint64_t total)
{
    if (progress_due(context))
        verify_progress("log", records, total);
}

static uint64_t processor_us(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000u +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* A timing in two calls: with the clocks as they were, then with the difference. */
static void timing_begin(struct verify_timing *timing, const char *name)
{
    *timing = (struct verify_timing){.elapsed_us = (uint64_t)clock_monotonic(&system_clock),
                                     .processor_us = processor_us()};
    snprintf(timing->name, sizeof timing->name, "%s", name);
}

static void timing_end(struct verify_timing *timing, uint64_t records, struct verify_report *report)
{
    timing->elapsed_us = (uint64_t)clock_monotonic(&system_clock) - timing->elapsed_us;
    timing->processor_us = processor_us() - timing->processor_us;
    timing->records = records;
    verify_timing(report, timing);
}

static enum status check_log(struct verification *v, unsigned threads, struct fault *why)
{
    struct log_check_options check = {.kv = v->log,
                                      .threads = threads,
                                      .get_unchecked = kv_sealed_get_unchecked,
                                      .missing_key = kv_sealed_missing_key,
                                      .beneath = kv_sealed_beneath,
                                      .problem = on_problem,
                                      .unread = on_unread,
                                      .progress = on_log_progress,
                                      .context = v};
    struct log_check_result *result = &v->checked;
    struct verify_timing timing;
    timing_begin(&timing, "log");
    enum status status = log_check(&check, result, why);
    verify_progress("log", 0, 0);
    if (status != STATUS_OK)
        return status;
    timing_end(&timing, result->records, v->report);
    v->report->threads = result->threads;
    v->report->records = result->records;
    v->report->blocks = result->blocks;
    v->report->tiles = result->tiles;
    if (result->root_known)
        hex_format(result->root.bytes, sizeof result->root.bytes, v->report->root);
    return STATUS_OK;
}

/* ---- the replays ------------------------------------------------------------------------------------------------- */

static void scratch_drop(struct derived *d)
{
    scratch_close(d->scratch);
    d->scratch = NULL;
}

static void take_records(void *context, const struct record *records, size_t count)
{
    struct derived *d = context;
    struct fault why = {0};
    uint64_t position = 0;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK && d->scratch != NULL; i++) {
        position = records[i].header.position;
        if (position != d->replayed + 1) { /* behind a gap there is nothing to compare with */
            scratch_drop(d);
            return;
        }
        d->replayed++;
        status = scratch_apply(d->scratch, &records[i], &why);
    }
    if (status == STATUS_OK && d->scratch != NULL)
        status = scratch_rest(d->scratch, &why);
    if (status == STATUS_OK)
        return;
    verify_problem(&d->found, position, why.text);
    scratch_drop(d); /* no use in comparing what could not be folded */
}

static void on_difference(void *context, const char *what)
{
    verify_problem(context, 0, what);
}

static void compare(void *context)
{
    struct derived *d = context;
    const struct log_check_result *checked = &d->v->checked;
    if (d->replayed != checked->records || d->replayed != checked->head.size || checked->unread != 0)
        scratch_drop(d);
    if (d->scratch == NULL)
        return;
    d->compared = true;
    d->status = scratch_compare(d->scratch, d->txn, DIFFERENCES, on_difference, &d->found, &d->why);
    if (d->status == STATUS_CORRUPT)
        d->status = closed(&d->found, d->name, d->kv, d->why.text);
    scratch_drop(d); /* gives its room on disk back while others go on */
}

static void take_ids(void *context, const struct record *records, size_t count)
{
    struct derived *d = context;
    struct verification *v = d->v;
    struct fault why = {0};
    for (size_t i = 0; i < count && v->id_check != NULL; i++) {
        d->replayed += records[i].header.position == d->replayed + 1 ? 1 : 0;
        if (id_check_record(v->id_check, &records[i], &d->found, &why) == STATUS_OK)
            continue;
        verify_problem(&d->found, records[i].header.position, why.text);
        id_check_close(v->id_check);
        v->id_check = NULL;
    }
}

static void compare_ids(void *context)
{
    struct derived *d = context;
    struct verification *v = d->v;
    if (v->id_check == NULL || v->ids_txn == NULL || d->replayed != v->checked.records ||
        v->checked.unread != 0)
        return;
    d->compared = true;
    d->status = id_check_compare(v->id_check, v->ids_txn, &d->found, &d->why);
    if (d->status == STATUS_CORRUPT)
        d->status = closed(&d->found, "ids", v->ids, d->why.text);
}

static void on_replay_progress(void *context, uint64_t position)
{
    struct verification *v = context;
    if (progress_due(v))
        verify_progress("replays", position, v->checked.head.size);
}

/* What the threads found, in one order whatever they did first. */
static enum status part_end(struct verification *v, struct derived *d, const struct replay_part *part,
                            struct fault *why)
{
    struct verify_timing timing = {.processor_us = part->take_us, .records = d->replayed};
    snprintf(timing.name, sizeof timing.name, "%s, folded", d->name);
    verify_timing(v->report, &timing);
    snprintf(timing.name, sizeof timing.name, "%s, compared", d->name);
    timing.processor_us = part->end_us;
    verify_timing(v->report, &timing);
    verify_report_merge(v->report, &d->found);
    v->report->replays += d->compared ? 1 : 0;
    if (d->status != STATUS_OK)
        *why = d->why;
    return d->status;
}

static enum status replay_all(struct verification *v, unsigned threads, struct fault *why)
{
    struct replay_part parts[PARTS];
    struct derived *folds[PARTS];
    size_t count = 0;
    struct verify_timing timing;
    for (size_t i = 0; i < ENVIRONMENTS; i++)
        if (v->derived[i].scratch != NULL)
            folds[count++] = &v->derived[i];
    snprintf(v->ids_replay.name, sizeof v->ids_replay.name, "ids");
    folds[count++] = &v->ids_replay;
    for (size_t i = 0; i < count; i++) {
        bool ids = folds[i] == &v->ids_replay;
        folds[i]->v = v;
        folds[i]->found = (struct verify_report){.json = true};
        parts[i] = (struct replay_part){
            .take = ids ? take_ids : take_records, .end = ids ? compare_ids : compare, .context = folds[i]};
    }
    timing_begin(&timing, "replays and comparison");
    enum status status = replay_run(&(struct replay_options){.log = v->log,
                                                             .until = v->checked.head.size,
                                                             .threads = threads,
                                                             .parts = parts,
                                                             .part_count = count,
                                                             .progress = on_replay_progress,
                                                             .context = v},
                                    why);
    verify_progress("replays", 0, 0);
    timing_end(&timing, v->checked.records, v->report);
    for (size_t i = 0; i < count; i++) {
        struct fault part_why = {0};
        enum status ended = part_end(v, folds[i], &parts[i], &part_why);
        if (status == STATUS_OK && ended != STATUS_OK) {
            status = ended;
            *why = part_why;
        }
    }
    return status;
}

static unsigned thread_count(const struct verify_options *options)
{
    long processors = options->threads > 0 ? (long)options->threads : sysconf(_SC_NPROCESSORS_ONLN);
    return processors < 1                       ? 1
           : processors > LOG_CHECK_THREADS_MAX ? LOG_CHECK_THREADS_MAX
                                                : (unsigned)processors;
}

static enum status run(struct verification *v, struct fault *why)
{
    unsigned threads = thread_count(v->options);
    enum status status = check_log(v, threads, why);
    return status == STATUS_OK ? replay_all(v, threads, why) : status;
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
