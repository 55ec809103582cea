/*
 * The tax view: what each document says of VAT, added up by code and rate, and the invoice number of what was charged to
 * customers. Which lines a record has says its type (taxed_fn of server/domain/domain.h); the mirror of a record has the
 * lines of what it mirrors, turned round.
 *
 *   TAX_LINES      u16 business, u32 date, u64 position, u8 input, u16 code, u32 rate_bp -> i64 net, i64 tax
 *   TAX_DOCUMENTS  u64 position -> u16 business, u32 date, u64 invoice number (0: of a supplier), u64 of which document
 *                  it is the credit note or mirror (0: none)
 *   TAX_COUNTS     u16 business -> u64 invoices so far
 *
 * Invoices are counted from 1 in each business, in the order of the log, sales and credit notes together.
 */
#ifndef SERVER_VIEWS_TAX_VIEW_H
#define SERVER_VIEWS_TAX_VIEW_H

#include "server/views/view.h"

enum { TAX_CURSOR, TAX_LINES, TAX_DOCUMENTS, TAX_COUNTS };

struct tax_line {
    uint16_t business;
    civil_date date;
    uint64_t position;
    bool input;
    uint16_t code;
    uint32_t rate_bp;
    int64_t net, tax;
};
struct tax_document {
    uint16_t business;
    civil_date date;
    uint64_t invoice;
    uint64_t original;
};

extern const struct view view_tax;

/* Moves to the first line of a business at or after (date, position); false past the last of the table. */
bool tax_line_seek(struct kv_cursor *cursor, uint16_t business, civil_date date, uint64_t position);
bool tax_line_at(struct kv_txn *txn, struct kv_cursor *cursor,
                 struct tax_line *out); /* false: CORRUPT on the transaction */
bool tax_document_get(struct kv_txn *txn, uint64_t position, struct tax_document *out);

#endif
