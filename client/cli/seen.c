#include "client/cli/seen.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/bytes.h"

#define LABEL_MAX 64

void seen_done(struct seen *seen)
{
    free(seen->hashes);
    free(seen->counts);
    *seen = (struct seen){.hashes = NULL};
}

/* Slot of the hash, or the free one where it belongs; SHA-256 needs no further mixing. */
static size_t slot_of(const struct seen *seen, const struct hash *hash)
{
    size_t slot = (size_t)be64_get(hash->bytes) & (seen->cap - 1);
    while (seen->counts[slot] != 0 && memcmp(&seen->hashes[slot], hash, sizeof *hash) != 0)
        slot = (slot + 1) & (seen->cap - 1);
    return slot;
}

static bool grow(struct seen *seen)
{
    if (2 * (seen->count + 1) <= seen->cap)
        return true;
    struct seen larger = {.cap = seen->cap == 0 ? 1024 : 2 * seen->cap, .count = seen->count};
    larger.hashes = calloc(larger.cap, sizeof *larger.hashes);
    larger.counts = calloc(larger.cap, sizeof *larger.counts);
    if (larger.hashes == NULL || larger.counts == NULL) {
        seen_done(&larger);
        return false;
    }
    for (size_t i = 0; i < seen->cap; i++) {
        if (seen->counts[i] == 0)
            continue;
        size_t slot = slot_of(&larger, &seen->hashes[i]);
        larger.hashes[slot] = seen->hashes[i];
        larger.counts[slot] = seen->counts[i];
    }
    free(seen->hashes);
    free(seen->counts);
    seen->hashes = larger.hashes;
    seen->counts = larger.counts;
    seen->cap = larger.cap;
    return true;
}

enum status seen_command_id(struct seen *seen, const char *label, const struct hash *content,
                            uint8_t out[DFT_COMMAND_ID_BYTES], struct fault *why)
{
    if (seen->count >= SEEN_MAX || !grow(seen))
        return fault_set(why, STATUS_TOO_LARGE, NULL, "at most %u different things in one file", SEEN_MAX);
    size_t slot = slot_of(seen, content);
    if (seen->counts[slot]++ == 0) {
        seen->hashes[slot] = *content;
        seen->count++;
    }
    uint8_t bytes[LABEL_MAX + 4 + HASH_BYTES];
    uint8_t digest[EVP_MAX_MD_SIZE];
    struct byte_writer w = byte_writer_on(bytes, sizeof bytes);
    byte_put(&w, label, strlen(label) + 1);
    byte_put_u32(&w, seen->counts[slot]);
    byte_put(&w, content->bytes, HASH_BYTES);
    if (w.failed || EVP_Digest(bytes, w.len, digest, NULL, EVP_sha256(), NULL) != 1)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "no memory");
    memcpy(out, digest, DFT_COMMAND_ID_BYTES);
    return STATUS_OK;
}
