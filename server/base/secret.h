/* Passwords, tokens and digests, by libcrypto. Any thread. Nothing here keeps state. */
#ifndef SERVER_BASE_SECRET_H
#define SERVER_BASE_SECRET_H

#include "proto/base/slice.h"
#include "proto/base/status.h"

#define SECRET_SALT_BYTES   16
#define SECRET_HASH_BYTES   32
#define SECRET_DIGEST_BYTES 32

/* A password has eight characters or more (catalogue 5.3), counted in bytes; the upper bound keeps a request small. */
#define PASSWORD_BYTES_MIN 8u
#define PASSWORD_BYTES_MAX 200u

struct secret_verifier {
    uint8_t salt[SECRET_SALT_BYTES];
    uint8_t hash[SECRET_HASH_BYTES];
};

/* scrypt, N = 2^15, r = 8, p = 1 (RFC 7914): about 92 ms and 32 MiB. NO_MEMORY or INTERNAL. */
enum status secret_scrypt(struct slice password, const uint8_t salt[SECRET_SALT_BYTES],
                          uint8_t out[SECRET_HASH_BYTES]) MUST_USE;
/* The same work, then a comparison in constant time. */
enum status secret_check(struct slice password, const struct secret_verifier *verifier,
                         bool *out_good) MUST_USE;

void secret_digest(struct slice bytes, uint8_t out[SECRET_DIGEST_BYTES]); /* SHA-256 */
bool secret_equal(const void *a, const void *b, size_t len);              /* constant time */
void secret_wipe(void *at, size_t len);                                   /* not optimised away */

#endif
