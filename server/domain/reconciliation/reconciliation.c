/* An account compared with an outside balance; the difference booked (O-60, O-63). */
#include "server/domain/reconciliation/reconciliation.h"

#include "people.pb-c.h"
#include "proto/base/text.h"
#include "server/domain/kernel/account_row.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/numbering.h"
#include "server/domain/kernel/periods.h"
#include "server/domain/kernel/rows.h"
#include "type_ids.h"

#define REASON(name) DAFTARI__V1__REASON__##name

static bool state_is(const Daftari__V1__ReconciliationInfo *info, const char *name)
{
    return info->state != NULL && strcmp(info->state, name) == 0;
}

Daftari__V1__ReconciliationInfo *reconciliation_info_get(struct kv_txn *state, uint64_t position,
                                                         struct arena *arena)
{
    struct row_key key = row_key_u64(position);
    return row_get_message(state, TABLE_RECONCILIATION, row_key_slice(&key),
                           &daftari__v1__reconciliation_info__descriptor, arena);
}

void reconciliation_info_put(struct kv_txn *state, const Daftari__V1__ReconciliationInfo *info,
                             struct arena *arena)
{
    struct row_key key = row_key_u64(info->reconciliation);
    row_put_message(state, TABLE_RECONCILIATION, row_key_slice(&key), &info->base, arena);
}

/* ---- Reconciliation.Record ------------------------------------------------------------------------------------------- */

/* The account, and the business whose part of it is meant. */
enum status reconciliation_check_account(const struct context *context, struct kv_txn *state, uint32_t number,
                                         const char *code, struct account_row *account, uint16_t *business,
                                         struct fault *why)
{
    struct facts facts;
    if (!account_row_get(state, number, account))
        return fault_refuse(why, REASON(ACCOUNT_UNKNOWN), "account", "there is no account %u in the chart",
                            number);
    if (account->header)
        return fault_refuse(why, REASON(ACCOUNT_IS_HEADER), "account", "account %u only groups others",
                            number);
    if (account->type == ACCOUNT_REVENUE || account->type == ACCOUNT_EXPENSE)
        return fault_refuse(why, REASON(ACCOUNT_NOT_RECONCILABLE), "account",
                            "assets, liabilities and equity have outside balances, not accounts of type %s",
                            account_type_name(account->type));
    if (text_empty(code) && account->business == ACCOUNT_SHARED)
        return fault_set(why, STATUS_INVALID, "business", "must be given: account %u is shared", number);
    if (text_empty(code))
        code = business_code_of(state, account->business, context->arena);
    facts_get(state, &facts);
    enum status status = business_require(context, state, &facts, code, true, "business", business, why);
    if (status == STATUS_OK && account->business != ACCOUNT_SHARED && account->business != *business)
        return fault_refuse(why, REASON(ACCOUNT_OF_OTHER_BUSINESS), "business",
                            "account %u belongs to business %s", number,
                            business_code_of(state, account->business, context->arena));
    return status;
}

/* A cash count is for everybody who counts cash; other accounts for those who reconcile. */
static enum status check_permission(const struct context *context, const struct account_row *account,
                                    struct fault *why)
{
    if (account->class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_CASH || context->rights == NULL ||
        rights_allow(context->rights, DAFTARI__V1__PERMISSION__RECONCILE, PERMISSION_WRITE))
        return STATUS_OK;
    return fault_set(why, STATUS_DENIED, "account", "you may count cash, not reconcile other accounts");
}

enum status reconciliation_check_date(const struct context *context, struct kv_txn *state, civil_date date,
                                      struct fault *why)
{
    struct facts facts;
    facts_get(state, &facts);
    if (!date_valid(date))
        return fault_set(why, STATUS_INVALID, "as_at_date", "a real date as YYYYMMDD, got %u", date);
    if (date < facts.first_date)
        return fault_refuse(why, REASON(DATE_BEFORE_BOOKS), "as_at_date", "not before these books begin");
    if (date > context->today)
        return fault_refuse(why, REASON(DATE_IN_FUTURE), "as_at_date", "today or earlier");
    return STATUS_OK;
}

enum status reconciliation_system_balance(struct kv_txn *state, uint32_t account, int sign, uint16_t business,
                                          uint16_t currency, civil_date date, int64_t *out, struct fault *why)
{
    int64_t balance;
    if (!balance_as_at(state, account, business, currency, date, &balance))
        return fault_refuse(why, REASON(BALANCE_OUT_OF_RANGE), "as_at_date",
                            "the balance of account %u was past the ledger's limit then", account);
    *out = sign * balance;
    return STATUS_OK;
}

enum status reconciliation_decide_record(const struct context *context, struct kv_txn *state,
                                         const ProtobufCMessage *command, struct decision *out,
                                         struct fault *why)
{
    Daftari__V1__RecordReconciliation request = *(const Daftari__V1__RecordReconciliation *)command;
    struct account_row account;
    uint16_t business, currency = BASE_CURRENCY;
    enum status status = form_text(request.notes, "notes", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = form_left_out(request.has_system_balance_minor, "system_balance_minor", why);
    if (status != STATUS_OK)
        return status;
    if (!request.has_external_balance_minor)
        return fault_set(why, STATUS_INVALID, "external_balance_minor",
                         "must be given; 0 when nothing is there");
    if (request.external_balance_minor > AMOUNT_MAX || request.external_balance_minor < -AMOUNT_MAX)
        return fault_refuse(why, REASON(AMOUNT_OUT_OF_RANGE), "external_balance_minor", "at most 18 digits");
    status = reconciliation_check_account(context, state, request.account, request.business, &account,
                                          &business, why);
    if (status == STATUS_OK)
        status = check_permission(context, &account, why);
    if (status != STATUS_OK)
        return status;
    if (!text_empty(request.currency) && !currency_find(state, request.currency, &currency))
        return fault_refuse(why, REASON(CURRENCY_UNKNOWN), "currency", "there is no currency %.30s",
                            request.currency);
    civil_date date = request.has_as_at_date ? request.as_at_date : context->today;
    status = reconciliation_check_date(context, state, date, why);
    if (status == STATUS_OK)
        status = reconciliation_system_balance(state, request.account, account_normal_sign(&account),
                                               business, currency, date, &request.system_balance_minor, why);
    if (status != STATUS_OK)
        return status;
    request.has_system_balance_minor = request.has_as_at_date = true;
    request.as_at_date = date;
    request.business = (char *)(uintptr_t)business_code_of(state, business, context->arena);
    size_t size = protobuf_c_message_get_packed_size(&request.base);
    uint8_t *payload = arena_take(context->arena, size + 1);
    if (payload == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the request is too large");
    /* accepted */
    out->payload = slice_of(payload, protobuf_c_message_pack(&request.base, payload));
    out->type = EVENT_RECONCILIATION_RECORDED;
    out->business = business;
    out->business_date = date;
    return STATUS_OK;
}

void reconciliation_apply_recorded(struct kv_txn *state, const struct record *record,
                                   const ProtobufCMessage *payload, struct arena *arena)
{
    const Daftari__V1__RecordReconciliation *given = (const Daftari__V1__RecordReconciliation *)payload;
    Daftari__V1__ReconciliationInfo info = DAFTARI__V1__RECONCILIATION_INFO__INIT;
    info.has_reconciliation = info.has_account = info.has_as_at_date = true;
    info.reconciliation = record->header.position;
    info.account = given->account;
    info.business = given->business;
    info.as_at_date = given->as_at_date;
    info.has_system_balance_minor = info.has_external_balance_minor = info.has_difference_minor = true;
    info.system_balance_minor = given->system_balance_minor;
    info.external_balance_minor = given->external_balance_minor;
    /* Each is within AMOUNT_MAX, a ninth of what 64 bits hold. */
    info.difference_minor = given->external_balance_minor - given->system_balance_minor;
    info.currency = given->currency;
    info.state = (char *)(uintptr_t)(info.difference_minor == 0 ? RECONCILIATION_RECONCILED
                                                                : RECONCILIATION_DISCREPANCY);
    info.notes = given->notes;
    info.recorded_by = number_text(record->header.user, arena);
    reconciliation_info_put(state, &info, arena);
}

/* ---- Reconciliation.BookDifference --------------------------------------------------------------------------------------- */

/* A reconciliation that a command names, in a business where the one who asks may record. */
enum status reconciliation_require_info(const struct context *context, struct kv_txn *state,
                                        uint64_t position, bool even_inactive,
                                        Daftari__V1__ReconciliationInfo **out, uint16_t *business,
                                        struct fault *why)
{
    struct facts facts;
    *out = reconciliation_info_get(state, position, context->arena);
    if (*out == NULL)
        return fault_refuse(why, REASON(RECONCILIATION_UNKNOWN), "reconciliation",
                            "the position of a reconciliation");
    facts_get(state, &facts);
    return business_require(context, state, &facts, (*out)->business, even_inactive, "reconciliation",
                            business, why);
}

static enum status check_bookable(const Daftari__V1__ReconciliationInfo *info, struct fault *why)
{
    if (info->by_statement)
        return fault_refuse(why, REASON(RECONCILIATION_BY_STATEMENT), "reconciliation",
                            "it goes line by line: post what its lines say, and match them");
    if (state_is(info, RECONCILIATION_BOOKED))
        return fault_refuse(why, REASON(RECONCILIATION_ALREADY_BOOKED), "reconciliation",
                            "its difference is booked already, by the entry at position %llu",
                            (unsigned long long)info->entry);
    if (state_is(info, RECONCILIATION_REOPENED))
        return fault_refuse(why, REASON(RECONCILIATION_STALE), "reconciliation",
                            "it was reopened: record it again");
    if (info->difference_minor == 0)
        return fault_refuse(why, REASON(RECONCILIATION_NO_DIFFERENCE), "reconciliation",
                            "there is no difference");
    if (info->difference_minor > AMOUNT_MAX || info->difference_minor < -AMOUNT_MAX)
        return fault_refuse(why, REASON(AMOUNT_OUT_OF_RANGE), "reconciliation",
                            "its difference passes 18 digits");
    return STATUS_OK;
}

static enum status check_against(const struct context *context, struct kv_txn *state,
                                 const Daftari__V1__ReconciliationInfo *info, uint32_t against,
                                 uint16_t business, struct fault *why)
{
    struct account_row row;
    if (!account_row_get(state, against, &row))
        return fault_refuse(why, REASON(ACCOUNT_UNKNOWN), "against", "there is no account %u in the chart",
                            against);
    if (against == info->account)
        return fault_set(why, STATUS_INVALID, "against", "another account than the one reconciled");
    if (row.header)
        return fault_refuse(why, REASON(ACCOUNT_IS_HEADER), "against", "account %u only groups others",
                            against);
    if (!row.active)
        return fault_refuse(why, REASON(ACCOUNT_INACTIVE), "against", "account %u is deactivated", against);
    if (row.business != ACCOUNT_SHARED && row.business != business)
        return fault_refuse(why, REASON(ACCOUNT_OF_OTHER_BUSINESS), "against",
                            "account %u belongs to business %s", against,
                            business_code_of(state, row.business, context->arena));
    return STATUS_OK;
}

/* The date of the count while its month is open for the one who asks, else today. */
static enum status booking_date(const struct context *context, struct kv_txn *state,
                                const struct facts *facts, civil_date as_at, civil_date *out,
                                struct fault *why)
{
    struct fault closed;
    *out = as_at;
    if (date_check(context, state, facts, as_at, &closed) == STATUS_OK)
        return STATUS_OK;
    *out = context->today;
    return date_check(context, state, facts, context->today, why);
}

enum status reconciliation_decide_book(const struct context *context, struct kv_txn *state,
                                       const ProtobufCMessage *command, struct decision *out,
                                       struct fault *why)
{
    const Daftari__V1__BookReconciliationDifference *request =
        (const Daftari__V1__BookReconciliationDifference *)command;
    Daftari__V1__ReconciliationInfo *info;
    struct account_row account;
    struct facts facts;
    uint16_t business, currency = BASE_CURRENCY;
    int64_t now = 0;
    civil_date date;
    enum status status = form_text(request->description, "description", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = reconciliation_require_info(context, state, request->reconciliation, false, &info, &business,
                                             why);
    if (status == STATUS_OK)
        status = check_bookable(info, why);
    if (status == STATUS_OK)
        status = check_against(context, state, info, request->against, business, why);
    if (status != STATUS_OK)
        return status;
    if (!account_row_get(state, info->account, &account) ||
        (!text_empty(info->currency) && !currency_find(state, info->currency, &currency)))
        return fault_set(why, STATUS_CORRUPT, "reconciliation", "its account or currency is gone");
    facts_get(state, &facts);
    if (info->account == facts.control_account || request->against == facts.control_account)
        return fault_refuse(why, REASON(ENTRY_UNBALANCED),
                            info->account == facts.control_account ? "reconciliation" : "against",
                            "one business alone cannot post to the inter-business control account %u",
                            facts.control_account);
    int sign = account_normal_sign(&account);
    status = reconciliation_system_balance(state, info->account, sign, business, currency, info->as_at_date,
                                           &now, why);
    if (status != STATUS_OK)
        return status;
    if (now != info->system_balance_minor)
        return fault_refuse(why, REASON(RECONCILIATION_STALE), "reconciliation",
                            "the books of that date have changed since: record it again");
    status = booking_date(context, state, &facts, info->as_at_date, &date, why);
    if (status != STATUS_OK)
        return status;
    /* accepted */
    out->type = EVENT_RECONCILIATION_DIFFERENCE_BOOKED;
    out->business = business;
    out->business_date = date;
    out->series = facts.entry_series;
    out->number = facts.entry_series != 0 ? number_next(state, facts.entry_series, date) : 0;
    out->cause = request->reconciliation;
    out->postings[0] = (struct posting){.account = info->account,
                                        .business = business,
                                        .currency = currency,
                                        .amount = sign * info->difference_minor};
    out->postings[1] = out->postings[0];
    out->postings[1].account = request->against;
    out->postings[1].amount = -out->postings[0].amount;
    out->posting_count = 2;
    return STATUS_OK;
}

/* `entry`: that booked the difference; 0 = none. */
static void set_state(struct kv_txn *state, uint64_t position, const char *name, uint64_t entry,
                      struct arena *arena)
{
    Daftari__V1__ReconciliationInfo *info = reconciliation_info_get(state, position, arena);
    if (info == NULL) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    info->state = (char *)(uintptr_t)name;
    info->has_entry = entry != 0;
    info->entry = entry;
    reconciliation_info_put(state, info, arena);
}

void reconciliation_apply_booked(struct kv_txn *state, const struct record *record,
                                 const ProtobufCMessage *payload, struct arena *arena)
{
    (void)payload;
    struct row_key key = row_key_u64(record->header.position);
    row_put_u64(state, TABLE_RECONCILIATION_ENTRY, row_key_slice(&key), record->header.cause);
    set_state(state, record->header.cause, RECONCILIATION_BOOKED, record->header.position, arena);
}

void reconciliation_unbook(struct kv_txn *state, uint64_t entry, struct arena *arena)
{
    struct row_key key = row_key_u64(entry);
    uint64_t reconciliation;
    if (!row_get_u64(state, TABLE_RECONCILIATION_ENTRY, row_key_slice(&key), &reconciliation))
        return;
    kv_del(state, TABLE_RECONCILIATION_ENTRY, row_key_slice(&key));
    const Daftari__V1__ReconciliationInfo *info = reconciliation_info_get(state, reconciliation, arena);
    if (info != NULL && state_is(info, RECONCILIATION_BOOKED)) /* one that was set aside stays so */
        set_state(state, reconciliation, RECONCILIATION_DISCREPANCY, 0, arena);
}

/* ---- Reconciliation.Reopen ----------------------------------------------------------------------------------------------- */

enum status reconciliation_decide_reopen(const struct context *context, struct kv_txn *state,
                                         const ProtobufCMessage *command, struct decision *out,
                                         struct fault *why)
{
    const Daftari__V1__ReopenReconciliation *request = (const Daftari__V1__ReopenReconciliation *)command;
    Daftari__V1__ReconciliationInfo *info;
    uint16_t business;
    enum status status = form_text(request->reason, "reason", DESCRIPTION_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status =
            reconciliation_require_info(context, state, request->reconciliation, true, &info, &business, why);
    if (status != STATUS_OK)
        return status;
    if (state_is(info, RECONCILIATION_REOPENED)) {
        out->nothing_to_do = true;
        return STATUS_OK;
    }
    if (state_is(info, RECONCILIATION_BOOKED))
        return fault_refuse(why, REASON(RECONCILIATION_ALREADY_BOOKED), "reconciliation",
                            "its difference is booked by the entry at position %llu: reverse that first",
                            (unsigned long long)info->entry);
    /* accepted */
    out->type = EVENT_RECONCILIATION_REOPENED;
    out->business = business;
    out->cause = request->reconciliation;
    return STATUS_OK;
}

void reconciliation_apply_reopened(struct kv_txn *state, const struct record *record,
                                   const ProtobufCMessage *payload, struct arena *arena)
{
    (void)payload;
    reconciliation_end_pending(state, record->header.cause, arena);
    set_state(state, record->header.cause, RECONCILIATION_REOPENED, 0, arena);
}

/* ---- Reconciliation.List --------------------------------------------------------------------------------------------------- */

enum status reconciliation_query_list(const struct query_context *context, struct kv_txn *masters,
                                      const ProtobufCMessage *request, struct slice *cursor,
                                      ProtobufCMessage **out, struct fault *why)
{
    enum {
        RECONCILIATION_INFO_ACCOUNT = 2,
        RECONCILIATION_INFO_BUSINESS = 3,
        RECONCILIATION_INFO_AS_AT_DATE = 4
    };
    const Daftari__V1__ListReconciliations *list = (const Daftari__V1__ListReconciliations *)request;
    for (;;) {
        struct slice key, value;
        uint16_t business;
        uint64_t user;
        enum status status =
            query_next_row(context, masters, TABLE_RECONCILIATION, cursor, &key, &value, why);
        if (status != STATUS_OK)
            return status;
        /* As stored, not unpacked: passing over any number of rows must take no memory. */
        uint64_t account = row_number_field(masters, value, RECONCILIATION_INFO_ACCOUNT);
        uint64_t date = row_number_field(masters, value, RECONCILIATION_INFO_AS_AT_DATE);
        struct slice code = row_text_field(masters, value, RECONCILIATION_INFO_BUSINESS);
        if ((list->has_account && account != list->account) ||
            (list->has_from_date && date < list->from_date) || (list->has_to_date && date > list->to_date) ||
            !row_get_u16(masters, TABLE_BUSINESS_CODE, code, &business) ||
            !may_in_business(context->rights, business, PERMISSION_READ))
            continue;
        Daftari__V1__ReconciliationInfo *info =
            row_message(masters, value, &daftari__v1__reconciliation_info__descriptor, context->arena);
        if (info == NULL)
            return query_end(masters, STATUS_CORRUPT, why);
        if (info->recorded_by != NULL && number_parse(slice_text(info->recorded_by), 0, UINT32_MAX, &user))
            info->recorded_by = (char *)(uintptr_t)user_email_of(masters, (uint32_t)user, context->arena);
        *out = &info->base;
        return STATUS_OK;
    }
}
