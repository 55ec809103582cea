#include "server/domain/kernel/rows.h"

#include "proto/wire/message.h"

struct row_key row_key_u16(uint16_t a)
{
    struct row_key key;
    key.len = 2;
    be16_put(key.bytes, a);
    return key;
}

struct row_key row_key_u32(uint32_t a)
{
    struct row_key key;
    key.len = 4;
    be32_put(key.bytes, a);
    return key;
}

struct row_key row_key_u64(uint64_t a)
{
    struct row_key key;
    key.len = 8;
    be64_put(key.bytes, a);
    return key;
}

struct row_key row_key_text(const char *text)
{
    struct row_key key;
    key.len = 0;
    row_key_add(&key, text, strlen(text));
    return key;
}

void row_key_add(struct row_key *key, const void *bytes, size_t len)
{
    size_t room = ROW_KEY_MAX - key->len;
    if (len > room)
        len = room;
    if (len != 0)
        memcpy(key->bytes + key->len, bytes, len);
    key->len += len;
}

void row_key_add_u16(struct row_key *key, uint16_t value)
{
    uint8_t bytes[2];
    be16_put(bytes, value);
    row_key_add(key, bytes, sizeof bytes);
}

void row_key_add_u32(struct row_key *key, uint32_t value)
{
    uint8_t bytes[4];
    be32_put(bytes, value);
    row_key_add(key, bytes, sizeof bytes);
}

static const uint8_t *fixed(struct kv_txn *state, unsigned table, struct slice key, size_t len)
{
    struct slice value;
    if (!kv_get(state, table, key, &value))
        return NULL;
    if (value.len != len) {
        kv_set_error(state, STATUS_CORRUPT);
        return NULL;
    }
    return value.ptr;
}

bool row_get_u16(struct kv_txn *state, unsigned table, struct slice key, uint16_t *out)
{
    const uint8_t *at = fixed(state, table, key, 2);
    if (at == NULL)
        return false;
    *out = be16_get(at);
    return true;
}

bool row_get_u32(struct kv_txn *state, unsigned table, struct slice key, uint32_t *out)
{
    const uint8_t *at = fixed(state, table, key, 4);
    if (at == NULL)
        return false;
    *out = be32_get(at);
    return true;
}

bool row_get_u64(struct kv_txn *state, unsigned table, struct slice key, uint64_t *out)
{
    const uint8_t *at = fixed(state, table, key, 8);
    if (at == NULL)
        return false;
    *out = be64_get(at);
    return true;
}

void row_put_u16(struct kv_txn *state, unsigned table, struct slice key, uint16_t value)
{
    uint8_t bytes[2];
    be16_put(bytes, value);
    kv_put(state, table, key, slice_of(bytes, sizeof bytes));
}

void row_put_u32(struct kv_txn *state, unsigned table, struct slice key, uint32_t value)
{
    uint8_t bytes[4];
    be32_put(bytes, value);
    kv_put(state, table, key, slice_of(bytes, sizeof bytes));
}

void row_put_u64(struct kv_txn *state, unsigned table, struct slice key, uint64_t value)
{
    uint8_t bytes[8];
    be64_put(bytes, value);
    kv_put(state, table, key, slice_of(bytes, sizeof bytes));
}

void *row_message(struct kv_txn *state, struct slice value, const ProtobufCMessageDescriptor *type,
                  struct arena *arena)
{
    ProtobufCMessage *message;
    struct fault why;
    enum status status = message_unpack(type, value, false, arena_allocator(arena), &message, &why);
    if (status == STATUS_OK)
        return message;
    kv_set_error(state, status == STATUS_TOO_LARGE ? STATUS_NO_MEMORY : STATUS_CORRUPT);
    return NULL;
}

void *row_get_message(struct kv_txn *state, unsigned table, struct slice key,
                      const ProtobufCMessageDescriptor *type, struct arena *arena)
{
    struct slice value;
    if (!kv_get(state, table, key, &value))
        return NULL;
    return row_message(state, value, type, arena);
}

void row_put_message(struct kv_txn *state, unsigned table, struct slice key, const ProtobufCMessage *message,
                     struct arena *arena)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = arena_take(arena, size + 1); /* a message may be empty, a request for memory may not */
    if (bytes == NULL) {
        kv_set_error(state, STATUS_NO_MEMORY);
        return;
    }
    (void)protobuf_c_message_pack(message, bytes);
    kv_put(state, table, key, slice_of(bytes, size));
}

enum { WIRE_VARINT = 0, WIRE_BYTES = 2 };

static uint64_t varint(struct byte_reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = byte_get_u8(reader);
        value |= (uint64_t)(byte & 0x7F) << shift;
        if ((byte & 0x80) == 0)
            return value;
    }
    reader->failed = true;
    return 0;
}

struct row_field {
    uint64_t number;
    struct slice text;
};

/* The last value of a top-level field: a varint or bytes, as `wire` says. */
static struct row_field row_field(struct kv_txn *state, struct slice message, uint32_t field, unsigned wire)
{
    enum { WIRE_FIXED64 = 1, WIRE_FIXED32 = 5 };
    struct byte_reader reader = byte_reader_on(message);
    struct row_field found = {0};
    while (reader.rest.len != 0 && !reader.failed) {
        uint64_t tag = varint(&reader);
        uint64_t value = 0;
        bool wanted = tag >> 3 == field && (tag & 7) == wire;
        switch (tag & 7) {
        case WIRE_VARINT:
            value = varint(&reader);
            if (wanted)
                found.number = value;
            continue;
        case WIRE_FIXED64:
            value = 8;
            break;
        case WIRE_FIXED32:
            value = 4;
            break;
        case WIRE_BYTES:
            value = varint(&reader);
            break;
        default:
            reader.failed = true;
            continue;
        }
        const uint8_t *at = byte_take(&reader, (size_t)value);
        if (at != NULL && wanted)
            found.text = slice_of(at, (size_t)value);
    }
    if (reader.failed) {
        kv_set_error(state, STATUS_CORRUPT);
        return (struct row_field){0};
    }
    return found;
}

struct slice row_text_field(struct kv_txn *state, struct slice message, uint32_t field)
{
    return row_field(state, message, field, WIRE_BYTES).text;
}

uint64_t row_number_field(struct kv_txn *state, struct slice message, uint32_t field)
{
    return row_field(state, message, field, WIRE_VARINT).number;
}

bool row_next(struct kv_txn *state, unsigned table, struct slice after, struct slice *out_key,
              struct slice *out_value)
{
    uint8_t from[KV_KEY_MAX + 1];
    size_t from_len = 0;
    if (after.len != 0) { /* the least key above `after` is `after` and a NUL */
        if (after.len > KV_KEY_MAX - 1)
            return false;
        memcpy(from, after.ptr, after.len);
        from_len = after.len;
    }
    from[from_len++] = 0;
    struct kv_cursor *cursor = kv_cursor_open(state, table);
    bool found = kv_seek(cursor, slice_of(from, from_len));
    if (found)
        kv_row(cursor, out_key, out_value);
    kv_cursor_close(cursor);
    return found;
}

bool row_last(struct kv_txn *state, unsigned table, struct slice *out_key, struct slice *out_value)
{
    struct kv_cursor *cursor = kv_cursor_open(state, table);
    bool found = kv_last(cursor, slice_of(NULL, 0));
    if (found)
        kv_row(cursor, out_key, out_value);
    kv_cursor_close(cursor);
    return found;
}

bool row_last_within(struct kv_txn *state, unsigned table, struct slice prefix, struct slice up_to,
                     struct slice *out_key, struct slice *out_value)
{
    struct kv_cursor *cursor = kv_cursor_open(state, table);
    struct slice key, value;
    bool found = kv_last(cursor, up_to);
    if (found) {
        kv_row(cursor, &key, &value);
        found = slice_starts_with(key, prefix);
    }
    kv_cursor_close(cursor);
    if (!found)
        return false;
    *out_key = key;
    *out_value = value;
    return true;
}

uint32_t row_next_number_u16(struct kv_txn *state, unsigned table, uint32_t first)
{
    struct slice key, value;
    if (!row_last(state, table, &key, &value) || key.len != 2)
        return first;
    return (uint32_t)be16_get(key.ptr) + 1;
}

uint32_t row_next_number_u32(struct kv_txn *state, unsigned table, uint32_t first)
{
    struct slice key, value;
    if (!row_last(state, table, &key, &value) || key.len != 4)
        return first;
    return be32_get(key.ptr) + 1;
}
