#include <stdio.h>
#include <stdlib.h>

#include "proto/base/bytes.h"
#include "server/log/check_parts.h"

/* ---- reading stored rows ------------------------------------------------------------------------------------- */

enum status check_reader_open(struct check_reader *reader, const struct log_check_options *options)
{
    *reader = (struct check_reader){.options = options};
    return kv_begin(options->kv, false, &reader->txn);
}

void check_reader_close(struct check_reader *reader)
{
    kv_abort(reader->txn);
    reader->txn = NULL;
}

enum status check_get(struct check_reader *reader, unsigned table, struct slice key,
                      enum check_found *out_found, struct slice *out)
{
    const struct log_check_options *options = reader->options;
    *out_found = CHECK_WHOLE;
    reader->key_id = 0;
    if (kv_get(reader->txn, table, key, out))
        return STATUS_OK;
    enum status error = kv_error(reader->txn);
    *out_found = CHECK_ABSENT;
    if (error == STATUS_OK)
        return STATUS_OK;
    if (error != STATUS_CORRUPT)
        return error;
    *out_found = CHECK_CLOSED;
    check_reader_close(reader); /* the failed transaction reads nothing any more */
    enum status status = check_reader_open(reader, options);
    if (status != STATUS_OK)
        return status;
    if (options->missing_key != NULL && options->missing_key(reader->txn, table, key, &reader->key_id))
        *out_found = CHECK_UNREAD;
    else if (options->get_unchecked != NULL && options->get_unchecked(reader->txn, table, key, out))
        *out_found = CHECK_BROKEN;
    return STATUS_OK;
}

void check_keys_open(struct check_keys *keys, struct check_reader *reader, unsigned table)
{
    struct kv_txn *(*beneath)(struct kv_txn *) = reader->options->beneath;
    keys->cursor = kv_cursor_open(beneath != NULL ? beneath(reader->txn) : reader->txn, table);
    keys->len = 0;
}

enum check_keys_next check_keys_next(struct check_keys *keys)
{
    struct slice key;
    if (keys->cursor == NULL || !kv_next(keys->cursor))
        return CHECK_KEYS_END;
    kv_row(keys->cursor, &key, NULL);
    if (keys->len != 0 && slice_compare(key, slice_of(keys->key, keys->len)) <= 0)
        return CHECK_KEYS_DISORDER;
    memcpy(keys->key, key.ptr, key.len);
    keys->len = key.len;
    return CHECK_KEYS_NEXT;
}

void check_keys_hint(const struct check_keys *keys, struct check_reader *reader, unsigned table)
{
    struct kv_txn *(*beneath)(struct kv_txn *) = reader->options->beneath;
    kv_hint(beneath != NULL ? beneath(reader->txn) : reader->txn, table, slice_of(keys->key, keys->len), 1);
}

void check_keys_close(struct check_keys *keys)
{
    kv_cursor_close(keys->cursor);
    keys->cursor = NULL;
}

/* ---- a span ------------------------------------------------------------------------------------------------------ */

/* Room for `count` more in an array of `size` bytes each. */
static bool room(void **array, size_t size, size_t used, size_t count, size_t *cap)
{
    if (count <= *cap - used)
        return true;
    size_t wanted = 2 * (used + count);
    void *grown = realloc(*array, wanted * size);
    if (grown == NULL)
        return false;
    *array = grown;
    *cap = wanted;
    return true;
}

static bool records_room(struct span *span, size_t count)
{
    size_t cap = span->record_cap;
    return room((void **)&span->hashes, sizeof *span->hashes, span->record_count, count, &cap) &&
           room((void **)&span->records, sizeof *span->records, span->record_count, count, &span->record_cap);
}

static enum status fault_keep(struct span *span, const char *before, const struct fault *why,
                              struct found_record *out)
{
    if (!room((void **)&span->faults, sizeof *span->faults, span->fault_count, 1, &span->fault_cap))
        return STATUS_NO_MEMORY;
    snprintf(span->faults[span->fault_count].text, sizeof span->faults->text, "%s%s%s%s", before, why->field,
             why->field[0] ? ": " : "", why->text);
    out->fault = (uint32_t)++span->fault_count;
    return STATUS_OK;
}

static enum status record_read(struct span *span, struct slice bytes)
{
    struct found_record *found = &span->records[span->record_count];
    struct record record;
    struct fault why = {0};
    *found = (struct found_record){.decodes = record_decode(bytes, &record, &why) == STATUS_OK};
    record_hash(bytes, &span->hashes[span->record_count++]);
    if (!found->decodes)
        return fault_keep(span, "the record does not decode: ", &why, found);
    found->position = record.header.position;
    found->time = record.header.time;
    found->previous = record.header.previous;
    if (record_check_balance(&record, &why) == STATUS_OK)
        return STATUS_OK;
    why.field[0] = '\0';
    return fault_keep(span, "", &why, found);
}

static enum status block_read(struct span *span, struct found_block *found, struct check_reader *reader)
{
    uint8_t key[8];
    struct slice value, bytes;
    struct block block;
    be64_put(key, found->first);
    enum status status =
        check_get(reader, LOG_TABLE_BLOCKS, slice_of(key, sizeof key), &found->found, &value);
    found->key_id = reader->key_id;
    bool there = found->found == CHECK_WHOLE || found->found == CHECK_BROKEN;
    if (status != STATUS_OK || !there || !block_decode(value, &block))
        return status;
    if (!records_room(span, block.count))
        return STATUS_NO_MEMORY;
    found->formed = true;
    found->count = block.count;
    found->first_record = span->record_count;
    size_t at = 0;
    while (status == STATUS_OK && found->read < block.count && block_next(&block, found->read, &at, &bytes)) {
        status = record_read(span, bytes);
        found->read++;
    }
    return status;
}

/* The roots of tiles all of whose records lie one after the other here: the caller need not hash them. */
static enum status tiles_compute(struct span *span)
{
    uint64_t next = 0;
    size_t run = 0; /* records in a row so far */
    for (size_t i = 0; i < span->block_count; i++) {
        const struct found_block *block = &span->blocks[i];
        run = block->first == next ? run : 0;
        for (uint32_t k = 0; k < block->read; k++) {
            uint64_t index = block->first - 1 + k;
            if (++run < TILE_WIDTH || index % TILE_WIDTH != TILE_WIDTH - 1)
                continue;
            if (!room((void **)&span->tiles, sizeof *span->tiles, span->tile_count, 1, &span->tile_cap))
                return STATUS_NO_MEMORY;
            struct found_tile *tile = &span->tiles[span->tile_count++];
            tile->tile = index / TILE_WIDTH;
            tile->first_record = block->first_record + k + 1 - TILE_WIDTH;
            tail_subtree(&span->hashes[tile->first_record], TILE_HEIGHT, &tile->root);
        }
        next = block->first + block->read;
    }
    return STATUS_OK;
}

void span_read(struct span *span, struct check_reader *reader)
{
    span->status = STATUS_OK;
    span->record_count = span->tile_count = span->fault_count = 0;
    for (size_t i = 0; i < span->block_count && span->status == STATUS_OK; i++)
        if (span->blocks[i].first != 0)
            span->status = block_read(span, &span->blocks[i], reader);
    if (span->status == STATUS_OK)
        span->status = tiles_compute(span);
}

void span_free(struct span *span)
{
    free(span->records);
    free(span->hashes);
    free(span->tiles);
    free(span->faults);
}
