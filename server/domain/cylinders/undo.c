/* An exchange is void; O-45: an empty comes back and its deposit is returned; O-46: it does not come back. */
#include "people.pb-c.h"
#include "server/domain/cylinders/cylinders.h"
#include "server/domain/kernel/earlier.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"
#include "type_ids.h"

/* ---- void ----------------------------------------------------------------------------------------------------- */

static const struct earlier_terms earlier = {
    .type = EVENT_CYLINDER_EXCHANGED,
    .payload = &daftari__v1__cylinder_exchanged__descriptor,
    .unknown = DAFTARI__V1__REASON__EXCHANGE_UNKNOWN,
    .what = "an exchange, like LX-20250102-0001",
};

/* Postings and movements of *out are borrowed from the log until the next read; the message is in the arena. */
static enum status find_exchange(const struct context *context, struct kv_txn *state, const char *number,
                                 struct record *out, const Daftari__V1__CylinderExchanged **out_exchange,
                                 struct fault *why)
{
    uint64_t undone;
    ProtobufCMessage *message = NULL;
    enum status status = earlier_find(context, state, number, &earlier, out, &message, why);
    if (status != STATUS_OK)
        return status;
    *out_exchange = (const Daftari__V1__CylinderExchanged *)message;
    struct row_key key = row_key_u64(out->header.position);
    if (row_get_u64(state, TABLE_ENTRY, row_key_slice(&key), &undone))
        return fault_refuse(why, DAFTARI__V1__REASON__EXCHANGE_VOID, "number", "exchange %.50s is void",
                            number);
    return STATUS_OK;
}

/* Whoever may reverse entries, and he who recorded it where the business lets him. */
static bool may_void(const struct document *document, const struct record *exchange)
{
    return document_may(document, DAFTARI__V1__PERMISSION__JOURNAL, PERMISSION_WRITE) ||
           (exchange->header.user == document->context->user &&
            document_setting(document, PROFILE_CASHIER_VOID, 1) != 0);
}

static void check_unmoved(struct document *document, uint64_t position,
                          const Daftari__V1__CylinderExchanged *exchange)
{
    for (size_t i = 0; document->status == STATUS_OK && i < exchange->n_cylinders; i++) {
        const Daftari__V1__CylinderRow *row =
            cylinder_get(document->state, exchange->cylinders[i]->number, document->context->arena);
        if (row == NULL || row->position != position)
            document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__CYLINDER_MOVED, "number",
                                                 "something happened to cylinder %.100s since",
                                                 exchange->cylinders[i]->serial));
    }
}

enum status cylinder_decide_void(const struct context *context, struct kv_txn *state,
                                 const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__VoidExchange *given = (const Daftari__V1__VoidExchange *)command;
    const Daftari__V1__CylinderExchanged *exchange = NULL;
    Daftari__V1__ExchangeVoided payload = DAFTARI__V1__EXCHANGE_VOIDED__INIT;
    struct document document;
    struct record record;
    enum status status = form_text(given->reason, "reason", DESCRIPTION_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = find_exchange(context, state, given->number, &record, &exchange, why);
    if (status == STATUS_OK)
        status = document_begin(&document, context, state,
                                business_code_of(state, record.header.business, context->arena), true,
                                record.header.business_date, out, why);
    if (status != STATUS_OK)
        return status;
    if (!may_void(&document, &record))
        return fault_set(why, STATUS_DENIED, "number", "you may void exchanges of your own only");
    if (record.header.business_date != context->today)
        return fault_refuse(why, DAFTARI__V1__REASON__EXCHANGE_NOT_OF_TODAY, "number",
                            "only an exchange of today is void");
    check_unmoved(&document, record.header.position, exchange);
    document_mirror(&document, &record);
    tenders_put_back(&document, exchange->tenders, exchange->n_tenders, exchange->customer);
    out->cause = record.header.position;
    payload.reason = given->reason;
    payload.n_cylinders = exchange->n_before;
    payload.cylinders = exchange->before;
    payload.n_tenders = exchange->n_tenders;
    payload.tenders = exchange->tenders;
    payload.has_total_minor = true;
    payload.total_minor = exchange->total_minor;
    payload.has_customer = exchange->has_customer;
    payload.customer = exchange->customer;
    return document_end(&document, EVENT_CYLINDER_EXCHANGE_VOIDED, &payload.base);
}

void cylinder_apply_void(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                         struct arena *arena)
{
    const Daftari__V1__ExchangeVoided *given = (const Daftari__V1__ExchangeVoided *)payload;
    cylinder_rows_apply(state, record, given->cylinders, given->n_cylinders, arena);
    tenders_release(state, given->tenders, given->n_tenders);
}

/* ---- deposits ------------------------------------------------------------------------------------------------- */

struct deposit {
    struct document document;
    struct cylinder_set set;
    Daftari__V1__CylinderRow *row;
    uint32_t customer;
    int64_t amount;
};

/* The document of the cylinder's business, and what is held for it: CYLINDER_NO_DEPOSIT. */
static enum status begin_deposit(struct deposit *deposit, const struct context *context, struct kv_txn *state,
                                 const char *serial, bool has_date, civil_date date, struct decision *out,
                                 struct fault *why)
{
    struct document *document = &deposit->document;
    const Daftari__V1__CylinderRow *row = cylinder_find(state, serial, context->arena);
    if (row == NULL)
        return fault_refuse(why, DAFTARI__V1__REASON__CYLINDER_UNKNOWN, "serial",
                            "no cylinder has the serial number %.100s", serial != NULL ? serial : "");
    enum status status = document_begin(document, context, state,
                                        business_code_of(state, (uint16_t)row->business, context->arena),
                                        has_date, date, out, why);
    if (status != STATUS_OK)
        return status;
    cylinder_set_begin(&deposit->set, document, 1);
    deposit->row = cylinder_set_take(&deposit->set, serial, WITH_CUSTOMER, "serial");
    if (deposit->row != NULL && deposit->row->deposit_minor == 0)
        document_fail(document,
                      fault_refuse(why, DAFTARI__V1__REASON__CYLINDER_NO_DEPOSIT, "serial",
                                   "no deposit is held for cylinder %.100s: it is the customer's own",
                                   serial));
    if (document->status != STATUS_OK || deposit->row == NULL)
        return document->status;
    deposit->amount = deposit->row->deposit_minor;
    deposit->customer = cylinder_party(document, deposit->row->customer);
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_DEPOSITS_HELD, CATEGORY_ANY,
                       deposit->customer, deposit->amount, 0);
    cylinder_put_deposit(deposit->row, 0, 0);
    return document->status;
}

enum status cylinder_decide_return(const struct context *context, struct kv_txn *state,
                                   const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__ReturnCylinder *given = (const Daftari__V1__ReturnCylinder *)command;
    Daftari__V1__CylinderReturned payload = DAFTARI__V1__CYLINDER_RETURNED__INIT;
    struct deposit deposit = {0};
    struct tenders_taken refunds = {0};
    enum status status = form_text(given->note, "note", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status =
            begin_deposit(&deposit, context, state, given->serial, given->has_date, given->date, out, why);
    if (status != STATUS_OK)
        return status;
    struct tender_terms terms = {
        .flow = TENDER_OUT,
        .field = "refunds",
        .party = deposit.customer,
        .credit = true,
        .credit_role = DAFTARI__V1__ACCOUNT_ROLE__ROLE_RECEIVABLE,
        .prepayment = true,
    };
    tenders_take(&deposit.document, given->refunds, given->n_refunds, deposit.amount, &terms, &refunds);
    cylinder_become(&deposit.document, deposit.row, DAFTARI__V1__CYLINDER_STATE__CYLINDER_EMPTY);
    document_number(&deposit.document, "RF");
    payload.n_cylinders = deposit.set.count;
    payload.cylinders = deposit.set.rows;
    payload.has_deposit_minor = true;
    payload.deposit_minor = deposit.amount;
    payload.has_customer = deposit.customer != 0;
    payload.customer = deposit.customer;
    payload.n_refunds = refunds.count;
    payload.refunds = refunds.rows;
    payload.note = text_or_none(given->note);
    return document_end(&deposit.document, EVENT_CYLINDER_RETURNED, &payload.base);
}

void cylinder_apply_return(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                           struct arena *arena)
{
    const Daftari__V1__CylinderReturned *given = (const Daftari__V1__CylinderReturned *)payload;
    cylinder_rows_apply(state, record, given->cylinders, given->n_cylinders, arena);
    tenders_apply(state, record, given->refunds, given->n_refunds);
}

enum status cylinder_decide_forfeit(const struct context *context, struct kv_txn *state,
                                    const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__ForfeitDeposit *given = (const Daftari__V1__ForfeitDeposit *)command;
    Daftari__V1__DepositForfeited payload = DAFTARI__V1__DEPOSIT_FORFEITED__INIT;
    struct deposit deposit = {0};
    enum status status = form_text(given->reason, "reason", DESCRIPTION_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status =
            begin_deposit(&deposit, context, state, given->serial, given->has_date, given->date, out, why);
    if (status != STATUS_OK)
        return status;
    int64_t value = deposit.row->value_minor;
    document_post_role(&deposit.document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_SHELL_LOSS, CATEGORY_ANY, 0, value,
                       0);
    document_post_role(&deposit.document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_OTHER_INCOME, CATEGORY_ANY, 0,
                       -deposit.amount, 0);
    document_post_role(&deposit.document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_SHELLS, CATEGORY_ANY, 0, -value, 0);
    cylinder_become(&deposit.document, deposit.row, DAFTARI__V1__CYLINDER_STATE__CYLINDER_LOST);
    cylinder_put_value(deposit.row, deposit.row->owner, 0);
    document_number(&deposit.document, "AJ");
    payload.n_cylinders = deposit.set.count;
    payload.cylinders = deposit.set.rows;
    payload.has_deposit_minor = payload.has_value_minor = true;
    payload.deposit_minor = deposit.amount;
    payload.value_minor = value;
    payload.has_customer = deposit.customer != 0;
    payload.customer = deposit.customer;
    payload.reason = given->reason;
    return document_end(&deposit.document, EVENT_CYLINDER_DEPOSIT_FORFEITED, &payload.base);
}

void cylinder_apply_forfeit(struct kv_txn *state, const struct record *record,
                            const ProtobufCMessage *payload, struct arena *arena)
{
    const Daftari__V1__DepositForfeited *given = (const Daftari__V1__DepositForfeited *)payload;
    cylinder_rows_apply(state, record, given->cylinders, given->n_cylinders, arena);
}
