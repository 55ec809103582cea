/*
 * What storage costs on this machine, printed and not judged: appending to the log by batch size, with and without
 * seals; sealing and opening values; point access and writing behind of the overlay; checking a log.
 * usage: b_store [FOLDER]   (FOLDER on the disk in question; default: a new one under TMPDIR)
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/bug.h"
#include "proto/base/bytes.h"
#include "server/base/kv_mem.h"
#include "server/base/kv_overlay.h"
#include "server/base/system.h"
#include "server/log/check.h"
#include "server/store/folder.h"
#include "server/store/kv_lmdb.h"
#include "server/store/kv_sealed.h"
#include "tests/support/need.h"
#include "tests/support/random.h"
#include "tests/support/records.h"
#include "tests/support/scratch.h"

static char folder[SCRATCH_PATH_MAX];
static struct keyring *keyring;

static int64_t now_us(void)
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

/* Operations a second, rounded to three figures or so by whoever reads. */
static unsigned long long rate(uint64_t count, int64_t took_us)
{
    return (unsigned long long)(count * 1000000 / (uint64_t)(took_us > 0 ? took_us : 1));
}

static unsigned long long ns_each(uint64_t count, int64_t took_us)
{
    return (unsigned long long)((uint64_t)took_us * 1000 / (count > 0 ? count : 1));
}

static struct kv *disk_open(const char *name, const struct kv_table *tables, unsigned count, bool durable,
                            bool sealed)
{
    struct fault why = {0};
    char path[FOLDER_PATH_MAX];
    struct kv *kv = NULL;
    need(folder_join(folder, name, path, &why), &why);
    struct kv_lmdb_options options = {.path = path,
                                      .tables = tables,
                                      .count = count,
                                      .map_bytes = UINT64_C(4) << 30,
                                      .readers_max = 8,
                                      .durability = durable ? KV_LMDB_DURABLE : KV_LMDB_DERIVED,
                                      .create = true};
    need(kv_lmdb_open(&options, &kv, &why), &why);
    if (sealed) {
        struct kv_sealed_options seal = {
            .label = "bench", .tables = tables, .count = count, .keyring = keyring};
        need(kv_sealed_open(kv, &seal, &kv, &why), &why);
    }
    return kv;
}

/* ---- the log ------------------------------------------------------------------------------------------------- */

#define RECORDS_MAX   200000u
#define PAYLOAD_BYTES 96u /* with header and two postings: records of 256 bytes */

struct made {
    uint8_t bytes[256];
    struct hash hash;
};

static int64_t append_all(struct log *log, const struct made *made, size_t count, size_t batch)
{
    int64_t start = now_us();
    for (size_t i = 0; i < count; i++) {
        need(log_append(log, slice_of(made[i].bytes, sizeof made[i].bytes), &made[i].hash),
             &(struct fault){0});
        if ((i + 1) % batch == 0 || i + 1 == count)
            need(log_commit(log), &(struct fault){0});
    }
    return now_us() - start;
}

static void on_problem(void *context, uint64_t position, const char *what)
{
    (void)context;
    printf("problem at %llu: %s\n", (unsigned long long)position, what);
}

static void read_and_check(struct log *log, struct kv *kv, bool sealed, size_t count)
{
    struct fault why = {0};
    struct log_reader *reader = NULL;
    struct slice bytes;
    need(log_reader_open(log, &reader), &why);
    int64_t start = cpu_us();
    for (uint64_t position = 1; position <= count; position++)
        need(log_read(reader, position, &bytes, &why), &why);
    int64_t took = cpu_us() - start;
    log_reader_close(reader);
    struct log_check_options options = {.kv = kv, .problem = on_problem};
    struct log_check_result result;
    start = cpu_us();
    need(log_check(&options, &result, &why), &why);
    int64_t checked = cpu_us() - start;
    printf("log %-6s read in order %llu, checked from raw bytes %llu records a second of processor\n",
           sealed ? "sealed" : "plain", rate(count, took), rate(count, checked));
}

static void bench_log(void)
{
    static const size_t batches[] = {1, 64, 512, 4096};
    static const size_t counts[] = {2000, 50000, RECORDS_MAX, RECORDS_MAX};
    struct random random = {.state = 42};
    struct made *made = calloc(RECORDS_MAX, sizeof *made);
    static uint8_t bytes[RECORD_BYTES_MAX];
    struct record_maker maker = {0};
    ASSERT(made != NULL && record_size(2, 0, PAYLOAD_BYTES) == sizeof made->bytes);
    for (size_t i = 0; i < RECORDS_MAX; i++) {
        record_make(&maker, &random, PAYLOAD_BYTES, bytes, &made[i].hash);
        memcpy(made[i].bytes, bytes, sizeof made[i].bytes);
    }
    for (unsigned sealed = 0; sealed < 2; sealed++)
        for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++) {
            char name[32];
            struct fault why = {0};
            struct log *log = NULL;
            snprintf(name, sizeof name, "log-%u-%zu", sealed, batches[i]);
            struct kv *kv = disk_open(name, log_tables, LOG_TABLE_COUNT, true, sealed == 1);
            need(log_over_kv_open(kv, &log, &why), &why);
            int64_t cpu = cpu_us();
            int64_t took = append_all(log, made, counts[i], batches[i]);
            cpu = cpu_us() - cpu;
            uint64_t used = 0, limit = 0;
            kv_usage(kv, &used, &limit);
            printf("log %-6s batch %4zu: %8llu records/s, %4llu us a commit, %llu ns of processor a record, "
                   "%llu bytes on disk a record\n",
                   sealed == 1 ? "sealed" : "plain", batches[i], rate(counts[i], took),
                   (unsigned long long)took * batches[i] / counts[i], ns_each(counts[i], cpu),
                   (unsigned long long)(used / counts[i]));
            if (i == 3)
                read_and_check(log, kv, sealed == 1, counts[i]);
            log_close(log);
        }
    free(made);
}

/* What the disk itself does, in the same run: a page written behind the last one and synced. */
static void bench_disk(void)
{
    char path[FOLDER_PATH_MAX];
    static const uint8_t page[4096] = {1};
    struct fault why = {0};
    need(folder_join(folder, "plain-file", path, &why), &why);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    ASSERT(fd >= 0);
    int64_t start = now_us();
    for (unsigned i = 0; i < 500; i++)
        ASSERT(write(fd, page, sizeof page) == (ssize_t)sizeof page && fdatasync(fd) == 0);
    printf("disk: append 4 KiB and fdatasync: %llu us\n", ns_each(500, now_us() - start) / 1000);
    close(fd);
}

/* ---- rows ---------------------------------------------------------------------------------------------------- */

static const struct kv_table row_tables[] = {{"rows", KV_PLAIN}, {"blind", KV_BLIND_KEYS}};

static struct slice key_of(uint64_t n, uint8_t out[8])
{
    be64_put(out, n);
    return slice_of(out, 8);
}

static struct kv_txn *begin(struct kv *kv, bool write)
{
    struct kv_txn *txn = NULL;
    need(kv_begin(kv, write, &txn), &(struct fault){0});
    return txn;
}

static void fill(struct kv *kv, uint64_t count, struct slice value)
{
    uint8_t key[8];
    struct kv_txn *txn = begin(kv, true);
    for (uint64_t i = 0; i < count; i++)
        kv_put(txn, 0, key_of(i, key), value);
    need(kv_commit(txn), &(struct fault){0});
}

static void point_access(const char *name, struct kv *kv, uint64_t rows, uint64_t times, struct slice value)
{
    struct random random = {.state = 7};
    uint8_t key[8];
    struct slice got;
    uint64_t found = 0;
    struct kv_txn *txn = begin(kv, true);
    int64_t start = cpu_us();
    for (uint64_t i = 0; i < times; i++)
        found += kv_get(txn, 0, key_of(random_below(&random, rows), key), &got);
    int64_t gets = cpu_us() - start;
    start = cpu_us();
    for (uint64_t i = 0; i < times; i++)
        kv_put(txn, 0, key_of(random_below(&random, rows), key), value);
    int64_t puts = cpu_us() - start;
    ASSERT(found == times);
    need(kv_commit(txn), &(struct fault){0});
    printf("%-28s %8llu rows of %zu bytes, random: get %llu ns, put %llu ns\n", name,
           (unsigned long long)rows, value.len, ns_each(times, gets), ns_each(times, puts));
}

static void bench_rows(void)
{
    static const uint8_t bytes[16384] = {1};
    struct slice small = slice_of(bytes, 64), large = slice_of(bytes, 16384);
    struct kv *kv = kv_mem_new(row_tables, 2);
    fill(kv, 100000, small);
    point_access("memory", kv, 100000, 1000000, small);
    kv_close(kv);
    for (unsigned sealed = 0; sealed < 2; sealed++) {
        kv = disk_open(sealed ? "rows-sealed" : "rows", row_tables, 2, false, sealed == 1);
        fill(kv, 100000, small);
        point_access(sealed ? "LMDB sealed" : "LMDB", kv, 100000, 100000, small);
        fill(kv, 1000, large);
        point_access(sealed ? "LMDB sealed" : "LMDB", kv, 1000, 10000, large);
        kv_close(kv);
    }
}

static void bench_overlay(uint64_t rows)
{
    static const uint8_t bytes[16] = {1};
    struct slice value = slice_of(bytes, sizeof bytes);
    char name[32];
    snprintf(name, sizeof name, "state-%llu", (unsigned long long)rows);
    struct kv_overlay_options options = {.tables = row_tables, .count = 2, .memory_bytes = SIZE_MAX};
    struct kv *kv = kv_overlay_new(disk_open(name, row_tables, 2, false, true), &options);
    ASSERT(kv != NULL);
    fill(kv, rows, value);
    int64_t start = now_us();
    need(kv_overlay_flush(kv), &(struct fault){0});
    printf("overlay: %llu new rows written behind, sealed: %llu ns a row\n", (unsigned long long)rows,
           ns_each(rows, now_us() - start));
    point_access("overlay, all in memory", kv, rows, 2000000, value);
    need(kv_overlay_flush(kv), &(struct fault){0});
    struct random random = {.state = 9};
    uint8_t key[8];
    struct kv_txn *txn = begin(kv, true);
    for (unsigned i = 0; i < 50000; i++)
        kv_put(txn, 0, key_of(random_below(&random, rows), key), value);
    need(kv_commit(txn), &(struct fault){0});
    struct kv_overlay_stats stats;
    kv_overlay_stats(kv, &stats);
    start = now_us();
    need(kv_overlay_flush_start(kv), &(struct fault){0});
    int64_t handed = now_us() - start;
    enum status status;
    while ((status = kv_overlay_flush_poll(kv)) == STATUS_AGAIN)
        usleep(100);
    need(status, &(struct fault){0});
    printf("overlay: %zu changed rows of %llu written behind, sealed: owner stopped %llu us, all took %llu "
           "us; %zu "
           "bytes of memory a row\n",
           stats.dirty_rows, (unsigned long long)rows, (unsigned long long)handed,
           (unsigned long long)(now_us() - start), stats.bytes / stats.rows);
    kv_close(kv);
}

int main(int argc, char **argv)
{
    static const uint8_t master[KEYRING_KEY_BYTES] = {1};
    struct fault why = {0};
    char path[FOLDER_PATH_MAX];
    if (argc > 1 && setenv("TMPDIR", argv[1], 1) != 0)
        return 1;
    scratch_make(folder);
    need(folder_join(folder, "keys", path, &why), &why);
    struct keyring_options options = {
        .folder = path, .master = master, .clock = &system_clock, .entropy = &system_entropy, .create = true};
    need(keyring_open(&options, &keyring, &why), &why);
    bench_disk();
    bench_log();
    bench_rows();
    bench_overlay(100000);
    bench_overlay(1000000);
    keyring_close(keyring);
    scratch_remove(folder);
    return 0;
}
