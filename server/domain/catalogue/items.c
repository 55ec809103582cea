#include "server/domain/catalogue/catalogue.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/kernel/stock.h"
#include "type_ids.h"

static const char default_unit[] = "piece";

/* ---- form ------------------------------------------------------------------------------------------------------ */

static enum status form_item_code(const char *code, const char *field, struct fault *why)
{
    size_t len = code != NULL ? strlen(code) : 0;
    bool good = len >= 1 && len <= ITEM_CODE_MAX;
    for (size_t i = 0; good && i < len; i++)
        good = (code[i] >= 'A' && code[i] <= 'Z') || (code[i] >= 'a' && code[i] <= 'z') ||
               (code[i] >= '0' && code[i] <= '9') || strchr("-._/", code[i]) != NULL;
    if (good)
        return STATUS_OK;
    return fault_set(why, STATUS_INVALID, field, "1 to %u letters, digits, '-', '.', '_' and '/'",
                     ITEM_CODE_MAX);
}

static enum status form_barcodes(char *const *barcodes, size_t count, const char *list, struct fault *why)
{
    char path[FAULT_FIELD_MAX];
    if (count > BARCODES_MAX)
        return fault_set(why, STATUS_INVALID, list, "at most %u barcodes", BARCODES_MAX);
    for (size_t i = 0; i < count; i++) {
        (void)form_path(path, list, i, "");
        path[strlen(path) - 1] = '\0'; /* the point: these are texts, not messages */
        enum status status = form_item_code(barcodes[i], path, why);
        if (status != STATUS_OK)
            return status;
        for (size_t j = 0; j < i; j++)
            if (strcmp(barcodes[i], barcodes[j]) == 0)
                return fault_set(why, STATUS_INVALID, path, "%s is given twice", barcodes[i]);
    }
    return STATUS_OK;
}

static enum status form_reorder(bool given, int64_t level, struct fault *why)
{
    if (given && (level < 0 || level > QUANTITY_MAX))
        return fault_set(why, STATUS_INVALID, "reorder_level_milli", "a quantity, not negative");
    return STATUS_OK;
}

static enum status form_define(const Daftari__V1__DefineItem *define, struct fault *why)
{
    enum status status = form_item_code(define->code, "code", why);
    if (status == STATUS_OK)
        status = form_text(define->name, "name", NAME_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = form_text(define->unit, "unit", UNIT_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = form_barcodes(define->barcodes, define->n_barcodes, "barcodes", why);
    if (status == STATUS_OK)
        status = form_text(define->description, "description", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = form_text(define->tax_class, "tax_class", TAX_CLASS_MAX, false, why);
    if (status == STATUS_OK)
        status = form_reorder(define->has_reorder_level_milli, define->reorder_level_milli, why);
    for (size_t i = 0; status == STATUS_OK && i < define->n_barcodes; i++)
        if (strcmp(define->barcodes[i], define->code) == 0)
            status = fault_set(why, STATUS_INVALID, "barcodes", "the code itself is no barcode besides");
    return status;
}

/* ---- rules ----------------------------------------------------------------------------------------------------- */

enum status item_require(struct kv_txn *state, const char *code, const char *field, struct item_row *out,
                         struct fault *why)
{
    if (code != NULL && item_find(state, code, out))
        return STATUS_OK;
    return fault_refuse(why, DAFTARI__V1__REASON__ITEM_UNKNOWN, field, "there is no item %.50s",
                        code != NULL ? code : "without a code");
}

static enum status codes_free(struct kv_txn *state, char *const *codes, size_t count, const char *list,
                              struct arena *arena, struct fault *why)
{
    struct item_row item;
    for (size_t i = 0; i < count; i++)
        if (item_find(state, codes[i], &item))
            return fault_refuse(why, DAFTARI__V1__REASON__ITEM_CODE_IN_USE, list, "%s belongs to item %s",
                                codes[i], item_code_of(state, item.number, arena));
    return STATUS_OK;
}

/* Category and tax code as a command names them; NULL leaves the number as it is, empty makes it none. */
static enum status find_kinds(struct kv_txn *state, const char *category, const char *tax_code,
                              struct arena *arena, struct item_row *row, struct fault *why)
{
    enum status status = STATUS_OK;
    if (category != NULL) {
        row->category = 0;
        if (category[0] != '\0')
            status = category_require(state, category, "category", arena, &row->category, why);
    }
    if (status == STATUS_OK && tax_code != NULL) {
        row->tax_code = 0;
        if (tax_code[0] != '\0')
            status = tax_code_require(state, tax_code, "tax_code", &row->tax_code, why);
    }
    return status;
}

/* ---- define ---------------------------------------------------------------------------------------------------- */

static bool same_barcodes(const Daftari__V1__ItemInfo *info, const Daftari__V1__DefineItem *define)
{
    if (info->n_barcodes != define->n_barcodes)
        return false;
    for (size_t i = 0; i < info->n_barcodes; i++)
        if (strcmp(info->barcodes[i], define->barcodes[i]) != 0)
            return false;
    return true;
}

static bool same_item(const Daftari__V1__ItemInfo *info, const Daftari__V1__DefineItem *define)
{
    return text_same(info->name, define->name) && info->kind == define->kind &&
           text_same(info->unit, text_empty(define->unit) ? default_unit : define->unit) &&
           text_same(info->category, define->category) && text_same(info->tax_code, define->tax_code) &&
           info->pricing == define->pricing && same_barcodes(info, define) &&
           text_same(info->description, define->description) && info->container == define->container &&
           info->has_reorder_level_milli == define->has_reorder_level_milli &&
           info->reorder_level_milli == define->reorder_level_milli && info->volume_ml == define->volume_ml &&
           text_same(info->tax_class, define->tax_class);
}

enum status item_decide_define(const struct context *context, struct kv_txn *state,
                               const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__DefineItem *define = (const Daftari__V1__DefineItem *)command;
    struct item_row row = {0};
    enum status status = form_define(define, why);
    if (status != STATUS_OK)
        return status;
    if (item_find(state, define->code, &row)) {
        const Daftari__V1__ItemInfo *info = item_info_get(state, row.number, context->arena);
        if (info == NULL || strcmp(info->code, define->code) != 0)
            return fault_refuse(why, DAFTARI__V1__REASON__ITEM_CODE_IN_USE, "code",
                                "%s is a barcode of another item", define->code);
        if (!same_item(info, define))
            return fault_refuse(why, DAFTARI__V1__REASON__ITEM_EXISTS, "code",
                                "item %s exists with other particulars: change it, or give another code",
                                define->code);
        out->nothing_to_do = true;
        return STATUS_OK;
    }
    status = codes_free(state, define->barcodes, define->n_barcodes, "barcodes", context->arena, why);
    if (status == STATUS_OK && define->kind == DAFTARI__V1__ITEM_KIND__ITEM_SERVICE &&
        (define->container || define->has_reorder_level_milli))
        status = fault_refuse(why, DAFTARI__V1__REASON__ITEM_NOT_STOCKED,
                              define->container ? "container" : "reorder_level_milli",
                              "a service is not kept in stock");
    if (status == STATUS_OK)
        status = find_kinds(state, define->category, define->tax_code, context->arena, &row, why);
    if (status == STATUS_OK)
        status = catalogue_give_number(row_next_number_u32(state, TABLE_ITEM, 1), UINT32_MAX - 1, out, why);
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_ITEM_DEFINED;
    return STATUS_OK;
}

static void put_codes(struct kv_txn *state, char *const *codes, size_t count, uint32_t number)
{
    for (size_t i = 0; i < count; i++)
        row_put_u32(state, TABLE_ITEM_CODE, slice_text(codes[i]), number);
}

void item_apply_define(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                       struct arena *arena)
{
    const Daftari__V1__DefineItem *define = (const Daftari__V1__DefineItem *)payload;
    struct item_row row = {
        .number = record->header.number,
        .service = define->kind == DAFTARI__V1__ITEM_KIND__ITEM_SERVICE,
        .container = define->container,
        .active = true,
        .pricing = define->pricing,
    };
    Daftari__V1__ItemInfo info = DAFTARI__V1__ITEM_INFO__INIT;
    char unit[sizeof default_unit];
    struct fault why;
    if (find_kinds(state, define->category, define->tax_code, arena, &row, &why) != STATUS_OK) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    memcpy(unit, default_unit, sizeof unit);
    info.code = define->code;
    info.name = define->name;
    info.has_kind = info.has_pricing = info.has_container = info.has_active = info.has_number = true;
    info.kind = define->kind;
    info.unit = text_empty(define->unit) ? unit : define->unit;
    info.category = text_or_none(define->category);
    info.tax_code = text_or_none(define->tax_code);
    info.pricing = define->pricing;
    info.n_barcodes = define->n_barcodes;
    info.barcodes = define->barcodes;
    info.description = text_or_none(define->description);
    info.container = define->container;
    info.has_reorder_level_milli = define->has_reorder_level_milli;
    info.reorder_level_milli = define->reorder_level_milli;
    info.has_volume_ml = define->volume_ml != 0;
    info.volume_ml = define->volume_ml;
    info.tax_class = text_or_none(define->tax_class);
    info.active = true;
    info.number = row.number;
    item_row_put(state, &row, &info, arena);
    put_codes(state, &define->code, 1, row.number);
    put_codes(state, define->barcodes, define->n_barcodes, row.number);
}

/* ---- change ---------------------------------------------------------------------------------------------------- */

static bool among(const char *code, char *const *codes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(codes[i], code) == 0)
            return true;
    return false;
}

static enum status check_barcodes(struct kv_txn *state, const Daftari__V1__ChangeItem *change,
                                  const Daftari__V1__ItemInfo *info, struct arena *arena, struct fault *why)
{
    enum status status = form_barcodes(change->add_barcodes, change->n_add_barcodes, "add_barcodes", why);
    if (status == STATUS_OK)
        status = form_barcodes(change->drop_barcodes, change->n_drop_barcodes, "drop_barcodes", why);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < change->n_drop_barcodes; i++)
        if (!among(change->drop_barcodes[i], info->barcodes, info->n_barcodes))
            return fault_refuse(why, DAFTARI__V1__REASON__ITEM_UNKNOWN, "drop_barcodes",
                                "%s is no barcode of this item", change->drop_barcodes[i]);
    if (info->n_barcodes - change->n_drop_barcodes + change->n_add_barcodes > BARCODES_MAX)
        return fault_set(why, STATUS_INVALID, "add_barcodes", "at most %u barcodes of one item",
                         BARCODES_MAX);
    return codes_free(state, change->add_barcodes, change->n_add_barcodes, "add_barcodes", arena, why);
}

static enum status form_change(const Daftari__V1__ChangeItem *change, struct fault *why)
{
    enum status status = STATUS_OK;
    if (change->name != NULL)
        status = form_text(change->name, "name", NAME_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = form_text(change->description, "description", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = form_text(change->tax_class, "tax_class", TAX_CLASS_MAX, false, why);
    if (status == STATUS_OK)
        status = form_reorder(change->has_reorder_level_milli, change->reorder_level_milli, why);
    return status;
}

/* The item by its own code alone: what changes an item is not said with a barcode, which may move to another. */
static enum status named_item(const struct context *context, struct kv_txn *state, const char *code,
                              struct item_row *out_row, Daftari__V1__ItemInfo **out_info, struct fault *why)
{
    enum status status = item_require(state, code, "code", out_row, why);
    if (status != STATUS_OK)
        return status;
    *out_info = item_info_get(state, out_row->number, context->arena);
    if (*out_info == NULL || strcmp((*out_info)->code, code) != 0)
        return fault_refuse(why, DAFTARI__V1__REASON__ITEM_UNKNOWN, "code",
                            "%s is a barcode: give the code of the item", code);
    return STATUS_OK;
}

enum status item_decide_change(const struct context *context, struct kv_txn *state,
                               const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__ChangeItem *change = (const Daftari__V1__ChangeItem *)command;
    struct item_row row;
    Daftari__V1__ItemInfo *info;
    enum status status = named_item(context, state, change->code, &row, &info, why);
    if (status == STATUS_OK)
        status = form_change(change, why);
    if (status == STATUS_OK)
        status = check_barcodes(state, change, info, context->arena, why);
    if (status == STATUS_OK && row.service && change->has_reorder_level_milli)
        status = fault_refuse(why, DAFTARI__V1__REASON__ITEM_NOT_STOCKED, "reorder_level_milli",
                              "a service is not kept in stock");
    if (status == STATUS_OK)
        status = find_kinds(state, change->category, change->tax_code, context->arena, &row, why);
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_ITEM_CHANGED;
    out->number = row.number;
    return STATUS_OK;
}

static void change_barcodes(struct kv_txn *state, const Daftari__V1__ChangeItem *change,
                            Daftari__V1__ItemInfo *info, struct arena *arena)
{
    size_t count = 0;
    char **codes = arena_take(arena, (info->n_barcodes + change->n_add_barcodes + 1) * sizeof *codes);
    if (codes == NULL) {
        kv_set_error(state, STATUS_NO_MEMORY);
        return;
    }
    for (size_t i = 0; i < info->n_barcodes; i++)
        if (among(info->barcodes[i], change->drop_barcodes, change->n_drop_barcodes))
            kv_del(state, TABLE_ITEM_CODE, slice_text(info->barcodes[i]));
        else
            codes[count++] = info->barcodes[i];
    for (size_t i = 0; i < change->n_add_barcodes; i++)
        codes[count++] = change->add_barcodes[i];
    put_codes(state, change->add_barcodes, change->n_add_barcodes, info->number);
    info->barcodes = codes;
    info->n_barcodes = count;
}

void item_apply_change(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                       struct arena *arena)
{
    const Daftari__V1__ChangeItem *change = (const Daftari__V1__ChangeItem *)payload;
    struct item_row row;
    struct fault why;
    Daftari__V1__ItemInfo *info = item_info_get(state, record->header.number, arena);
    if (info == NULL || !item_row_get(state, record->header.number, &row) ||
        find_kinds(state, change->category, change->tax_code, arena, &row, &why) != STATUS_OK) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    if (change->name != NULL)
        info->name = change->name;
    if (change->category != NULL)
        info->category = text_or_none(change->category);
    if (change->tax_code != NULL)
        info->tax_code = text_or_none(change->tax_code);
    if (change->description != NULL)
        info->description = text_or_none(change->description);
    if (change->tax_class != NULL)
        info->tax_class = text_or_none(change->tax_class);
    if (change->has_reorder_level_milli) {
        info->has_reorder_level_milli = true;
        info->reorder_level_milli = change->reorder_level_milli;
    }
    if (change->has_volume_ml) {
        info->has_volume_ml = change->volume_ml != 0;
        info->volume_ml = change->volume_ml;
    }
    change_barcodes(state, change, info, arena);
    item_row_put(state, &row, info, arena);
}

/* ---- deactivate, reactivate ------------------------------------------------------------------------------------ */

/* A quantity other than zero, of either sign, anywhere. The quantity is the first field of a stock row. */
static bool has_stock(struct kv_txn *state, uint32_t item)
{
    struct row_key prefix = row_key_u32(item);
    struct slice key, value;
    bool found = false;
    struct kv_cursor *cursor = kv_cursor_open(state, TABLE_STOCK);
    for (bool more = kv_seek(cursor, row_key_slice(&prefix)); more && !found; more = kv_next(cursor)) {
        kv_row(cursor, &key, &value);
        if (!slice_starts_with(key, row_key_slice(&prefix)))
            break;
        found = value.len >= 8 && be64_get(value.ptr) != 0;
    }
    kv_cursor_close(cursor);
    return found;
}

enum status item_decide_deactivate(const struct context *context, struct kv_txn *state,
                                   const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__DeactivateItem *deactivate = (const Daftari__V1__DeactivateItem *)command;
    struct item_row row;
    Daftari__V1__ItemInfo *info;
    enum status status = named_item(context, state, deactivate->code, &row, &info, why);
    if (status != STATUS_OK)
        return status;
    if (!row.active)
        return fault_refuse(why, DAFTARI__V1__REASON__ALREADY_INACTIVE, "code", "%s is deactivated already",
                            info->code);
    if (has_stock(state, row.number))
        return fault_refuse(why, DAFTARI__V1__REASON__ITEM_HAS_STOCK, "code",
                            "there is stock of %s: sell, transfer or write it off first", info->code);

    /* accepted */
    out->type = EVENT_ITEM_DEACTIVATED;
    out->number = row.number;
    return STATUS_OK;
}

enum status item_decide_reactivate(const struct context *context, struct kv_txn *state,
                                   const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__ReactivateItem *reactivate = (const Daftari__V1__ReactivateItem *)command;
    struct item_row row;
    Daftari__V1__ItemInfo *info;
    enum status status = named_item(context, state, reactivate->code, &row, &info, why);
    if (status != STATUS_OK)
        return status;
    if (row.active)
        return fault_refuse(why, DAFTARI__V1__REASON__ALREADY_ACTIVE, "code", "%s is active already",
                            info->code);
    status = find_kinds(state, info->category, NULL, context->arena, &row, why);
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_ITEM_REACTIVATED;
    out->number = row.number;
    return STATUS_OK;
}

static void apply_active(struct kv_txn *state, uint32_t number, bool active, struct arena *arena)
{
    struct item_row row;
    Daftari__V1__ItemInfo *info = item_info_get(state, number, arena);
    if (info == NULL || !item_row_get(state, number, &row)) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    row.active = active;
    info->active = active;
    item_row_put(state, &row, info, arena);
}

void item_apply_deactivate(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                           struct arena *arena)
{
    (void)payload;
    apply_active(state, record->header.number, false, arena);
}

void item_apply_reactivate(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                           struct arena *arena)
{
    (void)payload;
    apply_active(state, record->header.number, true, arena);
}
