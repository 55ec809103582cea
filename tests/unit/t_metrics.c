/* server/base/metrics: the text form, line for line; counting from several threads; nothing to count in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/metrics.h"

static uint64_t seven(void *context)
{
    return *(const uint64_t *)context;
}

static void the_page_is_as_prometheus_reads_it(void **state)
{
    (void)state;
    uint64_t source = 7;
    struct metrics *metrics = metrics_new(16);
    struct metric *ok = metrics_counter(metrics, "a_total", "Things.", "status=\"OK\"");
    metric_add(ok, 2);
    metric_add(metrics_counter(metrics, "a_total", "Things.", "status=\"BUSY\""), 1);
    metric_add(metrics_counter(metrics, "a_total", "Things.", "status=\"OK\""), 3); /* the same one */
    metrics_gauge_source(metrics, "c", "Source.", NULL, seven, &source);
    size_t len;
    char *text = metrics_text(metrics, &len);
    assert_string_equal(text, "# HELP a_total Things.\n"
                              "# TYPE a_total counter\n"
                              "a_total{status=\"OK\"} 5\n"
                              "a_total{status=\"BUSY\"} 1\n"
                              "# HELP c Source.\n"
                              "# TYPE c gauge\n"
                              "c 7\n");
    assert_int_equal(len, strlen(text));
    free(text);
    metrics_free(metrics);
}

static void histograms_add_up(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new(16);
    struct metric *time = metrics_histogram(metrics, "t_seconds", "Time.", "m=\"x\"", METRIC_MICROSECONDS);
    struct metric *size = metrics_histogram(metrics, "n", "Size.", NULL, METRIC_PLAIN);
    static const uint64_t times[] = {0, 50, 51, 30000000, 30000001};
    for (size_t i = 0; i < 5; i++)
        metric_observe(time, times[i]);
    metric_observe(size, 4);
    metric_observe(size, 5);
    assert_int_equal(metric_value(time), 5);
    size_t len;
    char *text = metrics_text(metrics, &len);
    static const char *const lines[] = {
        "\nt_seconds_bucket{m=\"x\",le=\"0.000050\"} 2\n",
        "\nt_seconds_bucket{m=\"x\",le=\"0.000100\"} 3\n",
        "\nt_seconds_bucket{m=\"x\",le=\"10.000000\"} 3\n",
        "\nt_seconds_bucket{m=\"x\",le=\"30.000000\"} 4\n",
        "\nt_seconds_bucket{m=\"x\",le=\"+Inf\"} 5\n",
        "\nt_seconds_sum{m=\"x\"} 60.000102\n",
        "\nt_seconds_count{m=\"x\"} 5\n",
        "\nn_bucket{le=\"1\"} 0\n",
        "\nn_bucket{le=\"4\"} 1\n",
        "\nn_bucket{le=\"16\"} 2\n",
        "\nn_sum 9\n",
        "\nn_count 2\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (strstr(text, lines[i]) == NULL)
            fail_msg("no line %s in\n%s", lines[i], text);
    free(text);
    metrics_free(metrics);
}

static void nothing_to_count_in_is_fine(void **state)
{
    (void)state;
    struct metrics *full = metrics_new(1);
    assert_non_null(metrics_counter(full, "a", "", NULL));
    struct metric *none[] = {metrics_counter(full, "b", "", NULL), metrics_counter(NULL, "b", "", NULL),
                             metrics_histogram(full, "h", "", NULL, METRIC_PLAIN)};
    for (size_t i = 0; i < 3; i++) {
        assert_null(none[i]);
        metric_add(none[i], 1);
        metric_observe(none[i], 1);
        assert_int_equal(metric_value(none[i]), 0);
    }
    assert_non_null(metrics_counter(full, "a", "", NULL)); /* what is there is found */
    metrics_free(full);
    metrics_free(NULL);
}

#define THREADS 4
#define ROUNDS  20000u

static void *count_main(void *context)
{
    struct metrics *metrics = context;
    struct metric *counter = metrics_counter(metrics, "a_total", "", NULL);
    struct metric *histogram = metrics_histogram(metrics, "h", "", NULL, METRIC_PLAIN);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        metric_add(counter, 1);
        metric_observe(histogram, i);
        size_t len;
        if (i % 5000 == 0)
            free(metrics_text(metrics, &len));
    }
    return NULL;
}

static void threads_count_together(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new(16);
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_main, metrics), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(metric_value(metrics_counter(metrics, "a_total", "", NULL)), THREADS * ROUNDS);
    assert_int_equal(metric_value(metrics_histogram(metrics, "h", "", NULL, METRIC_PLAIN)), THREADS * ROUNDS);
    metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_is_as_prometheus_reads_it),
        cmocka_unit_test(histograms_add_up),
        cmocka_unit_test(nothing_to_count_in_is_fine),
        cmocka_unit_test(threads_count_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
