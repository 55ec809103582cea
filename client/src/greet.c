/* Hello and Welcome: protocol version, who we are, and whether the log is still the one we know. */
#include "client/src/client.h"
#include "proto/wire/message.h"

#define PROTOCOL_VERSION 1

void greet_hello(struct dft_client *client)
{
    Daftari__V1__Hello hello = DAFTARI__V1__HELLO__INIT;
    hello.has_version = 1;
    hello.version = PROTOCOL_VERSION;
    hello.agent = client->agent;
    hello.device = client->device[0] != '\0' ? client->device : NULL;
    hello.has_seen_size = 1;
    hello.seen_size = checkpoint_seen_size(&client->memory);
    if (client->token_len > 0) {
        hello.has_session_token = 1;
        hello.session_token = (ProtobufCBinaryData){.len = client->token_len, .data = client->token};
    }
    if (!conn_frame(client, FRAME_HELLO, &hello.base))
        conn_lost(client, DFT_NO_MEMORY, "no memory to greet the server");
}

/* The log shown must extend the one remembered. False: the connection was given up. */
static bool log_accept(struct dft_client *client, const Daftari__V1__Welcome *welcome)
{
    struct hash proof[TREE_CONSISTENCY_MAX];
    if (welcome->n_consistency > TREE_CONSISTENCY_MAX) {
        conn_lost(client, DFT_CORRUPT, "the consistency proof of %s is too long", client->server);
        return false;
    }
    for (size_t i = 0; i < welcome->n_consistency; i++) {
        if (welcome->consistency[i].len != HASH_BYTES) {
            conn_lost(client, DFT_CORRUPT, "the consistency proof of %s is malformed", client->server);
            return false;
        }
        memcpy(proof[i].bytes, welcome->consistency[i].data, HASH_BYTES);
    }
    struct slice note = slice_of(welcome->checkpoint.data, welcome->checkpoint.len);
    struct slice key = welcome->log_key != NULL ? slice_text(welcome->log_key) : slice_of(NULL, 0);
    struct fault why = {.status = STATUS_OK};
    enum status status = checkpoint_check(&client->memory, note, key, proof, welcome->n_consistency, &why);
    if (status == STATUS_OK)
        return true;
    conn_lost(client, (enum dft_status)status, "%s", why.text);
    return false;
}

static uint32_t limit_of(protobuf_c_boolean given, uint32_t value, uint32_t ours)
{
    return given && value > 0 && value < ours ? value : ours;
}

static const char *text_or_empty(const char *text)
{
    return text != NULL ? text : "";
}

void greet_welcome(struct dft_client *client, struct slice payload)
{
    arena_done(&client->welcome_arena);
    client->welcomed = false;
    ProtobufCMessage *message = NULL;
    struct fault why = {.status = STATUS_OK};
    enum status status = message_unpack(&daftari__v1__welcome__descriptor, payload, false,
                                        arena_allocator(&client->welcome_arena), &message, &why);
    if (status != STATUS_OK) {
        conn_lost(client, DFT_DISCONNECTED, "%s does not keep to the protocol: %s", client->server, why.text);
        return;
    }
    const Daftari__V1__Welcome *welcome = (const Daftari__V1__Welcome *)message;
    if (welcome->version != PROTOCOL_VERSION) {
        conn_lost(client, DFT_TLS_FAILED, "%s speaks protocol version %u; this program speaks %u",
                  client->server, welcome->version, (unsigned)PROTOCOL_VERSION);
        return;
    }
    if (!log_accept(client, welcome))
        return;
    const Daftari__V1__Session *session = welcome->session;
    client->welcome = (struct dft_welcome){
        .agent = text_or_empty(welcome->agent),
        .books = text_or_empty(welcome->books),
        .log_key = text_or_empty(welcome->log_key),
        .log_size = client->memory.seen.size,
        .email = session != NULL ? text_or_empty(session->email) : "",
        .session = session != NULL ? session->session : 0,
        .frame_payload_max =
            limit_of(welcome->has_frame_payload_max, welcome->frame_payload_max, FRAME_PAYLOAD_MAX),
        .commands_per_request_max = limit_of(welcome->has_commands_per_request_max,
                                             welcome->commands_per_request_max, COMMANDS_PER_REQUEST),
        .requests_open_max =
            limit_of(1, welcome->has_requests_open_max ? welcome->requests_open_max : CLIENT_OPEN_DEFAULT,
                     CLIENT_OPEN_MAX),
    };
    client->welcomed = true;
    client->state = CLIENT_READY;
    client->last = (struct dft_fault){.status = DFT_OK};
    if (client->memory.seen.size > client->position)
        client->position = client->memory.seen.size;
}
