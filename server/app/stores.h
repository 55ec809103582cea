/* The data folder opened for writing: log, core state and command ids folded up to it. Used by `daftarid` and `daftarid init`. */
#ifndef SERVER_APP_STORES_H
#define SERVER_APP_STORES_H

#include "server/app/config.h"
#include "server/base/id_index.h"
#include "server/ports/clock.h"
#include "server/ports/log.h"
#include "server/store/data_folder.h"
#include "server/views/view.h"

struct stores {
    const struct config *config;
    bool (*stop)(void); /* while they are folded */
    struct data_folder *folder;
    struct kv *log_kv, *state_kv, *ids_kv; /* sealed environments */
    struct log *log;
    struct kv *state;            /* overlay over state_kv: core state, at the log's head; NULL until folded */
    struct id_index *ids;        /* over ids_kv: of the commands in the log; likewise */
    bool trusted;                /* unsynced environments were as they had been left */
    monotonic_us written_behind; /* core state, last begun; */
    uint64_t behind_from;        /* with the log at this position */
    bool flushing;               /* a background flush was started and not yet brought in */
    monotonic_us full_wait,
        try_at; /* no room to write core state behind: tried again then; 0 = there was room */
};

/* Opens the folder and its log. `create`: the folder must not exist. On failure nothing stays open. */
enum status stores_open(const struct config *config, bool create, struct stores *out,
                        struct fault *why) MUST_USE;
/* Folds the log's tail into core state and command ids (all of it, when they cannot be trusted). Views may be folding at
 * the same time. `stop` (may be NULL) is asked now and then: CANCELLED then, with what is folded kept for a clean stop. On
 * failure there is still stores_close to do. */
enum status stores_fold(struct stores *stores, bool (*stop)(void), struct fault *why) MUST_USE;
/* `clean`: views are synced too. Core state must have been written behind. */
void stores_close(struct stores *stores, bool clean);

/* writer_hooks.write_behind; context is the stores. Without room it is tried again later, and says FULL only while more
 * waits in memory than may. */
enum status stores_write_behind(void *context, bool idle, bool must);

/* For the runner: environments below views/. Context is the stores. */
struct view_store;
void stores_views(struct stores *stores, struct view_store *out);

#endif
