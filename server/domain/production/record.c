/* O-11: what was made takes the value of its materials and of its cost. */
#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/earlier.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/tenders.h"
#include "server/domain/production/production.h"
#include "type_ids.h"

struct making {
    struct document *document;
    const Daftari__V1__RecordProduction *given;
    struct item_row item;
    uint16_t place;
    int64_t begun;     /* quantity, good and broken */
    int64_t materials; /* what they cost */
    struct {
        uint16_t category;
        int64_t cost;
    } rows[RECIPE_LINES_MAX];
    size_t count;
};

/* The fields of a document without lines: the paths of stock_line.h do not fit. */
static void check_quantities(struct making *making)
{
    const Daftari__V1__RecordProduction *given = making->given;
    struct document *document = making->document;
    if (document->status != STATUS_OK)
        return;
    if (given->quantity_milli <= 0 || given->quantity_milli > QUANTITY_MAX)
        document_fail(document, fault_set(document->why, STATUS_INVALID, "quantity_milli",
                                          "a quantity of more than zero"));
    else if (given->broken_milli < 0 || given->broken_milli > QUANTITY_MAX)
        document_fail(document,
                      fault_set(document->why, STATUS_INVALID, "broken_milli", "a quantity of zero or more"));
    else if (given->cost_minor < 0 || given->cost_minor > AMOUNT_MAX)
        document_fail(document,
                      fault_set(document->why, STATUS_INVALID, "cost_minor", "an amount of zero or more"));
    else if (given->from_account != 0 && given->n_tenders != 0)
        document_fail(document, fault_set(document->why, STATUS_INVALID, "from_account",
                                          "an expense account or tenders, not both"));
    making->begun = given->quantity_milli + given->broken_milli;
}

static void find_item(struct making *making)
{
    struct document *document = making->document;
    const char *code = making->given->item;
    if (document->status != STATUS_OK)
        return;
    if (text_empty(code) || !item_find(document->state, code, &making->item))
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__ITEM_UNKNOWN, "item",
                                             "there is no item with the code or barcode %.50s",
                                             code != NULL ? code : ""));
    else if (!making->item.active)
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__ITEM_INACTIVE, "item",
                                             "item %.50s is deactivated", code));
}

static void use(struct making *making, const struct item_row *item, uint16_t condition, int64_t each)
{
    struct document *document = making->document;
    struct stock_key key = {
        .item = item->number, .business = document->business, .place = making->place, .condition = condition};
    int64_t need;
    bool is_short;
    if (document->status != STATUS_OK)
        return;
    if (!amount_multiply_divide(making->begun, each, QUANTITY_ONE, &need) || need > QUANTITY_MAX) {
        document_fail(document,
                      fault_refuse(document->why, DAFTARI__V1__REASON__STOCK_OUT_OF_RANGE, "quantity_milli",
                                   "more than the books can count of a material"));
        return;
    }
    if (need == 0)
        return;
    int64_t cost = stock_issue(document, &key, need, STOCK_REFUSE, "quantity_milli", &is_short);
    making->rows[making->count].category = item->category;
    making->rows[making->count++].cost = cost;
    if (!amount_add(making->materials, cost, &making->materials))
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__AMOUNT_OUT_OF_RANGE,
                                             "quantity_milli", "the materials cost more than 18 digits"));
}

/* The recipe's; of a container without one, an empty of the same item. */
static void use_materials(struct making *making)
{
    struct document *document = making->document;
    if (document->status != STATUS_OK)
        return;
    Daftari__V1__RecipeInfo *recipe =
        recipe_get(document->state, making->item.number, document->business, document->context->arena);
    if (recipe == NULL && making->item.container) {
        use(making, &making->item, DAFTARI__V1__CONDITION__CONDITION_EMPTY, QUANTITY_ONE);
        return;
    }
    if (recipe == NULL) {
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__RECIPE_MISSING, "item",
                                             "nothing says what %.50s is made of: define its recipe",
                                             making->given->item));
        return;
    }
    for (size_t i = 0; document->status == STATUS_OK && i < recipe->n_lines; i++) {
        const Daftari__V1__RecipeLine *line = recipe->lines[i];
        struct item_row item;
        if (!item_find(document->state, line->item, &item) || !item.active) {
            document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__ITEM_INACTIVE, "item",
                                                 "%.50s of its recipe is deactivated", line->item));
            return;
        }
        use(making, &item, (uint16_t)line->condition, line->quantity_milli);
    }
}

static void pay(struct making *making, uint32_t supplier, struct tenders_taken *tenders)
{
    const Daftari__V1__RecordProduction *given = making->given;
    struct document *document = making->document;
    struct account_row account;
    if (document->status != STATUS_OK)
        return;
    if (given->from_account == 0) {
        struct tender_terms terms = {
            .flow = TENDER_OUT,
            .field = "tenders",
            .party = supplier,
            .credit = true,
            .credit_role = DAFTARI__V1__ACCOUNT_ROLE__ROLE_PAYABLE,
        };
        tenders_take(document, given->tenders, given->n_tenders, given->cost_minor, &terms, tenders);
    } else if (account_row_get(document->state, given->from_account, &account) &&
               account.type != ACCOUNT_EXPENSE) {
        document_fail(document,
                      fault_refuse(document->why, DAFTARI__V1__REASON__ACCOUNT_UNFIT, "from_account",
                                   "account %u is no expense account", given->from_account));
    } else {
        document_post(document, given->from_account, 0, -given->cost_minor, document->out->posting_count);
    }
}

/* What broke has its part of the materials; what was made the rest, and the cost. */
static void make(struct making *making, Daftari__V1__ProductionRecorded *out)
{
    struct document *document = making->document;
    struct stock_key key = {.item = making->item.number,
                            .business = document->business,
                            .place = making->place,
                            .condition = (uint16_t)made_condition(&making->item)};
    if (document->status != STATUS_OK)
        return;
    if (!amount_multiply_divide(making->materials, out->broken_milli, making->begun, &out->lost_minor) ||
        !amount_add(making->materials - out->lost_minor, out->cost_minor, &out->value_minor)) {
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__AMOUNT_OUT_OF_RANGE,
                                             "cost_minor", "what was made is worth more than 18 digits"));
        return;
    }
    int64_t kept = stock_receive(document, &key, out->quantity_milli, out->value_minor, "quantity_milli");
    stock_line_post_in(document, making->item.category, out->value_minor, kept);
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_STOCK_LOSS, making->item.category, 0,
                       out->lost_minor, 0);
    for (size_t i = 0; i < making->count; i++)
        document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_INVENTORY, making->rows[i].category, 0,
                           -making->rows[i].cost, 0);
}

enum status production_decide_record(const struct context *context, struct kv_txn *state,
                                     const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__RecordProduction *given = (const Daftari__V1__RecordProduction *)command;
    Daftari__V1__ProductionRecorded payload = DAFTARI__V1__PRODUCTION_RECORDED__INIT;
    struct document document;
    struct tenders_taken tenders = {0};
    struct making making = {.document = &document, .given = given};
    enum status status = form_text(given->note, "note", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = document_begin(&document, context, state, given->business, given->has_date, given->date, out,
                                why);
    if (status != STATUS_OK)
        return status;
    find_item(&making);
    check_quantities(&making);
    making.place = document_place(&document, given->place, "place");
    uint32_t supplier = document_supplier(&document, given->supplier);
    use_materials(&making);
    payload.has_item = payload.has_quantity_milli = payload.has_value_minor = true;
    payload.item = making.item.number;
    payload.quantity_milli = given->quantity_milli;
    payload.broken_milli = given->broken_milli;
    payload.cost_minor = given->cost_minor;
    make(&making, &payload);
    pay(&making, supplier, &tenders);
    payload.has_broken_milli = payload.has_lost_minor = payload.broken_milli != 0;
    payload.has_cost_minor = payload.cost_minor != 0;
    payload.n_tenders = tenders.count;
    payload.tenders = tenders.rows;
    payload.has_supplier = supplier != 0;
    payload.supplier = supplier;
    payload.has_from_account = given->from_account != 0;
    payload.from_account = given->from_account;
    payload.has_place = making.place != PLACE_SHOP;
    payload.place = making.place;
    payload.note = text_or_none(given->note);
    document_number(&document, "WP");
    return document_end(&document, EVENT_PRODUCTION_RECORDED, &payload.base);
}

void production_apply_recorded(struct kv_txn *state, const struct record *record,
                               const ProtobufCMessage *payload, struct arena *arena)
{
    const Daftari__V1__ProductionRecorded *made = (const Daftari__V1__ProductionRecorded *)payload;
    (void)arena;
    tenders_apply(state, record, made->tenders, made->n_tenders);
}
