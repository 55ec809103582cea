#include "server/views/reports/report_run.h"

#include <stdlib.h>

#include "books.pb-c.h"
#include "business.pb-c.h"
#include "proto/base/text.h"
#include "server/domain/business/settings.h"
#include "server/domain/kernel/facts.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/rows.h"

#define ROW_MEMORY_BYTES (1024u * 1024u) /* a record of 64 KiB, decoded */

/* ---- names ------------------------------------------------------------------------------------------------------------ */

/* Counts a table's rows, so that arrays are taken once. */
static size_t row_count(struct kv_txn *txn, unsigned table)
{
    size_t count = 0;
    struct kv_cursor *cursor = kv_cursor_open(txn, table);
    for (bool more = kv_seek(cursor, slice_of("", 1)); more; more = kv_next(cursor))
        count++;
    kv_cursor_close(cursor);
    return count;
}

static enum status no_room(struct report_run *run)
{
    return fault_set(run->why, STATUS_TOO_LARGE, NULL, "the report does not fit the server's memory limit");
}

static bool may_read(const struct report_run *run, uint16_t business)
{
    return rights_allow_business(run->context->rights, business, PERMISSION_READ);
}

static bool account_of_row(struct report_run *run, uint32_t number, struct slice value,
                           struct run_account *out)
{
    enum { ACCOUNT_INFO_NAME = 2 };
    struct account_row head;
    if (!account_row_decode(run->masters, value, &head))
        return false;
    struct slice info = slice_of(value.ptr + ACCOUNT_ROW_BYTES, value.len - ACCOUNT_ROW_BYTES);
    *out = (struct run_account){
        .number = number,
        .type = head.type,
        .class = head.class,
        .header = head.header,
        .parent = head.parent,
        .hidden = head.business != ACCOUNT_SHARED && !may_read(run, head.business),
        .name = arena_text(run->arena, row_text_field(run->masters, info, ACCOUNT_INFO_NAME))};
    return out->name != NULL;
}

/* For a report that names no other. */
static enum status load_account(struct report_run *run)
{
    struct row_key key = row_key_u32(run->request->account);
    struct slice value;
    struct run_account *account = arena_take(run->arena, sizeof *account);
    if (account == NULL)
        return no_room(run);
    run->accounts = account;
    run->account_count = kv_get(run->masters, TABLE_ACCOUNT, row_key_slice(&key), &value) &&
                                 account_of_row(run, run->request->account, value, account)
                             ? 1
                             : 0;
    return STATUS_OK;
}

/* Twice the room, with what is there. */
static struct run_account *more_accounts(struct arena *arena, struct run_account *accounts, size_t count)
{
    struct run_account *more = arena_take(arena, 2 * count * sizeof *more);
    if (more != NULL)
        memcpy(more, accounts, count * sizeof *more);
    return more;
}

static enum status load_accounts(struct report_run *run)
{
    size_t most = 256, count = 0;
    struct run_account *accounts = arena_take(run->arena, most * sizeof *accounts);
    if (run->report->one_account)
        return load_account(run);
    struct kv_cursor *cursor = kv_cursor_open(run->masters, TABLE_ACCOUNT);
    for (bool more = kv_seek(cursor, slice_of("", 1)); more && accounts != NULL; more = kv_next(cursor)) {
        struct slice key, value;
        kv_row(cursor, &key, &value);
        if (key.len != 4)
            continue;
        if (count == most) {
            accounts = more_accounts(run->arena, accounts, count);
            most *= 2;
        }
        if (accounts != NULL && account_of_row(run, be32_get(key.ptr), value, &accounts[count]))
            count++;
        else if (kv_error(run->masters) == STATUS_OK)
            accounts = NULL;
    }
    kv_cursor_close(cursor);
    run->accounts = accounts;
    run->account_count = count;
    return accounts != NULL ? STATUS_OK : no_room(run);
}

static enum status load_businesses(struct report_run *run)
{
    size_t most = row_count(run->masters, TABLE_BUSINESS), count = 0;
    struct run_business *businesses = arena_take(run->arena, (most + 1) * sizeof *businesses);
    if (businesses == NULL)
        return no_room(run);
    struct kv_cursor *cursor = kv_cursor_open(run->masters, TABLE_BUSINESS);
    for (bool more = kv_seek(cursor, slice_of("", 1)); more && count < most; more = kv_next(cursor)) {
        struct slice key, value;
        kv_row(cursor, &key, &value);
        const Daftari__V1__BusinessInfo *info =
            row_message(run->masters, value, &daftari__v1__business_info__descriptor, run->arena);
        if (key.len != 2 || info == NULL)
            continue;
        businesses[count++] = (struct run_business){be16_get(key.ptr), info->code, info->name};
    }
    kv_cursor_close(cursor);
    run->businesses = businesses;
    run->business_count = count;
    return STATUS_OK;
}

static enum status load_currencies(struct report_run *run)
{
    struct slice key, value;
    size_t most = row_last(run->masters, TABLE_CURRENCY, &key, &value) && key.len == 2
                      ? (size_t)be16_get(key.ptr) + 1
                      : 1;
    struct run_currency *currencies = arena_take_zero(run->arena, most * sizeof *currencies);
    if (currencies == NULL)
        return no_room(run);
    struct kv_cursor *cursor = kv_cursor_open(run->masters, TABLE_CURRENCY);
    for (bool more = kv_seek(cursor, slice_of("", 1)); more; more = kv_next(cursor)) {
        kv_row(cursor, &key, &value);
        const Daftari__V1__CurrencyInfo *info =
            row_message(run->masters, value, &daftari__v1__currency_info__descriptor, run->arena);
        if (key.len != 2 || info == NULL || be16_get(key.ptr) >= most)
            continue;
        uint32_t scale = info->scale <= CURRENCY_SCALE_MAX ? info->scale : CURRENCY_SCALE_MAX;
        currencies[be16_get(key.ptr)] = (struct run_currency){info->code, scale};
    }
    kv_cursor_close(cursor);
    run->currencies = currencies;
    run->currency_count = most;
    return STATUS_OK;
}

/* ---- parameters --------------------------------------------------------------------------------------------------------- */

static bool takes(const struct report *report, const char *parameter)
{
    if (strcmp(parameter, "report") == 0)
        return true;
    for (const char *const *name = report->parameters; *name != NULL; name++) {
        if (strcmp(*name, parameter) == 0)
            return true;
    }
    return false;
}

/* Parameters that a report does not look at are refused: an ignored one would give a wrong answer that looks right. */
static enum status check_taken(struct report_run *run)
{
    const ProtobufCMessageDescriptor *type = run->request->base.descriptor;
    const uint8_t *message = (const uint8_t *)run->request;
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        bool given;
        if (field->type == PROTOBUF_C_TYPE_STRING) {
            char *text;
            memcpy(&text, message + field->offset, sizeof text);
            given = text != NULL;
        } else {
            protobuf_c_boolean has;
            memcpy(&has, message + field->quantifier_offset, sizeof has);
            given = has != 0;
        }
        if (given && !takes(run->report, field->name))
            return fault_set(run->why, STATUS_INVALID, field->name, "%s does not take this; leave it out",
                             run->report->name);
    }
    return STATUS_OK;
}

static enum status check_date(struct report_run *run, const char *field, bool given, uint32_t date)
{
    if (!given || date_valid(date))
        return STATUS_OK;
    return fault_set(run->why, STATUS_INVALID, field, "a real date as YYYYMMDD, 19000101 to 29991231; got %u",
                     date);
}

static enum status check_order(struct report_run *run, const char *field, civil_date from, civil_date to)
{
    if (from == 0 || from <= to)
        return STATUS_OK;
    char end[DATE_TEXT_MAX], begin[DATE_TEXT_MAX];
    (void)date_format(to, end);
    (void)date_format(from, begin);
    return fault_set(run->why, STATUS_INVALID, field, "a date not after %s, where the report ends; got %s",
                     end, begin);
}

static enum status take_dates(struct report_run *run)
{
    const Daftari__V1__RunReport *request = run->request;
    enum status status = check_date(run, "from_date", request->has_from_date, request->from_date);
    if (status == STATUS_OK)
        status = check_date(run, "to_date", request->has_to_date, request->to_date);
    if (status == STATUS_OK)
        status = check_date(run, "as_at_date", request->has_as_at_date, request->as_at_date);
    if (status == STATUS_OK)
        status =
            check_date(run, "compare_from_date", request->has_compare_from_date, request->compare_from_date);
    if (status == STATUS_OK)
        status = check_date(run, "compare_to_date", request->has_compare_to_date, request->compare_to_date);
    if (status == STATUS_OK && request->has_as_at_date && request->has_to_date)
        status = fault_set(run->why, STATUS_INVALID, "as_at_date", "give as-at or to, not both");
    if (status != STATUS_OK)
        return status;
    run->from = request->has_from_date ? request->from_date : 0;
    run->to = request->has_to_date        ? request->to_date
              : request->has_as_at_date   ? request->as_at_date
              : run->report->by_recording ? DATE_MAX
                                          : run->context->today;
    if (run->to == 0)
        return fault_set(run->why, STATUS_UNAVAILABLE, "to_date",
                         "the views do not say what day it is where the books are kept; give the date");
    run->compare = request->has_compare_to_date || request->has_compare_from_date;
    run->compare_from = request->has_compare_from_date ? request->compare_from_date : 0;
    run->compare_to = request->has_compare_to_date ? request->compare_to_date : 0;
    if (run->compare && run->compare_to == 0)
        return fault_set(run->why, STATUS_INVALID, "compare_to_date", "the last date of the comparison");
    status = check_order(run, "from_date", run->from, run->to);
    return status == STATUS_OK ? check_order(run, "compare_from_date", run->compare_from, run->compare_to)
                               : status;
}

/* Times never go back along the log. */
enum status run_position_at(struct report_run *run, timestamp_us time, uint64_t *out)
{
    uint64_t low = 0, high = run->reader->position; /* the answer lies in low .. high */
    while (low < high) {
        uint64_t middle = low + (high - low + 1) / 2;
        struct record record;
        enum status status = run->reader->record(run->reader, middle, &record);
        if (status != STATUS_OK)
            return status;
        if (record.header.time <= time)
            low = middle;
        else
            high = middle - 1;
    }
    *out = low;
    return STATUS_OK;
}

static enum status take_moment(struct report_run *run)
{
    const Daftari__V1__RunReport *request = run->request;
    run->known_at = run->reader->position;
    if (request->has_known_at_position && request->has_known_at_time_us)
        return fault_set(run->why, STATUS_INVALID, "known_at_time_us", "give a position or a time, not both");
    if (request->has_known_at_position) {
        if (request->known_at_position == 0 || request->known_at_position > run->reader->position)
            return fault_set(
                run->why, STATUS_INVALID, "known_at_position", "a log position from 1 to %llu; got %llu",
                (unsigned long long)run->reader->position, (unsigned long long)request->known_at_position);
        run->known_at = request->known_at_position;
        run->as_known = true;
    }
    if (request->has_known_at_time_us) {
        enum status status = run_position_at(run, request->known_at_time_us, &run->known_at);
        if (status != STATUS_OK)
            return status;
        if (run->known_at == 0)
            return fault_set(run->why, STATUS_INVALID, "known_at_time_us",
                             "a moment after the books were opened");
        run->as_known = true;
    }
    return STATUS_OK;
}

static enum status take_currency(struct report_run *run)
{
    const char *code = run->request->currency;
    if (code == NULL || code[0] == '\0')
        return STATUS_OK;
    for (size_t i = 0; i < run->currency_count; i++) {
        if (run->currencies[i].code != NULL && strcmp(run->currencies[i].code, code) == 0) {
            run->one_currency = true;
            run->currency = (uint16_t)i;
            return STATUS_OK;
        }
    }
    return fault_set(run->why, STATUS_INVALID, "currency",
                     "a currency of these books, as Currency.List gives them");
}

static enum status take_account(struct report_run *run)
{
    const struct run_account *account =
        run->request->has_account ? run_account(run, run->request->account) : NULL;
    if (!run->request->has_account || (account != NULL && !account->hidden))
        return STATUS_OK;
    return fault_set(run->why, STATUS_INVALID, "account", "an account of the chart; there is no %u",
                     run->request->account);
}

/* ---- businesses and rights ---------------------------------------------------------------------------------------------- */

static void keep_one_business(struct report_run *run, const struct run_business *business)
{
    run->business = business->number;
    run->businesses = business;
    run->business_count = 1;
}

bool run_keep_business(struct report_run *run, uint16_t number)
{
    for (size_t i = 0; i < run->business_count; i++) {
        if (run->businesses[i].number != number)
            continue;
        keep_one_business(run, &run->businesses[i]);
        run->all = false;
        return true;
    }
    return false;
}

static enum status take_named_business(struct report_run *run, const char *code)
{
    for (size_t i = 0; i < run->business_count; i++) {
        if (run->businesses[i].code == NULL || strcmp(run->businesses[i].code, code) != 0)
            continue;
        if (!may_read(run, run->businesses[i].number))
            return fault_set(run->why, STATUS_DENIED, "business", "you may not read the books of %s", code);
        keep_one_business(run, &run->businesses[i]);
        return STATUS_OK;
    }
    return fault_set(run->why, STATUS_INVALID, "business",
                     "the code of a business, or \"all\"; there is no %.20s", code);
}

static enum status take_business(struct report_run *run)
{
    const char *code = run->request->business;
    bool named = code != NULL && code[0] != '\0';
    bool said_all = named && strcmp(code, "all") == 0;
    if (named && !said_all)
        return take_named_business(run, code);
    size_t readable = 0, only = 0;
    for (size_t i = 0; i < run->business_count; i++) {
        if (may_read(run, run->businesses[i].number)) {
            readable++;
            only = i;
        }
    }
    if (readable == run->business_count || !takes(run->report, "business")) {
        run->all = true;
        return STATUS_OK;
    }
    if (readable == 1 && !said_all) {
        keep_one_business(run, &run->businesses[only]);
        return STATUS_OK;
    }
    return fault_set(
        run->why, STATUS_DENIED, "business",
        "reports over all businesses need access to every one; give the code of a business of yours");
}

/* A later batch must not see more, nor end on another day, than the first. */
static void keep_first_batch(struct report_run *run)
{
    struct report_resume *resume = run->resume;
    if (!resume->started) {
        *resume = (struct report_resume){
            .started = true, .known_at = run->known_at, .to = run->to, .date = run->from};
        return;
    }
    run->known_at = resume->known_at;
    run->to = resume->to;
}

/* ---- open and close --------------------------------------------------------------------------------------------------------- */

enum status run_open(struct report_run *run)
{
    run->arena = report_out_arena(run->out);
    run->masters = run->reader->txn(run->reader, VIEW_MASTERS);
    if (run->masters == NULL)
        return STATUS_UNAVAILABLE;
    run->row = arena_new(ROW_MEMORY_BYTES);
    if (run->row == NULL)
        return STATUS_NO_MEMORY;
    enum status status = check_taken(run);
    if (status == STATUS_OK)
        status = take_dates(run);
    if (status == STATUS_OK)
        status = take_moment(run);
    if (status == STATUS_OK)
        status = load_businesses(run);
    if (status == STATUS_OK)
        status = take_business(run);
    if (status == STATUS_OK)
        status = load_currencies(run);
    if (status == STATUS_OK)
        status = take_currency(run);
    if (status == STATUS_OK)
        status = load_accounts(run);
    if (status == STATUS_OK)
        status = take_account(run);
    if (status != STATUS_OK)
        return status;
    keep_first_batch(run);
    report_out_head(run->out, run->report->name, run->report->title);
    report_out_page(run->out, run->request->offset, run->request->limit);
    return STATUS_OK;
}

void run_close(struct report_run *run)
{
    arena_free(run->row);
    run->row = NULL;
}

struct kv_txn *run_txn(struct report_run *run, enum view_id id)
{
    return run->as_known ? run->reader->txn_at(run->reader, id, run->known_at)
                         : run->reader->txn(run->reader, id);
}

void run_default_from_fiscal_year(struct report_run *run)
{
    if (run->from != 0)
        return;
    struct facts facts;
    facts_get(run->masters, &facts);
    uint32_t own = run->all ? 0 : setting_day(run->masters, run->business, "fiscal_year_start", run->to);
    uint32_t start = own != 0 ? own : facts.fiscal_year_start != 0 ? facts.fiscal_year_start : 101;
    uint32_t year = run->to / 10000;
    if (run->to % 10000 < start)
        year--;
    civil_date from = year * 10000 + start;
    run->from = date_valid(from) ? from : DATE_MIN;
}

bool run_covers(const struct report_run *run, uint16_t business, uint16_t currency)
{
    return (run->all || business == run->business) && (!run->one_currency || currency == run->currency);
}

static int account_compare(const void *number, const void *account)
{
    uint32_t a = *(const uint32_t *)number, b = ((const struct run_account *)account)->number;
    return (a > b) - (a < b);
}

const struct run_account *run_account(const struct report_run *run, uint32_t number)
{
    return run->account_count == 0
               ? NULL
               : bsearch(&number, run->accounts, run->account_count, sizeof *run->accounts, account_compare);
}

const char *run_account_name(const struct report_run *run, uint32_t number)
{
    const struct run_account *account = run_account(run, number);
    return account != NULL ? account->name : "";
}

const char *run_business_code(const struct report_run *run, uint16_t number)
{
    for (size_t i = 0; i < run->business_count; i++) {
        if (run->businesses[i].number == number)
            return run->businesses[i].code;
    }
    return "?";
}

const char *run_currency_code(const struct report_run *run, uint16_t number)
{
    bool known = number < run->currency_count && run->currencies[number].code != NULL;
    return known ? run->currencies[number].code : "?";
}

uint32_t run_scale(const struct report_run *run, uint16_t currency)
{
    return currency < run->currency_count ? run->currencies[currency].scale : 0;
}

void run_cell_user(struct report_run *run, const char *user)
{
    uint64_t number;
    if (user != NULL && number_parse(slice_text(user), 0, UINT32_MAX, &number))
        cell_text(run->out, user_email_of(run->masters, (uint32_t)number, run->row));
    else
        cell_text(run->out, user);
}

/* ---- the head ---------------------------------------------------------------------------------------------------------------- */

static void head_days(const struct report_run *run, Daftari__V1__ReportPart *head)
{
    bool range = takes(run->report, "from_date");
    bool any = range || takes(run->report, "to_date") || takes(run->report, "as_at_date");
    bool to_the_last = run->report->by_recording && !run->request->has_to_date;
    head->has_from_date = range && run->from != 0;
    head->from_date = run->from;
    head->has_to_date = range && !to_the_last;
    head->to_date = run->to;
    head->has_as_at_date = any && !range;
    head->as_at_date = run->to;
    head->has_compare_from_date = run->compare && range && run->compare_from != 0;
    head->compare_from_date = run->compare_from;
    head->has_compare_to_date = run->compare;
    head->compare_to_date = run->compare_to;
}

static void head_business(const struct report_run *run, Daftari__V1__ReportPart *head)
{
    static char all[] = "all"; /* packed, never written */
    if (!takes(run->report, "business"))
        return;
    head->business = all;
    if (run->all)
        return;
    head->business = (char *)(uintptr_t)run->businesses[0].code;
    head->business_name = (char *)(uintptr_t)run->businesses[0].name;
}

enum status run_head(struct report_run *run)
{
    Daftari__V1__ReportPart *head = report_out_part(run->out, 0);
    if (head == NULL)
        return STATUS_OK; /* no memory: run_status says so */
    const Daftari__V1__OpenBooks *books = row_get_message(run->masters, TABLE_BOOKS, slice_text("books"),
                                                          &daftari__v1__open_books__descriptor, run->arena);
    head->books = books != NULL ? books->name : NULL;
    head_business(run, head);
    head_days(run, head);
    if (!run->as_known)
        return STATUS_OK;
    struct record record;
    enum status status = run->reader->record(run->reader, run->known_at, &record);
    if (status != STATUS_OK)
        return status;
    head->has_known_at_position = head->has_known_at_time_us = true;
    head->known_at_position = run->known_at;
    head->known_at_time_us = record.header.time;
    return STATUS_OK;
}

enum status run_status(struct report_run *run)
{
    if (report_out_error(run->out) != STATUS_OK)
        return fault_set(run->why, STATUS_TOO_LARGE, "limit",
                         "the report is larger than the server's memory for one; ask for it page by page");
    return kv_error(run->masters);
}
