/*
 * What a command id costs, printed and not judged: looking it up and adding it in batches as the writer does, what the
 * helper works beside it, bytes on disk and in memory, look-ups of known and unknown ids, and opening again.
 * usage: b_ids [IDS [FOLDER]]   (default: 10,000,000 ids in a new folder under TMPDIR)
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/bug.h"
#include "proto/base/bytes.h"
#include "server/base/id_index.h"
#include "server/base/system.h"
#include "server/store/folder.h"
#include "server/store/kv_lmdb.h"
#include "server/store/kv_sealed.h"
#include "tests/support/need.h"
#include "tests/support/scratch.h"

#define BATCH    1000u
#define LOOK_UPS 200000u

static char folder[SCRATCH_PATH_MAX];
static struct keyring *keyring;

static int64_t time_ns(clockid_t which)
{
    struct timespec now;
    ASSERT(clock_gettime(which, &now) == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* Ordered: as the client library makes them, 500 a millisecond. Chosen: alike but for some bits in front, backwards. */
enum kind { ORDERED, RANDOM, CHOSEN, KINDS };
static const char *const names[KINDS] = {"ordered", "random", "chosen"};

static struct command_id id_of(enum kind kind, uint64_t number)
{
    struct command_id id = {{0}};
    uint64_t ms = UINT64_C(1790000000000) + number / 500;
    if (kind == CHOSEN) {
        be64_put(id.bytes, ~number << 32);
        return id;
    }
    be64_put(id.bytes, kind == ORDERED ? ms << 16 | 0x7000 | (number % 500) : mix(number));
    be64_put(id.bytes + 8, mix(~number));
    return id;
}

static struct kv *store_open(const char *name)
{
    struct fault why = {0};
    char path[FOLDER_PATH_MAX];
    struct kv *kv;
    need(folder_join(folder, name, path, &why), &why);
    need(kv_lmdb_open(&(struct kv_lmdb_options){.path = path,
                                                .tables = id_index_tables,
                                                .count = ID_INDEX_TABLE_COUNT,
                                                .map_bytes = UINT64_C(8) << 30,
                                                .readers_max = 8,
                                                .durability = KV_LMDB_DERIVED,
                                                .create = true},
                      &kv, &why),
         &why);
    need(kv_sealed_open(kv,
                        &(struct kv_sealed_options){.label = "bench",
                                                    .tables = id_index_tables,
                                                    .count = ID_INDEX_TABLE_COUNT,
                                                    .keyring = keyring},
                        &kv, &why),
         &why);
    return kv;
}

static struct id_index *index_open(const char *name)
{
    struct fault why = {0};
    struct id_index *index;
    struct id_index_config config = {.memory_entries = 131072,
                                     .batch_entries_max = 16384,
                                     .filter_bytes_max = 64u << 20,
                                     .seed = UINT64_C(0x9E3779B97F4A7C15),
                                     .background = true};
    need(id_index_open(store_open(name), &config, &index, &why), &why);
    return index;
}

static uint64_t file_bytes(const char *name)
{
    char path[FOLDER_PATH_MAX + 16];
    struct stat file;
    snprintf(path, sizeof path, "%s/%s/data.mdb", folder, name);
    return stat(path, &file) == 0 ? (uint64_t)file.st_blocks * 512 : 0;
}

/* KiB, of /proc/self/status. */
static unsigned long anonymous_kib(void)
{
    char line[256];
    unsigned long kib = 0;
    FILE *file = fopen("/proc/self/status", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "RssAnon:", 8) == 0)
            kib = strtoul(line + 8, NULL, 10);
    if (file != NULL)
        fclose(file);
    return kib;
}

/* Processor ns of the owner's thread for each look-up. */
static double look_up(struct id_index *index, enum kind kind, uint64_t ids, bool known)
{
    static struct command_id wanted[BATCH];
    uint64_t position, found = 0;
    int64_t took = 0;
    for (uint64_t i = 0; i < LOOK_UPS; i += BATCH) {
        for (uint64_t j = 0; j < BATCH; j++)
            wanted[j] = id_of(kind, known ? mix(i + j) % ids : ids + i + j);
        int64_t start = time_ns(CLOCK_THREAD_CPUTIME_ID);
        for (uint64_t j = 0; j < BATCH; j++)
            found += id_index_find(index, &wanted[j], &position) == STATUS_OK;
        took += time_ns(CLOCK_THREAD_CPUTIME_ID) - start;
    }
    ASSERT(found == (known ? LOOK_UPS : 0));
    return (double)took / LOOK_UPS;
}

static void bench(const char *name, enum kind kind, uint64_t ids)
{
    static struct command_id batch[BATCH];
    struct id_index_stats stats;
    struct id_cursor cursor = {0};
    uint64_t position;
    int64_t owner = 0, started = time_ns(CLOCK_MONOTONIC), made = 0;
    struct id_index *index = index_open(name);
    int64_t process = time_ns(CLOCK_PROCESS_CPUTIME_ID), thread = time_ns(CLOCK_THREAD_CPUTIME_ID);
    for (uint64_t i = 0; i < ids; i += BATCH) {
        for (uint64_t j = 0; j < BATCH; j++)
            batch[j] = id_of(kind, i + j);
        int64_t start = time_ns(CLOCK_THREAD_CPUTIME_ID);
        for (uint64_t j = 0; j < BATCH; j++) {
            if (j + 8 < BATCH)
                id_index_prefetch(index, &batch[j + 8]);
            ASSERT(id_index_find(index, &batch[j], &position) == STATUS_NOT_FOUND);
            id_index_add(index, &batch[j], i + j + 1);
        }
        cursor.position = i + BATCH;
        need(id_index_mark(index, &cursor), &(struct fault){0});
        owner += time_ns(CLOCK_THREAD_CPUTIME_ID) - start;
    }
    made = time_ns(CLOCK_MONOTONIC) - started;
    need(id_index_flush(index), &(struct fault){0});
    int64_t helper =
        time_ns(CLOCK_PROCESS_CPUTIME_ID) - process - (time_ns(CLOCK_THREAD_CPUTIME_ID) - thread);
    id_index_stats(index, &stats);
    printf("%s, %llu ids in %.1f s\n", name, (unsigned long long)ids, (double)made / 1e9);
    printf("  owner, find and add: %.0f ns an id; helper: %.0f ns an id; waits %llu\n",
           (double)owner / (double)ids, (double)helper / (double)ids, (unsigned long long)stats.waits);
    printf("  disk: %.1f bytes an id; %llu runs, %.2f blocks written for one kept\n",
           (double)file_bytes(name) / (double)ids, (unsigned long long)stats.runs,
           (double)stats.blocks_written * 8192.0 / (double)file_bytes(name));
    printf("  memory: %lu MiB anonymous, filters %llu MiB\n", anonymous_kib() / 1024,
           (unsigned long long)(stats.filter_bytes >> 20));
    printf("  look-ups: unknown %.0f ns, known %.0f ns\n", look_up(index, kind, ids, false),
           look_up(index, kind, ids, true));
    id_index_close(index);

    started = time_ns(CLOCK_MONOTONIC);
    index = index_open(name);
    int64_t opened = time_ns(CLOCK_MONOTONIC) - started;
    double cold = look_up(index, kind, ids, false);
    need(id_index_flush(index), &(struct fault){0});
    printf("  opened again in %.1f ms; unknown ids at once %.0f ns; filters made anew after %.0f ms\n",
           (double)opened / 1e6, cold, (double)(time_ns(CLOCK_MONOTONIC) - started) / 1e6);
    id_index_close(index);
}

int main(int argc, char **argv)
{
    struct fault why = {0};
    char path[FOLDER_PATH_MAX];
    static const uint8_t master[KEYRING_KEY_BYTES] = {7};
    uint64_t ids = argc > 1 ? strtoull(argv[1], NULL, 10) / BATCH * BATCH : 10000000;
    if (argc > 2 && setenv("TMPDIR", argv[2], 1) != 0)
        return 1;
    scratch_make(folder);
    need(folder_join(folder, "keys", path, &why), &why);
    struct keyring_options options = {
        .folder = path, .master = master, .clock = &system_clock, .entropy = &system_entropy, .create = true};
    need(keyring_open(&options, &keyring, &why), &why);
    for (enum kind kind = 0; kind < KINDS; kind++)
        bench(names[kind], kind, ids);
    keyring_close(keyring);
    scratch_remove(folder);
    return 0;
}
