/*
 * daftari-bench: load on a server, and what came of it (docs/performance.md).
 *
 * main.c      options, which scenarios, how many runs of each
 * scenario.c  the table of scenarios; one run of a load and everything that is measured around it
 * load.c      the turn: connections, requests in flight, answers counted
 * entries.c   the requests, encoded by hand
 * sale.c      a shop, and sales in it
 * wire.c      one connection: TLS, frames, the greeting
 * client.c    the log-in and calls that wait, over the client library
 * own.c       a server of our own in a scratch folder
 * restart.c   scenarios that stop and start that server
 * figures.c   named figures of one run; medians of several, as a table or JSON
 * metrics.c, process.c, latency.c    the server's metrics page, its processor time, memory and disk; percentiles
 *
 * The generator shares the machine with the server, so what it costs itself is measured and printed beside the
 * server's: requests are encoded by hand into one buffer a connection, nothing is allocated for a request.
 */
#ifndef TOOLS_BENCH_BENCH_H
#define TOOLS_BENCH_BENCH_H

#include <sys/types.h>

#include <daftari/daftari.h>

#include "tools/bench/figures.h"
#include "tools/bench/latency.h"

#define BENCH_ACCOUNT_FIRST   100000000u /* our accounts are numbered from here */
#define BENCH_ACCOUNTS_MAX    10000000u
#define BENCH_CONNECTIONS_MAX 1024u
#define BENCH_IN_FLIGHT_MAX   1024u
#define BENCH_BATCH_MAX       8192u
#define BENCH_PATH_MAX        1024

enum bench_ids { BENCH_IDS_RANDOM, BENCH_IDS_TIME };

struct bench_options {
    const char *server, *ca_file; /* a running server, or ... */
    const char *email, *password_file;
    const char *scratch; /* ... a folder below which a server of our own is made and removed */
    /* 0 = the scenario's own */
    uint32_t connections;
    uint32_t in_flight; /* requests open on each connection */
    uint32_t batch;     /* entries in a request */
    uint64_t entries;   /* in all; a run ends by itself */
    uint32_t accounts;  /* two-line entries move between this many */
    uint32_t days; /* business dates are spread over this many days up to today; 0 = the server's today */
    uint32_t late; /* percent of entries dated earlier than their turn; 100: all on any of these days */
    uint64_t rate; /* statement-page: entries a second that are written meanwhile */
    enum bench_ids ids;
    uint32_t runs;
    uint32_t seconds_max; /* a run that takes longer is cut off */
    uint64_t seed;
    const char *data_dir; /* of a server on this machine: bytes on disk are measured there; NULL = not */
    int server_pid;       /* of a server on this machine: memory and processor time are read; 0 = not */
    const char *metrics;  /* "host:port" of the server's metrics page; NULL = not */
    bool json;
};

/* What one invocation holds on to between scenarios. */
struct own_server;
struct bench {
    struct bench_options options;
    struct own_server *own;      /* NULL: somebody else's server */
    struct dft_client *client;   /* logged in; its session is taken up by every connection */
    uint32_t accounts_open;      /* of ours */
    uint32_t pages_ready;        /* entries on the statement account */
    bool shop_open;              /* the shop of the sales, with its stock */
    uint64_t bare_commit_p50_us; /* from `limit` in this invocation; 0 = it did not run */
    bool limit_ran;              /* batches are set beside a floor of their own */
};

uint64_t bench_now_us(void); /* monotonic */
uint64_t bench_cpu_us(void); /* of this process */

/* ---- client.c ---- */

/* Logs in, unless that was done. */
enum dft_status bench_log_in(struct bench *bench, struct dft_fault *why) DFT_MUST_USE;
void bench_log_off(struct bench *bench); /* lets the connection go; after it, log in again */

/* ---- process.c: a process on this machine ---- */

struct bench_disk {
    uint64_t all, log, state, views; /* allocated bytes below the data folder */
};
/* False: the folder is NULL or cannot be read; *out untouched. */
bool bench_disk(const char *data_dir, struct bench_disk *out);

struct bench_memory {
    uint64_t anonymous, resident; /* bytes */
};
bool bench_memory(int pid, struct bench_memory *out);

#define BENCH_THREADS_MAX 32
struct bench_cpu {
    uint64_t all_us; /* processor time since its start, ended threads included */
    uint32_t count;  /* running threads, by name; threads of one name are summed up */
    struct {
        char name[16];
        uint64_t ns;
    } threads[BENCH_THREADS_MAX];
};
bool bench_cpu_of(int pid, struct bench_cpu *out);

/* ---- metrics.c: the server's metrics page at "host:port" ---- */

/* Commits of the server, by the number of records in them: up_to[i] had at most 4^i. Cumulative since its start. */
#define BENCH_COMMIT_BUCKETS 8
#define BENCH_STAGES_MAX     16
struct bench_page {
    uint64_t commits, records;
    uint64_t up_to[BENCH_COMMIT_BUCKETS];
    uint64_t log_position;
    uint64_t view_lag; /* records that some view does not reflect yet */
    bool view_failed;
    uint32_t stages; /* the writer's work, where the server tells it */
    struct {
        char name[24];
        uint64_t us;
    } stage[BENCH_STAGES_MAX];
};
bool bench_page(const char *address, struct bench_page *out); /* false: it cannot be had */
/* Waits until the views reflect the whole log. False: they do not within `seconds`, one failed, there is no page, or
 * we were interrupted. */
bool bench_views_wait(const char *address, uint32_t seconds);

#endif
