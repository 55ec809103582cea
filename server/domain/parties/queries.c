/* Queries over customers and suppliers, with what they owe in the businesses that the user may read. */
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/parties/parties.h"

static enum status too_large(struct fault *why)
{
    return fault_set(why, STATUS_NO_MEMORY, NULL, "the answer is too large");
}

/* A list of messages in the arena that doubles as it grows. */
static bool list_add(void ***list, size_t *count, size_t *cap, void *message, struct arena *arena)
{
    if (*count == *cap) {
        size_t more = *cap == 0 ? 8 : 2 * *cap;
        void **larger = arena_take(arena, more * sizeof *larger);
        if (larger == NULL)
            return false;
        if (*count != 0)
            memcpy(larger, *list, *count * sizeof *larger);
        *list = larger;
        *cap = more;
    }
    if (*list == NULL || message == NULL)
        return false;
    (*list)[(*count)++] = message;
    return true;
}

static char *business_text(const struct query_context *context, struct kv_txn *masters, uint16_t business)
{
    return arena_text(context->arena, slice_text(business_code_of(masters, business, context->arena)));
}

static bool add_limits(const struct query_context *context, struct kv_txn *masters, uint32_t party,
                       Daftari__V1__PartyInfo *info)
{
    struct party_balance_place place = {0};
    int64_t limit;
    void **list = NULL;
    size_t cap = 0;
    while (party_limit_next(masters, party, &place, &limit)) {
        if (!may_in_business(context->rights, place.business, PERMISSION_READ))
            continue;
        Daftari__V1__CreditLimit *row = message_new(&daftari__v1__credit_limit__descriptor, context->arena);
        if (!list_add(&list, &info->n_limits, &cap, row, context->arena))
            return false;
        row->business = business_text(context, masters, place.business);
        row->has_limit_minor = true;
        row->limit_minor = limit;
    }
    info->limits = (Daftari__V1__CreditLimit **)list;
    return true;
}

static bool add_balances(const struct query_context *context, struct kv_txn *masters, uint32_t party,
                         Daftari__V1__PartyInfo *info)
{
    struct party_balance_place place = {0};
    int64_t balance;
    void **list = NULL;
    size_t cap = 0;
    while (party_balance_next(masters, party, &place, &balance)) {
        if (balance == 0 || !may_in_business(context->rights, place.business, PERMISSION_READ))
            continue;
        Daftari__V1__PartyBalance *row = message_new(&daftari__v1__party_balance__descriptor, context->arena);
        if (!list_add(&list, &info->n_balances, &cap, row, context->arena))
            return false;
        row->business = business_text(context, masters, place.business);
        row->has_account = row->has_balance_minor = true;
        row->account = place.account;
        row->balance_minor = balance;
    }
    info->balances = (Daftari__V1__PartyBalance **)list;
    return true;
}

static enum status give(const struct query_context *context, struct kv_txn *masters,
                        const struct party_row *row, ProtobufCMessage **out, struct fault *why)
{
    Daftari__V1__PartyInfo *info = party_info_get(masters, row->number, context->arena);
    if (info == NULL)
        return query_end(masters, STATUS_NOT_FOUND, why);
    info->has_kind = info->has_number = info->has_active = true;
    info->kind = (Daftari__V1__PartyKind)row->kind;
    info->number = row->number;
    info->active = row->active;
    info->has_terms_days = row->kind == PARTY_IS_SUPPLIER;
    info->terms_days = row->terms_days;
    info->has_merged_into = row->merged_into != 0;
    info->merged_into = row->merged_into;
    info->has_anonymous = info->anonymous = row->anonymous;
    if (!add_limits(context, masters, row->number, info) ||
        !add_balances(context, masters, row->number, info))
        return query_end(masters, too_large(why), why);
    *out = &info->base;
    return STATUS_OK;
}

static enum status next_of(const struct query_context *context, struct kv_txn *masters, enum party_kind kind,
                           bool active_only, struct slice *cursor, ProtobufCMessage **out, struct fault *why)
{
    for (;;) {
        struct slice key, value;
        struct party_row row;
        enum status status = query_next_row(context, masters, TABLE_PARTY, cursor, &key, &value, why);
        if (status != STATUS_OK)
            return status;
        if (key.len != 4 || !party_row_get(masters, be32_get(key.ptr), &row))
            return query_end(masters, STATUS_END, why);
        if (row.kind == kind && (row.active || !active_only))
            return give(context, masters, &row, out, why);
    }
}

enum status customer_query_list(const struct query_context *context, struct kv_txn *masters,
                                const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                                struct fault *why)
{
    const Daftari__V1__ListCustomers *list = (const Daftari__V1__ListCustomers *)request;
    return next_of(context, masters, PARTY_IS_CUSTOMER, list->active_only, cursor, out, why);
}

enum status customer_query_show(const struct query_context *context, struct kv_txn *masters,
                                const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                                struct fault *why)
{
    const Daftari__V1__ShowCustomer *show = (const Daftari__V1__ShowCustomer *)request;
    struct party_row row;
    (void)cursor;
    if (text_empty(show->customer) || !party_find(masters, PARTY_IS_CUSTOMER, show->customer, &row))
        return query_end(
            masters, fault_set(why, STATUS_NOT_FOUND, "customer", "no customer has this phone or code"), why);
    return give(context, masters, &row, out, why);
}

enum status supplier_query_list(const struct query_context *context, struct kv_txn *masters,
                                const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                                struct fault *why)
{
    const Daftari__V1__ListSuppliers *list = (const Daftari__V1__ListSuppliers *)request;
    return next_of(context, masters, PARTY_IS_SUPPLIER, list->active_only, cursor, out, why);
}
