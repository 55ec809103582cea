#include "server/log/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/base/bytes.h"
#include "server/log/check_parts.h"

static int hash_differs(const struct hash *a, const struct hash *b)
{
    return memcmp(a->bytes, b->bytes, HASH_BYTES);
}

void check_problem(struct check *check, uint64_t position, const char *format, ...)
{
    char text[FAULT_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    check->result.problems++;
    for (size_t i = 0; i < check->broken_count; i++)
        if (position >= check->broken[i].first && position <= check->broken[i].last)
            check->broken[i].explained = true;
    check->options->problem(check->options->context, position, text);
}

/* ---- reading stored rows ------------------------------------------------------------------------------------- */

static enum status txn_renew(struct check *check)
{
    kv_abort(check->txn);
    check->txn = NULL;
    return kv_begin(check->options->kv, false, &check->txn);
}

enum status check_get(struct check *check, unsigned table, struct slice key, enum check_found *out_found,
                      struct slice *out)
{
    *out_found = CHECK_WHOLE;
    if (kv_get(check->txn, table, key, out))
        return STATUS_OK;
    enum status error = kv_error(check->txn);
    *out_found = CHECK_ABSENT;
    if (error == STATUS_OK)
        return STATUS_OK;
    if (error != STATUS_CORRUPT)
        return error;
    *out_found = CHECK_CLOSED;
    enum status status = txn_renew(check); /* the failed transaction reads nothing any more */
    if (status == STATUS_OK && check->options->get_unchecked != NULL &&
        check->options->get_unchecked(check->txn, table, key, out))
        *out_found = CHECK_BROKEN;
    return status;
}

static bool next_key(struct kv_txn *txn, unsigned table, struct slice after, uint8_t out[KV_KEY_MAX],
                     size_t *out_len)
{
    struct kv_cursor *cursor = kv_cursor_open(txn, table);
    struct slice key, value;
    bool found = kv_seek(cursor, after);
    if (found) {
        kv_row(cursor, &key, &value);
        if (slice_equal(key, after) && (found = kv_next(cursor)))
            kv_row(cursor, &key, &value);
    }
    if (found) {
        memcpy(out, key.ptr, key.len);
        *out_len = key.len;
    }
    kv_cursor_close(cursor);
    return found;
}

bool check_next_key(struct check *check, unsigned table, uint8_t key[KV_KEY_MAX], size_t *len)
{
    struct slice after = slice_of(key, *len);
    uint8_t next[KV_KEY_MAX];
    size_t next_len = 0;
    struct kv_txn *stored =
        check->options->beneath != NULL ? check->options->beneath(check->txn) : check->txn;
    bool found = next_key(stored, table, after, next, &next_len);
    /* A damaged tree below may lead in circles. */
    if (found && slice_compare(slice_of(next, next_len), after) <= 0) {
        check_problem(check, 0, "keys of table %s are out of order: the store's own structure is damaged",
                      log_tables[table].name);
        found = false;
    }
    if (found) {
        memcpy(key, next, next_len);
        *len = next_len;
    }
    return found;
}

/* ---- the chain ----------------------------------------------------------------------------------------------- */

/*
 * Records i-1 and i do not fit when `previous` of i is not the hash of i-1. Which of the two was changed is seen from
 * the next: when i+1 holds the hash of i, it was i-1; when i+1 does not fit either, it was i.
 */
static void chain_step(struct check *check, uint64_t position, const struct hash *previous)
{
    struct link *last = &check->last;
    if (!last->known || last->position + 1 != position)
        return;
    bool fits = hash_differs(previous, &last->hash) == 0;
    if (last->in_doubt && fits)
        check_problem(check, position - 2, "the record was changed: the chain holds another hash of it");
    else if (last->in_doubt)
        check_problem(check, position - 1, "the record was changed: the chain breaks before and behind it");
    bool explained = last->reported || last->in_doubt;
    check->in_doubt = !fits && !explained;
}

static bool seal_broken_at(const struct check *check, uint64_t position)
{
    for (size_t i = 0; i < check->broken_count; i++)
        if (position >= check->broken[i].first && position <= check->broken[i].last)
            return true;
    return false;
}

/* No record follows to tell which of the last two was changed; a broken seal over one of them may. */
static void chain_end(struct check *check)
{
    const struct link *last = &check->last;
    if (!last->known || !last->in_doubt)
        return;
    if (seal_broken_at(check, last->position) && !seal_broken_at(check, last->position - 1))
        check_problem(check, last->position, "the record was changed: it does not fit the one before");
    else
        check_problem(check, last->position - 1, "this record, or the one behind it, the last, was changed");
}

/* A record's own content; true when there was something to say. */
static bool record_content(struct check *check, uint64_t position, const struct record *record)
{
    struct fault why = {0};
    if (record->header.position != position) {
        check_problem(check, position, "the record there says that it is record %llu",
                      (unsigned long long)record->header.position);
        return true;
    }
    /* A time that goes back from a record that does not fit is that record's fault, and told as such. */
    const struct link *last = &check->last;
    if (last->known && last->position + 1 == position && !check->in_doubt && !last->reported &&
        record->header.time <= last->time) {
        check_problem(check, position, "its time is not after that of the record before");
        return true;
    }
    if (record_check_balance(record, &why) != STATUS_OK) {
        check_problem(check, position, "%s", why.text);
        return true;
    }
    return false;
}

static void record_step(struct check *check, uint64_t position, struct slice bytes)
{
    struct record record;
    struct fault why = {0};
    struct link link = {.known = true, .position = position, .time = check->last.time};
    record_hash(bytes, &link.hash);
    check->in_doubt = false;
    if (record_decode(bytes, &record, &why) != STATUS_OK) {
        check_problem(check, position, "the record does not decode: %s%s%s", why.field,
                      why.field[0] ? ": " : "", why.text);
        link.reported = true;
    } else {
        chain_step(check, position, &record.header.previous);
        link.reported = record_content(check, position, &record);
        link.time = record.header.time;
        if (position == 1 && hash_differs(&record.header.previous, &(struct hash){{0}}) != 0 &&
            !link.reported) {
            check_problem(check, position, "the first record says that there is one before it");
            link.reported = true;
        }
        if (check->options->record != NULL && !seal_broken_at(check, position))
            check->options->record(check->options->context, &record, &link.hash);
        check->result.head =
            (struct log_head){.size = position, .last = link.hash, .time = record.header.time};
    }
    link.in_doubt = check->in_doubt && !link.reported;
    check->last = link;
    check->result.records++;
    check->tree_known = check->tree_known && check->tree.size + 1 == position;
    if (check->tree_known)
        tree_range_append(&check->tree, &link.hash);
}

/* ---- blocks -------------------------------------------------------------------------------------------------- */

static void block_broken(struct check *check, uint64_t first, uint64_t last)
{
    if (check->broken_count == CHECK_BROKEN_MAX) {
        check_problem(check, first, "the seal of records %llu to %llu does not hold",
                      (unsigned long long)first, (unsigned long long)last);
        return;
    }
    check->broken[check->broken_count++] = (struct broken){.first = first, .last = last};
}

/* Broken seals over records which all fit: the seal itself was changed, or the log's last record, whose hash nobody
 * holds yet. */
static void broken_end(struct check *check)
{
    for (size_t i = 0; i < check->broken_count; i++) {
        const struct broken *broken = &check->broken[i];
        if (broken->explained)
            continue;
        if (broken->last == check->last.position)
            check_problem(check, broken->last, "the seal does not hold: this record or the seal was changed");
        else
            check_problem(check, broken->first,
                          "the seal of records %llu to %llu was changed; they themselves fit",
                          (unsigned long long)broken->first, (unsigned long long)broken->last);
    }
}

/* Reading tiles must not end what the block's bytes are borrowed from. */
static enum status block_copy(struct check *check, struct slice *value)
{
    if (value->len > check->copy_cap) {
        uint8_t *grown = realloc(check->copy, value->len);
        if (grown == NULL)
            return STATUS_NO_MEMORY;
        check->copy = grown;
        check->copy_cap = value->len;
    }
    if (value->len != 0)
        memcpy(check->copy, value->ptr, value->len);
    *value = slice_of(check->copy, value->len);
    return STATUS_OK;
}

static enum status block_step(struct check *check, struct slice key)
{
    struct slice value;
    struct block block;
    enum check_found found;
    check->result.blocks++;
    if (key.len != 8 || be64_get(key.ptr) == 0) {
        check_problem(check, 0, "a block is stored under a key of %zu bytes that is no position", key.len);
        return STATUS_OK;
    }
    uint64_t first = be64_get(key.ptr);
    enum status status = check_get(check, LOG_TABLE_BLOCKS, key, &found, &value);
    if (status != STATUS_OK)
        return status;
    if (first < check->next) {
        check_problem(check, first, "stored twice: a block begins in the midst of another");
        return STATUS_OK;
    }
    if (first > check->next && !check->lost)
        check_problem(check, check->next, "records %llu to %llu are missing", (unsigned long long)check->next,
                      (unsigned long long)(first - 1));
    check->next = first;
    if (found == CHECK_WHOLE || found == CHECK_BROKEN) {
        status = block_copy(check, &value);
        if (status != STATUS_OK)
            return status;
    }
    check->lost = found == CHECK_ABSENT || found == CHECK_CLOSED || !block_decode(value, &block);
    if (check->lost) {
        check->lost_any = true;
        check_problem(check, first, "the block that begins here does not open: stored bytes were changed");
        check->last.known = false;
        check->next = first + 1;
        return STATUS_OK;
    }
    if (found == CHECK_BROKEN)
        block_broken(check, first, first + block.count - 1);
    size_t at = 0;
    for (uint32_t i = 0; i < block.count && status == STATUS_OK; i++) {
        struct slice bytes;
        if (!block_next(&block, i, &at, &bytes)) {
            check_problem(check, first + i, "the block's lengths do not fit its records");
            check->last.known = false;
            break;
        }
        record_step(check, first + i, bytes);
        status = check_leaf(check, first + i, &check->last.hash);
    }
    check->next = first + block.count;
    return status;
}

static enum status blocks_walk(struct check *check)
{
    uint8_t key[KV_KEY_MAX];
    size_t len = 0;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && check_next_key(check, LOG_TABLE_BLOCKS, key, &len))
        status = block_step(check, slice_of(key, len));
    if (status == STATUS_OK)
        status = kv_error(check->txn);
    chain_end(check);
    broken_end(check);
    return status;
}

enum status log_check(const struct log_check_options *options, struct log_check_result *out,
                      struct fault *why)
{
    struct check *check = calloc(1, sizeof *check);
    if (check == NULL)
        return fault_set(why, STATUS_NO_MEMORY, "log", "memory to check the log");
    check->options = options;
    check->next = 1;
    check->tree_known = true;
    enum status status = txn_renew(check);
    if (status == STATUS_OK)
        status = blocks_walk(check);
    if (status == STATUS_OK)
        status = check_tiles_end(check);
    kv_abort(check->txn);
    if (status == STATUS_OK) {
        check->result.root_known = check->tree_known && check->tree.size + 1 == check->next;
        if (check->result.root_known)
            tree_range_root(&check->tree, &check->result.root);
        *out = check->result;
    } else {
        status = fault_set(why, status, "log", "the log cannot be read: %s", status_text(status));
    }
    free(check->copy);
    free(check);
    return status;
}
