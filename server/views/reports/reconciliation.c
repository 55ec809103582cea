/*
 * reconciliation: one account against its statement, with every item that is open.
 *
 *   balance of the books - postings that are not on the statement + lines that are not in the books = the statement
 *
 * All of it is as of the last day of the statement: what was matched with something of a later day is open still. So the
 * report says the same however much is matched in later statements, but for what was recorded back-dated since.
 */
#include "people.pb-c.h"
#include "server/domain/kernel/lookup.h"
#include "server/domain/kernel/numbering.h"
#include "server/domain/kernel/rows.h"
#include "server/views/balances/balances.h"
#include "server/views/entry_text.h"
#include "server/views/reports/list.h"
#include "server/views/reports/reconciled.h"
#include "server/views/statement/statement.h"
#include "server/views/totals_scan.h"

static const char *const parameters[] = {
    "reconciliation",    "account",          "business", "currency", "as_at_date",
    "known_at_position", "known_at_time_us", "limit",    "offset",   NULL};
static const struct report_column columns[] = {
    {"section", "Section", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"date", "Date", DAFTARI__V1__COLUMN_KIND__DATE},
    {"position", "Position", DAFTARI__V1__COLUMN_KIND__INTEGER},
    {"line", "Line", DAFTARI__V1__COLUMN_KIND__INTEGER},
    {"number", "Number", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"description", "Description", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"reference", "Reference", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"currency", "Currency", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"amount", "Amount", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"balance", "Balance", DAFTARI__V1__COLUMN_KIND__AMOUNT},
};

struct item { /* an open posting */
    uint64_t position;
    civil_date date;
    uint16_t posting;
    int128 amount; /* in the account's normal direction */
};

struct work {
    struct report_run *run;
    struct kv_txn *books; /* masters, at the moment asked for */
    const Daftari__V1__ReconciliationInfo *info;
    struct row_key key; /* of the account's statements */
    uint16_t business, currency;
    uint32_t scale;
    int sign;
    civil_date base; /* the day before the first statement */
    bool settled;    /* nothing that is matched is dated after this statement */
    int128 balance;  /* of the books */
    struct item *items;
    size_t item_count, item_cap;
};

/* ---- which one ----------------------------------------------------------------------------------------------------- */

bool reconciled_part(struct report_run *run, const Daftari__V1__ReconciliationInfo *info, uint16_t *business,
                     uint16_t *currency)
{
    *business = HEAD_OFFICE;
    *currency = BASE_CURRENCY;
    return (info->business == NULL || business_find(run->masters, info->business, business)) &&
           (info->currency == NULL || currency_find(run->masters, info->currency, currency));
}

static bool reopened(const Daftari__V1__ReconciliationInfo *info)
{
    return info->state != NULL && strcmp(info->state, "reopened") == 0;
}

/* One of the account that was not set aside, of this day or an earlier one. */
static bool asked(struct report_run *run, const Daftari__V1__ReconciliationInfo *info)
{
    uint16_t business, currency;
    return info->account == run->request->account && info->as_at_date <= run->to && !reopened(info) &&
           reconciled_part(run, info, &business, &currency) && run_covers(run, business, currency);
}

/* The last of the account: by day, then by position. 0 = none. */
static uint64_t last_of_account(struct work *work)
{
    struct report_run *run = work->run;
    uint64_t last = 0;
    civil_date date = 0;
    struct kv_cursor *cursor = kv_cursor_open(work->books, TABLE_RECONCILIATION);
    for (bool more = kv_seek(cursor, slice_of("", 1)); more; more = kv_next(cursor)) {
        struct slice key, value;
        kv_row(cursor, &key, &value);
        arena_reset(run->row);
        const Daftari__V1__ReconciliationInfo *info =
            row_message(work->books, value, &daftari__v1__reconciliation_info__descriptor, run->row);
        if (key.len != 8 || info == NULL || info->as_at_date < date || !asked(run, info))
            continue;
        last = be64_get(key.ptr);
        date = info->as_at_date;
    }
    kv_cursor_close(cursor);
    return last;
}

static enum status choose(struct work *work)
{
    struct report_run *run = work->run;
    const Daftari__V1__RunReport *request = run->request;
    if (request->has_reconciliation == (request->has_account != 0))
        return fault_set(run->why, STATUS_INVALID, "reconciliation",
                         "the position of one, or the account, whose last one is meant");
    if (request->has_reconciliation && (request->has_as_at_date || request->currency != NULL))
        return fault_set(run->why, STATUS_INVALID, request->has_as_at_date ? "as_at_date" : "currency",
                         "leave it out with reconciliation, which says it");
    uint64_t position = request->has_reconciliation ? request->reconciliation : last_of_account(work);
    struct row_key key = row_key_u64(position);
    work->info = row_get_message(work->books, TABLE_RECONCILIATION, row_key_slice(&key),
                                 &daftari__v1__reconciliation_info__descriptor, run->arena);
    if (work->info == NULL || !reconciled_part(run, work->info, &work->business, &work->currency) ||
        !run_keep_business(run, work->business))
        return fault_set(run->why, STATUS_INVALID, request->has_account ? "account" : "reconciliation",
                         request->has_account
                             ? "an account that was compared with something outside by then"
                             : "the position of a reconciliation of a business that is asked for");
    return kv_error(work->books);
}

static enum status prepare(struct work *work)
{
    struct report_run *run = work->run;
    struct account_row account;
    run->to = work->info->as_at_date;
    if (!account_row_get(run->masters, work->info->account, &account))
        return fault_set(run->why, STATUS_CORRUPT, "reconciliation", "its account is gone");
    work->sign = account_normal_sign(&account);
    work->scale = run_scale(run, work->currency);
    work->key = row_key_u32(work->info->account);
    row_key_add_u16(&work->key, work->business);
    row_key_add_u16(&work->key, work->currency);
    const Daftari__V1__StatementSums *sums =
        row_get_message(work->books, TABLE_STATEMENT, row_key_slice(&work->key),
                        &daftari__v1__statement_sums__descriptor, run->arena);
    work->base = work->info->by_statement && sums != NULL ? sums->base_date : run->to;
    work->settled = sums == NULL || sums->last_date <= run->to;
    return kv_error(work->books);
}

/* ---- the books ------------------------------------------------------------------------------------------------------- */

enum status reconciled_balance(struct report_run *run, uint32_t account, uint16_t business, uint16_t currency,
                               civil_date date, int128 *out)
{
    struct totals_scan scan;
    struct kv_txn *txn = run_txn(run, VIEW_BALANCES);
    *out = 0;
    if (txn == NULL)
        return STATUS_UNAVAILABLE;
    enum status status = totals_scan_open(
        &scan, txn, BALANCES_TOTALS,
        &(struct totals_ask){.one_account = true, .account = account, .dates = 1, .up_to = {date}});
    while (status == STATUS_OK && totals_scan_next(&scan))
        if (scan.key.business == business && scan.key.currency == currency)
            *out = totals_net(&scan.up_to[0]);
    totals_scan_close(&scan);
    return status != STATUS_OK ? status : kv_error(txn);
}

/* The line of the account's statements that the posting is matched with; 0 = none. */
static uint32_t line_of(struct work *work, const struct statement_line *posting)
{
    struct row_key key = row_key_u64(posting->position);
    uint32_t line = 0;
    row_key_add_u32(&key, posting->line);
    return row_get_u32(work->books, TABLE_STATEMENT_MATCH, row_key_slice(&key), &line) ? line : 0;
}

/* NULL when there is no such line. Lives in the row arena. */
static const Daftari__V1__StatementLineInfo *line_at(struct work *work, uint32_t line)
{
    struct row_key key = work->key;
    row_key_add_u32(&key, line);
    return row_get_message(work->books, TABLE_STATEMENT_LINE, row_key_slice(&key),
                           &daftari__v1__statement_line_info__descriptor, work->run->row);
}

/* What of the posting was not on the statement by its last day, in the account's normal direction. Of several lines that
 * are matched with it some may be of later days. */
static int128 posting_open(struct work *work, const struct statement_line *posting)
{
    int128 amount = (int128)work->sign * posting->amount;
    uint32_t number = line_of(work, posting);
    if (number == 0)
        return amount;
    if (work->settled)
        return 0;
    arena_reset(work->run->row);
    const Daftari__V1__StatementLineInfo *line = line_at(work, number);
    if (line == NULL)
        return amount;
    if (line->n_lines == 0)
        return line->date > work->run->to ? amount : 0;
    for (size_t i = 0; i < line->n_lines; i++) {
        const Daftari__V1__StatementLineInfo *one = line_at(work, line->lines[i]);
        if (one != NULL && one->date <= work->run->to)
            amount -= one->amount_minor;
    }
    return amount;
}

static bool keep_item(struct work *work, const struct statement_line *posting, int128 open)
{
    if (work->item_count == work->item_cap) {
        size_t cap = work->item_cap == 0 ? 64 : 2 * work->item_cap;
        struct item *wider = arena_take(work->run->arena, cap * sizeof *wider);
        if (wider == NULL) {
            report_out_fail(work->run->out);
            return false;
        }
        if (work->item_count != 0)
            memcpy(wider, work->items, work->item_count * sizeof *wider);
        work->items = wider;
        work->item_cap = cap;
    }
    work->items[work->item_count++] = (struct item){
        .position = posting->position, .date = posting->date, .posting = posting->line, .amount = open};
    return true;
}

/* The balance of the books, and their open postings. As known at an earlier moment the balance is added up from the first
 * posting on, since one view alone is replayed for a report. */
static enum status read_books(struct work *work)
{
    struct report_run *run = work->run;
    struct kv_txn *txn = run->reader->txn(run->reader, VIEW_STATEMENT);
    if (txn == NULL)
        return STATUS_UNAVAILABLE;
    enum status status = run->as_known ? STATUS_OK
                                       : reconciled_balance(run, work->info->account, work->business,
                                                            work->currency, work->base, &work->balance);
    if (status != STATUS_OK)
        return status;
    work->balance *= work->sign;
    struct kv_cursor *cursor = kv_cursor_open(txn, STATEMENT_LINES);
    civil_date first = run->as_known ? 0 : work->base + 1; /* no such day need exist */
    bool more = statement_seek(cursor, work->info->account, work->currency, first, 0, 0);
    for (struct statement_line line;
         more && statement_line(cursor, work->info->account, work->currency, &line) && line.date <= run->to;
         more = kv_next(cursor)) {
        if (line.business != work->business || (run->as_known && line.position > run->known_at))
            continue;
        work->balance += work->sign * line.amount;
        int128 open = line.date > work->base ? posting_open(work, &line) : 0;
        if (open != 0 && !keep_item(work, &line, open))
            break;
    }
    kv_cursor_close(cursor);
    return kv_error(txn);
}

/* ---- rows ------------------------------------------------------------------------------------------------------------ */

static void write_heading(struct work *work, const char *section, const char *title)
{
    struct report_out *out = work->run->out;
    if (!row_begin(out, DAFTARI__V1__ROW_KIND__HEADING, 0))
        return;
    cell_text(out, section);
    for (int i = 0; i < 4; i++)
        cell_empty(out);
    cell_text(out, title);
    row_end(out);
}

static void write_total(struct work *work, const char *section, const char *title, int128 balance)
{
    struct report_out *out = work->run->out;
    if (!row_begin(out, DAFTARI__V1__ROW_KIND__TOTAL, 0))
        return;
    cell_text(out, section);
    for (int i = 0; i < 4; i++)
        cell_empty(out);
    cell_text(out, title);
    cell_empty(out);
    cell_text(out, run_currency_code(work->run, work->currency));
    cell_empty(out);
    cell_amount(out, balance, work->scale);
    row_end(out);
}

static enum status posting_cells(struct work *work, const struct item *item)
{
    struct report_run *run = work->run;
    struct record record;
    struct entry_text text;
    char number[NUMBER_TEXT_MAX + 1] = "";
    arena_reset(run->row);
    enum status status = run->reader->record(run->reader, item->position, &record);
    if (status != STATUS_OK)
        return status;
    uint16_t series = record.header.series; /* the text may be in another record, and this one gone then */
    uint32_t number_of_series = record.header.number;
    status = entry_text_read(run->reader, &record, run->row, &text);
    if (status != STATUS_OK)
        return status;
    if (series != 0 && !number_format(run->masters, series, item->date, number_of_series, number))
        number[0] = '\0';
    cell_text(run->out, "open-postings");
    cell_date(run->out, item->date);
    cell_integer(run->out, item->position);
    cell_empty(run->out);
    cell_text(run->out, number);
    cell_text(run->out, entry_text_line(&text, item->posting));
    cell_text(run->out, text.reference);
    cell_text(run->out, run_currency_code(run, work->currency));
    cell_amount(run->out, item->amount, work->scale);
    return STATUS_OK;
}

static enum status write_postings(struct work *work, int128 *sum)
{
    enum status status = STATUS_OK;
    if (work->item_count != 0)
        write_heading(work, "open-postings", "Postings that are not on the statement");
    for (size_t i = 0; i < work->item_count && status == STATUS_OK; i++) {
        *sum += work->items[i].amount;
        if (!row_begin(work->run->out, DAFTARI__V1__ROW_KIND__DETAIL, 1))
            continue;
        status = posting_cells(work, &work->items[i]);
        row_end(work->run->out);
    }
    return status;
}

/* What of an amount of the posting is of the statement's last day or an earlier one, in the account's normal direction. */
static enum status posted_by_then(struct work *work, uint64_t position, uint32_t posting, int128 *sum)
{
    struct record record;
    enum status status = work->run->reader->record(work->run->reader, position, &record);
    if (status == STATUS_OK && record.header.business_date <= work->run->to && posting < record.posting_count)
        *sum += (int128)work->sign * record_posting(&record, posting).amount;
    return status;
}

/* What of the line the books did not have at the end of the statement's last day. */
static enum status line_open(struct work *work, const Daftari__V1__StatementLineInfo *line, int128 *out)
{
    bool open = line->state != NULL && strcmp(line->state, "open") == 0;
    enum status status = STATUS_OK;
    int128 posted = 0;
    *out = open ? line->amount_minor : 0;
    if (open || work->settled || !line->has_position)
        return STATUS_OK;
    if (line->n_postings == 0) { /* one, of this line or of several: all of it, or nothing */
        status = posted_by_then(work, line->position, line->posting, &posted);
        *out = posted != 0 ? 0 : line->amount_minor;
        return status;
    }
    for (size_t i = 0; i < line->n_postings && status == STATUS_OK; i++)
        status = posted_by_then(work, line->postings[i]->position, line->postings[i]->posting, &posted);
    *out = line->amount_minor - posted;
    return status;
}

static void write_line(struct work *work, const Daftari__V1__StatementLineInfo *line, int128 open)
{
    struct report_out *out = work->run->out;
    if (!row_begin(out, DAFTARI__V1__ROW_KIND__DETAIL, 1))
        return;
    cell_text(out, "open-lines");
    cell_date(out, line->date);
    cell_empty(out);
    cell_integer(out, line->line);
    cell_empty(out);
    cell_text(out, line->description);
    cell_text(out, line->reference);
    cell_text(out, run_currency_code(work->run, work->currency));
    cell_amount(out, open, work->scale);
    row_end(out);
}

static enum status write_lines(struct work *work, int128 *sum)
{
    struct report_run *run = work->run;
    struct slice prefix = row_key_slice(&work->key), key, value;
    enum status status = STATUS_OK;
    bool headed = false;
    struct kv_cursor *cursor = kv_cursor_open(work->books, TABLE_STATEMENT_LINE);
    for (bool more = kv_seek(cursor, prefix); more && status == STATUS_OK; more = kv_next(cursor)) {
        int128 open = 0;
        kv_row(cursor, &key, &value);
        if (key.len < prefix.len || memcmp(key.ptr, prefix.ptr, prefix.len) != 0)
            break;
        arena_reset(run->row);
        const Daftari__V1__StatementLineInfo *line =
            row_message(work->books, value, &daftari__v1__statement_line_info__descriptor, run->row);
        if (line == NULL || line->date > run->to)
            continue;
        status = line_open(work, line, &open);
        if (open == 0)
            continue;
        if (!headed)
            write_heading(work, "open-lines", "Lines that are not in the books");
        headed = true;
        *sum += open;
        write_line(work, line, open);
    }
    kv_cursor_close(cursor);
    return status != STATUS_OK ? status : kv_error(work->books);
}

static enum status reconciliation_run(struct report_run *run)
{
    struct work work = {.run = run, .books = run_txn(run, VIEW_MASTERS)};
    int128 postings = 0, lines = 0;
    if (work.books == NULL)
        return STATUS_UNAVAILABLE;
    report_out_columns(run->out, columns, sizeof columns / sizeof columns[0]);
    enum status status = choose(&work);
    if (status == STATUS_OK)
        status = prepare(&work);
    if (status == STATUS_OK)
        status = read_books(&work);
    if (status != STATUS_OK)
        return status;
    report_out_note(run->out, "account %u %s, reconciliation %llu, %s", work.info->account,
                    run_account_name(run, work.info->account), (unsigned long long)work.info->reconciliation,
                    work.info->state != NULL ? work.info->state : "");
    write_total(&work, "books", "Balance of the books", work.balance);
    status = write_postings(&work, &postings);
    write_total(&work, "open-postings", "Less postings that are not on the statement", -postings);
    if (status == STATUS_OK && work.info->by_statement)
        status = write_lines(&work, &lines);
    write_total(&work, "open-lines", "Plus lines that are not in the books", lines);
    int128 expected = work.balance - postings + lines, external = work.info->external_balance_minor;
    write_total(&work, "expected", "Balance that the statement should have", expected);
    write_total(&work, "statement", "Balance of the statement", external);
    write_total(&work, "difference", "Difference", external - expected);
    return status;
}

const struct report report_reconciliation = {
    .name = "reconciliation",
    .title = "Reconciliation",
    .description =
        "One account against its statement: the balance of the books, the postings that are not on the "
        "statement, "
        "the lines that are not in the books, the balance of the statement, and what is left unexplained.",
    .parameters = parameters,
    .permission = DAFTARI__V1__PERMISSION__FINANCE_REPORTS,
    .run = reconciliation_run,
};
