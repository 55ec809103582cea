/* A folder of its own for a test, and its removal with all that is in it. */
#ifndef TESTS_SUPPORT_SCRATCH_H
#define TESTS_SUPPORT_SCRATCH_H

#define SCRATCH_PATH_MAX 256

void scratch_make(
    char out[SCRATCH_PATH_MAX]); /* under TMPDIR or /tmp; stops the test program when it cannot */
void scratch_remove(const char *path);

#endif
