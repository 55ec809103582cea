/*
 * The domain contract. PURE: decide reads state and never writes, apply writes state and never refuses; both see
 * the world only through their arguments. No clock, no random, no I/O, no globals but const tables, no diagnostics.
 *
 * A capability is a folder under server/domain/ with one exported `const struct capability`; the list of them is
 * server/domain/capabilities.c, sorted by name.
 */
#ifndef SERVER_DOMAIN_DOMAIN_H
#define SERVER_DOMAIN_DOMAIN_H

#include <protobuf-c/protobuf-c.h>

#include "proto/base/limits.h"
#include "proto/base/money.h"
#include "proto/record/record.h"
#include "proto/wire/arena.h"
#include "server/ports/kv.h"

#include "reason.pb-c.h" /* Daftari__V1__Reason */

/* ---- permissions -------------------------------------------------------------------------------------------- */

/* Numbers are those of enum Permission in proto/schema/people.proto. Levels: none < read < write < admin; a permission is
 * given at write at most, access to a business at admin too: to configure it. */
enum permission_level { PERMISSION_NONE, PERMISSION_READ, PERMISSION_WRITE, PERMISSION_ADMIN };
#define PERMISSIONS_MAX 32

/* What a user may do, computed from roles and access rows (server/domain/people/rights.c). */
struct rights {
    bool active;
    bool every_business;                    /* owner, accountant, auditor: no access rows needed */
    uint8_t level[PERMISSIONS_MAX];         /* enum permission_level by permission number */
    uint64_t may_read[BUSINESSES_MAX / 64]; /* bit sets by business id */
    uint64_t may_write[BUSINESSES_MAX / 64];
    uint64_t may_admin[BUSINESSES_MAX / 64];
};
bool rights_allow(const struct rights *rights, unsigned permission, enum permission_level level);
bool rights_allow_business(const struct rights *rights, uint16_t business, enum permission_level level);

/* ---- decide -------------------------------------------------------------------------------------------------- */

/* The log before the record that is being decided, for the few decisions that name an earlier one (a reversal). END past
 * the last record; *out is borrowed until the next read. */
struct record_source {
    enum status (*read)(void *context, uint64_t position, struct record *out, struct fault *why);
    void *context;
};

struct context {
    timestamp_us now;  /* time the record will carry */
    civil_date today;  /* `now` in the books' time zone */
    uint64_t position; /* position the record will get */
    struct command_id command_id;
    uint32_t user;
    uint64_t session;
    const struct rights
        *rights; /* of the user, as of this position; NULL = the server itself, which may all */
    const char *address, *agent, *device; /* where from; never NULL */
    struct arena *arena;                  /* for this decision; anything put in `decision` may live here */
    struct record_source records;
};

/* What was decided: one record to be. Start from decision_init. */
struct decision {
    uint16_t type;         /* proto/TYPE_IDS */
    uint16_t type_version; /* 1 unless set */
    uint16_t business;
    civil_date business_date;
    uint16_t series; /* 0 = no number is given */
    uint32_t number; /* by kernel_number */
    uint64_t cause;
    struct posting postings[POSTINGS_MAX];
    size_t posting_count;
    struct movement movements[MOVEMENTS_MAX];
    size_t movement_count;
    struct slice payload; /* the request body as received unless decide sets another */
    bool nothing_to_do;   /* accepted, but it changes nothing: no record is written (loading twice, say) */
};

/* OK, or a fault: INVALID (form) or REFUSED with a Reason, or DENIED, or NOT_FOUND. Checks come first, in the order
 * that docs/domain.md gives; after the line "accepted" nothing may fail. */
typedef enum status decide_fn(const struct context *context, struct kv_txn *state,
                              const ProtobufCMessage *command, struct decision *out, struct fault *why);

/* Writes the type's own rows. Balances, command ids, numbers and reversal marks are the kernel's, for every type. */
typedef void apply_fn(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                      struct arena *arena);

/* ---- queries over master rows -------------------------------------------------------------------------------- */

/* One step of a query: fills `out` (a message of the method's response type, built in `arena`) and returns OK, or END
 * when there is nothing (more) to give, or a fault. `*cursor` is NULL at first; a stream keeps its place there as
 * bytes in a slice owned by the caller (copied between calls). Non-streaming queries are called once. */
struct query_context {
    civil_date today; /* where the books are; 0 only while there are no books (views: or no masters to say) */
    timestamp_us now;
    uint64_t position; /* log position that the rows reflect */
    uint32_t user;
    uint64_t session;
    const struct rights *rights;
    struct arena *arena;
};
typedef enum status query_fn(const struct query_context *context, struct kv_txn *masters,
                             const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                             struct fault *why);

/* ---- tables of a capability ---------------------------------------------------------------------------------- */

enum method_kind {
    METHOD_COMMAND, /* decide -> record; answer is Recorded */
    METHOD_QUERY,   /* over the masters view (query) or another view (the view registers it) */
    METHOD_ACCESS, /* handled by server/access first: log-in and out, and commands that carry a password (it makes
                        the METHOD_INTERNAL command of them and hands that to the writer) */
    METHOD_INTERNAL, /* a command that only the server itself may give; net refuses the name */
};

/* Decodes the common form of a request faster than message_unpack, into the same message with everything in `arena`.
 * False: it is not of that form, or not well-formed, or memory is short; message_unpack judges it then. */
typedef bool unpack_fn(struct slice body, struct arena *arena, ProtobufCMessage **out);

/* Tells state which rows deciding this command will read, as far as that is plain from it; `step` as in kv_hint. */
typedef void hint_fn(struct kv_txn *state, const ProtobufCMessage *command, unsigned step);

struct method {
    const char *name; /* "Entry.Post": service, dot, rpc */
    enum method_kind kind;
    bool streams; /* the response is a stream */
    const ProtobufCMessageDescriptor *request;
    const ProtobufCMessageDescriptor *response;
    unsigned permission; /* enum Permission; 0 = any logged-in user */
    enum permission_level level;
    decide_fn *decide; /* METHOD_COMMAND, METHOD_INTERNAL */
    unpack_fn *unpack; /* of a request that comes often; NULL: message_unpack alone */
    hint_fn *hint;     /* of a command that comes in large numbers; may be NULL */
    bool brief;        /* is decided in microseconds whatever the books hold */
    query_fn *query;   /* METHOD_QUERY over master rows; NULL when a view answers */
};

/* Which open documents a payload says that its record settles, the first with index 0; false past the last. What is not
 * said settles the oldest first. */
struct allocation {
    uint64_t document; /* position */
    int64_t amount;    /* minor units, more than 0 */
};
typedef bool allocated_fn(const ProtobufCMessage *payload, size_t index, struct allocation *out);

/* What a payload says of VAT, line by line, the first with index 0; false past the last. A mirror says nothing: the lines of
 * what it mirrors count for it, turned round. */
struct taxed_line {
    bool input; /* paid to a supplier; else charged to a customer */
    uint16_t
        code; /* 0 with a rate: the standard rate of the settings; 0 without one: none, the line does not count */
    uint32_t rate_bp;
    int64_t net, tax; /* below zero: taken back */
};
typedef bool taxed_fn(const ProtobufCMessage *payload, size_t index, struct taxed_line *out);

/* How what a record did is undone. */
enum event_undo {
    UNDO_BY_REVERSAL, /* Entry.Reverse mirrors its postings */
    UNDO_OWN_WAY,     /* an operation of its own, since it did more than post; `undo_how` names it */
    UNDO_IS,          /* it is itself the mirror of the record that `cause` names */
};
struct event_type {
    uint16_t type;
    const char *name; /* as in TYPE_IDS */
    const ProtobufCMessageDescriptor *payload;
    apply_fn *apply; /* NULL: effects only */
    bool master;     /* its rows are master data: the masters view applies it too */
    enum event_undo undo;
    const char *undo_how;   /* of UNDO_OWN_WAY: "void or return the sale" */
    const char *entry_type; /* transaction type of its journal entry ("SALE"); NULL: see views/entry_text.c */
    const char *title;      /* what it is, in a journal: "Sale"; NULL as above */
    allocated_fn *allocated; /* of a payment; may be NULL */
    taxed_fn *taxed;         /* of what VAT is kept on; may be NULL */
};

struct capability {
    const char *name;
    const struct method *methods;
    size_t method_count;
    const struct event_type *events;
    size_t event_count;
};

extern const struct capability *const domain_capabilities[];
extern const size_t domain_capability_count;

/* Look-ups over all capabilities; NULL when there is none. Any thread, after domain_check. */
const struct method *domain_method(struct slice name);
const struct event_type *domain_event(uint16_t type);
/* Is a record of this type the mirror of another? */
bool domain_event_undoes(uint16_t type);
/* Start-up check: no duplicate ids or names, every command has decide, every TYPE_IDS row has an event. */
enum status domain_check(struct fault *why) MUST_USE;

/* ---- the two entry points ------------------------------------------------------------------------------------ */

void decision_init(struct decision *out, struct slice body);

/* A request of the method from its bytes, strictly; see message_unpack for what it may say. Everything is in `arena`. */
enum status domain_unpack(const struct method *method, struct slice body, struct arena *arena,
                          ProtobufCMessage **out, struct fault *why) MUST_USE;

/* Runs method->decide, then the kernel's law on the outcome (balanced per business and currency, limits). The caller
 * has checked form (domain_unpack) and the method's permission. */
enum status domain_decide(const struct method *method, const struct context *context, struct kv_txn *state,
                          const ProtobufCMessage *command, struct slice body, struct decision *out,
                          struct fault *why) MUST_USE;

/* Every record names its session; from where it came, by what device and program, the last SessionUsedFrom of the session
 * before it says, or its SessionOpened (docs/decisions/0003). True when `context` has another place than that: `out` is
 * then the record to be written first. Address and port: the host alone counts. */
bool domain_place_changed(const struct context *context, struct kv_txn *state, struct decision *out) MUST_USE;

/* The header of the record that a decision comes to, but for `content` and `previous`. */
struct record_header decision_header(const struct decision *decision, const struct context *context);

/* Folds one committed (or about to be committed) record into core state: kernel effects, then the type's apply. A
 * record that contradicts state sets CORRUPT on the transaction. That no command id comes twice is not core state's to
 * know: server/base/id_index.h. */
void domain_apply(struct kv_txn *state, const struct record *record, struct arena *arena);
/* What applying one record takes of its arena at most: give these functions that much. A payload of RECORD_BYTES_MAX
 * that decide has accepted decodes to about a megabyte at worst (many small tags), and is packed into a row once. */
#define DOMAIN_APPLY_BYTES_MAX (4u * 1024u * 1024u)

/* The masters view: only `master` types, without kernel effects but for what customers and suppliers owe. */
void domain_apply_master(struct kv_txn *masters, const struct record *record, struct arena *arena);

/* Tables of core state (and of the masters view): server/domain/kernel/tables.h. */
extern const struct kv_table domain_tables[];
extern const unsigned domain_table_count;

#endif
