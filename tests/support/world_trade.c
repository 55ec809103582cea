#include "tests/support/world_trade.h"

#include <stdlib.h>

#include "account.pb-c.h"
#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/item_row.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/open_item.h"
#include "server/domain/kernel/party.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/kernel/stock.h"
#include "type_ids.h"

static const char *check_values(struct kv_txn *state, const struct record *record)
{
    static int64_t sums[BUSINESSES_MAX];
    memset(sums, 0, sizeof sums);
    if (record->movement_count == 0 || record->header.type == EVENT_STOCK_OPENED)
        return NULL; /* it says what the ledger holds already: they differ by that */
    for (size_t i = 0; i < record->movement_count; i++) {
        struct movement movement = record_movement(record, i);
        sums[movement.business] += movement.value;
    }
    for (size_t i = 0; i < record->posting_count; i++) {
        struct posting posting = record_posting(record, i);
        struct account_row account;
        if (account_row_get(state, posting.account, &account) &&
            account.class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_INVENTORY)
            sums[posting.business] -= posting.amount;
    }
    for (size_t i = 0; i < BUSINESSES_MAX; i++)
        if (sums[i] != 0)
            return "movements and the postings on inventory accounts differ in a record";
    return NULL;
}

struct stock_total {
    struct stock_key key;
    int64_t quantity, value;
};
struct party_total {
    uint32_t party, account;
    uint16_t business;
    int64_t sum;
};
struct totals {
    struct stock_total *stock;
    struct party_total *parties;
    size_t stock_count, party_count;
};

static void add_movement(struct totals *totals, const struct movement *movement)
{
    struct stock_key key = {movement->item, movement->business, movement->place, movement->condition};
    size_t at = 0;
    while (at < totals->stock_count &&
           (totals->stock[at].key.item != key.item || totals->stock[at].key.business != key.business ||
            totals->stock[at].key.place != key.place || totals->stock[at].key.condition != key.condition))
        at++;
    if (at == totals->stock_count) {
        totals->stock = realloc(totals->stock, (at + 1) * sizeof *totals->stock);
        totals->stock[totals->stock_count++] = (struct stock_total){.key = key};
    }
    totals->stock[at].quantity += movement->quantity;
    totals->stock[at].value += movement->value;
}

static void add_party(struct kv_txn *state, struct totals *totals, struct posting *posting)
{
    size_t at = 0;
    if (posting->party == 0 || posting->currency != 1)
        return;
    posting->party = party_standing(state, posting->party);
    while (at < totals->party_count &&
           (totals->parties[at].party != posting->party || totals->parties[at].account != posting->account ||
            totals->parties[at].business != posting->business))
        at++;
    if (at == totals->party_count) {
        totals->parties = realloc(totals->parties, (at + 1) * sizeof *totals->parties);
        totals->parties[totals->party_count++] =
            (struct party_total){posting->party, posting->account, posting->business, 0};
    }
    totals->parties[at].sum += posting->amount;
}

static size_t rows_of(struct kv_txn *state, unsigned table)
{
    struct slice key = {0}, value;
    uint8_t place[KV_KEY_MAX];
    size_t rows = 0;
    while (row_next(state, table, key, &key, &value)) {
        memcpy(place, key.ptr, key.len);
        key.ptr = place;
        rows++;
    }
    return rows;
}

/* What is open of one party, account and business adds up to its balance, all of one sign, nothing of zero. */
static const char *check_open(struct kv_txn *state, const struct party_total *total, size_t *out_items)
{
    struct open_item item = {.party = total->party, .account = total->account, .business = total->business};
    struct account_row account;
    int64_t sum = 0, sign = 0;
    if (!account_row_get(state, total->account, &account))
        return "a party has a balance on no account, party";
    bool payable = account.class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_PAYABLE;
    if (!payable && account.class != DAFTARI__V1__ACCOUNT_CLASS__CLASS_RECEIVABLE)
        return NULL;
    while (open_item_next(state, &item)) {
        if (item.left == 0 || (sign != 0 && (sign > 0) != (item.left > 0)))
            return "an open document is of zero or of another sign than the rest, party";
        sign = item.left;
        sum += item.left;
        ++*out_items;
    }
    return sum == (payable ? -total->sum : total->sum) ? NULL
                                                       : "open documents differ from the balance, party";
}

static const char *check_totals(struct kv_txn *state, const struct totals *totals, uint64_t *out_number)
{
    size_t items = 0;
    for (size_t i = 0; i < totals->stock_count; i++) {
        struct stock_row row;
        stock_get(state, &totals->stock[i].key, &row);
        *out_number = totals->stock[i].key.item;
        if (row.quantity != totals->stock[i].quantity || row.value != totals->stock[i].value)
            return "a stock row differs from the records' sum, item";
        if (row.quantity == 0 && row.value != 0)
            return "value lies on no quantity, item";
    }
    for (size_t i = 0; i < totals->party_count; i++) {
        const struct party_total *total = &totals->parties[i];
        *out_number = total->party;
        if (party_balance(state, total->party, total->account, total->business) != total->sum)
            return "a party's balance differs from the records' sum, party";
        const char *wrong = check_open(state, total, &items);
        if (wrong != NULL)
            return wrong;
    }
    *out_number = 0;
    if (rows_of(state, TABLE_OPEN_ITEM) != items)
        return "there are open documents that no balance explains";
    if (rows_of(state, TABLE_STOCK) != totals->stock_count)
        return "there are stock rows that no record explains";
    return NULL;
}

const char *world_trade_trouble(struct world *world, uint64_t *out_number)
{
    struct totals totals = {0};
    struct kv_txn *state;
    const char *wrong = NULL;
    *out_number = 0;
    if (kv_begin(world->state, false, &state) != STATUS_OK)
        abort();
    for (size_t i = 0; wrong == NULL && i < world->record_count; i++) {
        struct record record = world_record_at(world, i + 1);
        *out_number = i + 1;
        wrong = check_values(state, &record);
        for (size_t j = 0; j < record.movement_count; j++) {
            struct movement movement = record_movement(&record, j);
            add_movement(&totals, &movement);
        }
        for (size_t j = 0; j < record.posting_count; j++) {
            struct posting posting = record_posting(&record, j);
            add_party(state, &totals, &posting);
        }
    }
    if (wrong == NULL)
        wrong = check_totals(state, &totals, out_number);
    kv_abort(state);
    free(totals.stock);
    free(totals.parties);
    return wrong;
}

bool world_stock(struct world *world, const char *item, const char *business, const char *place,
                 uint16_t condition, struct stock_row *out)
{
    struct stock_key key = {.condition = condition};
    struct kv_txn *state;
    struct item_row row;
    if (kv_begin(world->state, false, &state) != STATUS_OK)
        abort();
    bool known = item_find(state, item, &row) && business_find(state, business, &key.business);
    if (known && place != NULL && place[0] != '\0') {
        struct row_key name = row_key_u16(key.business);
        row_key_add(&name, place, strlen(place));
        known = row_get_u16(state, TABLE_PLACE_NAME, row_key_slice(&name), &key.place);
    }
    key.item = row.number;
    if (known)
        stock_get(state, &key, out);
    kv_abort(state);
    return known;
}
