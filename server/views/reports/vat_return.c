/*
 * vat-return: the figures of a VAT return, for each taxpayer number: what was charged to customers and what was paid to
 * suppliers by tax code and rate, and what is to pay.
 */
#include "people.pb-c.h"
#include "server/domain/kernel/rows.h"
#include "server/views/reports/list.h"
#include "server/views/reports/vat_lines.h"
#include "tax.pb-c.h"

static const char *const parameters[] = {"from_date",        "to_date",  "as_at_date", "known_at_position",
                                         "known_at_time_us", "business", NULL};
static const struct report_column columns[] = {
    {"pin", "PIN", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"section", "Section", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"code", "Code", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"name", "Name", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"kind", "Kind", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"rate", "Rate %", DAFTARI__V1__COLUMN_KIND__TEXT},
    {"taxable", "Taxable", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"tax", "VAT", DAFTARI__V1__COLUMN_KIND__AMOUNT},
    {"documents", "Documents", DAFTARI__V1__COLUMN_KIND__INTEGER},
};
static const char *const kinds[] = {"standard", "zero", "exempt"};

#define BASE      1u
#define CELLS_MAX 1024u /* codes and rates, each way, of every taxpayer number */

struct cell {
    const char *pin;
    bool input;
    uint16_t code;
    uint32_t rate_bp;
    int128 net, tax;
    uint64_t documents, last;
};
struct cells {
    struct report_run *run;
    struct cell *rows;
    size_t count;
};

static struct cell *cell_of(struct cells *cells, const char *pin, const struct tax_line *line)
{
    size_t i = 0;
    for (; i < cells->count; i++) {
        const struct cell *cell = &cells->rows[i];
        if (cell->input == line->input && cell->code == line->code && cell->rate_bp == line->rate_bp &&
            strcmp(cell->pin, pin) == 0)
            return &cells->rows[i];
    }
    if (i == CELLS_MAX)
        return NULL;
    cells->rows[cells->count++] =
        (struct cell){.pin = pin, .input = line->input, .code = line->code, .rate_bp = line->rate_bp};
    return &cells->rows[i];
}

static void collect(struct cells *cells, struct vat_lines *lines)
{
    struct tax_line line;
    while (vat_lines_next(lines, &line)) {
        struct cell *cell = cell_of(cells, lines->pins[lines->business], &line);
        if (cell == NULL) {
            report_out_fail(cells->run->out);
            return;
        }
        cell->net += line.net;
        cell->tax += line.tax;
        cell->documents += line.position != cell->last;
        cell->last = line.position;
    }
}

static void write_row(struct report_run *run, Daftari__V1__RowKind kind, const struct cell *cell,
                      const char *section)
{
    char rate[AMOUNT_TEXT_MAX];
    struct vat_code code;
    bool detail = kind == DAFTARI__V1__ROW_KIND__DETAIL;
    if (!row_begin(run->out, kind, 0))
        return;
    if (detail && !vat_code_of(run, cell->code, &code)) {
        report_out_fail(run->out);
        return;
    }
    vat_rate_text(cell->rate_bp, rate);
    cell_text(run->out, cell->pin);
    cell_text(run->out, section);
    cell_text(run->out, detail ? code.code : NULL);
    cell_text(run->out, detail ? code.name : NULL);
    cell_text(run->out, detail ? kinds[code.kind] : NULL);
    cell_text(run->out, detail ? rate : NULL);
    cell_amount(run->out, cell->net, run_scale(run, BASE));
    cell_amount(run->out, cell->tax, run_scale(run, BASE));
    if (detail)
        cell_integer(run->out, cell->documents);
    row_end(run->out);
}

/* The highest rate first, then by code. */
static const struct cell *next_cell(const struct cells *cells, const char *pin, bool input,
                                    const struct cell *after)
{
    const struct cell *best = NULL;
    for (size_t i = 0; i < cells->count; i++) {
        const struct cell *cell = &cells->rows[i];
        if (cell->input != input || strcmp(cell->pin, pin) != 0)
            continue;
        if (after != NULL && (cell->rate_bp > after->rate_bp ||
                              (cell->rate_bp == after->rate_bp && cell->code <= after->code)))
            continue;
        if (best == NULL || cell->rate_bp > best->rate_bp ||
            (cell->rate_bp == best->rate_bp && cell->code < best->code))
            best = cell;
    }
    return best;
}

static struct cell write_side(const struct cells *cells, const char *pin, bool input)
{
    struct cell sum = {.pin = pin, .input = input};
    const char *section = input ? "input" : "output";
    for (const struct cell *cell = next_cell(cells, pin, input, NULL); cell != NULL;
         cell = next_cell(cells, pin, input, cell)) {
        write_row(cells->run, DAFTARI__V1__ROW_KIND__DETAIL, cell, section);
        sum.net += cell->net;
        sum.tax += cell->tax;
    }
    write_row(cells->run, DAFTARI__V1__ROW_KIND__TOTAL, &sum, section);
    return sum;
}

/* What the last return before the first day left over. */
static int64_t credit_before(struct report_run *run, uint16_t lead)
{
    struct row_key prefix = row_key_u16(lead), up_to = prefix;
    struct slice key, value;
    uint32_t month = run->from / 100;
    row_key_add_u32(&up_to, month % 100 == 1 ? month - 89 : month - 1);
    if (!row_last_within(run->masters, TABLE_VAT_RETURN, row_key_slice(&prefix), row_key_slice(&up_to), &key,
                         &value))
        return 0;
    arena_reset(run->row);
    const Daftari__V1__VatReturnInfo *info =
        row_message(run->masters, value, &daftari__v1__vat_return_info__descriptor, run->row);
    return info != NULL ? info->credit_minor : 0;
}

static void write_group(const struct cells *cells, const struct vat_lines *lines, size_t lead)
{
    struct report_run *run = cells->run;
    const char *pin = lines->pins[lead];
    struct cell output = write_side(cells, pin, false);
    struct cell input = write_side(cells, pin, true);
    struct cell net = {.pin = pin, .tax = output.tax - input.tax};
    if (run->all && !run->as_known) {
        struct cell credit = {.pin = pin, .tax = -credit_before(run, run->businesses[lead].number)};
        net.tax += credit.tax;
        write_row(run, DAFTARI__V1__ROW_KIND__TOTAL, &credit, "credit");
    }
    write_row(run, DAFTARI__V1__ROW_KIND__TOTAL, &net, "net");
}

static enum status vat_return_run(struct report_run *run)
{
    struct vat_lines lines;
    struct cells cells = {.run = run, .rows = arena_take(run->arena, CELLS_MAX * sizeof(struct cell))};
    if (cells.rows == NULL) {
        report_out_fail(run->out);
        return STATUS_OK;
    }
    report_out_columns(run->out, columns, sizeof columns / sizeof columns[0]);
    if (!vat_lines_open(&lines, run))
        return lines.view == NULL ? STATUS_UNAVAILABLE : STATUS_OK;
    collect(&cells, &lines);
    vat_lines_close(&lines);
    for (size_t i = 0; i < run->business_count; i++) {
        bool first = true;
        for (size_t j = 0; j < i; j++)
            first = first && strcmp(lines.pins[i], lines.pins[j]) != 0;
        if (first)
            write_group(&cells, &lines, i);
    }
    return kv_error(lines.view);
}

const struct report report_vat_return = {
    .name = "vat-return",
    .title = "VAT return",
    .description =
        "Output and input VAT by tax code and rate with their taxable values, and what is to pay, for each "
        "taxpayer number; of a month unless dates are given.",
    .parameters = parameters,
    .permission = DAFTARI__V1__PERMISSION__FINANCE_REPORTS,
    .run = vat_return_run,
};
