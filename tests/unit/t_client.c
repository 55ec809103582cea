/* The client library against a server that misbehaves in every way we could think of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <daftari/daftari.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/fake_server.h"
#include "tests/support/scratch.h"

struct scene {
    char folder[SCRATCH_PATH_MAX];
    char checkpoint[SCRATCH_PATH_MAX + 32];
    struct fake_server server;
    /* what the server saw */
    uint8_t ids[64][DFT_COMMAND_ID_BYTES];
    atomic_uint id_count;
    atomic_uint requests;
    atomic_uint granted;
    atomic_uint cancelled;
    atomic_uint seen_size;
    atomic_uint token_len;
};

static void start(struct scene *scene, fake_serve serve)
{
    scratch_make(scene->folder);
    (void)snprintf(scene->checkpoint, sizeof scene->checkpoint, "%s/checkpoint", scene->folder);
    scene->server = (struct fake_server){.serve = serve, .context = scene, .size = 5};
    for (unsigned i = 0; i < FAKE_LEAVES_MAX; i++)
        scene->server.leaves[i].bytes[0] = (uint8_t)(i + 1);
    fake_start(&scene->server, scene->folder);
}

static void stop(struct scene *scene)
{
    fake_stop(&scene->server);
    scratch_remove(scene->folder);
    free(scene);
}

static struct scene *scene_new(fake_serve serve)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    start(scene, serve);
    return scene;
}

static struct dft_client *client_of(const struct scene *scene, const struct dft_options *more)
{
    struct dft_options options = more != NULL ? *more : (struct dft_options){0};
    struct dft_client *client = NULL;
    struct dft_fault why = {0};
    options.server = scene->server.address;
    if (options.ca_file == NULL)
        options.ca_file = scene->server.ca_file;
    if (options.checkpoint_file == NULL)
        options.checkpoint_file = scene->checkpoint;
    if (dft_client_new(&client, &options, &why) != DFT_OK)
        fail_msg("%s: %s", why.field, why.text);
    return client;
}

static void note_request(struct scene *scene, const Daftari__V1__Request *request)
{
    for (size_t i = 0; i < request->n_commands && request->commands[i]->has_command_id; i++) {
        unsigned at = atomic_load(&scene->id_count);
        if (at < 64) {
            memcpy(scene->ids[at], request->commands[i]->command_id.data, DFT_COMMAND_ID_BYTES);
            atomic_store(&scene->id_count, at + 1);
        }
    }
    atomic_fetch_add(&scene->requests, 1);
}

/* ---- good answers ------------------------------------------------------------------------------------------------ */

static void serve_ok(struct fake_connection *connection, void *context)
{
    struct scene *scene = context;
    Daftari__V1__Request *request;
    atomic_store(&scene->seen_size, (unsigned)connection->hello->seen_size);
    atomic_store(&scene->token_len, (unsigned)connection->hello->session_token.len);
    fake_welcome(connection);
    while ((request = fake_request(connection, NULL, NULL)) != NULL) {
        note_request(scene, request);
        fake_answer(connection, request, DAFTARI__V1__STATUS__OK);
        daftari__v1__request__free_unpacked(request, NULL);
    }
}

static void a_command_is_sent_and_answered(void **state)
{
    (void)state;
    struct scene *scene = scene_new(serve_ok);
    struct dft_client *client = client_of(scene, NULL);
    struct dft_recorded recorded;
    struct dft_fault why = {0};
    assert_int_equal(dft_command(client, "Entry.Post", NULL, "abc", 3, &recorded, &why), DFT_OK);
    assert_int_equal(recorded.position, 1);
    assert_string_equal(dft_welcome(client)->books, "Test books");
    assert_int_equal(dft_welcome(client)->log_size, 5);
    assert_int_equal(dft_position(client), 7);
    assert_int_equal(scene->ids[0][6] >> 4, 7); /* a UUID of version 7 */
    dft_client_free(client);
    stop(scene);
}

static void new_ids_grow_with_time(void **state)
{
    (void)state;
    uint8_t id[2][DFT_COMMAND_ID_BYTES], same = 0xff;
    struct timespec pause = {.tv_nsec = 2000}, now;
    dft_command_id_new(id[0]);
    assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
    int64_t ms = (int64_t)(be64_get(id[0]) >> 16),
            now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    assert_true(now_ms - ms >= 0 && now_ms - ms < 60000);
    for (unsigned i = 1; i < 200; i++) {
        (void)nanosleep(&pause, NULL);
        dft_command_id_new(id[i % 2]);
        assert_true(memcmp(id[i % 2], id[(i + 1) % 2], DFT_COMMAND_ID_BYTES) > 0);
        assert_int_equal(id[i % 2][6] >> 4, 7);
        assert_int_equal(id[i % 2][8] >> 6, 2);
        same &= (uint8_t) ~(id[0][15] ^ id[1][15]);
    }
    assert_int_equal(same, 0); /* the end is random */
}

/* Answers sixteen requests at a time, last first. */
static void serve_backwards(struct fake_connection *connection, void *context)
{
    Daftari__V1__Request *requests[16];
    (void)context;
    fake_welcome(connection);
    for (;;) {
        for (size_t i = 0; i < 16; i++) {
            requests[i] = fake_request(connection, NULL, NULL);
            if (requests[i] == NULL)
                return;
        }
        for (size_t i = 16; i-- > 0;) {
            fake_answer(connection, requests[i], DAFTARI__V1__STATUS__OK);
            daftari__v1__request__free_unpacked(requests[i], NULL);
        }
    }
}

static void count_done(struct dft_request *request, void *context)
{
    (void)request;
    *(unsigned *)context += 1;
}

static void many_requests_are_in_flight_in_an_event_loop(void **state)
{
    (void)state;
    struct scene *scene = scene_new(serve_backwards);
    struct dft_client *client = client_of(scene, NULL);
    struct dft_request *requests[64];
    unsigned done = 0;
    for (size_t i = 0; i < 64; i++) {
        uint8_t id[DFT_COMMAND_ID_BYTES] = {1, (uint8_t)i};
        assert_int_equal(dft_request_new(client, "Entry.Post", &requests[i], NULL), DFT_OK);
        for (size_t k = 0; k < 10; k++) {
            id[2] = (uint8_t)k;
            assert_int_equal(dft_request_add(requests[i], id, "x", 1, NULL), DFT_OK);
        }
        dft_request_notify(requests[i], count_done, &done);
        dft_request_start(requests[i]);
    }
    while (done < 64) {
        unsigned wanted = dft_events(client);
        uint32_t timeout_ms = dft_timeout_ms(client);
        struct pollfd ready = {.fd = dft_fd(client)};
        ready.events = (short)(((wanted & DFT_WANT_READ) != 0 ? POLLIN : 0) |
                               ((wanted & DFT_WANT_WRITE) != 0 ? POLLOUT : 0));
        (void)poll(&ready, ready.fd >= 0 ? 1 : 0,
                   ready.fd < 0        ? 0
                   : timeout_ms > 1000 ? 1000
                                       : (int)timeout_ms);
        assert_int_equal(dft_process(client, NULL), DFT_OK);
    }
    for (size_t i = 0; i < 64; i++) {
        assert_int_equal(dft_request_result(requests[i], NULL), DFT_OK);
        assert_int_equal(dft_request_count(requests[i]), 10);
        assert_int_equal(dft_request_answer(requests[i], 9)->status, DFT_OK);
        dft_request_free(requests[i]);
    }
    dft_client_free(client);
    stop(scene);
}

/* ---- broken lines ------------------------------------------------------------------------------------------------ */

/* The first three connections break in the middle of the answer's frame. */
static void serve_torn(struct fake_connection *connection, void *context)
{
    struct scene *scene = context;
    fake_welcome(connection);
    Daftari__V1__Request *request = fake_request(connection, NULL, NULL);
    if (request == NULL)
        return;
    note_request(scene, request);
    if (connection->number <= 3)
        fake_send_raw(connection, "\0\0\0\x20\x04\0\0\0half", 8 + connection->number);
    else
        fake_answer(connection, request, DAFTARI__V1__STATUS__OK);
    daftari__v1__request__free_unpacked(request, NULL);
}

static void a_torn_answer_is_asked_again_under_the_same_id(void **state)
{
    (void)state;
    struct scene *scene = scene_new(serve_torn);
    struct dft_client *client = client_of(scene, NULL);
    struct dft_recorded recorded;
    struct dft_fault why = {0};
    assert_int_equal(dft_command(client, "Entry.Post", NULL, "abc", 3, &recorded, &why), DFT_OK);
    assert_int_equal(atomic_load(&scene->id_count), 4);
    for (size_t i = 1; i < 4; i++)
        assert_memory_equal(scene->ids[0], scene->ids[i], DFT_COMMAND_ID_BYTES);
    dft_client_free(client);
    stop(scene);
}

static void retries_end(void **state)
{
    (void)state;
    struct scene *scene = scene_new(serve_torn);
    struct dft_client *client = client_of(scene, &(struct dft_options){.retries_max = 2});
    struct dft_recorded recorded;
    struct dft_fault why = {0};
    assert_int_equal(dft_command(client, "Entry.Post", NULL, "abc", 3, &recorded, &why), DFT_DISCONNECTED);
    assert_int_equal(atomic_load(&scene->id_count), 3);
    assert_true(why.text[0] != '\0');
    dft_client_free(client);
    stop(scene);
}

static void without_reconnecting_the_first_loss_is_told(void **state)
{
    (void)state;
    struct scene *scene = scene_new(serve_torn);
    struct dft_client *client = client_of(scene, &(struct dft_options){.no_reconnect = true});
    struct dft_recorded recorded;
    assert_int_equal(dft_command(client, "Entry.Post", NULL, "abc", 3, &recorded, NULL), DFT_DISCONNECTED);
    assert_int_equal(atomic_load(&scene->id_count), 1);
    dft_client_free(client);
    stop(scene);
}

static void serve_busy(struct fake_connection *connection, void *context)
{
    struct scene *scene = context;
    Daftari__V1__Request *request;
    fake_welcome(connection);
    while ((request = fake_request(connection, NULL, NULL)) != NULL) {
        note_request(scene, request);
        fake_answer(connection, request,
                    atomic_load(&scene->requests) < 3 ? DAFTARI__V1__STATUS__BUSY : DAFTARI__V1__STATUS__OK);
        daftari__v1__request__free_unpacked(request, NULL);
    }
}

static void busy_is_tried_again(void **state)
{
    (void)state;
    struct scene *scene = scene_new(serve_busy);
    struct dft_client *client = client_of(scene, NULL);
    struct dft_recorded recorded;
    assert_int_equal(dft_command(client, "Entry.Post", NULL, "abc", 3, &recorded, NULL), DFT_OK);
    assert_int_equal(atomic_load(&scene->requests), 3);
    assert_memory_equal(scene->ids[0], scene->ids[2], DFT_COMMAND_ID_BYTES);
    dft_client_free(client);
    stop(scene);
}

static void serve_silence(struct fake_connection *connection, void *context)
{
    struct scene *scene = context;
    unsigned cancelled = 0;
    fake_welcome(connection);
    Daftari__V1__Request *request = fake_request(connection, NULL, NULL);
    if (request == NULL)
        return;
    atomic_store(&scene->granted, request->deadline_ms);
    daftari__v1__request__free_unpacked(request, NULL);
    (void)fake_request(connection, NULL, &cancelled);
    atomic_store(&scene->cancelled, cancelled);
}

static void a_deadline_ends_and_cancels(void **state)
{
    (void)state;
    struct scene *scene = scene_new(serve_silence);
    struct dft_client *client = client_of(scene, &(struct dft_options){.call_timeout_ms = 300});
    struct dft_recorded recorded;
    assert_int_equal(dft_command(client, "Entry.Post", NULL, "abc", 3, &recorded, NULL), DFT_DEADLINE);
    dft_client_free(client);
    for (int i = 0; i < 200 && atomic_load(&scene->cancelled) == 0; i++)
        (void)usleep(10000);
    assert_int_equal(atomic_load(&scene->cancelled), 1);
    assert_in_range(atomic_load(&scene->granted), 1, 300); /* the server was told how long there was */
    stop(scene);
}

static void serve_nonsense(struct fake_connection *connection, void *context)
{
    (void)context;
    fake_welcome(connection);
    Daftari__V1__Request *request = fake_request(connection, NULL, NULL);
    if (request == NULL)
        return;
    if (connection->number == 1)
        fake_send_raw(connection, "\xff\xff\xff\xff\x04\0\0\0", 8); /* a frame of 4 GiB */
    else
        fake_send_raw(connection, "\0\0\0\x03\x04\0\0\0\xff\xff\xff", 11); /* not protobuf */
    daftari__v1__request__free_unpacked(request, NULL);
}

static void nonsense_ends_the_connection(void **state)
{
    (void)state;
    struct scene *scene = scene_new(serve_nonsense);
    struct dft_client *client = client_of(scene, &(struct dft_options){.retries_max = 1});
    struct dft_recorded recorded;
    struct dft_fault why = {0};
    assert_int_equal(dft_command(client, "Entry.Post", NULL, "abc", 3, &recorded, &why), DFT_DISCONNECTED);
    assert_non_null(strstr(why.text, "protocol"));
    dft_client_free(client);
    stop(scene);
}

/* Says of every command what only a client may say. */
static void serve_client_words(struct fake_connection *connection, void *context)
{
    (void)context;
    Daftari__V1__Request *request;
    fake_welcome(connection);
    while ((request = fake_request(connection, NULL, NULL)) != NULL) {
        int status = strcmp(request->method, "Log.Follow") == 0 ? DFT_END : DFT_AGAIN;
        fake_answer(connection, request, (Daftari__V1__Status)status);
        daftari__v1__request__free_unpacked(request, NULL);
    }
}

static void a_clients_own_words_are_not_taken_from_a_server(void **state)
{
    (void)state;
    struct scene *scene = scene_new(serve_client_words);
    struct dft_client *client = client_of(scene, NULL);
    struct dft_recorded recorded;
    struct dft_stream *stream = NULL;
    struct dft_answer part;
    struct dft_fault why = {0};
    assert_int_equal(dft_command(client, "Entry.Post", NULL, "abc", 3, &recorded, &why), DFT_INTERNAL);
    assert_int_equal(dft_stream_open(client, "Log.Follow", NULL, 0, 4, 5000, &stream, NULL), DFT_OK);
    assert_int_equal(dft_stream_next(stream, 5000, &part, &why), DFT_INTERNAL); /* not a list that is whole */
    dft_stream_close(stream);
    dft_client_free(client);
    stop(scene);
}

/* Frames without an answer, and never the last. */
static void serve_nothing_for_ever(struct fake_connection *connection, void *context)
{
    static uint8_t frames[64 * 1024]; /* one thread at a time */
    size_t len = 0;
    (void)context;
    fake_welcome(connection);
    Daftari__V1__Request *request = fake_request(connection, NULL, NULL);
    if (request == NULL)
        return;
    Daftari__V1__Response response = DAFTARI__V1__RESPONSE__INIT;
    response.has_request_id = 1;
    response.request_id = request->request_id;
    daftari__v1__request__free_unpacked(request, NULL);
    size_t payload = daftari__v1__response__get_packed_size(&response);
    for (; len + FRAME_HEADER_BYTES + payload <= sizeof frames; len += FRAME_HEADER_BYTES + payload) {
        frame_header_encode(FRAME_RESPONSE, payload, frames + len);
        (void)daftari__v1__response__pack(&response, frames + len + FRAME_HEADER_BYTES);
    }
    for (int i = 0; i < 100; i++)
        fake_send_raw(connection, frames, len);
    (void)fake_request(connection, NULL, NULL);
}

static void answers_without_end_take_bounded_memory(void **state)
{
    (void)state;
    struct scene *scene = scene_new(serve_nothing_for_ever);
    struct dft_client *client = client_of(scene, &(struct dft_options){.call_timeout_ms = 8000});
    struct dft_recorded recorded;
    struct dft_fault why = {0};
    assert_int_equal(dft_command(client, "Entry.Post", NULL, "abc", 3, &recorded, &why), DFT_TOO_LARGE);
    dft_client_free(client);
    stop(scene);
}

static void nobody_there_is_told_at_once(void **state)
{
    (void)state;
    struct scene *scene = scene_new(serve_ok);
    struct dft_client *client = client_of(scene, NULL);
    struct dft_fault why = {0};
    fake_stop(&scene->server);
    assert_int_equal(dft_connect(client, &why), DFT_DISCONNECTED);
    assert_non_null(strstr(why.text, scene->server.address));
    dft_client_free(client);
    scratch_remove(scene->folder);
    free(scene);
}

/* ---- who the server is ------------------------------------------------------------------------------------------- */

static void another_host_name_is_not_trusted(void **state)
{
    (void)state;
    struct scene *scene = scene_new(serve_ok);
    struct dft_client *client = client_of(scene, &(struct dft_options){.host_name = "books.example.com"});
    struct dft_fault why = {0};
    assert_int_equal(dft_connect(client, &why), DFT_TLS_FAILED);
    assert_non_null(strstr(why.text, "books.example.com"));
    struct dft_recorded recorded; /* nothing is retried against a server that is not who it should be */
    assert_int_equal(dft_command(client, "Entry.Post", NULL, "abc", 3, &recorded, NULL), DFT_TLS_FAILED);
    assert_int_equal(atomic_load(&scene->requests), 0);
    dft_client_free(client);
    stop(scene);
}

static void another_authority_is_not_trusted(void **state)
{
    (void)state;
    struct scene *scene = scene_new(serve_ok);
    struct scene *other = scene_new(serve_ok);
    struct dft_client *client = client_of(scene, &(struct dft_options){.ca_file = other->server.ca_file});
    struct dft_fault why = {0};
    assert_int_equal(dft_connect(client, &why), DFT_TLS_FAILED);
    assert_non_null(strstr(why.text, "trusted"));
    dft_client_free(client);
    stop(other);
    stop(scene);
}

static void another_protocol_is_not_spoken(void **state)
{
    (void)state;
    struct scene *scene = scene_new(serve_ok);
    scene->server.alpn = "none";
    struct dft_client *client = client_of(scene, NULL);
    assert_int_equal(dft_connect(client, NULL), DFT_TLS_FAILED);
    dft_client_free(client);
    stop(scene);
}

static void wrong_options_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *server, *ca_file, *field;
    } cases[] = {{NULL, NULL, "server"},     {"", NULL, "server"},
                 {"host:0", NULL, "server"}, {"host:70000", NULL, "server"},
                 {"[::1", NULL, "server"},   {"host", "/nowhere/ca.crt", "ca_file"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dft_options options = {.server = cases[i].server, .ca_file = cases[i].ca_file};
        struct dft_client *client = NULL;
        struct dft_fault why = {0};
        assert_int_equal(dft_client_new(&client, &options, &why), DFT_INVALID);
        assert_string_equal(why.field, cases[i].field);
        assert_null(client);
    }
}

/* ---- what the log is --------------------------------------------------------------------------------------------- */

static enum dft_status connect_once(const struct scene *scene, struct dft_fault *why)
{
    struct dft_client *client = client_of(scene, NULL);
    enum dft_status status = dft_connect(client, why);
    const char *seen, *shown;
    if (status == DFT_ROLLED_BACK) {
        assert_true(dft_evidence(client, &seen, &shown));
        assert_non_null(strstr(seen, "fake.example/log"));
        assert_true(shown[0] != '\0');
    } else {
        assert_false(dft_evidence(client, &seen, &shown));
    }
    dft_client_free(client);
    return status;
}

static void a_growing_log_is_followed(void **state)
{
    (void)state;
    struct scene *scene = scene_new(serve_ok);
    for (uint64_t size = 0; size <= FAKE_LEAVES_MAX; size += size < 9 ? 1 : 11) {
        struct dft_fault why = {0};
        scene->server.size = size;
        if (connect_once(scene, &why) != DFT_OK)
            fail_msg("size %u: %s", (unsigned)size, why.text);
    }
    assert_int_equal(atomic_load(&scene->seen_size), 53);
    stop(scene);
}

static void a_shorter_log_is_found_out(void **state)
{
    (void)state;
    struct scene *scene = scene_new(serve_ok);
    struct dft_fault why = {0};
    char evidence[SCRATCH_PATH_MAX + 64];
    assert_int_equal(connect_once(scene, NULL), DFT_OK);
    scene->server.size = 4;
    assert_int_equal(connect_once(scene, &why), DFT_ROLLED_BACK);
    (void)snprintf(evidence, sizeof evidence, "%s.rolled-back", scene->checkpoint);
    assert_int_equal(access(evidence, R_OK), 0);
    scene->server.size = 0; /* replaced by an empty one */
    assert_int_equal(connect_once(scene, &why), DFT_ROLLED_BACK);
    scene->server.size = 6; /* and what was seen first is not forgotten */
    assert_int_equal(connect_once(scene, &why), DFT_OK);
    stop(scene);
}

/* The checkpoint was seen before the command: only the answer says that the log was longer. */
static void a_log_without_what_it_answered_is_found_out(void **state)
{
    (void)state;
    struct scene *scene = scene_new(serve_ok);
    struct dft_fault why = {0};
    struct dft_recorded recorded;
    char position[SCRATCH_PATH_MAX + 64];
    (void)snprintf(position, sizeof position, "%s.position", scene->checkpoint);
    struct dft_client *client = client_of(scene, NULL);
    assert_int_equal(dft_command(client, "Entry.Post", NULL, "abc", 3, &recorded, &why), DFT_OK);
    dft_disconnect(client);
    scene->server.size = FAKE_POSITION - 1;
    assert_int_equal(dft_connect(client, &why), DFT_ROLLED_BACK); /* the same process */
    dft_client_free(client);
    assert_int_equal(connect_once(scene, &why), DFT_ROLLED_BACK); /* another one */
    assert_non_null(strstr(why.text, "answered from record 7"));
    FILE *file = fopen(position, "w"); /* lost in a power cut: nothing is known, and nothing is wrong */
    assert_non_null(file);
    (void)fclose(file);
    assert_int_equal(connect_once(scene, &why), DFT_OK);
    client = client_of(scene, NULL);
    assert_int_equal(dft_command(client, "Entry.Post", NULL, "abc", 3, &recorded, &why), DFT_OK);
    dft_client_free(client);
    scene->server.size = FAKE_POSITION - 1;
    assert_int_equal(connect_once(scene, &why), DFT_ROLLED_BACK);
    assert_int_equal(unlink(scene->checkpoint), 0); /* by hand: the log is rightly another one */
    assert_int_equal(connect_once(scene, &why), DFT_OK);
    assert_int_equal(connect_once(scene, &why), DFT_OK); /* and stays so */
    scene->server.size = FAKE_POSITION;
    assert_int_equal(connect_once(scene, &why), DFT_OK);
    stop(scene);
}

static void a_forked_log_is_found_out(void **state)
{
    (void)state;
    struct scene *scene = scene_new(serve_ok);
    struct dft_fault why = {0};
    assert_int_equal(connect_once(scene, NULL), DFT_OK);
    scene->server.leaves[2].bytes[5] ^= 1;
    assert_int_equal(connect_once(scene, &why), DFT_ROLLED_BACK); /* the same size */
    scene->server.size = 9;
    assert_int_equal(connect_once(scene, &why), DFT_ROLLED_BACK); /* grown since */
    stop(scene);
}

static void another_log_key_is_found_out(void **state)
{
    (void)state;
    struct scene *scene = scene_new(serve_ok);
    char first_key[NOTE_VKEY_MAX];
    struct dft_fault why = {0};
    fake_log_key(&scene->server, first_key);
    assert_int_equal(connect_once(scene, NULL), DFT_OK);
    assert_int_equal(note_signer_from_seed("fake.example/log",
                                           (const uint8_t *)"another-seed-another-seed-anothe",
                                           &scene->server.signer),
                     STATUS_OK);
    scene->server.size = 12;
    assert_int_equal(connect_once(scene, &why), DFT_ROLLED_BACK);
    char fresh[SCRATCH_PATH_MAX + 64]; /* a key given by the caller holds from the first connection on */
    (void)snprintf(fresh, sizeof fresh, "%s/fresh", scene->folder);
    struct dft_client *client =
        client_of(scene, &(struct dft_options){.checkpoint_file = fresh, .log_key = first_key});
    assert_int_equal(dft_connect(client, NULL), DFT_ROLLED_BACK);
    dft_client_free(client);
    stop(scene);
}

static void a_damaged_checkpoint_file_is_not_taken_for_none(void **state)
{
    (void)state;
    struct scene *scene = scene_new(serve_ok);
    struct dft_client *client = NULL;
    assert_int_equal(connect_once(scene, NULL), DFT_OK);
    FILE *file = fopen(scene->checkpoint, "r+");
    assert_non_null(file);
    (void)fseek(file, -12, SEEK_END);
    (void)fputc('!', file);
    (void)fclose(file);
    struct dft_options options = {.server = scene->server.address,
                                  .ca_file = scene->server.ca_file,
                                  .checkpoint_file = scene->checkpoint};
    assert_int_equal(dft_client_new(&client, &options, NULL), DFT_CORRUPT);
    stop(scene);
}

/* ---- streams ----------------------------------------------------------------------------------------------------- */

static void send_part(struct fake_connection *connection, uint64_t request_id, unsigned number, bool end)
{
    Daftari__V1__Response response = DAFTARI__V1__RESPONSE__INIT;
    Daftari__V1__Answer answer = DAFTARI__V1__ANSWER__INIT;
    Daftari__V1__Answer *list[1] = {&answer};
    uint8_t body[1] = {(uint8_t)number};
    answer.has_status = 1;
    answer.has_body = 1;
    answer.body = (ProtobufCBinaryData){.len = 1, .data = body};
    response.has_request_id = 1;
    response.request_id = request_id;
    response.answers = list;
    response.n_answers = end ? 0 : 1;
    response.has_end = 1;
    response.end = end;
    fake_send(connection, FRAME_RESPONSE, &response.base);
}

/* Fifty parts, never more than the credit allows; one too many when the method is "Log.Greedy". */
static void serve_stream(struct fake_connection *connection, void *context)
{
    struct scene *scene = context;
    fake_welcome(connection);
    Daftari__V1__Request *request = fake_request(connection, NULL, NULL);
    if (request == NULL)
        return;
    unsigned credit = request->credit, sent = 0;
    bool greedy = strcmp(request->method, "Log.Greedy") == 0;
    uint64_t id = request->request_id;
    daftari__v1__request__free_unpacked(request, NULL);
    while (sent < 50) {
        for (; sent < 50 && credit > 0; credit--)
            send_part(connection, id, sent++, false);
        if (greedy) {
            send_part(connection, id, sent, false);
            (void)fake_request(connection, NULL, NULL);
            return;
        }
        unsigned granted = 0, before = atomic_load(&scene->granted);
        if (sent < 50) {
            (void)fake_request(connection, &granted, NULL);
            if (granted == 0)
                return;
        }
        credit += granted;
        atomic_store(&scene->granted, before + granted);
    }
    send_part(connection, id, 0, true);
    (void)fake_request(connection, NULL, NULL);
}

static void a_stream_is_read_with_credit(void **state)
{
    (void)state;
    struct scene *scene = scene_new(serve_stream);
    struct dft_client *client = client_of(scene, NULL);
    struct dft_stream *stream = NULL;
    struct dft_answer part;
    assert_int_equal(dft_stream_open(client, "Log.Follow", NULL, 0, 4, DFT_FOREVER, &stream, NULL), DFT_OK);
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(dft_stream_next(stream, 5000, &part, NULL), DFT_OK);
        assert_int_equal(part.body_len, 1);
        assert_int_equal(part.body[0], i);
    }
    assert_int_equal(dft_stream_next(stream, 5000, &part, NULL), DFT_END);
    assert_int_equal(dft_stream_next(stream, 0, &part, NULL), DFT_END);
    assert_in_range(atomic_load(&scene->granted), 44, 50);
    dft_stream_close(stream);
    dft_client_free(client);
    stop(scene);
}

static void more_than_the_credit_breaks_a_stream(void **state)
{
    (void)state;
    struct scene *scene = scene_new(serve_stream);
    struct dft_client *client = client_of(scene, NULL);
    struct dft_stream *stream = NULL;
    struct dft_answer part;
    enum dft_status status;
    assert_int_equal(dft_stream_open(client, "Log.Greedy", NULL, 0, 4, 5000, &stream, NULL), DFT_OK);
    assert_int_equal(dft_stream_next(stream, 0, &part, NULL), DFT_AGAIN);
    unsigned parts = 0;
    while ((status = dft_stream_next(stream, 5000, &part, NULL)) == DFT_OK)
        parts++;
    assert_int_equal(status, DFT_DISCONNECTED);
    assert_int_equal(parts, 4);
    dft_stream_close(stream);
    dft_client_free(client);
    stop(scene);
}

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

static void serve_log_in(struct fake_connection *connection, void *context)
{
    struct scene *scene = context;
    atomic_store(&scene->token_len, (unsigned)connection->hello->session_token.len);
    fake_welcome(connection);
    Daftari__V1__Request *request = fake_request(connection, NULL, NULL);
    if (request == NULL)
        return;
    if (strcmp(request->method, "Login.LogIn") == 0) {
        Daftari__V1__Session session = DAFTARI__V1__SESSION__INIT;
        Daftari__V1__Answer answer = DAFTARI__V1__ANSWER__INIT;
        Daftari__V1__Answer *list[1] = {&answer};
        Daftari__V1__Response response = DAFTARI__V1__RESPONSE__INIT;
        uint8_t token[20] = "secret", body[64];
        session.has_token = 1;
        session.token = (ProtobufCBinaryData){.len = sizeof token, .data = token};
        answer.has_status = 1;
        answer.has_body = 1;
        answer.body = (ProtobufCBinaryData){.len = daftari__v1__session__pack(&session, body), .data = body};
        response.has_request_id = 1;
        response.request_id = request->request_id;
        response.answers = list;
        response.n_answers = 1;
        response.has_end = 1;
        response.end = 1;
        fake_send(connection, FRAME_RESPONSE, &response.base);
    } else {
        fake_answer(connection, request, DAFTARI__V1__STATUS__OK);
    }
    daftari__v1__request__free_unpacked(request, NULL);
}

static void a_session_is_taken_up_again(void **state)
{
    (void)state;
    struct scene *scene = scene_new(serve_log_in);
    struct dft_client *client = client_of(scene, NULL);
    struct dft_recorded recorded;
    size_t len = 0;
    assert_null(dft_session_token(client, &len));
    assert_int_equal(dft_log_in(client, "ana@example.com", "long enough", NULL), DFT_OK);
    assert_non_null(dft_session_token(client, &len));
    assert_int_equal(len, 20);
    assert_int_equal(dft_command(client, "Entry.Post", NULL, "abc", 3, &recorded, NULL),
                     DFT_OK); /* a new connection */
    assert_int_equal(atomic_load(&scene->token_len), 20);
    dft_client_free(client);
    stop(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_sent_and_answered),
        cmocka_unit_test(new_ids_grow_with_time),
        cmocka_unit_test(many_requests_are_in_flight_in_an_event_loop),
        cmocka_unit_test(a_torn_answer_is_asked_again_under_the_same_id),
        cmocka_unit_test(retries_end),
        cmocka_unit_test(without_reconnecting_the_first_loss_is_told),
        cmocka_unit_test(busy_is_tried_again),
        cmocka_unit_test(a_deadline_ends_and_cancels),
        cmocka_unit_test(nonsense_ends_the_connection),
        cmocka_unit_test(a_clients_own_words_are_not_taken_from_a_server),
        cmocka_unit_test(answers_without_end_take_bounded_memory),
        cmocka_unit_test(nobody_there_is_told_at_once),
        cmocka_unit_test(another_host_name_is_not_trusted),
        cmocka_unit_test(another_authority_is_not_trusted),
        cmocka_unit_test(another_protocol_is_not_spoken),
        cmocka_unit_test(wrong_options_are_named),
        cmocka_unit_test(a_growing_log_is_followed),
        cmocka_unit_test(a_shorter_log_is_found_out),
        cmocka_unit_test(a_log_without_what_it_answered_is_found_out),
        cmocka_unit_test(a_forked_log_is_found_out),
        cmocka_unit_test(another_log_key_is_found_out),
        cmocka_unit_test(a_damaged_checkpoint_file_is_not_taken_for_none),
        cmocka_unit_test(a_stream_is_read_with_credit),
        cmocka_unit_test(more_than_the_credit_breaks_a_stream),
        cmocka_unit_test(a_session_is_taken_up_again),
    };
    (void)signal(SIGPIPE, SIG_IGN); /* of the fake server; the client must not need it */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
