/*
 * Stored bytes are changed one at a time, in books made by a real server, and verification must say so: every byte of a
 * stored block names its record, every byte of a tile a position, every byte of core state and the views their name.
 * Bytes that belong to no value (the store's own pages) may do no harm, or make the store unreadable; what may never be
 * is "all holds" over other records than before, or a crash.
 * TAMPER_FLIPS sets how many bytes of the log are tried (default 2000; 0 = every one), TAMPER_REPLAYS how many with
 * the replays along (default 60), DAFTARI_SEED which.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/base/bytes.h"
#include "server/base/id_index.h"
#include "server/base/system.h"
#include "server/domain/domain.h"
#include "server/domain/kernel/tables.h"
#include "server/log/check.h"
#include "server/store/data_folder.h"
#include "server/store/folder.h"
#include "server/store/kv_lmdb.h"
#include "server/store/kv_sealed.h"
#include "server/views/view.h"
#include "tests/support/random.h"
#include "tests/support/scratch.h"
#include "tools/audit/verify.h"

#define VALUES_MAX  4000
#define READERS_MAX 8u
#define SEAL_HEAD   13u /* before the ciphertext, which is as long as the content */
#define SEAL_TAG    16u
#define PAGE_FLIPS  4u   /* of each page */
#define RECORDS_MIN 256u /* so that there is a full tile */

#define COPIES_MAX 64u /* pages that LMDB wrote anew leave the old one behind, unused */

struct value { /* one stored value, and where it lies in data.mdb */
    bool block;
    size_t at[COPIES_MAX], copies, len;
    uint64_t first, last; /* block: positions of its records */
};

static struct random rnd;
static char top[SCRATCH_PATH_MAX], data[SCRATCH_PATH_MAX + 8], master[SCRATCH_PATH_MAX + 24];
static struct value values[VALUES_MAX];
static size_t value_count;
static uint8_t *file; /* of the environment at hand */
static size_t file_len;
static uint64_t record_count;
static uint32_t record_ends[100000]; /* by position: end of the record within its block's content */

/* ---- books -------------------------------------------------------------------------------------------------------- */

static int books_make(void **state)
{
    (void)state;
    static const char script[] =
        "set -e; . tests/support/server.sh; D=$1; server_init $D; server_start $D; server_log_in $D;"
        "daftari load data/kenya-three-businesses.jsonl >/dev/null;"
        "daftari load data/kenya-register.jsonl >/dev/null;"
        "echo '{\"business\":\"RTL\",\"lines\":[{\"item\":\"BEV001\",\"quantity\":\"2\"}]}' |"
        "  daftari sale record --json - >/dev/null;" /* no view is without a row */
        "for i in $(seq 200); do echo "
        "'{\"method\":\"Entry.Post\",\"business\":\"WTR\",\"date\":\"2026-10-05\","
        "\"type\":\"SALE\",\"description\":\"sale '$i'\",\"lines\":[{\"account\":1110,\"debit\":\"'$i'.00\"},"
        "{\"account\":4100,\"credit\":\"'$i'.00\"}]}'; done >$D/sales.jsonl; daftari load $D/sales.jsonl "
        ">/dev/null;"
        "server_stop $D";
    rnd = random_start();
    scratch_make(top);
    snprintf(data, sizeof data, "%s/data", top);
    snprintf(master, sizeof master, "%s/keys/master-key", top);
    pid_t child = fork();
    if (child == 0) {
        (void)dup2(2, 1);
        execlp("sh", "sh", "-c", script, "sh", top, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0 ? 0 : -1;
}

static int books_remove(void **state)
{
    (void)state;
    free(file);
    scratch_remove(top);
    return 0;
}

static void file_path(const char *environment, char out[FOLDER_PATH_MAX])
{
    snprintf(out, FOLDER_PATH_MAX, "%s/%s/data.mdb", data, environment);
}

static void file_read(const char *environment)
{
    char path[FOLDER_PATH_MAX];
    struct stat info;
    file_path(environment, path);
    FILE *in = fopen(path, "rbe");
    assert_non_null(in);
    assert_int_equal(fstat(fileno(in), &info), 0);
    free(file);
    file_len = (size_t)info.st_size;
    file = malloc(file_len);
    assert_non_null(file);
    assert_int_equal(fread(file, 1, file_len, in), file_len);
    fclose(in);
}

/* As it was read. */
static void file_write(const char *environment)
{
    char path[FOLDER_PATH_MAX];
    file_path(environment, path);
    FILE *out = fopen(path, "wbe");
    assert_non_null(out);
    assert_int_equal(fwrite(file, 1, file_len, out), file_len);
    assert_int_equal(fclose(out), 0);
}

static void byte_set(const char *environment, size_t at, uint8_t byte)
{
    char path[FOLDER_PATH_MAX];
    file_path(environment, path);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    close(fd);
}

/* ---- where values lie ------------------------------------------------------------------------------------------------ */

static void value_add(struct slice raw, bool block, uint64_t first)
{
    struct value value = {.block = block, .len = raw.len, .first = first};
    const uint8_t *from = file, *end = file + file_len, *found;
    while ((found = memmem(from, (size_t)(end - from), raw.ptr, raw.len)) != NULL) {
        if (value.copies == COPIES_MAX)
            fail_msg("a value of %zu bytes is stored too often", raw.len);
        value.at[value.copies++] = (size_t)(found - file);
        from = found + raw.len;
    }
    if (value.copies == 0)
        fail_msg("a stored value is not in the file");
    assert_true(value_count < VALUES_MAX);
    values[value_count++] = value;
}

/* Every value of the environment's tables as it is stored, sealed. */
static void values_find(const char *environment, const struct kv_table *tables, unsigned count)
{
    char path[FOLDER_PATH_MAX];
    struct fault why = {0};
    struct kv *kv;
    struct kv_txn *txn;
    snprintf(path, sizeof path, "%s/%s", data, environment);
    file_read(environment);
    value_count = 0;
    struct kv_lmdb_options options = {
        .path = path, .tables = tables, .count = count, .readers_max = READERS_MAX, .read_only = true};
    if (kv_lmdb_open(&options, &kv, &why) != STATUS_OK)
        fail_msg("%s", why.text);
    assert_int_equal(kv_begin(kv, false, &txn), STATUS_OK);
    for (unsigned table = 0; table < count; table++) {
        struct slice key, raw;
        struct kv_cursor *cursor = kv_cursor_open(txn, table);
        for (bool more = kv_seek(cursor, (struct slice){0}); more; more = kv_next(cursor)) {
            kv_row(cursor, &key, &raw);
            bool block = tables == log_tables && table == LOG_TABLE_BLOCKS;
            value_add(raw, block, block ? be64_get(key.ptr) : 0);
        }
        kv_cursor_close(cursor);
    }
    kv_abort(txn);
    kv_close(kv);
}

static enum status environment_open(const char *name, const struct kv_table *tables, unsigned count,
                                    bool writable, struct data_folder **folder, struct kv **out,
                                    struct fault *why)
{
    *folder = NULL;
    enum status status = data_folder_open(
        &(struct data_folder_options){
            .path = data, .master_key_file = master, .entropy = &system_entropy, .read_only = !writable},
        folder, why);
    if (status != STATUS_OK)
        return status;
    return data_folder_environment_open(*folder,
                                        &(struct data_folder_environment){.name = name,
                                                                          .tables = tables,
                                                                          .table_count = count,
                                                                          .map_bytes = UINT64_C(1) << 30,
                                                                          .readers_max = READERS_MAX,
                                                                          .durable = true},
                                        out, why);
}

/* Which bytes of each block are which record. */
static void records_find(void)
{
    struct data_folder *folder;
    struct fault why = {0};
    struct kv *kv;
    struct kv_txn *txn;
    assert_int_equal(environment_open("log", log_tables, LOG_TABLE_COUNT, false, &folder, &kv, &why),
                     STATUS_OK);
    assert_int_equal(kv_begin(kv, false, &txn), STATUS_OK);
    for (size_t i = 0; i < value_count; i++) {
        uint8_t key[8];
        struct slice content, bytes;
        struct block block;
        size_t at = 0;
        if (!values[i].block)
            continue;
        be64_put(key, values[i].first);
        assert_true(kv_get(txn, LOG_TABLE_BLOCKS, slice_of(key, 8), &content));
        assert_true(block_decode(content, &block));
        values[i].last = values[i].first + block.count - 1;
        assert_true(values[i].last < sizeof record_ends / sizeof *record_ends);
        for (uint32_t k = 0; k < block.count; k++) {
            assert_true(block_next(&block, k, &at, &bytes));
            record_ends[values[i].first + k] = (uint32_t)(content.len - block.records.len + at);
        }
        record_count = values[i].last > record_count ? values[i].last : record_count;
    }
    kv_abort(txn);
    kv_close(kv);
    data_folder_close(folder, false);
    assert_true(record_count > RECORDS_MIN);
}

/* The record that a byte of a block belongs to; 0: to the seal, or to count and lengths. */
static uint64_t record_at(const struct value *value, size_t offset)
{
    if (offset < SEAL_HEAD || offset >= value->len - SEAL_TAG)
        return 0;
    uint64_t content = offset - SEAL_HEAD;
    if (content < 4 + 4 * (value->last - value->first + 1))
        return 0;
    for (uint64_t position = value->first; position <= value->last; position++)
        if (content < record_ends[position])
            return position;
    return 0;
}

/* ---- one changed byte of the log --------------------------------------------------------------------------------------- */

struct told {
    size_t count;
    uint64_t positions[64];
    char texts[4096];
};

static void on_problem(void *context, uint64_t position, const char *what)
{
    struct told *told = context;
    size_t used = strlen(told->texts);
    if (told->count < 64)
        told->positions[told->count] = position;
    told->count++;
    snprintf(told->texts + used, sizeof told->texts - used, "  %llu: %s\n", (unsigned long long)position,
             what);
}

static bool named(const struct told *told, uint64_t from, uint64_t to)
{
    for (size_t i = 0; i < told->count && i < 64; i++)
        if (told->positions[i] >= from && told->positions[i] <= to)
            return true;
    return false;
}

/* In a child: what it returns is its exit code. */
static int flip_is_told(const struct value *value, size_t offset)
{
    struct data_folder *folder;
    struct told told = {0};
    struct fault why = {0};
    struct log_check_result result;
    struct kv *kv;
    enum status status = environment_open("log", log_tables, LOG_TABLE_COUNT, false, &folder, &kv, &why);
    struct log_check_options options = {.kv = kv,
                                        .threads = 1 + (unsigned)(offset % 3),
                                        .get_unchecked = kv_sealed_get_unchecked,
                                        .beneath = kv_sealed_beneath,
                                        .problem = on_problem,
                                        .context = &told};
    if (status == STATUS_OK)
        status = log_check(&options, &result, &why);
    uint64_t record = value->block ? record_at(value, offset) : 0;
    /* Nobody holds the hash of the last record: it or the one before is named then. */
    uint64_t from = record == record_count ? record - 1 : record, to = record;
    if (record == 0) {
        from = value->block ? value->first : 1;
        to = value->block ? value->last : record_count;
    }
    if (status == STATUS_OK && told.count > 0 && named(&told, from, to))
        return 0;
    fprintf(stderr, "# %s %llu, byte %zu of %zu, record %llu: %s, %zu problems\n%s",
            value->block ? "block" : "tile", (unsigned long long)value->first, offset, value->len,
            (unsigned long long)record, status == STATUS_OK ? "looked" : why.text, told.count, told.texts);
    return 1;
}

/* Runs `look` in a child over the file with that byte changed. False when it returned other than 0, or died. */
static bool try_flip(const char *environment, const struct value *value, size_t offset, uint8_t mask,
                     int (*look)(const struct value *value, size_t offset))
{
    int status = -1;
    for (size_t i = 0; i < value->copies; i++)
        byte_set(environment, value->at[i] + offset, file[value->at[i] + offset] ^ mask);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) { /* cmocka goes on with the next test after a signal: not here */
        static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
        for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
            (void)signal(signals[i], SIG_DFL);
        _exit(look(value, offset));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    for (size_t i = 0; i < value->copies; i++)
        byte_set(environment, value->at[i] + offset, file[value->at[i] + offset]);
    if (WIFSIGNALED(status))
        print_message("# byte %zu of %s/data.mdb: died of signal %d\n", value->at[0] + offset, environment,
                      WTERMSIG(status));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static uint8_t random_mask(void)
{
    return (uint8_t)(1u << random_below(&rnd, 8));
}

static void every_byte_of_a_block_or_tile_is_held(void **state)
{
    (void)state;
    const char *wanted = getenv("TAMPER_FLIPS");
    size_t flips = wanted != NULL ? strtoul(wanted, NULL, 10) : 2000, total = 0, bad = 0, tried = 0;
    values_find("log", log_tables, LOG_TABLE_COUNT);
    records_find();
    for (size_t i = 0; i < value_count; i++)
        total += values[i].len;
    size_t stride = flips == 0 || flips >= total ? 1 : total / flips;
    size_t next = (size_t)random_below(&rnd, stride), base = 0;
    for (size_t i = 0; i < value_count; i++) {
        for (; next < base + values[i].len && bad < 5; next += stride, tried++)
            bad += try_flip("log", &values[i], next - base, random_mask(), flip_is_told) ? 0 : 1;
        base += values[i].len;
    }
    print_message("# %zu of %zu bytes in %zu values tried, %llu records\n", tried, total, value_count,
                  (unsigned long long)record_count);
    assert_int_equal(bad, 0);
    assert_true(tried >= (total - 1) / stride);
}

/* ---- the whole verification ---------------------------------------------------------------------------------------------- */

static char sound_root[65];

/* What verification says of the folder as it is, in `text`. */
static enum status verify(struct verify_report *report, char text[65536], struct fault *why)
{
    struct verify_options options = {.source = {.data_dir = data, .master_key_file = master},
                                     .scratch_dir = top};
    FILE *out = fmemopen(text, 65536, "w");
    *report = (struct verify_report){.out = out};
    enum status status = verify_folder(&options, report, why);
    verify_report_end(report);
    fclose(out);
    return status;
}

static void untouched_books_hold(void **state)
{
    (void)state;
    static char text[65536];
    struct verify_report report;
    struct fault why = {0};
    assert_int_equal(verify(&report, text, &why), STATUS_OK);
    if (report.problems != 0)
        fail_msg("%s", text);
    assert_int_equal(report.records, record_count);
    assert_int_equal(report.replays, 2 + VIEW_COUNT); /* core state, ids and the views */
    memcpy(sound_root, report.root, sizeof sound_root);
}

/* A record that was changed and still decodes is folded too: that must not end badly either. */
static int whole_look_tells(const struct value *value, size_t offset)
{
    static char text[65536];
    struct verify_report report;
    struct fault why = {0};
    enum status status = verify(&report, text, &why);
    if (status == STATUS_OK && report.problems > 0)
        return 0;
    fprintf(stderr, "# byte %zu of a value of %zu: %s\n%s", offset, value->len,
            status == STATUS_OK ? "looked" : why.text, text);
    return 1;
}

static void changed_records_end_no_replay_badly(void **state)
{
    (void)state;
    const char *wanted = getenv("TAMPER_REPLAYS");
    size_t bad = 0, replays = wanted != NULL ? strtoul(wanted, NULL, 10) : 60;
    for (size_t i = 0; i < replays; i++) {
        const struct value *value = &values[random_below(&rnd, value_count)];
        bad += try_flip("log", value, (size_t)random_below(&rnd, value->len), random_mask(), whole_look_tells)
                   ? 0
                   : 1;
    }
    assert_int_equal(bad, 0);
}

/* What `daftari-audit verify` prints, on both outputs; its exit code, or -1. */
static int run_program(char *text, size_t size)
{
    char path[SCRATCH_PATH_MAX + 16];
    int state = -1;
    snprintf(path, sizeof path, "%s/verify.out", top);
    pid_t child = fork();
    if (child == 0) {
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
            _exit(127);
        (void)setenv("ASAN_OPTIONS", "handle_segv=0:handle_sigbus=0:handle_abort=0", 1);
        execlp("daftari-audit", "daftari-audit", "verify", "--data", data, "--master-key", master, "--output",
               "json", "--scratch", top, (char *)NULL);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &state, 0) != child || !WIFEXITED(state))
        return -1;
    FILE *from = fopen(path, "re");
    size_t len = from != NULL ? fread(text, 1, size - 1, from) : 0;
    if (from != NULL)
        fclose(from);
    text[len] = '\0';
    return WEXITSTATUS(state);
}

/* The program itself: reading changed pages may cost it a process, not its answer. */
static int no_harm_or_told(const struct value *value, size_t offset)
{
    static char text[65536];
    int code = run_program(text, sizeof text);
    (void)value;
    bool same = strstr(text, "\"holds\":true") != NULL && strstr(text, sound_root) != NULL;
    bool told = strstr(text, "\"holds\":false") != NULL && strstr(text, "\"problem\":\"") != NULL;
    if ((code == 0 && same) || (code == 1 && told) || (code == 2 && strstr(text, "daftari-audit: ") != NULL))
        return 0;
    fprintf(stderr, "# byte %zu: exit %d\n%s", offset, code, text);
    return 1;
}

static bool within_value(size_t at)
{
    for (size_t i = 0; i < value_count; i++)
        for (size_t k = 0; k < values[i].copies; k++)
            if (at >= values[i].at[k] && at < values[i].at[k] + values[i].len)
                return true;
    return false;
}

static void the_stores_own_pages_cannot_deceive(void **state)
{
    (void)state;
    const struct value whole = {.copies = 1, .len = file_len};
    size_t bad = 0, tried = 0;
    for (size_t page = 0; page + 4096 <= file_len; page += 4096)
        for (size_t i = 0; i < PAGE_FLIPS; i++) {
            /* Page headers and node pointers are at the beginning of a page. */
            size_t at = page + (size_t)random_below(&rnd, i < PAGE_FLIPS - 1 ? 100 : 4096);
            if (within_value(at))
                continue;
            bad += try_flip("log", &whole, at, random_mask(), no_harm_or_told) ? 0 : 1;
            tried++;
        }
    print_message("# %zu bytes outside of values tried\n", tried);
    assert_int_equal(bad, 0);
}

/* ---- core state and views --------------------------------------------------------------------------------------------------- */

static void derived_bytes_are_held(const char *name, const struct kv_table *tables, unsigned count)
{
    size_t bad = 0;
    values_find(name, tables, count);
    assert_true(value_count > 0);
    for (size_t i = 0; i < 8; i++) {
        const struct value *value = &values[random_below(&rnd, value_count)];
        bad += try_flip(name, value, (size_t)random_below(&rnd, value->len), random_mask(), whole_look_tells)
                   ? 0
                   : 1;
    }
    if (bad != 0)
        fail_msg("%s: %zu changed bytes were not told", name, bad);
}

static void changed_bytes_of_state_and_views_are_told(void **state)
{
    (void)state;
    char name[64];
    derived_bytes_are_held("state", domain_tables, domain_table_count);
    derived_bytes_are_held("ids", id_index_tables, ID_INDEX_TABLE_COUNT);
    for (size_t i = 0; i < VIEW_COUNT; i++) {
        snprintf(name, sizeof name, "views/%s", views[i]->name);
        derived_bytes_are_held(name, views[i]->tables, views[i]->table_count);
    }
}

enum change { CHANGE_VALUE, CHANGE_REMOVE, CHANGE_ADD };

/* By somebody who has the keys: seals are good, the content is not. A row of a random table that has any, but for
 * the spared one, which is its owner's. */
static void change_row(const char *name, const struct kv_table *tables, unsigned count, unsigned spared,
                       enum change change)
{
    struct data_folder *folder;
    struct fault why = {0};
    struct kv *kv;
    struct kv_txn *txn;
    uint8_t key_copy[KV_KEY_MAX], value_copy[65536];
    assert_int_equal(environment_open(name, tables, count, true, &folder, &kv, &why), STATUS_OK);
    assert_int_equal(kv_begin(kv, true, &txn), STATUS_OK);
    unsigned first = (unsigned)random_below(&rnd, count), table = 0;
    struct slice key = {0}, value = {0};
    bool found = false;
    for (unsigned i = 0; i < count && !found; i++) {
        table = (first + i) % count;
        if (table == spared || (tables[table].flags & KV_BLIND_KEYS) != 0)
            continue;
        struct kv_cursor *cursor = kv_cursor_open(txn, table);
        found = kv_seek(cursor, (struct slice){0});
        if (found) {
            kv_row(cursor, &key, &value);
            found = value.len > 0 && value.len <= sizeof value_copy;
        }
        if (found) {
            memcpy(key_copy, key.ptr, key.len);
            memcpy(value_copy, value.ptr, value.len);
        }
        kv_cursor_close(cursor);
    }
    assert_true(found);
    if (change == CHANGE_REMOVE)
        kv_del(txn, table, slice_of(key_copy, key.len));
    if (change == CHANGE_VALUE)
        value_copy[random_below(&rnd, value.len)] ^= 1;
    if (change == CHANGE_ADD)
        key_copy[key.len - 1] ^= 0xa5;
    if (change != CHANGE_REMOVE)
        kv_put(txn, table, slice_of(key_copy, key.len), slice_of(value_copy, value.len));
    assert_int_equal(kv_commit(txn), STATUS_OK);
    kv_close(kv);
    data_folder_close(folder, true);
}

static void rows_changed_with_the_keys_are_told(void **state)
{
    (void)state;
    static char text[65536];
    for (size_t i = 0; i < 1 + VIEW_COUNT; i++) {
        for (enum change change = CHANGE_VALUE; change <= CHANGE_ADD; change++) {
            char name[64] = "state";
            struct verify_report report;
            struct fault why = {0};
            if (i > 0)
                snprintf(name, sizeof name, "views/%s", views[i - 1]->name);
            file_read(name);
            change_row(name, i > 0 ? views[i - 1]->tables : domain_tables,
                       i > 0 ? views[i - 1]->table_count : domain_table_count, TABLE_CURSOR, change);
            assert_int_equal(verify(&report, text, &why), STATUS_OK);
            if (report.problems == 0 || strstr(text, name) == NULL || strstr(text, ", table ") == NULL)
                fail_msg("%s, change %d: %s", name, (int)change, text);

            file_write(name);
        }
    }
}

static void ids_changed_with_the_keys_are_told(void **state)
{
    (void)state;
    static char text[65536];
    for (unsigned i = 0; i < 12; i++) {
        enum change change = i % 3;
        struct verify_report report;
        struct fault why = {0};
        file_read("ids");
        change_row("ids", id_index_tables, ID_INDEX_TABLE_COUNT, 1, change);
        assert_int_equal(verify(&report, text, &why), STATUS_OK);
        if (report.problems == 0 || strstr(text, "ids: ") == NULL)
            fail_msg("ids, change %d: %s", (int)change, text);
        file_write("ids");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_of_a_block_or_tile_is_held),
        cmocka_unit_test(untouched_books_hold),
        cmocka_unit_test(changed_records_end_no_replay_badly),
        cmocka_unit_test(the_stores_own_pages_cannot_deceive),
        cmocka_unit_test(changed_bytes_of_state_and_views_are_told),
        cmocka_unit_test(rows_changed_with_the_keys_are_told),
        cmocka_unit_test(ids_changed_with_the_keys_are_told),
        cmocka_unit_test(untouched_books_hold),
    };
    struct fault why = {0};
    if (domain_check(&why) != STATUS_OK)
        return 1;
    return cmocka_run_group_tests_name("tamper", tests, books_make, books_remove);
}
