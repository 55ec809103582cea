/*
 * Inside the capability `mpesa`: what M-Pesa tells of the tills. Reading order: tell.c (checks and dates that all share),
 * money.c (payments in and out), other.c (charges, settlements, reversals), request.c (requests for payment and their
 * answers), match.c, rows.c, queries.c, capability.c. Receipts themselves: kernel/receipt.h. The rules in words:
 * docs/domain-trade.md.
 *
 *   TABLE_MPESA        u64 position of the telling -> MpesaInfo without state, document and booked
 *   TABLE_MPESA_GIVEN  what_letter, receipt, NUL, u64 amount, kind in M-Pesa's words -> u64 position
 */
#ifndef SERVER_DOMAIN_MPESA_MPESA_H
#define SERVER_DOMAIN_MPESA_MPESA_H

#include "mpesa.pb-c.h"
#include "server/domain/domain.h"
#include "server/domain/kernel/document.h"
#include "server/domain/kernel/receipt.h"
#include "server/domain/kernel/rows.h"
#include "till.pb-c.h"

decide_fn mpesa_decide_confirm, mpesa_decide_pay_out, mpesa_decide_charge, mpesa_decide_settle,
    mpesa_decide_reverse, mpesa_decide_request, mpesa_decide_callback, mpesa_decide_match,
    mpesa_decide_unmatch;
apply_fn mpesa_apply_money, mpesa_apply_charge, mpesa_apply_settled, mpesa_apply_reversed,
    mpesa_apply_requested, mpesa_apply_failed, mpesa_apply_matched, mpesa_apply_unmatched;
allocated_fn mpesa_allocated_told, mpesa_allocated_matched;
query_fn mpesa_query_list, mpesa_query_requests;

#define MPESA_PAYMENT    "payment"
#define MPESA_PAY_OUT    "pay-out"
#define MPESA_CHARGE     "charge"
#define MPESA_SETTLEMENT "settlement"
#define MPESA_REVERSAL   "reversal"

#define MPESA_WAITING  "waiting"
#define MPESA_MATCHED  "matched"
#define MPESA_REVERSED "reversed"
#define MPESA_DONE     "done"

#define MPESA_ASKED  "asked"
#define MPESA_PAID   "paid"
#define MPESA_FAILED "failed"

#define MPESA_CHECKOUT_MAX 100u
#define MPESA_DETAILS_MAX  200u
#define MPESA_HASH_BYTES   32u

/* ---- tell.c: one thing told, while it is decided ----------------------------------------------------------------- */
struct telling {
    struct document document;
    Daftari__V1__TellMpesa said;
    Daftari__V1__MpesaTold payload;
    const Daftari__V1__TillInfo *till;
    uint16_t business; /* of the till */
};

/* The form of what is told; INVALID. `field` of receipts names what is wrong. */
enum status mpesa_form(const Daftari__V1__TellMpesa *said, struct fault *why) MUST_USE;
enum status mpesa_form_phone(const char *phone, struct fault *why) MUST_USE;
/* The till of `telling->said`, in a business where the one who asks may record. TILL_UNKNOWN. */
enum status mpesa_till(const struct context *context, struct kv_txn *state, struct telling *telling,
                       struct fault *why) MUST_USE;
/* The till's business as a document, on the day of completion while that is open, else on the next open one. */
enum status mpesa_begin(const struct context *context, struct kv_txn *state, struct telling *telling,
                        struct decision *out, struct fault *why) MUST_USE;
/* Packs the payload; without postings there is no number. */
enum status mpesa_end(struct telling *telling, uint16_t type) MUST_USE;

/* ---- money.c ------------------------------------------------------------------------------------------------------ */
/* A payment (way 1) or pay-out (way -1). `number`: an open document that it pays, or NULL; `checkout` of the request. */
enum status mpesa_decide_money(const struct context *context, struct kv_txn *state, struct telling *telling,
                               int way, const char *number, const char *checkout, struct decision *out,
                               struct fault *why) MUST_USE;

/* ---- match.c ------------------------------------------------------------------------------------------------------ */
/* Whose debt a document is: of the document's business, with something left open. False: there is none. */
bool mpesa_debtor(struct document *document, const char *number, uint32_t *out_party);
/* Takes `amount` off what the party owes, `number` (may be NULL) first, then the oldest; what is above is kept ahead. */
void mpesa_pay_debt(struct document *document, uint32_t party, const char *number, int64_t amount,
                    Daftari__V1__PaymentRecorded *out);

/* ---- rows.c ------------------------------------------------------------------------------------------------------- */
struct row_key mpesa_given_key(char what, const Daftari__V1__TellMpesa *said);
bool mpesa_given(struct kv_txn *state, char what, const Daftari__V1__TellMpesa *said, uint64_t *out_position);
Daftari__V1__MpesaInfo *mpesa_info_get(struct kv_txn *state, uint64_t position, struct arena *arena);
/* NULL: none is known. */
Daftari__V1__MpesaRequestInfo *mpesa_request_get(struct kv_txn *state, const char *checkout,
                                                 struct arena *arena);
/* From apply of what brought or took money: the answered request is paid. */
void mpesa_request_paid(struct kv_txn *state, const struct record *record, const Daftari__V1__MpesaTold *told,
                        struct arena *arena);

#endif
