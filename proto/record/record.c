#include "proto/record/record.h"

#include <stdio.h>

#include "proto/base/bug.h"
#include "proto/base/bytes.h"
#include "proto/base/limits.h"
#include "proto/base/money.h"
#include "proto/record/sha256.h"

struct posting record_posting(const struct record *record, size_t index)
{
    ASSERT(index < record->posting_count);
    const uint8_t *at = record->postings.ptr + index * POSTING_BYTES;
    return (struct posting){
        .account = be32_get(at),
        .business = be16_get(at + 4),
        .currency = be16_get(at + 6),
        .party = be32_get(at + 8),
        .amount = (int64_t)be64_get(at + 12),
    };
}

struct movement record_movement(const struct record *record, size_t index)
{
    ASSERT(index < record->movement_count);
    const uint8_t *at = record->movements.ptr + index * MOVEMENT_BYTES;
    return (struct movement){
        .item = be32_get(at),
        .business = be16_get(at + 4),
        .place = be16_get(at + 6),
        .condition = be16_get(at + 8),
        .quantity = (int64_t)be64_get(at + 12),
        .value = (int64_t)be64_get(at + 20),
    };
}

size_t record_size(size_t posting_count, size_t movement_count, size_t payload_len)
{
    if (posting_count > POSTINGS_MAX || movement_count > MOVEMENTS_MAX || payload_len > RECORD_BYTES_MAX)
        return 0;
    size_t size =
        RECORD_HEADER_BYTES + posting_count * POSTING_BYTES + movement_count * MOVEMENT_BYTES + payload_len;
    return size <= RECORD_BYTES_MAX ? size : 0;
}

static void put_header(struct byte_writer *w, const struct record_header *h, size_t posting_count,
                       size_t movement_count, size_t payload_len)
{
    byte_put_u8(w, RECORD_FORMAT);
    byte_put_u8(w, 0);
    byte_put_u16(w, h->type);
    byte_put_u16(w, h->type_version);
    byte_put_u16(w, h->business);
    byte_put_u64(w, h->position);
    byte_put_u64(w, (uint64_t)h->time);
    byte_put(w, h->command_id.bytes, sizeof h->command_id.bytes);
    byte_put_u64(w, h->session);
    byte_put_u32(w, h->user);
    byte_put_u32(w, h->business_date);
    byte_put_u16(w, h->series);
    byte_put_u16(w, (uint16_t)posting_count);
    byte_put_u16(w, (uint16_t)movement_count);
    byte_put_u16(w, 0);
    byte_put_u32(w, h->number);
    byte_put_u32(w, (uint32_t)payload_len);
    byte_put_u64(w, h->cause);
    byte_put_u64(w, h->content);
    byte_put(w, h->previous.bytes, sizeof h->previous.bytes);
}

void record_encode(const struct record_header *header, const struct posting *postings, size_t posting_count,
                   const struct movement *movements, size_t movement_count, struct slice payload,
                   uint8_t *out)
{
    size_t size = record_size(posting_count, movement_count, payload.len);
    ASSERT(size != 0);
    struct byte_writer w = byte_writer_on(out, size);
    put_header(&w, header, posting_count, movement_count, payload.len);
    for (size_t i = 0; i < posting_count; i++) {
        byte_put_u32(&w, postings[i].account);
        byte_put_u16(&w, postings[i].business);
        byte_put_u16(&w, postings[i].currency);
        byte_put_u32(&w, postings[i].party);
        byte_put_u64(&w, (uint64_t)postings[i].amount);
    }
    for (size_t i = 0; i < movement_count; i++) {
        byte_put_u32(&w, movements[i].item);
        byte_put_u16(&w, movements[i].business);
        byte_put_u16(&w, movements[i].place);
        byte_put_u16(&w, movements[i].condition);
        byte_put_u16(&w, 0);
        byte_put_u64(&w, (uint64_t)movements[i].quantity);
        byte_put_u64(&w, (uint64_t)movements[i].value);
    }
    byte_put(&w, payload.ptr, payload.len);
    ASSERT(!w.failed && w.len == size);
}

void record_encode_kept(const struct record_header *header, const struct posting *postings,
                        size_t posting_count, const struct movement *movements, size_t movement_count,
                        struct slice payload, uint8_t *out, struct record *out_record)
{
    record_encode(header, postings, posting_count, movements, movement_count, payload, out);
    const uint8_t *at = out + RECORD_HEADER_BYTES;
    out_record->header = *header;
    out_record->posting_count = (uint16_t)posting_count;
    out_record->movement_count = (uint16_t)movement_count;
    out_record->postings = slice_of(at, posting_count * POSTING_BYTES);
    at += out_record->postings.len;
    out_record->movements = slice_of(at, movement_count * MOVEMENT_BYTES);
    at += out_record->movements.len;
    out_record->payload = slice_of(at, payload.len);
    out_record->bytes = slice_of(out, (size_t)(at - out) + payload.len);
}

/* Reads the fixed header; the reader has at least RECORD_HEADER_BYTES. */
static enum status get_header(struct byte_reader *r, struct record *out, uint32_t *out_payload_len,
                              struct fault *why)
{
    struct record_header *h = &out->header;
    uint8_t format = byte_get_u8(r);
    if (format != RECORD_FORMAT)
        return fault_set(why, STATUS_CORRUPT, "format", "record format %d, got %u", RECORD_FORMAT, format);
    uint8_t flags = byte_get_u8(r);
    if (flags != 0)
        return fault_set(why, STATUS_CORRUPT, "flags", "0, got %u", flags);
    h->type = byte_get_u16(r);
    h->type_version = byte_get_u16(r);
    h->business = byte_get_u16(r);
    h->position = byte_get_u64(r);
    h->time = (timestamp_us)byte_get_u64(r);
    memcpy(h->command_id.bytes, byte_take(r, COMMAND_ID_BYTES), COMMAND_ID_BYTES);
    h->session = byte_get_u64(r);
    h->user = byte_get_u32(r);
    h->business_date = byte_get_u32(r);
    h->series = byte_get_u16(r);
    out->posting_count = byte_get_u16(r);
    out->movement_count = byte_get_u16(r);
    uint16_t reserved = byte_get_u16(r);
    if (reserved != 0)
        return fault_set(why, STATUS_CORRUPT, "reserved", "0, got %u", reserved);
    h->number = byte_get_u32(r);
    *out_payload_len = byte_get_u32(r);
    h->cause = byte_get_u64(r);
    h->content = byte_get_u64(r);
    memcpy(h->previous.bytes, byte_take(r, HASH_BYTES), HASH_BYTES);
    ASSERT(!r->failed);
    return STATUS_OK;
}

static enum status check_counts(const struct record *record, uint32_t payload_len, struct fault *why)
{
    if (record->posting_count > POSTINGS_MAX)
        return fault_set(why, STATUS_CORRUPT, "posting_count", "at most %u postings, got %u", POSTINGS_MAX,
                         record->posting_count);
    if (record->movement_count > MOVEMENTS_MAX)
        return fault_set(why, STATUS_CORRUPT, "movement_count", "at most %u movements, got %u", MOVEMENTS_MAX,
                         record->movement_count);
    size_t size = record_size(record->posting_count, record->movement_count, payload_len);
    if (size != record->bytes.len)
        return fault_set(
            why, STATUS_CORRUPT, "payload_len",
            "counts that add up to the record's length; %u postings, %u movements and %u bytes of payload "
            "are not %zu bytes",
            record->posting_count, record->movement_count, payload_len, record->bytes.len);
    return STATUS_OK;
}

enum status record_decode(struct slice bytes, struct record *out, struct fault *why)
{
    if (bytes.len < RECORD_HEADER_BYTES || bytes.len > RECORD_BYTES_MAX)
        return fault_set(why, STATUS_CORRUPT, NULL, "a record of %d to %u bytes, got %zu",
                         RECORD_HEADER_BYTES, RECORD_BYTES_MAX, bytes.len);
    struct record record = {.bytes = bytes};
    struct byte_reader r = byte_reader_on(bytes);
    uint32_t payload_len = 0;
    enum status status = get_header(&r, &record, &payload_len, why);
    if (status != STATUS_OK)
        return status;
    status = check_counts(&record, payload_len, why);
    if (status != STATUS_OK)
        return status;

    record.postings = slice_of(r.rest.ptr, (size_t)record.posting_count * POSTING_BYTES);
    record.movements =
        slice_of(record.postings.ptr + record.postings.len, (size_t)record.movement_count * MOVEMENT_BYTES);
    record.payload = slice_of(record.movements.ptr + record.movements.len, payload_len);
    for (size_t i = 0; i < record.movement_count; i++) {
        if (be16_get(record.movements.ptr + i * MOVEMENT_BYTES + 10) != 0) {
            char field[FAULT_FIELD_MAX];
            snprintf(field, sizeof field, "movements[%zu].reserved", i);
            return fault_set(why, STATUS_CORRUPT, field, "0");
        }
    }
    *out = record;
    return STATUS_OK;
}

void record_hash(struct slice bytes, struct hash *out)
{
    static const uint8_t leaf = 0x00;
    const struct slice parts[] = {slice_of(&leaf, 1), bytes};
    sha256(parts, 2, out);
}

/* Sums by (business, currency). Records touch few of these pairs, so a search from the latest one back is
 * quick. */
struct sums {
    size_t count;
    uint32_t pair[POSTINGS_MAX]; /* business << 16 | currency */
    int128 sum[POSTINGS_MAX];
};

static void add(struct sums *sums, const struct posting *posting)
{
    uint32_t pair = (uint32_t)posting->business << 16 | posting->currency;
    size_t i = sums->count;
    while (i > 0 && sums->pair[i - 1] != pair)
        i--;
    if (i == 0) {
        sums->pair[sums->count] = pair;
        sums->sum[sums->count] = 0;
        i = ++sums->count;
    }
    sums->sum[i - 1] += posting->amount;
}

enum status record_check_balance(const struct record *record, struct fault *why)
{
    ASSERT(record->posting_count <= POSTINGS_MAX);
    struct sums sums;
    sums.count = 0;
    for (size_t i = 0; i < record->posting_count; i++) {
        struct posting posting = record_posting(record, i);
        if (posting.amount == 0 || posting.amount > AMOUNT_MAX || posting.amount < -AMOUNT_MAX) {
            char field[FAULT_FIELD_MAX];
            snprintf(field, sizeof field, "postings[%zu].amount", i);
            return fault_set(why, STATUS_CORRUPT, field, "not 0 and within the ledger's limit");
        }
        add(&sums, &posting);
    }
    for (size_t i = 0; i < sums.count; i++)
        if (sums.sum[i] != 0)
            return fault_set(why, STATUS_CORRUPT, "postings",
                             "debits equal to credits; they differ for business %u, currency %u",
                             sums.pair[i] >> 16, sums.pair[i] & 0xffff);
    return STATUS_OK;
}
