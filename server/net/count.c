#include <stdio.h>
#include <stdlib.h>

#include "server/net/internal.h"

/* ---- the usual counters ---- */

static uint64_t connections_read(void *context)
{
    return ((const struct net *)context)->conn_count; /* the page is made on the loop thread */
}
static uint64_t at_work_read(void *context)
{
    return ((const struct net *)context)->at_work;
}
static uint64_t parked_read(void *context)
{
    return atomic_load(&((struct net *)context)->parked_count);
}
static uint64_t body_bytes_read(void *context)
{
    return ((const struct net *)context)->body_bytes;
}

static struct method_count *slot_of(struct counts *counts, const struct method *method)
{
    size_t mask = counts->method_slots - 1;
    size_t at = ((uintptr_t)method / sizeof *method) & mask;
    while (counts->methods[at].method != NULL && counts->methods[at].method != method)
        at = (at + 1) & mask;
    return &counts->methods[at];
}

static void methods_add(struct counts *counts)
{
    for (size_t c = 0; c < domain_capability_count; c++)
        for (size_t m = 0; m < domain_capabilities[c]->method_count; m++) {
            const struct method *method = &domain_capabilities[c]->methods[m];
            slot_of(counts, method)->method = method;
        }
}

enum status counts_open(struct counts *counts, struct net *net)
{
    struct metrics *m = counts->metrics = net->wiring.metrics;
    if (m == NULL)
        return STATUS_OK;
    size_t methods = 1;
    for (size_t c = 0; c < domain_capability_count; c++)
        methods += domain_capabilities[c]->method_count;
    counts->method_slots = 64;
    while (counts->method_slots < 2 * methods)
        counts->method_slots *= 2;
    counts->methods = calloc(counts->method_slots, sizeof counts->methods[0]);
    if (counts->methods == NULL)
        return STATUS_NO_MEMORY;
    methods_add(counts);
    counts->accepted =
        metrics_counter(m, "daftari_connections_accepted_total", "Connections accepted.", NULL);
    static const char refused[] = "daftari_connections_refused_total",
                      refused_help[] = "Connections refused.";
    counts->refused_total = metrics_counter(m, refused, refused_help, "why=\"connections_max\"");
    counts->refused_address =
        metrics_counter(m, refused, refused_help, "why=\"connections_per_address_max\"");
    static const char shakes[] = "daftari_tls_handshakes_total", shakes_help[] = "TLS handshakes ended.";
    counts->handshakes = metrics_counter(m, shakes, shakes_help, "result=\"good\"");
    counts->handshakes_failed = metrics_counter(m, shakes, shakes_help, "result=\"failed\"");
    counts->unknown_method = metrics_counter(m, "daftari_unknown_methods_total",
                                             "Requests for a method that does not exist.", NULL);
    counts->timeouts = metrics_counter(m, "daftari_connection_timeouts_total",
                                       "Connections ended for being slow or silent.", NULL);
    counts->protocol_errors =
        metrics_counter(m, "daftari_protocol_errors_total",
                        "Connections ended for a malformed frame, or for TLS that was not kept to.", NULL);
    counts->bytes_in =
        metrics_counter(m, "daftari_received_bytes_total", "Bytes received, inside TLS.", NULL);
    counts->bytes_out = metrics_counter(m, "daftari_sent_bytes_total", "Bytes sent, inside TLS.", NULL);
    counts->busy = metrics_counter(m, "daftari_busy_total", "Requests answered BUSY for want of room.", NULL);
    metrics_gauge_source(m, "daftari_connections", "Connections open.", NULL, connections_read, net);
    metrics_gauge_source(m, "daftari_requests_at_work", "Requests with the writer, the readers or access.",
                         NULL, at_work_read, net);
    metrics_gauge_source(m, "daftari_streams_waiting", "Streams that wait for the log to grow.", NULL,
                         parked_read, net);
    metrics_gauge_source(m, "daftari_request_bytes", "Bytes of all requests in flight.", NULL,
                         body_bytes_read, net);
    return STATUS_OK;
}

void counts_close(struct counts *counts)
{
    free(counts->methods);
    counts->methods = NULL;
}

void count_answer(struct counts *counts, const struct method *method, enum status status)
{
    if (counts->metrics == NULL || method == NULL || (unsigned)status >= STATUS_SLOTS)
        return;
    struct method_count *slot = slot_of(counts, method);
    if (slot->method == NULL)
        return;
    struct metric **metric = &slot->answers[status];
    if (*metric == NULL) {
        char labels[METHOD_NAME_MAX + 64];
        snprintf(labels, sizeof labels, "method=\"%s\",status=\"%s\"", method->name, status_name(status));
        *metric = metrics_counter(
            counts->metrics, "daftari_requests_total",
            "Commands and queries answered (each command of a batch, each part of a stream).", labels);
    }
    metric_add(*metric, 1);
}

void count_request(struct counts *counts, const struct method *method, int64_t took_us)
{
    if (counts->metrics == NULL)
        return;
    struct method_count *slot = slot_of(counts, method);
    if (slot->method == NULL)
        return;
    if (slot->seconds == NULL) {
        char labels[METHOD_NAME_MAX + 16];
        snprintf(labels, sizeof labels, "method=\"%s\"", method->name);
        slot->seconds = metrics_histogram(counts->metrics, "daftari_request_seconds",
                                          "Time from a request's last byte to its last answer.", labels,
                                          METRIC_MICROSECONDS);
    }
    metric_observe(slot->seconds, took_us > 0 ? (uint64_t)took_us : 0);
}
