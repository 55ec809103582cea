#include "server/store/data_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/base/bug.h"
#include "server/base/kv_packed.h"
#include "server/base/system.h"
#include "server/store/folder.h"
#include "server/store/keyring.h"
#include "server/store/kv_lmdb.h"
#include "server/store/kv_sealed.h"

#define RUN_FILE     "run"
#define RUN_TEXT_MAX 128
#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"

struct data_folder {
    char path[FOLDER_PATH_MAX];
    struct keyring *keyring;
    bool read_only, trusted, created;
    pthread_mutex_t taking_over;
    bool running; /* marked so; under the mutex while the folder is open */
    int lock_fd;  /* -1 = none */
};

/* ---- was it stopped cleanly? ---------------------------------------------------------------------------------------- */

static bool read_line(const char *path, char out[RUN_TEXT_MAX])
{
    FILE *file = fopen(path, "re");
    bool read = file != NULL && fgets(out, RUN_TEXT_MAX, file) != NULL;
    if (file != NULL)
        fclose(file);
    if (read)
        out[strcspn(out, "\n")] = '\0';
    return read;
}

static void running_text(char out[RUN_TEXT_MAX])
{
    char boot[RUN_TEXT_MAX] = "unknown";
    (void)read_line(BOOT_ID_FILE, boot);
    snprintf(out, RUN_TEXT_MAX, "running %.64s", boot);
}

/* Environments that are not synced hold what was written: after a clean stop, or when the kernel that took the writes
 * is still the one that runs. */
static bool find_trust(const struct data_folder *folder)
{
    char path[FOLDER_PATH_MAX], was[RUN_TEXT_MAX], now[RUN_TEXT_MAX];
    if (folder_join(folder->path, RUN_FILE, path, NULL) != STATUS_OK || !read_line(path, was))
        return false;
    running_text(now);
    return strcmp(was, "clean") == 0 || (strcmp(was, now) == 0 && strstr(now, "unknown") == NULL);
}

/* Written beside, synced, renamed: the file is always whole. */
static enum status write_run(const struct data_folder *folder, const char *text, struct fault *why)
{
    char path[FOLDER_PATH_MAX], fresh[FOLDER_PATH_MAX];
    enum status status = folder_join(folder->path, RUN_FILE, path, why);
    if (status == STATUS_OK)
        status = folder_join(folder->path, RUN_FILE ".new", fresh, why);
    if (status != STATUS_OK)
        return status;
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return folder_fault(why, fresh, "create", errno);
    size_t len = strlen(text);
    bool good = write(fd, text, len) == (ssize_t)len && write(fd, "\n", 1) == 1 && fsync(fd) == 0;
    int error = errno;
    close(fd);
    if (!good || rename(fresh, path) != 0)
        return folder_fault(why, path, "write", good ? errno : error);
    return folder_sync(folder->path, why);
}

/* ---- what cannot be trusted goes ------------------------------------------------------------------------------------ */

/* An environment and its folder. What is no environment of ours is left alone: a plain file of that name, other files in
 * the folder (which then stays). */
static enum status remove_below(const char *top, const char *name, struct fault *why)
{
    static const char *const files[] = {"data.mdb", "lock.mdb"};
    char path[FOLDER_PATH_MAX], file[FOLDER_PATH_MAX];
    enum status status = folder_join(top, name, path, why);
    for (size_t i = 0; status == STATUS_OK && i < sizeof files / sizeof *files; i++) {
        status = folder_join(path, files[i], file, why);
        if (status == STATUS_OK && unlink(file) != 0 && errno != ENOENT && errno != ENOTDIR)
            status = folder_fault(why, file, "remove", errno);
    }
    if (status == STATUS_OK && rmdir(path) != 0 && errno != ENOENT && errno != ENOTDIR &&
        errno != ENOTEMPTY && errno != EEXIST)
        status = folder_fault(why, path, "remove", errno);
    return status;
}

/* Core state, the index of command ids and all views. This comes before the folder is marked as running
 * under this kernel: were the process killed in between, the next start would trust them. */
static enum status drop_derived(const struct data_folder *folder, const char *views, struct fault *why)
{
    enum status status = remove_below(folder->path, "state", why);
    if (status == STATUS_OK)
        status = remove_below(folder->path, "ids", why);
    DIR *listing = status == STATUS_OK ? opendir(views) : NULL;
    if (status == STATUS_OK && listing == NULL)
        return folder_fault(why, views, "list", errno);
    for (struct dirent *entry; status == STATUS_OK && (entry = readdir(listing)) != NULL;)
        if (entry->d_name[0] != '.')
            status = remove_below(views, entry->d_name, why);
    if (listing != NULL)
        closedir(listing);
    return status;
}

/* With the mutex held. */
static enum status mark_as_running(struct data_folder *folder, struct fault *why)
{
    char text[RUN_TEXT_MAX], views[FOLDER_PATH_MAX];
    enum status status = folder_join(folder->path, "views", views, why);
    if (status == STATUS_OK && !folder->trusted)
        status = drop_derived(folder, views, why);
    running_text(text);
    if (status == STATUS_OK)
        status = write_run(folder, text, why);
    folder->running = status == STATUS_OK;
    return status;
}

/* Before anything derived is written. Whoever finds that the log cannot be opened has changed nothing until then. At the
 * start core state and a view that is tried again may both come here first. */
static enum status take_over(struct data_folder *folder, struct fault *why)
{
    pthread_mutex_lock(&folder->taking_over);
    enum status status = folder->running ? STATUS_OK : mark_as_running(folder, why);
    pthread_mutex_unlock(&folder->taking_over);
    return status;
}

/* ---- open and close --------------------------------------------------------------------------------------------------- */

static enum status open_for_writing(struct data_folder *folder, const struct data_folder_options *options,
                                    struct fault *why)
{
    char views[FOLDER_PATH_MAX];
    enum status status = STATUS_OK;
    if (options->create && access(options->path, F_OK) == 0)
        return fault_set(why, STATUS_INVALID, "data", "a folder that does not exist yet; %s does",
                         options->path);
    if (options->create)
        status = folder_make(options->path, why);
    if (status == STATUS_OK)
        status = folder_lock(options->path, &folder->lock_fd, why);
    if (status == STATUS_OK)
        status = folder_join(options->path, "views", views, why);
    if (status == STATUS_OK)
        status = folder_make(views, why);
    if (status != STATUS_OK)
        return status;
    folder->trusted = find_trust(folder);
    return options->create ? take_over(folder, why) : STATUS_OK;
}

static enum status open_keyring(struct data_folder *folder, const struct data_folder_options *options,
                                struct fault *why)
{
    uint8_t master[KEYRING_KEY_BYTES];
    char keys[FOLDER_PATH_MAX];
    /* A credential that systemd holds for us comes before the file, which then only root can read. */
    bool file = options->master_key_file[0] != '\0' && !keyring_has_credential();
    const char *path = file ? options->master_key_file : NULL;
    enum status status = folder_join(options->path, "keys", keys, why);
    if (status == STATUS_OK)
        status = keyring_read_master(path, master, why);
    if (status != STATUS_OK)
        return status;
    status =
        keyring_open(&(struct keyring_options){.folder = keys,
                                               .master = master,
                                               .master_path = path != NULL ? path : "credential master-key",
                                               .clock = &system_clock,
                                               .entropy = options->entropy,
                                               .create = options->create,
                                               .read_only = options->read_only},
                     &folder->keyring, why);
    keyring_wipe(master, sizeof master);
    return status;
}

enum status data_folder_open(const struct data_folder_options *options, struct data_folder **out,
                             struct fault *why)
{
    struct data_folder *folder = calloc(1, sizeof *folder);
    if (folder == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory for the data folder");
    pthread_mutex_init(&folder->taking_over, NULL);
    folder->lock_fd = -1;
    folder->read_only = options->read_only;
    folder->created = options->create;
    snprintf(folder->path, sizeof folder->path, "%s", options->path);
    enum status status = options->read_only ? STATUS_OK : open_for_writing(folder, options, why);
    if (status == STATUS_OK)
        status = open_keyring(folder, options, why);
    if (status != STATUS_OK) {
        data_folder_close(folder, false);
        return status;
    }
    *out = folder;
    return STATUS_OK;
}

void data_folder_close(struct data_folder *folder, bool clean)
{
    if (folder == NULL)
        return;
    keyring_close(folder->keyring);
    if (clean && folder->running)
        (void)write_run(folder, "clean", NULL); /* when this fails the next start folds more, nothing worse */
    folder_unlock(folder->lock_fd);
    pthread_mutex_destroy(&folder->taking_over);
    free(folder);
}

bool data_folder_trusted(const struct data_folder *folder)
{
    return folder->trusted;
}

/* ---- environments ------------------------------------------------------------------------------------------ */

/* "views/balances.new" -> "view-balances": the same beside and in place, so that what is sealed there opens here. */
static void label_of(const char *name, char out[KEYRING_LABEL_MAX])
{
    bool view = strncmp(name, "views/", 6) == 0;
    snprintf(out, KEYRING_LABEL_MAX, "%s%s", view ? "view-" : "", view ? name + 6 : name);
    char *dot = strchr(out, '.');
    if (dot != NULL)
        *dot = '\0';
}

enum status data_folder_environment_open(struct data_folder *folder,
                                         const struct data_folder_environment *environment, struct kv **out,
                                         struct fault *why)
{
    char path[FOLDER_PATH_MAX], label[KEYRING_LABEL_MAX];
    struct kv *plain;
    /* What cannot be folded again is made once, with the folder: a log that has gone must not come back empty. */
    bool create = !folder->read_only && (folder->created || !environment->durable);
    enum status status = folder_join(folder->path, environment->name, path, why);
    if (status == STATUS_OK && !folder->read_only && !environment->durable)
        status = take_over(folder, why);
    if (status == STATUS_OK)
        status = kv_lmdb_open(
            &(struct kv_lmdb_options){.path = path,
                                      .tables = environment->tables,
                                      .count = environment->table_count,
                                      .map_bytes = environment->map_bytes,
                                      .readers_max = environment->readers_max,
                                      .durability = environment->durable ? KV_LMDB_DURABLE : KV_LMDB_DERIVED,
                                      .read_only = folder->read_only,
                                      .create = create},
            &plain, why);
    if (status != STATUS_OK)
        return status;
    label_of(environment->name, label);
    struct kv *sealed;
    status = kv_sealed_open(plain,
                            &(struct kv_sealed_options){.label = label,
                                                        .tables = environment->tables,
                                                        .count = environment->table_count,
                                                        .keyring = folder->keyring,
                                                        .read_only = folder->read_only},
                            &sealed, why);
    if (status == STATUS_UNAVAILABLE && !environment->durable && !folder->read_only)
        status = STATUS_CORRUPT; /* its keys are gone, and it can be made again */
    if (status != STATUS_OK)
        return status;
    struct kv *packed = kv_packed_new(sealed, &(struct kv_packed_options){.tables = environment->tables,
                                                                          .count = environment->table_count});
    if (packed == NULL) {
        kv_close(sealed);
        return fault_set(why, STATUS_NO_MEMORY, environment->name, "memory for the store");
    }
    *out = packed;
    return STATUS_OK;
}

enum status data_folder_environment_remove(struct data_folder *folder, const char *name)
{
    ASSERT(!folder->read_only);
    return remove_below(folder->path, name, NULL);
}

/* To a folder that is there because of what else is in it. The lock file is made anew wherever one is missing. */
static enum status move_data(const struct data_folder *folder, const char *from, const char *to_path)
{
    char from_path[FOLDER_PATH_MAX], old_file[FOLDER_PATH_MAX], new_file[FOLDER_PATH_MAX];
    enum status status = folder_join(folder->path, from, from_path, NULL);
    if (status == STATUS_OK)
        status = folder_join(from_path, "data.mdb", old_file, NULL);
    if (status == STATUS_OK)
        status = folder_join(to_path, "data.mdb", new_file, NULL);
    if (status == STATUS_OK && rename(old_file, new_file) != 0)
        status = STATUS_IO;
    if (status == STATUS_OK)
        status = folder_sync(to_path, NULL);
    return status == STATUS_OK ? remove_below(folder->path, from, NULL) : status;
}

enum status data_folder_environment_rename(struct data_folder *folder, const char *from, const char *to)
{
    char from_path[FOLDER_PATH_MAX], to_path[FOLDER_PATH_MAX], parent[FOLDER_PATH_MAX];
    ASSERT(!folder->read_only);
    enum status status = folder_join(folder->path, from, from_path, NULL);
    if (status == STATUS_OK)
        status = folder_join(folder->path, to, to_path, NULL);
    if (status == STATUS_OK)
        status = folder_join(to_path, "..", parent, NULL);
    if (status == STATUS_OK && rename(from_path, to_path) != 0)
        status = errno == ENOTEMPTY || errno == EEXIST ? move_data(folder, from, to_path) : STATUS_IO;
    return status == STATUS_OK ? folder_sync(parent, NULL) : status;
}
