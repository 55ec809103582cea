/* Random bytes for keys, tokens and nonces: libcrypto's in the server, a seeded generator in tests. */
#ifndef SERVER_PORTS_ENTROPY_H
#define SERVER_PORTS_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

#include "proto/base/status.h"

struct entropy {
    enum status (*fill)(const struct entropy *entropy, void *out, size_t len);
};

static inline enum status MUST_USE entropy_fill(const struct entropy *entropy, void *out, size_t len)
{
    return entropy->fill(entropy, out, len);
}

#endif
