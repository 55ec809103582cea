/* What one part of the server calls of another. */
#include <string.h>
#include <unistd.h>

#include "server/app/server.h"
#include "server/base/diag.h"
#include "server/base/system.h"

/* ---- writer's hooks (writer thread) ------------------------------------------------------------------------------ */

__attribute__((noreturn)) static void on_fatal(void *context, const struct fault *fault)
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

static void on_spent(void *context, const uint64_t us[WRITER_STAGES])
{
    const struct server *server = context;
    for (unsigned i = 0; i < WRITER_STAGES; i++)
        metric_add(server->spent[i], us[i]);
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
    enum status status = access_session_by_token(server->access, token, actor, &session);
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
    struct net *net = atomic_load(&server->told);
    if (state == VIEW_READY && net != NULL)
        net_log_grew(net, runner_position(server->runner));
}

static void on_slice(void *context, uint64_t records, int64_t took_us)
{
    struct server *server = context;
    metric_observe(server->slice_records, records);
    metric_observe(server->slice_time, (uint64_t)took_us);
}

static void on_query(void *context, const struct method *method, enum status status, int64_t took_us)
{
    struct server *server = context;
    (void)method, (void)status; /* net counts requests by these */
    metric_observe(server->step_time, (uint64_t)took_us);
}

/* ---- tables ------------------------------------------------------------------------------------------------ */

void wiring_writer(struct server *server, struct writer_hooks *out)
{
    *out = (struct writer_hooks){.context = server,
                                 .recorded = on_recorded,
                                 .grew = on_grew,
                                 .spent = on_spent,
                                 .write_behind = on_write_behind,
                                 .fatal = on_fatal};
}

void wiring_net(struct server *server, struct net_wiring *out)
{
    exports_init(&server->exports, runner_queries(server->runner), writer_sink(server->writer),
                 &system_clock);
    *out = (struct net_wiring){
        .commands = writer_sink(server->writer),
        .queries = &server->exports.sink,
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
}

void wiring_runner(struct server *server, struct runner_config *out)
{
    out->context = server;
    out->rights = reader_rights;
    out->checkpoint = reader_checkpoint;
    out->hooks =
        (struct runner_hooks){.context = server, .view = on_view, .slice = on_slice, .query = on_query};
    stores_views(&server->stores, &out->store);
}
