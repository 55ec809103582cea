/* Storage alone: LMDB with the flags of the log's environment (all defaults: two syncs a commit), its blocks and its keys. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lmdb.h>
#include <sys/stat.h>

#include "proto/base/bytes.h"
#include "proto/record/sha256.h"
#include "tools/bench/limit.h"
#include "tools/bench/scenario.h"
#include "tools/bench/spawn.h"

#define RECORD_BYTES  256u /* a two-line entry in the log: header, effects, payload */
#define BLOCK_RECORDS 63u  /* in one value: four pages with LMDB's own head, as the log's blocks */
#define MAP_BYTES     (UINT64_C(16) << 30)
#define RUN_MAX_US    5000000u
#define COMMITS       2000u
#define SYNCS         1000u

struct store {
    MDB_env *env;
    MDB_dbi table;
    char path[BENCH_PATH_MAX];
    uint8_t block[BLOCK_RECORDS * RECORD_BYTES];
    uint64_t position;
};

static enum dft_status fail(struct dft_fault *why, const char *what, int error)
{
    snprintf(why->text, sizeof why->text, "limit: %.120s: %.100s", what, mdb_strerror(error));
    return why->status = DFT_IO;
}

static void store_close(struct store *store)
{
    if (store->env != NULL)
        mdb_env_close(store->env);
    store->env = NULL;
    folder_remove(store->path);
}

static enum dft_status store_open(struct store *store, const char *folder, struct dft_fault *why)
{
    MDB_txn *txn = NULL;
    memset(store, 0, sizeof *store);
    snprintf(store->path, sizeof store->path, "%.1000s/limit", folder);
    if (mkdir(store->path, 0700) != 0)
        return fail(why, store->path, errno);
    int error = mdb_env_create(&store->env);
    if (error == 0)
        error = mdb_env_set_mapsize(store->env, MAP_BYTES);
    if (error == 0)
        error = mdb_env_open(store->env, store->path, 0, 0600);
    if (error == 0)
        error = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (error == 0)
        error = mdb_dbi_open(txn, NULL, 0, &store->table);
    if (error == 0)
        error = mdb_txn_commit(txn);
    else if (txn != NULL)
        mdb_txn_abort(txn);
    if (error == 0)
        return DFT_OK;
    store_close(store);
    return fail(why, "open", error);
}

/* `count` records in blocks, each hashed over its bytes and the hash before it when `hashed`. */
static int put_records(struct store *store, MDB_txn *txn, uint32_t count, bool hashed)
{
    struct hash hash = {{0}};
    int error = 0;
    while (error == 0 && count > 0) {
        uint32_t n = count < BLOCK_RECORDS ? count : BLOCK_RECORDS;
        uint8_t key[8];
        for (uint32_t i = 0; i < n; i++) {
            uint8_t *record = store->block + (size_t)i * RECORD_BYTES;
            be64_put(record, store->position + i);
            memcpy(record + 8, hash.bytes, sizeof hash.bytes);
            struct slice bytes = slice_of(record, RECORD_BYTES);
            if (hashed)
                sha256(&bytes, 1, &hash);
        }
        be64_put(key, store->position);
        MDB_val k = {sizeof key, key}, v = {(size_t)n * RECORD_BYTES, store->block};
        error = mdb_put(txn, store->table, &k, &v, MDB_APPEND);
        store->position += n;
        count -= n;
    }
    return error;
}

static int commit_records(struct store *store, uint32_t count, bool hashed)
{
    MDB_txn *txn;
    int error = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (error != 0)
        return error;
    error = put_records(store, txn, count, hashed);
    if (error == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return error;
}

static enum dft_status append(const char *folder, const struct limit_append *what, uint64_t *out_per_second,
                              struct dft_fault *why)
{
    static struct store store;
    enum dft_status status = store_open(&store, folder, why);
    if (status != DFT_OK)
        return status;
    uint64_t began_us = bench_now_us(), took_us = 0;
    int error = 0;
    while (error == 0 && store.position < what->entries && took_us < what->us_max && !load_interrupted()) {
        error = commit_records(&store, what->batch, what->hashed);
        took_us = bench_now_us() - began_us;
    }
    *out_per_second = figures_share(store.position * 1000000u, took_us);
    store_close(&store);
    return error == 0 ? DFT_OK : fail(why, "append", error);
}

static enum dft_status commits(const char *folder, struct latency *latency, struct dft_fault *why)
{
    static struct store store;
    enum dft_status status = store_open(&store, folder, why);
    int error = 0;
    if (status != DFT_OK)
        return status;
    memset(latency, 0, sizeof *latency);
    for (uint32_t i = 0; error == 0 && i < COMMITS && !load_interrupted(); i++) {
        uint64_t began_us = bench_now_us();
        error = commit_records(&store, 1, false);
        latency_add(latency, bench_now_us() - began_us);
    }
    store_close(&store);
    return error == 0 ? DFT_OK : fail(why, "commit", error);
}

/* 4 KiB at the end of a file, synced. */
static enum dft_status syncs(const char *folder, struct latency *latency, struct dft_fault *why)
{
    static const uint8_t page[4096];
    char path[BENCH_PATH_MAX];
    bool good = true;
    snprintf(path, sizeof path, "%.1000s/sync", folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(why, path, errno);
    memset(latency, 0, sizeof *latency);
    for (uint32_t i = 0; good && i < SYNCS && !load_interrupted(); i++) {
        uint64_t began_us = bench_now_us();
        good = write(fd, page, sizeof page) == (ssize_t)sizeof page && fdatasync(fd) == 0;
        latency_add(latency, bench_now_us() - began_us);
    }
    int error = errno;
    close(fd);
    (void)unlink(path);
    return good ? DFT_OK : fail(why, "fdatasync", error);
}

enum dft_status limit_storage(const char *folder, uint32_t batch, uint64_t entries, struct figures *out,
                              struct dft_fault *why)
{
    static struct latency latency;
    static const struct {
        const char *key, *label;
        uint32_t times;
        bool hashed;
    } rows[] = {
        {"append_per_second", "synced append, records a second, plain, batches of --batch", 1, false},
        {"append_hashed_per_second", "the same with SHA-256", 1, true},
        {"append_wide_per_second", "the same, batches of 4 x --batch", 4, false},
        {"append_wide_hashed_per_second", "the same with SHA-256", 4, true},
    };
    enum dft_status status = DFT_OK;
    for (size_t i = 0; status == DFT_OK && i < sizeof rows / sizeof *rows; i++) {
        uint64_t per_second = 0;
        status = append(folder,
                        &(struct limit_append){.batch = batch * rows[i].times,
                                               .entries = entries,
                                               .hashed = rows[i].hashed,
                                               .us_max = RUN_MAX_US},
                        &per_second, why);
        if (status == DFT_OK)
            figures_add(out, rows[i].key, rows[i].label, "", per_second);
    }
    if (status == DFT_OK)
        status = commits(folder, &latency, why);
    if (status == DFT_OK)
        add_latency(out, "commit_", "bare commit of one record", &latency);
    if (status == DFT_OK)
        status = syncs(folder, &latency, why);
    if (status == DFT_OK)
        add_latency(out, "sync_", "fdatasync of 4 KiB", &latency);
    return status;
}

enum dft_status limit_beside(const char *scratch, const struct limit_append *what, uint64_t *out_per_second,
                             struct dft_fault *why)
{
    char folder[BENCH_PATH_MAX];
    snprintf(folder, sizeof folder, "%.1000s/daftari-limit-XXXXXX", scratch);
    if (mkdtemp(folder) == NULL)
        return fail(why, folder, errno);
    sync(); /* what the load left in memory is not this one's to write */
    enum dft_status status = append(folder, what, out_per_second, why);
    folder_remove(folder);
    return status;
}

enum dft_status run_limit(struct bench *bench, const struct scenario *scenario, struct figures *out,
                          struct dft_fault *why)
{
    char folder[BENCH_PATH_MAX];
    (void)scenario;
    snprintf(folder, sizeof folder, "%.1000s/daftari-limit-XXXXXX", bench->options.scratch);
    if (mkdtemp(folder) == NULL) {
        snprintf(why->text, sizeof why->text, "--scratch: no folder can be made in %.200s",
                 bench->options.scratch);
        return DFT_IO;
    }
    figures_add(out, "batch", "records in a batch", "", bench->options.batch);
    figures_add(out, "record_bytes", "bytes of a record", "", RECORD_BYTES);
    enum dft_status status = limit_storage(folder, bench->options.batch, bench->options.entries, out, why);
    if (status == DFT_OK)
        status = limit_network(folder, bench->options.batch, out, why);
    folder_remove(folder);
    return status;
}
