/*
 * How a document is paid: cash, M-Pesa, bank, on credit, out of a prepayment; several at once, with change.
 *
 * Money in debits the account of each method, money out credits it. An M-Pesa receipt counts once, for ever: the
 * receipt of money that came in and was parked (2120) is taken from there, one that is new is noted as used.
 */
#ifndef SERVER_DOMAIN_KERNEL_TENDERS_H
#define SERVER_DOMAIN_KERNEL_TENDERS_H

#include "server/domain/kernel/document.h"

#define TENDERS_MAX 16u

enum tender_flow {
    TENDER_IN,  /* a customer pays: debits */
    TENDER_OUT, /* we pay or pay back: credits */
};
struct tender_terms {
    enum tender_flow flow;
    const char *field; /* "tenders" */
    uint32_t party;    /* 0: nobody; needed for credit and prepayments */
    bool credit;       /* may be on credit: receivable (in), payable (out) */
    Daftari__V1__AccountRole credit_role;
    bool prepayment; /* may be out of a prepayment (in), or kept as one (out) */
    bool offline;    /* it happened already: a till without an open day is no hindrance */
    bool change;     /* cash above what is due is given back */
};
struct tenders_taken {
    Daftari__V1__TakenTender **rows; /* for the payload, in the arena */
    size_t count;
    int64_t change_minor;
    int64_t credit_minor; /* on credit, of them */
};

/* Posts what pays `due` (not negative). No tenders: all in cash; nothing at all when nothing is due. TENDERS_DIFFER,
 * TENDER_METHOD, RECEIPT_USED, REFERENCE_MISSING, CUSTOMER_MISSING, PREPAYMENT_INSUFFICIENT, ACCOUNT_UNFIT, DAY_NOT_OPEN. Credit limits
 * are the caller's. */
void tenders_take(struct document *document, Daftari__V1__Tender *const *tenders, size_t count, int64_t due,
                  const struct tender_terms *terms, struct tenders_taken *out);
/* The sum of tenders that all say their amount; for payments without an amount due. INVALID as above. */
int64_t tenders_sum(struct document *document, Daftari__V1__Tender *const *tenders, size_t count,
                    const char *field);

/* From apply of every record that stores tenders: its receipts are used by this record. */
void tenders_apply(struct kv_txn *state, const struct record *record, Daftari__V1__TakenTender *const *rows,
                   size_t count);
/* Of a document that is made void, after its mirror: money that M-Pesa has told of waits in the unmatched account again,
 * and not nowhere; what was reversed since stays where the reversal put it. `party`: whose document it was. */
void tenders_put_back(struct document *document, Daftari__V1__TakenTender *const *rows, size_t count,
                      uint32_t party);
/* From apply of a void: they may be used again. */
void tenders_release(struct kv_txn *state, Daftari__V1__TakenTender *const *rows, size_t count);

#endif
