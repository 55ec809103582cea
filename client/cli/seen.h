/*
 * Command ids made of content, so that sending the same file twice records each thing once: the first half of SHA-256
 * over a label with its NUL, the count of the same content so far in the file (u32 big-endian, from 1), and the
 * content's own SHA-256. Two lines that are the same are two things, told apart by their count.
 */
#ifndef CLIENT_CLI_SEEN_H
#define CLIENT_CLI_SEEN_H

#include <daftari/daftari.h>

#include "proto/record/record.h"

#define SEEN_MAX 8000000u /* different contents of one file */

struct seen {
    struct hash *hashes; /* open addressing; counts[i] == 0: free */
    uint32_t *counts;
    size_t cap; /* a power of two, or 0 */
    size_t count;
};

void seen_done(struct seen *seen);
enum status seen_command_id(struct seen *seen, const char *label, const struct hash *content,
                            uint8_t out[DFT_COMMAND_ID_BYTES], struct fault *why) MUST_USE;

#endif
