/* Recipes, the bill of materials: what one unit of an item is made of. Master data. */
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/production/production.h"
#include "type_ids.h"

static struct row_key recipe_key(uint32_t item, uint16_t business)
{
    struct row_key key = row_key_u32(item);
    row_key_add_u16(&key, business);
    return key;
}

static Daftari__V1__RecipeInfo *recipe_of(struct kv_txn *state, uint32_t item, uint16_t business,
                                          struct arena *arena)
{
    struct row_key key = recipe_key(item, business);
    return row_get_message(state, TABLE_RECIPE, row_key_slice(&key), &daftari__v1__recipe_info__descriptor,
                           arena);
}

Daftari__V1__RecipeInfo *recipe_get(struct kv_txn *state, uint32_t item, uint16_t business,
                                    struct arena *arena)
{
    Daftari__V1__RecipeInfo *own = recipe_of(state, item, business, arena);
    return own != NULL || business == HEAD_OFFICE ? own : recipe_of(state, item, HEAD_OFFICE, arena);
}

/* ---- define --------------------------------------------------------------------------------------------------- */

static int64_t line_quantity(const Daftari__V1__RecipeLine *line)
{
    return line->has_quantity_milli ? line->quantity_milli : QUANTITY_ONE;
}

struct part {
    uint32_t item;
    uint16_t condition;
};

static void check_line(struct document *document, const Daftari__V1__DefineRecipe *define,
                       const struct item_row *made, size_t index, struct part *parts)
{
    const Daftari__V1__RecipeLine *line = define->lines[index];
    char path[FAULT_FIELD_MAX];
    struct stock_line_terms terms = {
        .list = "lines", .index = index, .fallback = DAFTARI__V1__CONDITION__CONDITION_EMPTY};
    struct item_row item = {0};
    uint16_t condition = 0;
    stock_line_item(document, &terms, line->item, line->has_condition, line->condition, &item, &condition);
    stock_line_quantity(document, "lines", index, line_quantity(line));
    if (document->status != STATUS_OK)
        return;
    (void)form_path(path, "lines", index, "item");
    if (item.number == made->number && condition == made_condition(made))
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__RECIPE_CIRCLE, path,
                                             "%.50s cannot be made of itself", line->item));
    for (size_t i = 0; document->status == STATUS_OK && i < index; i++)
        if (parts[i].item == item.number && parts[i].condition == condition)
            document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__ITEM_TWICE, path,
                                                 "%.50s stands in the recipe twice: add it up", line->item));
    parts[index] = (struct part){item.number, condition};
}

enum status recipe_decide_define(const struct context *context, struct kv_txn *state,
                                 const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__DefineRecipe *define = (const Daftari__V1__DefineRecipe *)command;
    struct document document = {.context = context, .state = state, .out = out, .why = why};
    struct part parts[RECIPE_LINES_MAX];
    struct item_row made;
    facts_get(state, &document.facts);
    enum status status = define->n_lines > RECIPE_LINES_MAX
                             ? fault_set(why, STATUS_INVALID, "lines", "at most %u lines", RECIPE_LINES_MAX)
                             : STATUS_OK;
    if (status == STATUS_OK)
        status = business_require(context, state, &document.facts, define->business, false, "business",
                                  &document.business, why);
    if (status != STATUS_OK)
        return status;
    if (text_empty(define->item) || !item_find(state, define->item, &made))
        return fault_refuse(why, DAFTARI__V1__REASON__ITEM_UNKNOWN, "item",
                            "there is no item with the code or barcode %.50s",
                            define->item != NULL ? define->item : "");
    if (made.service)
        return fault_refuse(why, DAFTARI__V1__REASON__ITEM_NOT_STOCKED, "item",
                            "%.50s is a service: it is not made for stock", define->item);
    for (size_t i = 0; document.status == STATUS_OK && i < define->n_lines; i++)
        check_line(&document, define, &made, i, parts);
    if (document.status != STATUS_OK)
        return document.status;
    out->nothing_to_do =
        define->n_lines == 0 && recipe_of(state, made.number, document.business, context->arena) == NULL;

    /* accepted */
    out->type = EVENT_RECIPE_DEFINED;
    out->business = document.business;
    return STATUS_OK;
}

/* The row says codes, not the barcodes that the command may have said. */
void recipe_apply_defined(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                          struct arena *arena)
{
    const Daftari__V1__DefineRecipe *define = (const Daftari__V1__DefineRecipe *)payload;
    Daftari__V1__RecipeInfo info = DAFTARI__V1__RECIPE_INFO__INIT;
    struct item_row item;
    if (!item_find(state, define->item, &item)) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    struct row_key key = recipe_key(item.number, record->header.business);
    if (define->n_lines == 0) {
        kv_del(state, TABLE_RECIPE, row_key_slice(&key));
        return;
    }
    info.item = (char *)(uintptr_t)item_code_of(state, item.number, arena);
    info.business = (char *)(uintptr_t)business_code_of(state, record->header.business, arena);
    info.n_lines = define->n_lines;
    info.lines = define->lines;
    for (size_t i = 0; i < info.n_lines; i++) {
        Daftari__V1__RecipeLine *line = info.lines[i];
        if (!item_find(state, line->item, &item)) {
            kv_set_error(state, STATUS_CORRUPT);
            return;
        }
        line->item = (char *)(uintptr_t)item_code_of(state, item.number, arena);
        line->quantity_milli = line_quantity(line);
        line->has_quantity_milli = true;
        if (item.container && !line->has_condition) {
            line->has_condition = true;
            line->condition = DAFTARI__V1__CONDITION__CONDITION_EMPTY;
        }
    }
    row_put_message(state, TABLE_RECIPE, row_key_slice(&key), &info.base, arena);
}

enum status recipe_query_list(const struct query_context *context, struct kv_txn *masters,
                              const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                              struct fault *why)
{
    const Daftari__V1__ListRecipes *list = (const Daftari__V1__ListRecipes *)request;
    struct slice key, value;
    for (;;) {
        enum status status = query_next_row(context, masters, TABLE_RECIPE, cursor, &key, &value, why);
        if (status != STATUS_OK)
            return status;
        if (!may_in_business(context->rights, be16_get(key.ptr + 4), PERMISSION_READ))
            continue;
        Daftari__V1__RecipeInfo *info =
            row_message(masters, value, &daftari__v1__recipe_info__descriptor, context->arena);
        if (info == NULL)
            return query_end(masters, STATUS_END, why);
        if ((!text_empty(list->business) && !text_same(info->business, list->business)) ||
            (!text_empty(list->item) && !text_same(info->item, list->item)))
            continue;
        *out = &info->base;
        return STATUS_OK;
    }
}
