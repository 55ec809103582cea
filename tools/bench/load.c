#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/epoll.h>

#include "proto/base/bug.h"
#include "tools/bench/load.h"
#include "tools/bench/wire.h"

#define HEAD_BYTES_MAX  64 /* of a request around its commands: frame header, id, method, credit */
#define CREDIT          STREAM_CREDIT_MAX
#define EVENTS_MAX      128
#define DRAIN_MAX_US    20000000u /* for what is in flight when the time is up */
#define MEMORY_EVERY_US 100000u

struct slot { /* a request in flight, or room for one; its request id is its index + 1 */
    uint64_t started_us;
    uint32_t items, answered, parts;
};
struct connection {
    struct wire wire;
    struct lane *lane;
    struct slot *slots;
    uint32_t *idle, idle_count; /* slots without a request */
    uint32_t waits_for;         /* epoll events registered */
};
struct run {
    struct bench *bench;
    struct connection *connections;
    uint32_t count;
    struct lane *lanes;
    uint32_t lane_count, seconds_max;
    int epoll;
    uint64_t began_us, stop_us, last_us;
    uint64_t memory_us, memory_most;
    uint64_t open;        /* requests in flight on lanes that are not in the background */
    uint64_t open_behind; /* and on those that are */
    enum dft_status status;
    struct dft_fault *why;
};

static volatile sig_atomic_t interrupted;

void load_interrupt(void)
{
    interrupted = 1;
}

bool load_interrupted(void)
{
    return interrupted != 0;
}

static void stop_for(struct run *run, enum dft_status status, const char *text)
{
    if (run->status != DFT_OK)
        return;
    run->status = run->why->status = status;
    snprintf(run->why->text, sizeof run->why->text, "%s", text);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static size_t request_bytes_max(const struct lane *lane)
{
    return HEAD_BYTES_MAX + (size_t)lane->batch * WORK_ITEM_BYTES_MAX;
}

/* Request { request_id; method; commands...; credit } */
static size_t encode(struct lane *lane, uint32_t id, uint32_t items, uint8_t *start)
{
    size_t method = strlen(lane->work.method);
    uint8_t *at = start + FRAME_HEADER_BYTES;
    *at++ = 0x08;
    at = put_varint(at, id);
    *at++ = 0x12;
    *at++ = (uint8_t)method;
    memcpy(at, lane->work.method, method);
    at += method;
    for (uint32_t i = 0; i < items; i++)
        at += lane->work.item(lane->work.context, at);
    if (lane->work.query) {
        *at++ = 0x30;
        *at++ = CREDIT;
    }
    frame_header_encode(FRAME_REQUEST, (size_t)(at - start) - FRAME_HEADER_BYTES, start);
    return (size_t)(at - start);
}

/* False: nothing more is to be asked at this time. */
static bool start_one(struct run *run, struct connection *connection, uint64_t now_us)
{
    struct lane *lane = connection->lane;
    uint64_t left = lane->items_max - lane->started;
    uint32_t items = left < lane->batch ? (uint32_t)left : lane->batch;
    bool over = lane->background && run->open == 0 && run->last_us != 0;
    if (items == 0 || run->status != DFT_OK || now_us >= run->stop_us || over)
        return false;
    if (lane->rate > 0 && lane->started > (now_us - run->began_us) * lane->rate / 1000000u)
        return false;
    uint8_t *room = wire_room(&connection->wire, request_bytes_max(lane));
    if (room == NULL)
        return false;
    uint32_t index = connection->idle[--connection->idle_count];
    size_t len = encode(lane, index + 1, items, room);
    wire_put(&connection->wire, len);
    connection->slots[index] = (struct slot){.started_us = now_us, .items = items};
    lane->started += items;
    lane->bytes_out += len;
    run->open += !lane->background;
    run->open_behind += lane->background;
    return true;
}

static void start_idle(struct run *run, struct connection *connection, uint64_t now_us)
{
    while (connection->idle_count > 0 && start_one(run, connection, now_us))
        continue;
}

/* More parts of a long answer may come. */
static void grant(struct run *run, struct connection *connection, uint32_t id)
{
    uint8_t *start = wire_room(&connection->wire, HEAD_BYTES_MAX);
    if (start == NULL) {
        stop_for(run, DFT_INTERNAL, "no room for a grant");
        return;
    }
    uint8_t *at = start + FRAME_HEADER_BYTES;
    *at++ = 0x08;
    at = put_varint(at, id);
    *at++ = 0x10;
    *at++ = CREDIT / 2;
    frame_header_encode(FRAME_GRANT, (size_t)(at - start) - FRAME_HEADER_BYTES, start);
    wire_put(&connection->wire, (size_t)(at - start));
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

/* Answer { status; body; fault { reason; field; text } } */
static enum dft_status answer_status(struct slice answer, struct dft_fault *why, bool *failed)
{
    struct field field, inner;
    enum dft_status status = DFT_OK;
    while (field_next(&answer, &field, failed)) {
        if (field.number == 1)
            status = (enum dft_status)field.value;
        if (field.number != 3)
            continue;
        while (field_next(&field.bytes, &inner, failed)) {
            if (inner.number == 2)
                snprintf(why->field, sizeof why->field, "%.*s", (int)inner.bytes.len, inner.bytes.ptr);
            if (inner.number == 3)
                snprintf(why->text, sizeof why->text, "%.*s", (int)inner.bytes.len, inner.bytes.ptr);
        }
    }
    return status;
}

static void answered(struct run *run, struct connection *connection, uint32_t id, uint64_t now_us)
{
    struct slot *slot = &connection->slots[id - 1];
    struct lane *lane = connection->lane;
    latency_add(&lane->latency, now_us - slot->started_us);
    if (!lane->work.query && slot->answered != slot->items)
        stop_for(run, DFT_INTERNAL, "a request has not as many answers as commands");
    lane->done += lane->work.query;
    if (lane->background) {
        run->open_behind--;
    } else {
        run->open--;
        run->last_us = now_us;
    }
    *slot = (struct slot){0};
    connection->idle[connection->idle_count++] = id - 1;
}

/* Response { request_id; answers...; end; position } */
static void take_response(struct run *run, struct connection *connection, struct slice payload,
                          uint64_t now_us)
{
    struct lane *lane = connection->lane;
    struct slot *slot = NULL;
    struct field field;
    uint32_t id = 0;
    bool failed = false, end = false;
    while (field_next(&payload, &field, &failed)) {
        if (field.number == 1 && field.value >= 1 && field.value <= lane->in_flight) {
            id = (uint32_t)field.value;
            slot = &connection->slots[id - 1];
        }
        end = end || (field.number == 3 && field.value != 0);
        if (field.number != 2 || slot == NULL || slot->items == 0)
            continue;
        struct dft_fault fault = {0};
        enum dft_status status = answer_status(field.bytes, &fault, &failed);
        slot->answered++;
        lane->done += status == DFT_OK && !lane->work.query;
        lane->refused += status != DFT_OK;
        if (status != DFT_OK) {
            stop_for(run, status, fault.text);
            snprintf(run->why->field, sizeof run->why->field, "%s", fault.field);
        }
    }
    if (failed || slot == NULL || slot->items == 0)
        stop_for(run, DFT_DISCONNECTED, "an answer that does not keep to the protocol");
    else if (end)
        answered(run, connection, id, now_us);
    else if (lane->work.query && ++slot->parts % (CREDIT / 2) == 0)
        grant(run, connection, id);
}

/* ---- the turn ---------------------------------------------------------------------------------------------------- */

static void send_waiting(struct run *run, struct connection *connection)
{
    if (wire_flush(&connection->wire) != DFT_OK)
        stop_for(run, DFT_DISCONNECTED, "the server closed a connection");
    uint32_t wanted = EPOLLIN | (connection->wire.write_blocked ? (uint32_t)EPOLLOUT : 0);
    if (wanted == connection->waits_for)
        return;
    struct epoll_event event = {.events = wanted, .data.ptr = connection};
    int how = connection->waits_for == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (epoll_ctl(run->epoll, how, connection->wire.fd, &event) != 0)
        stop_for(run, DFT_IO, "epoll_ctl");
    connection->waits_for = wanted;
}

static void connection_turn(struct run *run, struct connection *connection, uint32_t events)
{
    struct frame frame;
    enum dft_status status = DFT_OK;
    if ((events & ~(uint32_t)EPOLLOUT) != 0)
        status = wire_fill(&connection->wire);
    uint64_t now_us = bench_now_us();
    for (bool more = status == DFT_OK; more;) {
        enum dft_status next = wire_next(&connection->wire, &frame);
        more = next == DFT_OK && run->status == DFT_OK;
        if (more && frame.kind == FRAME_RESPONSE)
            take_response(run, connection, frame.payload, now_us);
        else if (more || (next != DFT_AGAIN && next != DFT_OK))
            status = DFT_DISCONNECTED; /* Goodbye, or nonsense */
    }
    if (status != DFT_OK)
        stop_for(run, status, "the server closed a connection");
    if (run->status != DFT_OK)
        return;
    start_idle(run, connection, now_us);
    send_waiting(run, connection);
}

/* What goes by the clock: lanes with a rate, and looking at the server's memory. */
static void clock_turn(struct run *run)
{
    uint64_t now_us = bench_now_us();
    struct bench_memory memory;
    if (interrupted)
        stop_for(run, DFT_CANCELLED, "interrupted");
    for (uint32_t i = 0; i < run->count; i++) {
        struct connection *connection = &run->connections[i];
        if (connection->lane->rate == 0 || connection->idle_count == 0)
            continue;
        start_idle(run, connection, now_us);
        send_waiting(run, connection);
    }
    if (now_us - run->memory_us < MEMORY_EVERY_US || run->bench->options.server_pid == 0)
        return;
    run->memory_us = now_us;
    if (bench_memory(run->bench->options.server_pid, &memory) && memory.anonymous > run->memory_most)
        run->memory_most = memory.anonymous;
}

static void drive(struct run *run)
{
    struct epoll_event events[EVENTS_MAX];
    bool by_clock = false;
    run->began_us = bench_now_us();
    run->stop_us = run->began_us + (uint64_t)run->seconds_max * 1000000u;
    for (uint32_t i = 0; i < run->count && run->status == DFT_OK; i++) {
        by_clock = by_clock || run->connections[i].lane->rate > 0;
        start_idle(run, &run->connections[i], bench_now_us());
        send_waiting(run, &run->connections[i]);
    }
    while (run->status == DFT_OK && run->open + run->open_behind > 0) {
        int ready = epoll_wait(run->epoll, events, EVENTS_MAX, by_clock ? 1 : 100);
        if (ready < 0 && errno != EINTR)
            stop_for(run, DFT_IO, "epoll_wait");
        for (int i = 0; i < ready && run->status == DFT_OK; i++)
            connection_turn(run, events[i].data.ptr, events[i].events);
        clock_turn(run);
        if (bench_now_us() > run->stop_us + DRAIN_MAX_US)
            stop_for(run, DFT_DEADLINE, "the server does not answer what is in flight");
    }
}

static enum dft_status connect_one(struct run *run, struct connection *connection, struct lane *lane,
                                   SSL_CTX *context)
{
    const struct dft_welcome *welcome = dft_welcome(run->bench->client);
    if (lane->in_flight > welcome->requests_open_max)
        lane->in_flight = welcome->requests_open_max;
    if (lane->batch > welcome->commands_per_request_max)
        lane->batch = welcome->commands_per_request_max;
    struct wire_options options = {.server = run->bench->options.server,
                                   .out_cap = request_bytes_max(lane) * lane->in_flight + HEAD_BYTES_MAX};
    options.token = dft_session_token(run->bench->client, &options.token_len);
    connection->lane = lane;
    connection->slots = calloc(lane->in_flight, sizeof *connection->slots);
    connection->idle = calloc(lane->in_flight, sizeof *connection->idle);
    if (connection->slots == NULL || connection->idle == NULL)
        return DFT_NO_MEMORY;
    for (uint32_t i = lane->in_flight; i > 0; i--)
        connection->idle[connection->idle_count++] = i - 1;
    return wire_open(&connection->wire, context, &options, run->why);
}

static enum dft_status connect_all(struct run *run)
{
    SSL_CTX *context = wire_context(run->bench->options.ca_file);
    enum dft_status status = context != NULL ? DFT_OK : DFT_INVALID;
    uint32_t at = 0;
    if (context == NULL)
        snprintf(run->why->text, sizeof run->why->text, "--ca: not a readable PEM file of certificates");
    for (uint32_t l = 0; l < run->lane_count; l++)
        for (uint32_t i = 0; status == DFT_OK && i < run->lanes[l].connections; i++)
            status = connect_one(run, &run->connections[at++], &run->lanes[l], context);
    SSL_CTX_free(context); /* each connection holds on to it */
    return status;
}

enum dft_status load_run(struct bench *bench, struct lane *lanes, uint32_t count, uint32_t seconds_max,
                         struct load_result *out, struct dft_fault *why)
{
    struct run run = {
        .bench = bench, .lanes = lanes, .lane_count = count, .seconds_max = seconds_max, .why = why};
    for (uint32_t i = 0; i < count; i++)
        run.count += lanes[i].connections;
    ASSERT(run.count > 0);
    run.connections = calloc(run.count, sizeof *run.connections);
    run.epoll = epoll_create1(EPOLL_CLOEXEC);
    run.status = run.connections == NULL || run.epoll < 0 ? DFT_NO_MEMORY : bench_log_in(bench, why);
    if (run.status == DFT_OK)
        run.status = connect_all(&run);
    uint64_t cpu_us = bench_cpu_us();
    if (run.status == DFT_OK)
        drive(&run);
    out->generator_cpu_us = bench_cpu_us() - cpu_us;
    out->elapsed_us = run.last_us > run.began_us ? run.last_us - run.began_us : 1;
    out->memory_most = run.memory_most;
    for (uint32_t i = 0; run.connections != NULL && i < run.count; i++) {
        wire_close(&run.connections[i].wire);
        free(run.connections[i].slots);
        free(run.connections[i].idle);
    }
    free(run.connections);
    if (run.epoll >= 0)
        close(run.epoll);
    return run.status;
}
