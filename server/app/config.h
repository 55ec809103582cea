/*
 * The configuration: one table row per key (config.c: name, type, unit, least, most, default, reloadable, words), from
 * which parsing, checking, `daftarid --print-config` and the manual's test are made. A file is read whole into a new
 * struct, checked whole, then used; nobody reads globals.
 *
 * Form of the file: "name = value" a line, # starts a comment, text values may be quoted with "...". A key given twice or
 * unknown, a value out of range or of the wrong form is reported with its line; all problems of a file are reported.
 */
#ifndef SERVER_APP_CONFIG_H
#define SERVER_APP_CONFIG_H

#include <stdio.h>

#include "proto/base/slice.h"
#include "proto/base/status.h"
#include "server/base/diag.h"

#define CONFIG_PATH_MAX 1024
#define CONFIG_TEXT_MAX 256
#define CONFIG_KEYS_MAX 64

struct config {
    /* where things are */
    char data_dir[CONFIG_PATH_MAX];
    char key_dir[CONFIG_PATH_MAX];         /* server certificate and key, CAs, log signing key (pki.h) */
    char master_key_file[CONFIG_PATH_MAX]; /* "" = systemd credential master-key */

    /* network */
    char listen_address[CONFIG_TEXT_MAX];
    uint64_t listen_port, metrics_port; /* 0 = any free one / none */
    uint64_t metrics;                   /* 0 or 1: offer metrics at all */
    uint64_t connections_max, connections_per_address_max, requests_open_max, requests_max;
    uint64_t request_arena_kib, request_bytes_mib, output_kib;
    uint64_t handshake_timeout_ms, hello_timeout_ms, frame_timeout_ms, write_timeout_ms, idle_timeout_ms;
    uint64_t request_deadline_ms, request_deadline_max_ms, drain_ms;

    /* writer */
    uint64_t command_queue_max, batch_records_max, batch_kib;

    /* storage */
    uint64_t log_map_mib, state_map_mib, ids_map_mib,
        view_map_mib;              /* most that each environment may grow to */
    uint64_t state_cache_mib;      /* core state kept in memory */
    uint64_t state_dirty_rows_max; /* write behind when this many rows are dirty */
    uint64_t state_idle_ms;        /* and when idle for this long */

    uint64_t ids_memory_entries, ids_filter_mib; /* index of command ids (server/base/id_index.h) */

    /* reading */
    uint64_t reader_threads, query_queue_max, report_memory_mib, report_memory_total_mib, replay_memory_mib;

    /* people */
    uint64_t session_idle_s, session_lifetime_s, login_tries_per_minute, login_lock_after;

    char log_level[CONFIG_TEXT_MAX]; /* debug, info, warning, error */

    unsigned given_at[CONFIG_KEYS_MAX]; /* line of each key, by its index; 0 = not given: config_line() */
    bool refused[CONFIG_KEYS_MAX];      /* given, and not taken: config_taken() */
};

struct config *config_new(void); /* all defaults; NULL when memory is short */
void config_free(struct config *config);

/* Reads and checks the file into `config`; each problem is one line on `problems` ("daftari.conf:12: listen_port: ...").
 * INVALID when there was any (config is then unspecified), IO when it cannot be read. */
enum status config_read(struct config *config, const char *path, FILE *problems) MUST_USE;

/* The same from memory; `name` stands in the problems, which may be NULL. */
enum status config_parse(struct config *config, struct slice text, const char *name, FILE *problems) MUST_USE;

/* Line of the file on which the key was given; 0 = not given, its default holds. */
bool config_taken(const struct config *config,
                  const char *name); /* its default, or as given; not: given and wrong */
unsigned config_line(const struct config *config, const char *name);

/* Looks at what a configuration that was read names (config_files.c): the data folder, the files of the key folder, the
 * master key unless systemd holds it as a credential. As this user: what it may not read is a problem too. Problems as
 * above. Changes nothing, keeps nothing. INVALID when there was any. */
enum status config_check_files(const struct config *config, const char *name, FILE *problems) MUST_USE;

/* Writes the names of the keys whose values differ and that only a restart takes over, separated by spaces ("" = none;
 * those that do not fit are left out whole). */
void config_waiting(const struct config *in_force, const struct config *fresh, char *out, size_t size);

/* Names of all keys, for the test of the manual. */
size_t config_key_count(void);
const char *config_key_name(size_t index);

/* A file with every key, its words and its value. */
void config_print(const struct config *config, FILE *out);

enum diag_level config_diag_level(const struct config *config);

#endif
