#include "server/domain/cylinders/cylinders.h"
#include "server/domain/kernel/rows.h"
#include "type_ids.h"

bool cylinder_type_find(struct kv_txn *state, const char *code, uint16_t *out)
{
    struct row_key key = row_key_text(code);
    return key.len != 0 && row_get_u16(state, TABLE_CYLINDER_TYPE_CODE, row_key_slice(&key), out);
}

bool cylinder_type_get(struct kv_txn *state, uint16_t number, struct arena *arena, struct cylinder_type *out)
{
    struct row_key key = row_key_u16(number);
    out->number = number;
    out->info = row_get_message(state, TABLE_CYLINDER_TYPE, row_key_slice(&key),
                                &daftari__v1__cylinder_type_info__descriptor, arena);
    return out->info != NULL;
}

void cylinder_type_require(struct document *document, const char *code, const char *field,
                           struct cylinder_type *out)
{
    uint16_t number;
    if (document->status != STATUS_OK)
        return;
    if (text_empty(code) || !cylinder_type_find(document->state, code, &number) ||
        !cylinder_type_get(document->state, number, document->context->arena, out))
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__CYLINDER_TYPE_UNKNOWN, field,
                                             "there is no cylinder type %.50s", code != NULL ? code : ""));
}

void cylinder_type_of(struct document *document, const Daftari__V1__CylinderRow *row,
                      struct cylinder_type *out, struct item_row *out_item)
{
    if (document->status != STATUS_OK)
        return;
    if (!cylinder_type_get(document->state, (uint16_t)row->type, document->context->arena, out) ||
        !item_row_get(document->state, out->info->item_number, out_item))
        document_fail(document, fault_set(document->why, STATUS_CORRUPT, NULL,
                                          "the type of a cylinder, or its content, is not there"));
}

/* ---- define --------------------------------------------------------------------------------------------------- */

static enum status form_amount(bool given, int64_t amount, const char *field, struct fault *why)
{
    if (given && (amount < 0 || amount > AMOUNT_MAX))
        return fault_set(why, STATUS_INVALID, field, "an amount of zero or more");
    return STATUS_OK;
}

static enum status form_define(const Daftari__V1__DefineCylinderType *define, struct fault *why)
{
    enum status status = form_text(define->code, "code", CYLINDER_CODE_MAX, true, why);
    if (status == STATUS_OK)
        status = form_text(define->brand, "brand", CYLINDER_BRAND_MAX, false, why);
    if (status == STATUS_OK &&
        (define->capacity_milli <= 0 || define->capacity_milli > CYLINDER_CAPACITY_MAX))
        status = fault_set(why, STATUS_INVALID, "capacity_milli", "more than 0, at most 999.99");
    if (status == STATUS_OK)
        status = form_amount(define->has_deposit_minor, define->deposit_minor, "deposit_minor", why);
    if (status == STATUS_OK)
        status =
            form_amount(define->has_shell_price_minor, define->shell_price_minor, "shell_price_minor", why);
    if (status == STATUS_OK)
        status = form_amount(define->has_unit_price_minor, define->unit_price_minor, "unit_price_minor", why);
    return status;
}

/* What is in it: goods without conditions of their own. */
static enum status check_item(struct kv_txn *state, const char *code, uint32_t *out, struct fault *why)
{
    struct item_row item;
    if (text_empty(code) || !item_find(state, code, &item))
        return fault_refuse(why, DAFTARI__V1__REASON__ITEM_UNKNOWN, "item",
                            "there is no item with the code or barcode %.50s", code != NULL ? code : "");
    if (!item.active)
        return fault_refuse(why, DAFTARI__V1__REASON__ITEM_INACTIVE, "item", "item %.50s is deactivated",
                            code);
    if (item.service)
        return fault_refuse(why, DAFTARI__V1__REASON__ITEM_NOT_STOCKED, "item",
                            "%.50s is a service: nothing that fills a container", code);
    if (item.container)
        return fault_refuse(why, DAFTARI__V1__REASON__ITEM_CONDITION, "item",
                            "%.50s is itself counted empty and filled", code);
    *out = item.number;
    return STATUS_OK;
}

static bool same_kind(const Daftari__V1__CylinderTypeInfo *info,
                      const Daftari__V1__DefineCylinderType *define, uint32_t item, uint16_t tax_code)
{
    return text_same(info->brand, define->brand) && info->capacity_milli == define->capacity_milli &&
           info->item_number == item && info->tax_code_number == tax_code;
}

static bool same_amount(bool has_a, int64_t a, bool has_b, int64_t b)
{
    return has_a == has_b && (!has_a || a == b);
}

static bool same_prices(const Daftari__V1__CylinderTypeInfo *info,
                        const Daftari__V1__DefineCylinderType *define)
{
    return same_amount(info->has_deposit_minor, info->deposit_minor, define->has_deposit_minor,
                       define->deposit_minor) &&
           same_amount(info->has_shell_price_minor, info->shell_price_minor, define->has_shell_price_minor,
                       define->shell_price_minor) &&
           same_amount(info->has_unit_price_minor, info->unit_price_minor, define->has_unit_price_minor,
                       define->unit_price_minor);
}

enum status cylinder_type_decide_define(const struct context *context, struct kv_txn *state,
                                        const ProtobufCMessage *command, struct decision *out,
                                        struct fault *why)
{
    const Daftari__V1__DefineCylinderType *define = (const Daftari__V1__DefineCylinderType *)command;
    struct cylinder_type type;
    uint16_t number, tax_code = 0;
    uint32_t item = 0;
    enum status status = form_define(define, why);
    if (status == STATUS_OK)
        status = check_item(state, define->item, &item, why);
    if (status != STATUS_OK)
        return status;
    if (!text_empty(define->tax_code) && !tax_code_find(state, define->tax_code, &tax_code))
        return fault_refuse(why, DAFTARI__V1__REASON__TAX_CODE_UNKNOWN, "tax_code",
                            "there is no tax code %.20s", define->tax_code);
    if (cylinder_type_find(state, define->code, &number)) {
        if (!cylinder_type_get(state, number, context->arena, &type))
            return fault_set(why, STATUS_CORRUPT, NULL, "a cylinder type is not there");
        if (!same_kind(type.info, define, item, tax_code))
            return fault_refuse(why, DAFTARI__V1__REASON__CYLINDER_TYPE_EXISTS, "code",
                                "%.50s is defined with another brand, capacity, content or tax code: only "
                                "deposit and prices change",
                                define->code);
        out->nothing_to_do = same_prices(type.info, define);
    } else {
        uint32_t next = row_next_number_u16(state, TABLE_CYLINDER_TYPE, 1);
        if (next > UINT16_MAX)
            return fault_set(why, STATUS_TOO_LARGE, "code", "no more cylinder types fit");
        number = (uint16_t)next;
    }

    /* accepted */
    out->type = EVENT_CYLINDER_TYPE_DEFINED;
    out->number = number;
    return STATUS_OK;
}

void cylinder_type_apply_define(struct kv_txn *state, const struct record *record,
                                const ProtobufCMessage *payload, struct arena *arena)
{
    const Daftari__V1__DefineCylinderType *define = (const Daftari__V1__DefineCylinderType *)payload;
    Daftari__V1__CylinderTypeInfo info = DAFTARI__V1__CYLINDER_TYPE_INFO__INIT;
    struct item_row item;
    uint16_t tax_code = 0;
    if (!item_find(state, define->item, &item) ||
        (!text_empty(define->tax_code) && !tax_code_find(state, define->tax_code, &tax_code))) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    info.code = define->code;
    info.brand = text_or_none(define->brand);
    info.has_capacity_milli = true;
    info.capacity_milli = define->capacity_milli;
    info.has_deposit_minor = define->has_deposit_minor;
    info.deposit_minor = define->deposit_minor;
    info.has_shell_price_minor = define->has_shell_price_minor;
    info.shell_price_minor = define->shell_price_minor;
    info.has_unit_price_minor = define->has_unit_price_minor;
    info.unit_price_minor = define->unit_price_minor;
    info.has_number = info.has_item_number = true;
    info.number = record->header.number;
    info.item_number = item.number;
    info.has_tax_code_number = tax_code != 0;
    info.tax_code_number = tax_code;
    info.tax_code = text_or_none(define->tax_code);
    struct row_key key = row_key_u16((uint16_t)record->header.number);
    row_put_message(state, TABLE_CYLINDER_TYPE, row_key_slice(&key), &info.base, arena);
    row_put_u16(state, TABLE_CYLINDER_TYPE_CODE, slice_text(define->code), (uint16_t)record->header.number);
}
