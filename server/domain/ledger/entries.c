/* Posting and reversing. */
#include "proto/base/bug.h"
#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/balance.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/numbering.h"
#include "server/domain/kernel/periods.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/ledger/ledger.h"
#include "server/domain/reconciliation/reconciliation.h"
#include "type_ids.h"

enum status entry_decide_post(const struct context *context, struct kv_txn *state,
                              const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__PostEntry *entry = (const Daftari__V1__PostEntry *)command;
    enum status status = entry_check(context, state, entry, ENTRY_DIRECT, out, why);
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_ENTRY_POSTED;
    return STATUS_OK;
}

/* Accounts and their balances; that of a bank or of another business's account is somewhere else, and then comes late. */
void entry_hint(struct kv_txn *state, const ProtobufCMessage *command, unsigned step)
{
    const Daftari__V1__PostEntry *entry = (const Daftari__V1__PostEntry *)command;
    uint16_t business = HEAD_OFFICE;
    if (entry->business != NULL)
        (void)business_find(state, entry->business, &business);
    for (size_t i = 0; i < entry->n_lines; i++) {
        uint8_t balance[BALANCE_KEY_BYTES];
        struct row_key account = row_key_u32(entry->lines[i]->account);
        kv_hint(state, TABLE_ACCOUNT, row_key_slice(&account), step);
        balance_key(entry->lines[i]->account, business, BASE_CURRENCY, balance);
        kv_hint(state, TABLE_BALANCE, slice_of(balance, sizeof balance), step);
    }
}

/* ---- reversal ------------------------------------------------------------------------------------------------------ */

/* The record at a position, read from the log; ENTRY_UNKNOWN when there is none or it posted nothing. */
static enum status read_entry(const struct context *context, uint64_t position, const char *field,
                              struct record *out, struct fault *why)
{
    enum status status = STATUS_END;
    if (position != 0 && position < context->position && context->records.read != NULL)
        status = context->records.read(context->records.context, position, out, why);
    if (status == STATUS_END || (status == STATUS_OK && out->posting_count == 0))
        return fault_refuse(why, DAFTARI__V1__REASON__ENTRY_UNKNOWN, field,
                            "no posted entry has this log position");
    return status;
}

/* The entry to reverse: found, not a reversal, of a reversible type, not reversed before. */
static enum status find_original(const struct context *context, struct kv_txn *state,
                                 const Daftari__V1__ReverseEntry *reverse, struct record *out,
                                 struct fault *why)
{
    bool by_number = !text_empty(reverse->number);
    const char *field = by_number ? "number" : "position";
    if (by_number == (reverse->position != 0))
        return fault_set(why, STATUS_INVALID, field,
                         "either the document number of the entry or its log position");
    enum status status = form_text(reverse->reason, "reason", DESCRIPTION_TEXT_MAX, true, why);
    if (status != STATUS_OK)
        return status;
    uint64_t position = reverse->position, reversal;
    if (by_number && !number_find(state, reverse->number, &position))
        return fault_refuse(why, DAFTARI__V1__REASON__ENTRY_UNKNOWN, field,
                            "no posted entry has this document number");
    status = read_entry(context, position, field, out, why);
    if (status != STATUS_OK)
        return status;
    const struct event_type *event = domain_event(out->header.type);
    if (event == NULL)
        return fault_set(why, STATUS_CORRUPT, field, "the record is of an unknown type");
    if (event->undo == UNDO_IS)
        return fault_refuse(why, DAFTARI__V1__REASON__ENTRY_IS_REVERSAL, field,
                            "this is a reversal itself: post the entry again instead");
    if (event->undo == UNDO_OWN_WAY)
        return fault_refuse(why, DAFTARI__V1__REASON__ENTRY_NOT_REVERSIBLE, field, "%s", event->undo_how);
    struct row_key key = row_key_u64(position);
    if (row_get_u64(state, TABLE_ENTRY, row_key_slice(&key), &reversal))
        return fault_refuse(why, DAFTARI__V1__REASON__ENTRY_ALREADY_REVERSED, field,
                            "it was reversed already, by the record at position %llu",
                            (unsigned long long)reversal);
    return STATUS_OK;
}

/* The mirror of every posting, with the right to each business. */
static enum status mirror(const struct context *context, struct kv_txn *state, const struct facts *facts,
                          const struct record *original, struct decision *out, struct fault *why)
{
    for (size_t i = 0; i < original->posting_count; i++) {
        struct posting posting = record_posting(original, i);
        if (i == 0 || posting.business != out->postings[i - 1].business) {
            const char *code = business_code_of(state, posting.business, context->arena);
            if (!facts_business_active(facts, posting.business))
                return fault_refuse(why, DAFTARI__V1__REASON__BUSINESS_INACTIVE, NULL,
                                    "business %s is deactivated and takes no new documents", code);
            enum status status = require_business(context, posting.business, code, NULL, why);
            if (status != STATUS_OK)
                return status;
        }
        posting.amount = -posting.amount;
        out->postings[i] = posting;
    }
    ASSERT(original->movement_count == 0); /* what moves stock is undone in a way of its own */
    out->posting_count = original->posting_count;
    return STATUS_OK;
}

/* The date given, not before the entry's own; else the entry's own while its period is open, else today. */
static enum status reversal_date(const struct context *context, struct kv_txn *state,
                                 const struct facts *facts, const Daftari__V1__ReverseEntry *reverse,
                                 civil_date original, civil_date *out, struct fault *why)
{
    struct fault closed;
    if (reverse->has_date) {
        *out = reverse->date;
        if (date_valid(*out) && *out < original) {
            char text[DATE_TEXT_MAX];
            (void)date_format(original, text);
            return fault_set(why, STATUS_INVALID, "date", "the date of the entry itself (%s) or a later one",
                             text);
        }
    } else {
        bool open = period_check(state, context->rights, original, &closed) == STATUS_OK;
        *out = open ? original : context->today;
    }
    return date_check(context, state, facts, *out, why);
}

enum status entry_decide_reverse(const struct context *context, struct kv_txn *state,
                                 const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__ReverseEntry *reverse = (const Daftari__V1__ReverseEntry *)command;
    struct facts facts;
    struct record original;
    civil_date date = 0;
    facts_get(state, &facts);
    enum status status = find_original(context, state, reverse, &original, why);
    if (status == STATUS_OK)
        status = mirror(context, state, &facts, &original, out, why);
    if (status == STATUS_OK)
        status = reversal_date(context, state, &facts, reverse, original.header.business_date, &date, why);
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_ENTRY_REVERSED;
    out->business = original.header.business;
    out->business_date = date;
    out->series = facts.entry_series;
    out->number = number_next(state, facts.entry_series, date);
    out->cause = original.header.position;
    return STATUS_OK;
}

/* Opening balances that were taken back can be posted anew, a difference that was booked is there again. */
void entry_apply_reversed(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                          struct arena *arena)
{
    struct row_key key = row_key_u16(record->header.business);
    uint64_t opening;
    (void)payload;
    reconciliation_unbook(state, record->header.cause, arena);
    if (row_get_u64(state, TABLE_OPENING, row_key_slice(&key), &opening) && opening == record->header.cause)
        kv_del(state, TABLE_OPENING, row_key_slice(&key));
}
