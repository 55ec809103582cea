/* server/app/staging: what is removed is what was made, whatever has been put in its way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/app/staging.h"
#include "tests/support/scratch.h"

static char folder[SCRATCH_PATH_MAX];

static const char *in(const char *base, const char *name)
{
    static char paths[4][2 * CONFIG_PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", base, name);
    return path;
}

static void file_make(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static bool there(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

static void make(const char *place, struct staging *out)
{
    struct fault why = {0};
    if (staging_make(place, out, &why) != STATUS_OK)
        fail_msg("%s: %s", why.field, why.text);
}

static int setup(void **state)
{
    (void)state;
    scratch_make(folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    scratch_remove(folder);
    return 0;
}

static void it_is_new_and_ours(void **state)
{
    (void)state;
    struct staging one, two;
    struct stat info;
    make(in(folder, "books"), &one);
    make(in(folder, "books///"), &two);
    assert_string_not_equal(one.path, two.path);
    assert_int_equal(stat(two.path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0700);
    assert_memory_equal(two.path, in(folder, "books.init-"), strlen(in(folder, "books.init-")));
    staging_remove(&one);
    assert_int_equal(mkdir(in(folder, "books"), 0700), 0);
    make(in(folder, "books"), &one); /* in the folder that is there */
    assert_memory_equal(one.path, in(folder, "books/.init-"), strlen(in(folder, "books/.init-")));
    assert_int_equal(staging_make(in(folder, "no/such"), &two, NULL), STATUS_IO);
    assert_false(two.made);
}

static void all_in_it_goes_and_nothing_behind_a_link(void **state)
{
    (void)state;
    struct staging made;
    assert_int_equal(mkdir(in(folder, "other"), 0700), 0);
    file_make(in(folder, "other/kept"));
    make(in(folder, "books"), &made);
    assert_int_equal(mkdir(in(made.path, "log"), 0700), 0);
    file_make(in(made.path, "log/data"));
    assert_int_equal(symlink(in(folder, "other"), in(made.path, "log/link")), 0);
    staging_remove(&made);
    assert_false(there(made.path));
    assert_true(there(in(folder, "other/kept")));
}

static void what_was_not_made_stays(void **state)
{
    (void)state;
    struct staging made, none = {0};
    snprintf(none.path, sizeof none.path, "%s", folder);
    staging_remove(&none);
    assert_true(there(folder));

    make(in(folder, "books"), &made);
    assert_int_equal(rename(made.path, in(folder, "away")), 0);
    assert_int_equal(mkdir(made.path, 0700), 0); /* another stands in its place */
    file_make(in(made.path, "kept"));
    staging_remove(&made);
    assert_true(there(in(made.path, "kept")));

    make(in(folder, "books"), &made);
    assert_int_equal(rmdir(made.path), 0);
    assert_int_equal(symlink(in(folder, "away"), made.path), 0);
    file_make(in(folder, "away/kept"));
    staging_remove(&made);
    assert_true(there(in(folder, "away/kept")));
    assert_true(there(made.path));
}

static void what_has_moved_to_its_place_stays(void **state)
{
    (void)state;
    struct staging made;
    make(in(folder, "books"), &made);
    file_make(in(made.path, "log"));
    assert_int_equal(staging_move(made.path, in(folder, "books"), NULL), STATUS_OK);
    staging_remove(&made);
    assert_true(there(in(folder, "books/log")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_new_and_ours, setup, teardown),
        cmocka_unit_test_setup_teardown(all_in_it_goes_and_nothing_behind_a_link, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_not_made_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(what_has_moved_to_its_place_stays, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
