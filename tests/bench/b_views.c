/*
 * What derived rows cost, printed and not judged: core state and all views folded from the log of a data folder (sealed,
 * on disk), bytes an entry of each, and how fast the statement and the balances answer from them.
 * usage: b_views [entries=300000] [accounts=10000] [days=30] [late=3] [slice_ms=0]
 *   days: business dates that the entries are spread over; late: percent of entries dated on any earlier day; slice_ms: of the
 *   runner, 0 = its own (a large one when instructions are counted, so that counting changes nothing)
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "proto/base/bug.h"
#include "proto/base/limits.h"
#include "server/base/kv_overlay.h"
#include "server/base/system.h"
#include "server/domain/kernel/tables.h"
#include "server/log/log.h"
#include "server/store/data_folder.h"
#include "server/store/folder.h"
#include "server/views/balances/balances.h"
#include "server/views/runner.h"
#include "server/views/statement/statement.h"
#include "server/views/totals_scan.h"
#include "server/writer/writer.h"
#include "tests/support/need.h"
#include "tests/support/random.h"
#include "tests/support/scratch.h"
#include "tests/support/world.h"
#include "type_ids.h"

#define FIRST_ACCOUNT 400000u
#define FIRST_DATE    20260101u /* behind the dates of the books that the log begins with */
#define COMMIT_EACH   2048u

static uint64_t entries = 300000, accounts = 10000, days = 30, late = 3, slice_ms = 0;
static char path[SCRATCH_PATH_MAX];
static struct data_folder *folder;
static struct log *records;
static struct random dice = {.state = 42};

static int64_t wall_us(void)
{
    return clock_monotonic(&system_clock);
}

/* Processor time of this program: what a busy machine changes least. */
static int64_t cpu_us(void)
{
    struct timespec now;
    ASSERT(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static struct kv *environment(const char *name, const struct kv_table *tables, unsigned count)
{
    struct fault why = {0};
    struct kv *kv = NULL;
    need(data_folder_environment_open(
             folder,
             &(struct data_folder_environment){.name = name,
                                               .tables = tables,
                                               .table_count = count,
                                               .map_bytes = (UINT64_C(1) << 28) + entries * 1200,
                                               .readers_max = 32},
             &kv, &why),
         &why);
    return kv;
}

static uint64_t disk_bytes(const char *name)
{
    char file[FOLDER_PATH_MAX + 32];
    struct stat info;
    snprintf(file, sizeof file, "%s/data/%s/data.mdb", path, name);
    return stat(file, &info) == 0 ? (uint64_t)info.st_blocks * 512 : 0;
}

/* ---- the log ------------------------------------------------------------------------------------------------- */

static void append(const uint8_t *bytes, size_t len, struct hash *last)
{
    record_hash(slice_of(bytes, len), last);
    need(log_append(records, slice_of(bytes, len), last), &(struct fault){0});
}

/* One posting in five is on a money account of the example's chart, the others anywhere. */
static uint32_t some_account(void)
{
    return random_below(&dice, 5) == 0 ? 1110 : FIRST_ACCOUNT + (uint32_t)random_below(&dice, accounts);
}

static void append_entries(struct hash *last, uint64_t position, timestamp_us time)
{
    static uint8_t bytes[RECORD_BYTES_MAX], payload[100];
    uint32_t *numbers = calloc(days, sizeof *numbers);
    ASSERT(numbers != NULL);
    for (uint64_t i = 0; i < entries; i++) {
        uint64_t day = i * days / entries;
        if (random_below(&dice, 100) < late)
            day = random_below(&dice, day + 1);
        int64_t amount = 100 + (int64_t)random_below(&dice, 500000);
        struct posting postings[2] = {
            {.account = some_account(), .currency = 1, .amount = amount},
            {.account = some_account(), .currency = 1, .amount = -amount},
        };
        struct record_header header = {.type = EVENT_ENTRY_POSTED,
                                       .type_version = 1,
                                       .position = ++position,
                                       .time = ++time,
                                       .user = 1 + (uint32_t)random_below(&dice, 4),
                                       .business_date = date_add_days(FIRST_DATE, (int32_t)day),
                                       .series = 1,
                                       .number = ++numbers[day],
                                       .previous = *last};
        random_fill(&dice, payload, sizeof payload);
        size_t len = record_size(2, 0, sizeof payload);
        record_encode(&header, postings, 2, NULL, 0, slice_of(payload, sizeof payload), bytes);
        append(bytes, len, last);
        if (position % COMMIT_EACH == 0)
            need(log_commit(records), &(struct fault){0});
    }
    need(log_commit(records), &(struct fault){0});
    free(numbers);
}

static void make_log(void)
{
    struct world *world = world_new();
    struct hash last = {0};
    bool open = world_open_example(world);
    ASSERT(open);
    for (size_t i = 0; i < world->record_count; i++)
        append(world->records[i].bytes, world->records[i].len, &last);
    append_entries(&last, world->record_count, world->now + 1000000);
    world_free(world);
    (void)mallopt(M_PERTURB, 0); /* the world spoils what is freed, which costs more than all the rest here */
}

/* ---- folding ------------------------------------------------------------------------------------------------- */

static void print_fold(const char *what, int64_t cpu, int64_t wall)
{
    printf("%-10s %7.3f us of processor an entry, %lld ms, %llu records/s\n", what,
           (double)cpu / (double)entries, (long long)wall / 1000,
           (unsigned long long)(entries * 1000000 / (uint64_t)wall));
}

static void print_disk(const char *name)
{
    printf("%-16s %7.1f bytes an entry\n", name, (double)disk_bytes(name) / (double)entries);
}

static enum status write_behind(void *state)
{
    struct kv_overlay_stats stats;
    kv_overlay_stats(state, &stats);
    return stats.dirty_rows >= 50000 ? kv_overlay_flush(state) : STATUS_OK;
}

static void fold_state(void)
{
    struct kv *kv = environment("state", domain_tables, domain_table_count);
    struct kv *state = kv_overlay_new(kv, &(struct kv_overlay_options){.tables = domain_tables,
                                                                       .count = domain_table_count,
                                                                       .memory_bytes = 64u << 20});
    struct fault why = {0};
    uint64_t folded = 0;
    struct fold_config config = {.log = records,
                                 .state = state,
                                 .arena_bytes_max = DOMAIN_APPLY_BYTES_MAX,
                                 .pause_records = 20000,
                                 .pause = write_behind,
                                 .context = state};
    int64_t cpu = cpu_us(), wall = wall_us();
    need(state_fold(&config, &folded, &why), &why);
    need(kv_overlay_flush(state), &why);
    print_fold("core state", cpu_us() - cpu, wall_us() - wall);
    kv_close(state);
    print_disk("state");
}

static enum status view_open(void *context, const char *name, const struct kv_table *tables, unsigned count,
                             struct kv **out, struct fault *why)
{
    char full[64];
    (void)context;
    (void)why;
    snprintf(full, sizeof full, "views/%s", name);
    *out = environment(full, tables, count);
    return STATUS_OK;
}

static enum status view_remove(void *context, const char *name)
{
    char full[64];
    (void)context;
    snprintf(full, sizeof full, "views/%s", name);
    return data_folder_environment_remove(folder, full);
}

static enum status view_rename(void *context, const char *from, const char *to)
{
    char from_full[64], to_full[64];
    (void)context;
    snprintf(from_full, sizeof from_full, "views/%s", from);
    snprintf(to_full, sizeof to_full, "views/%s", to);
    return data_folder_environment_rename(folder, from_full, to_full);
}

static void fold_views(void)
{
    struct fault why = {0};
    struct runner *runner = NULL;
    struct log_head head;
    struct runner_config config = {.log = records,
                                   .store = {NULL, view_open, view_remove, view_rename},
                                   .clock = &system_clock,
                                   .slice_ms = (uint32_t)slice_ms};
    log_head(records, &head);
    int64_t cpu = cpu_us(), wall = wall_us();
    need(runner_open(&config, &runner, &why), &why);
    ASSERT(runner_wait(runner, head.size, 3600000));
    print_fold("views", cpu_us() - cpu, wall_us() - wall);
    need(runner_close(runner), &why);
    uint64_t all = disk_bytes("state");
    for (unsigned i = 0; i < VIEW_COUNT; i++) {
        char name[64];
        snprintf(name, sizeof name, "views/%s", views[i]->name);
        print_disk(name);
        all += disk_bytes(name);
    }
    printf("%-16s %7.1f bytes an entry\n", "state and views", (double)all / (double)entries);
}

/* ---- asking -------------------------------------------------------------------------------------------------- */

static int by_time(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void ask_statement(void)
{
    enum { TIMES = 2001, PAGE = 50 };
    static int64_t took[TIMES];
    struct kv *kv = environment("views/statement", view_statement.tables, view_statement.table_count);
    uint64_t lines = 0;
    for (size_t i = 0; i < TIMES; i++) {
        struct kv_txn *txn = NULL;
        struct statement_line line;
        uint32_t account = FIRST_ACCOUNT + (uint32_t)random_below(&dice, accounts);
        civil_date date = date_add_days(FIRST_DATE, (int32_t)random_below(&dice, days));
        int64_t start = wall_us();
        need(kv_begin(kv, false, &txn), &(struct fault){0});
        struct kv_cursor *cursor = kv_cursor_open(txn, STATEMENT_LINES);
        bool more = statement_seek(cursor, account, 1, date, 0, 0);
        for (unsigned n = 0; n < PAGE && more && statement_line(cursor, account, 1, &line); n++, lines++)
            more = kv_next(cursor);
        kv_cursor_close(cursor);
        kv_abort(txn);
        took[i] = wall_us() - start;
    }
    kv_close(kv);
    qsort(took, TIMES, sizeof took[0], by_time);
    printf("statement  page of %d lines of an account, rows only: p50 %lld us, p99 %lld us (%llu lines)\n",
           PAGE, (long long)took[TIMES / 2], (long long)took[TIMES * 99 / 100], (unsigned long long)lines);
}

static void ask_balances(void)
{
    enum { TIMES = 11 };
    static int64_t took[TIMES];
    struct kv *kv = environment("views/balances", view_balances.tables, view_balances.table_count);
    size_t keys = 0;
    for (size_t i = 0; i < TIMES; i++) {
        struct kv_txn *txn = NULL;
        civil_date date = date_add_days(FIRST_DATE, (int32_t)random_below(&dice, days));
        int64_t start = wall_us();
        need(kv_begin(kv, false, &txn), &(struct fault){0});
        struct totals_ask ask = {.dates = 1, .up_to = {date}};
        struct totals_scan scan;
        int128 sum = 0;
        keys = 0;
        need(totals_scan_open(&scan, txn, BALANCES_TOTALS, &ask), &(struct fault){0});
        for (; totals_scan_next(&scan); keys++)
            sum += totals_net(&scan.up_to[0]);
        totals_scan_close(&scan);
        kv_abort(txn);
        took[i] = wall_us() - start;
        ASSERT(sum == 0);
    }
    kv_close(kv);
    qsort(took, TIMES, sizeof took[0], by_time);
    printf("balances   of all %zu accounts as at a past date, rows only: median %lld us\n", keys,
           (long long)took[TIMES / 2]);
}

static void option(const char *text)
{
    char *end = NULL;
    const char *equals = strchr(text, '=');
    struct {
        const char *name;
        uint64_t *number;
    } numbers[] = {{"entries=", &entries},
                   {"accounts=", &accounts},
                   {"days=", &days},
                   {"late=", &late},
                   {"slice_ms=", &slice_ms}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (equals != NULL && strncmp(text, numbers[i].name, strlen(numbers[i].name)) == 0)
            *numbers[i].number = strtoull(equals + 1, &end, 10);
    if (end == NULL || *end != '\0') {
        fprintf(stderr, "usage: b_views [entries=N] [accounts=N] [days=N] [late=PERCENT] [slice_ms=N]\n");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    struct fault why = {0};
    char data[FOLDER_PATH_MAX], key_file[FOLDER_PATH_MAX];
    for (int i = 1; i < argc; i++)
        option(argv[i]);
    ASSERT(entries > 0 && accounts > 0 && days > 0);
    scratch_make(path);
    need(folder_join(path, "data", data, &why), &why);
    need(folder_join(path, "master-key", key_file, &why), &why);
    FILE *file = fopen(key_file, "w");
    ASSERT(file != NULL && chmod(key_file, 0600) == 0 &&
           fwrite("0123456789abcdef0123456789abcdef", 1, 32, file) == 32 && fclose(file) == 0);
    need(data_folder_open(
             &(struct data_folder_options){
                 .path = data, .master_key_file = key_file, .entropy = &system_entropy, .create = true},
             &folder, &why),
         &why);
    need(log_over_kv_open(environment("log", log_tables, LOG_TABLE_COUNT), &records, &why), &why);
    make_log();
    printf("%llu entries of two lines, %llu accounts, %llu days, %llu %% late\n", (unsigned long long)entries,
           (unsigned long long)accounts, (unsigned long long)days, (unsigned long long)late);
    fold_state();
    fold_views();
    ask_statement();
    ask_balances();
    log_close(records);
    data_folder_close(folder, true);
    scratch_remove(path);
    return 0;
}
