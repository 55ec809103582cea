#include "tools/audit/guard.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define FOLDERS_OPEN_MAX 8

static const int memory_faults[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
#define MEMORY_FAULTS (sizeof memory_faults / sizeof *memory_faults)

static bool is_fault_of_memory(int number)
{
    for (size_t i = 0; i < MEMORY_FAULTS; i++)
        if (memory_faults[i] == number)
            return true;
    return false;
}

enum status guard_run(int (*look)(void *context), void *context, int *out_code, int *out_signal,
                      struct fault *why)
{
    int state = 0;
    fflush(NULL);
    pid_t parent = getpid(), child = fork();
    if (child < 0)
        return fault_set(why, STATUS_IO, NULL, "no process can be made to look: %s", strerror(errno));
    if (child == 0) {
        /* Nobody would read what it says when the parent has ended. */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
            _exit(2);
        /* A handler (a sanitizer's) would let a fault pass for an ordinary end. */
        for (size_t i = 0; i < MEMORY_FAULTS; i++)
            (void)signal(memory_faults[i], SIG_DFL);
        (void)setvbuf(stdout, NULL, _IOLBF, 0);
        int code = look(context);
        fflush(NULL);
        _exit(code);
    }
    while (waitpid(child, &state, 0) < 0)
        if (errno != EINTR)
            return fault_set(why, STATUS_IO, NULL, "the process that looks is lost: %s", strerror(errno));
    if (WIFEXITED(state)) {
        *out_code = WEXITSTATUS(state);
        return STATUS_OK;
    }
    *out_signal = WTERMSIG(state);
    if (is_fault_of_memory(*out_signal))
        return STATUS_CORRUPT;
    return fault_set(why, STATUS_INTERNAL, NULL, "the process that looks was killed (%s)",
                     strsignal(*out_signal));
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *at)
{
    (void)info;
    (void)type;
    (void)at;
    (void)remove(path);
    return 0;
}

void guard_remove(const char *folder)
{
    (void)nftw(folder, remove_one, FOLDERS_OPEN_MAX, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
