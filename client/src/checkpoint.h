/*
 * The last checkpoint of a server: remembered in a file, compared with what the server shows at every connection.
 *
 * The file is text: a first line "daftari checkpoint 1", then "key VKEY", then "note" and the signed note as it came.
 * It is replaced whole (write beside, sync, rename, sync the folder) under a lock beside it, and only ever by a
 * checkpoint that extends the one in it. One thread at a time; several processes may share a file.
 */
#ifndef CLIENT_SRC_CHECKPOINT_H
#define CLIENT_SRC_CHECKPOINT_H

#include "proto/base/slice.h"
#include "proto/record/note.h"

#define CHECKPOINT_PATH_MAX 4096

struct checkpoint_memory {
    char path[CHECKPOINT_PATH_MAX]; /* "" = memory only */
    bool pinned;                    /* the key was given by the caller: only this one is good */
    bool known;                     /* the rest is filled */
    struct note_verifier key;
    char key_text[NOTE_VKEY_MAX];
    char note[NOTE_TEXT_MAX];
    struct checkpoint seen;
    bool evidence; /* shown_note contradicts note */
    char shown_note[NOTE_TEXT_MAX];
};

/* Empty, or filled from the file at `path` (may be NULL); `log_key` (may be NULL) is the only key to be taken.
 * CORRUPT: the file is there and cannot be understood, or contradicts log_key. */
enum status checkpoint_load(struct checkpoint_memory *memory, const char *path, const char *log_key,
                            struct fault *why) MUST_USE;

/* What the server must prove from; 0 when nothing is remembered. */
uint64_t checkpoint_seen_size(const struct checkpoint_memory *memory);

/* Checks the note shown under the key shown, with `proof` from the size that was asked, and remembers it. ROLLED_BACK
 * when it does not extend what was seen, with both notes kept; CORRUPT when the note itself is not good. An I/O failure
 * while remembering is IO. */
enum status checkpoint_check(struct checkpoint_memory *memory, struct slice note, struct slice key_text,
                             const struct hash *proof, size_t proof_count, struct fault *why) MUST_USE;

#endif
