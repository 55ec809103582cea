#include "server/base/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/bug.h"
#include "proto/base/status.h"

#define BUCKETS_MAX 20

enum metric_kind { KIND_COUNTER, KIND_HISTOGRAM, KIND_SOURCE };

struct metric {
    const char *name;
    const char *help;
    char *labels; /* "" = none */
    enum metric_kind kind;
    enum metric_unit unit;
    size_t family; /* series of one name share a number, given in order of first registration */
    uint64_t (*read)(void *context);
    void *context;
    _Atomic uint64_t value; /* histogram: sum */
    _Atomic uint64_t buckets[BUCKETS_MAX];
};

struct metrics {
    pthread_mutex_t lock; /* over the counts and series[] */
    size_t count;
    size_t families;
    size_t max;
    struct metric *series[];
};

/* Upper bounds; one further bucket takes what is above. */
static const uint64_t bounds_us[] = {50,     100,     250,     500,     1000,     2500,
                                     5000,   10000,   25000,   50000,   100000,   250000,
                                     500000, 1000000, 2500000, 5000000, 10000000, 30000000};
static const uint64_t bounds_plain[] = {1,     4,     16,     64,      256,     1024,    4096,
                                        16384, 65536, 262144, 1048576, 4194304, 16777216};

static const uint64_t *bounds_of(enum metric_unit unit, size_t *out_count)
{
    if (unit == METRIC_MICROSECONDS) {
        *out_count = sizeof bounds_us / sizeof bounds_us[0];
        return bounds_us;
    }
    *out_count = sizeof bounds_plain / sizeof bounds_plain[0];
    return bounds_plain;
}

struct metrics *metrics_new(size_t series_max)
{
    ASSERT(series_max < 1000000);
    struct metrics *metrics = calloc(1, sizeof *metrics + series_max * sizeof metrics->series[0]);
    if (metrics == NULL)
        return NULL;
    metrics->max = series_max;
    pthread_mutex_init(&metrics->lock, NULL);
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    if (metrics == NULL)
        return;
    for (size_t i = 0; i < metrics->count; i++) {
        free(metrics->series[i]->labels);
        free(metrics->series[i]);
    }
    pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

static struct metric *metric_new(const struct metric *like)
{
    struct metric *metric = calloc(1, sizeof *metric);
    if (metric == NULL)
        return NULL;
    metric->name = like->name;
    metric->help = like->help;
    metric->kind = like->kind;
    metric->unit = like->unit;
    metric->read = like->read;
    metric->context = like->context;
    metric->labels = strdup(like->labels);
    if (metric->labels == NULL) {
        free(metric);
        return NULL;
    }
    return metric;
}

static struct metric *metric_register(struct metrics *metrics, const struct metric *like)
{
    if (metrics == NULL)
        return NULL;
    pthread_mutex_lock(&metrics->lock);
    struct metric *found = NULL;
    size_t family = metrics->families;
    for (size_t i = 0; i < metrics->count && found == NULL; i++) {
        struct metric *at = metrics->series[i];
        if (strcmp(at->name, like->name) != 0)
            continue;
        family = at->family;
        if (strcmp(at->labels, like->labels) == 0)
            found = at;
    }
    if (found == NULL && metrics->count < metrics->max) {
        found = metric_new(like);
        if (found != NULL) {
            found->family = family;
            metrics->families += family == metrics->families ? 1 : 0;
            metrics->series[metrics->count++] = found;
        }
    }
    pthread_mutex_unlock(&metrics->lock);
    return found;
}

struct metric *metrics_counter(struct metrics *metrics, const char *name, const char *help,
                               const char *labels)
{
    struct metric like = {.name = name, .help = help, .kind = KIND_COUNTER};
    char none[1] = "";
    like.labels = labels != NULL ? (char *)(uintptr_t)labels : none;
    return metric_register(metrics, &like);
}

struct metric *metrics_histogram(struct metrics *metrics, const char *name, const char *help,
                                 const char *labels, enum metric_unit unit)
{
    struct metric like = {.name = name, .help = help, .kind = KIND_HISTOGRAM, .unit = unit};
    char none[1] = "";
    like.labels = labels != NULL ? (char *)(uintptr_t)labels : none;
    return metric_register(metrics, &like);
}

void metrics_gauge_source(struct metrics *metrics, const char *name, const char *help, const char *labels,
                          uint64_t (*read)(void *context), void *context)
{
    struct metric like = {.name = name, .help = help, .kind = KIND_SOURCE, .read = read, .context = context};
    char none[1] = "";
    like.labels = labels != NULL ? (char *)(uintptr_t)labels : none;
    (void)metric_register(metrics, &like);
}

void metric_add(struct metric *counter, uint64_t n)
{
    if (counter != NULL)
        atomic_fetch_add_explicit(&counter->value, n, memory_order_relaxed);
}

void metric_observe(struct metric *histogram, uint64_t value)
{
    if (histogram == NULL)
        return;
    size_t count;
    const uint64_t *bounds = bounds_of(histogram->unit, &count);
    size_t at = 0;
    while (at < count && value > bounds[at])
        at++;
    atomic_fetch_add_explicit(&histogram->buckets[at], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->value, value, memory_order_relaxed);
}

uint64_t metric_value(const struct metric *metric)
{
    if (metric == NULL)
        return 0;
    if (metric->kind != KIND_HISTOGRAM)
        return atomic_load_explicit(&metric->value, memory_order_relaxed);
    uint64_t sum = 0;
    for (size_t i = 0; i < BUCKETS_MAX; i++)
        sum += atomic_load_explicit(&metric->buckets[i], memory_order_relaxed);
    return sum;
}

/* ---- text ---- */

static void number_print(FILE *to, enum metric_unit unit, uint64_t value)
{
    if (unit == METRIC_MICROSECONDS)
        fprintf(to, "%" PRIu64 ".%06" PRIu64, value / 1000000, value % 1000000);
    else
        fprintf(to, "%" PRIu64, value);
}

static void histogram_print(FILE *to, const struct metric *m)
{
    size_t count;
    const uint64_t *bounds = bounds_of(m->unit, &count);
    const char *comma = m->labels[0] != '\0' ? "," : "";
    uint64_t below = 0;
    for (size_t i = 0; i <= count; i++) {
        below += atomic_load_explicit(&m->buckets[i], memory_order_relaxed);
        fprintf(to, "%s_bucket{%s%sle=\"", m->name, m->labels, comma);
        if (i == count)
            fputs("+Inf", to);
        else
            number_print(to, m->unit, bounds[i]);
        fprintf(to, "\"} %" PRIu64 "\n", below);
    }
    const char *open = m->labels[0] != '\0' ? "{" : "", *close = m->labels[0] != '\0' ? "}" : "";
    fprintf(to, "%s_sum%s%s%s ", m->name, open, m->labels, close);
    number_print(to, m->unit, atomic_load_explicit(&m->value, memory_order_relaxed));
    fprintf(to, "\n%s_count%s%s%s %" PRIu64 "\n", m->name, open, m->labels, close, below);
}

static void series_print(FILE *to, const struct metric *m)
{
    if (m->kind == KIND_HISTOGRAM) {
        histogram_print(to, m);
        return;
    }
    uint64_t value =
        m->kind == KIND_SOURCE ? m->read(m->context) : atomic_load_explicit(&m->value, memory_order_relaxed);
    if (m->labels[0] != '\0')
        fprintf(to, "%s{%s} %" PRIu64 "\n", m->name, m->labels, value);
    else
        fprintf(to, "%s %" PRIu64 "\n", m->name, value);
}

/* All series of a name stand together under one HELP and TYPE. */
static void family_print(FILE *to, struct metric *const *series, size_t count, size_t family)
{
    static const char *const types[] = {
        [KIND_COUNTER] = "counter", [KIND_HISTOGRAM] = "histogram", [KIND_SOURCE] = "gauge"};
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        const struct metric *m = series[i];
        if (m->family != family)
            continue;
        if (first)
            fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, types[m->kind]);
        first = false;
        series_print(to, m);
    }
}

char *metrics_text(struct metrics *metrics, size_t *out_len)
{
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    if (to == NULL)
        return NULL;
    /* The array only grows and its rows stay, so the lock is for the count alone: sources may be slow. */
    pthread_mutex_lock(&metrics->lock);
    size_t count = metrics->count, families = metrics->families;
    pthread_mutex_unlock(&metrics->lock);
    for (size_t f = 0; f < families; f++)
        family_print(to, metrics->series, count, f);
    if (fclose(to) != 0) {
        free(text);
        return NULL;
    }
    *out_len = len;
    return text;
}
