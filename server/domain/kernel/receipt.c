#include "server/domain/kernel/receipt.h"

#include "proto/base/bytes.h"
#include "server/domain/kernel/rows.h"

#define RECEIPT_ROW_BYTES 31u
#define RECEIPT_TEXT_MIN  6u

bool receipt_form(const char *text)
{
    size_t len = text != NULL ? strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") : 0;
    return len >= RECEIPT_TEXT_MIN && len <= RECEIPT_TEXT_MAX && text[len] == '\0';
}

bool receipt_get(struct kv_txn *state, const char *receipt, struct receipt_row *out)
{
    struct row_key key = row_key_text(receipt);
    struct slice row;
    if (key.len == 0 || !kv_get(state, TABLE_RECEIPT, row_key_slice(&key), &row))
        return false;
    if (row.len != RECEIPT_ROW_BYTES) {
        kv_set_error(state, STATUS_CORRUPT);
        return false;
    }
    *out = (struct receipt_row){
        .state = (enum receipt_state)row.ptr[0],
        .position = be64_get(row.ptr + 1),
        .amount = (int64_t)be64_get(row.ptr + 9),
        .account = be32_get(row.ptr + 17),
        .business = be16_get(row.ptr + 21),
        .told = be64_get(row.ptr + 23),
    };
    return true;
}

void receipt_put(struct kv_txn *state, const char *receipt, const struct receipt_row *row)
{
    struct row_key key = row_key_text(receipt);
    uint8_t bytes[RECEIPT_ROW_BYTES];
    bytes[0] = (uint8_t)row->state;
    be64_put(bytes + 1, row->position);
    be64_put(bytes + 9, (uint64_t)row->amount);
    be32_put(bytes + 17, row->account);
    be16_put(bytes + 21, row->business);
    be64_put(bytes + 23, row->told);
    kv_put(state, TABLE_RECEIPT, row_key_slice(&key), slice_of(bytes, sizeof bytes));
}

void receipt_delete(struct kv_txn *state, const char *receipt)
{
    struct row_key key = row_key_text(receipt);
    kv_del(state, TABLE_RECEIPT, row_key_slice(&key));
}
