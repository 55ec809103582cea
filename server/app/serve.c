#include "server/app/serve.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "books.pb-c.h"
#include "proto/base/bug.h"
#include "proto/record/note.h"
#include "server/access/login.h"
#include "server/app/pki.h"
#include "server/app/stores.h"
#include "server/base/diag.h"
#include "server/base/metrics.h"
#include "server/base/system.h"
#include "server/domain/kernel/lookup.h"
#include "server/net/net.h"
#include "server/views/runner.h"
#include "server/writer/writer.h"

#define EXIT_FATAL        3 /* a fault of storage or of our own: look at the log, check, restart */
#define METRIC_SERIES_MAX 2048
#define CATCH_UP_MS       5000 /* views get this long at start; then they catch up while we serve */
#define BOOKS_ARENA_BYTES 65536

struct server {
    const char *config_path;
    struct config *config;
    struct stores stores;
    struct metrics *metrics;
    struct access *access;
    struct writer *writer;
    struct login *login;
    struct runner *runner;
    struct net *net;
    struct note_signer signer;
    char vkey[NOTE_VKEY_MAX];
    char books_name[NAME_TEXT_MAX + 1];
    char session_email[EMAIL_TEXT_MAX + 1]; /* of the last session taken up; loop thread */
    struct metric *commits, *records, *batch_records, *commit_time;
    pthread_t signals;
    bool signals_running;
};

/* ---- writer's hooks (writer thread) ------------------------------------------------------------------------------ */

static _Noreturn void on_fatal(void *context, const struct fault *fault)
{
    (void)context;
    diag(DIAG_ERROR, "writer", "fatal", "status=%s text=\"%s\"", status_name(fault->status), fault->text);
    _exit(EXIT_FATAL); /* nothing more may be written; what is acknowledged is on disk */
}

static void on_recorded(void *context, struct kv_txn *state, const struct record *record)
{
    struct server *server = context;
    struct fault fault = {0};
    if (server->access == NULL || access_note(server->access, state, record) == STATUS_OK)
        return;
    (void)fault_set(&fault, STATUS_NO_MEMORY, NULL, "the access directory cannot follow record %llu",
                    (unsigned long long)record->header.position);
    on_fatal(server, &fault);
}

static void on_grew(void *context, uint64_t position, size_t records, int64_t commit_us)
{
    struct server *server = context;
    metric_add(server->commits, 1);
    metric_add(server->records, records);
    metric_observe(server->batch_records, records);
    metric_observe(server->commit_time, (uint64_t)commit_us);
    if (server->runner != NULL)
        runner_notify(server->runner, position);
}

static enum status on_write_behind(void *context, bool idle, bool must)
{
    struct server *server = context;
    return stores_write_behind(&server->stores, idle, must);
}

/* ---- net's wiring (loop thread) ----------------------------------------------------------------------------------- */

static enum status auth_may(void *context, const struct actor *actor, const struct method *method,
                            struct fault *why)
{
    struct server *server = context;
    return access_may(server->access, actor, method, why);
}

static void auth_denied(void *context, const struct actor *actor, const struct method *method)
{
    struct server *server = context;
    access_count_denial(server->access, actor, method->name);
}

static enum status auth_by_token(void *context, struct slice token, struct actor *actor,
                                 Daftari__V1__Session *out)
{
    struct server *server = context;
    struct access_session session;
    enum status status = access_session_by_token(server->access, token, &session);
    if (status != STATUS_OK)
        return status;
    actor->user = session.user;
    actor->session = session.session;
    memcpy(server->session_email, session.email, sizeof server->session_email);
    out->email = server->session_email;
    out->has_session = out->has_expires_time_us = out->has_idle_seconds = 1;
    out->session = session.session;
    out->expires_time_us = session.expires;
    out->idle_seconds = session.idle_s;
    return STATUS_OK;
}

static enum status auth_by_certificate(void *context, const uint8_t fingerprint[NET_FINGERPRINT_BYTES],
                                       struct work_item *item)
{
    struct server *server = context;
    return login_by_certificate(server->login, fingerprint, item);
}

/* The present checkpoint, signed. */
static enum status make_checkpoint(struct server *server, struct checkpoint *out, char note[NOTE_TEXT_MAX],
                                   size_t *note_len)
{
    struct log_head head;
    log_head(server->stores.log, &head);
    memcpy(out->origin, server->signer.name, sizeof out->origin);
    out->size = head.size;
    enum status status = log_root(server->stores.log, head.size, &out->root);
    return status == STATUS_OK ? checkpoint_sign(out, &server->signer, note, note_len) : status;
}

static enum status log_source_node(void *context, uint32_t level, uint64_t index, struct hash *out)
{
    return log_node(context, level, index, out);
}

static enum status add_consistency(struct server *server, uint64_t seen_size, uint64_t size,
                                   struct arena *arena, Daftari__V1__Welcome *out)
{
    struct tree_source source = {.node = log_source_node, .context = server->stores.log};
    struct hash *proof = arena_take(arena, TREE_CONSISTENCY_MAX * sizeof *proof);
    out->consistency = arena_take(arena, TREE_CONSISTENCY_MAX * sizeof *out->consistency);
    if (proof == NULL || out->consistency == NULL)
        return STATUS_NO_MEMORY;
    if (seen_size == 0 || seen_size > size)
        return STATUS_OK;
    size_t count = 0;
    enum status status = tree_prove_consistency(&source, seen_size, size, proof, &count);
    for (size_t i = 0; status == STATUS_OK && i < count; i++)
        out->consistency[i] = (ProtobufCBinaryData){.len = HASH_BYTES, .data = proof[i].bytes};
    if (status == STATUS_OK)
        out->n_consistency = count;
    return status;
}

static enum status welcome(void *context, uint64_t seen_size, struct arena *arena, Daftari__V1__Welcome *out)
{
    struct server *server = context;
    struct checkpoint checkpoint;
    char *note = arena_take(arena, NOTE_TEXT_MAX);
    size_t note_len = 0;
    if (note == NULL)
        return STATUS_NO_MEMORY;
    enum status status = make_checkpoint(server, &checkpoint, note, &note_len);
    if (status == STATUS_OK)
        status = add_consistency(server, seen_size, checkpoint.size, arena, out);
    if (status != STATUS_OK)
        return status;
    out->books = server->books_name;
    out->has_checkpoint = 1;
    out->checkpoint = (ProtobufCBinaryData){.len = note_len, .data = (uint8_t *)note};
    out->log_key = server->vkey;
    return STATUS_OK;
}

/* ---- runner's wiring (reader threads) ------------------------------------------------------------------------------ */

static enum status reader_rights(void *context, uint32_t user, struct rights *out)
{
    struct server *server = context;
    access_rights(server->access, user, out);
    return out->active ? STATUS_OK : STATUS_UNAUTHENTICATED;
}

static enum status reader_checkpoint(void *context, struct view_checkpoint *out)
{
    struct server *server = context;
    struct checkpoint checkpoint;
    memcpy(out->log_key, server->vkey, sizeof out->log_key);
    return make_checkpoint(server, &checkpoint, out->note, &out->note_len);
}

static void on_view(void *context, enum view_id id, enum view_state state, uint64_t position)
{
    struct server *server = context;
    (void)id;
    (void)position;
    if (state == VIEW_READY && server->net != NULL && server->runner != NULL)
        net_log_grew(server->net, runner_position(server->runner));
}

/* ---- signals --------------------------------------------------------------------------------------------------------- */

static void reload(struct server *server)
{
    struct fault fault = {0};
    struct config *fresh = config_new();
    if (fresh == NULL)
        return;
    enum status status = config_read(fresh, server->config_path, stderr);
    if (status == STATUS_OK) {
        struct net_tls tls;
        pki_server_files(fresh, &tls);
        status = net_reload_tls(server->net, &tls, &fault);
        diag_set_level(config_diag_level(fresh));
    }
    diag(status == STATUS_OK ? DIAG_INFO : DIAG_WARNING, "app", "reloaded", "status=%s text=\"%s\"",
         status_name(status), fault.text);
    config_free(fresh);
}

static void *signals_main(void *argument)
{
    struct server *server = argument;
    sigset_t set;
    bool draining = false;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR2); /* ours: the server has drained, this thread may end */
    for (;;) {
        int got = sigwaitinfo(&set, NULL);
        if (got == SIGUSR2)
            return NULL;
        if (got == SIGHUP) {
            reload(server);
        } else if (got > 0 && draining) {
            diag(DIAG_WARNING, "app", "second-signal", "signal=%d", got);
            _exit(EXIT_FATAL);
        } else if (got > 0) {
            draining = true;
            diag(DIAG_INFO, "app", "draining", "signal=%d", got);
            (void)sd_notify(0, "STOPPING=1");
            net_drain(server->net);
        }
    }
}

static enum status signals_start(struct server *server)
{
    if (pthread_create(&server->signals, NULL, signals_main, server) != 0)
        return STATUS_NO_MEMORY;
    server->signals_running = true;
    return STATUS_OK;
}

static void signals_stop(struct server *server)
{
    if (!server->signals_running)
        return;
    (void)pthread_kill(server->signals, SIGUSR2);
    (void)pthread_join(server->signals, NULL);
}

/* Before any thread exists, so that all inherit it. */
static void signals_block(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR2);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

/* ---- start -------------------------------------------------------------------------------------------------------------- */

static enum status start_stores(struct server *server, struct fault *why)
{
    return stores_open(server->config, false, &server->stores, why);
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
        .clock = &system_clock,
        .queue_items_max = config->command_queue_max,
        .batch_records_max = config->batch_records_max,
        .batch_bytes_max = config->batch_kib * 1024,
        .arena_bytes_max = config->request_arena_kib * 1024,
        .hooks = {.context = server,
                  .recorded = on_recorded,
                  .grew = on_grew,
                  .write_behind = on_write_behind,
                  .fatal = on_fatal},
    };
    server->commits = metrics_counter(server->metrics, "daftari_commits_total", "Commits of the log.", NULL);
    server->records = metrics_counter(server->metrics, "daftari_records_total", "Records committed.", NULL);
    server->batch_records = metrics_histogram(server->metrics, "daftari_commit_records",
                                              "Records in one commit.", NULL, METRIC_PLAIN);
    server->commit_time = metrics_histogram(server->metrics, "daftari_commit_seconds", "Time of one commit.",
                                            NULL, METRIC_MICROSECONDS);
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
        .replay_memory_bytes = config->replay_memory_mib << 20,
        .context = server,
        .rights = reader_rights,
        .checkpoint = reader_checkpoint,
        .hooks = {.context = server, .view = on_view},
    };
    stores_views(&server->stores, &with.store);
    return runner_open(&with, &server->runner, why);
}

static enum status start_login(struct server *server, struct fault *why)
{
    struct login_config with = {.access = server->access,
                                .writer = writer_sink(server->writer),
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
    struct net_wiring wiring = {
        .commands = writer_sink(server->writer),
        .queries = runner_queries(server->runner),
        .access = login_sink(server->login),
        .auth = {.context = server,
                 .may = auth_may,
                 .session_by_token = auth_by_token,
                 .session_by_certificate = auth_by_certificate,
                 .denied = auth_denied},
        .welcome = welcome,
        .welcome_context = server,
        .clock = &system_clock,
        .metrics = server->metrics,
    };
    pki_server_files(config, &with.tls);
    return net_open(&with, &wiring, &server->net, why);
}

/* ---- gauges: read when the page of metrics is asked for (loop thread) ---------------------------------------- */

static uint64_t gauge_log_position(void *context)
{
    struct log_head head;
    log_head(((struct server *)context)->stores.log, &head);
    return head.size;
}

static uint64_t gauge_view_position(void *context)
{
    return runner_position(((struct server *)context)->runner);
}

static uint64_t gauge_view_lag(void *context)
{
    uint64_t log = gauge_log_position(context), view = gauge_view_position(context);
    return log > view ? log - view : 0;
}

static uint64_t gauge_command_queue(void *context)
{
    return writer_queue_depth(((struct server *)context)->writer);
}

static uint64_t gauge_query_queue(void *context)
{
    return runner_queue_depth(((struct server *)context)->runner);
}

static uint64_t map_use(struct kv *kv, bool limit)
{
    uint64_t used = 0, most = 0;
    kv_usage(kv, &used, &most);
    return limit ? most : used;
}

static uint64_t gauge_log_map_used(void *context)
{
    return map_use(((struct server *)context)->stores.log_kv, false);
}

static uint64_t gauge_log_map_limit(void *context)
{
    return map_use(((struct server *)context)->stores.log_kv, true);
}

static uint64_t gauge_state_map_used(void *context)
{
    return map_use(((struct server *)context)->stores.state_kv, false);
}

static uint64_t gauge_state_map_limit(void *context)
{
    return map_use(((struct server *)context)->stores.state_kv, true);
}

static enum status start_gauges(struct server *server, struct fault *why)
{
    static const struct {
        const char *name, *help, *labels;
        uint64_t (*read)(void *context);
    } gauges[] = {
        {"daftari_log_position", "Position of the last record of the log.", NULL, gauge_log_position},
        {"daftari_view_position", "Smallest position that the views reflect.", NULL, gauge_view_position},
        {"daftari_view_lag_records", "Records of the log that some view does not reflect yet.", NULL,
         gauge_view_lag},
        {"daftari_queue_depth", "Requests that wait.", "queue=\"commands\"", gauge_command_queue},
        {"daftari_queue_depth", "Requests that wait.", "queue=\"queries\"", gauge_query_queue},
        {"daftari_map_used_bytes", "Bytes in use of an environment's map.", "environment=\"log\"",
         gauge_log_map_used},
        {"daftari_map_used_bytes", "Bytes in use of an environment's map.", "environment=\"state\"",
         gauge_state_map_used},
        {"daftari_map_limit_bytes", "Most bytes that an environment's map may take.", "environment=\"log\"",
         gauge_log_map_limit},
        {"daftari_map_limit_bytes", "Most bytes that an environment's map may take.", "environment=\"state\"",
         gauge_state_map_limit},
    };
    (void)why;
    for (size_t i = 0; i < sizeof gauges / sizeof *gauges; i++)
        metrics_gauge_source(server->metrics, gauges[i].name, gauges[i].help, gauges[i].labels,
                             gauges[i].read, server);
    return STATUS_OK;
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

/* In this order; what a later one uses, an earlier one made. */
static const struct part {
    const char *name;
    enum status (*start)(struct server *server, struct fault *why);
} parts[] = {
    {"stores", start_stores}, {"books", read_books},      {"keys", start_keys},   {"access", start_access},
    {"writer", start_writer}, {"runner", start_runner},   {"login", start_login}, {"gauges", start_gauges},
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
    char fresh[CONFIG_PATH_MAX];
    if (path == NULL)
        return STATUS_OK;
    snprintf(fresh, sizeof fresh, "%s.new", path);
    FILE *file = fopen(fresh, "we");
    if (file == NULL)
        return fault_set(why, STATUS_IO, "ready-file", "%s: %s", fresh, strerror(errno));
    fprintf(file, "port=%u\nmetrics_port=%u\npid=%ld\n", net_port(server->net), net_metrics_port(server->net),
            (long)getpid());
    if (fclose(file) != 0 || rename(fresh, path) != 0)
        return fault_set(why, STATUS_IO, "ready-file", "%s: %s", path, strerror(errno));
    return STATUS_OK;
}

static enum status start(struct server *server, struct fault *why)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < sizeof parts / sizeof *parts; i++) {
        status = parts[i].start(server, why);
        if (status != STATUS_OK)
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
    else
        diag(DIAG_ERROR, "app", "not-serving", "status=%s text=\"%s\"", status_name(status), why.text);
    enum status stopped = stop(server);
    diag(DIAG_INFO, "app", "stopped", "status=%s", status_name(stopped));
    free(server);
    return status != STATUS_OK ? 1 : stopped == STATUS_OK ? 0 : EXIT_FATAL;
}
