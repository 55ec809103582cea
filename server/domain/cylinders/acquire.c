/* O-40: cylinders are bought, or come into our keeping, full or empty. */
#include "server/domain/cylinders/cylinders.h"
#include "type_ids.h"

struct acquiring {
    struct document *document;
    const Daftari__V1__AcquireCylinders *given;
    struct cylinder_type type;
    struct item_row item;
    struct taxed shells, content;
    struct tax_terms terms, content_terms;
    int64_t gross; /* both */
};

static enum status form_acquire(const Daftari__V1__AcquireCylinders *given, struct fault *why)
{
    bool ours = given->owner == DAFTARI__V1__CYLINDER_OWNER__OWNER_OURS;
    enum status status = form_text(given->note, "note", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK && (given->n_serials == 0 || given->n_serials > CYLINDERS_MAX))
        status = fault_set(why, STATUS_INVALID, "serials", "1 to %u serial numbers", CYLINDERS_MAX);
    if (status == STATUS_OK && !ours && given->owner != DAFTARI__V1__CYLINDER_OWNER__OWNER_SUPPLIER)
        status = fault_set(why, STATUS_INVALID, "owner", "ours or supplier");
    if (status == STATUS_OK && ours && !given->has_cost_minor)
        status = fault_set(why, STATUS_INVALID, "cost_minor", "needed: what each of them cost");
    if (status == STATUS_OK && (given->cost_minor < 0 || given->cost_minor > AMOUNT_MAX))
        status = fault_set(why, STATUS_INVALID, "cost_minor", "an amount of zero or more");
    if (status == STATUS_OK && !ours && given->cost_minor != 0)
        status = fault_refuse(why, DAFTARI__V1__REASON__CYLINDER_NOT_OURS, "cost_minor",
                              "a cylinder that stays the supplier's is not paid for");
    if (status == STATUS_OK && (given->content_cost_minor < 0 || given->content_cost_minor > AMOUNT_MAX))
        status = fault_set(why, STATUS_INVALID, "content_cost_minor", "an amount of zero or more");
    if (status == STATUS_OK && given->has_content_cost_minor &&
        given->state != DAFTARI__V1__CYLINDER_STATE__CYLINDER_FULL)
        status = fault_set(why, STATUS_INVALID, "content_cost_minor", "goes with full cylinders");
    return status;
}

static void find_amounts(struct acquiring *acquiring)
{
    struct document *document = acquiring->document;
    const Daftari__V1__AcquireCylinders *given = acquiring->given;
    int64_t amount;
    if (document->status != STATUS_OK)
        return;
    acquiring->terms = tax_terms_of(document, (uint16_t)acquiring->type.info->tax_code_number);
    acquiring->content_terms = tax_terms_of(document, acquiring->item.tax_code);
    if (!amount_multiply_divide(given->cost_minor, (int64_t)given->n_serials, 1, &amount) ||
        !tax_split_inclusive(&acquiring->terms, amount, &acquiring->shells) ||
        !tax_split_inclusive(&acquiring->content_terms, given->content_cost_minor, &acquiring->content) ||
        !amount_add(acquiring->shells.gross, acquiring->content.gross, &acquiring->gross))
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__AMOUNT_OUT_OF_RANGE,
                                             "cost_minor", "the cylinders come to more than 18 digits"));
}

/* Each has its share of the net cost, all together have all of it to the last cent. */
static void register_all(struct acquiring *acquiring, struct cylinder_set *set)
{
    struct document *document = acquiring->document;
    const Daftari__V1__AcquireCylinders *given = acquiring->given;
    char path[FAULT_FIELD_MAX];
    int64_t so_far = 0, upto = 0;
    for (size_t i = 0; document->status == STATUS_OK && i < given->n_serials; i++) {
        Daftari__V1__CylinderRow *row = cylinder_set_register(set, given->serials[i], acquiring->type.number,
                                                              cylinder_path(path, "serials", i));
        if (row == NULL ||
            !amount_multiply_divide(acquiring->shells.net, (int64_t)i + 1, (int64_t)given->n_serials, &upto))
            return;
        cylinder_become(document, row, given->state);
        cylinder_put_value(row, given->owner, upto - so_far);
        row->has_cost_minor = true;
        row->cost_minor = upto - so_far;
        so_far = upto;
    }
}

static void post(struct acquiring *acquiring)
{
    struct document *document = acquiring->document;
    int64_t quantity;
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_SHELLS, CATEGORY_ANY, 0,
                       acquiring->shells.net, 0);
    if (acquiring->given->has_content_cost_minor && document->status == STATUS_OK) {
        quantity = acquiring->type.info->capacity_milli * (int64_t)acquiring->given->n_serials;
        cylinder_receive(document, &acquiring->item, quantity, acquiring->content.net, "content_cost_minor");
    }
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_VAT_INPUT, CATEGORY_ANY, 0,
                       acquiring->shells.tax + acquiring->content.tax, 0);
}

enum status cylinder_decide_acquire(const struct context *context, struct kv_txn *state,
                                    const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__AcquireCylinders *given = (const Daftari__V1__AcquireCylinders *)command;
    Daftari__V1__CylindersAcquired payload = DAFTARI__V1__CYLINDERS_ACQUIRED__INIT;
    struct document document;
    struct cylinder_set set;
    struct tenders_taken tenders = {0};
    struct acquiring acquiring = {.document = &document, .given = given};
    enum status status = form_acquire(given, why);
    if (status == STATUS_OK)
        status = document_begin(&document, context, state, given->business, given->has_date, given->date, out,
                                why);
    if (status != STATUS_OK)
        return status;
    cylinder_check_filled(&document, given->state, "state");
    uint32_t supplier = cylinder_supplier(&document, given->supplier);
    cylinder_type_require(&document, given->type, "type", &acquiring.type);
    if (document.status == STATUS_OK &&
        !item_row_get(state, acquiring.type.info->item_number, &acquiring.item))
        return fault_set(why, STATUS_CORRUPT, NULL, "the content of a cylinder type is not there");
    find_amounts(&acquiring);
    cylinder_set_begin(&set, &document, CYLINDERS_MAX);
    register_all(&acquiring, &set);
    post(&acquiring);
    cylinder_pay(&document, supplier, given->tenders, given->n_tenders, acquiring.gross, &tenders);
    document_number(&document, "PU");
    payload.n_cylinders = set.count;
    payload.cylinders = set.rows;
    payload.has_supplier = supplier != 0;
    payload.supplier = supplier;
    payload.n_tenders = tenders.count;
    payload.tenders = tenders.rows;
    payload.has_net_minor = payload.has_total_minor = true;
    payload.net_minor = acquiring.shells.net;
    payload.has_tax_minor = acquiring.gross != acquiring.shells.net + acquiring.content.net;
    payload.tax_minor = acquiring.shells.tax + acquiring.content.tax;
    payload.total_minor = acquiring.gross;
    payload.has_content_net_minor = given->has_content_cost_minor;
    payload.content_net_minor = acquiring.content.net;
    payload.note = text_or_none(given->note);
    payload.has_tax_code = acquiring.terms.code != 0;
    payload.tax_code = acquiring.terms.code;
    payload.has_rate_bp = acquiring.terms.rate_bp != 0;
    payload.rate_bp = acquiring.terms.rate_bp;
    payload.has_content_tax_minor = acquiring.content.tax != 0;
    payload.content_tax_minor = acquiring.content.tax;
    payload.has_content_tax_code = given->has_content_cost_minor && acquiring.content_terms.code != 0;
    payload.content_tax_code = acquiring.content_terms.code;
    payload.has_content_rate_bp = acquiring.content.tax != 0;
    payload.content_rate_bp = acquiring.content_terms.rate_bp;
    return cylinder_end(&document, EVENT_CYLINDERS_ACQUIRED, &payload.base);
}

void cylinder_apply_acquire(struct kv_txn *state, const struct record *record,
                            const ProtobufCMessage *payload, struct arena *arena)
{
    const Daftari__V1__CylindersAcquired *given = (const Daftari__V1__CylindersAcquired *)payload;
    cylinder_rows_apply(state, record, given->cylinders, given->n_cylinders, arena);
    tenders_apply(state, record, given->tenders, given->n_tenders);
}
