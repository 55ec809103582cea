#include "tests/support/writer_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "account.pb-c.h"
#include "books.pb-c.h"
#include "common.pb-c.h"
#include "proto/wire/arena.h"
#include "server/base/kv_mem.h"
#include "server/domain/kernel/tables.h"
#include "server/log/log.h"
#include "server/store/kv_lmdb.h"
#include "tests/support/new_books.h"

#define ARENA_BYTES (1024u * 1024u)

struct writer_world writer_world = {.wall = INT64_C(1790000000000000), .monotonic = 1000000}; /* in 2026 */

static timestamp_us fake_wall(const struct clock *clock)
{
    (void)clock;
    return writer_world.wall;
}
static monotonic_us fake_monotonic(const struct clock *clock)
{
    (void)clock;
    return writer_world.monotonic_step == 0 ? writer_world.monotonic
                                            : (writer_world.monotonic += writer_world.monotonic_step);
}
const struct clock writer_world_clock = {.wall = fake_wall, .monotonic = fake_monotonic};

static const struct kv_ops *real_log_ops;
static struct kv_ops log_ops; /* of the log's store: room can run out */
static void log_usage(struct kv *kv, uint64_t *used, uint64_t *limit)
{
    real_log_ops->usage(kv, used, limit);
    writer_world.asked_room++;
    if (writer_world.no_room)
        *limit = *used + 1;
}

static const struct kv_ops *real_ids_ops;
static struct kv_ops ids_ops;
static enum status ids_commit(struct kv_txn *txn)
{
    if (writer_world.no_ids_room)
        real_ids_ops->set_error(txn, STATUS_FULL);
    return real_ids_ops->commit(txn);
}

static void on_recorded(void *context, struct kv_txn *state, const struct record *record)
{
    struct writer_rig *rig = context;
    struct state_cursor cursor;
    assert_true(state_cursor_get(state, &cursor)); /* state is as of the whole batch */
    assert_true(cursor.position >= record->header.position);
    assert_true(record->header.type >= WRITER_TOLD_TYPE);
    rig->recorded++;
}
static void on_spent(void *context, const uint64_t us[WRITER_STAGES])
{
    struct writer_rig *rig = context;
    for (size_t i = 0; i < WRITER_STAGES; i++)
        rig->spent[i] += us[i];
}
static void on_grew(void *context, uint64_t position, size_t records, int64_t commit_us)
{
    struct writer_rig *rig = context;
    (void)commit_us;
    assert_true(records > 0);
    rig->grew++;
    rig->grew_to = position;
}
static enum status on_write_behind(void *context, bool idle, bool must)
{
    struct writer_rig *rig = context;
    struct kv_txn *txn;
    struct state_cursor cursor;
    struct log_head head;
    (void)idle, (void)must;
    log_head(rig->log, &head); /* what is written behind is durable in the log, whatever was decided since */
    if (kv_begin(rig->state, false, &txn) != STATUS_OK)
        abort();
    if (!state_cursor_get(txn, &cursor) || cursor.position != head.size)
        abort();
    kv_abort(txn);
    return writer_world.behind;
}

__attribute__((noreturn)) static void on_fatal(void *context, const struct fault *fault)
{
    (void)context;
    fail_msg("fatal: %s", fault->text);
    abort();
}

static void item_done(struct work_item *item)
{
    *(bool *)item->owner = true;
}

void ask_start(struct ask *ask, const char *method)
{
    memset(ask, 0, sizeof *ask);
    ask->item.method = domain_method(slice_text(method));
    assert_non_null(ask->item.method);
    ask->item.arena = arena_new(ARENA_BYTES);
    assert_non_null(ask->item.arena);
    ask->item.parts = ask->parts;
    ask->item.from_server = true;
    ask->item.done = item_done;
    ask->item.owner = &ask->done;
}

void ask_add(struct ask *ask, uint64_t id, const ProtobufCMessage *message)
{
    struct work_part *part = &ask->parts[ask->item.part_count];
    uint8_t *body = ask->bodies[ask->item.part_count++];
    assert_true(protobuf_c_message_get_packed_size(message) <= WRITER_RIG_BODY_MAX);
    part->body = slice_of(body, protobuf_c_message_pack(message, body));
    memcpy(part->command_id.bytes, &id, sizeof id);
}

void ask_run(struct writer_rig *rig, struct ask *ask)
{
    writer_run_one(rig->writer, &ask->item);
    assert_true(ask->done);
}

void ask_end(struct ask *ask)
{
    arena_free(ask->item.arena);
}

uint64_t ask_answered(const struct ask *ask, size_t index)
{
    const struct work_part *part = &ask->parts[index];
    if (part->status != STATUS_OK)
        fail_msg("part %zu: %s %s", index, status_name(part->status),
                 part->fault != NULL ? part->fault->text : "");
    Daftari__V1__Recorded *recorded = daftari__v1__recorded__unpack(NULL, part->answer.len, part->answer.ptr);
    assert_non_null(recorded);
    uint64_t position = recorded->position;
    daftari__v1__recorded__free_unpacked(recorded, NULL);
    return position;
}

const ProtobufCMessage *ask_entry(struct ask_entry *entry, int64_t debit, int64_t credit)
{
    entry->message = (Daftari__V1__PostEntry)DAFTARI__V1__POST_ENTRY__INIT;
    for (size_t i = 0; i < 2; i++) {
        entry->lines[i] = (Daftari__V1__EntryLine)DAFTARI__V1__ENTRY_LINE__INIT;
        entry->pointers[i] = &entry->lines[i];
        entry->lines[i].has_account = 1;
    }
    entry->lines[0].account = 1110;
    entry->lines[1].account = 3100;
    entry->lines[0].has_debit_minor = entry->lines[1].has_credit_minor = 1;
    entry->lines[0].debit_minor = debit;
    entry->lines[1].credit_minor = credit;
    memcpy(entry->text, "test", 5);
    entry->message.description = entry->text;
    entry->message.n_lines = 2;
    entry->message.lines = entry->pointers;
    return &entry->message.base;
}

void writer_rig_open_account(struct writer_rig *rig, uint64_t id, uint32_t number, char *name)
{
    struct ask ask;
    Daftari__V1__OpenAccount account = DAFTARI__V1__OPEN_ACCOUNT__INIT;
    account.has_number = 1;
    account.number = number;
    account.name = name;
    ask_start(&ask, "Account.Open");
    ask_add(&ask, id, &account.base);
    ask_run(rig, &ask);
    assert_true(ask_answered(&ask, 0) > 0);
    ask_end(&ask);
}

void writer_rig_open(struct writer_rig *rig, size_t batch_records)
{
    struct fault why = {0};
    struct ask ask;
    char cash[] = "Cash", capital[] = "Capital";
    memset(rig, 0, sizeof *rig);
    writer_world.no_room = writer_world.no_ids_room = false;
    assert_int_equal(domain_check(&why), STATUS_OK);
    struct kv *log_kv;
    scratch_make(rig->folder);
    assert_int_equal(kv_lmdb_open(&(struct kv_lmdb_options){.path = rig->folder,
                                                            .tables = log_tables,
                                                            .count = LOG_TABLE_COUNT,
                                                            .map_bytes = 64u << 20,
                                                            .readers_max = 8,
                                                            .durability = KV_LMDB_DERIVED,
                                                            .create = true},
                                  &log_kv, &why),
                     STATUS_OK);
    real_log_ops = log_kv->ops;
    log_ops = *real_log_ops;
    log_ops.usage = log_usage;
    log_kv->ops = &log_ops;
    assert_int_equal(log_over_kv_open(log_kv, &rig->log, &why), STATUS_OK);
    rig->state = kv_mem_new(domain_tables, domain_table_count);
    const size_t settle = 3 * batch_records;
    struct id_index_config ids = {.memory_entries = 20, .batch_entries_max = settle + batch_records};
    struct kv *ids_kv = kv_mem_new(id_index_tables, ID_INDEX_TABLE_COUNT);
    assert_non_null(ids_kv);
    real_ids_ops = ids_kv->ops;
    ids_ops = *real_ids_ops;
    ids_ops.commit = ids_commit;
    ids_kv->ops = &ids_ops;
    assert_int_equal(id_index_open(ids_kv, &ids, &rig->ids, &why), STATUS_OK);
    struct writer_config config = {.ids = rig->ids,
                                   .log = rig->log,
                                   .state = rig->state,
                                   .clock = &writer_world_clock,
                                   .queue_items_max = 64,
                                   .batch_records_max = batch_records,
                                   .settle_records = settle,
                                   .committer_records_min = 1,
                                   .batch_bytes_max = 4 * 65536,
                                   .arena_bytes_max = ARENA_BYTES,
                                   .hooks = {.context = rig,
                                             .recorded = on_recorded,
                                             .grew = on_grew,
                                             .spent = on_spent,
                                             .write_behind = on_write_behind,
                                             .fatal = on_fatal}};
    assert_int_equal(writer_new(&config, &rig->writer, &why), STATUS_OK);

    Daftari__V1__OpenBooks books = new_books(20240101);
    ask_start(&ask, "internal.OpenBooks");
    ask_add(&ask, 0, &books.base);
    ask_run(rig, &ask);
    assert_int_equal(ask_answered(&ask, 0), 1);
    ask_end(&ask);
    writer_rig_open_account(rig, 1000001, 1110, cash);
    writer_rig_open_account(rig, 1000002, 3100, capital);
}

void writer_rig_close(struct writer_rig *rig)
{
    writer_stop(rig->writer);
    writer_free(rig->writer);
    log_close(rig->log);
    kv_close(rig->state);
    id_index_close(rig->ids);
    scratch_remove(rig->folder);
}

void writer_rig_post(struct writer_rig *rig, uint64_t first_id, size_t times)
{
    for (size_t n = 0; n < times; n++) {
        struct ask ask;
        struct ask_entry entry;
        ask_start(&ask, "Entry.Post");
        for (size_t i = 0; i < WRITER_RIG_PARTS_MAX; i++)
            ask_add(&ask, first_id++, ask_entry(&entry, 100, 100));
        ask_run(rig, &ask);
        ask_end(&ask);
    }
}
