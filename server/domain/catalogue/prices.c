#include "proto/base/bug.h"
#include "server/domain/catalogue/catalogue.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "type_ids.h"

static struct row_key price_key(uint32_t item, uint16_t business)
{
    struct row_key key = row_key_u32(item);
    row_key_add_u16(&key, business);
    return key;
}

/* The prices of one item in one business, borrowed; empty when there are none. */
static struct slice prices_get(struct kv_txn *state, uint32_t item, uint16_t business)
{
    struct row_key key = price_key(item, business);
    struct slice row;
    if (!kv_get(state, TABLE_PRICE, row_key_slice(&key), &row))
        return (struct slice){0};
    if (row.len % PRICE_BYTES != 0) {
        kv_set_error(state, STATUS_CORRUPT);
        return (struct slice){0};
    }
    return row;
}

/* Where the price of a date is, or would be: the first that is not earlier. New prices mostly come last. */
static size_t price_place(struct slice prices, civil_date from, bool *out_there)
{
    size_t at = prices.len;
    *out_there = false;
    if (prices.ptr == NULL) /* none yet */
        return 0;
    while (at != 0 && be32_get(prices.ptr + at - PRICE_BYTES) >= from)
        at -= PRICE_BYTES;
    *out_there = at < prices.len && be32_get(prices.ptr + at) == from;
    return at;
}

/* One line: its item, and whether that very price is set for that date already. */
static enum status check_line(struct kv_txn *state, const Daftari__V1__PriceLine *line, size_t index,
                              uint16_t business, civil_date from, uint32_t *out_item, bool *out_same,
                              struct fault *why)
{
    char path[FAULT_FIELD_MAX];
    struct item_row item;
    bool there;
    enum status status =
        item_require(state, line->item, form_path(path, "prices", index, "item"), &item, why);
    if (status != STATUS_OK)
        return status;
    if (!item.active)
        return fault_refuse(why, DAFTARI__V1__REASON__ITEM_INACTIVE, path, "%.50s is deactivated",
                            line->item);
    (void)form_path(path, "prices", index, "price_minor");
    if (!line->has_price_minor)
        return fault_set(why, STATUS_INVALID, path, "needed: the price of one unit");
    if (line->price_minor < 0 || line->price_minor > AMOUNT_MAX)
        return fault_refuse(why, DAFTARI__V1__REASON__AMOUNT_OUT_OF_RANGE, path,
                            "a price is not negative and has at most 18 digits");
    struct slice prices = prices_get(state, item.number, business);
    size_t at = price_place(prices, from, &there);
    if (!there && prices.len / PRICE_BYTES == PRICES_MAX)
        return fault_refuse(why, DAFTARI__V1__REASON__TOO_MANY_PRICES,
                            form_path(path, "prices", index, "item"), "at most %u dated prices of one item",
                            PRICES_MAX);
    *out_same = there && prices.ptr != NULL && (int64_t)be64_get(prices.ptr + at + 4) == line->price_minor;
    *out_item = item.number;
    return STATUS_OK;
}

enum status price_decide_set(const struct context *context, struct kv_txn *state,
                             const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__SetPrices *set = (const Daftari__V1__SetPrices *)command;
    uint32_t items[PRICES_PER_ORDER];
    struct facts facts;
    uint16_t business;
    civil_date from;
    bool all_same = true;
    facts_get(state, &facts);
    enum status status =
        business_require(context, state, &facts, set->business, false, "business", &business, why);
    if (status == STATUS_OK)
        status = from_date_check(context, &facts, set->has_from_date, set->from_date, &from, why);
    if (status != STATUS_OK)
        return status;
    if (set->n_prices == 0 || set->n_prices > PRICES_PER_ORDER)
        return fault_set(why, STATUS_INVALID, "prices", "1 to %u prices", PRICES_PER_ORDER);
    for (size_t i = 0; i < set->n_prices; i++) {
        char path[FAULT_FIELD_MAX];
        bool same = false;
        status = check_line(state, set->prices[i], i, business, from, &items[i], &same, why);
        if (status != STATUS_OK)
            return status;
        all_same = all_same && same;
        for (size_t j = 0; j < i; j++)
            if (items[j] == items[i])
                return fault_refuse(why, DAFTARI__V1__REASON__ITEM_TWICE,
                                    form_path(path, "prices", i, "item"), "%.50s is in prices[%zu] already",
                                    set->prices[i]->item, j);
    }

    /* accepted */
    out->nothing_to_do = all_same;
    out->type = EVENT_PRICES_SET;
    out->business = business;
    out->business_date = from;
    return STATUS_OK;
}

static void put_price(struct kv_txn *state, uint32_t item, const struct record *record, int64_t price,
                      struct arena *arena)
{
    bool there;
    struct slice prices = prices_get(state, item, record->header.business);
    size_t at = price_place(prices, record->header.business_date, &there);
    size_t rest = there ? at + PRICE_BYTES : at;
    uint8_t *row = arena_take(arena, prices.len + PRICE_BYTES);
    if (row == NULL) {
        kv_set_error(state, STATUS_NO_MEMORY);
        return;
    }
    ASSERT(prices.ptr != NULL || prices.len == 0);
    if (at != 0 && prices.ptr != NULL)
        memcpy(row, prices.ptr, at);
    be32_put(row + at, record->header.business_date);
    be64_put(row + at + 4, (uint64_t)price);
    if (rest != prices.len && prices.ptr != NULL)
        memcpy(row + at + PRICE_BYTES, prices.ptr + rest, prices.len - rest);
    struct row_key key = price_key(item, record->header.business);
    kv_put(state, TABLE_PRICE, row_key_slice(&key), slice_of(row, at + PRICE_BYTES + prices.len - rest));
}

void price_apply_set(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                     struct arena *arena)
{
    const Daftari__V1__SetPrices *set = (const Daftari__V1__SetPrices *)payload;
    for (size_t i = 0; i < set->n_prices; i++) {
        struct item_row item;
        if (!item_find(state, set->prices[i]->item, &item)) {
            kv_set_error(state, STATUS_CORRUPT);
            return;
        }
        put_price(state, item.number, record, set->prices[i]->price_minor, arena);
    }
}
