/* daftari import: books of other programs. */
#include "client/cli/cli.h"

int import_run(struct cli *cli, int argc, char **argv)
{
    (void)cli;
    (void)argc;
    (void)argv;
    return cli_usage("import knows: journal");
}
