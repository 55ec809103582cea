/*
 * Keys at rest. A master key of 32 bytes lives outside the data folder. Every time an environment is opened for
 * writing it gets a fresh data key, wrapped under the master key and recorded durably in DIR/keys/data-keys before
 * its first use, so that a nonce (data key, counter) is never used twice: not after a crash, a restore, or on a copy.
 *
 * File data-keys: entries of 128 bytes, entry n (from 1) holds key id n. Integers big-endian:
 *     0   4 "DKE1"            24  16 label, NUL padded      100  20 zero
 *     4   4 key id            40  12 nonce                  120   8 first bytes of SHA-256 over bytes 0..119
 *     8   8 made at, us       52  32 wrapped data key
 *    16   8 zero              84  16 tag
 * Wrapped = AES-256-GCM under HKDF-SHA256(master, info "daftari wrap 1"), additional data = bytes 0..39. An entry
 * whose checksum does not hold was torn while being written, hence never used; it is passed over.
 *
 * Threads: keyring_fresh by one thread at a time; the rest by any, beside it.
 */
#ifndef SERVER_STORE_KEYRING_H
#define SERVER_STORE_KEYRING_H

#include "proto/base/slice.h"
#include "proto/base/status.h"
#include "server/ports/clock.h"
#include "server/ports/entropy.h"

#define KEYRING_KEY_BYTES   32
#define KEYRING_LABEL_MAX   16 /* bytes with the NUL */
#define KEYRING_BLIND_BYTES 32

struct keyring;

/* Read a master key file: 32 bytes raw, or 64 hexadecimal digits with or without a newline. A regular file that
 * group and others may not read (INVALID otherwise). With path NULL: $CREDENTIALS_DIRECTORY/master-key, whose access
 * systemd guards. Wipe `out` when done (keyring_wipe). */
enum status keyring_read_master(const char *path, uint8_t out[KEYRING_KEY_BYTES], struct fault *why) MUST_USE;
/* Does systemd hold a credential master-key for this process? */
bool keyring_has_credential(void);
void keyring_wipe(void *secret, size_t len);

struct keyring_options {
    const char *folder;      /* DIR/keys */
    const uint8_t *master;   /* KEYRING_KEY_BYTES; not kept */
    const char *master_path; /* for messages only: where the master key came from */
    const struct clock *clock;
    const struct entropy *entropy;
    bool create;    /* make the folder when it is missing */
    bool read_only; /* keyring_fresh is not allowed */
};
/* INVALID, naming the key file, when the master key is not the one these keys were wrapped with. */
enum status keyring_open(const struct keyring_options *options, struct keyring **out,
                         struct fault *why) MUST_USE;
void keyring_close(struct keyring *keyring); /* wipes; NULL is fine */

/* Make, record and sync a new data key. Its id is never 0. */
enum status keyring_fresh(struct keyring *keyring, const char *label, uint32_t *out_id,
                          struct fault *why) MUST_USE;
/* False: no such key. The key stays valid until keyring_close. */
bool keyring_key(struct keyring *keyring, uint32_t id, const uint8_t **out) MUST_USE;
const char *keyring_path(const struct keyring *keyring); /* of the file, for what is said of it */
uint32_t keyring_newest(struct keyring *keyring);        /* highest id; 0 = none */
/* The key that hides row keys (KV_BLIND_KEYS): HKDF-SHA256(master, info "daftari blind 1"). The same for ever. */
const uint8_t *keyring_blind_key(const struct keyring *keyring);

#endif
