#include "server/domain/kernel/item_row.h"

#include "proto/base/bytes.h"
#include "proto/wire/message.h"
#include "server/domain/kernel/facts.h"
#include "server/domain/kernel/rows.h"

#define ITEM_HEAD_BYTES 8u
#define FLAG_CONTAINER  1u
#define FLAG_ACTIVE     2u
#define RATE_BYTES      8u
#define PRICE_BYTES     12u

bool item_row_get(struct kv_txn *state, uint32_t number, struct item_row *out)
{
    struct row_key key = row_key_u32(number);
    struct slice row;
    if (!kv_get(state, TABLE_ITEM, row_key_slice(&key), &row))
        return false;
    if (row.len < ITEM_HEAD_BYTES) {
        kv_set_error(state, STATUS_CORRUPT);
        return false;
    }
    *out = (struct item_row){
        .number = number,
        .service = row.ptr[0] == DAFTARI__V1__ITEM_KIND__ITEM_SERVICE,
        .container = (row.ptr[1] & FLAG_CONTAINER) != 0,
        .active = (row.ptr[1] & FLAG_ACTIVE) != 0,
        .pricing = (Daftari__V1__Pricing)row.ptr[2],
        .category = be16_get(row.ptr + 4),
        .tax_code = be16_get(row.ptr + 6),
    };
    return true;
}

bool item_find(struct kv_txn *state, const char *code, struct item_row *out)
{
    struct row_key key = row_key_text(code);
    uint32_t number;
    return key.len != 0 && row_get_u32(state, TABLE_ITEM_CODE, row_key_slice(&key), &number) &&
           item_row_get(state, number, out);
}

Daftari__V1__ItemInfo *item_info_get(struct kv_txn *state, uint32_t number, struct arena *arena)
{
    struct row_key key = row_key_u32(number);
    struct slice row;
    if (!kv_get(state, TABLE_ITEM, row_key_slice(&key), &row) || row.len < ITEM_HEAD_BYTES)
        return NULL;
    return row_message(state, slice_of(row.ptr + ITEM_HEAD_BYTES, row.len - ITEM_HEAD_BYTES),
                       &daftari__v1__item_info__descriptor, arena);
}

const char *item_code_of(struct kv_txn *state, uint32_t number, struct arena *arena)
{
    const Daftari__V1__ItemInfo *info = item_info_get(state, number, arena);
    return info != NULL && info->code != NULL ? info->code : "?";
}

void item_row_put(struct kv_txn *state, const struct item_row *row, const Daftari__V1__ItemInfo *info,
                  struct arena *arena)
{
    struct row_key key = row_key_u32(row->number);
    size_t len = protobuf_c_message_get_packed_size(&info->base);
    uint8_t *bytes = arena_take(arena, ITEM_HEAD_BYTES + len);
    if (bytes == NULL) {
        kv_set_error(state, STATUS_NO_MEMORY);
        return;
    }
    bytes[0] = row->service ? DAFTARI__V1__ITEM_KIND__ITEM_SERVICE : DAFTARI__V1__ITEM_KIND__ITEM_GOODS;
    bytes[1] = (uint8_t)((row->container ? FLAG_CONTAINER : 0) | (row->active ? FLAG_ACTIVE : 0));
    bytes[2] = (uint8_t)row->pricing;
    bytes[3] = 0;
    be16_put(bytes + 4, row->category);
    be16_put(bytes + 6, row->tax_code);
    (void)protobuf_c_message_pack(&info->base, bytes + ITEM_HEAD_BYTES);
    kv_put(state, TABLE_ITEM, row_key_slice(&key), slice_of(bytes, ITEM_HEAD_BYTES + len));
}

/* ---- categories ----------------------------------------------------------------------------------------------- */

bool category_find(struct kv_txn *state, const char *name, uint16_t *out)
{
    struct row_key key = row_key_text(name);
    return key.len != 0 && row_get_u16(state, TABLE_CATEGORY_NAME, row_key_slice(&key), out);
}

uint16_t category_parent(struct kv_txn *state, uint16_t category)
{
    enum { CATEGORY_INFO_PARENT_NUMBER = 6 };
    struct row_key key = row_key_u16(category);
    struct slice row;
    if (category == 0 || !kv_get(state, TABLE_CATEGORY, row_key_slice(&key), &row))
        return 0;
    return (uint16_t)row_number_field(state, row, CATEGORY_INFO_PARENT_NUMBER);
}

Daftari__V1__CategoryInfo *category_info_get(struct kv_txn *state, uint16_t number, struct arena *arena)
{
    struct row_key key = row_key_u16(number);
    return row_get_message(state, TABLE_CATEGORY, row_key_slice(&key),
                           &daftari__v1__category_info__descriptor, arena);
}

/* ---- tax codes ------------------------------------------------------------------------------------------------ */

bool tax_code_find(struct kv_txn *state, const char *code, uint16_t *out)
{
    struct row_key key = row_key_text(code);
    return key.len != 0 && row_get_u16(state, TABLE_TAX_CODE_NAME, row_key_slice(&key), out);
}

bool tax_code_rate(struct kv_txn *state, uint16_t code, civil_date date, Daftari__V1__TaxKind *out_kind,
                   uint32_t *out_rate_bp)
{
    struct row_key key = row_key_u16(code);
    struct slice row;
    if (!kv_get(state, TABLE_TAX_CODE, row_key_slice(&key), &row))
        return false;
    if (row.len < 2 || row.len - 2 < row.ptr[1] * RATE_BYTES) {
        kv_set_error(state, STATUS_CORRUPT);
        return false;
    }
    *out_kind = (Daftari__V1__TaxKind)row.ptr[0];
    *out_rate_bp = 0;
    for (size_t i = 0; i < row.ptr[1]; i++) {
        const uint8_t *rate = row.ptr + 2 + i * RATE_BYTES;
        if (be32_get(rate) <= date)
            *out_rate_bp = be32_get(rate + 4);
    }
    return true;
}

Daftari__V1__TaxCodeInfo *tax_code_info_get(struct kv_txn *state, uint16_t code, struct arena *arena)
{
    struct row_key key = row_key_u16(code);
    struct slice row;
    if (!kv_get(state, TABLE_TAX_CODE, row_key_slice(&key), &row) || row.len < 2)
        return NULL;
    size_t head = 2 + row.ptr[1] * RATE_BYTES;
    if (row.len < head) {
        kv_set_error(state, STATUS_CORRUPT);
        return NULL;
    }
    return row_message(state, slice_of(row.ptr + head, row.len - head),
                       &daftari__v1__tax_code_info__descriptor, arena);
}

/* ---- prices --------------------------------------------------------------------------------------------------- */

static bool price_of(struct kv_txn *state, uint32_t item, uint16_t business, civil_date date, int64_t *out)
{
    struct row_key key = row_key_u32(item);
    struct slice row;
    row_key_add_u16(&key, business);
    if (!kv_get(state, TABLE_PRICE, row_key_slice(&key), &row))
        return false;
    if (row.len % PRICE_BYTES != 0) {
        kv_set_error(state, STATUS_CORRUPT);
        return false;
    }
    for (size_t at = row.len; at != 0; at -= PRICE_BYTES)
        if (be32_get(row.ptr + at - PRICE_BYTES) <= date) {
            *out = (int64_t)be64_get(row.ptr + at - PRICE_BYTES + 4);
            return true;
        }
    return false;
}

bool price_get(struct kv_txn *state, uint32_t item, uint16_t business, civil_date date, int64_t *out_minor)
{
    return price_of(state, item, business, date, out_minor) ||
           (business != HEAD_OFFICE && price_of(state, item, HEAD_OFFICE, date, out_minor));
}
