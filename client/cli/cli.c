/* The program: settings, then what the first words ask for. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "client/cli/cli.h"
#include "client/cli/mpesa/mpesa.h"

struct word {
    const char *name;
    int (*run)(struct cli *cli, int argc, char **argv);
    unsigned takes; /* of enum setting_special */
};

static int run_who(struct cli *cli, int argc, char **argv)
{
    struct method method;
    return method_by_name("Login.WhoAmI", &method) ? run_method(cli, &method, argc, argv) : EXIT_USAGE;
}

static const struct word words[] = {
    {"log-in", session_log_in, SETTING_PASSWORD_FILE},
    {"log-out", session_log_out, 0},
    {"who-am-i", run_who, SETTING_JSON | SETTING_AT_LEAST},
    {"ping", session_ping, 0},
    {"report", report_run, SETTING_JSON | SETTING_AT_LEAST},
    {"load", load_run, 0},
    {"outbox", outbox_run, SETTING_JSON | SETTING_COMMAND_ID},
    {"import", import_run, 0},
    {"check-books", report_word, SETTING_AT_LEAST},
};

/* argv: what follows the noun. */
static int run_noun(struct cli *cli, const char *noun, int argc, char **argv)
{
    const ProtobufCServiceDescriptor *service = service_by_noun(noun);
    struct method method;
    if (service == NULL || strcmp(noun, "login") == 0)
        return cli_usage("there is no \"%s\": daftari help lists what there is", noun);
    if (argc < 1) {
        help_noun(service, cli->help ? stdout : stderr);
        return cli->help ? EXIT_DONE : cli_usage("daftari %s needs a verb", noun);
    }
    if (strcmp(noun, "mpesa") == 0 && mpesa_takes(argc, argv))
        return mpesa_run(cli, argc, argv);
    if (!method_by_verb(service, argv[0], &method))
        return cli_usage("there is no \"%s %s\": daftari help %s lists what there is", noun, argv[0], noun);
    return run_method(cli, &method, argc - 1, argv + 1);
}

/* Words that are no service explain themselves. */
static int run_help(struct cli *cli, int argc, char **argv)
{
    static const struct word own[] = {{"ping", session_ping, 0},
                                      {"load", load_run, 0},
                                      {"outbox", outbox_run, 0},
                                      {"import", import_run, 0},
                                      {"check-books", report_word, 0}};
    char option[] = "--help";
    char *help[] = {option};
    for (size_t i = 0; argc > 0 && i < sizeof own / sizeof own[0]; i++) {
        if (strcmp(own[i].name, argv[0]) == 0) {
            cli->word = own[i].name;
            return own[i].run(cli, 1, help);
        }
    }
    return help_run(argc, argv);
}

static int run_words(struct cli *cli, int argc, char **argv)
{
    if (strcmp(argv[0], "help") == 0)
        return run_help(cli, argc - 1, argv + 1);
    if (strcmp(argv[0], "completion") == 0)
        return completion_run(argc - 1, argv + 1);
    const char *word = argv[0];
    struct fault why = {.status = STATUS_OK};
    argc--;
    argv++;
    if (settings_leading(cli, &argc, &argv, &why) != STATUS_OK)
        return cli_usage("%s", why.text);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].name, word) != 0)
            continue;
        cli->word = word;
        cli->takes = words[i].takes;
        if (settings_only(cli, cli->takes, word, &why) != STATUS_OK)
            return cli_usage("%s", why.text);
        return words[i].run(cli, argc, argv);
    }
    return run_noun(cli, word, argc, argv);
}

int cli_main(int argc, char **argv)
{
    struct cli cli;
    struct fault why = {.status = STATUS_OK};
    (void)signal(SIGPIPE, SIG_IGN);
    settings_init(&cli);
    int at = 1;
    int code = EXIT_DONE;
    while (at < argc) {
        if (strcmp(argv[at], "--version") == 0) {
            (void)printf("daftari %s\n", dft_version());
            return EXIT_DONE;
        }
        enum status status = settings_take(&cli, argc, argv, &at, &why);
        if (status == STATUS_INVALID)
            return cli_usage("%s", why.text);
        if (status != STATUS_OK)
            break;
    }
    if (at >= argc || cli.help) {
        help_all(cli.help ? stdout : stderr);
        code = cli.help ? EXIT_DONE : EXIT_USAGE;
    } else {
        code = run_words(&cli, argc - at, argv + at);
    }
    settings_done(&cli);
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        (void)fprintf(stderr,
                      "daftari: the answer could not be written: %s; what was sent was done all the same\n",
                      strerror(errno));
        code = code == EXIT_DONE ? EXIT_OUTPUT : code;
    }
    return code;
}
