/* What queries over trading documents share: a document by its number, lists by date, names of what records number. */
#ifndef SERVER_VIEWS_DOCUMENTS_H
#define SERVER_VIEWS_DOCUMENTS_H

#include "server/views/journal/journal.h"

struct document_query {
    struct view_reader *reader;
    const struct query_context *context;
    struct kv_txn *masters;
    struct kv_txn *journal;
};
/* False: `why` of the reader says which view is not there. */
bool document_query_init(struct document_query *query, struct view_reader *reader,
                         const struct query_context *context);

/* Protobuf-c's text fields are not const; answers are packed, never written. */
char *document_text(const char *text);
bool document_may_read(const struct document_query *query, uint16_t business);
/* "RS-20261123-0001" of a record; NULL when it has none. In the arena, as all below. */
char *document_number_text(const struct document_query *query, const struct record_header *header);

/* The record of a document by its number, of one of `types` (0-ended), in a business that may be read. INVALID,
 * NOT_FOUND with the field "number". The record is borrowed until the next read. */
enum status document_by_number(const struct document_query *query, const char *number, const uint16_t *types,
                               struct record *out, struct fault *why) MUST_USE;

/* What later records did to the document: calls `each` for the record of every one, in order. */
enum status document_followers(const struct document_query *query, uint64_t position,
                               enum status (*each)(void *context, const struct record *record),
                               void *context);

/* A list by (date, position). The state of a stream is one of these, from calloc. */
struct document_list {
    civil_date date;
    uint64_t position;
    uint64_t known_at; /* of the first step: documents that come later are left out */
    uint64_t given;
    bool opened;
    bool by_business;
    uint16_t business;
};
struct document_filter {
    const char *business; /* code; NULL or "all": every one that may be read */
    bool has_from, has_to;
    civil_date from, to;
    const uint16_t *types; /* 0-ended */
    uint32_t limit;        /* 0: none */
};
/* One step of a stream: `make` fills *out from a record, or returns NOT_FOUND for one that is not asked for. */
enum status document_list_step(const struct document_query *query, const struct document_filter *filter,
                               void **state, ProtobufCMessage **out, struct fault *why,
                               enum status (*make)(const struct document_query *query,
                                                   const struct record *record, const void *context,
                                                   ProtobufCMessage **out),
                               const void *context);

#endif
