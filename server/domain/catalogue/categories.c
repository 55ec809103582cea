#include "server/domain/catalogue/catalogue.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "type_ids.h"

enum { CATEGORY_INFO_ACTIVE = 4, CATEGORY_INFO_PARENT_NUMBER = 6 };

enum status catalogue_give_number(uint32_t number, uint32_t max, struct decision *out, struct fault *why)
{
    if (number == 0 || number > max)
        return fault_set(why, STATUS_TOO_LARGE, NULL, "at most %u of them", max);
    out->number = number;
    return STATUS_OK;
}

enum status category_require(struct kv_txn *state, const char *name, const char *field, struct arena *arena,
                             uint16_t *out, struct fault *why)
{
    uint16_t number;
    if (!category_find(state, name, &number))
        return fault_refuse(why, DAFTARI__V1__REASON__CATEGORY_UNKNOWN, field, "there is no category %.100s",
                            name);
    const Daftari__V1__CategoryInfo *info = category_info_get(state, number, arena);
    if (info == NULL || !info->active)
        return fault_refuse(why, DAFTARI__V1__REASON__CATEGORY_INACTIVE, field,
                            "category %.100s is deactivated: define it again to use it", name);
    *out = number;
    return STATUS_OK;
}

/* A new category below `parent` must not lie deeper than posting rules are looked for. A circle cannot come about: the
 * parent was there before, and stays. */
static enum status check_depth(struct kv_txn *state, uint16_t parent, struct fault *why)
{
    for (unsigned level = 1; parent != 0; level++) {
        if (level == CATEGORY_LEVELS_MAX)
            return fault_refuse(why, DAFTARI__V1__REASON__PARENT_CYCLE, "parent",
                                "at most %u levels of categories", CATEGORY_LEVELS_MAX);
        parent = category_parent(state, parent);
    }
    return STATUS_OK;
}

enum status category_decide_define(const struct context *context, struct kv_txn *state,
                                   const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__DefineCategory *define = (const Daftari__V1__DefineCategory *)command;
    uint16_t number, parent = 0;
    enum status status = form_text(define->name, "name", CATEGORY_NAME_MAX, true, why);
    if (status == STATUS_OK)
        status = form_text(define->description, "description", DESCRIPTION_TEXT_MAX, false, why);
    if (status != STATUS_OK)
        return status;
    bool exists = category_find(state, define->name, &number);
    if (exists) {
        const Daftari__V1__CategoryInfo *info = category_info_get(state, number, context->arena);
        if (info == NULL || !text_same(info->parent, define->parent) ||
            !text_same(info->description, define->description))
            return fault_refuse(why, DAFTARI__V1__REASON__CATEGORY_EXISTS, "name",
                                "%.100s is defined with another parent or description", define->name);
        if (info->active) {
            out->nothing_to_do = true;
            return STATUS_OK;
        }
    }
    if (!text_empty(define->parent))
        status = category_require(state, define->parent, "parent", context->arena, &parent, why);
    if (status == STATUS_OK)
        status = check_depth(state, parent, why);
    if (status == STATUS_OK)
        status = catalogue_give_number(exists ? number : row_next_number_u16(state, TABLE_CATEGORY, 1),
                                       UINT16_MAX, out, why);
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_CATEGORY_DEFINED;
    return STATUS_OK;
}

static void put_category(struct kv_txn *state, Daftari__V1__CategoryInfo *info, bool active,
                         struct arena *arena)
{
    struct row_key key = row_key_u16((uint16_t)info->number);
    info->has_number = info->has_active = true;
    info->active = active;
    row_put_message(state, TABLE_CATEGORY, row_key_slice(&key), &info->base, arena);
}

void category_apply_define(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                           struct arena *arena)
{
    const Daftari__V1__DefineCategory *define = (const Daftari__V1__DefineCategory *)payload;
    Daftari__V1__CategoryInfo info = DAFTARI__V1__CATEGORY_INFO__INIT;
    uint16_t parent;
    info.number = record->header.number;
    info.name = define->name;
    info.description = text_or_none(define->description);
    if (!text_empty(define->parent)) {
        if (!category_find(state, define->parent, &parent)) {
            kv_set_error(state, STATUS_CORRUPT);
            return;
        }
        info.parent = define->parent;
        info.has_parent_number = true;
        info.parent_number = parent;
    }
    put_category(state, &info, true, arena);
    row_put_u16(state, TABLE_CATEGORY_NAME, slice_text(define->name), (uint16_t)record->header.number);
}

/* ---- deactivate ------------------------------------------------------------------------------------------------ */

static bool has_active_child(struct kv_txn *state, uint16_t category)
{
    struct slice key, value;
    bool found = false;
    struct kv_cursor *cursor = kv_cursor_open(state, TABLE_CATEGORY);
    while (!found && kv_next(cursor)) {
        kv_row(cursor, &key, &value);
        found = row_number_field(state, value, CATEGORY_INFO_PARENT_NUMBER) == category &&
                row_number_field(state, value, CATEGORY_INFO_ACTIVE) != 0;
    }
    kv_cursor_close(cursor);
    return found;
}

static bool has_active_item(struct kv_txn *state, uint16_t category)
{
    struct slice key, value;
    struct item_row item;
    bool found = false;
    struct kv_cursor *cursor = kv_cursor_open(state, TABLE_ITEM);
    while (!found && kv_next(cursor)) {
        kv_row(cursor, &key, &value);
        found = key.len == 4 && item_row_get(state, be32_get(key.ptr), &item) && item.active &&
                item.category == category;
    }
    kv_cursor_close(cursor);
    return found;
}

enum status category_decide_deactivate(const struct context *context, struct kv_txn *state,
                                       const ProtobufCMessage *command, struct decision *out,
                                       struct fault *why)
{
    const Daftari__V1__DeactivateCategory *deactivate = (const Daftari__V1__DeactivateCategory *)command;
    uint16_t number;
    if (deactivate->name == NULL || !category_find(state, deactivate->name, &number))
        return fault_refuse(why, DAFTARI__V1__REASON__CATEGORY_UNKNOWN, "name", "the name of a category");
    const Daftari__V1__CategoryInfo *info = category_info_get(state, number, context->arena);
    if (info == NULL || !info->active)
        return fault_refuse(why, DAFTARI__V1__REASON__ALREADY_INACTIVE, "name", "it is deactivated already");
    if (has_active_child(state, number) || has_active_item(state, number))
        return fault_refuse(why, DAFTARI__V1__REASON__CATEGORY_IN_USE, "name",
                            "it has active items or categories below it: deactivate or move those first");

    /* accepted */
    out->type = EVENT_CATEGORY_DEACTIVATED;
    out->number = number;
    return STATUS_OK;
}

void category_apply_deactivate(struct kv_txn *state, const struct record *record,
                               const ProtobufCMessage *payload, struct arena *arena)
{
    (void)payload;
    Daftari__V1__CategoryInfo *info = category_info_get(state, (uint16_t)record->header.number, arena);
    if (info == NULL) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    put_category(state, info, false, arena);
}
