#include "server/net/envelope.h"

#include "proto/base/bug.h"
#include "proto/base/limits.h"
#include "proto/base/text.h"
#include "proto/wire/frame.h"
#include "proto/wire/varint.h"

/* ---- reading ---- */

struct cursor {
    const uint8_t *at, *end;
};

static bool varint_get(struct cursor *c, uint64_t *out)
{
    enum varint_outcome outcome = varint_take(&c->at, c->end, out);
    return outcome == VARINT_OK || outcome == VARINT_PADDED;
}

static bool bytes_get(struct cursor *c, struct slice *out)
{
    uint64_t len;
    if (!varint_get(c, &len) || len > (uint64_t)(c->end - c->at))
        return false;
    *out = slice_of(c->at, (size_t)len);
    c->at += len;
    return true;
}

struct field {
    unsigned number;
    unsigned wire;
    uint64_t value;     /* WIRE_VARINT */
    struct slice bytes; /* WIRE_BYTES */
};

static bool field_get(struct cursor *c, struct field *out)
{
    uint64_t tag;
    if (!varint_get(c, &tag) || tag > UINT32_MAX)
        return false;
    *out = (struct field){.number = (unsigned)(tag >> 3), .wire = (unsigned)(tag & 7)};
    if (out->wire == WIRE_VARINT)
        return varint_get(c, &out->value);
    return out->wire == WIRE_BYTES && bytes_get(c, &out->bytes);
}

static bool command_parse(struct slice bytes, struct envelope_command *out)
{
    struct cursor c = {.at = bytes.ptr, .end = bytes.ptr + bytes.len};
    *out = (struct envelope_command){0};
    while (c.at < c.end) {
        struct field f = {0};
        if (!field_get(&c, &f) || f.wire != WIRE_BYTES)
            return false;
        if (f.number == 1) {
            out->has_id = true;
            out->id = f.bytes;
        } else if (f.number == 2) {
            out->body = f.bytes;
        } else {
            return false;
        }
    }
    return true;
}

static bool request_field(struct envelope_request *out, const struct field *f)
{
    struct envelope_command command;
    bool fits = f->wire == WIRE_BYTES || f->number == 1 || f->number == 4 || f->value <= UINT32_MAX;
    switch (f->number * 8 + f->wire) {
    case 1 * 8 + WIRE_VARINT:
        out->request_id = f->value;
        return true;
    case 2 * 8 + WIRE_BYTES:
        out->method = f->bytes;
        return true;
    case 3 * 8 + WIRE_VARINT:
        out->deadline_ms = (uint32_t)f->value;
        return fits;
    case 4 * 8 + WIRE_VARINT:
        out->at_least_position = f->value;
        return true;
    case 5 * 8 + WIRE_BYTES:
        if (!command_parse(f->bytes, &command))
            return false;
        out->command_count++;
        out->body_bytes += command.body.len;
        return true;
    case 6 * 8 + WIRE_VARINT:
        out->credit = (uint32_t)f->value;
        return fits;
    default:
        return false;
    }
}

enum status envelope_request_parse(struct slice payload, struct envelope_request *out, struct fault *why)
{
    struct cursor c = {.at = payload.ptr, .end = payload.ptr + payload.len};
    struct envelope_request request = {.payload = payload};
    while (c.at < c.end) {
        struct field f = {0};
        if (!field_get(&c, &f) || !request_field(&request, &f))
            return fault_set(why, STATUS_INVALID, NULL,
                             "a Request as in envelope.proto, and no other fields");
    }
    if (request.request_id == 0)
        return fault_set(why, STATUS_INVALID, "request_id", "must be given and not be 0");
    *out = request;
    return STATUS_OK;
}

bool envelope_command_next(const struct envelope_request *request, size_t *place,
                           struct envelope_command *out)
{
    const uint8_t *start = request->payload.ptr;
    struct cursor c = {.at = start + *place, .end = start + request->payload.len};
    while (c.at < c.end) {
        struct field f = {0};
        bool parsed = field_get(&c, &f);
        ASSERT(parsed); /* envelope_request_parse saw it all */
        if (f.number == 5) {
            *place = (size_t)(c.at - start);
            return command_parse(f.bytes, out);
        }
    }
    *place = request->payload.len;
    return false;
}

/* ---- writing ---- */

static uint8_t *bytes_write(uint8_t *at, unsigned field, struct slice bytes)
{
    at = varint_put(at, field * 8 + WIRE_BYTES);
    at = varint_put(at, bytes.len);
    if (bytes.len != 0)
        memcpy(at, bytes.ptr, bytes.len);
    return at + bytes.len;
}

static size_t bytes_size(struct slice bytes)
{
    return 1 + varint_size(bytes.len) + bytes.len;
}

/* What a frame may still need after its answers: end and position. */
#define TAIL_MAX (2 + 1 + VARINT_BYTES_MAX)
#define HEAD_MAX (FRAME_HEADER_BYTES + 1 + VARINT_BYTES_MAX)

struct response response_begin(struct buffer *out, uint64_t request_id, uint64_t position)
{
    return (struct response){.out = out, .request_id = request_id, .position = position};
}

static void frame_open(struct response *r)
{
    if (!buffer_reserve(r->out, HEAD_MAX)) {
        r->failed = true;
        return;
    }
    uint8_t *start = r->out->bytes + r->out->end;
    r->frame_at = buffer_len(r->out);
    uint8_t *at = start + FRAME_HEADER_BYTES;
    at = varint_put(at, 1 * 8 + WIRE_VARINT);
    at = varint_put(at, r->request_id);
    r->out->end += (size_t)(at - start);
    r->open = true;
}

static void frame_close(struct response *r, bool end)
{
    if (r->failed || !buffer_reserve(r->out, TAIL_MAX)) {
        r->failed = true;
        return;
    }
    uint8_t *start = r->out->bytes + r->out->end, *at = start;
    if (end) {
        at = varint_put(at, 3 * 8 + WIRE_VARINT);
        at = varint_put(at, 1);
    }
    if (r->position != 0) {
        at = varint_put(at, 4 * 8 + WIRE_VARINT);
        at = varint_put(at, r->position);
    }
    r->out->end += (size_t)(at - start);
    uint8_t *header = r->out->bytes + r->out->start + r->frame_at;
    size_t payload_len = buffer_len(r->out) - r->frame_at - FRAME_HEADER_BYTES;
    ASSERT(payload_len <= FRAME_PAYLOAD_MAX);
    frame_header_encode(FRAME_RESPONSE, payload_len, header);
    r->open = false;
}

struct fault_size {
    struct slice field, text;
    uint32_t reason;
    size_t len;
};

static struct fault_size fault_measure(enum status status, const struct fault *fault)
{
    struct fault_size size = {.text = slice_text(status_text(status))};
    if (fault != NULL) {
        size.reason = fault->reason;
        size.field = slice_text(fault->field);
        if (fault->text[0] != '\0')
            size.text = slice_text(fault->text);
        if (!text_valid(size.field)) /* may quote what the client sent */
            size.field.len = 0;
        if (!text_valid(size.text))
            size.text = slice_text(status_text(status));
    }
    size.len = bytes_size(size.text) + (size.reason != 0 ? 1 + varint_size(size.reason) : 0) +
               (size.field.len != 0 ? bytes_size(size.field) : 0);
    return size;
}

void response_answer(struct response *r, enum status status, struct slice body, const struct fault *fault)
{
    if (status == STATUS_OK && body.len > FRAME_PAYLOAD_MAX - HEAD_MAX - TAIL_MAX - 16) {
        status = STATUS_TOO_LARGE;
        fault = NULL;
    }
    bool ok = status == STATUS_OK;
    struct fault_size said = {0};
    if (!ok)
        said = fault_measure(status, fault);
    /* status; then body or fault, each as a length-delimited field */
    size_t len = 1 + varint_size(status) + (ok ? bytes_size(body) : 1 + varint_size(said.len) + said.len);
    size_t whole = 1 + varint_size(len) + len;
    if (r->open && buffer_len(r->out) - r->frame_at + whole + TAIL_MAX > FRAME_PAYLOAD_MAX)
        frame_close(r, false);
    if (!r->open)
        frame_open(r);
    if (r->failed || !buffer_reserve(r->out, whole)) {
        r->failed = true;
        return;
    }
    uint8_t *start = r->out->bytes + r->out->end, *at = start;
    at = varint_put(at, 2 * 8 + WIRE_BYTES);
    at = varint_put(at, len);
    at = varint_put(at, 1 * 8 + WIRE_VARINT);
    at = varint_put(at, (uint64_t)status);
    if (ok) {
        at = bytes_write(at, 2, body);
    } else {
        at = varint_put(at, 3 * 8 + WIRE_BYTES);
        at = varint_put(at, said.len);
        if (said.reason != 0) {
            at = varint_put(at, 1 * 8 + WIRE_VARINT);
            at = varint_put(at, said.reason);
        }
        if (said.field.len != 0)
            at = bytes_write(at, 2, said.field);
        at = bytes_write(at, 3, said.text);
    }
    ASSERT((size_t)(at - start) == whole);
    r->out->end += whole;
}

bool response_finish(struct response *r, bool end)
{
    if (!r->open && !r->failed)
        frame_open(r);
    frame_close(r, end);
    return !r->failed;
}
