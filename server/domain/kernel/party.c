#include "server/domain/kernel/party.h"

#include "server/domain/kernel/facts.h"
#include "server/domain/kernel/rows.h"

enum { PARTY_INFO_NAME = 3, PARTY_INFO_CODE = 4, PARTY_INFO_PHONE = 5 }; /* fields of PartyInfo */

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
        .active = (row.ptr[1] & 1u) != 0,
        .anonymous = (row.ptr[1] & 2u) != 0,
        .merged_into = be32_get(row.ptr + 4),
    };
    return true;
}

static bool find_by(struct kv_txn *state, char prefix, const char *text, struct party_row *out)
{
    struct row_key key = {0};
    uint32_t number;
    row_key_add(&key, &prefix, 1);
    row_key_add(&key, text, strlen(text));
    if (!row_get_u32(state, TABLE_PARTY_KEY, row_key_slice(&key), &number) ||
        !party_row_get(state, number, out))
        return false;
    /* What others were merged into is never merged itself: one step is all there is. */
    return out->merged_into == 0 || party_row_get(state, out->merged_into, out);
}

bool party_find(struct kv_txn *state, enum party_kind kind, const char *text, struct party_row *out)
{
    if (kind == PARTY_IS_SUPPLIER)
        return find_by(state, 's', text, out);
    return find_by(state, 'p', text, out) || find_by(state, 'c', text, out);
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

/* ---- balances ------------------------------------------------------------------------------------------------- */

static struct row_key key_of(uint32_t party, uint32_t account, uint16_t business)
{
    struct row_key key = row_key_u32(party);
    row_key_add_u32(&key, account);
    row_key_add_u16(&key, business);
    return key;
}

int64_t party_balance(struct kv_txn *state, uint32_t party, uint32_t account, uint16_t business)
{
    struct row_key key = key_of(party, account, business);
    uint64_t balance;
    return row_get_u64(state, TABLE_PARTY_BALANCE, row_key_slice(&key), &balance) ? (int64_t)balance : 0;
}

void party_balance_add(struct kv_txn *state, const struct posting *posting)
{
    struct row_key key = key_of(posting->party, posting->account, posting->business);
    int64_t balance = party_balance(state, posting->party, posting->account, posting->business);
    if (posting->currency != BASE_CURRENCY)
        return;
    if (!amount_add(balance, posting->amount, &balance))
        kv_set_error(state, STATUS_CORRUPT);
    else
        row_put_u64(state, TABLE_PARTY_BALANCE, row_key_slice(&key), (uint64_t)balance);
}
