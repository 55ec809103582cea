/* O-67: the VAT of a month is settled. */
#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/balance.h"
#include "server/domain/kernel/earlier.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/numbering.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/tax/tax.h"
#include "type_ids.h"

#define ROLE(name)       DAFTARI__V1__ACCOUNT_ROLE__ROLE_##name
#define REASON(name)     DAFTARI__V1__REASON__##name
#define SETTLED_LATE_MAX 24u /* returns whose entry may lie after the end of a later month */

struct share {
    uint16_t business;
    uint32_t output_account, input_account;
    int64_t output, input; /* as their accounts have it: output credit, input debit positive */
    int64_t taken;         /* of the input */
};
struct filing {
    struct document *document;
    struct vat_group group;
    civil_date end; /* of the month */
    uint32_t month;
    size_t count;
    struct share *shares; /* of businesses that have any; in the arena */
    int64_t output, input;
};

static struct row_key return_key(uint16_t lead, uint32_t month)
{
    struct row_key key = row_key_u16(lead);
    row_key_add_u32(&key, month);
    return key;
}

/* The last return of a group up to a month; 0: there is none. */
static uint32_t last_return(struct kv_txn *state, uint16_t lead, uint32_t up_to, uint64_t *out_position)
{
    struct row_key prefix = row_key_u16(lead), last = return_key(lead, up_to);
    struct slice key, value;
    if (!row_last_within(state, TABLE_VAT_RETURN, row_key_slice(&prefix), row_key_slice(&last), &key, &value))
        return 0;
    *out_position = row_number_field(state, value, 8);
    return be32_get(key.ptr + 2);
}

/* ---- what there is to settle ------------------------------------------------------------------------------------ */

static struct share *share_of(struct filing *filing, uint16_t business)
{
    for (size_t i = 0; i < filing->count; i++)
        if (filing->shares[i].business == business)
            return &filing->shares[i];
    return NULL;
}

/* Postings of an earlier month's return that is dated after the end of this month: they are not of this month. */
static void count_late(struct filing *filing, const struct record *record)
{
    for (size_t i = 0; i < record->posting_count; i++) {
        struct posting posting = record_posting(record, i);
        struct share *share = share_of(filing, posting.business);
        if (share == NULL || posting.currency != BASE_CURRENCY)
            continue;
        if (posting.account == share->output_account)
            share->output -= posting.amount;
        else if (posting.account == share->input_account)
            share->input += posting.amount;
    }
}

static void find_late(struct filing *filing)
{
    struct document *document = filing->document;
    uint32_t month = filing->month;
    for (unsigned i = 0; document->status == STATUS_OK && i < SETTLED_LATE_MAX; i++) {
        struct record record;
        uint64_t position = 0;
        month = last_return(document->state, filing->group.lead, month - 1, &position);
        if (month == 0)
            return;
        document_fail(document, document->context->records.read(document->context->records.context, position,
                                                                &record, document->why));
        if (document->status == STATUS_OK && record.header.business_date > filing->end)
            count_late(filing, &record);
    }
}

static void balance_of(struct filing *filing, uint32_t account, uint16_t business, int64_t *out)
{
    struct document *document = filing->document;
    *out = 0;
    if (document->status == STATUS_OK && account != 0 &&
        !balance_as_at(document->state, account, business, BASE_CURRENCY, filing->end, out))
        document_fail(document, fault_refuse(document->why, REASON(AMOUNT_OUT_OF_RANGE), NULL,
                                             "the balance of account %u has more than 18 digits", account));
}

static void add_business(struct filing *filing, uint16_t business)
{
    struct document *document = filing->document;
    struct share *share = &filing->shares[filing->count];
    int64_t output;
    *share = (struct share){
        .business = business,
        .output_account = tax_account_of(document, business, ROLE(VAT_OUTPUT)),
        .input_account = tax_account_of(document, business, ROLE(VAT_INPUT)),
    };
    balance_of(filing, share->output_account, business, &output);
    balance_of(filing, share->input_account, business, &share->input);
    share->output = -output;
    filing->count++;
}

/* Every business is there while late entries are looked for; then those that have nothing go. */
static void keep_those_with_any(struct filing *filing)
{
    struct document *document = filing->document;
    size_t kept = 0;
    for (size_t i = 0; document->status == STATUS_OK && i < filing->count; i++) {
        struct share *share = &filing->shares[i];
        if (share->output == 0 && share->input == 0)
            continue;
        const char *code = business_code_of(document->state, share->business, document->context->arena);
        document_fail(document,
                      require_business(document->context, share->business, code, "business", document->why));
        if (!amount_add(filing->output, share->output, &filing->output) ||
            !amount_add(filing->input, share->input, &filing->input))
            document_fail(document, fault_refuse(document->why, REASON(AMOUNT_OUT_OF_RANGE), NULL,
                                                 "the VAT of the month has more than 18 digits"));
        filing->shares[kept++] = *share;
    }
    filing->count = kept;
}

/* How much input is used: all of it, or as much as there is output; the first businesses first. */
static int64_t take_input(struct filing *filing)
{
    int64_t used = filing->input <= filing->output ? filing->input : filing->output > 0 ? filing->output : 0;
    int64_t left = used;
    for (size_t i = 0; i < filing->count; i++) {
        struct share *share = &filing->shares[i];
        bool all = filing->input <= filing->output || share->input < 0;
        if (all || share->input == 0) {
            share->taken = share->input;
            left -= share->input;
        }
    }
    for (size_t i = 0; filing->input > filing->output && i < filing->count; i++) {
        struct share *share = &filing->shares[i];
        if (share->input <= 0)
            continue;
        share->taken = share->input < left ? share->input : left;
        left -= share->taken;
    }
    return used;
}

/* ---- Tax.FileVat ------------------------------------------------------------------------------------------------- */

static void check_order(struct filing *filing)
{
    struct document *document = filing->document;
    uint64_t position;
    uint32_t last = last_return(document->state, filing->group.lead, UINT32_MAX, &position);
    if (document->status != STATUS_OK || last < filing->month)
        return;
    if (last == filing->month)
        document_fail(document, fault_refuse(document->why, REASON(VAT_RETURN_EXISTS), "month",
                                             "the VAT of %04u-%02u is filed: withdraw that return first",
                                             last / 100, last % 100));
    else
        document_fail(document, fault_refuse(document->why, REASON(VAT_RETURN_LATER), "month",
                                             "the VAT of %04u-%02u is filed already, and months go in order",
                                             last / 100, last % 100));
}

static void post(struct filing *filing, int64_t payable)
{
    struct document *document = filing->document;
    for (size_t i = 0; payable >= 0 && i < filing->count; i++)
        document_post_in(document, filing->shares[i].business, filing->shares[i].output_account, 0,
                         filing->shares[i].output, 0);
    for (size_t i = 0; payable >= 0 && i < filing->count; i++)
        document_post_in(document, filing->shares[i].business, filing->shares[i].input_account, 0,
                         -filing->shares[i].taken, 0);
    if (payable > 0)
        document_post_role(document, ROLE(VAT_PAYABLE), CATEGORY_ANY, 0, -payable, 0);
}

static enum status end(struct filing *filing, char *note, int64_t payable, int64_t credit)
{
    struct document *document = filing->document;
    struct arena *arena = document->context->arena;
    Daftari__V1__VatReturnFiled payload = DAFTARI__V1__VAT_RETURN_FILED__INIT;
    payload.has_month = payload.has_lead = payload.has_payable_minor = payload.has_credit_minor = true;
    payload.month = filing->month;
    payload.pin = text_or_none((char *)(uintptr_t)filing->group.pin);
    payload.lead = filing->group.lead;
    payload.payable_minor = payable;
    payload.credit_minor = credit;
    payload.note = text_or_none(note);
    payload.shares = arena_take(arena, (filing->count + 1) * sizeof(Daftari__V1__VatShare *));
    for (; payload.shares != NULL && payload.n_shares < filing->count; payload.n_shares++) {
        const struct share *share = &filing->shares[payload.n_shares];
        Daftari__V1__VatShare *row = message_new(&daftari__v1__vat_share__descriptor, arena);
        if (row == NULL)
            break;
        row->has_business = row->has_output_minor = row->has_input_minor = true;
        row->business = share->business;
        row->output_minor = filing->output < 0 ? 0 : share->output;
        row->input_minor = filing->output < 0 ? 0 : share->taken;
        payload.shares[payload.n_shares] = row;
    }
    if (payload.n_shares != filing->count)
        return fault_set(document->why, STATUS_NO_MEMORY, NULL, "the return has too many businesses");
    return document_end(document, EVENT_VAT_RETURN_FILED, &payload.base);
}

static enum status begin(struct filing *filing, const struct context *context, struct kv_txn *state,
                         const Daftari__V1__FileVatReturn *given, struct decision *out, struct fault *why)
{
    civil_date first = given->month * 100 + 1;
    enum status status = form_text(given->note, "note", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK && (given->month > DATE_MAX / 100 || !date_valid(first)))
        status = fault_set(why, STATUS_INVALID, "month", "a month as YYYYMM, got %u", given->month);
    if (status != STATUS_OK)
        return status;
    filing->month = given->month;
    filing->end = date_month_end(first);
    status = document_begin(filing->document, context, state, "HQ", true,
                            given->has_date ? given->date : filing->end, out, why);
    if (status == STATUS_OK && filing->document->date < filing->end)
        status = fault_set(why, STATUS_INVALID, "date", "the last day of the month or a later one");
    if (status == STATUS_OK)
        status = vat_group_find(filing->document, given->pin, filing->end, &filing->group, why);
    return status;
}

enum status vat_decide_file(const struct context *context, struct kv_txn *state,
                            const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__FileVatReturn *given = (const Daftari__V1__FileVatReturn *)command;
    struct document document;
    struct filing *filing = arena_take(context->arena, sizeof *filing);
    if (filing == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the return is too large");
    memset(filing, 0, sizeof *filing);
    filing->document = &document;
    enum status status = begin(filing, context, state, given, out, why);
    if (status != STATUS_OK)
        return status;
    filing->shares = arena_take(context->arena, filing->group.count * sizeof *filing->shares);
    if (filing->shares == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the return has too many businesses");
    check_order(filing);
    for (size_t i = 0; document.status == STATUS_OK && i < filing->group.count; i++)
        add_business(filing, filing->group.businesses[i]);
    find_late(filing);
    keep_those_with_any(filing);
    int64_t used = take_input(filing);
    int64_t payable = filing->output - used;
    post(filing, payable);
    if (document.status != STATUS_OK)
        return document.status;
    return end(filing, given->note, payable > 0 ? payable : 0,
               payable < 0 ? filing->input - filing->output : filing->input - used);
}

void vat_apply_filed(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                     struct arena *arena)
{
    const Daftari__V1__VatReturnFiled *filed = (const Daftari__V1__VatReturnFiled *)payload;
    struct row_key key = return_key((uint16_t)filed->lead, filed->month);
    Daftari__V1__VatReturnInfo info = DAFTARI__V1__VAT_RETURN_INFO__INIT;
    info.has_month = info.has_date = info.has_output_minor = info.has_input_minor = true;
    info.has_payable_minor = info.has_credit_minor = info.has_position = true;
    info.month = filed->month;
    info.pin = filed->pin;
    info.date = record->header.business_date;
    for (size_t i = 0; i < filed->n_shares; i++) {
        info.output_minor += filed->shares[i]->output_minor;
        info.input_minor += filed->shares[i]->input_minor;
    }
    info.payable_minor = filed->payable_minor;
    info.credit_minor = filed->credit_minor;
    info.position = record->header.position;
    info.number = arena_take(arena, NUMBER_TEXT_MAX + 1);
    if (info.number != NULL && !number_format(state, record->header.series, record->header.business_date,
                                              record->header.number, info.number))
        info.number = NULL;
    info.note = filed->note;
    row_put_message(state, TABLE_VAT_RETURN, row_key_slice(&key), &info.base, arena);
}

/* ---- Tax.WithdrawVat ---------------------------------------------------------------------------------------------- */

enum status vat_decide_withdraw(const struct context *context, struct kv_txn *state,
                                const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    static const struct earlier_terms earlier = {
        .type = EVENT_VAT_RETURN_FILED,
        .payload = &daftari__v1__vat_return_filed__descriptor,
        .unknown = REASON(VAT_RETURN_UNKNOWN),
        .what = "an entry that filed VAT, as the list of returns says",
    };
    const Daftari__V1__WithdrawVatReturn *given = (const Daftari__V1__WithdrawVatReturn *)command;
    ProtobufCMessage *message = NULL;
    struct document document;
    struct record record;
    uint64_t position = 0;
    enum status status = form_text(given->reason, "reason", DESCRIPTION_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = earlier_find(context, state, given->number, &earlier, &record, &message, why);
    if (status != STATUS_OK)
        return status;
    const Daftari__V1__VatReturnFiled *filed = (const Daftari__V1__VatReturnFiled *)message;
    status = document_begin(&document, context, state, "HQ", true, record.header.business_date, out, why);
    if (status != STATUS_OK)
        return status;
    uint32_t last = last_return(state, (uint16_t)filed->lead, UINT32_MAX, &position);
    if (last > filed->month)
        return fault_refuse(why, REASON(VAT_RETURN_LATER), "number", "withdraw the VAT of %04u-%02u first",
                            last / 100, last % 100);
    if (position != record.header.position)
        return fault_refuse(why, REASON(VAT_RETURN_UNKNOWN), "number", "it is withdrawn already");
    for (size_t i = 0; i < filed->n_shares && document.status == STATUS_OK; i++) {
        uint16_t business = (uint16_t)filed->shares[i]->business;
        document_fail(&document,
                      require_business(context, business, business_code_of(state, business, context->arena),
                                       "number", why));
    }
    document_mirror(&document, &record);
    out->cause = record.header.position;
    Daftari__V1__VatReturnWithdrawn payload = DAFTARI__V1__VAT_RETURN_WITHDRAWN__INIT;
    payload.has_month = payload.has_lead = true;
    payload.month = filed->month;
    payload.lead = filed->lead;
    payload.reason = given->reason;
    return document_end(&document, EVENT_VAT_RETURN_WITHDRAWN, &payload.base);
}

void vat_apply_withdrawn(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                         struct arena *arena)
{
    const Daftari__V1__VatReturnWithdrawn *withdrawn = (const Daftari__V1__VatReturnWithdrawn *)payload;
    struct row_key key = return_key((uint16_t)withdrawn->lead, withdrawn->month);
    (void)record;
    (void)arena;
    kv_del(state, TABLE_VAT_RETURN, row_key_slice(&key));
}

/* ---- Tax.ListVat --------------------------------------------------------------------------------------------------- */

enum status vat_query_list(const struct query_context *context, struct kv_txn *masters,
                           const ProtobufCMessage *request, struct slice *cursor, ProtobufCMessage **out,
                           struct fault *why)
{
    const Daftari__V1__ListVatReturns *list = (const Daftari__V1__ListVatReturns *)request;
    struct slice key, value;
    enum status status;
    while ((status = query_next_row(context, masters, TABLE_VAT_RETURN, cursor, &key, &value, why)) ==
           STATUS_OK) {
        if (key.len != 6 || (list->has_year && be32_get(key.ptr + 2) / 100 != list->year) ||
            !rights_allow_business(context->rights, be16_get(key.ptr), PERMISSION_READ))
            continue;
        Daftari__V1__VatReturnInfo *info =
            row_message(masters, value, &daftari__v1__vat_return_info__descriptor, context->arena);
        if (info == NULL)
            return query_end(masters, STATUS_NO_MEMORY, why);
        *out = &info->base;
        return STATUS_OK;
    }
    return status;
}
