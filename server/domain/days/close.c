/* O-63: the day of a till is closed. Its Z report is stored with the record: what it says is never computed again. */
#include "server/domain/days/days.h"
#include "server/domain/kernel/balance.h"
#include "server/domain/kernel/day_book.h"
#include "server/domain/kernel/form.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/numbering.h"
#include "type_ids.h"

#define KIND(name)  DAFTARI__V1__DAY_FLOW_KIND__FLOW_##name
#define MONEY(name) DAFTARI__V1__DAY_FLOW_METHOD__FLOW_##name

/* The report while it is made. */
struct report {
    struct till *till;
    Daftari__V1__DayClosed *out;
    int64_t cash; /* flows in cash so far */
};

static void too_large(struct document *document)
{
    document_fail(document,
                  fault_set(document->why, STATUS_NO_MEMORY, NULL, "the day has more than can be reported"));
}

static void add_flow(struct report *report, Daftari__V1__DayFlowKind kind, Daftari__V1__DayFlowMethod method,
                     uint32_t count, int64_t amount)
{
    struct document *document = &report->till->document;
    Daftari__V1__DayFlow *flow = message_new(&daftari__v1__day_flow__descriptor, document->context->arena);
    if (flow == NULL) {
        too_large(document);
        return;
    }
    flow->has_kind = flow->has_method = flow->has_amount_minor = true;
    flow->kind = kind;
    flow->method = method;
    flow->has_count = count != 0;
    flow->count = count;
    flow->amount_minor = amount;
    report->out->flows[report->out->n_flows++] = flow;
    if (method == MONEY(CASH))
        report->cash += amount;
    if (kind == KIND(SALES) || kind == KIND(REFUNDS) || kind == KIND(VOIDS))
        report->out->sales_minor += amount;
}

static bool of_report(const struct till *till, const struct day_book_row *row)
{
    if (row->method == MONEY(CASH))
        return row->account == till->account;
    return till->main && (row->kind == KIND(SALES) || row->kind == KIND(REFUNDS) ||
                          row->kind == KIND(VOIDS) || row->kind == KIND(PAYMENTS));
}

static char *number_text_of(struct document *document, uint16_t series, uint32_t number)
{
    char text[NUMBER_TEXT_MAX + 1];
    if (series == 0 || !number_format(document->state, series, document->date, number, text))
        return NULL;
    return arena_text(document->context->arena, slice_text(text));
}

/* Flows in the order of their kinds, then methods: a report reads the same whatever came first. */
static void take_flows(struct report *report)
{
    struct document *document = &report->till->document;
    struct day_book_head head;
    struct day_book_row *rows;
    size_t count = 0;
    (void)day_book_get(document->state, document->business, document->date, document->context->arena, &head,
                       &rows, &count);
    report->out->flows = arena_take(document->context->arena, (count + 2) * sizeof(Daftari__V1__DayFlow *));
    if (report->out->flows == NULL) {
        too_large(document);
        return;
    }
    for (int kind = KIND(SALES); kind <= (int)KIND(DIFFERENCES); kind++)
        for (int method = MONEY(CASH); method <= (int)MONEY(PREPAYMENT); method++)
            for (size_t i = 0; document->status == STATUS_OK && i < count; i++)
                if ((int)rows[i].kind == kind && (int)rows[i].method == method && rows[i].amount != 0 &&
                    of_report(report->till, &rows[i]))
                    add_flow(report, rows[i].kind, rows[i].method, rows[i].count, rows[i].amount);
    if (count == 0 || !report->till->main)
        return;
    report->out->has_tax_minor = head.tax != 0;
    report->out->tax_minor = head.tax;
    report->out->first_number = number_text_of(document, head.first_series, head.first_number);
    report->out->last_number = number_text_of(document, head.last_series, head.last_number);
}

/* What moved cash and is of no kind above is what is left of what the books expect. */
static void take_rest(struct report *report)
{
    struct till *till = report->till;
    struct document *document = &till->document;
    int64_t before = 0;
    if (document->status != STATUS_OK)
        return;
    if (!balance_as_at(document->state, till->account, document->business, BASE_CURRENCY,
                       date_add_days(document->date, -1), &before)) {
        document_fail(document, fault_refuse(document->why, DAFTARI__V1__REASON__AMOUNT_OUT_OF_RANGE, NULL,
                                             "at most 18 digits"));
        return;
    }
    report->out->has_brought_forward_minor = true;
    report->out->brought_forward_minor = before;
    int64_t rest = till->expected - before - report->cash;
    if (rest != 0)
        add_flow(report, KIND(OTHER), MONEY(CASH), 0, rest);
}

static void fill(struct report *report, const struct given_cash *cash)
{
    const struct till *till = report->till;
    Daftari__V1__DayClosed *out = report->out;
    int64_t stays = document_setting(&till->document, PROFILE_FLOAT, 0);
    out->has_account = out->has_z_number = out->has_opened = true;
    out->account = till->account;
    out->has_main = out->main = till->main;
    out->z_number = till->day.z_number + 1;
    out->opened = till->day.open_position;
    out->has_sales_minor = till->main;
    out->has_expected_minor = out->has_counted_minor = true;
    out->expected_minor = till->expected;
    out->counted_minor = till->counted;
    out->has_difference_minor = till->difference != 0;
    out->difference_minor = till->difference;
    out->n_cash = cash->count;
    out->cash = cash->rows;
    out->has_float_minor = stays != 0;
    out->float_minor = stays;
    out->has_to_bank_minor = till->counted > stays;
    out->to_bank_minor = till->counted > stays ? till->counted - stays : 0;
}

enum status day_decide_close(const struct context *context, struct kv_txn *state,
                             const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__CloseDay *given = (const Daftari__V1__CloseDay *)command;
    const struct given_cash cash = {given->has_counted_minor, given->counted_minor, given->cash,
                                    given->n_cash};
    Daftari__V1__DayClosed payload = DAFTARI__V1__DAY_CLOSED__INIT;
    struct till till;
    struct report report = {.till = &till, .out = &payload};
    enum status status = form_text(given->note, "note", DESCRIPTION_TEXT_MAX, false, why);
    if (status == STATUS_OK)
        status = till_begin_open(&till, context, state, given->business, given->account, out, why);
    if (status != STATUS_OK)
        return status;
    till_count(&till, &cash);
    till_post_difference(&till);
    if (till.document.status != STATUS_OK)
        return till.document.status;
    take_flows(&report);
    take_rest(&report);
    fill(&report, &cash);
    payload.note = text_or_none(given->note);
    out->cause = till.day.open_position;
    document_number(&till.document, "CC");
    return document_end(&till.document, EVENT_DAY_CLOSED, &payload.base);
}

/* Another till may have been the main one before: its closed days stay closed. */
static void close_main(struct kv_txn *state, const struct record *record)
{
    struct till_day main;
    (void)till_day_get(state, record->header.business, TILL_MAIN, &main);
    main.closed_before = main.closed_date;
    if (record->header.business_date > main.closed_date)
        main.closed_date = record->header.business_date;
    main.closed_position = record->header.position;
    till_day_put(state, record->header.business, TILL_MAIN, &main);
}

void day_apply_closed(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                      struct arena *arena)
{
    const Daftari__V1__DayClosed *closed = (const Daftari__V1__DayClosed *)payload;
    struct till_day day;
    (void)till_day_get(state, record->header.business, closed->account, &day);
    day.closed_before = day.closed_date;
    day.open_date = 0;
    day.closed_date = record->header.business_date;
    day.closed_position = record->header.position;
    day.z_number = closed->z_number;
    till_day_put(state, record->header.business, closed->account, &day);
    if (closed->main)
        close_main(state, record);
    day_info_closed(state, record, closed, arena);
}

/* ---- reopen ------------------------------------------------------------------------------------------------------- */

enum status day_decide_reopen(const struct context *context, struct kv_txn *state,
                              const ProtobufCMessage *command, struct decision *out, struct fault *why)
{
    const Daftari__V1__ReopenDay *given = (const Daftari__V1__ReopenDay *)command;
    struct till till = {.account = 0};
    struct document *document = &till.document;
    enum status status = form_text(given->reason, "reason", DESCRIPTION_TEXT_MAX, true, why);
    if (status == STATUS_OK)
        status = document_begin(document, context, state, given->business, false, 0, out, why);
    if (status != STATUS_OK)
        return status;
    till_find_account(&till, given->account);
    if (document->status != STATUS_OK)
        return document->status;
    if (till.day.open_date != 0)
        return fault_refuse(why, DAFTARI__V1__REASON__DAY_OPEN_ALREADY, "account",
                            "a day of this till is open: close it first");
    if (till.day.closed_date == 0)
        return fault_refuse(why, DAFTARI__V1__REASON__DAY_NOT_CLOSED, "account",
                            "no day of this till was closed");
    status = document_begin(document, context, state, given->business, true, till.day.closed_date, out, why);
    if (status != STATUS_OK)
        return status;
    Daftari__V1__ReopenDay payload = *given;
    payload.has_account = true;
    payload.account = till.account;
    status = document_end_unposted(document, EVENT_DAY_REOPENED, &payload.base);
    out->cause = till.day.closed_position;
    return status;
}

void day_apply_reopened(struct kv_txn *state, const struct record *record, const ProtobufCMessage *payload,
                        struct arena *arena)
{
    const Daftari__V1__ReopenDay *reopened = (const Daftari__V1__ReopenDay *)payload;
    struct till_day day, main;
    (void)till_day_get(state, record->header.business, reopened->account, &day);
    day.open_date = day.closed_date;
    day.closed_date = day.closed_before;
    till_day_put(state, record->header.business, reopened->account, &day);
    if (till_day_get(state, record->header.business, TILL_MAIN, &main) &&
        main.closed_position == day.closed_position) {
        main.closed_date = main.closed_before;
        till_day_put(state, record->header.business, TILL_MAIN, &main);
    }
    day_info_reopened(state, record, reopened->account, arena);
}
