/*
 * A data folder on disk: lock, keys, sealed environments, and whether those that are not synced can be trusted.
 *
 *   DIR/log/  DIR/state/  DIR/ids/  DIR/views/NAME/   LMDB environments, values sealed
 *   DIR/keys/                               wrapped data keys (never the master key)
 *   DIR/lock                                held by the one process that writes
 *   DIR/run                                 "clean", or "running" and the kernel's boot id
 *
 * After kill -9 the page cache is intact and every environment is as it was committed. After a power cut (the folder
 * says "running" under another boot id) an environment that was not synced cannot be trusted.
 * One thread opens and closes the folder; environments of different names may be opened and removed by several at once, and
 * are used as server/ports/kv.h says.
 */
#ifndef SERVER_STORE_DATA_FOLDER_H
#define SERVER_STORE_DATA_FOLDER_H

#include "server/ports/entropy.h"
#include "server/ports/kv.h"

struct data_folder;

struct data_folder_options {
    const char *path;
    const char *master_key_file; /* unless there is $CREDENTIALS_DIRECTORY/master-key */
    const struct entropy *entropy;
    bool create;    /* the folder must not exist yet */
    bool read_only; /* no lock, nothing written: auditors on a copy, or beside a running server */
};

enum status data_folder_open(const struct data_folder_options *options, struct data_folder **out,
                             struct fault *why) MUST_USE;
/* `clean`: everything was synced; the next start trusts what is here. NULL is fine. */
void data_folder_close(struct data_folder *folder, bool clean);
/* False after a power cut: core state, ids and views are removed before the first of them is opened, since they were not
 * synced. */
bool data_folder_trusted(const struct data_folder *folder);

struct data_folder_environment {
    const char *name; /* "log", "state", "ids", "views/balances" */
    const struct kv_table *tables;
    unsigned table_count;
    uint64_t map_bytes;
    unsigned readers_max;
    bool durable; /* every commit synced: the log; else kv_sync does it */
};
/* Made when absent; NOT_FOUND when read_only, or when it is durable and the folder was made before. Data keys that are not
 * there: UNAVAILABLE of a durable one (nothing is changed), CORRUPT of others. */
enum status data_folder_environment_open(struct data_folder *folder,
                                         const struct data_folder_environment *environment, struct kv **out,
                                         struct fault *why) MUST_USE;
enum status data_folder_environment_remove(struct data_folder *folder,
                                           const char *name) MUST_USE; /* closed; absent is fine */
/* Both closed, `to` absent; durable on OK. */
enum status data_folder_environment_rename(struct data_folder *folder, const char *from,
                                           const char *to) MUST_USE;

#endif
