#include <signal.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "server/app/pki.h"
#include "server/app/server.h"
#include "server/base/diag.h"

#define WAITING_TEXT_MAX 800

static void reload(struct server *server)
{
    struct fault fault = {0};
    char waiting[WAITING_TEXT_MAX] = "";
    struct config *fresh = config_new();
    if (fresh == NULL)
        return;
    enum status status = config_read(fresh, server->config_path, stderr);
    if (status == STATUS_OK)
        status = config_check_files(fresh, server->config_path, stderr);
    if (status != STATUS_OK)
        (void)fault_set(&fault, status, NULL, "%s has problems; all stays as it was", server->config_path);
    if (status == STATUS_OK) {
        struct net_tls tls;
        pki_server_files(server->config, &tls); /* key_dir itself waits for a restart */
        status = net_reload_tls(server->net, &tls, &fault);
    }
    if (status == STATUS_OK) {
        diag_set_level(config_diag_level(fresh));
        config_waiting(server->config, fresh, waiting, sizeof waiting);
    }
    if (waiting[0] != '\0')
        diag(DIAG_WARNING, "app", "restart-needed", "changed=\"%s\"", waiting);
    diag(status == STATUS_OK ? DIAG_INFO : DIAG_WARNING, "app", "reloaded", "status=%s text=\"%s\"",
         status_name(status), fault.text);
    config_free(fresh);
}

static void *signals_main(void *argument)
{
    struct server *server = argument;
    (void)pthread_setname_np(pthread_self(), "signals");
    sigset_t set;
    bool draining = false;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR2); /* ours: the server has drained, this thread may end */
    for (;;) {
        int got = sigwaitinfo(&set, NULL);
        if (got == SIGUSR2)
            return NULL;
        if (got == SIGHUP) {
            reload(server);
        } else if (got > 0 && draining) {
            diag(DIAG_WARNING, "app", "second-signal", "signal=%d", got);
            _exit(EXIT_FATAL);
        } else if (got > 0) {
            draining = true;
            diag(DIAG_INFO, "app", "draining", "signal=%d", got);
            (void)sd_notify(0, "STOPPING=1");
            net_drain(server->net);
        }
    }
}

enum status signals_start(struct server *server)
{
    if (pthread_create(&server->signals, NULL, signals_main, server) != 0)
        return STATUS_NO_MEMORY;
    server->signals_running = true;
    return STATUS_OK;
}

void signals_stop(struct server *server)
{
    if (!server->signals_running)
        return;
    (void)pthread_kill(server->signals, SIGUSR2);
    (void)pthread_join(server->signals, NULL);
}

bool signals_stop_wanted(void)
{
    sigset_t set;
    return sigpending(&set) == 0 && (sigismember(&set, SIGTERM) == 1 || sigismember(&set, SIGINT) == 1);
}

void signals_block(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR2);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}
