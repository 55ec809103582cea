#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench/bench.h"

#define OPEN_FOLDERS_MAX 16

static uint64_t disk_bytes; /* nftw has no context argument; this program measures one folder at a time */

static int add_blocks(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)path;
    (void)where;
    if (kind == FTW_F)
        disk_bytes += (uint64_t)about->st_blocks * 512u;
    return 0;
}

bool bench_disk_bytes(const char *folder, uint64_t *out)
{
    disk_bytes = 0;
    /* Without read rights nftw calls on for a folder as FTW_DNR and goes on: what counts is that there is something. */
    if (folder == NULL || nftw(folder, add_blocks, OPEN_FOLDERS_MAX, FTW_PHYS) != 0 || disk_bytes == 0)
        return false;
    *out = disk_bytes;
    return true;
}

void bench_memory(int pid, struct bench_result *out)
{
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *file = pid > 0 ? fopen(path, "re") : NULL;
    if (file == NULL)
        return;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "RssAnon:", 8) == 0)
            out->memory_anonymous = strtoull(line + 8, NULL, 10) * 1024u;
        if (strncmp(line, "VmRSS:", 6) == 0)
            out->memory_resident = strtoull(line + 6, NULL, 10) * 1024u;
    }
    out->memory_known = out->memory_resident != 0;
    fclose(file);
}
