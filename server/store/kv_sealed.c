#include "server/store/kv_sealed.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/base/bug.h"
#include "proto/base/bytes.h"
#include "proto/base/text.h"
#include "server/base/kv_scratch.h"

#define SEAL_VERSION   1u
#define HEAD_BYTES     13u /* version, key id, counter */
#define TAG_BYTES      16u
#define NONCE_BYTES    12u
#define TABLE_NAME_MAX 31u
#define PREFIX_MAX     (KEYRING_LABEL_MAX + TABLE_NAME_MAX + 1u)
#define OPENERS        8u  /* data keys with a context at hand, per transaction */
#define IDLE_MAX       16u /* transactions kept ready */

struct opener {
    uint32_t key_id; /* 0 = free */
    EVP_CIPHER_CTX *ctx;
};

struct prefix { /* label NUL table NUL: start of the additional data */
    uint8_t bytes[PREFIX_MAX];
    size_t len;
};

struct sealed {
    struct kv base;
    struct kv *inner;
    const struct kv_table *tables;
    unsigned count;
    struct keyring *keyring;
    const char *label; /* while it is opened */
    EVP_CIPHER *gcm;
    EVP_MAC *hmac;
    uint32_t key_id;          /* 0: read only */
    _Atomic uint64_t counter; /* of values sealed under key_id: the nonce */
    pthread_mutex_t mutex;    /* guards what follows */
    struct sealed_txn *idle;
    unsigned idle_count;
    struct fault failure;
    struct prefix prefixes[KV_TABLES_MAX];
};

struct sealed_txn {
    struct kv_txn base;
    struct sealed *store;
    struct kv_txn *inner;
    struct sealed_txn *next_idle;
    EVP_CIPHER_CTX *seal; /* NULL until this transaction first writes */
    EVP_MAC_CTX *blind;   /* NULL until first needed */
    uint8_t *sealed;      /* the value being written */
    size_t sealed_cap;
    struct kv_scratch scratch; /* opened values */
    struct opener openers[OPENERS];
};

struct sealed_cursor {
    struct kv_cursor base;
    struct sealed_txn *txn;
    struct kv_cursor *inner;
    unsigned table;
    uint8_t *value;
    size_t value_len;
};

static struct sealed *store_of(struct kv *kv)
{
    return (struct sealed *)(void *)kv;
}

static struct sealed_txn *txn_of(struct kv_txn *txn)
{
    return (struct sealed_txn *)(void *)txn;
}

static struct sealed_cursor *cursor_of(struct kv_cursor *cursor)
{
    return (struct sealed_cursor *)(void *)cursor;
}

/* ---- sealing and opening ------------------------------------------------------------------------------------- */

static void nonce_of(uint64_t counter, uint8_t out[NONCE_BYTES])
{
    memset(out, 0, 4);
    be64_put(out + 4, counter);
}

static size_t aad_of(const struct sealed *store, unsigned table, struct slice key,
                     uint8_t out[PREFIX_MAX + KV_KEY_MAX])
{
    const struct prefix *prefix = &store->prefixes[table];
    ASSERT(key.len <= KV_KEY_MAX);
    memcpy(out, prefix->bytes, prefix->len);
    if (key.len != 0)
        memcpy(out + prefix->len, key.ptr, key.len);
    return prefix->len + key.len;
}

/* Room for a sealed value in the transaction's buffer. */
static bool sealed_room(struct sealed_txn *self, size_t len)
{
    if (len <= self->sealed_cap)
        return true;
    size_t cap = len < 4096 ? 4096 : 2 * len;
    uint8_t *grown = realloc(self->sealed, cap);
    if (grown == NULL)
        return false;
    self->sealed = grown;
    self->sealed_cap = cap;
    return true;
}

static enum status seal(struct sealed_txn *self, unsigned table, struct slice key, struct slice value,
                        struct slice *out)
{
    struct sealed *store = self->store;
    if (!sealed_room(self, value.len + KV_SEALED_OVERHEAD))
        return STATUS_NO_MEMORY;
    uint8_t nonce[NONCE_BYTES], aad[PREFIX_MAX + KV_KEY_MAX];
    uint64_t counter = atomic_fetch_add(&store->counter, 1);
    nonce_of(counter, nonce);
    size_t aad_len = aad_of(store, table, key, aad);
    uint8_t *at = self->sealed;
    at[0] = SEAL_VERSION;
    be32_put(at + 1, store->key_id);
    be64_put(at + 5, counter);
    uint8_t *text = at + HEAD_BYTES;
    int len = 0;
    bool good = EVP_EncryptInit_ex(self->seal, NULL, NULL, NULL, nonce) == 1 &&
                EVP_EncryptUpdate(self->seal, NULL, &len, aad, (int)aad_len) == 1;
    if (good && value.len != 0)
        good = EVP_EncryptUpdate(self->seal, text, &len, value.ptr, (int)value.len) == 1;
    good = good && EVP_EncryptFinal_ex(self->seal, text + value.len, &len) == 1 &&
           EVP_CIPHER_CTX_ctrl(self->seal, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, text + value.len) == 1;
    if (!good)
        return STATUS_INTERNAL;
    *out = slice_of(at, value.len + KV_SEALED_OVERHEAD);
    return STATUS_OK;
}

static EVP_CIPHER_CTX *opener_for(struct sealed_txn *self, uint32_t key_id)
{
    struct opener *opener = &self->openers[key_id % OPENERS];
    if (opener->key_id == key_id && key_id != 0)
        return opener->ctx;
    const uint8_t *key = NULL;
    if (!keyring_key(self->store->keyring, key_id, &key))
        return NULL;
    if (opener->ctx == NULL)
        opener->ctx = EVP_CIPHER_CTX_new();
    opener->key_id = 0;
    if (opener->ctx == NULL || EVP_DecryptInit_ex(opener->ctx, self->store->gcm, NULL, key, NULL) != 1)
        return NULL;
    opener->key_id = key_id;
    return opener->ctx;
}

/* Opens into `out`, which has stored.len - KV_SEALED_OVERHEAD bytes. NULL when it opens, else what is wrong. */
static const char *open_value(struct sealed_txn *self, unsigned table, struct slice key, struct slice stored,
                              bool checked, uint8_t *out)
{
    if (stored.ptr[0] != SEAL_VERSION)
        return "its seal is of an unknown version";
    EVP_CIPHER_CTX *ctx = opener_for(self, be32_get(stored.ptr + 1));
    if (ctx == NULL)
        return "no memory, or no cipher, to open it with";
    uint8_t nonce[NONCE_BYTES], aad[PREFIX_MAX + KV_KEY_MAX], tag[TAG_BYTES];
    nonce_of(be64_get(stored.ptr + 5), nonce);
    size_t aad_len = aad_of(self->store, table, key, aad);
    size_t text_len = stored.len - KV_SEALED_OVERHEAD;
    const uint8_t *text = stored.ptr + HEAD_BYTES;
    memcpy(tag, text + text_len, sizeof tag);
    int len = 0;
    bool good = EVP_DecryptInit_ex(ctx, NULL, NULL, NULL, nonce) == 1 &&
                EVP_DecryptUpdate(ctx, NULL, &len, aad, (int)aad_len) == 1;
    if (good && text_len != 0)
        good = EVP_DecryptUpdate(ctx, out, &len, text, (int)text_len) == 1;
    if (good && checked)
        good = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1 &&
               EVP_DecryptFinal_ex(ctx, out + text_len, &len) == 1;
    return good ? NULL : "its seal does not hold";
}

/* The number of the data key that a value is sealed under, when the ring does not have it; else 0. */
static uint32_t unknown_key(const struct sealed *store, struct slice stored)
{
    const uint8_t *known;
    if (stored.len < HEAD_BYTES || stored.ptr[0] != SEAL_VERSION)
        return 0; /* whoever reads it will say so */
    uint32_t id = be32_get(stored.ptr + 1);
    return keyring_key(store->keyring, id, &known) ? 0 : id;
}

static bool given_out(const struct sealed *store, uint32_t id)
{
    return id != 0 && id <= keyring_newest(store->keyring);
}

static void failed(struct sealed_txn *self, unsigned table, struct slice key, struct slice stored,
                   const char *what)
{
    struct sealed *store = self->store;
    char hex[HEX_TEXT_LEN(32)];
    hex_format(key.ptr, key.len < 32 ? key.len : 32, hex);
    uint32_t id = unknown_key(store, stored);
    const char *table_name = store->tables[table].name;
    pthread_mutex_lock(&store->mutex);
    if (given_out(store, id))
        (void)fault_set(&store->failure, STATUS_UNAVAILABLE, table_name,
                        "data key %u, under which the value at key %s is sealed, is missing from %s", id, hex,
                        keyring_path(store->keyring));
    else if (id != 0)
        (void)fault_set(&store->failure, STATUS_CORRUPT, table_name,
                        "the value at key %s was changed, or data key %u is missing from %s", hex, id,
                        keyring_path(store->keyring));
    else
        (void)fault_set(&store->failure, STATUS_CORRUPT, table_name, "the value at key %s was changed: %s",
                        hex, what);
    pthread_mutex_unlock(&store->mutex);
    kv_set_error(self->inner, STATUS_CORRUPT);
}

static size_t opened_len(struct slice stored)
{
    return stored.len - KV_SEALED_OVERHEAD;
}

/* Length and opening in one, with the failure recorded; `out` NULL means that memory was short. */
static bool open_into(struct sealed_txn *self, unsigned table, struct slice key, struct slice stored,
                      uint8_t *out)
{
    if (out == NULL) {
        kv_set_error(self->inner, STATUS_NO_MEMORY);
        return false;
    }
    const char *what = open_value(self, table, key, stored, true, out);
    if (what != NULL)
        failed(self, table, key, stored, what);
    return what == NULL;
}

static bool long_enough(struct sealed_txn *self, unsigned table, struct slice key, struct slice stored)
{
    if (stored.len >= KV_SEALED_OVERHEAD && stored.len <= INT_MAX)
        return true;
    failed(self, table, key, stored, "it is cut short");
    return false;
}

/* ---- blind keys ---------------------------------------------------------------------------------------------- */

static bool blind_start(struct sealed_txn *self)
{
    if (self->blind == NULL)
        self->blind = EVP_MAC_CTX_new(self->store->hmac);
    else
        return EVP_MAC_init(self->blind, NULL, 0, NULL) == 1; /* the same key again */
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                           OSSL_PARAM_construct_end()};
    return self->blind != NULL && EVP_MAC_init(self->blind, keyring_blind_key(self->store->keyring),
                                               KEYRING_BLIND_BYTES, params) == 1;
}

/* The key as stored. False when it is no key at all, or with INTERNAL set. */
static bool stored_key(struct sealed_txn *self, unsigned table, struct slice key,
                       uint8_t blind[EVP_MAX_MD_SIZE], struct slice *out)
{
    struct sealed *store = self->store;
    ASSERT(table < store->count);
    if (key.len < 1 || key.len > KV_KEY_MAX)
        return false;
    *out = key;
    if ((store->tables[table].flags & KV_BLIND_KEYS) == 0)
        return true;
    const struct prefix *prefix = &store->prefixes[table];
    size_t len = 0;
    bool good = blind_start(self) && EVP_MAC_update(self->blind, prefix->bytes, prefix->len) == 1 &&
                EVP_MAC_update(self->blind, key.ptr, key.len) == 1 &&
                EVP_MAC_final(self->blind, blind, &len, EVP_MAX_MD_SIZE) == 1;
    if (!good)
        kv_set_error(self->inner, STATUS_INTERNAL);
    *out = slice_of(blind, KV_SEALED_BLIND_BYTES);
    return good;
}

/* ---- transactions -------------------------------------------------------------------------------------------- */

static void txn_free(struct sealed_txn *txn)
{
    if (txn == NULL)
        return;
    for (size_t i = 0; i < OPENERS; i++)
        EVP_CIPHER_CTX_free(txn->openers[i].ctx);
    EVP_CIPHER_CTX_free(txn->seal);
    EVP_MAC_CTX_free(txn->blind);
    kv_scratch_free(&txn->scratch);
    free(txn->sealed);
    free(txn);
}

static struct sealed_txn *txn_take(struct sealed *store)
{
    pthread_mutex_lock(&store->mutex);
    struct sealed_txn *txn = store->idle;
    if (txn != NULL) {
        store->idle = txn->next_idle;
        store->idle_count--;
    }
    pthread_mutex_unlock(&store->mutex);
    if (txn == NULL)
        txn = calloc(1, sizeof *txn);
    return txn;
}

static void txn_rest(struct sealed_txn *txn)
{
    struct sealed *store = txn->store;
    kv_scratch_reset(&txn->scratch);
    txn->inner = NULL;
    pthread_mutex_lock(&store->mutex);
    bool keep = store->idle_count < IDLE_MAX;
    if (keep) {
        txn->next_idle = store->idle;
        store->idle = txn;
        store->idle_count++;
    }
    pthread_mutex_unlock(&store->mutex);
    if (!keep)
        txn_free(txn);
}

static bool sealer_ready(struct sealed_txn *txn)
{
    if (txn->seal != NULL)
        return true;
    const uint8_t *key = NULL;
    txn->seal = EVP_CIPHER_CTX_new();
    if (txn->seal != NULL && keyring_key(txn->store->keyring, txn->store->key_id, &key) &&
        EVP_EncryptInit_ex(txn->seal, txn->store->gcm, NULL, key, NULL) == 1)
        return true;
    EVP_CIPHER_CTX_free(txn->seal);
    txn->seal = NULL;
    return false;
}

static enum status sealed_begin(struct kv *kv, bool write, struct kv_txn **out)
{
    struct sealed *store = store_of(kv);
    ASSERT(!write || store->key_id != 0);
    struct sealed_txn *txn = txn_take(store);
    if (txn == NULL)
        return STATUS_NO_MEMORY;
    txn->base.ops = kv->ops;
    txn->store = store;
    enum status status = !write || sealer_ready(txn) ? STATUS_OK : STATUS_NO_MEMORY;
    if (status == STATUS_OK)
        status = kv_begin(store->inner, write, &txn->inner);
    if (status != STATUS_OK) {
        txn_rest(txn);
        return status;
    }
    *out = &txn->base;
    return STATUS_OK;
}

static enum status sealed_commit(struct kv_txn *txn)
{
    struct sealed_txn *self = txn_of(txn);
    enum status status = kv_commit(self->inner);
    txn_rest(self);
    return status;
}

static void sealed_abort(struct kv_txn *txn)
{
    struct sealed_txn *self = txn_of(txn);
    kv_abort(self->inner);
    txn_rest(self);
}

static void sealed_set_error(struct kv_txn *txn, enum status status)
{
    kv_set_error(txn_of(txn)->inner, status);
}

static enum status sealed_error(const struct kv_txn *txn)
{
    return kv_error(((const struct sealed_txn *)(const void *)txn)->inner);
}

static bool sealed_get(struct kv_txn *txn, unsigned table, struct slice key, struct slice *out)
{
    struct sealed_txn *self = txn_of(txn);
    uint8_t blind[EVP_MAX_MD_SIZE];
    struct slice name, stored;
    if (!stored_key(self, table, key, blind, &name) || !kv_get(self->inner, table, name, &stored) ||
        !long_enough(self, table, name, stored))
        return false;
    uint8_t *at = kv_scratch_take(&self->scratch, opened_len(stored));
    if (!open_into(self, table, name, stored, at))
        return false;
    *out = slice_of(at, opened_len(stored));
    return true;
}

bool kv_sealed_get_unchecked(struct kv_txn *txn, unsigned table, struct slice key, struct slice *out)
{
    struct sealed_txn *self = txn_of(txn);
    uint8_t blind[EVP_MAX_MD_SIZE];
    struct slice name, stored;
    if (!stored_key(self, table, key, blind, &name) || !kv_get(self->inner, table, name, &stored) ||
        stored.len < KV_SEALED_OVERHEAD || stored.len > INT_MAX)
        return false;
    uint8_t *at = kv_scratch_take(&self->scratch, opened_len(stored));
    if (at == NULL || open_value(self, table, name, stored, false, at) != NULL)
        return false;
    *out = slice_of(at, opened_len(stored));
    return true;
}

bool kv_sealed_missing_key(struct kv_txn *txn, unsigned table, struct slice key, uint32_t *out_id)
{
    struct sealed_txn *self = txn_of(txn);
    uint8_t blind[EVP_MAX_MD_SIZE];
    struct slice name, stored;
    *out_id = 0;
    if (stored_key(self, table, key, blind, &name) && kv_get(self->inner, table, name, &stored))
        *out_id = unknown_key(self->store, stored);
    return given_out(self->store, *out_id);
}

struct kv_txn *kv_sealed_beneath(struct kv_txn *txn)
{
    return txn_of(txn)->inner;
}

static void sealed_put(struct kv_txn *txn, unsigned table, struct slice key, struct slice value)
{
    struct sealed_txn *self = txn_of(txn);
    uint8_t blind[EVP_MAX_MD_SIZE];
    struct slice name, stored;
    if (kv_error(self->inner) != STATUS_OK)
        return;
    enum status status = STATUS_INTERNAL;
    if (value.len <= KV_SEALED_VALUE_MAX && stored_key(self, table, key, blind, &name))
        status = seal(self, table, name, value, &stored);
    kv_scratch_reset(&self->scratch);
    if (status == STATUS_OK)
        kv_put(self->inner, table, name, stored);
    else
        kv_set_error(self->inner, status);
}

static void sealed_del(struct kv_txn *txn, unsigned table, struct slice key)
{
    struct sealed_txn *self = txn_of(txn);
    uint8_t blind[EVP_MAX_MD_SIZE];
    struct slice name;
    if (stored_key(self, table, key, blind, &name))
        kv_del(self->inner, table, name);
    else
        kv_set_error(self->inner, STATUS_INTERNAL);
    kv_scratch_reset(&self->scratch);
}

static void sealed_clear(struct kv_txn *txn, unsigned table)
{
    struct sealed_txn *self = txn_of(txn);
    kv_clear(self->inner, table);
    kv_scratch_reset(&self->scratch);
}

/* ---- cursors ------------------------------------------------------------------------------------------------- */

static struct kv_cursor *sealed_cursor_open(struct kv_txn *txn, unsigned table)
{
    struct sealed_txn *self = txn_of(txn);
    struct sealed_cursor *cursor = calloc(1, sizeof *cursor);
    if (cursor == NULL) {
        kv_set_error(self->inner, STATUS_NO_MEMORY);
        return NULL;
    }
    cursor->inner = kv_cursor_open(self->inner, table);
    if (cursor->inner == NULL) {
        free(cursor);
        return NULL;
    }
    cursor->base.ops = txn->ops;
    cursor->txn = self;
    cursor->table = table;
    return &cursor->base;
}

static void sealed_cursor_close(struct kv_cursor *cursor)
{
    struct sealed_cursor *self = cursor_of(cursor);
    kv_cursor_close(self->inner);
    free(self);
}

static bool row_open(struct sealed_cursor *self, struct slice key, struct slice stored)
{
    if (!long_enough(self->txn, self->table, key, stored))
        return false;
    /* In the transaction's scratch like any other value: it outlives the cursor. */
    self->value = kv_scratch_take(&self->txn->scratch, opened_len(stored));
    if (!open_into(self->txn, self->table, key, stored, self->value))
        return false;
    self->value_len = opened_len(stored);
    return true;
}

/* Values are opened when a cursor arrives, so that a move that gave true always has a row to show; but not those of
 * packed tables: kv_packed looks at the names of blocks that it does not read. */
static bool cursor_arrive(struct sealed_cursor *self, bool moved)
{
    if (!moved || (self->txn->store->tables[self->table].flags & KV_PACKED) != 0)
        return moved;
    struct slice key, stored;
    kv_row(self->inner, &key, &stored);
    return row_open(self, key, stored);
}

static bool sealed_cursor_seek(struct kv_cursor *cursor, struct slice key)
{
    struct sealed_cursor *self = cursor_of(cursor);
    return cursor_arrive(self, kv_seek(self->inner, key));
}

static bool sealed_cursor_last(struct kv_cursor *cursor, struct slice key)
{
    struct sealed_cursor *self = cursor_of(cursor);
    return cursor_arrive(self, kv_last(self->inner, key));
}

static bool sealed_cursor_next(struct kv_cursor *cursor)
{
    struct sealed_cursor *self = cursor_of(cursor);
    return cursor_arrive(self, kv_next(self->inner));
}

static bool sealed_cursor_previous(struct kv_cursor *cursor)
{
    struct sealed_cursor *self = cursor_of(cursor);
    return cursor_arrive(self, kv_previous(self->inner));
}

static void sealed_cursor_row(struct kv_cursor *cursor, struct slice *key, struct slice *value)
{
    struct sealed_cursor *self = cursor_of(cursor);
    struct slice stored;
    kv_row(self->inner, key, &stored);
    if (value == NULL)
        return;
    if ((self->txn->store->tables[self->table].flags & KV_PACKED) != 0 && !row_open(self, *key, stored)) {
        *value = (struct slice){0};
        return;
    }
    *value = slice_of(self->value, self->value_len);
}

/* ---- the store ----------------------------------------------------------------------------------------------- */

static enum status sealed_sync(struct kv *kv)
{
    return kv_sync(store_of(kv)->inner);
}

static void sealed_usage(struct kv *kv, uint64_t *used_bytes, uint64_t *limit_bytes)
{
    kv_usage(store_of(kv)->inner, used_bytes, limit_bytes);
}

static void sealed_failure(struct kv *kv, struct fault *out)
{
    struct sealed *store = store_of(kv);
    pthread_mutex_lock(&store->mutex);
    *out = store->failure;
    pthread_mutex_unlock(&store->mutex);
}

static void sealed_close(struct kv *kv)
{
    struct sealed *store = store_of(kv);
    while (store->idle != NULL)
        txn_free(txn_take(store));
    kv_close(store->inner);
    EVP_CIPHER_free(store->gcm);
    EVP_MAC_free(store->hmac);
    pthread_mutex_destroy(&store->mutex);
    free(store);
}

static const struct kv_ops sealed_ops = {
    .begin = sealed_begin,
    .commit = sealed_commit,
    .abort = sealed_abort,
    .get = sealed_get,
    .put = sealed_put,
    .del = sealed_del,
    .clear = sealed_clear,
    .cursor_open = sealed_cursor_open,
    .cursor_seek = sealed_cursor_seek,
    .cursor_last = sealed_cursor_last,
    .cursor_next = sealed_cursor_next,
    .cursor_previous = sealed_cursor_previous,
    .cursor_row = sealed_cursor_row,
    .cursor_close = sealed_cursor_close,
    .set_error = sealed_set_error,
    .error = sealed_error,
    .sync = sealed_sync,
    .usage = sealed_usage,
    .failure = sealed_failure,
    .close = sealed_close,
};

static void prefixes_fill(struct sealed *store, const char *label)
{
    size_t label_len = strlen(label);
    ASSERT(label_len < KEYRING_LABEL_MAX);
    for (unsigned i = 0; i < store->count; i++) {
        struct prefix *prefix = &store->prefixes[i];
        size_t name_len = strlen(store->tables[i].name);
        ASSERT(name_len <= TABLE_NAME_MAX);
        memcpy(prefix->bytes, label, label_len + 1);
        memcpy(prefix->bytes + label_len + 1, store->tables[i].name, name_len + 1);
        prefix->len = label_len + 1 + name_len + 1;
    }
}

static uint32_t unknown_key_at(const struct sealed *store, struct kv_cursor *cursor)
{
    struct slice key, value;
    kv_row(cursor, &key, &value);
    return unknown_key(store, value);
}

/* The first and the last value of the first table: without their keys nothing should be made or changed here, least of
 * all a new key that takes a number once used. For who only reads a key is gone, and it is not that one value was
 * changed, when the neighbour is under it too or there are no keys at all. */
static enum status keys_are_there(const struct sealed *store, bool read_only, struct fault *why)
{
    struct kv_txn *txn;
    enum status status = kv_begin(store->inner, false, &txn);
    if (status != STATUS_OK)
        return fault_set(why, status, store->label, "the store cannot be read");
    struct kv_cursor *cursor = kv_cursor_open(txn, 0);
    for (unsigned end = 0; end < 2 && status == STATUS_OK; end++) {
        if (!(end == 0 ? kv_seek(cursor, (struct slice){0}) : kv_last(cursor, (struct slice){0})))
            continue;
        uint32_t id = unknown_key_at(store, cursor);
        bool gone = id != 0 && (!read_only || keyring_newest(store->keyring) == 0);
        if (id != 0 && !gone)
            gone = (end == 0 ? kv_next(cursor) : kv_previous(cursor)) && unknown_key_at(store, cursor) == id;
        if (gone)
            status = fault_set(why, STATUS_UNAVAILABLE, keyring_path(store->keyring),
                               "data key %u, under which the %s value of %s is sealed, is not there: put the "
                               "folder keys back that belongs to these books",
                               id, end == 0 ? "first" : "last", store->label);
    }
    kv_cursor_close(cursor);
    kv_abort(txn);
    return status;
}

enum status kv_sealed_open(struct kv *inner, const struct kv_sealed_options *options, struct kv **out,
                           struct fault *why)
{
    ASSERT(options->count <= KV_TABLES_MAX);
    struct sealed *store = calloc(1, sizeof *store);
    if (store == NULL) {
        kv_close(inner);
        return fault_set(why, STATUS_NO_MEMORY, options->label, "memory for the store");
    }
    store->base.ops = &sealed_ops;
    store->inner = inner;
    store->tables = options->tables;
    store->count = options->count;
    store->keyring = options->keyring;
    store->label = options->label;
    pthread_mutex_init(&store->mutex, NULL);
    prefixes_fill(store, options->label);
    store->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    store->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    enum status status = STATUS_OK;
    if (store->gcm == NULL || store->hmac == NULL)
        status = fault_set(why, STATUS_INTERNAL, options->label, "a libcrypto with AES-256-GCM and HMAC");
    else
        status = keys_are_there(store, options->read_only, why);
    if (status == STATUS_OK && !options->read_only)
        status = keyring_fresh(store->keyring, options->label, &store->key_id, why);
    if (status != STATUS_OK) {
        sealed_close(&store->base);
        return status;
    }
    store->label = NULL;
    *out = &store->base;
    return STATUS_OK;
}
