/*
 * The view contract. A view is a fold of the log in an environment of its own: tables, an apply, a version. The
 * runner (runner.h) tails the log, applies each record to every view in one transaction per slice together with the
 * view's cursor, rebuilds a view from nothing when its folder is missing or its version differs, and answers queries
 * from reader threads. apply is pure over the kv port: fed one by one it equals a rebuild, byte for byte.
 */
#ifndef SERVER_VIEWS_VIEW_H
#define SERVER_VIEWS_VIEW_H

#include "proto/record/note.h"
#include "report.pb-c.h"
#include "server/domain/domain.h"
#include "server/ports/log.h"

enum view_id {
    VIEW_MASTERS,   /* the domain's master rows, by the domain's own apply functions */
    VIEW_BALANCES,  /* debits and credits by account, business, currency and day, month, year */
    VIEW_STATEMENT, /* postings by account, business, currency, date, position, line */
    VIEW_JOURNAL,   /* documents by date and by number; links between entry and reversal */
    VIEW_CASHFLOW,  /* counter-accounts of money accounts by day */
    VIEW_AUDIT,     /* who did what, by user, by subject; state before and after */
    VIEW_STOCK,     /* quantity and value by business, item, condition and place */
    VIEW_TAX,       /* VAT by document, code and rate; the numbers of invoices */
    VIEW_TRADE,     /* what was sold and made, by day; lines of customers and suppliers */
    VIEW_COUNT
};

struct view {
    enum view_id id;
    const char *name;              /* folder name */
    uint32_t version;              /* raise it when tables or apply change: the runner rebuilds */
    const struct kv_table *tables; /* table 0 is the runner's cursor table for every view */
    unsigned table_count;
    uint64_t
        written_once; /* bit t: rows of table t are written once and seldom read by apply: a hint for speed */
    void (*apply)(struct kv_txn *view, const struct record *record, struct arena *arena);
};
extern const struct view *const views[VIEW_COUNT];

/* A signed checkpoint of the present log: server/app makes it. */
struct view_checkpoint {
    char note[NOTE_TEXT_MAX];
    size_t note_len;
    char log_key[NOTE_VKEY_MAX];
};

/* Rows of all reports that are made and not yet read to their end. Any thread. */
struct report_memory {
    size_t bytes_max;
    _Atomic size_t bytes;
};

/* What a query may read. All borrowed; transactions are read transactions opened for this step only. */
struct view_reader {
    struct kv_txn *(*txn)(struct view_reader *reader, enum view_id id); /* NULL: `why` says what is wrong */
    /* The view as it stood at `position`, replayed into memory. NULL as above; or, with `replaying` set, because the
     * replay is still to be made: the step forgets what it did and returns AGAIN, and is called again when the
     * replay is there. One position of one view in a step, and only from queries that stream. */
    struct kv_txn *(*txn_at)(struct view_reader *reader, enum view_id id, uint64_t position);
    bool replaying;
    bool said; /* set by a step whose answer itself says which view could not be read: the answer stands */
    /* From the log; borrowed until the next call. END past `position`. */
    enum status (*record)(struct view_reader *reader, uint64_t position, struct record *out);
    enum status (*checkpoint)(struct view_reader *reader, struct view_checkpoint *out);
    struct log *log;         /* for log_root and log_node; records come through `record` */
    uint64_t position;       /* every view reflects at least this; rows of later records must be left out by
                                queries that stream over several steps */
    uint64_t await_position; /* a step that returns AGAIN: call again at this position; 0 = at once */
    struct fault *why;       /* what txn, txn_at and record found wrong */
    size_t report_memory_bytes;    /* most memory that the rows of one report may take */
    struct report_memory *reports; /* lives as long as any state; NULL: no bound */
};

/* One step of a query; see query_fn in domain.h. `state` keeps a stream's place between steps, allocated by the
 * query at its first step. END = nothing more (a last part may come with OK first); AGAIN = nothing in this step,
 * see await_position. */
typedef enum status view_query_fn(struct view_reader *reader, const struct query_context *context,
                                  const ProtobufCMessage *request, void **state, ProtobufCMessage **out,
                                  struct fault *why);
struct view_query {
    const char *method; /* "Entry.List" */
    view_query_fn *step;
    void (*state_free)(void *state); /* NULL = free(3) */
};
extern const struct view_query view_queries[];
extern const size_t view_query_count;

/* A report: declared once. `run` fills the whole report (server/views/reports/report_run.h). */
struct report_column {
    const char *name, *title;
    Daftari__V1__ColumnKind kind;
};
struct report_run;
struct report {
    const char *name, *title, *description;
    const char *const *parameters; /* NULL-ended names of RunReport fields it looks at */
    unsigned permission;           /* enum Permission, at PERMISSION_READ */
    bool one_account;              /* names no account but the one that is asked for */
    bool
        by_recording; /* its dates are those of recording: without a last one it goes to the last record, since the
                          clock may have gone back and must hide nothing */
    enum status (*run)(struct report_run *run);
};
extern const struct report *const reports[];
extern const size_t report_count;

#endif
