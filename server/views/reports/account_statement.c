/* account-statement: every line on one account, with the balance after it in (date, position) order. */
#include "people.pb-c.h"
#include "server/domain/kernel/numbering.h"
#include "server/views/balances/balances.h"
#include "server/views/entry_text.h"
#include "server/views/reports/list.h"
#include "server/views/reports/report_run.h"
#include "server/views/statement/statement.h"
#include "server/views/totals_scan.h"

static const char *const parameters[] = {"from_date",
                                         "to_date",
                                         "as_at_date",
                                         "known_at_position",
                                         "known_at_time_us",
                                         "business",
                                         "account",
                                         "currency",
                                         "limit",
                                         "offset",
                                         NULL};
static const struct report_column columns[] = {
    {"date", "Date", DAFTARI__V1__COLUMN_KIND__DATE},
    {"position", "Position", DAFTARI__V1__COLUMN_KIND__INTEGER},
    {"number", "Number", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"type", "Type", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"description", "Description", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"reference", "Reference", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"business", "Business", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"currency", "Currency", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"debit", "Debit", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"credit", "Credit", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"balance", "Balance", DAFTARI__V1__COLUMN_KIND__AMOUNT},
};

struct statement {
    struct report_run *run;
    uint32_t account;
    uint16_t currency;
    struct kv_cursor *lines;
    struct kv_txn *balances; /* NULL: opening and totals are added up from the lines ("as known at") */
};

static bool line_counts(const struct statement *s, const struct statement_line *line)
{
    return line->position <= s->run->known_at && run_covers(s->run, line->business, line->currency);
}

/* Sums of the account in this currency, over the businesses covered. */
static void add_balances(struct statement *s)
{
    struct report_run *run = s->run;
    struct report_resume *resume = run->resume;
    struct totals_ask ask = {
        .one_account = true, .account = s->account, .dates = 2, .up_to = {date_before(run->from), run->to}};
    struct totals_scan scan;
    enum status status = totals_scan_open(&scan, s->balances, BALANCES_TOTALS, &ask);
    while (status == STATUS_OK && totals_scan_next(&scan)) {
        if (scan.key.currency != s->currency || !run_covers(run, scan.key.business, scan.key.currency))
            continue;
        totals_plus(&resume->before, &scan.up_to[0]);
        totals_plus(&resume->within, &scan.up_to[1]);
        totals_minus(&resume->within, &scan.up_to[0]);
    }
    totals_scan_close(&scan);
}

static void add_line(struct totals *sum, const struct statement_line *line)
{
    if (line->amount > 0)
        sum->debit += line->amount;
    else
        sum->credit -= line->amount;
    sum->count++;
}

static void add_lines(struct statement *s)
{
    bool more = statement_seek(s->lines, s->account, s->currency, 0, 0, 0);
    for (struct statement_line line; more && statement_line(s->lines, s->account, s->currency, &line);
         more = kv_next(s->lines)) {
        if (line.date > s->run->to)
            break;
        if (line_counts(s, &line))
            add_line(line.date < s->run->from ? &s->run->resume->before : &s->run->resume->within, &line);
    }
}

static enum status write_line(struct statement *s, const struct statement_line *line, int128 balance)
{
    struct report_run *run = s->run;
    struct record record;
    struct entry_text text;
    char number[NUMBER_TEXT_MAX + 1] = "";
    arena_reset(run->row);
    enum status status = run->reader->record(run->reader, line->position, &record);
    if (status != STATUS_OK)
        return status;
    uint16_t series = record.header.series; /* the text may be in another record, and this one gone then */
    uint32_t number_of_series = record.header.number;
    status = entry_text_read(run->reader, &record, run->row, &text);
    if (status != STATUS_OK)
        return status;
    if (series != 0 && !number_format(run->masters, series, line->date, number_of_series, number))
        number[0] = '\0';
    uint32_t scale = run_scale(run, line->currency);
    cell_date(run->out, line->date);
    cell_integer(run->out, line->position);
    cell_text(run->out, number);
    cell_text(run->out, text.type);
    cell_text(run->out, entry_text_line(&text, line->line));
    cell_text(run->out, text.reference);
    cell_text(run->out, run_business_code(run, line->business));
    cell_text(run->out, run_currency_code(run, line->currency));
    cell_amount_unless_zero(run->out, line->amount > 0 ? line->amount : 0, scale);
    cell_amount_unless_zero(run->out, line->amount < 0 ? -(int128)line->amount : 0, scale);
    cell_amount(run->out, balance, scale);
    return STATUS_OK;
}

static enum status write_lines(struct statement *s)
{
    struct report_run *run = s->run;
    struct report_resume *resume = run->resume;
    bool more =
        statement_seek(s->lines, s->account, s->currency, resume->date, resume->position, resume->line);
    for (struct statement_line line; more && statement_line(s->lines, s->account, s->currency, &line);
         more = kv_next(s->lines)) {
        if (line.date > run->to || report_out_done(run->out))
            break;
        if (report_out_batch_full(run->out)) {
            resume->date = line.date;
            resume->position = line.position;
            resume->line = line.line;
            return STATUS_AGAIN;
        }
        if (!line_counts(s, &line))
            continue;
        resume->balance += line.amount;
        if (!row_begin(run->out, DAFTARI__V1__ROW_KIND__DETAIL, 0))
            continue;
        enum status status = write_line(s, &line, resume->balance);
        row_end(run->out);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static void write_total(struct statement *s, const char *title, const struct totals *moved, int128 balance)
{
    struct report_out *out = s->run->out;
    uint32_t scale = run_scale(s->run, s->currency);
    if (!row_begin(out, DAFTARI__V1__ROW_KIND__TOTAL, 0))
        return;
    for (int i = 0; i < 4; i++)
        cell_empty(out);
    cell_text(out, title);
    cell_empty(out);
    cell_text(out, s->run->all ? "all" : run_business_code(s->run, s->run->business));
    cell_text(out, run_currency_code(s->run, s->currency));
    if (moved != NULL) {
        cell_amount(out, moved->debit, scale);
        cell_amount(out, moved->credit, scale);
    } else {
        cell_empty(out);
        cell_empty(out);
    }
    cell_amount(out, balance, scale);
    row_end(out);
}

/* One currency of the account; nothing is written when it was never moved in it. */
static enum status write_currency(struct statement *s)
{
    struct report_resume *resume = s->run->resume;
    if (!resume->in_currency) {
        resume->before = resume->within = (struct totals){0};
        if (s->balances != NULL)
            add_balances(s);
        else
            add_lines(s);
        if (resume->before.count == 0 && resume->within.count == 0)
            return STATUS_OK;
        resume->in_currency = true;
        resume->balance = totals_net(&resume->before);
        resume->date = s->run->from;
        resume->position = 0;
        resume->line = 0;
        write_total(s, "Opening balance", NULL, resume->balance);
    }
    enum status status = write_lines(s);
    if (status != STATUS_OK)
        return status;
    write_total(s, "Closing balance", &resume->within,
                totals_net(&resume->before) + totals_net(&resume->within));
    resume->in_currency = false;
    return STATUS_OK;
}

static enum status statement_run(struct report_run *run)
{
    if (!run->request->has_account)
        return fault_set(run->why, STATUS_INVALID, "account", "the number of the account to show");
    struct kv_txn *lines = run->reader->txn(run->reader, VIEW_STATEMENT);
    struct kv_txn *balances = run->reader->txn(run->reader, VIEW_BALANCES);
    if (lines == NULL || balances == NULL)
        return STATUS_UNAVAILABLE;
    report_out_columns(run->out, columns, sizeof columns / sizeof columns[0]);
    report_out_note(run->out, "account %u %s", run->request->account,
                    run_account_name(run, run->request->account));
    struct statement s = {.run = run, .account = run->request->account};
    s.lines = kv_cursor_open(lines, STATEMENT_LINES);
    s.balances = run->as_known ? NULL : balances;
    enum status status = STATUS_OK;
    if (run->resume->currency == 0)
        run->resume->currency = 1;
    for (; status == STATUS_OK && run->resume->currency < run->currency_count; run->resume->currency++) {
        size_t i = run->resume->currency;
        if (run->currencies[i].code == NULL || (run->one_currency && run->currency != i))
            continue;
        s.currency = (uint16_t)i;
        status = write_currency(&s);
        if (status != STATUS_OK)
            break;
    }
    kv_cursor_close(s.lines);
    if (kv_error(lines) != STATUS_OK)
        return kv_error(lines);
    return kv_error(balances) != STATUS_OK ? kv_error(balances) : status;
}

const struct report report_account_statement = {
    .name = "account-statement",
    .title = "Account statement",
    .description =
        "Every line on one account with the balance after it, in order of business date; debit is positive. "
        "limit and offset page through it.",
    .parameters = parameters,
    .permission = DAFTARI__V1__PERMISSION__FINANCE_REPORTS,
    .one_account = true,
    .run = statement_run,
};
