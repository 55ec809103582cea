#include "tests/support/scratch.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

void scratch_make(char out[SCRATCH_PATH_MAX])
{
    const char *top = getenv("TMPDIR");
    int len = snprintf(out, SCRATCH_PATH_MAX, "%s/daftari-test-XXXXXX", top != NULL ? top : "/tmp");
    if (len < 0 || len >= SCRATCH_PATH_MAX || mkdtemp(out) == NULL) {
        fprintf(stderr, "cannot make a folder for the test\n");
        exit(1);
    }
}

static int scratch_drop(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

void scratch_remove(const char *path)
{
    nftw(path, scratch_drop, 8, FTW_DEPTH | FTW_PHYS);
}
