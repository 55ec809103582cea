/*
 * Rows of core state: keys, fixed values and protobuf values over the kv port.
 *
 * A stored row that does not decode sets CORRUPT on the transaction (sticky) and reads as absent: callers that
 * decide from "absent" need no check of their own, since domain_decide looks at kv_error at its end.
 * Pure; slices and messages returned live as the kv port and the arena say.
 */
#ifndef SERVER_DOMAIN_KERNEL_ROWS_H
#define SERVER_DOMAIN_KERNEL_ROWS_H

#include "proto/base/bytes.h"
#include "proto/wire/arena.h"
#include "server/domain/kernel/tables.h"
#include "server/ports/kv.h"

/* A key under construction. The longest holds an e-mail or a name of NAME_TEXT_MAX bytes and a prefix. */
#define ROW_KEY_MAX 260u
struct row_key {
    size_t len;
    uint8_t bytes[ROW_KEY_MAX];
};

static inline struct slice row_key_slice(const struct row_key *key)
{
    return slice_of(key->bytes, key->len);
}
struct row_key row_key_u16(uint16_t a);
struct row_key row_key_u32(uint32_t a);
struct row_key row_key_u64(uint64_t a);
struct row_key
row_key_text(const char *text); /* longer text is cut: no stored key is that long, so it is not found */
void row_key_add_u16(struct row_key *key, uint16_t value);
void row_key_add_u32(struct row_key *key, uint32_t value);
void row_key_add(struct row_key *key, const void *bytes, size_t len);

/* Fixed-size values. False when absent; a row of another size sets CORRUPT. */
bool row_get_u16(struct kv_txn *state, unsigned table, struct slice key, uint16_t *out);
bool row_get_u32(struct kv_txn *state, unsigned table, struct slice key, uint32_t *out);
bool row_get_u64(struct kv_txn *state, unsigned table, struct slice key, uint64_t *out);
void row_put_u16(struct kv_txn *state, unsigned table, struct slice key, uint16_t value);
void row_put_u32(struct kv_txn *state, unsigned table, struct slice key, uint32_t value);
void row_put_u64(struct kv_txn *state, unsigned table, struct slice key, uint64_t value);

/* A protobuf value, unpacked into the arena (so it outlives the next write). NULL when absent or corrupt. */
void *row_get_message(struct kv_txn *state, unsigned table, struct slice key,
                      const ProtobufCMessageDescriptor *type, struct arena *arena);
/* The same for bytes already read, also a record's payload. NULL: the error is set on the transaction. */
void *row_message(struct kv_txn *state, struct slice value, const ProtobufCMessageDescriptor *type,
                  struct arena *arena);
/* Packs and stores; NO_MEMORY is set on the transaction when the arena is full. */
void row_put_message(struct kv_txn *state, unsigned table, struct slice key, const ProtobufCMessage *message,
                     struct arena *arena);

/* One top-level text field of packed bytes of our own, borrowed, without unpacking: for look-ups that need no more
 * than a code or a state. Empty when absent. Bytes that are no message set CORRUPT. */
struct slice row_text_field(struct kv_txn *state, struct slice message, uint32_t field);
/* The same of a whole number that is no sint; 0 when absent. */
uint64_t row_number_field(struct kv_txn *state, struct slice message, uint32_t field);

/* The first row with a key greater than `after` (an empty `after`: the first row of the table). For streams that
 * remember the last key they gave. False at the end. */
bool row_next(struct kv_txn *state, unsigned table, struct slice after, struct slice *out_key,
              struct slice *out_value);
/* The last row of the table; false when it is empty. */
bool row_last(struct kv_txn *state, unsigned table, struct slice *out_key, struct slice *out_value);
/* The last row with a key not above `up_to` that starts with `prefix`. */
bool row_last_within(struct kv_txn *state, unsigned table, struct slice prefix, struct slice up_to,
                     struct slice *out_key, struct slice *out_value);

/* For tables keyed by a number: the highest number in use and one more; `first` for an empty table. */
uint32_t row_next_number_u16(struct kv_txn *state, unsigned table, uint32_t first);
uint32_t row_next_number_u32(struct kv_txn *state, unsigned table, uint32_t first);

#endif
