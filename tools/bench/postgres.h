/* A PostgreSQL 15 of our own, from Debian's programs, in a folder that is removed, with a lean ledger in it. */
#ifndef TOOLS_BENCH_POSTGRES_H
#define TOOLS_BENCH_POSTGRES_H

#include "tools/bench/bench.h"
#include "tools/bench/pq.h"
#include "tools/bench/spawn.h"

struct postgres {
    struct pq pq;
    char folder[128]; /* data, socket, certificate, log */
    char socket_info[BENCH_PATH_MAX],
        tls_info[BENCH_PATH_MAX]; /* how to connect: libpq's connection strings */
    char password[32];
    unsigned port;
    pid_t pid;
};

/* NULL when programs and library are there; else what is missing and how to get it, for people. */
const char *postgres_missing(void);
/* Makes a cluster, starts it, opens `accounts` accounts. On failure nothing is left behind. */
enum dft_status postgres_make(struct postgres *postgres, const char *scratch, uint32_t accounts,
                              struct dft_fault *why) DFT_MUST_USE;
void postgres_remove(struct postgres *postgres); /* stops it; also of one that is all zero */
uint64_t postgres_disk_bytes(
    struct postgres *postgres); /* of the database, without the write-ahead log; 0 = unknown */

/* How the same work is asked for. */
enum postgres_form {
    POSTGRES_ENTRY, /* post_entry(command id, date, text, accounts, amounts): one statement, one transaction an entry */
    POSTGRES_BULK, /* post_entries(arrays): set-based, one statement and one transaction for `batch` entries */
};
struct postgres_load {
    enum postgres_form form;
    bool tls;
    uint32_t connections, batch, accounts;
    uint64_t entries;
    uint32_t seconds_max;
    uint64_t seed;
    /* results */
    uint64_t done, elapsed_us, client_cpu_us;
    struct latency latency;
};
enum dft_status postgres_run(struct postgres *postgres, struct postgres_load *load,
                             struct dft_fault *why) DFT_MUST_USE;

#endif
