/*
 * Request and Response of proto/schema/envelope.proto, by hand: they are on the way of every command, and the codec
 * made from the schema would copy every body. tests/unit/t_envelope.c holds both against each other. Pure.
 */
#ifndef SERVER_NET_ENVELOPE_H
#define SERVER_NET_ENVELOPE_H

#include "server/net/buffer.h"
#include "server/ports/work.h"

struct envelope_request { /* borrows from the frame's payload */
    uint64_t request_id;
    struct slice method;
    uint32_t deadline_ms;
    uint64_t at_least_position;
    uint32_t credit;
    size_t command_count;
    size_t body_bytes; /* of all commands */
    struct slice payload;
};
struct envelope_command {
    bool has_id;
    struct slice id;
    struct slice body;
};

/* INVALID for anything that the schema does not allow; unknown fields too. A field given twice: the last counts. */
enum status envelope_request_parse(struct slice payload, struct envelope_request *out,
                                   struct fault *why) MUST_USE;

/* The commands of a parsed request, in order; *place starts at 0. False after the last. */
bool envelope_command_next(const struct envelope_request *request, size_t *place,
                           struct envelope_command *out);

/* Writes answers as Response frames, as many frames as the payload limit asks for. */
struct response {
    struct buffer *out;
    uint64_t request_id;
    uint64_t position;
    size_t frame_at; /* offset of the open frame's header from out->start */
    bool open;
    bool failed; /* memory was short */
};
struct response response_begin(struct buffer *out, uint64_t request_id, uint64_t position);
/* `fault` may be NULL: the status' own text is sent. A body too large for any frame becomes TOO_LARGE. */
void response_answer(struct response *response, enum status status, struct slice body,
                     const struct fault *fault);
/* False when memory was short: half a frame may be in `out`, close the connection. */
bool response_finish(struct response *response, bool end) MUST_USE;

#endif
