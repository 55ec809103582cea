/* Logging in and out; the session's token is kept in a file that nobody else can read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "client/cli/cli.h"
#include "proto/base/text.h"

#define PASSWORD_MAX 256 /* bytes with the NUL */

bool session_load(struct cli *cli, uint8_t token[DFT_TOKEN_BYTES_MAX], size_t *out_len)
{
    char path[CLI_PATH_MAX];
    char *text = NULL;
    size_t len = 0;
    struct fault why = {.status = STATUS_OK};
    if (settings_path(cli, "session", true, path, NULL) != STATUS_OK)
        return false;
    enum status status = file_read_all(path, 2 * DFT_TOKEN_BYTES_MAX + 1, true, &text, &len, &why);
    if (status != STATUS_OK) {
        if (status != STATUS_NOT_FOUND)
            (void)fprintf(stderr, "daftari: the kept session is not used: %s\n", why.text);
        return false;
    }
    while (len > 0 && text[len - 1] == '\n')
        len--;
    bool good = len > 0 && len % 2 == 0 && len / 2 <= DFT_TOKEN_BYTES_MAX &&
                hex_parse(slice_of(text, len), token, len / 2);
    explicit_bzero(text, len);
    free(text);
    *out_len = len / 2;
    return good;
}

static enum status session_keep(struct cli *cli, struct fault *why)
{
    char path[CLI_PATH_MAX];
    size_t len = 0;
    const uint8_t *token = dft_session_token(cli->client, &len);
    enum status status = settings_path(cli, "session", true, path, why);
    if (status != STATUS_OK)
        return status;
    char text[HEX_TEXT_LEN(DFT_TOKEN_BYTES_MAX) + 1];
    hex_format(token, len, text);
    status = file_write_secret(path, text, why);
    explicit_bzero(text, sizeof text);
    return status;
}

/* The line typed, without showing it. */
static enum status password_ask(const char *prompt, char out[PASSWORD_MAX], struct fault *why)
{
    FILE *terminal = fopen("/dev/tty", "r+");
    struct termios before, silent;
    if (terminal == NULL || tcgetattr(fileno(terminal), &before) != 0) {
        if (terminal != NULL)
            (void)fclose(terminal);
        return fault_set(why, STATUS_INVALID, NULL,
                         "no terminal to ask for the password: give a file instead");
    }
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    (void)fprintf(terminal, "%s: ", prompt);
    (void)fflush(terminal);
    (void)tcsetattr(fileno(terminal), TCSAFLUSH, &silent);
    char *got = fgets(out, PASSWORD_MAX, terminal);
    (void)tcsetattr(fileno(terminal), TCSAFLUSH, &before);
    (void)fputs("\n", terminal);
    (void)fclose(terminal);
    if (got == NULL)
        return fault_set(why, STATUS_INVALID, NULL, "no password was given");
    out[strcspn(out, "\n")] = '\0';
    return STATUS_OK;
}

static enum status password_read(const char *path, char out[PASSWORD_MAX], struct fault *why)
{
    char *text = NULL;
    size_t len = 0;
    enum status status = file_read_all(path, 4096, false, &text, &len, why);
    if (status != STATUS_OK)
        return status;
    size_t line = strcspn(text, "\r\n");
    if (line == 0 || line >= PASSWORD_MAX)
        status = fault_set(why, STATUS_INVALID, NULL, "%s has no password in its first line", path);
    else
        (void)snprintf(out, PASSWORD_MAX, "%.*s", (int)line, text);
    explicit_bzero(text, len);
    free(text);
    return status;
}

static enum status password_get(const struct cli *cli, char out[PASSWORD_MAX], struct fault *why)
{
    return cli->password_file != NULL ? password_read(cli->password_file, out, why)
                                      : password_ask("Password", out, why);
}

enum status session_secrets(json_t *object, struct fault *why)
{
    static const struct {
        const char *name, *prompt;
    } fields[] = {
        {"old_password", "Old password"}, {"password", "Password"}, {"new_password", "New password"}};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const char *given = json_string_value(json_object_get(object, fields[i].name));
        char password[PASSWORD_MAX] = "";
        if (given == NULL || (strcmp(given, "-") != 0 && given[0] != '@'))
            continue;
        enum status status = given[0] == '@' ? password_read(given + 1, password, why)
                                             : password_ask(fields[i].prompt, password, why);
        if (status != STATUS_OK)
            return status;
        (void)json_object_set_new(object, fields[i].name, json_string(password));
        explicit_bzero(password, sizeof password);
    }
    return STATUS_OK;
}

int session_log_in(struct cli *cli, int argc, char **argv)
{
    struct method method;
    struct fault why = {.status = STATUS_OK};
    json_t *given = NULL;
    char password[PASSWORD_MAX] = "";
    if (!method_by_name("Login.LogIn", &method))
        return EXIT_USAGE;
    if (run_options(cli, method.row->input, argc, argv, &given, &why) != STATUS_OK)
        return cli_usage("%s", why.text);
    if (cli->help) {
        json_decref(given);
        help_method(&method, stdout);
        return EXIT_DONE;
    }
    const char *email = json_string_value(json_object_get(given, "email"));
    if (email == NULL || json_object_get(given, "password") != NULL) {
        json_decref(given);
        return cli_usage("log-in takes --email and asks for the password, or takes --password-file");
    }
    struct dft_fault fault = {.status = DFT_OK};
    enum status status = password_get(cli, password, &why);
    if (status != STATUS_OK) {
        json_decref(given);
        return cli_usage("%s", why.text);
    }
    status = cli_connect(cli, &why);
    if (status == STATUS_OK && dft_log_in(cli->client, email, password, &fault) != DFT_OK) {
        why = fault_of(&fault);
        status = why.status;
        if (status ==
            STATUS_UNAUTHENTICATED) { /* here it is about the password, not about a missing log-in */
            why.status = STATUS_DENIED;
        }
    }
    explicit_bzero(password, sizeof password);
    if (status == STATUS_OK)
        status = session_keep(cli, &why);
    uint32_t scale;
    if (status == STATUS_OK) /* learns the currencies: the outbox needs them when the line is gone */
        (void)cli_scale(cli, NULL, &scale, NULL);
    if (status == STATUS_OK && cli->output == OUTPUT_TABLE && !cli->quiet)
        (void)printf("logged in as %s\n", email);
    json_decref(given);
    return status == STATUS_OK ? EXIT_DONE : cli_fail(&why);
}

int session_log_out(struct cli *cli, int argc, char **argv)
{
    struct fault why = {.status = STATUS_OK};
    char path[CLI_PATH_MAX];
    for (int at = 0; at < argc;) {
        if (settings_take(cli, argc, argv, &at, &why) != STATUS_OK)
            return cli_usage("log-out takes no such option: %s", argv[at < argc ? at : argc - 1]);
    }
    if (cli->help) {
        (void)puts("daftari log-out\n  Ends the session at the server and forgets it here. When the server "
                   "cannot end it now, it is kept.");
        return EXIT_DONE;
    }
    enum status status = cli_connect(cli, &why);
    struct dft_fault fault = {.status = DFT_OK};
    if (status == STATUS_OK) {
        enum dft_status out = dft_log_out(cli->client, &fault);
        if (out != DFT_OK && out != DFT_UNAUTHENTICATED) {
            why = fault_of(&fault);
            status = why.status;
        }
    }
    /* Kept while the server has it: forgotten here, nobody could end it any more but by a log-in, for which there may be no room. */
    bool found = settings_path(cli, "session", true, path, NULL) == STATUS_OK;
    if (found && status == STATUS_OK)
        (void)unlink(path);
    else if (found && access(path, F_OK) == 0)
        (void)fprintf(
            stderr,
            "daftari: you are still logged in. Try again, or remove %s to forget the session here alone.\n",
            path);
    if (status == STATUS_OK && cli->output == OUTPUT_TABLE && !cli->quiet)
        (void)puts("logged out");
    return status == STATUS_OK ? EXIT_DONE : cli_fail(&why);
}

int session_ping(struct cli *cli, int argc, char **argv)
{
    struct fault why = {.status = STATUS_OK};
    struct timespec before, after;
    for (int at = 0; at < argc;) {
        if (settings_take(cli, argc, argv, &at, &why) != STATUS_OK)
            return cli_usage("ping takes no such option: %s", argv[at < argc ? at : argc - 1]);
    }
    if (cli->help) {
        (void)puts("daftari ping\n  Whether the server answers, who it is, and whether its log is still the "
                   "one seen before.");
        return EXIT_DONE;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &before);
    if (cli_connect(cli, &why) != STATUS_OK)
        return cli_no_connection(&why);
    (void)clock_gettime(CLOCK_MONOTONIC, &after);
    long long took_us = (after.tv_sec - before.tv_sec) * 1000000LL + (after.tv_nsec - before.tv_nsec) / 1000;
    const struct dft_welcome *welcome = dft_welcome(cli->client);
    if (cli->output == OUTPUT_JSON) {
        json_t *object = json_pack("{s:s, s:s, s:I, s:s, s:I}", "server", welcome->agent, "books",
                                   welcome->books, "position", (json_int_t)welcome->log_size, "log_key",
                                   welcome->log_key, "microseconds", (json_int_t)took_us);
        (void)json_dumpf(object, stdout, JSON_COMPACT);
        (void)puts("");
        json_decref(object);
    } else if (cli->output == OUTPUT_CSV) {
        (void)fputs("server,books,position,log_key,microseconds\r\n", stdout);
        csv_field(stdout, welcome->agent);
        (void)fputc(',', stdout);
        csv_field(stdout, welcome->books);
        (void)printf(",%llu,", (unsigned long long)welcome->log_size);
        csv_field(stdout, welcome->log_key);
        (void)printf(",%lld\r\n", took_us);
    } else {
        (void)printf("%s: books \"%s\", %llu records, %s, connected in %lld us\n", welcome->agent,
                     welcome->books, (unsigned long long)welcome->log_size,
                     welcome->email[0] != '\0' ? welcome->email : "not logged in", took_us);
    }
    return EXIT_DONE;
}
