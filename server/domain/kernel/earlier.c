#include "server/domain/kernel/earlier.h"

#include "proto/wire/message.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/numbering.h"
#include "server/domain/kernel/party.h"

enum status earlier_find(const struct context *context, struct kv_txn *state, const char *number,
                         const struct earlier_terms *terms, struct record *out,
                         ProtobufCMessage **out_payload, struct fault *why)
{
    uint64_t position;
    uint16_t last = terms->last != 0 ? terms->last : terms->type;
    if (text_empty(number) || !number_find(state, number, &position))
        return fault_refuse(why, terms->unknown, "number", "the document number of %s", terms->what);
    enum status status = context->records.read(context->records.context, position, out, why);
    if (status == STATUS_OK && (out->header.type < terms->type || out->header.type > last))
        return fault_refuse(why, terms->unknown, "number", "document %.50s is not the number of %s", number,
                            terms->what);
    if (status == STATUS_OK)
        status = message_unpack(terms->payload, out->payload, false, arena_allocator(context->arena),
                                out_payload, why);
    return status;
}

uint32_t document_supplier(struct document *document, const char *name)
{
    struct party_row row;
    if (document->status != STATUS_OK || text_empty(name))
        return 0;
    if (!party_find(document->state, PARTY_IS_SUPPLIER, name, &row))
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__PARTY_UNKNOWN, "supplier",
                                             "there is no supplier %.100s", name));
    else if (!row.active)
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__PARTY_INACTIVE, "supplier",
                                             "supplier %.100s is deactivated", name));
    return document->status == STATUS_OK ? row.number : 0;
}
