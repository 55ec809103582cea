/*
 * libdaftari: the client library of the Daftari ledger server. The only public header.
 *
 * A client (struct dft_client) is one connection to one server, made again by itself when it breaks. Many
 * requests may be in flight on it. A request carries one query, or one or more commands of one method; every
 * command has a command id of 16 bytes, under which the server answers it exactly once for the whole life of
 * the books, so that sending it again after a lost answer is safe and the library does so by itself.
 *
 * Message bodies go in and come out as protobuf bytes of the messages in proto/schema (package daftari.v1);
 * make them with the protobuf generator of your choice. No protobuf type appears here.
 *
 * Rules for the whole header
 *   Thread      a client, its requests, streams and an outbox in use with it belong to one thread at a time.
 * Different clients are independent. No function changes process-wide state (SIGPIPE is never raised: sockets
 * are written with MSG_NOSIGNAL). Ownership   `_new` and `_open` give an object that the caller releases with
 * `_free` or `_close` (NULL is fine). Pointers handed out are borrowed; each function says until when.
 * Everything passed in is copied. Errors      functions that can fail return enum dft_status, DFT_OK on
 * success; results through `out_` are untouched otherwise. The last parameter, struct dft_fault *, may be
 * NULL; it says which field is wrong and what would be right. Misuse of the API (an unknown handle, NULL for
 * a required pointer) stops the program. Times       *_ms are milliseconds. For a timeout DFT_FOREVER waits
 * without end and 0 never waits. Limits      one request is at most 1 MiB and 8,192 commands; one answer
 * frame at most 1 MiB; a server may tell smaller ones in its Welcome, and those hold.
 */
#ifndef DAFTARI_DAFTARI_H
#define DAFTARI_DAFTARI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define DFT_MUST_USE __attribute__((warn_unused_result))
#define DFT_API      __attribute__((visibility("default")))
#else
#define DFT_MUST_USE
#define DFT_API
#endif

#define DFT_COMMAND_ID_BYTES 16
#define DFT_TOKEN_BYTES_MAX  256 /* longest session token that is kept */
#define DFT_NUMBER_TEXT_MAX  51  /* a document number with its NUL */
#define DFT_FOREVER          UINT32_MAX
#define DFT_PORT_DEFAULT     "7419"

/* ---- outcomes ------------------------------------------------------------------------------------------------------- */

/* The same numbers as on the wire; from 60 on they are made by this library and never sent. */
enum dft_status {
    DFT_OK = 0,
    DFT_INVALID = 1,         /* a field is wrong; the fault names it */
    DFT_UNAUTHENTICATED = 2, /* log in first */
    DFT_DENIED = 3,          /* not permitted */
    DFT_NOT_FOUND = 4,
    DFT_REFUSED = 5,    /* a business rule refuses; the fault has the reason */
    DFT_KEY_REUSED = 6, /* the command id was used before with other content */
    DFT_UNKNOWN_METHOD = 7,
    DFT_TOO_LARGE = 8,
    DFT_CANCELLED = 9,
    DFT_BUSY = 20, /* 20 to 39: the same request may pass later */
    DFT_UNAVAILABLE = 21,
    DFT_DEADLINE =
        22, /* not finished in time; a command may still have been recorded: ask again under its id */
    DFT_STALE = 23,
    DFT_FULL = 24,
    DFT_INTERNAL = 40, /* 40 to 59: the server is broken */
    DFT_CORRUPT = 41,
    DFT_IO = 42,
    DFT_NO_MEMORY = 43,
    DFT_DISCONNECTED = 60, /* the connection was lost and could not be made again in time */
    DFT_TLS_FAILED = 61,   /* the server is not who it should be: certificate, host name, protocol */
    DFT_ROLLED_BACK = 62,  /* the server's log does not extend the one seen before: see dft_evidence */
    DFT_AGAIN = 63,        /* nothing yet */
    DFT_END = 64,          /* no more */
};

/* What went wrong. All zero: nothing. */
struct dft_fault {
    enum dft_status status;
    uint32_t reason; /* a Reason of proto/schema/reason.proto when status is DFT_REFUSED, else 0 */
    char field[80];  /* path of the field that is wrong, "lines[1].account"; "" when none */
    char text[256];  /* one sentence: what is wrong and what would be right */
};

DFT_API const char *dft_status_name(enum dft_status status); /* "REFUSED" */
DFT_API const char *dft_status_text(enum dft_status status); /* one line for people */
DFT_API const char *dft_version(void);                       /* "0.1.0" */

/* ---- the client ----------------------------------------------------------------------------------------------------- */

struct dft_client;

/* Zero or NULL means the default that is given. Set it all by `struct dft_options options = {0};`. */
struct dft_options {
    const char *server;    /* "host:port", "[::1]:7419" or "host" (port 7419); required */
    const char *host_name; /* name that the server's certificate must bear; default: the host of `server` */
    const char
        *ca_file; /* PEM file of the authorities that may vouch for the server; default: the system's */
    const char *certificate_file; /* PEM, the client's own certificate (and chain); default: none */
    const char *key_file;         /* PEM, its key; default: certificate_file */
    const char *checkpoint_file;  /* where the last checkpoint of this server is remembered, and beside it
                                    (".position") the position of the last answer; default: in memory only, so
                                    that only this client's own connections are compared */
    const char *log_key; /* verifier key that the log must have; default: the first one seen is kept */
    const char *agent;   /* program and version, at most 100 bytes; default: "libdaftari/VERSION" */
    const char *device;  /* name of this device, at most 100 bytes; default: none */
    const uint8_t *session_token; /* an open session to take up; default: none */
    size_t session_token_len;     /* at most DFT_TOKEN_BYTES_MAX */
    uint32_t connect_timeout_ms;  /* for TCP, TLS and the greeting together; default 10,000 */
    uint32_t call_timeout_ms; /* of a request from its start, retries included; default 30,000; DFT_FOREVER */
    uint32_t retries_max;     /* times a request is sent again; default 8; DFT_FOREVER: until its deadline */
    bool no_reconnect;        /* a lost connection ends every request with DFT_DISCONNECTED */
};

/* Checks the options and loads certificates and the checkpoint file; does not touch the network. DFT_INVALID
 * (with the option's name as field), DFT_IO or DFT_CORRUPT for a checkpoint file that cannot be read or
 * understood. */
DFT_API enum dft_status dft_client_new(struct dft_client **out, const struct dft_options *options,
                                       struct dft_fault *why) DFT_MUST_USE;
/* Closes the connection, ends and frees the client. Requests and streams must have been freed before. */
DFT_API void dft_client_free(struct dft_client *client);

/* Connects and greets, waiting at most connect_timeout_ms; returns at once when connected. Not needed before
 * calls (they connect by themselves); use it to learn early that the server cannot be reached or trusted. */
DFT_API enum dft_status dft_connect(struct dft_client *client, struct dft_fault *why) DFT_MUST_USE;
/* Lets the connection go; open requests are sent again on the next one. */
DFT_API void dft_disconnect(struct dft_client *client);
DFT_API bool dft_connected(const struct dft_client *client);

/* What the server said in its greeting; borrowed until the next connection; NULL while there was none. */
struct dft_welcome {
    const char *agent; /* server program and version */
    const char *books; /* name of the books */
    const char *log_key;
    uint64_t log_size; /* records in the log at the greeting, proven to extend what was seen before */
    const char *email; /* who this connection is; "" when nobody */
    uint64_t session;  /* log position of the session; 0 when nobody */
    uint32_t frame_payload_max;
    uint32_t commands_per_request_max;
    uint32_t requests_open_max;
};
DFT_API const struct dft_welcome *dft_welcome(const struct dft_client *client);

/* Highest log position that this client knows to be committed (greeting, answers to its own commands).
 * Queries are answered from this position or later unless dft_request_at_least says otherwise: everyone reads
 * his own writes. */
DFT_API uint64_t dft_position(const struct dft_client *client);

/* After DFT_ROLLED_BACK: the signed checkpoint remembered and the one now shown, both NUL-terminated signed
 * notes, borrowed until the client is freed. They are also kept in "<checkpoint_file>.rolled-back". False
 * when there is none. The remembered checkpoint is never replaced by one that does not extend it; who has
 * made sure that the change is rightful (the books were set up anew) removes the checkpoint file by hand. */
DFT_API bool dft_evidence(const struct dft_client *client, const char **out_seen_note,
                          const char **out_shown_note);

/* ---- who am I
 * ------------------------------------------------------------------------------------------------- */

/* Logs in; the session is taken up again by itself on every later connection of this client. */
DFT_API enum dft_status dft_log_in(struct dft_client *client, const char *email, const char *password,
                                   struct dft_fault *why) DFT_MUST_USE;
/* Ends the session at the server and forgets the token. */
DFT_API enum dft_status dft_log_out(struct dft_client *client, struct dft_fault *why) DFT_MUST_USE;
/* The session's secret, to be kept by the caller where nobody else can read it; borrowed until the next
 * log-in or log-out. NULL and 0 when there is none. */
DFT_API const uint8_t *dft_session_token(const struct dft_client *client, size_t *out_len);

/* ---- simple, blocking calls
 * ----------------------------------------------------------------------------------- */

/* A new id: a UUID of version 7, the time in front (a quarter of a microsecond fine), 62 random bits behind. Any thread.
 * Stops the program when the system has no clock or no randomness. */
DFT_API void dft_command_id_new(uint8_t out[DFT_COMMAND_ID_BYTES]);

struct dft_answer {
    enum dft_status status;
    const uint8_t *body; /* the method's response message when status is DFT_OK */
    size_t body_len;
    struct dft_fault fault; /* when it is not */
    uint64_t position;      /* log position that the answer reflects */
};

/* The answer to a command, decoded. */
struct dft_recorded {
    uint64_t position; /* 0: it changed nothing, the same was there already */
    char number[DFT_NUMBER_TEXT_MAX];
    int64_t recorded_time_us; /* microseconds since 1970-01-01 UTC */
};
/* DFT_CORRUPT when the body is not a Recorded message; the answer's own status when that is not DFT_OK. */
DFT_API enum dft_status dft_recorded(const struct dft_answer *answer, struct dft_recorded *out,
                                     struct dft_fault *why) DFT_MUST_USE;

/* Sends one command and waits for what was recorded. `command_id` NULL: a new one (a caller that may
 * have to repeat the command after a crash chooses and keeps it before). */
DFT_API enum dft_status dft_command(struct dft_client *client, const char *method, const uint8_t *command_id,
                                    const void *body, size_t body_len, struct dft_recorded *out,
                                    struct dft_fault *why) DFT_MUST_USE;
/* Sends one query that has one answer and waits. *out_body is the caller's: free(). */
DFT_API enum dft_status dft_query(struct dft_client *client, const char *method, const void *body,
                                  size_t body_len, uint8_t **out_body, size_t *out_len,
                                  struct dft_fault *why) DFT_MUST_USE;

/* ---- requests: batches, pipelining, event loops
 * --------------------------------------------------------------- */

struct dft_request;

/* A request of `method` ("Entry.Post"), not sent yet. */
DFT_API enum dft_status dft_request_new(struct dft_client *client, const char *method,
                                        struct dft_request **out, struct dft_fault *why) DFT_MUST_USE;
/* Cancels it when it is open (what is already decided stays decided), and frees it with its answers. */
DFT_API void dft_request_free(struct dft_request *request);

/* Adds one command; the commands of a request are decided one by one in this order, each by itself.
 * DFT_TOO_LARGE: it would pass the limits and was not added; start this request and add to the next. */
DFT_API enum dft_status dft_request_add(struct dft_request *request,
                                        const uint8_t command_id[DFT_COMMAND_ID_BYTES], const void *body,
                                        size_t body_len, struct dft_fault *why) DFT_MUST_USE;
/* Sets the one query of this request, instead of commands. */
DFT_API enum dft_status dft_request_query(struct dft_request *request, const void *body, size_t body_len,
                                          struct dft_fault *why) DFT_MUST_USE;
DFT_API void dft_request_at_least(struct dft_request *request, uint64_t position);
DFT_API void dft_request_timeout(struct dft_request *request, uint32_t timeout_ms);
/* `done` is called once from within dft_process (or a blocking call on the same client) when the request is
 * done. It may start other requests and free this one, but
 * not wait. */
DFT_API void dft_request_notify(struct dft_request *request,
                                void (*done)(struct dft_request *request, void *context), void *context);

/* Queues it for sending; never waits. Requests are sent in the order they were started. */
DFT_API void dft_request_start(struct dft_request *request);
DFT_API bool dft_request_done(const struct dft_request *request);
/* Waits until it is done (its own deadline bounds the wait). DFT_OK: there is an answer for every command,
 * each with its own status. Otherwise the whole request failed. Starts the request when that was not done
 * yet. */
DFT_API enum dft_status dft_request_wait(struct dft_request *request, struct dft_fault *why) DFT_MUST_USE;
/* The same without waiting: DFT_AGAIN while it is open. */
DFT_API enum dft_status dft_request_result(const struct dft_request *request,
                                           struct dft_fault *why) DFT_MUST_USE;
DFT_API size_t dft_request_count(const struct dft_request *request); /* commands added */
/* index < dft_request_count and done with DFT_OK; the answer and its body are borrowed until
 * dft_request_free. */
DFT_API const struct dft_answer *dft_request_answer(const struct dft_request *request, size_t index);

/* For an event loop: wait on dft_fd for dft_events, at most dft_timeout_ms, then call dft_process. The
 * descriptor may change in every dft_process (a new connection) and is -1 while there is none. */
#define DFT_WANT_READ  1u
#define DFT_WANT_WRITE 2u
DFT_API int dft_fd(const struct dft_client *client);
DFT_API unsigned dft_events(const struct dft_client *client);
DFT_API uint32_t dft_timeout_ms(const struct dft_client *client); /* DFT_FOREVER when nothing is due */
/* Does all that can be done without waiting (looking up a host name can wait; an address in numbers cannot).
 * DFT_OK, or why the last attempt to connect failed (it is tried again by itself while requests are open and
 * may be retried; not after DFT_TLS_FAILED or DFT_ROLLED_BACK). */
DFT_API enum dft_status dft_process(struct dft_client *client, struct dft_fault *why);

/* ---- streams -------------------------------------------------------------------------------------------------------- */

struct dft_stream;

/* Opens a streaming query. At most `credit` parts (0: 8, at most 64) wait unread in this process; the server
 * holds back the rest. timeout_ms of the whole stream: DFT_FOREVER for following a log. */
DFT_API enum dft_status dft_stream_open(struct dft_client *client, const char *method, const void *body,
                                        size_t body_len, uint32_t credit, uint32_t timeout_ms,
                                        struct dft_stream **out, struct dft_fault *why) DFT_MUST_USE;
DFT_API void dft_stream_close(struct dft_stream *stream);
/* As dft_request_at_least; before the first dft_stream_next. */
DFT_API void dft_stream_at_least(struct dft_stream *stream, uint64_t position);
/* The next part, waiting at most timeout_ms: DFT_OK with the body borrowed until the next call on this
 * stream; DFT_END after the last; DFT_AGAIN when time is up. A stream that breaks after its first part is not
 * resumed by the library: DFT_DISCONNECTED, and the caller knows from where to go on. */
DFT_API enum dft_status dft_stream_next(struct dft_stream *stream, uint32_t timeout_ms,
                                        struct dft_answer *out, struct dft_fault *why) DFT_MUST_USE;

/* ---- the durable outbox --------------------------------------------------------------------------------------------- */

/*
 * Commands written to disk before they are sent: what dft_outbox_add has taken is sent in order when the line
 * is back and answered once, whatever kills this process or the machine in between. The body is sent as it is: a
 * date that it leaves out is that of the day of sending, so give one. A folder with one file of
 * waiting commands and one of refused ones, used by one process at a time.
 */
struct dft_outbox;

struct dft_outbox_options {
    uint64_t bytes_max;    /* of waiting commands; default 64 MiB */
    uint32_t commands_max; /* waiting; default 100,000 */
};
/* Opens or makes the outbox in `folder` (mode 0700). A torn end of the last write is cut off: it was never
 * acknowledged. DFT_BUSY: another process has it open. DFT_CORRUPT: damage elsewhere than at the end. */
DFT_API enum dft_status dft_outbox_open(struct dft_outbox **out, const char *folder,
                                        const struct dft_outbox_options *options,
                                        struct dft_fault *why) DFT_MUST_USE;
DFT_API void dft_outbox_close(struct dft_outbox *outbox);

/* When it returns DFT_OK the command is on disk. `command_id` NULL: a new one. DFT_FULL: bytes_max or
 * commands_max reached. DFT_INVALID: a command that carries a password (User.Create, User.SetPassword), which is kept
 * nowhere. A command id that is waiting already is not added again (DFT_OK when the content is
 * the same, else DFT_KEY_REUSED). */
DFT_API enum dft_status dft_outbox_add(struct dft_outbox *outbox, const char *method,
                                       const uint8_t *command_id, const void *body, size_t body_len,
                                       struct dft_fault *why) DFT_MUST_USE;

struct dft_outbox_item {
    const char *method;
    uint8_t command_id[DFT_COMMAND_ID_BYTES];
    const uint8_t *body;
    size_t body_len;
    int64_t added_time_us;
    struct dft_fault fault; /* of a refused command */
};
DFT_API size_t dft_outbox_waiting(const struct dft_outbox *outbox);
DFT_API size_t dft_outbox_refused(const struct dft_outbox *outbox);
/* index below the count, oldest first; borrowed until the next call on the outbox. */
DFT_API void dft_outbox_waiting_item(const struct dft_outbox *outbox, size_t index,
                                     struct dft_outbox_item *out);
DFT_API void dft_outbox_refused_item(const struct dft_outbox *outbox, size_t index,
                                     struct dft_outbox_item *out);
/* Drops the refused commands after review. */
DFT_API enum dft_status dft_outbox_clear_refused(struct dft_outbox *outbox,
                                                 struct dft_fault *why) DFT_MUST_USE;

/* Sends what waits, in order, until nothing is left or the line fails; commands of one method that follow
 * each other go in batches. `answered` (may be NULL) is called for every command when its answer has been
 * written down: `recorded` is NULL when it was refused (item->fault says why). A command refused by a rule or
 * malformed is moved to the refused ones and the next is sent; anything that may pass later (busy, denied,
 * not logged in, broken line) stops the sending, keeps that command and all after it, and is returned. */
DFT_API enum dft_status dft_outbox_send(struct dft_outbox *outbox, struct dft_client *client,
                                        void (*answered)(const struct dft_outbox_item *item,
                                                         const struct dft_recorded *recorded, void *context),
                                        void *context, struct dft_fault *why) DFT_MUST_USE;

#ifdef __cplusplus
}
#endif

#endif
