/*
 * Signed notes and checkpoints in the public formats: C2SP signed-note and tlog-checkpoint (Ed25519).
 * Pure apart from libcrypto; any thread.
 */
#ifndef PROTO_RECORD_NOTE_H
#define PROTO_RECORD_NOTE_H

#include "proto/record/tree.h"

#define NOTE_NAME_MAX        128 /* key name: no spaces, no plus */
#define NOTE_KEY_BYTES       32  /* Ed25519 public key, and private seed */
#define NOTE_SIGNATURE_BYTES 64
#define NOTE_TEXT_MAX        4096 /* a checkpoint with its signatures */
#define NOTE_VKEY_MAX        256

struct note_signer {
    char name[NOTE_NAME_MAX];
    uint8_t seed[NOTE_KEY_BYTES];
    uint8_t public_key[NOTE_KEY_BYTES];
    uint32_t key_id; /* first 4 bytes of SHA-256(name || "\n" || 0x01 || public key) */
};
struct note_verifier {
    char name[NOTE_NAME_MAX];
    uint8_t public_key[NOTE_KEY_BYTES];
    uint32_t key_id;
};

enum status note_signer_from_seed(const char *name, const uint8_t seed[NOTE_KEY_BYTES],
                                  struct note_signer *out) MUST_USE;
void note_verifier_of(const struct note_signer *signer, struct note_verifier *out);
/* "name+hexid+base64(0x01 || key)", the verifier key text of signed-note. */
enum status note_vkey_format(const struct note_verifier *verifier, char out[NOTE_VKEY_MAX]) MUST_USE;
enum status note_vkey_parse(struct slice text, struct note_verifier *out, struct fault *why) MUST_USE;

/* `text` (UTF-8 without control characters but line feeds, ending in one) with our signature; *out_len without the
 * NUL. INVALID when the text is not such a one or too long. */
enum status note_sign(struct slice text, const struct note_signer *signer, char out[NOTE_TEXT_MAX],
                      size_t *out_len) MUST_USE;
/* Check form and signature; *out_text borrows from `note`. Every signature that names the verifier's key must be good
 * and there must be one; signatures by other keys are ignored. CORRUPT with what is wrong. */
enum status note_open(struct slice note, const struct note_verifier *verifier, struct slice *out_text,
                      struct fault *why) MUST_USE;

struct checkpoint {
    char origin[NOTE_NAME_MAX];
    uint64_t size;
    struct hash root;
};

/* The signed note text of a checkpoint with our signature; *out_len without the NUL. */
enum status checkpoint_sign(const struct checkpoint *checkpoint, const struct note_signer *signer,
                            char out[NOTE_TEXT_MAX], size_t *out_len) MUST_USE;
/* Parse and require a valid signature by `verifier` and its name as origin. Other signatures are ignored.
 * CORRUPT with what is wrong. */
enum status checkpoint_open(struct slice note, const struct note_verifier *verifier, struct checkpoint *out,
                            struct fault *why) MUST_USE;

#endif
