/* What else moves the money of a till: charges (O-66), settlements to the bank (O-54), reversals by the operator (O-65). */
#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/party.h"
#include "server/domain/mpesa/mpesa.h"
#include "type_ids.h"

#define ROLE(name)   DAFTARI__V1__ACCOUNT_ROLE__ROLE_##name
#define REASON(name) DAFTARI__V1__REASON__##name

/* What all three begin with; NULL with *out_status OK: it was told before. */
static struct telling *begin(const struct context *context, struct kv_txn *state,
                             const ProtobufCMessage *command, char letter, struct decision *out,
                             struct fault *why, enum status *out_status)
{
    uint64_t before;
    struct telling *telling = arena_take(context->arena, sizeof *telling);
    if (telling == NULL) {
        *out_status = fault_set(why, STATUS_NO_MEMORY, NULL, "the request is too large");
        return NULL;
    }
    memset(telling, 0, sizeof *telling);
    telling->said = *(const Daftari__V1__TellMpesa *)command;
    *out_status = mpesa_form(&telling->said, why);
    if (*out_status == STATUS_OK && letter != 'r' && !text_empty(telling->said.original))
        *out_status = fault_set(why, STATUS_INVALID, "original", "only for a reversal: leave it out");
    if (*out_status == STATUS_OK && letter != 's' && telling->said.has_bank)
        *out_status = fault_set(why, STATUS_INVALID, "bank", "only for a settlement: leave it out");
    if (*out_status == STATUS_OK)
        *out_status = mpesa_till(context, state, telling, why);
    if (*out_status != STATUS_OK)
        return NULL;
    if (mpesa_given(state, letter, &telling->said, &before)) {
        out->nothing_to_do = true;
        return NULL;
    }
    return telling;
}

static void post_against(struct telling *telling, uint32_t account, int64_t amount)
{
    struct document *document = &telling->document;
    telling->payload.has_against = true;
    telling->payload.against = account;
    document_post(document, account, 0, amount, document->out->posting_count);
    document_post(document, telling->till->account, 0, -amount, document->out->posting_count);
}

/* ---- Mpesa.Charge, Mpesa.Settle --------------------------------------------------------------------------------------- */

enum status mpesa_decide_charge(const struct context *context, struct kv_txn *state,
                                const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    struct receipt_row receipt;
    enum status status;
    struct telling *telling = begin(context, state, command, 'c', out, why, &status);
    if (telling == NULL)
        return status;
    status = mpesa_begin(context, state, telling, out, why);
    if (status != STATUS_OK)
        return status;
    if (receipt_get(state, telling->said.receipt, &receipt) && receipt.told != 0) {
        telling->payload.has_document = true;
        telling->payload.document = receipt.told;
        out->cause = receipt.told;
    }
    uint32_t charges = document_account(&telling->document, ROLE(CHARGES), 0);
    if (charges == 0)
        document_post_role(&telling->document, ROLE(CHARGES), 0, 0, 1, 0); /* says what is missing */
    post_against(telling, charges, telling->said.amount_minor);
    return mpesa_end(telling, EVENT_MPESA_CHARGED);
}

enum status mpesa_decide_settle(const struct context *context, struct kv_txn *state,
                                const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    struct account_row row;
    enum status status;
    struct telling *telling = begin(context, state, command, 's', out, why, &status);
    if (telling == NULL)
        return status;
    status = mpesa_begin(context, state, telling, out, why);
    if (status != STATUS_OK)
        return status;
    struct document *document = &telling->document;
    uint32_t bank = telling->said.has_bank ? telling->said.bank : document_account(document, ROLE(BANK), 0);
    if (telling->said.has_bank &&
        (!account_row_get(state, bank, &row) || row.class != DAFTARI__V1__ACCOUNT_CLASS__CLASS_BANK))
        return fault_refuse(why, REASON(ACCOUNT_UNFIT), "bank", "account %u is no bank account", bank);
    if (bank == 0)
        document_post_role(document, ROLE(BANK), 0, 0, 1, 0); /* says what is missing */
    post_against(telling, bank, telling->said.amount_minor);
    return mpesa_end(telling, EVENT_MPESA_SETTLED);
}

/* ---- Mpesa.Reverse ---------------------------------------------------------------------------------------------------- */

static enum status find_original(struct kv_txn *state, const struct telling *telling, struct receipt_row *out,
                                 struct fault *why)
{
    const char *original = telling->said.original;
    if (!receipt_get(state, original, out) || out->told == 0)
        return fault_refuse(why, REASON(MPESA_RECEIPT_UNKNOWN), "original",
                            "M-Pesa has not told of receipt %.20s: give the payment first", original);
    if (out->state == RECEIPT_REVERSED)
        return fault_refuse(why, REASON(MPESA_RECEIPT_REVERSED), "original",
                            "receipt %.20s was taken back already, by another reversal", original);
    if (out->business != telling->business)
        return fault_refuse(why, REASON(MPESA_RECEIPT_DIFFERS), "till", "receipt %.20s is of another till",
                            original);
    if (telling->said.amount_minor != (out->amount < 0 ? -out->amount : out->amount))
        return fault_refuse(why, REASON(MPESA_RECEIPT_DIFFERS), "amount_minor",
                            "receipt %.20s was of another amount", original);
    return STATUS_OK;
}

/* The customer whose debt the receipt paid, by the record that has it; 0: nobody is known. */
static enum status customer_of(const struct context *context, struct kv_txn *state,
                               const struct receipt_row *receipt, uint32_t *out, struct fault *why)
{
    struct record record;
    struct account_row account;
    *out = 0;
    if (receipt->state != RECEIPT_MATCHED || receipt->amount < 0)
        return STATUS_OK;
    enum status status = context->records.read(context->records.context, receipt->position, &record, why);
    for (size_t i = 0; status == STATUS_OK && *out == 0 && i < record.posting_count; i++) {
        struct posting posting = record_posting(&record, i);
        if (posting.party != 0 && posting.business == receipt->business && posting.amount < 0 &&
            account_row_get(state, posting.account, &account) &&
            account.class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_RECEIVABLE)
            *out = party_standing(state, posting.party);
    }
    return status;
}

enum status mpesa_decide_reverse(const struct context *context, struct kv_txn *state,
                                 const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    struct receipt_row receipt;
    uint32_t party;
    enum status status;
    struct telling *telling = begin(context, state, command, 'r', out, why, &status);
    if (telling == NULL)
        return status;
    if (text_empty(telling->said.original))
        telling->said.original = telling->said.receipt;
    if (!receipt_form(telling->said.original))
        return fault_set(why, STATUS_INVALID, "original",
                         "the M-Pesa receipt: 6 to 20 capital letters and digits");
    status = find_original(state, telling, &receipt, why);
    if (status == STATUS_OK)
        status = customer_of(context, state, &receipt, &party, why);
    if (status == STATUS_OK)
        status = mpesa_begin(context, state, telling, out, why);
    if (status != STATUS_OK)
        return status;
    struct document *document = &telling->document;
    uint32_t owed = party != 0 ? document_account(document, ROLE(RECEIVABLE), 0) : 0;
    uint32_t against = owed != 0 ? owed : receipt.account;
    document_post(document, against, owed != 0 ? party : 0, receipt.amount, 0);
    document_post(document, telling->till->account, 0, -receipt.amount, document->out->posting_count);
    telling->payload.has_against = telling->payload.has_document = true;
    telling->payload.against = against;
    telling->payload.document = receipt.told;
    out->cause = receipt.told;
    return mpesa_end(telling, EVENT_MPESA_REVERSED);
}
