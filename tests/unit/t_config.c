/* server/app/config: defaults, values, every kind of problem named with its line, the sample file and the manual. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/app/config.h"

static enum status parse(const char *text, struct config **out, char **out_problems)
{
    size_t len = 0;
    *out = config_new();
    assert_non_null(*out);
    FILE *problems = open_memstream(out_problems, &len);
    assert_non_null(problems);
    enum status status = config_parse(*out, slice_text(text), "test.conf", problems);
    fclose(problems);
    return status;
}

static void refuse(const char *text, const char *problems_expected)
{
    struct config *config;
    char *problems;
    assert_int_equal(parse(text, &config, &problems), STATUS_INVALID);
    assert_string_equal(problems, problems_expected);
    free(problems);
    config_free(config);
}

static void test_defaults(void **state)
{
    (void)state;
    struct config *config;
    char *problems;
    assert_int_equal(parse("", &config, &problems), STATUS_OK);
    assert_string_equal(problems, "");
    assert_string_equal(config->listen_address, "127.0.0.1");
    assert_int_equal(config->listen_port, 7419);
    assert_int_equal(config->metrics, 1);
    assert_int_equal(config_diag_level(config), DIAG_INFO);
    free(problems);
    config_free(config);
}

static void test_values(void **state)
{
    (void)state;
    struct config *config;
    char *problems;
    const char *text = "# comment\n"
                       "  listen_port=0   # any\r\n"
                       "data_dir = \"/tmp/a # \\\"b\\\" \\\\\" # comment\n"
                       "key_dir = /tmp/with space\t\n"
                       "listen_address = ::1\n"
                       "metrics = no\n"
                       "log_level = debug";
    assert_int_equal(parse(text, &config, &problems), STATUS_OK);
    assert_string_equal(problems, "");
    assert_int_equal(config->listen_port, 0);
    assert_string_equal(config->data_dir, "/tmp/a # \"b\" \\");
    assert_string_equal(config->key_dir, "/tmp/with space");
    assert_string_equal(config->listen_address, "::1");
    assert_int_equal(config->metrics, 0);
    assert_int_equal(config_diag_level(config), DIAG_DEBUG);
    free(problems);
    config_free(config);
}

static void test_every_problem_is_told(void **state)
{
    (void)state;
    refuse("listen_port = 65536\n"
           "\n"
           "colour = blue\n"
           "listen_address = localhost\n"
           "data_dir = \"\"\n"
           "metrics = 1\n"
           "log_level = inf\n"
           "drain_ms\n"
           "drain_ms =\n"
           "drain_ms = 20\n"
           "key_dir = \"/x\n"
           "master_key_file = \"/x\" y\n",
           "test.conf:1: listen_port: a whole number from 0 to 65535, got \"65536\"\n"
           "test.conf:3: no such setting: colour\n"
           "test.conf:4: listen_address: a numeric address as 127.0.0.1, 0.0.0.0 or ::, got \"localhost\"\n"
           "test.conf:5: data_dir: must not be empty\n"
           "test.conf:6: metrics: yes or no, got \"1\"\n"
           "test.conf:7: log_level: one of: debug info warning error; got \"inf\"\n"
           "test.conf:8: a line is empty, a # comment, or name = value\n"
           "test.conf:9: drain_ms: a value is missing; \"\" is the empty one\n"
           "test.conf:10: drain_ms: was given at line 9 already\n"
           "test.conf:11: key_dir: the closing quote is missing\n"
           "test.conf:12: master_key_file: nothing but a comment may follow the closing quote\n");
}

static void test_lines(void **state)
{
    (void)state;
    struct config *config;
    char *problems;
    assert_int_equal(parse("# nothing\nkey_dir = /a\n\ndata_dir = /b\n", &config, &problems), STATUS_OK);
    assert_int_equal(config_line(config, "key_dir"), 2);
    assert_int_equal(config_line(config, "data_dir"), 4);
    assert_int_equal(config_line(config, "listen_port"), 0);
    assert_int_equal(config_parse(config, slice_text("listen_port = 1\n"), "again", NULL), STATUS_OK);
    assert_int_equal(config_line(config, "listen_port"), 1);
    assert_int_equal(config_line(config, "key_dir"), 0);
    free(problems);
    config_free(config);
}

static void test_between_keys(void **state)
{
    (void)state;
    refuse("requests_max = 20\nrequests_open_max = 21\n",
           "test.conf:2: requests_open_max: must not be more than requests_max, 21 is more than 20\n");
    refuse("log_map_mib = 47\n",
           "test.conf:1: log_map_mib: at least 48 with batch_kib = 16384 (twice that, and "
           "16 MiB): less has no room for any command\n");
    refuse("metrics_port = 7419\n", "test.conf:1: metrics_port: must differ from listen_port\n");
    refuse("data_dir = /var/books\nmaster_key_file = /var/books/key\n",
           "test.conf:2: master_key_file: must lie outside data_dir: who steals the one must not get the "
           "other\n");
}

static void test_hostile(void **state)
{
    (void)state;
    static char text[8192];
    refuse("listen_port = 1\x01\n", "test.conf:1: is not UTF-8 text, or holds control characters\n");
    memset(text, 'a', sizeof text - 1);
    refuse(text, "test.conf:1: the line is too long\n");
    memset(text, '\n', sizeof text - 1);
    memcpy(text, "x", 1);
    for (size_t i = 0; i + 4 < sizeof text; i += 4)
        memcpy(text + i, "x=1\n", 4);
    struct config *config;
    char *problems;
    assert_int_equal(parse(text, &config, &problems), STATUS_INVALID);
    assert_non_null(strstr(problems, "test.conf:100: no such setting: x\n"));
    assert_null(strstr(problems, "test.conf:101:"));
    assert_non_null(strstr(problems, " more\n"));
    free(problems);
    config_free(config);
}

/* What is printed reads back as the same. */
static void test_print_reads_back(void **state)
{
    (void)state;
    struct config *first, *second;
    char *problems, *text = NULL;
    size_t len;
    const char *given = "data_dir = \"/a \\\" \\\\ b\"\nlisten_port = 99\nmetrics = no\nlog_level = error\n";
    assert_int_equal(parse(given, &first, &problems), STATUS_OK);
    free(problems);
    FILE *out = open_memstream(&text, &len);
    config_print(first, out);
    fclose(out);
    assert_int_equal(parse(text, &second, &problems), STATUS_OK);
    assert_string_equal(problems, "");
    assert_memory_equal(first, second, offsetof(struct config, given_at));
    free(problems);
    free(text);
    config_free(first);
    config_free(second);
}

static char *file_text(const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        fail_msg("%s cannot be opened", path);
    char *text = calloc(1, 262144);
    assert_non_null(text);
    size_t len = fread(text, 1, 262143, file);
    assert_true(len > 0);
    fclose(file);
    return text;
}

static void test_sample_is_what_is_printed(void **state)
{
    (void)state;
    char *sample = file_text("server/app/daftari.conf"), *text = NULL;
    size_t len;
    struct config *config = config_new();
    FILE *out = open_memstream(&text, &len);
    config_print(config, out);
    fclose(out);
    assert_string_equal(text, sample); /* else: daftarid --print-config >server/app/daftari.conf */
    free(text);
    free(sample);
    config_free(config);
}

static void test_every_key_is_in_the_manual(void **state)
{
    (void)state;
    char *manual = file_text("docs/man/daftari.conf.5");
    for (size_t i = 0; i < config_key_count(); i++) {
        char item[128];
        snprintf(item, sizeof item, "\n.It Ic %s\n", config_key_name(i));
        if (strstr(manual, item) == NULL)
            fail_msg("docs/man/daftari.conf.5 says nothing of %s", config_key_name(i));
    }
    free(manual);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_every_problem_is_told),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_between_keys),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_print_reads_back),
        cmocka_unit_test(test_sample_is_what_is_printed),
        cmocka_unit_test(test_every_key_is_in_the_manual),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
