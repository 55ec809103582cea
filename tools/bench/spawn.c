#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/wait.h>

#include "tools/bench/bench.h"
#include "tools/bench/spawn.h"

#define OPEN_FOLDERS_MAX 16

/* Beside this program, else as it is, for PATH. */
static void program_path(const char *name, char out[BENCH_PATH_MAX])
{
    ssize_t len = readlink("/proc/self/exe", out, BENCH_PATH_MAX - 1);
    out[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(out, '/');
    size_t at = slash != NULL ? (size_t)(slash - out) + 1 : 0;
    snprintf(out + at, BENCH_PATH_MAX - at, "%s", name);
    if (slash == NULL || strchr(name, '/') != NULL || access(out, X_OK) != 0)
        snprintf(out, BENCH_PATH_MAX, "%s", name);
}

/* In the child; comes back only when it cannot be done. */
static void become(const char *program, const char *const *args, int output, const struct process_user *user,
                   pid_t parent)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0 || output < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0)
        return;
    (void)setpgid(0, 0); /* the terminal's signals are for us, who then stop it */
    if (user != NULL && (setgroups(0, NULL) != 0 || setgid(user->gid) != 0 || setuid(user->uid) != 0))
        return;
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* after the change of user, which takes it back */
    if (getppid() != parent)
        return;
    execvp(program, (char *const *)(uintptr_t)args);
}

pid_t process_spawn(const char *const *args, const char *output_path, const struct process_user *user)
{
    char program[BENCH_PATH_MAX];
    pid_t parent = getpid();
    program_path(args[0], program);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    become(program, args, open(output_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), user, parent);
    _exit(127);
}

bool process_run(const char *const *args, const char *output_path, const struct process_user *user)
{
    int status = 0;
    pid_t pid = process_spawn(args, output_path, user);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool process_ended(pid_t *pid)
{
    if (*pid > 0 && waitpid(*pid, NULL, WNOHANG) == *pid)
        *pid = 0;
    return *pid <= 0;
}

void process_kill(pid_t *pid)
{
    if (*pid <= 0)
        return;
    (void)kill(*pid, SIGKILL);
    while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    *pid = 0;
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)about;
    (void)kind;
    (void)where;
    (void)remove(path);
    return 0;
}

void folder_remove(const char *path)
{
    (void)nftw(path, remove_one, OPEN_FOLDERS_MAX, FTW_DEPTH | FTW_PHYS);
}
