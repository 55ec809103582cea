#include "proto/base/bug.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void bug_stop(const char *condition, const char *file, int line)
{
    fprintf(stderr, "bug: %s:%d: this should hold: %s\n", file, line, condition);
    abort();
}
