#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common.pb-c.h"
#include "people.pb-c.h"
#include "proto/base/bug.h"
#include "proto/wire/frame.h"
#include "server/base/system.h"
#include "tests/support/net_rig.h"

#define WAIT_MS 5000

/* ---- sinks ---- */

static struct rig *rig_of(struct work_sink *sink)
{
    return (struct rig *)(void *)((char *)sink - offsetof(struct rig, sink));
}

static enum status sink_submit(struct work_sink *sink, struct work_item *item)
{
    struct rig *rig = rig_of(sink);
    pthread_mutex_lock(&rig->lock);
    rig->submitted++;
    pthread_cond_broadcast(&rig->changed);
    enum status status = rig->mode == RIG_BUSY ? STATUS_BUSY : STATUS_OK;
    if (status == STATUS_OK) {
        item->next = NULL;
        if (rig->last != NULL)
            rig->last->next = item;
        else
            rig->first = item;
        rig->last = item;
        rig->held++;
    }
    pthread_mutex_unlock(&rig->lock);
    return status;
}

struct cursor {
    struct rig *rig;
    uint64_t given;
    struct work_part parts[STREAM_CREDIT_MAX];
    uint8_t *body;
};

static void cursor_free(void *context)
{
    struct cursor *cursor = context;
    atomic_fetch_sub(&cursor->rig->cursors, 1);
    free(cursor->body);
    free(cursor);
}

static void stream_step(struct rig *rig, struct work_item *item)
{
    struct cursor *cursor = item->cursor;
    if (cursor == NULL) {
        cursor = calloc(1, sizeof *cursor);
        ASSERT(cursor != NULL);
        cursor->rig = rig;
        cursor->body = calloc(1, rig->answer_bytes + 1);
        item->cursor = cursor;
        item->cursor_free = cursor_free;
        atomic_fetch_add(&rig->cursors, 1);
    }
    rig->steps++;
    uint64_t left = rig->stream_parts > cursor->given ? rig->stream_parts - cursor->given : 0;
    size_t count = item->parts_max < 3 ? item->parts_max : 3;
    count = left < count ? (size_t)left : count;
    for (size_t i = 0; i < count; i++)
        cursor->parts[i] = (struct work_part){.answer = slice_of(cursor->body, rig->answer_bytes)};
    cursor->given += count;
    item->parts = cursor->parts;
    item->part_count = count;
    item->position = rig->position;
    item->stream_more = rig->stream_waits || cursor->given < rig->stream_parts;
}

static void login_answer(struct work_item *item)
{
    Daftari__V1__Session session = DAFTARI__V1__SESSION__INIT;
    char email[] = "amina@example.com";
    session.email = email;
    session.has_session = 1;
    session.session = RIG_SESSION;
    session.has_token = 1;
    session.token = (ProtobufCBinaryData){.len = 3, .data = (uint8_t *)email};
    size_t len = daftari__v1__session__get_packed_size(&session);
    uint8_t *bytes = arena_take(item->arena, len);
    ASSERT(bytes != NULL);
    daftari__v1__session__pack(&session, bytes);
    item->parts[0].answer = slice_of(bytes, len);
    item->actor.user = RIG_USER;
    item->actor.session = RIG_SESSION;
    item->actor_changed = true;
}

static void item_answer(struct rig *rig, struct work_item *item)
{
    item->position = ++rig->position;
    if (strcmp(item->method->name, "Login.LogIn") == 0) {
        login_answer(item);
    } else if (item->method->streams) {
        stream_step(rig, item);
    } else {
        uint8_t *body = arena_take_zero(item->arena, rig->answer_bytes + 1);
        ASSERT(body != NULL);
        for (size_t i = 0; i < item->part_count; i++)
            item->parts[i].answer = slice_of(body, rig->answer_bytes);
    }
}

static bool sink_run_here(struct work_sink *sink, struct work_item *item)
{
    struct rig *rig = rig_of(sink);
    pthread_mutex_lock(&rig->lock);
    bool here = rig->mode == RIG_ANSWER && rig->first == NULL && !rig->not_here;
    unsigned took_ms = rig->here_ms;
    if (here) {
        rig->ran_here++;
        pthread_cond_broadcast(&rig->changed);
        item_answer(rig, item);
    }
    pthread_mutex_unlock(&rig->lock);
    if (here && took_ms != 0)
        usleep(took_ms * 1000);
    if (here)
        item->done(item);
    return here;
}

static void *worker_main(void *context)
{
    struct rig *rig = context;
    pthread_mutex_lock(&rig->lock);
    while (!rig->stop || rig->first != NULL) {
        struct work_item *item = rig->mode == RIG_HOLD && !rig->stop ? NULL : rig->first;
        if (item == NULL) {
            pthread_cond_wait(&rig->changed, &rig->lock);
            continue;
        }
        rig->first = item->next;
        if (rig->first == NULL)
            rig->last = NULL;
        rig->held--;
        item_answer(rig, item);
        pthread_mutex_unlock(&rig->lock);
        item->done(item);
        pthread_mutex_lock(&rig->lock);
    }
    pthread_mutex_unlock(&rig->lock);
    return NULL;
}

/* ---- wiring ---- */

static enum status auth_may(void *context, const struct actor *actor, const struct method *method,
                            struct fault *why)
{
    struct rig *rig = context;
    if (atomic_load(&rig->deny))
        return fault_set(why, STATUS_DENIED, NULL, "not for you");
    if (strcmp(method->name, "Login.LogIn") == 0 || actor->user != 0)
        return STATUS_OK;
    return fault_set(why, STATUS_UNAUTHENTICATED, NULL, "log in first");
}

static enum status auth_token(void *context, struct slice token, struct actor *actor,
                              Daftari__V1__Session *out)
{
    (void)context;
    static char email[] = "amina@example.com";
    if (!slice_equal(token, slice_text(RIG_TOKEN)))
        return STATUS_UNAUTHENTICATED;
    actor->user = RIG_USER;
    actor->session = out->session = RIG_SESSION;
    out->has_session = 1;
    out->email = email;
    return STATUS_OK;
}

static enum status auth_certificate(void *context, const uint8_t fingerprint[NET_FINGERPRINT_BYTES],
                                    struct work_item *item)
{
    struct rig *rig = context;
    if (memcmp(fingerprint, rig->client_fingerprint, NET_FINGERPRINT_BYTES) != 0)
        return STATUS_UNAUTHENTICATED;
    item->method = domain_method(slice_text("Login.LogIn"));
    item->parts = arena_take_zero(item->arena, sizeof item->parts[0]);
    item->part_count = 1;
    return STATUS_OK;
}

static void auth_ended(void *context, const struct actor *actor)
{
    struct rig *rig = context;
    ASSERT(actor->user == RIG_USER);
    atomic_fetch_add(&rig->ended, 1);
}

static enum status rig_welcome(void *context, uint64_t seen_size, struct arena *arena,
                               Daftari__V1__Welcome *out)
{
    (void)context;
    (void)arena;
    static char books[] = "Books", key[] = "key";
    static uint8_t note[] = "note";
    out->books = books;
    out->log_key = key;
    out->has_checkpoint = 1;
    out->checkpoint = (ProtobufCBinaryData){.len = 4, .data = note};
    return seen_size == 99 ? STATUS_CORRUPT : STATUS_OK;
}

/* ---- life ---- */

void rig_init(struct rig *rig)
{
    *rig = (struct rig){.sink = {.submit = sink_submit, .run_here = sink_run_here}, .answer_bytes = 10};
    pthread_mutex_init(&rig->lock, NULL);
    pthread_cond_init(&rig->changed, NULL);
    scratch_make(rig->keys);
    char master[SCRATCH_PATH_MAX + 32];
    snprintf(master, sizeof master, "%s/master-key", rig->keys);
    snprintf(rig->ca_file, sizeof rig->ca_file, "%s/ca.crt", rig->keys);
    snprintf(rig->client_file, sizeof rig->client_file, "%s/client.pem", rig->keys);
    struct fault why = {0};
    struct pki_options options = {.key_dir = rig->keys, .master_key_file = master};
    if (pki_make(&options, &why) != STATUS_OK ||
        pki_make_client(rig->keys, "amina@example.com", rig->client_file, rig->client_fingerprint, &why) !=
            STATUS_OK)
        fail_msg("%s", why.text);
    rig->config = (struct net_config){.listen_address = "127.0.0.1",
                                      .metrics_any_port = true,
                                      .connections_max = 64,
                                      .connections_per_address_max = 64,
                                      .requests_open_max = 64,
                                      .items_max = 160, /* many_are_in_flight takes 128, as one user */
                                      .arena_bytes_max = 16u << 20,
                                      .request_bytes_max = 16u << 20,
                                      .output_bytes_max = 256u << 10,
                                      .handshake_timeout_ms = 5000,
                                      .hello_timeout_ms = 5000,
                                      .frame_timeout_ms = 5000,
                                      .write_timeout_ms = 5000,
                                      .idle_timeout_ms = 60000,
                                      .request_deadline_ms = 5000,
                                      .request_deadline_max_ms = 10000,
                                      .drain_ms = 2000};
    struct config *config = config_new();
    snprintf(config->key_dir, sizeof config->key_dir, "%s", rig->keys);
    pki_server_files(config, &rig->config.tls);
    config_free(config);
}

static void *loop_main(void *context)
{
    net_run(((struct rig *)context)->net);
    return NULL;
}

struct net_wiring rig_wiring(struct rig *rig)
{
    return (struct net_wiring){.commands = &rig->sink,
                               .queries = &rig->sink,
                               .access = &rig->sink,
                               .auth = {.context = rig,
                                        .may = auth_may,
                                        .session_by_token = auth_token,
                                        .session_by_certificate = auth_certificate,
                                        .connection_ended = auth_ended},
                               .welcome = rig_welcome,
                               .welcome_context = rig,
                               .clock = &system_clock,
                               .metrics = rig->metrics};
}

void rig_start(struct rig *rig)
{
    rig->metrics = metrics_new(2048);
    rig->stop = false;
    struct net_wiring wiring = rig_wiring(rig);
    struct fault why = {0};
    if (net_open(&rig->config, &wiring, &rig->net, &why) != STATUS_OK)
        fail_msg("%s: %s", why.field, why.text);
    assert_int_equal(pthread_create(&rig->worker, NULL, worker_main, rig), 0);
    assert_int_equal(pthread_create(&rig->loop, NULL, loop_main, rig), 0);
    rig->running = true;
}

void rig_stop(struct rig *rig)
{
    if (!rig->running)
        return;
    net_drain(rig->net);
    rig_release(rig);
    assert_int_equal(pthread_join(rig->loop, NULL), 0);
    pthread_mutex_lock(&rig->lock);
    rig->stop = true;
    pthread_cond_broadcast(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
    assert_int_equal(pthread_join(rig->worker, NULL), 0);
    net_free(rig->net);
    metrics_free(rig->metrics);
    assert_int_equal(atomic_load(&rig->cursors), 0); /* each was freed once */
    rig->running = false;
}

void rig_done(struct rig *rig)
{
    rig_stop(rig);
    scratch_remove(rig->keys);
    pthread_mutex_destroy(&rig->lock);
    pthread_cond_destroy(&rig->changed);
}

int rig_set_up(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    rig_init(rig);
    *state = rig;
    return 0;
}

int rig_tear_down(void **state)
{
    rig_done(*state);
    free(*state);
    return 0;
}

void rig_mode_set(struct rig *rig, enum rig_mode mode)
{
    pthread_mutex_lock(&rig->lock);
    rig->mode = mode;
    pthread_cond_broadcast(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
}

void rig_release(struct rig *rig)
{
    rig_mode_set(rig, RIG_ANSWER);
}

void rig_wait_submitted(struct rig *rig, uint64_t count)
{
    pthread_mutex_lock(&rig->lock);
    while (rig->submitted < count)
        pthread_cond_wait(&rig->changed, &rig->lock);
    pthread_mutex_unlock(&rig->lock);
}

uint64_t rig_metric(struct rig *rig, const char *name, const char *labels)
{
    return metric_value(metrics_counter(rig->metrics, name, "", labels));
}

/* ---- the client's side ---- */

struct tls_client *rig_connect_raw(struct rig *rig)
{
    struct tls_client_options options = {.port = net_port(rig->net),
                                         .ca_file = rig->ca_file,
                                         .segment_bytes = rig->client_segment_bytes,
                                         .receive_bytes = rig->client_receive_bytes};
    struct tls_client *client = tls_client_open(&options);
    assert_non_null(client);
    return client;
}

struct tls_client *rig_connect(struct rig *rig, bool token)
{
    struct tls_client *client = rig_connect_raw(rig);
    Daftari__V1__Hello hello = DAFTARI__V1__HELLO__INIT;
    char agent[] = "t_net";
    uint8_t good[] = RIG_TOKEN;
    hello.has_version = 1;
    hello.version = 1;
    hello.agent = agent;
    hello.has_session_token = token;
    hello.session_token = (ProtobufCBinaryData){.len = sizeof good - 1, .data = good};
    assert_true(tls_client_send_frame(client, FRAME_HELLO, &hello.base));
    struct tls_client_frame frame;
    assert_int_equal(tls_client_receive(client, &frame, WAIT_MS), TLS_CLIENT_FRAME);
    assert_int_equal(frame.kind, FRAME_WELCOME);
    return client;
}

bool rig_send(struct tls_client *client, const struct rig_request *request)
{
    static uint64_t ids; /* every command has its own */
    size_t count = request->count != 0 ? request->count : 1;
    Daftari__V1__Command *commands = calloc(count, sizeof *commands);
    Daftari__V1__Command **list = calloc(count, sizeof *list);
    uint8_t(*id)[16] = calloc(count, sizeof *id);
    ASSERT(commands != NULL && list != NULL && id != NULL);
    for (size_t i = 0; i < count; i++) {
        Daftari__V1__Command *command = list[i] = &commands[i];
        daftari__v1__command__init(command);
        ids++;
        memcpy(id[i], &ids, sizeof ids);
        command->has_command_id = !request->query;
        command->command_id = (ProtobufCBinaryData){.len = sizeof id[i], .data = id[i]};
        command->has_body = 1;
        command->body =
            (ProtobufCBinaryData){.len = request->body_len, .data = (uint8_t *)(uintptr_t)request->body};
        if (i == request->bad_index && request->bad_index != 0)
            command->command_id.len--;
    }
    Daftari__V1__Request message = DAFTARI__V1__REQUEST__INIT;
    message.has_request_id = 1;
    message.request_id = request->id;
    message.method = (char *)(uintptr_t)request->method;
    message.has_credit = request->credit != 0;
    message.credit = request->credit;
    message.has_deadline_ms = request->deadline_ms != 0;
    message.deadline_ms = request->deadline_ms;
    message.n_commands = count;
    message.commands = list;
    bool sent = tls_client_send_frame(client, FRAME_REQUEST, &message.base);
    free(commands);
    free(list);
    free(id);
    return sent;
}

Daftari__V1__Response *rig_response(struct tls_client *client)
{
    struct tls_client_frame frame;
    assert_int_equal(tls_client_receive(client, &frame, WAIT_MS), TLS_CLIENT_FRAME);
    assert_int_equal(frame.kind, FRAME_RESPONSE);
    Daftari__V1__Response *response =
        daftari__v1__response__unpack(NULL, frame.payload.len, frame.payload.ptr);
    assert_non_null(response);
    return response;
}

int rig_status(struct tls_client *client, uint64_t id)
{
    Daftari__V1__Response *response = rig_response(client);
    assert_int_equal(response->request_id, id);
    assert_int_equal(response->n_answers, 1);
    assert_true(response->end);
    int status = (int)response->answers[0]->status;
    if (status != 0)
        assert_non_null(response->answers[0]->fault);
    daftari__v1__response__free_unpacked(response, NULL);
    return status;
}

void rig_expect_closed(struct tls_client *client, int timeout_ms)
{
    struct tls_client_frame frame;
    assert_int_equal(tls_client_receive(client, &frame, timeout_ms), TLS_CLIENT_CLOSED);
}

void rig_expect_goodbye(struct tls_client *client, const char *text)
{
    struct tls_client_frame frame;
    assert_int_equal(tls_client_receive(client, &frame, WAIT_MS), TLS_CLIENT_FRAME);
    assert_int_equal(frame.kind, FRAME_GOODBYE);
    Daftari__V1__Goodbye *goodbye = daftari__v1__goodbye__unpack(NULL, frame.payload.len, frame.payload.ptr);
    assert_non_null(goodbye);
    if (strstr(goodbye->text, text) == NULL)
        fail_msg("Goodbye says \"%s\", not \"%s\"", goodbye->text, text);
    daftari__v1__goodbye__free_unpacked(goodbye, NULL);
    rig_expect_closed(client, WAIT_MS);
}
