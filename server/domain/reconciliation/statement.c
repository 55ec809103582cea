/*
 * Reconciliation line by line: the lines of a statement are given, matched with postings, and the rest is explained.
 *
 *   outside balance - open lines + open postings = the books' balance, else what is over is unexplained
 *
 * Open postings are not listed in core state, which must not grow with them: they are what the books moved since the day
 * before the first statement, less all that was ever matched. Both are sums in one row by account, business and currency.
 * So nothing that is matched may be dated after the end of the statement under way, and no later one ends earlier.
 */
#include "server/domain/reconciliation/statement.h"
#include "common.pb-c.h"
#include "people.pb-c.h"
#include "proto/base/text.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "type_ids.h"

#define REASON(name) DAFTARI__V1__REASON__##name

#define LINES_MAX          500u
#define REFERENCE_TEXT_MAX 100u

/* ---- lines that were given ------------------------------------------------------------------------------------------- */

static struct row_key given_key(const struct statement_work *work, const Daftari__V1__StatementLine *line)
{
    struct row_key key = work->key;
    uint8_t amount[8];
    be64_put(amount, (uint64_t)line->amount_minor);
    row_key_add_u32(&key, line->date);
    row_key_add(&key, amount, sizeof amount);
    if (line->reference != NULL)
        row_key_add(&key, line->reference, strlen(line->reference));
    return key;
}

/* ---- Reconciliation.Start ---------------------------------------------------------------------------------------------- */

static enum status form_start(const Daftari__V1__StartReconciliation *request, struct fault *why)
{
    if (!request->has_external_balance_minor)
        return fault_set(why, STATUS_INVALID, "external_balance_minor", "the balance on which it ends");
    if (request->external_balance_minor > AMOUNT_MAX || request->external_balance_minor < -AMOUNT_MAX)
        return fault_refuse(why, REASON(AMOUNT_OUT_OF_RANGE), "external_balance_minor", "at most 18 digits");
    return form_text(request->notes, "notes", DESCRIPTION_TEXT_MAX, false, why);
}

/* Where the account's first statement begins; for a later one nothing is to be said. */
static enum status check_opening(const struct context *context, struct kv_txn *state,
                                 struct statement_work *work, Daftari__V1__StartReconciliation *request,
                                 struct fault *why)
{
    struct facts facts;
    int64_t books;
    if (work->sums->last_line != 0) {
        if (request->has_from_date || request->has_opening_balance_minor)
            return fault_set(
                why, STATUS_INVALID, "from_date",
                "only for the first statement of an account: leave it out, and the opening balance");
        return STATUS_OK;
    }
    facts_get(state, &facts);
    if (!request->has_from_date)
        request->from_date = facts.first_date;
    request->has_from_date = true;
    enum status status = reconciliation_check_date(context, state, request->from_date, why);
    if (status != STATUS_OK)
        return status;
    status = reconciliation_system_balance(state, request->account, account_normal_sign(&work->account),
                                           work->business, work->currency,
                                           date_add_days(request->from_date, -1), &books, why);
    if (status != STATUS_OK)
        return status;
    if (books != request->opening_balance_minor)
        return fault_refuse(
            why, REASON(STATEMENT_OPENING_DIFFERS), "opening_balance_minor",
            "the books say another balance of the day before: begin on a day on which they agree");
    work->sums->base_date = date_add_days(request->from_date, -1);
    return STATUS_OK;
}

static enum status check_start_dates(const struct statement_work *work, civil_date date, struct fault *why)
{
    if (work->sums->pending != 0)
        return fault_refuse(why, REASON(RECONCILIATION_PENDING), "account",
                            "the one at position %llu is under way: complete or reopen it",
                            (unsigned long long)work->sums->pending);
    if (date < work->sums->last_date || date <= work->sums->base_date)
        return fault_refuse(why, REASON(STATEMENT_DATE_BAD), "as_at_date",
                            "not before the statements that were given already, which go to %u",
                            work->sums->last_date > work->sums->base_date ? work->sums->last_date
                                                                          : work->sums->base_date);
    return STATUS_OK;
}

enum status statement_decide_start(const struct context *context, struct kv_txn *state,
                                   const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    Daftari__V1__StartReconciliation request = *(const Daftari__V1__StartReconciliation *)command;
    struct statement_work work = {.currency = BASE_CURRENCY};
    enum status status = form_start(&request, why);
    if (status == STATUS_OK)
        status = form_left_out(request.has_system_balance_minor, "system_balance_minor", why);
    if (status == STATUS_OK)
        status = reconciliation_check_account(context, state, request.account, request.business,
                                              &work.account, &work.business, why);
    if (status != STATUS_OK)
        return status;
    if (!text_empty(request.currency) && !currency_find(state, request.currency, &work.currency))
        return fault_refuse(why, REASON(CURRENCY_UNKNOWN), "currency", "there is no currency %.30s",
                            request.currency);
    if (!request.has_as_at_date)
        request.as_at_date = context->today;
    request.has_as_at_date = true;
    status = reconciliation_check_date(context, state, request.as_at_date, why);
    if (status != STATUS_OK)
        return status;
    work.key = statement_part_key(request.account, work.business, work.currency);
    work.sums = statement_sums_get(state, &work.key, context->arena);
    if (work.sums == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the request is too large");
    status = check_opening(context, state, &work, &request, why);
    if (status == STATUS_OK)
        status = check_start_dates(&work, request.as_at_date, why);
    if (status == STATUS_OK)
        status = reconciliation_system_balance(state, request.account, account_normal_sign(&work.account),
                                               work.business, work.currency, request.as_at_date,
                                               &request.system_balance_minor, why);
    request.has_system_balance_minor = true;
    request.business = (char *)(uintptr_t)business_code_of(state, work.business, context->arena);
    if (status == STATUS_OK)
        status = statement_pack(&request.base, context->arena, &out->payload, why);
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_RECONCILIATION_STARTED;
    out->business = work.business;
    out->business_date = request.as_at_date;
    return STATUS_OK;
}

void statement_apply_started(struct kv_txn *state, const struct record *record,
                             const ProtobufCMessage *payload, struct arena *arena)
{
    const Daftari__V1__StartReconciliation *given = (const Daftari__V1__StartReconciliation *)payload;
    Daftari__V1__ReconciliationInfo info = DAFTARI__V1__RECONCILIATION_INFO__INIT;
    struct statement_work work = {.info = &info};
    info.has_reconciliation = info.has_account = info.has_as_at_date = info.has_by_statement = true;
    info.reconciliation = record->header.position;
    info.account = given->account;
    info.business = given->business;
    info.as_at_date = given->as_at_date;
    info.has_system_balance_minor = info.has_external_balance_minor = info.has_difference_minor = true;
    info.system_balance_minor = given->system_balance_minor;
    info.external_balance_minor = given->external_balance_minor;
    info.difference_minor = given->external_balance_minor - given->system_balance_minor;
    info.currency = text_or_none(given->currency);
    info.state = (char *)(uintptr_t)RECONCILIATION_PENDING;
    info.notes = text_or_none(given->notes);
    info.recorded_by = number_text(record->header.user, arena);
    info.by_statement = true;
    if (!statement_work_fill(state, &work, arena)) {
        kv_set_error(state, STATUS_CORRUPT);
        return;
    }
    if (given->has_from_date)
        work.sums->base_date = date_add_days(given->from_date, -1);
    work.sums->pending = info.reconciliation;
    statement_sums_put(state, &work.key, work.sums, arena);
    reconciliation_info_put(state, &info, arena);
}

void reconciliation_end_pending(struct kv_txn *state, uint64_t position, struct arena *arena)
{
    struct statement_work work;
    work.info = reconciliation_info_get(state, position, arena);
    if (work.info == NULL || !work.info->by_statement || !statement_work_fill(state, &work, arena) ||
        work.sums->pending != position)
        return;
    work.sums->pending = 0;
    statement_sums_put(state, &work.key, work.sums, arena);
}

/* ---- Reconciliation.AddLines --------------------------------------------------------------------------------------------- */

static enum status check_line(const struct statement_work *work, const Daftari__V1__StatementLine *line,
                              size_t index, struct fault *why)
{
    char path[FAULT_FIELD_MAX];
    if (!date_valid(line->date))
        return fault_set(why, STATUS_INVALID, form_path(path, "lines", index, "date"), "a real date");
    if (line->date <= work->sums->base_date || line->date > work->info->as_at_date)
        return fault_refuse(why, REASON(STATEMENT_DATE_BAD), form_path(path, "lines", index, "date"),
                            "after %u, where the statements begin, and not after %u, where this one ends",
                            work->sums->base_date, work->info->as_at_date);
    if (line->amount_minor == 0)
        return fault_set(why, STATUS_INVALID, form_path(path, "lines", index, "amount_minor"),
                         "an amount, negative when it goes out");
    if (line->amount_minor > AMOUNT_MAX || line->amount_minor < -AMOUNT_MAX)
        return fault_refuse(why, REASON(AMOUNT_OUT_OF_RANGE), form_path(path, "lines", index, "amount_minor"),
                            "at most 18 digits");
    enum status status = form_text(line->reference, form_path(path, "lines", index, "reference"),
                                   REFERENCE_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = form_text(line->description, form_path(path, "lines", index, "description"),
                           STATEMENT_LINE_TEXT_MAX, false, why);
    return status;
}

static bool alike(const Daftari__V1__StatementLine *a, const Daftari__V1__StatementLine *b)
{
    return a->date == b->date && a->amount_minor == b->amount_minor && text_same(a->reference, b->reference);
}

/* For every line which of its kind it is, or 0 when so many of its kind were given before. NULL: the arena is full. */
static uint32_t *fresh_lines(struct kv_txn *state, const struct statement_work *work,
                             const Daftari__V1__AddStatementLines *request, struct arena *arena)
{
    uint32_t *fresh = arena_take(arena, (request->n_lines + 1) * sizeof *fresh);
    for (size_t i = 0; fresh != NULL && i < request->n_lines; i++) {
        struct row_key key = given_key(work, request->lines[i]);
        uint32_t given = 0, nth = 1;
        for (size_t j = 0; j < i; j++)
            nth += alike(request->lines[i], request->lines[j]);
        if (!row_get_u32(state, TABLE_STATEMENT_GIVEN, row_key_slice(&key), &given))
            given = 0;
        fresh[i] = nth > given ? nth : 0;
    }
    return fresh;
}

enum status statement_decide_add(const struct context *context, struct kv_txn *state,
                                 const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__AddStatementLines *request = (const Daftari__V1__AddStatementLines *)command;
    struct statement_work work;
    uint16_t currency = BASE_CURRENCY;
    if (request->n_lines == 0 || request->n_lines > LINES_MAX)
        return fault_set(why, STATUS_INVALID, "lines", "1 to %u lines", LINES_MAX);
    enum status status = statement_require_pending(context, state, request->reconciliation, &work, why);
    if (status == STATUS_OK &&
        ((!text_empty(request->currency) && !currency_find(state, request->currency, &currency)) ||
         currency != work.currency))
        status = fault_set(why, STATUS_INVALID, "currency", "that of the reconciliation");
    for (size_t i = 0; status == STATUS_OK && i < request->n_lines; i++)
        status = check_line(&work, request->lines[i], i, why);
    if (status != STATUS_OK)
        return status;
    const uint32_t *fresh = fresh_lines(state, &work, request, context->arena);
    if (fresh == NULL)
        return fault_set(why, STATUS_NO_MEMORY, NULL, "the request is too large");
    int64_t sum = work.sums->open_minor;
    out->nothing_to_do = true;
    for (size_t i = 0; i < request->n_lines; i++) {
        if (fresh[i] == 0)
            continue;
        status = statement_check_sum(sum, request->lines[i]->amount_minor, "lines", why);
        if (status != STATUS_OK)
            return status;
        sum += request->lines[i]->amount_minor;
        out->nothing_to_do = false;
    }

    /* accepted */
    out->type = EVENT_STATEMENT_IMPORTED;
    out->business = work.business;
    out->cause = request->reconciliation;
    return STATUS_OK;
}

void statement_apply_imported(struct kv_txn *state, const struct record *record,
                              const ProtobufCMessage *payload, struct arena *arena)
{
    const Daftari__V1__AddStatementLines *given = (const Daftari__V1__AddStatementLines *)payload;
    struct statement_work work;
    if (!statement_work_applied(state, record->header.cause, &work, arena))
        return;
    const uint32_t *fresh = fresh_lines(state, &work, given, arena);
    if (fresh == NULL) {
        kv_set_error(state, STATUS_NO_MEMORY);
        return;
    }
    for (size_t i = 0; i < given->n_lines; i++) {
        const Daftari__V1__StatementLine *line = given->lines[i];
        if (fresh[i] == 0)
            continue;
        Daftari__V1__StatementLineInfo info = DAFTARI__V1__STATEMENT_LINE_INFO__INIT;
        struct row_key key = given_key(&work, line);
        info.has_line = info.has_account = info.has_date = info.has_amount_minor = true;
        info.has_reconciliation = true;
        info.line = ++work.sums->last_line;
        info.account = work.info->account;
        info.business = work.info->business;
        info.currency = work.info->currency;
        info.date = line->date;
        info.amount_minor = line->amount_minor;
        info.reference = text_or_none(line->reference);
        info.description = text_or_none(line->description);
        info.state = (char *)(uintptr_t)LINE_OPEN;
        info.reconciliation = record->header.cause;
        statement_line_put(state, &work, &info, arena);
        row_put_u32(state, TABLE_STATEMENT_GIVEN, row_key_slice(&key), fresh[i]);
        work.sums->open_minor += line->amount_minor;
        work.sums->open_count++;
        if (line->date > work.sums->last_date)
            work.sums->last_date = line->date;
    }
    statement_sums_put(state, &work.key, work.sums, arena);
}

/* ---- Reconciliation.Complete --------------------------------------------------------------------------------------------- */

static enum status form_complete(const Daftari__V1__CompleteReconciliation *given, struct fault *why)
{
    enum status status = form_left_out(given->has_system_balance_minor, "system_balance_minor", why);
    if (status == STATUS_OK)
        status = form_left_out(given->has_open_lines_minor, "open_lines_minor", why);
    if (status == STATUS_OK)
        status = form_left_out(given->has_open_postings_minor, "open_postings_minor", why);
    if (status == STATUS_OK)
        status = form_left_out(given->has_unexplained_minor, "unexplained_minor", why);
    if (status == STATUS_OK)
        status = form_left_out(given->has_open_line_count, "open_line_count", why);
    return status;
}

enum status statement_decide_complete(const struct context *context, struct kv_txn *state,
                                      const ProtobufCMessage *command, struct decision *out,
                                      struct fault *why)
{
    Daftari__V1__CompleteReconciliation request = *(const Daftari__V1__CompleteReconciliation *)command;
    struct statement_work work;
    int64_t before, now;
    enum status status = form_complete(&request, why);
    if (status == STATUS_OK)
        status = statement_require_pending(context, state, request.reconciliation, &work, why);
    if (status != STATUS_OK)
        return status;
    int sign = account_normal_sign(&work.account);
    status = reconciliation_system_balance(state, work.info->account, sign, work.business, work.currency,
                                           work.sums->base_date, &before, why);
    if (status == STATUS_OK)
        status = reconciliation_system_balance(state, work.info->account, sign, work.business, work.currency,
                                               work.info->as_at_date, &now, why);
    if (status != STATUS_OK)
        return status;
    int128 postings = (int128)now - before - work.sums->matched_minor;
    int128 rest = (int128)work.info->external_balance_minor - work.sums->open_minor + postings - now;
    if (postings > AMOUNT_MAX || postings < -AMOUNT_MAX || rest > AMOUNT_MAX || rest < -AMOUNT_MAX)
        return fault_refuse(why, REASON(AMOUNT_OUT_OF_RANGE), "reconciliation",
                            "what is open comes to more than 18 digits");
    request.has_system_balance_minor = request.has_open_lines_minor = request.has_open_postings_minor = true;
    request.has_unexplained_minor = request.has_open_line_count = true;
    request.system_balance_minor = now;
    request.open_lines_minor = work.sums->open_minor;
    request.open_postings_minor = (int64_t)postings;
    request.unexplained_minor = (int64_t)rest;
    request.open_line_count = work.sums->open_count;
    status = statement_pack(&request.base, context->arena, &out->payload, why);
    if (status != STATUS_OK)
        return status;

    /* accepted */
    out->type = EVENT_RECONCILIATION_COMPLETED;
    out->business = work.business;
    out->business_date = work.info->as_at_date;
    out->cause = request.reconciliation;
    return STATUS_OK;
}

void statement_apply_completed(struct kv_txn *state, const struct record *record,
                               const ProtobufCMessage *payload, struct arena *arena)
{
    const Daftari__V1__CompleteReconciliation *given = (const Daftari__V1__CompleteReconciliation *)payload;
    struct statement_work work;
    if (!statement_work_applied(state, record->header.cause, &work, arena))
        return;
    Daftari__V1__ReconciliationInfo *info = work.info;
    info->system_balance_minor = given->system_balance_minor;
    info->difference_minor = info->external_balance_minor - given->system_balance_minor;
    info->has_open_lines_minor = info->has_open_postings_minor = info->has_unexplained_minor = true;
    info->has_open_line_count = true;
    info->open_lines_minor = given->open_lines_minor;
    info->open_postings_minor = given->open_postings_minor;
    info->unexplained_minor = given->unexplained_minor;
    info->open_line_count = given->open_line_count;
    info->state = (char *)(uintptr_t)(given->unexplained_minor == 0 ? RECONCILIATION_RECONCILED
                                                                    : RECONCILIATION_DISCREPANCY);
    work.sums->pending = 0;
    if (info->as_at_date > work.sums->last_date)
        work.sums->last_date = info->as_at_date;
    statement_sums_put(state, &work.key, work.sums, arena);
    reconciliation_info_put(state, info, arena);
}

/* ---- Reconciliation.Lines -------------------------------------------------------------------------------------------------- */

enum status statement_query_lines(const struct query_context *context, struct kv_txn *masters,
                                  const ProtobufCMessage *request, struct slice *cursor,
                                  ProtobufCMessage **out, struct fault *why)
{
    enum { STATEMENT_LINE_BUSINESS = 3, STATEMENT_LINE_STATE = 9 };
    const Daftari__V1__ListStatementLines *list = (const Daftari__V1__ListStatementLines *)request;
    for (;;) {
        struct slice key, value;
        uint16_t business;
        enum status status =
            query_next_row(context, masters, TABLE_STATEMENT_LINE, cursor, &key, &value, why);
        if (status != STATUS_OK)
            return status;
        /* As stored, not unpacked: passing over any number of rows must take no memory. */
        struct slice code = row_text_field(masters, value, STATEMENT_LINE_BUSINESS);
        struct slice said = row_text_field(masters, value, STATEMENT_LINE_STATE);
        if (key.len != 12 || (list->has_account && be32_get(key.ptr) != list->account) ||
            (!text_empty(list->business) && !slice_equal(code, slice_text(list->business))) ||
            (!text_empty(list->state) && !slice_equal(said, slice_text(list->state))) ||
            !row_get_u16(masters, TABLE_BUSINESS_CODE, code, &business) ||
            !may_in_business(context->rights, business, PERMISSION_READ))
            continue;
        *out = row_message(masters, value, &daftari__v1__statement_line_info__descriptor, context->arena);
        return *out != NULL ? STATUS_OK : query_end(masters, STATUS_CORRUPT, why);
    }
}
