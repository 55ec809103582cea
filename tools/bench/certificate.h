/* A certificate for "localhost" that vouches for itself for a day, and its key, for servers that we only measure. */
#ifndef TOOLS_BENCH_CERTIFICATE_H
#define TOOLS_BENCH_CERTIFICATE_H

#include <stdbool.h>

bool certificate_make(const char *certificate_path,
                      const char *key_path); /* PEM; the key's file has mode 0600 */

#endif
