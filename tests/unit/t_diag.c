/* server/base/diag: one call is one line of bounded length, whatever the values hold; levels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/diag.h"

static int kept = -1, pipe_read = -1;

/* Standard error goes into a pipe while a test runs. */
static int divert(void **state)
{
    (void)state;
    int ends[2];
    if (pipe2(ends, O_NONBLOCK) != 0)
        return 1;
    kept = dup(STDERR_FILENO);
    pipe_read = ends[0];
    return dup2(ends[1], STDERR_FILENO) < 0 || close(ends[1]) != 0 ? 1 : 0;
}

static int restore(void **state)
{
    (void)state;
    dup2(kept, STDERR_FILENO);
    close(kept);
    close(pipe_read);
    diag_set_level(DIAG_INFO);
    return 0;
}

static size_t written(char *out, size_t cap)
{
    ssize_t len = read(pipe_read, out, cap - 1);
    out[len > 0 ? len : 0] = '\0';
    return len > 0 ? (size_t)len : 0;
}

static void a_line_says_what_happened(void **state)
{
    (void)state;
    char text[4096];
    diag(DIAG_WARNING, "net", "refused", "peer=%s open=%u", "1.2.3.4:5", 7u);
    written(text, sizeof text);
    assert_non_null(strstr(text, "Z WARNING net refused peer=1.2.3.4:5 open=7\n"));
    assert_int_equal(text[4], '-'); /* 2026-... */
    diag(DIAG_INFO, "net", "ended", " ");
    written(text, sizeof text);
    assert_non_null(strstr(text, " INFO net ended\n")); /* nothing behind it */
}

static void a_line_stays_one_line(void **state)
{
    (void)state;
    char text[8192], value[4000];
    diag(DIAG_ERROR, "net", "ended", "why=\"%s\"", "a\nERROR net forged\x1b[2J\r\x7f");
    written(text, sizeof text);
    assert_non_null(strstr(text, "why=\"a?ERROR net forged?[2J??\"\n"));
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    diag(DIAG_ERROR, "net", "long", "value=%s end=1", value);
    assert_int_equal(written(text, sizeof text), 1000);
    assert_int_equal(text[999], '\n');
}

static void lines_below_the_level_are_not_written(void **state)
{
    (void)state;
    char text[4096];
    diag(DIAG_DEBUG, "net", "accepted", " ");
    assert_int_equal(written(text, sizeof text), 0);
    diag_set_level(DIAG_DEBUG);
    diag(DIAG_DEBUG, "net", "accepted", " ");
    assert_true(written(text, sizeof text) > 0);
    diag_set_level(DIAG_ERROR);
    diag(DIAG_WARNING, "net", "refused", " ");
    assert_int_equal(written(text, sizeof text), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_says_what_happened, divert, restore),
        cmocka_unit_test_setup_teardown(a_line_stays_one_line, divert, restore),
        cmocka_unit_test_setup_teardown(lines_below_the_level_are_not_written, divert, restore),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
