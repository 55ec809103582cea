/* daftarid: the server. `daftarid init` makes new books; without a subcommand it serves. See daftarid(8). */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/app/pki.h"
#include "server/app/serve.h"
#include "server/app/unlock.h"

#define EXIT_USAGE 2

static void usage(FILE *to)
{
    fputs("usage: daftarid --config FILE [--ready-file FILE]\n"
          "       daftarid --config FILE --check-config | --print-config\n"
          "       daftarid init --help\n"
          "       daftarid certificate --help\n"
          "       daftarid unlock --help\n"
          "\n  --config FILE      configuration (default /etc/daftari/daftari.conf); daftari.conf(5) has "
          "every key\n"
          "  --ready-file FILE  written when the server answers: port=, metrics_port=, pid=\n"
          "  --check-config     check the configuration and the files it names, list every problem, and end\n"
          "  --print-config     the configuration in force, with what each key means\n"
          "  --version  --help\n"
          "\nThe server stays in the foreground; SIGTERM drains and ends it, SIGHUP reads certificates and "
          "log level again.\n"
          "Exit: 0 ended as asked, 1 could not start or configuration has problems, 2 usage, 3 fault (see "
          "the log).\n",
          to);
}

enum { OPT_CONFIG = 256, OPT_READY, OPT_CHECK, OPT_PRINT, OPT_VERSION, OPT_HELP };

static const struct option long_options[] = {
    {"config", 1, NULL, OPT_CONFIG},
    {"ready-file", 1, NULL, OPT_READY},
    {"check-config", 0, NULL, OPT_CHECK},
    {"print-config", 0, NULL, OPT_PRINT},
    {"version", 0, NULL, OPT_VERSION},
    {"help", 0, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

int main(int argc, char **argv)
{
    const char *config_path = "/etc/daftari/daftari.conf", *ready_file = NULL;
    bool check = false, print = false, given = false;
    int option;
    if (argc > 1 && strcmp(argv[1], "init") == 0)
        return init_main(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "certificate") == 0)
        return pki_main(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "unlock") == 0)
        return unlock_main(argc - 1, argv + 1);
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        switch (option) {
        case OPT_CONFIG:
            config_path = optarg;
            given = true;
            break;
        case OPT_READY:
            ready_file = optarg;
            break;
        case OPT_CHECK:
            check = true;
            break;
        case OPT_PRINT:
            print = true;
            break;
        case OPT_VERSION:
            puts("daftarid " DAFTARI_VERSION);
            return 0;
        case OPT_HELP:
            usage(stdout);
            return 0;
        default:
            usage(stderr);
            return EXIT_USAGE;
        }
    }
    if (optind != argc) {
        usage(stderr);
        return EXIT_USAGE;
    }
    struct config *config = config_new();
    if (config == NULL)
        return 1;
    /* --print-config without a file prints the defaults: a sample to start from. */
    enum status status = print && !given ? STATUS_OK : config_read(config, config_path, stderr);
    int code = status == STATUS_OK ? 0 : 1;
    if (status == STATUS_OK && print) {
        config_print(config, stdout);
    } else if (check && (status == STATUS_OK ||
                         status == STATUS_INVALID)) { /* every problem, not the first kind alone */
        if (config_check_files(config, config_path, stderr) == STATUS_OK && status == STATUS_OK)
            printf("%s: good\n", config_path);
        else
            code = 1;
    } else if (status == STATUS_OK) {
        diag_set_level(config_diag_level(config));
        code = config_check_files(config, config_path, stderr) != STATUS_OK
                   ? 1
                   : serve(config_path, config, ready_file);
    }
    config_free(config);
    return code;
}
