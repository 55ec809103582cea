/* O-73: equipment wears out in equal parts by the month, to the cent; before that it is bought, in the end disposed of. */
#include "server/domain/equipment/equipment.h"

#include "server/domain/kernel/earlier.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/kernel/tax.h"
#include "server/domain/kernel/tenders.h"
#include "type_ids.h"

#define ROLE(name)   DAFTARI__V1__ACCOUNT_ROLE__ROLE_##name
#define REASON(name) DAFTARI__V1__REASON__##name

/* ---- rows ----------------------------------------------------------------------------------------------------------- */

static Daftari__V1__EquipmentInfo *piece_get(struct kv_txn *state, uint32_t number, struct arena *arena)
{
    struct row_key key = row_key_u32(number);
    return row_get_message(state, TABLE_EQUIPMENT, row_key_slice(&key),
                           &daftari__v1__equipment_info__descriptor, arena);
}

static void piece_put(struct kv_txn *state, const Daftari__V1__EquipmentInfo *info, struct arena *arena)
{
    struct row_key key = row_key_u32(info->number);
    row_put_message(state, TABLE_EQUIPMENT, row_key_slice(&key), &info->base, arena);
}

static uint32_t months_of(uint32_t month)
{
    return month / 100 * 12 + month % 100 - 1;
}

/* ---- Equipment.Add ---------------------------------------------------------------------------------------------- */

static enum status form_register(const Daftari__V1__RegisterEquipment *given, struct fault *why)
{
    enum status status = form_code(given->code, "code", 1, EQUIPMENT_CODE_MAX, true, why);
    if (status == STATUS_OK)
        status = form_text(given->name, "name", 200, true, why);
    if (status == STATUS_OK && (given->cost_minor <= 0 || given->cost_minor > AMOUNT_MAX))
        status = fault_set(why, STATUS_INVALID, "cost_minor", "an amount of more than zero");
    if (status == STATUS_OK && (given->months == 0 || given->months > EQUIPMENT_MONTHS_MAX))
        status = fault_set(why, STATUS_INVALID, "months", "1 to %u", EQUIPMENT_MONTHS_MAX);
    if (status == STATUS_OK && (given->residual_minor < 0 || given->residual_minor > given->cost_minor))
        status = fault_set(why, STATUS_INVALID, "residual_minor", "from zero to the cost");
    if (status == STATUS_OK && given->has_depreciated_minor && given->n_tenders != 0)
        status =
            fault_set(why, STATUS_INVALID, "depreciated_minor", "goes with what is in the books already");
    if (status == STATUS_OK && (given->depreciated_minor < 0 ||
                                given->depreciated_minor > given->cost_minor - given->residual_minor))
        status =
            fault_set(why, STATUS_INVALID, "depreciated_minor", "from zero to the cost less the residue");
    return status;
}

static void find_tax(struct document *document, const Daftari__V1__RegisterEquipment *given,
                     struct tax_terms *terms, struct taxed *out)
{
    uint16_t code = 0;
    *terms = (struct tax_terms){0};
    if (document->status != STATUS_OK)
        return;
    if (!text_empty(given->tax_code) && !tax_code_find(document->state, given->tax_code, &code))
        document_fail(document, fault_refuse(document->why, REASON(TAX_CODE_UNKNOWN), "tax_code",
                                             "there is no tax code %.20s", given->tax_code));
    else if (code != 0)
        *terms = tax_terms_of(document, code);
    if (document->status == STATUS_OK && !tax_split_inclusive(terms, given->cost_minor, out))
        document_fail(document, fault_refuse(document->why, REASON(AMOUNT_OUT_OF_RANGE), "cost_minor",
                                             "at most 18 digits"));
    if (document->status == STATUS_OK && given->residual_minor > out->net)
        document_fail(document, fault_set(document->why, STATUS_INVALID, "residual_minor",
                                          "at most the cost without tax"));
}

static void check_new(struct document *document, const char *code)
{
    struct row_key key = row_key_text(code);
    uint32_t number;
    if (document->status == STATUS_OK &&
        row_get_u32(document->state, TABLE_EQUIPMENT_CODE, row_key_slice(&key), &number))
        document_fail(document, fault_refuse(document->why, REASON(EQUIPMENT_EXISTS), "code",
                                             "there is equipment with the code %.20s", code));
}

static void buy(struct document *document, const Daftari__V1__RegisterEquipment *given, uint32_t supplier,
                const struct taxed *taxed, struct tenders_taken *tenders)
{
    struct tender_terms terms = {.flow = TENDER_OUT,
                                 .field = "tenders",
                                 .party = supplier,
                                 .credit = true,
                                 .credit_role = ROLE(PAYABLE)};
    if (given->n_tenders == 0)
        return;
    document_post_role(document, ROLE(EQUIPMENT), CATEGORY_ANY, 0, taxed->net, 0);
    document_post_role(document, ROLE(VAT_INPUT), CATEGORY_ANY, 0, taxed->tax, 0);
    tenders_take(document, given->tenders, given->n_tenders, taxed->gross, &terms, tenders);
}

enum status equipment_decide_register(const struct context *context, struct kv_txn *state,
                                      const ProtobufCMessage *command, struct decision *out,
                                      struct fault *why)
{
    const Daftari__V1__RegisterEquipment *given = (const Daftari__V1__RegisterEquipment *)command;
    Daftari__V1__EquipmentRegistered payload = DAFTARI__V1__EQUIPMENT_REGISTERED__INIT;
    struct document document;
    struct tenders_taken tenders = {0};
    struct tax_terms terms;
    struct taxed taxed = {0};
    enum status status = form_register(given, why);
    if (status == STATUS_OK)
        status = document_begin(&document, context, state, given->business, given->has_date, given->date, out,
                                why);
    if (status != STATUS_OK)
        return status;
    check_new(&document, given->code);
    uint32_t supplier = document_supplier(&document, given->supplier);
    find_tax(&document, given, &terms, &taxed);
    buy(&document, given, supplier, &taxed, &tenders);
    document_number(&document, "PU");
    payload.has_number = payload.has_cost_minor = payload.has_months = true;
    payload.number = row_next_number_u32(state, TABLE_EQUIPMENT, 1);
    payload.code = given->code;
    payload.name = given->name;
    payload.cost_minor = given->n_tenders != 0 ? taxed.net : given->cost_minor;
    payload.has_tax_minor = payload.has_rate_bp = given->n_tenders != 0 && taxed.tax != 0;
    payload.tax_minor = payload.has_tax_minor ? taxed.tax : 0;
    payload.rate_bp = payload.has_rate_bp ? terms.rate_bp : 0;
    payload.has_tax_code = given->n_tenders != 0 && terms.code != 0;
    payload.tax_code = payload.has_tax_code ? terms.code : 0;
    payload.has_residual_minor = given->residual_minor != 0;
    payload.residual_minor = given->residual_minor;
    payload.months = given->months;
    payload.has_depreciated_minor = given->depreciated_minor != 0;
    payload.depreciated_minor = given->depreciated_minor;
    payload.has_supplier = supplier != 0;
    payload.supplier = supplier;
    payload.n_tenders = tenders.count;
    payload.tenders = tenders.rows;
    status = document_end(&document, EVENT_EQUIPMENT_REGISTERED, &payload.base);
    if (status == STATUS_OK && out->posting_count == 0)
        out->series = 0, out->number = payload.number;
    return status;
}

void equipment_apply_registered(struct kv_txn *state, const struct record *record,
                                const ProtobufCMessage *payload, struct arena *arena)
{
    const Daftari__V1__EquipmentRegistered *given = (const Daftari__V1__EquipmentRegistered *)payload;
    Daftari__V1__EquipmentInfo info = DAFTARI__V1__EQUIPMENT_INFO__INIT;
    info.has_number = info.has_business_number = info.has_bought_date = info.has_cost_minor = true;
    info.has_residual_minor = info.has_months = info.has_depreciated_minor = true;
    info.number = given->number;
    info.business_number = record->header.business;
    info.code = given->code;
    info.name = given->name;
    info.bought_date = record->header.business_date;
    info.cost_minor = given->cost_minor;
    info.residual_minor = given->residual_minor;
    info.months = given->months;
    info.depreciated_minor = given->depreciated_minor;
    piece_put(state, &info, arena);
    row_put_u32(state, TABLE_EQUIPMENT_CODE, slice_text(given->code), given->number);
    tenders_apply(state, record, given->tenders, given->n_tenders);
}

/* ---- Equipment.Depreciate --------------------------------------------------------------------------------------------- */

/* What of a piece is to be written down up to the end of a month, less what is: equal parts, all together the whole. */
static int64_t wear_of(const Daftari__V1__EquipmentInfo *piece, uint32_t month)
{
    int64_t whole = piece->cost_minor - piece->residual_minor, target = 0;
    uint32_t bought = months_of(piece->bought_date / 100), upto = months_of(month);
    uint32_t passed = upto > bought ? upto - bought : 0;
    if (passed >= piece->months)
        target = whole;
    else if (!amount_multiply_divide(whole, (int64_t)passed, (int64_t)piece->months, &target))
        target = 0; /* cannot be: passed is less than months */
    return target > piece->depreciated_minor ? target - piece->depreciated_minor : 0;
}

static void wear_all(struct document *document, uint32_t month, Daftari__V1__EquipmentDepreciated *payload)
{
    struct arena *arena = document->context->arena;
    struct row_key after = row_key_u32(0);
    struct slice key, value;
    payload->pieces = arena_take(arena, EQUIPMENT_RUN_MAX * sizeof(Daftari__V1__Wear *));
    while (document->status == STATUS_OK && payload->pieces != NULL &&
           row_next(document->state, TABLE_EQUIPMENT, row_key_slice(&after), &key, &value) && key.len == 4) {
        uint32_t number = be32_get(key.ptr);
        after = row_key_u32(number);
        const Daftari__V1__EquipmentInfo *piece = piece_get(document->state, number, arena);
        int64_t amount =
            piece != NULL && piece->business_number == document->business && !piece->has_disposed_date
                ? wear_of(piece, month)
                : 0;
        if (amount == 0)
            continue;
        Daftari__V1__Wear *row = message_new(&daftari__v1__wear__descriptor, arena);
        if (row == NULL || payload->n_pieces == EQUIPMENT_RUN_MAX)
            break;
        row->has_number = row->has_amount_minor = true;
        row->number = number;
        row->amount_minor = amount;
        payload->pieces[payload->n_pieces++] = row;
        document_post_role(document, ROLE(DEPRECIATION), CATEGORY_ANY, 0, amount, 0);
        document_post_role(document, ROLE(ACCUMULATED_DEPRECIATION), CATEGORY_ANY, 0, -amount, 0);
        after = row_key_u32(number);
        continue;
    }
    if (payload->pieces == NULL || payload->n_pieces == EQUIPMENT_RUN_MAX)
        document_fail(document, fault_set(document->why, STATUS_NO_MEMORY, NULL, "too much equipment"));
}

enum status equipment_decide_depreciate(const struct context *context, struct kv_txn *state,
                                        const ProtobufCMessage *command, struct decision *out,
                                        struct fault *why)
{
    const Daftari__V1__DepreciateEquipment *given = (const Daftari__V1__DepreciateEquipment *)command;
    Daftari__V1__EquipmentDepreciated payload = DAFTARI__V1__EQUIPMENT_DEPRECIATED__INIT;
    struct document document;
    uint32_t last;
    civil_date first = given->month * 100 + 1;
    if (given->month > DATE_MAX / 100 || !date_valid(first))
        return fault_set(why, STATUS_INVALID, "month", "a month as YYYYMM, got %u", given->month);
    civil_date end = date_month_end(first);
    enum status status = document_begin(&document, context, state, given->business, true,
                                        given->has_date ? given->date : end, out, why);
    if (status == STATUS_OK && document.date < end)
        status = fault_set(why, STATUS_INVALID, "date", "the last day of the month or a later one");
    if (status != STATUS_OK)
        return status;
    struct row_key key = row_key_u16(document.business);
    if (row_get_u32(state, TABLE_DEPRECIATED, row_key_slice(&key), &last) && last >= given->month)
        return fault_refuse(why, REASON(DEPRECIATION_DONE), "month",
                            "the equipment of this business is depreciated up to %04u-%02u", last / 100,
                            last % 100);
    wear_all(&document, given->month, &payload);
    payload.has_month = true;
    payload.month = given->month;
    return document_end(&document, EVENT_EQUIPMENT_DEPRECIATED, &payload.base);
}

void equipment_apply_depreciated(struct kv_txn *state, const struct record *record,
                                 const ProtobufCMessage *payload, struct arena *arena)
{
    const Daftari__V1__EquipmentDepreciated *given = (const Daftari__V1__EquipmentDepreciated *)payload;
    struct row_key key = row_key_u16(record->header.business);
    row_put_u32(state, TABLE_DEPRECIATED, row_key_slice(&key), given->month);
    for (size_t i = 0; i < given->n_pieces; i++) {
        Daftari__V1__EquipmentInfo *piece = piece_get(state, given->pieces[i]->number, arena);
        if (piece == NULL || !amount_add(piece->depreciated_minor, given->pieces[i]->amount_minor,
                                         &piece->depreciated_minor)) {
            kv_set_error(state, STATUS_CORRUPT);
            return;
        }
        piece_put(state, piece, arena);
    }
}

/* ---- Equipment.Dispose -------------------------------------------------------------------------------------------------- */

static enum status find_piece(const struct context *context, struct kv_txn *state, const char *code,
                              Daftari__V1__EquipmentInfo **out, struct fault *why)
{
    struct row_key key = row_key_text(code != NULL ? code : "");
    uint32_t number;
    if (key.len == 0 || !row_get_u32(state, TABLE_EQUIPMENT_CODE, row_key_slice(&key), &number) ||
        (*out = piece_get(state, number, context->arena)) == NULL)
        return fault_refuse(why, REASON(EQUIPMENT_UNKNOWN), "code", "there is no equipment %.20s",
                            code != NULL ? code : "");
    if ((*out)->has_disposed_date)
        return fault_refuse(why, REASON(EQUIPMENT_GONE), "code", "equipment %.20s is disposed of", code);
    return STATUS_OK;
}

enum status equipment_decide_dispose(const struct context *context, struct kv_txn *state,
                                     const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__DisposeEquipment *given = (const Daftari__V1__DisposeEquipment *)command;
    Daftari__V1__EquipmentDisposed payload = DAFTARI__V1__EQUIPMENT_DISPOSED__INIT;
    Daftari__V1__EquipmentInfo *piece = NULL;
    struct tender_terms terms = {.flow = TENDER_IN, .field = "tenders"};
    struct tenders_taken tenders = {0};
    struct document document;
    enum status status = form_text(given->reason, "reason", DESCRIPTION_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = find_piece(context, state, given->code, &piece, why);
    if (status == STATUS_OK)
        status = document_begin(&document, context, state,
                                business_code_of(state, (uint16_t)piece->business_number, context->arena),
                                given->has_date, given->date, out, why);
    if (status == STATUS_OK && document.date < piece->bought_date)
        status = fault_set(why, STATUS_INVALID, "date", "not before it was bought");
    if (status != STATUS_OK)
        return status;
    int64_t proceeds =
        given->n_tenders != 0 ? tenders_sum(&document, given->tenders, given->n_tenders, "tenders") : 0;
    int64_t worth = piece->cost_minor - piece->depreciated_minor, result = 0;
    if (!amount_subtract(proceeds, worth, &result))
        return fault_refuse(why, REASON(AMOUNT_OUT_OF_RANGE), "tenders", "at most 18 digits");
    tenders_take(&document, given->tenders, given->n_tenders, proceeds, &terms, &tenders);
    document_post_role(&document, ROLE(ACCUMULATED_DEPRECIATION), CATEGORY_ANY, 0, piece->depreciated_minor,
                       0);
    if (result < 0)
        document_post_role(&document, ROLE(DEPRECIATION), CATEGORY_ANY, 0, -result, 0);
    document_post_role(&document, ROLE(EQUIPMENT), CATEGORY_ANY, 0, -piece->cost_minor, 0);
    if (result > 0)
        document_post_role(&document, ROLE(OTHER_INCOME), CATEGORY_ANY, 0, -result, 0);
    payload.has_number = payload.has_proceeds_minor = payload.has_result_minor = true;
    payload.number = piece->number;
    payload.proceeds_minor = proceeds;
    payload.result_minor = result;
    payload.n_tenders = tenders.count;
    payload.tenders = tenders.rows;
    payload.reason = given->reason;
    return document_end(&document, EVENT_EQUIPMENT_DISPOSED, &payload.base);
}

void equipment_apply_disposed(struct kv_txn *state, const struct record *record,
                              const ProtobufCMessage *payload, struct arena *arena)
{
    const Daftari__V1__EquipmentDisposed *given = (const Daftari__V1__EquipmentDisposed *)payload;
    Daftari__V1__EquipmentInfo *piece = piece_get(state, given->number, arena);
    if (piece == NULL) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    piece->has_disposed_date = true;
    piece->disposed_date = record->header.business_date;
    piece_put(state, piece, arena);
    tenders_apply(state, record, given->tenders, given->n_tenders);
}

/* ---- Equipment.List ------------------------------------------------------------------------------------------------------ */

enum status equipment_query_list(const struct query_context *context, struct kv_txn *masters,
                                 const ProtobufCMessage *request, struct slice *cursor,
                                 ProtobufCMessage **out, struct fault *why)
{
    const Daftari__V1__ListEquipment *list = (const Daftari__V1__ListEquipment *)request;
    struct slice key, value;
    enum status status;
    while ((status = query_next_row(context, masters, TABLE_EQUIPMENT, cursor, &key, &value, why)) ==
           STATUS_OK) {
        Daftari__V1__EquipmentInfo *info =
            row_message(masters, value, &daftari__v1__equipment_info__descriptor, context->arena);
        if (info == NULL)
            return query_end(masters, STATUS_NO_MEMORY, why);
        info->business =
            (char *)(uintptr_t)business_code_of(masters, (uint16_t)info->business_number, context->arena);
        if ((!text_empty(list->business) && !text_same(list->business, info->business)) ||
            (list->in_use_only && info->has_disposed_date) ||
            !rights_allow_business(context->rights, (uint16_t)info->business_number, PERMISSION_READ))
            continue;
        info->has_value_minor = true;
        info->value_minor = info->has_disposed_date ? 0 : info->cost_minor - info->depreciated_minor;
        *out = &info->base;
        return STATUS_OK;
    }
    return status;
}
