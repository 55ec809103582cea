#include "proto/base/bug.h"
#include "proto/base/bytes.h"
#include "server/domain/kernel/tables.h"
#include "server/writer/writer.h"

#define CURSOR_KEY   slice_text("position")
#define CURSOR_BYTES (8 + HASH_BYTES + 4)

void state_cursor_put(struct kv_txn *state, const struct state_cursor *cursor)
{
    uint8_t row[CURSOR_BYTES];
    be64_put(row, cursor->position);
    memcpy(row + 8, cursor->hash.bytes, HASH_BYTES);
    be32_put(row + 8 + HASH_BYTES, DOMAIN_STATE_VERSION);
    kv_put(state, TABLE_CURSOR, CURSOR_KEY, slice_of(row, sizeof row));
}

bool state_cursor_get(struct kv_txn *state, struct state_cursor *out)
{
    struct slice row;
    *out = (struct state_cursor){0};
    if (!kv_get(state, TABLE_CURSOR, CURSOR_KEY, &row) || row.len != CURSOR_BYTES ||
        be32_get(row.ptr + 8 + HASH_BYTES) != DOMAIN_STATE_VERSION)
        return false;
    out->position = be64_get(row.ptr);
    memcpy(out->hash.bytes, row.ptr + 8, HASH_BYTES);
    return true;
}

/* Is the cursor of what was folded a record of this log? */
static enum status check_cursor(const char *what, struct log *log, struct log_reader *reader,
                                const struct state_cursor *cursor, struct fault *why)
{
    struct log_head head;
    log_head(log, &head);
    if (cursor->position == 0)
        return STATUS_OK;
    if (cursor->position > head.size)
        return fault_set(why, STATUS_STALE, NULL, "%s is at position %llu, the log ends at %llu", what,
                         (unsigned long long)cursor->position, (unsigned long long)head.size);
    struct slice bytes;
    struct hash hash;
    enum status status = log_read(reader, cursor->position, &bytes, why);
    if (status != STATUS_OK)
        return status;
    record_hash(bytes, &hash);
    if (memcmp(&hash, &cursor->hash, sizeof hash) != 0)
        return fault_set(why, STATUS_STALE, NULL, "%s was folded from another log (position %llu differs)",
                         what, (unsigned long long)cursor->position);
    return STATUS_OK;
}

/* Without the cursor's hash. */
enum status state_fault(struct kv *state, enum status status, uint64_t position, struct fault *why)
{
    struct fault said;
    kv_failure(state, &said);
    const char *behind = said.status != STATUS_OK ? ": " : "";
    if (position == 0)
        return fault_set(why, status, NULL, "core state cannot be read%s%s", behind, said.text);
    return fault_set(why, status, NULL, "record %llu does not fit core state%s%s",
                     (unsigned long long)position, behind, said.text);
}

static enum status fold_one(const struct fold_config *config, struct kv_txn *state, struct log_reader *reader,
                            struct arena *arena, struct state_cursor *cursor, struct fault *why)
{
    struct slice bytes;
    struct record record;
    enum status status = log_read(reader, cursor->position + 1, &bytes, why);
    if (status == STATUS_OK)
        status = record_decode(bytes, &record, why);
    if (status != STATUS_OK)
        return status;
    arena_reset(arena);
    domain_apply(state, &record, arena);
    if (kv_error(state) != STATUS_OK)
        return state_fault(config->state, kv_error(state), record.header.position, why);
    cursor->position++;
    return STATUS_OK;
}

/* The cursor of what was folded, with the hash of its last record: what of the slice is good is kept when the rest is
 * not. */
static void put_cursor(struct kv_txn *state, struct log_reader *reader, struct state_cursor *cursor)
{
    struct slice bytes;
    enum status status = log_read(reader, cursor->position, &bytes, &(struct fault){0});
    if (status != STATUS_OK) {
        kv_set_error(state, status);
        return;
    }
    record_hash(bytes, &cursor->hash);
    state_cursor_put(state, cursor);
}

static enum status fold_slice(const struct fold_config *config, struct log_reader *reader,
                              struct arena *arena, struct state_cursor *cursor, uint64_t until,
                              struct fault *why)
{
    struct kv_txn *state;
    enum status status = kv_begin(config->state, true, &state);
    if (status != STATUS_OK)
        return fault_set(why, status, NULL, "core state cannot be written");
    uint64_t from = cursor->position;
    while (status == STATUS_OK && cursor->position < until)
        status = fold_one(config, state, reader, arena, cursor, why);
    if (cursor->position != from)
        put_cursor(state, reader, cursor);
    enum status committed = kv_commit(state);
    return status != STATUS_OK ? status : committed;
}

static bool stop_wanted(bool (*stop)(void))
{
    return stop != NULL && stop();
}

static enum status stopped(const char *what, uint64_t position, uint64_t until, struct fault *why)
{
    return fault_set(why, STATUS_CANCELLED, NULL,
                     "%s is folded up to %llu of %llu records; the next start goes on", what,
                     (unsigned long long)position, (unsigned long long)until);
}

static enum status fold_with(const struct fold_config *config, struct log_reader *reader, struct arena *arena,
                             uint64_t *out_folded, struct fault *why)
{
    struct kv_txn *txn;
    struct state_cursor cursor;
    enum status status = kv_begin(config->state, false, &txn);
    if (status != STATUS_OK)
        return fault_set(why, status, NULL, "core state cannot be read");
    struct slice row;
    bool other = !state_cursor_get(txn, &cursor) && kv_get(txn, TABLE_CURSOR, CURSOR_KEY, &row);
    status = kv_error(txn);
    kv_abort(txn);
    if (other)
        return fault_set(why, STATUS_STALE, NULL, "core state was made by another version of the program");
    if (status == STATUS_OK)
        status = check_cursor("core state", config->log, reader, &cursor, why);
    if (status != STATUS_OK)
        return status;

    struct log_head head;
    log_head(config->log, &head);
    uint64_t first = cursor.position;
    while (status == STATUS_OK && cursor.position < head.size) {
        uint64_t left = head.size - cursor.position;
        uint64_t step = left > config->pause_records ? config->pause_records : left;
        status = fold_slice(config, reader, arena, &cursor, cursor.position + step, why);
        if (status == STATUS_OK && config->pause != NULL)
            status = config->pause(config->context);
        if (status == STATUS_OK && cursor.position < head.size && stop_wanted(config->stop))
            status = stopped("core state", cursor.position, head.size, why);
    }
    if (status == STATUS_OK)
        *out_folded = head.size - first;
    return status;
}

enum status state_fold(const struct fold_config *config, uint64_t *out_folded, struct fault *why)
{
    ASSERT(config->pause_records > 0);
    struct log_reader *reader = NULL;
    struct arena *arena = arena_new(config->arena_bytes_max);
    if (arena == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory to fold the log");
    enum status status = log_reader_open(config->log, &reader);
    if (status == STATUS_OK)
        status = fold_with(config, reader, arena, out_folded, why);
    log_reader_close(reader);
    arena_free(arena);
    return status;
}

/* ---- command ids ------------------------------------------------------------------------------------------------ */

static enum status add_ids(struct log_reader *reader, struct id_index *ids, struct id_cursor *cursor,
                           uint64_t until, struct fault *why)
{
    struct slice bytes = {0};
    struct record record;
    while (cursor->position < until) {
        enum status status = log_read(reader, cursor->position + 1, &bytes, why);
        if (status == STATUS_OK)
            status = record_decode(bytes, &record, why);
        if (status != STATUS_OK)
            return status;
        cursor->position++;
        if (!command_id_is_zero(&record.header.command_id))
            id_index_add(ids, &record.header.command_id, cursor->position);
    }
    record_hash(bytes, &cursor->hash);
    enum status status = id_index_mark(ids, cursor);
    return status == STATUS_OK ? status
                               : fault_set(why, status, NULL, "the index of command ids cannot be written");
}

enum status ids_fold(struct log *log, struct id_index *ids, bool (*stop)(void), uint64_t *out_folded,
                     struct fault *why)
{
    struct log_reader *reader = NULL;
    struct id_cursor cursor;
    struct log_head head;
    id_index_stored(ids, &cursor);
    log_head(log, &head);
    enum status status = log_reader_open(log, &reader);
    if (status == STATUS_OK)
        status = check_cursor("the index of command ids", log, reader,
                              &(struct state_cursor){.position = cursor.position, .hash = cursor.hash}, why);
    *out_folded = status == STATUS_OK ? head.size - cursor.position : 0;
    while (status == STATUS_OK && cursor.position < head.size) {
        uint64_t left = head.size - cursor.position;
        uint64_t step = left < IDS_FOLD_BATCH ? left : IDS_FOLD_BATCH;
        (void)id_index_has_room(ids); /* makes some, if there is any to be had */
        uint64_t space = id_index_space(ids);
        if (space == 0)
            status = fault_set(why, STATUS_FULL, NULL,
                               "the index of command ids has no room left: enlarge ids_map_mib or free disk");
        else
            status = add_ids(reader, ids, &cursor, cursor.position + (step < space ? step : space), why);
        if (status == STATUS_OK && cursor.position < head.size && stop_wanted(stop))
            status = stopped("the index of command ids", cursor.position, head.size, why);
    }
    log_reader_close(reader);
    return status;
}
