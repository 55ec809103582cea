#include "server/app/stores.h"

#include <sys/statvfs.h>

#include "server/base/diag.h"
#include "server/base/kv_overlay.h"
#include "server/base/system.h"
#include "server/domain/kernel/tables.h"
#include "server/log/log.h"
#include "server/store/folder.h"
#include "server/views/runner.h"
#include "server/writer/writer.h"

#define FOLD_PAUSE_RECORDS 20000
/* Commands that come faster than rows can be written behind wait here, before they fill the memory. */
#define DIRTY_WAIT_FACTOR 4
#define START_FULL_FACTOR 16
#define FULL_WAIT_US      500000
#define FULL_WAIT_MAX_US  10000000
#define READERS_SPARE     8 /* LMDB reader slots beside the reader threads: log readers, tools, checks */

static uint64_t mib(uint64_t count)
{
    return count << 20;
}

/* ---- write behind (the state's owner: app while folding, then the writer) ------------------------------------------- */

/* No room: rows stay in memory, and it is tried again after a while, longer each time. FULL while too much waits. */
static enum status full(struct stores *stores, monotonic_us now)
{
    if (stores->full_wait == 0)
        diag(DIAG_WARNING, "app", "state-waits",
             "status=FULL text=\"no room to write core state behind: free disk, or raise state_map_mib and "
             "restart; it is tried again\"");
    stores->full_wait = stores->full_wait == 0 ? FULL_WAIT_US : 2 * stores->full_wait;
    if (stores->full_wait > FULL_WAIT_MAX_US)
        stores->full_wait = FULL_WAIT_MAX_US;
    stores->try_at = now + stores->full_wait;
    return STATUS_FULL;
}

static void written(struct stores *stores)
{
    if (stores->full_wait != 0)
        diag(DIAG_INFO, "app", "state-written", "text=\"there is room again\"");
    stores->full_wait = 0;
}

/* What the writer is to know while there is no room. */
static enum status room_for_more(const struct stores *stores)
{
    struct kv_overlay_stats stats;
    kv_overlay_stats(stores->state, &stats);
    return stats.dirty_rows + stats.flushing_rows < DIRTY_WAIT_FACTOR * stores->config->state_dirty_rows_max
               ? STATUS_OK
               : STATUS_FULL;
}

static enum status bring_in(struct stores *stores, bool wait, monotonic_us now)
{
    enum status status = wait ? kv_overlay_flush_wait(stores->state) : kv_overlay_flush_poll(stores->state);
    if (status == STATUS_AGAIN)
        return status;
    if (status == STATUS_OK && stores->flushing)
        written(stores);
    stores->flushing = false;
    return status == STATUS_FULL ? full(stores, now) : status;
}

/* Few rows may change over many records; after a kill all of those are folded again, a million in a second. */
#define BEHIND_RECORDS_MAX 250000u

/* Starts a background flush when enough is dirty or it has been idle for long enough; waits for it when `must`. */
enum status stores_write_behind(void *context, bool idle, bool must)
{
    struct stores *stores = context;
    struct kv_overlay_stats stats;
    monotonic_us now = clock_monotonic(&system_clock);
    if (must) {
        enum status flushed = kv_overlay_flush(stores->state);
        return flushed == STATUS_FULL ? full(stores, now) : flushed;
    }
    enum status status = bring_in(stores, false, now);
    kv_overlay_stats(stores->state, &stats);
    if (status == STATUS_AGAIN && stores->full_wait == 0 &&
        stats.dirty_rows >= DIRTY_WAIT_FACTOR * stores->config->state_dirty_rows_max) {
        status = bring_in(stores, true, now);
        kv_overlay_stats(stores->state, &stats);
    }
    if (status != STATUS_OK && status != STATUS_AGAIN && status != STATUS_FULL)
        return status;
    if (status != STATUS_OK || (stores->full_wait != 0 && now < stores->try_at))
        return stores->full_wait != 0 ? room_for_more(stores) : STATUS_OK;
    struct log_head head;
    log_head(stores->log, &head);
    bool many = stats.dirty_rows >= stores->config->state_dirty_rows_max || stores->full_wait != 0 ||
                head.size - stores->behind_from >= BEHIND_RECORDS_MAX;
    bool quiet = idle && stats.dirty_rows > 0 &&
                 now - stores->written_behind > (monotonic_us)stores->config->state_idle_ms * 1000;
    if (!many && !quiet)
        return STATUS_OK;
    stores->written_behind = now;
    stores->behind_from = head.size;
    status = kv_overlay_flush_start(stores->state);
    stores->flushing = status == STATUS_OK;
    return status == STATUS_OK && stores->full_wait != 0 ? room_for_more(stores) : status;
}

/* A fold under way; `records` since rows were last written behind. */
struct folding {
    struct stores *stores;
    uint64_t records;
};

/* Without room rows wait in memory as they did before the start, and with them those that a write under way had brought
 * in when the server was killed: far above the bound, so that such a server still starts and answers. */
static enum status fold_write(struct stores *stores)
{
    struct kv_overlay_stats stats;
    enum status status = kv_overlay_flush(stores->state);
    if (status != STATUS_FULL)
        return status;
    (void)full(stores, clock_monotonic(&system_clock));
    kv_overlay_stats(stores->state, &stats);
    return stats.dirty_rows < START_FULL_FACTOR * DIRTY_WAIT_FACTOR * stores->config->state_dirty_rows_max
               ? STATUS_OK
               : STATUS_FULL;
}

/* Most records change rows that earlier ones have changed, so rows are written when they are many, not at every pause. */
static enum status fold_pause(void *context)
{
    struct folding *folding = context;
    struct kv_overlay_stats stats;
    kv_overlay_stats(folding->stores->state, &stats);
    folding->records += FOLD_PAUSE_RECORDS;
    if (stats.dirty_rows < folding->stores->config->state_dirty_rows_max &&
        folding->records < BEHIND_RECORDS_MAX)
        return STATUS_OK;
    folding->records = 0;
    return fold_write(folding->stores);
}

/* ---- core state --------------------------------------------------------------------------------------------------------- */

static enum status open_state(struct stores *stores, struct fault *why)
{
    const struct config *config = stores->config;
    struct kv *kv;
    enum status status = data_folder_environment_open(
        stores->folder,
        &(struct data_folder_environment){.name = "state",
                                          .tables = domain_tables,
                                          .table_count = domain_table_count,
                                          .map_bytes = mib(config->state_map_mib),
                                          .readers_max = READERS_SPARE},
        &kv, why);
    if (status != STATUS_OK)
        return status;
    stores->state =
        kv_overlay_new(kv, &(struct kv_overlay_options){.tables = domain_tables,
                                                        .count = domain_table_count,
                                                        .memory_bytes = mib(config->state_cache_mib)});
    stores->state_kv = kv;
    if (stores->state != NULL)
        return STATUS_OK;
    kv_close(kv);
    return fault_set(why, STATUS_NO_MEMORY, "state_cache_mib", "no memory for core state");
}

static enum status drop_state(struct stores *stores, struct fault *why)
{
    kv_close(stores->state);
    stores->state = NULL;
    enum status status = data_folder_environment_remove(stores->folder, "state");
    if (status != STATUS_OK)
        return fault_set(why, status, NULL, "core state cannot be dropped");
    return open_state(stores, why);
}

static enum status fold(struct stores *stores, struct fault *why)
{
    struct folding folding = {.stores = stores};
    struct fold_config config = {.log = stores->log,
                                 .state = stores->state,
                                 .arena_bytes_max = DOMAIN_APPLY_BYTES_MAX,
                                 .pause_records = FOLD_PAUSE_RECORDS,
                                 .pause = fold_pause,
                                 .stop = stores->stop,
                                 .context = &folding};
    uint64_t folded = 0;
    monotonic_us started = clock_monotonic(&system_clock);
    enum status status = state_fold(&config, &folded, why);
    if (status == STATUS_OK && folded > 0)
        status = fold_write(stores);
    if (status == STATUS_FULL)
        return fault_set(why, status, NULL,
                         "no room to write core state: free disk, or enlarge state_map_mib");
    if (status == STATUS_OK && folded > 0)
        diag(DIAG_INFO, "app", "state-folded", "records=%llu ms=%lld", (unsigned long long)folded,
             (long long)(clock_monotonic(&system_clock) - started) / 1000);
    return status;
}

/* Core state at the log's head: its tail folded in, or all of it when what is on disk cannot be trusted. */
static enum status bring_up_state(struct stores *stores, struct fault *why)
{
    enum status status = STATUS_OK;
    if (!stores->trusted) {
        status = data_folder_environment_remove(stores->folder, "state");
        if (status != STATUS_OK)
            return fault_set(why, status, NULL, "core state cannot be dropped");
    }
    status = open_state(stores, why);
    if (status == STATUS_OK)
        status = fold(stores, why);
    if (status != STATUS_STALE && status != STATUS_CORRUPT)
        return status;
    diag(DIAG_WARNING, "app", "state-dropped", "text=\"%s\"", why->text);
    status = drop_state(stores, why);
    return status == STATUS_OK ? fold(stores, why) : status;
}

/* ---- command ids ------------------------------------------------------------------------------------------------------- */

static enum status open_ids(struct stores *stores, struct fault *why)
{
    const struct config *config = stores->config;
    uint64_t batch = WRITER_SETTLE_RECORDS + config->batch_records_max;
    static_assert(WRITER_SETTLE_RECORDS >= IDS_FOLD_BATCH, "folding adds no more between two marks");
    struct id_index_config with = {.memory_entries = config->ids_memory_entries,
                                   .batch_entries_max = batch,
                                   .filter_bytes_max = mib(config->ids_filter_mib),
                                   .background = true};
    enum status status = entropy_fill(&system_entropy, &with.seed, sizeof with.seed);
    if (status != STATUS_OK)
        return fault_set(why, status, NULL, "no random bytes");
    status =
        data_folder_environment_open(stores->folder,
                                     &(struct data_folder_environment){.name = "ids",
                                                                       .tables = id_index_tables,
                                                                       .table_count = ID_INDEX_TABLE_COUNT,
                                                                       .map_bytes = mib(config->ids_map_mib),
                                                                       .readers_max = READERS_SPARE},
                                     &stores->ids_kv, why);
    if (status != STATUS_OK)
        return status;
    status = id_index_open(stores->ids_kv, &with, &stores->ids, why);
    if (status != STATUS_OK) {
        kv_close(stores->ids_kv);
        stores->ids_kv = NULL;
    }
    return status;
}

static enum status open_and_fold_ids(struct stores *stores, struct fault *why)
{
    uint64_t folded = 0;
    monotonic_us started = clock_monotonic(&system_clock);
    enum status status = open_ids(stores, why);
    if (status == STATUS_OK)
        status = ids_fold(stores->log, stores->ids, stores->stop, &folded, why);
    if (status == STATUS_OK && folded > 0)
        diag(DIAG_INFO, "app", "ids-folded", "records=%llu ms=%lld", (unsigned long long)folded,
             (long long)(clock_monotonic(&system_clock) - started) / 1000);
    return status;
}

static enum status drop_ids(struct stores *stores, struct fault *why)
{
    id_index_close(stores->ids);
    stores->ids = NULL;
    stores->ids_kv = NULL;
    enum status status = data_folder_environment_remove(stores->folder, "ids");
    return status == STATUS_OK ? status
                               : fault_set(why, status, NULL, "the index of command ids cannot be dropped");
}

/* The ids of the log up to its head, all of them from the log when what is on disk cannot be trusted. */
static enum status bring_up_ids(struct stores *stores, struct fault *why)
{
    enum status status = stores->trusted ? STATUS_OK : drop_ids(stores, why);
    if (status == STATUS_OK)
        status = open_and_fold_ids(stores, why);
    if (status != STATUS_STALE && status != STATUS_CORRUPT)
        return status;
    diag(DIAG_WARNING, "app", "ids-dropped", "text=\"%s\"", why->text);
    status = drop_ids(stores, why);
    return status == STATUS_OK ? open_and_fold_ids(stores, why) : status;
}

/* ---- all ------------------------------------------------------------------------------------------------------------------ */

static enum status open_log(struct stores *stores, struct fault *why)
{
    const struct config *config = stores->config;
    struct kv *kv;
    enum status status = data_folder_environment_open(
        stores->folder,
        &(struct data_folder_environment){.name = "log",
                                          .tables = log_tables,
                                          .table_count = LOG_TABLE_COUNT,
                                          .map_bytes = mib(config->log_map_mib),
                                          .readers_max = (unsigned)config->reader_threads * 8 + READERS_SPARE,
                                          .durable = true},
        &kv, why);
    if (status != STATUS_OK)
        return status;
    stores->log_kv = kv;
    return log_over_kv_open(kv, &stores->log, why);
}

enum status stores_open(const struct config *config, bool create, struct stores *out, struct fault *why)
{
    struct stores stores = {.config = config};
    enum status status =
        data_folder_open(&(struct data_folder_options){.path = config->data_dir,
                                                       .master_key_file = config->master_key_file,
                                                       .entropy = &system_entropy,
                                                       .create = create},
                         &stores.folder, why);
    if (status != STATUS_OK)
        return status;
    stores.trusted = data_folder_trusted(stores.folder);
    stores.written_behind = clock_monotonic(&system_clock);
    status = open_log(&stores, why);
    if (status != STATUS_OK) {
        stores_close(&stores, false);
        return status;
    }
    *out = stores;
    return STATUS_OK;
}

enum status stores_fold(struct stores *stores, bool (*stop)(void), struct fault *why)
{
    stores->stop = stop;
    enum status status = bring_up_state(stores, why);
    return status == STATUS_OK ? bring_up_ids(stores, why) : status;
}

void stores_close(struct stores *stores, bool clean)
{
    if (stores->folder == NULL)
        return;
    /* What a start did not come to open is as the stop before left it, or has been removed. */
    bool synced = (stores->state == NULL || kv_sync(stores->state) == STATUS_OK) &&
                  (stores->ids == NULL || id_index_sync(stores->ids) == STATUS_OK);
    id_index_close(stores->ids);
    kv_close(stores->state);
    log_close(stores->log);
    data_folder_close(stores->folder, clean && synced);
    *stores = (struct stores){.config = stores->config};
}

/* ---- views ------------------------------------------------------------------------------------------------------------------ */

#define VIEW_NAME_MAX 64

static enum status view_name(const char *name, char out[VIEW_NAME_MAX])
{
    int len = snprintf(out, VIEW_NAME_MAX, "views/%s", name);
    return len > 0 && len < VIEW_NAME_MAX ? STATUS_OK : STATUS_INVALID;
}

static enum status view_open(void *context, const char *name, const struct kv_table *tables,
                             unsigned table_count, struct kv **out, struct fault *why)
{
    struct stores *stores = context;
    char path[VIEW_NAME_MAX];
    enum status status = view_name(name, path);
    if (status != STATUS_OK)
        return fault_set(why, status, "view", "a shorter name");
    return data_folder_environment_open(
        stores->folder,
        &(struct data_folder_environment){.name = path,
                                          .tables = tables,
                                          .table_count = table_count,
                                          .map_bytes = mib(stores->config->view_map_mib),
                                          .readers_max =
                                              (unsigned)stores->config->reader_threads * 4 + READERS_SPARE},
        out, why);
}

static enum status view_remove(void *context, const char *name)
{
    struct stores *stores = context;
    char path[VIEW_NAME_MAX];
    enum status status = view_name(name, path);
    return status == STATUS_OK ? data_folder_environment_remove(stores->folder, path) : status;
}

static enum status view_rename(void *context, const char *from, const char *to)
{
    struct stores *stores = context;
    char from_path[VIEW_NAME_MAX], to_path[VIEW_NAME_MAX];
    enum status status = view_name(from, from_path);
    if (status == STATUS_OK)
        status = view_name(to, to_path);
    return status == STATUS_OK ? data_folder_environment_rename(stores->folder, from_path, to_path) : status;
}

/* What cannot be told is no reason to stay behind. */
static bool view_room(void *context, uint64_t bytes)
{
    const struct stores *stores = context;
    struct statvfs disk;
    char path[FOLDER_PATH_MAX];
    return folder_join(stores->config->data_dir, "views", path, NULL) != STATUS_OK ||
           statvfs(path, &disk) != 0 || (uint64_t)disk.f_bavail * disk.f_frsize >= bytes;
}

void stores_views(struct stores *stores, struct view_store *out)
{
    *out = (struct view_store){.context = stores,
                               .open = view_open,
                               .remove = view_remove,
                               .rename = view_rename,
                               .room = view_room};
}
