/* The running server: parts started in order, stopped in reverse. */
#ifndef SERVER_APP_SERVE_H
#define SERVER_APP_SERVE_H

#include "server/app/config.h"

/* Serves until SIGTERM or SIGINT and a drain. `config_path` is read again at SIGHUP. `ready_file` (may be NULL) gets
 * "port=", "metrics_port=" and "pid=" lines once the server answers. Returns the process's exit code. */
int serve(const char *config_path, struct config *config, const char *ready_file);

/* `daftarid init ...`: argv from "init" on. */
int init_main(int argc, char **argv);

#endif
