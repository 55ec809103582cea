/*
 * A block of neighbouring rows in one byte string: the codec of kv_packed. docs/storage.md is the authority on the form.
 *
 *   block = u8 version = 1 | varint rows | last key: varint shared with the block's name, varint new, what is new
 *         | last value: u8 length + 1, bytes; 0 = longer than PACKED_SHARED_MAX, not repeated here | rows
 *   row   = u8 head | lengths | what is new of the key | what is new of the value
 *   head  : high four bits, the key:   0..14  as long as the key before it and new in so many last bytes
 *                                      15     varint shared, varint new
 *           low four bits, the value:  0..13  as long as the value before it and new in so many last bytes
 *                                      14     varint length, all of it new
 *                                      15     varint shared, varint new
 *
 * The key before the first row is the block's own name, the value before it is empty. Keys go up. What a key shares
 * with the one before is as long as can be, so its first new byte is greater than the old one there: the reader checks
 * order by that byte alone. Varints are base 128, low bits first. The last row is repeated in front, so that a row can
 * be appended to a block, or found to be behind it, without walking its rows.
 *
 * Bytes are hostile: whatever a reader is given, it gives rows in order or says that the block is bad.
 */
#ifndef SERVER_BASE_PACKED_BLOCK_H
#define SERVER_BASE_PACKED_BLOCK_H

#include "server/ports/kv.h"

#define PACKED_SHARED_MAX 254u /* longer values share nothing: what a block unfolds to is bounded by that */
#define PACKED_HEAD_MAX   (1u + 5u + 2u + 2u + KV_KEY_MAX + 1u + PACKED_SHARED_MAX)
#define PACKED_ROW_MAX    (1u + 4u * 3u + KV_KEY_MAX) /* of a row beside its value */
#define PACKED_ALONE_MORE                                                                                    \
    16u                  /* most that a block has beside the value of its only row, when that has its name */
#define PACKED_SLACK 32u /* short copies are done in one piece */

/* A row as unfolded. A value of up to PACKED_SHARED_MAX bytes lies in `small`, a longer one in the block. */
struct packed_row {
    struct slice value;
    size_t key_len;
    uint8_t key[KV_KEY_MAX + PACKED_SLACK];
    uint8_t small[PACKED_SHARED_MAX + 1u + PACKED_SLACK];
};

static inline struct slice packed_key(const struct packed_row *row)
{
    return slice_of(row->key, row->key_len);
}

struct packed_reader {
    const uint8_t *body, *at, *end; /* of the rows; `at` is behind the present one */
    const uint8_t *row_at;          /* where the present row begins; `end` when there is none */
    size_t rows;                    /* in all */
    size_t left;                    /* behind the present one */
    bool present;                   /* there is a present row: rows[current] */
    bool bad;
    unsigned current;
    struct packed_row rows_at[2]; /* the present row and the one before it (or the block's name) */
    struct slice last_value;
    bool last_known; /* last_value is there */
    size_t last_key_len;
    uint8_t last_key[KV_KEY_MAX + PACKED_SLACK];
};

/* Stands before the first row. False: not a block. `bytes` must outlive the reader; `name` is copied. */
bool packed_reader_start(struct packed_reader *reader, struct slice name, struct slice bytes) MUST_USE;
/* On to the next row; false when there is none (present is false then), or `bad`. */
bool packed_reader_next(struct packed_reader *reader);

static inline struct slice packed_last_key(const struct packed_reader *reader)
{
    return slice_of(reader->last_key, reader->last_key_len);
}
static inline const struct packed_row *packed_present(const struct packed_reader *reader)
{
    return &reader->rows_at[reader->current];
}
static inline const struct packed_row *packed_before(const struct packed_reader *reader)
{
    return &reader->rows_at[reader->current ^ 1u];
}

/* Rows being put together: room for the head, then the rows. Zero is an empty one without memory. */
struct packed_builder {
    uint8_t *buffer; /* PACKED_HEAD_MAX bytes, then `cap` */
    size_t len, cap; /* of the rows */
    size_t rows;
    struct packed_row last; /* its value only when it is shared */
    bool last_shared;
    size_t name_len;
    uint8_t name[KV_KEY_MAX];
};

/* No rows yet. */
void packed_builder_start(struct packed_builder *builder, struct slice name);
/* False: no memory, and nothing was added. Keys go up; `value` is not in the builder's own memory. */
bool packed_builder_add(struct packed_builder *builder, struct slice key, struct slice value) MUST_USE;
/* Adds rows as they are stored elsewhere, behind the very row that stands before them there; then sets the last row. */
bool packed_builder_copy(struct packed_builder *builder, const uint8_t *bytes, size_t len, size_t rows,
                         struct slice last_key, struct slice last_value) MUST_USE;
size_t packed_builder_size(const struct packed_builder *builder); /* of the block, or a little more */
size_t packed_builder_row_size(const struct packed_builder *builder, struct slice key,
                               struct slice value); /* that it would grow by, or a little more */
/* The block; valid until the builder is touched again. At least one row. */
struct slice packed_builder_block(struct packed_builder *builder);
void packed_builder_free(struct packed_builder *builder);

#endif
