#include "server/views/audit/watch.h"

#include "proto/base/bytes.h"
#include "server/domain/domain.h"
#include "server/domain/kernel/tables.h"
#include "server/views/audit/audit.h"

/* Rows of the domain's table t live in AUDIT_ROWS (or AUDIT_BLIND_ROWS, when t's keys are text from outside) under
 * the key u8 t, then t's key. */

struct watch_cursor {
    struct kv_cursor base;
    struct kv_cursor *inner;
    uint8_t table;
};

static struct watch *of(struct kv_txn *txn)
{
    return (struct watch *)txn;
}

static unsigned home(unsigned table)
{
    return (domain_tables[table].flags & KV_BLIND_KEYS) != 0 ? AUDIT_BLIND_ROWS : AUDIT_ROWS;
}

static struct slice home_key(unsigned table, struct slice key, uint8_t out[KV_KEY_MAX])
{
    struct byte_writer w = byte_writer_on(out, KV_KEY_MAX);
    byte_put_u8(&w, (uint8_t)table);
    byte_put(&w, key.ptr, key.len);
    return byte_written(&w); /* empty when too long: the store refuses it */
}

/* Look-up tables repeat what other rows say; counters and open sessions are no master data. */
static bool worth_noting(unsigned table)
{
    switch (table) {
    case TABLE_BOOKS:
    case TABLE_CURRENCY:
    case TABLE_SERIES:
    case TABLE_TRANSACTION_TYPE:
    case TABLE_BUSINESS:
    case TABLE_SETTING:
    case TABLE_ACCOUNT:
    case TABLE_PERIOD:
    case TABLE_USER:
    case TABLE_ROLE:
    case TABLE_ACCESS:
    case TABLE_CERTIFICATE:
    case TABLE_RECONCILIATION:
    case TABLE_ADJUSTMENT:
        return true;
    default:
        return false;
    }
}

static void note(struct watch *watch, unsigned table, struct slice key, const struct slice *before,
                 const struct slice *after)
{
    if (!worth_noting(table) || watch->changes == UINT16_MAX)
        return;
    struct audit_change change = {
        .table = (uint8_t)table,
        .had_before = before != NULL,
        .has_after = after != NULL,
        .key = key,
        .before = before != NULL ? *before : (struct slice){0},
        .after = after != NULL ? *after : (struct slice){0},
    };
    audit_change_put(watch->inner, watch->position, watch->changes++, &change, watch->arena);
}

/* A copy, since a value is borrowed only until the next write. */
static bool old_value(struct watch *watch, unsigned table, struct slice key, struct slice *out)
{
    uint8_t at[KV_KEY_MAX];
    struct slice value;
    if (!kv_get(watch->inner, home(table), home_key(table, key, at), &value))
        return false;
    if (arena_copy(watch->arena, value, out))
        return true;
    kv_set_error(watch->inner, STATUS_NO_MEMORY);
    return false;
}

/* The value of the same setting from the nearest earlier date: it holds until a row from a new date is written. */
static bool setting_before(struct watch *watch, struct slice key, struct slice *out)
{
    uint8_t at[KV_KEY_MAX];
    struct slice found, value, own = home_key(TABLE_SETTING, key, at);
    bool there = false;
    struct kv_cursor *cursor = kv_cursor_open(watch->inner, home(TABLE_SETTING));
    if (own.len > 4 && kv_last(cursor, own)) {
        kv_row(cursor, &found, &value);
        there = found.len == own.len && memcmp(found.ptr, own.ptr, own.len - 4) == 0;
    }
    bool copied = there && arena_copy(watch->arena, value, out);
    kv_cursor_close(cursor);
    if (there && !copied)
        kv_set_error(watch->inner, STATUS_NO_MEMORY);
    return copied;
}

static enum status watch_begin(struct kv *kv, bool write, struct kv_txn **out)
{
    (void)kv, (void)write, (void)out;
    return STATUS_INTERNAL;
}

static enum status watch_commit(struct kv_txn *txn)
{
    (void)txn;
    return STATUS_INTERNAL; /* the runner ends the inner transaction */
}

static void watch_abort(struct kv_txn *txn)
{
    kv_set_error(of(txn)->inner, STATUS_INTERNAL);
}

static bool watch_get(struct kv_txn *txn, unsigned table, struct slice key, struct slice *out)
{
    uint8_t at[KV_KEY_MAX];
    return kv_get(of(txn)->inner, home(table), home_key(table, key, at), out);
}

static void watch_put(struct kv_txn *txn, unsigned table, struct slice key, struct slice value)
{
    struct watch *watch = of(txn);
    uint8_t at[KV_KEY_MAX];
    struct slice before, key_copy, after;
    bool had = old_value(watch, table, key, &before);
    if (had && slice_equal(before, value))
        return;
    /* key and value may be borrowed from the store, so they too are copied before the first write */
    if (!arena_copy(watch->arena, key, &key_copy) || !arena_copy(watch->arena, value, &after)) {
        kv_set_error(watch->inner, STATUS_NO_MEMORY);
        return;
    }
    if (!had && table == TABLE_SETTING)
        had = setting_before(watch, key_copy, &before);
    kv_put(watch->inner, home(table), home_key(table, key_copy, at), after);
    note(watch, table, key_copy, had ? &before : NULL, &after);
}

static void watch_del(struct kv_txn *txn, unsigned table, struct slice key)
{
    struct watch *watch = of(txn);
    uint8_t at[KV_KEY_MAX];
    struct slice before, key_copy;
    if (!old_value(watch, table, key, &before))
        return;
    if (!arena_copy(watch->arena, key, &key_copy)) {
        kv_set_error(watch->inner, STATUS_NO_MEMORY);
        return;
    }
    kv_del(watch->inner, home(table), home_key(table, key_copy, at));
    note(watch, table, key_copy, &before, NULL);
}

static void watch_clear(struct kv_txn *txn, unsigned table)
{
    (void)table; /* no record empties a table of masters */
    kv_set_error(of(txn)->inner, STATUS_INTERNAL);
}

/* ---- cursors ------------------------------------------------------------------------------------------------------ */

static struct kv_cursor *watch_cursor_open(struct kv_txn *txn, unsigned table)
{
    struct watch *watch = of(txn);
    struct watch_cursor *cursor = arena_take_zero(watch->arena, sizeof *cursor);
    if (cursor == NULL) {
        kv_set_error(watch->inner, STATUS_NO_MEMORY);
        return NULL;
    }
    cursor->inner = kv_cursor_open(watch->inner, home(table));
    if (cursor->inner == NULL)
        return NULL;
    cursor->base.ops = txn->ops;
    cursor->table = (uint8_t)table;
    return &cursor->base;
}

static bool inside(const struct watch_cursor *cursor, bool found)
{
    if (!found)
        return false;
    struct slice key, value;
    kv_row(cursor->inner, &key, &value);
    return key.len != 0 && key.ptr[0] == cursor->table;
}

static bool watch_cursor_seek(struct kv_cursor *base, struct slice key)
{
    struct watch_cursor *cursor = (struct watch_cursor *)base;
    uint8_t at[KV_KEY_MAX];
    return inside(cursor, kv_seek(cursor->inner, home_key(cursor->table, key, at)));
}

static bool watch_cursor_last(struct kv_cursor *base, struct slice key)
{
    struct watch_cursor *cursor = (struct watch_cursor *)base;
    uint8_t at[KV_KEY_MAX];
    if (key.len == 0) { /* no row has the next table's number alone as its key */
        at[0] = (uint8_t)(cursor->table + 1);
        return inside(cursor, kv_last(cursor->inner, slice_of(at, 1)));
    }
    return inside(cursor, kv_last(cursor->inner, home_key(cursor->table, key, at)));
}

static bool watch_cursor_next(struct kv_cursor *base)
{
    struct watch_cursor *cursor = (struct watch_cursor *)base;
    return inside(cursor, kv_next(cursor->inner));
}

static bool watch_cursor_previous(struct kv_cursor *base)
{
    struct watch_cursor *cursor = (struct watch_cursor *)base;
    return inside(cursor, kv_previous(cursor->inner));
}

static void watch_cursor_row(struct kv_cursor *base, struct slice *key, struct slice *value)
{
    kv_row(((struct watch_cursor *)base)->inner, key, value);
    if (key->len != 0)
        *key = slice_of(key->ptr + 1, key->len - 1);
}

static void watch_cursor_close(struct kv_cursor *base)
{
    kv_cursor_close(((struct watch_cursor *)base)->inner);
}

/* ---- the rest ------------------------------------------------------------------------------------------------------- */

static void watch_set_error(struct kv_txn *txn, enum status status)
{
    kv_set_error(of(txn)->inner, status);
}

static enum status watch_error(const struct kv_txn *txn)
{
    return kv_error(((const struct watch *)txn)->inner);
}

static enum status watch_sync(struct kv *kv)
{
    (void)kv;
    return STATUS_INTERNAL;
}

static void watch_usage(struct kv *kv, uint64_t *used_bytes, uint64_t *limit_bytes)
{
    (void)kv;
    *used_bytes = *limit_bytes = 0;
}

static void watch_close(struct kv *kv)
{
    (void)kv;
}

static const struct kv_ops watch_ops = {
    .begin = watch_begin,
    .commit = watch_commit,
    .abort = watch_abort,
    .get = watch_get,
    .put = watch_put,
    .del = watch_del,
    .clear = watch_clear,
    .cursor_open = watch_cursor_open,
    .cursor_seek = watch_cursor_seek,
    .cursor_last = watch_cursor_last,
    .cursor_next = watch_cursor_next,
    .cursor_previous = watch_cursor_previous,
    .cursor_row = watch_cursor_row,
    .cursor_close = watch_cursor_close,
    .set_error = watch_set_error,
    .error = watch_error,
    .sync = watch_sync,
    .usage = watch_usage,
    .close = watch_close,
};

void watch_init(struct watch *watch, struct kv_txn *inner, uint64_t position, struct arena *arena)
{
    *watch =
        (struct watch){.base = {.ops = &watch_ops}, .inner = inner, .position = position, .arena = arena};
}
