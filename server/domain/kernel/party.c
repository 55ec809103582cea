#include "server/domain/kernel/party.h"

#include "proto/base/bytes.h"
#include "server/domain/kernel/facts.h"
#include "server/domain/kernel/open_item.h"
#include "server/domain/kernel/rows.h"

enum { PARTY_INFO_NAME = 3, PARTY_INFO_CODE = 4, PARTY_INFO_PHONE = 5 }; /* fields of PartyInfo */
enum { FLAG_ACTIVE = 1, FLAG_ANONYMOUS = 2 };

bool party_row_get(struct kv_txn *state, uint32_t number, struct party_row *out)
{
    struct row_key key = row_key_u32(number);
    struct slice row;
    if (!kv_get(state, TABLE_PARTY, row_key_slice(&key), &row))
        return false;
    if (row.len < PARTY_HEAD_BYTES) {
        kv_set_error(state, STATUS_CORRUPT);
        return false;
    }
    *out = (struct party_row){
        .number = number,
        .kind = (enum party_kind)row.ptr[0],
        .active = (row.ptr[1] & FLAG_ACTIVE) != 0,
        .anonymous = (row.ptr[1] & FLAG_ANONYMOUS) != 0,
        .terms_days = be16_get(row.ptr + 2),
        .merged_into = be32_get(row.ptr + 4),
    };
    return true;
}

Daftari__V1__PartyInfo *party_info_get(struct kv_txn *state, uint32_t number, struct arena *arena)
{
    struct row_key key = row_key_u32(number);
    struct slice row;
    if (!kv_get(state, TABLE_PARTY, row_key_slice(&key), &row) || row.len < PARTY_HEAD_BYTES)
        return NULL;
    return row_message(state, slice_of(row.ptr + PARTY_HEAD_BYTES, row.len - PARTY_HEAD_BYTES),
                       &daftari__v1__party_info__descriptor, arena);
}

void party_row_put(struct kv_txn *state, const struct party_row *row, const Daftari__V1__PartyInfo *info,
                   struct arena *arena)
{
    struct row_key key = row_key_u32(row->number);
    size_t len = protobuf_c_message_get_packed_size(&info->base);
    uint8_t *bytes = arena_take(arena, PARTY_HEAD_BYTES + len);
    if (bytes == NULL) {
        kv_set_error(state, STATUS_NO_MEMORY);
        return;
    }
    bytes[0] = (uint8_t)row->kind;
    bytes[1] = (uint8_t)((row->active ? FLAG_ACTIVE : 0) | (row->anonymous ? FLAG_ANONYMOUS : 0));
    be16_put(bytes + 2, row->terms_days);
    be32_put(bytes + 4, row->merged_into);
    (void)protobuf_c_message_pack(&info->base, bytes + PARTY_HEAD_BYTES);
    kv_put(state, TABLE_PARTY, row_key_slice(&key), slice_of(bytes, PARTY_HEAD_BYTES + len));
}

uint32_t party_standing(struct kv_txn *state, uint32_t number)
{
    struct party_row row;
    /* What others were merged into is never merged itself: one step is all there is. */
    return party_row_get(state, number, &row) && row.merged_into != 0 ? row.merged_into : number;
}

/* ---- keys ------------------------------------------------------------------------------------------------------ */

static struct row_key text_key(char kind, const char *text)
{
    struct row_key key = {0};
    row_key_add(&key, &kind, 1);
    row_key_add(&key, text, strlen(text));
    return key;
}

uint32_t party_key_get(struct kv_txn *state, char kind, const char *text)
{
    struct row_key key = text_key(kind, text);
    uint32_t number;
    return row_get_u32(state, TABLE_PARTY_KEY, row_key_slice(&key), &number) ? number : 0;
}

void party_key_put(struct kv_txn *state, char kind, const char *text, uint32_t number)
{
    struct row_key key = text_key(kind, text);
    row_put_u32(state, TABLE_PARTY_KEY, row_key_slice(&key), number);
}

void party_key_drop(struct kv_txn *state, char kind, const char *text, uint32_t number)
{
    struct row_key key = text_key(kind, text);
    if (party_key_get(state, kind, text) == number)
        kv_del(state, TABLE_PARTY_KEY, row_key_slice(&key));
}

static bool find_by(struct kv_txn *state, char kind, const char *text, struct party_row *out)
{
    uint32_t number = party_key_get(state, kind, text);
    return number != 0 && party_row_get(state, party_standing(state, number), out);
}

bool party_find(struct kv_txn *state, enum party_kind kind, const char *text, struct party_row *out)
{
    if (kind == PARTY_IS_SUPPLIER)
        return find_by(state, PARTY_KEY_SUPPLIER, text, out);
    return find_by(state, PARTY_KEY_PHONE, text, out) || find_by(state, PARTY_KEY_CODE, text, out);
}

void party_names(struct kv_txn *state, uint32_t party, struct arena *arena, char **out_key, char **out_name)
{
    struct row_key key = row_key_u32(party);
    struct slice row;
    if (!kv_get(state, TABLE_PARTY, row_key_slice(&key), &row) || row.len < PARTY_HEAD_BYTES)
        return;
    row = slice_of(row.ptr + PARTY_HEAD_BYTES, row.len - PARTY_HEAD_BYTES);
    struct slice phone = row_text_field(state, row, PARTY_INFO_PHONE);
    *out_key = arena_text(arena, phone.len != 0 ? phone : row_text_field(state, row, PARTY_INFO_CODE));
    *out_name = arena_text(arena, row_text_field(state, row, PARTY_INFO_NAME));
}

bool party_credit_limit(struct kv_txn *state, uint32_t party, uint16_t business, int64_t *out_minor)
{
    struct row_key key = row_key_u32(party);
    uint64_t limit;
    row_key_add_u16(&key, business);
    if (!row_get_u64(state, TABLE_CREDIT_LIMIT, row_key_slice(&key), &limit))
        return false;
    *out_minor = (int64_t)limit;
    return true;
}

void party_credit_limit_put(struct kv_txn *state, uint32_t party, uint16_t business, int64_t limit)
{
    struct row_key key = row_key_u32(party);
    row_key_add_u16(&key, business);
    if (limit < 0)
        kv_del(state, TABLE_CREDIT_LIMIT, row_key_slice(&key));
    else
        row_put_u64(state, TABLE_CREDIT_LIMIT, row_key_slice(&key), (uint64_t)limit);
}

/* ---- balances ------------------------------------------------------------------------------------------------- */

static struct row_key key_of(uint32_t party, uint32_t account, uint16_t business)
{
    struct row_key key = row_key_u32(party);
    row_key_add_u32(&key, account);
    row_key_add_u16(&key, business);
    return key;
}

static int64_t balance_of(struct kv_txn *state, uint32_t party, uint32_t account, uint16_t business)
{
    struct row_key key = key_of(party, account, business);
    uint64_t balance;
    return row_get_u64(state, TABLE_PARTY_BALANCE, row_key_slice(&key), &balance) ? (int64_t)balance : 0;
}

int64_t party_balance(struct kv_txn *state, uint32_t party, uint32_t account, uint16_t business)
{
    return balance_of(state, party_standing(state, party), account, business);
}

/* The next row of `table` after `key` of those that begin with a party's number; its key replaces it. */
static bool next_of_party(struct kv_txn *state, unsigned table, uint32_t party, struct row_key *key,
                          struct slice *out_value)
{
    struct row_key prefix = row_key_u32(party);
    struct slice found;
    if (!row_next(state, table, row_key_slice(key), &found, out_value) ||
        !slice_starts_with(found, row_key_slice(&prefix)) || found.len > sizeof key->bytes)
        return false;
    if (out_value->len != 8) {
        kv_set_error(state, STATUS_CORRUPT);
        return false;
    }
    key->len = found.len;
    memcpy(key->bytes, found.ptr, found.len);
    return true;
}

bool party_balance_next(struct kv_txn *state, uint32_t party, struct party_balance_place *place,
                        int64_t *out_balance)
{
    struct row_key key = place->started ? key_of(party, place->account, place->business) : row_key_u32(party);
    struct slice value;
    if (!next_of_party(state, TABLE_PARTY_BALANCE, party, &key, &value) || key.len != 10)
        return false;
    *place = (struct party_balance_place){true, be32_get(key.bytes + 4), be16_get(key.bytes + 8)};
    *out_balance = (int64_t)be64_get(value.ptr);
    return true;
}

bool party_limit_next(struct kv_txn *state, uint32_t party, struct party_balance_place *place,
                      int64_t *out_limit)
{
    struct row_key key = row_key_u32(party);
    struct slice value;
    if (place->started)
        row_key_add_u16(&key, place->business);
    if (!next_of_party(state, TABLE_CREDIT_LIMIT, party, &key, &value) || key.len != 6)
        return false;
    *place = (struct party_balance_place){true, 0, be16_get(key.bytes + 4)};
    *out_limit = (int64_t)be64_get(value.ptr);
    return true;
}

bool party_has_balance(struct kv_txn *state, uint32_t party)
{
    struct party_balance_place place = {0};
    int64_t balance;
    while (party_balance_next(state, party, &place, &balance))
        if (balance != 0)
            return true;
    return false;
}

static void balance_add(struct kv_txn *state, uint32_t party, uint32_t account, uint16_t business,
                        int64_t amount)
{
    struct row_key key = key_of(party, account, business);
    int64_t balance;
    if (!amount_add(balance_of(state, party, account, business), amount, &balance))
        kv_set_error(state, STATUS_CORRUPT);
    else
        row_put_u64(state, TABLE_PARTY_BALANCE, row_key_slice(&key), (uint64_t)balance);
}

void party_apply(struct kv_txn *state, const struct settling *settling)
{
    for (size_t i = 0; i < settling->record->posting_count; i++) {
        struct posting posting = record_posting(settling->record, i);
        if (posting.party == 0 || posting.currency != BASE_CURRENCY)
            continue;
        posting.party = party_standing(state, posting.party);
        balance_add(state, posting.party, posting.account, posting.business, posting.amount);
        open_item_apply(state, settling, &posting);
    }
}

void party_merge(struct kv_txn *state, uint32_t from, uint32_t into)
{
    struct party_balance_place place = {0};
    int64_t amount, own;
    while (party_balance_next(state, from, &place, &amount)) {
        struct row_key key = key_of(from, place.account, place.business);
        kv_del(state, TABLE_PARTY_BALANCE, row_key_slice(&key));
        balance_add(state, into, place.account, place.business, amount);
        open_item_merge(state, from, into, place.account, place.business);
    }
    place = (struct party_balance_place){0};
    while (party_limit_next(state, from, &place, &amount)) {
        if (!party_credit_limit(state, into, place.business, &own))
            party_credit_limit_put(state, into, place.business, amount);
        party_credit_limit_put(state, from, place.business, -1);
    }
}
