/* O-42 to O-44, O-49: a full cylinder goes out, against an empty one, a deposit or its price. */
#include "people.pb-c.h"
#include "server/domain/cylinders/cylinders.h"
#include "server/domain/sales/sales.h"
#include "type_ids.h"

#define UNIT 1000 /* thousandths */

#define REFUSE(x, reason, field, ...)                                                                        \
    document_fail((x)->document,                                                                             \
                  fault_refuse((x)->document->why, DAFTARI__V1__REASON__##reason, field, __VA_ARGS__))

struct exchange {
    struct document *document;
    const Daftari__V1__ExchangeCylinder *given;
    uint32_t customer;
    struct cylinder_set set;
    Daftari__V1__CylinderRow *out, *in; /* as they are afterwards; no `in`: none comes */
    Daftari__V1__CylinderRow before[2]; /* the same as they were */
    bool foreign;                       /* `in` is not known yet */
    struct cylinder_type type;          /* of the one going out */
    struct item_row item;               /* that is in it */
    int64_t unit_price;
    struct tax_terms content_terms, shell_terms;
    struct taxed content, shell; /* prices */
    int64_t deposit;
    int64_t content_cost, shell_cost;
    int64_t difference; /* of value of the one coming in */
    int64_t due;
};

static enum status form_exchange(const Daftari__V1__ExchangeCylinder *given, struct fault *why)
{
    bool swap = given->mode == DAFTARI__V1__EXCHANGE_MODE__MODE_EXCHANGE;
    enum status status = form_text(given->note, "note", DESCRIPTION_TEXT_MAX, false, why);
    if (status != STATUS_OK)
        return status;
    if (!swap && (!text_empty(given->serial_in) || given->has_value_in_minor))
        return fault_set(why, STATUS_INVALID, "serial_in", "goes with mode exchange");
    if (given->has_deposit_minor && given->mode != DAFTARI__V1__EXCHANGE_MODE__MODE_DEPOSIT)
        return fault_set(why, STATUS_INVALID, "deposit_minor", "goes with mode deposit");
    if (given->has_shell_price_minor && given->mode != DAFTARI__V1__EXCHANGE_MODE__MODE_OUTRIGHT)
        return fault_set(why, STATUS_INVALID, "shell_price_minor", "goes with mode outright");
    if (swap && text_empty(given->serial_in))
        return fault_refuse(why, DAFTARI__V1__REASON__CYLINDER_EMPTY_MISSING, "serial_in",
                            "an exchange needs an empty one back; without it: mode deposit, or outright");
    return STATUS_OK;
}

/* ---- the one that comes in ------------------------------------------------------------------------------------ */

/* Not known: the customer's own until now. */
static void register_foreign(struct exchange *x)
{
    struct cylinder_type type = x->type;
    if (!text_empty(x->given->type_in))
        cylinder_type_require(x->document, x->given->type_in, "type_in", &type);
    x->in = cylinder_set_register(&x->set, x->given->serial_in, type.number, "serial_in");
    if (x->in == NULL)
        return;
    x->foreign = true;
    cylinder_become(x->document, x->in, DAFTARI__V1__CYLINDER_STATE__CYLINDER_CUSTOMER);
    cylinder_put_value(x->in, DAFTARI__V1__CYLINDER_OWNER__OWNER_CUSTOMER, 0);
}

/* Known: with a customer, or sold or lost before and so somebody's own. Of another business only if it left that for
 * good. */
static void check_known(struct exchange *x)
{
    enum { OUTSIDE = WITH_CUSTOMER | SOLD | LOST };
    const Daftari__V1__CylinderRow *in = x->in;
    if ((OUTSIDE & 1u << in->state) == 0)
        REFUSE(x, CYLINDER_STATE, "serial_in", "cylinder %.100s is not with a customer", in->serial);
    else if (in->business != x->document->business &&
             (in->state == DAFTARI__V1__CYLINDER_STATE__CYLINDER_LOST || in->value_minor != 0 ||
              in->deposit_minor != 0 || in->owner != DAFTARI__V1__CYLINDER_OWNER__OWNER_CUSTOMER))
        REFUSE(x, CYLINDER_OF_OTHER_BUSINESS, "serial_in", "cylinder %.100s is of another business",
               in->serial);
    else if (in->deposit_minor != 0 && x->customer != 0 &&
             cylinder_party(x->document, in->customer) != x->customer)
        REFUSE(x, CYLINDER_OF_OTHER_CUSTOMER, "customer",
               "the deposit held for cylinder %.100s is another customer's", in->serial);
    else
        cylinder_set_add(&x->set, x->in, "serial_in");
}

/* Like for like: the same content, as much of it, and the same brand unless another is taken. */
static void check_kind(struct exchange *x)
{
    struct cylinder_type type = {0};
    struct item_row item;
    cylinder_type_of(x->document, x->in, &type, &item);
    if (x->document->status != STATUS_OK)
        return;
    if (item.number != x->item.number)
        REFUSE(x, CYLINDER_CONTENT_DIFFERS, "serial_in", "%.100s holds something else", x->in->serial);
    else if (type.info->capacity_milli != x->type.info->capacity_milli)
        REFUSE(x, CYLINDER_CAPACITY_DIFFERS, "serial_in", "%.100s is of another capacity", x->in->serial);
    else if (!text_same(type.info->brand, x->type.info->brand) && !x->given->other_brand)
        REFUSE(x, CYLINDER_BRAND_DIFFERS, "serial_in",
               "%.100s is of another brand: say so with other_brand to take it", x->in->serial);
}

/* Two cylinders change places: the one coming in takes value and owner of the one going out, which takes what the other
 * one had, with the deposit held for it. So no value moves, whoever brings what. */
static void swap(struct exchange *x)
{
    Daftari__V1__CylinderRow *out = x->out, *in = x->in;
    const Daftari__V1__CylinderRow *was = &x->before[1];
    bool ours_outside = was->state == DAFTARI__V1__CYLINDER_STATE__CYLINDER_CUSTOMER;
    cylinder_put_value(in, x->before[0].owner, x->before[0].value_minor);
    cylinder_put_deposit(in, 0, 0);
    cylinder_become(x->document, in, DAFTARI__V1__CYLINDER_STATE__CYLINDER_EMPTY);
    in->business = x->document->business;
    cylinder_put_value(out, ours_outside ? was->owner : DAFTARI__V1__CYLINDER_OWNER__OWNER_CUSTOMER,
                       was->value_minor);
    cylinder_put_deposit(out, was->deposit_minor != 0 ? was->customer : x->customer, was->deposit_minor);
    cylinder_become(x->document, out, DAFTARI__V1__CYLINDER_STATE__CYLINDER_CUSTOMER);
}

/* O-49: the one that came in is worth something else. */
static void revalue(struct exchange *x)
{
    if (!x->given->has_value_in_minor)
        return;
    if (!document_may(x->document, DAFTARI__V1__PERMISSION__STOCK, PERMISSION_WRITE)) {
        document_fail(x->document, fault_set(x->document->why, STATUS_DENIED, "value_in_minor",
                                             "to say what a cylinder is worth needs the permission STOCK"));
    } else if (x->given->value_in_minor < 0 || x->given->value_in_minor > AMOUNT_MAX) {
        document_fail(x->document, fault_set(x->document->why, STATUS_INVALID, "value_in_minor",
                                             "an amount of zero or more"));
    } else if (x->in->owner != DAFTARI__V1__CYLINDER_OWNER__OWNER_OURS) {
        REFUSE(x, CYLINDER_NOT_OURS, "value_in_minor",
               "it takes the place of one that is not ours: it has no value in the books");
    } else {
        x->difference = x->given->value_in_minor - x->in->value_minor;
        cylinder_put_value(x->in, x->in->owner, x->given->value_in_minor);
    }
}

static void take_in(struct exchange *x)
{
    struct document *document = x->document;
    if (document->status != STATUS_OK)
        return;
    x->in = cylinder_find(document->state, x->given->serial_in, document->context->arena);
    if (x->in == NULL)
        register_foreign(x);
    else
        check_known(x);
    if (document->status != STATUS_OK)
        return;
    x->before[1] = *x->in;
    check_kind(x);
    if (document->status != STATUS_OK)
        return;
    swap(x);
    revalue(x);
}

/* ---- prices --------------------------------------------------------------------------------------------------- */

/* What is given, by the permission for prices when it is another than `list`; else `list`. */
static int64_t chosen(struct exchange *x, bool given, int64_t amount, bool listed, int64_t list,
                      const char *field)
{
    if (x->document->status != STATUS_OK || (!given && listed))
        return list;
    if (!given)
        REFUSE(x, CYLINDER_PRICE_MISSING, field, "type %.50s has none: set it, or give it here",
               x->type.info->code);
    else if (amount < 0 || amount > AMOUNT_MAX)
        document_fail(x->document,
                      fault_set(x->document->why, STATUS_INVALID, field, "an amount of zero or more"));
    else if ((!listed || amount != list) &&
             !document_may(x->document, DAFTARI__V1__PERMISSION__SETTINGS, PERMISSION_WRITE))
        REFUSE(x, PRICE_NOT_PERMITTED, field,
               "another amount than the list's needs the permission to set prices");
    return amount;
}

static void price_content(struct exchange *x)
{
    const Daftari__V1__CylinderTypeInfo *info = x->type.info;
    struct document *document = x->document;
    int64_t list = info->unit_price_minor, amount;
    bool listed = info->has_unit_price_minor ||
                  price_get(document->state, x->item.number, document->business, document->date, &list);
    if (!listed && !x->given->has_unit_price_minor) {
        REFUSE(x, PRICE_MISSING, "unit_price_minor", "item %.50s has no price at that date", info->item);
        return;
    }
    x->unit_price = chosen(x, x->given->has_unit_price_minor, x->given->unit_price_minor, listed, list,
                           "unit_price_minor");
    x->content_terms = tax_terms_of(document, x->item.tax_code);
    if (document->status == STATUS_OK &&
        (!amount_multiply_divide(x->unit_price, info->capacity_milli, UNIT, &amount) ||
         !tax_split(&x->content_terms, amount, &x->content)))
        REFUSE(x, AMOUNT_OUT_OF_RANGE, "unit_price_minor", "the content comes to more than 18 digits");
}

static void price_shell(struct exchange *x)
{
    const Daftari__V1__CylinderTypeInfo *info = x->type.info;
    struct document *document = x->document;
    if (x->out->owner != DAFTARI__V1__CYLINDER_OWNER__OWNER_OURS) {
        REFUSE(x, CYLINDER_NOT_OURS, "serial_out", "cylinder %.100s is not ours to sell", x->out->serial);
        return;
    }
    int64_t price = chosen(x, x->given->has_shell_price_minor, x->given->shell_price_minor,
                           info->has_shell_price_minor, info->shell_price_minor, "shell_price_minor");
    x->shell_terms = tax_terms_of(document, (uint16_t)info->tax_code_number);
    if (document->status == STATUS_OK && !tax_split(&x->shell_terms, price, &x->shell))
        REFUSE(x, AMOUNT_OUT_OF_RANGE, "shell_price_minor", "at most 18 digits");
    x->shell_cost = x->out->value_minor;
    cylinder_become(document, x->out, DAFTARI__V1__CYLINDER_STATE__CYLINDER_SOLD);
    cylinder_put_value(x->out, DAFTARI__V1__CYLINDER_OWNER__OWNER_CUSTOMER, 0);
    cylinder_put_deposit(x->out, x->customer, 0);
}

static void take_deposit(struct exchange *x)
{
    const Daftari__V1__CylinderTypeInfo *info = x->type.info;
    x->deposit = chosen(x, x->given->has_deposit_minor, x->given->deposit_minor, info->has_deposit_minor,
                        info->deposit_minor, "deposit_minor");
    if (x->document->status == STATUS_OK && x->deposit == 0)
        REFUSE(x, CYLINDER_PRICE_MISSING, "deposit_minor", "a deposit of more than zero");
    cylinder_become(x->document, x->out, DAFTARI__V1__CYLINDER_STATE__CYLINDER_CUSTOMER);
    cylinder_put_deposit(x->out, x->customer, x->deposit);
}

static void add_up(struct exchange *x)
{
    char text[AMOUNT_TEXT_MAX];
    if (x->document->status != STATUS_OK)
        return;
    if (!amount_add(x->content.gross, x->shell.gross, &x->due) || !amount_add(x->due, x->deposit, &x->due)) {
        REFUSE(x, AMOUNT_OUT_OF_RANGE, "unit_price_minor", "the exchange comes to more than 18 digits");
    } else if (x->given->has_total_minor && x->given->total_minor != x->due) {
        document_amount(x->document, x->due, text);
        REFUSE(x, TOTAL_DIFFERS, "total_minor", "the exchange comes to %s", text);
    }
}

/* ---- the whole ------------------------------------------------------------------------------------------------ */

static void post(struct exchange *x)
{
    struct document *document = x->document;
    struct stock_key key = cylinder_stock(document, x->item.number);
    size_t from = document->out->posting_count;
    bool is_short;
    if (document->status != STATUS_OK)
        return;
    x->content_cost =
        stock_issue(document, &key, x->type.info->capacity_milli, STOCK_REFUSE, "serial_out", &is_short);
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_REVENUE, x->item.category, 0,
                       -x->content.net, from);
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_SHELL_SALES, CATEGORY_ANY, 0, -x->shell.net,
                       from);
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_VAT_OUTPUT, CATEGORY_ANY, 0,
                       -x->content.tax - x->shell.tax, from);
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_COST_OF_SALES, x->item.category, 0,
                       x->content_cost, from);
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_INVENTORY, x->item.category, 0,
                       -x->content_cost, from);
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_SHELL_COST, CATEGORY_ANY, 0, x->shell_cost,
                       from);
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_SHELLS, CATEGORY_ANY, 0, -x->shell_cost,
                       from);
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_DEPOSITS_HELD, CATEGORY_ANY, x->customer,
                       -x->deposit, from);
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_SHELLS, CATEGORY_ANY, 0, x->difference,
                       from);
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_SHELL_LOSS, CATEGORY_ANY, 0, -x->difference,
                       from);
}

static void take_tenders(struct exchange *x, struct tenders_taken *out)
{
    struct tender_terms terms = {
        .flow = TENDER_IN,
        .field = "tenders",
        .party = x->customer,
        .credit = true,
        .credit_role = DAFTARI__V1__ACCOUNT_ROLE__ROLE_RECEIVABLE,
        .prepayment = true,
        .change = true,
    };
    tenders_take(x->document, x->given->tenders, x->given->n_tenders, x->due, &terms, out);
    sale_check_credit(x->document, x->customer, out->credit_minor, false, NULL);
}

static void tell_amounts(const struct exchange *x, Daftari__V1__CylinderExchanged *out)
{
    bool sold = x->shell.gross != 0 || x->shell_cost != 0;
    out->has_item = out->has_quantity_milli = out->has_unit_price_minor = out->has_net_minor = true;
    out->item = x->item.number;
    out->quantity_milli = x->type.info->capacity_milli;
    out->unit_price_minor = x->unit_price;
    out->net_minor = x->content.net;
    out->has_tax_minor = out->has_rate_bp = x->content_terms.rate_bp != 0;
    out->tax_minor = x->content.tax;
    out->rate_bp = x->content_terms.rate_bp;
    out->has_tax_code = x->content_terms.code != 0;
    out->tax_code = x->content_terms.code;
    out->has_content_cost_minor = true;
    out->content_cost_minor = x->content_cost;
    out->has_deposit_minor = x->deposit != 0;
    out->deposit_minor = x->deposit;
    out->has_shell_net_minor = out->has_shell_cost_minor = sold;
    out->shell_net_minor = x->shell.net;
    out->shell_cost_minor = x->shell_cost;
    out->has_shell_tax_minor = out->has_shell_rate_bp = x->shell_terms.rate_bp != 0;
    out->shell_tax_minor = x->shell.tax;
    out->shell_rate_bp = x->shell_terms.rate_bp;
    out->has_shell_tax_code = x->shell_terms.code != 0;
    out->shell_tax_code = x->shell_terms.code;
    out->has_value_difference_minor = x->difference != 0;
    out->value_difference_minor = x->difference;
    out->has_total_minor = true;
    out->total_minor = x->due;
}

static enum status finish(struct exchange *x, const struct tenders_taken *tenders)
{
    Daftari__V1__CylinderExchanged payload = DAFTARI__V1__CYLINDER_EXCHANGED__INIT;
    Daftari__V1__CylinderRow *before[2] = {&x->before[0], &x->before[1]};
    if (x->document->status != STATUS_OK)
        return x->document->status;
    if (x->document->out->posting_count == 0)
        return fault_set(x->document->why, STATUS_INVALID, "unit_price_minor",
                         "an exchange that comes to something");
    tell_amounts(x, &payload);
    x->before[0].has_position = x->before[1].has_position = false;
    payload.n_cylinders = payload.n_before = x->set.count;
    payload.cylinders = x->set.rows;
    payload.before = before;
    payload.has_mode = true;
    payload.mode = x->given->mode;
    payload.has_customer = x->customer != 0;
    payload.customer = x->customer;
    payload.has_foreign = payload.foreign = x->foreign;
    payload.has_change_minor = tenders->change_minor != 0;
    payload.change_minor = tenders->change_minor;
    payload.n_tenders = tenders->count;
    payload.tenders = tenders->rows;
    payload.note = text_or_none(x->given->note);
    document_number(x->document, "LX");
    return document_end(x->document, EVENT_CYLINDER_EXCHANGED, &payload.base);
}

enum status cylinder_decide_exchange(const struct context *context, struct kv_txn *state,
                                     const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__ExchangeCylinder *given = (const Daftari__V1__ExchangeCylinder *)command;
    struct document document;
    struct tenders_taken tenders = {0};
    struct exchange *x = arena_take(context->arena, sizeof *x);
    enum status status = form_exchange(given, why);
    if (status == STATUS_OK && x == NULL)
        status = fault_set(why, STATUS_NO_MEMORY, NULL, "the exchange is too large");
    if (status == STATUS_OK)
        status = document_begin(&document, context, state, given->business, given->has_date, given->date, out,
                                why);
    if (status != STATUS_OK)
        return status;
    *x = (struct exchange){.document = &document, .given = given};
    x->customer = document_customer(&document, given->customer);
    cylinder_set_begin(&x->set, &document, 2);
    x->out = cylinder_set_take(&x->set, given->serial_out, FULL, "serial_out");
    if (x->out == NULL)
        return document.status;
    x->before[0] = *x->out;
    cylinder_type_of(&document, x->out, &x->type, &x->item);
    if (document.status != STATUS_OK)
        return document.status;
    if (given->mode == DAFTARI__V1__EXCHANGE_MODE__MODE_EXCHANGE)
        take_in(x);
    price_content(x);
    if (document.status == STATUS_OK && given->mode == DAFTARI__V1__EXCHANGE_MODE__MODE_OUTRIGHT)
        price_shell(x);
    if (document.status == STATUS_OK && given->mode == DAFTARI__V1__EXCHANGE_MODE__MODE_DEPOSIT)
        take_deposit(x);
    add_up(x);
    take_tenders(x, &tenders);
    post(x);
    return finish(x, &tenders);
}

void cylinder_apply_exchange(struct kv_txn *state, const struct record *record,
                             const ProtobufCMessage *payload, struct arena *arena)
{
    const Daftari__V1__CylinderExchanged *given = (const Daftari__V1__CylinderExchanged *)payload;
    cylinder_rows_apply(state, record, given->cylinders, given->n_cylinders, arena);
    tenders_apply(state, record, given->tenders, given->n_tenders);
}
