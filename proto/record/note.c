#include "proto/record/note.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "proto/base/bug.h"
#include "proto/base/bytes.h"
#include "proto/base/text.h"
#include "proto/record/sha256.h"

#define SIGNATURE_LINE  "\xe2\x80\x94 " /* em dash, space */
#define ED25519         0x01            /* signature type of signed-note */
#define KEY_ID_BYTES    4
#define BASE64_LEN(len) (((len) + 2) / 3 * 4)
#define VKEY_BYTES      (1 + NOTE_KEY_BYTES)
#define HASH_TEXT_LEN   BASE64_LEN(HASH_BYTES)

/* Cuts *rest at the first `byte`: the part before goes to *head, the part after stays. False when there is
 * none. */
static bool split(struct slice *rest, char byte, struct slice *head)
{
    const uint8_t *at = rest->len == 0 ? NULL : memchr(rest->ptr, byte, rest->len);
    if (at == NULL)
        return false;
    *head = slice_of(rest->ptr, (size_t)(at - rest->ptr));
    *rest = slice_of(at + 1, rest->len - head->len - 1);
    return true;
}

/* A character of Unicode's White_Space beyond ASCII at the start of `at`, which is valid UTF-8. */
static bool wide_space(const uint8_t *at, size_t left)
{
    if (left >= 2 && at[0] == 0xc2)
        return at[1] == 0x85 || at[1] == 0xa0; /* U+0085, U+00A0 */
    if (left < 3)
        return false;
    if (at[0] == 0xe2 && at[1] == 0x80) /* U+2000 to U+200A, U+2028, U+2029, U+202F */
        return at[2] <= 0x8a || at[2] == 0xa8 || at[2] == 0xa9 || at[2] == 0xaf;
    return (at[0] == 0xe1 && at[1] == 0x9a && at[2] == 0x80) || /* U+1680 */
           (at[0] == 0xe2 && at[1] == 0x81 && at[2] == 0x9f) || /* U+205F */
           (at[0] == 0xe3 && at[1] == 0x80 && at[2] == 0x80);   /* U+3000 */
}

static bool name_valid(struct slice name)
{
    if (name.len == 0 || name.len >= NOTE_NAME_MAX || !text_valid(name))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] <= ' ' || name.ptr[i] == '+' || wide_space(name.ptr + i, name.len - i))
            return false;
    return true;
}

static uint32_t key_id_of(struct slice name, const uint8_t public_key[NOTE_KEY_BYTES])
{
    static const uint8_t type[] = {'\n', ED25519};
    const struct slice parts[] = {name, slice_of(type, sizeof type), slice_of(public_key, NOTE_KEY_BYTES)};
    struct hash hash;
    sha256(parts, 3, &hash);
    return be32_get(hash.bytes);
}

enum status note_signer_from_seed(const char *name, const uint8_t seed[NOTE_KEY_BYTES],
                                  struct note_signer *out)
{
    struct slice name_text = slice_text(name);
    if (!name_valid(name_text))
        return STATUS_INVALID;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, NOTE_KEY_BYTES);
    if (key == NULL)
        return STATUS_INTERNAL;
    struct note_signer signer = {0};
    size_t len = NOTE_KEY_BYTES;
    int done = EVP_PKEY_get_raw_public_key(key, signer.public_key, &len);
    EVP_PKEY_free(key);
    if (done != 1 || len != NOTE_KEY_BYTES)
        return STATUS_INTERNAL;
    memcpy(signer.name, name_text.ptr, name_text.len);
    memcpy(signer.seed, seed, NOTE_KEY_BYTES);
    signer.key_id = key_id_of(name_text, signer.public_key);
    *out = signer;
    return STATUS_OK;
}

void note_verifier_of(const struct note_signer *signer, struct note_verifier *out)
{
    memcpy(out->name, signer->name, sizeof out->name);
    memcpy(out->public_key, signer->public_key, sizeof out->public_key);
    out->key_id = signer->key_id;
}

enum status note_vkey_format(const struct note_verifier *verifier, char out[NOTE_VKEY_MAX])
{
    if (!name_valid(slice_text(verifier->name)))
        return STATUS_INVALID;
    uint8_t key[VKEY_BYTES] = {ED25519};
    memcpy(key + 1, verifier->public_key, NOTE_KEY_BYTES);
    char key_text[BASE64_LEN(VKEY_BYTES) + 1];
    bool fits = base64_format(slice_of(key, sizeof key), key_text, sizeof key_text);
    ASSERT(fits);
    int len = snprintf(out, NOTE_VKEY_MAX, "%s+%08x+%s", verifier->name, verifier->key_id, key_text);
    ASSERT(len > 0 && len < NOTE_VKEY_MAX);
    return STATUS_OK;
}

enum status note_vkey_parse(struct slice text, struct note_verifier *out, struct fault *why)
{
    struct slice rest = text, name, id_text;
    if (!split(&rest, '+', &name) || !split(&rest, '+', &id_text) || !name_valid(name))
        return fault_set(why, STATUS_INVALID, NULL, "a verifier key: name+key id in hex+key in base64");
    uint8_t key[VKEY_BYTES];
    size_t key_len;
    if (!base64_parse(rest, key, sizeof key, &key_len) || key_len != sizeof key || key[0] != ED25519)
        return fault_set(why, STATUS_INVALID, NULL, "a verifier key of type Ed25519");
    uint32_t key_id = key_id_of(name, key + 1);
    char proper_id[2 * KEY_ID_BYTES + 1];
    snprintf(proper_id, sizeof proper_id, "%08x", key_id);
    if (!slice_equal(id_text, slice_text(proper_id)))
        return fault_set(why, STATUS_INVALID, NULL, "the key id that belongs to name and key: %s", proper_id);
    memset(out, 0, sizeof *out);
    memcpy(out->name, name.ptr, name.len);
    memcpy(out->public_key, key + 1, NOTE_KEY_BYTES);
    out->key_id = key_id;
    return STATUS_OK;
}

static enum status sign(const struct note_signer *signer, struct slice text,
                        uint8_t out[NOTE_SIGNATURE_BYTES])
{
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, signer->seed, NOTE_KEY_BYTES);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t len = NOTE_SIGNATURE_BYTES;
    bool done = key != NULL && context != NULL && EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestSign(context, out, &len, text.ptr, text.len) == 1 && len == NOTE_SIGNATURE_BYTES;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return done ? STATUS_OK : STATUS_INTERNAL;
}

static bool signature_good(const struct note_verifier *verifier, struct slice text, struct slice signature)
{
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, verifier->public_key, NOTE_KEY_BYTES);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = key != NULL && context != NULL && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestVerify(context, signature.ptr, signature.len, text.ptr, text.len) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return good;
}

/* Text as notes may hold it: nothing below a space but line feeds. */
static bool note_text_valid(struct slice text)
{
    return text.len > 0 && text.len < NOTE_TEXT_MAX && text.ptr[text.len - 1] == '\n' && text_valid(text) &&
           memchr(text.ptr, '\t', text.len) == NULL;
}

enum status note_sign(struct slice text, const struct note_signer *signer, char out[NOTE_TEXT_MAX],
                      size_t *out_len)
{
    uint8_t signature[KEY_ID_BYTES + NOTE_SIGNATURE_BYTES];
    char signature_text[BASE64_LEN(sizeof signature) + 1];
    char line[sizeof SIGNATURE_LINE + NOTE_NAME_MAX + sizeof signature_text + 2];
    if (!note_text_valid(text) || !name_valid(slice_text(signer->name)))
        return STATUS_INVALID;
    be32_put(signature, signer->key_id);
    enum status status = sign(signer, text, signature + KEY_ID_BYTES);
    if (status != STATUS_OK)
        return status;
    bool fits = base64_format(slice_of(signature, sizeof signature), signature_text, sizeof signature_text);
    int line_len = snprintf(line, sizeof line, "\n" SIGNATURE_LINE "%s %s\n", signer->name, signature_text);
    ASSERT(fits && line_len > 0 && (size_t)line_len < sizeof line);
    if (text.len + (size_t)line_len >= NOTE_TEXT_MAX)
        return STATUS_INVALID;
    memcpy(out, text.ptr, text.len);
    memcpy(out + text.len, line, (size_t)line_len + 1);
    *out_len = text.len + (size_t)line_len;
    return STATUS_OK;
}

enum status checkpoint_sign(const struct checkpoint *checkpoint, const struct note_signer *signer,
                            char out[NOTE_TEXT_MAX], size_t *out_len)
{
    if (strcmp(checkpoint->origin, signer->name) != 0)
        return STATUS_INVALID;
    char root[HASH_TEXT_LEN + 1];
    char text[NOTE_NAME_MAX + 21 + sizeof root + 3]; /* a size has at most 20 digits */
    bool fits = base64_format(slice_of(checkpoint->root.bytes, HASH_BYTES), root, sizeof root);
    int len = snprintf(text, sizeof text, "%s\n%llu\n%s\n", checkpoint->origin,
                       (unsigned long long)checkpoint->size, root);
    ASSERT(fits && len > 0 && (size_t)len < sizeof text);
    return note_sign(slice_of(text, (size_t)len), signer, out, out_len);
}

/* Splits a note at its last empty line: *out_text with its last line feed, *out_signatures the lines after
 * it. */
static bool split_note(struct slice note, struct slice *out_text, struct slice *out_signatures)
{
    if (note.len < 4 || !note_text_valid(note))
        return false;
    for (size_t i = note.len - 2; i > 0; i--) {
        if (note.ptr[i] == '\n' && note.ptr[i - 1] == '\n') {
            *out_text = slice_of(note.ptr, i);
            *out_signatures = slice_of(note.ptr + i + 1, note.len - i - 1);
            return true;
        }
    }
    return false;
}

static enum status corrupt(struct fault *why, const char *field, const char *text)
{
    return fault_set(why, STATUS_CORRUPT, field, "%s", text);
}

/* Every signature line must have its form; every one that names our key must be good, and there must be one.
 */
static enum status check_signatures(struct slice text, struct slice lines,
                                    const struct note_verifier *verifier, struct fault *why)
{
    static const char bad_line[] = "lines of em dash, space, key name, space, base64";
    bool verified = false;
    struct slice line, name;
    while (split(&lines, '\n', &line)) {
        struct slice dash = slice_text(SIGNATURE_LINE);
        if (!slice_starts_with(line, dash))
            return corrupt(why, "signature", bad_line);
        struct slice rest = slice_of(line.ptr + dash.len, line.len - dash.len);
        uint8_t bytes[NOTE_TEXT_MAX];
        size_t len;
        if (!split(&rest, ' ', &name) || !name_valid(name) ||
            !base64_parse(rest, bytes, sizeof bytes, &len) || len <= KEY_ID_BYTES)
            return corrupt(why, "signature", bad_line);
        if (!slice_equal(name, slice_text(verifier->name)) || be32_get(bytes) != verifier->key_id)
            continue;
        if (!signature_good(verifier, text, slice_of(bytes + KEY_ID_BYTES, len - KEY_ID_BYTES)))
            return corrupt(why, "signature", "a good signature by the log's key");
        verified = true;
    }
    return verified ? STATUS_OK : corrupt(why, "signature", "a signature by the log's key");
}

static enum status read_checkpoint(struct slice text, const struct note_verifier *verifier,
                                   struct checkpoint *out, struct fault *why)
{
    struct slice origin, size_text, root_text, extension;
    if (!split(&text, '\n', &origin) || !split(&text, '\n', &size_text) || !split(&text, '\n', &root_text))
        return corrupt(why, "checkpoint", "three lines: origin, size, root hash");
    if (!slice_equal(origin, slice_text(verifier->name)))
        return corrupt(why, "origin", "the name of the log's key");
    uint64_t size;
    if (!number_parse(size_text, 0, UINT64_MAX, &size) || (size_text.len > 1 && size_text.ptr[0] == '0'))
        return corrupt(why, "size", "a number without leading zeros");
    struct hash root;
    size_t root_len;
    if (!base64_parse(root_text, root.bytes, HASH_BYTES, &root_len) || root_len != HASH_BYTES)
        return corrupt(why, "root", "32 bytes in base64");
    while (split(&text, '\n', &extension))
        if (extension.len == 0)
            return corrupt(why, "checkpoint", "no empty line in its text");
    memset(out->origin, 0, sizeof out->origin);
    memcpy(out->origin, origin.ptr, origin.len);
    out->size = size;
    out->root = root;
    return STATUS_OK;
}

enum status note_open(struct slice note, const struct note_verifier *verifier, struct slice *out_text,
                      struct fault *why)
{
    struct slice text, signatures;
    if (!split_note(note, &text, &signatures))
        return corrupt(why, "note", "a signed note: text, an empty line, signature lines, in UTF-8");
    enum status status = check_signatures(text, signatures, verifier, why);
    if (status == STATUS_OK)
        *out_text = text;
    return status;
}

enum status checkpoint_open(struct slice note, const struct note_verifier *verifier, struct checkpoint *out,
                            struct fault *why)
{
    struct slice text;
    enum status status = note_open(note, verifier, &text, why);
    if (status != STATUS_OK)
        return status;
    return read_checkpoint(text, verifier, out, why);
}
