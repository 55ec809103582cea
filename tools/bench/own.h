/* A server of our own: books in a new folder below --scratch, the programs from beside this one, free loopback ports.
 * It ends when this process ends, whatever ends it, and the folder is removed. */
#ifndef TOOLS_BENCH_OWN_H
#define TOOLS_BENCH_OWN_H

#include "tools/bench/bench.h"

struct own_server {
    char folder[BENCH_PATH_MAX]; /* data, keys, daftari.conf, owner-password, server.log */
    char data[BENCH_PATH_MAX], ca[BENCH_PATH_MAX], password[BENCH_PATH_MAX], master_key[BENCH_PATH_MAX];
    char address[64], metrics[64];
    pid_t pid; /* 0: it does not run */
};

/* Makes the books. On failure nothing is left behind. */
enum dft_status own_make(const char *scratch, struct own_server **out, struct dft_fault *why) DFT_MUST_USE;
void own_remove(struct own_server *own); /* stops it too; NULL is fine */

/* Starts it, waits until it answers, and points bench->options at it. */
enum dft_status own_start(struct bench *bench, uint64_t *out_ready_us, struct dft_fault *why) DFT_MUST_USE;
enum dft_status own_stop(struct bench *bench, struct dft_fault *why) DFT_MUST_USE; /* SIGTERM: it drains */
void own_kill(struct bench *bench);                                                /* SIGKILL */

/* Removes data/state and data/views. The server must not run. */
enum dft_status own_drop_derived(struct own_server *own, struct dft_fault *why) DFT_MUST_USE;

/* Runs a program from beside this one to its end, its output to folder/`output`. True: it exited with 0. */
bool own_run(const struct own_server *own, const char *const *args, const char *output);

void folder_remove(const char *path);
bool program_path(const char *name,
                  char out[BENCH_PATH_MAX]); /* beside this program, else as it is for PATH */

#endif
