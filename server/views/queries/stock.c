/* Stock.List: the rows of the stock view that are asked for, as they stood at the first step. */
#include <stdlib.h>

#include "proto/base/bytes.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/item_row.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/profile.h"
#include "server/domain/kernel/rows.h"
#include "server/views/queries/queries.h"
#include "server/views/stock/stock_view.h"
#include "stock.pb-c.h"

#define ROWS_MAX        50000u /* of one answer: 2.4 MiB */
#define SCRATCH_BYTES   (256u * 1024u)
#define LOW_STOCK_UNITS 10 /* the setting's default */
#define QUANTITY_UNIT   1000

struct stock_list {
    size_t count, next;
    struct listed {
        struct stock_view_row row;
        bool low;
    } rows[];
};
struct asking {
    const struct query_context *context;
    struct kv_txn *masters, *stock;
    const Daftari__V1__ListStock *asked;
    bool by_business, by_item, by_category;
    uint16_t business, category;
    uint32_t item;
    struct arena scratch; /* for one item at a time: a list may have thousands */
    struct fault *why;
};

static enum status ask(struct asking *asking)
{
    const Daftari__V1__ListStock *asked = asking->asked;
    struct item_row item;
    asking->by_business = !text_empty(asked->business) && strcmp(asked->business, "all") != 0;
    asking->by_item = !text_empty(asked->item);
    asking->by_category = !text_empty(asked->category);
    if (asking->by_business && !business_find(asking->masters, asked->business, &asking->business))
        return fault_set(asking->why, STATUS_INVALID, "business", "the code of a business, or \"all\"");
    if (asking->by_business &&
        !rights_allow_business(asking->context->rights, asking->business, PERMISSION_READ))
        return fault_set(asking->why, STATUS_DENIED, "business", "you may not read the books of %.20s",
                         asked->business);
    if (asking->by_item && !item_find(asking->masters, asked->item, &item))
        return fault_set(asking->why, STATUS_INVALID, "item", "the code or barcode of an item");
    asking->item = asking->by_item ? item.number : 0;
    if (asking->by_category && !category_find(asking->masters, asked->category, &asking->category))
        return fault_set(asking->why, STATUS_INVALID, "category", "the name of a category");
    return STATUS_OK;
}

/* In the category or one below it; a chain of categories ends. */
static bool in_category(struct kv_txn *masters, uint16_t category, uint16_t wanted)
{
    for (unsigned level = 0; category != 0 && category != wanted && level < 32; level++)
        category = category_parent(masters, category);
    return category == wanted;
}

static bool is_asked(const struct asking *asking, const struct stock_view_row *row)
{
    struct item_row item;
    if ((asking->by_item && row->item != asking->item) ||
        !rights_allow_business(asking->context->rights, row->business, PERMISSION_READ))
        return false;
    return !asking->by_category || (item_row_get(asking->masters, row->item, &item) &&
                                    in_category(asking->masters, item.category, asking->category));
}

/* Low: at or below the item's own level, else the business's, all places together. */
static int64_t low_level(struct asking *asking, const struct stock_view_row *row)
{
    int64_t units = LOW_STOCK_UNITS;
    arena_reset(&asking->scratch);
    const Daftari__V1__ItemInfo *item = item_info_get(asking->masters, row->item, &asking->scratch);
    if (item != NULL && item->has_reorder_level_milli)
        return item->reorder_level_milli;
    (void)profile_setting_of(asking->masters, row->business, PROFILE_LOW_STOCK, asking->context->today,
                             &units);
    return units * QUANTITY_UNIT;
}

/* Rows of one item and condition in one business stand together: marks those from `first` on. */
static size_t mark_low(struct asking *asking, struct stock_list *list, size_t first)
{
    int64_t sum = 0;
    const struct stock_view_row *row = &list->rows[first].row;
    for (size_t i = first; i < list->count; i++)
        sum += list->rows[i].row.quantity;
    bool low = sum <= low_level(asking, row);
    for (size_t i = first; i < list->count; i++)
        list->rows[i].low = low;
    if (asking->asked->low_only && !low)
        list->count = first;
    return list->count;
}

static bool same_goods(const struct stock_view_row *a, const struct stock_view_row *b)
{
    return a->business == b->business && a->item == b->item && a->condition == b->condition;
}

static bool grow(struct stock_list **list, size_t *cap)
{
    if (*list != NULL && (*list)->count < *cap)
        return true;
    size_t next = *cap == 0 ? 64 : *cap * 2;
    struct stock_list *grown = realloc(*list, sizeof **list + next * sizeof(*list)->rows[0]);
    if (grown == NULL)
        return false;
    if (*list == NULL)
        grown->count = grown->next = 0;
    *list = grown;
    *cap = next;
    return true;
}

static enum status collect(struct asking *asking, struct stock_list **out)
{
    struct kv_cursor *cursor = kv_cursor_open(asking->stock, STOCK_ROWS);
    struct row_key from = row_key_u16(asking->business);
    size_t cap = 0, first = 0;
    enum status status = grow(out, &cap) ? STATUS_OK : STATUS_NO_MEMORY;
    bool more = asking->by_business ? kv_seek(cursor, row_key_slice(&from)) : kv_next(cursor);
    for (; status == STATUS_OK && more; more = kv_next(cursor)) {
        struct stock_view_row row;
        if (!stock_view_row(asking->stock, cursor, &row) ||
            (asking->by_business && row.business != asking->business))
            break;
        if (!is_asked(asking, &row))
            continue;
        if (first < (*out)->count && !same_goods(&(*out)->rows[first].row, &row))
            first = mark_low(asking, *out, first);
        if ((*out)->count == ROWS_MAX)
            status = fault_set(asking->why, STATUS_TOO_LARGE, NULL,
                               "more than %u rows: name a business or a category", ROWS_MAX);
        else if (grow(out, &cap))
            (*out)->rows[(*out)->count++] = (struct listed){.row = row};
        else
            status = STATUS_NO_MEMORY;
    }
    kv_cursor_close(cursor);
    if (status == STATUS_OK && first < (*out)->count)
        (void)mark_low(asking, *out, first);
    return status;
}

static char *place_name(const struct asking *asking, const struct stock_view_row *row)
{
    struct row_key key = row_key_u16(row->business);
    row_key_add_u16(&key, row->place);
    const Daftari__V1__PlaceInfo *place =
        row_get_message(asking->masters, TABLE_PLACE, row_key_slice(&key),
                        &daftari__v1__place_info__descriptor, asking->context->arena);
    return place != NULL ? place->name : NULL;
}

static enum status make(const struct asking *asking, const struct listed *listed, ProtobufCMessage **out)
{
    struct arena *arena = asking->context->arena;
    const struct stock_view_row *row = &listed->row;
    const Daftari__V1__ItemInfo *item = item_info_get(asking->masters, row->item, arena);
    Daftari__V1__StockInfo *info = message_new(&daftari__v1__stock_info__descriptor, arena);
    if (info == NULL)
        return STATUS_NO_MEMORY;
    info->business = (char *)(uintptr_t)business_code_of(asking->masters, row->business, arena);
    info->item = item != NULL ? item->code : NULL;
    info->name = item != NULL ? item->name : NULL;
    info->unit = item != NULL ? item->unit : NULL;
    info->has_condition = row->condition != 0;
    info->condition = (Daftari__V1__Condition)row->condition;
    info->place = row->place != 0 ? place_name(asking, row) : NULL;
    info->has_quantity_milli = info->has_value_minor = info->has_low = true;
    info->quantity_milli = row->quantity;
    info->value_minor = row->value;
    info->low = listed->low;
    *out = &info->base;
    return STATUS_OK;
}

enum status query_stock_list(struct view_reader *reader, const struct query_context *context,
                             const ProtobufCMessage *request, void **state, ProtobufCMessage **out,
                             struct fault *why)
{
    struct asking asking = {.context = context,
                            .masters = reader->txn(reader, VIEW_MASTERS),
                            .stock = reader->txn(reader, VIEW_STOCK),
                            .asked = (const Daftari__V1__ListStock *)request,
                            .why = why};
    if (asking.masters == NULL || asking.stock == NULL)
        return STATUS_UNAVAILABLE;
    if (*state == NULL) {
        struct stock_list *list = NULL;
        enum status status = ask(&asking);
        arena_init(&asking.scratch, SCRATCH_BYTES);
        if (status == STATUS_OK)
            status = collect(&asking, &list);
        arena_done(&asking.scratch);
        *state = list;
        if (status != STATUS_OK)
            return status;
    }
    struct stock_list *list = *state;
    if (list->next == list->count)
        return STATUS_END;
    return make(&asking, &list->rows[list->next++], out);
}
