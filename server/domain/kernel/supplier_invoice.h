/*
 * The numbers of suppliers' invoices: the same number of the same supplier comes once.
 *
 *   TABLE_SUPPLIER_INVOICE, u32 party, number as written -> u64 position of the document that has it
 */
#ifndef SERVER_DOMAIN_KERNEL_SUPPLIER_INVOICE_H
#define SERVER_DOMAIN_KERNEL_SUPPLIER_INVOICE_H

#include "server/domain/kernel/document.h"

/* INVOICE_RECORDED, field "invoice". Without a supplier or a number there is nothing to check. */
void supplier_invoice_check(struct document *document, uint32_t supplier, const char *invoice);

/* From apply. A number is free again when its document is undone. */
void supplier_invoice_put(struct kv_txn *state, uint32_t supplier, const char *invoice, uint64_t position);
void supplier_invoice_drop(struct kv_txn *state, uint32_t supplier, const char *invoice);

#endif
