/*
 * The power goes at any moment. Every write to the log's data file is recorded, and for many moments the file is built
 * as a disk may have it then: what was synced is there; of what was not, each sector is or is not. The log must open, hold
 * every acknowledged record, and be whole. Rerun with DAFTARI_SEED=number.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/log/check.h"
#include "server/store/folder.h"
#include "server/store/kv_lmdb.h"
#include "server/store/kv_sealed.h"
#include "tests/support/real.h"
#include "tests/support/records.h"
#include "tests/support/scratch.h"
#include "tests/support/stores.h"

#define SECTOR_BYTES 512u
#define EVENTS_MAX   4000u
#define FILE_MAX     (4u << 20)

/* ---- what happened to the file, in order --------------------------------------------------------------------- */

struct event {
    enum { EVENT_WRITE, EVENT_SYNC, EVENT_ACKNOWLEDGED } kind;
    bool synced; /* a write through a descriptor that syncs (LMDB's meta page) */
    size_t at, len;
    uint8_t *bytes;
    uint64_t size; /* EVENT_ACKNOWLEDGED: records */
};
static struct event events[EVENTS_MAX];
static size_t event_count;
static ino_t watched; /* 0 = nothing yet */

static bool is_watched(int fd)
{
    struct stat info;
    return watched != 0 && fstat(fd, &info) == 0 && info.st_ino == watched;
}

static struct event *event_add(void)
{
    if (event_count == EVENTS_MAX)
        abort();
    return &events[event_count++];
}

static void note_write(int fd, const void *bytes, size_t len, size_t at)
{
    struct event *event = event_add();
    *event = (struct event){.kind = EVENT_WRITE, .at = at, .len = len, .bytes = malloc(len)};
    if (event->bytes == NULL)
        abort();
    memcpy(event->bytes, bytes, len);
    int flags = fcntl(fd, F_GETFL);
    event->synced = flags >= 0 && (flags & O_DSYNC) != 0;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at);
ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    ssize_t (*next)(int, const void *, size_t, off_t) = NULL;
    *(void **)&next = real("pwrite");
    if (is_watched(fd))
        note_write(fd, bytes, len, (size_t)at);
    return next(fd, bytes, len, at);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    ssize_t (*next)(int, const struct iovec *, int) = NULL;
    *(void **)&next = real("writev");
    if (is_watched(fd)) {
        off_t at = lseek(fd, 0, SEEK_CUR);
        for (int i = 0; i < count; i++) {
            note_write(fd, parts[i].iov_base, parts[i].iov_len, (size_t)at);
            at += (off_t)parts[i].iov_len;
        }
    }
    return next(fd, parts, count);
}

static int sync_by(const char *name, int fd)
{
    int (*next)(int) = NULL;
    *(void **)&next = real(name);
    if (is_watched(fd))
        *event_add() = (struct event){.kind = EVENT_SYNC};
    return next(fd);
}

int fdatasync(int fd)
{
    return sync_by("fdatasync", fd);
}

int fsync(int fd)
{
    return sync_by("fsync", fd);
}

/* ---- the file as a disk may have it -------------------------------------------------------------------------- */

struct image {
    uint8_t bytes[FILE_MAX];
    size_t len;
};

static void image_write(struct image *image, const struct event *event, size_t from, size_t to)
{
    assert_true(event->at + to <= FILE_MAX);
    memcpy(image->bytes + event->at + from, event->bytes + from, to - from);
    if (image->len < event->at + to)
        image->len = event->at + to;
}

/* All that is certain before event `cut`, then a throw of the dice for each sector of the rest. */
static void image_build(struct image *image, const struct image *start, size_t cut, struct random *random)
{
    size_t synced = 0;
    memcpy(image->bytes, start->bytes, FILE_MAX);
    image->len = start->len;
    for (size_t i = 0; i < cut; i++)
        if (events[i].kind == EVENT_SYNC)
            synced = i;
    for (size_t i = 0; i < cut; i++)
        if (events[i].kind == EVENT_WRITE && (i < synced || events[i].synced))
            image_write(image, &events[i], 0, events[i].len);
    uint64_t how = random_below(random, 4); /* none of the rest, all of it, or by sector */
    for (size_t i = synced; i < cut; i++) {
        const struct event *event = &events[i];
        if (event->kind != EVENT_WRITE || event->synced || how == 0)
            continue;
        for (size_t from = 0; from < event->len; from += SECTOR_BYTES) {
            size_t to = from + SECTOR_BYTES < event->len ? from + SECTOR_BYTES : event->len;
            if (how == 1 || random_below(random, 2) == 0)
                image_write(image, event, from, to);
        }
    }
}

/* ---- the log ------------------------------------------------------------------------------------------------- */

struct world {
    char folder[SCRATCH_PATH_MAX];
    struct keyring *keyring;
    struct kv *kv;
    struct log *log;
};

static void world_open(struct world *world, const char *environment)
{
    struct fault why = {0};
    world->keyring = store_keyring(world->folder);
    world->kv = store_disk(world->folder, environment, log_tables, LOG_TABLE_COUNT, FILE_MAX, 4, true);
    world->kv = store_seal(world->kv, world->keyring, log_tables, LOG_TABLE_COUNT);
    enum status status = log_over_kv_open(world->kv, &world->log, &why);
    if (status != STATUS_OK)
        print_error("%s\n", why.text);
    assert_int_equal(status, STATUS_OK);
}

static void world_close(struct world *world)
{
    log_close(world->log);
    keyring_close(world->keyring);
}

static void file_of(const struct world *world, const char *name, char out[FOLDER_PATH_MAX])
{
    assert_int_equal(folder_join(world->folder, name, out, NULL), STATUS_OK);
}

static void image_load(struct image *image, const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    image->len = fread(image->bytes, 1, sizeof image->bytes, file);
    assert_int_equal(fclose(file), 0);
}

static void image_save(const struct image *image, const char *path)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(image->bytes, 1, image->len, file), image->len);
    assert_int_equal(fclose(file), 0);
}

static void on_problem(void *context, uint64_t position, const char *what)
{
    (void)context;
    print_error("position %llu: %s\n", (unsigned long long)position, what);
}

static void live(struct world *world, struct random *random, struct hash *hashes)
{
    static uint8_t bytes[RECORD_BYTES_MAX];
    struct record_maker maker = {0};
    for (unsigned i = 0; i < 60; i++) {
        for (uint64_t n = 1 + random_below(random, i % 10 == 9 ? 200 : 8); n > 0; n--) {
            struct hash hash;
            size_t size = record_make(&maker, random, random_below(random, 300), bytes, &hash);
            hashes[maker.position - 1] = hash;
            assert_int_equal(log_append(world->log, slice_of(bytes, size), &hash), STATUS_OK);
        }
        assert_int_equal(log_commit(world->log), STATUS_OK);
        *event_add() = (struct event){.kind = EVENT_ACKNOWLEDGED, .size = maker.position};
    }
}

static void nothing_acknowledged_is_lost(void **state)
{
    (void)state;
    static struct image start, image;
    static struct hash hashes[4000];
    struct random random = random_start();
    struct world world = {0};
    char file[FOLDER_PATH_MAX], copy[FOLDER_PATH_MAX];
    struct stat info;
    scratch_make(world.folder);
    world_open(&world, "log");
    file_of(&world, "log/data.mdb", file);
    image_load(&start, file);
    assert_int_equal(stat(file, &info), 0);
    watched = info.st_ino;
    live(&world, &random, hashes);
    watched = 0;
    world_close(&world);
    assert_true(event_count > 240); /* a write, a sync, a meta page and an answer at least, sixty times */

    file_of(&world, "after", copy);
    assert_int_equal(folder_make(copy, NULL), STATUS_OK);
    file_of(&world, "after/data.mdb", copy);
    uint64_t acknowledged = 0, more = 0;
    for (size_t cut = 0; cut <= event_count; cut++) {
        if (cut > 0 && events[cut - 1].kind == EVENT_ACKNOWLEDGED)
            acknowledged = events[cut - 1].size;
        image_build(&image, &start, cut, &random);
        image_save(&image, copy);
        world_open(&world, "after");
        struct log_check_options options = {.kv = world.kv,
                                            .get_unchecked = kv_sealed_get_unchecked,
                                            .beneath = kv_sealed_beneath,
                                            .problem = on_problem};
        struct log_check_result result;
        assert_int_equal(log_check(&options, &result, NULL), STATUS_OK);
        assert_int_equal(result.problems, 0);
        assert_true(result.head.size >= acknowledged);
        more += result.head.size > acknowledged ? 1 : 0;
        if (result.head.size > 0)
            assert_memory_equal(result.head.last.bytes, hashes[result.head.size - 1].bytes, HASH_BYTES);
        world_close(&world);
    }
    assert_true(more > 0); /* cuts between the sync and the answer were among them */
    scratch_remove(world.folder);
    for (size_t i = 0; i < event_count; i++)
        free(events[i].bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_acknowledged_is_lost)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
