#include "server/views/cashflow/cashflow.h"

#include "account.pb-c.h"
#include "proto/base/bytes.h"
#include "proto/wire/message.h"
#include "server/views/postings.h"
#include "type_ids.h"

static const struct kv_table tables[] = {
    [CASHFLOW_CURSOR] = {"cursor", KV_PLAIN},
    [CASHFLOW_TOTALS] = {"totals", KV_PLAIN},
    [CASHFLOW_ACCOUNTS] = {"accounts", KV_PLAIN},
};

/* ---- classes of accounts ---------------------------------------------------------------------------------------- */

static bool class_is_money(int class)
{
    return class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_CASH ||
           class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_MOBILE_MONEY ||
           class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_BANK;
}

static void class_set(struct kv_txn *txn, uint32_t account, int class)
{
    uint8_t key[4], value = (uint8_t) class;
    be32_put(key, account);
    if (class_is_money(class))
        kv_put(txn, CASHFLOW_ACCOUNTS, slice_of(key, sizeof key), slice_of(&value, 1));
    else
        kv_del(txn, CASHFLOW_ACCOUNTS, slice_of(key, sizeof key));
}

static bool is_money(struct kv_txn *txn, uint32_t account)
{
    uint8_t key[4];
    struct slice value;
    be32_put(key, account);
    return kv_get(txn, CASHFLOW_ACCOUNTS, slice_of(key, sizeof key), &value);
}

static ProtobufCMessage *payload(struct kv_txn *txn, const struct record *record,
                                 const ProtobufCMessageDescriptor *type, struct arena *arena)
{
    ProtobufCMessage *message = NULL;
    struct fault why = {0};
    if (message_unpack(type, record->payload, false, arena_allocator(arena), &message, &why) != STATUS_OK)
        kv_set_error(txn, STATUS_CORRUPT);
    return message;
}

static void account_opened(struct kv_txn *txn, const struct record *record, struct arena *arena)
{
    const Daftari__V1__OpenAccount *open =
        (const Daftari__V1__OpenAccount *)payload(txn, record, &daftari__v1__open_account__descriptor, arena);
    if (open != NULL && open->has_class_)
        class_set(txn, open->number, (int)open->class_);
}

static void account_changed(struct kv_txn *txn, const struct record *record, struct arena *arena)
{
    const Daftari__V1__ChangeAccount *change = (const Daftari__V1__ChangeAccount *)payload(
        txn, record, &daftari__v1__change_account__descriptor, arena);
    if (change != NULL && change->has_class_)
        class_set(txn, change->number, (int)change->class_);
}

/* ---- money ------------------------------------------------------------------------------------------------------ */

/* Sums of one business and currency. What an account gives (credit) is money in, what it takes is money out. */
static void group_apply(struct kv_txn *txn, const struct posting_sum *sums, size_t count, civil_date date)
{
    bool money[POSTINGS_MAX];
    struct totals moved = {0};
    for (size_t i = 0; i < count; i++) {
        money[i] = is_money(txn, sums[i].key.account);
        if (!money[i])
            continue;
        moved.debit += sums[i].totals.debit;
        moved.credit += sums[i].totals.credit;
        moved.count += sums[i].totals.count;
    }
    if (moved.count == 0)
        return;
    struct totals_key key = {CASHFLOW_MONEY, sums[0].key.business, sums[0].key.currency};
    totals_add(txn, CASHFLOW_TOTALS, &key, date, &moved);
    for (size_t i = 0; i < count; i++) {
        int128 effect = -totals_net(&sums[i].totals);
        if (money[i] || effect == 0)
            continue;
        struct totals cash = {
            .count = 1, .debit = effect > 0 ? effect : 0, .credit = effect < 0 ? -effect : 0};
        totals_add(txn, CASHFLOW_TOTALS, &sums[i].key, date, &cash);
    }
}

static void cashflow_apply(struct kv_txn *txn, const struct record *record, struct arena *arena)
{
    if (record->header.type == EVENT_ACCOUNT_OPENED)
        account_opened(txn, record, arena);
    if (record->header.type == EVENT_ACCOUNT_CHANGED)
        account_changed(txn, record, arena);
    if (record->posting_count == 0)
        return;
    struct posting_sum *sums;
    size_t count;
    if (!postings_sum(record, arena, &sums, &count)) {
        kv_set_error(txn, STATUS_NO_MEMORY);
        return;
    }
    for (size_t first = 0; first < count;) {
        size_t end = postings_group_end(sums, count, first);
        group_apply(txn, sums + first, end - first, record->header.business_date);
        first = end;
    }
}

const struct view view_cashflow = {
    .id = VIEW_CASHFLOW,
    .name = "cashflow",
    .version = 1,
    .tables = tables,
    .table_count = sizeof tables / sizeof tables[0],
    .apply = cashflow_apply,
};
