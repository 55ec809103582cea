/* What every command takes: options, environment, this user's files. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/cli/cli.h"
#include "proto/base/bug.h"
#include "proto/base/text.h"

enum setting_form { SETTING_TEXT, SETTING_FLAG, SETTING_OUTPUT, SETTING_SECONDS, SETTING_POSITION };

struct setting {
    const char *name;
    const char *value; /* name of the value in help; NULL for a flag */
    enum setting_form form;
    size_t offset;
    const char *environment;
    const char *text;
    unsigned special; /* of enum setting_special; 0 = every command takes it */
};

#define AT(member) offsetof(struct cli, member)
static const struct setting settings[] = {
    {"server", "HOST:PORT", SETTING_TEXT, AT(server), "DAFTARI_SERVER", "the server to ask (DAFTARI_SERVER)",
     0},
    {"ca", "FILE", SETTING_TEXT, AT(ca_file), "DAFTARI_CA", "who may vouch for the server, PEM (DAFTARI_CA)",
     0},
    {"host-name", "NAME", SETTING_TEXT, AT(host_name), "DAFTARI_HOST_NAME",
     "the name in the server's certificate, when not its host (DAFTARI_HOST_NAME)", 0},
    {"certificate", "FILE", SETTING_TEXT, AT(certificate_file), "DAFTARI_CERTIFICATE",
     "your own certificate, PEM, instead of logging in (DAFTARI_CERTIFICATE)", 0},
    {"key", "FILE", SETTING_TEXT, AT(key_file), "DAFTARI_KEY", "its key, PEM (DAFTARI_KEY)", 0},
    {"home", "FOLDER", SETTING_TEXT, AT(home_given), "DAFTARI_HOME",
     "where session, checkpoints and outbox are kept (DAFTARI_HOME)", 0},
    {"device", "NAME", SETTING_TEXT, AT(device), "DAFTARI_DEVICE",
     "name of this device in the records (DAFTARI_DEVICE)", 0},
    {"output", "table|csv|json", SETTING_OUTPUT, AT(output), "DAFTARI_OUTPUT",
     "form of the answer (DAFTARI_OUTPUT)", 0},
    {"json", "FILE|-", SETTING_TEXT, AT(json_path), NULL,
     "take the whole message as JSON; several: one a line", SETTING_JSON},
    {"command-id", "UUID", SETTING_TEXT, AT(command_id_text), NULL,
     "the command's own id, or that of a file: given again under the same id, nothing is recorded twice",
     SETTING_COMMAND_ID},
    {"password-file", "FILE", SETTING_TEXT, AT(password_file), "DAFTARI_PASSWORD_FILE",
     "log-in: take the password from the first line of this file (DAFTARI_PASSWORD_FILE)",
     SETTING_PASSWORD_FILE},
    {"timeout", "SECONDS", SETTING_SECONDS, AT(timeout_ms), NULL, "wait at most this long for an answer (30)",
     0},
    {"at-least", "POSITION", SETTING_POSITION, AT(at_least), NULL, "answer from this log position or later",
     SETTING_AT_LEAST},
    {"quiet", NULL, SETTING_FLAG, AT(quiet), NULL, "no progress lines", 0},
    {"help", NULL, SETTING_FLAG, AT(help), NULL, "what this command does and takes", 0},
};
#undef AT
#define SETTINGS_COUNT (sizeof settings / sizeof settings[0])

size_t settings_count(void)
{
    return SETTINGS_COUNT;
}

const char *settings_name(size_t index)
{
    return settings[index].name;
}

bool settings_takes_value(size_t index)
{
    return settings[index].value != NULL;
}

static enum status setting_store(struct cli *cli, const struct setting *setting, const char *value,
                                 struct fault *why)
{
    static const char *const outputs[] = {"table", "csv", "json"};
    uint8_t *at = (uint8_t *)cli + setting->offset;
    uint64_t number = 0;
    ASSERT(value != NULL || setting->form == SETTING_FLAG);
    switch (setting->form) {
    case SETTING_TEXT:
        memcpy(at, &value, sizeof value);
        return STATUS_OK;
    case SETTING_FLAG:
        memcpy(at, &(bool){true}, sizeof(bool));
        return STATUS_OK;
    case SETTING_OUTPUT:
        for (size_t i = 0; i < sizeof outputs / sizeof outputs[0]; i++) {
            if (strcmp(outputs[i], value) == 0) {
                cli->output = (enum cli_output)i;
                return STATUS_OK;
            }
        }
        return fault_set(why, STATUS_INVALID, NULL, "--output is table, csv or json");
    case SETTING_SECONDS:
        if (!number_parse(slice_text(value), 1, 86400, &number))
            return fault_set(why, STATUS_INVALID, NULL, "--%s is a number of seconds up to 86400",
                             setting->name);
        cli->timeout_ms = (uint32_t)number * 1000;
        return STATUS_OK;
    case SETTING_POSITION:
        if (!number_parse(slice_text(value), 1, INT64_MAX, &number))
            return fault_set(why, STATUS_INVALID, NULL, "--%s is a log position", setting->name);
        cli->at_least = number;
        return STATUS_OK;
    }
    return STATUS_OK;
}

void settings_init(struct cli *cli)
{
    *cli = (struct cli){.output = OUTPUT_TABLE, .timeout_ms = 30000};
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        const char *value = settings[i].environment != NULL ? getenv(settings[i].environment) : NULL;
        if (value != NULL && value[0] != '\0')
            (void)setting_store(cli, &settings[i], value,
                                NULL); /* a wrong default is as if it were not set */
    }
}

void settings_done(struct cli *cli)
{
    dft_client_free(cli->client);
    free(cli->currencies);
    cli->client = NULL;
    cli->currencies = NULL;
}

enum status settings_take(struct cli *cli, int argc, char **argv, int *at, struct fault *why)
{
    const char *word = argv[*at];
    if (strcmp(word, "-h") == 0)
        word = "--help";
    if (strncmp(word, "--", 2) != 0)
        return STATUS_NOT_FOUND;
    const char *equals = strchr(word, '=');
    size_t len = equals != NULL ? (size_t)(equals - word) - 2 : strlen(word) - 2;
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        const struct setting *setting = &settings[i];
        if (strlen(setting->name) != len || strncmp(setting->name, word + 2, len) != 0)
            continue;
        const char *value = equals != NULL ? equals + 1 : NULL;
        *at += 1;
        if (setting->value != NULL && value == NULL) {
            if (*at >= argc)
                return fault_set(why, STATUS_INVALID, NULL, "--%s needs a value: %s", setting->name,
                                 setting->value);
            value = argv[*at];
            *at += 1;
        }
        cli->given |= setting->special;
        if (cli->word != NULL && settings_only(cli, cli->takes, cli->word, why) != STATUS_OK)
            return STATUS_INVALID;
        return setting_store(cli, setting, value, why);
    }
    return STATUS_NOT_FOUND;
}

enum status settings_only(const struct cli *cli, unsigned taken, const char *what, struct fault *why)
{
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        if ((cli->given & settings[i].special & ~taken) != 0)
            return fault_set(why, STATUS_INVALID, NULL, "%s takes no --%s", what, settings[i].name);
    }
    return STATUS_OK;
}

enum status settings_leading(struct cli *cli, int *argc, char ***argv, struct fault *why)
{
    int at = 0;
    enum status status = STATUS_OK;
    while (at < *argc && status == STATUS_OK)
        status = settings_take(cli, *argc, *argv, &at, why);
    *argc -= at;
    *argv += at;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

void settings_help(FILE *to)
{
    (void)fputs("Options of every command:\n", to);
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        char head[64];
        (void)snprintf(head, sizeof head, "--%s%s%s", settings[i].name, settings[i].value != NULL ? " " : "",
                       settings[i].value != NULL ? settings[i].value : "");
        (void)fprintf(to, "  %-26s %s\n", head, settings[i].text);
    }
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

/* Makes every folder of the path that is missing; the last one for its owner alone. */
static bool folders_make(const char *path)
{
    char copy[CLI_PATH_MAX];
    (void)snprintf(copy, sizeof copy, "%s", path);
    for (char *at = copy + 1; *at != '\0'; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        if (mkdir(copy, 0755) != 0 && errno != EEXIST)
            return false;
        *at = '/';
    }
    return mkdir(copy, 0700) == 0 || errno == EEXIST;
}

static enum status home_make(struct cli *cli, struct fault *why)
{
    if (cli->home[0] != '\0')
        return STATUS_OK;
    const char *state = getenv("XDG_STATE_HOME");
    const char *user = getenv("HOME");
    char path[CLI_PATH_MAX];
    int len;
    if (cli->home_given != NULL)
        len = snprintf(path, sizeof path, "%s", cli->home_given);
    else if (state != NULL && state[0] == '/')
        len = snprintf(path, sizeof path, "%s/daftari", state);
    else if (user != NULL && user[0] == '/')
        len = snprintf(path, sizeof path, "%s/.local/state/daftari", user);
    else
        return fault_set(why, STATUS_INVALID, NULL, "there is no home folder: set DAFTARI_HOME");
    if (len <= 0 || (size_t)len >= sizeof path - 512)
        return fault_set(why, STATUS_INVALID, NULL, "the path of the home folder is too long");
    if (!folders_make(path))
        return fault_set(why, STATUS_INVALID, NULL, "the folder %s cannot be made: %s", path,
                         strerror(errno));
    memcpy(cli->home, path, (size_t)len + 1);
    return STATUS_OK;
}

enum status settings_path(struct cli *cli, const char *name, bool per_server, char out[CLI_PATH_MAX],
                          struct fault *why)
{
    enum status status = home_make(cli, why);
    if (status != STATUS_OK)
        return status;
    char server[300] = "";
    if (per_server) {
        (void)snprintf(server, sizeof server, "-%s", cli->server != NULL ? cli->server : "");
        for (char *at = server + 1; *at != '\0'; at++) {
            if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-", *at) == NULL)
                *at = '_';
        }
    }
    int len = snprintf(out, CLI_PATH_MAX, "%s/%s%s", cli->home, name, server);
    return len > 0 && len < CLI_PATH_MAX
               ? STATUS_OK
               : fault_set(why, STATUS_INVALID, NULL, "the path of the home folder is too long");
}

enum status file_read_all(const char *path, size_t max, bool secret, char **out, size_t *out_len,
                          struct fault *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fault_set(why, errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO, NULL, "%s: %s", path,
                         strerror(errno));
    struct stat info;
    if (fstat(fd, &info) != 0 || (secret && S_ISREG(info.st_mode) && (info.st_mode & 077) != 0)) {
        (void)close(fd);
        return fault_set(why, STATUS_DENIED, NULL, "%s can be read by others: chmod 600 it", path);
    }
    char *text = malloc(max + 2);
    size_t len = 0;
    ssize_t got = -1;
    while (text != NULL && len <= max) {
        got = read(fd, text + len, max + 1 - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    (void)close(fd);
    if (text == NULL || got != 0 || len > max) {
        free(text);
        return fault_set(why, STATUS_IO, NULL, "%s cannot be read, or has more than %zu bytes", path, max);
    }
    text[len] = '\0';
    *out = text;
    *out_len = len;
    return STATUS_OK;
}

enum status file_write_secret(const char *path, const char *text, struct fault *why)
{
    char beside[CLI_PATH_MAX + 8];
    (void)snprintf(beside, sizeof beside, "%s.new", path);
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    size_t len = strlen(text);
    bool good = fd >= 0 && fchmod(fd, 0600) == 0 && write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
    if (fd >= 0)
        good = close(fd) == 0 && good;
    if (!good || rename(beside, path) != 0)
        return fault_set(why, STATUS_IO, NULL, "%s cannot be written: %s", path, strerror(errno));
    return STATUS_OK;
}
