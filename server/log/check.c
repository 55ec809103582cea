#include "server/log/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

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

void check_unread(struct check *check, uint64_t position, const char *format, ...)
{
    char text[FAULT_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    check->options->unread(check->options->context, position, text);
}

void check_disorder(struct check *check, unsigned table)
{
    check_problem(check, 0, "keys of table %s are out of order: the store's own structure is damaged",
                  log_tables[table].name);
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
static bool record_content(struct check *check, uint64_t position, const struct found_record *found,
                           const struct found_fault *faults)
{
    if (found->position != position) {
        check_problem(check, position, "the record there says that it is record %llu",
                      (unsigned long long)found->position);
        return true;
    }
    /* A time that goes back from a record that does not fit is that record's fault, and told as such. */
    const struct link *last = &check->last;
    if (last->known && last->position + 1 == position && !check->in_doubt && !last->reported &&
        found->time <= last->time) {
        check_problem(check, position, "its time is not after that of the record before");
        return true;
    }
    if (found->fault != 0) {
        check_problem(check, position, "%s", faults[found->fault - 1].text);
        return true;
    }
    return false;
}

static void record_step(struct check *check, uint64_t position, const struct found_record *found,
                        const struct hash *hash, const struct found_fault *faults)
{
    struct link link = {.known = true, .position = position, .hash = *hash, .time = check->last.time};
    check->in_doubt = false;
    if (!found->decodes) {
        check_problem(check, position, "%s", faults[found->fault - 1].text);
        link.reported = true;
    } else {
        chain_step(check, position, &found->previous);
        link.reported = record_content(check, position, found, faults);
        link.time = found->time;
        if (position == 1 && hash_differs(&found->previous, &(struct hash){{0}}) != 0 && !link.reported) {
            check_problem(check, position, "the first record says that there is one before it");
            link.reported = true;
        }
        check->result.head = (struct log_head){.size = position, .last = link.hash, .time = found->time};
    }
    link.in_doubt = check->in_doubt && !link.reported;
    check->last = link;
    check->result.records++;
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

/* The tile that is full with a record, if a thread had all of it; they are in order. */
static const struct found_tile *tile_of(const struct span *span, size_t *at, size_t record)
{
    while (*at < span->tile_count && span->tiles[*at].first_record + TILE_WIDTH - 1 < record)
        ++*at;
    bool full = *at < span->tile_count && span->tiles[*at].first_record + TILE_WIDTH - 1 == record;
    return full ? &span->tiles[*at] : NULL;
}

static enum status records_walk(struct check *check, const struct span *span, const struct found_block *block,
                                size_t *tile)
{
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < block->read && status == STATUS_OK; i++) {
        size_t record = block->first_record + i;
        record_step(check, block->first + i, &span->records[record], &span->hashes[record], span->faults);
        const struct found_tile *full = tile_of(span, tile, record);
        status = check_leaf(check, block->first + i, &span->hashes[record], full,
                            full != NULL ? &span->hashes[full->first_record] : NULL);
    }
    return status;
}

/* Blocks without their key come to an end before `next`; 0: with the log, and how many records that is nobody knows. */
static void unread_end(struct check *check, uint64_t next)
{
    const struct unread *unread = &check->unread;
    if (unread->key_id == 0)
        return;
    if (next > unread->first)
        check_unread(check, unread->first, "data key %u is missing: records %llu to %llu cannot be read",
                     unread->key_id, (unsigned long long)unread->first, (unsigned long long)(next - 1));
    else
        check_unread(check, unread->first, "data key %u is missing: the records from here on cannot be read",
                     unread->key_id);
    check->unread = (struct unread){0};
}

/* A block of which nothing can be made: without its key it is not known to be wrong. */
static void block_lost(struct check *check, const struct found_block *block)
{
    check->lost_any = true;
    check->last.known = false;
    check->next = block->first + 1;
    if (block->found == CHECK_UNREAD) {
        check->result.unread++;
        if (check->unread.key_id == 0)
            check->unread = (struct unread){.key_id = block->key_id, .first = block->first};
    } else if (block->key_id != 0) {
        check_problem(
            check, block->first,
            "the block that begins here does not open: stored bytes were changed, or data key %u is "
            "missing",
            block->key_id);
    } else {
        check_problem(check, block->first,
                      "the block that begins here does not open: stored bytes were changed");
    }
}

static enum status block_step(struct check *check, const struct span *span, const struct found_block *block,
                              size_t *tile)
{
    uint64_t first = block->first;
    check->result.blocks++;
    if (first == 0) {
        check_problem(check, 0, "a block is stored under a key of %zu bytes that is no position",
                      block->key_len);
        return STATUS_OK;
    }
    if (first < check->next) {
        check_problem(check, first, "stored twice: a block begins in the midst of another");
        return STATUS_OK;
    }
    if (block->found != CHECK_UNREAD || block->key_id != check->unread.key_id)
        unread_end(check, first);
    if (first > check->next && !check->lost)
        check_problem(check, check->next, "records %llu to %llu are missing", (unsigned long long)check->next,
                      (unsigned long long)(first - 1));
    check->lost = !block->formed;
    if (check->lost) {
        block_lost(check, block);
        return STATUS_OK;
    }
    if (block->found == CHECK_BROKEN)
        block_broken(check, first, first + block->count - 1);
    enum status status = records_walk(check, span, block, tile);
    if (status == STATUS_OK && block->read < block->count) {
        check_problem(check, first + block->read, "the block's lengths do not fit its records");
        check->last.known = false;
    }
    check->next = first + block->count;
    return status;
}

static enum status blocks_walk(struct check *check, struct check_pool *pool)
{
    struct span *span;
    enum status status;
    while ((status = check_pool_next(pool, &span)) == STATUS_OK) {
        size_t tile = 0;
        for (size_t i = 0; i < span->block_count && status == STATUS_OK; i++)
            status = block_step(check, span, &span->blocks[i], &tile);
        if (status != STATUS_OK)
            break;
        if (span->disorder)
            check_disorder(check, LOG_TABLE_BLOCKS);
        if (check->options->progress != NULL)
            check->options->progress(check->options->context, check->result.records, check_pool_last(pool));
    }
    unread_end(check, 0);
    chain_end(check);
    broken_end(check);
    return status == STATUS_END ? STATUS_OK : status;
}

enum status log_check(const struct log_check_options *options, struct log_check_result *out,
                      struct fault *why)
{
    struct check *check = calloc(1, sizeof *check);
    struct check_pool *pool = NULL;
    if (check == NULL)
        return fault_set(why, STATUS_NO_MEMORY, "log", "memory to check the log");
    check->options = options;
    check->next = 1;
    check->tree_known = true;
    enum status status = check_pool_open(options, &pool);
    if (status == STATUS_OK) {
        check->reader = check_pool_reader(pool);
        check->result.threads = check_pool_threads(pool);
        status = blocks_walk(check, pool);
    }
    if (status == STATUS_OK)
        status = check_tiles_end(check, check_pool_snapshot(pool));
    if (status == STATUS_OK) {
        check_root(check);
        *out = check->result;
    } else {
        status = fault_set(why, status, "log", "the log cannot be read: %s", status_text(status));
    }
    check_pool_close(pool);
    free(check);
    return status;
}
