#include "server/base/secret.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "proto/base/bug.h"

#define SCRYPT_N         (UINT64_C(1) << 15)
#define SCRYPT_R         8u
#define SCRYPT_P         1u
#define SCRYPT_BYTES_MAX (UINT64_C(64) << 20) /* needs 128 * N * r = 32 MiB and a little */

enum status secret_scrypt(struct slice password, const uint8_t salt[SECRET_SALT_BYTES],
                          uint8_t out[SECRET_HASH_BYTES])
{
    const char *text = password.len != 0 ? (const char *)password.ptr : "";
    int done = EVP_PBE_scrypt(text, password.len, salt, SECRET_SALT_BYTES, SCRYPT_N, SCRYPT_R, SCRYPT_P,
                              SCRYPT_BYTES_MAX, out, SECRET_HASH_BYTES);
    if (done != 1) {
        ERR_clear_error();
        return STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

enum status secret_check(struct slice password, const struct secret_verifier *verifier, bool *out_good)
{
    uint8_t hash[SECRET_HASH_BYTES];
    enum status status = secret_scrypt(password, verifier->salt, hash);
    if (status == STATUS_OK)
        *out_good = secret_equal(hash, verifier->hash, sizeof hash);
    secret_wipe(hash, sizeof hash);
    return status;
}

void secret_digest(struct slice bytes, uint8_t out[SECRET_DIGEST_BYTES])
{
    static const uint8_t nothing;
    ASSERT(SHA256(bytes.len != 0 ? bytes.ptr : &nothing, bytes.len, out) != NULL);
}

bool secret_equal(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

void secret_wipe(void *at, size_t len)
{
    OPENSSL_cleanse(at, len);
}
