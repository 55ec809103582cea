/* O-41: empty cylinders become full, with content that is bought or out of what is in stock. The stock counts content
 * wherever it is: filling out of it moves nothing. */
#include "server/domain/cylinders/cylinders.h"
#include "type_ids.h"

struct filling {
    struct document *document;
    const Daftari__V1__RefillCylinders *given;
    struct cylinder_set set;
    Daftari__V1__CylinderRow **before;
    struct cylinder_type *types; /* of each, in the arena */
    struct item_row *items;
    int64_t capacity; /* of all */
    int64_t quantity; /* bought */
    struct taxed cost;
    struct tax_terms terms;
};

static enum status form_refill(const Daftari__V1__RefillCylinders *given, struct fault *why)
{
    enum status status = form_text(given->note, "note", DESCRIPTION_TEXT_MAX, false, why);
    bool bought = given->has_cost_minor || given->has_quantity_milli || given->n_tenders != 0 ||
                  !text_empty(given->supplier);
    if (status == STATUS_OK && given->from_stock && bought)
        status = fault_set(why, STATUS_INVALID, "from_stock", "what is in stock already is not bought again");
    if (status == STATUS_OK && !given->from_stock && !given->has_cost_minor)
        status = fault_set(why, STATUS_INVALID, "cost_minor", "needed: what all of it cost, tax inside");
    if (status == STATUS_OK && (given->cost_minor < 0 || given->cost_minor > AMOUNT_MAX))
        status = fault_set(why, STATUS_INVALID, "cost_minor", "an amount of zero or more");
    if (status == STATUS_OK && given->has_quantity_milli &&
        (given->quantity_milli <= 0 || given->quantity_milli > QUANTITY_MAX))
        status = fault_set(why, STATUS_INVALID, "quantity_milli", "a quantity of more than zero");
    return status;
}

static void fill_all(struct filling *filling)
{
    struct document *document = filling->document;
    const Daftari__V1__RefillCylinders *given = filling->given;
    struct arena *arena = document->context->arena;
    char path[FAULT_FIELD_MAX];
    cylinder_set_begin(&filling->set, document, CYLINDERS_MAX);
    filling->types = arena_take(arena, CYLINDERS_MAX * sizeof *filling->types);
    filling->items = arena_take(arena, CYLINDERS_MAX * sizeof *filling->items);
    if (filling->types == NULL || filling->items == NULL)
        document_fail(document, fault_set(document->why, STATUS_NO_MEMORY, NULL, "too many cylinders"));
    cylinder_set_take_all(&filling->set, given->serials, given->n_serials, EMPTY | AT_SUPPLIER,
                          filling->types, filling->items);
    filling->before = cylinder_set_copy(&filling->set);
    for (size_t i = 0; document->status == STATUS_OK && i < filling->set.count; i++) {
        if (filling->items[i].number != filling->items[0].number)
            document_fail(document,
                          fault_refuse(document->why, DAFTARI__V1__REASON__CYLINDER_CONTENT_DIFFERS,
                                       cylinder_path(path, "serials", i), "all of them hold the same item"));
        cylinder_become(document, filling->set.rows[i], DAFTARI__V1__CYLINDER_STATE__CYLINDER_FULL);
        filling->capacity += filling->types[i].info->capacity_milli;
    }
}

/* Is there so much that no full cylinder holds yet? */
static void check_loose(struct filling *filling)
{
    struct document *document = filling->document;
    struct cylinder_totals totals;
    struct stock_row row;
    char loose[AMOUNT_TEXT_MAX], wanted[AMOUNT_TEXT_MAX];
    if (document->status != STATUS_OK)
        return;
    struct stock_key key = cylinder_stock(document, filling->items[0].number);
    stock_get(document->state, &key, &row);
    cylinder_totals_get(document->state, document->business, key.item, &totals);
    if (row.quantity - totals.content >= filling->capacity)
        return;
    (void)amount_format(row.quantity - totals.content, 3, loose);
    (void)amount_format(filling->capacity, 3, wanted);
    document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__STOCK_INSUFFICIENT, "from_stock",
                                         "%s is in stock besides what the full ones hold, and these take %s",
                                         loose, wanted));
}

static void buy(struct filling *filling)
{
    struct document *document = filling->document;
    if (document->status != STATUS_OK)
        return;
    filling->terms = tax_terms_of(document, filling->items[0].tax_code);
    filling->quantity =
        filling->given->has_quantity_milli ? filling->given->quantity_milli : filling->capacity;
    if (!tax_split_inclusive(&filling->terms, filling->given->cost_minor, &filling->cost))
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__AMOUNT_OUT_OF_RANGE,
                                             "cost_minor", "at most 18 digits"));
    cylinder_receive(document, &filling->items[0], filling->quantity, filling->cost.net, "quantity_milli");
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_VAT_INPUT, CATEGORY_ANY, 0,
                       filling->cost.tax, 0);
}

enum status cylinder_decide_refill(const struct context *context, struct kv_txn *state,
                                   const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__RefillCylinders *given = (const Daftari__V1__RefillCylinders *)command;
    Daftari__V1__CylindersFilled payload = DAFTARI__V1__CYLINDERS_FILLED__INIT;
    struct document document;
    struct tenders_taken tenders = {0};
    struct filling filling = {.document = &document, .given = given};
    enum status status = form_refill(given, why);
    if (status == STATUS_OK)
        status = document_begin(&document, context, state, given->business, given->has_date, given->date, out,
                                why);
    if (status != STATUS_OK)
        return status;
    uint32_t supplier = cylinder_supplier(&document, given->supplier);
    fill_all(&filling);
    if (given->from_stock)
        check_loose(&filling);
    else
        buy(&filling);
    cylinder_pay(&document, supplier, given->tenders, given->n_tenders, filling.cost.gross, &tenders);
    if (document.status != STATUS_OK)
        return document.status;
    document_number(&document, "PU");
    payload.n_cylinders = filling.set.count;
    payload.cylinders = filling.set.rows;
    payload.n_before = filling.set.count;
    payload.before = filling.before;
    payload.has_supplier = supplier != 0;
    payload.supplier = supplier;
    payload.n_tenders = tenders.count;
    payload.tenders = tenders.rows;
    payload.has_item = true;
    payload.item = filling.items[0].number;
    payload.has_quantity_milli = payload.has_net_minor = payload.has_total_minor = !given->from_stock;
    payload.quantity_milli = filling.quantity;
    payload.net_minor = filling.cost.net;
    payload.has_tax_minor = filling.cost.tax != 0;
    payload.tax_minor = filling.cost.tax;
    payload.total_minor = filling.cost.gross;
    payload.has_from_stock = payload.from_stock = given->from_stock;
    payload.note = text_or_none(given->note);
    payload.has_tax_code = filling.terms.code != 0;
    payload.tax_code = filling.terms.code;
    payload.has_rate_bp = filling.terms.rate_bp != 0;
    payload.rate_bp = filling.terms.rate_bp;
    return cylinder_end(&document, EVENT_CYLINDERS_FILLED, &payload.base);
}

void cylinder_apply_refill(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                           struct arena *arena)
{
    const Daftari__V1__CylindersFilled *given = (const Daftari__V1__CylindersFilled *)payload;
    cylinder_rows_apply(state, record, given->cylinders, given->n_cylinders, arena);
    tenders_apply(state, record, given->tenders, given->n_tenders);
}
