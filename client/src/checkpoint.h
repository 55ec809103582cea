/*
 * The last checkpoint of a server: remembered in a file, compared with what the server shows at every connection.
 *
 * The file is text: a first line "daftari checkpoint 1", then "key VKEY", then "note" and the signed note as it came.
 * It is replaced whole (write beside, sync, rename, sync the folder) under a lock beside it, and only ever by a
 * checkpoint that extends the one in it. One thread at a time; several processes may share a file.
 *
 * A checkpoint is seen at a connection; what is recorded over that connection lies behind it. So the highest log position
 * that an answer named is kept too, in "PATH.position": "daftari position 1", then the position in 20 digits and the
 * log's key. A log that ends before it was cut. It is written in place at every answer and not synced: it outlives this
 * process, and a power cut costs no more than the positions of the last moments. Without the checkpoint file, or when it
 * cannot be read, it says nothing.
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
    uint64_t answered; /* highest position that an answer named; 0 = none */
    int position_fd;   /* -1 until it is needed */
    bool evidence;     /* shown_note contradicts note */
    char shown_note[NOTE_TEXT_MAX];
};

/* Empty, or filled from the file at `path` (may be NULL); `log_key` (may be NULL) is the only key to be taken.
 * CORRUPT: the file is there and cannot be understood, or contradicts log_key. */
enum status checkpoint_load(struct checkpoint_memory *memory, const char *path, const char *log_key,
                            struct fault *why) MUST_USE;

void checkpoint_done(struct checkpoint_memory *memory);

/* An answer named this position. Remembered as far as it can be written. */
void checkpoint_answered(struct checkpoint_memory *memory, uint64_t position);

/* What the server must prove from; 0 when nothing is remembered. */
uint64_t checkpoint_seen_size(const struct checkpoint_memory *memory);

/* Checks the note shown under the key shown, with `proof` from the size that was asked, and remembers it. ROLLED_BACK
 * when it does not extend what was seen, with both notes kept; CORRUPT when the note itself is not good. An I/O failure
 * while remembering is IO. */
enum status checkpoint_check(struct checkpoint_memory *memory, struct slice note, struct slice key_text,
                             const struct hash *proof, size_t proof_count, struct fault *why) MUST_USE;

#endif
