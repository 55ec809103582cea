#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "server/base/kv_mem.h"
#include "server/views/runner_parts.h"

#define REPLAY_SLICE       1024u /* records between looks at memory and time */
#define REPLAY_WAIT_S      2
#define APPLY_MEMORY_BYTES (4u * 1024u * 1024u)

/* One folded copy of a view; the next question continues from it when it lies ahead. */
struct replay {
    pthread_mutex_t lock; /* of `taken` alone: who has taken it owns the rest */
    pthread_cond_t given_back;
    bool taken;
    size_t memory_bytes;
    struct arena *arena;
    const struct view *view; /* NULL: nothing kept */
    struct kv *kv;
    uint64_t position;
};

struct replay *replay_new(size_t memory_bytes)
{
    struct replay *replay = calloc(1, sizeof *replay);
    if (replay == NULL)
        return NULL;
    replay->memory_bytes = memory_bytes;
    replay->arena = arena_new(APPLY_MEMORY_BYTES);
    if (replay->arena == NULL) {
        free(replay);
        return NULL;
    }
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&replay->lock, NULL);
    pthread_cond_init(&replay->given_back, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return replay;
}

static void replay_drop(struct replay *replay)
{
    kv_close(replay->kv);
    replay->kv = NULL;
    replay->view = NULL;
    replay->position = 0;
}

void replay_free(struct replay *replay)
{
    if (replay == NULL)
        return;
    replay_drop(replay);
    arena_free(replay->arena);
    pthread_cond_destroy(&replay->given_back);
    pthread_mutex_destroy(&replay->lock);
    free(replay);
}

static enum status replay_slice(struct replay *replay, uint64_t to, struct log_reader *reader,
                                struct fault *why)
{
    struct kv_txn *txn;
    enum status status = kv_begin(replay->kv, true, &txn);
    if (status != STATUS_OK)
        return fault_set(why, status, NULL, "no memory for the replay");
    for (uint64_t position = replay->position + 1; position <= to && status == STATUS_OK; position++) {
        struct slice bytes;
        struct record record;
        status = log_read(reader, position, &bytes, why);
        if (status == STATUS_OK)
            status = record_decode(bytes, &record, why);
        if (status != STATUS_OK)
            break;
        arena_reset(replay->arena);
        replay->view->apply(txn, &record, replay->arena);
        status = kv_error(txn);
    }
    if (status != STATUS_OK) {
        kv_abort(txn);
        return status;
    }
    status = kv_commit(txn);
    if (status == STATUS_OK)
        replay->position = to;
    return status;
}

static enum status replay_forward(struct replay *replay, uint64_t position, struct log_reader *reader,
                                  const struct clock *clock, monotonic_us deadline, struct fault *why)
{
    while (replay->position < position) {
        uint64_t left = position - replay->position;
        uint64_t to = replay->position + (left < REPLAY_SLICE ? left : REPLAY_SLICE);
        enum status status = replay_slice(replay, to, reader, why);
        if (status != STATUS_OK) {
            replay_drop(replay);
            return status;
        }
        uint64_t used, limit;
        kv_usage(replay->kv, &used, &limit);
        if (used > replay->memory_bytes) {
            replay_drop(replay);
            return fault_set(why, STATUS_TOO_LARGE, "known_at_position",
                             "the books of that moment do not fit the server's replay memory");
        }
        if (deadline != 0 && clock_monotonic(clock) >= deadline)
            return fault_set(why, STATUS_DEADLINE, "known_at_position",
                             "replaying the books takes longer than the deadline; ask again");
    }
    return STATUS_OK;
}

static bool take_in_time(struct replay *replay)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += REPLAY_WAIT_S;
    pthread_mutex_lock(&replay->lock);
    int late = 0;
    while (replay->taken && late == 0)
        late = pthread_cond_timedwait(&replay->given_back, &replay->lock, &until);
    bool taken = !replay->taken;
    replay->taken = true;
    pthread_mutex_unlock(&replay->lock);
    return taken;
}

static void give_back(struct replay *replay)
{
    pthread_mutex_lock(&replay->lock);
    replay->taken = false;
    pthread_cond_signal(&replay->given_back);
    pthread_mutex_unlock(&replay->lock);
}

enum status replay_begin(struct replay *replay, const struct view *view, uint64_t position,
                         struct log_reader *reader, const struct clock *clock, monotonic_us deadline,
                         struct kv_txn **out, struct fault *why)
{
    if (!take_in_time(replay))
        return fault_set(why, STATUS_BUSY, NULL, "the books of another moment are being replayed; try again");
    enum status status = STATUS_OK;
    if (replay->view != view || replay->position > position) {
        replay_drop(replay);
        replay->kv = kv_mem_new(view->tables, view->table_count);
        if (replay->kv == NULL)
            status = fault_set(why, STATUS_NO_MEMORY, NULL, "no memory for the replay");
        else
            replay->view = view;
    }
    if (status == STATUS_OK)
        status = replay_forward(replay, position, reader, clock, deadline, why);
    if (status == STATUS_OK)
        status = kv_begin(replay->kv, false, out);
    if (status != STATUS_OK)
        give_back(replay);
    return status;
}

void replay_end(struct replay *replay, struct kv_txn *txn)
{
    kv_abort(txn);
    give_back(replay);
}
