/* The same entries through libpq: prepared statements, binary parameters, one thread over all connections. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/epoll.h>

#include "proto/base/bytes.h"
#include "tools/bench/entries.h"
#include "tools/bench/load.h"
#include "tools/bench/postgres.h"

#define OID_DATE       1082u
#define OID_TEXT       25u
#define OID_UUID       2950u
#define OID_INT4       23u
#define OID_INT8       20u
#define OID_UUID_ARRAY 2951u
#define OID_INT4_ARRAY 1007u
#define OID_INT8_ARRAY 1016u
#define PARAMS_MAX     6
#define ARRAY_HEAD     20u /* of an array of one dimension in binary form: array_send() of PostgreSQL */
#define DRAIN_MAX_US   30000000u
#define EVENTS_MAX     64

struct link { /* a connection; one statement in flight */
    struct pq_conn *conn;
    uint64_t started_us;
    uint32_t items;
};
struct driver {
    struct postgres *postgres;
    struct postgres_load *load;
    struct link *links;
    uint64_t random, started, stop_us, last_us;
    uint32_t open;
    uint8_t *arrays[4]; /* ids, debits, credits, amounts; or id, -, accounts, amounts */
    int epoll;
    enum dft_status status;
    struct dft_fault *why;
};

static void stop_for(struct driver *driver, const char *text)
{
    if (driver->status != DFT_OK)
        return;
    driver->status = driver->why->status = DFT_IO;
    snprintf(driver->why->text, sizeof driver->why->text, "postgres: %.200s", text);
    driver->why->text[strcspn(driver->why->text, "\n")] = '\0';
}

/* ---- parameters ---------------------------------------------------------------------------------------------------- */

static uint8_t *array_head(uint8_t *at, uint32_t type, uint32_t count)
{
    be32_put(at, 1);     /* dimensions */
    be32_put(at + 4, 0); /* no nulls */
    be32_put(at + 8, type);
    be32_put(at + 12, count);
    be32_put(at + 16, 1); /* first index */
    return at + ARRAY_HEAD;
}

static uint8_t *item32(uint8_t *at, uint32_t value)
{
    be32_put(at, 4);
    be32_put(at + 4, value);
    return at + 8;
}

static uint8_t *item64(uint8_t *at, int64_t value)
{
    be32_put(at, 8);
    be64_put(at + 4, (uint64_t)value);
    return at + 12;
}

static void put_uuid(struct driver *driver, uint8_t *at)
{
    uint64_t halves[2] = {random_next(&driver->random), random_next(&driver->random)};
    memcpy(at, halves, sizeof halves);
}

static void draw(struct driver *driver, uint32_t *debit, uint32_t *credit, int64_t *amount)
{
    uint64_t random = random_next(&driver->random);
    uint32_t accounts = driver->load->accounts;
    *debit = 1 + (uint32_t)(((random & 0xffffffffu) * accounts) >> 32);
    *credit = 1 + (uint32_t)(((random >> 32) * accounts) >> 32);
    if (*credit == *debit)
        *credit = *credit < accounts ? *credit + 1 : 1;
    *amount = 16384 + (int64_t)(random % 1000000u);
}

static int send_entry(struct driver *driver, struct pq_conn *conn, const char *day, const char *words)
{
    uint32_t debit, credit;
    int64_t amount;
    draw(driver, &debit, &credit, &amount);
    put_uuid(driver, driver->arrays[0]);
    uint8_t *at = array_head(driver->arrays[2], OID_INT4, 2);
    at = item32(item32(at, debit), credit);
    int accounts_len = (int)(at - driver->arrays[2]);
    at = array_head(driver->arrays[3], OID_INT8, 2);
    at = item64(item64(at, amount), -amount);
    const char *const values[] = {(char *)driver->arrays[0], day, words, (char *)driver->arrays[2],
                                  (char *)driver->arrays[3]};
    const int lengths[] = {16, 4, (int)strlen(words), accounts_len, (int)(at - driver->arrays[3])};
    static const int binary[] = {1, 1, 1, 1, 1};
    return driver->postgres->pq.send_prepared(conn, "post", 5, values, lengths, binary, 1);
}

static int send_bulk(struct driver *driver, struct pq_conn *conn, uint32_t count, const char *day,
                     const char *words)
{
    static const uint32_t types[] = {OID_UUID, OID_INT4, OID_INT4, OID_INT8};
    uint8_t *at[4];
    for (size_t i = 0; i < 4; i++)
        at[i] = array_head(driver->arrays[i], types[i], count);
    for (uint32_t n = 0; n < count; n++) {
        uint32_t debit, credit;
        int64_t amount;
        draw(driver, &debit, &credit, &amount);
        be32_put(at[0], 16);
        put_uuid(driver, at[0] + 4);
        at[0] += 20;
        at[1] = item32(at[1], debit);
        at[2] = item32(at[2], credit);
        at[3] = item64(at[3], amount);
    }
    const char *const values[] = {
        (char *)driver->arrays[0], day, words, (char *)driver->arrays[1], (char *)driver->arrays[2],
        (char *)driver->arrays[3]};
    int lengths[] = {(int)(at[0] - driver->arrays[0]),
                     4,
                     (int)strlen(words),
                     (int)(at[1] - driver->arrays[1]),
                     (int)(at[2] - driver->arrays[2]),
                     (int)(at[3] - driver->arrays[3])};
    static const int binary[] = {1, 1, 1, 1, 1, 1};
    return driver->postgres->pq.send_prepared(conn, "post", 6, values, lengths, binary, 1);
}

/* ---- the turn ------------------------------------------------------------------------------------------------------ */

static void watch(struct driver *driver, struct link *link, int how, bool writing)
{
    struct epoll_event event = {.events = EPOLLIN | (writing ? (uint32_t)EPOLLOUT : 0), .data.ptr = link};
    if (epoll_ctl(driver->epoll, how, driver->postgres->pq.socket(link->conn), &event) != 0)
        stop_for(driver, "epoll_ctl");
}

static void link_flush(struct driver *driver, struct link *link)
{
    int left = driver->postgres->pq.flush(link->conn);
    if (left < 0)
        stop_for(driver, driver->postgres->pq.error_message(link->conn));
    else
        watch(driver, link, EPOLL_CTL_MOD, left > 0);
}

static void link_start(struct driver *driver, struct link *link, uint64_t now_us)
{
    static const char day[4] = {0, 0, 0x26, 0x1f}; /* days since 2000-01-01: 2026-09-05 */
    static const char words[] = "Sale of packaged water";
    struct postgres_load *load = driver->load;
    uint64_t left = load->entries - driver->started;
    uint32_t items = left < load->batch ? (uint32_t)left : load->batch;
    if (items == 0 || driver->status != DFT_OK || now_us > driver->stop_us)
        return;
    int sent = load->form == POSTGRES_ENTRY ? send_entry(driver, link->conn, day, words)
                                            : send_bulk(driver, link->conn, items, day, words);
    if (sent != 1) {
        stop_for(driver, driver->postgres->pq.error_message(link->conn));
        return;
    }
    link->items = items;
    link->started_us = now_us;
    driver->started += items;
    driver->open++;
    link_flush(driver, link);
}

static void link_turn(struct driver *driver, struct link *link, uint32_t events)
{
    const struct pq *pq = &driver->postgres->pq;
    if ((events & EPOLLOUT) != 0)
        link_flush(driver, link);
    if (pq->consume_input(link->conn) != 1) {
        stop_for(driver, pq->error_message(link->conn));
        return;
    }
    while (link->items > 0 && !pq->is_busy(link->conn) && driver->status == DFT_OK) {
        struct pq_result *result = pq->get_result(link->conn);
        if (result == NULL) {
            uint64_t now_us = bench_now_us();
            latency_add(&driver->load->latency, now_us - link->started_us);
            driver->load->done += link->items;
            driver->last_us = now_us;
            driver->open--;
            link->items = 0;
            link_start(driver, link, now_us);
            continue;
        }
        if (pq->result_status(result) != PQ_TUPLES_OK)
            stop_for(driver, pq->result_error(result));
        pq->clear(result);
    }
}

static bool connect_one(struct driver *driver, struct link *link)
{
    static const unsigned entry_types[] = {OID_UUID, OID_DATE, OID_TEXT, OID_INT4_ARRAY, OID_INT8_ARRAY};
    static const unsigned bulk_types[] = {OID_UUID_ARRAY, OID_DATE,       OID_TEXT,
                                          OID_INT4_ARRAY, OID_INT4_ARRAY, OID_INT8_ARRAY};
    const struct pq *pq = &driver->postgres->pq;
    bool bulk = driver->load->form == POSTGRES_BULK;
    link->conn =
        pq->connectdb(driver->load->tls ? driver->postgres->tls_info : driver->postgres->socket_info);
    if (link->conn == NULL || pq->status(link->conn) != PQ_CONNECTION_OK) {
        stop_for(driver, link->conn != NULL ? pq->error_message(link->conn) : "no memory");
        return false;
    }
    struct pq_result *result = pq->prepare(link->conn, "post",
                                           bulk ? "select post_entries($1, $2, $3, $4, $5, $6)"
                                                : "select post_entry($1, $2, $3, $4, $5)",
                                           bulk ? 6 : 5, bulk ? bulk_types : entry_types);
    bool good = result != NULL && pq->result_status(result) == PQ_COMMAND_OK &&
                pq->set_nonblocking(link->conn, 1) == 0;
    if (!good)
        stop_for(driver, pq->error_message(link->conn));
    if (result != NULL)
        pq->clear(result);
    if (good)
        watch(driver, link, EPOLL_CTL_ADD, false);
    return good;
}

static void drive(struct driver *driver)
{
    struct epoll_event events[EVENTS_MAX];
    uint64_t began_us = bench_now_us(), cpu_us = bench_cpu_us();
    driver->stop_us = began_us + (uint64_t)driver->load->seconds_max * 1000000u;
    for (uint32_t i = 0; i < driver->load->connections; i++)
        link_start(driver, &driver->links[i], began_us);
    while (driver->open > 0 && driver->status == DFT_OK) {
        int ready = epoll_wait(driver->epoll, events, EVENTS_MAX, 100);
        for (int i = 0; i < ready && driver->status == DFT_OK; i++)
            link_turn(driver, events[i].data.ptr, events[i].events);
        if (load_interrupted())
            stop_for(driver, "interrupted");
        if (bench_now_us() > driver->stop_us + DRAIN_MAX_US)
            stop_for(driver, "does not answer what is in flight");
    }
    driver->load->elapsed_us = driver->last_us > began_us ? driver->last_us - began_us : 1;
    driver->load->client_cpu_us = bench_cpu_us() - cpu_us;
}

enum dft_status postgres_run(struct postgres *postgres, struct postgres_load *load, struct dft_fault *why)
{
    struct driver driver = {.postgres = postgres, .load = load, .random = load->seed | 1, .why = why};
    if (load->form == POSTGRES_ENTRY)
        load->batch = 1;
    driver.links = calloc(load->connections, sizeof *driver.links);
    driver.epoll = epoll_create1(EPOLL_CLOEXEC);
    bool good = driver.links != NULL && driver.epoll >= 0;
    for (size_t i = 0; i < 4; i++) {
        driver.arrays[i] = malloc(ARRAY_HEAD + 20u * ((size_t)load->batch + 2u));
        good = good && driver.arrays[i] != NULL;
    }
    if (!good)
        stop_for(&driver, "no memory");
    for (uint32_t i = 0; good && i < load->connections; i++)
        good = connect_one(&driver, &driver.links[i]);
    if (good)
        drive(&driver);
    for (uint32_t i = 0; driver.links != NULL && i < load->connections; i++)
        if (driver.links[i].conn != NULL)
            postgres->pq.finish(driver.links[i].conn);
    for (size_t i = 0; i < 4; i++)
        free(driver.arrays[i]);
    free(driver.links);
    if (driver.epoll >= 0)
        close(driver.epoll);
    return driver.status;
}
