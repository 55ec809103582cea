#include "server/views/digest.h"

#include <openssl/evp.h>

#include "proto/base/bytes.h"

struct digester {
    EVP_MD_CTX *rows; /* of one table */
    EVP_MD_CTX *whole;
    bool failed;
};

static void start(struct digester *d, EVP_MD_CTX *context)
{
    d->failed = d->failed || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1;
}

static void add(struct digester *d, EVP_MD_CTX *context, const void *bytes, size_t len)
{
    d->failed = d->failed || EVP_DigestUpdate(context, bytes, len) != 1;
}

static void end(struct digester *d, EVP_MD_CTX *context, struct hash *out)
{
    d->failed = d->failed || EVP_DigestFinal_ex(context, out->bytes, NULL) != 1;
}

static void add_row(struct digester *d, struct slice part)
{
    uint8_t len[4];
    be32_put(len, (uint32_t)part.len);
    add(d, d->rows, len, sizeof len);
    add(d, d->rows, part.ptr, part.len);
}

/* sum += hash, as 256-bit big-endian numbers. */
static void sum_add(struct hash *sum, const struct hash *hash)
{
    unsigned carry = 0;
    for (size_t i = HASH_BYTES; i-- > 0;) {
        carry += (unsigned)sum->bytes[i] + hash->bytes[i];
        sum->bytes[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

static uint64_t table_digest(struct digester *d, struct kv_txn *txn, unsigned table, bool blind,
                             struct hash *out)
{
    struct kv_cursor *cursor = kv_cursor_open(txn, table);
    struct hash sum = {0}, hash = {0};
    uint64_t rows = 0;
    start(d, d->rows);
    for (bool more = kv_seek(cursor, slice_of("", 1)); more && !d->failed; more = kv_next(cursor), rows++) {
        struct slice key, value;
        kv_row(cursor, &key, &value);
        if (!blind) {
            add_row(d, key);
            add_row(d, value);
            continue;
        }
        start(d, d->rows);
        add(d, d->rows, value.ptr, value.len);
        end(d, d->rows, &hash);
        sum_add(&sum, &hash);
    }
    kv_cursor_close(cursor);
    if (!blind)
        end(d, d->rows, &sum);
    *out = sum;
    return rows;
}

enum status tables_digest(struct kv_txn *txn, const struct kv_table *tables, unsigned table_count,
                          struct hash *out)
{
    struct digester d = {.rows = EVP_MD_CTX_new(), .whole = EVP_MD_CTX_new()};
    d.failed = d.rows == NULL || d.whole == NULL;
    if (!d.failed)
        start(&d, d.whole);
    for (unsigned table = 1; table < table_count && !d.failed; table++) {
        struct hash hash;
        uint8_t count[8];
        uint64_t rows = table_digest(&d, txn, table, (tables[table].flags & KV_BLIND_KEYS) != 0, &hash);
        be64_put(count, rows);
        add(&d, d.whole, tables[table].name, strlen(tables[table].name) + 1);
        add(&d, d.whole, count, sizeof count);
        add(&d, d.whole, hash.bytes, HASH_BYTES);
    }
    struct hash hash;
    if (!d.failed)
        end(&d, d.whole, &hash);
    EVP_MD_CTX_free(d.rows);
    EVP_MD_CTX_free(d.whole);
    if (d.failed)
        return STATUS_INTERNAL;
    if (kv_error(txn) != STATUS_OK)
        return kv_error(txn);
    *out = hash;
    return STATUS_OK;
}
