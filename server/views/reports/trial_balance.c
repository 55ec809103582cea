/* trial-balance and balances: every account with its sums. */
#include "people.pb-c.h"
#include "server/views/balances/balances.h"
#include "server/views/reports/chart.h"
#include "server/views/reports/list.h"
#include "server/views/reports/sums.h"

static const char *const trial_balance_parameters[] = {"from_date",
                                                       "to_date",
                                                       "as_at_date",
                                                       "known_at_position",
                                                       "known_at_time_us",
                                                       "business",
                                                       "account",
                                                       "currency",
                                                       "limit",
                                                       "offset",
                                                       "by_business",
                                                       NULL};
static const struct report_column trial_balance_columns[] = {
    {"account", "Account", DAFTARI__V1__COLUMN_KIND__INTEGER},
    {"name", "Name", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"type", "Type", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"business", "Business", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"currency", "Currency", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"opening", "Opening", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"debit", "Debit", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"credit", "Credit", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"closing", "Closing", DAFTARI__V1__COLUMN_KIND__AMOUNT},
};

static const char *const balances_parameters[] = {"as_at_date",
                                                  "known_at_position",
                                                  "known_at_time_us",
                                                  "business",
                                                  "account",
                                                  "currency",
                                                  "limit",
                                                  "offset",
                                                  "by_business",
                                                  NULL};
static const struct report_column balances_columns[] = {
    {"account", "Account", DAFTARI__V1__COLUMN_KIND__INTEGER},
    {"name", "Name", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"type", "Type", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"business", "Business", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"currency", "Currency", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"balance", "Balance", DAFTARI__V1__COLUMN_KIND__AMOUNT},
};

enum { OPENING, DEBIT, CREDIT, CLOSING, FIGURES };

struct line { /* of an account in a currency, and of a business or of all */
    uint32_t account;
    uint16_t business, currency;
    int128 figures[FIGURES];
};

struct balance_list {
    struct report_run *run;
    bool balances; /* the report `balances`: the closing balance alone, and no headings */
    struct line *lines;
    size_t count, cap;
    struct totals_by_currency totals;
    struct totals_by_currency sums[CHART_DEPTH_MAX]; /* of the headings that are begun */
};

static const char *business_cell(const struct report_run *run, uint16_t business)
{
    if (business != SUM_MERGED)
        return run_business_code(run, business);
    return run->all ? "all" : run_business_code(run, run->business);
}

/* An account that was never moved up to the last day has nothing to show; one that came back to zero has. */
static bool has_anything(const struct sum *sum)
{
    return sum->range[0].before.count != 0 || sum->range[0].within.count != 0;
}

static struct line line_of(uint32_t account, const struct sum *sum)
{
    return (struct line){.account = account,
                         .business = sum->business,
                         .currency = sum->currency,
                         .figures = {totals_net(&sum->range[0].before), sum->range[0].within.debit,
                                     sum->range[0].within.credit, sum_closing(sum, 0)}};
}

static bool keep_line(struct balance_list *list, const struct line *line)
{
    if (list->count == list->cap) {
        size_t cap = list->cap == 0 ? 256 : 2 * list->cap;
        struct line *wider = arena_take(list->run->arena, cap * sizeof *wider);
        if (wider == NULL) {
            report_out_fail(list->run->out);
            return false;
        }
        if (list->count != 0)
            memcpy(wider, list->lines, list->count * sizeof *wider);
        list->lines = wider;
        list->cap = cap;
    }
    list->lines[list->count++] = *line;
    return true;
}

static void figure_cells(struct balance_list *list, const int128 *figures, uint16_t currency)
{
    for (size_t i = list->balances ? CLOSING : OPENING; i < FIGURES; i++)
        cell_amount(list->run->out, figures[i], run_scale(list->run, currency));
}

static void add_figures(struct balance_list *list, struct totals_by_currency *totals, const struct line *line)
{
    int128 *total = totals_of(totals, list->run->arena, line->currency);
    for (size_t i = 0; total != NULL && i < FIGURES; i++)
        total[i] += line->figures[i];
    if (total == NULL)
        report_out_fail(list->run->out);
}

/* A row of sums for each currency. */
static void sum_rows(struct balance_list *list, const struct totals_by_currency *sums, const char *name,
                     Daftari__V1__RowKind kind, size_t depth)
{
    struct report_out *out = list->run->out;
    for (size_t i = 0; i < sums->count; i++) {
        if (!row_begin(out, kind, (uint32_t)depth))
            continue;
        cell_empty(out);
        cell_text(out, name);
        cell_empty(out);
        cell_empty(out);
        cell_text(out, run_currency_code(list->run, sums->items[i].currency));
        figure_cells(list, sums->items[i].column, sums->items[i].currency);
        row_end(out);
    }
}

static void write_heading(void *context, uint32_t account, size_t depth)
{
    struct balance_list *list = context;
    struct report_out *out = list->run->out;
    list->sums[depth].count = 0;
    if (!row_begin(out, DAFTARI__V1__ROW_KIND__HEADING, (uint32_t)depth))
        return;
    cell_integer(out, account);
    cell_text(out, run_account_name(list->run, account));
    cell_text(out, account_type_name(account_type_of(account)));
    row_end(out);
}

static void write_line(struct balance_list *list, const struct line *line, size_t depth)
{
    struct report_run *run = list->run;
    add_figures(list, &list->totals, line);
    for (size_t level = 0; level < depth; level++)
        add_figures(list, &list->sums[level], line);
    if (!row_begin(run->out, DAFTARI__V1__ROW_KIND__DETAIL, (uint32_t)depth))
        return;
    cell_integer(run->out, line->account);
    cell_text(run->out, run_account_name(run, line->account));
    cell_text(run->out, account_type_name(account_type_of(line->account)));
    cell_text(run->out, business_cell(run, line->business));
    cell_text(run->out, run_currency_code(run, line->currency));
    figure_cells(list, line->figures, line->currency);
    row_end(run->out);
}

static void write_kept(void *context, size_t index, size_t depth)
{
    struct balance_list *list = context;
    write_line(list, &list->lines[index], depth);
}

static void write_subtotal(void *context, uint32_t account, size_t depth)
{
    struct balance_list *list = context;
    sum_rows(list, &list->sums[depth], chart_subtotal_name(list->run, account),
             DAFTARI__V1__ROW_KIND__SUBTOTAL, depth);
}

static void write_lines(struct balance_list *list)
{
    static const struct chart_writer writer = {write_heading, write_kept, write_subtotal};
    struct chart_row *rows = arena_take(list->run->arena, (list->count + 1) * sizeof *rows);
    if (rows == NULL) {
        report_out_fail(list->run->out);
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        rows[i] = (struct chart_row){.account = list->lines[i].account, .row = i};
        if (!chart_place(list->run, list->lines[i].account, i, &rows[i]))
            return;
    }
    chart_write(rows, list->count, &writer, list);
}

static enum status sums_run(struct report_run *run, bool balances)
{
    struct kv_txn *txn = run_txn(run, VIEW_BALANCES);
    if (txn == NULL)
        return STATUS_UNAVAILABLE;
    struct balance_list list = {.run = run, .balances = balances};
    struct sums sums;
    enum status status = sums_open(&sums, run, txn, BALANCES_TOTALS,
                                   run->request->has_by_business && run->request->by_business);
    bool room = true, flat = balances || chart_flat(run);
    while (status == STATUS_OK && room && sums_next(&sums)) {
        for (size_t i = 0; i < sums.count && room; i++) {
            struct line line = line_of(sums.account, &sums.items[i]);
            if (!has_anything(&sums.items[i]))
                continue;
            if (flat)
                write_line(&list, &line, 0);
            else
                room = keep_line(&list, &line);
        }
    }
    sums_close(&sums);
    write_lines(&list);
    sum_rows(&list, &list.totals, "Total", DAFTARI__V1__ROW_KIND__TOTAL, 0);
    return status == STATUS_OK ? kv_error(txn) : status;
}

static enum status trial_balance_run(struct report_run *run)
{
    report_out_columns(run->out, trial_balance_columns,
                       sizeof trial_balance_columns / sizeof trial_balance_columns[0]);
    return sums_run(run, false);
}

static enum status balances_run(struct report_run *run)
{
    report_out_columns(run->out, balances_columns, sizeof balances_columns / sizeof balances_columns[0]);
    return sums_run(run, true);
}

const struct report report_trial_balance = {
    .name = "trial-balance",
    .title = "Trial balance",
    .description =
        "Every account with its opening balance, debits, credits and closing balance; debit is positive. "
        "The totals prove that the books balance.",
    .parameters = trial_balance_parameters,
    .permission = DAFTARI__V1__PERMISSION__FINANCE_REPORTS,
    .run = trial_balance_run,
};

const struct report report_balances = {
    .name = "balances",
    .title = "Account balances",
    .description = "The balance of every account today or at the end of a date; debit is positive.",
    .parameters = balances_parameters,
    .permission = DAFTARI__V1__PERMISSION__FINANCE_REPORTS,
    .run = balances_run,
};
