#include "server/domain/kernel/supplier_invoice.h"

#include "server/domain/kernel/form.h"
#include "server/domain/kernel/rows.h"

static struct row_key invoice_key(uint32_t supplier, const char *invoice)
{
    struct row_key key = row_key_u32(supplier);
    row_key_add(&key, invoice, strlen(invoice));
    return key;
}

void supplier_invoice_check(struct document *document, uint32_t supplier, const char *invoice)
{
    uint64_t position;
    if (document->status != STATUS_OK || supplier == 0 || text_empty(invoice))
        return;
    struct row_key key = invoice_key(supplier, invoice);
    if (row_get_u64(document->state, TABLE_SUPPLIER_INVOICE, row_key_slice(&key), &position))
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__INVOICE_RECORDED, "invoice",
                                             "invoice %.100s of this supplier is recorded, at position %llu",
                                             invoice, (unsigned long long)position));
}

void supplier_invoice_put(struct kv_txn *state, uint32_t supplier, const char *invoice, uint64_t position)
{
    if (supplier == 0 || text_empty(invoice))
        return;
    struct row_key key = invoice_key(supplier, invoice);
    row_put_u64(state, TABLE_SUPPLIER_INVOICE, row_key_slice(&key), position);
}

void supplier_invoice_drop(struct kv_txn *state, uint32_t supplier, const char *invoice)
{
    if (supplier == 0 || text_empty(invoice))
        return;
    struct row_key key = invoice_key(supplier, invoice);
    kv_del(state, TABLE_SUPPLIER_INVOICE, row_key_slice(&key));
}
