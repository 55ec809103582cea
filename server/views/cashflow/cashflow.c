#include "server/views/cashflow/cashflow.h"

#include "account.pb-c.h"
#include "proto/base/bytes.h"
#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/rows.h"
#include "server/views/postings.h"
#include "type_ids.h"

static const struct kv_table tables[] = {
    [CASHFLOW_CURSOR] = {"cursor", KV_PLAIN},
    [CASHFLOW_TOTALS] = {"totals", TOTALS_FLAGS},
    [CASHFLOW_ACCOUNTS] = {"accounts", KV_PLAIN},
    [CASHFLOW_OPENINGS] = {"openings", KV_PLAIN},
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
    if (class_is_money(class) || class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_INVENTORY)
        kv_put(txn, CASHFLOW_ACCOUNTS, slice_of(key, sizeof key), slice_of(&value, 1));
    else
        kv_del(txn, CASHFLOW_ACCOUNTS, slice_of(key, sizeof key));
}

static int class_of(struct kv_txn *txn, uint32_t account)
{
    uint8_t key[4];
    struct slice value;
    be32_put(key, account);
    bool found = kv_get(txn, CASHFLOW_ACCOUNTS, slice_of(key, sizeof key), &value) && value.len == 1;
    return found ? value.ptr[0] : DAFTARI__V1__ACCOUNT_CLASS__CLASS_NONE;
}

static void account_opened(struct kv_txn *txn, const struct record *record, struct arena *arena)
{
    const Daftari__V1__OpenAccount *open =
        row_message(txn, record->payload, &daftari__v1__open_account__descriptor, arena);
    if (open != NULL && open->has_class_)
        class_set(txn, open->number, (int)open->class_);
}

static void account_changed(struct kv_txn *txn, const struct record *record, struct arena *arena)
{
    const Daftari__V1__ChangeAccount *change =
        row_message(txn, record->payload, &daftari__v1__change_account__descriptor, arena);
    if (change != NULL && change->has_class_)
        class_set(txn, change->number, (int)change->class_);
}

/* ---- money ------------------------------------------------------------------------------------------------------ */

/* Sums of one business and currency of a record. */
struct group {
    const struct posting_sum *sums;
    size_t count;
    int128 *effect;      /* of each sum on money: what an account gives (credit) is money in */
    int *classes;        /* of each sum's account */
    struct totals moved; /* of the money accounts */
    bool opening;        /* the record is one of opening balances, or reverses one */
    bool reversal;
};

/* Stock that went out against an expense of the same amount: no money moved between the two. In a reversal it comes in
 * again. */
static void drop_cost_of_stock(struct group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        bool stock_out = (group->reversal ? group->effect[i] < 0 : group->effect[i] > 0) &&
                         group->classes[i] == DAFTARI__V1__ACCOUNT_CLASS__CLASS_INVENTORY;
        for (size_t j = 0; stock_out && j < group->count; j++) {
            if (account_type_of(group->sums[j].key.account) != ACCOUNT_EXPENSE ||
                group->effect[j] != -group->effect[i])
                continue;
            group->effect[i] = group->effect[j] = 0;
            break;
        }
    }
}

/* The first equity account stands for all that came with the money. */
static void keep_equity_alone(struct group *group)
{
    size_t equity = 0;
    while (equity < group->count && account_type_of(group->sums[equity].key.account) != ACCOUNT_EQUITY)
        equity++;
    if (equity == group->count)
        return;
    for (size_t i = 0; i < group->count; i++)
        group->effect[i] = 0;
    group->effect[equity] = totals_net(&group->moved);
}

/* What each sum did to money; false when the group moved none. */
static bool group_settle(struct kv_txn *txn, struct group *group)
{
    group->moved = (struct totals){0};
    for (size_t i = 0; i < group->count; i++) {
        const struct posting_sum *sum = &group->sums[i];
        group->classes[i] = class_of(txn, sum->key.account);
        bool money = class_is_money(group->classes[i]);
        group->effect[i] = money ? 0 : -totals_net(&sum->totals);
        if (!money)
            continue;
        group->moved.debit += sum->totals.debit;
        group->moved.credit += sum->totals.credit;
        group->moved.count += sum->totals.count;
    }
    if (group->moved.count == 0)
        return false;
    if (group->opening)
        keep_equity_alone(group);
    else
        drop_cost_of_stock(group);
    return true;
}

static void effects_add(struct kv_txn *txn, const struct group *group, uint16_t business, civil_date date)
{
    for (size_t i = 0; i < group->count; i++) {
        int128 effect = group->effect[i];
        struct totals cash = {
            .count = 1, .debit = effect > 0 ? effect : 0, .credit = effect < 0 ? -effect : 0};
        struct totals_key key = group->sums[i].key;
        key.business = business;
        if (effect != 0)
            totals_add(txn, CASHFLOW_TOTALS, &key, date, &cash);
    }
}

/* Adds the groups of a record: by business, and once more under CASHFLOW_PARTS when the record has several; or, when
 * the businesses of its sums are erased, under CASHFLOW_WHOLE alone. */
static void groups_apply(struct kv_txn *txn, struct group *group, struct posting_sum *sums, size_t count,
                         civil_date date)
{
    bool whole = sums[0].key.business == CASHFLOW_WHOLE;
    bool several = sums[0].key.business != sums[count - 1].key.business;
    for (size_t first = 0, end; first < count; first = end) {
        end = postings_group_end(sums, count, first);
        group->sums = sums + first;
        group->count = end - first;
        if (!group_settle(txn, group))
            continue;
        struct totals_key key = {CASHFLOW_MONEY, group->sums[0].key.business, group->sums[0].key.currency};
        if (!whole)
            totals_add(txn, CASHFLOW_TOTALS, &key, date, &group->moved);
        effects_add(txn, group, key.business, date);
        if (several)
            effects_add(txn, group, CASHFLOW_PARTS, date);
    }
}

/* Opening balances, or the reversal of some. */
static bool is_opening(struct kv_txn *txn, const struct record_header *header)
{
    uint8_t key[8];
    struct slice value;
    if (header->type == EVENT_OPENING_BALANCES_POSTED) {
        be64_put(key, header->position);
        kv_put(txn, CASHFLOW_OPENINGS, slice_of(key, sizeof key), (struct slice){0});
        return true;
    }
    be64_put(key, header->cause);
    return domain_event_undoes(header->type) &&
           kv_get(txn, CASHFLOW_OPENINGS, slice_of(key, sizeof key), &value);
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
    struct group group = {.effect = arena_take(arena, count * sizeof *group.effect),
                          .classes = arena_take(arena, count * sizeof *group.classes)};
    if (group.effect == NULL || group.classes == NULL) {
        kv_set_error(txn, STATUS_NO_MEMORY);
        return;
    }
    group.opening = is_opening(txn, &record->header);
    group.reversal = domain_event_undoes(record->header.type);
    bool several = sums[0].key.business != sums[count - 1].key.business;
    groups_apply(txn, &group, sums, count, record->header.business_date);
    if (!several)
        return;
    count = postings_erase_business(sums, count, CASHFLOW_WHOLE);
    groups_apply(txn, &group, sums, count, record->header.business_date);
}

const struct view view_cashflow = {
    .id = VIEW_CASHFLOW,
    .name = "cashflow",
    .version = 5,
    .tables = tables,
    .table_count = sizeof tables / sizeof tables[0],
    .apply = cashflow_apply,
};
