#include "server/domain/kernel/open_item.h"

#include "proto/base/bytes.h"
#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/party.h"
#include "server/domain/kernel/rows.h"

#define GROUP_BYTES         10u /* party, account, business */
#define ITEM_KEY_BYTES      22u
#define ITEM_VALUE_BYTES    12u
#define SETTLED_KEY_BYTES   26u
#define SETTLED_VALUE_BYTES 20u

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- what was settled --------------------------------------------------------------------------------------------- */

bool settled_next(struct kv_txn *state, struct settled *at)
{
    struct slice key, value;
    uint8_t after[SETTLED_KEY_BYTES] = {0};
    be64_put(after, at->settler);
    be32_put(after + 8, at->item.party);
    be32_put(after + 12, at->item.account);
    be16_put(after + 16, at->item.business);
    be64_put(after + 18, at->item.document);
    if (!row_next(state, TABLE_SETTLED, slice_of(after, sizeof after), &key, &value))
        return false;
    if (key.len != SETTLED_KEY_BYTES || value.len != SETTLED_VALUE_BYTES) {
        kv_set_error(state, STATUS_CORRUPT);
        return false;
    }
    *at = (struct settled){
        .settler = be64_get(key.ptr),
        .date = be32_get(value.ptr + 8),
        .item = {.party = be32_get(key.ptr + 8),
                 .account = be32_get(key.ptr + 12),
                 .business = be16_get(key.ptr + 16),
                 .document = be64_get(key.ptr + 18),
                 .date = be32_get(value.ptr),
                 .due = be32_get(value.ptr + 4),
                 .left = (int64_t)be64_get(value.ptr + 12)},
    };
    return true;
}

/* ---- items ------------------------------------------------------------------------------------------------------ */

static struct row_key item_key(const struct open_item *item)
{
    uint8_t document[8];
    struct row_key key = row_key_u32(item->party);
    row_key_add_u32(&key, item->account);
    row_key_add_u16(&key, item->business);
    row_key_add_u32(&key, item->date);
    be64_put(document, item->document);
    row_key_add(&key, document, sizeof document);
    return key;
}

static bool decode(struct kv_txn *state, struct slice key, struct slice value, struct open_item *out)
{
    if (key.len != ITEM_KEY_BYTES || value.len != ITEM_VALUE_BYTES) {
        kv_set_error(state, STATUS_CORRUPT);
        return false;
    }
    *out = (struct open_item){
        .party = be32_get(key.ptr),
        .account = be32_get(key.ptr + 4),
        .business = be16_get(key.ptr + 8),
        .date = be32_get(key.ptr + 10),
        .document = be64_get(key.ptr + 14),
        .due = be32_get(value.ptr),
        .left = (int64_t)be64_get(value.ptr + 4),
    };
    return true;
}

bool open_item_next(struct kv_txn *state, struct open_item *at)
{
    struct row_key after = item_key(at);
    struct slice key, value;
    return row_next(state, TABLE_OPEN_ITEM, row_key_slice(&after), &key, &value) && key.len >= GROUP_BYTES &&
           memcmp(key.ptr, after.bytes, GROUP_BYTES) == 0 && decode(state, key, value, at);
}

bool open_item_find(struct kv_txn *state, uint32_t party, uint32_t account, uint16_t business,
                    uint64_t document, struct open_item *out)
{
    *out = (struct open_item){.party = party, .account = account, .business = business};
    while (open_item_next(state, out))
        if (out->document == document)
            return true;
    return false;
}

bool open_item_next_of_all(struct kv_txn *state, struct open_item *at)
{
    struct row_key after = item_key(at);
    struct slice key, value;
    return row_next(state, TABLE_OPEN_ITEM, row_key_slice(&after), &key, &value) &&
           decode(state, key, value, at);
}

static void put(struct kv_txn *state, const struct open_item *item)
{
    struct row_key key = item_key(item);
    uint8_t bytes[ITEM_VALUE_BYTES];
    be32_put(bytes, item->due);
    be64_put(bytes + 4, (uint64_t)item->left);
    if (item->left == 0)
        kv_del(state, TABLE_OPEN_ITEM, row_key_slice(&key));
    else
        kv_put(state, TABLE_OPEN_ITEM, row_key_slice(&key), slice_of(bytes, sizeof bytes));
}

/* More of an item that may be there. */
static void put_more(struct kv_txn *state, struct open_item item)
{
    struct row_key key = item_key(&item);
    struct open_item there;
    struct slice value;
    if (kv_get(state, TABLE_OPEN_ITEM, row_key_slice(&key), &value) &&
        decode(state, row_key_slice(&key), value, &there))
        item.left += there.left;
    put(state, &item);
}

/* ---- what settled what -------------------------------------------------------------------------------------------- */

static void note_settled(struct kv_txn *state, uint64_t settler, civil_date date,
                         const struct open_item *item, int64_t amount)
{
    uint8_t position[8], bytes[SETTLED_VALUE_BYTES];
    struct row_key key = {0};
    struct slice there;
    be64_put(position, settler);
    row_key_add(&key, position, sizeof position);
    row_key_add_u32(&key, item->party);
    row_key_add_u32(&key, item->account);
    row_key_add_u16(&key, item->business);
    be64_put(position, item->document);
    row_key_add(&key, position, sizeof position);
    if (kv_get(state, TABLE_SETTLED, row_key_slice(&key), &there) && there.len == SETTLED_VALUE_BYTES)
        amount += (int64_t)be64_get(there.ptr + 12);
    be32_put(bytes, item->date);
    be32_put(bytes + 4, item->due);
    be32_put(bytes + 8, date);
    be64_put(bytes + 12, (uint64_t)amount);
    kv_put(state, TABLE_SETTLED, row_key_slice(&key), slice_of(bytes, sizeof bytes));
}

/* Takes up to `amount` of an item above zero; what is left of the amount. */
static int64_t settle_item(struct kv_txn *state, uint64_t settler, civil_date date, struct open_item *item,
                           int64_t amount)
{
    int64_t part = item->left > 0 ? smaller(amount, item->left) : 0;
    if (part <= 0)
        return amount;
    note_settled(state, settler, date, item, part);
    item->left -= part;
    put(state, item);
    return amount - part;
}

static int64_t settle_document(struct kv_txn *state, uint64_t settler, civil_date date,
                               const struct open_item *group, uint64_t document, int64_t most, int64_t amount)
{
    struct open_item item;
    if (most <= 0 || !open_item_find(state, group->party, group->account, group->business, document, &item))
        return amount;
    int64_t part = smaller(most, amount);
    return amount - part + settle_item(state, settler, date, &item, part);
}

static int64_t settle_oldest(struct kv_txn *state, uint64_t settler, civil_date date,
                             const struct open_item *group, int64_t amount)
{
    struct open_item item = {.party = group->party, .account = group->account, .business = group->business};
    while (amount > 0 && open_item_next(state, &item))
        amount = settle_item(state, settler, date, &item, amount);
    return amount;
}

/* ---- adding to a debt --------------------------------------------------------------------------------------------- */

/* item->left more is owed. What was paid before is used up first. */
static void open_more(struct kv_txn *state, const struct open_item *item)
{
    struct open_item more = *item;
    struct open_item paid = {.party = item->party, .account = item->account, .business = item->business};
    /* All have the same sign: those below zero are at the beginning or nowhere. */
    while (more.left > 0 && open_item_next(state, &paid) && paid.left < 0) {
        int64_t part = smaller(more.left, -paid.left);
        note_settled(state, paid.document, paid.date, item, part);
        paid.left += part;
        put(state, &paid);
        more.left -= part;
    }
    if (more.left > 0)
        put_more(state, more);
}

/* What the undone record `settler` had settled of this party, account and business is open again, up to `amount`; what is
 * left of that. The two, it and its mirror `by`, settle one another, so that what was open at a date between them adds
 * up to the balance of that date. */
static int64_t open_again(struct kv_txn *state, uint64_t settler, const struct open_item *by, int64_t amount)
{
    uint8_t position[8];
    struct row_key at = {0};
    struct slice key, value;
    be64_put(position, settler);
    row_key_add(&at, position, sizeof position);
    while (amount > 0 && row_next(state, TABLE_SETTLED, row_key_slice(&at), &key, &value) &&
           key.len == SETTLED_KEY_BYTES && value.len == SETTLED_VALUE_BYTES &&
           memcmp(key.ptr, position, sizeof position) == 0) {
        struct open_item item = *by;
        at.len = key.len;
        memcpy(at.bytes, key.ptr, key.len);
        item.document = be64_get(at.bytes + 18);
        item.date = be32_get(value.ptr);
        item.due = be32_get(value.ptr + 4);
        civil_date date = be32_get(value.ptr + 8);
        int64_t all = (int64_t)be64_get(value.ptr + 12);
        if (item.document == by->document || be32_get(at.bytes + 12) != by->account ||
            be16_get(at.bytes + 16) != by->business ||
            party_standing(state, be32_get(at.bytes + 8)) != by->party)
            continue;
        item.left = smaller(all, amount);
        amount -= item.left;
        kv_del(state, TABLE_SETTLED, row_key_slice(&at));
        note_settled(state, settler, date, by, item.left);
        open_more(state, &item);
    }
    return amount;
}

/* ---- postings ------------------------------------------------------------------------------------------------------ */

static void settle(struct kv_txn *state, const struct settling *settling, struct open_item item,
                   int64_t amount)
{
    const struct record_header *header = &settling->record->header;
    struct allocation allocation;
    if (header->cause != 0)
        amount = settle_document(state, header->position, item.date, &item, header->cause, amount, amount);
    for (size_t i = 0;
         amount > 0 && settling->allocated != NULL && settling->allocated(settling->payload, i, &allocation);
         i++)
        amount = settle_document(state, header->position, item.date, &item, allocation.document,
                                 allocation.amount, amount);
    amount = settle_oldest(state, header->position, item.date, &item, amount);
    if (amount > 0) {
        item.left = -amount;
        put_more(state, item);
    }
}

static void add(struct kv_txn *state, const struct settling *settling, struct open_item item, int64_t amount)
{
    struct open_item paid;
    uint64_t cause = settling->record->header.cause;
    if (settling->undoes && open_item_find(state, item.party, item.account, item.business, cause, &paid) &&
        paid.left < 0) {
        int64_t part = smaller(amount, -paid.left);
        paid.left += part;
        put(state, &paid);
        note_settled(state, cause, paid.date, &item, part);
        amount -= part;
    }
    if (settling->undoes)
        amount = open_again(state, cause, &item, amount);
    item.left = amount;
    if (amount > 0)
        open_more(state, &item);
}

void open_item_apply(struct kv_txn *state, const struct settling *settling, const struct posting *posting)
{
    struct account_row account;
    struct party_row party;
    if (!account_row_get(state, posting->account, &account))
        return;
    bool payable = account.class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_PAYABLE;
    if (!payable && account.class != DAFTARI__V1__ACCOUNT_CLASS__CLASS_RECEIVABLE)
        return;
    const struct record_header *header = &settling->record->header;
    struct open_item item = {
        .party = posting->party,
        .account = posting->account,
        .business = posting->business,
        .date = header->business_date,
        .document = header->position,
        .due = header->business_date,
    };
    if (payable && party_row_get(state, posting->party, &party))
        item.due = date_add_days(item.date, party.terms_days);
    int64_t more = payable ? -posting->amount : posting->amount;
    if (more > 0)
        add(state, settling, item, more);
    else
        settle(state, settling, item, -more);
}

void open_item_merge(struct kv_txn *state, uint32_t from, uint32_t into, uint32_t account, uint16_t business)
{
    struct open_item item = {.party = from, .account = account, .business = business};
    while (open_item_next(state, &item)) {
        struct open_item moved = item;
        moved.party = into;
        struct row_key key = item_key(&item);
        kv_del(state, TABLE_OPEN_ITEM, row_key_slice(&key));
        if (item.left > 0) {
            open_more(state, &moved);
            continue;
        }
        moved.left = -settle_oldest(state, item.document, item.date, &moved, -item.left);
        if (moved.left != 0)
            put_more(state, moved);
    }
}
