/* The earlier document that a command names by its number, and the supplier whom one names. */
#ifndef SERVER_DOMAIN_KERNEL_EARLIER_H
#define SERVER_DOMAIN_KERNEL_EARLIER_H

#include "server/domain/kernel/document.h"

struct earlier_terms {
    uint16_t type; /* of the record, or ... */
    uint16_t last; /* ... of one from `type` to this; 0: that one type */
    const ProtobufCMessageDescriptor *payload;
    Daftari__V1__Reason unknown;
    const char *what; /* "a purchase, like PU-20250102-0001" */
};
/* Header, postings and movements are borrowed from the log until the next read; the message is in the arena. Refused
 * with `unknown`, field "number". */
enum status earlier_find(const struct context *context, struct kv_txn *state, const char *number,
                         const struct earlier_terms *terms, struct record *out,
                         ProtobufCMessage **out_payload, struct fault *why) MUST_USE;

/* The active supplier of a name; 0 for none given. PARTY_UNKNOWN, PARTY_INACTIVE. */
uint32_t document_supplier(struct document *document, const char *name);

#endif
