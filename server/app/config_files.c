/* What the configuration names, looked at before a start: one line for each problem, as of the file itself. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/app/config.h"
#include "server/base/system.h"
#include "server/log/log.h"
#include "server/store/data_folder.h"
#include "server/store/keyring.h"

#define FILE_PATH_MAX (CONFIG_PATH_MAX + 32)
#define LOOK_READERS  126u /* as LMDB has by default: beside a running server its own number holds */

struct look {
    const struct config *config;
    const char *name;
    FILE *problems;
    bool bad;
};

static void tell(struct look *look, const char *key, const char *path, const char *text, const char *advice)
{
    unsigned line = config_line(look->config, key);
    look->bad = true;
    if (line != 0)
        fprintf(look->problems, "%s:%u: %s: %s: %s%s\n", look->name, line, key, path, text, advice);
    else
        fprintf(look->problems, "%s: %s (by default): %s: %s%s\n", look->name, key, path, text, advice);
}

static void look_at_data(struct look *look)
{
    const char *dir = look->config->data_dir;
    char log[FILE_PATH_MAX];
    struct stat about;
    snprintf(log, sizeof log, "%s/log", dir);
    if (stat(dir, &about) != 0)
        tell(look, "data_dir", dir, strerrordesc_np(errno),
             errno == ENOENT ? "; daftarid init makes it" : "");
    else if (!S_ISDIR(about.st_mode))
        tell(look, "data_dir", dir, "is not a folder", "");
    else if (access(dir, R_OK | W_OK | X_OK) != 0)
        tell(look, "data_dir", dir, strerrordesc_np(errno), "; run this as the server's user, or as root");
    else if (access(log, F_OK) != 0)
        tell(look, "data_dir", dir, "holds no books", "; daftarid init makes a folder that is not there yet");
}

static void look_at_keys(struct look *look)
{
    static const char *const names[] = {"server.pem", "log.key", "ca.crt"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[FILE_PATH_MAX];
        struct stat about;
        snprintf(path, sizeof path, "%s/%s", look->config->key_dir, names[i]);
        if (stat(path, &about) != 0 || access(path, R_OK) != 0)
            tell(look, "key_dir", path, strerrordesc_np(errno), "");
        else if (!S_ISREG(about.st_mode) || about.st_size == 0)
            tell(look, "key_dir", path, "is not a file, or empty", "");
    }
}

/* The keyring's INVALID says what the file should be; its other faults what failed. */
static void tell_master(struct look *look, const char *path, const struct fault *why)
{
    char text[sizeof why->text + 16];
    snprintf(text, sizeof text, "%s%s", why->status == STATUS_INVALID ? "must be " : "", why->text);
    tell(look, "master_key_file", path, text, "");
}

static void look_at_master_key(struct look *look)
{
    uint8_t master[KEYRING_KEY_BYTES];
    struct fault why = {0};
    const char *path = look->config->master_key_file;
    bool credential = keyring_has_credential();
    if (!credential && path[0] == '\0')
        return; /* it is to come as a credential, which systemd only shows to the server */
    if (!credential && access(path, F_OK) != 0)
        tell(look, "master_key_file", path, strerrordesc_np(errno), "");
    else if (keyring_read_master(credential ? NULL : path, master, &why) != STATUS_OK)
        tell_master(look, credential ? "credential master-key" : path, &why);
    keyring_wipe(master, sizeof master);
}

/* Links and ".." resolved, which config.c cannot see. */
static void look_where_master_key_is(struct look *look)
{
    char dir[PATH_MAX], file[PATH_MAX];
    const char *path = look->config->master_key_file;
    if (path[0] == '\0' || realpath(look->config->data_dir, dir) == NULL || realpath(path, file) == NULL)
        return;
    size_t len = strlen(dir);
    if (strncmp(file, dir, len) == 0 && file[len] == '/')
        tell(look, "master_key_file", path, "lies in data_dir",
             ": who steals the one must not get the other");
}

/* Is every data key there that the end of the log needs? What is wrong further back, daftari-audit verify tells. */
static void look_at_log(struct look *look, struct data_folder *folder)
{
    struct data_folder_environment environment = {
        .name = "log", .tables = log_tables, .table_count = LOG_TABLE_COUNT, .readers_max = LOOK_READERS};
    struct fault why = {0};
    struct kv *kv = NULL;
    struct log *log = NULL;
    enum status status = data_folder_environment_open(folder, &environment, &kv, &why);
    if (status == STATUS_OK)
        status = log_over_kv_open(kv, &log, &why); /* takes kv over */
    if (status != STATUS_OK) {
        char path[FILE_PATH_MAX];
        snprintf(path, sizeof path, "%s/log", look->config->data_dir);
        tell(look, "data_dir", path, why.text, "");
    }
    log_close(log);
}

/* Does the master key open the data keys? */
static void look_at_data_keys(struct look *look)
{
    struct fault why = {0};
    struct data_folder *folder = NULL;
    const char *path = look->config->master_key_file;
    bool credential = keyring_has_credential();
    if (!credential && path[0] == '\0')
        return;
    struct data_folder_options options = {.path = look->config->data_dir,
                                          .master_key_file = path,
                                          .entropy = &system_entropy,
                                          .read_only = true};
    if (data_folder_open(&options, &folder, &why) != STATUS_OK)
        tell_master(look, credential ? "credential master-key" : path, &why);
    else
        look_at_log(look, folder);
    data_folder_close(folder, false);
}

enum status config_check_files(const struct config *config, const char *name, FILE *problems)
{
    struct look look = {.config = config, .name = name, .problems = problems};
    bool data = config_taken(config, "data_dir"), master = config_taken(config, "master_key_file");
    if (data)
        look_at_data(&look);
    if (config_taken(config, "key_dir"))
        look_at_keys(&look);
    if (master)
        look_at_master_key(&look);
    if (data && master)
        look_where_master_key_is(&look);
    if (data && master && !look.bad)
        look_at_data_keys(&look);
    return look.bad ? STATUS_INVALID : STATUS_OK;
}
