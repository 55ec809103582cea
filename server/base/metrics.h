/*
 * Counters, gauges and histograms, and their Prometheus text form (exposition format 0.0.4).
 *
 * A registry is made by app and handed to whoever counts. Registering takes a lock and may allocate; do it at
 * start, or seldom. Updating is one or two relaxed atomic adds, from any thread. Every update accepts NULL
 * and then does nothing, and registering in a NULL or full registry gives NULL: so nobody needs to check, and
 * tests need no registry. Values are whole numbers; durations are given in microseconds and shown in seconds.
 */
#ifndef SERVER_BASE_METRICS_H
#define SERVER_BASE_METRICS_H

#include <stddef.h>
#include <stdint.h>

struct metrics;
struct metric;

enum metric_unit {
    METRIC_PLAIN,        /* counts, bytes */
    METRIC_MICROSECONDS, /* given in microseconds, shown in seconds: name it *_seconds */
};

struct metrics *metrics_new(size_t series_max); /* NULL when memory is short */
void metrics_free(struct metrics *metrics);     /* NULL is fine; nobody may update any more */

/* `name` as Prometheus wants it ("daftari_requests_total"), `help` one sentence, both static text; `labels`
 * is NULL or text as `method="Entry.Post",status="OK"`, which is copied (values must need no escaping). The
 * same name and labels give the same metric again. */
struct metric *metrics_counter(struct metrics *metrics, const char *name, const char *help,
                               const char *labels);
/* Buckets: METRIC_MICROSECONDS 50 us to 30 s; METRIC_PLAIN powers of four from 1 to 16 Mi. */
struct metric *metrics_histogram(struct metrics *metrics, const char *name, const char *help,
                                 const char *labels, enum metric_unit unit);
/* A gauge that is read when the text is made, on the thread that makes it. `read` must stay callable until
 * metrics_free. */
void metrics_gauge_source(struct metrics *metrics, const char *name, const char *help, const char *labels,
                          uint64_t (*read)(void *context), void *context);

void metric_add(struct metric *counter, uint64_t n);
void metric_observe(struct metric *histogram, uint64_t value);
uint64_t metric_value(const struct metric *metric); /* of a histogram: how many were observed */

/* Everything as text, to be freed with free(); NULL when memory is short. */
char *metrics_text(struct metrics *metrics, size_t *out_len);

#endif
