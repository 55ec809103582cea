/* For tests that stand before functions of the C library: the function itself. */
#ifndef TESTS_SUPPORT_REAL_H
#define TESTS_SUPPORT_REAL_H

#include <dlfcn.h>
#include <stdlib.h>

/* Here, not in a file of its own: RTLD_NEXT looks behind the object that calls. */
static inline void *real(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);
    if (function == NULL)
        abort();
    return function;
}

#endif
