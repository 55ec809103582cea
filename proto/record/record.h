/*
 * The stored record: the unit of the log, byte for byte (docs/journal-format.md is the authority).
 *
 * A record is a fixed header, its effects (postings, then movements), then an opaque payload (protobuf bytes of
 * the message that proto/TYPE_IDS gives for `type`). All integers big-endian. Layout, format 1:
 *
 *   off len field            off len field               off len field
 *     0   1 format = 1        24  16 command_id            68   4 payload_len
 *     1   1 flags = 0         40   8 session               72   8 cause
 *     2   2 type              48   4 user                  80   8 content
 *     4   2 type_version      52   4 business_date         88  32 previous
 *     6   2 business          56   2 series               120     postings, 20 bytes each
 *     8   8 position          58   2 posting_count            movements, 28 bytes each
 *    16   8 time              60   2 movement_count           payload
 *                             62   2 reserved = 0
 *                             64   4 number
 *
 *   posting:  account u32, business u16, currency u16, party u32, amount i64 (minor units; debit +, credit -)
 *   movement: item u32, business u16, place u16, condition u16, reserved u16 = 0, quantity i64 (thousandths),
 *             value i64 (minor units of the base currency)
 *
 * Hash of a record = RFC 6962 leaf hash = SHA-256(0x00 || record bytes). `previous` holds the hash of the record
 * at position - 1 (32 zero bytes at position 1), so one hash per record serves chain and tree alike.
 * Pure; any thread; nothing here allocates.
 */
#ifndef PROTO_RECORD_RECORD_H
#define PROTO_RECORD_RECORD_H

#include "proto/base/bytes.h"
#include "proto/base/date.h"
#include "proto/base/ident.h"
#include "proto/base/slice.h"
#include "proto/base/status.h"

#define RECORD_FORMAT       1
#define RECORD_HEADER_BYTES 120
#define POSTING_BYTES       20
#define MOVEMENT_BYTES      28
#define HASH_BYTES          32

struct hash {
    uint8_t bytes[HASH_BYTES];
};

struct posting {
    uint32_t account;  /* account number, first digit = type */
    uint16_t business; /* 0 = HQ */
    uint16_t currency; /* number given when the currency was defined; 1 = base currency */
    uint32_t party;    /* customer, supplier, employee; 0 = none */
    int64_t amount;    /* minor units, debit positive, credit negative, never 0 */
};

struct movement {
    uint32_t item;
    uint16_t business;
    uint16_t place;
    uint16_t condition;
    int64_t quantity; /* thousandths of the item's unit */
    int64_t value;    /* minor units, base currency */
};

struct record_header {
    uint16_t type;                /* proto/TYPE_IDS */
    uint16_t type_version;        /* starts at 1 */
    uint16_t business;            /* the business whose document this is; 0 = HQ */
    uint64_t position;            /* 1, 2, 3 ... without gaps */
    timestamp_us time;            /* given by the writer: max(clock, previous + 1) */
    struct command_id command_id; /* zero: made by the server itself */
    uint64_t session; /* position of the SessionOpened record under which it was asked; 0 = the server */
    uint32_t user;    /* 0 = the server */
    civil_date business_date; /* the document's own date; 0 = none */
    uint16_t series;          /* document series; 0 = no document number */
    uint32_t number;          /* within series and business date, from 1 */
    uint64_t cause; /* position of the record this one reverses, approves, posts or settles; 0 = none */
    uint64_t
        content; /* XXH3-64 of the request body, seeded with XXH3-64 of the method's name (1 for a 0); 0 = made
                          * by the server itself. Tells a retry from a reused command id */
    struct hash previous;
};

/* A record as read: header decoded, the rest borrowed from the bytes given to record_decode. */
struct record {
    struct record_header header;
    uint16_t posting_count;
    uint16_t movement_count;
    struct slice postings;  /* posting_count * POSTING_BYTES */
    struct slice movements; /* movement_count * MOVEMENT_BYTES */
    struct slice payload;
    struct slice bytes; /* the whole record */
};

struct posting record_posting(const struct record *record,
                              size_t index); /* index < posting_count (asserted) */
struct movement record_movement(const struct record *record,
                                size_t index); /* index < movement_count (asserted) */

/* Exact size of a record with these parts, 0 when it would pass RECORD_BYTES_MAX or a count its limit. */
size_t record_size(size_t posting_count, size_t movement_count, size_t payload_len);

/* Write a record to `out`, which has record_size(...) bytes. Never fails: sizes are asserted. */
void record_encode(const struct record_header *header, const struct posting *postings, size_t posting_count,
                   const struct movement *movements, size_t movement_count, struct slice payload,
                   uint8_t *out);

/* The same, and the record as record_decode would give it, borrowed from `out`. */
void record_encode_kept(const struct record_header *header, const struct posting *postings,
                        size_t posting_count, const struct movement *movements, size_t movement_count,
                        struct slice payload, uint8_t *out, struct record *out_record);

/* Of the bytes of a record that is known to be well-formed. */
static inline uint64_t record_bytes_position(struct slice bytes)
{
    return be64_get(bytes.ptr + 8);
}
static inline timestamp_us record_bytes_time(struct slice bytes)
{
    return (timestamp_us)be64_get(bytes.ptr + 16);
}

/* Check form (format, sizes, reserved bytes zero, exact length) and borrow. CORRUPT with field otherwise.
 * Says nothing of chain, sums or payload. */
enum status record_decode(struct slice bytes, struct record *out, struct fault *why) MUST_USE;

/* The record's hash as above. */
void record_hash(struct slice bytes, struct hash *out);

/* Postings sum to zero per (business, currency), hence overall; amounts nonzero and in range. CORRUPT if not. */
enum status record_check_balance(const struct record *record, struct fault *why) MUST_USE;

#endif
