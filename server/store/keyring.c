#include "server/store/keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/base/bug.h"
#include "proto/base/bytes.h"
#include "proto/base/text.h"
#include "server/store/folder.h"

#define ENTRY_BYTES       128u
#define ENTRY_AAD_BYTES   40u
#define ENTRY_SUMMED      120u
#define ENTRY_NONCE_BYTES 12u
#define ENTRY_TAG_BYTES   16u
#define KEYS_MAX          (1024u * 1024u) /* data keys of one data folder: a hundred starts a day for decades */
#define BLOCK_KEYS        128u            /* keys are kept in blocks, so that they never move */
#define BLOCKS_MAX        (KEYS_MAX / BLOCK_KEYS)
static const char ENTRY_MAGIC[4] = {'D', 'K', 'E', '1'};

struct key {
    uint8_t bytes[KEYRING_KEY_BYTES];
    bool known;
};

struct secrets { /* in locked memory */
    uint8_t wrap[KEYRING_KEY_BYTES];
    uint8_t blind[KEYRING_BLIND_BYTES];
};

struct keyring {
    char path[FOLDER_PATH_MAX]; /* keys/data-keys */
    char folder[FOLDER_PATH_MAX];
    const struct clock *clock;
    const struct entropy *entropy;
    bool read_only;
    pthread_mutex_t mutex; /* guards what follows */
    struct secrets *secrets;
    uint32_t newest;
    struct key *blocks[BLOCKS_MAX];
};

void keyring_wipe(void *secret, size_t len)
{
    OPENSSL_cleanse(secret, len);
}

/* Memory that is neither swapped nor dumped. Where the lock limit is too low it is only kept out of dumps. */
static void *locked_new(size_t len)
{
    void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return NULL;
    if (mlock(at, len) != 0 || madvise(at, len, MADV_DONTDUMP) != 0)
        madvise(at, len, MADV_DONTDUMP);
    return at;
}

static void locked_free(void *at, size_t len)
{
    if (at == NULL)
        return;
    OPENSSL_cleanse(at, len);
    munmap(at, len);
}

/* ---- the master key ------------------------------------------------------------------------------------------ */

static enum status master_parse(const char *path, struct slice bytes, uint8_t out[KEYRING_KEY_BYTES],
                                struct fault *why)
{
    if (bytes.len == KEYRING_KEY_BYTES) {
        memcpy(out, bytes.ptr, bytes.len);
        return STATUS_OK;
    }
    while (bytes.len > 2 * KEYRING_KEY_BYTES && bytes.ptr[bytes.len - 1] == '\n')
        bytes.len--;
    uint8_t key[KEYRING_KEY_BYTES];
    bool good = bytes.len == 2 * KEYRING_KEY_BYTES && hex_parse(bytes, key, sizeof key);
    if (good)
        memcpy(out, key, sizeof key);
    OPENSSL_cleanse(key, sizeof key);
    return good ? STATUS_OK : fault_set(why, STATUS_INVALID, path, "64 hexadecimal digits, or 32 raw bytes");
}

static enum status master_check(const char *path, int fd, bool guarded, struct fault *why)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return folder_fault(why, path, "look at the master key", errno);
    if (!S_ISREG(info.st_mode))
        return fault_set(why, STATUS_INVALID, path, "the master key in a regular file");
    if (!guarded && (info.st_mode & 077) != 0)
        return fault_set(why, STATUS_INVALID, path,
                         "a file only its owner may read (mode 0600 or 0400), is %04o",
                         (unsigned)(info.st_mode & 07777));
    return STATUS_OK;
}

bool keyring_has_credential(void)
{
    char path[FOLDER_PATH_MAX];
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    return folder != NULL && folder_join(folder, "master-key", path, NULL) == STATUS_OK &&
           access(path, F_OK) == 0;
}

enum status keyring_read_master(const char *path, uint8_t out[KEYRING_KEY_BYTES], struct fault *why)
{
    char credential[FOLDER_PATH_MAX];
    bool guarded = path == NULL;
    if (guarded) {
        const char *folder = getenv("CREDENTIALS_DIRECTORY");
        if (folder == NULL)
            return fault_set(why, STATUS_NOT_FOUND, "master_key",
                             "a key file, or a systemd credential master-key");
        enum status joined = folder_join(folder, "master-key", credential, why);
        if (joined != STATUS_OK)
            return joined;
        path = credential;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return folder_fault(why, path, "open the master key", errno);
    enum status status = master_check(path, fd, guarded, why);
    uint8_t bytes[2 * KEYRING_KEY_BYTES + 8];
    if (status == STATUS_OK) {
        ssize_t len = read(fd, bytes, sizeof bytes);
        status = len < 0 ? folder_fault(why, path, "read the master key", errno)
                         : master_parse(path, slice_of(bytes, (size_t)len), out, why);
    }
    OPENSSL_cleanse(bytes, sizeof bytes);
    close(fd);
    return status;
}

/* ---- derivation and wrapping --------------------------------------------------------------------------------- */

/* HKDF-SHA256 (RFC 5869) without salt, one output block: extract, then HMAC(prk, info || 0x01). */
static bool derive(const uint8_t *master, const char *info, uint8_t out[KEYRING_KEY_BYTES])
{
    static const uint8_t no_salt[32];
    uint8_t prk[32], text[64];
    size_t len = strlen(info);
    ASSERT(len < sizeof text);
    memcpy(text, info, len);
    text[len] = 1;
    unsigned got = 0;
    bool good = HMAC(EVP_sha256(), no_salt, sizeof no_salt, master, KEYRING_KEY_BYTES, prk, &got) != NULL &&
                HMAC(EVP_sha256(), prk, sizeof prk, text, len + 1, out, &got) != NULL;
    OPENSSL_cleanse(prk, sizeof prk);
    return good;
}

/* Seal or open the 32 key bytes at entry + 52 in place; nonce at 40, tag at 84. */
static bool wrap_crypt(const struct keyring *keyring, uint8_t entry[ENTRY_BYTES], bool seal,
                       const uint8_t *from, uint8_t to[KEYRING_KEY_BYTES])
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int len = 0;
    bool good = ctx != NULL && EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, keyring->secrets->wrap,
                                                 entry + 40, seal) == 1;
    if (good && !seal)
        good = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, ENTRY_TAG_BYTES, entry + 84) == 1;
    good = good && EVP_CipherUpdate(ctx, NULL, &len, entry, ENTRY_AAD_BYTES) == 1 &&
           EVP_CipherUpdate(ctx, to, &len, from, KEYRING_KEY_BYTES) == 1 &&
           EVP_CipherFinal_ex(ctx, to + len, &len) == 1;
    if (good && seal)
        good = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, ENTRY_TAG_BYTES, entry + 84) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return good;
}

static void entry_sum(const uint8_t entry[ENTRY_BYTES], uint8_t out[8])
{
    uint8_t digest[32];
    unsigned len = 0;
    int done = EVP_Digest(entry, ENTRY_SUMMED, digest, &len, EVP_sha256(), NULL);
    ASSERT(done == 1);
    memcpy(out, digest, 8);
}

static bool entry_whole(const uint8_t entry[ENTRY_BYTES], uint32_t id)
{
    uint8_t sum[8];
    entry_sum(entry, sum);
    return memcmp(entry, ENTRY_MAGIC, sizeof ENTRY_MAGIC) == 0 && be32_get(entry + 4) == id &&
           memcmp(entry + ENTRY_SUMMED, sum, sizeof sum) == 0;
}

/* ---- the ring ------------------------------------------------------------------------------------------------ */

static struct key *key_slot(struct keyring *keyring, uint32_t id, bool make)
{
    if (id == 0 || id > KEYS_MAX)
        return NULL;
    struct key **block = &keyring->blocks[(id - 1) / BLOCK_KEYS];
    if (*block == NULL && make)
        *block = locked_new(BLOCK_KEYS * sizeof **block);
    return *block != NULL ? &(*block)[(id - 1) % BLOCK_KEYS] : NULL;
}

static enum status entry_load(struct keyring *keyring, uint32_t id, uint8_t entry[ENTRY_BYTES],
                              const char *master_path, struct fault *why)
{
    if (!entry_whole(entry, id))
        return STATUS_OK;
    struct key *key = key_slot(keyring, id, true);
    if (key == NULL)
        return fault_set(why, STATUS_NO_MEMORY, keyring->path, "memory for the data keys");
    if (!wrap_crypt(keyring, entry, false, entry + 52, key->bytes)) {
        OPENSSL_cleanse(key->bytes, sizeof key->bytes);
        return fault_set(why, STATUS_INVALID, master_path,
                         "the master key that %s was made with; this one does not open data key %u",
                         keyring->path, id);
    }
    key->known = true;
    return STATUS_OK;
}

static enum status keyring_load(struct keyring *keyring, const char *master_path, struct fault *why)
{
    int fd = open(keyring->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? STATUS_OK : folder_fault(why, keyring->path, "open the data keys", errno);
    enum status status = STATUS_OK;
    uint8_t entry[ENTRY_BYTES];
    for (uint32_t id = 1; status == STATUS_OK; id++) {
        ssize_t len = pread(fd, entry, sizeof entry, (off_t)(id - 1) * (off_t)ENTRY_BYTES);
        if (len < 0)
            status = folder_fault(why, keyring->path, "read the data keys", errno);
        if (len <= 0)
            break;
        if (id > KEYS_MAX)
            status = fault_set(why, STATUS_FULL, keyring->path, "at most %u data keys", KEYS_MAX);
        keyring->newest = id; /* a torn entry keeps its number: the next one goes behind it */
        if (status == STATUS_OK && (size_t)len == sizeof entry)
            status = entry_load(keyring, id, entry, master_path, why);
    }
    close(fd);
    return status;
}

enum status keyring_open(const struct keyring_options *options, struct keyring **out, struct fault *why)
{
    struct keyring *keyring = calloc(1, sizeof *keyring);
    if (keyring == NULL)
        return fault_set(why, STATUS_NO_MEMORY, options->folder, "memory for the keys");
    pthread_mutex_init(&keyring->mutex, NULL);
    keyring->clock = options->clock;
    keyring->entropy = options->entropy;
    keyring->read_only = options->read_only;
    keyring->secrets = locked_new(sizeof *keyring->secrets);
    enum status status = STATUS_OK;
    if (keyring->secrets == NULL || !derive(options->master, "daftari wrap 1", keyring->secrets->wrap) ||
        !derive(options->master, "daftari blind 1", keyring->secrets->blind))
        status = fault_set(why, STATUS_NO_MEMORY, options->folder, "memory for the keys");
    if (status == STATUS_OK)
        status = folder_join(options->folder, ".", keyring->folder, why);
    if (status == STATUS_OK)
        status = folder_join(options->folder, "data-keys", keyring->path, why);
    if (status == STATUS_OK && options->create && !options->read_only)
        status = folder_make(options->folder, why);
    if (status == STATUS_OK)
        status =
            keyring_load(keyring, options->master_path != NULL ? options->master_path : "master key", why);
    if (status != STATUS_OK) {
        keyring_close(keyring);
        return status;
    }
    *out = keyring;
    return STATUS_OK;
}

void keyring_close(struct keyring *keyring)
{
    if (keyring == NULL)
        return;
    for (size_t i = 0; i < BLOCKS_MAX; i++)
        locked_free(keyring->blocks[i], BLOCK_KEYS * sizeof *keyring->blocks[i]);
    locked_free(keyring->secrets, sizeof *keyring->secrets);
    pthread_mutex_destroy(&keyring->mutex);
    free(keyring);
}

/* Written at its own offset, over whatever a torn write may have left there, and synced before anybody uses it. */
static enum status entry_store(const struct keyring *keyring, uint32_t id, const uint8_t entry[ENTRY_BYTES],
                               struct fault *why)
{
    int fd = open(keyring->path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return folder_fault(why, keyring->path, "open the data keys", errno);
    ssize_t len = pwrite(fd, entry, ENTRY_BYTES, (off_t)(id - 1) * (off_t)ENTRY_BYTES);
    enum status status = STATUS_OK;
    if (len != (ssize_t)ENTRY_BYTES)
        status = folder_fault(why, keyring->path, "write a data key", len < 0 ? errno : ENOSPC);
    else if (fsync(fd) != 0)
        status = folder_fault(why, keyring->path, "sync the data keys", errno);
    close(fd);
    return status == STATUS_OK ? folder_sync(keyring->folder, why) : status;
}

static enum status fresh_make(struct keyring *keyring, const char *label, uint32_t id, struct fault *why)
{
    struct key *key = key_slot(keyring, id, true);
    if (key == NULL)
        return fault_set(why, STATUS_FULL, keyring->path, "at most %u data keys", KEYS_MAX);
    uint8_t entry[ENTRY_BYTES] = {0};
    memcpy(entry, ENTRY_MAGIC, sizeof ENTRY_MAGIC);
    be32_put(entry + 4, id);
    be64_put(entry + 8, (uint64_t)clock_wall(keyring->clock));
    memcpy(entry + 24, label, strlen(label));
    enum status status = entropy_fill(keyring->entropy, entry + 40, ENTRY_NONCE_BYTES);
    if (status == STATUS_OK)
        status = entropy_fill(keyring->entropy, key->bytes, sizeof key->bytes);
    if (status == STATUS_OK && !wrap_crypt(keyring, entry, true, key->bytes, entry + 52))
        status = STATUS_INTERNAL;
    if (status != STATUS_OK)
        return fault_set(why, status, keyring->path, "random bytes and a cipher for a new data key");
    entry_sum(entry, entry + ENTRY_SUMMED);
    status = entry_store(keyring, id, entry, why);
    key->known = status == STATUS_OK;
    return status;
}

enum status keyring_fresh(struct keyring *keyring, const char *label, uint32_t *out_id, struct fault *why)
{
    ASSERT(!keyring->read_only && strlen(label) < KEYRING_LABEL_MAX);
    pthread_mutex_lock(&keyring->mutex);
    /* The number is spent even when storing fails: what part of the entry reached the disk is not known. */
    uint32_t id = ++keyring->newest;
    enum status status = fresh_make(keyring, label, id, why);
    pthread_mutex_unlock(&keyring->mutex);
    if (status == STATUS_OK)
        *out_id = id;
    return status;
}

bool keyring_key(struct keyring *keyring, uint32_t id, const uint8_t **out)
{
    pthread_mutex_lock(&keyring->mutex);
    const struct key *key = key_slot(keyring, id, false);
    bool known = key != NULL && key->known;
    pthread_mutex_unlock(&keyring->mutex);
    if (known)
        *out = key->bytes;
    return known;
}

const char *keyring_path(const struct keyring *keyring)
{
    return keyring->path;
}

uint32_t keyring_newest(struct keyring *keyring)
{
    pthread_mutex_lock(&keyring->mutex);
    uint32_t id = keyring->newest;
    pthread_mutex_unlock(&keyring->mutex);
    return id;
}

const uint8_t *keyring_blind_key(const struct keyring *keyring)
{
    return keyring->secrets->blind;
}
