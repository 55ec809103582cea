/*
 * The kv port with values sealed: a decorator over any other store. docs/storage.md is the authority on the format.
 *
 * Stored value = version u8 = 1, data key id u32, counter u64, ciphertext, 16-byte tag. AES-256-GCM under the data
 * key; nonce = 4 zero bytes and the counter; additional data = label, NUL, table name, NUL, stored key: a value
 * cannot be moved to another row unseen. Rows keep their keys, but in KV_BLIND_KEYS tables a key is replaced by the
 * first 16 bytes of HMAC-SHA256(blind key, label, NUL, table name, NUL, key).
 *
 * A value that does not open sets CORRUPT on the transaction; kv_failure says which. Cursors over KV_PACKED tables
 * open a value only when kv_row asks for it, and show an empty one then: kv_error tells the difference.
 */
#ifndef SERVER_STORE_KV_SEALED_H
#define SERVER_STORE_KV_SEALED_H

#include "server/ports/kv.h"
#include "server/store/keyring.h"

#define KV_SEALED_OVERHEAD    29u /* bytes a value grows by */
#define KV_SEALED_VALUE_MAX   (KV_VALUE_MAX + KV_VALUE_ROOM - KV_SEALED_OVERHEAD)
#define KV_SEALED_BLIND_BYTES 16u

struct kv_sealed_options {
    const char *label; /* of the environment: "log", "state", "view-journal"; below KEYRING_LABEL_MAX bytes */
    const struct kv_table *tables; /* borrowed until close */
    unsigned count;
    struct keyring *keyring; /* must outlive the store */
    bool read_only;          /* takes no data key; write transactions are a bug */
};

/* Takes over `inner`: closes it at close, and also when opening fails. UNAVAILABLE, and nothing is changed: the first or
 * the last value of the first table is under a data key that the ring does not have. */
enum status kv_sealed_open(struct kv *inner, const struct kv_sealed_options *options, struct kv **out,
                           struct fault *why) MUST_USE;

/* For auditors: the content of a value whose seal may be broken, without checking the seal. False when there is no
 * such row, or nothing can be made of it. Borrowed as by kv_get. Sets no error. */
bool kv_sealed_get_unchecked(struct kv_txn *txn, unsigned table, struct slice key, struct slice *out);
/* For auditors: the number of the data key that a value is sealed under, when the ring does not have it; else 0. True: the
 * ring once gave that number out, so the key is missing; false with a number: the key is missing, or the number was
 * changed. Sets no error. */
bool kv_sealed_missing_key(struct kv_txn *txn, unsigned table, struct slice key, uint32_t *out_id);
/* For auditors: the same transaction of the store beneath, with keys and values as they are stored. It ends with `txn`. */
struct kv_txn *kv_sealed_beneath(struct kv_txn *txn);

#endif
