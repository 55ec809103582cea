/* The network alone: frames of the sizes of ours, there and back over TLS 1.3 on loopback, between two threads. The end
 * that echoes has the same few lines as the one that asks, so the two together are a floor for server and generator. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "tools/bench/certificate.h"
#include "tools/bench/limit.h"
#include "tools/bench/scenario.h"
#include "tools/bench/wire.h"

#define ENTRY_FRAME_BYTES 82u /* payload of a request of one entry */
#define ENTRY_BYTES       68u /* what each further one adds */
#define RUN_US            1000000u
#define EVENTS_MAX        64
#define PEERS_MAX         64

struct peer {
    struct wire wire;
    uint32_t waits_for;
};

struct echo { /* the end that answers: a thread of its own */
    SSL_CTX *context;
    int listener;
    _Atomic uint32_t count; /* connections that come */
    size_t out_cap;
    struct peer peers[PEERS_MAX];
    pthread_t thread;
};

static SSL_CTX *server_context(const char *certificate_path, const char *key_path)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context != NULL && certificate_make(certificate_path, key_path) &&
        SSL_CTX_use_certificate_file(context, certificate_path, SSL_FILETYPE_PEM) == 1 &&
        SSL_CTX_use_PrivateKey_file(context, key_path, SSL_FILETYPE_PEM) == 1) {
        SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        SSL_CTX_set_read_ahead(context, 1);
        SSL_CTX_set_default_read_buffer_len(context, 128u * 1024u);
        return context;
    }
    SSL_CTX_free(context);
    return NULL;
}

/* A listening socket on a free port of loopback. -1: none. */
static int listen_loopback(uint16_t *out_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, PEERS_MAX) == 0 &&
        getsockname(fd, (struct sockaddr *)&address, &len) == 0) {
        *out_port = ntohs(address.sin_port);
        return fd;
    }
    close(fd);
    return -1;
}

/* ---- both ends ----------------------------------------------------------------------------------------------------- */

/* Sends what waits and tells epoll what to look for. False: the connection is gone. */
static bool peer_send(int epoll, struct peer *peer)
{
    if (wire_flush(&peer->wire) != DFT_OK)
        return false;
    uint32_t wanted = EPOLLIN | (peer->wire.write_blocked ? (uint32_t)EPOLLOUT : 0);
    struct epoll_event event = {.events = wanted, .data.ptr = peer};
    int how = peer->waits_for == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (wanted != peer->waits_for && epoll_ctl(epoll, how, peer->wire.fd, &event) != 0)
        return false;
    peer->waits_for = wanted;
    return true;
}

static bool put_frame(struct wire *wire, enum frame_kind kind, size_t len)
{
    uint8_t *room = wire_room(wire, FRAME_HEADER_BYTES + len);
    if (room == NULL)
        return false;
    frame_header_encode(kind, len, room);
    memset(room + FRAME_HEADER_BYTES, 0x5a, len);
    wire_put(wire, FRAME_HEADER_BYTES + len);
    return true;
}

/* ---- the end that answers ---------------------------------------------------------------------------------------- */

static bool echo_turn(int epoll, struct peer *peer)
{
    struct frame frame;
    if (wire_fill(&peer->wire) != DFT_OK)
        return false;
    while (wire_next(&peer->wire, &frame) == DFT_OK)
        if (!put_frame(&peer->wire, frame.kind == FRAME_HELLO ? FRAME_WELCOME : FRAME_RESPONSE,
                       frame.payload.len))
            return false;
    return peer_send(epoll, peer);
}

static void *echo_main(void *context)
{
    struct echo *echo = context;
    struct epoll_event events[EVENTS_MAX];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    uint32_t accepted = 0, open = 0;
    uint64_t end_us = bench_now_us() + 60u * RUN_US;
    struct epoll_event listening = {.events = EPOLLIN};
    bool good = epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, echo->listener, &listening) == 0;
    while (good && (accepted < echo->count || open > 0) && bench_now_us() < end_us) {
        int ready = epoll_wait(epoll, events, EVENTS_MAX, 100);
        for (int i = 0; i < ready; i++) {
            struct peer *peer = events[i].data.ptr;
            if (peer == NULL) {
                if (accepted == echo->count)
                    continue;
                peer = &echo->peers[accepted++];
                peer->waits_for = 0;
                int fd = accept(echo->listener, NULL, NULL);
                if (fd < 0 || wire_accept(&peer->wire, echo->context, fd, echo->out_cap) != DFT_OK)
                    continue;
                open++;
            }
            if (!echo_turn(epoll, peer)) {
                wire_close(&peer->wire);
                open--;
            }
        }
    }
    for (uint32_t i = 0; i < accepted; i++)
        wire_close(&echo->peers[i].wire);
    if (epoll >= 0)
        close(epoll);
    return NULL;
}

/* ---- the end that asks ------------------------------------------------------------------------------------------- */

struct asker {
    const char *key, *label;
    uint32_t connections, in_flight;
    size_t payload;
    uint64_t frames, took_us, cpu_us;
};

static bool ask_turn(int epoll, struct peer *peer, struct asker *asker)
{
    struct frame frame;
    if (wire_fill(&peer->wire) != DFT_OK)
        return false;
    while (wire_next(&peer->wire, &frame) == DFT_OK) {
        asker->frames++;
        if (!put_frame(&peer->wire, FRAME_REQUEST, asker->payload))
            return false;
    }
    return peer_send(epoll, peer);
}

static bool ask(struct asker *asker, struct peer *peers, int epoll)
{
    struct epoll_event events[EVENTS_MAX];
    bool good = true;
    uint64_t began_us = bench_now_us(), cpu_us = bench_cpu_us();
    for (uint32_t i = 0; good && i < asker->connections; i++) {
        for (uint32_t n = 0; good && n < asker->in_flight; n++)
            good = put_frame(&peers[i].wire, FRAME_REQUEST, asker->payload);
        good = good && peer_send(epoll, &peers[i]);
    }
    while (good && bench_now_us() - began_us < RUN_US) {
        int ready = epoll_wait(epoll, events, EVENTS_MAX, 100);
        for (int i = 0; good && i < ready; i++)
            good = ask_turn(epoll, events[i].data.ptr, asker);
    }
    asker->took_us = bench_now_us() - began_us;
    asker->cpu_us = bench_cpu_us() - cpu_us; /* of both ends */
    return good;
}

static bool run_asker(struct asker *asker, SSL_CTX *server, SSL_CTX *client, struct dft_fault *why)
{
    static struct echo echo;
    static struct peer peers[PEERS_MAX];
    char address[64];
    uint16_t port = 0;
    memset(&echo, 0, sizeof echo);
    memset(peers, 0, sizeof peers);
    echo.context = server;
    echo.count = asker->connections;
    echo.out_cap = (FRAME_HEADER_BYTES + asker->payload) * (asker->in_flight + 1);
    echo.listener = listen_loopback(&port);
    if (echo.listener < 0 || pthread_create(&echo.thread, NULL, echo_main, &echo) != 0) {
        if (echo.listener >= 0)
            close(echo.listener);
        return false;
    }
    snprintf(address, sizeof address, "localhost:%u", port);
    struct wire_options options = {.server = address, .out_cap = echo.out_cap};
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    bool good = epoll >= 0;
    for (uint32_t i = 0; good && i < asker->connections; i++)
        good = wire_open(&peers[i].wire, client, &options, why) == DFT_OK;
    good = good && ask(asker, peers, epoll);
    for (uint32_t i = 0; i < asker->connections; i++)
        wire_close(&peers[i].wire);
    if (epoll >= 0)
        close(epoll);
    echo.count = 0; /* it ends when the connections it has are gone, or its time is up */
    pthread_join(echo.thread, NULL);
    close(echo.listener);
    return good;
}

enum dft_status limit_network(const char *folder, uint32_t batch, struct figures *out, struct dft_fault *why)
{
    struct asker askers[] = {
        {.key = "echo_single",
         .label = "1 x 1",
         .connections = 1,
         .in_flight = 1,
         .payload = ENTRY_FRAME_BYTES},
        {.key = "echo_connections",
         .label = "64 x 1",
         .connections = 64,
         .in_flight = 1,
         .payload = ENTRY_FRAME_BYTES},
        {.key = "echo_pipeline",
         .label = "1 x 256",
         .connections = 1,
         .in_flight = 256,
         .payload = ENTRY_FRAME_BYTES},
        {.key = "echo_batch",
         .label = "1 x 4 batches",
         .connections = 1,
         .in_flight = 4,
         .payload = ENTRY_FRAME_BYTES + (size_t)ENTRY_BYTES * (batch - 1)},
    };
    char path[BENCH_PATH_MAX], key_path[BENCH_PATH_MAX], key[40], label[72];
    snprintf(path, sizeof path, "%.1000s/echo.crt", folder);
    snprintf(key_path, sizeof key_path, "%.1000s/echo.key", folder);
    SSL_CTX *server = server_context(path, key_path), *client = wire_context(path);
    bool good = server != NULL && client != NULL;
    for (size_t i = 0; good && i < sizeof askers / sizeof *askers && !load_interrupted(); i++) {
        struct asker *asker = &askers[i];
        good = run_asker(asker, server, client, why);
        snprintf(key, sizeof key, "%s_per_second", asker->key);
        snprintf(label, sizeof label, "TLS echo, %s, frames a second", asker->label);
        figures_add(out, key, label, "", figures_share(asker->frames * 1000000u, asker->took_us));
        snprintf(key, sizeof key, "%s_cpu_ns", asker->key);
        snprintf(label, sizeof label, "TLS echo, %s, processor, both ends", asker->label);
        figures_add(out, key, label, " ns a frame", figures_share(asker->cpu_us * 1000u, asker->frames));
    }
    SSL_CTX_free(server);
    SSL_CTX_free(client);
    if (!good && why->text[0] == '\0')
        snprintf(why->text, sizeof why->text, "limit: no connection on loopback");
    return good ? DFT_OK : DFT_TLS_FAILED;
}
