#include "server/domain/kernel/document.h"

#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/item_row.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/numbering.h"
#include "server/domain/kernel/periods.h"
#include "server/domain/kernel/rows.h"
#include "server/domain/kernel/stock.h"

#define CATEGORY_DEPTH_MAX 16u

enum status document_begin(struct document *document, const struct context *context, struct kv_txn *state,
                           const char *business, bool has_date, civil_date date, struct decision *out,
                           struct fault *why)
{
    *document = (struct document){.context = context, .state = state, .out = out, .why = why};
    facts_get(state, &document->facts);
    if (text_empty(business))
        return document->status = fault_set(why, STATUS_INVALID, "business",
                                            "the code of the business whose document this is");
    document->status = business_require(context, state, &document->facts, business, false, "business",
                                        &document->business, why);
    if (document->status != STATUS_OK)
        return document->status;
    document->date = has_date ? date : context->today;
    document->status = date_check(context, state, &document->facts, document->date, why);
    if (document->status != STATUS_OK)
        return document->status;
    profile_get(state, document->business, context->arena, &document->own);
    if (document->business == HEAD_OFFICE)
        document->common = document->own;
    else
        profile_get(state, HEAD_OFFICE, context->arena, &document->common);
    document_number(document, NULL);
    return STATUS_OK;
}

void document_fail(struct document *document, enum status status)
{
    if (document->status == STATUS_OK)
        document->status = status;
}

int64_t document_setting(const struct document *document, enum profile_setting setting, int64_t fallback)
{
    int64_t value;
    if (profile_setting(&document->own, setting, document->date, &value) ||
        profile_setting(&document->common, setting, document->date, &value))
        return value;
    return fallback;
}

bool document_may(const struct document *document, unsigned permission, enum permission_level level)
{
    const struct rights *rights = document->context->rights;
    return rights == NULL || rights_allow(rights, permission, level);
}

void document_amount(const struct document *document, int64_t minor, char out[AMOUNT_TEXT_MAX])
{
    const Daftari__V1__CurrencyInfo *base =
        currency_info_get(document->state, BASE_CURRENCY, document->context->arena);
    (void)amount_format_grouped(minor, base != NULL ? base->scale : 0, out);
}

/* ---- accounts ------------------------------------------------------------------------------------------------- */

static uint32_t rule_up(struct kv_txn *state, const struct profile *profile, Daftari__V1__AccountRole role,
                        uint16_t category)
{
    for (unsigned depth = 0; category != CATEGORY_ANY && depth < CATEGORY_DEPTH_MAX; depth++) {
        uint32_t account = profile_rule(profile, role, category);
        if (account != 0)
            return account;
        category = category_parent(state, category);
    }
    return profile_rule(profile, role, CATEGORY_ANY);
}

uint32_t document_account(const struct document *document, Daftari__V1__AccountRole role, uint16_t category)
{
    uint32_t account = rule_up(document->state, &document->own, role, category);
    if (account == 0 && document->business != HEAD_OFFICE)
        account = rule_up(document->state, &document->common, role, category);
    return account;
}

static enum status role_missing(const struct document *document, Daftari__V1__AccountRole role)
{
    const ProtobufCEnumValue *name =
        protobuf_c_enum_descriptor_get_value(&daftari__v1__account_role__descriptor, (int)role);
    return fault_refuse(document->why, DAFTARI__V1__REASON__POSTING_RULE_MISSING, NULL,
                        "business %s has no account for %s: set a posting rule",
                        business_code_of(document->state, document->business, document->context->arena),
                        name != NULL ? name->name : "this part");
}

/* ---- postings ------------------------------------------------------------------------------------------------- */

/* Who a line on this account belongs to: its owner, HQ for a shared bank account, else the document's business. */
static enum status line_business(const struct document *document, uint16_t business, uint32_t account,
                                 uint16_t *out)
{
    struct account_row row;
    if (!account_row_get(document->state, account, &row) || row.header)
        return fault_refuse(document->why, DAFTARI__V1__REASON__ACCOUNT_UNKNOWN, NULL,
                            "there is no account %u that takes postings", account);
    *out = business;
    if (row.business == ACCOUNT_SHARED) {
        if (row.class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_BANK)
            *out = HEAD_OFFICE;
        return STATUS_OK;
    }
    if (row.business == business)
        return STATUS_OK;
    return fault_refuse(document->why, DAFTARI__V1__REASON__ACCOUNT_OF_OTHER_BUSINESS, NULL,
                        "account %u belongs to business %s", account,
                        business_code_of(document->state, row.business, document->context->arena));
}

void document_post_in(struct document *document, uint16_t business, uint32_t account, uint32_t party,
                      int64_t amount, size_t from)
{
    struct decision *out = document->out;
    if (document->status != STATUS_OK || amount == 0)
        return;
    struct posting line = {.account = account,
                           .business = business,
                           .currency = BASE_CURRENCY,
                           .party = party,
                           .amount = amount};
    document->status = line_business(document, business, account, &line.business);
    if (document->status != STATUS_OK)
        return;
    for (size_t i = from; i < out->posting_count; i++) {
        struct posting *there = &out->postings[i];
        if (there->account != account || there->business != line.business || there->party != party ||
            (there->amount > 0) != (amount > 0))
            continue;
        if (!amount_add(there->amount, amount, &there->amount))
            document->status = fault_refuse(document->why, DAFTARI__V1__REASON__AMOUNT_OUT_OF_RANGE, NULL,
                                            "the lines on account %u add up to more than 18 digits", account);
        return;
    }
    if (out->posting_count == POSTINGS_MAX)
        document->status = fault_refuse(document->why, DAFTARI__V1__REASON__TOO_MANY_LINES, NULL,
                                        "the document comes to more than %u lines", POSTINGS_MAX);
    else if (amount > AMOUNT_MAX || amount < -AMOUNT_MAX)
        document->status = fault_refuse(document->why, DAFTARI__V1__REASON__AMOUNT_OUT_OF_RANGE, NULL,
                                        "a line on account %u has more than 18 digits", account);
    else
        out->postings[out->posting_count++] = line;
}

void document_post(struct document *document, uint32_t account, uint32_t party, int64_t amount, size_t from)
{
    document_post_in(document, document->business, account, party, amount, from);
}

void document_post_role(struct document *document, Daftari__V1__AccountRole role, uint16_t category,
                        uint32_t party, int64_t amount, size_t from)
{
    if (document->status != STATUS_OK || amount == 0)
        return;
    uint32_t account = document_account(document, role, category);
    if (account == 0)
        document->status = role_missing(document, role);
    else
        document_post(document, account, party, amount, from);
}

/* Where the goods are worth another value now, the inventory account gets that and the stock loss account the rest. */
static void mirror_movement(struct document *document, const struct movement *movement, size_t from)
{
    struct item_row item;
    int64_t difference = stock_mirror(document, movement, NULL);
    if (document->status != STATUS_OK || difference == 0)
        return;
    if (!item_row_get(document->state, movement->item, &item)) {
        document_fail(document, fault_set(document->why, STATUS_CORRUPT, NULL, "an item is not there"));
        return;
    }
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_INVENTORY, item.category, 0, -difference,
                       from);
    document_post_role(document, DAFTARI__V1__ACCOUNT_ROLE__ROLE_STOCK_LOSS, item.category, 0, difference,
                       from);
}

void document_mirror(struct document *document, const struct record *record)
{
    struct decision *out = document->out;
    if (document->status != STATUS_OK)
        return;
    for (size_t i = 0; i < record->posting_count; i++) {
        struct posting posting = record_posting(record, i);
        posting.amount = -posting.amount;
        out->postings[out->posting_count++] = posting;
    }
    for (size_t i = 0; i < record->movement_count; i++) {
        struct movement movement = record_movement(record, i);
        mirror_movement(document, &movement, record->posting_count);
    }
}

/* ---- number and end ------------------------------------------------------------------------------------------- */

void document_number_of(struct document *document, uint16_t series)
{
    document->out->series = series != 0 ? series : document->facts.entry_series;
}

void document_number(struct document *document, const char *prefix)
{
    uint16_t series = 0;
    if (prefix != NULL)
        (void)row_get_u16(document->state, TABLE_SERIES_PREFIX, slice_text(prefix), &series);
    document_number_of(document, series);
}

static enum status pack(struct document *document, const ProtobufCMessage *payload)
{
    size_t len = protobuf_c_message_get_packed_size(payload);
    uint8_t *bytes = arena_take(document->context->arena, len + 1);
    if (bytes == NULL)
        return fault_set(document->why, STATUS_NO_MEMORY, NULL, "the document is too large");
    (void)protobuf_c_message_pack(payload, bytes);
    document->out->payload = slice_of(bytes, len);
    return STATUS_OK;
}

enum status document_end(struct document *document, uint16_t type, const ProtobufCMessage *payload)
{
    struct decision *out = document->out;
    if (document->status == STATUS_OK && payload != NULL)
        document->status = pack(document, payload);
    if (document->status == STATUS_OK && out->posting_count != 0)
        document->status =
            control_lines_add(document->context, document->state, &document->facts, out, document->why);
    if (document->status != STATUS_OK)
        return document->status;
    out->type = type;
    out->business = document->business;
    out->business_date = document->date;
    out->number = number_next(document->state, out->series, document->date);
    return STATUS_OK;
}

enum status document_end_unposted(struct document *document, uint16_t type, const ProtobufCMessage *payload)
{
    struct decision *out = document->out;
    if (document->status == STATUS_OK && payload != NULL)
        document->status = pack(document, payload);
    if (document->status != STATUS_OK)
        return document->status;
    out->type = type;
    out->business = document->business;
    out->business_date = document->date;
    out->posting_count = out->movement_count = 0;
    out->series = 0;
    out->number = 0;
    return STATUS_OK;
}
