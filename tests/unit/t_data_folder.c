/* A data folder: one holder, keys, environments, and what is trusted after which kind of end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/base/system.h"
#include "server/store/data_folder.h"
#include "server/store/folder.h"
#include "tests/support/scratch.h"

static const struct kv_table tables[] = {{"rows", KV_PLAIN}};
static char top[SCRATCH_PATH_MAX], path[FOLDER_PATH_MAX], master[FOLDER_PATH_MAX];

static void write_text(const char *file, const char *text)
{
    FILE *out = fopen(file, "w");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

static int make(void **state)
{
    (void)state;
    scratch_make(top);
    assert_int_equal(folder_join(top, "data", path, NULL), STATUS_OK);
    assert_int_equal(folder_join(top, "master", master, NULL), STATUS_OK);
    write_text(master, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n");
    return chmod(master, 0600);
}

static int drop(void **state)
{
    (void)state;
    scratch_remove(top);
    return 0;
}

static enum status try_open(bool create, bool read_only, struct data_folder **out)
{
    struct fault why = {0};
    struct data_folder_options options = {.path = path,
                                          .master_key_file = master,
                                          .entropy = &system_entropy,
                                          .create = create,
                                          .read_only = read_only};
    return data_folder_open(&options, out, &why);
}

static enum status try_environment(struct data_folder *folder, const char *name, struct kv **out)
{
    struct fault why = {0};
    struct data_folder_environment environment = {.name = name,
                                                  .tables = tables,
                                                  .table_count = 1,
                                                  .map_bytes = 1u << 20,
                                                  .readers_max = 4,
                                                  .durable = strcmp(name, "log") == 0};
    return data_folder_environment_open(folder, &environment, out, &why);
}

static void put(struct data_folder *folder, const char *name)
{
    struct kv *kv = NULL;
    struct kv_txn *txn = NULL;
    assert_int_equal(try_environment(folder, name, &kv), STATUS_OK);
    assert_int_equal(kv_begin(kv, true, &txn), STATUS_OK);
    kv_put(txn, 0, slice_text("key"), slice_text(name));
    assert_int_equal(kv_commit(txn), STATUS_OK);
    kv_close(kv);
}

static bool holds(struct data_folder *folder, const char *name, const char *value)
{
    struct kv *kv = NULL;
    struct kv_txn *txn = NULL;
    struct slice got;
    assert_int_equal(try_environment(folder, name, &kv), STATUS_OK);
    assert_int_equal(kv_begin(kv, false, &txn), STATUS_OK);
    bool found = kv_get(txn, 0, slice_text("key"), &got) && slice_equal(got, slice_text(value));
    assert_int_equal(kv_error(txn), STATUS_OK);
    kv_abort(txn);
    kv_close(kv);
    return found;
}

static void fill(void)
{
    struct data_folder *folder = NULL;
    assert_int_equal(try_open(true, false, &folder), STATUS_OK);
    put(folder, "log");
    put(folder, "state");
    put(folder, "views/balances");
    data_folder_close(folder, true);
}

static void one_holder(void **state)
{
    (void)state;
    struct data_folder *folder = NULL, *other = NULL;
    assert_int_not_equal(try_open(false, false, &folder), STATUS_OK); /* nothing is there */
    fill();
    assert_int_equal(try_open(true, false, &folder), STATUS_INVALID); /* something is */
    assert_int_equal(try_open(false, false, &folder), STATUS_OK);
    assert_int_equal(try_open(false, false, &other), STATUS_BUSY);
    assert_int_equal(try_open(false, true, &other), STATUS_OK); /* auditors look beside */
    assert_true(holds(other, "log", "log"));
    data_folder_close(other, true);
    data_folder_close(folder, true);
    data_folder_close(NULL, true);
}

static void trusted_after_clean_stop_and_after_kill(void **state)
{
    (void)state;
    struct data_folder *folder = NULL;
    fill();
    for (unsigned clean = 0; clean < 2; clean++) {
        assert_int_equal(try_open(false, false, &folder), STATUS_OK);
        assert_true(data_folder_trusted(folder));
        assert_true(holds(folder, "state", "state"));
        data_folder_close(folder, clean == 1); /* not clean: as after kill -9, under the same kernel */
    }
}

static void dropped_after_power_cut(void **state)
{
    (void)state;
    struct data_folder *folder = NULL;
    char run[FOLDER_PATH_MAX];
    fill();
    assert_int_equal(folder_join(path, "run", run, NULL), STATUS_OK);
    write_text(run, "running 00000000-1111-2222-3333-444444444444\n");
    assert_int_equal(try_open(false, false, &folder), STATUS_OK);
    assert_false(data_folder_trusted(folder));
    data_folder_close(folder, false); /* killed at once: what was not to be trusted must not be so now */
    assert_int_equal(try_open(false, false, &folder), STATUS_OK);
    assert_true(holds(folder, "log", "log"));
    assert_false(holds(folder, "state", "state"));
    assert_false(holds(folder, "views/balances", "views/balances"));
    data_folder_close(folder, true);
}

/* What somebody put beside the views is left alone, and does not keep the books closed. */
static void strangers_stay_after_power_cut(void **state)
{
    (void)state;
    struct data_folder *folder = NULL;
    char run[FOLDER_PATH_MAX], stray[FOLDER_PATH_MAX], inside[FOLDER_PATH_MAX];
    fill();
    assert_int_equal(folder_join(path, "run", run, NULL), STATUS_OK);
    assert_int_equal(folder_join(path, "views/README", stray, NULL), STATUS_OK);
    assert_int_equal(folder_join(path, "views/balances/notes", inside, NULL), STATUS_OK);
    write_text(run, "running 00000000-1111-2222-3333-444444444444\n");
    write_text(stray, "do not touch\n");
    write_text(inside, "nor this\n");
    assert_int_equal(try_open(false, false, &folder), STATUS_OK);
    assert_int_equal(access(stray, F_OK), 0);
    assert_int_equal(access(inside, F_OK), 0);
    assert_false(holds(folder, "state", "state"));
    assert_false(holds(folder, "views/balances", "views/balances"));
    data_folder_close(folder, true);
}

static void views_are_swapped(void **state)
{
    (void)state;
    struct data_folder *folder = NULL;
    fill();
    assert_int_equal(try_open(false, false, &folder), STATUS_OK);
    put(folder, "views/balances.new");
    assert_int_equal(data_folder_environment_remove(folder, "views/balances"), STATUS_OK);
    assert_int_equal(data_folder_environment_remove(folder, "views/balances"), STATUS_OK);
    assert_int_equal(data_folder_environment_rename(folder, "views/balances.new", "views/balances"),
                     STATUS_OK);
    assert_true(holds(folder, "views/balances", "views/balances.new"));
    data_folder_close(folder, true);
}

static void lost_log_does_not_come_back_empty(void **state)
{
    (void)state;
    struct data_folder *folder = NULL;
    struct kv *kv = NULL;
    char file[FOLDER_PATH_MAX];
    fill();
    assert_int_equal(folder_join(path, "log/data.mdb", file, NULL), STATUS_OK);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(try_open(false, false, &folder), STATUS_OK);
    assert_int_equal(try_environment(folder, "log", &kv), STATUS_NOT_FOUND);
    assert_int_equal(access(file, F_OK), -1);
    assert_true(holds(folder, "state", "state"));
    data_folder_close(folder, false);
}

static off_t length_of(const char *file)
{
    struct stat about;
    assert_int_equal(stat(file, &about), 0);
    return about.st_size;
}

static enum status opened_when_cut(const char *name, off_t len, bool read_only)
{
    struct data_folder *folder = NULL;
    struct kv *kv = NULL;
    char file[FOLDER_PATH_MAX], below[64];
    snprintf(below, sizeof below, "%s/data.mdb", name);
    assert_int_equal(folder_join(path, below, file, NULL), STATUS_OK);
    assert_int_equal(truncate(file, len), 0);
    assert_int_equal(try_open(false, read_only, &folder), STATUS_OK);
    enum status status = try_environment(folder, name, &kv);
    if (status == STATUS_OK)
        kv_close(kv);
    data_folder_close(folder, false);
    if (strcmp(name, "log") == 0 && !read_only)
        assert_int_equal(length_of(file), len); /* nothing is made in its place */
    return status;
}

/* Reading behind the end of a mapped file ends the process: a file that was cut is told before. */
static void cut_files_are_told(void **state)
{
    (void)state;
    static const char *const names[] = {"log", "state", "views/balances"};
    static const off_t lengths[] = {16384, 8192, 8191, 4096, 100};
    fill();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (size_t n = 0; n < sizeof lengths / sizeof *lengths; n++) {
            assert_int_equal(opened_when_cut(names[i], lengths[n], true), STATUS_CORRUPT);
            assert_int_equal(opened_when_cut(names[i], lengths[n], false), STATUS_CORRUPT);
        }
    assert_int_equal(opened_when_cut("log", 0, false), STATUS_CORRUPT);
    assert_int_equal(opened_when_cut("state", 0, false), STATUS_OK); /* made anew */
}

/* Keys that are gone are not damage to the log, and a new key must not take a number that was used. */
static void lost_keys_are_not_made_again(void **state)
{
    (void)state;
    struct data_folder *folder = NULL;
    struct kv *kv = NULL;
    char keys[FOLDER_PATH_MAX];
    fill();
    assert_int_equal(folder_join(path, "keys/data-keys", keys, NULL), STATUS_OK);
    assert_int_equal(truncate(keys, 0), 0);
    for (int read_only = 0; read_only < 2; read_only++) {
        assert_int_equal(try_open(false, read_only, &folder), STATUS_OK);
        assert_int_equal(try_environment(folder, "log", &kv), STATUS_UNAVAILABLE);
        assert_int_equal(try_environment(folder, "state", &kv),
                         read_only ? STATUS_UNAVAILABLE : STATUS_CORRUPT);
        data_folder_close(folder, false);
        assert_int_equal(length_of(keys), 0);
    }
}

/* The key of the last start is gone, which sealed the last `values` of the log; the first ones have theirs. */
static void lose_last_key(unsigned values)
{
    struct data_folder *folder = NULL;
    struct kv *kv = NULL;
    struct kv_txn *txn = NULL;
    char keys[FOLDER_PATH_MAX];
    fill();
    assert_int_equal(folder_join(path, "keys/data-keys", keys, NULL), STATUS_OK);
    off_t before = length_of(keys);
    assert_int_equal(try_open(false, false, &folder), STATUS_OK);
    assert_int_equal(try_environment(folder, "log", &kv), STATUS_OK);
    assert_int_equal(kv_begin(kv, true, &txn), STATUS_OK);
    for (uint8_t i = 0; i < values; i++)
        kv_put(txn, 0, slice_of((uint8_t[]){'z', i}, 2), slice_text("later"));
    assert_int_equal(kv_commit(txn), STATUS_OK);
    kv_close(kv);
    data_folder_close(folder, true);
    assert_true(length_of(keys) > before);
    assert_int_equal(truncate(keys, before), 0);
    for (int read_only = 0; read_only < 2; read_only++) {
        assert_int_equal(try_open(false, read_only, &folder), STATUS_OK);
        enum status status = try_environment(folder, "log", &kv);
        assert_int_equal(status, read_only && values == 1 ? STATUS_OK : STATUS_UNAVAILABLE);
        if (status == STATUS_OK)
            kv_close(kv);
        data_folder_close(folder, false);
        assert_int_equal(length_of(keys), before);
    }
}

static void a_lost_last_key_is_missed(void **state)
{
    (void)state;
    lose_last_key(2);
}

/* Who reads takes it for a value that was changed, which is told where it is read; nobody may write over it. */
static void a_lost_key_of_one_value_stops_who_writes(void **state)
{
    (void)state;
    lose_last_key(1);
}

/* What systemd holds for the process goes before the file, which only root may be able to read. */
static void a_credential_comes_before_the_file(void **state)
{
    (void)state;
    struct data_folder *folder = NULL;
    char credentials[FOLDER_PATH_MAX], key[FOLDER_PATH_MAX];
    fill();
    assert_int_equal(folder_join(top, "credentials", credentials, NULL), STATUS_OK);
    assert_int_equal(mkdir(credentials, 0700), 0);
    assert_int_equal(folder_join(credentials, "master-key", key, NULL), STATUS_OK);
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", credentials, 1), 0);
    assert_int_equal(try_open(false, true, &folder), STATUS_OK); /* there is none yet: the file */
    data_folder_close(folder, false);
    assert_int_equal(rename(master, key), 0);
    assert_int_equal(try_open(false, true, &folder), STATUS_OK);
    data_folder_close(folder, false);
    write_text(key, "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\n");
    enum status wrong = try_open(false, true, &folder);
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    assert_int_equal(wrong, STATUS_INVALID);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make, drop)

/* Nor do they keep an environment from being dropped, or from taking the place of an old one. */
static void strangers_stand_in_nobodys_way(void **state)
{
    (void)state;
    struct data_folder *folder = NULL;
    char notes[FOLDER_PATH_MAX], mine[FOLDER_PATH_MAX], fresh[FOLDER_PATH_MAX];
    fill();
    assert_int_equal(try_open(false, false, &folder), STATUS_OK);
    assert_int_equal(folder_join(path, "state/notes", notes, NULL), STATUS_OK);
    assert_int_equal(folder_join(path, "views/balances/notes", mine, NULL), STATUS_OK);
    assert_int_equal(folder_join(path, "views/balances.new", fresh, NULL), STATUS_OK);
    write_text(notes, "do not touch\n");
    write_text(mine, "nor this\n");
    assert_int_equal(data_folder_environment_remove(folder, "state"), STATUS_OK);
    assert_false(holds(folder, "state", "state"));
    put(folder, "views/balances.new");
    assert_int_equal(data_folder_environment_remove(folder, "views/balances"), STATUS_OK);
    assert_int_equal(data_folder_environment_rename(folder, "views/balances.new", "views/balances"),
                     STATUS_OK);
    assert_true(holds(folder, "views/balances", "views/balances.new"));
    assert_int_not_equal(access(fresh, F_OK), 0);
    assert_int_equal(access(notes, F_OK), 0);
    assert_int_equal(access(mine, F_OK), 0);
    data_folder_close(folder, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(one_holder),
        CASE(trusted_after_clean_stop_and_after_kill),
        CASE(dropped_after_power_cut),
        CASE(strangers_stay_after_power_cut),
        CASE(strangers_stand_in_nobodys_way),
        CASE(views_are_swapped),
        CASE(lost_log_does_not_come_back_empty),
        CASE(cut_files_are_told),
        CASE(lost_keys_are_not_made_again),
        CASE(a_lost_last_key_is_missed),
        CASE(a_lost_key_of_one_value_stops_who_writes),
        CASE(a_credential_comes_before_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
