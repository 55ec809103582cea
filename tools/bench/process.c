#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/bench/bench.h"

#define OPEN_FOLDERS_MAX 16
#define TASKS_MAX        4096

uint64_t bench_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

uint64_t bench_cpu_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

/* ---- disk ------------------------------------------------------------------------------------------------------ */

static uint64_t disk_bytes; /* nftw has no context argument; this program measures one folder at a time */

static int add_blocks(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)path;
    (void)where;
    if (kind == FTW_F)
        disk_bytes += (uint64_t)about->st_blocks * 512u;
    return 0;
}

static bool folder_bytes(const char *folder, uint64_t *out)
{
    disk_bytes = 0;
    /* Without read rights nftw calls on for a folder as FTW_DNR and goes on: what counts is that there is something. */
    if (nftw(folder, add_blocks, OPEN_FOLDERS_MAX, FTW_PHYS) != 0 || disk_bytes == 0)
        return false;
    *out = disk_bytes;
    return true;
}

bool bench_disk(const char *data_dir, struct bench_disk *out)
{
    struct bench_disk disk = {0};
    char path[BENCH_PATH_MAX];
    struct {
        const char *name;
        uint64_t *bytes;
    } parts[] = {{"log", &disk.log}, {"state", &disk.state}, {"views", &disk.views}};
    if (data_dir == NULL || !folder_bytes(data_dir, &disk.all))
        return false;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        snprintf(path, sizeof path, "%s/%s", data_dir, parts[i].name);
        (void)folder_bytes(path, parts[i].bytes); /* absent before the server has made it */
    }
    *out = disk;
    return true;
}

/* ---- memory and processor time: proc(5) --------------------------------------------------------------------------- */

bool bench_memory(int pid, struct bench_memory *out)
{
    char path[64], line[256];
    struct bench_memory memory = {0};
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *file = pid > 0 ? fopen(path, "re") : NULL;
    if (file == NULL)
        return false;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "RssAnon:", 8) == 0)
            memory.anonymous = strtoull(line + 8, NULL, 10) * 1024u;
        if (strncmp(line, "VmRSS:", 6) == 0)
            memory.resident = strtoull(line + 6, NULL, 10) * 1024u;
    }
    fclose(file);
    if (memory.resident == 0)
        return false;
    *out = memory;
    return true;
}

/* The first line of a file below /proc; false when there is none. */
static bool first_line(const char *path, char *out, size_t cap)
{
    FILE *file = fopen(path, "re");
    bool good = file != NULL && fgets(out, (int)cap, file) != NULL;
    if (file != NULL)
        fclose(file);
    if (good)
        out[strcspn(out, "\n")] = '\0';
    return good;
}

static void add_thread(struct bench_cpu *cpu, const char *name, uint64_t ns)
{
    uint32_t i = 0;
    while (i < cpu->count && strcmp(cpu->threads[i].name, name) != 0)
        i++;
    if (i == BENCH_THREADS_MAX)
        return;
    if (i == cpu->count)
        snprintf(cpu->threads[cpu->count++].name, sizeof cpu->threads[i].name, "%s", name);
    cpu->threads[i].ns += ns;
}

bool bench_cpu_of(int pid, struct bench_cpu *out)
{
    char path[300], line[512], name[16];
    struct bench_cpu cpu = {0};
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    char *fields = pid > 0 && first_line(path, line, sizeof line) ? strrchr(line, ')') : NULL;
    if (fields == NULL)
        return false;
    for (int skip = 0; skip < 12 && fields != NULL; skip++) /* from the name, field 2, to utime, field 14 */
        fields = strchr(fields + 1, ' ');
    if (fields == NULL)
        return false;
    char *end;
    uint64_t ticks = strtoull(fields, &end, 10);
    ticks += strtoull(end, NULL, 10);
    cpu.all_us = ticks * 1000000u / (uint64_t)sysconf(_SC_CLK_TCK);

    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *tasks = opendir(path);
    const struct dirent *task;
    for (int i = 0; tasks != NULL && i < TASKS_MAX && (task = readdir(tasks)) != NULL; i++) {
        if (task->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "/proc/%d/task/%.16s/comm", pid, task->d_name);
        bool named = first_line(path, name, sizeof name);
        snprintf(path, sizeof path, "/proc/%d/task/%.16s/schedstat", pid, task->d_name);
        if (named && first_line(path, line, sizeof line))
            add_thread(&cpu, name, strtoull(line, NULL, 10)); /* nanoseconds on a processor */
    }
    if (tasks != NULL)
        closedir(tasks);
    *out = cpu;
    return true;
}
