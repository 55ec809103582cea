#include <openssl/evp.h>
#include <stdio.h>

#include "client/outbox/outbox.h"
#include "proto/base/bug.h"
#include "proto/base/bytes.h"

#define CHECKSUM_BYTES 8
#define REST_FIXED     (1 + DFT_COMMAND_ID_BYTES + 8 + 1)

static void checksum(const uint8_t *length, struct slice rest, uint8_t out[CHECKSUM_BYTES])
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    ASSERT(context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
           EVP_DigestUpdate(context, length, 4) == 1 && EVP_DigestUpdate(context, rest.ptr, rest.len) == 1 &&
           EVP_DigestFinal_ex(context, hash, NULL) == 1);
    EVP_MD_CTX_free(context);
    memcpy(out, hash, CHECKSUM_BYTES);
}

static size_t rest_len(const struct outbox_record *record)
{
    size_t len = REST_FIXED + strlen(record->method);
    if (record->kind == OUTBOX_REFUSED)
        len += 4 + 4 + 1 + strlen(record->fault.field) + 2 + strlen(record->fault.text);
    return record->kind == OUTBOX_DONE ? len : len + record->body.len;
}

size_t outbox_encode(const struct outbox_record *record, uint8_t *out)
{
    size_t rest = rest_len(record);
    if (out == NULL)
        return OUTBOX_RECORD_HEAD + rest;
    struct byte_writer w = byte_writer_on(out, OUTBOX_RECORD_HEAD + rest);
    byte_put_u32(&w, (uint32_t)rest);
    byte_put_u32(&w, ~(uint32_t)rest);
    (void)byte_writer_claim(&w, CHECKSUM_BYTES);
    byte_put_u8(&w, (uint8_t)record->kind);
    byte_put(&w, record->command_id, DFT_COMMAND_ID_BYTES);
    byte_put_u64(&w, (uint64_t)record->time_us);
    byte_put_u8(&w, (uint8_t)strlen(record->method));
    byte_put(&w, record->method, strlen(record->method));
    if (record->kind == OUTBOX_REFUSED) {
        byte_put_u32(&w, (uint32_t)record->fault.status);
        byte_put_u32(&w, record->fault.reason);
        byte_put_u8(&w, (uint8_t)strlen(record->fault.field));
        byte_put(&w, record->fault.field, strlen(record->fault.field));
        byte_put_u16(&w, (uint16_t)strlen(record->fault.text));
        byte_put(&w, record->fault.text, strlen(record->fault.text));
    }
    if (record->kind != OUTBOX_DONE)
        byte_put(&w, record->body.ptr, record->body.len);
    ASSERT(!w.failed && w.len == w.cap);
    checksum(out, slice_of(out + OUTBOX_RECORD_HEAD, rest), out + 8);
    return w.len;
}

static void take_text(struct byte_reader *r, size_t len, char *out, size_t cap)
{
    const uint8_t *at = byte_take(r, len);
    if (at == NULL || len >= cap || memchr(at, 0, len) != NULL) /* what is written has no NUL in a text */
        r->failed = true;
    else
        (void)snprintf(out, cap, "%.*s", (int)len, (const char *)at);
}

static bool rest_decode(struct slice rest, struct outbox_record *out)
{
    struct byte_reader r = byte_reader_on(rest);
    *out = (struct outbox_record){.kind = (enum outbox_kind)byte_get_u8(&r)};
    const uint8_t *id = byte_take(&r, DFT_COMMAND_ID_BYTES);
    if (id == NULL)
        return false;
    memcpy(out->command_id, id, DFT_COMMAND_ID_BYTES);
    out->time_us = (int64_t)byte_get_u64(&r);
    take_text(&r, byte_get_u8(&r), out->method, sizeof out->method);
    if (out->kind == OUTBOX_REFUSED) {
        out->fault.status = (enum dft_status)byte_get_u32(&r);
        out->fault.reason = byte_get_u32(&r);
        take_text(&r, byte_get_u8(&r), out->fault.field, sizeof out->fault.field);
        take_text(&r, byte_get_u16(&r), out->fault.text, sizeof out->fault.text);
    }
    out->body = r.rest;
    return !r.failed && out->kind >= OUTBOX_ADD && out->kind <= OUTBOX_REFUSED &&
           (out->kind != OUTBOX_DONE || out->body.len == 0);
}

/* A file that has grown before its bytes arrived ends in zeros. */
static bool all_zero(struct slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.ptr[i] != 0)
            return false;
    }
    return true;
}

enum outbox_read outbox_decode(struct slice bytes, struct outbox_record *out, size_t *out_used)
{
    if (bytes.len == 0)
        return OUTBOX_READ_END;
    if (bytes.len < OUTBOX_RECORD_HEAD)
        return OUTBOX_READ_TORN;
    uint32_t rest = be32_get(bytes.ptr);
    uint8_t expected[CHECKSUM_BYTES];
    if (rest != ~be32_get(bytes.ptr + 4) || rest > OUTBOX_REST_MAX)
        return all_zero(bytes) ? OUTBOX_READ_TORN : OUTBOX_READ_DAMAGED;
    if (rest > bytes.len - OUTBOX_RECORD_HEAD)
        return OUTBOX_READ_TORN;
    struct slice body = slice_of(bytes.ptr + OUTBOX_RECORD_HEAD, rest);
    checksum(bytes.ptr, body, expected);
    if (memcmp(expected, bytes.ptr + 8, CHECKSUM_BYTES) != 0 || !rest_decode(body, out))
        return OUTBOX_RECORD_HEAD + rest == bytes.len ? OUTBOX_READ_TORN : OUTBOX_READ_DAMAGED;
    *out_used = OUTBOX_RECORD_HEAD + rest;
    return OUTBOX_READ_GOOD;
}
