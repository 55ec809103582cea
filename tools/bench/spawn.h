/* Programs that we start, and folders that we remove. Children end when this process ends, whatever ends it. */
#ifndef TOOLS_BENCH_SPAWN_H
#define TOOLS_BENCH_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

struct process_user { /* whose rights the child has */
    uid_t uid;
    gid_t gid;
};

/* args[0]: a path, or a name that is looked for beside this program, then in PATH. Its output is added to the file
 * `output_path`. `user` NULL: ours. -1: no process. */
pid_t process_spawn(const char *const *args, const char *output_path, const struct process_user *user);
/* The same to its end. True: it exited with 0. */
bool process_run(const char *const *args, const char *output_path, const struct process_user *user);
/* True: there is none, or it has ended; then *pid is 0. Does not wait. */
bool process_ended(pid_t *pid);
void process_kill(pid_t *pid); /* SIGKILL, and waits */

void folder_remove(const char *path);

#endif
