/* Inside the trade view: what one document adds to the sums, and how it is kept for a void. */
#ifndef SERVER_VIEWS_TRADE_DOCUMENTS_H
#define SERVER_VIEWS_TRADE_DOCUMENTS_H

#include "server/views/trade/trade.h"

struct trade_item {
    uint32_t item;
    int128 figures[TRADE_FIGURES];
};
struct trade_tender {
    uint32_t method;
    int128 amount;
};
struct trade_document {
    bool made; /* a production, else a sale or a return */
    civil_date date;
    uint16_t business;
    uint32_t hour, customer, user;
    size_t documents; /* what it counts as: a return is none */
    struct trade_item *items;
    size_t item_count;
    struct trade_tender *tenders;
    size_t tender_count;
};

/* What the record adds. False: nothing, or the transaction has an error. */
bool trade_document_of(struct kv_txn *txn, const struct record *record, int32_t offset_minutes,
                       struct arena *arena, struct trade_document *out);
/* Is the record the mirror of one of these, named by its `cause`? */
bool trade_document_undoes(uint16_t type);

void trade_document_put(struct kv_txn *txn, uint64_t position, const struct trade_document *document,
                        struct arena *arena);
/* False: there is none (it added nothing), or the transaction has an error. */
bool trade_document_get(struct kv_txn *txn, uint64_t position, struct arena *arena,
                        struct trade_document *out);

#endif
