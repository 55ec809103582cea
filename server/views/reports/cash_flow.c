/* cash-flow: the direct method. Opening + in - out = closing, for the money of a business or of all. */
#include "people.pb-c.h"
#include "server/views/cashflow/cashflow.h"
#include "server/views/reports/list.h"
#include "server/views/reports/sums.h"

static const char *const parameters[] = {
    "from_date", "to_date", "known_at_position", "known_at_time_us", "business", "currency", NULL};
static const struct report_column columns[] = {
    {"section", "Section", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"account", "Account", DAFTARI__V1__COLUMN_KIND__INTEGER},
    {"name", "Name", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"currency", "Currency", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"in", "In", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"out", "Out", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"net", "Net", DAFTARI__V1__COLUMN_KIND__AMOUNT},
};

enum section { OPERATING, INVESTING, FINANCING, EXCHANGE, BETWEEN, SECTION_COUNT };
static const struct {
    const char *key, *title;
} sections[SECTION_COUNT] = {
    [OPERATING] = {"operating", "Operating activities"},
    [INVESTING] = {"investing", "Investing activities"},
    [FINANCING] = {"financing", "Financing activities"},
    [EXCHANGE] = {"exchange", "Exchange of currency"},
    [BETWEEN] = {"between-businesses", "To and from other businesses"},
};

struct flow {
    uint32_t account;
    uint16_t currency;
    enum section section;
    int128 in, out;
};
struct flows {
    struct report_run *run;
    struct flow *rows;
    size_t count, cap;
    struct totals_by_currency money; /* column 0: opening, 1: closing */
};

static enum section section_of(const struct report_run *run, uint32_t account)
{
    const struct run_account *row = run_account(run, account);
    if (row != NULL && row->class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_INTERBUSINESS)
        return BETWEEN;
    if (row != NULL && row->class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_TRADING)
        return EXCHANGE;
    if (row != NULL && row->class == DAFTARI__V1__ACCOUNT_CLASS__CLASS_FIXED_ASSET)
        return INVESTING;
    return account_type_of(account) == ACCOUNT_EQUITY ? FINANCING : OPERATING;
}

static void flow_add(struct flows *flows, const struct flow *flow)
{
    if (flows->count == flows->cap) {
        size_t cap = flows->cap == 0 ? 64 : 2 * flows->cap;
        struct flow *wider = arena_take(flows->run->arena, cap * sizeof *wider);
        if (wider == NULL) {
            report_out_fail(flows->run->out);
            return;
        }
        if (flows->count != 0)
            memcpy(wider, flows->rows, flows->count * sizeof *wider);
        flows->rows = wider;
        flows->cap = cap;
    }
    flows->rows[flows->count++] = *flow;
}

static void money_add(struct flows *flows, const struct sum *sum)
{
    int128 *money = totals_of(&flows->money, flows->run->arena, sum->currency);
    if (money == NULL) {
        report_out_fail(flows->run->out);
        return;
    }
    money[0] += totals_net(&sum->range[0].before);
    money[1] += sum_closing(sum, 0);
}

/* One account's flows over all that the report covers, by currency. All businesses together are more than their sum
 * where a record has lines of several: cashflow.h says how they add up. */
static void flows_add(struct flows *flows, const struct sums *sums)
{
    size_t first = flows->count;
    for (size_t i = 0; i < sums->count; i++) {
        const struct sum *sum = &sums->items[i];
        size_t at = first;
        while (at < flows->count && flows->rows[at].currency != sum->currency)
            at++;
        struct flow none = {.account = sums->account,
                            .currency = sum->currency,
                            .section = section_of(flows->run, sums->account)};
        if (at == flows->count)
            flow_add(flows, &none);
        if (at == flows->count)
            return;
        int sign = sum->business == CASHFLOW_PARTS ? -1 : 1;
        flows->rows[at].in += sign * sum->range[0].within.debit;
        flows->rows[at].out += sign * sum->range[0].within.credit;
    }
    size_t kept = first;
    for (size_t at = first; at < flows->count; at++) {
        const struct flow *flow = &flows->rows[at];
        if (flow->in != 0 || flow->out != 0)
            flows->rows[kept++] = *flow;
    }
    flows->count = kept;
}

static enum status collect(struct flows *flows, struct kv_txn *txn)
{
    struct sums sums;
    enum status status = sums_open(&sums, flows->run, txn, CASHFLOW_TOTALS, true);
    while (status == STATUS_OK && sums_next(&sums)) {
        for (size_t i = 0; sums.account == CASHFLOW_MONEY && i < sums.count; i++)
            money_add(flows, &sums.items[i]);
        if (sums.account != CASHFLOW_MONEY)
            flows_add(flows, &sums);
    }
    sums_close(&sums);
    return status;
}

static void head_cells(struct report_run *run, const char *key, uint32_t account, const char *name,
                       uint16_t currency)
{
    cell_text(run->out, key);
    if (account != 0)
        cell_integer(run->out, account);
    else
        cell_empty(run->out);
    cell_text(run->out, name);
    cell_text(run->out, run_currency_code(run, currency));
}

static void amounts(struct report_run *run, int128 in, int128 out, uint16_t currency)
{
    uint32_t scale = run_scale(run, currency);
    cell_amount(run->out, in, scale);
    cell_amount(run->out, out, scale);
    cell_amount(run->out, in - out, scale);
    row_end(run->out);
}

static void write_balance(struct report_run *run, const char *key, const char *title, int128 amount,
                          uint16_t currency)
{
    if (!row_begin(run->out, DAFTARI__V1__ROW_KIND__TOTAL, 0))
        return;
    head_cells(run, key, 0, title, currency);
    cell_empty(run->out);
    cell_empty(run->out);
    cell_amount(run->out, amount, run_scale(run, currency));
    row_end(run->out);
}

/* Adds the section to *in and *out; nothing is written for one without rows. */
static void write_section(struct flows *flows, enum section section, uint16_t currency, int128 *in,
                          int128 *out)
{
    struct report_run *run = flows->run;
    int128 section_in = 0, section_out = 0;
    bool headed = false;
    for (size_t i = 0; i < flows->count; i++) {
        const struct flow *flow = &flows->rows[i];
        if (flow->section != section || flow->currency != currency)
            continue;
        if (!headed && row_begin(run->out, DAFTARI__V1__ROW_KIND__HEADING, 0)) {
            head_cells(run, sections[section].key, 0, sections[section].title, currency);
            row_end(run->out);
        }
        headed = true;
        section_in += flow->in;
        section_out += flow->out;
        if (row_begin(run->out, DAFTARI__V1__ROW_KIND__DETAIL, 1)) {
            head_cells(run, sections[section].key, flow->account, run_account_name(run, flow->account),
                       currency);
            amounts(run, flow->in, flow->out, currency);
        }
    }
    if (headed && row_begin(run->out, DAFTARI__V1__ROW_KIND__TOTAL, 0)) {
        head_cells(run, sections[section].key, 0, sections[section].title, currency);
        amounts(run, section_in, section_out, currency);
    }
    *in += section_in;
    *out += section_out;
}

static void write_currency(struct flows *flows, const struct currency_totals *money)
{
    struct report_run *run = flows->run;
    int128 in = 0, out = 0;
    write_balance(run, "opening", "Opening balance", money->column[0], money->currency);
    for (enum section section = 0; section < SECTION_COUNT; section++)
        write_section(flows, section, money->currency, &in, &out);
    if (row_begin(run->out, DAFTARI__V1__ROW_KIND__TOTAL, 0)) {
        head_cells(run, "change", 0, "Net change", money->currency);
        amounts(run, in, out, money->currency);
    }
    write_balance(run, "closing", "Closing balance", money->column[1], money->currency);
}

static enum status cash_flow_run(struct report_run *run)
{
    struct kv_txn *txn = run_txn(run, VIEW_CASHFLOW);
    if (txn == NULL)
        return STATUS_UNAVAILABLE;
    run_default_from_fiscal_year(run);
    report_out_columns(run->out, columns, sizeof columns / sizeof columns[0]);
    struct flows flows = {.run = run};
    enum status status = collect(&flows, txn);
    for (size_t i = 0; status == STATUS_OK && i < flows.money.count; i++)
        write_currency(&flows, &flows.money.items[i]);
    return status == STATUS_OK ? kv_error(txn) : status;
}

const struct report report_cash_flow = {
    .name = "cash-flow",
    .title = "Cash flow statement",
    .description =
        "Where the money in cash, mobile money and bank accounts came from and went to in a period "
        "(default: the fiscal year up to today). Moves between such accounts are left out.",
    .parameters = parameters,
    .permission = DAFTARI__V1__PERMISSION__FINANCE_REPORTS,
    .run = cash_flow_run,
};
