/* A production is void: its mirror, while what was made is still there. */
#include "people.pb-c.h"
#include "server/domain/kernel/earlier.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/kernel/tenders.h"
#include "server/domain/production/production.h"
#include "type_ids.h"

static const struct earlier_terms terms = {
    .type = EVENT_PRODUCTION_RECORDED,
    .payload = &daftari__v1__production_recorded__descriptor,
    .unknown = DAFTARI__V1__REASON__PRODUCTION_UNKNOWN,
    .what = "a production, like WP-20250102-0001",
};

/* Whoever may reverse entries; on its own day also he who recorded it, where the business lets him. */
static bool may_void(const struct document *document, const struct record_header *production)
{
    return document_may(document, DAFTARI__V1__PERMISSION__JOURNAL, PERMISSION_WRITE) ||
           (production->user == document->context->user &&
            production->business_date == document->context->today &&
            document_setting(document, PROFILE_CASHIER_VOID, 1) != 0);
}

/* The mirror that undid it is noted for every record that one undoes. */
static bool is_void(struct kv_txn *state, uint64_t position)
{
    struct row_key key = row_key_u64(position);
    uint64_t mirror;
    return row_get_u64(state, TABLE_ENTRY, row_key_slice(&key), &mirror);
}

enum status production_decide_void(const struct context *context, struct kv_txn *state,
                                   const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__VoidProduction *given = (const Daftari__V1__VoidProduction *)command;
    Daftari__V1__ProductionVoided payload = DAFTARI__V1__PRODUCTION_VOIDED__INIT;
    struct document document;
    struct record record;
    ProtobufCMessage *message = NULL;
    enum status status = form_text(given->reason, "reason", DESCRIPTION_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = earlier_find(context, state, given->number, &terms, &record, &message, why);
    if (status != STATUS_OK)
        return status;
    struct record_header made = record.header;
    status = document_begin(&document, context, state, business_code_of(state, made.business, context->arena),
                            true, given->has_date ? given->date : made.business_date, out, why);
    if (status == STATUS_OK && document.date < made.business_date)
        status = fault_set(why, STATUS_INVALID, "date", "the day of the production or a later one");
    if (status == STATUS_OK && !may_void(&document, &made))
        status =
            fault_set(why, STATUS_DENIED, "number", "you may void productions of today that are your own");
    if (status == STATUS_OK && is_void(state, made.position))
        status = fault_refuse(why, DAFTARI__V1__REASON__PRODUCTION_VOID, "number",
                              "production %.50s is void already", given->number);
    if (status != STATUS_OK)
        return status;
    const Daftari__V1__ProductionRecorded *production = (const Daftari__V1__ProductionRecorded *)message;
    document_mirror(&document, &record);
    tenders_put_back(&document, production->tenders, production->n_tenders, 0);
    out->cause = made.position;
    payload.reason = given->reason;
    payload.n_tenders = production->n_tenders;
    payload.tenders = production->tenders;
    return document_end(&document, EVENT_PRODUCTION_VOIDED, &payload.base);
}

void production_apply_voided(struct kv_txn *state, const struct record *record,
                             const ProtobufCMessage *payload, struct arena *arena)
{
    const Daftari__V1__ProductionVoided *given = (const Daftari__V1__ProductionVoided *)payload;
    (void)record;
    (void)arena;
    tenders_release(state, given->tenders, given->n_tenders);
}
