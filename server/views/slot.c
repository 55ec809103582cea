#include <stdio.h>

#include "proto/base/bug.h"
#include "proto/base/bytes.h"
#include "server/base/diag.h"
#include "server/views/runner_parts.h"

#define CURSOR_BYTES (8 + HASH_BYTES + 4)

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

void slot_fail(struct runner *runner, struct view_slot *slot, enum status status, const char *what)
{
    diag(DIAG_ERROR, "views", "view-stopped", "view=%s at=%s status=%s position=%llu", slot->view->name, what,
         status_name(status), (unsigned long long)slot->position);
    slot_set(runner, slot, VIEW_FAILED, slot->position);
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
        diag(DIAG_ERROR, "views", "open-failed", "view=%s status=%s text=\"%s\"", name, status_name(status),
             why.text);
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
    slot->position = *out_usable ? cursor.position : 0;
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
    if (!runner->config.distrust_environments && environment_open(runner, slot, name, &usable) == STATUS_OK &&
        usable)
        return true;
    kv_close(slot->kv);
    slot->kv = NULL;
    return false;
}

void slot_open(struct runner *runner, struct view_slot *slot)
{
    const struct view_store *store = &runner->config.store;
    const char *name = slot->view->name;
    if (try_environment(runner, slot, name)) {
        slot_set(runner, slot, VIEW_READY, slot->position);
        return;
    }
    char beside[VIEW_NAME_MAX];
    new_name(slot->view, beside);
    if (!try_environment(runner, slot, beside)) { /* else: a rebuild that was cut short goes on */
        bool usable;
        enum status status = store->remove(store->context, beside);
        if (status == STATUS_OK)
            status = environment_open(runner, slot, beside, &usable);
        if (status != STATUS_OK) {
            slot_fail(runner, slot, status, "open");
            return;
        }
    }
    diag(DIAG_INFO, "views", "view-building", "view=%s from=%llu", name, (unsigned long long)slot->position);
    slot_set(runner, slot, VIEW_BUILDING, slot->position);
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
    slot_set(runner, slot, VIEW_READY, slot->position);
}
