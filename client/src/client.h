/*
 * The inside of libdaftari: what its files share. Users see <daftari/daftari.h> alone.
 *
 * conn.c      TCP and TLS without waiting, frames in and out
 * greet.c     Hello and Welcome, who we are
 * checkpoint.c  the last checkpoint: file, proof, evidence
 * call.c      requests and their answers
 * stream.c    streaming queries
 * retry.c     what is sent again, and when
 * client.c    options, the turn (dft_process), blocking calls
 */
#ifndef CLIENT_SRC_CLIENT_H
#define CLIENT_SRC_CLIENT_H

#include <netdb.h>
#include <openssl/ssl.h>
#include <sys/queue.h>

#include <daftari/daftari.h>

#include "client/src/checkpoint.h"
#include "envelope.pb-c.h"
#include "proto/base/limits.h"
#include "proto/base/slice.h"
#include "proto/base/status.h"
#include "proto/wire/arena.h"
#include "proto/wire/frame.h"

#define CLIENT_OUT_HIGH    (256u * 1024u) /* bytes: no more requests are encoded above */
#define CLIENT_IN_MAX      (FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX) /* bytes: one whole frame */
#define CLIENT_OUT_MAX     (CLIENT_OUT_HIGH + FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX) /* bytes */
#define CLIENT_ANSWERS_MAX (24u * 1024u * 1024u) /* bytes of decoded answers of one frame */
/* bytes of all answers of one request: enough for each command's in a frame of its own */
#define CLIENT_REQUEST_ANSWERS_MAX (96u * 1024u * 1024u)
#define CLIENT_WELCOME_MAX         (256u * 1024u) /* bytes of the decoded greeting */
#define CLIENT_OPEN_DEFAULT        32u            /* requests in flight when the server names no limit */
#define CLIENT_OPEN_MAX            4096u
#define CLIENT_BACKOFF_MS          100u /* first wait before trying again; doubles */
#define CLIENT_BACKOFF_MAX_MS      5000u
#define CLIENT_CREDIT_DEFAULT      8u
#define CLIENT_TEXT_MAX            256 /* host names, agents: bytes with the NUL */
#define CLIENT_PATH_MAX            4096

struct growing {
    uint8_t *bytes;
    size_t start; /* consumed */
    size_t len;   /* filled */
    size_t cap;
};

enum client_state {
    CLIENT_DOWN,       /* no connection */
    CLIENT_CONNECTING, /* TCP */
    CLIENT_SECURING,   /* TLS */
    CLIENT_GREETING,   /* Hello is out */
    CLIENT_READY,
};

enum request_kind {
    REQUEST_NONE, /* nothing added yet */
    REQUEST_COMMANDS,
    REQUEST_QUERY,
    REQUEST_STREAM,
};

enum request_state {
    REQUEST_NEW,
    REQUEST_QUEUED,
    REQUEST_OPEN, /* sent */
    REQUEST_DONE,
};

/* A part of a stream that waits to be read. */
struct part {
    STAILQ_ENTRY(part) link;
    uint64_t position;
    size_t len;
    uint8_t bytes[];
};

struct dft_request {
    TAILQ_ENTRY(dft_request) link;
    struct dft_client *client;
    enum request_kind kind;
    enum request_state state;
    char method[METHOD_NAME_MAX + 1];
    uint64_t id;       /* on the wire; a new one each time it is sent */
    uint64_t sequence; /* order of starting */
    uint64_t at_least;
    bool at_least_given;
    uint32_t timeout_ms;
    int64_t deadline_ms; /* monotonic; INT64_MAX: none */
    uint32_t sent_count;
    struct growing commands; /* encoded Request.commands fields */
    size_t count;
    struct arena arena; /* bodies of the answers */
    struct dft_answer *answers;
    size_t answer_count;
    struct dft_fault result;
    void (*notify)(struct dft_request *request, void *context);
    void *notify_context;
    /* streams */
    STAILQ_HEAD(, part) parts;
    uint32_t part_count;  /* waiting */
    uint32_t credit;      /* parts the caller lets wait */
    uint32_t credit_used; /* parts received since the server was last given credit back */
    uint32_t owed;        /* parts read and not yet granted again */
    bool part_seen;
};

struct dft_stream {
    struct dft_request request;
    struct part *lent;
};

TAILQ_HEAD(request_list, dft_request);

struct dft_client {
    /* options, copied */
    char host[CLIENT_TEXT_MAX];
    char port[16];
    char server[CLIENT_TEXT_MAX]; /* as given, for messages */
    char host_name[CLIENT_TEXT_MAX];
    char agent[AGENT_TEXT_MAX + 1];
    char device[AGENT_TEXT_MAX + 1];
    uint8_t token[DFT_TOKEN_BYTES_MAX];
    size_t token_len;
    uint32_t connect_timeout_ms;
    uint32_t call_timeout_ms;
    uint32_t retries_max;
    bool no_reconnect;

    SSL_CTX *tls_context;
    BIO_METHOD *socket_method;
    struct checkpoint_memory memory;

    /* connection */
    enum client_state state;
    struct addrinfo *addresses;    /* owned */
    struct addrinfo *address_next; /* to be tried after the present one */
    int fd;
    SSL *tls;
    bool write_blocked; /* TLS wants to write and the socket is full */
    bool draining;      /* Goodbye was said */
    int64_t connect_deadline_ms;
    struct growing in;
    struct growing out;
    struct arena welcome_arena;
    struct dft_welcome welcome;
    bool welcomed;

    /* trying again */
    uint32_t failures;     /* connections lost or not made since the last answer */
    int64_t not_before_ms; /* nothing is sent or connected before */
    struct dft_fault last; /* why the last attempt failed */
    bool distrusted;       /* not tried again: TLS_FAILED or ROLLED_BACK */
    bool connect_wanted;   /* dft_connect waits */

    /* requests */
    struct request_list queue; /* to be sent, in order of sequence */
    struct request_list open;  /* sent, not done */
    uint32_t open_count;
    uint64_t next_id;
    uint64_t next_sequence;
    uint64_t position;
};

/* ---- growing.c: a buffer with a maximum ------------------------------------------------------------------------ */
/* Room for `more` bytes at growing->bytes + growing->len; false when that would pass `max` or memory is out. */
bool growing_reserve(struct growing *growing, size_t more, size_t max) MUST_USE;
void growing_consume(struct growing *growing, size_t len);
void growing_done(struct growing *growing);

/* ---- fault helpers ---------------------------------------------------------------------------------------------- */
enum dft_status client_fault_set(struct dft_fault *out, enum dft_status status, const char *field,
                                 const char *format, ...) PRINTF_LIKE(4, 5);
int64_t monotonic_ms(void);

/* ---- conn.c ----------------------------------------------------------------------------------------------------- */
enum dft_status conn_tls_setup(struct dft_client *client, const struct dft_options *options,
                               struct dft_fault *why);
void conn_tls_done(struct dft_client *client);
void conn_begin(struct dft_client *client); /* from DOWN: look up, connect; on failure conn_lost */
void conn_turn(struct dft_client *client);  /* all I/O that can be done now */
void conn_close(struct dft_client *client); /* to DOWN; leaves requests alone */
/* Closes, says why (client->last) and lets retry.c decide what becomes of the requests. */
void conn_lost(struct dft_client *client, enum dft_status status, const char *format, ...) PRINTF_LIKE(3, 4);
/* Appends one frame to the output. False: the output is at its limit (the connection must be given up). */
bool conn_frame(struct dft_client *client, enum frame_kind kind, const ProtobufCMessage *message) MUST_USE;
void conn_flush(struct dft_client *client);

/* ---- greet.c ---------------------------------------------------------------------------------------------------- */
void greet_hello(struct dft_client *client);
void greet_welcome(struct dft_client *client, struct slice payload);

/* ---- call.c ----------------------------------------------------------------------------------------------------- */
void call_init(struct dft_client *client, struct dft_request *request, const char *method);
void call_done(struct dft_request *request);         /* frees the contents; cancels when open */
bool call_may_send(const struct dft_client *client); /* a queued request can go out now */
void call_send_queued(struct dft_client *client);
void call_response(struct dft_client *client, struct slice payload);
void call_finish(struct dft_request *request, const struct dft_fault *result); /* to DONE; notifies */
enum dft_status call_body(struct dft_request *request, const uint8_t *command_id, const void *body,
                          size_t body_len, struct dft_fault *why);

/* ---- stream.c --------------------------------------------------------------------------------------------------- */
/* One part has come. False: the server broke its credit or memory is out (give up the connection). */
bool stream_part(struct dft_request *request, const Daftari__V1__Answer *answer, uint64_t position) MUST_USE;

/* ---- retry.c ---------------------------------------------------------------------------------------------------- */
void retry_back_off(struct dft_client *client);
void retry_connection_lost(struct dft_client *client);
bool retry_answer(struct dft_request *request, enum dft_status status); /* true: it is queued again */
void retry_expire(struct dft_client *client);

/* ---- client.c --------------------------------------------------------------------------------------------------- */
/* One blocking turn: waits for the socket or until `until_ms` (monotonic), then processes. */
void client_wait_turn(struct dft_client *client, int64_t until_ms);

#endif
