#include "server/domain/kernel/account_row.h"

#include "server/domain/kernel/balance.h"
#include "server/domain/kernel/rows.h"

enum { FLAG_CONTRA = 1, FLAG_HEADER = 2, FLAG_ACTIVE = 4, FLAG_TILL = 8 };

enum account_type account_type_of(uint32_t number)
{
    if (number < ACCOUNT_NUMBER_MIN || number > 999999999u)
        return 0;
    while (number >= 10)
        number /= 10;
    return number <= ACCOUNT_EXPENSE ? (enum account_type)number : 0;
}

const char *account_type_name(enum account_type type)
{
    switch (type) {
    case ACCOUNT_ASSET:
        return "asset";
    case ACCOUNT_LIABILITY:
        return "liability";
    case ACCOUNT_EQUITY:
        return "equity";
    case ACCOUNT_REVENUE:
        return "revenue";
    case ACCOUNT_EXPENSE:
        return "expense";
    }
    return "";
}

bool account_row_decode(struct kv_txn *state, struct slice value, struct account_row *out)
{
    if (value.len < ACCOUNT_ROW_BYTES) {
        kv_set_error(state, STATUS_CORRUPT);
        return false;
    }
    const uint8_t *at = value.ptr;
    *out = (struct account_row){
        .type = (enum account_type)at[0],
        .contra = (at[1] & FLAG_CONTRA) != 0,
        .header = (at[1] & FLAG_HEADER) != 0,
        .active = (at[1] & FLAG_ACTIVE) != 0,
        .till = (at[1] & FLAG_TILL) != 0,
        .business = be16_get(at + 2),
        .negative = (Daftari__V1__NegativeRule)at[4],
        .class = (Daftari__V1__AccountClass)at[5],
        .parent = be32_get(at + 8),
    };
    return true;
}

bool account_row_get(struct kv_txn *state, uint32_t number, struct account_row *out)
{
    uint8_t key[4];
    struct slice value;
    be32_put(key, number);
    return kv_get(state, TABLE_ACCOUNT, slice_of(key, sizeof key), &value) &&
           account_row_decode(state, value, out);
}

Daftari__V1__AccountInfo *account_info_of_row(struct kv_txn *state, struct slice value, struct arena *arena)
{
    struct account_row head;
    if (!account_row_decode(state, value, &head))
        return NULL;
    struct slice info = slice_of(value.ptr + ACCOUNT_ROW_BYTES, value.len - ACCOUNT_ROW_BYTES);
    return row_message(state, info, &daftari__v1__account_info__descriptor, arena);
}

Daftari__V1__AccountInfo *account_info_get(struct kv_txn *state, uint32_t number, struct arena *arena)
{
    struct row_key key = row_key_u32(number);
    struct slice value;
    if (!kv_get(state, TABLE_ACCOUNT, row_key_slice(&key), &value))
        return NULL;
    return account_info_of_row(state, value, arena);
}

void account_row_put(struct kv_txn *state, uint32_t number, const struct account_row *head,
                     const Daftari__V1__AccountInfo *info, struct arena *arena)
{
    size_t size = protobuf_c_message_get_packed_size(&info->base);
    uint8_t *row = arena_take(arena, ACCOUNT_ROW_BYTES + size);
    if (row == NULL) {
        kv_set_error(state, STATUS_NO_MEMORY);
        return;
    }
    row[0] = (uint8_t)head->type;
    row[1] = (uint8_t)((head->contra ? FLAG_CONTRA : 0) | (head->header ? FLAG_HEADER : 0) |
                       (head->active ? FLAG_ACTIVE : 0) | (head->till ? FLAG_TILL : 0));
    be16_put(row + 2, head->business);
    row[4] = (uint8_t)head->negative;
    row[5] = (uint8_t)head->class;
    be16_put(row + 6, 0);
    be32_put(row + 8, head->parent);
    (void)protobuf_c_message_pack(&info->base, row + ACCOUNT_ROW_BYTES);
    struct row_key key = row_key_u32(number);
    kv_put(state, TABLE_ACCOUNT, row_key_slice(&key), slice_of(row, ACCOUNT_ROW_BYTES + size));
}

void account_row_mark_till(struct kv_txn *state, uint32_t number, struct arena *arena)
{
    struct account_row head;
    const Daftari__V1__AccountInfo *info = account_info_get(state, number, arena);
    if (info == NULL || !account_row_get(state, number, &head)) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    if (head.till)
        return;
    head.till = true;
    account_row_put(state, number, &head, info, arena);
}

int account_normal_sign(const struct account_row *row)
{
    bool debit = row->type == ACCOUNT_ASSET || row->type == ACCOUNT_EXPENSE;
    return debit != row->contra ? 1 : -1;
}

bool account_has_postings(struct kv_txn *state, uint32_t number)
{
    struct row_key first = row_key_u32(number);
    struct slice key, value;
    return row_next(state, TABLE_BALANCE, row_key_slice(&first), &key, &value) &&
           slice_starts_with(key, row_key_slice(&first));
}

bool account_has_balance(struct kv_txn *state, uint32_t number)
{
    struct row_key prefix = row_key_u32(number);
    struct kv_cursor *cursor = kv_cursor_open(state, TABLE_BALANCE);
    struct slice key, value;
    bool found = false;
    for (bool more = kv_seek(cursor, row_key_slice(&prefix)); more && !found; more = kv_next(cursor)) {
        kv_row(cursor, &key, &value);
        if (!slice_starts_with(key, row_key_slice(&prefix)))
            break;
        found = !balance_row_is_zero(value);
    }
    kv_cursor_close(cursor);
    return found;
}

uint32_t account_of_class(struct kv_txn *state, Daftari__V1__AccountClass class, uint16_t business)
{
    struct row_key first = row_key_u32(0);
    struct kv_cursor *cursor = kv_cursor_open(state, TABLE_ACCOUNT);
    struct slice key, value;
    uint32_t found = 0;
    for (bool more = kv_seek(cursor, row_key_slice(&first)); more && found == 0; more = kv_next(cursor)) {
        struct account_row row;
        kv_row(cursor, &key, &value);
        if (key.len == 4 && account_row_decode(state, value, &row) && row.class == class && row.active &&
            !row.header && (row.business == ACCOUNT_SHARED || row.business == business))
            found = be32_get(key.ptr);
    }
    kv_cursor_close(cursor);
    return found;
}
