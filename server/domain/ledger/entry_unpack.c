/*
 * An entry from its bytes, for the form that nearly all have: no tags, few lines, every field once, numbers in their
 * shortest form, plain text. Of anything else it says nothing and leaves it to message_unpack, so it can only be wrong
 * by taking what that refuses or by reading it otherwise: tests/unit/t_entry_unpack.c and the fuzzer compare the two.
 */
#include "proto/base/text.h"
#include "proto/wire/varint.h"
#include "server/domain/ledger/ledger.h"

#define LINES_MAX 32u

#define TAG(field, wire) ((field) << 3 | (wire))

/* Texts are copied one behind the other to `text`: their tags and lengths make room for the NULs. */
struct unpack {
    char *text;
};

static bool take_bytes(const uint8_t **at, const uint8_t *end, struct slice *out)
{
    uint64_t len;
    if (varint_take(at, end, &len) != VARINT_OK || len > (uint64_t)(end - *at))
        return false;
    *out = slice_of(*at, (size_t)len);
    *at += len;
    return true;
}

static bool take_text(struct unpack *unpack, const uint8_t **at, const uint8_t *end, char **out)
{
    struct slice bytes;
    if (*out != NULL || !take_bytes(at, end, &bytes) || !text_valid(bytes))
        return false;
    memcpy(unpack->text, bytes.ptr, bytes.len);
    unpack->text[bytes.len] = '\0';
    *out = unpack->text;
    unpack->text += bytes.len + 1;
    return true;
}

static bool take_u32(const uint8_t **at, const uint8_t *end, protobuf_c_boolean *has, uint32_t *out)
{
    uint64_t value;
    if (*has || varint_take(at, end, &value) != VARINT_OK || value > UINT32_MAX)
        return false;
    *has = 1;
    *out = (uint32_t)value;
    return true;
}

static bool take_i64(const uint8_t **at, const uint8_t *end, protobuf_c_boolean *has, int64_t *out)
{
    uint64_t value;
    if (*has || varint_take(at, end, &value) != VARINT_OK)
        return false;
    *has = 1;
    *out = (int64_t)value;
    return true;
}

static bool unpack_line(struct unpack *unpack, struct slice bytes, Daftari__V1__EntryLine *out)
{
    static const Daftari__V1__EntryLine empty = DAFTARI__V1__ENTRY_LINE__INIT;
    const uint8_t *at = bytes.ptr, *end = bytes.ptr + bytes.len;
    bool good = true;
    *out = empty;
    while (good && at < end) {
        switch (*at++) {
        case TAG(1, WIRE_VARINT):
            good = take_u32(&at, end, &out->has_account, &out->account);
            break;
        case TAG(2, WIRE_VARINT):
            good = take_i64(&at, end, &out->has_debit_minor, &out->debit_minor);
            break;
        case TAG(3, WIRE_VARINT):
            good = take_i64(&at, end, &out->has_credit_minor, &out->credit_minor);
            break;
        case TAG(4, WIRE_BYTES):
            good = take_text(unpack, &at, end, &out->business);
            break;
        case TAG(5, WIRE_BYTES):
            good = take_text(unpack, &at, end, &out->currency);
            break;
        case TAG(6, WIRE_BYTES):
            good = take_text(unpack, &at, end, &out->description);
            break;
        case TAG(8, WIRE_BYTES):
            good = take_text(unpack, &at, end, &out->party);
            break;
        default:
            return false;
        }
    }
    return good;
}

static bool unpack_fields(struct unpack *unpack, struct slice body, Daftari__V1__PostEntry *out,
                          struct slice lines[LINES_MAX])
{
    const uint8_t *at = body.ptr, *end = body.ptr + body.len;
    bool good = true;
    while (good && at < end) {
        switch (*at++) {
        case TAG(1, WIRE_BYTES):
            good = take_text(unpack, &at, end, &out->business);
            break;
        case TAG(2, WIRE_VARINT):
            good = take_u32(&at, end, &out->has_date, &out->date);
            break;
        case TAG(3, WIRE_BYTES):
            good = take_text(unpack, &at, end, &out->type);
            break;
        case TAG(4, WIRE_BYTES):
            good = take_text(unpack, &at, end, &out->description);
            break;
        case TAG(5, WIRE_BYTES):
            good = take_text(unpack, &at, end, &out->reference);
            break;
        case TAG(6, WIRE_BYTES):
            good = out->n_lines < LINES_MAX && take_bytes(&at, end, &lines[out->n_lines]);
            out->n_lines++;
            break;
        default:
            return false;
        }
    }
    return good;
}

bool entry_unpack(struct slice body, struct arena *arena, ProtobufCMessage **out)
{
    static const Daftari__V1__PostEntry empty = DAFTARI__V1__POST_ENTRY__INIT;
    Daftari__V1__PostEntry *entry = arena_take(arena, sizeof *entry);
    struct unpack unpack = {.text = arena_take(arena, body.len)};
    struct slice lines[LINES_MAX];
    if (entry == NULL || unpack.text == NULL)
        return false;
    *entry = empty;
    if (!unpack_fields(&unpack, body, entry, lines))
        return false;
    if (entry->n_lines == 0) {
        *out = &entry->base;
        return true;
    }
    entry->lines = arena_take(arena, entry->n_lines * sizeof entry->lines[0]);
    Daftari__V1__EntryLine *line = arena_take(arena, entry->n_lines * sizeof *line);
    if (entry->lines == NULL || line == NULL)
        return false;
    for (size_t i = 0; i < entry->n_lines; i++, line++) {
        entry->lines[i] = line;
        if (!unpack_line(&unpack, lines[i], line))
            return false;
    }
    *out = &entry->base;
    return true;
}
