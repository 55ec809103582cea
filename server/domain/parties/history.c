/* What concerns a customer's account: his credit limits, two rows of one person made one, his particulars taken out. */
#include "server/domain/kernel/facts.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/parties/parties.h"
#include "type_ids.h"

/* ---- credit limit ------------------------------------------------------------------------------------------------ */

enum status customer_decide_limit(const struct context *context, struct kv_txn *state,
                                  const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__SetCreditLimit *given = (const Daftari__V1__SetCreditLimit *)command;
    struct party_row row;
    struct facts facts;
    uint16_t business;
    int64_t limit = -1;
    facts_get(state, &facts);
    enum status status = party_require(state, PARTY_IS_CUSTOMER, given->customer, "customer", &row, why);
    if (status == STATUS_OK && text_empty(given->business))
        status = fault_set(why, STATUS_INVALID, "business", "the code of the business that gives credit");
    if (status == STATUS_OK)
        status = business_require(context, state, &facts, given->business, false, "business", &business, why);
    if (status == STATUS_OK && given->has_limit_minor &&
        (given->limit_minor < 0 || given->limit_minor > AMOUNT_MAX))
        status = fault_set(why, STATUS_INVALID, "limit_minor", "an amount of zero or more");
    if (status != STATUS_OK)
        return status;
    if (!party_credit_limit(state, row.number, business, &limit))
        limit = -1;
    if (limit == (given->has_limit_minor ? given->limit_minor : -1)) {
        out->nothing_to_do = true;
        return STATUS_OK;
    }

    /* accepted */
    out->type = EVENT_CREDIT_LIMIT_SET;
    out->number = row.number;
    out->business = business;
    return STATUS_OK;
}

void customer_apply_limit(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                          struct arena *arena)
{
    const Daftari__V1__SetCreditLimit *given = (const Daftari__V1__SetCreditLimit *)payload;
    (void)arena;
    party_credit_limit_put(state, record->header.number, record->header.business,
                           given->has_limit_minor ? given->limit_minor : -1);
}

/* ---- merge ------------------------------------------------------------------------------------------------------- */

enum status customer_decide_merge(const struct context *context, struct kv_txn *state,
                                  const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__MergeCustomers *merge = (const Daftari__V1__MergeCustomers *)command;
    struct party_row from, into;
    enum status status = party_require(state, PARTY_IS_CUSTOMER, merge->from, "from", &from, why);
    if (status == STATUS_OK)
        status = party_require(state, PARTY_IS_CUSTOMER, merge->into, "into", &into, why);
    if (status != STATUS_OK)
        return status;
    if (from.number == into.number)
        return fault_refuse(why, DAFTARI__V1__REASON__PARTY_MERGED, "from",
                            "the two are one customer already");
    if (!into.active)
        return fault_refuse(why, DAFTARI__V1__REASON__PARTY_INACTIVE, "into",
                            "the customer who is to stand for both is deactivated");
    const Daftari__V1__PartyInfo *one = party_info_get(state, from.number, context->arena);
    const Daftari__V1__PartyInfo *other = party_info_get(state, into.number, context->arena);
    if (one == NULL || other == NULL || one->n_merged + other->n_merged + 1 > PARTY_MERGED_MAX)
        return fault_set(why, STATUS_TOO_LARGE, "from", "at most %u customers are merged into one",
                         PARTY_MERGED_MAX);

    /* accepted */
    out->type = EVENT_CUSTOMERS_MERGED;
    out->number = into.number;
    return STATUS_OK;
}

static void lead_to(struct kv_txn *state, uint32_t number, uint32_t into, struct arena *arena)
{
    struct party_row row;
    Daftari__V1__PartyInfo *info = party_info_get(state, number, arena);
    if (info == NULL || !party_row_get(state, number, &row)) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    row.merged_into = into;
    row.active = false;
    info->n_merged = 0;
    party_row_put(state, &row, info, arena);
}

void customer_apply_merge(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                          struct arena *arena)
{
    const Daftari__V1__MergeCustomers *merge = (const Daftari__V1__MergeCustomers *)payload;
    uint32_t number = record->header.number;
    struct party_row from, row;
    Daftari__V1__PartyInfo *into = party_info_get(state, number, arena), *one = NULL;
    if (party_find(state, PARTY_IS_CUSTOMER, merge->from, &from))
        one = party_info_get(state, from.number, arena);
    if (one == NULL || into == NULL || !party_row_get(state, number, &row)) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    uint32_t *all = arena_take(arena, (into->n_merged + one->n_merged + 1) * sizeof *all);
    if (all == NULL) {
        kv_set_error(state, STATUS_NO_MEMORY);
        return;
    }
    size_t count = 0;
    for (size_t i = 0; i < into->n_merged; i++)
        all[count++] = into->merged[i];
    for (size_t i = 0; i < one->n_merged; i++) {
        lead_to(state, one->merged[i], number, arena);
        all[count++] = one->merged[i];
    }
    lead_to(state, from.number, number, arena);
    all[count++] = from.number;
    into->merged = all;
    into->n_merged = count;
    party_row_put(state, &row, into, arena);
    party_merge(state, from.number, number);
}

/* ---- anonymise --------------------------------------------------------------------------------------------------- */

enum status customer_decide_anonymise(const struct context *context, struct kv_txn *state,
                                      const ProtobufCMessage *command, struct decision *out,
                                      struct fault *why)
{
    const Daftari__V1__AnonymiseCustomer *given = (const Daftari__V1__AnonymiseCustomer *)command;
    Daftari__V1__CustomerAnonymised payload = DAFTARI__V1__CUSTOMER_ANONYMISED__INIT;
    struct party_row row;
    enum status status = party_require(state, PARTY_IS_CUSTOMER, given->customer, "customer", &row, why);
    if (status == STATUS_OK)
        status = form_text(given->reason, "reason", DESCRIPTION_TEXT_MAX, true, why);
    if (status == STATUS_OK && party_has_balance(state, row.number))
        status = fault_refuse(why, DAFTARI__V1__REASON__PARTY_HAS_BALANCE, "customer",
                              "something is owed, one way or the other: settle it first");
    if (status != STATUS_OK)
        return status;
    payload.reason = given->reason;
    uint8_t *bytes = arena_take(context->arena, protobuf_c_message_get_packed_size(&payload.base) + 1);
    if (bytes == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the reason is too long");

    /* accepted */
    out->type = EVENT_CUSTOMER_ANONYMISED;
    out->number = row.number;
    out->payload = slice_of(bytes, protobuf_c_message_pack(&payload.base, bytes));
    return STATUS_OK;
}

static void strip(struct kv_txn *state, uint32_t number, struct arena *arena)
{
    struct party_row row;
    Daftari__V1__PartyInfo *info = party_info_get(state, number, arena);
    Daftari__V1__PartyInfo left = DAFTARI__V1__PARTY_INFO__INIT;
    if (info == NULL || !party_row_get(state, number, &row)) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    if (info->phone != NULL)
        party_key_drop(state, PARTY_KEY_PHONE, info->phone, number);
    if (info->code != NULL)
        party_key_drop(state, PARTY_KEY_CODE, info->code, number);
    left.has_type = info->has_type;
    left.type = info->type;
    left.n_merged = info->n_merged;
    left.merged = info->merged;
    row.active = false;
    row.anonymous = true;
    party_row_put(state, &row, &left, arena);
}

void customer_apply_anonymise(struct kv_txn *state, const struct record *record,
                              const ProtobufCMessage *payload, struct arena *arena)
{
    struct party_balance_place place = {0};
    int64_t limit;
    (void)payload;
    const Daftari__V1__PartyInfo *info = party_info_get(state, record->header.number, arena);
    for (size_t i = 0; info != NULL && i < info->n_merged; i++)
        strip(state, info->merged[i], arena);
    strip(state, record->header.number, arena);
    while (party_limit_next(state, record->header.number, &place, &limit))
        party_credit_limit_put(state, record->header.number, place.business, -1);
}
