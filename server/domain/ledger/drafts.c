/* Drafts: kept as given, posted or discarded later. The rows are master data, so that they can be listed. */
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/ledger/ledger.h"
#include "type_ids.h"

enum status entry_decide_draft(const struct context *context, struct kv_txn *state,
                               const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__DraftEntry *draft = (const Daftari__V1__DraftEntry *)command;
    const Daftari__V1__PostEntry *entry = draft->entry;
    struct facts facts;
    uint16_t business;
    if (entry == NULL)
        return fault_set(why, STATUS_INVALID, "entry", "the entry to keep");
    enum status status = entry_check_form(entry, why);
    facts_get(state, &facts);
    if (status == STATUS_OK)
        status = business_require(context, state, &facts, entry->business, false, "business", &business, why);
    if (status == STATUS_OK && entry->has_date && !date_valid(entry->date))
        status = fault_set(why, STATUS_INVALID, "date", "a real date as YYYYMMDD, got %u", entry->date);
    if (status == STATUS_OK && !entry_writable(context->rights, state, entry))
        status = fault_set(why, STATUS_DENIED, "lines", "you may not record in a business of these lines");
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_ENTRY_DRAFTED;
    out->business = business;
    out->business_date = entry->has_date ? entry->date : 0;
    return STATUS_OK;
}

void entry_apply_drafted(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                         struct arena *arena)
{
    const Daftari__V1__DraftEntry *draft = (const Daftari__V1__DraftEntry *)payload;
    Daftari__V1__DraftInfo info = DAFTARI__V1__DRAFT_INFO__INIT;
    info.has_draft = true;
    info.draft = record->header.position;
    info.entry = draft->entry;
    info.recorded_by = number_text(record->header.user, arena);
    info.has_recorded_time_us = true;
    info.recorded_time_us = record->header.time;
    struct row_key key = row_key_u64(record->header.position);
    row_put_message(state, TABLE_DRAFT, row_key_slice(&key), &info.base, arena);
}

static enum status open_draft(const struct context *context, struct kv_txn *state, uint64_t draft,
                              const Daftari__V1__PostEntry **out, struct fault *why)
{
    struct row_key key = row_key_u64(draft);
    struct slice row;
    if (!kv_get(state, TABLE_DRAFT, row_key_slice(&key), &row))
        return fault_refuse(why, DAFTARI__V1__REASON__DRAFT_UNKNOWN, "draft", "the log position of a draft");
    if (row.len == 0)
        return fault_refuse(why, DAFTARI__V1__REASON__DRAFT_NOT_OPEN, "draft",
                            "this draft was posted or discarded already");
    const Daftari__V1__DraftInfo *info =
        row_message(state, row, &daftari__v1__draft_info__descriptor, context->arena);
    if (info == NULL || info->entry == NULL)
        return fault_set(why, STATUS_CORRUPT, NULL, "the stored draft does not decode");
    *out = info->entry;
    return STATUS_OK;
}

enum status entry_decide_post_draft(const struct context *context, struct kv_txn *state,
                                    const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__PostDraft *post = (const Daftari__V1__PostDraft *)command;
    const Daftari__V1__PostEntry *entry;
    enum status status = open_draft(context, state, post->draft, &entry, why);
    if (status == STATUS_OK)
        status = entry_check(context, state, entry, ENTRY_DIRECT, out, why);
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_DRAFT_POSTED;
    out->cause = post->draft;
    return STATUS_OK;
}

enum status entry_decide_discard(const struct context *context, struct kv_txn *state,
                                 const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__DiscardDraft *discard = (const Daftari__V1__DiscardDraft *)command;
    const Daftari__V1__PostEntry *entry = NULL;
    enum status status = form_text(discard->reason, "reason", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = open_draft(context, state, discard->draft, &entry, why);
    if (status == STATUS_OK && !entry_writable(context->rights, state, entry))
        status = fault_set(why, STATUS_DENIED, "draft", "you may not record in a business of this draft");
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_DRAFT_DISCARDED;
    out->business = entry_named_business(state, entry);
    out->cause = discard->draft;
    return STATUS_OK;
}

/* Posted or discarded: the row stays, empty, so that the position is known to have been a draft. */
void entry_apply_draft_closed(struct kv_txn *state, const struct record *record,
                              const ProtobufCMessage *payload, struct arena *arena)
{
    struct row_key key = row_key_u64(record->header.cause);
    (void)payload;
    (void)arena;
    kv_put(state, TABLE_DRAFT, row_key_slice(&key), slice_of(NULL, 0));
}
