#include <stdio.h>

#include "proto/base/bug.h"
#include "proto/base/bytes.h"
#include "server/base/diag.h"
#include "server/views/runner_parts.h"

#define CURSOR_BYTES (8 + HASH_BYTES + 4)
#define RETRY_DOUBLINGS_MAX                                                                                  \
    6 /* with retry_ms at its default: a second, and after the seventh failure a minute */
#define BEHIND_DOUBLINGS_MAX 3     /* a try is cheap: eight seconds */
#define USERS_WAIT_US        50000 /* a query's step takes 20 ms, one that makes a report longer */

static struct slice cursor_key(void)
{
    return slice_text("position");
}

void slot_write_cursor(struct kv_txn *txn, const struct view_cursor *cursor)
{
    uint8_t bytes[CURSOR_BYTES];
    struct byte_writer w = byte_writer_on(bytes, sizeof bytes);
    byte_put_u64(&w, cursor->position);
    byte_put(&w, cursor->last.bytes, HASH_BYTES);
    byte_put_u32(&w, cursor->version);
    kv_put(txn, VIEW_TABLE_CURSOR, cursor_key(), byte_written(&w));
}

bool slot_read_cursor(struct kv_txn *txn, struct view_cursor *out)
{
    struct slice value;
    if (!kv_get(txn, VIEW_TABLE_CURSOR, cursor_key(), &value) || value.len != CURSOR_BYTES)
        return false;
    struct byte_reader r = byte_reader_on(value);
    out->position = byte_get_u64(&r);
    const uint8_t *hash = byte_take(&r, HASH_BYTES);
    if (hash == NULL)
        return false;
    memcpy(out->last.bytes, hash, HASH_BYTES);
    out->version = byte_get_u32(&r);
    return true;
}

void slot_set(struct runner *runner, struct view_slot *slot, enum view_state state, uint64_t position)
{
    pthread_mutex_lock(&runner->lock);
    slot->state = state;
    slot->position = position;
    pthread_mutex_unlock(&runner->lock);
    const struct runner_hooks *hooks = &runner->config.hooks;
    if (hooks->view != NULL)
        hooks->view(hooks->context, slot->view->id, state, position);
}

bool slot_failure_passes(enum status status)
{
    return status == STATUS_FULL || status == STATUS_IO || status == STATUS_NO_MEMORY ||
           status == STATUS_BUSY;
}

bool slot_readable(enum view_state state)
{
    return state == VIEW_READY || state == VIEW_BEHIND;
}

/* A slice that found no room leaves its environment as it was after the last one, and a view that is being built is not
 * asked. */
static bool stays_readable(const struct view_slot *slot, enum status status)
{
    return status == STATUS_FULL && slot->kv != NULL && (slot_readable(slot->state) || slot->following);
}

/* Said once: not at each try that ends the same way. */
static void slot_say_stopped(const struct view_slot *slot, enum status status, const char *what)
{
    struct fault said = {0};
    if (slot->failures != 0 && slot->failed_with == status)
        return;
    if (stays_readable(slot, status)) {
        diag(DIAG_ERROR, "views", "view-behind",
             "view=%s at=%s status=%s position=%llu again=1 text=\"no room to go on: free disk, or raise "
             "view_map_mib and restart; until then answers are as of this position\"",
             slot->view->name, what, status_name(status), (unsigned long long)slot->position);
        return;
    }
    if (status == STATUS_CORRUPT && slot->kv != NULL)
        kv_failure(slot->kv, &said);
    diag(DIAG_ERROR, "views", "view-stopped", "view=%s at=%s status=%s position=%llu again=%d text=\"%s\"",
         slot->view->name, what, status_name(status), (unsigned long long)slot->position,
         slot_failure_passes(status), said.text);
}

void slot_fail(struct runner *runner, struct view_slot *slot, enum status status, const char *what)
{
    bool passes = slot_failure_passes(status), readable = stays_readable(slot, status);
    slot_say_stopped(slot, status, what);
    unsigned doublings_max = readable ? BEHIND_DOUBLINGS_MAX : RETRY_DOUBLINGS_MAX;
    unsigned doublings = slot->failures < doublings_max ? slot->failures : doublings_max;
    monotonic_us wait = ((monotonic_us)runner->config.retry_ms * 1000) << doublings;
    slot->retry_at = passes ? clock_monotonic(runner->config.clock) + wait : 0;
    slot->failures++;
    slot->following = false;
    pthread_mutex_lock(&runner->lock);
    slot->failed_with = status;
    pthread_mutex_unlock(&runner->lock);
    slot_set(runner, slot, readable ? VIEW_BEHIND : VIEW_FAILED, slot->position);
}

/* Whether the log has, at the cursor's position, the record that the cursor says. */
static bool cursor_agrees(struct runner *runner, const struct view_cursor *cursor)
{
    if (cursor->position == 0)
        return true;
    struct slice bytes;
    struct fault why = {0};
    if (log_read(runner->log_reader, cursor->position, &bytes, &why) != STATUS_OK)
        return false;
    struct hash hash;
    record_hash(bytes, &hash);
    return memcmp(hash.bytes, cursor->last.bytes, HASH_BYTES) == 0;
}

/* Opens environment `name`; *out_usable tells whether its rows can be built upon. */
static enum status environment_open(struct runner *runner, struct view_slot *slot, const char *name,
                                    bool *out_usable)
{
    const struct view_store *store = &runner->config.store;
    const struct view *view = slot->view;
    struct fault why = {0};
    enum status status = store->open(store->context, name, view->tables, view->table_count, &slot->kv, &why);
    if (status != STATUS_OK) {
        if (slot->failures == 0)
            diag(DIAG_ERROR, "views", "open-failed", "view=%s status=%s text=\"%s\"", name,
                 status_name(status), why.text);
        return status;
    }
    struct kv_txn *txn;
    status = kv_begin(slot->kv, false, &txn);
    if (status != STATUS_OK) {
        kv_close(slot->kv);
        slot->kv = NULL;
        return status;
    }
    struct view_cursor cursor = {0};
    bool found = slot_read_cursor(txn, &cursor);
    kv_abort(txn);
    *out_usable = found && cursor.version == view->version && cursor_agrees(runner, &cursor);
    pthread_mutex_lock(&runner->lock);
    slot->position = *out_usable ? cursor.position : 0;
    pthread_mutex_unlock(&runner->lock);
    slot->last = *out_usable ? cursor.last : (struct hash){0};
    return STATUS_OK;
}

static void new_name(const struct view *view, char out[VIEW_NAME_MAX])
{
    int len = snprintf(out, VIEW_NAME_MAX, "%s.new", view->name);
    ASSERT(len > 0 && (size_t)len < VIEW_NAME_MAX);
}

/* An environment that does not open may be damaged: it is dropped and built again like any other. */
static bool try_environment(struct runner *runner, struct view_slot *slot, const char *name)
{
    bool usable = false;
    if (environment_open(runner, slot, name, &usable) == STATUS_OK && usable)
        return true;
    kv_close(slot->kv);
    slot->kv = NULL;
    return false;
}

/* Removes what may have lost pages in a power cut or a sync: from then on what is there can be trusted. */
static enum status drop_distrusted(struct runner *runner, struct view_slot *slot)
{
    const struct view_store *store = &runner->config.store;
    enum status status = STATUS_OK;
    if (!slot->trust_name)
        status = store->remove(store->context, slot->view->name);
    if (status != STATUS_OK)
        return status;
    slot->trust_name = true;
    char beside[VIEW_NAME_MAX];
    new_name(slot->view, beside);
    if (!slot->trust_beside)
        status = store->remove(store->context, beside);
    slot->trust_beside = status == STATUS_OK;
    return status;
}

/* READY: it is NAME. BUILDING: NAME.new, where a rebuild that was cut short goes on. FAILED: neither opens. */
static enum view_state environment_find(struct runner *runner, struct view_slot *slot,
                                        enum status *out_status)
{
    const struct view_store *store = &runner->config.store;
    const char *name = slot->view->name;
    *out_status = drop_distrusted(runner, slot);
    if (*out_status != STATUS_OK)
        return VIEW_FAILED;
    if (try_environment(runner, slot, name))
        return VIEW_READY;
    char beside[VIEW_NAME_MAX];
    new_name(slot->view, beside);
    if (!try_environment(runner, slot, beside)) {
        bool usable;
        *out_status = store->remove(store->context, beside);
        if (*out_status == STATUS_OK)
            *out_status = environment_open(runner, slot, beside, &usable);
        if (*out_status != STATUS_OK)
            return VIEW_FAILED;
    }
    if (slot->failures == 0)
        diag(DIAG_INFO, "views", "view-building", "view=%s from=%llu", name,
             (unsigned long long)slot->position);
    return VIEW_BUILDING;
}

void slot_open(struct runner *runner, struct view_slot *slot)
{
    enum status status = STATUS_OK;
    enum view_state state = environment_find(runner, slot, &status);
    if (state == VIEW_FAILED)
        slot_fail(runner, slot, status, "open");
    else
        slot_set(runner, slot, state, slot->position);
}

void slot_retry(struct runner *runner, struct view_slot *slot)
{
    monotonic_us now = clock_monotonic(runner->config.clock);
    if (slot->state != VIEW_FAILED || slot->following || slot->retry_at == 0 || now < slot->retry_at)
        return;
    pthread_mutex_lock(&runner->lock);
    bool used = slot->users != 0;
    pthread_mutex_unlock(&runner->lock);
    if (used) {
        slot->retry_at = now + USERS_WAIT_US;
        return;
    }
    kv_close(slot->kv); /* a store that failed may refuse everything until it is opened again */
    slot->kv = NULL;
    slice_buffer_drop(slot->buffer);
    enum status status = STATUS_OK;
    enum view_state state = environment_find(runner, slot, &status);
    if (state == VIEW_FAILED) {
        slot_fail(runner, slot, status, "open");
        return;
    }
    /* Not READY before it is at the log's head: answers would go back to its old position. */
    slot->following = state == VIEW_READY;
    slot_set(runner, slot, slot->following ? VIEW_FAILED : VIEW_BUILDING, slot->position);
}

void slot_retry_together(struct runner *runner)
{
    monotonic_us now = clock_monotonic(runner->config.clock);
    bool due = false;
    for (size_t i = 0; i < VIEW_COUNT; i++) {
        const struct view_slot *slot = &runner->slots[i];
        due = due || (slot->state == VIEW_BEHIND && !slot->following && now >= slot->retry_at);
    }
    for (size_t i = 0; due && i < VIEW_COUNT; i++) {
        struct view_slot *slot = &runner->slots[i];
        if (slot->state == VIEW_BEHIND)
            slot->following = true;
    }
}

void slot_caught_up(struct runner *runner, struct view_slot *slot)
{
    diag(DIAG_INFO, "views", "view-goes-on", "view=%s position=%llu failures=%u", slot->view->name,
         (unsigned long long)slot->position, slot->failures);
    slot->following = false;
    slot->failures = 0;
    slot_set(runner, slot, VIEW_READY, slot->position);
}

void slot_put_in_place(struct runner *runner, struct view_slot *slot)
{
    const struct view_store *store = &runner->config.store;
    const char *name = slot->view->name;
    char beside[VIEW_NAME_MAX];
    new_name(slot->view, beside);
    struct kv *built = slot->kv;
    enum status status = kv_sync(built);
    slot->kv = NULL;
    kv_close(built);
    slot->trust_beside =
        status == STATUS_OK; /* a second sync says nothing of pages that the first one lost */
    if (status == STATUS_OK)
        status = store->remove(store->context, name);
    if (status == STATUS_OK)
        status = store->rename(store->context, beside, name);
    struct fault why = {0};
    struct kv *kv = NULL;
    if (status == STATUS_OK)
        status = store->open(store->context, name, slot->view->tables, slot->view->table_count, &kv, &why);
    slot->kv = kv;
    if (status != STATUS_OK) {
        slot_fail(runner, slot, status, "put-in-place");
        return;
    }
    diag(DIAG_INFO, "views", "view-built", "view=%s position=%llu", name, (unsigned long long)slot->position);
    slot->failures = 0;
    slot_set(runner, slot, VIEW_READY, slot->position);
}
