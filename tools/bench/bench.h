/* daftari-bench: load on a running server over the client library, and what came of it. */
#ifndef TOOLS_BENCH_BENCH_H
#define TOOLS_BENCH_BENCH_H

#include <daftari/daftari.h>

#include "tools/bench/latency.h"

struct bench_options {
    const char *server, *ca_file;
    const char *email, *password_file;
    const char *scenario; /* a name for the output */
    uint32_t connections;
    uint32_t in_flight;   /* requests open on each connection */
    uint32_t batch;       /* entries in a request */
    uint64_t entries;     /* in all; the run ends by itself */
    uint32_t accounts;    /* two-line entries move between this many */
    uint32_t seconds_max; /* a run that takes longer is cut off */
    uint64_t seed;
    const char *data_dir; /* of a server on this machine: bytes on disk are measured there; NULL = not */
    int server_pid;       /* of a server on this machine: its memory is read; 0 = not */
    const char
        *metrics; /* "host:port" of the server's metrics page, for the sizes of its commits; NULL = not */
    bool json;
};

/* Commits of the server, by the number of records in them: up_to[i] had at most 4^i. Cumulative since its start. */
#define BENCH_COMMIT_BUCKETS 8
struct bench_commits {
    uint64_t commits, records;
    uint64_t up_to[BENCH_COMMIT_BUCKETS];
};
/* From the metrics page at "host:port". False: it cannot be had. */
bool bench_commits(const char *address, struct bench_commits *out);

struct bench_result {
    uint64_t entries, refused;
    uint64_t elapsed_us;
    struct latency latency;                       /* of requests */
    uint64_t disk_before, disk_after;             /* bytes allocated below data_dir; if disk_known */
    uint64_t memory_anonymous, memory_resident;   /* bytes; if memory_known */
    struct bench_commits commits;                 /* during the run; if commits_known */
    bool disk_known, memory_known, commits_known; /* asked for, and could be had */
};

uint64_t bench_now_us(void); /* monotonic */

/* Opens the accounts that are missing (numbers BENCH_ACCOUNT_FIRST ...). */
#define BENCH_ACCOUNT_FIRST 100000000u
enum dft_status bench_prepare(const struct bench_options *options, struct dft_fault *why) DFT_MUST_USE;
enum dft_status bench_run(const struct bench_options *options, struct bench_result *out,
                          struct dft_fault *why) DFT_MUST_USE;

void bench_print(const struct bench_options *options,
                 const struct bench_result *result); /* on standard output */

/* Allocated blocks of all files below. False: the folder is NULL or cannot be read; *out untouched. */
bool bench_disk_bytes(const char *folder, uint64_t *out);
void bench_memory(int pid, struct bench_result *out);

#endif
