#include <malloc.h>
#include <stdlib.h>

#include "server/base/kv_mem.h"
#include "server/views/runner_parts.h"

#define REPLAYS_KEPT_MAX   4u    /* early and late questions by turns, over two views, each find theirs */
#define REPLAY_RECORDS     1024u /* of one transaction: between looks at memory */
#define APPLY_MEMORY_BYTES (4u * 1024u * 1024u)

/* A folded copy of a view; a question for a later position goes on from it. */
struct kept {
    const struct view *view; /* NULL: a free place */
    struct kv *kv;
    uint64_t position;
    uint64_t bytes;
    uint64_t asked; /* number of the question that used it last */
};

struct replays {
    size_t memory_bytes; /* bound of all together */
    struct arena *arena;
    uint64_t questions;
    struct kept kept[REPLAYS_KEPT_MAX];
};

struct replays *replays_new(size_t memory_bytes)
{
    struct replays *replays = calloc(1, sizeof *replays);
    if (replays == NULL)
        return NULL;
    replays->memory_bytes = memory_bytes;
    replays->arena = arena_new(APPLY_MEMORY_BYTES);
    if (replays->arena == NULL) {
        free(replays);
        return NULL;
    }
    return replays;
}

static void kept_drop(struct kept *kept)
{
    kv_close(kept->kv);
    *kept = (struct kept){0};
}

void replays_free(struct replays *replays)
{
    if (replays == NULL)
        return;
    for (size_t i = 0; i < REPLAYS_KEPT_MAX; i++)
        kept_drop(&replays->kept[i]);
    arena_free(replays->arena);
    free(replays);
}

void replays_drop(struct replays *replays)
{
    for (size_t i = 0; i < REPLAYS_KEPT_MAX; i++)
        kept_drop(&replays->kept[i]);
    (void)malloc_trim(
        0); /* a replay is many small rows: freeing them alone leaves the pages with the process */
}

uint64_t replays_bytes(const struct replays *replays)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < REPLAYS_KEPT_MAX; i++)
        bytes += replays->kept[i].bytes;
    return bytes;
}

/* The one whose last question is longest ago, other than `but`; NULL: there is none. */
static struct kept *kept_oldest(struct replays *replays, const struct kept *but)
{
    struct kept *oldest = NULL;
    for (size_t i = 0; i < REPLAYS_KEPT_MAX; i++) {
        struct kept *kept = &replays->kept[i];
        if (kept->view != NULL && kept != but && (oldest == NULL || kept->asked < oldest->asked))
            oldest = kept;
    }
    return oldest;
}

/* The nearest one that the position can be reached from, or an empty one. NULL: no memory. */
static struct kept *kept_for(struct replays *replays, const struct view *view, uint64_t position)
{
    struct kept *best = NULL, *place = NULL;
    for (size_t i = 0; i < REPLAYS_KEPT_MAX; i++) {
        struct kept *kept = &replays->kept[i];
        if (kept->view == NULL)
            place = kept;
        else if (kept->view == view && kept->position <= position &&
                 (best == NULL || kept->position > best->position))
            best = kept;
    }
    if (best != NULL)
        return best;
    if (place == NULL) {
        place = kept_oldest(replays, NULL);
        kept_drop(place);
    }
    place->kv = kv_mem_new(view->tables, view->table_count);
    if (place->kv == NULL)
        return NULL;
    place->view = view;
    return place;
}

/* One transaction: to `to` or until the time is up, one record at least. */
static enum status replay_some(struct replays *replays, struct kept *kept, uint64_t to,
                               struct log_reader *reader, const struct clock *clock, monotonic_us until,
                               struct fault *why)
{
    struct kv_txn *txn;
    enum status status = kv_begin(kept->kv, true, &txn);
    if (status != STATUS_OK)
        return fault_set(why, status, NULL, "no memory for the replay");
    uint64_t reached = kept->position;
    while (reached < to) {
        struct slice bytes;
        struct record record;
        status = log_read(reader, reached + 1, &bytes, why);
        if (status == STATUS_OK)
            status = record_decode(bytes, &record, why);
        if (status != STATUS_OK)
            break;
        arena_reset(replays->arena);
        kept->view->apply(txn, &record, replays->arena);
        status = kv_error(txn);
        if (status != STATUS_OK)
            break;
        reached++;
        if (clock_monotonic(clock) >= until)
            break;
    }
    if (status != STATUS_OK) {
        kv_abort(txn);
        return status;
    }
    status = kv_commit(txn);
    if (status == STATUS_OK)
        kept->position = reached;
    return status;
}

/* Others go first; what does not fit alone does not fit. */
static enum status hold_to_bound(struct replays *replays, struct kept *kept, struct fault *why)
{
    uint64_t limit;
    kv_usage(kept->kv, &kept->bytes, &limit);
    while (replays_bytes(replays) > replays->memory_bytes) {
        struct kept *oldest = kept_oldest(replays, kept);
        if (oldest == NULL)
            return fault_set(why, STATUS_TOO_LARGE, "known_at_position",
                             "the books of that moment do not fit the server's replay memory");
        kept_drop(oldest);
    }
    return STATUS_OK;
}

enum status replays_forward(struct replays *replays, const struct view *view, uint64_t position,
                            struct log_reader *reader, const struct clock *clock, monotonic_us until,
                            struct fault *why)
{
    struct kept *kept = kept_for(replays, view, position);
    if (kept == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory for the replay");
    kept->asked = ++replays->questions;
    while (kept->position < position) {
        uint64_t left = position - kept->position;
        uint64_t to = kept->position + (left < REPLAY_RECORDS ? left : REPLAY_RECORDS);
        enum status status = replay_some(replays, kept, to, reader, clock, until, why);
        if (status == STATUS_OK)
            status = hold_to_bound(replays, kept, why);
        if (status != STATUS_OK) {
            kept_drop(kept);
            return status;
        }
        if (kept->position < position && clock_monotonic(clock) >= until)
            return STATUS_AGAIN;
    }
    return STATUS_OK;
}

enum status replays_begin(struct replays *replays, const struct view *view, uint64_t position,
                          struct kv_txn **out)
{
    for (size_t i = 0; i < REPLAYS_KEPT_MAX; i++) {
        struct kept *kept = &replays->kept[i];
        if (kept->view == view && kept->position == position)
            return kv_begin(kept->kv, false, out);
    }
    return STATUS_NOT_FOUND;
}
