/* Queries over the catalogue. Categories, items and tax codes are everybody's; prices and rules go by business. */
#include "server/domain/catalogue/catalogue.h"
#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/profile.h"
#include "server/domain/kernel/rows.h"

static enum status too_large(struct fault *why)
{
    return fault_set(why, STATUS_NO_MEMORY, NULL, "the answer is too large");
}

/* ---- categories ------------------------------------------------------------------------------------------------ */

enum status category_query_list(const struct query_context *context, struct kv_txn *masters,
                                const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                                struct fault *why)
{
    const Daftari__V1__ListCategories *list = (const Daftari__V1__ListCategories *)request;
    for (;;) {
        struct slice key, value;
        enum status status = query_next_row(context, masters, TABLE_CATEGORY, cursor, &key, &value, why);
        if (status != STATUS_OK)
            return status;
        Daftari__V1__CategoryInfo *info =
            row_message(masters, value, &daftari__v1__category_info__descriptor, context->arena);
        if (info == NULL)
            return query_end(masters, STATUS_END, why);
        if (list->active_only && !info->active)
            continue;
        *out = &info->base;
        return STATUS_OK;
    }
}

/* ---- items ----------------------------------------------------------------------------------------------------- */

static bool in_category(struct kv_txn *masters, uint16_t category, uint16_t wanted)
{
    for (unsigned level = 0; category != 0 && level < CATEGORY_LEVELS_MAX; level++) {
        if (category == wanted)
            return true;
        category = category_parent(masters, category);
    }
    return false;
}

enum status item_query_list(const struct query_context *context, struct kv_txn *masters,
                            const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                            struct fault *why)
{
    const Daftari__V1__ListItems *list = (const Daftari__V1__ListItems *)request;
    uint16_t category = 0;
    if (list->category != NULL && !category_find(masters, list->category, &category))
        return query_end(masters,
                         fault_refuse(why, DAFTARI__V1__REASON__CATEGORY_UNKNOWN, "category",
                                      "there is no category %.100s", list->category),
                         why);
    for (;;) {
        struct slice key, value;
        struct item_row row;
        enum status status = query_next_row(context, masters, TABLE_ITEM, cursor, &key, &value, why);
        if (status != STATUS_OK)
            return status;
        if (key.len != 4 || !item_row_get(masters, be32_get(key.ptr), &row))
            return query_end(masters, STATUS_END, why);
        if ((list->active_only && !row.active) ||
            (category != 0 && !in_category(masters, row.category, category)))
            continue;
        Daftari__V1__ItemInfo *info = item_info_get(masters, row.number, context->arena);
        if (info == NULL)
            return query_end(masters, STATUS_END, why);
        *out = &info->base;
        return STATUS_OK;
    }
}

enum status item_query_show(const struct query_context *context, struct kv_txn *masters,
                            const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                            struct fault *why)
{
    const Daftari__V1__ShowItem *show = (const Daftari__V1__ShowItem *)request;
    struct item_row row;
    (void)cursor;
    if (show->code == NULL || !item_find(masters, show->code, &row))
        return query_end(masters, fault_set(why, STATUS_NOT_FOUND, "code", "there is no item with this code"),
                         why);
    Daftari__V1__ItemInfo *info = item_info_get(masters, row.number, context->arena);
    if (info == NULL)
        return query_end(masters, STATUS_NOT_FOUND, why);
    *out = &info->base;
    return STATUS_OK;
}

/* ---- tax codes ------------------------------------------------------------------------------------------------- */

static bool add_rates(Daftari__V1__TaxCodeInfo *info, struct slice rates, struct arena *arena)
{
    size_t count = rates.len / RATE_BYTES;
    if (count == 0)
        return true;
    Daftari__V1__TaxRate *all = arena_take(arena, count * sizeof *all);
    info->rates = arena_take(arena, count * sizeof *info->rates);
    if (all == NULL || info->rates == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *rate = rates.ptr + i * RATE_BYTES;
        daftari__v1__tax_rate__init(&all[i]);
        all[i].from_date = be32_get(rate);
        all[i].has_from_date = all[i].from_date != 0;
        all[i].has_rate_bp = true;
        all[i].rate_bp = be32_get(rate + 4);
        info->rates[i] = &all[i];
    }
    info->n_rates = count;
    return true;
}

enum status tax_code_query_list(const struct query_context *context, struct kv_txn *masters,
                                const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                                struct fault *why)
{
    struct slice key, value;
    struct tax_code_row row;
    (void)request;
    enum status status = query_next_row(context, masters, TABLE_TAX_CODE, cursor, &key, &value, why);
    if (status != STATUS_OK)
        return status;
    if (!tax_code_row_decode(masters, value, &row))
        return query_end(masters, STATUS_END, why);
    Daftari__V1__TaxCodeInfo *info =
        row_message(masters, row.info, &daftari__v1__tax_code_info__descriptor, context->arena);
    if (info == NULL)
        return query_end(masters, STATUS_END, why);
    if (!add_rates(info, row.rates, context->arena))
        return too_large(why);
    *out = &info->base;
    return STATUS_OK;
}

/* ---- prices ---------------------------------------------------------------------------------------------------- */

/* What a list asks for. */
struct price_list {
    bool one_business;
    uint16_t business; /* with one_business: its own prices and those of HQ */
    uint32_t item;     /* 0: all */
    civil_date as_at;  /* 0: every price there was */
};

static enum status price_list_of(const struct query_context *context, struct kv_txn *masters,
                                 const Daftari__V1__ListPrices *request, struct price_list *out,
                                 struct fault *why)
{
    struct item_row item;
    *out = (struct price_list){.as_at = request->has_as_at_date ? request->as_at_date : 0};
    if (request->has_as_at_date && !date_valid(request->as_at_date))
        return fault_set(why, STATUS_INVALID, "as_at_date", "a real date as YYYYMMDD, got %u",
                         request->as_at_date);
    if (request->business != NULL) {
        if (!business_find(masters, request->business, &out->business))
            return query_end(masters,
                             fault_refuse(why, DAFTARI__V1__REASON__BUSINESS_UNKNOWN, "business",
                                          "there is no business %.20s", request->business),
                             why);
        if (out->business != HEAD_OFFICE && !may_in_business(context->rights, out->business, PERMISSION_READ))
            return fault_set(why, STATUS_DENIED, "business", "you may not see this business");
        out->one_business = true;
    }
    if (request->item != NULL) {
        enum status status = item_require(masters, request->item, "item", &item, why);
        if (status != STATUS_OK)
            return query_end(masters, status, why);
        out->item = item.number;
    }
    return STATUS_OK;
}

/* How many of the prices in a row have begun by a date. */
static size_t begun(struct slice prices, civil_date date)
{
    size_t count = 0;
    while ((count + 1) * PRICE_BYTES <= prices.len && be32_get(prices.ptr + count * PRICE_BYTES) <= date)
        count++;
    return count;
}

static bool has_own_price(struct kv_txn *masters, uint32_t item, const struct price_list *list)
{
    struct row_key key = row_key_u32(item);
    struct slice row;
    row_key_add_u16(&key, list->business);
    return kv_get(masters, TABLE_PRICE, row_key_slice(&key), &row) && begun(row, list->as_at) != 0;
}

static bool wanted(const struct query_context *context, struct kv_txn *masters, const struct price_list *list,
                   uint32_t item, uint16_t business)
{
    if (list->item != 0 && item != list->item)
        return false;
    if (!list->one_business)
        return business == HEAD_OFFICE || may_in_business(context->rights, business, PERMISSION_READ);
    if (business == list->business)
        return true;
    /* HQ's holds where the business has none of its own. */
    return business == HEAD_OFFICE && (list->as_at == 0 || !has_own_price(masters, item, list));
}

static enum status price_info(const struct query_context *context, struct kv_txn *masters, uint32_t item,
                              uint16_t business, const uint8_t *price, ProtobufCMessage **out,
                              struct fault *why)
{
    civil_date from = be32_get(price);
    int64_t minor = (int64_t)be64_get(price + 4);
    Daftari__V1__PriceInfo *info = message_new(&daftari__v1__price_info__descriptor, context->arena);
    const Daftari__V1__ItemInfo *of = item_info_get(masters, item, context->arena);
    if (info == NULL || of == NULL)
        return query_end(masters, too_large(why), why);
    info->business =
        arena_text(context->arena, slice_text(business_code_of(masters, business, context->arena)));
    if (info->business == NULL)
        return too_large(why);
    info->item = of->code;
    info->name = of->name;
    info->has_from_date = info->has_price_minor = true;
    info->from_date = from;
    info->price_minor = minor;
    *out = &info->base;
    return STATUS_OK;
}

/* The cursor is a key of the table and, where more of its prices are to come, the index of the next one. */
enum status price_query_list(const struct query_context *context, struct kv_txn *masters,
                             const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                             struct fault *why)
{
    enum { KEY_BYTES = 6, PLACE_BYTES = KEY_BYTES + 2 };
    struct price_list list;
    struct slice key, row;
    enum status status =
        price_list_of(context, masters, (const Daftari__V1__ListPrices *)request, &list, why);
    if (status != STATUS_OK)
        return status;
    for (;;) {
        size_t index = 0;
        if (cursor->len == PLACE_BYTES) {
            index = be16_get(cursor->ptr + KEY_BYTES);
            key = slice_of(cursor->ptr, KEY_BYTES);
            if (!kv_get(masters, TABLE_PRICE, key, &row))
                return query_end(masters, STATUS_END, why);
        } else {
            status = query_next_row(context, masters, TABLE_PRICE, cursor, &key, &row, why);
            if (status != STATUS_OK)
                return status;
            key = *cursor; /* its copy in the arena */
        }
        if (key.len != KEY_BYTES)
            return query_end(masters, STATUS_END, why);
        uint32_t item = be32_get(key.ptr);
        uint16_t business = be16_get(key.ptr + 4);
        size_t count = list.as_at != 0 ? begun(row, list.as_at) : row.len / PRICE_BYTES;
        if (list.as_at != 0 && count != 0)
            index = count - 1;
        if (index >= count || !wanted(context, masters, &list, item, business)) {
            *cursor = key;
            continue;
        }
        uint8_t *place = arena_take(context->arena, PLACE_BYTES);
        if (place == NULL)
            return too_large(why);
        memcpy(place, key.ptr, KEY_BYTES);
        be16_put(place + KEY_BYTES, (uint16_t)(index + 1));
        *cursor = slice_of(place, list.as_at == 0 && index + 1 < count ? PLACE_BYTES : KEY_BYTES);
        return price_info(context, masters, item, business, row.ptr + index * PRICE_BYTES, out, why);
    }
}

/* ---- posting rules --------------------------------------------------------------------------------------------- */

static enum status rule_info(const struct query_context *context, struct kv_txn *masters, uint16_t business,
                             Daftari__V1__AccountRole role, uint16_t category, uint32_t account,
                             ProtobufCMessage **out, struct fault *why)
{
    Daftari__V1__PostingRuleInfo *info =
        message_new(&daftari__v1__posting_rule_info__descriptor, context->arena);
    const Daftari__V1__AccountInfo *of = account_info_get(masters, account, context->arena);
    if (info == NULL || of == NULL)
        return query_end(masters, too_large(why), why);
    info->business =
        arena_text(context->arena, slice_text(business_code_of(masters, business, context->arena)));
    if (info->business == NULL)
        return too_large(why);
    if (category != CATEGORY_ANY) {
        const Daftari__V1__CategoryInfo *named = category_info_get(masters, category, context->arena);
        if (named == NULL)
            return query_end(masters, too_large(why), why);
        info->category = named->name;
    }
    info->has_role = info->has_account = true;
    info->role = role;
    info->account = account;
    info->account_name = of->name;
    *out = &info->base;
    return STATUS_OK;
}

/* The cursor is the business and the index of its next rule, two bytes each. */
enum status posting_rule_query_list(const struct query_context *context, struct kv_txn *masters,
                                    const ProtobufCMessage *request, struct slice *cursor,
                                    ProtobufCMessage **out, struct fault *why)
{
    const Daftari__V1__ListPostingRules *list = (const Daftari__V1__ListPostingRules *)request;
    uint16_t business = cursor->len == 4 ? be16_get(cursor->ptr) : HEAD_OFFICE;
    uint16_t index = cursor->len == 4 ? be16_get(cursor->ptr + 2) : 0;
    if (list->business != NULL) {
        if (!business_find(masters, list->business, &business))
            return query_end(masters,
                             fault_refuse(why, DAFTARI__V1__REASON__BUSINESS_UNKNOWN, "business",
                                          "there is no business %.20s", list->business),
                             why);
        if (!may_in_business(context->rights, business, PERMISSION_READ))
            return fault_set(why, STATUS_DENIED, "business", "you may not see this business");
    }
    for (; business < BUSINESSES_MAX; business++, index = 0) {
        struct profile profile;
        Daftari__V1__AccountRole role;
        uint16_t category;
        uint32_t account;
        if (may_in_business(context->rights, business, PERMISSION_READ)) {
            profile_get(masters, business, context->arena, &profile);
            if (profile_rule_at(&profile, index, &role, &category, &account)) {
                uint8_t *place = arena_take(context->arena, 4);
                if (place == NULL)
                    return too_large(why);
                be16_put(place, business);
                be16_put(place + 2, (uint16_t)(index + 1));
                *cursor = slice_of(place, 4);
                return rule_info(context, masters, business, role, category, account, out, why);
            }
        }
        if (list->business != NULL)
            break;
    }
    return query_end(masters, STATUS_END, why);
}
