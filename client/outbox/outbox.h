/*
 * The durable outbox's files. Folder: "waiting" (commands), "refused" (the same with their faults), "lock".
 *
 * A file is a head of 16 bytes, then records, each written in one piece and synced before it is acknowledged:
 *
 *   off len field                          off len field
 *     0   8 "DFTOUTB1"                        0   4 length of the rest
 *     8   8 reserved = 0                      4   4 the length with all bits turned over
 *                                             8   8 checksum: first 8 bytes of SHA-256(length, rest)
 *                                            16     rest: u8 kind, 16 command id, i64 time, u8 method length, method,
 *                                                   then by kind: ADD body; DONE nothing; REFUSED u32 status,
 *                                                   u32 reason, u8 field length, field, u16 text length, text, body
 *
 * All integers big-endian. "waiting" holds ADD, and DONE for what was answered; it is replaced (written beside, synced,
 * renamed) when most of it is answered. "refused" holds REFUSED, written and synced before the DONE, so that a kill
 * between the two shows a refused command twice at worst, and drops it never: opening removes the double.
 * Only the end of a file can be torn: it is cut off. A record that is wrong before the end is damage (CORRUPT).
 */
#ifndef CLIENT_OUTBOX_OUTBOX_H
#define CLIENT_OUTBOX_OUTBOX_H

#include <daftari/daftari.h>

#include "proto/base/limits.h"
#include "proto/base/slice.h"

#define OUTBOX_HEAD_BYTES       16
#define OUTBOX_RECORD_HEAD      16
#define OUTBOX_REST_MAX         (FRAME_PAYLOAD_MAX + 1024u) /* bytes */
#define OUTBOX_BYTES_DEFAULT    (64u * 1024u * 1024u)
#define OUTBOX_COMMANDS_DEFAULT 100000u
#define OUTBOX_REFUSED_MAX      100000u
#define OUTBOX_PATH_MAX         4096

enum outbox_kind { OUTBOX_ADD = 1, OUTBOX_DONE = 2, OUTBOX_REFUSED = 3 };

struct outbox_record {
    enum outbox_kind kind;
    uint8_t command_id[DFT_COMMAND_ID_BYTES];
    int64_t time_us;
    char method[METHOD_NAME_MAX + 1];
    struct slice body; /* borrowed */
    struct dft_fault fault;
};

/* Size of the encoded record; `out` (may be NULL) has that many bytes. */
size_t outbox_encode(const struct outbox_record *record, uint8_t *out);

enum outbox_read { OUTBOX_READ_GOOD, OUTBOX_READ_END, OUTBOX_READ_TORN, OUTBOX_READ_DAMAGED };
/* Reads the record at the start of `bytes`, which go to the end of the file. TORN: what is there may be a write that was
 * cut short; DAMAGED: it cannot be. */
enum outbox_read outbox_decode(struct slice bytes, struct outbox_record *out, size_t *out_used);

#endif
