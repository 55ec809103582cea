#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/random.h>
#include <sys/stat.h>

#include "proto/base/text.h"
#include "tools/bench/load.h"
#include "tools/bench/own.h"
#include "tools/bench/spawn.h"

#define READY_MAX_US 1800000000u /* folding a long log from nothing takes a while */
#define STOP_MAX_US  120000000u
#define POLL_US      1000u
#define OWNER_EMAIL  "owner@example.com"

static enum dft_status fail(struct dft_fault *why, enum dft_status status, const char *text,
                            const char *about)
{
    snprintf(why->text, sizeof why->text, "%s%.200s", text, about);
    return why->status = status;
}

bool own_run(const struct own_server *own, const char *const *args, const char *output)
{
    char path[BENCH_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%s", own->folder, output);
    return process_run(args, path, NULL);
}

/* ---- the books --------------------------------------------------------------------------------------------------- */

static bool write_text(const char *path, const char *text, const char *mode)
{
    FILE *file = fopen(path, mode);
    bool good = file != NULL && fputs(text, file) >= 0;
    if (file != NULL)
        good = fclose(file) == 0 && good;
    return good;
}

static bool make_password(const struct own_server *own)
{
    uint8_t random[12];
    char text[2 * sizeof random + 2];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return false;
    hex_format(random, sizeof random, text);
    text[2 * sizeof random] = '\n';
    text[2 * sizeof random + 1] = '\0';
    return write_text(own->password, text, "we");
}

enum dft_status own_make(const char *scratch, struct own_server **out, struct dft_fault *why)
{
    struct own_server *own = calloc(1, sizeof *own);
    char keys[BENCH_PATH_MAX + 16], conf[BENCH_PATH_MAX + 16];
    if (own == NULL)
        return fail(why, DFT_NO_MEMORY, "no memory", "");
    snprintf(own->folder, sizeof own->folder, "%.900s/daftari-bench-XXXXXX", scratch);
    if (mkdtemp(own->folder) == NULL) {
        free(own);
        return fail(why, DFT_IO, "--scratch: no folder can be made in ", scratch);
    }
    snprintf(own->data, sizeof own->data, "%.1000s/data", own->folder);
    snprintf(own->ca, sizeof own->ca, "%.1000s/keys/ca.crt", own->folder);
    snprintf(own->password, sizeof own->password, "%.1000s/owner-password", own->folder);
    snprintf(own->master_key, sizeof own->master_key, "%.1000s/keys/master-key", own->folder);
    snprintf(keys, sizeof keys, "%s/keys", own->folder);
    snprintf(conf, sizeof conf, "%s/daftari.conf", own->folder);
    const char *const args[] = {
        "daftarid", "init",  "--data",          own->data,     "--keys",       keys,
        "--config", conf,    "--owner-email",   OWNER_EMAIL,   "--owner-name", "Olive Owner",
        "--books",  "Bench", "--password-file", own->password, "--first-date", "2010-01-01",
        NULL};
    (void)umask(077);
    /* Maps are smaller than as delivered, which changes no figure, since the thread sanitizer leaves a program less room
     * for addresses; all connections come from one address. All else is as delivered. */
    if (!make_password(own) || !own_run(own, args, "init.log") ||
        !write_text(conf,
                    "listen_port = 0\nmetrics_port = 0\nlog_map_mib = 131072\n"
                    "state_map_mib = 16384\nids_map_mib = 16384\nview_map_mib = 32768\n"
                    "connections_max = 1100\nconnections_per_address_max = 1100\n",
                    "ae")) {
        own_remove(own);
        return fail(why, DFT_IO, "daftarid init failed below ", scratch);
    }
    *out = own;
    return DFT_OK;
}

void own_remove(struct own_server *own)
{
    if (own == NULL)
        return;
    process_kill(&own->pid);
    folder_remove(own->folder);
    free(own);
}

/* ---- start and stop ---------------------------------------------------------------------------------------------- */

/* Lines "port=N" and "metrics_port=N". False: not all there yet. */
static bool read_ready(const char *path, unsigned long *port, unsigned long *metrics)
{
    char line[128];
    FILE *file = fopen(path, "re");
    *port = *metrics = 0;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "port=", 5) == 0)
            *port = strtoul(line + 5, NULL, 10);
        if (strncmp(line, "metrics_port=", 13) == 0)
            *metrics = strtoul(line + 13, NULL, 10);
    }
    if (file != NULL)
        fclose(file);
    return *port != 0 && *metrics != 0;
}

enum dft_status own_start(struct bench *bench, uint64_t *out_ready_us, struct dft_fault *why)
{
    struct own_server *own = bench->own;
    char conf[BENCH_PATH_MAX + 16], ready[BENCH_PATH_MAX + 16], log[BENCH_PATH_MAX + 16];
    unsigned long port, metrics;
    snprintf(conf, sizeof conf, "%s/daftari.conf", own->folder);
    snprintf(ready, sizeof ready, "%s/ready", own->folder);
    snprintf(log, sizeof log, "%s/server.log", own->folder);
    const char *const args[] = {"daftarid", "--config", conf, "--ready-file", ready, NULL};
    (void)unlink(ready);
    uint64_t began_us = bench_now_us();
    own->pid = process_spawn(args, log, NULL);
    if (own->pid < 0) {
        own->pid = 0;
        return fail(why, DFT_IO, "no process for the server", "");
    }
    while (!read_ready(ready, &port, &metrics)) {
        if (process_ended(&own->pid) || load_interrupted() || bench_now_us() - began_us > READY_MAX_US)
            return fail(why, DFT_IO, "the server did not start: see ", log);
        usleep(POLL_US);
    }
    *out_ready_us = bench_now_us() - began_us;
    snprintf(own->address, sizeof own->address, "localhost:%lu", port);
    snprintf(own->metrics, sizeof own->metrics, "localhost:%lu", metrics);
    bench->options.server = own->address;
    bench->options.ca_file = own->ca;
    bench->options.email = OWNER_EMAIL;
    bench->options.password_file = own->password;
    bench->options.metrics = own->metrics;
    bench->options.data_dir = own->data;
    bench->options.server_pid = own->pid;
    return DFT_OK;
}

enum dft_status own_stop(struct bench *bench, struct dft_fault *why)
{
    uint64_t end_us = bench_now_us() + STOP_MAX_US;
    bench_log_off(bench);
    if (bench->own->pid > 0)
        (void)kill(bench->own->pid, SIGTERM);
    while (!process_ended(&bench->own->pid)) {
        if (bench_now_us() > end_us)
            return fail(why, DFT_DEADLINE, "the server does not stop", "");
        usleep(POLL_US);
    }
    return DFT_OK;
}

void own_kill(struct bench *bench)
{
    bench_log_off(bench);
    process_kill(&bench->own->pid);
}

enum dft_status own_drop_derived(struct own_server *own, struct dft_fault *why)
{
    static const char *const folders[] = {"state", "ids", "views"};
    char path[BENCH_PATH_MAX + 16];
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%s/%s", own->data, folders[i]);
        folder_remove(path);
        if (access(path, F_OK) == 0)
            return fail(why, DFT_IO, "cannot remove ", path);
    }
    return DFT_OK;
}
