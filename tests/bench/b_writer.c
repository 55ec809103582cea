/*
 * What the writer's thread spends on an entry: look-up of its id, decoding, deciding, hashing, applying, appending,
 * sealing and committing, without network, views and writing behind. Printed, not judged.
 * usage: b_writer [ENTRIES [ACCOUNTS [ENTRIES A BATCH]]]   (default 300000, 10000, 1000); the log lies under TMPDIR
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "account.pb-c.h"
#include "books.pb-c.h"
#include "entry.pb-c.h"
#include "proto/base/bug.h"
#include "proto/wire/arena.h"
#include "server/base/kv_mem.h"
#include "server/base/kv_overlay.h"
#include "server/base/system.h"
#include "server/domain/kernel/tables.h"
#include "server/log/log.h"
#include "server/store/kv_lmdb.h"
#include "server/store/kv_sealed.h"
#include "server/writer/writer.h"
#include "tests/support/need.h"
#include "tests/support/new_books.h"
#include "tests/support/random.h"
#include "tests/support/scratch.h"

#define FIRST_ACCOUNT 1000000u
#define BATCH_MAX     10000u
#define BODY_MAX      256u

static char folder[SCRATCH_PATH_MAX];

static _Noreturn void on_fatal(void *context, const struct fault *fault)
{
    (void)context;
    fprintf(stderr, "fatal: %s\n", fault->text);
    exit(1);
}

static struct log *log_make(struct keyring **out_keyring)
{
    struct fault why = {0};
    struct kv *kv;
    struct log *log;
    scratch_make(folder);
    static uint8_t master[KEYRING_KEY_BYTES] = {1};
    struct keyring_options keys = {.folder = folder,
                                   .master = master,
                                   .entropy = &system_entropy,
                                   .clock = &system_clock,
                                   .create = true};
    need(keyring_open(&keys, out_keyring, &why), &why);
    struct kv_lmdb_options lmdb = {.path = folder,
                                   .tables = log_tables,
                                   .count = LOG_TABLE_COUNT,
                                   .map_bytes = UINT64_C(8) << 30,
                                   .readers_max = 8,
                                   .durability = KV_LMDB_DURABLE,
                                   .create = true};
    need(kv_lmdb_open(&lmdb, &kv, &why), &why);
    struct kv_sealed_options seal = {
        .label = "log", .tables = log_tables, .count = LOG_TABLE_COUNT, .keyring = *out_keyring};
    need(kv_sealed_open(kv, &seal, &kv, &why), &why);
    need(log_over_kv_open(kv, &log, &why), &why);
    return log;
}

/* ---- items ------------------------------------------------------------------------------------------------------ */

struct ask {
    struct work_item item;
    struct work_part *parts;
    uint8_t (*bodies)[BODY_MAX];
};

static void on_done(struct work_item *item)
{
    for (size_t i = 0; i < item->part_count; i++)
        if (item->parts[i].status != STATUS_OK)
            need(item->parts[i].status, item->parts[i].fault);
}

static void ask_new(struct ask *ask)
{
    *ask =
        (struct ask){.parts = calloc(BATCH_MAX, sizeof *ask->parts), .bodies = calloc(BATCH_MAX, BODY_MAX)};
    ask->item.arena = arena_new(16u << 20);
    ASSERT(ask->parts != NULL && ask->bodies != NULL && ask->item.arena != NULL);
}

static void ask_free(struct ask *ask)
{
    arena_free(ask->item.arena);
    free(ask->parts);
    free(ask->bodies);
}

static void ask_begin(struct ask *ask, const char *method)
{
    struct arena *arena = ask->item.arena;
    arena_reset(arena);
    memset(ask->parts, 0, BATCH_MAX * sizeof *ask->parts);
    ask->item = (struct work_item){.method = domain_method(slice_text(method)),
                                   .parts = ask->parts,
                                   .arena = arena,
                                   .from_server = true,
                                   .done = on_done};
}

static void ask_add(struct ask *ask, const ProtobufCMessage *message, const uint8_t id[COMMAND_ID_BYTES])
{
    ASSERT(ask->item.part_count < BATCH_MAX && protobuf_c_message_get_packed_size(message) <= BODY_MAX);
    uint8_t *body = ask->bodies[ask->item.part_count];
    struct work_part *part = &ask->parts[ask->item.part_count++];
    part->body = slice_of(body, protobuf_c_message_pack(message, body));
    if (id != NULL)
        memcpy(part->command_id.bytes, id, COMMAND_ID_BYTES);
}

static void open_books(struct writer *writer, struct ask *ask)
{
    Daftari__V1__OpenBooks books = new_books(20240101);
    ask_begin(ask, "internal.OpenBooks");
    ask_add(ask, &books.base, NULL);
    writer_run_one(writer, &ask->item);
}

static void open_accounts(struct writer *writer, struct ask *ask, uint32_t count, uint64_t *ids)
{
    for (uint32_t i = 0; i < count;) {
        ask_begin(ask, "Account.Open");
        for (; i < count && ask->item.part_count < 1000; i++) {
            char name[32];
            uint8_t id[COMMAND_ID_BYTES] = {0};
            uint64_t n = ++*ids;
            memcpy(id, &n, sizeof n);
            (void)snprintf(name, sizeof name, "Account %u", i);
            Daftari__V1__OpenAccount account = DAFTARI__V1__OPEN_ACCOUNT__INIT;
            account.has_number = 1;
            account.number = FIRST_ACCOUNT + i;
            account.name = name;
            ask_add(ask, &account.base, id);
        }
        writer_run_one(writer, &ask->item);
    }
}

static void add_entry(struct ask *ask, struct random *random, uint32_t accounts)
{
    char description[] = "Sale of packaged water", business[] = "HQ";
    uint8_t id[COMMAND_ID_BYTES];
    uint64_t high = random_next(random), low = random_next(random);
    memcpy(id, &high, 8);
    memcpy(id + 8, &low, 8);
    Daftari__V1__EntryLine lines[2] = {DAFTARI__V1__ENTRY_LINE__INIT, DAFTARI__V1__ENTRY_LINE__INIT};
    Daftari__V1__EntryLine *pointers[2] = {&lines[0], &lines[1]};
    Daftari__V1__PostEntry entry = DAFTARI__V1__POST_ENTRY__INIT;
    int64_t amount = (int64_t)random_below(random, 1000000) + 1;
    lines[0].has_account = lines[1].has_account = 1;
    lines[0].account = FIRST_ACCOUNT + (uint32_t)random_below(random, accounts);
    lines[1].account = FIRST_ACCOUNT + (uint32_t)random_below(random, accounts);
    if (lines[0].account == lines[1].account)
        lines[1].account = FIRST_ACCOUNT + (lines[0].account - FIRST_ACCOUNT + 1) % accounts;
    lines[0].has_debit_minor = lines[1].has_credit_minor = 1;
    lines[0].debit_minor = lines[1].credit_minor = amount;
    entry.description = description;
    entry.business = business;
    entry.n_lines = 2;
    entry.lines = pointers;
    ask_add(ask, &entry.base, id);
}

/* Processor time of this thread: its own, and the kernel's for it (mostly copying what is written). */
struct spent {
    int64_t user_us, system_us;
};

static struct spent spent_now(void)
{
    struct rusage usage;
    ASSERT(getrusage(RUSAGE_THREAD, &usage) == 0);
    return (struct spent){(int64_t)usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec,
                          (int64_t)usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec};
}

int main(int argc, char **argv)
{
    size_t entries = argc > 1 ? strtoul(argv[1], NULL, 10) : 300000;
    uint32_t accounts = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 10000;
    size_t batch = argc > 3 ? strtoul(argv[3], NULL, 10) : 1000;
    ASSERT(batch > 0 && batch <= BATCH_MAX && accounts > 1);
    struct fault why = {0};
    struct keyring *keyring = NULL;
    struct log *log = log_make(&keyring);
    struct kv *state = kv_overlay_new(kv_mem_new(domain_tables, domain_table_count),
                                      &(struct kv_overlay_options){.tables = domain_tables,
                                                                   .count = domain_table_count,
                                                                   .memory_bytes = (size_t)2 << 30});
    struct id_index *known; /* without a helper: its thread would blur what the writer's own costs */
    struct id_index_config in_memory = {.memory_entries = 1u << 22, .batch_entries_max = 8192};
    need(id_index_open(kv_mem_new(id_index_tables, ID_INDEX_TABLE_COUNT), &in_memory, &known, &why), &why);
    struct writer_config config = {.log = log,
                                   .state = state,
                                   .ids = known,
                                   .clock = &system_clock,
                                   .queue_items_max = 64,
                                   .batch_records_max = 8192,
                                   .batch_bytes_max = 8u << 20,
                                   .arena_bytes_max = 4u << 20,
                                   .hooks = {.fatal = on_fatal}};
    struct writer *writer;
    need(writer_new(&config, &writer, &why), &why);
    struct ask ask;
    ask_new(&ask);
    uint64_t ids = 0;
    open_books(writer, &ask);
    open_accounts(writer, &ask, accounts, &ids);

    struct random random = {.state = 1};
    int64_t user = 0, kernel = 0, wall = 0;
    for (size_t made = 0; made < entries;) {
        ask_begin(&ask, "Entry.Post");
        for (; made < entries && ask.item.part_count < batch; made++)
            add_entry(&ask, &random, accounts);
        struct spent from = spent_now();
        int64_t wall_from = clock_monotonic(&system_clock);
        writer_run_one(writer, &ask.item);
        struct spent to = spent_now();
        user += to.user_us - from.user_us;
        kernel += to.system_us - from.system_us;
        wall += clock_monotonic(&system_clock) - wall_from;
    }
    int64_t n = (int64_t)entries;
    printf("%zu entries, %u accounts, %zu a batch: %lld ns of processor and %lld of the kernel, %lld ns "
           "elapsed an entry\n",
           entries, accounts, batch, (long long)(user * 1000 / n), (long long)(kernel * 1000 / n),
           (long long)(wall * 1000 / n));
    ask_free(&ask);
    writer_stop(writer);
    writer_free(writer);
    log_close(log);
    kv_close(state);
    id_index_close(known);
    keyring_close(keyring);
    scratch_remove(folder);
    return 0;
}
