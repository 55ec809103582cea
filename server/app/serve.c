#include "server/app/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "books.pb-c.h"
#include "server/app/pki.h"
#include "server/app/server.h"
#include "server/base/diag.h"
#include "server/base/system.h"
#include "server/domain/kernel/lookup.h"

#define METRIC_SERIES_MAX 2048
#define CATCH_UP_MS       5000 /* views get this long at start; then they catch up while we serve */
#define BOOKS_ARENA_BYTES 65536

/* ---- start -------------------------------------------------------------------------------------------------------------- */

static enum status start_stores(struct server *server, struct fault *why)
{
    return stores_open(server->config, false, &server->stores, why);
}

static enum status fold_stores(struct server *server, struct fault *why)
{
    return stores_fold(&server->stores, signals_stop_wanted, why);
}

static enum status read_books(struct server *server, struct fault *why)
{
    struct kv_txn *state;
    struct arena *arena = arena_new(BOOKS_ARENA_BYTES);
    if (arena == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    enum status status = kv_begin(server->stores.state, false, &state);
    if (status == STATUS_OK) {
        Daftari__V1__OpenBooks *books = books_get(state, arena);
        if (books == NULL)
            status = fault_set(why, STATUS_CORRUPT, NULL, "the log does not begin with BooksOpened");
        else
            snprintf(server->books_name, sizeof server->books_name, "%s", books->name);
        kv_abort(state);
    }
    arena_free(arena);
    return status;
}

static enum status start_keys(struct server *server, struct fault *why)
{
    struct note_verifier verifier;
    enum status status = pki_log_signer(server->config, &server->signer, why);
    if (status != STATUS_OK)
        return status;
    note_verifier_of(&server->signer, &verifier);
    return note_vkey_format(&verifier, server->vkey);
}

static enum status start_access(struct server *server, struct fault *why)
{
    const struct config *config = server->config;
    struct access_config with = {.clock = &system_clock,
                                 .entropy = &system_entropy,
                                 .idle_s = (uint32_t)config->session_idle_s,
                                 .lifetime_s = (uint32_t)config->session_lifetime_s,
                                 .tries_per_minute = (uint32_t)config->login_tries_per_minute,
                                 .lock_after = (uint32_t)config->login_lock_after};
    struct kv_txn *state;
    enum status status = access_new(&with, &server->access, why);
    if (status == STATUS_OK)
        status = kv_begin(server->stores.state, false, &state);
    if (status != STATUS_OK)
        return status;
    status = access_load(server->access, state, why);
    kv_abort(state);
    return status;
}

static enum status start_writer(struct server *server, struct fault *why)
{
    const struct config *config = server->config;
    struct writer_config with = {
        .log = server->stores.log,
        .state = server->stores.state,
        .ids = server->stores.ids,
        .clock = &system_clock,
        .queue_items_max = config->command_queue_max,
        .batch_records_max = config->batch_records_max,
        .settle_records = WRITER_SETTLE_RECORDS,
        .committer_records_min = WRITER_COMMITTER_RECORDS,
        .batch_bytes_max = config->batch_kib * 1024,
        .arena_bytes_max = config->request_arena_kib * 1024,
    };
    server->commits = metrics_counter(server->metrics, "daftari_commits_total", "Commits of the log.", NULL);
    server->records = metrics_counter(server->metrics, "daftari_records_total", "Records committed.", NULL);
    server->batch_records = metrics_histogram(server->metrics, "daftari_commit_records",
                                              "Records in one commit.", NULL, METRIC_PLAIN);
    server->commit_time = metrics_histogram(server->metrics, "daftari_commit_seconds", "Time of one commit.",
                                            NULL, METRIC_MICROSECONDS);
    for (unsigned i = 0; i < WRITER_STAGES; i++) {
        char label[64];
        (void)snprintf(label, sizeof label, "stage=\"%s\"", writer_stage_name((enum writer_stage)i));
        server->spent[i] =
            metrics_counter(server->metrics, "daftari_writer_microseconds_total",
                            "What the writer's time went into; of single commands an estimate.", label);
    }
    wiring_writer(server, &with.hooks);
    return writer_new(&with, &server->writer, why);
}

static enum status start_runner(struct server *server, struct fault *why)
{
    const struct config *config = server->config;
    struct runner_config with = {
        .log = server->stores.log,
        .clock = &system_clock,
        .distrust_environments = !server->stores.trusted,
        .reader_threads = (unsigned)config->reader_threads,
        .queries_max = config->query_queue_max,
        .report_memory_bytes = config->report_memory_mib << 20,
        .report_memory_total_bytes = config->report_memory_total_mib << 20,
        .replay_memory_bytes = config->replay_memory_mib << 20,
    };
    server->slice_records =
        metrics_histogram(server->metrics, "daftari_view_slice_records",
                          "Records that views take up in one transaction.", NULL, METRIC_PLAIN);
    server->slice_time =
        metrics_histogram(server->metrics, "daftari_view_slice_seconds",
                          "Time of one transaction of the views.", NULL, METRIC_MICROSECONDS);
    server->step_time = metrics_histogram(server->metrics, "daftari_query_step_seconds",
                                          "Time of a query, or of one step of a stream, without waiting.",
                                          NULL, METRIC_MICROSECONDS);
    wiring_runner(server, &with);
    return runner_open(&with, &server->runner, why);
}

static enum status start_login(struct server *server, struct fault *why)
{
    struct login_config with = {.access = server->access,
                                .writer = writer_sink(server->writer),
                                .queue_items_max =
                                    server->config->requests_max, /* the network holds no more */
                                .clock = &system_clock,
                                .entropy = &system_entropy};
    return login_new(&with, &server->login, why);
}

static enum status start_net(struct server *server, struct fault *why)
{
    const struct config *config = server->config;
    struct net_config with = {
        .listen_address = config->listen_address,
        .listen_port = (uint16_t)config->listen_port,
        .metrics_port = (uint16_t)(config->metrics != 0 ? config->metrics_port : 0),
        .metrics_any_port = config->metrics != 0 && config->metrics_port == 0,
        .connections_max = (uint32_t)config->connections_max,
        .connections_per_address_max = (uint32_t)config->connections_per_address_max,
        .requests_open_max = (uint32_t)config->requests_open_max,
        .items_max = (uint32_t)config->requests_max,
        .arena_bytes_max = (uint32_t)(config->request_arena_kib * 1024),
        .request_bytes_max = config->request_bytes_mib << 20,
        .output_bytes_max = (uint32_t)(config->output_kib * 1024),
        .handshake_timeout_ms = (uint32_t)config->handshake_timeout_ms,
        .hello_timeout_ms = (uint32_t)config->hello_timeout_ms,
        .frame_timeout_ms = (uint32_t)config->frame_timeout_ms,
        .write_timeout_ms = (uint32_t)config->write_timeout_ms,
        .idle_timeout_ms = (uint32_t)config->idle_timeout_ms,
        .request_deadline_ms = (uint32_t)config->request_deadline_ms,
        .request_deadline_max_ms = (uint32_t)config->request_deadline_max_ms,
        .drain_ms = (uint32_t)config->drain_ms,
    };
    struct net_wiring wiring;
    wiring_net(server, &wiring);
    pki_server_files(config, &with.tls);
    gauges_register(server);
    enum status status = net_open(&with, &wiring, &server->net, why);
    if (status == STATUS_OK)
        atomic_store(&server->told, server->net);
    return status;
}

static enum status start_threads(struct server *server, struct fault *why)
{
    enum status status = writer_start(server->writer);
    if (status == STATUS_OK)
        status = login_start(server->login);
    if (status == STATUS_OK)
        status = signals_start(server);
    return status == STATUS_OK ? status : fault_set(why, status, NULL, "a thread could not be started");
}

/* In this order; what a later one uses, an earlier one made. Views begin to fold what they lack on a thread of their own
 * before core state does: after the loss of both, two processors work at once. Nobody asks them anything before net. */
static const struct part {
    const char *name;
    enum status (*start)(struct server *server, struct fault *why);
} parts[] = {
    {"stores", start_stores}, {"runner", start_runner},   {"state", fold_stores},   {"books", read_books},
    {"keys", start_keys},     {"access", start_access},   {"writer", start_writer}, {"login", start_login},
    {"net", start_net},       {"threads", start_threads},
};

/* ---- stop: the reverse; each takes what was never started ---------------------------------------------------------------- */

static enum status stop(struct server *server)
{
    signals_stop(server);
    if (server->login != NULL)
        login_stop(server->login);
    if (server->writer != NULL)
        writer_stop(server->writer);
    enum status status = runner_close(server->runner);
    net_free(server->net);
    login_free(server->login);
    writer_free(server->writer);
    access_free(server->access);
    stores_close(&server->stores, status == STATUS_OK);
    metrics_free(server->metrics);
    return status;
}

/* Written beside and renamed: whoever waits for the file reads it whole. */
static enum status write_ready(const struct server *server, const char *path, struct fault *why)
{
    char fresh[CONFIG_PATH_MAX + 8];
    if (path == NULL)
        return STATUS_OK;
    if (snprintf(fresh, sizeof fresh, "%s.XXXXXX", path) >= (int)sizeof fresh)
        return fault_set(why, STATUS_INVALID, "ready-file", "a shorter path");
    int fd = mkostemp(fresh, O_CLOEXEC);
    FILE *file = fd >= 0 && fchmod(fd, 0644) == 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL)
        return fault_set(why, STATUS_IO, "ready-file", "%s: %s", fresh, strerror(errno));
    fprintf(file, "port=%u\nmetrics_port=%u\npid=%ld\n", net_port(server->net), net_metrics_port(server->net),
            (long)getpid());
    if (fclose(file) != 0 || rename(fresh, path) != 0) {
        (void)fault_set(why, STATUS_IO, "ready-file", "%s: %s", path, strerror(errno));
        (void)unlink(fresh);
        return STATUS_IO;
    }
    return STATUS_OK;
}

static enum status start(struct server *server, struct fault *why)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < sizeof parts / sizeof *parts; i++) {
        status = parts[i].start(server, why);
        if (status != STATUS_OK && status != STATUS_CANCELLED)
            diag(DIAG_ERROR, "app", "start-failed", "part=%s status=%s field=\"%s\" text=\"%s\"",
                 parts[i].name, status_name(status), why->field, why->text);
    }
    return status;
}

static void announce(struct server *server)
{
    struct log_head head;
    log_head(server->stores.log, &head);
    if (!runner_wait(server->runner, head.size, CATCH_UP_MS))
        diag(DIAG_WARNING, "app", "views-behind", "position=%llu log=%llu",
             (unsigned long long)runner_position(server->runner), (unsigned long long)head.size);
    diag(DIAG_INFO, "app", "ready", "port=%u metrics_port=%u position=%llu trusted=%d", net_port(server->net),
         net_metrics_port(server->net), (unsigned long long)head.size, server->stores.trusted);
    (void)sd_notifyf(0, "READY=1\nSTATUS=Serving on port %u", net_port(server->net));
}

int serve(const char *config_path, struct config *config, const char *ready_file)
{
    struct server *server = calloc(1, sizeof *server);
    struct fault why = {0};
    if (server == NULL)
        return EXIT_FATAL;
    server->config_path = config_path;
    server->config = config;
    server->metrics = metrics_new(METRIC_SERIES_MAX);
    signals_block();
    enum status status = domain_check(&why);
    if (status == STATUS_OK)
        status = start(server, &why);
    if (status == STATUS_OK) {
        announce(server);
        status = write_ready(server, ready_file, &why);
    }
    if (status == STATUS_OK)
        net_run(server->net);
    else if (status == STATUS_CANCELLED)
        diag(DIAG_INFO, "app", "start-ended", "text=\"%s\"", why.text);
    else
        diag(DIAG_ERROR, "app", "not-serving", "status=%s text=\"%s\"", status_name(status), why.text);
    enum status stopped = stop(server);
    diag(DIAG_INFO, "app", "stopped", "status=%s", status_name(stopped));
    free(server);
    if (status != STATUS_OK && status != STATUS_CANCELLED)
        return 1;
    return stopped == STATUS_OK ? 0 : EXIT_FATAL;
}
