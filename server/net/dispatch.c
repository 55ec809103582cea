#include <stdio.h>

#include "proto/wire/frame.h"
#include "proto/wire/message.h"
#include "server/net/internal.h"

#define AGENT "daftarid " DAFTARI_VERSION

static void protocol_error(struct conn *conn, const char *text)
{
    metric_add(conn->net->counts.protocol_errors, 1);
    conn_refuse(conn, text);
}

/* A small message in the loop's scratch arena, valid until the next one; NULL when it was not as it should be, and
 * then the connection is being ended. */
static ProtobufCMessage *small_message(struct conn *conn, const ProtobufCMessageDescriptor *type,
                                       struct slice payload)
{
    struct arena *arena = conn->net->scratch;
    arena_reset(arena);
    ProtobufCMessage *message = NULL;
    struct fault why = {0};
    if (message_unpack(type, payload, true, arena_allocator(arena), &message, &why) == STATUS_OK)
        return message;
    char text[FAULT_TEXT_MAX + FAULT_FIELD_MAX + 64];
    snprintf(text, sizeof text, "%s%s%s: %s", type->short_name, why.field[0] != '\0' ? "." : "", why.field,
             why.text);
    protocol_error(conn, text);
    return NULL;
}

static bool text_take(const char *from, char *to, size_t to_size)
{
    size_t len = from != NULL ? strlen(from) : 0;
    if (len > AGENT_TEXT_MAX || len >= to_size)
        return false;
    memcpy(to, from != NULL ? from : "", len + 1);
    return true;
}

void dispatch_welcome(struct conn *conn, const Daftari__V1__Session *session)
{
    struct net *net = conn->net;
    char agent[] = AGENT;
    Daftari__V1__Welcome welcome = DAFTARI__V1__WELCOME__INIT;
    if (net->wiring.welcome(net->wiring.welcome_context, conn->seen_size, net->scratch, &welcome) !=
        STATUS_OK) {
        conn_refuse(conn, "the server cannot show its log at the moment; try again later");
        return;
    }
    welcome.has_version = 1;
    welcome.version = 1;
    welcome.agent = agent;
    welcome.has_frame_payload_max = 1;
    welcome.frame_payload_max = FRAME_PAYLOAD_MAX;
    welcome.has_commands_per_request_max = 1;
    welcome.commands_per_request_max = COMMANDS_PER_REQUEST;
    welcome.has_requests_open_max = 1;
    welcome.requests_open_max = net->config.requests_open_max;
    Daftari__V1__Session copy = DAFTARI__V1__SESSION__INIT;
    if (session != NULL) {
        copy = *session;
        copy.has_token = 0; /* only ever in the answer to LogIn */
        welcome.session = &copy;
    }
    if (protobuf_c_message_get_packed_size(&welcome.base) > FRAME_PAYLOAD_MAX) {
        conn_refuse(conn, "the proof of the log's growth does not fit a frame");
        return;
    }
    conn->state = CONN_OPEN;
    conn_send(conn, FRAME_WELCOME, &welcome.base);
}

static void hello(struct conn *conn, struct slice payload)
{
    struct net *net = conn->net;
    Daftari__V1__Hello *said =
        (Daftari__V1__Hello *)small_message(conn, &daftari__v1__hello__descriptor, payload);
    if (said == NULL)
        return;
    if (said->version != 1) {
        protocol_error(conn, "this server speaks version 1 of the protocol");
        return;
    }
    if (!text_take(said->agent, conn->actor.agent, sizeof conn->actor.agent) ||
        !text_take(said->device, conn->actor.device, sizeof conn->actor.device)) {
        protocol_error(conn, "Hello: agent and device have at most 100 bytes each");
        return;
    }
    conn->seen_size = said->seen_size;

    struct net_auth *auth = &net->wiring.auth;
    Daftari__V1__Session session = DAFTARI__V1__SESSION__INIT;
    struct slice token = slice_of(said->session_token.data, said->session_token.len);
    if (said->has_session_token && token.len != 0) {
        struct actor actor = conn->actor;
        if (auth->session_by_token(auth->context, token, &actor, &session) == STATUS_OK) {
            conn->actor = actor;
            dispatch_welcome(conn, &session);
            return;
        }
    }
    uint8_t fingerprint[NET_FINGERPRINT_BYTES];
    if (auth->session_by_certificate != NULL && tls_fingerprint(conn->ssl, fingerprint)) {
        conn->state = CONN_LOGIN;
        request_open_session(conn, fingerprint);
        return;
    }
    dispatch_welcome(conn, NULL);
}

static void request(struct conn *conn, struct slice payload)
{
    struct envelope_request asked;
    struct fault why = {0};
    if (envelope_request_parse(payload, &asked, &why) != STATUS_OK)
        protocol_error(conn, why.text);
    else
        request_take_in(conn, &asked);
}

static void grant(struct conn *conn, struct slice payload)
{
    Daftari__V1__Grant *said =
        (Daftari__V1__Grant *)small_message(conn, &daftari__v1__grant__descriptor, payload);
    if (said == NULL)
        return;
    if (said->parts == 0 || said->parts > STREAM_CREDIT_MAX)
        protocol_error(conn, "Grant.parts: from 1 to 64");
    else
        request_grant(conn, said->request_id, said->parts);
}

static void cancel(struct conn *conn, struct slice payload)
{
    Daftari__V1__Cancel *said =
        (Daftari__V1__Cancel *)small_message(conn, &daftari__v1__cancel__descriptor, payload);
    if (said != NULL)
        request_cancel(conn, said->request_id);
}

void dispatch_frame(struct conn *conn, const struct frame *frame)
{
    if (conn->state == CONN_HELLO) {
        if (frame->kind == FRAME_HELLO)
            hello(conn, frame->payload);
        else
            protocol_error(conn, "the first frame must be a Hello");
        return;
    }
    switch (frame->kind) {
    case FRAME_REQUEST:
        request(conn, frame->payload);
        return;
    case FRAME_GRANT:
        grant(conn, frame->payload);
        return;
    case FRAME_CANCEL:
        cancel(conn, frame->payload);
        return;
    case FRAME_HELLO:
    case FRAME_WELCOME:
    case FRAME_RESPONSE:
    case FRAME_GOODBYE:
        break;
    }
    protocol_error(conn, "a client sends Hello once, then Request, Grant and Cancel");
}
