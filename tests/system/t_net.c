/* The network edge over real TLS with fake sinks: greeting, requests, batches, streams, malformed input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "envelope.pb-c.h"
#include "proto/wire/frame.h"
#include "tests/support/net_rig.h"

#define COMMAND "Entry.Discard"
#define BRIEF   "Entry.Post" /* may be done on the loop's thread */
#define QUERY   "Log.Checkpoint"
#define STREAM  "Log.Follow"

static int setup(void **state)
{
    int failed = rig_set_up(state);
    if (failed == 0)
        rig_start(*state);
    return failed;
}

static void hello_send(struct tls_client *client, uint32_t version, const char *token, uint64_t seen)
{
    Daftari__V1__Hello hello = DAFTARI__V1__HELLO__INIT;
    hello.has_version = 1;
    hello.version = version;
    hello.has_seen_size = 1;
    hello.seen_size = seen;
    hello.has_session_token = token != NULL;
    if (token != NULL)
        hello.session_token =
            (ProtobufCBinaryData){.len = strlen(token), .data = (uint8_t *)(uintptr_t)token};
    assert_true(tls_client_send_frame(client, FRAME_HELLO, &hello.base));
}

static Daftari__V1__Welcome *welcome_of(struct tls_client *client)
{
    struct tls_client_frame frame;
    assert_int_equal(tls_client_receive(client, &frame, 5000), TLS_CLIENT_FRAME);
    assert_int_equal(frame.kind, FRAME_WELCOME);
    Daftari__V1__Welcome *welcome = daftari__v1__welcome__unpack(NULL, frame.payload.len, frame.payload.ptr);
    assert_non_null(welcome);
    return welcome;
}

/* ---- greeting ---- */

static void hello_is_welcomed(void **state)
{
    struct rig *rig = *state;
    static const struct {
        const char *token;
        bool session;
    } cases[] = {{NULL, false}, {"a bad token", false}, {RIG_TOKEN, true}};
    for (size_t i = 0; i < 3; i++) {
        struct tls_client *client = rig_connect_raw(rig);
        hello_send(client, 1, cases[i].token, 0);
        Daftari__V1__Welcome *welcome = welcome_of(client);
        assert_int_equal(welcome->version, 1);
        assert_string_equal(welcome->books, "Books");
        assert_int_equal(welcome->checkpoint.len, 4);
        assert_int_equal(welcome->frame_payload_max, FRAME_PAYLOAD_MAX);
        assert_int_equal(welcome->commands_per_request_max, COMMANDS_PER_REQUEST);
        assert_int_equal(welcome->requests_open_max, 64);
        assert_int_equal(welcome->session != NULL, cases[i].session);
        if (welcome->session != NULL)
            assert_int_equal(welcome->session->session, RIG_SESSION);
        daftari__v1__welcome__free_unpacked(welcome, NULL);
        tls_client_close(client);
    }
}

static void another_version_is_refused(void **state)
{
    struct tls_client *client = rig_connect_raw(*state);
    hello_send(client, 2, NULL, 0);
    rig_expect_goodbye(client, "version 1");
    tls_client_close(client);
}

static void no_log_no_welcome(void **state)
{
    struct tls_client *client = rig_connect_raw(*state);
    hello_send(client, 1, NULL, 99);
    rig_expect_goodbye(client, "cannot show its log");
    tls_client_close(client);
}

static void tls_must_be_right(void **state)
{
    struct rig *rig = *state;
    struct tls_client_options options = {.port = net_port(rig->net), .ca_file = rig->ca_file, .tls12 = true};
    assert_null(tls_client_open(&options));
    options.tls12 = false;
    options.alpn = "h2";
    assert_null(tls_client_open(&options));
    options.alpn = "";
    struct tls_client *client =
        tls_client_open(&options); /* the server ends it when it sees nothing agreed */
    if (client != NULL) {
        hello_send(client, 1, NULL, 0);
        rig_expect_closed(client, 5000);
        tls_client_close(client);
    }
    assert_int_equal(rig_metric(rig, "daftari_tls_handshakes_total", "result=\"failed\""), 3);
}

static void a_certificate_opens_a_session(void **state)
{
    struct rig *rig = *state;
    struct tls_client_options options = {
        .port = net_port(rig->net), .ca_file = rig->ca_file, .certificate_file = rig->client_file};
    struct tls_client *client = tls_client_open(&options);
    assert_non_null(client);
    hello_send(client, 1, NULL, 0);
    /* Said before the session is there: must wait for it, not be refused. */
    struct rig_request request = {.id = 1, .method = QUERY, .query = true};
    assert_true(rig_send(client, &request));
    Daftari__V1__Welcome *welcome = welcome_of(client);
    assert_non_null(welcome->session);
    assert_string_equal(welcome->session->email, "amina@example.com");
    assert_false(welcome->session->has_token);
    daftari__v1__welcome__free_unpacked(welcome, NULL);
    assert_int_equal(rig_status(client, 1), STATUS_OK);
    tls_client_close(client);
}

static void a_foreign_certificate_is_refused(void **state)
{
    struct rig *rig = *state;
    char keys[SCRATCH_PATH_MAX], master[SCRATCH_PATH_MAX + 32], file[SCRATCH_PATH_MAX + 32];
    uint8_t fingerprint[NET_FINGERPRINT_BYTES];
    struct fault why;
    scratch_make(keys);
    snprintf(master, sizeof master, "%s/master-key", keys);
    snprintf(file, sizeof file, "%s/client.pem", keys);
    struct pki_options other = {.key_dir = keys, .master_key_file = master};
    assert_int_equal(pki_make(&other, &why), STATUS_OK);
    assert_int_equal(pki_make_client(keys, "amina@example.com", file, fingerprint, &why), STATUS_OK);
    struct tls_client_options options = {
        .port = net_port(rig->net), .ca_file = rig->ca_file, .certificate_file = file};
    struct tls_client *client = tls_client_open(&options);
    if (client != NULL) { /* in TLS 1.3 the client is done before the server has looked at its certificate */
        rig_expect_closed(client, 5000);
        tls_client_close(client);
    }
    /* the peer may hear of it before the server has counted */
    for (unsigned i = 0; i < 250 && rig_metric(rig, "daftari_tls_handshakes_total", "result=\"failed\"") == 0;
         i++)
        usleep(20000);
    assert_int_equal(rig_metric(rig, "daftari_tls_handshakes_total", "result=\"failed\""), 1);
    scratch_remove(keys);
}

/* ---- requests ---- */

static void requests_are_answered(void **state)
{
    struct tls_client *client = rig_connect(*state, true);
    struct rig_request request = {.id = 5, .method = COMMAND};
    assert_true(rig_send(client, &request));
    assert_int_equal(rig_status(client, 5), STATUS_OK);
    request = (struct rig_request){.id = 5, .method = QUERY, .query = true};
    assert_true(rig_send(client, &request));
    Daftari__V1__Response *response = rig_response(client);
    assert_int_equal(response->position, 2);
    assert_int_equal(response->answers[0]->body.len, 10);
    assert_true(response->end);
    daftari__v1__response__free_unpacked(response, NULL);
    assert_int_equal(rig_metric(*state, "daftari_requests_total", "method=\"" COMMAND "\",status=\"OK\""), 1);
    tls_client_close(client);
}

static void wrong_requests_are_told_so(void **state)
{
    struct tls_client *client = rig_connect(*state, true);
    static const uint8_t bad_body[] = {0x0a}, long_field[] = {0xfa, 0x3f, 0x00};
    const struct {
        struct rig_request request;
        int status;
    } cases[] = {
        {{.method = "No.Such"}, STATUS_UNKNOWN_METHOD},
        {{.method = "internal.CloseSession"}, STATUS_UNKNOWN_METHOD},
        {{.method = ""}, STATUS_UNKNOWN_METHOD},
        {{.method = "A.BcdefghijklmnopqrstuvwxyzBcdefghijklmnopqrstuvwxyzBcdefghijklmnopqrstuvwxyz"},
         STATUS_UNKNOWN_METHOD},
        {{.method = COMMAND, .query = true}, STATUS_INVALID},
        {{.method = QUERY}, STATUS_INVALID},
        {{.method = QUERY, .query = true, .body = bad_body, .body_len = 1}, STATUS_INVALID},
        {{.method = QUERY, .query = true, .body = long_field, .body_len = 3}, STATUS_INVALID},
        {{.method = STREAM, .query = true, .credit = 65}, STATUS_INVALID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig_request request = cases[i].request;
        request.id = i + 1;
        assert_true(rig_send(client, &request));
        if (rig_status(client, i + 1) != cases[i].status)
            fail_msg("case %zu", i);
    }
    /* Two queries at once, and none at all. */
    struct rig_request two = {.id = 77, .method = QUERY, .query = true, .count = 2};
    assert_true(rig_send(client, &two));
    Daftari__V1__Response *response = rig_response(client);
    assert_int_equal(response->n_answers, 2);
    assert_int_equal(response->answers[0]->status, STATUS_INVALID);
    daftari__v1__response__free_unpacked(response, NULL);
    Daftari__V1__Request none = DAFTARI__V1__REQUEST__INIT;
    char method[] = QUERY;
    none.has_request_id = 1;
    none.request_id = 78;
    none.method = method;
    assert_true(tls_client_send_frame(client, FRAME_REQUEST, &none.base));
    assert_int_equal(rig_status(client, 78), STATUS_INVALID);
    tls_client_close(client);
}

static void nobody_may_without_leave(void **state)
{
    struct rig *rig = *state;
    struct tls_client *client = rig_connect(rig, false);
    struct rig_request request = {.id = 1, .method = COMMAND};
    assert_true(rig_send(client, &request));
    assert_int_equal(rig_status(client, 1), STATUS_UNAUTHENTICATED);
    struct rig_request login = {.id = 2, .method = "Login.LogIn", .query = true};
    assert_true(rig_send(client, &login));
    assert_int_equal(rig_status(client, 2), STATUS_OK);
    assert_true(rig_send(client, &request));
    assert_int_equal(rig_status(client, 1), STATUS_OK); /* the connection is somebody's from then on */
    atomic_store(&rig->deny, true);
    assert_true(rig_send(client, &request));
    assert_int_equal(rig_status(client, 1), STATUS_DENIED);
    tls_client_close(client);
}

static void a_batch_is_answered_in_order(void **state)
{
    struct tls_client *client = rig_connect(*state, true);
    struct rig_request batch = {.id = 3, .method = COMMAND, .count = 1000, .bad_index = 500};
    assert_true(rig_send(client, &batch));
    Daftari__V1__Response *response = rig_response(client);
    assert_int_equal(response->n_answers, 1000);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(response->answers[i]->status, i == 500 ? STATUS_INVALID : STATUS_OK);
    assert_true(response->end);
    daftari__v1__response__free_unpacked(response, NULL);

    batch.count = COMMANDS_PER_REQUEST + 1;
    assert_true(rig_send(client, &batch));
    assert_int_equal(rig_status(client, 3), STATUS_TOO_LARGE);
    tls_client_close(client);
}

static void long_answers_are_split(void **state)
{
    struct rig *rig = *state;
    struct tls_client *client = rig_connect(rig, true);
    rig->answer_bytes = 1000;
    struct rig_request batch = {.id = 3, .method = COMMAND, .count = 3000};
    assert_true(rig_send(client, &batch));
    size_t answers = 0, frames = 0;
    for (bool end = false; !end; frames++) {
        Daftari__V1__Response *response = rig_response(client);
        assert_int_equal(response->request_id, 3);
        answers += response->n_answers;
        end = response->end;
        daftari__v1__response__free_unpacked(response, NULL);
    }
    assert_int_equal(answers, 3000);
    assert_int_equal(frames, 3);
    /* One that fits no frame at all. */
    rig->answer_bytes = FRAME_PAYLOAD_MAX;
    struct rig_request query = {.id = 4, .method = QUERY, .query = true};
    assert_true(rig_send(client, &query));
    assert_int_equal(rig_status(client, 4), STATUS_TOO_LARGE);
    tls_client_close(client);
}

static void many_are_in_flight(void **state)
{
    struct rig *rig = *state;
    struct tls_client *clients[8];
    for (size_t c = 0; c < 8; c++)
        clients[c] = rig_connect(rig, true);
    for (uint64_t round = 0; round < 20; round++) {
        for (size_t c = 0; c < 8; c++)
            for (uint64_t i = 1; i <= 16; i++) {
                struct rig_request request = {.id = round * 16 + i, .method = COMMAND};
                assert_true(rig_send(clients[c], &request));
            }
        for (size_t c = 0; c < 8; c++) {
            uint64_t seen = 0;
            for (int i = 0; i < 16; i++) {
                Daftari__V1__Response *response = rig_response(clients[c]);
                assert_int_equal(response->answers[0]->status, STATUS_OK);
                seen |= UINT64_C(1) << (response->request_id - round * 16);
                daftari__v1__response__free_unpacked(response, NULL);
            }
            assert_int_equal(seen, 0x1fffe);
        }
    }
    for (size_t c = 0; c < 8; c++)
        tls_client_close(clients[c]);
}

static uint64_t ran_here(struct rig *rig)
{
    pthread_mutex_lock(&rig->lock);
    uint64_t count = rig->ran_here;
    pthread_mutex_unlock(&rig->lock);
    return count;
}

static void lone_commands_are_done_by_the_loop(void **state)
{
    struct rig *rig = *state;
    struct tls_client *client = rig_connect(rig, true), *other = rig_connect(rig, true);
    for (uint64_t i = 1; i <= 20; i++) {
        struct rig_request request = {.id = i, .method = BRIEF};
        assert_true(rig_send(client, &request));
        assert_int_equal(rig_status(client, i), STATUS_OK);
    }
    uint64_t alone = ran_here(rig);
    assert_true(alone > 0 && alone < 20); /* not before it was plain that it is alone */
    assert_true(alone + rig->submitted == 20);

    /* Whoever holds the sink keeps it. */
    pthread_mutex_lock(&rig->lock);
    rig->not_here = true;
    pthread_mutex_unlock(&rig->lock);
    struct rig_request request = {.id = 21, .method = BRIEF};
    assert_true(rig_send(client, &request));
    assert_int_equal(rig_status(client, 21), STATUS_OK);
    assert_int_equal(ran_here(rig), alone);

    /* With somebody else at work nothing is done here. */
    rig_mode_set(rig, RIG_HOLD);
    pthread_mutex_lock(&rig->lock);
    rig->not_here = false;
    pthread_mutex_unlock(&rig->lock);
    request = (struct rig_request){.id = 1, .method = COMMAND};
    uint64_t before = rig->submitted;
    assert_true(rig_send(other, &request));
    rig_wait_submitted(rig, before + 1);
    for (uint64_t i = 22; i < 42; i++) {
        request = (struct rig_request){.id = i, .method = BRIEF};
        assert_true(rig_send(client, &request));
    }
    rig_wait_submitted(rig, before + 21);
    rig_release(rig);
    for (uint64_t i = 22; i < 42; i++)
        assert_int_equal(rig_status(client, i), STATUS_OK);
    assert_int_equal(rig_status(other, 1), STATUS_OK);
    assert_int_equal(ran_here(rig), alone);

    /* One that is held, and is all there is, when the connection ends. */
    for (uint64_t i = 42; i < 62; i++) {
        request = (struct rig_request){.id = i, .method = BRIEF};
        assert_true(rig_send(client, &request));
        if (i < 61)
            assert_int_equal(rig_status(client, i), STATUS_OK);
    }
    tls_client_close(client);
    tls_client_close(other);
}

/* ---- streams ---- */

/* Parts that come until nothing does for a while; sets *out_end. */
static size_t parts_take(struct tls_client *client, uint64_t id, bool *out_end, int *out_status)
{
    size_t parts = 0;
    struct tls_client_frame frame;
    *out_end = false;
    *out_status = 0;
    while (!*out_end && tls_client_receive(client, &frame, 300) == TLS_CLIENT_FRAME) {
        Daftari__V1__Response *response =
            daftari__v1__response__unpack(NULL, frame.payload.len, frame.payload.ptr);
        assert_non_null(response);
        assert_int_equal(response->request_id, id);
        for (size_t i = 0; i < response->n_answers; i++) {
            if (response->answers[i]->status == 0)
                parts++;
            else
                *out_status = (int)response->answers[i]->status;
        }
        *out_end = response->end;
        daftari__v1__response__free_unpacked(response, NULL);
    }
    return parts;
}

static void grant(struct tls_client *client, uint64_t id, uint32_t parts)
{
    Daftari__V1__Grant message = DAFTARI__V1__GRANT__INIT;
    message.has_request_id = message.has_parts = 1;
    message.request_id = id;
    message.parts = parts;
    assert_true(tls_client_send_frame(client, FRAME_GRANT, &message.base));
}

static void cancel(struct tls_client *client, uint64_t id)
{
    Daftari__V1__Cancel message = DAFTARI__V1__CANCEL__INIT;
    message.has_request_id = 1;
    message.request_id = id;
    assert_true(tls_client_send_frame(client, FRAME_CANCEL, &message.base));
}

static void a_stream_keeps_to_its_credit(void **state)
{
    struct rig *rig = *state;
    struct tls_client *client = rig_connect(rig, true);
    rig->stream_parts = 20;
    struct rig_request request = {.id = 9, .method = STREAM, .query = true, .credit = 4};
    bool end;
    int status;
    assert_true(rig_send(client, &request));
    assert_int_equal(parts_take(client, 9, &end, &status), 4);
    assert_false(end);
    grant(client, 9, 10);
    assert_int_equal(parts_take(client, 9, &end, &status), 10);
    assert_false(end);
    grant(client, 9, 64);
    assert_int_equal(parts_take(client, 9, &end, &status), 6);
    assert_true(end);
    assert_int_equal(status, 0);
    grant(client, 9, 1); /* for what has ended: ignored */
    request.credit = 0;  /* the default */
    request.id = 10;
    assert_true(rig_send(client, &request));
    assert_int_equal(parts_take(client, 10, &end, &status), 8);
    tls_client_close(client);
}

static void an_empty_stream_ends(void **state)
{
    struct tls_client *client = rig_connect(*state, true);
    struct rig_request request = {.id = 9, .method = STREAM, .query = true};
    bool end;
    int status;
    assert_true(rig_send(client, &request));
    assert_int_equal(parts_take(client, 9, &end, &status), 0);
    assert_true(end);
    tls_client_close(client);
}

static void a_stream_is_cancelled(void **state)
{
    struct rig *rig = *state;
    struct tls_client *client = rig_connect(rig, true);
    rig->stream_parts = 1000000;
    struct rig_request request = {.id = 9, .method = STREAM, .query = true, .credit = 2};
    bool end;
    int status;
    assert_true(rig_send(client, &request));
    assert_int_equal(parts_take(client, 9, &end, &status), 2);
    cancel(client, 9);
    assert_int_equal(parts_take(client, 9, &end, &status), 0);
    assert_true(end);
    assert_int_equal(status, STATUS_CANCELLED);
    assert_int_equal(atomic_load(&rig->cursors), 0);
    tls_client_close(client);
}

static void a_command_at_work_is_cancelled(void **state)
{
    struct rig *rig = *state;
    struct tls_client *client = rig_connect(rig, true);
    rig_mode_set(rig, RIG_HOLD);
    struct rig_request request = {.id = 1, .method = COMMAND};
    assert_true(rig_send(client, &request));
    rig_wait_submitted(rig, 1);
    cancel(client, 1);
    assert_int_equal(rig_status(client, 1), STATUS_CANCELLED);
    assert_true(rig_send(client, &request)); /* the number may be used again */
    rig_wait_submitted(rig, 2);
    rig_release(rig);
    assert_int_equal(rig_status(client, 1), STATUS_OK); /* and is answered once */
    struct tls_client_frame frame;
    assert_int_equal(tls_client_receive(client, &frame, 200), TLS_CLIENT_TIMEOUT);
    tls_client_close(client);
}

static void a_waiting_stream_goes_on_when_the_log_grows(void **state)
{
    struct rig *rig = *state;
    struct tls_client *client = rig_connect(rig, true);
    rig->stream_parts = 2;
    rig->stream_waits = true;
    struct rig_request request = {.id = 9, .method = STREAM, .query = true, .credit = 60};
    bool end;
    int status;
    assert_true(rig_send(client, &request));
    assert_int_equal(parts_take(client, 9, &end, &status), 2);
    assert_false(end);
    usleep(1500000); /* it is asked ever less often: twice a second by now */
    pthread_mutex_lock(&rig->lock);
    uint64_t steps = rig->steps;
    rig->stream_parts = 5;
    pthread_mutex_unlock(&rig->lock);
    assert_true(steps < 20);
    net_log_grew(rig->net, 1000000);
    assert_int_equal(parts_take(client, 9, &end, &status), 3);
    atomic_store(&rig->deny, true); /* rights are looked at again for every step */
    assert_int_equal(parts_take(client, 9, &end, &status), 0);
    net_log_grew(rig->net, 2000000);
    while (!end)
        assert_int_equal(parts_take(client, 9, &end, &status), 0);
    assert_int_equal(status, STATUS_DENIED);
    tls_client_close(client);
}

static void a_client_leaves_its_streams(void **state)
{
    struct rig *rig = *state;
    rig->stream_parts = 1000000;
    for (int i = 0; i < 10; i++) {
        struct tls_client *client = rig_connect(rig, true);
        for (uint64_t id = 1; id < 8; id++) {
            struct rig_request request = {.id = id, .method = STREAM, .query = true, .credit = 2};
            assert_true(rig_send(client, &request));
        }
        tls_client_close(client);
    }
    struct tls_client *client =
        rig_connect(rig, true); /* all of the pool is there again; teardown counts cursors */
    for (uint64_t id = 1; id <= 64; id++) {
        struct rig_request request = {.id = id, .method = COMMAND};
        assert_true(rig_send(client, &request));
        assert_int_equal(rig_status(client, id), STATUS_OK);
    }
    tls_client_close(client);
}

/* ---- malformed ---- */

static bool unwanted_within(struct rig *rig, int ms)
{
    for (; ms > 0; ms -= 10, usleep(10000)) {
        pthread_mutex_lock(&rig->lock);
        bool unwanted = atomic_load(&rig->first->unwanted);
        pthread_mutex_unlock(&rig->lock);
        if (unwanted)
            return true;
    }
    return false;
}

/* Whoever works on a query is told that nobody waits for it: the connection has gone, or it was cancelled. */
static void work_nobody_waits_for_is_marked(void **state)
{
    struct rig *rig = *state;
    struct rig_request request = {.id = 1, .method = QUERY, .query = true};
    rig_mode_set(rig, RIG_HOLD);
    for (uint64_t way = 0; way < 2; way++) {
        struct tls_client *client = rig_connect(rig, true);
        assert_true(rig_send(client, &request));
        rig_wait_submitted(rig, 2 * way + 1);
        assert_false(unwanted_within(rig, 50));
        if (way == 0)
            cancel(client, 1);
        else
            tls_client_close(client);
        assert_true(unwanted_within(rig, 5000));
        if (way == 0) {
            assert_int_equal(rig_status(client, 1), STATUS_CANCELLED);
            tls_client_close(client);
        }
        rig_release(rig);
        struct tls_client *other = rig_connect(rig, true); /* what comes behind it is answered: so is it */
        assert_true(rig_send(other, &request));
        assert_int_equal(rig_status(other, 1), STATUS_OK);
        tls_client_close(other);
        rig_mode_set(rig, RIG_HOLD);
    }
}

static void malformed_input_ends_the_connection(void **state)
{
    struct rig *rig = *state;
    static const uint8_t unknown_kind[] = {0, 0, 0, 0, 99, 0, 0, 0};
    static const uint8_t reserved[] = {0, 0, 0, 0, 3, 0, 1, 0};
    static const uint8_t oversized[] = {0x00, 0x10, 0x00, 0x01, 3, 0, 0, 0};
    static const uint8_t servers[] = {0, 0, 0, 0, 2, 0, 0, 0};
    static const uint8_t again[] = {0, 0, 0, 2, 1, 0, 0, 0, 0x08, 0x01};
    static const uint8_t bad_request[] = {0, 0, 0, 1, 3, 0, 0, 0, 0xff};
    static const uint8_t id_zero[] = {0, 0, 0, 2, 3, 0, 0, 0, 0x08, 0x00};
    static const uint8_t bad_grant[] = {0, 0, 0, 4, 5, 0, 0, 0, 0x08, 0x01, 0x10, 0x00};
    static const uint8_t bad_cancel[] = {0, 0, 0, 2, 6, 0, 0, 0, 0x10, 0x01};
    static const struct {
        const uint8_t *bytes;
        size_t len;
    } cases[] = {{unknown_kind, 8}, {reserved, 8}, {oversized, 8},  {servers, 8},    {again, 10},
                 {bad_request, 9},  {id_zero, 10}, {bad_grant, 12}, {bad_cancel, 10}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tls_client *client = rig_connect(rig, true);
        assert_true(tls_client_send(client, cases[i].bytes, cases[i].len));
        rig_expect_goodbye(client, "");
        tls_client_close(client);
    }
    assert_int_equal(rig_metric(rig, "daftari_protocol_errors_total", NULL), 9);
}

static void hello_comes_first_and_small(void **state)
{
    static const uint8_t request[] = {0, 0, 0, 2, 3, 0, 0, 0, 0x08, 0x01};
    static const uint8_t large[] = {0, 0, 0x20, 0, 1, 0, 0, 0};
    struct tls_client *client = rig_connect_raw(*state);
    assert_true(tls_client_send(client, request, sizeof request));
    rig_expect_goodbye(client, "Hello");
    tls_client_close(client);
    client = rig_connect_raw(*state);
    assert_true(tls_client_send(client, large, sizeof large));
    rig_expect_goodbye(client, "Hello");
    tls_client_close(client);
    client = rig_connect(*state, false); /* not logged in: no large frames */
    static const uint8_t promised[] = {0, 0x02, 0, 0, 3, 0, 0, 0};
    assert_true(tls_client_send(client, promised, sizeof promised));
    rig_expect_goodbye(client, "log in");
    tls_client_close(client);
}

static void one_number_twice_ends_the_connection(void **state)
{
    struct rig *rig = *state;
    struct tls_client *client = rig_connect(rig, true);
    rig_mode_set(rig, RIG_HOLD);
    struct rig_request request = {.id = 1, .method = COMMAND};
    assert_true(rig_send(client, &request));
    assert_true(rig_send(client, &request));
    rig_expect_goodbye(client, "still open");
    rig_release(rig);
    tls_client_close(client);
}

static void frames_may_come_in_pieces(void **state)
{
    struct tls_client *client = rig_connect(*state, true);
    static const uint8_t request[] = {0,   0,   0,   18,  3,   0,   0,   0,   0x08, 0x07, 0x12, 14,  'L',
                                      'o', 'g', '.', 'C', 'h', 'e', 'c', 'k', 'p',  'o',  'i',  'n', 't'};
    for (size_t i = 0; i < sizeof request; i++)
        assert_true(tls_client_send(client, request + i, 1));
    assert_int_equal(rig_status(client, 7), STATUS_INVALID); /* it holds no command */
    tls_client_close(client);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, rig_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(hello_is_welcomed),
        CASE(another_version_is_refused),
        CASE(no_log_no_welcome),
        CASE(tls_must_be_right),
        CASE(a_certificate_opens_a_session),
        CASE(a_foreign_certificate_is_refused),
        CASE(requests_are_answered),
        CASE(wrong_requests_are_told_so),
        CASE(nobody_may_without_leave),
        CASE(a_batch_is_answered_in_order),
        CASE(long_answers_are_split),
        CASE(many_are_in_flight),
        CASE(lone_commands_are_done_by_the_loop),
        CASE(a_stream_keeps_to_its_credit),
        CASE(an_empty_stream_ends),
        CASE(a_stream_is_cancelled),
        CASE(a_command_at_work_is_cancelled),
        CASE(a_waiting_stream_goes_on_when_the_log_grows),
        CASE(a_client_leaves_its_streams),
        CASE(work_nobody_waits_for_is_marked),
        CASE(malformed_input_ends_the_connection),
        CASE(hello_comes_first_and_small),
        CASE(one_number_twice_ends_the_connection),
        CASE(frames_may_come_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
