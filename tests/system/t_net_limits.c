/* The network edge under pressure: slow and silent peers, too many of them, too much work, stopping, new keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "envelope.pb-c.h"
#include "proto/wire/frame.h"
#include "tests/support/net_rig.h"

#define COMMAND  "Entry.Discard"
#define BRIEF    "Entry.Post" /* may be done on the loop's thread */
#define QUERY    "Log.Checkpoint"
#define STREAM   "Log.Follow"
#define SHORT_MS 300

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define GROWTH_KIB_MAX (1000 * 1024) /* sanitizers keep what was freed, and shadows of everything */
#else
#define GROWTH_KIB_MAX (100 * 1024)
#endif

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- slow and silent ---- */

static void who_does_not_shake_hands_is_dropped(void **state)
{
    struct rig *rig = *state;
    rig->config.handshake_timeout_ms = SHORT_MS;
    rig_start(rig);
    int64_t start = now_ms();
    int fd = tls_client_tcp(net_port(rig->net));
    assert_true(fd >= 0);
    uint8_t byte = 22; /* one byte of a handshake, then nothing */
    assert_int_equal(write(fd, &byte, 1), 1);
    assert_true(read(fd, &byte, 1) <= 0);
    int64_t took = now_ms() - start;
    assert_true(took >= SHORT_MS && took < SHORT_MS + 3000);
    close(fd);
    assert_int_equal(rig_metric(rig, "daftari_connection_timeouts_total", NULL), 1);
}

static void who_does_not_say_hello_is_dropped(void **state)
{
    struct rig *rig = *state;
    rig->config.hello_timeout_ms = SHORT_MS;
    rig_start(rig);
    struct tls_client *client = rig_connect_raw(rig);
    rig_expect_goodbye(client, "Hello");
    tls_client_close(client);
}

static void who_does_not_finish_a_frame_is_dropped(void **state)
{
    struct rig *rig = *state;
    rig->config.frame_timeout_ms = SHORT_MS;
    rig_start(rig);
    struct tls_client *slow = rig_connect(rig, true), *idle = rig_connect(rig, true);
    static const uint8_t begun[] = {0, 0, 1, 0, 3, 0, 0, 0, 1, 2, 3};
    int64_t start = now_ms();
    assert_true(tls_client_send(slow, begun, sizeof begun));
    for (int i = 0; i < 3; i++) { /* a byte now and then does not help */
        usleep(80000);
        (void)tls_client_send(slow, begun, 1);
    }
    rig_expect_goodbye(slow, "not completed in time");
    assert_true(now_ms() - start >= SHORT_MS);
    struct rig_request request = {.id = 1, .method = COMMAND};
    assert_true(rig_send(idle, &request));
    assert_int_equal(rig_status(idle, 1), STATUS_OK);
    tls_client_close(slow);
    tls_client_close(idle);
}

static void who_asks_nothing_is_dropped(void **state)
{
    struct rig *rig = *state;
    rig->config.idle_timeout_ms = 1000;
    rig->stream_parts = 1;
    rig->stream_waits = true;
    rig_start(rig);
    struct tls_client *idle = rig_connect(rig, true), *follows = rig_connect(rig, true);
    struct rig_request request = {.id = 1, .method = STREAM, .query = true};
    assert_true(rig_send(follows, &request));
    daftari__v1__response__free_unpacked(rig_response(follows), NULL);
    rig_expect_goodbye(idle, "nothing was asked");
    struct tls_client_frame frame; /* who follows the log is not idle */
    assert_int_equal(tls_client_receive(follows, &frame, 500), TLS_CLIENT_TIMEOUT);
    tls_client_close(idle);
    tls_client_close(follows);
}

static void a_stream_nobody_goes_on_with_ends(void **state)
{
    struct rig *rig = *state;
    rig->config.idle_timeout_ms = 1000;
    rig->stream_parts = 100;
    rig_start(rig);
    struct tls_client *client = rig_connect(rig, true);
    struct rig_request request = {.id = 1, .method = STREAM, .query = true, .credit = 1};
    assert_true(rig_send(client, &request));
    daftari__v1__response__free_unpacked(rig_response(client), NULL);
    assert_int_equal(rig_status(client, 1), STATUS_DEADLINE);
    assert_int_equal(atomic_load(&rig->cursors), 0);
    tls_client_close(client);
}

/* 60 queries in one go, as request 1 to 60. */
static void ask_sixty(struct tls_client *client)
{
    static const uint8_t model[] = {0,   0,   0,   24,  3,    0,    0,    0,   0x08, 0x07, 0x12,
                                    14,  'L', 'o', 'g', '.',  'C',  'h',  'e', 'c',  'k',  'p',
                                    'o', 'i', 'n', 't', 0x2a, 0x02, 0x12, 0,   0x18, 0};
    uint8_t frames[60 * sizeof model];
    for (unsigned i = 0; i < 60; i++) {
        memcpy(frames + i * sizeof model, model, sizeof model);
        frames[i * sizeof model + 9] = (uint8_t)(1 + i);
    }
    assert_true(tls_client_send(client, frames, sizeof frames));
}

/* Requests whose answers nobody reads: the server stops reading, others are served, memory stays bounded, and in the
 * end the connection is dropped. */
static void who_never_reads_is_held_back_and_dropped(void **state)
{
    struct rig *rig = *state;
    rig->config.write_timeout_ms = 1500;
    rig->answer_bytes = 900000; /* 54 megabytes in all: the kernel may keep 36 (tcp_rmem, tcp_wmem) */
    rig_start(rig);
    struct tls_client *deaf = rig_connect(rig, true), *other = rig_connect(rig, true);
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    ask_sixty(deaf);
    int64_t start = now_ms();
    struct rig_request request = {.id = 1, .method = COMMAND};
    for (request.id = 1; request.id < 20; request.id++) {
        assert_true(rig_send(other, &request));
        assert_int_equal(rig_status(other, request.id), STATUS_OK);
    }
    assert_true(now_ms() - start < 10000);
    while (atomic_load(&rig->ended) == 0 &&
           now_ms() - start < 20000) /* by us, or by the kernel if it is first */
        usleep(20000);
    assert_int_equal(atomic_load(&rig->ended), 1);
    getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_maxrss - before.ru_maxrss < GROWTH_KIB_MAX);
    tls_client_close(deaf);
    tls_client_close(other);
}

/* Reads `bytes` every 50 ms until dropped, or for so long; for how long it did. */
static int64_t read_slowly(struct rig *rig, struct tls_client *client, size_t bytes, int64_t for_ms)
{
    int64_t start = now_ms();
    while (atomic_load(&rig->ended) == 0 && now_ms() - start < for_ms) {
        usleep(50000);
        tls_client_discard(client, bytes);
    }
    return now_ms() - start;
}

/* Some bytes now and then are not enough: 16 KiB a second from one who has to take 32. Segments are small, so that every
 * few kilobytes that it takes let the server write on. */
static void who_reads_too_slowly_is_dropped(void **state)
{
    struct rig *rig = *state;
    rig->config.write_timeout_ms = 1000;
    rig->answer_bytes = 900000;
    rig->client_segment_bytes = 536;
    rig->client_receive_bytes = 2048;
    rig_start(rig);
    struct tls_client *slow = rig_connect(rig, true);
    ask_sixty(slow);
    assert_true(read_slowly(rig, slow, 800, 20000) < 15000);
    assert_int_equal(rig_metric(rig, "daftari_connection_timeouts_total", NULL), 1);
    tls_client_close(slow);
}

/* What counts is what the peer took, not when the kernel wants more of us: that is a megabyte at a time when segments are
 * large. */
static void who_reads_slowly_but_steadily_is_served(void **state)
{
    struct rig *rig = *state;
    rig->config.write_timeout_ms = 2000;
    rig->answer_bytes = 900000;
    rig->client_receive_bytes = 65536;
    rig_start(rig);
    struct tls_client *steady = rig_connect(rig, true);
    ask_sixty(steady);
    assert_true(read_slowly(rig, steady, 13000, 6000) >= 6000);
    assert_int_equal(rig_metric(rig, "daftari_connection_timeouts_total", NULL), 0);
    tls_client_close(steady);
}

/* Refusals need memory too: a flood of them with nobody reading must stop the reading. */
static void a_flood_of_refusals_is_held_back(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    struct tls_client *deaf = rig_connect(rig, true);
    static const uint8_t model[] = {0, 0, 0, 7, 3, 0, 0, 0, 0x08, 0x07, 0x12, 3, 'N', '.', 'o'};
    static uint8_t frames[sizeof model * 1000000];
    for (size_t i = 0; i < 1000000; i++)
        memcpy(frames + i * sizeof model, model, sizeof model);
    size_t pushed = tls_client_push(deaf, frames, sizeof frames, 500);
    assert_true(pushed < sizeof frames);
    uint64_t taken = 0, before = 1;
    for (int i = 0; i < 30 && taken != before; i++) { /* it stops by itself */
        before = taken;
        usleep(1000000);
        taken = rig_metric(rig, "daftari_received_bytes_total", NULL);
    }
    assert_int_equal(taken, before);
    assert_true(taken < sizeof frames);
    struct tls_client_frame frame; /* reading the answers sets it going again */
    for (int i = 0; i < 200000; i++)
        assert_int_equal(tls_client_receive(deaf, &frame, 5000), TLS_CLIENT_FRAME);
    assert_true(rig_metric(rig, "daftari_received_bytes_total", NULL) > taken);
    tls_client_close(deaf);
}

/* Answers and parts that are larger than what may wait, all ready at once, to a client that reads: nothing may be left
 * lying because the last that was written went out whole. */
static void what_had_no_room_is_sent_when_there_is(void **state)
{
    struct rig *rig = *state;
    rig->answer_bytes = 100000;
    rig->config.output_bytes_max = 65536;
    rig->stream_parts = 60;
    rig_start(rig);
    struct tls_client *client = rig_connect(rig, true);
    rig_mode_set(rig, RIG_HOLD);
    ask_sixty(client);
    rig_wait_submitted(rig, 60);
    rig_release(rig);
    for (int i = 0; i < 60; i++)
        daftari__v1__response__free_unpacked(rig_response(client), NULL);
    struct rig_request stream = {.id = 99, .method = STREAM, .query = true, .credit = STREAM_CREDIT_MAX};
    assert_true(rig_send(client, &stream));
    for (bool end = false; !end;) {
        Daftari__V1__Response *response = rig_response(client);
        end = response->end;
        daftari__v1__response__free_unpacked(response, NULL);
    }
    tls_client_close(client);
}

/* The same for requests that were not read while there was no room for answers. */
static void who_was_held_back_is_read_again(void **state)
{
    struct rig *rig = *state;
    rig->config.output_bytes_max = 65536;
    rig_start(rig);
    struct tls_client *client = rig_connect(rig, true);
    static const uint8_t model[] = {0, 0, 0, 7, 3, 0, 0, 0, 0x08, 0x07, 0x12, 3, 'N', '.', 'o'};
    static uint8_t frames[sizeof model * 8000];
    for (size_t i = 0; i < 8000; i++)
        memcpy(frames + i * sizeof model, model, sizeof model);
    assert_true(tls_client_send(client, frames, sizeof frames));
    for (int i = 0; i < 8000; i++)
        daftari__v1__response__free_unpacked(rig_response(client), NULL);
    tls_client_close(client);
}

/* Of all threads of this program: ours sleep meanwhile. */
static int64_t busy_ms(unsigned for_ms)
{
    struct timespec before, after;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    usleep(for_ms * 1000);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    return (int64_t)(after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
}

/* What comes while the certificate's session is being opened is read when it is open, and costs nothing until then. */
static void who_sends_on_before_the_welcome_waits(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    rig_mode_set(rig, RIG_HOLD);
    struct tls_client_options options = {
        .port = net_port(rig->net), .ca_file = rig->ca_file, .certificate_file = rig->client_file};
    struct tls_client *client = tls_client_open(&options);
    assert_non_null(client);
    Daftari__V1__Hello hello = DAFTARI__V1__HELLO__INIT;
    hello.has_version = 1;
    hello.version = 1;
    assert_true(tls_client_send_frame(client, FRAME_HELLO, &hello.base));
    rig_wait_submitted(rig, 1);
    struct rig_request request = {.id = 1, .method = COMMAND};
    assert_true(rig_send(client, &request));
    assert_in_range(busy_ms(1000), 0, 200);
    rig_release(rig);
    struct tls_client_frame frame;
    assert_int_equal(tls_client_receive(client, &frame, 5000), TLS_CLIENT_FRAME);
    assert_int_equal(frame.kind, FRAME_WELCOME);
    assert_int_equal(rig_status(client, 1), STATUS_OK);
    tls_client_close(client);
}

/* TLS below the protocol has messages that are no data (KeyUpdate; RFC 8446, 4.6.3). Sixty thousand of them are not
 * worked off before anybody else gets a turn: who sends so many is dropped. */
static void who_only_exchanges_keys_is_dropped(void **state)
{
    struct rig *rig = *state;
    rig->config.hello_timeout_ms = 60000; /* to make so many takes seconds */
    rig_start(rig);
    struct tls_client *client = rig_connect_raw(rig), *other = rig_connect(rig, true);
    uint8_t *bytes;
    size_t len = tls_client_key_updates(client, 60000, false, &bytes);
    (void)tls_client_push_raw(client, bytes, len, 300);
    free(bytes);
    int64_t start = now_ms();
    struct rig_request request = {.id = 1, .method = COMMAND};
    assert_true(rig_send(other, &request));
    assert_int_equal(rig_status(other, 1), STATUS_OK);
    assert_in_range(now_ms() - start, 0, 1500); /* to work them off takes longer */
    rig_expect_closed(client, 5000);
    assert_int_equal(rig_metric(rig, "daftari_protocol_errors_total", NULL), 1);
    tls_client_close(client);
    tls_client_close(other);
}

static void keys_may_be_exchanged(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    struct tls_client *client = rig_connect(rig, true);
    struct rig_request request = {.method = COMMAND};
    for (request.id = 1; request.id <= 5; request.id++) {
        uint8_t *bytes;
        size_t len = tls_client_key_updates(client, 20, request.id % 2 == 0, &bytes);
        assert_int_equal(tls_client_push_raw(client, bytes, len, 5000), len);
        free(bytes);
        assert_true(rig_send(client, &request));
        assert_int_equal(rig_status(client, request.id), STATUS_OK);
    }
    tls_client_close(client);
}

/* ---- too much ---- */

static void connections_are_limited(void **state)
{
    struct rig *rig = *state;
    rig->config.connections_per_address_max = 3;
    rig_start(rig);
    struct tls_client *clients[3];
    for (size_t i = 0; i < 3; i++)
        clients[i] = rig_connect(rig, true);
    struct tls_client_options options = {.port = net_port(rig->net), .ca_file = rig->ca_file};
    assert_null(tls_client_open(&options));
    static const char name[] = "daftari_connections_refused_total";
    assert_int_equal(rig_metric(rig, name, "why=\"connections_per_address_max\""), 1);
    tls_client_close(clients[0]);
    usleep(100000);
    clients[0] = rig_connect(rig, true); /* there is room again */
    for (size_t i = 0; i < 3; i++)
        tls_client_close(clients[i]);
    rig_stop(rig);

    rig->config.connections_max = 2;
    rig_start(rig);
    clients[0] = rig_connect(rig, true);
    clients[1] = rig_connect(rig, true);
    options.port = net_port(rig->net);
    assert_null(tls_client_open(&options));
    assert_int_equal(rig_metric(rig, name, "why=\"connections_max\""), 1);
    tls_client_close(clients[0]);
    tls_client_close(clients[1]);
}

static void requests_are_limited(void **state)
{
    struct rig *rig = *state;
    rig->config.requests_open_max = 4;
    rig->config.items_max = 6;
    rig_start(rig);
    rig_mode_set(rig, RIG_HOLD);
    struct tls_client *first = rig_connect(rig, true), *second = rig_connect(rig, true);
    struct rig_request request = {.method = COMMAND};
    for (request.id = 1; request.id <= 4; request.id++)
        assert_true(rig_send(first, &request));
    assert_true(rig_send(first, &request)); /* one too many on this connection */
    assert_int_equal(rig_status(first, 5), STATUS_BUSY);
    for (request.id = 1; request.id <= 2; request.id++)
        assert_true(rig_send(second, &request));
    assert_true(rig_send(second, &request)); /* one too many in all */
    assert_int_equal(rig_status(second, 3), STATUS_BUSY);
    rig_release(rig);
    uint64_t seen = 0;
    for (int i = 0; i < 4; i++) {
        Daftari__V1__Response *response = rig_response(first);
        seen |= UINT64_C(1) << response->request_id;
        daftari__v1__response__free_unpacked(response, NULL);
    }
    assert_int_equal(seen, 0x1e);
    tls_client_close(first);
    tls_client_close(second);
}

static void one_user_does_not_shut_out_the_others(void **state)
{
    struct rig *rig = *state;
    rig->config.requests_open_max = 4;
    rig->config.items_max = 16;
    rig_start(rig);
    rig_mode_set(rig, RIG_HOLD);
    struct tls_client *left = rig_connect(rig, true); /* what it asked is still held when it has gone */
    struct rig_request request = {.method = COMMAND};
    for (request.id = 1; request.id <= 4; request.id++)
        assert_true(rig_send(left, &request));
    rig_wait_submitted(rig, 4);
    tls_client_close(left);
    struct tls_client *greedy[3];
    for (uint64_t i = 0; i < 3; i++) {
        greedy[i] = rig_connect(rig, true);
        for (request.id = 1; request.id <= (i < 2 ? 4 : 3); request.id++)
            assert_true(rig_send(greedy[i], &request));
        rig_wait_submitted(rig, i < 2 ? 8 + 4 * i : 14); /* connections are looked at in any order */
    }
    assert_int_equal(rig_status(greedy[2], 3), STATUS_BUSY);
    struct tls_client *other = rig_connect(rig, false);
    struct rig_request log_in = {.id = 9, .method = "Login.LogIn", .query = true};
    assert_true(rig_send(other, &log_in));
    rig_wait_submitted(rig, 15);
    rig_release(rig);
    assert_int_equal(rig_status(other, 9), STATUS_OK);
    for (int i = 0; i < 3; i++)
        tls_client_close(greedy[i]);
    tls_client_close(other);
}

static void a_full_queue_is_told(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    rig_mode_set(rig, RIG_BUSY);
    struct tls_client *client = rig_connect(rig, true);
    struct rig_request request = {.id = 1, .method = COMMAND, .count = 3};
    assert_true(rig_send(client, &request));
    Daftari__V1__Response *response = rig_response(client);
    assert_int_equal(response->n_answers, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(response->answers[i]->status, STATUS_BUSY);
    daftari__v1__response__free_unpacked(response, NULL);
    rig_release(rig);
    tls_client_close(client);
}

static void large_requests_are_limited_together(void **state)
{
    struct rig *rig = *state;
    rig->config.request_bytes_max = 2u << 20;
    rig->config.output_bytes_max = 8u << 20;
    rig_start(rig);
    rig_mode_set(rig, RIG_HOLD);
    struct tls_client *clients[4];
    for (size_t i = 0; i < 4; i++)
        clients[i] = rig_connect(rig, true);
    struct rig_request request = {.id = 1, .method = COMMAND, .count = 8000}; /* 23 bytes each */
    size_t good = 0, busy = 0;
    for (size_t i = 0; i < 4; i++)
        for (request.id = 1; request.id <= 4; request.id++)
            assert_true(rig_send(clients[i], &request));
    rig_wait_submitted(rig, 8);
    for (int i = 0; i < 500 && rig_metric(rig, "daftari_busy_total", NULL) < 4; i++)
        usleep(20000);
    rig_release(rig);
    for (size_t i = 0; i < 4; i++)
        for (int answers = 0; answers < 4; answers++) {
            Daftari__V1__Response *response = rig_response(clients[i]);
            assert_int_equal(response->n_answers, 8000);
            good += response->answers[0]->status == 0 ? 1 : 0;
            busy += response->answers[0]->status == DAFTARI__V1__STATUS__BUSY ? 1 : 0;
            daftari__v1__response__free_unpacked(response, NULL);
        }
    assert_int_equal(good + busy, 16);
    assert_true(good >= 8 && good <= 12 && busy >= 4); /* 2 MiB hold 11 of them */
    for (size_t i = 0; i < 4; i++)
        tls_client_close(clients[i]);
}

static void a_deadline_is_kept(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    rig_mode_set(rig, RIG_HOLD);
    struct tls_client *client = rig_connect(rig, true);
    int64_t start = now_ms();
    struct rig_request request = {.id = 1, .method = COMMAND, .deadline_ms = SHORT_MS};
    assert_true(rig_send(client, &request));
    assert_int_equal(rig_status(client, 1), STATUS_DEADLINE);
    int64_t took = now_ms() - start;
    assert_true(took >= SHORT_MS && took < 3000);
    rig_release(rig);
    struct tls_client_frame frame; /* what comes late is not answered again */
    assert_int_equal(tls_client_receive(client, &frame, 200), TLS_CLIENT_TIMEOUT);
    tls_client_close(client);
}

/* ---- stopping ---- */

/* While the disk is slow over a command that the loop does itself, nobody is heard: that is not their fault. */
static void a_slow_disk_ends_nobody(void **state)
{
    struct rig *rig = *state;
    rig->config.hello_timeout_ms = rig->config.frame_timeout_ms = rig->config.idle_timeout_ms = 600;
    rig_start(rig);
    struct tls_client *client = rig_connect(rig, true);
    struct rig_request request = {.method = BRIEF, .deadline_ms = 300};
    for (request.id = 1; request.id <= 20; request.id++) { /* until it is plain that it is alone */
        assert_true(rig_send(client, &request));
        assert_int_equal(rig_status(client, request.id), STATUS_OK);
    }
    struct tls_client *silent = rig_connect(rig, true), *half = rig_connect(rig, true),
                      *late = rig_connect_raw(rig);
    static const uint8_t frame[] = {0, 0, 0, 7, 3, 0, 0, 0, 0x08, 0x07, 0x12, 3, 'N', '.', 'o'};
    assert_true(tls_client_send(half, frame, 10));
    pthread_mutex_lock(&rig->lock);
    uint64_t before = rig->ran_here;
    rig->here_ms = 1200;
    pthread_mutex_unlock(&rig->lock);
    request.id = 21;
    assert_true(rig_send(client, &request));
    pthread_mutex_lock(&rig->lock);
    while (rig->ran_here == before)
        pthread_cond_wait(&rig->changed, &rig->lock);
    rig->here_ms = 0;
    pthread_mutex_unlock(&rig->lock);
    assert_true(tls_client_send(half, frame + 10, sizeof frame - 10));
    Daftari__V1__Hello hello = DAFTARI__V1__HELLO__INIT;
    hello.has_version = 1;
    hello.version = 1;
    assert_true(tls_client_send_frame(late, FRAME_HELLO, &hello.base));
    usleep(700 * 1000); /* said late by any clock but the server's own */
    struct rig_request asked = {.id = 1, .method = QUERY, .query = true};
    assert_true(rig_send(silent, &asked));

    assert_int_equal(rig_status(client, 21), STATUS_OK); /* past its deadline, but it is done */
    assert_int_equal(rig_status(silent, 1), STATUS_OK);
    assert_int_equal(rig_status(half, 7), STATUS_UNKNOWN_METHOD);
    struct tls_client_frame welcome;
    assert_int_equal(tls_client_receive(late, &welcome, 5000), TLS_CLIENT_FRAME);
    assert_int_equal(welcome.kind, FRAME_WELCOME);
    assert_int_equal(rig_metric(rig, "daftari_connection_timeouts_total", NULL), 0);
    tls_client_close(client);
    tls_client_close(silent);
    tls_client_close(half);
    tls_client_close(late);
}

static void open_requests_are_finished(void **state)
{
    struct rig *rig = *state;
    rig->stream_parts = 1000;
    rig_start(rig);
    struct tls_client *working = rig_connect(rig, true), *idle = rig_connect(rig, true),
                      *silent = rig_connect_raw(rig), *streams = rig_connect(rig, true);
    struct rig_request stream = {.id = 8, .method = STREAM, .query = true, .credit = 3};
    assert_true(rig_send(streams, &stream));
    daftari__v1__response__free_unpacked(rig_response(streams), NULL);
    rig_mode_set(rig, RIG_HOLD);
    struct rig_request request = {.id = 1, .method = COMMAND};
    uint64_t before = rig->submitted;
    assert_true(rig_send(working, &request));
    rig_wait_submitted(rig, before + 1);
    net_drain(rig->net);
    rig_expect_goodbye(idle, "stopping");
    rig_expect_closed(silent, 5000);
    struct tls_client_frame frame;
    assert_int_equal(tls_client_receive(streams, &frame, 5000), TLS_CLIENT_FRAME);
    assert_int_equal(frame.kind, FRAME_GOODBYE);
    assert_int_equal(rig_status(streams, 8), STATUS_UNAVAILABLE);
    assert_int_equal(tls_client_receive(working, &frame, 5000), TLS_CLIENT_FRAME);
    assert_int_equal(frame.kind, FRAME_GOODBYE);
    request.id = 2; /* nothing new is taken */
    assert_true(rig_send(working, &request));
    assert_int_equal(rig_status(working, 2), STATUS_UNAVAILABLE);
    assert_int_equal(tls_client_tcp(net_port(rig->net)), -1);
    rig_release(rig);
    assert_int_equal(rig_status(working, 1), STATUS_OK);
    rig_expect_closed(working, 5000);
    tls_client_close(working);
    tls_client_close(idle);
    tls_client_close(silent);
    tls_client_close(streams);
}

static void a_drain_ends(void **state)
{
    struct rig *rig = *state;
    rig->config.drain_ms = SHORT_MS;
    rig_start(rig);
    rig_mode_set(rig, RIG_HOLD);
    struct tls_client *client = rig_connect(rig, true);
    struct rig_request request = {.id = 1, .method = COMMAND};
    assert_true(rig_send(client, &request));
    rig_wait_submitted(rig, 1);
    int64_t start = now_ms();
    net_drain(rig->net);
    net_drain(rig->net);
    struct tls_client_frame frame;
    assert_int_equal(tls_client_receive(client, &frame, 5000), TLS_CLIENT_FRAME);
    assert_int_equal(frame.kind, FRAME_GOODBYE);
    rig_expect_closed(client, 5000);
    assert_true(now_ms() - start < 3000);
    tls_client_close(client);
}

/* ---- new keys, metrics ---- */

static void keys_are_exchanged(void **state)
{
    struct rig *rig = *state;
    uint8_t first[32], second[32];
    struct fault why = {0};
    rig_start(rig);
    struct tls_client *old = rig_connect(rig, true);
    tls_client_server_fingerprint(old, first);

    struct net_tls bad = rig->config.tls;
    snprintf(bad.key_file, sizeof bad.key_file, "%s/ca.key", rig->keys);
    assert_int_equal(net_reload_tls(rig->net, &bad, &why), STATUS_INVALID);
    assert_string_equal(why.field, "tls_key_file");
    snprintf(bad.certificate_file, sizeof bad.certificate_file, "/nowhere");
    assert_int_equal(net_reload_tls(rig->net, &bad, &why), STATUS_INVALID);
    struct tls_client *client = rig_connect(rig, true);
    tls_client_server_fingerprint(client, second);
    assert_memory_equal(first, second, 32);
    tls_client_close(client);

    assert_int_equal(pki_renew_server(rig->keys, NULL, &why), STATUS_OK);
    assert_int_equal(net_reload_tls(rig->net, &rig->config.tls, &why), STATUS_OK);
    assert_int_equal(net_reload_tls(rig->net, &rig->config.tls, &why), STATUS_OK);
    usleep(100000);
    client = rig_connect(rig, true);
    tls_client_server_fingerprint(client, second);
    assert_memory_not_equal(first, second, 32);
    struct rig_request request = {.id = 1, .method = COMMAND};
    assert_true(rig_send(old, &request)); /* who is connected stays so */
    assert_int_equal(rig_status(old, 1), STATUS_OK);
    tls_client_close(old);
    tls_client_close(client);
}

static void http_get(uint16_t port, const char *path, char *out, size_t cap)
{
    char request[128];
    size_t len = 0;
    int fd = tls_client_tcp(port);
    assert_true(fd >= 0);
    int request_len = snprintf(request, sizeof request, "GET %s HTTP/1.0\r\n\r\n", path);
    assert_int_equal(write(fd, request, (size_t)request_len), request_len);
    for (ssize_t got; len < cap - 1 && (got = read(fd, out + len, cap - 1 - len)) > 0;)
        len += (size_t)got;
    out[len] = '\0';
    close(fd);
}

static void metrics_are_shown(void **state)
{
    struct rig *rig = *state;
    static char page[1u << 20];
    rig_start(rig);
    struct tls_client *client = rig_connect(rig, true);
    struct rig_request request = {.id = 1, .method = COMMAND, .count = 5};
    assert_true(rig_send(client, &request));
    daftari__v1__response__free_unpacked(rig_response(client), NULL);
    http_get(net_metrics_port(rig->net), "/metrics", page, sizeof page);
    static const char *const lines[] = {
        "HTTP/1.0 200 OK",
        "# TYPE daftari_requests_total counter\n",
        "daftari_requests_total{method=\"" COMMAND "\",status=\"OK\"} 5\n",
        "# TYPE daftari_request_seconds histogram\n",
        "daftari_request_seconds_bucket{method=\"" COMMAND "\",le=\"+Inf\"} 1\n",
        "daftari_request_seconds_count{method=\"" COMMAND "\"} 1\n",
        "\ndaftari_connections 1\n",
        "daftari_tls_handshakes_total{result=\"good\"} 1\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (strstr(page, lines[i]) == NULL)
            fail_msg("the page does not say %s", lines[i]);
    http_get(net_metrics_port(rig->net), "/other", page, sizeof page);
    assert_non_null(strstr(page, "404"));
    tls_client_close(client);
}

static void what_cannot_be_is_refused_at_start(void **state)
{
    struct rig *rig = *state;
    rig_start(rig);
    struct net_config config = rig->config;
    struct net_wiring wiring = rig_wiring(rig);
    struct net *net = NULL;
    struct fault why = {0};
    config.listen_port = net_port(rig->net);
    assert_int_equal(net_open(&config, &wiring, &net, &why), STATUS_IO);
    assert_string_equal(why.field, "listen_port");
    config.listen_address = "localhost";
    assert_int_equal(net_open(&config, &wiring, &net, &why), STATUS_INVALID);
    assert_string_equal(why.field, "listen_address");
    config = rig->config;
    config.items_max = 0;
    assert_int_equal(net_open(&config, &wiring, &net, &why), STATUS_INVALID);
    assert_string_equal(why.field, "items_max");
    config = rig->config;
    snprintf(config.tls.certificate_file, sizeof config.tls.certificate_file, "/nowhere");
    assert_int_equal(net_open(&config, &wiring, &net, &why), STATUS_INVALID);
    assert_string_equal(why.field, "tls_certificate_file");
    assert_null(net);
}

int main(void)
{
#define CASE(name)                                                                                           \
    cmocka_unit_test_setup_teardown(name, rig_set_up,                                                        \
                                    rig_tear_down) /* each starts it, with limits of its own */
    const struct CMUnitTest tests[] = {
        CASE(who_does_not_shake_hands_is_dropped),
        CASE(who_does_not_say_hello_is_dropped),
        CASE(who_does_not_finish_a_frame_is_dropped),
        CASE(who_asks_nothing_is_dropped),
        CASE(a_stream_nobody_goes_on_with_ends),
        CASE(who_never_reads_is_held_back_and_dropped),
        CASE(who_reads_too_slowly_is_dropped),
        CASE(who_reads_slowly_but_steadily_is_served),
        CASE(a_flood_of_refusals_is_held_back),
        CASE(who_sends_on_before_the_welcome_waits),
        CASE(who_only_exchanges_keys_is_dropped),
        CASE(keys_may_be_exchanged),
        CASE(what_had_no_room_is_sent_when_there_is),
        CASE(who_was_held_back_is_read_again),
        CASE(connections_are_limited),
        CASE(requests_are_limited),
        CASE(one_user_does_not_shut_out_the_others),
        CASE(a_full_queue_is_told),
        CASE(large_requests_are_limited_together),
        CASE(a_deadline_is_kept),
        CASE(a_slow_disk_ends_nobody),
        CASE(open_requests_are_finished),
        CASE(a_drain_ends),
        CASE(keys_are_exchanged),
        CASE(metrics_are_shown),
        CASE(what_cannot_be_is_refused_at_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
